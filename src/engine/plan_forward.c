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
	const struct sc_convolution_forward t = {
		.src = buffer_at(plan, s->src),
		.packed = buffer_at(plan, s->packed),
		.bias = s->bias == SC_NONE ? parameter(plan, n->bias) : buffer_at(plan, s->bias),
		.residual = buffer_at(plan, s->second),
		.dst = buffer_at(plan, s->dst),
		.relu = group_rectifies(plan, s->node),
	};
	if (plan->mode == SC_MODE_TRAIN) /* the weights change with each step; an infer plan has them packed already */
		plan->engine.kernels->convolution_pack(&c, parameter(plan, n->weight), buffer_at(plan, s->packed),
						       plan->engine.pool);
	int pooling = group_pool(plan, s->node);
	if (pooling != SC_NONE) {
		struct sc_max_pool m = node_max_pool(plan, pooling);
		plan->engine.kernels->convolution_pool_forward(&c, &m, &t, buffer_at(plan, s->workspace), plan->engine.pool);
		return;
	}
	plan->engine.kernels->convolution_forward(&c, &t, buffer_at(plan, s->workspace), plan->engine.pool);
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
		if (s->pass == PASS_AGAIN) /* the statistics are there */
			plan->engine.kernels->batch_norm_again(&b, &t, plan->engine.pool);
		else
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
	struct sc_average_pool a = node_average_pool(plan, s->node);
	plan->engine.kernels->average_pool_forward(&a, buffer_at(plan, s->src), buffer_at(plan, s->dst), plan->engine.pool);
}

static void run_subsample(const struct sc_plan *plan, const struct step *s)
{
	struct sc_subsample subsample = node_subsample(plan, s->node);
	plan->engine.kernels->subsample_forward(&subsample, buffer_at(plan, s->src), buffer_at(plan, s->dst), plan->engine.pool);
}

static void run_sigmoid(const struct sc_plan *plan, const struct step *s)
{
	plan->engine.kernels->sigmoid_forward(node_numbers(plan, s->node), buffer_at(plan, s->src), buffer_at(plan, s->dst),
					      plan->engine.pool);
}

static void run_scale(const struct sc_plan *plan, const struct step *s)
{
	struct sc_scale scale = node_scale(plan, s->node);
	plan->engine.kernels->scale_forward(&scale, buffer_at(plan, s->src), buffer_at(plan, s->second), buffer_at(plan, s->dst),
					    plan->engine.pool);
}

static const step_function functions[] = {
	[SC_NODE_CONVOLUTION] = run_convolution,
	[SC_NODE_DENSE] = run_convolution,
	[SC_NODE_BATCH_NORM] = run_batch_norm,
	[SC_NODE_RELU] = run_relu,
	[SC_NODE_ADD] = run_add,
	[SC_NODE_MAX_POOL] = run_max_pool,
	[SC_NODE_GLOBAL_AVERAGE_POOL] = run_average_pool,
	[SC_NODE_AVERAGE_POOL] = run_average_pool,
	[SC_NODE_SUBSAMPLE] = run_subsample,
	[SC_NODE_SIGMOID] = run_sigmoid,
	[SC_NODE_SCALE] = run_scale,
};

/* Backward of a rectifier and of a sigmoid reads the result. */
static bool reads_own_result(enum sc_node_kind kind)
{
	return kind == SC_NODE_RELU || kind == SC_NODE_SIGMOID;
}

/* Whether backward of `reader` needs the value of `node`, one of its inputs or not: convolutions, dense layers and BatchNorm need
 * their source, a scale both of its inputs. */
static bool reads_input(const struct sc_node *reader, int node)
{
	if (reader->kind == SC_NODE_SCALE && reader->inputs[1] == node)
		return true;
	return reader->inputs[0] == node &&
	       (is_convolution(reader) || reader->kind == SC_NODE_BATCH_NORM || reader->kind == SC_NODE_SCALE);
}

/* Whether the node is inside a block that is computed again. */
static bool given_up(const struct sc_plan *plan, int node)
{
	int block = plan->block_of[node];
	return block != SC_NONE && plan->blocks[block].again && plan->blocks[block].last != node;
}

static bool backward_reads_value(const struct sc_plan *plan, int node)
{
	const struct sc_model *model = plan->model;
	if (plan->mode != SC_MODE_TRAIN || computed_again(plan, node))
		return false;
	if (reads_own_result(model->nodes[node].kind))
		return true;
	for (int i = node + 1; i < model->node_count; i++) {
		const struct sc_node *reader = &model->nodes[i];
		bool reads = reader->inputs[0] == node || reader->inputs[1] == node;
		if (reads_input(reader, node) || (reads && given_up(plan, plan->group_end[i])))
			return true;
	}
	return false;
}

