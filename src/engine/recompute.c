/* recompute.c - which blocks backward computes again, so that a train plan's arena fits into a limit.
 *
 * Chen et al., 2016, "Training Deep Nets with Sublinear Memory Cost": of a block only the last value is kept, and its inside is computed
 * once more when backward comes to it, by the same kernels from the same inputs; BatchNorm has its statistics from forward. Blocks are
 * given up in the order of the bytes that they save by the arithmetic that they cost, the earlier one of equals first (its values would
 * wait longer), and no more of them than the limit asks for. Both numbers are read from two plans, one that keeps every block and one
 * that keeps none. The last block is not among them: backward begins with it, when nothing is free yet that it could do without. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/schedule.h"

/* "layer1.0." of "layer1.0.conv1": the block's name; 0 for a layer outside of blocks. */
static int prefix_length(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot ? (int)(dot + 1 - name) : 0;
}

static bool of_one_name(const struct sc_model *model, int a, int b)
{
	int length = prefix_length(model->nodes[a].name);
	return length == prefix_length(model->nodes[b].name) && memcmp(model->nodes[a].name, model->nodes[b].name, (size_t)length) == 0;
}

/* Cuts the net, from its end, where everything passes through one value and the names begin otherwise. What comes after the last cut is
 * no block: backward begins there, so nothing of it waits. */
static void find_blocks(struct sc_plan *plan)
{
	const struct sc_model *model = plan->model;
	int block = SC_NONE, least = model->node_count; /* of the nodes that are read by those seen so far */
	for (int node = model->node_count - 1; node > 0; node--) {
		if (node + 1 < model->node_count && least >= node && !of_one_name(model, node, node + 1)) {
			block = plan->block_count++;
			plan->blocks[block] = (struct block){.last = node};
		}
		plan->block_of[node] = block;
		if (block != SC_NONE)
			plan->blocks[block].first = node;
		for (int i = 0; i < 2; i++) {
			int input = model->nodes[node].inputs[i];
			if (input != SC_NONE && input < least)
				least = input;
		}
	}
}

/* Adds, or with sign -1 takes away: what each block keeps for backward, and the arithmetic that backward does again. */
static void weigh_blocks(struct sc_plan *plan, int sign)
{
	for (int i = plan->forward_begin; i < plan->step_count; i++) {
		const struct step *s = &plan->steps[i];
		int block = plan->block_of[s->node];
		if (block == SC_NONE)
			continue;
		if (s->pass == PASS_AGAIN)
			plan->blocks[block].flops -= sign * step_flops(plan, s);
		const struct buffer *b = s->pass == PASS_FORWARD ? &plan->buffers[s->dst] : NULL;
		if (b && b->first == i && b->last > plan->forward_end)
			plan->blocks[block].saved += sign * b->bytes;
	}
}

static int by_worth(const void *a, const void *b)
{
	const struct block *x = *(const struct block *const *)a, *y = *(const struct block *const *)b;
	double p = (double)x->saved * (double)(y->flops + 1), q = (double)y->saved * (double)(x->flops + 1);
	return p != q ? (p < q) - (p > q) : (x->first > y->first) - (x->first < y->first);
}

/* The plan that computes the first `count` of these again. */
static enum sc_status give_up(struct sc_plan *plan, struct block *const *order, int count, struct sc_error *error)
{
	for (int i = 0; i < plan->block_count; i++)
		order[i]->again = i < count;
	return write_steps(plan, error);
}

/* The fewest blocks in this order that bring the arena down to the limit, if `most` do. */
static enum sc_status give_up_enough(struct sc_plan *plan, struct block *const *order, int most, struct sc_error *error)
{
	int64_t whole = plan->arena_bytes;
	int least = 0; /* too few */
	enum sc_status status = give_up(plan, order, most, error);
	if (!status && plan->arena_bytes > plan->engine.arena_limit)
		return plan->arena_bytes < whole ? SC_OK : give_up(plan, order, 0, error);
	while (!status && most - least > 1) {
		int middle = least + (most - least) / 2;
		status = give_up(plan, order, middle, error);
		if (plan->arena_bytes > plan->engine.arena_limit)
			least = middle;
		else
			most = middle;
	}
	return status ? status : give_up(plan, order, most, error);
}

static enum sc_status choose_blocks(struct sc_plan *plan, struct block **order, struct sc_error *error)
{
	int worthy = 0;
	find_blocks(plan);
	if (plan->block_count == 0)
		return SC_OK;
	for (int i = 0; i < plan->block_count; i++)
		order[i] = &plan->blocks[i];
	weigh_blocks(plan, 1);
	enum sc_status status = give_up(plan, order, plan->block_count, error);
	if (status)
		return status;
	weigh_blocks(plan, -1);
	plan->blocks[0].saved = 0; /* the last one: see above */
	qsort(order, (size_t)plan->block_count, sizeof(struct block *), by_worth);
	while (worthy < plan->block_count && order[worthy]->saved > 0)
		worthy++;
	status = give_up(plan, order, 0, error);
	if (!status && worthy > 0)
		status = give_up_enough(plan, order, worthy, error);
	return status;
}

enum sc_status fit_into_limit(struct sc_plan *plan, struct sc_error *error)
{
	int64_t nodes = plan->model->node_count;
	bool fits = plan->engine.arena_limit == 0 || plan->arena_bytes <= plan->engine.arena_limit;
	if (fits || plan->mode != SC_MODE_TRAIN || plan->engine.keep_outputs)
		return SC_OK;
	plan->blocks = sc_allocate(nodes, sizeof(*plan->blocks));
	struct block **order = sc_allocate(nodes, sizeof(struct block *));
	enum sc_status status = plan->blocks && order ? choose_blocks(plan, order, error)
						      : sc_fail_memory(error, nodes * (int64_t)sizeof(*plan->blocks), "a plan's blocks");
	free(order);
	return status;
}

int64_t sc_plan_block_count(const struct sc_plan *plan)
{
	int64_t count = 0;
	for (int i = 0; i < plan->block_count; i++)
		count += plan->blocks[i].again;
	return count;
}

void sc_plan_describe_block(const struct sc_plan *plan, int64_t index, struct sc_plan_block *block)
{
	int i = plan->block_count;
	for (int64_t seen = -1; seen < index;)
		seen += plan->blocks[--i].again;
	const struct block *b = &plan->blocks[i];
	const char *first = plan->model->nodes[b->first].name, *last = plan->model->nodes[b->last].name;
	int length = prefix_length(first);
	*block = (struct sc_plan_block){.bytes = b->saved, .flops = b->flops};
	if (length > 0)
		snprintf(block->name, sizeof(block->name), "%.*s", length - 1, first);
	else
		snprintf(block->name, sizeof(block->name), "%s to %s", first, last);
}
