/* fuzz_safetensors.c - the bytes are a .safetensors file. */
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	return fuzz_arrays(&sc_safetensors_reader, fuzz_file("file", bytes, count));
}
