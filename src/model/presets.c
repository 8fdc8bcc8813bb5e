/* presets.c - the nets that have names.
 *
 * resnet*: torchvision's layers, names and initial values (v1.5: the stride of a bottleneck is in its 3x3). keras-tutorial-*: the
 * net of the Keras tutorials: `same` padding, biased convolutions, a projection without BatchNorm, Keras' defaults everywhere; the
 * bottleneck ones put the stride into the first convolution of the block, as the tutorial's blocks and the paper do.
 *
 * resnet*c, *d, *t and seresnet*: timm's, with its first values: the last BatchNorm of a block begins at 0.
 *
 * keras-resnet*: those of keras.applications: v1 puts the stride into the first convolution, biases everywhere, the stem's padding
 * is explicit and symmetric, and the zeros around the pool take part; v2 as described in resnet.h.
 *
 * cifar*: the paper's nets for small images, of 6n + 2 layers, with shortcut A. plain*: the same layers without shortcuts, for
 * which resnet18-a and resnet34-a are the residual twins at ImageNet's size: equal tensors in equal order, so equal first values.
 * preact-cifar*: the second paper's, shortcut A of the activated input where the shape changes, as in fb.resnet.torch. */
#include "model/resnet.h"

#include <string.h>

#define TORCHVISION_STYLE                                                                                                          \
	{                                                                                                                          \
		.padding = SC_PADDING_SYMMETRIC, .convolution_kernel = SC_INIT_HE_NORMAL_FAN_OUT,                                  \
		.dense_kernel = SC_INIT_TORCH_LINEAR, .dense_bias = SC_INIT_TORCH_LINEAR, .epsilon = 1e-5f, .momentum = 0.9f,      \
		.update = 0.1f, .unbiased = true                                                                                   \
	}

#define TORCHVISION TORCHVISION_BODY, .stem_kernel = 7
#define TORCHVISION_BODY                                                                                                           \
	.classes = 1000, .stages = 4, .widths = {64, 128, 256, 512}, .stem_stride = 2, .stem_channels = 64, .stem_pool = true,     \
	.stride_in_3x3 = true, .projection_batch_norm = true, .style = TORCHVISION_STYLE

#define KERAS_APPLICATION                                                                                                          \
	.classes = 1000, .block = SC_BLOCK_BOTTLENECK, .stages = 4, .widths = {64, 128, 256, 512}, .stem_kernel = 7,               \
	.stem_stride = 2, .stem_channels = 64, .stem_pool = true, .stem_pool_zeros = true
#define KERAS_APPLICATION_STYLE(bias)                                                                                              \
	{                                                                                                                          \
		.padding = SC_PADDING_SYMMETRIC, .convolution_bias = bias, .convolution_kernel = SC_INIT_GLOROT_UNIFORM,           \
		.dense_kernel = SC_INIT_GLOROT_UNIFORM, .dense_bias = SC_INIT_ZERO, .epsilon = 1.001e-5f, .momentum = 0.99f,       \
		.update = 0.01f                                                                                                    \
	}
#define KERAS_V1 KERAS_APPLICATION, .projection_batch_norm = true, .style = KERAS_APPLICATION_STYLE(SC_BIAS_ALWAYS)
#define KERAS_V2                                                                                                                   \
	KERAS_APPLICATION, .preactivation = true, .stride_block = SC_STRIDE_LAST, .stride_in_3x3 = true,                           \
			   .style = KERAS_APPLICATION_STYLE(SC_BIAS_WITHOUT_NORM)

/* 3x3 convolution, then three stages of n basic blocks. */
#define CIFAR(n)                                                                                                                   \
	.classes = 10, .block = SC_BLOCK_BASIC, .stages = 3, .blocks = {n, n, n}, .widths = {16, 32, 64}, .stem_kernel = 3,        \
	.stem_stride = 1, .stem_channels = 16, .style = TORCHVISION_STYLE

#define KERAS_TUTORIAL                                                                                                             \
	.classes = 10, .stages = 4, .widths = {64, 128, 256, 512}, .stem_kernel = 7, .stem_stride = 2, .stem_channels = 64,        \
	.stem_pool = true,                                                                                                         \
	.style = {.padding = SC_PADDING_SAME,                                                                                      \
		  .convolution_bias = SC_BIAS_ALWAYS,                                                                              \
		  .convolution_kernel = SC_INIT_GLOROT_UNIFORM,                                                                    \
		  .dense_kernel = SC_INIT_GLOROT_UNIFORM,                                                                          \
		  .dense_bias = SC_INIT_ZERO,                                                                                      \
		  .epsilon = 1e-3f,                                                                                                \
		  .momentum = 0.99f,                                                                                               \
		  .update = 0.01f}

/* timm's: stem C or D (two further convolutions), D with average pooling in the shortcut; squeeze-and-excitation. */
#define TIMM       TORCHVISION, .zero_init_last = true
#define DEEP(a, b) TORCHVISION_BODY, .zero_init_last = true, .stem_kernel = 3, .stem_deep = {a, b}
#define DEEP_C     DEEP(32, 32)
#define DEEP_D     DEEP(32, 32), .average_down = true
#define DEEP_T     DEEP(24, 32), .average_down = true
#define SQUEEZE    TIMM, .squeeze = 16

