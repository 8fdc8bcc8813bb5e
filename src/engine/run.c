/* run.c - walking a plan's steps. Nothing here allocates or can fail. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/finite.h"
#include "engine/schedule.h"

float *sc_plan_images(struct sc_plan *plan)
{
	return buffer_at(plan, plan->value[0]);
}

int32_t *sc_plan_labels(struct sc_plan *plan)
{
	return buffer_at(plan, plan->labels);
}

const float *sc_plan_scores(const struct sc_plan *plan)
{
	return buffer_at(plan, plan->value[plan->model->node_count - 1]);
}

static void run_steps(const struct sc_plan *plan, int begin, int end)
{
	double before = sc_clock();
	for (int i = begin; i < end; i++) {
		plan->steps[i].run(plan, &plan->steps[i]);
		double after = sc_clock();
		plan->steps[i].seconds = after - before;
		before = after;
	}
}

void sc_plan_run_prepare(struct sc_plan *plan)
{
	run_steps(plan, 0, plan->forward_begin);
}

void sc_plan_run_forward(struct sc_plan *plan)
{
	run_steps(plan, plan->forward_begin, plan->forward_end);
}

struct sc_score sc_plan_run_step(struct sc_plan *plan)
{
	int loss = plan->forward_end; /* the step after forward */
	run_steps(plan, plan->forward_begin, loss);
	double before = sc_clock();
	struct sc_score score = sc_softmax_cross_entropy(plan->batch, plan->model->classes, sc_plan_scores(plan),
							 sc_plan_labels(plan), NULL, buffer_at(plan, plan->steps[loss].diff_src));
	plan->steps[loss].seconds = sc_clock() - before;
	if (isfinite(score.loss))
		run_steps(plan, loss + 1, plan->step_count);
	return score;
}

void sc_plan_forward(struct sc_plan *plan, const float *images, float *scores)
{
	memcpy(sc_plan_images(plan), images, (size_t)node_numbers(plan, 0) * sizeof(float));
	sc_plan_run_forward(plan);
	memcpy(scores, sc_plan_scores(plan), (size_t)(plan->batch * plan->model->classes) * sizeof(float));
}

struct sc_score sc_plan_step(struct sc_plan *plan, const float *images, const int32_t *labels)
{
	memcpy(sc_plan_images(plan), images, (size_t)node_numbers(plan, 0) * sizeof(float));
	memcpy(sc_plan_labels(plan), labels, (size_t)plan->batch * sizeof(int32_t));
	return sc_plan_run_step(plan);
}

void sc_plan_update_statistics(struct sc_plan *plan)
{
	const struct sc_model *model = plan->model;
	for (int i = 0; i < model->node_count; i++) {
		const struct sc_node *n = &model->nodes[i];
		if (n->kind != SC_NODE_BATCH_NORM)
			continue;
		const float *mean = buffer_at(plan, plan->extra[i]), *variance = mean + n->channels;
		float *running_mean = sc_parameter_values(model, n->running_mean);
		float *running_variance = sc_parameter_values(model, n->running_variance);
		float pixels = (float)(plan->batch * n->height * n->width);
		float correction = n->unbiased && pixels > 1 ? pixels / (pixels - 1) : 1;
		for (int64_t c = 0; c < n->channels; c++) {
			running_mean[c] = fmaf(n->update, mean[c], n->momentum * running_mean[c]);
			running_variance[c] = fmaf(n->update, variance[c] * correction, n->momentum * running_variance[c]);
		}
	}
}

/* Name of the first of the node's parameters that holds a number that is not finite, or NULL. */
static const char *bad_parameter(const struct sc_model *model, const struct sc_node *n)
{
	const int used[] = {n->weight, n->bias, n->running_mean, n->running_variance};
	for (int i = 0; i < 4; i++)
		if (used[i] != SC_NONE && !sc_all_finite(sc_parameter_values(model, used[i]), model->parameters[used[i]].count))
			return model->parameters[used[i]].name;
	return NULL;
}

const char *sc_plan_find_non_finite(struct sc_plan *plan)
{
	if (!sc_all_finite(sc_plan_images(plan), node_numbers(plan, 0)))
		return "images";
	for (int i = plan->forward_begin; i < plan->forward_end; i++) {
		const struct step *s = &plan->steps[i];
		const struct sc_node *n = step_node(plan, s);
		const char *bad = bad_parameter(plan->model, n);
		if (bad)
			return bad;
		s->run(plan, s);
		if (!sc_all_finite(buffer_at(plan, s->dst), node_numbers(plan, s->node)))
			return n->name;
	}
	return "the loss";
}

const char *sc_plan_find_non_finite_gradient(const struct sc_plan *plan)
{
	const struct sc_model *model = plan->model;
	for (int i = 0; i < model->parameter_count; i++) {
		const struct sc_parameter *p = &model->parameters[i];
		if (sc_parameter_trainable(p) && !sc_all_finite(plan->gradients + p->offset, p->count))
			return p->name;
	}
	return NULL;
}
