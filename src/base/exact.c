/* exact.c - exp, log and cos: argument reduction, then a fixed polynomial, in IEEE double with explicit fma.
 *
 * Each function keeps the leading part of its result in two doubles (a value and what rounding took from it) and rounds it
 * once, at the end; the polynomials are the Taylor series, cut where the next term is under 2^-60 of the result. The
 * operations and their order are the definition: they may not be rearranged. Rounding must be to nearest, the default.
 * Not here: float versions, vectors, flags and errno. */
#include "base/exact.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0
#error "double arithmetic must be done in double: build for SSE2, not x87"
#endif

/* ln 2 in two parts; the first has 42 bits, so that its product with an exponent is exact. */
#define LN2_HIGH         0x1.62e42fefa3800p-1
#define LN2_LOW          0x1.ef35793c76730p-45
#define LN2_INVERSE      0x1.71547652b82fep+0
#define TWO_PI_HIGH      0x1.921fb54442d18p+2
#define TWO_PI_LOW       0x1.1a62633145c07p-52
#define SQUARE_ROOT_OF_2 0x1.6a09e667f3bcdp+0

static uint64_t bits_of(double x)
{
	uint64_t bits;
	memcpy(&bits, &x, sizeof bits);
	return bits;
}

/* 2^k for k in [-1022, 1023]. */
static double power_of_2(int k)
{
	uint64_t bits = (uint64_t)(k + 1023) << 52;
	double power;
	memcpy(&power, &bits, sizeof power);
	return power;
}

/* c[0] + c[1] x + ... + c[count - 1] x^(count - 1), by Horner's rule. */
static double polynomial(const double *c, int count, double x)
{
	double sum = c[count - 1];
	for (int i = count - 2; i >= 0; i--)
		sum = fma(sum, x, c[i]);
	return sum;
}

/* x = k ln 2 + r with |r| <= ln 2 / 2, so e^x = 2^k e^r;  e^r = 1 + r + r^2 (1/2 + r/6 + ...). */
double sc_exp(double x)
{
	static const double terms[] = {/* 1/2!, 1/3!, ... */
				       1.0 / 2,          1.0 / 6,           1.0 / 24,          1.0 / 120,     1.0 / 720,
				       1.0 / 5040,       1.0 / 40320,       1.0 / 362880,      1.0 / 3628800, 1.0 / 39916800,
				       1.0 / 479001600., 1.0 / 6227020800., 1.0 / 87178291200.};
	if (x != x)
		return x;
	if (x > 710) /* e^710 > 2^1024 */
		return INFINITY;
	if (x < -746) /* e^-746 < 2^-1075 */
		return 0;

	int k = (int)(x * LN2_INVERSE + (x < 0 ? -0.5 : 0.5));
	double exact = fma(-(double)k, LN2_HIGH, x), low = (double)k * LN2_LOW;
	double r = exact - low;
	double r_lost = (exact - r) - low;

	double one_and_r = 1.0 + r;
	double lost = (1.0 - one_and_r) + r;
	double tail = fma(r * r, polynomial(terms, sizeof terms / sizeof *terms, r), r_lost + lost);
	double y = one_and_r + tail; /* in [0.7, 1.42] */

	/* In two steps, of which only the last can round, and only if the result is denormal. */
	if (k > 1000)
		return y * power_of_2(k - 100) * 0x1p100;
	if (k < -1000)
		return y * power_of_2(k + 100) * 0x1p-100;
	return y * power_of_2(k);
}

double sc_sigmoid(double x)
{
	return 1.0 / (1.0 + sc_exp(-x));
}

/* x = 2^k m with m in [1/sqrt 2, sqrt 2];  log m = 2 atanh(s) = 2 s + s^3 (2/3 + 2/5 s^2 + ...) with s = (m - 1) / (m + 1). */
double sc_log(double x)
{
	static const double terms[] = {2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9,  2.0 / 11, 2.0 / 13,
				       2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21, 2.0 / 23};
	if (x != x || x == INFINITY)
		return x;
	if (x == 0)
		return -INFINITY;
	if (x < 0)
		return NAN;

	int k = 0;
	if (x < 0x1p-1022) { /* denormal */
		x *= 0x1p54;
		k = -54;
	}
	uint64_t bits = bits_of(x);
	k += (int)(bits >> 52) - 1023;
	double m;
	bits = (bits & UINT64_C(0x000fffffffffffff)) | UINT64_C(1023) << 52;
	memcpy(&m, &bits, sizeof m);
	if (m > SQUARE_ROOT_OF_2) {
		m *= 0.5;
		k++;
	}

	double numerator = m - 1.0; /* exact */
	double denominator = m + 1.0, denominator_lost = m - (denominator - 1.0);
	double s = numerator / denominator;
	double s_lost = (fma(-s, denominator, numerator) - s * denominator_lost) / denominator;
	double square = s * s;
	double tail = fma(square * s, polynomial(terms, sizeof terms / sizeof *terms, square), 2.0 * s_lost);

	double whole = (double)k * LN2_HIGH, lead = 2.0 * s; /* k == 0 or |whole| > |lead| */
	double sum = whole + lead;
	double lost = k == 0 ? 0.0 : (whole - sum) + lead;
	return sum + (lost + fma((double)k, LN2_LOW, tail));
}

/* sin(a + a_lost) for |a| <= pi/4. */
static double sine(double a, double a_lost)
{
	static const double terms[] = {/* -1/3!, 1/5!, ... */
				       -1.0 / 6,        1.0 / 120,         -1.0 / 5040,           1.0 / 362880,
				       -1.0 / 39916800, 1.0 / 6227020800., -1.0 / 1307674368000., 1.0 / 355687428096000.};
	double square = a * a;
	double a_lost_cosine = a_lost * fma(-0.5, square, 1.0);
	return a + fma(square * a, polynomial(terms, sizeof terms / sizeof *terms, square), a_lost_cosine);
}

/* cos(a + a_lost) for |a| <= pi/4. */
static double cosine(double a, double a_lost)
{
	static const double terms[] = {/* 1/4!, -1/6!, ... */
				       1.0 / 24,         -1.0 / 720,          1.0 / 40320,           -1.0 / 3628800,
				       1.0 / 479001600., -1.0 / 87178291200., 1.0 / 20922789888000., -1.0 / 6402373705728000.};
	double square = a * a, square_lost = fma(a, a, -square);
	double half = 0.5 * square, lead = 1.0 - half;
	double lost = (1.0 - lead) - half;
	double tail = lost - fma(0.5, square_lost, a * a_lost);
	return lead + fma(square * square, polynomial(terms, sizeof terms / sizeof *terms, square), tail);
}

/* x = n/4 + r with |r| <= 1/8: a quarter turn is a change of sign or of function. */
double sc_cos_turns(double x)
{
	int quarters = (int)(x * 4.0 + 0.5);
	double r = x - 0.25 * (double)quarters; /* exact */
	double a = TWO_PI_HIGH * r;
	double a_lost = fma(TWO_PI_LOW, r, fma(TWO_PI_HIGH, r, -a));
	switch (quarters & 3) {
	case 0:
		return cosine(a, a_lost);
	case 1:
		return 0.0 - sine(a, a_lost); /* not -sine: zero stays +0 */
	case 2:
		return -cosine(a, a_lost);
	default:
		return sine(a, a_lost);
	}
}

double sc_square_root(double x)
{
	return sqrt(x); /* IEEE demands the correctly rounded result */
}
