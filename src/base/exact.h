/* exact.h - exp, log and cos by fixed polynomials in IEEE double: the same bits with every compiler and C library.
 *
 * Errors stay under 1 ulp of double (tests/base/test_exact.c states and checks the bound); they are not correctly rounded.
 * Only +, -, *, /, fma and integer operations are used, so -ffp-contract=off makes them exact functions of their bits. */
#ifndef SC_BASE_EXACT_H
#define SC_BASE_EXACT_H

double sc_exp(double x);         /* overflow: +inf; underflow: 0 through denormals; NaN: NaN */
double sc_log(double x);         /* 0: -inf; negative: NaN */
double sc_cos_turns(double x);   /* cos(2 pi x) for x in [0, 1]; exact at multiples of 1/4 */
double sc_sigmoid(double x);     /* 1 / (1 + e^-x); NaN: NaN */
double sc_square_root(double x); /* IEEE, correctly rounded */

#endif
