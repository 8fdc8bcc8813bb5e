/* layout.c - lifetimes of buffers from the steps that name them, and a place in the arena for each. */
#include <stdlib.h>

#include "engine/schedule.h"

static void use(struct sc_plan *plan, int buffer, int step)
{
	if (buffer == SC_NONE)
		return;
	struct buffer *b = &plan->buffers[buffer];
	if (step < b->first)
		b->first = step;
	if (step > b->last)
		b->last = step;
}

static void find_lifetimes(struct sc_plan *plan)
{
	for (int i = 0; i < plan->step_count; i++) {
		const struct step *s = &plan->steps[i];
		const int used[] = {s->src,   s->second,   s->dst,      s->packed,      s->bias,
				    s->extra, s->diff_dst, s->diff_src, s->diff_second, s->workspace};
		for (size_t k = 0; k < sizeof(used) / sizeof(used[0]); k++)
			use(plan, used[k], i);
	}
	/* What the caller fills before the first step, and reads after the last one. */
	use(plan, plan->value[0], plan->forward_begin);
	use(plan, plan->labels, plan->forward_begin);
	use(plan, plan->value[plan->model->node_count - 1], plan->step_count);
	for (int i = 0; i < plan->model->node_count; i++) {
		if (plan->model->nodes[i].kind == SC_NODE_BATCH_NORM)
			use(plan, plan->extra[i], plan->step_count);
		if (plan->engine.keep_outputs)
			use(plan, plan->value[i], plan->step_count);
	}
}

static int by_size(const void *a, const void *b)
{
	const struct buffer *x = *(const struct buffer *const *)a, *y = *(const struct buffer *const *)b;
	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return (x > y) - (x < y); /* equal sizes in the order of their making: the layout is the same every time */
}

/* The lowest offset at which `b` meets none of `placed`, which are sorted by offset. */
static int64_t lowest_place(const struct buffer *b, struct buffer *const *placed, int count)
{
	int64_t offset = 0;
	for (int i = 0; i < count; i++) {
		const struct buffer *p = placed[i];
		bool together = p->first <= b->last && b->first <= p->last;
		if (!together || p->offset + p->bytes <= offset)
			continue;
		if (offset + b->bytes <= p->offset)
			break;
		offset = p->offset + p->bytes;
	}
	return offset;
}

static void insert(struct buffer **placed, int count, struct buffer *b)
{
	int i = count;
	for (; i > 0 && placed[i - 1]->offset > b->offset; i--)
		placed[i] = placed[i - 1];
	placed[i] = b;
}

enum sc_status lay_out_buffers(struct sc_plan *plan, struct sc_error *error)
{
	struct buffer **order = sc_allocate(plan->buffer_count, sizeof(*order));
	struct buffer **placed = sc_allocate(plan->buffer_count, sizeof(*placed));
	if (!order || !placed) {
		free(order);
		free(placed);
		return sc_fail_memory(error, 2 * plan->buffer_count * (int64_t)sizeof(*order), "the plan's layout");
	}
	find_lifetimes(plan);
	int count = 0;
	for (int i = 0; i < plan->buffer_count; i++) {
		struct buffer *b = &plan->buffers[i];
		if (b->prepared) {
			b->offset = plan->prepared_bytes;
			plan->prepared_bytes += b->bytes;
		} else {
			order[count++] = b;
		}
	}
	qsort(order, (size_t)count, sizeof(*order), by_size);
	for (int i = 0; i < count; i++) {
		order[i]->offset = lowest_place(order[i], placed, i);
		insert(placed, i, order[i]);
		if (order[i]->offset + order[i]->bytes > plan->arena_bytes)
			plan->arena_bytes = order[i]->offset + order[i]->bytes;
	}
	free(order);
	free(placed);
	return SC_OK;
}
