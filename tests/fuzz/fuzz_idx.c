/* fuzz_idx.c - the bytes are an IDX file, plain or gzip, of images and of labels. */
#include "input.h"
#include "io/idx.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	const char *path = fuzz_file("file", bytes, count);
	for (int rank = 1; rank <= 3; rank += 2) {
		struct sc_idx idx;
		struct sc_error error = {0};
		if (fuzz_check(sc_idx_read(&idx, path, rank, &error), &error, path) == SC_OK)
			sc_idx_release(&idx);
	}
	return 0;
}
