/* narrow.h - presets with a quarter of the channels: the same layers, and a sixteenth of the weights to draw and to train. */
#ifndef SC_TESTS_NARROW_H
#define SC_TESTS_NARROW_H

#include <stdint.h>

#include "model/model.h"
#include "model/resnet.h"

/* The model with its first values, as sc_model_create makes those of whole presets; NULL where it could not be made. */
static inline struct sc_model *make_narrow(const char *preset, const struct sc_model_options *options)
{
	struct sc_model *model = NULL;
	const struct sc_resnet *whole = sc_resnet_find(preset, NULL);
	if (!whole)
		return NULL;
	struct sc_resnet narrow = *whole;
	for (int i = 0; i < narrow.stages; i++)
		narrow.widths[i] /= 4;
	narrow.stem_channels /= 4;
	narrow.stem_deep[0] /= 4, narrow.stem_deep[1] /= 4;
	if (sc_resnet_build(&model, &narrow, options, NULL) == SC_OK)
		sc_model_initialise(model, options->seed);
	return model;
}

#endif
