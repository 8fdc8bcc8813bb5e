/* exact.c - exp, log and cos in IEEE double: see exact.h.
 *
 * Each reduces its argument exactly, or to twice the working precision, and sums a Taylor series on what is left, short enough that
 * the series' error is far below the last rounding. Coefficients are plain fractions; the compiler divides them, correctly rounded. */
#include "base/exact.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* ln 2 in two parts; the first has 20 zero bits at its end, so that its product with an exponent is exact. */
#define LN2_HIGH 0x1.62e42fef00000p-1
#define LN2_LOW 0x1.473de6af278edp-34
#define INVERSE_LN2 0x1.71547652b82fep+0
#define PI 0x1.921fb54442d18p+1
#define PI_LOW 0x1.1a62633145c07p-53 /* pi - PI */

static double from_bits(uint64_t bits)
{
	double x;
	memcpy(&x, &bits, sizeof(x));
	return x;
}

static uint64_t to_bits(double x)
{
	uint64_t bits;
	memcpy(&bits, &x, sizeof(bits));
	return bits;
}

/* 2^n for n in [-1022, 1023]. */
static double power_of_two(int n)
{
	return from_bits((uint64_t)(n + 1023) << 52);
}

/* exp(x) = 2^n exp(r), r = x - n ln 2 in [-0.35, 0.35], with r's rounding error `rest` carried along. */
double sc_exp(double x)
{
	if (x != x)
		return x;
	if (x > 710)
		return INFINITY;
	if (x < -746)
		return 0;
	double shifted = x * INVERSE_LN2;
	int n = (int)(shifted < 0 ? shifted - 0.5 : shifted + 0.5);
	double high = fma(-(double)n, LN2_HIGH, x), low = (double)n * LN2_LOW;
	double r = high - low, rest = (high - r) - low;
	double sum = 1.0 / 6227020800;
	static const double factorials[] = {479001600, 39916800, 3628800, 362880, 40320, 5040, 720, 120, 24, 6};
	for (int i = 0; i < 10; i++)
		sum = fma(sum, r, 1 / factorials[i]);
	sum = fma(sum, r, 0.5); /* (exp(r) - 1 - r) / r^2 */
	double y = 1 + (r + fma(r * r, sum, fma(r, rest, rest)));
	if (n > 1023)
		return y * power_of_two(1023) * power_of_two(n - 1023);
	if (n < -1022)
		return y * power_of_two(n + 1000) * power_of_two(-1000);
	return y * power_of_two(n);
}

/* log(x) = e ln 2 + log(1 + f), 1 + f in [sqrt(1/2), sqrt(2)). With s = f / (2 + f): log(1 + f) = 2 atanh(s) = 2 s + s R, where
 * R = 2 (s^2 / 3 + s^4 / 5 + ...). Written as f - (f^2/2 - s (f^2/2 + R)), the leading term is f itself, which is exact. */
double sc_log(double x)
{
	if (x != x || x == INFINITY)
		return x;
	if (x < 0)
		return NAN;
	if (x == 0)
		return -INFINITY;
	int exponent = 0;
	if (x < 0x1p-1022) { /* denormal */
		x *= 0x1p54;
		exponent = -54;
	}
	uint64_t bits = to_bits(x);
	exponent += (int)(bits >> 52) - 1023;
	double m = from_bits((bits & 0xfffffffffffff) | (uint64_t)1023 << 52);
	if (m > 0x1.6a09e667f3bcdp+0) {
		m *= 0.5;
		exponent++;
	}
	double f = m - 1, s = f / (2 + f), z = s * s;
	double sum = 2.0 / 23; /* 2 (z/3 + z^2/5 + ...) by Horner's rule */
	for (int odd = 21; odd >= 3; odd -= 2)
		sum = fma(sum, z, 2.0 / odd);
	sum *= z;
	double half = 0.5 * f * f, e = exponent;
	return e * LN2_HIGH - ((half - fma(s, half + sum, e * LN2_LOW)) - f);
}

static double sine_series(double t) /* sin(t), |t| <= pi / 4 */
{
	double z = t * t, sum = 1.0 / 51090942171709440000.0;
	static const double factorials[] = {-121645100408832000.0, 355687428096000, -1307674368000, 6227020800, -39916800, 362880, -5040, 120, -6};
	for (int i = 0; i < 9; i++)
		sum = fma(sum, z, 1 / factorials[i]);
	return fma(sum * z, t, t);
}

static double cosine_series(double t) /* cos(t), |t| <= pi / 4 */
{
	double z = t * t, sum = 1.0 / 2432902008176640000.0;
	static const double factorials[] = {-6402373705728000, 20922789888000, -87178291200, 479001600, -3628800, 40320, -720, 24};
	for (int i = 0; i < 8; i++)
		sum = fma(sum, z, 1 / factorials[i]);
	double half = 0.5 * z, one = 1 - half;
	return one + (((1 - one) - half) + z * z * sum);
}

/* Quarter turns are taken off exactly; what is left, at most an eighth of a turn, becomes an angle. */
double sc_cos_turns(double x)
{
	int quarter = (int)(4 * x + 0.5);
	double rest = x - 0.25 * quarter, angle = fma(2 * PI, rest, 2 * PI_LOW * rest);
	switch (quarter & 3) {
	case 0:
		return cosine_series(angle);
	case 1:
		return -sine_series(angle);
	case 2:
		return -cosine_series(angle);
	default:
		return sine_series(angle);
	}
}

double sc_square_root(double x)
{
	return __builtin_sqrt(x);
}
