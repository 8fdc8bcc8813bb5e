/* verify.c - sc_verify: an epoch of a run trained again, from the state before it, and the weights after it compared with the receipt.
 *
 * The state is that of the newest checkpoint that is not past it; where none is left, the beginning, if the first weights follow from
 * the seed. Nothing is written. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "io/file.h"
#include "train/fit_options.h"
#include "train/receipt.h"
#include "train/session.h"

/* The run's options, but with no folder: it is only read. */
static enum sc_status read_options(struct sc_fit_options *resolved, const char *run, const struct sc_verify_options *options,
				   struct sc_error *error)
{
	struct sc_fit_options kept;
	enum sc_status status = sc_run_options(run, &kept, error);
	if (status)
		return status;
	enum sc_convolution_method method = kept.compute.convolution;
	kept.resume = NULL;
	kept.on_non_finite = kept.on_non_finite == SC_NON_FINITE_SKIP ? SC_NON_FINITE_SKIP : SC_NON_FINITE_STOP;
	kept.compute = options->compute;
	kept.compute.convolution = method;
	kept.progress = options->progress;
	kept.user = options->user;
	status = sc_fit_options_resolve(resolved, &kept, error);
	if (!status && (options->epoch < 1 || options->epoch > resolved->epochs))
		status = sc_fail(error, SC_ERROR_ARGUMENT, "epoch", -1, "epoch: expected 1 to %" PRId64 ", found %" PRId64,
				 resolved->epochs, options->epoch);
	return status;
}

static enum sc_status begin_from_seed(struct sc_session *s, const char *run, struct sc_error *error)
{
	char expected[SC_HASH_SIZE], found[SC_HASH_SIZE];
	enum sc_status status = sc_receipt_read(run, 0, expected, error);
	sc_model_initialise(s->model, s->options.seed);
	if (!status)
		status = sc_model_hash(s->model, found, error);
	if (!status && strcmp(expected, found) != 0)
		status = sc_fail(error, SC_ERROR_NOT_FOUND, run, -1,
				 "%s: there is no checkpoint from before this epoch, and the first weights do not follow from the seed; "
				 "a run that keeps its checkpoints can be verified",
				 run);
	return status;
}

/* Model, velocity and position as they were at the beginning of the epoch, or some time before it. */
static enum sc_status load_state(struct sc_session *s, const char *run, const struct sc_run_identity *identity, int64_t epoch,
				 struct sc_error *error)
{
	struct sc_checkpoint_file file = {run, identity, s->model, s->velocity, (epoch - 1) * s->steps_per_epoch};
	s->at = (struct sc_checkpoint){.rate_factor = 1};
	s->bounds = sc_update_bounds_unknown();
	enum sc_status status = sc_checkpoint_load(&file, &s->at, error);
	return status == SC_ERROR_NOT_FOUND ? begin_from_seed(s, run, error) : status;
}

static enum sc_status check_run(const struct sc_session *s, const char *run, const struct sc_run_identity *identity,
				struct sc_error *error)
{
	bool changed;
	char *config = sc_path_join(run, "config.json");
	enum sc_status status =
		config ? sc_run_config_check(config, identity, &s->options, &changed, error) : sc_fail_memory(error, 0, run);
	free(config);
	return status;
}

static enum sc_status train_again(struct sc_session *s, const char *run, int64_t epoch, struct sc_verify_result *result,
				  struct sc_error *error)
{
	struct sc_run_identity identity;
	enum sc_status status = sc_run_identity_init(&identity, s->model, s->data, &s->options, error);
	if (status)
		return status;
	status = check_run(s, run, &identity, error);
	if (!status)
		status = load_state(s, run, &identity, epoch, error);
	sc_run_identity_release(&identity);
	if (status)
		return status;
	result->from_step = s->at.step;
	result->steps = epoch * s->steps_per_epoch - s->at.step;
	s->options.steps = epoch * s->steps_per_epoch;
	status = sc_session_train(s, error);
	return status ? status : sc_model_hash(s->model, result->found, error);
}

enum sc_status sc_verify(const char *run, const struct sc_data *data, const struct sc_verify_options *options,
			 struct sc_verify_result *result, struct sc_error *error)
{
	struct sc_fit_options resolved;
	struct sc_session session;
	struct sc_model *model = NULL;
	struct sc_verify_result made = {0};
	enum sc_status status = read_options(&resolved, run, options, error);
	if (!status)
		status = sc_receipt_read(run, options->epoch, made.expected, error);
	if (!status)
		status = sc_run_model(&model, run, error);
	if (!status)
		status = sc_session_init(&session, model, data, &resolved, error);
	if (!status) {
		status = train_again(&session, run, options->epoch, &made, error);
		sc_session_release(&session);
	}
	sc_model_destroy(model);
	if (status)
		return status;
	made.confirmed = strcmp(made.expected, made.found) == 0;
	*result = made;
	return SC_OK;
}
