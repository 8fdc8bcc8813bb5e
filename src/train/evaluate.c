/* evaluate.c - sc_evaluate: a model's score on data. */
#include "train/evaluate.h"

#include <stdlib.h>

struct sc_batch_shape sc_model_batch_shape(const struct sc_model *model)
{
	return (struct sc_batch_shape){&model->preprocess, model->height, model->width, model->channels};
}

enum sc_status sc_check_data(const struct sc_model *model, const struct sc_data *data, struct sc_error *error)
{
	struct sc_batch_shape shape = sc_model_batch_shape(model);
	enum sc_status status = sc_batch_check(&shape, data->height, data->width, data->channels, data->name, error);
	if (!status && data->classes > model->classes)
		status = sc_fail(error, SC_ERROR_MISMATCH, data->name, -1,
				 "%s: expected at most the model's %lld classes, found %lld", data->name, (long long)model->classes,
				 (long long)data->classes);
	return status;
}

struct sc_score sc_evaluate_samples(struct sc_plan *plan, const struct sc_data *data, const int64_t *indices, int64_t count,
				    int64_t *batch_indices)
{
	const struct sc_model *model = sc_plan_model(plan);
	struct sc_batch_shape shape = sc_model_batch_shape(model);
	int64_t batch = sc_plan_batch(plan);
	struct sc_score score = {.count = count};
	double loss = 0;
	for (int64_t first = 0; first < count; first += batch) {
		int64_t images = count - first < batch ? count - first : batch;
		for (int64_t i = 0; i < batch; i++) /* a last, smaller batch is filled up with its last image */
			batch_indices[i] = indices[first + (i < images ? i : images - 1)];
		sc_batch_fill(&shape, data, batch_indices, batch, sc_plan_engine(plan)->pool, sc_plan_images(plan), NULL);
		sc_plan_run_forward(plan);
		for (int64_t i = 0; i < images; i++) {
			int32_t label = data->labels[batch_indices[i]];
			struct sc_score one = sc_softmax_cross_entropy(1, model->classes, sc_plan_scores(plan) + i * model->classes,
								       &label, NULL, NULL);
			loss += one.loss;
			score.correct += one.correct;
		}
	}
	if (count > 0) {
		score.loss = loss / (double)count;
		score.accuracy = (double)score.correct / (double)count;
	}
	return score;
}

/* An infer plan with engine and memory of its own. The model is only read: the plan's interface is that of training plans too. */
static enum sc_status make_plan(struct sc_plan **plan, const struct sc_model *model, int64_t batch,
				const struct sc_compute *compute, struct sc_error *error)
{
	struct sc_plan_options options = {.mode = SC_MODE_INFER, .batch = batch};
	if (compute)
		options.compute = *compute;
	return sc_plan_create(plan, (struct sc_model *)(uintptr_t)model, &options, error);
}

enum sc_status sc_evaluate(const struct sc_model *model, const struct sc_data *data, const struct sc_evaluate_options *options,
			   struct sc_score *score, struct sc_error *error)
{
	const struct sc_evaluate_options defaults = {0};
	if (!options)
		options = &defaults;
	int64_t batch = options->batch ? options->batch : 128;
	enum sc_status status = sc_check_data(model, data, error);
	if (!status && data->count < 1)
		status = sc_fail(error, SC_ERROR_ARGUMENT, data->name, -1, "%s: there are no images to evaluate", data->name);
	struct sc_plan *plan = NULL;
	if (!status)
		status = make_plan(&plan, model, batch > 0 && data->count < batch ? data->count : batch, &options->compute, error);
	if (status)
		return status;
	int64_t *indices = sc_allocate(data->count + sc_plan_batch(plan), sizeof(*indices));
	if (indices) {
		for (int64_t i = 0; i < data->count; i++)
			indices[i] = i;
		*score = sc_evaluate_samples(plan, data, indices, data->count, indices + data->count);
	} else {
		status = sc_fail_memory(error, data->count * 8, "an evaluation");
	}
	free(indices);
	sc_plan_destroy(plan);
	return status;
}
