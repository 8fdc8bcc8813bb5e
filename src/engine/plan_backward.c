/* plan_backward.c - the backward steps, derived from the nodes: from the last to the first, each hands its gradient to its inputs.
 *
 * plan->diff[n] is the buffer that holds the gradient of node n's result, so far. An addition hands the same buffer to both inputs
 * without a copy; so before a buffer is written over, it is asked whether another node still waits to read it. */
#include "engine/schedule.h"

static float *parameter(const struct sc_plan *plan, int index)
{
	return sc_parameter_values(plan->model, index);
}

static float *gradient(const struct sc_plan *plan, int index)
{
	return index == SC_NONE ? NULL : plan->gradients + plan->model->parameters[index].offset;
}

/* ---- What the steps do ------------------------------------------------------------------------------------------------------- */

static void run_convolution_weights(const struct sc_plan *plan, const struct step *s)
{
	const struct sc_node *n = step_node(plan, s);
	struct sc_convolution c = node_convolution(plan, s->node);
	plan->engine.kernels->convolution_backward_weights(&c, buffer_at(plan, s->src), buffer_at(plan, s->diff_dst),
							   gradient(plan, n->weight), gradient(plan, n->bias),
							   buffer_at(plan, s->workspace), plan->engine.pool);
}

static void run_convolution_data(const struct sc_plan *plan, const struct step *s)
{
	struct sc_convolution c = node_convolution(plan, s->node);
	plan->engine.kernels->convolution_backward_data(&c, buffer_at(plan, s->diff_dst),
							parameter(plan, step_node(plan, s)->weight), buffer_at(plan, s->diff_src),
							s->accumulate, buffer_at(plan, s->workspace), plan->engine.pool);
}

static void run_batch_norm(const struct sc_plan *plan, const struct step *s)
{
	const struct sc_node *n = step_node(plan, s);
	struct sc_batch_norm b = node_batch_norm(plan, s->node);
	const struct sc_norm_backward t = {
		.src = buffer_at(plan, s->src),
		.diff_dst = buffer_at(plan, s->diff_dst),
		.scale = parameter(plan, n->weight),
		.shift = parameter(plan, n->bias),
		.statistics = buffer_at(plan, s->extra),
		.dst = buffer_at(plan, s->dst),
		.diff_src = buffer_at(plan, s->diff_src),
		.diff_residual = buffer_at(plan, s->diff_second),
		.diff_scale = gradient(plan, n->weight),
		.diff_shift = gradient(plan, n->bias),
	};
	plan->engine.kernels->batch_norm_backward(&b, &t, buffer_at(plan, s->workspace), plan->engine.pool);
}

static void run_relu(const struct sc_plan *plan, const struct step *s)
{
	plan->engine.kernels->relu_backward(node_numbers(plan, s->node), buffer_at(plan, s->dst), buffer_at(plan, s->diff_dst),
					    buffer_at(plan, s->diff_src), plan->engine.pool);
}

static void run_max_pool(const struct sc_plan *plan, const struct step *s)
{
	struct sc_max_pool m = node_max_pool(plan, s->node);
	plan->engine.kernels->max_pool_backward(&m, buffer_at(plan, s->diff_dst), buffer_at(plan, s->extra),
						buffer_at(plan, s->diff_src), plan->engine.pool);
}

static void run_average_pool(const struct sc_plan *plan, const struct step *s)
{
	struct sc_average_pool a = node_average_pool(plan, s->node);
	plan->engine.kernels->average_pool_backward(&a, buffer_at(plan, s->diff_dst), buffer_at(plan, s->diff_src),
						    plan->engine.pool);
}

static void run_subsample(const struct sc_plan *plan, const struct step *s)
{
	struct sc_subsample subsample = node_subsample(plan, s->node);
	plan->engine.kernels->subsample_backward(&subsample, buffer_at(plan, s->diff_dst), buffer_at(plan, s->diff_src),
						 plan->engine.pool);
}

static void run_sigmoid(const struct sc_plan *plan, const struct step *s)
{
	plan->engine.kernels->sigmoid_backward(node_numbers(plan, s->node), buffer_at(plan, s->dst), buffer_at(plan, s->diff_dst),
					       buffer_at(plan, s->diff_src), plan->engine.pool);
}

