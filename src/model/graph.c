/* graph.c - adds nodes and parameters to a model: names, shapes, and the place of each parameter in the one buffer.
 *
 * It knows layers, not nets: which layers make a residual network is builder.c's subject. Nothing is computed here. */
#include "model/graph.h"
#include "model/layers.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define OFFSET_UNIT (SC_ALIGNMENT / (int64_t)sizeof(float))

void sc_graph_init(struct sc_graph *graph, struct sc_model *model, const struct sc_layer_style *style, struct sc_error *error)
{
	*graph = (struct sc_graph){.model = model, .style = style, .status = SC_OK, .error = error};
}

void sc_graph_set_prefix(struct sc_graph *graph, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(graph->prefix, sizeof graph->prefix, format, arguments);
	va_end(arguments);
	if (graph->status == SC_OK && (length < 0 || (size_t)length >= sizeof graph->prefix))
		graph->status =
			sc_fail(graph->error, SC_ERROR_ARGUMENT, graph->prefix, -1, "%s...: the name is too long", graph->prefix);
}

/* Makes room for one more element of `size` bytes. */
static bool grow(struct sc_graph *graph, void **elements, int count, int *capacity, size_t size)
{
	if (count < *capacity)
		return true;
	int wanted = *capacity ? 2 * *capacity : 64;
	void *larger = realloc(*elements, (size_t)wanted * size);
	if (!larger) {
		graph->status = sc_fail_memory(graph->error, (int64_t)wanted * (int64_t)size, "the nodes of the model");
		return false;
	}
	*elements = larger;
	*capacity = wanted;
	return true;
}

/* A new node with a name and nothing else; NULL after a failure. Its address holds until the next one is added. */
static struct sc_node *add_node(struct sc_graph *graph, enum sc_node_kind kind, const char *name, int a, int b)
{
	struct sc_model *model = graph->model;
	void *nodes = model->nodes;
	if (graph->status != SC_OK || !grow(graph, &nodes, model->node_count, &graph->node_capacity, sizeof *model->nodes))
		return NULL;
	model->nodes = nodes;
	struct sc_node *node = &model->nodes[model->node_count];
	*node = (struct sc_node){.kind = kind, .inputs = {a, b}};
	node->weight = node->bias = node->running_mean = node->running_variance = SC_NONE;
	int length = snprintf(node->name, sizeof node->name, "%s%s", graph->prefix, name);
	if (length < 0 || (size_t)length >= sizeof node->name) {
		graph->status = sc_fail(graph->error, SC_ERROR_ARGUMENT, node->name, -1, "%s...: the name is too long", node->name);
		return NULL;
	}
	model->node_count++;
	return node;
}

/* Adds a * b to *sum; false if no int64_t holds the result. */
static bool add_product(int64_t *sum, int64_t a, int64_t b)
{
	int64_t product;
	if (!sc_multiply(a, b, &product) || product > INT64_MAX - *sum)
		return false;
	*sum += product;
	return true;
}

static bool has_kernel(const struct sc_node *node)
{
	return node->kind == SC_NODE_CONVOLUTION || node->kind == SC_NODE_DENSE;
}

/* The node is complete: counts what it costs, and gives its index. */
static int close_node(struct sc_graph *graph, const struct sc_node *node)
{
	if (graph->status != SC_OK)
		return SC_NONE;
	int64_t pixels, numbers;
	int64_t kernel = has_kernel(node) ? graph->model->parameters[node->weight].count : 0;
	if (!sc_multiply(node->height, node->width, &pixels) || !sc_multiply(pixels, node->channels, &numbers) ||
	    !add_product(&graph->output_bytes, numbers, (int64_t)sizeof(float)) || !add_product(&graph->macs, pixels, kernel)) {
		graph->status = sc_fail(graph->error, SC_ERROR_ARGUMENT, node->name, -1,
					"%s: %" PRId64 " x %" PRId64 " x %" PRId64 " is too large", node->name, node->height,
					node->width, node->channels);
		return SC_NONE;
	}
	return (int)(node - graph->model->nodes);
}

/* A new parameter of `node`, "<node>.<suffix>"; its index, or SC_NONE after a failure. */
static int add_parameter(struct sc_graph *graph, const struct sc_node *node, const char *suffix, enum sc_role role,
			 enum sc_initialiser initialiser, int rank, const int64_t *shape)
{
	struct sc_model *model = graph->model;
	void *parameters = model->parameters;
	if (graph->status != SC_OK ||
	    !grow(graph, &parameters, model->parameter_count, &graph->parameter_capacity, sizeof *model->parameters))
		return SC_NONE;
	model->parameters = parameters;
	struct sc_parameter *parameter = &model->parameters[model->parameter_count];
	*parameter = (struct sc_parameter){.role = role, .initialiser = initialiser, .rank = rank, .count = 1};
	snprintf(parameter->name, sizeof parameter->name, "%s.%s", node->name, suffix);
	for (int axis = 0; axis < rank; axis++) {
		parameter->shape[axis] = shape[axis];
		if (!sc_multiply(parameter->count, shape[axis], &parameter->count)) {
			graph->status = sc_fail(graph->error, SC_ERROR_ARGUMENT, parameter->name, -1,
						"%s has more numbers than can be counted", parameter->name);
			return SC_NONE;
		}
	}
	return model->parameter_count++;
}