bool computed_again(const struct sc_plan *plan, int node)
{
	const struct sc_model *model = plan->model;
	int head = group_head(plan, node), block = plan->block_of[node];
	if (block != SC_NONE && plan->blocks[block].again)
		return given_up(plan, node);
	if (plan->mode != SC_MODE_TRAIN || head == node || group_residual(plan, head) != SC_NONE)
		return false;
	for (int i = node + 1; i < model->node_count; i++)
		if (reads_input(&model->nodes[i], node) && !is_convolution(&model->nodes[i]))
			return false;
	return true;
}

/* Whether the group that ends with `end` is the last step to read the value of `node`. */
static bool read_last_by(const struct sc_plan *plan, int node, int end)
{
	const struct sc_model *model = plan->model;
	for (int i = node + 1; i < model->node_count; i++)
		if ((model->nodes[i].inputs[0] == node || model->nodes[i].inputs[1] == node) && plan->group_end[i] > end)
			return false;
	return model->nodes[node].kind != SC_NODE_INPUT && !backward_reads_value(plan, node);
}

/* Where the result of a group lies: where an operand lay that is read number by number, and never again; else in a new buffer. */
static int result_buffer(struct sc_plan *plan, int head, int end, int second)
{
	const struct sc_node *n = &plan->model->nodes[head];
	int input = n->inputs[0];
	bool by_number = n->kind == SC_NODE_RELU || n->kind == SC_NODE_ADD || n->kind == SC_NODE_SIGMOID ||
			 n->kind == SC_NODE_SCALE || (n->kind == SC_NODE_BATCH_NORM && plan->mode == SC_MODE_INFER);
	bool alike = n->kind != SC_NODE_SCALE; /* the second operand is as large as the result */
	if (plan->engine.keep_outputs)
		return new_buffer(plan, node_numbers(plan, end) * (int64_t)sizeof(float));
	if (by_number && read_last_by(plan, input, end))
		return plan->value[input];
	if (second != SC_NONE && alike && plan->mode == SC_MODE_INFER && plan->value[second] != plan->value[input] &&
	    read_last_by(plan, second, end))
		return plan->value[second];
	return new_buffer(plan, node_numbers(plan, end) * (int64_t)sizeof(float));
}

static int64_t workspace_of(const struct sc_plan *plan, int node)
{
	const struct sc_kernels *k = plan->engine.kernels;
	int threads = sc_pool_threads(plan->engine.pool);
	if (is_convolution(&plan->model->nodes[node])) {
		struct sc_convolution c = node_convolution(plan, node);
		int pooling = group_pool(plan, node);
		if (pooling == SC_NONE)
			return k->convolution_forward_workspace(&c, threads);
		struct sc_max_pool m = node_max_pool(plan, pooling);
		return k->convolution_pool_workspace(&c, &m, threads);
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

/* Packed weights: prepared ones, or the step's own. */
static int packed_buffer(struct sc_plan *plan, int node)
{
	if (!is_convolution(&plan->model->nodes[node]) || plan->mode == SC_MODE_INFER)
		return plan->packed[node];
	struct sc_convolution c = node_convolution(plan, node);
	return new_buffer(plan, plan->engine.kernels->convolution_packed_bytes(&c));
}

int group_second(const struct sc_plan *plan, int head)
{
	return plan->group_end[head] == head ? plan->model->nodes[head].inputs[1] : group_residual(plan, head);
}

struct step *new_group_step(struct sc_plan *plan, enum pass pass, int end)
{
	int head = group_head(plan, end);
	enum sc_node_kind kind = plan->model->nodes[head].kind;
	struct step *s = new_step(plan, pass, head, functions[kind]);
	s->extra = plan->extra[head];
	s->packed = packed_buffer(plan, head);
	s->bias = plan->bias[head];
	if (pass == PASS_FORWARD || kind != SC_NODE_BATCH_NORM)
		give_workspace(plan, s, workspace_of(plan, head));
	return s;
}

static void plan_group(struct sc_plan *plan, int end)
{
	int head = group_head(plan, end), second = group_second(plan, head);
	plan->value[end] = result_buffer(plan, head, end, second);
	plan->extra[head] = extra_buffer(plan, head);
	struct step *s = new_group_step(plan, PASS_FORWARD, end);
	s->src = plan->value[plan->model->nodes[head].inputs[0]];
	s->second = second == SC_NONE ? SC_NONE : plan->value[second];
	s->dst = plan->value[end];
}

void plan_forward(struct sc_plan *plan)
{
	plan->forward_begin = plan->step_count;
	plan->value[0] = new_buffer(plan, node_numbers(plan, 0) * (int64_t)sizeof(float));
	for (int i = 1; i < plan->model->node_count && !plan->out_of_memory; i++)
		if (plan->group_end[i] == i)
			plan_group(plan, i);
	plan->forward_end = plan->step_count;
}
