/* keras_config.c - a net as the layers of a Keras Functional model, in JSON.
 *
 *     MODEL    {"class_name": "Functional", "config": {"name": ..., "layers": [LAYER, ...], "input_layers": [NAME, 0, 0],
 *              "output_layers": [NAME, 0, 0]}, ...}
 *     LAYER    {"class_name": "Conv2D", "name": NAME, "config": {...}, "inbound_nodes": [[[NAME OF AN INPUT, 0, 0, {}], ...]]}
 *
 * This form of inbound_nodes is the older one, which Keras 3 reads in both files, .keras and .h5; what the config of a layer leaves
 * out is Keras' default. A node becomes a layer of its name; where Keras needs another layer before it, that one is named after it:
 * padding that is not "same" is a ZeroPadding2D. A running variance in torch's style comes from n / (n - 1) of the batch's and in
 * Keras from the batch's, so those of a net that is trained on there move a little differently; its outputs are the same. */
#include "model/keras.h"

#include <stdio.h>

#include "io/json.h"
#include "model/shapes.h"

struct config {
	const struct sc_model *model;
	json_t *layers;
	enum sc_status status; /* after a failure no node is added any more */
	struct sc_error *error;
};

/* ---- Layers ----------------------------------------------------------------------------------------------------------------- */

static void fail_memory(struct config *c)
{
	if (!c->status)
		c->status = sc_fail_memory(c->error, 1 << 16, "the layers of a Keras model");
}

static json_t *inbound_nodes(const char *input, const char *second)
{
	if (!input)
		return json_array();
	if (!second)
		return json_pack("[[[s,i,i,{}]]]", input, 0, 0);
	return json_pack("[[[s,i,i,{}],[s,i,i,{}]]]", input, 0, 0, second, 0, 0);
}

/* `settings`: the layer's config but for its name, taken over; NULL: there was no memory for it. */
static void add_layer(struct config *c, const char *class_name, const char *name, const char *input, const char *second,
		      json_t *settings)
{
	if (!settings || json_object_set_new(settings, "name", json_string(name)) != 0) {
		json_decref(settings);
		fail_memory(c);
		return;
	}
	json_t *layer = json_pack("{s:s, s:s, s:o, s:o}", "class_name", class_name, "name", name, "config", settings,
				  "inbound_nodes", inbound_nodes(input, second));
	if (json_array_append_new(c->layers, layer) != 0)
		fail_memory(c);
}

static void refuse(struct config *c, const struct sc_node *node, const char *what)
{
	if (!c->status)
		c->status = sc_fail(c->error, SC_ERROR_UNSUPPORTED, node->name, -1, "%s: layer '%s': Keras has no %s",
				    c->model->name, node->name, what);
}

/* ---- Padding ---------------------------------------------------------------------------------------------------------------- */

static bool has_padding(const struct sc_window *w)
{
	return w->pad_top || w->pad_left || w->pad_bottom || w->pad_right;
}

static bool is_same_padding(const struct sc_window *window, const struct sc_node *input)
{
	struct sc_window same = *window;
	int64_t height, width;
	return sc_window_place(&same, SC_PADDING_SAME, input->height, input->width, &height, &width, "", NULL) == SC_OK &&
	       same.pad_top == window->pad_top && same.pad_left == window->pad_left && same.pad_bottom == window->pad_bottom &&
	       same.pad_right == window->pad_right;
}

/* Keras' word for the padding of a layer; NULL: it has none. */
static const char *padding_word(const struct config *c, const struct sc_node *node)
{
	if (!has_padding(&node->window))
		return "valid";
	return is_same_padding(&node->window, &c->model->nodes[node->inputs[0]]) ? "same" : NULL;
}

/* Zeros around the input, by a layer before the one of that name; `input` becomes what is around it. */
static void surround(struct config *c, const struct sc_node *node, const char *name, char input[SC_KERAS_NAME])
{
	const struct sc_window *w = &node->window;
	char padding[SC_KERAS_NAME + 8];
	snprintf(padding, sizeof padding, "%s.pad", name);
	add_layer(c, "ZeroPadding2D", padding, input, NULL,
		  json_pack("{s:[[I,I],[I,I]]}", "padding", (json_int_t)w->pad_top, (json_int_t)w->pad_bottom,
			    (json_int_t)w->pad_left, (json_int_t)w->pad_right));
	snprintf(input, SC_KERAS_NAME, "%.*s", SC_KERAS_NAME - 1, padding);
}

