/* test_run_files.c - the small files of a run, config.json, history.json, receipt.json and steps.csv: what is written is read, and
 * what somebody has made of them is refused, or taken as far as it goes, with a message that names it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/file.h"
#include "temporary.h"
#include "train/history.h"
#include "train/receipt.h"
#include "train/run_config.h"
#include "train/steps.h"
#include "warnings.h"

static void write_text(const char *name, const char *text)
{
	FILE *stream = fopen(in_folder(name), "w");
	assert_non_null(stream);
	assert_true(fputs(text, stream) >= 0);
	assert_int_equal(fclose(stream), 0);
}

/* The message names the file and says this. */
static void check_refused(enum sc_status status, enum sc_status expected, const struct sc_error *error, const char *text,
			  const char *message)
{
	if (status != expected || !strstr(error->message, message) || !strstr(error->message, folder))
		fail_msg("%s: status %d, '%s', expected '... %s ...'", text, status, error->message, message);
}

/* ---- config.json ---------------------------------------------------------------------------------------------------- */

static struct sc_data data = {.name = (char *)"dots",
			      .count = 2,
			      .height = 8,
			      .width = 8,
			      .channels = 1,
			      .classes = 2,
			      .pixels = (uint8_t[128]){0},
			      .labels = (uint8_t[2]){0, 1}};
static struct sc_model *net;

static const struct sc_fit_options usual = {.epochs = 2, .batch = 4, .optimizer = {.learning_rate = 0.1f}};
static const struct sc_fit_options unusual = {
	.epochs = 7,
	.batch = 3,
	.optimizer = {0.3f, 0.7f, true, 1e-30f, SC_MOMENTUM_KERAS, SC_DECAY_DECOUPLED, true},
	.schedule = {.kind = SC_SCHEDULE_LINEAR,
		     .warmup_epochs = 0.1f,
		     .step_epochs = 3,
		     .step_factor = 0.123456789f,
		     .final_learning_rate = 33554432},
	.validation_split = 0.25f,
	.split = SC_SPLIT_STRATIFIED,
	.no_shuffle = true,
	.seed = UINT64_MAX,
	.compute = {.convolution = SC_CONVOLUTION_DIRECT},
	.memory = INT64_MAX,
	.on_non_finite = SC_NON_FINITE_ROLLBACK,
	.non_finite_limit = 5,
};

static void identify(struct sc_run_identity *identity, const struct sc_fit_options *options)
{
	assert_int_equal(sc_run_identity_init(identity, net, &data, options, NULL), SC_OK);
}

static void write_config(const struct sc_fit_options *options)
{
	struct sc_run_identity identity;
	identify(&identity, options);
	assert_int_equal(sc_run_config_write(in_folder("config.json"), &identity, NULL), SC_OK);
	sc_run_identity_release(&identity);
}

static void every_option_comes_back(void **state)
{
	(void)state;
	static const struct sc_fit_options *const all[] = {&usual, &unusual};
	for (int i = 0; i < 2; i++) {
		struct sc_fit_options found, expected = *all[i];
		write_config(all[i]);
		assert_int_equal(sc_run_options(folder, &found, NULL), SC_OK);
		assert_string_equal(found.resume, folder);
		assert_memory_equal(&found.schedule, &expected.schedule, sizeof(found.schedule));
		assert_true(found.optimizer.learning_rate == expected.optimizer.learning_rate &&
			    found.optimizer.momentum == expected.optimizer.momentum &&
			    found.optimizer.nesterov == expected.optimizer.nesterov &&
			    found.optimizer.weight_decay == expected.optimizer.weight_decay &&
			    found.optimizer.momentum_form == expected.optimizer.momentum_form &&
			    found.optimizer.weight_decay_form == expected.optimizer.weight_decay_form &&
			    found.optimizer.decay_all == expected.optimizer.decay_all);
		assert_true(found.epochs == expected.epochs && found.batch == expected.batch && found.seed == expected.seed &&
			    found.memory == expected.memory && found.validation_split == expected.validation_split &&
			    found.split == expected.split && found.no_shuffle == expected.no_shuffle &&
			    found.compute.convolution == expected.compute.convolution &&
			    found.on_non_finite == expected.on_non_finite && found.non_finite_limit == expected.non_finite_limit);
	}
}

