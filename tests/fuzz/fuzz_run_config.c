/* fuzz_run_config.c - the bytes are config.json of a run: its options, its model, and whether they are those of a run. */
#include "input.h"
#include "train/run_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	const struct sc_run_identity identity = {.model = (char *)"{\"model\": \"cifar20\"}",
						 .data = (char *)"{\"images\": 64}",
						 .training = (char *)"{\"epochs\": 2}"};
	struct sc_fit_options options = {0};
	struct sc_model *model = NULL;
	struct sc_error error = {0};
	bool grown;
	const char *path = fuzz_file("config.json", bytes, count);
	fuzz_check(sc_run_options(fuzz_folder(), &options, &error), &error, path);
	fuzz_check(sc_run_config_check(path, &identity, &options, &grown, &error), &error, path);
	if (fuzz_check(sc_run_model(&model, fuzz_folder(), &error), &error, path) == SC_OK)
		sc_model_destroy(model);
	return 0;
}
