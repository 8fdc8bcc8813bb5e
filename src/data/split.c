/* split.c - which samples train and which validate: the last part, as Keras splits, or the same share of each class. */
#include "base/memory.h"
#include "base/random.h"
#include "data/data.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Keras: training keeps floor(count * (1 - fraction)). A fraction that was a float, 0.2f say, is off by up to 2^-25, which would
 * take one sample from 60000 * 0.8: a product that near to a whole number is that number. */
static int64_t kept_for_training(int64_t count, double fraction)
{
	double kept = (double)count * (1.0 - fraction), whole = floor(kept + 0.5);
	double tolerance = fmin((double)count * 0x1p-25, 0.25);
	return (int64_t)(fabs(kept - whole) <= tolerance ? whole : floor(kept));
}

static void mark_last(uint8_t *validates, int64_t count, double fraction)
{
	for (int64_t i = kept_for_training(count, fraction); i < count; i++)
		validates[i] = 1;
}

/* members: scratch, [count]. Each class is shuffled by a stream of its own. */
static void mark_stratified(uint8_t *validates, int64_t *members, const struct sc_data *data, double fraction, uint64_t seed)
{
	for (int64_t label = 0; label < data->classes; label++) {
		int64_t count = 0;
		for (int64_t i = 0; i < data->count; i++)
			if (data->labels[i] == label)
				members[count++] = i;
		struct sc_random random = sc_random_stream(seed, SC_PURPOSE_SPLIT, 0, (uint64_t)label);
		sc_random_shuffle(&random, members, count);
		int64_t share = (int64_t)floor((double)count * fraction + 0.5);
		for (int64_t i = count - share; i < count; i++)
			validates[members[i]] = 1;
	}
}

/* Writes the sample numbers into one array, in ascending order: those that train, then those that validate. */
static void collect(struct sc_indices *indices, const uint8_t *validates, int64_t count)
{
	indices->train_count = indices->validation_count = 0;
	for (int64_t i = 0; i < count; i++)
		if (!validates[i])
			indices->train[indices->train_count++] = i;
	indices->validation = indices->train + indices->train_count;
	for (int64_t i = 0; i < count; i++)
		if (validates[i])
			indices->validation[indices->validation_count++] = i;
}

enum sc_status sc_split_indices(struct sc_indices *indices, const struct sc_data *data, double fraction, enum sc_split kind,
				uint64_t seed, struct sc_error *error)
{
	if (!(fraction >= 0.0 && fraction < 1.0))
		return sc_fail(error, SC_ERROR_ARGUMENT, "validation split", -1,
			       "the validation split is %g; it must be at least 0 and below 1", fraction);
	struct sc_indices made = {.train = sc_allocate(data->count, sizeof *made.train)};
	uint8_t *validates = sc_allocate(data->count, 1);
	enum sc_status status = SC_OK;
	if (!made.train || !validates)
		status = sc_fail_memory(error, data->count * (int64_t)sizeof *made.train, "the split of the samples");
	if (status == SC_OK) {
		if (fraction > 0.0 && kind == SC_SPLIT_LAST)
			mark_last(validates, data->count, fraction);
		else if (fraction > 0.0)
			mark_stratified(validates, made.train, data, fraction, seed);
		collect(&made, validates, data->count);
		if (made.train_count == 0 || (fraction > 0.0 && made.validation_count == 0))
			status = sc_fail(error, SC_ERROR_ARGUMENT, "validation split", -1,
					 "a validation split of %g leaves %" PRId64 " of %" PRId64 " images to train and %" PRId64
					 " to validate",
					 fraction, made.train_count, data->count, made.validation_count);
	}
	free(validates);
	if (status != SC_OK) {
		free(made.train);
		return status;
	}
	*indices = made;
	return SC_OK;
}

void sc_indices_release(struct sc_indices *indices)
{
	free(indices->train); /* the validation samples lie behind it */
	*indices = (struct sc_indices){0};
}
