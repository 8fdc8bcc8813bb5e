/* test_fit.c (slow test) - sc_fit: what it counts, what it leaves on disk, where it stops, what it refuses, how it goes on. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/file.h"
#include "shortcut.h"

static char folder[] = "/tmp/shortcut-fit-XXXXXX";
static struct sc_data *data; /* 80 images */

static int set_up(void **state)
{
	(void)state;
	const struct sc_data_options some = {.take = 80, .data_dir = SC_SOURCE_DIR "/data"};
	return !mkdtemp(folder) || sc_data_open(&data, "mnist", &some, NULL) != SC_OK;
}

static int tear_down(void **state)
{
	(void)state;
	char command[64];
	sc_data_destroy(data);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static struct sc_model *make_model(void)
{
	struct sc_model *model = NULL;
	const struct sc_model_options shape = {.height = 28, .width = 28, .channels = 1, .classes = 10};
	assert_int_equal(sc_model_create(&model, "cifar20", &shape, NULL), SC_OK);
	return model;
}

static const char *path_of(const char *name)
{
	static char paths[32][256];
	static int next;
	char *path = paths[next++ % 32];
	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static bool contains(const char *path, const char *text)
{
	char *content = NULL;
	assert_int_equal(sc_file_read_text(&content, path, 1 << 20, NULL), SC_OK);
	bool found = strstr(content, text) != NULL;
	free(content);
	return found;
}

static struct sc_fit_options options_of(int64_t epochs)
{
	return (struct sc_fit_options){
		.epochs = epochs, .batch = 32, .seed = 3, .optimizer = {.learning_rate = 0.02f, .momentum = 0.9f}};
}

/* ---- Counting ------------------------------------------------------------------------------------------------------------ */

struct seen {
	int64_t steps, epochs, images, stop_at;
	double validation_loss;
};

static int see(void *user, const struct sc_progress_event *event)
{
	struct seen *seen = user;
	if (event->epoch_end) {
		seen->epochs++;
		seen->validation_loss = event->has_validation ? event->validation.loss : 0;
		return 0;
	}
	seen->steps++;
	seen->images = event->images;
	assert_int_equal(event->steps, 3);
	assert_int_equal(event->step, (seen->steps - 1) % 3 + 1);
	assert_true(isfinite(event->step_loss) && event->train.loss > 0);
	return seen->steps == seen->stop_at;
}

static void every_image_is_seen_once_an_epoch(void **state)
{
	(void)state;
	struct sc_model *model = make_model();
	struct sc_fit_options options = options_of(2);
	struct sc_fit_result result;
	struct seen seen = {0};
	options.progress = see, options.user = &seen;
	assert_int_equal(sc_fit(model, data, &options, &result, NULL), SC_OK);
	assert_int_equal(seen.steps, 6); /* 32 + 32 + 16 images, twice */
	assert_int_equal(seen.epochs, 2);
	assert_int_equal(seen.images, 80);
	assert_int_equal(result.images, 160);
	assert_int_equal(result.train.count, 80);
	assert_int_equal(result.validation.count, 0);
	assert_true(result.images_per_second > 0 && result.step_seconds > 0 && result.promised_bytes > 4 * 2 * 270000);
	sc_model_destroy(model);
}

static void validation_is_the_last_part(void **state)
{
	(void)state;
	struct sc_model *model = make_model();
	struct sc_fit_options options = options_of(1);
	struct sc_fit_result result;
	options.validation_split = 0.25f;
	assert_int_equal(sc_fit(model, data, &options, &result, NULL), SC_OK);
	assert_int_equal(result.train.count, 60);
	assert_int_equal(result.validation.count, 20);
	assert_true(result.validation.loss > 0);
	options.validation_split = 0, options.validation = data;
	assert_int_equal(sc_fit(model, data, &options, &result, NULL), SC_OK);
	assert_int_equal(result.validation.count, 80);
	struct sc_score score;
	assert_int_equal(sc_evaluate(model, data, NULL, &score, NULL), SC_OK);
	assert_int_equal(score.correct, result.validation.correct);
	assert_true(score.loss == result.validation.loss);
	sc_model_destroy(model);
}

/* The hash of the weights after two epochs of the first 64 images. */
static void train_in_order(char hash[SC_HASH_SIZE], bool no_shuffle, const int64_t *order, int64_t count)
{
	struct sc_model *model = make_model();
	struct sc_fit_options options = options_of(2);
	options.validation_split = 0.2f;
	options.no_shuffle = no_shuffle;
	options.sample_order = order;
	options.sample_order_count = count;
	assert_int_equal(sc_fit(model, data, &options, NULL, NULL), SC_OK);
	assert_int_equal(sc_model_hash(model, hash, NULL), SC_OK);
	sc_model_destroy(model);
}

static void a_given_order_is_followed(void **state)
{
	(void)state;
	char kept[SC_HASH_SIZE], given[SC_HASH_SIZE], twice[SC_HASH_SIZE], changed[SC_HASH_SIZE];
	int64_t order[128];
	for (int i = 0; i < 128; i++)
		order[i] = i % 64;
	train_in_order(kept, true, NULL, 0);
	train_in_order(given, false, order, 64); /* for both epochs */
	train_in_order(twice, false, order, 128);
	assert_string_equal(given, kept);
	assert_string_equal(twice, kept);
	order[64] = 63, order[127] = 0; /* two batches of the second epoch change */
	train_in_order(changed, false, order, 128);
	assert_string_not_equal(changed, kept);
}

static void a_wrong_order_is_refused(void **state)
{
	(void)state;
	struct sc_model *model = make_model();
	struct sc_fit_options options = options_of(1);
	struct sc_error error = {0};
	int64_t order[64] = {0};
	options.validation_split = 0.2f;
	options.sample_order = order;
	options.sample_order_count = 63;
	assert_int_equal(sc_fit(model, data, &options, NULL, &error), SC_ERROR_ARGUMENT);
	assert_non_null(strstr(error.message, "multiple of the 64 samples that train, found 63"));
	options.sample_order_count = 64;
	static const int64_t wrong[] = {64, 80, -1}; /* the first one validates */
	for (int i = 0; i < 3; i++) {
		order[7] = wrong[i];
		assert_int_equal(sc_fit(model, data, &options, NULL, &error), SC_ERROR_ARGUMENT);
		assert_int_equal(error.offset, 7);
	}
	sc_model_destroy(model);
}

static void callbacks_and_step_limits_stop(void **state)
{
	(void)state;
	struct sc_model *model = make_model();
	struct sc_fit_options options = options_of(3);
	struct sc_fit_result result;
	struct sc_error error = {0};
	struct seen seen = {.stop_at = 4};
	options.progress = see, options.user = &seen;
	assert_int_equal(sc_fit(model, data, &options, &result, &error), SC_ERROR_STOPPED);
	assert_non_null(strstr(error.message, "epoch 2 after step 1"));
	assert_int_equal(seen.steps, 4);
	seen = (struct seen){0};
	options.steps = 5;
	assert_int_equal(sc_fit(model, data, &options, &result, NULL), SC_OK);
	assert_int_equal(result.steps, 5);
	assert_int_equal(seen.epochs, 2);
	sc_model_destroy(model);
}

/* ---- Numbers that are none ------------------------------------------------------------------------------------------------------
 */

static void non_finite_loss_stops_before_the_update(void **state)
{
	(void)state;
	struct sc_model *model = make_model();
	struct sc_tensor tensor;
	struct sc_error error = {0};
	char before[SC_HASH_SIZE], after[SC_HASH_SIZE];
	sc_model_tensor(model, 0, &tensor);
	tensor.values[3] = INFINITY;
	assert_int_equal(sc_model_hash(model, before, NULL), SC_OK);
	struct sc_fit_options options = options_of(1);
	assert_int_equal(sc_fit(model, data, &options, NULL, &error), SC_ERROR_NON_FINITE);
	assert_non_null(strstr(error.message, "epoch 1, step 1 (step 1 in all)"));
	assert_string_equal(error.subject, "conv1");
	assert_non_null(strstr(error.message, "conv1: conv1.weight is not finite (inf)"));
	assert_int_equal(sc_model_hash(model, after, NULL), SC_OK);
	assert_string_equal(before, after);
	sc_model_destroy(model);
}

/* ---- Run folders
 * -------------------------------------------------------------------------------------------------------------------- */

static void run_folder_holds_everything(void **state)
{
	(void)state;
	struct sc_model *model = make_model(), *loaded = NULL;
	struct sc_fit_options options = options_of(3);
	struct sc_error error = {0};
	char trained[SC_HASH_SIZE], kept[SC_HASH_SIZE];
	options.run = path_of("deep/run");
	assert_int_equal(sc_fit(model, data, &options, NULL, &error), SC_OK);
	assert_true(contains(path_of("deep/run/config.json"), "\"learning_rate\": 0.02"));
	assert_true(contains(path_of("deep/run/history.csv"), "\n3,"));
	assert_true(contains(path_of("deep/run/steps.csv"), "\n9,3,"));
	assert_int_equal(access(path_of("deep/run/checkpoints/step-0000000009.safetensors"), R_OK), 0);
	assert_int_equal(access(path_of("deep/run/checkpoints/step-0000000006.safetensors"), R_OK), 0);
	assert_int_not_equal(access(path_of("deep/run/checkpoints/step-0000000003.safetensors"), F_OK), 0); /* two are kept */
	assert_int_equal(sc_model_hash(model, trained, NULL), SC_OK);
	assert_int_equal(sc_hash_file(kept, options.run, NULL), SC_OK);
	assert_string_equal(trained, kept);
	assert_int_equal(sc_model_load(&loaded, options.run, NULL), SC_OK);
	assert_int_equal(sc_model_hash(loaded, kept, NULL), SC_OK);
	assert_string_equal(trained, kept);
	assert_int_equal(sc_fit(model, data, &options, NULL, &error), SC_ERROR_ARGUMENT); /* it holds a run already */
	assert_non_null(strstr(error.message, "holds a run already"));
	sc_model_destroy(model);
	sc_model_destroy(loaded);
}

static void unwritable_folder_leaves_nothing(void **state)
{
	(void)state;
	struct sc_model *model = make_model();
	struct sc_fit_options options = options_of(1);
	struct sc_error error = {0};
	FILE *file = fopen(path_of("plain"), "w");
	assert_non_null(file);
	fclose(file);
	options.run = path_of("plain/run");
	assert_int_equal(sc_fit(model, data, &options, NULL, &error), SC_ERROR_WRITE);
	assert_non_null(strstr(error.message, "plain"));
	sc_model_destroy(model);
}

static void resumed_run_has_the_same_weights(void **state)
{
	(void)state;
	char whole[SC_HASH_SIZE], parts[SC_HASH_SIZE];
	struct sc_error error = {0};
	struct sc_model *model = make_model(), *again = make_model();
	struct sc_fit_options options = options_of(3), kept;
	options.run = path_of("whole");
	assert_int_equal(sc_fit(model, data, &options, NULL, NULL), SC_OK);
	options.run = path_of("parts");
	options.epochs = 2;
	assert_int_equal(sc_fit(again, data, &options, NULL, NULL), SC_OK);
	sc_model_destroy(again);
	again = make_model(); /* fresh parameters: all comes from the checkpoint */
	assert_int_equal(sc_run_options(path_of("parts"), &kept, NULL), SC_OK);
	assert_int_equal(kept.epochs, 2);
	assert_true(kept.optimizer.momentum == 0.9f && kept.optimizer.learning_rate == 0.02f && kept.seed == 3);
	kept.epochs = 3;
	if (sc_fit(again, data, &kept, NULL, &error) != SC_OK)
		fail_msg("%s", error.message);
	assert_int_equal(sc_hash_file(whole, path_of("whole"), NULL), SC_OK);
	assert_int_equal(sc_hash_file(parts, path_of("parts"), NULL), SC_OK);
	assert_string_equal(whole, parts);
	assert_true(contains(path_of("parts/history.csv"), "\n1,") && contains(path_of("parts/history.csv"), "\n3,"));
	kept.epochs = 4, kept.optimizer.learning_rate = 0.03f;
	assert_int_equal(sc_fit(again, data, &kept, NULL, &error), SC_ERROR_MISMATCH);
	assert_string_equal(error.subject, "learning_rate");
	sc_model_destroy(model);
	sc_model_destroy(again);
}

/* The method of the convolutions changes the bits, so a run keeps it. */
static void resume_keeps_the_convolutions_method(void **state)
{
	(void)state;
	struct sc_error error = {0};
	struct sc_model *model = make_model();
	struct sc_fit_options options = options_of(1), kept;
	options.run = path_of("direct");
	options.compute.convolution = SC_CONVOLUTION_DIRECT;
	assert_int_equal(sc_fit(model, data, &options, NULL, NULL), SC_OK);
	assert_int_equal(sc_run_options(options.run, &kept, NULL), SC_OK);
	assert_int_equal(kept.compute.convolution, SC_CONVOLUTION_DIRECT);
	kept.epochs = 2;
	kept.compute.convolution = SC_CONVOLUTION_AUTO;
	assert_int_equal(sc_fit(model, data, &kept, NULL, &error), SC_ERROR_MISMATCH);
	assert_string_equal(error.subject, "convolution");
	sc_model_destroy(model);
}

/* The memory changes no bit, so a run may go on with another amount; it keeps its own. */
static void a_run_keeps_its_memory(void **state)
{
	(void)state;
	char whole[SC_HASH_SIZE], parts[SC_HASH_SIZE];
	struct sc_error error = {0};
	struct sc_model *model = make_model(), *again = make_model();
	struct sc_fit_options options = options_of(2), kept;
	struct sc_fit_result any, limited;
	long long least;
	assert_int_equal(sc_fit(model, data, &options, &any, NULL), SC_OK);
	assert_int_equal(sc_model_hash(model, whole, NULL), SC_OK);
	options.memory = 1000;
	assert_int_equal(sc_fit(again, data, &options, NULL, &error), SC_ERROR_MEMORY);
	assert_int_equal(sscanf(error.message, "memory: expected at least %*dM (%lld bytes)", &least), 1);
	assert_true(least < any.promised_bytes);
	options.memory = least, options.epochs = 1, options.run = path_of("little");
	if (sc_fit(again, data, &options, &limited, &error) != SC_OK)
		fail_msg("%s", error.message);
	assert_true(limited.promised_bytes <= least);
	assert_int_equal(sc_run_options(options.run, &kept, NULL), SC_OK);
	assert_int_equal(kept.memory, least);
	kept.memory = (least + any.promised_bytes) / 2, kept.epochs = 2;
	assert_int_equal(sc_fit(again, data, &kept, NULL, NULL), SC_OK);
	assert_int_equal(sc_model_hash(again, parts, NULL), SC_OK);
	assert_string_equal(whole, parts);
	sc_model_destroy(model);
	sc_model_destroy(again);
}

/* ---- Refusals
 * ------------------------------------------------------------------------------------------------------------------------ */

static void wrong_options_are_named(void **state)
{
	(void)state;
	struct sc_model *model = make_model();
	const struct {
		const char *subject;
		struct sc_fit_options options;
	} cases[] = {
		{"epochs", {.epochs = -1}},
		{"batch", {.batch = -5}},
		{"batch", {.batch = 1 << 21}},
		{"steps", {.steps = -1}},
		{"learning_rate", {.optimizer = {.learning_rate = -0.1f}}},
		{"learning_rate", {.optimizer = {.learning_rate = NAN}}},
		{"momentum", {.optimizer = {.momentum = 1.5f}}},
		{"weight_decay", {.optimizer = {.weight_decay = -1}}},
		{"nesterov", {.optimizer = {.nesterov = true}}},
		{"warmup_epochs", {.schedule = {.warmup_epochs = -1}}},
		{"schedule", {.schedule = {.kind = (enum sc_schedule_kind)9}}},
		{"validation_split", {.validation_split = 1}},
		{"validation_split", {.validation_split = 0.5f, .validation = data}},
		{"threads", {.compute = {.threads = -2}}},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sc_error error = {0};
		assert_int_equal(sc_fit(model, data, &cases[i].options, NULL, &error), SC_ERROR_ARGUMENT);
		assert_string_equal(error.subject, cases[i].subject);
		assert_non_null(strstr(error.message, "expected") ? "" : strstr(error.message, "needs"));
	}
	sc_model_destroy(model);
}

static void data_of_another_size_are_refused(void **state)
{
	(void)state;
	struct sc_model *model = NULL;
	struct sc_error error = {0};
	const struct sc_model_options shape = {.height = 32, .width = 32, .channels = 1, .classes = 10};
	assert_int_equal(sc_model_create(&model, "cifar20", &shape, NULL), SC_OK);
	assert_int_equal(sc_fit(model, data, NULL, NULL, &error), SC_ERROR_MISMATCH);
	assert_int_equal(sc_evaluate(model, data, NULL, NULL, &error), SC_ERROR_MISMATCH);
	sc_model_destroy(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_image_is_seen_once_an_epoch), cmocka_unit_test(validation_is_the_last_part),
		cmocka_unit_test(a_given_order_is_followed),         cmocka_unit_test(a_wrong_order_is_refused),
		cmocka_unit_test(callbacks_and_step_limits_stop),    cmocka_unit_test(non_finite_loss_stops_before_the_update),
		cmocka_unit_test(run_folder_holds_everything),       cmocka_unit_test(unwritable_folder_leaves_nothing),
		cmocka_unit_test(resumed_run_has_the_same_weights),  cmocka_unit_test(resume_keeps_the_convolutions_method),
		cmocka_unit_test(a_run_keeps_its_memory),
		cmocka_unit_test(wrong_options_are_named),           cmocka_unit_test(data_of_another_size_are_refused),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
