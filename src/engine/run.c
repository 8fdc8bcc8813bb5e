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

struct sc_score run_plan_loss(const struct sc_plan *plan)
{
	struct step *s = &plan->steps[plan->forward_end]; /* the step after forward */
	double before = sc_clock();
	struct sc_score score = sc_softmax_cross_entropy(plan->batch, plan->model->classes, buffer_at(plan, s->src),
							 buffer_at(plan, s->second), NULL, buffer_at(plan, s->diff_src));
	s->seconds = sc_clock() - before;
	return score;
}

bool gives_parameter_gradients(const struct sc_plan *plan, const struct step *step)
{
	return step->pass == PASS_BACKWARD_WEIGHTS ||
	       (step->pass == PASS_BACKWARD && step_node(plan, step)->kind == SC_NODE_BATCH_NORM);
}

/* While they are in the cache: a pass of its own over all gradients would have to fetch them from memory. */
static float largest_gradient(const struct sc_plan *plan, const struct step *s)
{
	const struct sc_node *n = step_node(plan, s);
	float largest = 0;
	if (!gives_parameter_gradients(plan, s))
		return 0;
	for (int i = 0; i < plan->stretches.count; i++) {
		const struct sc_stretch *t = &plan->stretches.list[i];
		if ((t->parameter == n->weight || t->parameter == n->bias) && !t->idle)
			largest = fmaxf(largest, plan->engine.kernels->largest_magnitude(t->count, plan->gradients + t->offset,
											  plan->engine.pool));
	}
	return largest;
}

static float run_backward(const struct sc_plan *plan)
{
	double before = sc_clock();
	float largest = 0;
	for (int i = plan->forward_end + 1; i < plan->step_count; i++) {
		struct step *s = &plan->steps[i];
		s->run(plan, s);
		largest = fmaxf(largest, largest_gradient(plan, s));
		double after = sc_clock();
		s->seconds = after - before;
		before = after;
	}
	return largest;
}

struct sc_score sc_plan_run_step(struct sc_plan *plan)
{
	run_steps(plan, plan->forward_begin, plan->forward_end);
	struct sc_score score = run_plan_loss(plan);
	/* A score of minus infinity gives a finite loss, and a gradient of zero. */
	bool finite = isfinite(score.loss) && sc_all_finite(sc_plan_scores(plan), plan->batch * plan->model->classes);
	plan->largest_gradient = isfinite(score.loss) ? run_backward(plan) : INFINITY;
	if (!finite || move_statistics(plan, false) != SC_NONE)
		plan->largest_gradient = INFINITY;
	return score;
}

float sc_plan_largest_gradient(const struct sc_plan *plan)
{
	return plan->largest_gradient;
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

int move_statistics(const struct sc_plan *plan, bool store)
{
	const struct sc_model *model = plan->model;
	int bad = SC_NONE;
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
			float new_mean = fmaf(n->update, mean[c], n->momentum * running_mean[c]);
			float new_variance = fmaf(n->update, variance[c] * correction, n->momentum * running_variance[c]);
			if (bad == SC_NONE && !(isfinite(new_mean) && isfinite(new_variance)))
				bad = i;
			if (store)
				running_mean[c] = new_mean, running_variance[c] = new_variance;
		}
	}
	return bad;
}

void sc_plan_update_statistics(struct sc_plan *plan)
{
	move_statistics(plan, true);
}
