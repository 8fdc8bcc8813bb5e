/* correlation_pool.c - a correlation and the max-pooling that follows: a thread computes the rows that a row of windows sees, and
 * pools them while they are in its cache. */
#include "engine/cpu/correlation.h"
#include "engine/cpu/cpu.h"

#define UNIT_ROWS 28 /* pooled ones; the rows that windows of two units see are computed twice */

struct pooled {
	const struct correlation *c;
	const struct sc_max_pool *m;
	float *dst;
	int64_t unit_rows, image_units;
};

static int64_t row_numbers(const struct sc_max_pool *m)
{
	return m->iw * m->channels;
}

/* Row y of image n, all blocks, to `to`. */
static void compute_row(const struct correlation *c, int64_t n, int64_t y, float *to)
{
	struct correlation row = *c;
	row.dst = to, row.dst_image = row.dst_row = 0;
	SC_CPU(correlate_row)(&row, (struct blocks){0, blocks_of(c->width)}, n, y, 0, row_tiles(c));
}

/* Pooled rows [begin, end) of image n. Row y of what is pooled lies in place y % kh of `ring`. */
static void pool_rows(const struct pooled *p, int64_t n, int64_t begin, int64_t end, float *ring)
{
	const struct sc_max_pool *m = p->m;
	int64_t computed = 0; /* rows before this one are there, or no longer wanted */
	for (int64_t y = begin; y < end; y++) {
		const float *rows[SC_MAX_KERNEL];
		const int64_t top = y * m->stride_h - m->pad_top;
		for (int64_t r = 0; r < m->kh; r++) {
			const int64_t row = top + r;
			rows[r] = NULL;
			if (row < 0 || row >= m->ih)
				continue;
			float *at = ring + row % m->kh * row_numbers(m);
			if (row >= computed)
				compute_row(p->c, n, row, at), computed = row + 1;
			rows[r] = at;
		}
		SC_CPU(max_pool_row)(m, rows, p->dst + (n * m->oh + y) * m->ow * m->channels, NULL);
	}
}

static void pooled_units(void *context, int slot, int64_t begin, int64_t end)
{
	const struct pooled *p = context;
	float *ring = p->c->scratch + slot * SC_CPU(pooled_scratch)(p->m);
	for (int64_t unit = begin; unit < end; unit++) {
		const int64_t first = unit % p->image_units * p->unit_rows;
		pool_rows(p, unit / p->image_units, first, minimum(p->m->oh, first + p->unit_rows), ring);
	}
}

int64_t SC_CPU(pooled_scratch)(const struct sc_max_pool *m)
{
	return whole_lines(m->kh * row_numbers(m));
}

void SC_CPU(correlate_pooled)(const struct correlation *c, const struct sc_max_pool *m, float *dst, struct sc_pool *pool)
{
	struct pooled p = {.c = c, .m = m, .dst = dst};
	p.unit_rows = maximum(1, minimum(UNIT_ROWS, m->mb * m->oh / sc_pool_threads(pool)));
	p.image_units = parts_of(m->oh, p.unit_rows);
	sc_pool_run(pool, pooled_units, &p, m->mb * p.image_units, 1);
}
