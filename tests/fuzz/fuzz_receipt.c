/* fuzz_receipt.c - the bytes are receipt.json of a run. */
#include "input.h"
#include "train/receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	char hash[SC_HASH_SIZE];
	struct sc_error error = {0};
	const char *path = fuzz_file("receipt.json", bytes, count);
	for (int64_t epoch = 0; epoch <= 1; epoch++)
		fuzz_check(sc_receipt_read(fuzz_folder(), epoch, hash, &error), &error, path);
	return 0;
}
