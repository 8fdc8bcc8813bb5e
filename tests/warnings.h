/* warnings.h - how many warnings the library has given, and the last one: for sc_log_set. */
#ifndef SC_TESTS_WARNINGS_H
#define SC_TESTS_WARNINGS_H

#include <stdio.h>

#include "shortcut.h"

static int warnings;
static char warning[1024]; /* the last one */

static inline void count_warning(void *user, enum sc_log_level level, const char *message)
{
	(void)user;
	if (level != SC_LOG_WARNING)
		return;
	warnings++;
	snprintf(warning, sizeof(warning), "%s", message);
}

#endif
