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

#define SC_KERAS_NAME 96  /* bytes of the name of a layer */
#define SC_KERAS_PATH 224 /* bytes of the path of a variable */
/* For writing: puts the views into the order of Keras' layers and sets their names to the paths that Keras looks for in that file,
 * kept in `names`: [parameter_count]. For a file of weights alone, a net whose Keras model is not known is refused. */
enum sc_status sc_keras_name(const struct sc_model *model, enum sc_keras_file file, struct sc_tensor *views,
			     char (*names)[SC_KERAS_PATH], struct sc_error *error);
/* The net as the layers of a Keras model, JSON that load_model builds it from; the caller frees it. Its output is the probabilities of
 * the classes. A net that Keras' layers cannot make up is refused. */
enum sc_status sc_keras_config(const struct sc_model *model, char **text, struct sc_error *error);

/* The layers with parameters in the order in which a Keras model lists them; `nodes`: [node_count], filled from the front. Gives their
 * number. `depths`: [node_count], room to work in. */
int sc_keras_order(const struct sc_model *model, int *nodes, int *depths);
/* Whether additions name their shortcut first, as those of keras.applications do. */
bool sc_keras_shortcut_first(const struct sc_model *model);
/* "layer1.0.conv2" -> "conv2_block1_2_conv", as keras.applications says it; false for a layer that it does not have. */
bool sc_keras_application_name(char name[SC_KERAS_NAME], const struct sc_model *model, const struct sc_node *node);
/* That name, or where there is none the node's own. */
void sc_keras_layer_name(char name[SC_KERAS_NAME], const struct sc_model *model, const struct sc_node *node);
/* The parameters of a node in Keras' order (kernel, bias; gamma, beta, moving mean, moving variance); gives their number. */
int sc_keras_variables(const struct sc_node *node, int parameters[4]);

#endif
