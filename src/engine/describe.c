/* describe.c - a plan's steps in words and numbers. */
#include <stdio.h>
#include <string.h>

#include "engine/schedule.h"

static const char *const pass_names[] = {
	[PASS_PREPARE] = "prepare",
	[PASS_FORWARD] = "forward",
	[PASS_LOSS] = "loss",
	[PASS_AGAIN] = "forward again",
	[PASS_BACKWARD_WEIGHTS] = "backward-weights",
	[PASS_BACKWARD_DATA] = "backward-data",
	[PASS_BACKWARD] = "backward",
	[PASS_SUM] = "sum",
};

static const char *const kind_names[] = {
	[SC_NODE_INPUT] = "input",
	[SC_NODE_CONVOLUTION] = "convolution",
	[SC_NODE_BATCH_NORM] = "batch norm",
	[SC_NODE_RELU] = "relu",
	[SC_NODE_ADD] = "add",
	[SC_NODE_MAX_POOL] = "max-pool",
	[SC_NODE_GLOBAL_AVERAGE_POOL] = "average pool",
	[SC_NODE_AVERAGE_POOL] = "average pool",
	[SC_NODE_DENSE] = "dense",
	[SC_NODE_SUBSAMPLE] = "subsample",
	[SC_NODE_SIGMOID] = "sigmoid",
	[SC_NODE_SCALE] = "scale",
};

static const char *const tails[2][2] = {{"", " + relu"}, {" + add", " + add + relu"}}; /* [adds][rectifies] */
static const char *const pooled_tails[2] = {" + max-pool", " + relu + max-pool"};      /* [rectifies] */

/* What a group does after its head. */
static const char *tail_of(const struct sc_plan *plan, int head)
{
	bool rectifies = group_rectifies(plan, head);
	if (group_pool(plan, head) != SC_NONE)
		return pooled_tails[rectifies];
	return tails[group_residual(plan, head) != SC_NONE][rectifies];
}

/* Arithmetic for each number of the node's result, forward and backward alike, roughly: what a plain loop would do. */
static int64_t operations(const struct sc_node *n)
{
	switch (n->kind) {
	case SC_NODE_BATCH_NORM:
		return 8;
	case SC_NODE_SIGMOID: /* the polynomial of exp */
		return 30;
	case SC_NODE_MAX_POOL:
		return n->window.kernel_h * n->window.kernel_w;
	default:
		return 1;
	}
}

int64_t step_flops(const struct sc_plan *plan, const struct step *s)
{
	const struct sc_node *n = step_node(plan, s);
	if (s->pass == PASS_PREPARE)
		return s->bias == SC_NONE ? 0 : plan->model->parameters[n->weight].count;
	if (is_convolution(n) && s->pass != PASS_LOSS && s->pass != PASS_SUM) {
		struct sc_convolution c = node_convolution(plan, s->node);
		return 2 * c.mb * c.oh * c.ow * sc_weight_count(&c);
	}
	if (n->kind == SC_NODE_GLOBAL_AVERAGE_POOL || n->kind == SC_NODE_AVERAGE_POOL)
		return node_numbers(plan, n->inputs[0]);
	return node_numbers(plan, s->node) * (s->pass == PASS_LOSS ? 8 : operations(n));
}

static int64_t parameter_bytes(const struct sc_plan *plan, const struct sc_node *n)
{
	int64_t count = 0;
	if (n->weight != SC_NONE)
		count += plan->model->parameters[n->weight].count;
	if (n->bias != SC_NONE)
		count += plan->model->parameters[n->bias].count;
	return count * (int64_t)sizeof(float);
}

/* Each tensor that the step names, once; a buffer that is read and written counts twice. */
static int64_t step_bytes(const struct sc_plan *plan, const struct step *s)
{
	const int used[] = {s->src, s->second, s->dst, s->packed, s->extra, s->diff_dst, s->diff_src, s->diff_second};
	int64_t bytes = parameter_bytes(plan, step_node(plan, s));
	for (size_t i = 0; i < sizeof(used) / sizeof(used[0]); i++)
		if (used[i] != SC_NONE)
			bytes += plan->buffers[used[i]].bytes;
	return s->accumulate ? bytes + plan->buffers[s->diff_src].bytes : bytes;
}

int64_t sc_plan_step_count(const struct sc_plan *plan)
{
	return plan->step_count;
}

void sc_plan_describe_step(const struct sc_plan *plan, int64_t index, struct sc_plan_step *step)
{
	const struct step *s = &plan->steps[index];
	const struct sc_node *n = step_node(plan, s);
	const struct sc_node *out = s->pass == PASS_FORWARD ? &plan->model->nodes[plan->group_end[s->node]] : n;
	const struct sc_node *in = n->inputs[0] == SC_NONE ? n : &plan->model->nodes[n->inputs[0]];
	const char *kernel = s->pass == PASS_LOSS ? "softmax cross-entropy" : s->pass == PASS_SUM ? "add" : kind_names[n->kind];
	const char *method = "", *tail = "";
	if (s->pass == PASS_FORWARD || n->kind == SC_NODE_BATCH_NORM)
		tail = tail_of(plan, s->node);
	if (s->pass == PASS_PREPARE)
		tail = group_norm(plan, s->node) == SC_NONE ? "pack" : "fold batch norm, pack", kernel = "";
	else if (is_convolution(n) && s->pass != PASS_LOSS && s->pass != PASS_SUM)
		method = node_convolution(plan, s->node).winograd ? " winograd" : " direct";
	*step = (struct sc_plan_step){.pass = pass_names[s->pass], .layer = n->name};
	snprintf(step->kernel, sizeof(step->kernel), "%s%s%s %s", kernel, method, tail,
		 s->pass == PASS_LOSS ? "double" : plan->engine.kernels->name);
	snprintf(step->shape, sizeof(step->shape), "%lldx%lldx%lld -> %lldx%lldx%lld", (long long)in->height, (long long)in->width,
		 (long long)in->channels, (long long)out->height, (long long)out->width, (long long)out->channels);
	step->flops = step_flops(plan, s);
	step->bytes = step_bytes(plan, s);
	step->seconds = s->seconds;
}
