/* correlation.c - correlations in register tiles. The pixels of a tile are chosen in one of two ways, with the same bits: along a
 * row (correlation_rows.c), or, for narrow maps, across the batch (correlation_batch.c). */
#include "engine/cpu/correlation.h"
#include "engine/cpu/cpu.h"

#define NARROW      7 /* maps of fewer pixels a row are tiled across the batch */
#define MANY_IMAGES 4 /* ... from this many images on */

static bool across_batch(const struct correlation *c)
{
	return c->out_w < NARROW && c->mb >= MANY_IMAGES;
}

/* A 1x1 correlation without step or padding sees no rows: the whole batch is one row of pixels. */
static struct correlation flattened(const struct correlation *c)
{
	struct correlation flat = *c;
	if (pointwise(c) && c->step_h == 1 && c->step_w == 1 && c->out_h == c->src_h && c->out_w == c->src_w &&
	    c->dst_row == c->out_w * c->dst_pixel && c->dst_image == c->out_h * c->dst_row) {
		flat.out_w = flat.src_w = c->mb * c->out_h * c->out_w;
		flat.mb = flat.out_h = flat.src_h = 1;
	}
	return flat;
}

int64_t SC_CPU(correlation_scratch)(const struct correlation *given)
{
	if (given->groups > 1)
		return SC_CPU(groups_scratch)(given);
	const struct correlation c = flattened(given);
	return across_batch(&c) ? SC_CPU(batch_scratch)(&c) : 0;
}

void SC_CPU(correlate)(const struct correlation *given, struct sc_pool *pool)
{
	const struct correlation c = flattened(given);
	if (given->groups > 1)
		SC_CPU(correlate_groups)(given, pool);
	else if (across_batch(&c))
		SC_CPU(correlate_batch)(&c, pool);
	else
		SC_CPU(correlate_rows)(&c, pool);
}