/* Everything but "training". */
#define PARTS "{\"model\": {\"model\": \"cifar20\"}, \"data\": {}, "

static void configs_that_cannot_be_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"", "config.json: line 1: '[' or '{' expected"},
		{"{\"model\": 1,\n\"model\": 2}", "config.json: line 2: duplicate object key"},
		{"[]", "expected the object \"model\""},
		{"{\"model\": 3}", "expected the object \"model\""},
		{"{\"model\": {}, \"data\": []}", "expected the object \"data\""},
		{"{\"model\": {}, \"data\": {}}", "expected the object \"training\""},
		{PARTS "\"training\": {}}", "\"training\": Object item not found: epochs"},
		{PARTS "\"training\": {\"epochs\": 1, \"batch\": \"4\"}}", "\"training\": Expected integer, got string"},
		{PARTS "\"training\": {\"epochs\": 1.5}}", "\"training\": Expected integer, got real"},
	};
	struct sc_model *made = NULL;
	struct sc_data *opened = NULL;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sc_fit_options found = {.epochs = -1};
		struct sc_error error = {0};
		write_text("config.json", cases[i].text);
		check_refused(sc_run_options(folder, &found, &error), SC_ERROR_FORMAT, &error, cases[i].text, cases[i].message);
		assert_int_equal(found.epochs, -1);
		check_refused(sc_run_data(&opened, folder, "mnist", NULL, &error), SC_ERROR_FORMAT, &error, cases[i].text,
			      cases[i].message);
		if (strstr(cases[i].text, "cifar20"))
			continue; /* its model is good */
		check_refused(sc_run_model(&made, folder, &error), SC_ERROR_FORMAT, &error, cases[i].text, cases[i].message);
	}
	assert_null(made);
	assert_null(opened);
}

static void data_need_a_name(void **state)
{
	(void)state;
	struct sc_data *opened = NULL;
	struct sc_error error = {0};
	char *text = NULL;
	write_config(&usual);
	assert_int_equal(sc_file_read_text(&text, in_folder("config.json"), 1 << 16, NULL), SC_OK);
	char *name = strstr(text, "\"name\"");
	assert_non_null(name);
	memcpy(name, "\"game\"", 6);
	write_text("config.json", text);
	free(text);
	check_refused(sc_run_data(&opened, folder, NULL, NULL, &error), SC_ERROR_FORMAT, &error, "", "\"data\": expected a name");
	assert_int_not_equal(sc_run_data(&opened, folder, "/nowhere", NULL, &error), SC_OK); /* another was given */
	assert_non_null(strstr(error.message, "/nowhere"));
}

/* The kept run's training, and with what it would go on. */
static enum sc_status check_training(const char *kept, const char *given, enum sc_schedule_kind schedule, bool *grown,
				     struct sc_error *error)
{
	char text[300];
	const struct sc_run_identity identity = {
		.model = (char *)"{\"a\": 1}", .data = (char *)"{\"b\": 2.5}", .training = (char *)(uintptr_t)given};
	const struct sc_fit_options options = {.epochs = 3, .schedule = {.kind = schedule}};
	snprintf(text, sizeof(text), "{\"model\": {\"a\": 1}, \"data\": {\"b\": 2.50, \"name\": \"x\"}, \"training\": %s}", kept);
	write_text("config.json", text);
	return sc_run_config_check(in_folder("config.json"), &identity, &options, grown, error);
}