static void run_scale(const struct sc_plan *plan, const struct step *s)
{
	struct sc_scale scale = node_scale(plan, s->node);
	const struct sc_scale_backward t = {
		.src = buffer_at(plan, s->src),
		.factor = buffer_at(plan, s->second),
		.diff_dst = buffer_at(plan, s->diff_dst),
		.diff_src = buffer_at(plan, s->diff_src),
		.diff_factor = buffer_at(plan, s->diff_second),
	};
	plan->engine.kernels->scale_backward(&scale, &t, plan->engine.pool);
}

/* diff_src = src + second, all of them gradients of the node's result. */
static void run_sum(const struct sc_plan *plan, const struct step *s)
{
	plan->engine.kernels->add(node_numbers(plan, s->node), buffer_at(plan, s->src), buffer_at(plan, s->second),
				  buffer_at(plan, s->diff_src), plan->engine.pool);
}

/* ---- Which buffers they use
 * ------------------------------------------------------------------------------------------------------ */

/* Whether a node that is still to be visited, other than `except`, reads its gradient from this buffer. Nodes below `node` are. */
static bool awaited(const struct sc_plan *plan, int buffer, int node, int except)
{
	for (int i = 0; i < node; i++)
		if (i != except && plan->diff[i] == buffer)
			return true;
	return false;
}

static int new_gradient(struct sc_plan *plan, int node)
{
	return new_buffer(plan, node_numbers(plan, node) * (int64_t)sizeof(float));
}

/* Adds the gradient in `part` to what `input` has from elsewhere, while `node` is visited. */
static void add_to_input(struct sc_plan *plan, int node, int input, int part)
{
	int before = plan->diff[input];
	int sum = awaited(plan, before, node, input) ? new_gradient(plan, input) : before;
	struct step *s = new_step(plan, PASS_SUM, input, run_sum);
	s->src = before, s->second = part, s->diff_src = sum;
	plan->diff[input] = sum;
}

/* `part` is a gradient of `input`, the first or one more, while `node` is visited. */
static void give_to_input(struct sc_plan *plan, int node, int input, int part)
{
	if (plan->diff[input] == SC_NONE)
		plan->diff[input] = part;
	else
		add_to_input(plan, node, input, part);
}

/* The buffer with the value of a node, which backward may have to compute again first, and before it what it is made of. */
static int value_for_backward(struct sc_plan *plan, int node)
{
	if (!computed_again(plan, node))
		return plan->value[node];
	if (plan->again[node] == SC_NONE) {
		int head = group_head(plan, node), second = group_second(plan, head);
		int src = value_for_backward(plan, plan->model->nodes[head].inputs[0]);
		int other = second == SC_NONE ? SC_NONE : value_for_backward(plan, second);
		plan->again[node] = new_buffer(plan, node_numbers(plan, node) * (int64_t)sizeof(float));
		struct step *s = new_group_step(plan, PASS_AGAIN, node);
		s->src = src, s->second = other, s->dst = plan->again[node];
	}
	return plan->again[node];
}

/* A node with one input whose kernel gives the whole gradient of that input. `in_place`: it can write where it reads. */
static void visit_simple(struct sc_plan *plan, int node, step_function run, bool in_place)
{
	const struct sc_node *n = &plan->model->nodes[node];
	int input = n->inputs[0], diff = plan->diff[node];
	int dst = n->kind == SC_NODE_RELU || n->kind == SC_NODE_SIGMOID ? value_for_backward(plan, node) : SC_NONE;
	int part = in_place && !awaited(plan, diff, node, SC_NONE) ? diff : new_gradient(plan, input);
	struct step *s = new_step(plan, PASS_BACKWARD, node, run);
	s->dst = dst, s->diff_dst = diff, s->diff_src = part, s->extra = plan->extra[node];
	give_to_input(plan, node, input, part);
}

/* BatchNorm, and the group that it leads: with an addition, what passed the rectifier is the gradient of the other summand. */
static void visit_batch_norm(struct sc_plan *plan, int head)
{
	int end = plan->group_end[head], input = plan->model->nodes[head].inputs[0], residual = group_residual(plan, head);
	int diff = plan->diff[end];
	bool free_to_use = !awaited(plan, diff, end, SC_NONE);
	int src = value_for_backward(plan, input), dst = residual == SC_NONE ? SC_NONE : value_for_backward(plan, end);
	struct sc_batch_norm b = node_batch_norm(plan, head);
	int part = free_to_use && residual == SC_NONE ? diff : new_gradient(plan, input);
	int passed = residual == SC_NONE ? SC_NONE : free_to_use ? diff : new_gradient(plan, residual);
	struct step *s = new_step(plan, PASS_BACKWARD, head, run_batch_norm);
	s->src = src, s->dst = dst, s->extra = plan->extra[head];
	s->diff_dst = diff, s->diff_src = part, s->diff_second = passed;
	give_workspace(plan, s, plan->engine.kernels->batch_norm_workspace(&b, sc_pool_threads(plan->engine.pool)));
	give_to_input(plan, end, input, part);
	if (residual != SC_NONE)
		give_to_input(plan, end, residual, passed);
}

