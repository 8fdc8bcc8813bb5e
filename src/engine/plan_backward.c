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
	plan->engine.kernels->batch_norm_backward(&b, buffer_at(plan, s->src), buffer_at(plan, s->diff_dst),
						  parameter(plan, n->weight), buffer_at(plan, s->extra),
						  buffer_at(plan, s->diff_src), gradient(plan, n->weight), gradient(plan, n->bias),
						  buffer_at(plan, s->workspace), plan->engine.pool);
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
	const struct sc_node *in = &plan->model->nodes[step_node(plan, s)->inputs[0]];
	plan->engine.kernels->average_pool_backward(plan->batch, in->height * in->width, in->channels, buffer_at(plan, s->diff_dst),
						    buffer_at(plan, s->diff_src), plan->engine.pool);
}

static void run_subsample(const struct sc_plan *plan, const struct step *s)
{
	struct sc_subsample subsample = node_subsample(plan, s->node);
	plan->engine.kernels->subsample_backward(&subsample, buffer_at(plan, s->diff_dst), buffer_at(plan, s->diff_src),
						 plan->engine.pool);
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

/* A node with one input whose kernel gives the whole gradient of that input. `in_place`: it can write where it reads. */
static void visit_simple(struct sc_plan *plan, int node, step_function run, bool in_place)
{
	const struct sc_node *n = &plan->model->nodes[node];
	int input = n->inputs[0], diff = plan->diff[node];
	int part = in_place && !awaited(plan, diff, node, SC_NONE) ? diff : new_gradient(plan, input);
	struct step *s = new_step(plan, PASS_BACKWARD, node, run);
	s->diff_dst = diff, s->diff_src = part, s->extra = plan->extra[node];
	if (n->kind == SC_NODE_RELU)
		s->dst = plan->value[node];
	if (n->kind == SC_NODE_BATCH_NORM) {
		struct sc_batch_norm b = node_batch_norm(plan, node);
		s->src = plan->value[input];
		give_workspace(plan, s, plan->engine.kernels->batch_norm_workspace(&b, sc_pool_threads(plan->engine.pool)));
	}
	if (plan->diff[input] == SC_NONE)
		plan->diff[input] = part;
	else
		add_to_input(plan, node, input, part);
}

static void visit_convolution(struct sc_plan *plan, int node)
{
	const struct sc_kernels *k = plan->engine.kernels;
	int threads = sc_pool_threads(plan->engine.pool), input = plan->model->nodes[node].inputs[0];
	struct sc_convolution c = node_convolution(plan, node);
	struct step *s = new_step(plan, PASS_BACKWARD_WEIGHTS, node, run_convolution_weights);
	s->src = plan->value[input], s->diff_dst = plan->diff[node];
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
	if (before == SC_NONE)
		plan->diff[input] = part;
	else if (!add_in_kernel)
		add_to_input(plan, node, input, part);
}

static void visit_add(struct sc_plan *plan, int node)
{
	for (int i = 0; i < 2; i++) {
		int input = plan->model->nodes[node].inputs[i];
		if (plan->diff[input] == SC_NONE)
			plan->diff[input] = plan->diff[node];
		else
			add_to_input(plan, node, input, plan->diff[node]);
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
		visit_simple(plan, node, run_batch_norm, true);
		break;
	case SC_NODE_RELU:
		visit_simple(plan, node, run_relu, true);
		break;
	case SC_NODE_MAX_POOL:
		visit_simple(plan, node, run_max_pool, false);
		break;
	case SC_NODE_GLOBAL_AVERAGE_POOL:
		visit_simple(plan, node, run_average_pool, false);
		break;
	case SC_NODE_SUBSAMPLE:
		visit_simple(plan, node, run_subsample, false);
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
		visit(plan, node);
}
