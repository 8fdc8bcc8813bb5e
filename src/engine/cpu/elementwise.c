/* elementwise.c - rectifier, addition, the SGD step, the largest magnitude: number by number, in pieces shared among the threads. */
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "engine/cpu/cpu.h"

#define PIECE 16384 /* numbers: 64 KiB of each operand */

struct elements {
	int64_t count;
	const float *a, *b;
	float *result;
	const struct sc_sgd *sgd;
	float *velocity;
};

static int64_t pieces(int64_t count)
{
	return parts_of(count, PIECE);
}

static void relu_pieces(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct elements *e = context;
	const float *src = e->a;
	float *dst = e->result;
	INDEPENDENT
	for (int64_t i = begin * PIECE; i < minimum(e->count, end * PIECE); i++)
		dst[i] = src[i] < 0 ? 0 : src[i];
}

void SC_CPU(relu_forward)(int64_t count, const float *src, float *dst, struct sc_pool *pool)
{
	struct elements e = {.count = count, .a = src, .result = dst};
	sc_pool_run(pool, relu_pieces, &e, pieces(count), 1);
}

static void relu_backward_pieces(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct elements *e = context;
	const float *dst = e->a, *diff_dst = e->b;
	float *diff_src = e->result;
	INDEPENDENT
	for (int64_t i = begin * PIECE; i < minimum(e->count, end * PIECE); i++) {
		float diff = diff_dst[i];
		diff_src[i] = dst[i] > 0 ? diff : 0;
	}
}

void SC_CPU(relu_backward)(int64_t count, const float *dst, const float *diff_dst, float *diff_src, struct sc_pool *pool)
{
	struct elements e = {.count = count, .a = dst, .b = diff_dst, .result = diff_src};
	sc_pool_run(pool, relu_backward_pieces, &e, pieces(count), 1);
}

static void add_pieces(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct elements *e = context;
	const float *a = e->a, *b = e->b;
	float *sum = e->result;
	INDEPENDENT
	for (int64_t i = begin * PIECE; i < minimum(e->count, end * PIECE); i++)
		sum[i] = a[i] + b[i];
}

void SC_CPU(add)(int64_t count, const float *a, const float *b, float *sum, struct sc_pool *pool)
{
	struct elements e = {.count = count, .a = a, .b = b, .result = sum};
	sc_pool_run(pool, add_pieces, &e, pieces(count), 1);
}

/* One number's step, as the reference writes it down; the conditions are the same for all numbers and leave the loop. gradients NULL: 0. */
SC_INLINE void sgd_range(const struct sc_sgd *s, float lr, int64_t begin, int64_t end, float *restrict values,
			 const float *restrict gradients, float *restrict velocity)
{
	const float m = s->momentum, decay = s->weight_decay, shrink = -(lr * decay);
	const bool decays = decay != 0, decoupled = s->decoupled_decay, keras = s->keras_form, nesterov = s->nesterov;
	for (int64_t i = begin; i < end; i++) {
		float w = values[i], g = gradients ? gradients[i] : 0;
		if (decays && decoupled)
			w = __builtin_fmaf(shrink, w, w);
		if (decays && !decoupled)
			g = __builtin_fmaf(decay, w, g);
		if (!velocity) {
			w = __builtin_fmaf(-lr, g, w);
		} else if (keras) {
			float v = __builtin_fmaf(m, velocity[i], -(lr * g));
			velocity[i] = v;
			w += nesterov ? __builtin_fmaf(m, v, -(lr * g)) : v;
		} else {
			float v = __builtin_fmaf(m, velocity[i], g);
			velocity[i] = v;
			w = __builtin_fmaf(-lr, nesterov ? __builtin_fmaf(m, v, g) : v, w);
		}
		values[i] = w;
	}
}

static void sgd_pieces(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct elements *e = context;
	int64_t first = begin * PIECE, last = minimum(e->count, end * PIECE);
	if (e->velocity)
		sgd_range(e->sgd, e->sgd->learning_rate, first, last, e->result, e->a, e->velocity);
	else
		sgd_range(e->sgd, e->sgd->learning_rate, first, last, e->result, e->a, NULL);
}

void SC_CPU(sgd)(const struct sc_sgd *s, int64_t count, float *values, const float *gradients, float *velocity,
		 struct sc_pool *pool)
{
	struct elements e = {.count = count, .a = gradients, .result = values, .sgd = s, .velocity = velocity};
	sc_pool_run(pool, sgd_pieces, &e, pieces(count), 1);
}

struct idle {
	const struct sc_sgd *sgd;
	const float *learning_rates;
	int64_t steps, count;
	float *values, *velocity;
};

/* All steps of numbers that stay in the L1 cache, then the next. */
#define IDLE_PIECE 1024

static void sgd_idle_pieces(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct idle *e = context;
	for (int64_t piece = begin; piece < end; piece++) {
		int64_t first = piece * IDLE_PIECE, last = minimum(e->count, first + IDLE_PIECE);
		for (int64_t n = 0; n < e->steps; n++)
			if (e->velocity)
				sgd_range(e->sgd, e->learning_rates[n], first, last, e->values, NULL, e->velocity);
			else
				sgd_range(e->sgd, e->learning_rates[n], first, last, e->values, NULL, NULL);
	}
}

void SC_CPU(sgd_idle)(const struct sc_sgd *s, const float *learning_rates, int64_t steps, int64_t count, float *values,
		      float *velocity, struct sc_pool *pool)
{
	struct idle e = {s, learning_rates, steps, count, values, velocity};
	sc_pool_run(pool, sgd_idle_pieces, &e, parts_of(count, IDLE_PIECE), 1);
}

#define INFINITE 0x7f800000

struct magnitude {
	const float *numbers;
	int64_t count;
	atomic_int largest; /* bits: without its sign a float is as large as its bits are, read as a whole number */
};

static void magnitude_pieces(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	struct magnitude *m = context;
	int32_t largest = 0;
	for (int64_t i = begin * PIECE; i < minimum(m->count, end * PIECE); i++) {
		int32_t bits;
		memcpy(&bits, &m->numbers[i], sizeof(bits));
		bits &= 0x7fffffff;
		largest = bits > largest ? bits : largest;
	}
	int before = atomic_load(&m->largest);
	while (before < largest && !atomic_compare_exchange_weak(&m->largest, &before, largest))
		;
}

float SC_CPU(largest_magnitude)(int64_t count, const float *numbers, struct sc_pool *pool)
{
	struct magnitude m = {.numbers = numbers, .count = count};
	sc_pool_run(pool, magnitude_pieces, &m, pieces(count), 1);
	int32_t bits = atomic_load(&m.largest);
	float largest;
	memcpy(&largest, &bits, sizeof(largest));
	return bits < INFINITE ? largest : INFINITY;
}
