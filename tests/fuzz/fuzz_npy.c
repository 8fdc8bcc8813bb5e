/* fuzz_npy.c - the bytes are the one array of a .npz file that is otherwise right. */
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	return fuzz_arrays(&sc_npz_reader, fuzz_archive(&(struct fuzz_entry){"array.npy", bytes, count}, 1));
}
