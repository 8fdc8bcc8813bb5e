/* test_checkpoint.c - checkpoints whose bytes are whole and whose content cannot be: each number of the metadata made wrong,
 * tensors of another model, names that are none. The message says what was expected of what. (faults/test_damage.c damages the
 * bytes.) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file.h"
#include "io/weights.h"
#include "temporary.h"
#include "train/checkpoint.h"
#include "train/tiny_model.h"
#include "warnings.h"

static const struct sc_run_identity identity = {.model = (char *)"{}", .training = (char *)"{}", .data_hash = "d", .hash = "h"};

static struct sc_checkpoint_file file_with(float *its_velocity)
{
	return (struct sc_checkpoint_file){folder, &identity, &tiny_model, its_velocity, INT64_MAX};
}

static const char *in_checkpoints(const char *name)
{
	static char full[160];
	snprintf(full, sizeof(full), "%s/checkpoints/%s", folder, name);
	return full;
}

static void write_empty(const char *name)
{
	FILE *stream = fopen(in_checkpoints(name), "w");
	assert_non_null(stream);
	fclose(stream);
}

static void write_step(int64_t step)
{
	const struct sc_checkpoint_file file = file_with(velocity);
	char name[64];
	assert_int_equal(sc_checkpoint_write(&file, &(struct sc_checkpoint){.step = step, .rate_factor = 1}, name, NULL), SC_OK);
}

static int begin_checkpoints(void **state)
{
	(void)state;
	warnings = 0;
	return sc_folder_make(in_checkpoints(""), NULL) != SC_OK;
}

static int remove_checkpoints(void **state)
{
	(void)state;
	char command[200];
	snprintf(command, sizeof(command), "rm -r %s", in_checkpoints(""));
	return system(command);
}

/* ---- Metadata ------------------------------------------------------------------------------------------------------- */

static const char *const good[][2] = {
	{"shortcut.config", "h"},        {"shortcut.checkpoint", "1"},       {"shortcut.step", "8"},
	{"shortcut.epochs", "1"},        {"shortcut.epoch_step", "2"},       {"shortcut.epoch_images", "3"},
	{"shortcut.epoch_correct", "1"}, {"shortcut.skipped", "0"},          {"shortcut.epoch_loss", "0x1p-1"},
	{"shortcut.epoch_seconds", "2"}, {"shortcut.rate_factor", "0x1p+0"},
};
#define PAIRS (sizeof(good) / sizeof(good[0]))

/* A checkpoint of step 8 with another value of this key, or, with NULL, without it. */
static void write_with(const char *key, const char *value)
{
	const char *metadata[2 * PAIRS];
	struct sc_checkpoint_views views;
	int64_t pairs = 0;
	for (size_t i = 0; i < PAIRS; i++) {
		const bool changed = strcmp(good[i][0], key) == 0;
		if (changed && !value)
			continue;
		metadata[2 * pairs] = good[i][0];
		metadata[2 * pairs++ + 1] = changed ? value : good[i][1];
	}
	assert_int_equal(sc_checkpoint_views_init(&views, &tiny_model, numbers, velocity, NULL), SC_OK);
	assert_int_equal(sc_weights_write_checked(in_checkpoints("step-0000000008.safetensors"), views.tensors, views.count,
						  metadata, pairs, NULL),
			 SC_OK);
	sc_checkpoint_views_release(&views);
}

