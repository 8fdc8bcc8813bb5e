/* fuse.c - which nodes are computed in one step.
 *
 * For inference, BatchNorm is folded into the weights of the convolution before it: that is what inference means here, so it is
 * done with or without --no-fuse. All else gives the bits of the ops one by one: a BatchNorm, or for inference a convolution, takes
 * in the addition and the rectifier that follow it; for inference a direct convolution takes in max-pooling as well.
 *
 * A group is computed where its last node stands, when all its inputs are there; the values of the nodes inside it exist nowhere.
 */
#include "engine/schedule.h"

int consumer_count(const struct sc_model *model, int node)
{
	int count = 0;
	for (int i = node + 1; i < model->node_count; i++)
		count += (model->nodes[i].inputs[0] == node) + (model->nodes[i].inputs[1] == node);
	return count;
}

static bool feeds_a_rectifier(const struct sc_model *model, int node)
{
	for (int i = node + 1; i < model->node_count; i++)
		if (model->nodes[i].inputs[0] == node && model->nodes[i].kind == SC_NODE_RELU)
			return consumer_count(model, node) == 1;
	return false;
}

static bool may_lead(const struct sc_plan *plan, int node)
{
	enum sc_node_kind kind = plan->model->nodes[node].kind;
	return kind == SC_NODE_BATCH_NORM || (kind == SC_NODE_CONVOLUTION && plan->mode == SC_MODE_INFER);
}

/* The order in which a kernel does what a group takes in, each once at most. */
static int turn_of(enum sc_node_kind kind)
{
	switch (kind) {
	case SC_NODE_BATCH_NORM:
		return 1;
	case SC_NODE_ADD:
		return 2;
	case SC_NODE_RELU:
		return 3;
	case SC_NODE_MAX_POOL:
		return 4;
	default: /* a convolution, which leads */
		return 0;
	}
}

/* Puts a node into the group of one of its inputs, if there is one whose result nobody else reads, and whose turn comes before. */
static void join(struct sc_plan *plan, int node)
{
	const struct sc_node *nodes = plan->model->nodes;
	for (int k = 0; k < 2; k++) {
		int input = nodes[node].inputs[k];
		if (input == SC_NONE || consumer_count(plan->model, input) != 1 || plan->group_end[input] != input ||
		    !may_lead(plan, group_head(plan, input)) || turn_of(nodes[input].kind) >= turn_of(nodes[node].kind))
			continue;
		for (int i = 0; i <= input; i++)
			if (plan->group_end[i] == input)
				plan->group_end[i] = node;
		return;
	}
}

static bool folds_into_convolution(const struct sc_plan *plan, int node)
{
	const struct sc_model *model = plan->model;
	int input = model->nodes[node].inputs[0];
	return plan->mode == SC_MODE_INFER && model->nodes[node].kind == SC_NODE_BATCH_NORM &&
	       model->nodes[input].kind == SC_NODE_CONVOLUTION;
}

/* What convolution_pool_forward asks for. */
static bool pools_a_convolution(const struct sc_plan *plan, int node)
{
	const struct sc_node *n = &plan->model->nodes[node];
	if (n->kind != SC_NODE_MAX_POOL || plan->mode != SC_MODE_INFER)
		return false;
	int head = group_head(plan, n->inputs[0]);
	if (plan->model->nodes[head].kind != SC_NODE_CONVOLUTION || group_residual(plan, head) != SC_NONE)
		return false;
	struct sc_convolution c = node_convolution(plan, head);
	return !c.winograd && c.groups == 1;
}

void fuse_nodes(struct sc_plan *plan)
{
	const struct sc_model *model = plan->model;
	for (int i = 0; i < model->node_count; i++)
		plan->group_end[i] = i;
	if (plan->engine.keep_outputs) /* of a group only the last result would exist */
		return;
	for (int i = 1; i < model->node_count; i++) {
		bool in_one =
			model->nodes[i].kind == SC_NODE_RELU ||
			(model->nodes[i].kind == SC_NODE_ADD && (plan->mode == SC_MODE_INFER || feeds_a_rectifier(model, i))) ||
			pools_a_convolution(plan, i);
		if (folds_into_convolution(plan, i) || (in_one && !plan->engine.no_fuse))
			join(plan, i);
	}
}

int group_head(const struct sc_plan *plan, int end)
{
	int head = 0;
	while (plan->group_end[head] != end)
		head++;
	return head;
}

/* The node of this kind that a group takes in, or SC_NONE. */
static int member_of_kind(const struct sc_plan *plan, int head, enum sc_node_kind kind)
{
	int end = plan->group_end[head];
	for (int i = end; i > head; i--)
		if (plan->group_end[i] == end && plan->model->nodes[i].kind == kind)
			return i;
	return SC_NONE;
}

int group_residual(const struct sc_plan *plan, int head)
{
	int adds = member_of_kind(plan, head, SC_NODE_ADD);
	if (adds == SC_NONE)
		return SC_NONE;
	const int *inputs = plan->model->nodes[adds].inputs;
	return plan->group_end[inputs[0]] == plan->group_end[head] ? inputs[1] : inputs[0];
}

int group_norm(const struct sc_plan *plan, int head)
{
	return member_of_kind(plan, head, SC_NODE_BATCH_NORM);
}

bool group_rectifies(const struct sc_plan *plan, int head)
{
	return member_of_kind(plan, head, SC_NODE_RELU) != SC_NONE;
}

int group_pool(const struct sc_plan *plan, int head)
{
	return member_of_kind(plan, head, SC_NODE_MAX_POOL);
}
