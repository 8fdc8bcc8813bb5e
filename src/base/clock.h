/* clock.h - monotonic seconds. */
#ifndef SC_BASE_CLOCK_H
#define SC_BASE_CLOCK_H

double sc_clock(void); /* seconds from some fixed instant; never goes back */

#endif
