/* fuzz_torch.c - the bytes are a .pth file: the archive around the pickle, above all. */
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	return fuzz_arrays(&sc_torch_reader, fuzz_file("file", bytes, count));
}
