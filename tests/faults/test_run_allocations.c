/* test_run_allocations.c - each allocation fails, one after the other, while a file of a run is written and read: see
 * try_allocations.h. The actions are small, so that none is left out. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "train/checkpoint.h"
#include "train/history.h"
#include "train/receipt.h"
#include "train/steps.h"
#include "train/tiny_model.h"
#define SHORT_FORM 700             /* all of them */
#include "faults/small_training.h" /* behind headers whose parameters have the names of its variables */
#include "faults/try_allocations.h"

#define HASH_OF_0S "0000000000000000000000000000000000000000000000000000000000000000"

static struct sc_run_identity identity;
static struct sc_engine engine;
static char fresh[96]; /* a folder of no run */

/* ---- config.json ---------------------------------------------------------------------------------------------------- */

static enum sc_status config_path(char **out, struct sc_error *error)
{
	*out = sc_path_join(fresh, "config.json");
	return *out ? SC_OK : sc_fail_memory(error, 0, "memory");
}

static enum sc_status identify(struct sc_error *error)
{
	struct sc_run_identity made;
	const struct sc_fit_options options = fit_options();
	enum sc_status status = sc_run_identity_init(&made, model, data, &options, error);
	if (!status)
		sc_run_identity_release(&made);
	return status;
}

static enum sc_status write_config(struct sc_error *error)
{
	char *config = NULL;
	enum sc_status status = config_path(&config, error);
	if (!status)
		status = sc_run_config_write(config, &identity, error);
	free(config);
	return status;
}

static enum sc_status check_config(struct sc_error *error)
{
	const struct sc_fit_options options = fit_options();
	bool grown;
	char *config = NULL;
	enum sc_status status = config_path(&config, error);
	if (!status)
		status = sc_run_config_check(config, &identity, &options, &grown, error);
	free(config);
	return status;
}

/* Lack of memory for what to say about it does not make it another error. */
static enum sc_status refuse_other_settings(struct sc_error *error)
{
	struct sc_run_identity other = identity;
	other.training = (char *)"{\"batch\": 3}";
	const struct sc_fit_options options = fit_options();
	bool grown;
	char *config = NULL;
	enum sc_status status = config_path(&config, error);
	if (!status)
		status = sc_run_config_check(config, &other, &options, &grown, error);
	free(config);
	assert_int_not_equal(status, SC_OK);
	return status == SC_ERROR_MISMATCH ? SC_OK : status;
}

static enum sc_status read_options_of_run(struct sc_error *error)
{
	struct sc_fit_options options;
	return sc_run_options(run, &options, error);
}

static enum sc_status read_model(struct sc_error *error)
{
	struct sc_model *made = NULL;
	enum sc_status status = sc_run_model(&made, run, error);
	sc_model_destroy(made);
	return status;
}

static enum sc_status read_data(struct sc_error *error)
{
	struct sc_data *opened = NULL;
	enum sc_status status = sc_run_data(&opened, run, images, NULL, error);
	sc_data_destroy(opened);
	return status;
}

TEST(identify)
TEST(write_config)
TEST(check_config)
TEST(refuse_other_settings)
TEST(read_options_of_run)
TEST(read_model)
TEST(read_data)

/* ---- Rows ----------------------------------------------------------------------------------------------------------- */

static const struct sc_epoch_row rows[] = {{.epoch = 1, .loss = 2, .weights = HASH_OF_0S},
					   {.epoch = 2, .loss = 1, .has_validation = true, .validation_loss = 3}};

/* What was written is there, all of it, or it was not written. */
static enum sc_status write_history(struct sc_error *error)
{
	struct sc_epoch_row found[2];
	char history[128];
	snprintf(history, sizeof(history), "%s/history.json", fresh);
	enum sc_status status = sc_history_write_json(history, rows, 2, error);
	if (!status)
		status = sc_history_read_json(history, found, 2, error);
	if (!status) {
		assert_string_equal(found[0].weights, HASH_OF_0S);
		assert_false(found[0].has_validation);
		assert_true(found[1].has_validation && found[1].validation_loss == 3);
	}
	return status;
}

static enum sc_status write_table(struct sc_error *error)
{
	char table[128];
	snprintf(table, sizeof(table), "%s/history.csv", fresh);
	return sc_history_write_csv(table, rows, 2, error);
}

