/* plan.c - making and destroying plans, and what they say of themselves. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "engine/schedule.h"

int new_buffer(struct sc_plan *plan, int64_t bytes)
{
	if (plan->buffer_count == plan->buffer_capacity) {
		int capacity = plan->buffer_capacity ? 2 * plan->buffer_capacity : 256;
		struct buffer *more = realloc(plan->buffers, (size_t)capacity * sizeof(*more));
		if (!more) {
			plan->out_of_memory = true;
			return 0;
		}
		plan->buffers = more;
		plan->buffer_capacity = capacity;
	}
	plan->buffers[plan->buffer_count] =
		(struct buffer){.bytes = sc_round_up(bytes, SC_ALIGNMENT), .first = INT_MAX, .last = -1};
	return plan->buffer_count++;
}

int new_prepared_buffer(struct sc_plan *plan, int64_t bytes)
{
	int buffer = new_buffer(plan, bytes);
	if (!plan->out_of_memory)
		plan->buffers[buffer].prepared = true;
	return buffer;
}

struct step *new_step(struct sc_plan *plan, enum pass pass, int node, step_function run)
{
	if (plan->step_count == plan->step_capacity) {
		int capacity = plan->step_capacity ? 2 * plan->step_capacity : 256;
		struct step *more = realloc(plan->steps, (size_t)capacity * sizeof(*more));
		if (!more) {
			plan->out_of_memory = true;
			plan->step_count--; /* the last step is written over; the plan is given up */
		} else {
			plan->steps = more;
			plan->step_capacity = capacity;
		}
	}
	struct step *s = &plan->steps[plan->step_count++];
	*s = (struct step){
		.pass = pass,
		.node = node,
		.run = run,
		.src = SC_NONE,
		.second = SC_NONE,
		.dst = SC_NONE,
		.packed = SC_NONE,
		.bias = SC_NONE,
		.extra = SC_NONE,
		.diff_dst = SC_NONE,
		.diff_src = SC_NONE,
		.diff_second = SC_NONE,
		.workspace = SC_NONE,
	};
	return s;
}

void give_workspace(struct sc_plan *plan, struct step *step, int64_t bytes)
{
	if (bytes > 0)
		step->workspace = new_buffer(plan, bytes);
}

static void run_loss(const struct sc_plan *plan, const struct step *s)
{
	(void)plan, (void)s; /* sc_plan_run_step needs its result and so calls it itself */
}

static void plan_loss(struct sc_plan *plan)
{
	int last = plan->model->node_count - 1;
	plan->diff[last] = new_buffer(plan, node_numbers(plan, last) * (int64_t)sizeof(float));
	struct step *s = new_step(plan, PASS_LOSS, last, run_loss);
	s->src = plan->value[last], s->second = plan->labels, s->diff_src = plan->diff[last];
}

/* Sizes that would overflow, and windows that kernels do not have, are refused here; nothing below checks again. */
static enum sc_status check(const struct sc_model *model, int64_t batch, struct sc_error *error)
{
	if (batch < 1 || batch > 1 << 20)
		return sc_fail(error, SC_ERROR_ARGUMENT, "batch", -1, "batch: expected 1 to 1048576, found %lld", (long long)batch);
	for (int i = 0; i < model->node_count; i++) {
		const struct sc_node *n = &model->nodes[i];
		int64_t count;
		if (!sc_multiply(n->height, n->width, &count) || !sc_multiply(count, n->channels, &count) ||
		    !sc_multiply(count, batch, &count) || count > INT64_MAX / 4096)
			return sc_fail(error, SC_ERROR_ARGUMENT, n->name, -1,
				       "%s: %lld x %lld x %lld for a batch of %lld is too large", n->name, (long long)n->height,
				       (long long)n->width, (long long)n->channels, (long long)batch);
		if (n->window.kernel_h > SC_MAX_KERNEL || n->window.kernel_w > SC_MAX_KERNEL)
			return sc_fail(error, SC_ERROR_UNSUPPORTED, n->name, -1,
				       "%s: a window of at most %d x %d is supported, found %lld x %lld", n->name, SC_MAX_KERNEL,
				       SC_MAX_KERNEL, (long long)n->window.kernel_h, (long long)n->window.kernel_w);
	}
	return SC_OK;
}

