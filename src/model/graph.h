/* graph.h - nodes and parameters added to a model one after the other.
 *
 * A failure is remembered: later calls then do nothing and give SC_NONE, so that a builder reads as the net it builds and asks
 * once, at sc_graph_finish, how it went. Each function gives the index of the node it added. */
#ifndef SC_MODEL_GRAPH_H
#define SC_MODEL_GRAPH_H

#include "model/model.h"
#include "model/shapes.h"

enum sc_bias { /* which convolutions have one */
	       SC_BIAS_NEVER,
	       SC_BIAS_ALWAYS,
	       SC_BIAS_WITHOUT_NORM /* those that no BatchNorm follows: it would take the bias away again */
};

/* What the layers of a net have in common: the habits of a framework. */
struct sc_layer_style {
	enum sc_padding padding;
	enum sc_bias convolution_bias;
	enum sc_initialiser convolution_kernel, dense_kernel, dense_bias; /* convolution biases start at 0 */
	float epsilon, momentum, update;                                  /* BatchNorm, as in struct sc_node */
	bool unbiased;
};

struct sc_graph {
	struct sc_model *model;
	const struct sc_layer_style *style;
	char prefix[32]; /* put before the names of nodes */
	int node_capacity, parameter_capacity;
	int64_t output_bytes, macs; /* so far, of one image: kept to find sizes that no integer holds */
	enum sc_status status;
	struct sc_error *error;
};

/* `model` has its input size and no nodes yet; it owns what the graph adds, on failure too. */
void sc_graph_init(struct sc_graph *graph, struct sc_model *model, const struct sc_layer_style *style, struct sc_error *error);
void sc_graph_set_prefix(struct sc_graph *graph, const char *format, ...) __attribute__((format(printf, 2, 3)));

int sc_graph_input(struct sc_graph *graph);
/* Channels, of the input and of the result, lie in `groups` that see nothing of each other. */
struct sc_filter {
	int64_t kernel, stride, channels;
	int64_t groups; /* 0: 1 */
	bool bias;
	enum sc_initialiser bias_initialiser; /* 0: SC_INIT_ZERO */
};
int sc_graph_convolution(struct sc_graph *graph, const char *name, int input, const struct sc_filter *filter);
/* `scale` says how the scale begins: SC_INIT_ONE or SC_INIT_ZERO. */
int sc_graph_batch_norm(struct sc_graph *graph, const char *name, int input, enum sc_initialiser scale);
int sc_graph_relu(struct sc_graph *graph, const char *name, int input);
int sc_graph_add(struct sc_graph *graph, const char *name, int a, int b);
int sc_graph_max_pool(struct sc_graph *graph, const char *name, int input, int64_t kernel, int64_t stride, float pad_value);
/* The mean of cells of cell x cell pixels side by side (0: of the whole map); those cut off by the edge average what they have, as
 * torch.nn.AvgPool2d(cell, ceil_mode=True, count_include_pad=False). */
int sc_graph_average_pool(struct sc_graph *graph, const char *name, int input, int64_t cell);
int sc_graph_sigmoid(struct sc_graph *graph, const char *name, int input);
/* Each channel of `input` times that of `factor`, which has one pixel. */
int sc_graph_scale(struct sc_graph *graph, const char *name, int input, int factor);
/* Every stride-th pixel of the input, with channels of zeros added up to `channels`: `zeros_before` of them come first. */
int sc_graph_subsample(struct sc_graph *graph, const char *name, int input, int64_t stride, int64_t channels, int64_t zeros_before);
int sc_graph_dense(struct sc_graph *graph, const char *name, int input, int64_t channels);

/* Lays out the buffer of parameters (not yet allocated) and writes the layers' texts. */
enum sc_status sc_graph_finish(struct sc_graph *graph);

#endif
