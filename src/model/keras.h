/* keras.h - which layer of a Keras model is which of ours. Kernels have the same axes in both. */
#ifndef SC_MODEL_KERAS_H
#define SC_MODEL_KERAS_H

#include "io/arrays.h"
#include "model/model.h"

/* Sets the name of each view (of the model's parameters, in their order) to that of its array in Keras' file, which must hold the
 * net's layers with the net's shapes and nothing more. Names belong to the file. The first thing that does not fit is named with
 * our name and Keras'. */
enum sc_status sc_keras_match(const struct sc_model *model, const struct sc_arrays *file, struct sc_tensor *views,
			      struct sc_error *error);

#define SC_KERAS_PATH 192 /* bytes of the path of a variable */
/* For writing: sets the name of each view to the path that Keras' load_weights looks for, kept in `names`: [parameter_count]. A net
 * whose Keras model is not known is refused. */
enum sc_status sc_keras_name(const struct sc_model *model, struct sc_tensor *views, char (*names)[SC_KERAS_PATH],
			     struct sc_error *error);

/* The layers with parameters of one kind (SC_NODE_CONVOLUTION, _BATCH_NORM, _DENSE) in the order in which a Keras model lists them;
 * `nodes`: [node_count], filled from the front. Gives their number. `depths`: [node_count], room to work in. */
int sc_keras_order(const struct sc_model *model, enum sc_node_kind kind, int *nodes, int *depths);
/* "layer1.0.conv2" -> "conv2_block1_2_conv", as keras.applications says it; false for a layer that it does not have. */
bool sc_keras_application_name(char name[96], const struct sc_model *model, const struct sc_node *node);
/* The parameters of a node in Keras' order (kernel, bias; gamma, beta, moving mean, moving variance); gives their number. */
int sc_keras_variables(const struct sc_node *node, int parameters[4]);

#endif
