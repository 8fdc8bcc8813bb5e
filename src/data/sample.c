/* sample.c - which samples, and in which order: the order of an epoch, and random sub-samples. Pure functions of the seed. */
#include "base/memory.h"
#include "base/random.h"
#include "data/sources.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A permutation of 0..count-1 (Fisher-Yates). */
static void permute(int64_t *order, int64_t count, struct sc_random random)
{
	for (int64_t i = 0; i < count; i++)
		order[i] = i;
	sc_random_shuffle(&random, order, count);
}

void sc_sample_order(int64_t *order, int64_t count, uint64_t seed, int64_t epoch)
{
	permute(order, count, sc_random_stream(seed, SC_PURPOSE_SHUFFLE, (uint32_t)epoch, 0));
}

static int compare(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
	return (left > right) - (left < right);
}

enum sc_status sc_data_take(struct sc_data *data, int64_t take, uint64_t seed, struct sc_error *error)
{
	if (take == 0 || take == data->count)
		return SC_OK;
	if (take < 0 || take > data->count)
		return sc_fail(error, SC_ERROR_ARGUMENT, "take", -1,
			       "take is %" PRId64 "; %s has %" PRId64 " images, so it must be from 1 to that", take, data->name,
			       data->count);
	int64_t *kept = sc_allocate(data->count, sizeof *kept);
	if (!kept)
		return sc_fail_memory(error, data->count * (int64_t)sizeof *kept, "the order of the samples");
	permute(kept, data->count, sc_random_stream(seed, SC_PURPOSE_TAKE, 0, 0));
	qsort(kept, (size_t)take, sizeof *kept, compare);
	/* kept[i] >= i, so that moving them forward in place overwrites only what is not wanted any more. */
	size_t image = (size_t)(data->height * data->width * data->channels);
	for (int64_t i = 0; i < take; i++) {
		memmove(data->pixels + (size_t)i * image, data->pixels + (size_t)kept[i] * image, image);
		data->labels[i] = data->labels[kept[i]];
	}
	data->count = take;
	free(kept);
	return SC_OK;
}
