/* plan_forward.c - the forward steps, one a group of nodes, and which results may lie where an input lay. */
#include "engine/schedule.h"

static float *parameter(const struct sc_plan *plan, int index)
{
	return sc_parameter_values(plan->model, index);
}

static void run_convolution(const struct sc_plan *plan, const struct step *s)
{
	const struct sc_node *n = step_node(plan, s);
	struct sc_convolution c = node_convolution(plan, s->node);
	plan->engine.kernels->convolution_forward(&c, buffer_at(plan, s->src), parameter(plan, n->weight), parameter(plan, n->bias),
						  buffer_at(plan, s->dst), buffer_at(plan, s->workspace), plan->engine.pool);
}

static void run_batch_norm(const struct sc_plan *plan, const struct step *s)
{
	const struct sc_node *n = step_node(plan, s);
	struct sc_batch_norm b = node_batch_norm(plan, s->node);
	if (plan->mode == SC_MODE_TRAIN) {
		const struct sc_norm_forward t = {
			.src = buffer_at(plan, s->src),
			.scale = parameter(plan, n->weight),
			.shift = parameter(plan, n->bias),
			.residual = buffer_at(plan, s->second),
			.dst = buffer_at(plan, s->dst),
			.statistics = buffer_at(plan, s->extra),
		};
		plan->engine.kernels->batch_norm_forward(&b, &t, buffer_at(plan, s->workspace), plan->engine.pool);
		return;
	}
	const struct sc_norm_infer t = {
		.src = buffer_at(plan, s->src),
		.scale = parameter(plan, n->weight),
		.shift = parameter(plan, n->bias),
		.mean = parameter(plan, n->running_mean),
		.variance = parameter(plan, n->running_variance),
		.residual = buffer_at(plan, s->second),
		.dst = buffer_at(plan, s->dst),
	};
	plan->engine.kernels->batch_norm_infer(&b, &t, buffer_at(plan, s->workspace), plan->engine.pool);
}

static void run_relu(const struct sc_plan *plan, const struct step *s)
{
	plan->engine.kernels->relu_forward(node_numbers(plan, s->node), buffer_at(plan, s->src), buffer_at(plan, s->dst),
					   plan->engine.pool);
}

static void run_add(const struct sc_plan *plan, const struct step *s)
{
	plan->engine.kernels->add(node_numbers(plan, s->node), buffer_at(plan, s->src), buffer_at(plan, s->second),
				  buffer_at(plan, s->dst), plan->engine.pool);
}

static void run_max_pool(const struct sc_plan *plan, const struct step *s)
{
	struct sc_max_pool m = node_max_pool(plan, s->node);
	plan->engine.kernels->max_pool_forward(&m, buffer_at(plan, s->src), buffer_at(plan, s->dst), buffer_at(plan, s->extra),
					       plan->engine.pool);
}

static void run_average_pool(const struct sc_plan *plan, const struct step *s)
{
	const struct sc_node *in = &plan->model->nodes[step_node(plan, s)->inputs[0]];
	plan->engine.kernels->average_pool_forward(plan->batch, in->height * in->width, in->channels, buffer_at(plan, s->src),
						   buffer_at(plan, s->dst), plan->engine.pool);
}

static void run_subsample(const struct sc_plan *plan, const struct step *s)
{
	struct sc_subsample subsample = node_subsample(plan, s->node);
	plan->engine.kernels->subsample_forward(&subsample, buffer_at(plan, s->src), buffer_at(plan, s->dst), plan->engine.pool);
}

static const step_function functions[] = {
	[SC_NODE_CONVOLUTION] = run_convolution,
	[SC_NODE_DENSE] = run_convolution,
	[SC_NODE_BATCH_NORM] = run_batch_norm,
	[SC_NODE_RELU] = run_relu,
	[SC_NODE_ADD] = run_add,
	[SC_NODE_MAX_POOL] = run_max_pool,
	[SC_NODE_GLOBAL_AVERAGE_POOL] = run_average_pool,
	[SC_NODE_SUBSAMPLE] = run_subsample,
};

