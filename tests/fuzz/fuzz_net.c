/* fuzz_net.c - the bytes are a net.json: a net that can be read is built, too. */
#include "input.h"
#include "model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct sc_model *model = NULL;
	struct sc_error error = {0};
	const char *path = fuzz_file("net.json", bytes, count);
	if (fuzz_check(sc_model_by_name(&model, path, NULL, &error), &error, NULL) == SC_OK)
		sc_model_destroy(model);
	return 0;
}
