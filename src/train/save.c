/* save.c - when a training's state goes to disk, and what a failure to do so means. */
#include "base/clock.h"
#include "train/session.h"

enum sc_status sc_session_begin_run(struct sc_session *s, struct sc_error *error)
{
	s->at = (struct sc_checkpoint){.rate_factor = 1};
	s->bounds = sc_update_bounds_unknown();
	s->last_save = sc_clock();
	if (!s->options.run)
		return SC_OK;
	enum sc_status status = sc_run_folder_open(&s->folder, s->model, s->data, &s->options, error);
	s->folder.engine = &s->engine;
	s->folder.keep_each = s->options.keep_checkpoints ? s->steps_per_epoch : 0;
	if (!status && s->options.resume)
		status = sc_run_folder_load(&s->folder, s->model, s->velocity, &s->at, s->steps_per_epoch, error);
	else if (!status)
		status = sc_run_folder_begin(&s->folder, s->model, s->velocity, &s->at, s->steps_per_epoch, error);
	return status;
}

enum sc_status sc_session_go_back(struct sc_session *s, struct sc_error *error)
{
	double factor = s->at.rate_factor / 2; /* of now: the checkpoint does not know of earlier returns to it */
	enum sc_status status = sc_run_folder_load(&s->folder, s->model, s->velocity, &s->at, s->steps_per_epoch, error);
	if (status)
		return status;
	s->at.rate_factor = factor;
	s->stretches.late_steps = 0; /* those of the weights that were given up */
	s->bounds = sc_update_bounds_unknown();
	s->rollbacks++;
	s->went_back = true;
	return SC_OK;
}

bool sc_session_save_is_due(const struct sc_session *s)
{
	const struct sc_fit_options *o = &s->options;
	if (!s->folder.path || s->at.epoch_step == s->steps_per_epoch) /* the end of the epoch saves */
		return false;
	return (o->checkpoint_steps > 0 && s->at.step % o->checkpoint_steps == 0) ||
	       (o->checkpoint_seconds > 0 && sc_clock() - s->last_save >= o->checkpoint_seconds);
}

static enum sc_status write_all(struct sc_session *s, const struct sc_epoch_row *row, struct sc_error *error)
{
	enum sc_status status = SC_OK;
	if (row) {
		struct sc_epoch_row hashed = *row;
		if (s->at.epoch_step == 0 && sc_model_hash(s->model, hashed.weights, error) != SC_OK)
			status = SC_ERROR_MEMORY;
		sc_run_folder_add_epoch(&s->folder, &hashed);
		if (!status)
			status = sc_run_folder_save_weights(&s->folder, s->model, error);
	}
	if (!status)
		status = sc_run_folder_save(&s->folder, s->model, s->velocity, &s->at, s->checkpoint_name, error);
	return status;
}

enum sc_status sc_session_save(struct sc_session *s, const struct sc_epoch_row *row, bool last, struct sc_error *error)
{
	struct sc_error reason = {0};
	if (!s->folder.path || (!row && s->folder.newest == s->at.step && !s->folder.rows_pending))
		return SC_OK;
	s->last_save = sc_clock();
	sc_session_catch_up(s);
	enum sc_status status = write_all(s, row, &reason);
	if (!status) {
		s->event.checkpoint = s->checkpoint_name;
		s->rollbacks = 0;
		return SC_OK;
	}
	if (status == SC_ERROR_NON_FINITE || s->options.on_save_error == SC_SAVE_ERROR_STOP || last)
		return sc_fail(error, status, reason.subject, reason.offset, "%s", reason.message);
	sc_log_line(SC_LOG_WARNING, "%s; the training goes on without this checkpoint", reason.message);
	sc_run_folder_make_room(&s->folder);
	return SC_OK;
}
