/* fuzz_hdf5.c - the bytes are a .h5 file, which libhdf5 reads from the disk. */
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	return fuzz_arrays(&sc_hdf5_reader, fuzz_file("file", bytes, count));
}
