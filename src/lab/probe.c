/* probe.c - a look into a net: one step of a plan that keeps all outputs, on a fixed batch; no weight changes.
 *
 * The gradient's norm is that of the mean loss with respect to the layer's weights. The response of a layer is what its BatchNorm
 * gives out, before the addition and the rectifier, as in figure 7 of He et al., 2015; with the statistics of the batch. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/plan.h"
#include "lab/lab.h"
#include "train/evaluate.h"

#define PROBE_IMAGES 256

static bool has_weights(const struct sc_node *node)
{
	return node->kind == SC_NODE_CONVOLUTION || node->kind == SC_NODE_DENSE;
}

enum sc_status sc_lab_count_layers(struct sc_lab_twin *twin, const struct sc_model *model, struct sc_error *error)
{
	twin->layer_count = twin->response_count = 0;
	for (int i = 0; i < model->node_count; i++) {
		twin->layer_count += has_weights(&model->nodes[i]);
		twin->response_count += model->nodes[i].kind == SC_NODE_BATCH_NORM;
	}
	twin->block_count = (twin->depth - 2) / 2;
	twin->layer_names = sc_allocate(twin->layer_count, sizeof(*twin->layer_names));
	twin->gradient_start = sc_allocate(twin->layer_count, sizeof(double));
	twin->gradient_end = sc_allocate(twin->layer_count, sizeof(double));
	twin->responses = sc_allocate(twin->response_count, sizeof(double));
	twin->lesions = sc_allocate(twin->block_count, sizeof(double));
	if (!twin->layer_names || !twin->gradient_start || !twin->gradient_end || !twin->responses || !twin->lesions)
		return sc_fail_memory(error, twin->layer_count * 64, "the layers of a net");
	int64_t layer = 0;
	for (int i = 0; i < model->node_count; i++)
		if (has_weights(&model->nodes[i]))
			memcpy(twin->layer_names[layer++], model->nodes[i].name, sizeof(*twin->layer_names));
	return SC_OK;
}

/* The first images of the first epoch. */
static enum sc_status fill_batch(const struct sc_lab *lab, const struct sc_model *model, struct sc_plan *plan,
				 struct sc_error *error)
{
	struct sc_batch_shape shape = sc_model_batch_shape(model);
	int64_t *order = sc_allocate(lab->train->count, sizeof(*order));
	if (!order)
		return sc_fail_memory(error, lab->train->count * 8, "the order of samples");
	sc_sample_order(order, lab->train->count, lab->options->seed, 1);
	sc_batch_fill(&shape, lab->train, order, sc_plan_batch(plan), sc_plan_engine(plan)->pool, sc_plan_images(plan),
		      sc_plan_labels(plan));
	free(order);
	return SC_OK;
}

static double norm(const float *values, int64_t count)
{
	double sum = 0;
	for (int64_t i = 0; i < count; i++)
		sum += (double)values[i] * (double)values[i];
	return sqrt(sum);
}

static double deviation(const float *values, int64_t count)
{
	double sum = 0, squares = 0;
	for (int64_t i = 0; i < count; i++)
		sum += (double)values[i];
	double mean = sum / (double)count;
	for (int64_t i = 0; i < count; i++)
		squares += ((double)values[i] - mean) * ((double)values[i] - mean);
	return sqrt(squares / (double)count);
}

static void measure(const struct sc_model *model, const struct sc_plan *plan, double *gradients, double *responses)
{
	int64_t layer = 0, response = 0;
	for (int i = 0; i < model->node_count; i++) {
		const struct sc_node *n = &model->nodes[i];
		int64_t numbers = sc_plan_batch(plan) * n->height * n->width * n->channels;
		if (has_weights(n))
			gradients[layer++] = norm(sc_plan_tensor_gradient(plan, n->weight), model->parameters[n->weight].count);
		else if (n->kind == SC_NODE_BATCH_NORM && responses)
			responses[response++] = deviation(sc_plan_layer_output(plan, i), numbers);
	}
}

enum sc_status sc_lab_probe(const struct sc_lab *lab, struct sc_lab_twin *twin, struct sc_model *model, double *gradients,
			    double *responses, struct sc_error *error)
{
	const struct sc_plan_options options = {
		.mode = SC_MODE_TRAIN,
		.batch = lab->train->count < PROBE_IMAGES ? lab->train->count : PROBE_IMAGES,
		.compute = lab->options->compute,
		.keep_outputs = true,
	};
	struct sc_plan *plan = NULL;
	enum sc_status status = sc_plan_create(&plan, model, &options, error);
	if (!status)
		status = fill_batch(lab, model, plan, error);
	if (!status && !isfinite(sc_plan_run_step(plan).loss))
		status = sc_fail(error, SC_ERROR_NON_FINITE, twin->name, -1, "%s: the loss on the probe's images is not finite",
				 twin->name);
	if (!status)
		measure(model, plan, gradients, responses);
	sc_plan_destroy(plan);
	return status;
}
