/* child.h - work that another library may not survive, done in a copy of this process. */
#ifndef SC_BASE_CHILD_H
#define SC_BASE_CHILD_H

#include <stdio.h>

#include "base/error.h"

/* Calls work(context, answer) in the copy, and gives what it wrote to `answer` (the caller frees it); as much of it as there was,
 * should the copy end early. It runs at most SC_CHILD_SECONDS of processor time, prints nothing and leaves no core. Other threads'
 * locks may be held in it for good: work must not need them. Fails where there is no memory or no process to be had. */
#define SC_CHILD_SECONDS 60
typedef void sc_child_work(const void *context, FILE *answer);
enum sc_status sc_child_run(sc_child_work *work, const void *context, uint8_t **answer, int64_t *bytes, const char *subject,
			    struct sc_error *error);

#endif
