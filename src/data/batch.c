/* batch.c - from 8-bit pixels to the numbers of a batch: resized where asked for, then scaled. Allocates nothing.
 *
 * Scaling is x = fma(pixel, 1 / (255 deviation), -mean / deviation), both constants computed in double and rounded to float once;
 * the fma rounds once. Padding that resizing adds is a pixel of value 0, and is scaled like one. */
#include "data/data.h"
#include "data/resize.h"

#include <inttypes.h>
#include <math.h>

enum sc_status sc_batch_check(const struct sc_batch_shape *shape, int64_t height, int64_t width, int64_t channels,
			      const char *subject, struct sc_error *error)
{
	if (channels != shape->channels)
		return sc_fail(error, SC_ERROR_MISMATCH, subject, -1,
			       "%s: images have %" PRId64 " channels, the model's input has %" PRId64, subject, channels,
			       shape->channels);
	if (!shape->preprocess->resize && (height != shape->height || width != shape->width))
		return sc_fail(error, SC_ERROR_MISMATCH, subject, -1,
			       "%s: images have %" PRId64 "x%" PRId64 " pixels, the model's input has %" PRId64 "x%" PRId64
			       " and does not resize",
			       subject, height, width, shape->height, shape->width);
	return SC_OK;
}

/* x = fma(pixel, factor, offset), for each channel. */
struct scaling {
	float factor[SC_MAX_CHANNELS], offset[SC_MAX_CHANNELS];
};

static struct scaling find_scaling(const struct sc_preprocess *preprocess)
{
	struct scaling scaling;
	for (int c = 0; c < SC_MAX_CHANNELS; c++) {
		double mean = (double)preprocess->mean[c], deviation = (double)preprocess->deviation[c];
		bool scaled = preprocess->deviation[0] != 0.0f && deviation != 0.0;
		scaling.factor[c] = scaled ? (float)(1.0 / (255.0 * deviation)) : 1.0f;
		scaling.offset[c] = scaled ? (float)(-mean / deviation) : 0.0f;
	}
	return scaling;
}

/* The number of every pixel value: 8-bit pixels need no arithmetic of their own. */
struct table {
	float values[SC_MAX_CHANNELS][256];
};

static void fill_table(struct table *table, const struct scaling *scaling)
{
	for (int c = 0; c < SC_MAX_CHANNELS; c++)
		for (int pixel = 0; pixel < 256; pixel++)
			table->values[c][pixel] = fmaf((float)pixel, scaling->factor[c], scaling->offset[c]);
}

/* pixels, image: (count, channels) */
static void look_up(const struct table *table, const uint8_t *pixels, int64_t count, int64_t channels, bool swapped, float *image)
{
	if (channels == 1) {
		for (int64_t i = 0; i < count; i++)
			image[i] = table->values[0][pixels[i]];
		return;
	}
	for (int64_t i = 0; i < count; i++)
		for (int64_t c = 0; c < channels; c++)
			image[i * channels + c] = table->values[c][pixels[i * channels + (swapped ? channels - 1 - c : c)]];
}

/* image: (count, 3); red and blue change places. */
static void swap_channels(float *image, int64_t count)
{
	for (int64_t i = 0; i < count; i++) {
		float red = image[3 * i];
		image[3 * i] = image[3 * i + 2];
		image[3 * i + 2] = red;
	}
}

struct preparation {
	const struct sc_batch_shape *shape;
	struct scaling scaling;
	struct table table;
};

static void prepare(struct preparation *preparation, const struct sc_batch_shape *shape)
{
	preparation->shape = shape;
	preparation->scaling = find_scaling(shape->preprocess);
	fill_table(&preparation->table, &preparation->scaling);
}

static void make_image(const struct preparation *preparation, const uint8_t *pixels, int64_t height, int64_t width, float *image)
{
	const struct sc_batch_shape *shape = preparation->shape;
	int64_t channels = shape->channels;
	if (height == shape->height && width == shape->width) {
		look_up(&preparation->table, pixels, height * width, channels, shape->preprocess->bgr, image);
		return;
	}
	sc_resize_with_pad(pixels, height, width, channels, image, shape->height, shape->width);
	if (shape->preprocess->bgr)
		swap_channels(image, shape->height * shape->width);
	if (shape->preprocess->deviation[0] == 0.0f)
		return;
	for (int64_t i = 0; i < shape->height * shape->width; i++)
		for (int64_t c = 0; c < channels; c++) {
			float *value = &image[i * channels + c];
			*value = fmaf(*value, preparation->scaling.factor[c], preparation->scaling.offset[c]);
		}
}

void sc_batch_image(const struct sc_batch_shape *shape, const uint8_t *pixels, int64_t height, int64_t width, float *image)
{
	struct preparation preparation;
	prepare(&preparation, shape);
	make_image(&preparation, pixels, height, width, image);
}

struct filling {
	struct preparation preparation;
	const struct sc_data *data;
	const int64_t *indices;
	float *images;
	int32_t *labels;
};

static void fill_samples(void *context, int slot, int64_t begin, int64_t end)
{
	const struct filling *filling = context;
	const struct sc_batch_shape *shape = filling->preparation.shape;
	const struct sc_data *data = filling->data;
	(void)slot;
	for (int64_t i = begin; i < end; i++) {
		int64_t sample = filling->indices[i];
		make_image(&filling->preparation, sc_data_image(data, sample), data->height, data->width,
			   filling->images + i * shape->height * shape->width * shape->channels);
		if (filling->labels)
			filling->labels[i] = data->labels[sample];
	}
}

void sc_batch_fill(const struct sc_batch_shape *shape, const struct sc_data *data, const int64_t *indices, int64_t count,
		   struct sc_pool *pool, float *images, int32_t *labels)
{
	struct filling filling = {.data = data, .indices = indices, .images = images, .labels = labels};
	prepare(&filling.preparation, shape);
	sc_pool_run(pool, fill_samples, &filling, count, 4);
}
