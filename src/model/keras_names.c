/* keras_names.c - where the parameters of a net stand in the weights file of its Keras model.
 *
 * keras.applications are Functional models: their files count the layers of each class, in the order of keras_order.c
 * ("layers/conv2d_3"). The tutorial's model is a class, whose file says attributes and places in lists: "conv", "bn" and "fc", and
 * in block 1 of stage 2 "layers/resnet_block_1/listLayers/residual_1/conv1". tools/tutorial_subclassed.py is that class. */
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

/* ---- Names of variables -------------------------------------------------------------------------------------------------- */

static void name_variables(const struct sc_node *node, const char *path, struct sc_tensor *views, char (*names)[SC_KERAS_PATH])
{
	int parameters[4];
	const int count = sc_keras_variables(node, parameters);
	for (int i = 0; i < count; i++) {
		char *name = names[parameters[i]];
		snprintf(name, SC_KERAS_PATH, "%.170s/vars/%d", path, i);
		views[parameters[i]].name = name;
	}
}

static enum sc_status name_application(const struct sc_model *model, struct sc_tensor *views, char (*names)[SC_KERAS_PATH],
				       struct sc_error *error)
{
	static const struct {
		enum sc_node_kind kind;
		const char *path;
	} classes[] = {{SC_NODE_CONVOLUTION, "layers/conv2d"},
		       {SC_NODE_BATCH_NORM, "layers/batch_normalization"},
		       {SC_NODE_DENSE, "layers/dense"}};
	int *room = sc_allocate(2 * (int64_t)model->node_count, sizeof *room);
	if (!room)
		return sc_fail_memory(error, 2 * model->node_count * (int64_t)sizeof *room, "the order of Keras' layers");
	for (size_t k = 0; k < sizeof classes / sizeof *classes; k++) {
		const int count = sc_keras_order(model, classes[k].kind, room, room + model->node_count);
		for (int i = 0; i < count; i++) {
			char path[40];
			counted(path, classes[k].path, i);
			name_variables(&model->nodes[room[i]], path, views, names);
		}
	}
	free(room);
	return SC_OK;
}

static void name_tutorial(const struct sc_model *model, struct sc_tensor *views, char (*names)[SC_KERAS_PATH])
{
	for (int i = 0; i < model->node_count; i++) {
		char path[SC_KERAS_PATH];
		tutorial_path(path, model->net, &model->nodes[i]);
		name_variables(&model->nodes[i], path, views, names);
	}
}

enum sc_status sc_keras_name(const struct sc_model *model, struct sc_tensor *views, char (*names)[SC_KERAS_PATH],
			     struct sc_error *error)
{
	if (is_application(model->net))
		return name_application(model, views, names, error);
	if (!is_tutorial(model->net))
		return sc_fail(
			error, SC_ERROR_UNSUPPORTED, model->name, -1,
			"%s: expected a net of keras.applications (keras-resnet50, keras-resnet50v2, ...) or of the Keras tutorial "
			"(keras-tutorial-18, ...) for Keras' .weights.h5, found one that no Keras model here has the layers of",
			model->name);
	name_tutorial(model, views, names);
	return SC_OK;
}