/* Whether backward reads the value of a node: convolutions, dense layers and BatchNorm read their source, a rectifier its result.
 */
static bool backward_reads_value(const struct sc_plan *plan, int node)
{
	const struct sc_model *model = plan->model;
	if (plan->mode != SC_MODE_TRAIN || computed_again(plan, node))
		return false;
	if (model->nodes[node].kind == SC_NODE_RELU)
		return true;
	for (int i = node + 1; i < model->node_count; i++)
		if ((is_convolution(&model->nodes[i]) || model->nodes[i].kind == SC_NODE_BATCH_NORM) &&
		    model->nodes[i].inputs[0] == node)
			return true;
	return false;
}

bool computed_again(const struct sc_plan *plan, int node)
{
	const struct sc_model *model = plan->model;
	int head = group_head(plan, node);
	if (head == node || group_residual(plan, head) != SC_NONE)
		return false;
	for (int i = node + 1; i < model->node_count; i++)
		if (model->nodes[i].kind == SC_NODE_BATCH_NORM && model->nodes[i].inputs[0] == node)
			return false;
	return true;
}

/* Whether a step may write its result over the value of `input`: it works number by number, on a value nobody else wants. */
static bool works_in_place(const struct sc_plan *plan, const struct sc_node *head, int input)
{
	bool by_number = head->kind == SC_NODE_RELU || head->kind == SC_NODE_ADD ||
			 (head->kind == SC_NODE_BATCH_NORM && plan->mode == SC_MODE_INFER);
	return by_number && plan->model->nodes[input].kind != SC_NODE_INPUT && consumer_count(plan->model, input) == 1 &&
	       !backward_reads_value(plan, input);
}

static int64_t workspace_of(const struct sc_plan *plan, int node)
{
	const struct sc_kernels *k = plan->engine.kernels;
	int threads = sc_pool_threads(plan->engine.pool);
	if (is_convolution(&plan->model->nodes[node])) {
		struct sc_convolution c = node_convolution(plan, node);
		return k->convolution_forward_workspace(&c, threads);
	}
	if (plan->model->nodes[node].kind == SC_NODE_BATCH_NORM) {
		struct sc_batch_norm b = node_batch_norm(plan, node);
		return k->batch_norm_workspace(&b, threads);
	}
	return 0;
}

static int extra_buffer(struct sc_plan *plan, int node)
{
	const struct sc_node *n = &plan->model->nodes[node];
	if (n->kind == SC_NODE_BATCH_NORM && plan->mode == SC_MODE_TRAIN)
		return new_buffer(plan, 4 * n->channels * (int64_t)sizeof(float));
	if (n->kind == SC_NODE_MAX_POOL)
		return new_buffer(plan, node_numbers(plan, node));
	return SC_NONE;
}

/* The step of the group that ends with node `end`. */
static void plan_group(struct sc_plan *plan, int end)
{
	int head = group_head(plan, end);
	const struct sc_node *n = &plan->model->nodes[head];
	int input = n->inputs[0], second = end == head ? n->inputs[1] : group_residual(plan, head);
	plan->value[end] = works_in_place(plan, n, input) ? plan->value[input]
							  : new_buffer(plan, node_numbers(plan, end) * (int64_t)sizeof(float));
	plan->extra[head] = extra_buffer(plan, head);
	struct step *s = new_step(plan, PASS_FORWARD, head, functions[n->kind]);
	s->src = plan->value[input];
	s->second = second == SC_NONE ? SC_NONE : plan->value[second];
	s->dst = plan->value[end];
	s->extra = plan->extra[head];
	give_workspace(plan, s, workspace_of(plan, head));
}

void plan_forward(struct sc_plan *plan)
{
	plan->value[0] = new_buffer(plan, node_numbers(plan, 0) * (int64_t)sizeof(float));
	for (int i = 1; i < plan->model->node_count && !plan->out_of_memory; i++)
		if (plan->group_end[i] == i)
			plan_group(plan, i);
	plan->forward_count = plan->step_count;
}