static void each_number_is_checked(void **state)
{
	(void)state;
	static const struct {
		const char *key, *value, *message;
	} cases[] = {
		{"shortcut.checkpoint", NULL, "expected a whole number as metadata \"shortcut.checkpoint\", found nothing"},
		{"shortcut.checkpoint", "2", "expected 1 as metadata \"shortcut.checkpoint\", found 2"},
		{"shortcut.step", NULL, "expected a whole number as metadata \"shortcut.step\", found nothing"},
		{"shortcut.step", "", "expected a whole number as metadata \"shortcut.step\", found "},
		{"shortcut.step", "eight", "found eight"},
		{"shortcut.step", "8.0", "found 8.0"},
		{"shortcut.step", "-8", "found -8"},
		{"shortcut.step", "9223372036854775808", "found 9223372036854775808"},
		{"shortcut.step", "7", "expected the checkpoint of step 8, found that of 7"},
		{"shortcut.epochs", "x", "expected a whole number as metadata \"shortcut.epochs\", found x"},
		{"shortcut.epoch_step", "x", "expected a whole number as metadata \"shortcut.epoch_step\""},
		{"shortcut.epoch_images", "x", "expected a whole number as metadata \"shortcut.epoch_images\""},
		{"shortcut.epoch_correct", "x", "expected a whole number as metadata \"shortcut.epoch_correct\""},
		{"shortcut.skipped", "x", "expected a whole number as metadata \"shortcut.skipped\""},
		{"shortcut.epoch_loss", NULL, "expected a finite number as metadata \"shortcut.epoch_loss\", found nothing"},
		{"shortcut.epoch_loss", "", "expected a finite number as metadata \"shortcut.epoch_loss\", found "},
		{"shortcut.epoch_loss", "nan", "found nan"},
		{"shortcut.epoch_loss", "1e400", "found 1e400"},
		{"shortcut.epoch_loss", "1,5", "found 1,5"},
		{"shortcut.epoch_seconds", "long", "expected a finite number as metadata \"shortcut.epoch_seconds\""},
		{"shortcut.rate_factor", "-inf", "expected a finite number as metadata \"shortcut.rate_factor\""},
	};
	const struct sc_checkpoint_file file = file_with(velocity);
	struct sc_checkpoint at = {.step = -1};
	write_with("", NULL);
	assert_int_equal(sc_checkpoint_load(&file, &at, NULL), SC_OK);
	assert_true(at.step == 8 && at.images == 3 && at.loss == 0.5 && at.seconds == 2 && at.rate_factor == 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sc_error error = {0};
		write_with(cases[i].key, cases[i].value);
		at.step = -1;
		enum sc_status status = sc_checkpoint_load(&file, &at, &error);
		if (status != SC_ERROR_FORMAT || !strstr(error.message, cases[i].message) || !strstr(error.message, folder))
			fail_msg("%s: status %d, '%s', expected '... %s'", cases[i].key, status, error.message, cases[i].message);
		assert_int_equal(at.step, -1);
	}
}

/* An older checkpoint could only hide that. */
static void another_runs_checkpoint_is_no_damage(void **state)
{
	(void)state;
	static const char *const identities[] = {NULL, "g"};
	const struct sc_checkpoint_file file = file_with(velocity);
	write_step(7);
	for (int i = 0; i < 2; i++) {
		struct sc_checkpoint at;
		struct sc_error error = {0};
		write_with("shortcut.config", identities[i]);
		assert_int_equal(sc_checkpoint_load(&file, &at, &error), SC_ERROR_MISMATCH);
		assert_non_null(strstr(error.message, "other settings than those of the run's config.json"));
	}
	assert_int_equal(warnings, 0);
}

static void tensors_are_those_of_the_model(void **state)
{
	(void)state;
	const struct sc_checkpoint_file with = file_with(velocity), without = file_with(NULL);
	struct sc_checkpoint at = {0};
	struct sc_error error = {0};
	char name[64];
	write_step(8);
	numbers[0] = 5;
	assert_int_equal(sc_checkpoint_load(&without, &at, &error), SC_ERROR_MISMATCH);
	assert_non_null(strstr(error.message, "tensor 'training.velocity.a': the model has none of this name"));
	assert_true(numbers[0] == 5); /* as it was */
	numbers[0] = 6;
	assert_int_equal(sc_checkpoint_write(&without, &(struct sc_checkpoint){.step = 8, .rate_factor = 1}, name, NULL), SC_OK);
	numbers[0] = 0;
	assert_int_equal(sc_checkpoint_load(&with, &at, &error), SC_ERROR_MISMATCH);
	assert_non_null(strstr(error.message, "'training.velocity.a'"));
	assert_int_equal(sc_checkpoint_load(&without, &at, NULL), SC_OK);
	assert_true(numbers[0] == 6);
}

/* ---- Which of them -------------------------------------------------------------------------------------------------- */