static void what_a_run_may_go_on_with(void **state)
{
	(void)state;
	static const struct {
		const char *kept, *given;
		enum sc_schedule_kind schedule;
		const char *message; /* NULL: that may be */
	} cases[] = {
		{"{\"epochs\": 3}", "{\"epochs\": 3}", SC_SCHEDULE_COSINE, NULL},
		{"{\"epochs\": 3, \"memory\": 1}", "{\"epochs\": 3, \"memory\": 2}", SC_SCHEDULE_COSINE, NULL},
		{"{\"epochs\": 2}", "{\"epochs\": 3}", SC_SCHEDULE_STEP, NULL},
		{"{\"epochs\": 2}", "{\"epochs\": 3}", SC_SCHEDULE_COSINE, "begun with epochs 2, now it is 3"},
		{"{\"epochs\": 4}", "{\"epochs\": 3}", SC_SCHEDULE_CONSTANT, "begun with epochs 4, now it is 3"},
		{"{\"epochs\": 3, \"batch\": 4}", "{\"epochs\": 3, \"batch\": 5}", SC_SCHEDULE_STEP,
		 "begun with batch 4, now it is 5"},
		{"{\"epochs\": 3}", "{\"epochs\": 3, \"batch\": 5}", SC_SCHEDULE_STEP, "begun with batch unknown, now it is 5"},
		{"{\"epochs\": 3, \"rate\": 0.5}", "{\"epochs\": 3, \"rate\": 0.25}", SC_SCHEDULE_STEP,
		 "begun with rate 0.5, now it is 0.25"},
		{"{\"epochs\": 3, \"split\": \"last\"}", "{\"epochs\": 3, \"split\": \"first\"}", SC_SCHEDULE_STEP,
		 "begun with split \"last\", now it is \"first\""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sc_error error = {0};
		bool grown = false;
		enum sc_status status = check_training(cases[i].kept, cases[i].given, cases[i].schedule, &grown, &error);
		if (cases[i].message)
			check_refused(status, SC_ERROR_MISMATCH, &error, cases[i].given, cases[i].message);
		else if (status)
			fail_msg("%s: %s", cases[i].given, error.message);
		assert_int_equal(grown, !cases[i].message && strstr(cases[i].kept, ": 2"));
	}
}

static void an_order_of_samples_is_part_of_a_run(void **state)
{
	(void)state;
	static const int64_t orders[2][2] = {{0, 1}, {1, 0}};
	struct sc_run_identity without, with[2];
	struct sc_fit_options options = usual;
	identify(&without, &options);
	assert_non_null(strstr(without.training, "\"sample_order\":\"none\""));
	options.sample_order_count = 2;
	for (int i = 0; i < 2; i++) {
		options.sample_order = orders[i];
		identify(&with[i], &options);
		assert_string_not_equal(with[i].hash, without.hash);
	}
	assert_string_not_equal(with[0].hash, with[1].hash);
	sc_run_identity_release(&without);
	sc_run_identity_release(&with[0]);
	sc_run_identity_release(&with[1]);
}

/* ---- history.json --------------------------------------------------------------------------------------------------- */

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void histories_that_cannot_be_are_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",
		"[{\"epoch\": 1",
		"{}",
		"[]",
		"[{\"epoch\": 1, \"loss\": 2}]", /* one too few */
		"[1, 2]",
		"[{\"epoch\": 1, \"loss\": 2}, {\"epoch\": 2}]",
		"[{\"epoch\": 1, \"loss\": \"low\"}, {\"epoch\": 2, \"loss\": 1}]",
		"[{\"epoch\": 2, \"loss\": 2}, {\"epoch\": 1, \"loss\": 1}]",
		"[{\"epoch\": 1, \"loss\": 2}, {\"epoch\": \"2\", \"loss\": 1}]",
	};
	struct sc_epoch_row rows[2];
	struct sc_error error = {0};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		write_text("history.json", texts[i]);
		check_refused(sc_history_read_json(in_folder("history.json"), rows, 2, &error), SC_ERROR_FORMAT, &error, texts[i],
			      "expected a list of at least 2 epochs in order");
	}
	check_refused(sc_history_read_json(in_folder("none.json"), rows, 2, &error), SC_ERROR_NOT_FOUND, &error, "none", "none.json");
	check_refused(sc_history_write_csv(in_folder("none/history.csv"), rows, 0, &error), SC_ERROR_WRITE, &error, "none", "none");
	check_refused(sc_history_write_json(in_folder("none/history.json"), rows, 0, &error), SC_ERROR_WRITE, &error, "none", "none");
}

