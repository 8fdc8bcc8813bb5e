/* analyse.h - included before each source by scripts/analyse. The analysers look at one file at a time, and would take it that a
 * function which fails may return SC_OK: here they see that it returns what it was given. */
#include "base/error.h"

#define sc_fail(error, status, ...)        ((void)sc_fail(error, status, __VA_ARGS__), (enum sc_status)(status))
#define sc_fail_memory(error, bytes, what) ((void)sc_fail_memory(error, bytes, what), SC_ERROR_MEMORY)
