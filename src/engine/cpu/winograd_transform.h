/* winograd_transform.h - the transforms of Winograd's F(4x4, 3x3) on lanes of channels: what reference/winograd.c says, number for
 * number. Squares are handled columns first, then rows. What a tile has no point for (winograd.h, one folder up) is 0. */
#ifndef SC_ENGINE_CPU_WINOGRAD_TRANSFORM_H
#define SC_ENGINE_CPU_WINOGRAD_TRANSFORM_H

#include "engine/cpu/lanes.h"

/* Written out, so that arrays of lanes become registers: see EACH_ROW in lanes.h. */
#define THREE(X) X(0) X(1) X(2)
#define FOUR(X)  THREE(X) X(3)
#define SIX(X)   FOUR(X) X(4) X(5)

SC_INLINE lanes times(float factor, lanes a, lanes b)
{
	return lanes_fma(lanes_broadcast(factor), a, b);
}

/* Six source numbers to six, of a tile with 1 to 4 outputs inside. */
SC_INLINE void transform_source(lanes d0, lanes d1, lanes d2, lanes d3, lanes d4, lanes d5, const int64_t outputs, lanes t[6])
{
	const lanes c = lanes_subtract(d4, d2), e = lanes_subtract(d3, d1);
	const lanes three = lanes_broadcast(3), four = lanes_broadcast(4);
	t[2] = t[3] = t[4] = lanes_zero();
	if (outputs == 4) {
		lanes a = times(-4, d2, d4), b = times(-4, d1, d3);
		t[0] = times(4, d0, times(-5, d2, d4));
		t[1] = lanes_add(a, b);
		t[2] = lanes_subtract(a, b);
		t[3] = times(2, e, c);
		t[4] = times(-2, e, c);
		t[5] = times(4, d1, times(-5, d3, d5));
	} else if (outputs == 3) {
		t[0] = times(4, lanes_subtract(d0, d2), lanes_add(e, e));
		t[1] = lanes_multiply(three, times(-2, d1, lanes_subtract(d3, d2)));
		t[2] = times(2, d1, times(-3, d2, d3));
		t[3] = lanes_multiply(four, e);
		t[5] = times(-2, e, c);
	} else if (outputs == 2) {
		t[0] = lanes_multiply(four, lanes_subtract(d0, d2));
		t[1] = lanes_multiply(lanes_broadcast(-3), lanes_add(d1, d2));
		t[2] = lanes_multiply(three, lanes_subtract(d1, d2));
		t[5] = e;
	} else {
		t[0] = lanes_multiply(four, lanes_subtract(d0, d1));
		t[1] = lanes_multiply(lanes_broadcast(-6), d1);
		t[5] = lanes_subtract(d2, d1);
	}
}

/* Three weights to six. */
SC_INLINE void transform_weights(lanes g0, lanes g1, lanes g2, lanes t[6])
{
	const float sixth = 1.0f / 6, twelfth = 1.0f / 12, part = 1.0f / 24;
	lanes a = lanes_multiply(lanes_add(g0, g2), lanes_broadcast(-sixth));
	lanes b = times(sixth, g2, lanes_multiply(lanes_broadcast(part), g0));
	t[0] = lanes_multiply(lanes_broadcast(0.25f), g0);
	t[1] = times(-sixth, g1, a);
	t[2] = times(sixth, g1, a);
	t[3] = times(twelfth, g1, b);
	t[4] = times(-twelfth, g1, b);
	t[5] = g2;
}

/* Six products to the outputs inside. */
SC_INLINE void transform_output(lanes m0, lanes m1, lanes m2, lanes m3, lanes m4, lanes m5, const int64_t outputs, lanes y[4])
{
	const lanes s1 = lanes_add(m1, m2), d1 = lanes_subtract(m1, m2);
	y[1] = y[2] = y[3] = lanes_zero();
	if (outputs == 4) {
		lanes s2 = lanes_add(m3, m4), d2 = lanes_subtract(m3, m4);
		y[0] = lanes_add(lanes_add(m0, s1), s2);
		y[1] = times(2, d2, d1);
		y[2] = times(4, s2, s1);
		y[3] = lanes_add(times(8, d2, d1), m5);
	} else if (outputs == 3) {
		y[0] = lanes_add(lanes_add(m0, s1), m3);
		y[1] = times(2, m3, d1);
		y[2] = lanes_add(times(4, m3, s1), m5);
	} else if (outputs == 2) {
		y[0] = lanes_add(m0, s1);
		y[1] = lanes_add(d1, m5);
	} else
		y[0] = lanes_add(lanes_add(m0, m1), m5);
}

/* The gradients of the outputs inside to six. */
SC_INLINE void transform_result(lanes y0, lanes y1, lanes y2, lanes y3, const int64_t outputs, lanes t[6])
{
	t[0] = y0;
	t[2] = t[3] = t[4] = lanes_zero();
	if (outputs == 4) {
		lanes even = lanes_add(y0, y2), odd = lanes_add(y1, y3), a = times(4, y2, y0), b = times(4, y3, y1);
		t[1] = lanes_add(even, odd);
		t[2] = lanes_subtract(even, odd);
		t[3] = times(2, b, a);
		t[4] = times(-2, b, a);
		t[5] = y3;
	} else if (outputs == 3) {
		lanes even = lanes_add(y0, y2);
		t[1] = lanes_add(even, y1);
		t[2] = lanes_subtract(even, y1);
		t[3] = times(2, y1, times(4, y2, y0));
		t[5] = y2;
	} else if (outputs == 2) {
		t[1] = lanes_add(y0, y1);
		t[2] = lanes_subtract(y0, y1);
		t[5] = y1;
	} else
		t[1] = t[5] = y0;
}

/* Six sums to three weights' gradients. */
SC_INLINE void transform_gradient(lanes e0, lanes e1, lanes e2, lanes e3, lanes e4, lanes e5, lanes g[3])
{
	const float sixth = 1.0f / 6, twelfth = 1.0f / 12, part = 1.0f / 24;
	lanes s1 = lanes_add(e1, e2), d1 = lanes_subtract(e2, e1), s2 = lanes_add(e3, e4), d2 = lanes_subtract(e3, e4);
	g[0] = times(part, s2, times(-sixth, s1, lanes_multiply(lanes_broadcast(0.25f), e0)));
	g[1] = times(twelfth, d2, lanes_multiply(lanes_broadcast(sixth), d1));
	g[2] = times(sixth, s2, times(-sixth, s1, e5));
}

#endif
