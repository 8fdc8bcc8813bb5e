/* json.c - see json.h. */
#include "io/json.h"

#include <errno.h>

json_t *sc_json_parse(const char *text, int64_t bytes, const char *subject, json_error_t *reason, enum sc_status *status,
		      struct sc_error *error)
{
	errno = 0; /* jansson itself tells lack of memory from a bad text only sometimes */
	json_t *value = json_loadb(text, (size_t)bytes, JSON_REJECT_DUPLICATES, reason);
	if (value)
		*status = SC_OK;
	else if (errno == ENOMEM)
		*status = sc_fail_memory(error, bytes, subject);
	else
		*status = SC_ERROR_FORMAT;
	return value;
}
