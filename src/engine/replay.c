/* replay.c - a training step once more, with a look at each result: where the first number is that is not finite.
 *
 * A step that goes well pays nothing for this. It is known to have gone badly from its loss, its scores and its gradients: see
 * sc_plan_largest_gradient. */
#include <math.h>
#include <stdio.h>

#include "base/finite.h"
#include "engine/schedule.h"

/* Whether the numbers are finite. images: how many images share them equally; 0: they belong to none. */
static bool look(struct sc_non_finite *found, const char *layer, const char *tensor, const char *parameter, const float *numbers,
		 int64_t count, int64_t images)
{
	if (sc_all_finite(numbers, count))
		return true;
	int64_t first = 0;
	while (isfinite(numbers[first]))
		first++;
	*found = (struct sc_non_finite){.layer = layer, .image = images > 0 ? first / (count / images) : -1, .value = numbers[first]};
	snprintf(found->tensor, sizeof(found->tensor), "%s%s", tensor, parameter);
	return false;
}

static bool look_at_parameters(const struct sc_plan *plan, const struct sc_node *n, struct sc_non_finite *found)
{
	const int used[] = {n->weight, n->bias, n->running_mean, n->running_variance};
	for (int i = 0; i < 4; i++)
		if (used[i] != SC_NONE && !look(found, n->name, "", plan->model->parameters[used[i]].name,
						sc_parameter_values(plan->model, used[i]), plan->model->parameters[used[i]].count, 0))
			return false;
	return true;
}

static bool look_at_forward(const struct sc_plan *plan, const struct step *s, struct sc_non_finite *found)
{
	const struct sc_node *n = step_node(plan, s);
	if (n->kind == SC_NODE_BATCH_NORM &&
	    !look(found, n->name, "mean or variance of its batch", "", buffer_at(plan, s->extra), 3 * n->channels, 0))
		return false;
	return look(found, n->name, "its output", "", buffer_at(plan, s->dst), node_numbers(plan, s->node), plan->batch);
}

static bool look_at_gradients(const struct sc_plan *plan, const struct step *s, struct sc_non_finite *found)
{
	const struct sc_node *n = step_node(plan, s);
	const int used[] = {n->weight, n->bias};
	for (int i = 0; i < 2 && gives_parameter_gradients(plan, s); i++)
		if (used[i] != SC_NONE &&
		    !look(found, n->name, "the gradient by ", plan->model->parameters[used[i]].name,
			  plan->gradients + plan->model->parameters[used[i]].offset, plan->model->parameters[used[i]].count, 0))
			return false;
	return true;
}

static bool look_at_backward(const struct sc_plan *plan, const struct step *s, struct sc_non_finite *found)
{
	const struct sc_node *n = step_node(plan, s);
	bool own = s->pass == PASS_SUM || s->pass == PASS_LOSS; /* the gradient of the node's own output */
	if (s->pass == PASS_AGAIN)
		return look_at_forward(plan, s, found);
	if (!look_at_gradients(plan, s, found))
		return false;
	if (s->diff_src != SC_NONE && !look(found, n->name, own ? "the gradient of its output" : "the gradient of its input", "",
					    buffer_at(plan, s->diff_src), node_numbers(plan, own ? s->node : n->inputs[0]), plan->batch))
		return false;
	return s->diff_second == SC_NONE || look(found, n->name, "the gradient of its other input", "", buffer_at(plan, s->diff_second),
						 node_numbers(plan, s->node), plan->batch);
}

bool sc_plan_find_non_finite(struct sc_plan *plan, struct sc_non_finite *found)
{
	if (!look(found, "input", "images", "", sc_plan_images(plan), node_numbers(plan, 0), plan->batch))
		return true;
	for (int i = plan->forward_begin; i < plan->forward_end; i++) {
		const struct step *s = &plan->steps[i];
		if (!look_at_parameters(plan, step_node(plan, s), found))
			return true;
		s->run(plan, s);
		if (!look_at_forward(plan, s, found))
			return true;
	}
	double loss = run_plan_loss(plan).loss;
	for (int i = plan->forward_end; i < plan->step_count; i++) {
		plan->steps[i].run(plan, &plan->steps[i]);
		if (!look_at_backward(plan, &plan->steps[i], found))
			return true;
	}
	int node = move_statistics(plan, false);
	*found = (struct sc_non_finite){.layer = node != SC_NONE ? plan->model->nodes[node].name : "loss", .image = -1};
	snprintf(found->tensor, sizeof(found->tensor), "%s", node != SC_NONE ? "its running mean or variance" : "the loss");
	found->value = node != SC_NONE ? INFINITY : (float)loss;
	return node != SC_NONE || !isfinite(loss);
}
