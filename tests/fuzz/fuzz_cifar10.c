/* fuzz_cifar10.c - the bytes are the names of CIFAR-10's classes, up to the first 0, then the images of its test part. */
#include <string.h>

#include "data/data.h"
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct sc_data *data = NULL;
	struct sc_error error = {0};
	const struct sc_data_options options = {.part = SC_TEST};
	const uint8_t *zero = count ? memchr(bytes, 0, count) : NULL;
	size_t names = zero ? (size_t)(zero - bytes) : count;
	fuzz_file("batches.meta.txt", bytes, names);
	size_t images = names + (zero != NULL); /* where they begin */
	fuzz_file("test_batch.bin", bytes + images, count - images);
	if (fuzz_check(sc_data_open(&data, fuzz_folder(), &options, &error), &error, fuzz_folder()) == SC_OK)
		sc_data_destroy(data);
	return 0;
}
