/* keras_order.c - names and order of layers in Keras models.
 *
 * A Functional model lists its layers by their depth, the longest way from a layer to the output; of layers of one depth those come
 * first from which the first input of the addition comes: in keras.applications the shortcut's (conv2_block1_0_conv before
 * conv2_block1_3_conv, though after conv2_block1_2_conv), in other nets the residual's. The blocks of a subclassed model, as the
 * tutorial's, list them in the same way where the shortcut's convolution has the last name (conv3, shortcut). */
#include "model/keras.h"

#include <stdlib.h>
#include <string.h>

#include "model/resnet.h"

static bool on_shortcut(const struct sc_node *node)
{
	return strstr(node->name, ".downsample.") != NULL;
}

/* Those of keras.applications are the nets whose pool sees zeros around the map. */
bool sc_keras_shortcut_first(const struct sc_model *model)
{
	return model->net->stem_pool_zeros;
}

int sc_keras_order(const struct sc_model *model, int *nodes, int *depths)
{
	const bool shortcut_first = sc_keras_shortcut_first(model);
	int count = 0;
	memset(depths, 0, (size_t)model->node_count * sizeof *depths);
	for (int i = model->node_count - 1; i >= 0; i--)
		for (int k = 0; k < 2; k++) {
			const int input = model->nodes[i].inputs[k];
			if (input != SC_NONE && depths[input] <= depths[i])
				depths[input] = depths[i] + 1;
		}
	for (int i = 0; i < model->node_count; i++) {
		if (model->nodes[i].weight == SC_NONE)
			continue;
		/* Only the last few can be less deep than this one. */
		int at = count++;
		while (at > 0 && (depths[nodes[at - 1]] < depths[i] ||
				  (depths[nodes[at - 1]] == depths[i] && shortcut_first && on_shortcut(&model->nodes[i])))) {
			nodes[at] = nodes[at - 1];
			at--;
		}
		nodes[at] = i;
	}
	return count;
}

int sc_keras_variables(const struct sc_node *node, int parameters[4])
{
	const int all[] = {node->weight, node->bias, node->running_mean, node->running_variance};
	int count = 0;
	for (int i = 0; i < 4; i++)
		if (all[i] != SC_NONE)
			parameters[count++] = all[i];
	return count;
}

/* "conv", 1 or "bn", 1 or "downsample.", 0 in block `prefix`, whose names are one less for BatchNorms of v2: bn1 is preact_bn
 * there. */
static bool block_name(char name[SC_KERAS_NAME], const char *prefix, const char *layer, bool preactivation)
{
	int number;
	char end;
	if (sscanf(layer, "conv%d%c", &number, &end) == 1)
		snprintf(name, SC_KERAS_NAME, "%s_%d_conv", prefix, number);
	else if (sscanf(layer, "bn%d%c", &number, &end) == 1 && preactivation && number == 1)
		snprintf(name, SC_KERAS_NAME, "%s_preact_bn", prefix);
	else if (sscanf(layer, "bn%d%c", &number, &end) == 1)
		snprintf(name, SC_KERAS_NAME, "%s_%d_bn", prefix, preactivation ? number - 1 : number);
	else if (strcmp(layer, "downsample.0") == 0)
		snprintf(name, SC_KERAS_NAME, "%s_0_conv", prefix);
	else if (strcmp(layer, "downsample.1") == 0)
		snprintf(name, SC_KERAS_NAME, "%s_0_bn", prefix);
	else
		return false;
	return true;
}

bool sc_keras_application_name(char name[SC_KERAS_NAME], const struct sc_model *model, const struct sc_node *node)
{
	static const char *const outside[][2] = {
		{"conv1", "conv1_conv"}, {"bn1", "conv1_bn"}, {"post_bn", "post_bn"}, {"fc", "predictions"}};
	int stage, block, used = 0;
	char prefix[48];
	if (!sc_keras_shortcut_first(model))
		return false;
	for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
		if (strcmp(node->name, outside[i][0]) == 0) {
			snprintf(name, SC_KERAS_NAME, "%s", outside[i][1]);
			return true;
		}
	if (sscanf(node->name, "layer%d.%d.%n", &stage, &block, &used) != 2 || used == 0)
		return false;
	snprintf(prefix, sizeof prefix, "conv%d_block%d", stage + 1, block + 1);
	return block_name(name, prefix, node->name + used, model->net->preactivation);
}

void sc_keras_layer_name(char name[SC_KERAS_NAME], const struct sc_model *model, const struct sc_node *node)
{
	if (!sc_keras_application_name(name, model, node))
		snprintf(name, SC_KERAS_NAME, "%s", node->name);
}
