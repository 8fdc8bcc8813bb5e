/* builder.c - the layers of a residual network, from stem to scores, for any net of the family that struct sc_resnet describes.
 *
 * Source: He, Zhang, Ren, Sun: "Deep residual learning for image recognition", 2015; layer names are torchvision's. It adds nodes
 * to a graph and knows nothing of memory, parameters or presets. */
#include "model/resnet.h"

#include <math.h>

#define BOTTLENECK_EXPANSION 4

static int64_t block_channels(const struct sc_resnet *resnet, int stage)
{
	return resnet->widths[stage] * (resnet->block == SC_BLOCK_BOTTLENECK ? BOTTLENECK_EXPANSION : 1);
}

/* conv - BatchNorm - ReLU - conv - BatchNorm */
static int add_basic(struct sc_graph *graph, int x, int64_t width, int64_t stride)
{
	x = sc_graph_convolution(graph, "conv1", x, 3, stride, width);
	x = sc_graph_batch_norm(graph, "bn1", x);
	x = sc_graph_relu(graph, "relu1", x);
	x = sc_graph_convolution(graph, "conv2", x, 3, 1, width);
	return sc_graph_batch_norm(graph, "bn2", x);
}

/* 1x1 reduces, 3x3 looks around, 1x1 widens again. ResNeXt looks around in groups, wide nets reduce less. */
static int add_bottleneck(struct sc_graph *graph, const struct sc_resnet *resnet, int x, int stage, int64_t stride)
{
	int64_t groups = resnet->groups ? resnet->groups : 1, group_width = resnet->group_width ? resnet->group_width : 64;
	int64_t width = resnet->widths[stage] * group_width / 64 * groups;
	bool late = resnet->stride_in_3x3;
	x = sc_graph_convolution(graph, "conv1", x, 1, late ? 1 : stride, width);
	x = sc_graph_batch_norm(graph, "bn1", x);
	x = sc_graph_relu(graph, "relu1", x);
	x = sc_graph_grouped_convolution(graph, "conv2", x, 3, late ? stride : 1, width, groups);
	x = sc_graph_batch_norm(graph, "bn2", x);
	x = sc_graph_relu(graph, "relu2", x);
	x = sc_graph_convolution(graph, "conv3", x, 1, 1, block_channels(resnet, stage));
	return sc_graph_batch_norm(graph, "bn3", x);
}

/* What is added to the residual of a block: `x` itself, or something of the residual's shape made of it. */
static int add_shortcut(struct sc_graph *graph, const struct sc_resnet *resnet, int x, int64_t in, int64_t out, int64_t stride)
{
	bool changes = stride != 1 || in != out;
	if (!changes && resnet->shortcut != SC_SHORTCUT_PROJECTION_ALWAYS)
		return x;
	if (resnet->shortcut == SC_SHORTCUT_ZEROS) {
		int64_t zeros = out - in;
		return sc_graph_subsample(graph, "shortcut", x, stride, out,
					  resnet->zero_channels == SC_ZEROS_AROUND ? zeros / 2 : 0);
	}
	x = sc_graph_convolution(graph, "downsample.0", x, 1, stride, out);
	return resnet->projection_batch_norm ? sc_graph_batch_norm(graph, "downsample.1", x) : x;
}

/* relu(residual(x) + shortcut(x)); in a plain net relu(residual(x)). */
static int add_block(struct sc_graph *graph, const struct sc_resnet *resnet, int x, int64_t *channels, int stage, int64_t stride)
{
	int64_t out = block_channels(resnet, stage);
	int residual = resnet->block == SC_BLOCK_BASIC ? add_basic(graph, x, resnet->widths[stage], stride)
						       : add_bottleneck(graph, resnet, x, stage, stride);
	if (resnet->shortcut != SC_SHORTCUT_NONE)
		residual = sc_graph_add(graph, "add", residual, add_shortcut(graph, resnet, x, *channels, out, stride));
	*channels = out;
	return sc_graph_relu(graph, "relu", residual);
}

void sc_resnet_add_layers(struct sc_graph *graph, const struct sc_resnet *resnet, int64_t classes)
{
	int x = sc_graph_input(graph);
	x = sc_graph_convolution(graph, "conv1", x, resnet->stem_kernel, resnet->stem_stride, resnet->stem_channels);
	x = sc_graph_batch_norm(graph, "bn1", x);
	x = sc_graph_relu(graph, "relu", x);
	if (resnet->stem_pool) /* padding never wins: both torch and TensorFlow leave it out of the maximum */
		x = sc_graph_max_pool(graph, "maxpool", x, 3, 2, -INFINITY);

	int64_t channels = resnet->stem_channels;
	for (int stage = 0; stage < resnet->stages; stage++)
		for (int block = 0; block < resnet->blocks[stage]; block++) {
			sc_graph_set_prefix(graph, "layer%d.%d.", stage + 1, block);
			x = add_block(graph, resnet, x, &channels, stage, stage > 0 && block == 0 ? 2 : 1);
		}

	sc_graph_set_prefix(graph, "%s", "");
	x = sc_graph_average_pool(graph, "avgpool", x);
	sc_graph_dense(graph, "fc", x, classes);
}
