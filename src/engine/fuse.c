/* fuse.c - which nodes are computed in one step: BatchNorm with the addition and the rectifier that follow it.
 *
 * A group is computed where its last node stands, when all its inputs are there; the values of the nodes inside it exist nowhere.
 * The bits are those of the ops one by one. */
#include "engine/schedule.h"

int consumer_count(const struct sc_model *model, int node)
{
	int count = 0;
	for (int i = node + 1; i < model->node_count; i++)
		count += (model->nodes[i].inputs[0] == node) + (model->nodes[i].inputs[1] == node);
	return count;
}

/* The BatchNorm that may take in what follows it: nobody else reads its result. */
static bool may_lead(const struct sc_model *model, int node)
{
	return model->nodes[node].kind == SC_NODE_BATCH_NORM && consumer_count(model, node) == 1;
}

static void group_rectifier(struct sc_plan *plan, int relu)
{
	const struct sc_model *model = plan->model;
	int before = model->nodes[relu].inputs[0];
	if (may_lead(model, before)) {
		plan->group_end[before] = relu;
		return;
	}
	if (model->nodes[before].kind != SC_NODE_ADD || consumer_count(model, before) != 1)
		return;
	for (int i = 0; i < 2; i++)
		if (may_lead(model, model->nodes[before].inputs[i])) {
			plan->group_end[model->nodes[before].inputs[i]] = plan->group_end[before] = relu;
			return;
		}
}

void fuse_nodes(struct sc_plan *plan)
{
	for (int i = 0; i < plan->model->node_count; i++)
		plan->group_end[i] = i;
	for (int i = 0; i < plan->model->node_count && !plan->engine.no_fuse; i++)
		if (plan->model->nodes[i].kind == SC_NODE_RELU)
			group_rectifier(plan, i);
}

int group_head(const struct sc_plan *plan, int end)
{
	for (int i = 0; i < end; i++)
		if (plan->group_end[i] == end && plan->model->nodes[i].kind == SC_NODE_BATCH_NORM)
			return i;
	return end;
}

int group_residual(const struct sc_plan *plan, int head)
{
	int end = plan->group_end[head], add = plan->model->nodes[end].inputs[0];
	if (end == head || add == head)
		return SC_NONE;
	const int *inputs = plan->model->nodes[add].inputs;
	return inputs[0] == head ? inputs[1] : inputs[0];
}
