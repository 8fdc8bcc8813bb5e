/* fuzz_json.c - the bytes are JSON text. */
#include "input.h"
#include "io/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	json_error_t reason = {0};
	struct sc_error error = {0};
	enum sc_status status;
	json_t *value = sc_json_parse((const char *)bytes, (int64_t)count, "file", &reason, &status, &error);
	if (!value && status == SC_ERROR_FORMAT) /* the reason is not in `error` yet */
		sc_fail(&error, status, "file", -1, "file: %s", reason.text);
	fuzz_check(status, &error, "file");
	json_decref(value);
	return 0;
}
