/* model.h - the description of a net: nodes with shapes, parameters with names, and one buffer of numbers.
 *
 * It knows no kernels and no memory plan. Nodes stand in an order in which each comes after its inputs, so that forward walks
 * them up and backward walks them down. Adding a kind of node: a row in enum sc_node_kind, its shape rule in shapes.c. */
#ifndef SC_MODEL_MODEL_H
#define SC_MODEL_MODEL_H

#include "base/error.h"
#include "base/memory.h"

enum sc_node_kind {
	SC_NODE_INPUT,
	SC_NODE_CONVOLUTION,
	SC_NODE_BATCH_NORM,
	SC_NODE_RELU,
	SC_NODE_ADD,
	SC_NODE_MAX_POOL,
	SC_NODE_GLOBAL_AVERAGE_POOL, /* of the whole map */
	SC_NODE_AVERAGE_POOL,        /* of cells side by side; cut off ones average what they have */
	SC_NODE_DENSE,
	SC_NODE_SUBSAMPLE, /* every stride-th pixel; further channels hold 0 */
	SC_NODE_SIGMOID,
	SC_NODE_SCALE /* the first input, each channel times that of the second, which has one pixel */
};

#define SC_NONE (-1)

struct sc_window { /* of a convolution or a pool, in pixels */
	int64_t kernel_h, kernel_w, stride_h, stride_w;
	int64_t pad_top, pad_left, pad_bottom, pad_right;
};

struct sc_node {
	enum sc_node_kind kind;
	char name[64];
	int inputs[2];                      /* indices of earlier nodes, SC_NONE where unused */
	int64_t height, width, channels;    /* of the output of one image */
	struct sc_window window;            /* convolution, pools (0: the whole map), subsample */
	int64_t groups;                     /* convolution: of channels, 1 or more */
	float pad_value;                    /* max-pool: what padding holds, -INFINITY or 0 */
	int64_t zeros_before;               /* subsample: how many of the channels of zeros come before the input's */
	float epsilon;                      /* BatchNorm */
	float momentum;                     /* BatchNorm: weight of the old running value (torch 0.1 is 0.9f here, Keras 0.99f) */
	float update;                       /* BatchNorm: weight of the new value (0.1f, 0.01f) */
	bool unbiased;                      /* BatchNorm: running variance from n / (n - 1) (torch), or from n (Keras) */
	int weight, bias;                   /* parameters: kernel and bias; BatchNorm: scale and shift; SC_NONE if absent */
	int running_mean, running_variance; /* BatchNorm only */
};

enum sc_role { SC_ROLE_KERNEL, SC_ROLE_BIAS, SC_ROLE_SCALE, SC_ROLE_SHIFT, SC_ROLE_RUNNING_MEAN, SC_ROLE_RUNNING_VARIANCE };

/* Where initial values come from; fans are those of the kernel. */
enum sc_initialiser {
	SC_INIT_ZERO,
	SC_INIT_ONE,
	SC_INIT_GLOROT_UNIFORM,    /* U(-a, a), a = sqrt(6 / (fan_in + fan_out)); Keras' default */
	SC_INIT_HE_NORMAL_FAN_OUT, /* N(0, 2 / fan_out); torchvision's convolutions */
	SC_INIT_TORCH_LINEAR       /* U(-a, a), a = 1 / sqrt(fan_in), kernel and bias; torch.nn.Linear */
};

struct sc_parameter {
	char name[96]; /* torchvision's: "layer1.0.conv1.weight", "bn1.running_var" */
	enum sc_role role;
	enum sc_initialiser initialiser;
	int rank;
	int64_t shape[4]; /* kernels (kernel_h, kernel_w, in / groups, out); dense (in, out); others (channels) */
	int64_t fan_in, fan_out;
	int64_t count;  /* of numbers */
	int64_t offset; /* of its first number in the buffer, a multiple of SC_ALIGNMENT / 4; gaps hold 0 */
};

struct sc_resnet;

struct sc_model {
	char name[64];         /* the net's */
	struct sc_resnet *net; /* what was built (resnet.h) */
	int64_t height, width, channels, classes;
	struct sc_preprocess preprocess;
	char **class_names; /* [classes] */

	int node_count;
	struct sc_node *nodes;    /* nodes[0] is the input, the last one the dense layer: its output is the scores */
	char (*details)[48];      /* [node_count], for sc_layer.detail */
	char (*input_names)[136]; /* [node_count], for sc_layer.inputs */

	int parameter_count;
	/* In the order of the nodes, each node's as torchvision lists them: weight, bias, running_mean, running_var. */
	struct sc_parameter *parameters;
	int64_t trainable_values; /* the buffer's first part is trained: gradients and momenta have this many numbers */
	int64_t value_count;      /* the whole buffer: then running means and variances */
	struct sc_arena storage;
	float *values; /* [value_count] = storage.base */
};

static inline float *sc_parameter_values(const struct sc_model *model, int parameter)
{
	return parameter == SC_NONE ? NULL : model->values + model->parameters[parameter].offset;
}
static inline bool sc_parameter_trainable(const struct sc_parameter *parameter)
{
	return parameter->role < SC_ROLE_RUNNING_MEAN;
}

/* Fills all parameters from `seed`: each tensor from its own stream (SC_PURPOSE_INITIALISE, its index). */
void sc_model_initialise(struct sc_model *model, uint64_t seed);

/* The description as JSON text ({"model": name, "input": [h, w, c], "classes": n, "preprocess": {...}, "class_names": [...]});
 * the caller frees it. And a model from such text, its parameters not initialised. `subject` names the origin in errors. */
enum sc_status sc_model_describe(const struct sc_model *model, char **text, struct sc_error *error);
enum sc_status sc_model_from_description(struct sc_model **out, const char *text, const char *subject, struct sc_error *error);

/* A preset, or the net of a file that describes one, its parameters all 0. */
enum sc_status sc_model_by_name(struct sc_model **out, const char *name, const struct sc_model_options *options, struct sc_error *error);

/* The net of a file, its parameters all 0: the net `name`, or if that is NULL what the file's description tells of. *weights: the
 * path of the file with the numbers (of a run: inside it), which the caller frees. */
enum sc_status sc_model_open(struct sc_model **out, char **weights, const char *name, const struct sc_model_options *options,
			     const char *path, struct sc_error *error);
/* Reads the numbers straight into the parameters; on failure they are anything. */
enum sc_status sc_model_fill(struct sc_model *model, const char *weights, struct sc_error *error);

#endif
