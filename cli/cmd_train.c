/* cmd_train.c - shortcut train: trains a net on a data set and leaves a run folder behind. Settings: train_settings.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "output.h"
#include "train.h"

struct training {
	const struct cli_arguments *arguments;
	struct train_settings settings;
	struct train_folder folder;
	struct sc_data *train, *test; /* test may be NULL */
	struct sc_model *model;
	struct sc_progress_bar *bar; /* NULL: quiet */
	int64_t epoch, step;         /* where it is */
	struct sc_fit_result result;
	struct sc_score score; /* on the test part */
	char hash[SC_HASH_SIZE];
};

static bool quiet(const struct training *training)
{
	return cli_given(training->arguments, CLI_QUIET);
}

/* ---- Before ------------------------------------------------------------------------------------------------------------ */

static int open_data(struct training *training)
{
	struct train_settings *settings = &training->settings;
	struct sc_data_options test = settings->data;
	struct sc_error error = {0};

	if (sc_data_open(&training->train, settings->data_name, &settings->data, &error) != SC_OK)
		return cli_failed(&error);
	test.part = SC_TEST;
	test.take = 0;
	enum sc_status status = sc_data_open(&training->test, settings->data_name, &test, &error);
	if (status == SC_ERROR_NOT_FOUND) {
		if (!quiet(training))
			cli_complain("note: no test part to measure the result on: %s", error.message);
		return CLI_OK;
	}
	return status != SC_OK ? cli_failed(&error) : CLI_OK;
}

static int create_model(struct training *training)
{
	struct sc_model_options *options = &training->settings.model_options;
	const struct sc_data *data = training->train;
	struct sc_error error = {0};
	int64_t classes = sc_data_classes(data);

	if (training->settings.fit.resume != NULL)
		return sc_run_model(&training->model, training->settings.fit.resume, &error) != SC_OK ? cli_failed(&error) : CLI_OK;
	if (options->height == 0) {
		options->height = sc_data_height(data);
		options->width = sc_data_width(data);
	}
	if (options->channels == 0)
		options->channels = sc_data_channels(data);
	if (options->channels != sc_data_channels(data)) {
		cli_complain("--input: expected %lld channels, which the images of %s have, found %lld", (long long)sc_data_channels(data),
			     training->settings.data_name, (long long)options->channels);
		return CLI_FAILED;
	}
	if (options->classes == 0)
		options->classes = classes;
	options->preprocess.resize = options->height != sc_data_height(data) || options->width != sc_data_width(data);
	if (training->settings.recipe->normalise)
		sc_data_measure_pixels(data, &options->preprocess);
	const char **names = NULL;
	if (options->classes == classes) {
		names = calloc((size_t)classes, sizeof(*names));
		for (int64_t i = 0; names != NULL && i < classes; i++)
			names[i] = sc_data_class_name(data, i);
	}
	options->class_names = names;
	const char *weights = training->settings.weights, *name = training->settings.model;
	enum sc_status created = weights != NULL ? sc_model_load_as(&training->model, name, options, weights, &error)
						 : sc_model_create(&training->model, name, options, &error);
	options->class_names = NULL;
	free(names);
	return created != SC_OK ? cli_failed(&error) : CLI_OK;
}

/* One line that says what is about to happen. The memory is a plan's to promise; making one computes nothing. */
static int announce(struct training *training)
{
	const struct sc_fit_options *fit = &training->settings.fit;
	struct sc_plan_options options = {
		.mode = SC_MODE_TRAIN, .batch = fit->batch, .compute = fit->compute, .memory = fit->memory};
	struct sc_error error = {0};
	struct sc_plan *plan = NULL;
	struct sc_totals totals;
	char parameters[CLI_NUMBER_SIZE], images[CLI_NUMBER_SIZE], memory[CLI_NUMBER_SIZE];

	enum sc_status status = sc_plan_create(&plan, training->model, &options, &error);
	if (status == SC_ERROR_MEMORY && fit->memory > 0)
		return CLI_OK; /* sc_fit says how much it takes, images and all */
	if (status != SC_OK)
		return cli_failed(&error);
	sc_model_totals(training->model, &totals);
	fprintf(stderr, "%s, %s parameters, on %s images of %s (%lldx%lldx%lld), batch %lld, %d threads, %s, %s%s of memory\n",
		sc_model_name(training->model), cli_thousands(parameters, totals.parameters),
		cli_thousands(images, sc_data_count(training->train)), training->settings.data_name,
		(long long)sc_model_height(training->model), (long long)sc_model_width(training->model),
		(long long)sc_model_channels(training->model), (long long)fit->batch, sc_plan_threads(plan),
		sc_plan_instruction_set(plan), fit->memory > 0 ? "at most " : "",
		cli_megabytes(memory, fit->memory > 0 ? fit->memory : sc_plan_promised_bytes(plan)));
	sc_plan_destroy(plan);
	return CLI_OK;
}

