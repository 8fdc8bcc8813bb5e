/* test_save_errors.c - saves that fail for a while, with --on-save-error continue: the training goes on, and nothing is missing
 * afterwards: no row of a step, no row of an epoch, no bit of the weights. What a single failing call does: every_call.sh. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "faults/interpose.h"
#include "faults/tables.h"
#include "shortcut.h"
#include "temporary.h"
#include "warnings.h"

#define STEPS 6 /* an epoch */

static struct sc_data *data; /* 12 images */
static int64_t done, first_bad, last_bad, stop_at; /* steps */
static enum call_kind bad_kind;
static const char *bad_name;
static int failed;

static int fail_for_a_while(struct call *call)
{
	const char *name = call->to ? call->to : call->path;
	bool bad = call->kind == bad_kind && done >= first_bad && done <= last_bad && (!bad_name || (name && strstr(name, bad_name)));
	failed += bad;
	return bad ? ENOSPC : 0;
}

static int note_step(void *user, const struct sc_progress_event *event)
{
	(void)user;
	done = event->global_step;
	return !event->epoch_end && done == stop_at;
}

static struct sc_model *make_model(void)
{
	struct sc_model *model = NULL;
	const struct sc_model_options shape = {.height = 28, .width = 28, .channels = 1};
	assert_int_equal(sc_model_create(&model, "cifar20", &shape, NULL), SC_OK);
	return model;
}

static enum sc_status fit(const char *run, bool resume, struct sc_error *error)
{
	struct sc_model *model = make_model();
	const struct sc_fit_options options = {.epochs = 3,
					       .batch = 2,
					       .optimizer = {.momentum = 0.9f},
					       .compute = {.threads = 1},
					       .run = run,
					       .resume = resume ? run : NULL,
					       .checkpoint_steps = 1,
					       .on_save_error = SC_SAVE_ERROR_CONTINUE,
					       .progress = note_step};
	done = failed = warnings = 0;
	enum sc_status status = sc_fit(model, data, &options, NULL, error);
	sc_model_destroy(model);
	return status;
}

static const char *in_run(const char *run, const char *name)
{
	static char paths[4][128];
	static int next;
	char *made = paths[next++ % 4];
	snprintf(made, sizeof(paths[0]), "%s/%s%s%s", folder, run, *name ? "/" : "", name);
	return made;
}

static void expect_whole(const char *run)
{
	expect_equal_runs(in_run(run, ""), in_run("whole", ""));
}

/* Saves between these steps fail; the training is stopped at `stop`, and goes on from what is there. */
static void disturb(const char *run, enum call_kind kind, const char *name, int64_t first, int64_t last, int64_t stop)
{
	struct sc_error error = {0};
	char folder_of_run[128];
	snprintf(folder_of_run, sizeof(folder_of_run), "%s", in_run(run, ""));
	bad_kind = kind, bad_name = name, first_bad = first, last_bad = last, stop_at = stop;
	fault_before = fail_for_a_while;
	enum sc_status status = fit(folder_of_run, false, &error);
	fault_before = NULL;
	stop_at = 0;
	if (status != SC_ERROR_STOPPED)
		fail_msg("status %d: %s", status, error.message);
	assert_true(failed > 0 && warnings == last - first + 1); /* each of these saves */
	assert_int_equal(fit(folder_of_run, true, &error), SC_OK);
	assert_int_equal(warnings, 0);
	expect_whole(run);
}

static void rows_of_epochs_wait_for_a_save(void **state)
{
	(void)state; /* the end of the first epoch, and the saves after the next two steps, cannot write the history */
	disturb("history", CALL_RENAME, "history.json", STEPS - 1, STEPS + 1, STEPS + 4);
}

static void rows_of_steps_wait_for_a_save(void **state)
{
	(void)state; /* more steps than an epoch has, without one save */
	disturb("steps", CALL_FSYNC, NULL, 1, 2 * STEPS + 2, 2 * STEPS + 5);
}

static void rows_of_steps_wait_where_the_weights_fail(void **state)
{
	(void)state;
	disturb("weights", CALL_RENAME, "/", 1, 2 * STEPS + 2, 2 * STEPS + 5);
}

/* "continue" is no promise that can be kept at the end. */
static void the_last_save_must_succeed(void **state)
{
	(void)state;
	struct sc_error error = {0};
	char run[128];
	snprintf(run, sizeof(run), "%s", in_run("last", ""));
	bad_kind = CALL_FSYNC, bad_name = NULL, first_bad = 1, last_bad = INT64_MAX;
	fault_before = fail_for_a_while;
	assert_int_equal(fit(run, false, &error), SC_ERROR_WRITE);
	fault_before = NULL;
	assert_non_null(strstr(error.message, "No space left on device"));
	assert_int_equal(fit(run, true, &error), SC_OK);
	expect_whole("last");
}

static int set_up(void **state)
{
	const struct sc_data_options some = {.take = 2 * STEPS, .data_dir = SC_SOURCE_DIR "/data"};
	sc_log_set(count_warning, NULL);
	return make_folder(state) || sc_data_open(&data, "mnist", &some, NULL) || fit(in_run("whole", ""), false, NULL);
}

static int tear_down(void **state)
{
	sc_data_destroy(data);
	return remove_folder(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_epochs_wait_for_a_save), cmocka_unit_test(rows_of_steps_wait_for_a_save),
		cmocka_unit_test(rows_of_steps_wait_where_the_weights_fail), cmocka_unit_test(the_last_save_must_succeed)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