/* ---- Nodes ------------------------------------------------------------------------------------------------------------------ */

static void add_input(struct config *c, const struct sc_node *node, const char *name)
{
	add_layer(c, "InputLayer", name, NULL, NULL,
		  json_pack("{s:[n,I,I,I], s:s}", "batch_input_shape", (json_int_t)node->height, (json_int_t)node->width,
			    (json_int_t)node->channels, "dtype", "float32"));
}

static void add_convolution(struct config *c, const struct sc_node *node, const char *name, char input[SC_KERAS_NAME])
{
	const struct sc_window *w = &node->window;
	const char *padding = padding_word(c, node);
	if (!padding)
		surround(c, node, name, input);
	add_layer(c, "Conv2D", name, input, NULL,
		  json_pack("{s:I, s:[I,I], s:[I,I], s:s, s:I, s:b}", "filters", (json_int_t)node->channels, "kernel_size",
			    (json_int_t)w->kernel_h, (json_int_t)w->kernel_w, "strides", (json_int_t)w->stride_h,
			    (json_int_t)w->stride_w, "padding", padding ? padding : "valid", "groups", (json_int_t)node->groups,
			    "use_bias", node->bias != SC_NONE));
}

static void add_pool(struct config *c, const char *class_name, const struct sc_node *node, const char *name, const char *input,
		     const char *padding)
{
	const struct sc_window *w = &node->window;
	add_layer(c, class_name, name, input, NULL,
		  json_pack("{s:[I,I], s:[I,I], s:s}", "pool_size", (json_int_t)w->kernel_h, (json_int_t)w->kernel_w, "strides",
			    (json_int_t)w->stride_h, (json_int_t)w->stride_w, "padding", padding));
}

/* Zeros that take part are never Keras' own padding, which never wins; that is the same as zeros behind a rectifier, whose results
 * are not less. */
static void add_max_pool(struct config *c, const struct sc_node *node, const char *name, char input[SC_KERAS_NAME])
{
	const bool zeros = has_padding(&node->window) && node->pad_value == 0.0f;
	const char *padding = zeros ? NULL : padding_word(c, node);
	if (!zeros && !padding && c->model->nodes[node->inputs[0]].kind != SC_NODE_RELU) {
		refuse(c, node, "max-pool whose padding is not \"same\" and never wins, unless a rectifier comes before it");
		return;
	}
	if (!padding)
		surround(c, node, name, input);
	add_pool(c, "MaxPooling2D", node, name, input, padding ? padding : "valid");
}

/* In Keras, too, padding takes no part in the mean. */
static void add_average_pool(struct config *c, const struct sc_node *node, const char *name, const char *input)
{
	const char *padding = padding_word(c, node);
	if (padding)
		add_pool(c, "AveragePooling2D", node, name, input, padding);
	else
		refuse(c, node, "average pool whose cut off cells are all at the right and bottom");
}

/* Pixels by a pool of one pixel; channels of zeros by padding the last axis, which Keras takes for a width where channels are said
 * to come first. */
static void add_subsample(struct config *c, const struct sc_node *node, const char *name, const char *input)
{
	const int64_t zeros = node->channels - c->model->nodes[node->inputs[0]].channels;
	char pixels[SC_KERAS_NAME + 8];
	snprintf(pixels, sizeof pixels, "%s.pixels", name);
	add_pool(c, "MaxPooling2D", node, zeros ? pixels : name, input, "valid");
	if (zeros)
		add_layer(c, "ZeroPadding2D", name, pixels, NULL,
			  json_pack("{s:[[i,i],[I,I]], s:s}", "padding", 0, 0, (json_int_t)node->zeros_before,
				    (json_int_t)(zeros - node->zeros_before), "data_format", "channels_first"));
}

