/* session.c - making and releasing what a training holds: see session.h. */
#include "train/session.h"

#include <stdlib.h>
#include <string.h>

#include "train/evaluate.h"

static int64_t minimum(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* ---- Samples
 * --------------------------------------------------------------------------------------------------------------------- */

static enum sc_status choose_samples(struct sc_session *s, struct sc_error *error)
{
	const struct sc_fit_options *o = &s->options;
	enum sc_status status = sc_split_indices(&s->samples, s->data, (double)o->validation_split, o->split, o->seed, error);
	if (status)
		return status;
	if (s->samples.train_count < 1)
		return sc_fail(error, SC_ERROR_ARGUMENT, s->data->name, -1, "%s: no images are left to train on", s->data->name);
	s->check_data = s->data, s->check_indices = s->samples.validation, s->check_count = s->samples.validation_count;
	if (!o->validation)
		return SC_OK;
	s->all = sc_allocate(o->validation->count, sizeof(int64_t));
	if (!s->all)
		return sc_fail_memory(error, o->validation->count * 8, "the validation samples");
	for (int64_t i = 0; i < o->validation->count; i++)
		s->all[i] = i;
	s->check_data = o->validation, s->check_indices = s->all, s->check_count = o->validation->count;
	return sc_check_data(s->model, o->validation, error);
}

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* An order that was given must be of samples that train, and of whole epochs. */
static enum sc_status check_order(const struct sc_session *s, struct sc_error *error)
{
	const struct sc_fit_options *o = &s->options;
	int64_t count = s->samples.train_count;
	if (!o->sample_order)
		return SC_OK;
	if (o->sample_order_count < 1 || o->sample_order_count % count != 0)
		return sc_fail(error, SC_ERROR_ARGUMENT, "sample_order", -1,
			       "sample_order: expected a multiple of the %lld samples that train, found %lld numbers", (long long)count,
			       (long long)o->sample_order_count);
	for (int64_t i = 0; i < o->sample_order_count; i++)
		if (!bsearch(&o->sample_order[i], s->samples.train, (size_t)count, sizeof(int64_t), by_number))
			return sc_fail(error, SC_ERROR_ARGUMENT, "sample_order", i,
				       "sample_order: expected a sample of %s that trains (%lld to %lld), found %lld as number %lld", s->data->name,
				       (long long)s->samples.train[0], (long long)s->samples.train[count - 1],
				       (long long)o->sample_order[i], (long long)i + 1);
	return SC_OK;
}

void sc_session_order_epoch(struct sc_session *s, int64_t epoch)
{
	const struct sc_fit_options *o = &s->options;
	int64_t count = s->samples.train_count;
	if (o->sample_order) {
		int64_t first = (epoch - 1) % (o->sample_order_count / count) * count;
		memcpy(s->order, o->sample_order + first, (size_t)count * sizeof(int64_t));
		return;
	}
	if (o->no_shuffle) {
		memcpy(s->order, s->samples.train, (size_t)count * sizeof(int64_t));
		return;
	}
	sc_sample_order(s->order, count, o->seed, epoch);
	for (int64_t i = 0; i < count; i++)
		s->order[i] = s->samples.train[s->order[i]];
}

static enum sc_status make_lists(struct sc_session *s, struct sc_error *error)
{
	int64_t batch = s->options.batch, count = s->samples.train_count;
	s->steps_per_epoch = (count + batch - 1) / batch;
	s->order = sc_allocate(count, sizeof(int64_t));
	s->batch = sc_allocate(batch, sizeof(int64_t));
	s->step_seconds = sc_allocate(SC_KEPT_STEPS, sizeof(double));
	return s->order && s->batch && s->step_seconds ? SC_OK : sc_fail_memory(error, count * 8, "the order of samples");
}

/* ---- Plans
 * ----------------------------------------------------------------------------------------------------------------------- */

static enum sc_status lay_out(struct sc_session *s, struct sc_plan **plan, enum sc_mode mode, int64_t batch, int64_t *largest,
			      struct sc_error *error)
{
	if (batch < 1)
		return SC_OK;
	enum sc_status status = sc_plan_layout(plan, s->model, &s->engine, mode, batch, error);
	if (!status && sc_plan_arena_bytes(*plan) > *largest)
		*largest = sc_plan_arena_bytes(*plan);
	return status;
}

/* Images, labels, and the lists of samples. */
static int64_t data_bytes(const struct sc_session *s)
{
	const struct sc_data *d = s->data, *v = s->options.validation;
	int64_t pixels =
		d->count * (d->height * d->width * d->channels + 1) + (v ? v->count * (v->height * v->width * v->channels + 1) : 0);
	return pixels + (2 * d->count + s->options.batch + SC_KEPT_STEPS) * (int64_t)sizeof(int64_t);
}

static enum sc_status make_plans(struct sc_session *s, struct sc_error *error)
{
	int64_t batch = s->options.batch, count = s->samples.train_count, arena = 0;
	int64_t part = sc_round_up(s->model->trainable_values * (int64_t)sizeof(float), SC_ALIGNMENT);
	int64_t velocity = s->options.optimizer.momentum != 0 ? part : 0;
	int64_t others = s->model->storage.bytes + part + velocity + data_bytes(s);
	s->engine.arena_limit = sc_arena_limit(s->options.memory, others);
	enum sc_status status = lay_out(s, &s->plan, SC_MODE_TRAIN, count >= batch ? batch : 0, &arena, error);
	if (!status)
		status = lay_out(s, &s->rest_plan, SC_MODE_TRAIN, count % batch, &arena, error);
	if (!status)
		status = lay_out(s, &s->check_plan, SC_MODE_INFER, minimum(batch, s->check_count), &arena, error);
	if (status)
		return status;
	s->promised_bytes = others + arena;
	if (s->options.memory != 0 && s->promised_bytes > s->options.memory)
		return sc_fail_limit(error, s->promised_bytes, s->options.memory);
	status = sc_arena_init(&s->memory, part + velocity + arena, "training", error);
	if (status)
		return status;
	char *base = s->memory.base;
	s->gradients = (float *)(void *)base;
	s->velocity = velocity ? (float *)(void *)(base + part) : NULL;
	struct sc_plan *plans[] = {s->plan, s->rest_plan, s->check_plan};
	for (int i = 0; i < 3; i++)
		if (plans[i])
			sc_plan_bind(plans[i], base + part + velocity, s->gradients);
	const struct sc_plan *trainers[] = {s->plan, s->rest_plan};
	return sc_stretches_make(&s->stretches, s->model, trainers, 2, error);
}

enum sc_status sc_session_init(struct sc_session *session, struct sc_model *model, const struct sc_data *data,
			       const struct sc_fit_options *resolved, struct sc_error *error)
{
	*session = (struct sc_session){.model = model, .data = data, .options = *resolved};
	enum sc_status status = sc_check_data(model, data, error);
	if (!status)
		status = sc_engine_init(&session->engine, &resolved->compute, error);
	if (!status)
		status = choose_samples(session, error);
	if (!status)
		status = check_order(session, error);
	if (!status)
		status = make_lists(session, error);
	if (!status)
		status = make_plans(session, error);
	if (status)
		sc_session_release(session);
	return status;
}

void sc_session_release(struct sc_session *s)
{
	sc_run_folder_release(&s->folder);
	sc_plan_destroy(s->plan);
	sc_plan_destroy(s->rest_plan);
	sc_plan_destroy(s->check_plan);
	sc_arena_release(&s->memory);
	sc_stretches_release(&s->stretches);
	sc_engine_release(&s->engine);
	sc_indices_release(&s->samples);
	free(s->order);
	free(s->batch);
	free(s->all);
	free(s->step_seconds);
	*s = (struct sc_session){0};
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

double sc_session_median_step(struct sc_session *s)
{
	int64_t count = minimum(s->steps_done, SC_KEPT_STEPS);
	if (count == 0)
		return 0;
	qsort(s->step_seconds, (size_t)count, sizeof(double), by_value);
	return s->step_seconds[count / 2];
}