static enum sc_status write_steps(struct sc_error *error)
{
	struct sc_steps steps;
	const struct sc_step_row row = {.step = 1, .epoch = 1};
	enum sc_status status = sc_steps_init(&steps, fresh, 0, 1, error);
	if (status)
		return status;
	sc_steps_add(&steps, &row);
	status = sc_steps_save(&steps, error);
	sc_steps_release(&steps);
	if (!status)
		status = sc_steps_init(&steps, fresh, 1, 1, error); /* goes on after it */
	if (!status)
		sc_steps_release(&steps);
	return status;
}

static enum sc_status write_receipt(struct sc_error *error)
{
	char hash[SC_HASH_SIZE];
	const struct sc_receipt receipt = {&identity, &engine, "", rows, 2};
	enum sc_status status = sc_receipt_write(fresh, &receipt, error);
	if (!status)
		status = sc_receipt_read(fresh, 1, hash, error);
	if (!status)
		assert_string_equal(hash, HASH_OF_0S);
	return status;
}

TEST(write_history)
TEST(write_table)
TEST(write_steps)
TEST(write_receipt)

/* ---- Checkpoints ---------------------------------------------------------------------------------------------------- */

static struct sc_checkpoint_file checkpoint_file(void)
{
	return (struct sc_checkpoint_file){fresh, &identity, &tiny_model, velocity, INT64_MAX};
}

static enum sc_status write_checkpoint(struct sc_error *error)
{
	const struct sc_checkpoint_file file = checkpoint_file();
	char name[64];
	return sc_checkpoint_write(&file, &(struct sc_checkpoint){.step = 8, .rate_factor = 1}, name, error);
}

static enum sc_status load_checkpoint(struct sc_error *error)
{
	const struct sc_checkpoint_file file = checkpoint_file();
	struct sc_checkpoint at = {0};
	enum sc_status status = sc_checkpoint_load(&file, &at, error);
	if (!status)
		assert_int_equal(at.step, 8);
	return status;
}

static enum sc_status list_checkpoints(struct sc_error *error)
{
	int64_t *steps, count;
	enum sc_status status = sc_checkpoint_list(&steps, &count, fresh, error);
	if (!status)
		assert_int_equal(count, 1);
	free(steps);
	return status;
}

/* One that cannot be removed for want of memory goes the next time. */
static enum sc_status prune_checkpoints(struct sc_error *error)
{
	(void)error;
	sc_checkpoint_prune(fresh, 8, 7, 5);
	return SC_OK;
}

static void prune_an_older_checkpoint(void **state)
{
	(void)state;
	char older[160];
	snprintf(older, sizeof(older), "%s/checkpoints/step-0000000006.safetensors", fresh);
	for (long n = 1; n <= 4; n++) {
		FILE *stream = fopen(older, "w");
		assert_non_null(stream);
		fclose(stream);
		fail_allocation(n, false);
		prune_checkpoints(NULL);
		fail_allocation(0, false);
		prune_checkpoints(NULL);
		assert_int_not_equal(access(older, F_OK), 0);
	}
}

TEST(write_checkpoint)
TEST(load_checkpoint)
TEST(list_checkpoints)
TEST(prune_checkpoints)

static int set_up(void **state)
{
	char checkpoints[128];
	if (make_training(state))
		return 1;
	snprintf(fresh, sizeof(fresh), "%s/fresh", folder);
	snprintf(checkpoints, sizeof(checkpoints), "%s/checkpoints", fresh);
	const struct sc_fit_options options = fit_options();
	return sc_folder_make(checkpoints, NULL) || sc_run_identity_init(&identity, model, data, &options, NULL) ||
	       sc_engine_init(&engine, &(struct sc_compute){.threads = 1}, NULL);
}

static int tear_down(void **state)
{
	sc_engine_release(&engine);
	sc_run_identity_release(&identity);
	return remove_training(state);
}

int main(int count, char **words)
{
	if (!begin_allocations(count, words))
		return 0;
	const struct CMUnitTest tests[] = {cmocka_unit_test(try_identify),
					   cmocka_unit_test(try_write_config),
					   cmocka_unit_test(try_check_config),
					   cmocka_unit_test(try_refuse_other_settings),
					   cmocka_unit_test(try_read_options_of_run),
					   cmocka_unit_test(try_read_model),
					   cmocka_unit_test(try_read_data),
					   cmocka_unit_test(try_write_history),
					   cmocka_unit_test(try_write_table),
					   cmocka_unit_test(try_write_steps),
					   cmocka_unit_test(try_write_receipt),
					   cmocka_unit_test(try_write_checkpoint),
					   cmocka_unit_test(try_load_checkpoint),
					   cmocka_unit_test(try_list_checkpoints),
					   cmocka_unit_test(try_prune_checkpoints),
					   cmocka_unit_test(prune_an_older_checkpoint)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
