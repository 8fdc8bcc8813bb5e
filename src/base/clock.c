/* clock.c - monotonic seconds: for durations, not for dates. */
#include "base/clock.h"

#include <time.h>

double sc_clock(void)
{
	struct timespec now = {0};
	clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail: the clock exists on every Linux and the pointer is good */
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