/* What older versions, or others, have left out. */
static void rows_need_no_more_than_a_loss(void **state)
{
	(void)state;
	struct sc_epoch_row rows[3];
	write_text("history.json",
		   "[{\"epoch\": 1, \"loss\": 2, \"val_loss\": 1, \"weights_sha256\": \"short\"},"
		   "{\"epoch\": 2, \"loss\": 1.5, \"val_loss\": 3, \"val_accuracy\": 0.5, \"weights_sha256\": \"" HASH "\"},"
		   "{\"epoch\": 3, \"loss\": 1, \"val_accuracy\": 0.5}, \"more\"]");
	assert_int_equal(sc_history_read_json(in_folder("history.json"), rows, 3, NULL), SC_OK);
	assert_true(rows[0].loss == 2 && !rows[0].has_validation && !rows[0].weights[0]);
	assert_true(rows[1].has_validation && rows[1].validation_loss == 3 && rows[1].validation_accuracy == 0.5);
	assert_string_equal(rows[1].weights, HASH);
	assert_false(rows[2].has_validation);
}

/* JSON has no such number. */
static void a_validation_loss_that_is_not_finite_is_left_out(void **state)
{
	(void)state;
	const struct sc_epoch_row row = {.epoch = 1, .loss = 2, .has_validation = true, .validation_loss = NAN, .weights = HASH};
	struct sc_epoch_row found;
	assert_int_equal(sc_history_write_json(in_folder("history.json"), &row, 1, NULL), SC_OK);
	assert_int_equal(sc_history_read_json(in_folder("history.json"), &found, 1, NULL), SC_OK);
	assert_false(found.has_validation);
	assert_string_equal(found.weights, HASH);
}

/* ---- receipt.json --------------------------------------------------------------------------------------------------- */

static void receipts_are_read_or_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t epoch;
		enum sc_status status;
		const char *message;
	} cases[] = {
		{"{\"initial_weights_sha256\": \"" HASH "\"}", 0, SC_OK, ""},
		{"{\"epochs\": [{\"epoch\": 1}, {\"epoch\": 2, \"weights_sha256\": \"" HASH "\"}]}", 2, SC_OK, ""},
		{"", 0, SC_ERROR_FORMAT, "line 1: '[' or '{' expected"},
		{"{\n\"epochs\": [}", 0, SC_ERROR_FORMAT, "line 2: "},
		{"[]", 0, SC_ERROR_NOT_FOUND, "no hash of the weights after epoch 0"},
		{"{}", 1, SC_ERROR_NOT_FOUND, "no hash of the weights after epoch 1"},
		{"{\"initial_weights_sha256\": 5}", 0, SC_ERROR_NOT_FOUND, "after epoch 0"},
		{"{\"initial_weights_sha256\": \"0123\"}", 0, SC_ERROR_NOT_FOUND, "after epoch 0"},
		{"{\"epochs\": {\"epoch\": 1}}", 1, SC_ERROR_NOT_FOUND, "after epoch 1"},
		{"{\"epochs\": [1, null, {\"epoch\": 2}]}", 1, SC_ERROR_NOT_FOUND, "after epoch 1"},
		{"{\"epochs\": [{\"epoch\": 1, \"weights_sha256\": \"\"}]}", 1, SC_ERROR_NOT_FOUND, "after epoch 1"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char hash[SC_HASH_SIZE] = "as it was";
		struct sc_error error = {0};
		write_text("receipt.json", cases[i].text);
		enum sc_status status = sc_receipt_read(folder, cases[i].epoch, hash, &error);
		if (cases[i].status)
			check_refused(status, cases[i].status, &error, cases[i].text, cases[i].message);
		assert_string_equal(hash, status ? "as it was" : HASH);
	}
}