static int add_vector(struct sc_graph *graph, const struct sc_node *node, const char *suffix, enum sc_role role,
		      enum sc_initialiser initialiser)
{
	return add_parameter(graph, node, suffix, role, initialiser, 1, &node->channels);
}

/* receptive: pixels under the kernel. */
static void set_fans(struct sc_graph *graph, int parameter, int64_t receptive, int64_t in, int64_t out)
{
	if (parameter == SC_NONE)
		return;
	graph->model->parameters[parameter].fan_in = receptive * in;
	graph->model->parameters[parameter].fan_out = receptive * out;
}

static void copy_shape(struct sc_node *node, const struct sc_node *input)
{
	node->height = input->height;
	node->width = input->width;
	node->channels = input->channels;
}

int sc_graph_input(struct sc_graph *graph)
{
	struct sc_node *node = add_node(graph, SC_NODE_INPUT, "input", SC_NONE, SC_NONE);
	if (!node)
		return SC_NONE;
	node->height = graph->model->height;
	node->width = graph->model->width;
	node->channels = graph->model->channels;
	return close_node(graph, node);
}

/* The window of a node over its input, in the padding style of the net. */
static void place_window(struct sc_graph *graph, struct sc_node *node, const struct sc_node *input, int64_t kernel, int64_t stride)
{
	node->window = (struct sc_window){.kernel_h = kernel, .kernel_w = kernel, .stride_h = stride, .stride_w = stride};
	graph->status = sc_window_place(&node->window, graph->style->padding, input->height, input->width, &node->height,
					&node->width, node->name, graph->error);
}

int sc_graph_convolution(struct sc_graph *graph, const char *name, int input, const struct sc_filter *filter)
{
	struct sc_node *node = add_node(graph, SC_NODE_CONVOLUTION, name, input, SC_NONE);
	if (!node)
		return SC_NONE;
	const struct sc_node *from = &graph->model->nodes[input];
	int64_t kernel = filter->kernel, groups = filter->groups ? filter->groups : 1, in = from->channels / groups;
	node->channels = filter->channels;
	node->groups = groups;
	if (from->channels % groups || node->channels % groups) {
		graph->status = sc_fail(graph->error, SC_ERROR_ARGUMENT, node->name, -1,
					"%s: %" PRId64 " groups do not divide %" PRId64 " and %" PRId64 " channels", node->name,
					groups, from->channels, node->channels);
		return SC_NONE;
	}
	place_window(graph, node, from, kernel, filter->stride);
	node->weight = add_parameter(graph, node, "weight", SC_ROLE_KERNEL, graph->style->convolution_kernel, 4,
				     (const int64_t[]){kernel, kernel, in, node->channels});
	set_fans(graph, node->weight, kernel * kernel, in, node->channels);
	if (filter->bias) {
		node->bias = add_vector(graph, node, "bias", SC_ROLE_BIAS, filter->bias_initialiser);
		set_fans(graph, node->bias, kernel * kernel, in, node->channels);
	}
	return close_node(graph, node);
}

int sc_graph_batch_norm(struct sc_graph *graph, const char *name, int input, enum sc_initialiser scale)
{
	struct sc_node *node = add_node(graph, SC_NODE_BATCH_NORM, name, input, SC_NONE);
	if (!node)
		return SC_NONE;
	copy_shape(node, &graph->model->nodes[input]);
	node->epsilon = graph->style->epsilon;
	node->momentum = graph->style->momentum;
	node->update = graph->style->update;
	node->unbiased = graph->style->unbiased;
	node->weight = add_vector(graph, node, "weight", SC_ROLE_SCALE, scale);
	node->bias = add_vector(graph, node, "bias", SC_ROLE_SHIFT, SC_INIT_ZERO);
	node->running_mean = add_vector(graph, node, "running_mean", SC_ROLE_RUNNING_MEAN, SC_INIT_ZERO);
	node->running_variance = add_vector(graph, node, "running_var", SC_ROLE_RUNNING_VARIANCE, SC_INIT_ONE);
	return close_node(graph, node);
}

/* A node whose result has the shape of its first input. */
static int add_alike(struct sc_graph *graph, enum sc_node_kind kind, const char *name, int input, int second)
{
	struct sc_node *node = add_node(graph, kind, name, input, second);
	if (!node)
		return SC_NONE;
	copy_shape(node, &graph->model->nodes[input]);
	return close_node(graph, node);
}

int sc_graph_relu(struct sc_graph *graph, const char *name, int input)
{
	return add_alike(graph, SC_NODE_RELU, name, input, SC_NONE);
}

int sc_graph_sigmoid(struct sc_graph *graph, const char *name, int input)
{
	return add_alike(graph, SC_NODE_SIGMOID, name, input, SC_NONE);
}

int sc_graph_scale(struct sc_graph *graph, const char *name, int input, int factor)
{
	return add_alike(graph, SC_NODE_SCALE, name, input, factor);
}

