/* json.h - JSON text to jansson's values, where lack of memory is not taken for a bad text, and a bad text takes no absurd memory. */
#ifndef SC_IO_JSON_H
#define SC_IO_JSON_H

#include <jansson.h>

#include "base/error.h"

/* NULL: *status is SC_ERROR_FORMAT, and *reason says where and why, or SC_ERROR_MEMORY, and *error is filled. No key twice;
 * at most 2^21 values. */
json_t *sc_json_parse(const char *text, int64_t bytes, const char *subject, json_error_t *reason, enum sc_status *status,
		      struct sc_error *error);

/* A text that we made ourselves: NULL says lack of memory. */
json_t *sc_json_read_own(const char *text);

/* As json_dumps: NULL says lack of memory; the caller frees it. */
char *sc_json_text(const json_t *value, size_t flags);

/* A float as the decimal number of fewest digits behind the point that is this float; to be dumped with SC_JSON_REAL. */
json_t *sc_json_real(float value);
#define SC_JSON_REAL JSON_REAL_PRECISION(9)

#endif