/* ---- The training itself ------------------------------------------------------------------------------------------------- */

static int show_progress(void *user, const struct sc_progress_event *event)
{
	struct training *training = user;

	training->epoch = event->epoch;
	training->step = event->step;
	if (training->bar != NULL)
		sc_progress_bar_show(training->bar, event);
	return train_caught_signal() != 0;
}

static int interrupted(const struct training *training)
{
	cli_complain("interrupted in epoch %lld after step %lld, which %s keeps; go on with: shortcut train %s --resume %s",
		     (long long)training->epoch, (long long)training->step, training->folder.path, training->settings.data_name,
		     training->folder.path);
	return 128 + train_caught_signal();
}

static int fit(struct training *training)
{
	struct sc_fit_options options = training->settings.fit;
	struct sc_error error = {0};

	if (!quiet(training) && sc_progress_bar_create(&training->bar, stderr, &error) != SC_OK)
		return cli_failed(&error);
	options.run = training->folder.path;
	options.progress = show_progress;
	options.user = training;
	train_catch_signals();
	enum sc_status status = sc_fit(training->model, training->train, &options, &training->result, &error);
	sc_progress_bar_destroy(training->bar);
	training->bar = NULL;
	if (status == SC_ERROR_STOPPED && train_caught_signal() != 0)
		return interrupted(training);
	train_release_signals();
	return status != SC_OK ? cli_failed(&error) : CLI_OK;
}

static int evaluate(struct training *training)
{
	struct sc_evaluate_options options = {.batch = training->settings.fit.batch, .compute = training->settings.fit.compute};
	struct sc_error error = {0};

	if (training->test != NULL && sc_evaluate(training->model, training->test, &options, &training->score, &error) != SC_OK)
		return cli_failed(&error);
	return sc_model_hash(training->model, training->hash, &error) != SC_OK ? cli_failed(&error) : CLI_OK;
}

/* ---- After ------------------------------------------------------------------------------------------------------------- */

static int print_json(const struct training *training)
{
	const struct sc_fit_result *result = &training->result;
	struct cli_json json;

	cli_json_begin(&json);
	cli_json_model(&json, training->model);
	cli_json_text(&json, "data", training->settings.data_name);
	cli_json_text(&json, "run", training->folder.path);
	cli_json_whole(&json, "epochs", result->epochs);
	cli_json_whole(&json, "steps", result->steps);
	cli_json_whole(&json, "batch", training->settings.fit.batch);
	cli_json_real(&json, "accuracy", result->train.accuracy);
	cli_json_real(&json, "loss", result->train.loss);
	if (result->validation.count > 0) {
		cli_json_real(&json, "val_accuracy", result->validation.accuracy);
		cli_json_real(&json, "val_loss", result->validation.loss);
	}
	if (training->test != NULL) {
		cli_json_real(&json, "test_accuracy", training->score.accuracy);
		cli_json_real(&json, "test_loss", training->score.loss);
	}
	cli_json_real(&json, "images_per_second", result->images_per_second);
	cli_json_real(&json, "seconds", result->seconds);
	cli_json_real(&json, "step_seconds", result->step_seconds);
	cli_json_whole(&json, "peak_bytes", cli_peak_bytes());
	cli_json_whole(&json, "promised_bytes", result->promised_bytes);
	cli_json_text(&json, "weights_sha256", training->hash);
	cli_json_whole(&json, "threads", result->threads);
	cli_json_text(&json, "isa", result->instruction_set);
	return cli_json_print(&json);
}

static void print_text(const struct training *training)
{
	const struct sc_fit_result *result = &training->result;
	char correct[CLI_NUMBER_SIZE], count[CLI_NUMBER_SIZE], speed[CLI_NUMBER_SIZE];

	if (training->test != NULL) {
		printf("test accuracy  %.2f %% (%s of %s)\n", 100 * training->score.accuracy,
		       cli_thousands(correct, training->score.correct), cli_thousands(count, training->score.count));
		printf("test loss      %.4f\n", training->score.loss);
	} else {
		printf("accuracy       %.2f %% (of the last epoch's training)\n", 100 * result->train.accuracy);
		printf("loss           %.4f\n", result->train.loss);
	}
	printf("speed          %s images per second\n", cli_thousands(speed, (int64_t)result->images_per_second));
	printf("weights        sha256 %s\n", training->hash);
	printf("run            %s\n", training->folder.path);
	if (training->test != NULL)
		printf("try            shortcut predict %s %s --index 0-9\n", training->folder.path, training->settings.data_name);
	else
		printf("try            shortcut summary %s\n", training->folder.path);
}

