/* fuzz_pickle.c - the bytes are the pickle of a .pth file that is otherwise right, with storages as large as those of the recorded
 * files. */
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	static const uint8_t numbers[48];
	const struct fuzz_entry entries[] = {{"net/data.pkl", bytes, count}, {"net/data/0", numbers, 48},
					     {"net/data/1", numbers, 12},    {"net/data/2", numbers, 12},
					     {"net/data/3", numbers, 12},    {"net/data/4", numbers, 12},
					     {"net/data/5", numbers, 8}};
	return fuzz_arrays(&sc_torch_reader, fuzz_archive(entries, sizeof(entries) / sizeof(*entries)));
}
