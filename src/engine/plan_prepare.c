/* plan_prepare.c - what an infer plan does once, before its first run: it folds each BatchNorm into the convolution before it, and
 * packs the weights as the kernels read them.
 *
 * With f = scale / sqrt(variance + epsilon), the convolution's weights become weights * f, and its bias (bias - mean) * f + shift,
 * in one fused multiply-add. */
#include <math.h>
#include <string.h>

#include "base/checksum.h"
#include "engine/schedule.h"

#define PREPARED_VERSION 4 /* of what kernels make of weights: one more whenever that changes */

struct fold {
	const float *weights, *factor; /* (rows, channels), (channels) */
	float *folded;
	int64_t channels;
};

static void fold_rows(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct fold *f = context;
	for (int64_t row = begin; row < end; row++)
		for (int64_t c = 0; c < f->channels; c++)
			f->folded[row * f->channels + c] = f->weights[row * f->channels + c] * f->factor[c];
}

/* folded: like the weights; factor, bias: (channels). */
static void fold(const struct sc_plan *plan, int node, float *folded, float *factor, float *bias)
{
	const struct sc_model *model = plan->model;
	const struct sc_node *n = &model->nodes[node], *norm = &model->nodes[group_norm(plan, node)];
	const float *scale = sc_parameter_values(model, norm->weight), *shift = sc_parameter_values(model, norm->bias);
	const float *mean = sc_parameter_values(model, norm->running_mean);
	const float *variance = sc_parameter_values(model, norm->running_variance);
	const float *own = sc_parameter_values(model, n->bias);
	for (int64_t c = 0; c < n->channels; c++) {
		factor[c] = scale[c] / sqrtf(variance[c] + norm->epsilon);
		bias[c] = fmaf((own ? own[c] : 0) - mean[c], factor[c], shift[c]);
	}
	struct fold f = {sc_parameter_values(model, n->weight), factor, folded, n->channels};
	sc_pool_run(plan->engine.pool, fold_rows, &f, model->parameters[n->weight].count / n->channels, 64);
}

static void run_prepare(const struct sc_plan *plan, const struct step *s)
{
	struct sc_convolution c = node_convolution(plan, s->node);
	const float *weights = sc_parameter_values(plan->model, step_node(plan, s)->weight);
	if (s->bias != SC_NONE) {
		float *folded = buffer_at(plan, s->workspace);
		fold(plan, s->node, folded, folded + plan->model->parameters[step_node(plan, s)->weight].count,
		     buffer_at(plan, s->bias));
		weights = folded;
	}
	plan->engine.kernels->convolution_pack(&c, weights, buffer_at(plan, s->packed), plan->engine.pool);
}

static void prepare_convolution(struct sc_plan *plan, int node)
{
	const struct sc_node *n = &plan->model->nodes[node];
	struct sc_convolution c = node_convolution(plan, node);
	struct step *s = new_step(plan, PASS_PREPARE, node, run_prepare);
	s->packed = plan->packed[node] = new_prepared_buffer(plan, plan->engine.kernels->convolution_packed_bytes(&c));
	if (group_norm(plan, node) == SC_NONE)
		return;
	s->bias = plan->bias[node] = new_prepared_buffer(plan, n->channels * (int64_t)sizeof(float));
	give_workspace(plan, s, (plan->model->parameters[n->weight].count + n->channels) * (int64_t)sizeof(float));
}

void plan_prepare(struct sc_plan *plan)
{
	for (int i = 1; i < plan->model->node_count && !plan->out_of_memory; i++)
		if (is_convolution(&plan->model->nodes[i]))
			prepare_convolution(plan, i);
}

/* The kernels' name, and for each convolution its method and where its parts lie. */
uint64_t sc_plan_prepared_layout(const struct sc_plan *plan)
{
	uint64_t layout = sc_checksum_of(plan->engine.kernels->name, (int64_t)strlen(plan->engine.kernels->name));
	for (int i = 1; i < plan->model->node_count; i++) {
		if (plan->packed[i] == SC_NONE)
			continue;
		struct sc_convolution c = node_convolution(plan, i);
		const struct buffer *packed = &plan->buffers[plan->packed[i]];
		int64_t bias = plan->bias[i] == SC_NONE ? -1 : plan->buffers[plan->bias[i]].offset;
		const uint64_t parts[] = {layout, PREPARED_VERSION, (uint64_t)i, c.winograd, c.late, (uint64_t)packed->bytes,
					  (uint64_t)packed->offset, (uint64_t)bias};
		layout = sc_checksum_of(parts, sizeof(parts));
	}
	return layout;
}
