/* The degradation experiment on 64 small images: twins are twins, what is measured is what a net says of itself, and an experiment
 * that was stopped goes on to the same numbers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/random.h"
#include "io/file.h"
#include "lab/lab.h"
#include "temporary.h"

#define SIDE  8
#define TRAIN 64
#define TEST  32

static void write_idx(const char *name, const uint8_t *head, size_t head_bytes, const uint8_t *values, size_t count)
{
	FILE *stream = fopen(in_folder(name), "wb");
	assert_non_null(stream);
	assert_int_equal(fwrite(head, 1, head_bytes, stream), head_bytes);
	assert_int_equal(fwrite(values, 1, count, stream), count);
	assert_int_equal(fclose(stream), 0);
}

/* Two classes: bright above or bright below, with noise. */
static void write_part(const char *images_name, const char *labels_name, uint8_t count)
{
	uint8_t images[TRAIN * SIDE * SIDE], labels[TRAIN];
	struct sc_random random = sc_random_stream(count, SC_PURPOSE_INITIALISE, 0, 0);
	for (int i = 0; i < count; i++) {
		labels[i] = (uint8_t)(i % 2);
		for (int p = 0; p < SIDE * SIDE; p++)
			images[i * SIDE * SIDE + p] =
				(uint8_t)(((p < SIDE * SIDE / 2) == (labels[i] == 0) ? 150 : 20) + 80 * sc_random_uniform(&random));
	}
	write_idx(images_name, (const uint8_t[]){0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, SIDE, 0, 0, 0, SIDE}, 16, images,
		  (size_t)count * SIDE * SIDE);
	write_idx(labels_name, (const uint8_t[]){0, 0, 8, 1, 0, 0, 0, count}, 8, labels, count);
}

static int make_data(void **state)
{
	if (make_folder(state))
		return 1;
	write_part("train-images-idx3-ubyte", "train-labels-idx1-ubyte", TRAIN);
	write_part("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", TEST);
	return 0;
}

static struct sc_lab_options make_options(const char *out)
{
	static const int64_t depths[] = {20};
	return (struct sc_lab_options){.data = folder,
				       .out = out,
				       .depths = depths,
				       .depth_count = 1,
				       .epochs = 3,
				       .batch = 16,
				       .compute = {.threads = 1}};
}

static char *read_text(const char *out, const char *name)
{
	char *text = NULL, *full = sc_path_join(out, name);
	assert_int_equal(sc_file_read_text(&text, full, 1 << 20, NULL), SC_OK);
	free(full);
	return text;
}

static int count_lines(const char *text)
{
	int lines = 0;
	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

static const char *const tables[] = {"errors.csv", "gradients.csv", "responses.csv", "lesions.csv"};

static void tables_hold_every_epoch_layer_and_block(void **state)
{
	(void)state;
	static const int rows[] = {2 * 3, 2 * 20, 2 * 19, 2 * 9};
	const char *out = in_folder("whole");
	struct sc_lab_options options = make_options(out);
	struct sc_lab_result result;
	struct sc_error error = {0};
	if (sc_lab_degradation(&options, &result, &error) != SC_OK)
		fail_msg("%s", error.message);
	assert_int_equal(result.net_count, 2);
	assert_string_equal(result.nets[0].name, "plain-cifar20");
	assert_string_equal(result.nets[1].name, "cifar20");
	for (int i = 0; i < 4; i++) {
		char *text = read_text(out, tables[i]);
		assert_int_equal(count_lines(text), 1 + rows[i]);
		assert_null(strstr(text, "nan"));
		free(text);
	}
	for (int i = 0; i < 2; i++) {
		const struct sc_lab_net *net = &result.nets[i];
		assert_true(net->train_error >= 0 && net->train_error < 0.5); /* better than by chance */
		assert_true(net->gradient_first > 0 && net->gradient_last > 0);
	}
	struct stat picture;
	assert_int_equal(stat(in_folder("whole/degradation.png"), &picture) == 0, result.pictures);
	sc_lab_result_release(&result);
}

/* Twins begin with the same numbers, and the responses of a net that has learnt nothing yet deviate by 1: BatchNorm says so. */
static void twins_begin_alike(void **state)
{
	(void)state;
	struct sc_lab_options options = make_options("");
	struct sc_lab lab = {.options = &options};
	assert_int_equal(sc_data_open(&lab.train, folder, NULL, NULL), SC_OK);
	sc_data_measure_pixels(lab.train, &lab.preprocess);
	struct sc_lab_twin twins[2] = {{.name = "plain-cifar20", .depth = 20}, {.name = "cifar20", .depth = 20, .residual = true}};
	struct sc_model *models[2] = {NULL, NULL};
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sc_lab_model(&lab, &twins[i], &models[i], NULL), SC_OK);
		assert_int_equal(sc_lab_count_layers(&twins[i], models[i], NULL), SC_OK);
		assert_int_equal(twins[i].layer_count, 20);
		assert_int_equal(twins[i].block_count, 9);
		assert_int_equal(sc_lab_probe(&lab, &twins[i], models[i], twins[i].gradient_start, twins[i].responses, NULL),
				 SC_OK);
		for (int r = 0; r < twins[i].response_count; r++)
			assert_true(fabs(twins[i].responses[r] - 1) < 1e-3); /* epsilon, and channels that hold almost nothing */
		assert_string_equal(twins[i].layer_names[19], "fc");
	}
	assert_int_equal(models[0]->value_count, models[1]->value_count);
	assert_memory_equal(models[0]->values, models[1]->values, (size_t)models[0]->value_count * sizeof(float));
	assert_true(twins[0].gradient_start[0] != twins[1].gradient_start[0]);
	for (int i = 0; i < 2; i++) {
		free(twins[i].layer_names), free(twins[i].gradient_start), free(twins[i].gradient_end);
		free(twins[i].responses), free(twins[i].lesions);
		sc_model_destroy(models[i]);
	}
	sc_data_destroy(lab.train);
}

