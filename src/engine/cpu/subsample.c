/* subsample.c - every stride-th pixel with channels of zeros added, and its gradient: copies, row by row. */
#include <string.h>

#include "engine/cpu/cpu.h"

struct subsample_work {
	const struct sc_subsample *s;
	const float *from;
	float *to;
};

/* Output rows of the whole batch. */
static void forward_rows(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct subsample_work *w = context;
	const struct sc_subsample *s = w->s;
	for (int64_t row = begin; row < end; row++) {
		const float *src = w->from + (row / s->oh * s->ih + row % s->oh * s->stride) * s->iw * s->ic;
		float *dst = w->to + row * s->ow * s->oc;
		memset(dst, 0, (size_t)(s->ow * s->oc) * sizeof(float));
		for (int64_t x = 0; x < s->ow; x++)
			memcpy(dst + x * s->oc + s->zeros_before, src + x * s->stride * s->ic, (size_t)s->ic * sizeof(float));
	}
}

void SC_CPU(subsample_forward)(const struct sc_subsample *s, const float *src, float *dst, struct sc_pool *pool)
{
	struct subsample_work w = {s, src, dst};
	sc_pool_run(pool, forward_rows, &w, s->mb * s->oh, 1);
}

/* Source rows of the whole batch. */
static void backward_rows(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct subsample_work *w = context;
	const struct sc_subsample *s = w->s;
	for (int64_t row = begin; row < end; row++) {
		int64_t y = row % s->ih;
		float *diff_src = w->to + row * s->iw * s->ic;
		memset(diff_src, 0, (size_t)(s->iw * s->ic) * sizeof(float));
		if (y % s->stride || y / s->stride >= s->oh)
			continue;
		const float *diff_dst = w->from + (row / s->ih * s->oh + y / s->stride) * s->ow * s->oc + s->zeros_before;
		for (int64_t x = 0; x < s->ow; x++)
			memcpy(diff_src + x * s->stride * s->ic, diff_dst + x * s->oc, (size_t)s->ic * sizeof(float));
	}
}

void SC_CPU(subsample_backward)(const struct sc_subsample *s, const float *diff_dst, float *diff_src, struct sc_pool *pool)
{
	struct subsample_work w = {s, diff_dst, diff_src};
	sc_pool_run(pool, backward_rows, &w, s->mb * s->ih, 1);
}
