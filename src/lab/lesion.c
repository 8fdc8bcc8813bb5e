/* lesion.c - the error of a trained net when one block is taken away (Veit, Wilber, Belongie: "Residual networks behave like
 * ensembles of relatively shallow networks", 2016): what the block would have added is left out, and its shortcut stays. A plain
 * net has no shortcut to stay, so its block's input takes the place of its result. */
#include <stdlib.h>
#include <string.h>

#include "lab/lab.h"
#include "model/resnet.h"

/* Every tensor of `part` from the tensor of the same name; those of `whole` stand in the same order, with some more between. */
static void copy_tensors(struct sc_model *part, const struct sc_model *whole)
{
	int from = 0;
	for (int i = 0; i < part->parameter_count; i++, from++) {
		while (strcmp(whole->parameters[from].name, part->parameters[i].name) != 0)
			from++;
		memcpy(sc_parameter_values(part, i), sc_parameter_values(whole, from),
		       (size_t)part->parameters[i].count * sizeof(float));
	}
}

static enum sc_status make_lesioned(struct sc_model **out, const struct sc_model *whole, int block, struct sc_error *error)
{
	const struct sc_resnet *resnet = sc_resnet_find(whole->name, error);
	if (!resnet)
		return SC_ERROR_NOT_FOUND;
	struct sc_resnet changed = *resnet;
	changed.without_block = block;
	const struct sc_model_options options = {.height = whole->height,
						 .width = whole->width,
						 .channels = whole->channels,
						 .classes = whole->classes,
						 .preprocess = whole->preprocess};
	enum sc_status status = sc_resnet_build(out, &changed, &options, error);
	if (!status)
		copy_tensors(*out, whole);
	return status;
}

static enum sc_status find_error(const struct sc_lab *lab, const struct sc_model *model, double *wrong, struct sc_error *error)
{
	struct sc_score score;
	const struct sc_evaluate_options options = {.compute = lab->options->compute};
	enum sc_status status = sc_evaluate(model, lab->lesion, &options, &score, error);
	if (!status)
		*wrong = 1 - score.accuracy;
	return status;
}

enum sc_status sc_lab_cut(struct sc_lab *lab, struct sc_lab_twin *twin, const struct sc_model *model, struct sc_error *error)
{
	enum sc_status status = find_error(lab, model, &twin->whole_error, error);
	for (int block = 1; block <= twin->block_count && !status; block++) {
		struct sc_model *part = NULL;
		status = make_lesioned(&part, model, block, error);
		if (!status)
			status = find_error(lab, part, &twin->lesions[block - 1], error);
		sc_model_destroy(part);
		lab->event.done = block;
		lab->event.total = twin->block_count;
		if (!status)
			status = sc_lab_tell(lab, SC_LAB_LESION, error);
	}
	return status;
}
