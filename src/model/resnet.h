/* resnet.h - the family of residual networks as plain data, the builder that turns such data into a model, and the presets. */
#ifndef SC_MODEL_RESNET_H
#define SC_MODEL_RESNET_H

#include "model/graph.h"

#define SC_MAX_STAGES 8

enum sc_block {
	SC_BLOCK_BASIC,     /* 3x3, 3x3 */
	SC_BLOCK_BOTTLENECK /* 1x1, 3x3, 1x1 with four times the channels */
};

/* What is added to the result of a block's convolutions. The letters are those of the paper. */
enum sc_shortcut {
	SC_SHORTCUT_PROJECTION,        /* B: the block's input; a 1x1 convolution of it where the shape changes */
	SC_SHORTCUT_PROJECTION_ALWAYS, /* C: a 1x1 convolution in every block */
	SC_SHORTCUT_ZEROS,             /* A: the block's input; where the shape changes, subsampled, with channels of zeros */
	SC_SHORTCUT_NONE               /* nothing: a plain net */
};

enum sc_stride_block {                  /* the block of a stage that halves the map */
		       SC_STRIDE_FIRST, /* of each stage but the first one */
		       /* of each stage but the last one, as in Keras' V2: the channels stay, so its shortcut is every second pixel
			*/
		       SC_STRIDE_LAST
};

enum sc_zero_channels {                 /* where shortcut A puts its zeros */
			SC_ZEROS_AFTER, /* all after the input's channels, as in the paper's code and fb.resnet.torch */
			SC_ZEROS_AROUND /* half before, half after */
};

struct sc_resnet {
	char name[64];
	bool from_file;  /* not a preset: its name alone does not say what it is */
	int64_t classes; /* where the caller names no number */
	enum sc_block block;
	bool preactivation; /* v2: BatchNorm and rectifier before each convolution, none after the addition */
	int stages;
	int64_t blocks[SC_MAX_STAGES]; /* in each stage */
	int64_t widths[SC_MAX_STAGES]; /* channels of the blocks' convolutions; bottlenecks give out four times as many */
	/* The 3x3 convolution of a bottleneck has widths[stage] * group_width / 64 * groups channels, in so many groups. */
	int64_t groups, group_width; /* 0: 1 and 64 */
	/* One convolution, or three where `stem_deep` is not 0 (stems C and D): of stem_deep channels, the first with the stride.
	 */
	int64_t stem_kernel, stem_stride, stem_channels, stem_deep[2];
	bool stem_pool;       /* 3x3/2 max-pool after the stem */
	bool stem_pool_zeros; /* its padding holds 0 and takes part, as in keras.applications; else it never wins */
	enum sc_stride_block stride_block;
	bool stride_in_3x3; /* bottleneck: the stride is in the 3x3 (v1.5), else in the first 1x1 (v1, the paper) */
	enum sc_shortcut shortcut;
	enum sc_zero_channels zero_channels;
	bool projection_batch_norm; /* the 1x1 convolution on the shortcut, if there is one, has a BatchNorm */
	bool average_down;          /* that convolution has no stride: 2x2 average pooling comes before it (D) */
	/* Squeeze-and-excitation: a gate on the result of each block's convolutions, whose hidden layer has so many times fewer
	 * channels, rounded to a multiple of 8, at least 8. 0: none. */
	int64_t squeeze;
	bool zero_init_last; /* the scale of each block's last BatchNorm begins at 0, so that the block begins as its shortcut */
	/* A lesion: the block of this number, counted from 1, is its shortcut alone, in a plain net shortcut A. 0: none. Not for
	 * pre-activation. */
	int without_block;
	struct sc_layer_style style;
};

/* A model of this net for the input and classes in `options` (NULL: all defaults), its parameters allocated and 0. */
enum sc_status sc_resnet_build(struct sc_model **out, const struct sc_resnet *resnet, const struct sc_model_options *options,
			       struct sc_error *error);
/* The preset of that name; else NULL and an error that lists the names. */
const struct sc_resnet *sc_resnet_find(const char *name, struct sc_error *error);

/* Adds the layers to an empty graph (builder.c). */
void sc_resnet_add_layers(struct sc_graph *graph, const struct sc_resnet *resnet, int64_t classes);

#endif
