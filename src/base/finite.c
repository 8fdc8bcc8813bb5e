/* finite.c - largest magnitudes by comparing bits: without its sign a float is as large as its bits are, read as a whole number,
 * and not-a-number is larger than infinity. Whole numbers the compiler may compare many at a time, in any order. */
#include "base/finite.h"

#include <math.h>
#include <string.h>

#define MAGNITUDE 0x7fffffffu
#define INFINITE  0x7f800000u

float sc_largest_magnitude(const float *numbers, int64_t count)
{
	uint32_t largest = 0;
	for (int64_t i = 0; i < count; i++) {
		uint32_t bits;
		memcpy(&bits, &numbers[i], sizeof(bits));
		bits &= MAGNITUDE;
		largest = bits > largest ? bits : largest;
	}
	float magnitude;
	memcpy(&magnitude, &largest, sizeof(magnitude));
	return largest < INFINITE ? magnitude : INFINITY;
}

bool sc_all_finite(const float *numbers, int64_t count)
{
	return isfinite(sc_largest_magnitude(numbers, count));
}
