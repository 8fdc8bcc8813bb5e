/* keras_names.c - where the parameters of a net stand in the file of its Keras model.
 *
 * Functional models, keras.applications and those that keras_config.c describes: .weights.h5 and .keras count the layers of each
 * class, in the order of keras_order.c ("layers/conv2d_3"); .h5 has their names ("model_weights/conv1/conv1/kernel").
 * The tutorial's model is a class, whose .weights.h5 says attributes and places in lists: "conv", "bn" and "fc", and in block 1 of
 * stage 2 "layers/resnet_block_1/listLayers/residual_1/conv1". tools/tutorial_subclassed.py is that class. */
#include "model/keras.h"

#include <stdlib.h>
#include <string.h>

#include "model/resnet.h"

/* ---- Keras models -------------------------------------------------------------------------------------------------------- */

static bool has_plain_blocks(const struct sc_resnet *net)
{
	return net->shortcut == SC_SHORTCUT_PROJECTION && net->groups <= 1 && (net->group_width == 0 || net->group_width == 64) &&
	       net->squeeze == 0 && net->stem_deep[0] == 0 && !net->average_down && net->without_block == 0 && net->stem_pool;
}

static bool is_application(const struct sc_resnet *net)
{
	return has_plain_blocks(net) && net->stem_pool_zeros && net->block == SC_BLOCK_BOTTLENECK &&
	       net->projection_batch_norm == !net->preactivation;
}

static bool is_tutorial(const struct sc_resnet *net)
{
	return has_plain_blocks(net) && !net->stem_pool_zeros && !net->preactivation && !net->projection_batch_norm &&
	       net->style.padding == SC_PADDING_SAME && net->style.convolution_bias == SC_BIAS_ALWAYS;
}

/* ---- Paths of layers ----------------------------------------------------------------------------------------------------- */

/* "name" for the first one, "name_1" for the second. */
static void counted(char text[40], const char *name, int index)
{
	if (index == 0)
		snprintf(text, 40, "%s", name);
	else
		snprintf(text, 40, "%s_%d", name, index);
}

static void tutorial_path(char path[SC_KERAS_PATH], const struct sc_resnet *net, const struct sc_node *node)
{
	const bool bottleneck = net->block == SC_BLOCK_BOTTLENECK;
	int stage, block, used = 0;
	char list[40], item[40];
	if (sscanf(node->name, "layer%d.%d.%n", &stage, &block, &used) != 2 || used == 0) { /* conv1, bn1, fc */
		snprintf(path, SC_KERAS_PATH, "%.*s", (int)strcspn(node->name, "1"), node->name);
		return;
	}
	const char *layer = node->name + used;
	if (strcmp(layer, "downsample.0") == 0)
		layer = bottleneck ? "conv4" : "conv3";
	counted(list, "resnet_block", stage - 1);
	counted(item, bottleneck ? "bottleneck" : "residual", block);
	snprintf(path, SC_KERAS_PATH, "layers/%s/listLayers/%s/%s", list, item, layer);
}

/* By class, the how manieth it is. */
static void counted_path(char path[SC_KERAS_PATH], const struct sc_node *node, int counts[3])
{
	static const char *const classes[] = {"conv2d", "batch_normalization", "dense"};
	const int class = node->kind == SC_NODE_CONVOLUTION ? 0 : node->kind == SC_NODE_BATCH_NORM ? 1 : 2;
	char name[40];
	counted(name, classes[class], counts[class]++);
	snprintf(path, SC_KERAS_PATH, "layers/%s", name);
}

/* ---- Names of variables -------------------------------------------------------------------------------------------------- */

static const char *variable_name(const struct sc_node *node, int place)
{
	static const char *const of_batch_norm[] = {"gamma", "beta", "moving_mean", "moving_variance"};
	static const char *const of_others[] = {"kernel", "bias"};
	return node->kind == SC_NODE_BATCH_NORM ? of_batch_norm[place] : of_others[place];
}

/* The views of one layer behind each other at `ordered`, with their names; gives their number. */
static int name_layer(const struct sc_node *node, enum sc_keras_file file, const char *path, const struct sc_tensor *views,
		      struct sc_tensor *ordered, char (*names)[SC_KERAS_PATH])
{
	int parameters[4];
	const int count = sc_keras_variables(node, parameters);
	for (int i = 0; i < count; i++) {
		char *name = names[parameters[i]];
		if (file == SC_KERAS_LEGACY)
			snprintf(name, SC_KERAS_PATH, "%.200s/%s", path, variable_name(node, i));
		else
			snprintf(name, SC_KERAS_PATH, "%.200s/vars/%d", path, i);
		ordered[i] = views[parameters[i]];
		ordered[i].name = name;
	}
	return count;
}

static void name_all(const struct sc_model *model, enum sc_keras_file file, const struct sc_tensor *views,
		     struct sc_tensor *ordered, char (*names)[SC_KERAS_PATH], int *room)
{
	const int count = sc_keras_order(model, room, room + model->node_count);
	int counts[3] = {0};
	for (int i = 0; i < count; i++) {
		const struct sc_node *node = &model->nodes[room[i]];
		char path[SC_KERAS_PATH], layer[SC_KERAS_NAME];
		sc_keras_layer_name(layer, model, node);
		if (file == SC_KERAS_LEGACY)
			snprintf(path, sizeof path, "model_weights/%s/%s", layer, layer);
		else if (file == SC_KERAS_WEIGHTS_FILE && is_tutorial(model->net))
			tutorial_path(path, model->net, node);
		else
			counted_path(path, node, counts);
		ordered += name_layer(node, file, path, views, ordered, names);
	}
}

enum sc_status sc_keras_name(const struct sc_model *model, enum sc_keras_file file, struct sc_tensor *views,
			     char (*names)[SC_KERAS_PATH], struct sc_error *error)
{
	if (file == SC_KERAS_WEIGHTS_FILE && !is_application(model->net) && !is_tutorial(model->net))
		return sc_fail(
			error, SC_ERROR_UNSUPPORTED, model->name, -1,
			"%s: expected a net of keras.applications (keras-resnet50, keras-resnet50v2, ...) or of the Keras tutorial "
			"(keras-tutorial-18, ...) for Keras' .weights.h5, found one that no Keras model here has the layers of; "
			".keras and .h5 hold any net",
			model->name);
	int *room = sc_allocate(2 * (int64_t)model->node_count, sizeof *room);
	struct sc_tensor *ordered = sc_allocate(model->parameter_count, sizeof *ordered);
	const bool good = room && ordered;
	if (good) {
		name_all(model, file, views, ordered, names, room);
		memcpy(views, ordered, (size_t)model->parameter_count * sizeof *ordered);
	}
	free(ordered);
	free(room);
	return good ? SC_OK
		    : sc_fail_memory(error, model->parameter_count * (int64_t)sizeof *ordered, "the order of Keras' layers");
}
