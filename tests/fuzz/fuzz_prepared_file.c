/* fuzz_prepared_file.c - the bytes are a file of prepared weights: such a file is whole, or none. */
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "serve/prepared_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct sc_prepared_file file;
	const struct sc_prepared_key key = {.origin = 1, .layout = 2, .bytes = 16};
	fuzz_file("00000000000000010000000000000002.prepared", bytes, count);
	if (!sc_prepared_file_open(&file, fuzz_folder(), &key))
		return 0;
	if (count < 16 || memcmp(file.weights, bytes + count - 16, 16) != 0)
		abort();
	sc_prepared_file_release(&file);
	return 0;
}