static int train(struct training *training)
{
	const struct train_settings *settings = &training->settings;
	const char *out = settings->fit.resume != NULL ? NULL : cli_text(training->arguments, CLI_OUT, NULL);
	int status = open_data(training);

	if (status == CLI_OK)
		status = create_model(training);
	if (status != CLI_OK)
		return status;
	if (settings->fit.resume != NULL)
		snprintf(training->folder.path, sizeof(training->folder.path), "%s", settings->fit.resume);
	else
		status = train_claim_folder(&training->folder, out, sc_model_name(training->model), settings->data_name);
	if (status == CLI_OK && !quiet(training))
		status = announce(training);
	if (status == CLI_OK)
		status = fit(training);
	if (status == CLI_OK)
		status = evaluate(training);
	if (status != CLI_OK) {
		train_unclaim_folder(&training->folder);
		return status;
	}
	if (cli_given(training->arguments, CLI_JSON))
		return print_json(training);
	print_text(training);
	return CLI_OK;
}

static int run_train(const struct cli_arguments *arguments)
{
	struct training training = {.arguments = arguments};
	int status = train_read_settings(&training.settings, arguments);

	if (status == CLI_OK)
		status = train(&training);
	sc_model_destroy(training.model);
	sc_data_destroy(training.test);
	sc_data_destroy(training.train);
	free(training.settings.order);
	return status;
}

static const struct cli_use options[] = {
	{CLI_RECIPE, "default"},
	{CLI_MODEL, "the recipe's"},
	{CLI_INPUT, "the images' size"},
	{CLI_CLASSES, "those of the data"},
	{CLI_RESIZE, "images stay as they are"},
	{CLI_DATA_DIR, "$SHORTCUT_DATA, data, then the installed folder"},
	{CLI_TAKE, "all"},
	{CLI_VALIDATION_SPLIT, "the recipe's"},
	{CLI_STRATIFIED, NULL},
	{CLI_EPOCHS, "the recipe's"},
	{CLI_STEPS, "no limit"},
	{CLI_BATCH, "the recipe's"},
	{CLI_MEMORY, "no limit; of a resumed run: its own"},
	{CLI_LEARNING_RATE, "the recipe's"},
	{CLI_MOMENTUM, "the recipe's"},
	{CLI_NESTEROV, NULL},
	{CLI_NO_NESTEROV, NULL},
	{CLI_WEIGHT_DECAY, "the recipe's"},
	{CLI_DECOUPLED_DECAY, NULL},
	{CLI_SCHEDULE, "the recipe's"},
	{CLI_WARMUP_EPOCHS, "the recipe's"},
	{CLI_STEP_EPOCHS, "30"},
	{CLI_STEP_FACTOR, "0.1"},
	{CLI_FINAL_LEARNING_RATE, "0"},
	{CLI_NO_SHUFFLE, NULL},
	{CLI_SAMPLE_ORDER, NULL},
	{CLI_WEIGHTS, "random"},
	{CLI_ZERO_INIT_LAST, NULL},
	{CLI_SEED, "0"},
	{CLI_OUT, "runs/<model>-<data>-<n>, the first that is free"},
	{CLI_RESUME, NULL},
	{CLI_CHECKPOINT_EVERY, "none"},
	{CLI_KEEP_CHECKPOINTS, NULL},
	{CLI_ON_SAVE_ERROR, "stop"},
	{CLI_ON_NON_FINITE, "stop"},
	{CLI_NON_FINITE_LIMIT, "3"},
	{CLI_CONVOLUTION, "auto"},
	{CLI_NO_FUSE, NULL},
	{CLI_THREADS, "one for each processor"},
	{CLI_QUIET, NULL},
	{CLI_JSON, NULL},
	{CLI_OPTION_COUNT, NULL},
};

const struct cli_command cli_train = {
	.name = "train",
	.arguments = "DATA",
	.summary = "train a net on a data set",
	.description = "Trains a net on DATA (a name such as mnist, or a folder), measures it on the data's test part, and leaves "
		       "a run: a "
		       "folder with the weights, the settings and the history, of which 'shortcut eval' and 'shortcut predict' "
		       "need nothing "
		       "else. The same settings, seed and data give the same weights, to the bit. Ctrl-C, SIGTERM and "
		       "SIGUSR1 stop after the step, with a checkpoint; a second signal ends at once. --resume goes on to the "
		       "same bits, also after a crash. --memory limits what the training takes, its images included: where that is too "
		       "little to keep all that backward needs, blocks are computed a second time instead, to the same bits ('shortcut "
		       "plan' shows which); where it is too little for that, the training is refused before its first step.",
	.examples = "  shortcut train mnist\n"
		    "  shortcut train mnist --recipe keras-tutorial --take 10000 --epochs 5\n"
		    "  shortcut train data/mnist --model resnet34 --batch 64 --learning-rate 0.02 --out runs/mine\n"
		    "  shortcut train mnist --model cifar56 --memory 256M\n",
	.options = options,
	.minimum_words = 1,
	.maximum_words = 1,
	.run = run_train,
	.more_help = cli_print_recipes,
};
