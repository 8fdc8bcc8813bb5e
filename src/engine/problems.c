/* problems.c - from a node and a batch to the shapes that kernels know. */
#include "engine/schedule.h"
#include "engine/winograd.h"

static bool by_winograd(const struct sc_plan *plan, const struct sc_convolution *c)
{
	switch (plan->engine.convolution) {
	case SC_CONVOLUTION_AUTO:
		return sc_winograd_pays(c);
	case SC_CONVOLUTION_WINOGRAD:
		return sc_winograd_possible(c);
	default:
		return false;
	}
}

struct sc_convolution node_convolution(const struct sc_plan *plan, int node)
{
	const struct sc_node *n = &plan->model->nodes[node], *in = &plan->model->nodes[n->inputs[0]];
	if (n->kind == SC_NODE_DENSE)
		return (struct sc_convolution){
			.mb = plan->batch,
			.ih = 1,
			.iw = 1,
			.ic = in->height * in->width * in->channels,
			.oh = 1,
			.ow = 1,
			.oc = n->channels,
			.kh = 1,
			.kw = 1,
			.stride_h = 1,
			.stride_w = 1,
			.groups = 1,
		};
	struct sc_convolution c = {
		.mb = plan->batch,
		.ih = in->height,
		.iw = in->width,
		.ic = in->channels,
		.oh = n->height,
		.ow = n->width,
		.oc = n->channels,
		.kh = n->window.kernel_h,
		.kw = n->window.kernel_w,
		.stride_h = n->window.stride_h,
		.stride_w = n->window.stride_w,
		.pad_top = n->window.pad_top,
		.pad_left = n->window.pad_left,
		.groups = n->groups,
	};
	c.winograd = by_winograd(plan, &c);
	c.late = c.winograd && sc_winograd_is_late(&c, plan->engine.packing_batch ? plan->engine.packing_batch : plan->batch);
	return c;
}

struct sc_batch_norm node_batch_norm(const struct sc_plan *plan, int node)
{
	const struct sc_node *n = &plan->model->nodes[node];
	return (struct sc_batch_norm){
		.mb = plan->batch,
		.height = n->height,
		.width = n->width,
		.channels = n->channels,
		.epsilon = n->epsilon,
		.momentum = n->momentum,
		.update = n->update,
		.unbiased = n->unbiased,
		.relu = group_rectifies(plan, node),
	};
}

struct sc_max_pool node_max_pool(const struct sc_plan *plan, int node)
{
	const struct sc_node *n = &plan->model->nodes[node], *in = &plan->model->nodes[n->inputs[0]];
	return (struct sc_max_pool){
		.mb = plan->batch,
		.ih = in->height,
		.iw = in->width,
		.oh = n->height,
		.ow = n->width,
		.channels = n->channels,
		.kh = n->window.kernel_h,
		.kw = n->window.kernel_w,
		.stride_h = n->window.stride_h,
		.stride_w = n->window.stride_w,
		.pad_top = n->window.pad_top,
		.pad_left = n->window.pad_left,
		.pad_value = n->pad_value,
	};
}

/* The global one is a single cell. */
struct sc_average_pool node_average_pool(const struct sc_plan *plan, int node)
{
	const struct sc_node *n = &plan->model->nodes[node], *in = &plan->model->nodes[n->inputs[0]];
	bool global = n->kind == SC_NODE_GLOBAL_AVERAGE_POOL;
	return (struct sc_average_pool){
		.mb = plan->batch,
		.ih = in->height,
		.iw = in->width,
		.oh = n->height,
		.ow = n->width,
		.channels = n->channels,
		.kh = global ? in->height : n->window.kernel_h,
		.kw = global ? in->width : n->window.kernel_w,
	};
}

struct sc_scale node_scale(const struct sc_plan *plan, int node)
{
	const struct sc_node *n = &plan->model->nodes[node];
	return (struct sc_scale){.mb = plan->batch, .pixels = n->height * n->width, .channels = n->channels};
}

struct sc_subsample node_subsample(const struct sc_plan *plan, int node)
{
	const struct sc_node *n = &plan->model->nodes[node], *in = &plan->model->nodes[n->inputs[0]];
	return (struct sc_subsample){
		.mb = plan->batch,
		.ih = in->height,
		.iw = in->width,
		.ic = in->channels,
		.oh = n->height,
		.ow = n->width,
		.oc = n->channels,
		.stride = n->window.stride_h,
		.zeros_before = n->zeros_before,
	};
}
