/* fit.c - sc_fit: the training loop. What it needs is made in session.c; a step is step.c's, what it leaves behind save.c's. */
#include <string.h>

#include "base/clock.h"
#include "train/evaluate.h"
#include "train/fit_options.h"
#include "train/session.h"

static bool steps_are_up(const struct sc_session *s)
{
	return s->options.steps > 0 && s->at.step >= s->options.steps;
}

/* Tells the callback. Where it asks for an end, a checkpoint is written first. */
static enum sc_status tell(struct sc_session *s, struct sc_error *error)
{
	if (!s->options.progress || s->options.progress(s->options.user, &s->event) == 0)
		return SC_OK;
	enum sc_status status = sc_session_save(s, NULL, true, error);
	if (status)
		return status;
	return sc_fail(error, SC_ERROR_STOPPED, "training", -1, "training was stopped in epoch %lld after step %lld",
		       (long long)s->event.epoch, (long long)s->event.step);
}

static void begin_epoch(struct sc_session *s)
{
	const struct sc_checkpoint *at = &s->at;
	s->event = (struct sc_progress_event){.epoch = at->epochs + 1,
					      .epochs = s->options.epochs,
					      .step = at->epoch_step,
					      .steps = s->steps_per_epoch,
					      .global_step = at->step,
					      .images = at->images,
					      .seconds = at->seconds};
	if (at->epoch_step > 0) { /* an epoch that was begun before */
		s->event.train = sc_session_train_score(s);
		s->event.learning_rate = sc_session_learning_rate(s, at->step - 1);
	}
	sc_session_order_epoch(s, s->event.epoch);
}

/* Validation, history, checkpoint; of an epoch that --steps has cut short, too, but that one may still go on. */
static enum sc_status end_epoch(struct sc_session *s, struct sc_error *error)
{
	struct sc_progress_event *e = &s->event;
	struct sc_epoch_row row = {.epoch = e->epoch, .loss = e->train.loss, .accuracy = e->train.accuracy, .seconds = e->seconds};
	row.learning_rate = (double)e->learning_rate;
	sc_session_catch_up(s);
	if (s->check_plan) {
		e->has_validation = row.has_validation = true;
		sc_plan_run_prepare(s->check_plan);
		e->validation = sc_evaluate_samples(s->check_plan, s->check_data, s->check_indices, s->check_count, s->batch);
		row.validation_loss = e->validation.loss;
		row.validation_accuracy = e->validation.accuracy;
	}
	if (s->at.epoch_step == s->steps_per_epoch) {
		s->at.epochs++;
		s->at.epoch_step = s->at.images = s->at.correct = 0;
		s->at.loss = s->at.seconds = 0;
	}
	e->epoch_end = true;
	return sc_session_save(s, &row, s->at.epochs == s->options.epochs || steps_are_up(s), error);
}

static enum sc_status run_epoch(struct sc_session *s, struct sc_error *error)
{
	double start = sc_clock() - s->at.seconds;
	enum sc_status status = SC_OK;
	begin_epoch(s);
	while (s->at.epoch_step < s->steps_per_epoch && !steps_are_up(s) && !status) {
		status = sc_session_step(s, error);
		if (s->went_back)
			break;
		s->event.seconds = s->at.seconds = sc_clock() - start;
		if (!status && sc_session_save_is_due(s))
			status = sc_session_save(s, NULL, false, error);
		if (!status)
			status = tell(s, error);
	}
	if (s->went_back) { /* maybe into an epoch before this one */
		s->went_back = false;
		return status;
	}
	if (!status)
		status = end_epoch(s, error);
	return status || !s->event.epoch_end ? status : tell(s, error);
}

static void fill_result(struct sc_session *s, struct sc_fit_result *result)
{
	*result = (struct sc_fit_result){
		.epochs = s->event.epoch,
		.steps = s->at.step,
		.images = s->images_done,
		.seconds = s->seconds,
		.images_per_second = s->seconds > 0 ? (double)s->images_done / s->seconds : 0,
		.step_seconds = sc_session_median_step(s),
		.train = s->event.train,
		.validation = s->event.validation,
		.promised_bytes = s->promised_bytes,
		.threads = sc_pool_threads(s->engine.pool),
		.instruction_set = s->engine.kernels->name,
	};
}

/* A run that is resumed has the scores of its last epoch in its history. */
static void recall_last_epoch(struct sc_session *s)
{
	s->event.epoch = s->at.epochs;
	if (!s->folder.path || s->at.epochs < 1 || s->folder.row_count < s->at.epochs)
		return;
	const struct sc_epoch_row *row = &s->folder.rows[s->at.epochs - 1];
	s->event.train = (struct sc_score){.loss = row->loss, .accuracy = row->accuracy};
	if (row->has_validation)
		s->event.validation = (struct sc_score){
			.count = s->check_count, .loss = row->validation_loss, .accuracy = row->validation_accuracy};
}

enum sc_status sc_session_train(struct sc_session *s, struct sc_error *error)
{
	enum sc_status status = SC_OK;
	while (!status && s->at.epochs < s->options.epochs && !steps_are_up(s))
		status = run_epoch(s, error);
	return status;
}

enum sc_status sc_session_run(struct sc_session *s, struct sc_error *error)
{
	enum sc_status status = sc_session_begin_run(s, error);
	if (status)
		return status;
	recall_last_epoch(s);
	return sc_session_train(s, error);
}

enum sc_status sc_fit(struct sc_model *model, const struct sc_data *data, const struct sc_fit_options *options,
		      struct sc_fit_result *result, struct sc_error *error)
{
	struct sc_fit_options resolved;
	struct sc_session session;
	enum sc_status status = sc_fit_options_resolve(&resolved, options, error);
	if (!status)
		status = sc_session_init(&session, model, data, &resolved, error);
	if (status)
		return status;
	status = sc_session_run(&session, error);
	sc_session_catch_up(&session);
	if (result && (!status || status == SC_ERROR_STOPPED))
		fill_result(&session, result);
	sc_session_release(&session);
	return status;
}