/* Asks for an end at the `left`-th call. */
static int stop(void *user, const struct sc_lab_event *event)
{
	(void)event;
	return --*(int *)user == 0;
}

/* Stopped again and again, in training and between blocks, it comes to the tables of the whole one, to the byte. */
static void a_stopped_experiment_goes_on_to_the_same_numbers(void **state)
{
	(void)state;
	const char *out = in_folder("stopped");
	struct sc_lab_options options = make_options(out);
	struct sc_lab_result result;
	struct sc_error error = {0};
	static const int calls[] = {1, 4, 7, 19, 25, 0};
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		int left = calls[i];
		options.progress = left ? stop : NULL;
		options.user = &left;
		enum sc_status status = sc_lab_degradation(&options, &result, &error);
		assert_int_equal(status, calls[i] ? SC_ERROR_STOPPED : SC_OK);
	}
	sc_lab_result_release(&result);
	for (int i = 0; i < 4; i++) {
		char *whole = read_text(in_folder("whole"), tables[i]), *gone_on = read_text(out, tables[i]);
		assert_string_equal(whole, gone_on);
		free(whole);
		free(gone_on);
	}
}

static void other_settings_in_the_same_folder_are_refused(void **state)
{
	(void)state;
	struct sc_lab_options options = make_options(in_folder("whole"));
	struct sc_lab_result result;
	struct sc_error error = {0};
	options.seed = 1;
	assert_int_equal(sc_lab_degradation(&options, &result, &error), SC_ERROR_MISMATCH);
	assert_non_null(strstr(error.message, "seed"));
}

static void wrong_depths_are_named(void **state)
{
	(void)state;
	static const struct {
		int64_t depths[3], count;
		const char *message;
	} cases[] = {{{20, 21}, 2, "no net of 21 layers"},
		     {{20, 56, 20}, 3, "20 is there twice"},
		     {{0}, 17, "1 to 16"},
		     {{-1}, 1, "-1 layers"}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sc_lab_options options = make_options(in_folder("never"));
		struct sc_lab_result result;
		struct sc_error error = {0};
		options.depths = cases[i].depths;
		options.depth_count = cases[i].count;
		assert_int_equal(sc_lab_degradation(&options, &result, &error), SC_ERROR_ARGUMENT);
		assert_non_null(strstr(error.message, cases[i].message));
		assert_int_not_equal(access(in_folder("never"), F_OK), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_hold_every_epoch_layer_and_block),
		cmocka_unit_test(twins_begin_alike),
		cmocka_unit_test(a_stopped_experiment_goes_on_to_the_same_numbers),
		cmocka_unit_test(other_settings_in_the_same_folder_are_refused),
		cmocka_unit_test(wrong_depths_are_named),
	};
	return cmocka_run_group_tests(tests, make_data, remove_folder);
}
