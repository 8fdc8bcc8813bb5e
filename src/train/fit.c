/* fit.c - sc_fit: the training loop. What it needs is made in session.c; what it leaves behind is written by run_folder.c and
 * checkpoint.c. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/fit_options.h"
#include "train/optimizer.h"
#include "train/schedule.h"
#include "train/session.h"

/* Begins the run's folder, or goes on with it: gives the epochs that are behind. */
static enum sc_status begin_run(struct sc_session *s, int64_t *finished, struct sc_error *error)
{
	const struct sc_fit_options *o = &s->options;
	struct sc_checkpoint at;
	*finished = 0;
	if (!o->run)
		return SC_OK;
	if (!o->resume)
		return sc_run_folder_create(&s->folder, o->run, s->model, s->data, o, error);
	enum sc_status status = sc_checkpoint_find(o->resume, &at, error);
	if (!status)
		status = sc_run_folder_resume(&s->folder, o->resume, s->data, o, at.epoch, at.step, error);
	if (!status)
		status = sc_checkpoint_read(o->resume, &at, s->model, s->velocity, error);
	if (!status) {
		*finished = at.epoch;
		s->global_step = at.step;
	}
	return status;
}

static void note_seconds(struct sc_session *s, double seconds)
{
	s->step_seconds[s->steps_done++ % SC_KEPT_STEPS] = seconds;
	s->seconds += seconds;
}

static enum sc_status not_finite(struct sc_session *s, struct sc_plan *plan, const struct sc_progress_event *e,
				 struct sc_error *error)
{
	const char *tensor = sc_plan_find_non_finite(plan);
	return sc_fail(error, SC_ERROR_NON_FINITE, tensor, -1,
		       "epoch %lld, step %lld (step %lld in all), learning rate %g: the loss is not finite; the first tensor with "
		       "a number that is "
		       "not finite: %s; no weight was changed by this step",
		       (long long)e->epoch, (long long)e->step, (long long)s->global_step + 1, (double)e->learning_rate, tensor);
}

/* Step e->step of the epoch: batch, forward, loss, backward, update. */
static enum sc_status train_step(struct sc_session *s, struct sc_progress_event *e, struct sc_error *error)
{
	const struct sc_fit_options *o = &s->options;
	struct sc_batch_shape shape = sc_model_batch_shape(s->model);
	int64_t first = (e->step - 1) * o->batch, left = s->samples.train_count - first;
	int64_t images = left < o->batch ? left : o->batch;
	struct sc_plan *plan = images == o->batch ? s->plan : s->rest_plan;
	double start = sc_clock();
	for (int64_t i = 0; i < images; i++)
		s->batch[i] = s->samples.train[s->order[first + i]];
	sc_batch_fill(&shape, s->data, s->batch, images, s->engine.pool, sc_plan_images(plan), sc_plan_labels(plan));
	e->learning_rate =
		sc_scheduled_learning_rate(&o->schedule, o->optimizer.learning_rate, s->global_step, s->steps_per_epoch, o->epochs);
	struct sc_score score = sc_plan_run_step(plan);
	if (!isfinite(score.loss))
		return not_finite(s, plan, e, error);
	sc_sgd_update(&s->engine, s->model, s->gradients, s->velocity, &o->optimizer, e->learning_rate);
	sc_plan_update_statistics(plan);
	double seconds = sc_clock() - start;
	note_seconds(s, seconds);
	s->images_done += images;
	e->global_step = ++s->global_step;
	e->images += images;
	e->step_loss = score.loss;
	e->step_accuracy = score.accuracy;
	e->train.loss += (score.loss - e->train.loss) * (double)images / (double)e->images; /* the mean over the images so far */
	e->train.count += images;
	e->train.correct += score.correct;
	e->train.accuracy = (double)e->train.correct / (double)e->train.count;
	sc_run_folder_step(&s->folder, e, seconds);
	return SC_OK;
}

