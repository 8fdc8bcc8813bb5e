/* layers.c - the layers as a user sees them: names, shapes, parameters, multiply-adds, bytes; and their totals.
 *
 * Counts follow the custom of other tools: padded taps count as multiply-adds; the work of BatchNorm, ReLU, add and pools is left
 * out of them; running statistics count as parameters that are not trained, as in Keras. */
#include "model/layers.h"

#include <inttypes.h>
#include <string.h>

static const char *const types[] = {
	[SC_NODE_INPUT] = "input",
	[SC_NODE_CONVOLUTION] = "convolution",
	[SC_NODE_BATCH_NORM] = "batch norm",
	[SC_NODE_RELU] = "relu",
	[SC_NODE_ADD] = "add",
	[SC_NODE_MAX_POOL] = "max pool",
	[SC_NODE_GLOBAL_AVERAGE_POOL] = "average pool",
	[SC_NODE_AVERAGE_POOL] = "average pool",
	[SC_NODE_DENSE] = "dense",
	[SC_NODE_SUBSAMPLE] = "subsample",
	[SC_NODE_SIGMOID] = "sigmoid",
	[SC_NODE_SCALE] = "scale",
};

/* "3x3/2 64->128", "3x3/1 128->128 in 32 groups", "512->10", or "". */
static void write_detail(const struct sc_model *model, const struct sc_node *node, char *text, size_t size)
{
	const struct sc_window *window = &node->window;
	int64_t in = node->inputs[0] == SC_NONE ? 0 : model->nodes[node->inputs[0]].channels;
	int length = 0;
	if (window->kernel_h)
		length = snprintf(text, size, "%" PRId64 "x%" PRId64 "/%" PRId64, window->kernel_h, window->kernel_w,
				  window->stride_h);
	if (node->kind == SC_NODE_CONVOLUTION || node->kind == SC_NODE_DENSE || node->kind == SC_NODE_SUBSAMPLE)
		length += snprintf(text + length, size - (size_t)length, "%s%" PRId64 "->%" PRId64, length ? " " : "", in,
				   node->channels);
	if (node->groups > 1)
		snprintf(text + length, size - (size_t)length, " in %" PRId64 " groups", node->groups);
}

static void write_inputs(const struct sc_model *model, const struct sc_node *node, char *text, size_t size)
{
	int length = 0;
	for (int i = 0; i < 2; i++)
		if (node->inputs[i] != SC_NONE)
			length += snprintf(text + length, size - (size_t)length, "%s%s", i ? ", " : "",
					   model->nodes[node->inputs[i]].name);
}

enum sc_status sc_layer_texts_make(struct sc_model *model, struct sc_error *error)
{
	model->details = sc_allocate(model->node_count, sizeof *model->details);
	model->input_names = sc_allocate(model->node_count, sizeof *model->input_names);
	if (!model->details || !model->input_names)
		return sc_fail_memory(error, model->node_count * (int64_t)sizeof *model->input_names, "the names of the layers");
	for (int i = 0; i < model->node_count; i++) {
		write_detail(model, &model->nodes[i], model->details[i], sizeof model->details[i]);
		write_inputs(model, &model->nodes[i], model->input_names[i], sizeof model->input_names[i]);
	}
	return SC_OK;
}

int64_t sc_model_layer_count(const struct sc_model *model)
{
	return model->node_count;
}

void sc_model_layer(const struct sc_model *model, int64_t index, struct sc_layer *layer)
{
	const struct sc_node *node = &model->nodes[index];
	*layer = (struct sc_layer){.name = node->name,
				   .type = types[node->kind],
				   .detail = model->details[index],
				   .inputs = model->input_names[index],
				   .height = node->height,
				   .width = node->width,
				   .channels = node->channels,
				   .output_bytes = node->height * node->width * node->channels * (int64_t)sizeof(float)};
	const int owned[] = {node->weight, node->bias, node->running_mean, node->running_variance};
	for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) {
		if (owned[i] == SC_NONE)
			continue;
		const struct sc_parameter *parameter = &model->parameters[owned[i]];
		layer->parameters += parameter->count;
		layer->trainable += sc_parameter_trainable(parameter) ? parameter->count : 0;
	}
	if (node->kind == SC_NODE_CONVOLUTION || node->kind == SC_NODE_DENSE) /* each weight meets each output pixel once */
		layer->macs = node->height * node->width * model->parameters[node->weight].count;
}

void sc_model_totals(const struct sc_model *model, struct sc_totals *totals)
{
	*totals = (struct sc_totals){0};
	for (int64_t i = 0; i < model->node_count; i++) {
		struct sc_layer layer;
		sc_model_layer(model, i, &layer);
		totals->parameters += layer.parameters;
		totals->trainable += layer.trainable;
		totals->macs += layer.macs;
		totals->output_bytes += layer.output_bytes;
	}
	totals->non_trainable = totals->parameters - totals->trainable;
	totals->parameter_bytes = totals->parameters * (int64_t)sizeof(float);
}

const char *sc_count_text(char text[SC_COUNT_SIZE], int64_t count)
{
	char digits[SC_COUNT_SIZE];
	int length = snprintf(digits, sizeof digits, "%" PRId64, count), end = 0;
	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-')
			text[end++] = ',';
		text[end++] = digits[i];
	}
	text[end] = '\0';
	return text;
}
