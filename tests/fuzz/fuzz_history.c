/* fuzz_history.c - the bytes are history.json of a run. */
#include "input.h"
#include "train/history.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct sc_epoch_row rows[3];
	struct sc_error error = {0};
	const char *path = fuzz_file("history.json", bytes, count);
	for (int64_t epochs = 0; epochs <= 3; epochs += 3)
		fuzz_check(sc_history_read_json(path, rows, epochs, &error), &error, path);
	return 0;
}