static void add_batch_norm(struct config *c, const struct sc_node *node, const char *name, const char *input)
{
	add_layer(c, "BatchNormalization", name, input, NULL,
		  json_pack("{s:o, s:o}", "momentum", sc_json_real(node->momentum), "epsilon", sc_json_real(node->epsilon)));
}

/* The order of the inputs decides the order of the layers (keras_order.c). */
static void add_addition(struct config *c, const char *name, const char *residual, const char *shortcut)
{
	const bool shortcut_first = sc_keras_shortcut_first(c->model);
	add_layer(c, "Add", name, shortcut_first ? shortcut : residual, shortcut_first ? residual : shortcut, json_object());
}

/* A dense layer wants a vector; a gate's convolution wants a map of one pixel. */
static bool feeds_dense(const struct sc_model *model, int node)
{
	return model->nodes[node + 1].kind == SC_NODE_DENSE;
}

static void add_node(struct config *c, int index)
{
	const struct sc_node *node = &c->model->nodes[index];
	char name[SC_KERAS_NAME], inputs[2][SC_KERAS_NAME] = {"", ""};
	sc_keras_layer_name(name, c->model, node);
	for (int i = 0; i < 2; i++)
		if (node->inputs[i] != SC_NONE)
			sc_keras_layer_name(inputs[i], c->model, &c->model->nodes[node->inputs[i]]);
	switch (node->kind) {
	case SC_NODE_INPUT:
		add_input(c, node, name);
		return;
	case SC_NODE_CONVOLUTION:
		add_convolution(c, node, name, inputs[0]);
		return;
	case SC_NODE_BATCH_NORM:
		add_batch_norm(c, node, name, inputs[0]);
		return;
	case SC_NODE_RELU:
		add_layer(c, "ReLU", name, inputs[0], NULL, json_object());
		return;
	case SC_NODE_ADD:
		add_addition(c, name, inputs[0], inputs[1]);
		return;
	case SC_NODE_MAX_POOL:
		add_max_pool(c, node, name, inputs[0]);
		return;
	case SC_NODE_GLOBAL_AVERAGE_POOL:
		add_layer(c, "GlobalAveragePooling2D", name, inputs[0], NULL,
			  json_pack("{s:b}", "keepdims", !feeds_dense(c->model, index)));
		return;
	case SC_NODE_AVERAGE_POOL:
		add_average_pool(c, node, name, inputs[0]);
		return;
	case SC_NODE_DENSE:
		add_layer(c, "Dense", name, inputs[0], NULL,
			  json_pack("{s:I, s:s}", "units", (json_int_t)node->channels, "activation", "softmax"));
		return;
	case SC_NODE_SUBSAMPLE:
		add_subsample(c, node, name, inputs[0]);
		return;
	case SC_NODE_SIGMOID:
		add_layer(c, "Activation", name, inputs[0], NULL, json_pack("{s:s}", "activation", "sigmoid"));
		return;
	case SC_NODE_SCALE:
		add_layer(c, "Multiply", name, inputs[0], inputs[1], json_object());
		return;
	}
}

/* ---- The model -------------------------------------------------------------------------------------------------------------- */

enum sc_status sc_keras_config(const struct sc_model *model, char **text, struct sc_error *error)
{
	struct config config = {.model = model, .layers = json_array(), .error = error};
	char first[SC_KERAS_NAME], last[SC_KERAS_NAME];
	for (int i = 0; i < model->node_count && !config.status; i++)
		add_node(&config, i);
	if (config.status) {
		json_decref(config.layers);
		return config.status;
	}
	sc_keras_layer_name(first, model, &model->nodes[0]);
	sc_keras_layer_name(last, model, &model->nodes[model->node_count - 1]);
	json_t *root = json_pack("{s:s, s:s, s:{s:s, s:o, s:[s,i,i], s:[s,i,i]}, s:s}", "module", "keras.src.models.functional",
				 "class_name", "Functional", "config", "name", model->name, "layers", config.layers, "input_layers",
				 first, 0, 0, "output_layers", last, 0, 0, "registered_name", "Functional");
	*text = root ? sc_json_text(root, JSON_COMPACT | SC_JSON_REAL) : NULL;
	json_decref(root);
	if (!*text)
		fail_memory(&config);
	return config.status;
}
