/* fuzz_model.c - the bytes are a weights file with the description of its model. */
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct sc_model *model = NULL;
	struct sc_error error = {0};
	const char *path = fuzz_file("file", bytes, count);
	if (fuzz_check(sc_model_load(&model, path, &error), &error, NULL) == SC_OK)
		sc_model_destroy(model);
	return 0;
}