/* Validation, history, checkpoint. */
static enum sc_status end_epoch(struct sc_session *s, struct sc_progress_event *e, char name[64], struct sc_error *error)
{
	struct sc_epoch_row row = {.epoch = e->epoch, .loss = e->train.loss, .accuracy = e->train.accuracy, .seconds = e->seconds};
	row.learning_rate = (double)e->learning_rate;
	if (s->check_plan) {
		e->has_validation = row.has_validation = true;
		sc_plan_run_prepare(s->check_plan);
		e->validation = sc_evaluate_samples(s->check_plan, s->check_data, s->check_indices, s->check_count, s->batch);
		row.validation_loss = e->validation.loss;
		row.validation_accuracy = e->validation.accuracy;
	}
	enum sc_status status = sc_run_folder_epoch(&s->folder, &row, error);
	if (!status && s->folder.path) {
		const struct sc_checkpoint at = {e->epoch, s->global_step, s->options.seed};
		status = sc_checkpoint_write(s->folder.path, s->model, s->velocity, &at, name, error);
		e->checkpoint = name;
	}
	e->epoch_end = true;
	return status;
}

static enum sc_status tell(const struct sc_session *s, const struct sc_progress_event *e, struct sc_error *error)
{
	if (!s->options.progress || s->options.progress(s->options.user, e) == 0)
		return SC_OK;
	return sc_fail(error, SC_ERROR_STOPPED, "training", -1, "training was stopped in epoch %lld after step %lld",
		       (long long)e->epoch, (long long)e->step);
}

static bool steps_are_up(const struct sc_session *s)
{
	return s->options.steps > 0 && s->global_step >= s->options.steps;
}

static enum sc_status run_epoch(struct sc_session *s, struct sc_progress_event *e, struct sc_error *error)
{
	char checkpoint[64];
	double start = sc_clock();
	if (s->options.no_shuffle)
		for (int64_t i = 0; i < s->samples.train_count; i++)
			s->order[i] = i;
	else
		sc_sample_order(s->order, s->samples.train_count, s->options.seed, e->epoch);
	while (e->step < s->steps_per_epoch && !steps_are_up(s)) {
		e->step++;
		enum sc_status status = train_step(s, e, error);
		e->seconds = sc_clock() - start;
		if (!status)
			status = tell(s, e, error);
		if (status)
			return status;
	}
	enum sc_status status = end_epoch(s, e, checkpoint, error);
	return status ? status : tell(s, e, error);
}

static void fill_result(struct sc_session *s, const struct sc_progress_event *e, struct sc_fit_result *result)
{
	*result = (struct sc_fit_result){
		.epochs = e->epoch,
		.steps = s->global_step,
		.images = s->images_done,
		.seconds = s->seconds,
		.images_per_second = s->seconds > 0 ? (double)s->images_done / s->seconds : 0,
		.step_seconds = sc_session_median_step(s),
		.train = e->train,
		.validation = e->validation,
		.promised_bytes = s->promised_bytes,
		.threads = sc_pool_threads(s->engine.pool),
		.instruction_set = s->engine.kernels->name,
	};
}

enum sc_status sc_fit(struct sc_model *model, const struct sc_data *data, const struct sc_fit_options *options,
		      struct sc_fit_result *result, struct sc_error *error)
{
	struct sc_fit_options resolved;
	struct sc_session session;
	int64_t finished = 0;
	enum sc_status status = sc_fit_options_resolve(&resolved, options, error);
	if (!status)
		status = sc_session_init(&session, model, data, &resolved, error);
	if (status)
		return status;
	status = begin_run(&session, &finished, error);
	struct sc_progress_event event = {.epoch = finished};
	for (int64_t epoch = finished + 1; epoch <= resolved.epochs && !status && !steps_are_up(&session); epoch++) {
		event = (struct sc_progress_event){.epoch = epoch, .epochs = resolved.epochs, .steps = session.steps_per_epoch};
		status = run_epoch(&session, &event, error);
	}
	if (result && (!status || status == SC_ERROR_STOPPED))
		fill_result(&session, &event, result);
	sc_session_release(&session);
	return status;
}
