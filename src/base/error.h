/* error.h - how a failure is recorded in the caller's struct sc_error. */
#ifndef SC_BASE_ERROR_H
#define SC_BASE_ERROR_H

#include "shortcut.h"

/* Fills `*error` (which may be NULL) and returns `status`, so that a function can end with `return sc_fail(...)`.
 * subject: the file, tensor or option ("" or NULL: none). offset: byte position in the file, -1 for none.
 * The message is complete in itself: it names the subject, what was expected and what was found. */
enum sc_status sc_fail(struct sc_error *error, enum sc_status status, const char *subject, int64_t offset, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* The usual sentence for an allocation that failed. */
enum sc_status sc_fail_memory(struct sc_error *error, int64_t bytes, const char *what);

/* Sends a line to the log callback, if one is set. */
void sc_log_line(enum sc_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
