/* fuzz_arrays.c - the bytes are a weights file of any format: it goes by its first bytes, and by the names in an archive. */
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	return fuzz_arrays(NULL, fuzz_file("file", bytes, count));
}
