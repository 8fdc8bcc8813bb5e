/* fuzz_description.c - the bytes are the description of a model, as weights files carry it. */
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct sc_model *model = NULL;
	struct sc_error error = {0};
	char *text = malloc(count + 1);
	memcpy(text, bytes, count);
	text[count] = '\0';
	if (fuzz_check(sc_model_from_description(&model, text, "file", &error), &error, "file") == SC_OK)
		sc_model_destroy(model);
	free(text);
	return 0;
}
