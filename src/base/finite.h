/* finite.h - numbers that are infinite or not-a-number, and how large the others are. */
#ifndef SC_BASE_FINITE_H
#define SC_BASE_FINITE_H

#include <stdbool.h>
#include <stdint.h>

/* The largest magnitude of all numbers; infinite if one of them is infinite or not-a-number. */
float sc_largest_magnitude(const float *numbers, int64_t count);
bool sc_all_finite(const float *numbers, int64_t count);

#endif