static enum sc_status make_lists(struct sc_plan *plan, struct sc_error *error)
{
	int64_t nodes = plan->model->node_count;
	int **lists[] = {&plan->group_end, &plan->block_of, &plan->value, &plan->extra, &plan->diff, &plan->again, &plan->packed, &plan->bias};
	const int count = sizeof(lists) / sizeof(lists[0]);
	plan->lists = sc_allocate(count * nodes, sizeof(int));
	plan->steps = sc_allocate(256, sizeof(struct step));
	if (!plan->lists || !plan->steps)
		return sc_fail_memory(error, count * nodes * (int64_t)sizeof(int), "a plan");
	plan->step_capacity = 256;
	for (int i = 0; i < count; i++)
		*lists[i] = plan->lists + i * nodes;
	for (int64_t i = 0; i < count * nodes; i++)
		plan->lists[i] = SC_NONE;
	return SC_OK;
}

static void forget_steps(struct sc_plan *plan)
{
	int *lists[] = {plan->value, plan->extra, plan->diff, plan->again, plan->packed, plan->bias};
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (int node = 0; node < plan->model->node_count; node++)
			lists[i][node] = SC_NONE;
	plan->step_count = plan->buffer_count = 0;
	plan->arena_bytes = plan->prepared_bytes = 0;
}

enum sc_status write_steps(struct sc_plan *plan, struct sc_error *error)
{
	forget_steps(plan);
	plan->labels = SC_NONE;
	if (plan->mode == SC_MODE_TRAIN)
		plan->labels = new_buffer(plan, plan->batch * (int64_t)sizeof(int32_t));
	else
		plan_prepare(plan);
	plan_forward(plan);
	if (plan->mode == SC_MODE_TRAIN && !plan->out_of_memory) {
		plan_loss(plan);
		plan_backward(plan);
	}
	return plan->out_of_memory ? sc_fail_memory(error, 0, "a plan's steps") : lay_out_buffers(plan, error);
}

enum sc_status sc_plan_layout(struct sc_plan **out, struct sc_model *model, const struct sc_engine *engine, enum sc_mode mode,
			      int64_t batch, struct sc_error *error)
{
	enum sc_status status = check(model, batch, error);
	if (status)
		return status;
	struct sc_plan *plan = sc_allocate(1, sizeof(*plan));
	if (!plan)
		return sc_fail_memory(error, sizeof(*plan), "a plan");
	plan->model = model, plan->engine = *engine, plan->mode = mode, plan->batch = batch;
	status = make_lists(plan, error);
	if (!status) {
		fuse_nodes(plan);
		status = write_steps(plan, error);
	}
	if (!status)
		status = fit_into_limit(plan, error);
	if (!status && mode == SC_MODE_TRAIN)
		status = sc_stretches_make(&plan->stretches, model, (const struct sc_plan *const[]){plan}, 1, error);
	if (status) {
		sc_plan_destroy(plan);
		return status;
	}
	*out = plan;
	return SC_OK;
}

void sc_plan_bind(struct sc_plan *plan, void *arena, float *gradients)
{
	plan->prepared = arena;
	plan->arena = (char *)arena + plan->prepared_bytes;
	plan->gradients = gradients;
}

void sc_plan_bind_prepared(struct sc_plan *plan, void *arena, void *prepared)
{
	plan->prepared = prepared;
	plan->arena = arena;
}

/* Gradients and velocity of a train plan, then the arena: one block. */
static enum sc_status own_memory(struct sc_plan *plan, struct sc_error *error)
{
	int64_t numbers = plan->mode == SC_MODE_TRAIN ? sc_round_up(plan->model->trainable_values, SC_ALIGNMENT / 4) : 0;
	int64_t part = numbers * (int64_t)sizeof(float);
	enum sc_status status = sc_arena_init(&plan->memory, 2 * part + sc_plan_arena_bytes(plan), "a plan", error);
	if (status)
		return status;
	char *base = plan->memory.base;
	plan->velocity = part ? (float *)(void *)(base + part) : NULL;
	sc_plan_bind(plan, base + 2 * part, part ? (float *)(void *)base : NULL);
	return SC_OK;
}