static const struct sc_resnet presets[] = {
	{.name = "resnet18", .block = SC_BLOCK_BASIC, .blocks = {2, 2, 2, 2}, TORCHVISION},
	{.name = "resnet34", .block = SC_BLOCK_BASIC, .blocks = {3, 4, 6, 3}, TORCHVISION},
	{.name = "resnet50", .block = SC_BLOCK_BOTTLENECK, .blocks = {3, 4, 6, 3}, TORCHVISION},
	{.name = "resnet101", .block = SC_BLOCK_BOTTLENECK, .blocks = {3, 4, 23, 3}, TORCHVISION},
	{.name = "resnet152", .block = SC_BLOCK_BOTTLENECK, .blocks = {3, 8, 36, 3}, TORCHVISION},
	{.name = "resnext50_32x4d",
	 .block = SC_BLOCK_BOTTLENECK,
	 .blocks = {3, 4, 6, 3},
	 .groups = 32,
	 .group_width = 4,
	 TORCHVISION},
	{.name = "resnext101_32x8d",
	 .block = SC_BLOCK_BOTTLENECK,
	 .blocks = {3, 4, 23, 3},
	 .groups = 32,
	 .group_width = 8,
	 TORCHVISION},
	{.name = "resnext101_64x4d",
	 .block = SC_BLOCK_BOTTLENECK,
	 .blocks = {3, 4, 23, 3},
	 .groups = 64,
	 .group_width = 4,
	 TORCHVISION},
	{.name = "wide_resnet50_2", .block = SC_BLOCK_BOTTLENECK, .blocks = {3, 4, 6, 3}, .group_width = 128, TORCHVISION},
	{.name = "wide_resnet101_2", .block = SC_BLOCK_BOTTLENECK, .blocks = {3, 4, 23, 3}, .group_width = 128, TORCHVISION},
	{.name = "resnet18d", .block = SC_BLOCK_BASIC, .blocks = {2, 2, 2, 2}, DEEP_D},
	{.name = "resnet34d", .block = SC_BLOCK_BASIC, .blocks = {3, 4, 6, 3}, DEEP_D},
	{.name = "resnet26", .block = SC_BLOCK_BOTTLENECK, .blocks = {2, 2, 2, 2}, TIMM},
	{.name = "resnet26d", .block = SC_BLOCK_BOTTLENECK, .blocks = {2, 2, 2, 2}, DEEP_D},
	{.name = "resnet26t", .block = SC_BLOCK_BOTTLENECK, .blocks = {2, 2, 2, 2}, DEEP_T},
	{.name = "resnet50c", .block = SC_BLOCK_BOTTLENECK, .blocks = {3, 4, 6, 3}, DEEP_C},
	{.name = "resnet50d", .block = SC_BLOCK_BOTTLENECK, .blocks = {3, 4, 6, 3}, DEEP_D},
	{.name = "resnet50t", .block = SC_BLOCK_BOTTLENECK, .blocks = {3, 4, 6, 3}, DEEP_T},
	{.name = "resnet101c", .block = SC_BLOCK_BOTTLENECK, .blocks = {3, 4, 23, 3}, DEEP_C},
	{.name = "resnet101d", .block = SC_BLOCK_BOTTLENECK, .blocks = {3, 4, 23, 3}, DEEP_D},
	{.name = "resnet152c", .block = SC_BLOCK_BOTTLENECK, .blocks = {3, 8, 36, 3}, DEEP_C},
	{.name = "resnet152d", .block = SC_BLOCK_BOTTLENECK, .blocks = {3, 8, 36, 3}, DEEP_D},
	{.name = "resnet200d", .block = SC_BLOCK_BOTTLENECK, .blocks = {3, 24, 36, 3}, DEEP_D},
	{.name = "seresnet18", .block = SC_BLOCK_BASIC, .blocks = {2, 2, 2, 2}, SQUEEZE},
	{.name = "seresnet34", .block = SC_BLOCK_BASIC, .blocks = {3, 4, 6, 3}, SQUEEZE},
	{.name = "seresnet50", .block = SC_BLOCK_BOTTLENECK, .blocks = {3, 4, 6, 3}, SQUEEZE},
	{.name = "seresnet50t", .block = SC_BLOCK_BOTTLENECK, .blocks = {3, 4, 6, 3}, DEEP_T, .squeeze = 16},
	{.name = "seresnet101", .block = SC_BLOCK_BOTTLENECK, .blocks = {3, 4, 23, 3}, SQUEEZE},
	{.name = "seresnet152", .block = SC_BLOCK_BOTTLENECK, .blocks = {3, 8, 36, 3}, SQUEEZE},
	{.name = "seresnet152d", .block = SC_BLOCK_BOTTLENECK, .blocks = {3, 8, 36, 3}, DEEP_D, .squeeze = 16},
	{.name = "seresnext50_32x4d",
	 .block = SC_BLOCK_BOTTLENECK,
	 .blocks = {3, 4, 6, 3},
	 .groups = 32,
	 .group_width = 4,
	 SQUEEZE},
	{.name = "keras-tutorial-18", .block = SC_BLOCK_BASIC, .blocks = {2, 2, 2, 2}, KERAS_TUTORIAL},
	{.name = "keras-tutorial-34", .block = SC_BLOCK_BASIC, .blocks = {3, 4, 6, 3}, KERAS_TUTORIAL},
	{.name = "keras-tutorial-50", .block = SC_BLOCK_BOTTLENECK, .blocks = {3, 4, 6, 3}, KERAS_TUTORIAL},
	{.name = "keras-tutorial-101", .block = SC_BLOCK_BOTTLENECK, .blocks = {3, 4, 23, 3}, KERAS_TUTORIAL},
	{.name = "keras-tutorial-152", .block = SC_BLOCK_BOTTLENECK, .blocks = {3, 8, 36, 3}, KERAS_TUTORIAL},
	{.name = "keras-resnet50", .blocks = {3, 4, 6, 3}, KERAS_V1},
	{.name = "keras-resnet101", .blocks = {3, 4, 23, 3}, KERAS_V1},
	{.name = "keras-resnet152", .blocks = {3, 8, 36, 3}, KERAS_V1},
	{.name = "keras-resnet50v2", .blocks = {3, 4, 6, 3}, KERAS_V2},
	{.name = "keras-resnet101v2", .blocks = {3, 4, 23, 3}, KERAS_V2},
	{.name = "keras-resnet152v2", .blocks = {3, 8, 36, 3}, KERAS_V2},
	{.name = "resnet18-a", .block = SC_BLOCK_BASIC, .blocks = {2, 2, 2, 2}, .shortcut = SC_SHORTCUT_ZEROS, TORCHVISION},
	{.name = "resnet34-a", .block = SC_BLOCK_BASIC, .blocks = {3, 4, 6, 3}, .shortcut = SC_SHORTCUT_ZEROS, TORCHVISION},
	{.name = "plain18", .block = SC_BLOCK_BASIC, .blocks = {2, 2, 2, 2}, .shortcut = SC_SHORTCUT_NONE, TORCHVISION},
	{.name = "plain34", .block = SC_BLOCK_BASIC, .blocks = {3, 4, 6, 3}, .shortcut = SC_SHORTCUT_NONE, TORCHVISION},
	{.name = "cifar20", .shortcut = SC_SHORTCUT_ZEROS, CIFAR(3)},
	{.name = "cifar32", .shortcut = SC_SHORTCUT_ZEROS, CIFAR(5)},
	{.name = "cifar44", .shortcut = SC_SHORTCUT_ZEROS, CIFAR(7)},
	{.name = "cifar56", .shortcut = SC_SHORTCUT_ZEROS, CIFAR(9)},
	{.name = "cifar110", .shortcut = SC_SHORTCUT_ZEROS, CIFAR(18)},
	{.name = "cifar1202", .shortcut = SC_SHORTCUT_ZEROS, CIFAR(200)},
	{.name = "preact-cifar20", .preactivation = true, .shortcut = SC_SHORTCUT_ZEROS, CIFAR(3)},
	{.name = "preact-cifar32", .preactivation = true, .shortcut = SC_SHORTCUT_ZEROS, CIFAR(5)},
	{.name = "preact-cifar44", .preactivation = true, .shortcut = SC_SHORTCUT_ZEROS, CIFAR(7)},
	{.name = "preact-cifar56", .preactivation = true, .shortcut = SC_SHORTCUT_ZEROS, CIFAR(9)},
	{.name = "preact-cifar110", .preactivation = true, .shortcut = SC_SHORTCUT_ZEROS, CIFAR(18)},
	{.name = "plain-cifar20", .shortcut = SC_SHORTCUT_NONE, CIFAR(3)},
	{.name = "plain-cifar32", .shortcut = SC_SHORTCUT_NONE, CIFAR(5)},
	{.name = "plain-cifar44", .shortcut = SC_SHORTCUT_NONE, CIFAR(7)},
	{.name = "plain-cifar56", .shortcut = SC_SHORTCUT_NONE, CIFAR(9)},
	{.name = "plain-cifar110", .shortcut = SC_SHORTCUT_NONE, CIFAR(18)},
	{.name = "plain-cifar1202", .shortcut = SC_SHORTCUT_NONE, CIFAR(200)},
};
#define PRESET_COUNT ((int)(sizeof presets / sizeof *presets))

const char *sc_model_preset(int index)
{
	return index >= 0 && index < PRESET_COUNT ? presets[index].name : NULL;
}

const struct sc_resnet *sc_resnet_find(const char *name, struct sc_error *error)
{
	for (int i = 0; i < PRESET_COUNT; i++)
		if (name && !strcmp(name, presets[i].name))
			return &presets[i];
	sc_fail(error, SC_ERROR_NOT_FOUND, name ? name : "", -1,
		"unknown model '%.64s': none of the %d presets, from resnet18 to %s, has this name", name ? name : "", PRESET_COUNT,
		presets[PRESET_COUNT - 1].name);
	return NULL;
}
