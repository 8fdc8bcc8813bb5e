/* builder.c - the layers of a residual network, from stem to scores, for any net of the family that struct sc_resnet describes.
 *
 * Sources: He, Zhang, Ren, Sun: "Deep residual learning for image recognition", 2015 (v1), and "Identity mappings in deep residual
 * networks", 2016 (v2, pre-activation). Layer names are torchvision's and timm's; in v2 bn1 is the BatchNorm before conv1, and so
 * on. It adds nodes to a graph and knows nothing of memory, parameters or presets. Stems C and D and average pooling in the
 * shortcut: He, Zhang, Zhang, Zhang, Xie, Li: "Bag of tricks for image classification", 2018. */
#include "model/resnet.h"

#include <math.h>

#define BOTTLENECK_EXPANSION 4
#define MOST_CONVOLUTIONS    3 /* in a block */

struct builder {
	struct sc_graph *graph;
	const struct sc_resnet *resnet;
	int x;            /* the node that the next layer reads */
	int64_t channels; /* of x */
	int block;        /* how many there were */
};

/* Where a block stands. */
struct place {
	int stage;
	int64_t stride;
};

static int64_t block_channels(const struct sc_resnet *resnet, int stage)
{
	return resnet->widths[stage] * (resnet->block == SC_BLOCK_BOTTLENECK ? BOTTLENECK_EXPANSION : 1);
}

static int add_convolution(const struct builder *b, const char *name, int x, struct sc_filter filter, bool norm_follows)
{
	enum sc_bias bias = b->resnet->style.convolution_bias;
	filter.bias = bias == SC_BIAS_ALWAYS || (bias == SC_BIAS_WITHOUT_NORM && !norm_follows);
	return sc_graph_convolution(b->graph, name, x, &filter);
}

/* "conv", 1 -> "conv2" */
static const char *numbered(char name[16], const char *what, int index)
{
	snprintf(name, 16, "%s%d", what, index + 1);
	return name;
}

static int add_norm_and_relu(const struct builder *b, int index, int x)
{
	char name[16];
	x = sc_graph_batch_norm(b->graph, numbered(name, "bn", index), x, SC_INIT_ONE);
	return sc_graph_relu(b->graph, numbered(name, "relu", index), x);
}

/* The convolutions of a block. Basic: 3x3, 3x3. Bottleneck: 1x1 reduces, 3x3 looks around, 1x1 widens again; ResNeXt looks around
 * in groups, wide nets reduce less. */
static int block_filters(const struct sc_resnet *resnet, struct place place, struct sc_filter filters[MOST_CONVOLUTIONS])
{
	int64_t width = resnet->widths[place.stage], stride = place.stride;
	if (resnet->block == SC_BLOCK_BASIC) {
		filters[0] = (struct sc_filter){.kernel = 3, .stride = stride, .channels = width};
		filters[1] = (struct sc_filter){.kernel = 3, .stride = 1, .channels = width};
		return 2;
	}
	int64_t groups = resnet->groups ? resnet->groups : 1, group_width = resnet->group_width ? resnet->group_width : 64;
	int64_t inner = width * group_width / 64 * groups;
	bool late = resnet->stride_in_3x3;
	filters[0] = (struct sc_filter){.kernel = 1, .stride = late ? 1 : stride, .channels = inner};
	filters[1] = (struct sc_filter){.kernel = 3, .stride = late ? stride : 1, .channels = inner, .groups = groups};
	filters[2] = (struct sc_filter){.kernel = 1, .stride = 1, .channels = block_channels(resnet, place.stage)};
	return 3;
}

/* v1: convolution, BatchNorm, rectifier, ...; the last rectifier comes after the addition. v2: BatchNorm, rectifier, convolution,
 * ..., the first two of which `activated` has been through. */
static int add_residual(const struct builder *b, int activated, struct place place)
{
	struct sc_filter filters[MOST_CONVOLUTIONS];
	char name[16];
	int count = block_filters(b->resnet, place, filters), x = activated;
	for (int i = 0; i < count; i++) {
		bool last = i == count - 1;
		if (b->resnet->preactivation && i > 0)
			x = add_norm_and_relu(b, i, x);
		x = add_convolution(b, numbered(name, "conv", i), x, filters[i], !b->resnet->preactivation || !last);
		if (!b->resnet->preactivation && !last)
			x = add_norm_and_relu(b, i, x);
		if (!b->resnet->preactivation && last)
			x = sc_graph_batch_norm(b->graph, numbered(name, "bn", i), x,
						b->resnet->zero_init_last ? SC_INIT_ZERO : SC_INIT_ONE);
	}
	return x;
}

/* Squeeze-and-excitation: each channel times what a small net makes of all channels' means. */
static int add_gate(const struct builder *b, int x, int64_t channels)
{
	const int64_t hidden = (channels / b->resnet->squeeze + 4) / 8 * 8;
	struct sc_filter filter = {.kernel = 1, .stride = 1, .bias = true, .bias_initialiser = b->resnet->style.dense_bias};
	int gate = sc_graph_average_pool(b->graph, "se.pool", x, 0);
	filter.channels = hidden > 8 ? hidden : 8;
	gate = sc_graph_convolution(b->graph, "se.fc1", gate, &filter);
	gate = sc_graph_relu(b->graph, "se.act", gate);
	filter.channels = channels;
	gate = sc_graph_convolution(b->graph, "se.fc2", gate, &filter);
	gate = sc_graph_sigmoid(b->graph, "se.gate", gate);
	return sc_graph_scale(b->graph, "se", x, gate);
}