enum sc_status sc_fail_limit(struct sc_error *error, int64_t least, int64_t given)
{
	return sc_fail(error, SC_ERROR_MEMORY, "memory", -1, "memory: expected at least %lldM (%lld bytes), found %lld bytes",
		       (long long)((least + (1 << 20) - 1) >> 20), (long long)least, (long long)given);
}

/* Of the promise: parameters, and for training gradients and momenta. */
static int64_t parameter_bytes(const struct sc_model *model, enum sc_mode mode)
{
	return (model->value_count + (mode == SC_MODE_TRAIN ? 2 * model->trainable_values : 0)) * (int64_t)sizeof(float);
}

enum sc_status sc_plan_create(struct sc_plan **out, struct sc_model *model, const struct sc_plan_options *options,
			      struct sc_error *error)
{
	const struct sc_plan_options defaults = {0};
	if (!options)
		options = &defaults;
	struct sc_engine engine;
	struct sc_plan *plan = NULL;
	enum sc_status status = sc_engine_init(&engine, &options->compute, error);
	if (status)
		return status;
	engine.keep_outputs = options->keep_outputs;
	engine.arena_limit = sc_arena_limit(options->memory, parameter_bytes(model, options->mode));
	status = sc_plan_layout(&plan, model, &engine, options->mode, options->batch ? options->batch : 32, error);
	if (status) {
		sc_engine_release(&engine);
		return status;
	}
	plan->owns_memory = true;
	if (options->memory != 0 && sc_plan_promised_bytes(plan) > options->memory)
		status = sc_fail_limit(error, sc_plan_promised_bytes(plan), options->memory);
	else
		status = own_memory(plan, error);
	if (status) {
		sc_plan_destroy(plan);
		return status;
	}
	if (options->mode == SC_MODE_INFER)
		sc_plan_run_prepare(plan);
	*out = plan;
	return SC_OK;
}

void sc_plan_refresh(struct sc_plan *plan)
{
	sc_plan_run_prepare(plan);
}

void sc_plan_destroy(struct sc_plan *plan)
{
	if (!plan)
		return;
	if (plan->owns_memory) {
		sc_engine_release(&plan->engine);
		sc_arena_release(&plan->memory);
	}
	free(plan->buffers);
	free(plan->steps);
	free(plan->lists);
	sc_stretches_release(&plan->stretches);
	free(plan->blocks);
	free(plan);
}

int64_t sc_plan_arena_bytes(const struct sc_plan *plan)
{
	return plan->prepared_bytes + plan->arena_bytes;
}

int64_t sc_plan_prepared_bytes(const struct sc_plan *plan)
{
	return plan->prepared_bytes;
}

int64_t sc_plan_promised_bytes(const struct sc_plan *plan)
{
	return parameter_bytes(plan->model, plan->mode) + sc_plan_arena_bytes(plan);
}

int64_t sc_plan_batch(const struct sc_plan *plan)
{
	return plan->batch;
}

int sc_plan_threads(const struct sc_plan *plan)
{
	return sc_pool_threads(plan->engine.pool);
}

const char *sc_plan_instruction_set(const struct sc_plan *plan)
{
	return plan->engine.kernels->name;
}

const struct sc_engine *sc_plan_engine(const struct sc_plan *plan)
{
	return &plan->engine;
}

struct sc_model *sc_plan_model(const struct sc_plan *plan)
{
	return plan->model;
}

float *sc_plan_gradients(const struct sc_plan *plan)
{
	return plan->gradients;
}

const float *sc_plan_layer_output(const struct sc_plan *plan, int64_t layer)
{
	return plan->engine.keep_outputs ? buffer_at(plan, plan->value[layer]) : NULL;
}

const float *sc_plan_tensor_gradient(const struct sc_plan *plan, int64_t tensor)
{
	const struct sc_parameter *p = &plan->model->parameters[tensor];
	return plan->gradients && sc_parameter_trainable(p) ? plan->gradients + p->offset : NULL;
}

float *sc_plan_velocity(const struct sc_plan *plan)
{
	return plan->velocity;
}