int sc_graph_add(struct sc_graph *graph, const char *name, int a, int b)
{
	struct sc_node *node = add_node(graph, SC_NODE_ADD, name, a, b);
	if (!node)
		return SC_NONE;
	const struct sc_node *left = &graph->model->nodes[a], *right = &graph->model->nodes[b];
	copy_shape(node, left);
	if (left->height != right->height || left->width != right->width || left->channels != right->channels)
		graph->status = sc_fail(graph->error, SC_ERROR_MISMATCH, node->name, -1,
					"%s: %s gives %" PRId64 " x %" PRId64 " x %" PRId64 ", %s gives %" PRId64 " x %" PRId64
					" x %" PRId64,
					node->name, left->name, left->height, left->width, left->channels, right->name,
					right->height, right->width, right->channels);
	return close_node(graph, node);
}

int sc_graph_max_pool(struct sc_graph *graph, const char *name, int input, int64_t kernel, int64_t stride, float pad_value)
{
	struct sc_node *node = add_node(graph, SC_NODE_MAX_POOL, name, input, SC_NONE);
	if (!node)
		return SC_NONE;
	copy_shape(node, &graph->model->nodes[input]);
	place_window(graph, node, &graph->model->nodes[input], kernel, stride);
	node->pad_value = pad_value;
	return close_node(graph, node);
}

int sc_graph_subsample(struct sc_graph *graph, const char *name, int input, int64_t stride, int64_t channels, int64_t zeros_before)
{
	struct sc_node *node = add_node(graph, SC_NODE_SUBSAMPLE, name, input, SC_NONE);
	if (!node)
		return SC_NONE;
	const struct sc_node *from = &graph->model->nodes[input];
	node->channels = channels;
	node->zeros_before = zeros_before;
	place_window(graph, node, from, 1, stride);
	if (graph->status == SC_OK && (zeros_before < 0 || zeros_before > channels - from->channels))
		graph->status = sc_fail(graph->error, SC_ERROR_ARGUMENT, node->name, -1,
					"%s: %" PRId64 " channels after %" PRId64 " channels of zeros do not fit into %" PRId64,
					node->name, from->channels, zeros_before, channels);
	return close_node(graph, node);
}

int sc_graph_average_pool(struct sc_graph *graph, const char *name, int input, int64_t cell)
{
	struct sc_node *node = add_node(graph, cell ? SC_NODE_AVERAGE_POOL : SC_NODE_GLOBAL_AVERAGE_POOL, name, input, SC_NONE);
	if (!node)
		return SC_NONE;
	const struct sc_node *from = &graph->model->nodes[input];
	node->height = node->width = 1;
	node->channels = from->channels;
	if (cell) {
		node->window = (struct sc_window){.kernel_h = cell, .kernel_w = cell, .stride_h = cell, .stride_w = cell};
		graph->status = sc_window_place(&node->window, SC_PADDING_SAME, from->height, from->width, &node->height,
						&node->width, node->name, graph->error);
		node->window.pad_top = node->window.pad_left = 0; /* all at the end, where it takes no part */
	}
	return close_node(graph, node);
}

int sc_graph_dense(struct sc_graph *graph, const char *name, int input, int64_t channels)
{
	struct sc_node *node = add_node(graph, SC_NODE_DENSE, name, input, SC_NONE);
	if (!node)
		return SC_NONE;
	int64_t in = graph->model->nodes[input].channels;
	node->height = node->width = 1;
	node->channels = channels;
	node->weight = add_parameter(graph, node, "weight", SC_ROLE_KERNEL, graph->style->dense_kernel, 2,
				     (const int64_t[]){in, channels});
	set_fans(graph, node->weight, 1, in, channels);
	node->bias = add_vector(graph, node, "bias", SC_ROLE_BIAS, graph->style->dense_bias);
	set_fans(graph, node->bias, 1, in, channels);
	return close_node(graph, node);
}

/* Gives each parameter of one kind (trained or not) its place after *end, in the order of the nodes. */
static bool place_parameters(struct sc_model *model, bool trainable, int64_t *end)
{
	for (int i = 0; i < model->parameter_count; i++) {
		struct sc_parameter *parameter = &model->parameters[i];
		if (sc_parameter_trainable(parameter) != trainable)
			continue;
		if (parameter->count > INT64_MAX / (int64_t)sizeof(float) - *end - OFFSET_UNIT)
			return false;
		parameter->offset = *end;
		*end = sc_round_up(*end + parameter->count, OFFSET_UNIT);
	}
	return true;
}

enum sc_status sc_graph_finish(struct sc_graph *graph)
{
	struct sc_model *model = graph->model;
	if (graph->status != SC_OK)
		return graph->status;
	int64_t end = 0;
	bool fits = place_parameters(model, true, &end);
	model->trainable_values = end;
	fits = fits && place_parameters(model, false, &end);
	model->value_count = end;
	if (!fits)
		return sc_fail(graph->error, SC_ERROR_ARGUMENT, model->name, -1, "%s has more parameters than can be addressed",
			       model->name);
	return sc_layer_texts_make(model, graph->error);
}
