/* fuzz_npz.c - the bytes are a .npz file: the archive around the arrays, above all. */
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	return fuzz_arrays(&sc_npz_reader, fuzz_file("file", bytes, count));
}
