/* fuzz_keras.c - the bytes are the weights in a .keras file, which libhdf5 reads from memory. */
#include "input.h"
#include "io/hdf5.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	return fuzz_arrays(&sc_keras_reader, fuzz_archive(&(struct fuzz_entry){SC_KERAS_WEIGHTS, bytes, count}, 1));
}
