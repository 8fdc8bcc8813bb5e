/* json.c - see json.h. */
#include "io/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#define MOST_VALUES (1 << 21) /* a million names of classes fit; jansson makes 236 bytes of each "{}," */

/* Whether the text may have more values than that: all but the first follow one of these. */
static bool has_too_many_values(const char *text, int64_t bytes)
{
	int64_t count = 0;
	for (int64_t i = 0; i < bytes; i++)
		count += text[i] == ',' || text[i] == '[' || text[i] == '{';
	return count > MOST_VALUES;
}

json_t *sc_json_parse(const char *text, int64_t bytes, const char *subject, json_error_t *reason, enum sc_status *status,
		      struct sc_error *error)
{
	if (has_too_many_values(text, bytes)) {
		*reason = (json_error_t){.line = 1};
		snprintf(reason->text, sizeof reason->text, "it has more values than the description of any net needs");
		*status = SC_ERROR_FORMAT;
		return NULL;
	}
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

json_t *sc_json_real(float value)
{
	for (double scale = 1; scale < 1e15; scale *= 10) {
		double candidate = floor((double)value * scale + 0.5) / scale;
		if ((float)candidate == value)
			return json_real(candidate);
	}
	return json_real((double)value);
}
