/* fit_options.c - defaults and limits of training options: see fit_options.h. */
#include "train/fit_options.h"

#include <math.h>
#include <string.h>

static enum sc_status check_count(const char *name, int64_t value, int64_t low, int64_t high, struct sc_error *error)
{
	if (value >= low && value <= high)
		return SC_OK;
	return sc_fail(error, SC_ERROR_ARGUMENT, name, -1, "%s: expected %lld to %lld, found %lld", name, (long long)low,
		       (long long)high, (long long)value);
}

/* NaN fails every comparison, and so is refused. */
static enum sc_status check_number(const char *name, float value, float low, float high, struct sc_error *error)
{
	if (value >= low && value <= high)
		return SC_OK;
	return sc_fail(error, SC_ERROR_ARGUMENT, name, -1, "%s: expected a number from %g to %g, found %g", name, (double)low,
		       (double)high, (double)value);
}

enum sc_status sc_fit_options_resolve(struct sc_fit_options *resolved, const struct sc_fit_options *options, struct sc_error *error)
{
	const float largest = 3.4e38f;
	struct sc_fit_options o = {0};
	enum sc_status status;
	if (options)
		o = *options;
	o.epochs = o.epochs ? o.epochs : 1;
	o.batch = o.batch ? o.batch : 32;
	o.optimizer.learning_rate = o.optimizer.learning_rate != 0 ? o.optimizer.learning_rate : 0.01f;
	o.non_finite_limit = o.non_finite_limit ? o.non_finite_limit : 3;
	o.schedule.step_epochs = o.schedule.step_epochs ? o.schedule.step_epochs : 30;
	o.schedule.step_factor = o.schedule.step_factor != 0 ? o.schedule.step_factor : 0.1f;
	if ((status = check_count("epochs", o.epochs, 1, 1000000, error)) ||
	    (status = check_count("batch", o.batch, 1, 1 << 20, error)) ||
	    (status = check_count("memory", o.memory, 0, INT64_MAX, error)) ||
	    (status = check_count("steps", o.steps, 0, INT64_MAX, error)) ||
	    (status = check_count("step_epochs", o.schedule.step_epochs, 1, 1000000, error)) ||
	    (status = check_count("schedule", (int64_t)o.schedule.kind, 0, SC_SCHEDULE_LINEAR, error)) ||
	    (status = check_count("convolution", (int64_t)o.compute.convolution, 0, SC_CONVOLUTION_WINOGRAD, error)) ||
	    (status = check_count("checkpoint_steps", o.checkpoint_steps, 0, INT64_MAX, error)) ||
	    (status = check_count("on_save_error", (int64_t)o.on_save_error, 0, SC_SAVE_ERROR_CONTINUE, error)) ||
	    (status = check_count("on_non_finite", (int64_t)o.on_non_finite, 0, SC_NON_FINITE_ROLLBACK, error)) ||
	    (status = check_count("non_finite_limit", o.non_finite_limit, 1, 1000000, error)) ||
	    (status = check_number("checkpoint_seconds", (float)o.checkpoint_seconds, 0, largest, error)) ||
	    (status = check_number("learning_rate", o.optimizer.learning_rate, 0, largest, error)) ||
	    (status = check_number("momentum", o.optimizer.momentum, 0, 1, error)) ||
	    (status = check_number("weight_decay", o.optimizer.weight_decay, 0, largest, error)) ||
	    (status = check_number("warmup_epochs", o.schedule.warmup_epochs, 0, 1000000, error)) ||
	    (status = check_number("step_factor", o.schedule.step_factor, 0, largest, error)) ||
	    (status = check_number("final_learning_rate", o.schedule.final_learning_rate, 0, largest, error)) ||
	    (status = check_number("validation_split", o.validation_split, 0, 0.999999f, error)))
		return status;
	if (o.optimizer.nesterov && o.optimizer.momentum == 0)
		return sc_fail(error, SC_ERROR_ARGUMENT, "nesterov", -1, "nesterov: it needs a momentum greater than 0");
	if (o.validation && o.validation_split > 0)
		return sc_fail(error, SC_ERROR_ARGUMENT, "validation_split", -1,
			       "validation_split: expected 0 where validation data are given, found %g",
			       (double)o.validation_split);
	if (o.on_non_finite == SC_NON_FINITE_ROLLBACK && !o.run && !o.resume)
		return sc_fail(error, SC_ERROR_ARGUMENT, "on_non_finite", -1,
			       "on_non_finite: a rollback needs a run, the folder with the checkpoints, found none");
	if (o.resume && o.run && strcmp(o.run, o.resume) != 0)
		return sc_fail(error, SC_ERROR_ARGUMENT, "resume", -1, "resume: expected the same folder as run (%s), found %s",
			       o.run, o.resume);
	if (o.resume)
		o.run = o.resume;
	*resolved = o;
	return SC_OK;
}
