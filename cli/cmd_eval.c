/* cmd_eval.c - shortcut eval: accuracy and loss of a trained net on labelled images. */
#include <stdio.h>

#include "cli.h"
#include "output.h"

struct evaluation {
	const char *part;
	int64_t batch;
	struct sc_score score;
	double seconds;
};

/* Threads, instruction set and promised memory are a plan's to tell; making one computes nothing. */
static int print_json(struct sc_model *model, const struct sc_compute *compute, const struct evaluation *evaluation)
{
	struct sc_plan_options options = {.mode = SC_MODE_INFER, .batch = evaluation->batch, .compute = *compute};
	struct sc_error error = {0};
	struct sc_plan *plan = NULL;
	struct cli_json json;
	char hash[SC_HASH_SIZE];
	int64_t peak = cli_peak_bytes();

	if (sc_plan_create(&plan, model, &options, &error) != SC_OK || sc_model_hash(model, hash, &error) != SC_OK) {
		sc_plan_destroy(plan);
		return cli_failed(&error);
	}
	cli_json_begin(&json);
	cli_json_model(&json, model);
	cli_json_text(&json, "part", evaluation->part);
	cli_json_whole(&json, "count", evaluation->score.count);
	cli_json_whole(&json, "correct", evaluation->score.correct);
	cli_json_real(&json, "accuracy", evaluation->score.accuracy);
	cli_json_real(&json, "loss", evaluation->score.loss);
	cli_json_real(&json, "images_per_second", (double)evaluation->score.count / evaluation->seconds);
	cli_json_real(&json, "seconds", evaluation->seconds);
	cli_json_whole(&json, "peak_bytes", peak);
	cli_json_whole(&json, "promised_bytes", sc_plan_promised_bytes(plan));
	cli_json_text(&json, "weights_sha256", hash);
	cli_json_whole(&json, "threads", sc_plan_threads(plan));
	cli_json_text(&json, "isa", sc_plan_instruction_set(plan));
	sc_plan_destroy(plan);
	return cli_json_print(&json);
}

static void print_text(const struct evaluation *evaluation)
{
	char correct[CLI_NUMBER_SIZE], count[CLI_NUMBER_SIZE], speed[CLI_NUMBER_SIZE];

	printf("%s accuracy  %.2f %% (%s of %s)\n", evaluation->part, 100 * evaluation->score.accuracy,
	       cli_thousands(correct, evaluation->score.correct), cli_thousands(count, evaluation->score.count));
	printf("%s loss      %.4f\n", evaluation->part, evaluation->score.loss);
	printf("speed%*s %s images per second\n", evaluation->part[1] == 'r' ? 10 : 9, "",
	       cli_thousands(speed, (int64_t)((double)evaluation->score.count / evaluation->seconds)));
}

static int run_eval(const struct cli_arguments *arguments)
{
	bool train = cli_choice(arguments, CLI_PART, 1) == 0;
	struct sc_data_options data_options = {
		.part = train ? SC_TRAIN : SC_TEST,
		.take = cli_whole(arguments, CLI_TAKE, 0),
		.seed = (uint64_t)cli_whole(arguments, CLI_SEED, 0),
		.data_dir = cli_text(arguments, CLI_DATA_DIR, NULL),
	};
	struct evaluation evaluation = {.part = train ? "train" : "test", .batch = cli_whole(arguments, CLI_BATCH, 128)};
	struct sc_evaluate_options options = {.batch = evaluation.batch, .compute = cli_compute(arguments)};
	struct sc_error error = {0};
	struct sc_model *model = NULL;
	struct sc_data *data = NULL;
	int status = cli_open_trained(&model, arguments);

	if (status != CLI_OK)
		return status;
	if (sc_data_open(&data, arguments->words[1], &data_options, &error) != SC_OK) {
		sc_model_destroy(model);
		return cli_failed(&error);
	}
	double begin = cli_seconds();
	enum sc_status evaluated = sc_evaluate(model, data, &options, &evaluation.score, &error);
	evaluation.seconds = cli_seconds() - begin;
	if (evaluated != SC_OK)
		status = cli_failed(&error);
	else if (cli_given(arguments, CLI_JSON))
		status = print_json(model, &options.compute, &evaluation);
	else
		print_text(&evaluation);
	sc_data_destroy(data);
	sc_model_destroy(model);
	return status;
}

static const struct cli_use options[] = {
	{CLI_MODEL, "what the weights file says"},
	{CLI_INPUT, "with --model: 224x224x3"},
	{CLI_CLASSES, "with --model: 1000; keras-tutorial: 10"},
	{CLI_PART, "test"},
	{CLI_TAKE, "all"},
	{CLI_SEED, "0"},
	{CLI_DATA_DIR, "$SHORTCUT_DATA, data, then the installed folder"},
	{CLI_BATCH, "128"},
	{CLI_CONVOLUTION, "auto"},
	{CLI_NO_FUSE, NULL},
	{CLI_THREADS, "one for each processor"},
	{CLI_JSON, NULL},
	{CLI_OPTION_COUNT, NULL},
};

const struct cli_command cli_eval = {
	.name = "eval",
	.arguments = "RUN|WEIGHTS DATA",
	.summary = "measure a trained net on labelled images",
	.description = "Measures accuracy and mean cross-entropy of a run's newest weights, or of a weights file, on a data set: a "
		       "name such "
		       "as mnist, or a folder. Pixels are prepared as they were for the training; for a file of another "
		       "program, named by --model, they go from 0 to 1.",
	.examples =
		"  shortcut eval runs/resnet18-mnist-1 mnist\n  shortcut eval weights.safetensors data/mnist --part train --json\n",
	.options = options,
	.minimum_words = 2,
	.maximum_words = 2,
	.run = run_eval,
};
