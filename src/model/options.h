/* options.h - what a caller may ask of a model: defaults filled in, limits checked, names and preprocessing copied. */
#ifndef SC_MODEL_OPTIONS_H
#define SC_MODEL_OPTIONS_H

#include "model/model.h"

#define SC_MAX_SIDE    65536
#define SC_MAX_CLASSES (1 << 20)

/* Fills the model's height, width, channels, classes, preprocess and class_names. `options` may be NULL. */
enum sc_status sc_model_apply_options(struct sc_model *model, const struct sc_model_options *options, int64_t default_classes,
				      struct sc_error *error);

#endif
