/* data.h - labelled images in memory, which of them a step sees, and how their pixels become the numbers of a batch.
 *
 * A source (idx.c: MNIST and its kin) fills a struct sc_data. Everything after that is a pure function: the order of an epoch of
 * (seed, epoch), a sub-sample of (seed), a split of the labels. */
#ifndef SC_DATA_DATA_H
#define SC_DATA_DATA_H

#include "base/error.h"
#include "base/pool.h"

struct sc_data {
	char *name;
	int64_t count, height, width, channels, classes;
	uint8_t *pixels;    /* (count, height, width, channels) */
	uint8_t *labels;    /* (count) */
	char **class_names; /* [classes]; one allocation with the names behind the pointers */
};

/* SHA-256 of count, height, width, channels and classes as little-endian int64, then of the pixels and the labels: the same data, the
 * same fingerprint. */
void sc_data_fingerprint(const struct sc_data *data, char hash[SC_HASH_SIZE]);

/* order[0..count): the order in which epoch `epoch` (from 1) visits `count` samples. */
void sc_sample_order(int64_t *order, int64_t count, uint64_t seed, int64_t epoch);

/* Which samples train and which validate. */
struct sc_indices {
	int64_t *train, *validation; /* ascending sample numbers; one allocation, owned here */
	int64_t train_count, validation_count;
};
/* fraction in [0, 1). SC_SPLIT_LAST: training takes the first floor(count * (1 - fraction)) samples, as Keras does
 * (a product within count * 2^-25 of a whole number is that number, so that a fraction which was a float gives what its decimal
 * says). SC_SPLIT_STRATIFIED: of each class, the last floor(n * fraction + 0.5) samples in an order drawn from the seed. */
enum sc_status sc_split_indices(struct sc_indices *indices, const struct sc_data *data, double fraction, enum sc_split kind,
				uint64_t seed, struct sc_error *error);
void sc_indices_release(struct sc_indices *indices);

/* How samples are turned into a batch: the model's preprocessing and input size. */
struct sc_batch_shape {
	const struct sc_preprocess *preprocess;
	int64_t height, width, channels; /* of the model's input */
};
/* SC_ERROR_MISMATCH unless images of this size can be fed to that input (equal size, or preprocess->resize; equal channels). */
enum sc_status sc_batch_check(const struct sc_batch_shape *shape, int64_t height, int64_t width, int64_t channels,
			      const char *subject, struct sc_error *error);
/* images: (count, shape.height, shape.width, shape.channels); labels: (count) or NULL; sample i is data's sample indices[i].
 * Allocates nothing; samples are shared among the pool's threads. */
void sc_batch_fill(const struct sc_batch_shape *shape, const struct sc_data *data, const int64_t *indices, int64_t count,
		   struct sc_pool *pool, float *images, int32_t *labels);
/* One image: pixels (height, width, channels) -> image (shape.height, shape.width, shape.channels). */
void sc_batch_image(const struct sc_batch_shape *shape, const uint8_t *pixels, int64_t height, int64_t width, float *image);

#endif