/* ---- steps.csv ------------------------------------------------------------------------------------------------------ */

#define HEADER    "step,epoch,loss,accuracy,learning_rate,seconds\n"
#define ROW(step) step ",1,2,0.5,0.1,0.01\n"

/* What is kept of an older file whose checkpoint is of step 2, and whether that is all that should be there. */
static void rows_up_to_the_checkpoint_are_kept(void **state)
{
	(void)state;
	static const struct {
		const char *text, *kept, *warning;
	} cases[] = {
		{HEADER ROW("1") ROW("2"), HEADER ROW("1") ROW("2"), ""},
		{HEADER ROW("1") ROW("2") ROW("3"), HEADER ROW("1") ROW("2"), ""},
		{HEADER ROW("1") ROW("2") "3,1,2", HEADER ROW("1") ROW("2"), ""}, /* it was killed while it wrote */
		{HEADER ROW("1"), HEADER ROW("1"), "expected the rows of 2 steps, found 1"},
		{HEADER ROW("1") "2,1", HEADER ROW("1"), "expected the rows of 2 steps, found 1"},
		{HEADER, HEADER, "expected the rows of 2 steps, found 0"},
		{"step", "", "expected the rows of 2 steps, found 0"},
		{"", "", "expected the rows of 2 steps, found 0"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sc_steps steps;
		char *text = NULL;
		write_text("steps.csv", cases[i].text);
		warning[0] = '\0';
		assert_int_equal(sc_steps_init(&steps, folder, 2, 1, NULL), SC_OK);
		sc_steps_release(&steps);
		assert_int_equal(sc_file_read_text(&text, in_folder("steps.csv"), 1 << 16, NULL), SC_OK);
		assert_string_equal(text, cases[i].kept);
		assert_non_null(strstr(warning, cases[i].warning));
		assert_int_equal(!*warning, !*cases[i].warning);
		free(text);
	}
}

static void rows_need_a_file_and_room(void **state)
{
	(void)state;
	struct sc_steps steps;
	struct sc_error error = {0};
	assert_int_equal(sc_steps_init(&steps, "/dev/null", 2, 1, &error), SC_ERROR_NOT_FOUND);
	assert_non_null(strstr(error.message, "/dev/null/steps.csv"));
	assert_int_equal(sc_steps_init(&steps, folder, 0, INT64_MAX, &error), SC_ERROR_MEMORY);
	assert_non_null(strstr(error.message, "no memory for the rows of steps.csv: 9223372036854775807 bytes wanted"));
}

static int begin(void **state)
{
	const struct sc_model_options options = {.height = 8, .width = 8, .channels = 1, .classes = 2};
	sc_log_set(count_warning, NULL);
	return make_folder(state) || sc_model_create(&net, "cifar20", &options, NULL);
}

static int end(void **state)
{
	sc_model_destroy(net);
	return remove_folder(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_comes_back),
		cmocka_unit_test(configs_that_cannot_be_are_refused),
		cmocka_unit_test(data_need_a_name),
		cmocka_unit_test(what_a_run_may_go_on_with),
		cmocka_unit_test(an_order_of_samples_is_part_of_a_run),
		cmocka_unit_test(histories_that_cannot_be_are_refused),
		cmocka_unit_test(rows_need_no_more_than_a_loss),
		cmocka_unit_test(a_validation_loss_that_is_not_finite_is_left_out),
		cmocka_unit_test(receipts_are_read_or_refused),
		cmocka_unit_test(rows_up_to_the_checkpoint_are_kept),
		cmocka_unit_test(rows_need_a_file_and_room),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
