/* stretches.c - which weights a plan reads, and which it leaves alone. */
#include <stdlib.h>

#include "engine/schedule.h"

/* The convolution whose kernel is this parameter, or SC_NONE. */
static int convolution_of(const struct sc_model *model, int parameter)
{
	for (int i = 0; i < model->node_count; i++)
		if (model->nodes[i].kind == SC_NODE_CONVOLUTION && model->nodes[i].weight == parameter)
			return i;
	return SC_NONE;
}

static bool is_idle(const struct sc_plan *const *plans, int plan_count, int node, int64_t tap)
{
	bool idle = false;
	for (int i = 0; i < plan_count; i++) {
		if (!plans[i])
			continue;
		struct sc_convolution c = node_convolution(plans[i], node);
		idle = !sc_tap_meets_data(&c, tap / c.kw, tap % c.kw);
		if (!idle)
			return false;
	}
	return idle;
}

/* Lengthens the last stretch, or begins one. */
static void add(struct sc_stretches *s, int parameter, int64_t offset, int64_t count, bool idle)
{
	struct sc_stretch *last = s->count > 0 ? &s->list[s->count - 1] : NULL;
	if (last && last->parameter == parameter && last->idle == idle)
		last->count += count;
	else
		s->list[s->count++] = (struct sc_stretch){parameter, offset, count, idle};
}

static int64_t tap_count(const struct sc_model *model, int node)
{
	return node == SC_NONE ? 1 : model->nodes[node].window.kernel_h * model->nodes[node].window.kernel_w;
}

enum sc_status sc_stretches_make(struct sc_stretches *stretches, const struct sc_model *model, const struct sc_plan *const *plans,
				 int plan_count, struct sc_error *error)
{
	int64_t most = 0;
	for (int i = 0; i < model->parameter_count; i++)
		most += tap_count(model, convolution_of(model, i));
	*stretches = (struct sc_stretches){.list = sc_allocate(most, sizeof(struct sc_stretch))};
	if (!stretches->list)
		return sc_fail_memory(error, most * (int64_t)sizeof(struct sc_stretch), "the stretches of a model's numbers");
	for (int i = 0; i < model->parameter_count; i++) {
		const struct sc_parameter *p = &model->parameters[i];
		int node = convolution_of(model, i);
		int64_t taps = tap_count(model, node), each = p->count / taps;
		for (int64_t t = 0; sc_parameter_trainable(p) && t < taps; t++)
			add(stretches, i, p->offset + t * each, each, node != SC_NONE && is_idle(plans, plan_count, node, t));
	}
	return SC_OK;
}

void sc_stretches_release(struct sc_stretches *stretches)
{
	free(stretches->list);
	*stretches = (struct sc_stretches){0};
}

struct sc_stretches *sc_plan_stretches(struct sc_plan *plan)
{
	return &plan->stretches;
}
