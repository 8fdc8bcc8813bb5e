/* fuzz_checkpoint.c - the bytes are a checkpoint of a run, whose checksums are put right before it is loaded. */
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "io/checksums.h"
#include "train/checkpoint.h"

#define NAME "checkpoints/step-0000000008.safetensors"

static struct sc_parameter parameters[] = {
	{.name = "a", .role = SC_ROLE_SCALE, .rank = 1, .shape = {8}, .count = 8, .offset = 0},
	{.name = "b", .role = SC_ROLE_SHIFT, .rank = 1, .shape = {8}, .count = 8, .offset = 16},
	{.name = "c", .role = SC_ROLE_RUNNING_MEAN, .rank = 1, .shape = {4}, .count = 4, .offset = 32},
};
static float numbers[48], velocity[32];
static struct sc_model model = {
	.parameter_count = 3, .parameters = parameters, .trainable_values = 32, .value_count = 48, .values = numbers};

static int by_begin(const void *a, const void *b)
{
	const struct sc_array *x = a, *y = b;
	return x->begin != y->begin ? (x->begin > y->begin) - (x->begin < y->begin) : (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

/* Where the file has room for checksums (io/checksums.c), they become those of its bytes. */
static void put_checksums_right(uint8_t *bytes, const char *path)
{
	struct sc_safetensors file;
	if (sc_safetensors_open(&file, path, NULL) != SC_OK)
		return;
	const int64_t count = file.tensor_count;
	if (count > 0)
		qsort(file.tensors, (size_t)count, sizeof(*file.tensors), by_begin);
	const struct sc_array *last = count > 0 ? &file.tensors[count - 1] : NULL;
	if (last && strcmp(last->name, SC_CHECKSUMS_NAME) == 0 && last->bytes == 8 * (count + 1)) {
		uint64_t sum = sc_checksum_of(bytes, file.tensors[0].begin);
		for (int64_t i = 0; i < count; i++) {
			memcpy(bytes + last->begin + 8 * i, &sum, 8);
			sum = i < count - 1 ? sc_checksum_of(bytes + file.tensors[i].begin, file.tensors[i].bytes)
					    : sc_checksum_of(bytes, last->begin + 8 * count);
		}
		memcpy(bytes + last->begin + 8 * count, &sum, 8);
	}
	sc_safetensors_close(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	static const struct sc_run_identity identity = {.hash = "h"};
	struct sc_checkpoint at;
	struct sc_error error = {0};
	char *folder = sc_path_join(fuzz_folder(), "checkpoints");
	uint8_t *changed = malloc(count + 1);
	if (folder && changed && sc_folder_make(folder, NULL) == SC_OK) {
		const struct sc_checkpoint_file file = {fuzz_folder(), &identity, &model, velocity, INT64_MAX};
		if (count > 0)
			memcpy(changed, bytes, count);
		put_checksums_right(changed, fuzz_file(NAME, bytes, count));
		const char *path = fuzz_file(NAME, changed, count);
		fuzz_check(sc_checkpoint_load(&file, &at, &error), &error, path);
	}
	free(changed);
	free(folder);
	return 0;
}
