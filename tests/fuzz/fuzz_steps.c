/* fuzz_steps.c - the bytes are steps.csv of a run that goes on after its second step. */
#include "input.h"
#include "train/steps.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct sc_steps steps;
	struct sc_error error = {0};
	const char *path = fuzz_file("steps.csv", bytes, count);
	if (fuzz_check(sc_steps_init(&steps, fuzz_folder(), 2, 1, &error), &error, path) == SC_OK)
		sc_steps_release(&steps);
	return 0;
}