/* A 1x1 convolution; in stem D's nets averages of 2x2 pixels take the place of its stride. */
static int add_projection(const struct builder *b, int x, struct sc_filter filter)
{
	const struct sc_resnet *resnet = b->resnet;
	const bool pools = resnet->average_down;
	if (pools && filter.stride > 1)
		x = sc_graph_average_pool(b->graph, "downsample.0", x, filter.stride);
	if (pools)
		filter.stride = 1;
	x = add_convolution(b, pools ? "downsample.1" : "downsample.0", x, filter, resnet->projection_batch_norm);
	if (!resnet->projection_batch_norm)
		return x;
	return sc_graph_batch_norm(b->graph, pools ? "downsample.2" : "downsample.1", x, SC_INIT_ONE);
}

/* What is added to the residual of a block: its input itself, or something of the residual's shape made of it. In v2 what changes
 * the channels reads the activated input. */
static int add_shortcut(const struct builder *b, int activated, struct place place)
{
	const struct sc_resnet *resnet = b->resnet;
	int64_t out = block_channels(resnet, place.stage), zeros = out - b->channels;
	bool always = resnet->shortcut == SC_SHORTCUT_PROJECTION_ALWAYS, same_channels = zeros == 0 && !always;
	if (same_channels && place.stride == 1)
		return b->x;
	if (same_channels && resnet->stride_block == SC_STRIDE_LAST)
		return sc_graph_subsample(b->graph, "shortcut", b->x, place.stride, out, 0);
	if (resnet->shortcut == SC_SHORTCUT_ZEROS || resnet->shortcut == SC_SHORTCUT_NONE)
		return sc_graph_subsample(b->graph, "shortcut", activated, place.stride, out,
					  resnet->zero_channels == SC_ZEROS_AROUND ? zeros / 2 : 0);
	return add_projection(b, activated, (struct sc_filter){.kernel = 1, .stride = place.stride, .channels = out});
}

/* v1: relu(residual(x) + shortcut(x)); v2: residual(x) + shortcut(x); in a plain net the residual alone; where the block is left out
 * the shortcut alone. */
static void add_block(struct builder *b, struct place place)
{
	const struct sc_resnet *resnet = b->resnet;
	int activated = resnet->preactivation ? add_norm_and_relu(b, 0, b->x) : b->x;
	bool left_out = ++b->block == resnet->without_block;
	int x = left_out ? add_shortcut(b, activated, place) : add_residual(b, activated, place);
	if (resnet->squeeze && !left_out)
		x = add_gate(b, x, block_channels(resnet, place.stage));
	if (!left_out && resnet->shortcut != SC_SHORTCUT_NONE)
		x = sc_graph_add(b->graph, "add", x, add_shortcut(b, activated, place));
	b->x = resnet->preactivation ? x : sc_graph_relu(b->graph, "relu", x);
	b->channels = block_channels(resnet, place.stage);
}

/* The two convolutions that come before the last one of a deep stem, each with BatchNorm and rectifier; its layers are numbered. */
static int add_deep_stem(const struct builder *b, int x, struct sc_filter filter)
{
	static const char *const names[2][3] = {{"conv1.0", "conv1.1", "conv1.2"}, {"conv1.3", "conv1.4", "conv1.5"}};
	for (int i = 0; i < 2; i++) {
		filter.channels = b->resnet->stem_deep[i];
		x = add_convolution(b, names[i][0], x, filter, true);
		x = sc_graph_batch_norm(b->graph, names[i][1], x, SC_INIT_ONE);
		x = sc_graph_relu(b->graph, names[i][2], x);
		filter.stride = 1;
	}
	return x;
}

static void add_stem(struct builder *b)
{
	const struct sc_resnet *resnet = b->resnet;
	const bool deep = resnet->stem_deep[0] != 0;
	struct sc_filter filter = {.kernel = resnet->stem_kernel, .stride = resnet->stem_stride, .channels = resnet->stem_channels};
	b->x = sc_graph_input(b->graph);
	if (deep) {
		b->x = add_deep_stem(b, b->x, filter);
		filter.stride = 1;
	}
	b->x = add_convolution(b, deep ? "conv1.6" : "conv1", b->x, filter, !resnet->preactivation);
	b->channels = resnet->stem_channels;
	if (!resnet->preactivation) {
		b->x = sc_graph_batch_norm(b->graph, "bn1", b->x, SC_INIT_ONE);
		b->x = sc_graph_relu(b->graph, "relu", b->x);
	}
	if (resnet->stem_pool)
		b->x = sc_graph_max_pool(b->graph, "maxpool", b->x, 3, 2, resnet->stem_pool_zeros ? 0.0f : -INFINITY);
}

static int64_t stride_of(const struct sc_resnet *resnet, int stage, int block)
{
	if (resnet->stride_block == SC_STRIDE_LAST)
		return stage < resnet->stages - 1 && block == resnet->blocks[stage] - 1 ? 2 : 1;
	return stage > 0 && block == 0 ? 2 : 1;
}

void sc_resnet_add_layers(struct sc_graph *graph, const struct sc_resnet *resnet, int64_t classes)
{
	struct builder b = {.graph = graph, .resnet = resnet};
	add_stem(&b);
	for (int stage = 0; stage < resnet->stages; stage++)
		for (int block = 0; block < resnet->blocks[stage]; block++) {
			sc_graph_set_prefix(graph, "layer%d.%d.", stage + 1, block);
			add_block(&b, (struct place){stage, stride_of(resnet, stage, block)});
		}

	sc_graph_set_prefix(graph, "%s", "");
	if (resnet->preactivation) {
		b.x = sc_graph_batch_norm(graph, "post_bn", b.x, SC_INIT_ONE);
		b.x = sc_graph_relu(graph, "post_relu", b.x);
	}
	b.x = sc_graph_average_pool(graph, "avgpool", b.x, 0);
	sc_graph_dense(graph, "fc", b.x, classes);
}