static void visit_convolution(struct sc_plan *plan, int node)
{
	const struct sc_kernels *k = plan->engine.kernels;
	int threads = sc_pool_threads(plan->engine.pool), input = plan->model->nodes[node].inputs[0];
	struct sc_convolution c = node_convolution(plan, node);
	int src = value_for_backward(plan, input);
	struct step *s = new_step(plan, PASS_BACKWARD_WEIGHTS, node, run_convolution_weights);
	s->src = src, s->diff_dst = plan->diff[node];
	give_workspace(plan, s, k->convolution_backward_weights_workspace(&c, threads));
	if (plan->model->nodes[input].kind == SC_NODE_INPUT)
		return; /* nobody asks for the gradient of the images */
	int before = plan->diff[input];
	bool add_in_kernel = before != SC_NONE && before != plan->diff[node] && !awaited(plan, before, node, input);
	s = new_step(plan, PASS_BACKWARD_DATA, node, run_convolution_data);
	s->diff_dst = plan->diff[node];
	s->accumulate = add_in_kernel;
	int part = s->diff_src = add_in_kernel ? before : new_gradient(plan, input);
	give_workspace(plan, s, k->convolution_backward_data_workspace(&c, threads));
	if (!add_in_kernel)
		give_to_input(plan, node, input, part);
}

static void visit_scale(struct sc_plan *plan, int node)
{
	const int *inputs = plan->model->nodes[node].inputs;
	int diff = plan->diff[node];
	int src = value_for_backward(plan, inputs[0]), second = value_for_backward(plan, inputs[1]);
	int part = awaited(plan, diff, node, SC_NONE) ? new_gradient(plan, inputs[0]) : diff,
	    factor = new_gradient(plan, inputs[1]);
	struct step *s = new_step(plan, PASS_BACKWARD, node, run_scale);
	s->src = src, s->second = second;
	s->diff_dst = diff, s->diff_src = part, s->diff_second = factor;
	give_to_input(plan, node, inputs[0], part);
	give_to_input(plan, node, inputs[1], factor);
}

static void visit_add(struct sc_plan *plan, int node)
{
	for (int i = 0; i < 2; i++) {
		int input = plan->model->nodes[node].inputs[i];
		give_to_input(plan, node, input, plan->diff[node]);
	}
}

static void visit(struct sc_plan *plan, int node)
{
	switch (plan->model->nodes[node].kind) {
	case SC_NODE_CONVOLUTION:
	case SC_NODE_DENSE:
		visit_convolution(plan, node);
		break;
	case SC_NODE_BATCH_NORM:
		visit_batch_norm(plan, node);
		break;
	case SC_NODE_RELU:
		visit_simple(plan, node, run_relu, true);
		break;
	case SC_NODE_MAX_POOL:
		visit_simple(plan, node, run_max_pool, false);
		break;
	case SC_NODE_GLOBAL_AVERAGE_POOL:
	case SC_NODE_AVERAGE_POOL:
		visit_simple(plan, node, run_average_pool, false);
		break;
	case SC_NODE_SUBSAMPLE:
		visit_simple(plan, node, run_subsample, false);
		break;
	case SC_NODE_SIGMOID:
		visit_simple(plan, node, run_sigmoid, true);
		break;
	case SC_NODE_SCALE:
		visit_scale(plan, node);
		break;
	case SC_NODE_ADD:
		visit_add(plan, node);
		break;
	case SC_NODE_INPUT:
		break;
	}
}

/* The loss has given the last node's gradient. */
void plan_backward(struct sc_plan *plan)
{
	for (int node = plan->model->node_count - 1; node > 0 && !plan->out_of_memory; node--)
		if (plan->group_end[node] == node)
			visit(plan, group_head(plan, node));
}