static void only_their_names_count(void **state)
{
	(void)state;
	static const char *const names[] = {"step-5.safetensor",
					    "step-5.safetensors~",
					    "step--5.safetensors",
					    "step-.safetensors",
					    "steps-5.safetensors",
					    "notes.txt",
					    "step-5"};
	int64_t *steps, count;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		write_empty(names[i]);
	assert_int_equal(sc_checkpoint_list(&steps, &count, folder, NULL), SC_OK);
	assert_int_equal(count, 0);
	assert_null(steps);
	write_empty("step-0000000009.safetensors");
	write_empty("step-0000000010.safetensors");
	assert_int_equal(sc_checkpoint_list(&steps, &count, folder, NULL), SC_OK);
	assert_true(count == 2 && steps[0] == 10 && steps[1] == 9);
	free(steps);
}

/* A link to nothing, a folder, one of no bytes: each is passed over, and a warning says so. */
static void what_is_no_checkpoint_is_passed_over(void **state)
{
	(void)state;
	struct sc_checkpoint_file file = file_with(velocity);
	struct sc_checkpoint at = {0};
	struct sc_error error = {0};
	write_step(7);
	assert_int_equal(symlink("nowhere", in_checkpoints("step-0000000008.safetensors")), 0);
	assert_int_equal(mkdir(in_checkpoints("step-0000000009.safetensors"), 0777), 0);
	write_empty("step-0000000010.safetensors");
	assert_int_equal(sc_checkpoint_load(&file, &at, NULL), SC_OK);
	assert_int_equal(at.step, 7);
	assert_int_equal(warnings, 3);
	assert_non_null(strstr(warning, "step-0000000008.safetensors"));
	assert_non_null(strstr(warning, "going back to the checkpoint before it"));
	file.at_most = 6;
	assert_int_equal(sc_checkpoint_load(&file, &at, &error), SC_ERROR_NOT_FOUND);
	assert_non_null(strstr(error.message, "expected a run with checkpoints/step-N.safetensors, found none"));
}

static void pruning_keeps_what_is_asked_for(void **state)
{
	(void)state;
	static const struct {
		int64_t each, kept[4];
	} cases[] = {{4, {10, 9, 8, 4}}, {0, {10, 9}}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t *steps, count;
		for (int step = 1; step <= 10; step++) {
			char name[64];
			snprintf(name, sizeof(name), "step-%010d.safetensors", step);
			write_empty(name);
		}
		sc_checkpoint_prune(folder, 10, 9, cases[i].each);
		assert_int_equal(sc_checkpoint_list(&steps, &count, folder, NULL), SC_OK);
		assert_int_equal(count, cases[i].each ? 4 : 2);
		assert_memory_equal(steps, cases[i].kept, (size_t)count * sizeof(*steps));
		free(steps);
	}
}

static void what_is_no_folder_is_named(void **state)
{
	(void)state;
	const struct sc_checkpoint_file file = {"/dev/null", &identity, &tiny_model, velocity, INT64_MAX};
	struct sc_checkpoint at;
	int64_t *steps, count;
	struct sc_error error = {0};
	assert_int_equal(sc_checkpoint_load(&file, &at, &error), SC_ERROR_READ);
	assert_non_null(strstr(error.message, "/dev/null/checkpoints: cannot be opened: Not a directory"));
	sc_checkpoint_prune("/dev/null", 1, 0, 0); /* nothing to prune, nothing to say */
	assert_int_equal(sc_checkpoint_list(&steps, &count, folder, NULL), SC_OK); /* a run that has none yet */
	assert_true(!steps && count == 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_checkpoints, remove_checkpoints)

int main(void)
{
	sc_log_set(count_warning, NULL);
	const struct CMUnitTest tests[] = {
		TEST(each_number_is_checked),
		TEST(another_runs_checkpoint_is_no_damage),
		TEST(tensors_are_those_of_the_model),
		TEST(only_their_names_count),
		TEST(what_is_no_checkpoint_is_passed_over),
		TEST(pruning_keeps_what_is_asked_for),
		cmocka_unit_test(what_is_no_folder_is_named),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
