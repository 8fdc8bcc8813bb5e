/* cmd_bench.c - shortcut bench: how fast this machine is at a net's convolutions, a training step, an inference. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "output.h"
#include "step_table.h"

/* ---- layers ------------------------------------------------------------------------------------------------------------ */

struct layers {
	bool as_json;
	struct cli_json json;
	json_t *rows;
	bool headed;
};

static void show_layer(void *user, const struct sc_bench_row *row)
{
	struct layers *layers = user;
	double rate = (double)row->flops / row->seconds;
	struct cli_json one;

	if (!layers->as_json) {
		if (!layers->headed)
			printf("%-28s  %-16s  %9s  %9s  %8s  %8s\n", "layer", "pass", "GFLOP", "ms", "GFLOP/s", "of peak");
		layers->headed = true;
		printf("%-28s  %-16s  %9.4f  %9.3f  %8.1f  %6.1f %%\n", row->layer, row->pass, (double)row->flops / 1e9,
		       row->seconds * 1e3, rate / 1e9, 100 * row->share_of_peak);
		fflush(stdout); /* each row takes a while */
		return;
	}
	cli_json_begin(&one);
	cli_json_text(&one, "layer", row->layer);
	cli_json_text(&one, "pass", row->pass);
	cli_json_whole(&one, "flops", row->flops);
	cli_json_real(&one, "seconds", row->seconds);
	cli_json_real(&one, "flops_per_second", rate);
	cli_json_real(&one, "share_of_peak", row->share_of_peak);
	cli_json_append(&layers->json, layers->rows, &one);
}

static int bench_layers(struct sc_model *model, const struct cli_arguments *arguments)
{
	struct sc_bench_options options = {
		.batch = cli_whole(arguments, CLI_BATCH, 16),
		.seconds = cli_real(arguments, CLI_SECONDS, 0.3),
		.compute = cli_compute(arguments),
	};
	struct layers layers = {.as_json = cli_given(arguments, CLI_JSON)};
	struct sc_error error = {0};
	double peak = 0;

	if (layers.as_json) {
		cli_json_begin(&layers.json);
		cli_json_model(&layers.json, model);
		cli_json_whole(&layers.json, "batch", options.batch);
		layers.rows = cli_json_array(&layers.json, "layers");
	}
	if (sc_bench_layers(model, &options, &peak, show_layer, &layers, &error) != SC_OK) {
		json_decref(layers.json.object);
		return cli_failed(&error);
	}
	if (!layers.as_json) {
		printf("peak of fused multiply-adds, all threads: %.1f GFLOP/s\n", peak / 1e9);
		return CLI_OK;
	}
	cli_json_real(&layers.json, "peak_flops_per_second", peak);
	return cli_json_print(&layers.json);
}

/* ---- train and infer --------------------------------------------------------------------------------------------------- */

#define WARM_UP_STEPS 3 /* not counted: first touch of memory, threads waking up */

struct steps {
	bool train;
	int64_t batch, steps;
	float *images;   /* (batch, height, width, channels) */
	float *scores;   /* (batch, classes) */
	int32_t *labels; /* (batch) */
	double *seconds; /* [steps] */
	double total, median;
	struct step_table *table;
};

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Any numbers between -1 and 1 do. */
static void fill(struct steps *work, int64_t values, int64_t classes)
{
	uint32_t state = 1;

	for (int64_t i = 0; i < work->batch * values; i++) {
		state = state * 1664525u + 1013904223u;
		work->images[i] = (float)(state >> 8) / 8388608.0f - 1.0f;
	}
	for (int64_t i = 0; i < work->batch; i++)
		work->labels[i] = (int32_t)(i % classes);
}

static void measure(struct steps *work, struct sc_plan *plan)
{
	const struct sc_optimizer optimizer = {.learning_rate = 1e-3f, .momentum = 0.9f};

	for (int64_t i = -WARM_UP_STEPS; i < work->steps; i++) {
		double begin = cli_seconds(), middle, end;
		if (work->train)
			sc_plan_step(plan, work->images, work->labels);
		else
			sc_plan_forward(plan, work->images, work->scores);
		middle = cli_seconds();
		if (work->train)
			sc_plan_update_late(plan, &optimizer);
		end = cli_seconds();
		if (i < 0)
			continue;
		work->seconds[i] = end - begin;
		work->total += work->seconds[i];
		step_table_add(work->table, plan, work->train ? end - middle : 0);
	}
	if (work->train)
		sc_plan_catch_up(plan, &optimizer);
	qsort(work->seconds, (size_t)work->steps, sizeof(double), compare_doubles);
	work->median = (work->seconds[(work->steps - 1) / 2] + work->seconds[work->steps / 2]) / 2;
}

static int print_steps(const struct steps *work, const struct sc_model *model, const struct sc_plan *plan, bool as_json)
{
	double speed = (double)(work->batch * work->steps) / work->total;
	char peak[CLI_NUMBER_SIZE], promised[CLI_NUMBER_SIZE];
	struct cli_json json;

	if (!as_json) {
		printf("%s %lldx%lldx%lld, %s, batch %lld, %d threads, %s\n", sc_model_name(model),
		       (long long)sc_model_height(model), (long long)sc_model_width(model), (long long)sc_model_channels(model),
		       work->train ? "training" : "inference", (long long)work->batch, sc_plan_threads(plan),
		       sc_plan_instruction_set(plan));
		printf("%.1f images per second; a step takes %.2f ms (median of %lld)\n", speed, work->median * 1e3,
		       (long long)work->steps);
		printf("peak memory %s, promised %s\n", cli_megabytes(peak, cli_peak_bytes()),
		       cli_megabytes(promised, sc_plan_promised_bytes(plan)));
		step_table_print(work->table, work->steps, stdout);
		return CLI_OK;
	}
	cli_json_begin(&json);
	cli_json_model(&json, model);
	cli_json_whole(&json, "batch", work->batch);
	cli_json_whole(&json, "steps", work->steps);
	cli_json_real(&json, "images_per_second", speed);
	cli_json_real(&json, "seconds", work->total);
	cli_json_real(&json, "step_seconds", work->median);
	cli_json_whole(&json, "peak_bytes", cli_peak_bytes());
	cli_json_whole(&json, "promised_bytes", sc_plan_promised_bytes(plan));
	cli_json_whole(&json, "threads", sc_plan_threads(plan));
	cli_json_text(&json, "isa", sc_plan_instruction_set(plan));
	step_table_json(work->table, work->steps, &json);
	return cli_json_print(&json);
}

static int bench_steps(struct sc_model *model, const struct cli_arguments *arguments, bool train)
{
	struct steps work = {
		.train = train, .batch = cli_whole(arguments, CLI_BATCH, 32), .steps = cli_whole(arguments, CLI_STEPS, 20)};
	struct sc_plan_options options = {
		.mode = train ? SC_MODE_TRAIN : SC_MODE_INFER, .batch = work.batch, .compute = cli_compute(arguments)};
	int64_t values = sc_model_height(model) * sc_model_width(model) * sc_model_channels(model),
		classes = sc_model_classes(model);
	struct sc_error error = {0};
	struct sc_plan *plan = NULL;
	int status = CLI_OK;

	work.images = calloc((size_t)work.batch, (size_t)values * sizeof(*work.images));
	work.scores = calloc((size_t)work.batch, (size_t)classes * sizeof(*work.scores));
	work.labels = calloc((size_t)work.batch, sizeof(*work.labels));
	work.seconds = calloc((size_t)work.steps, sizeof(*work.seconds));
	if (work.images == NULL || work.scores == NULL || work.labels == NULL || work.seconds == NULL) {
		cli_complain("no memory for a batch of %lld images", (long long)work.batch);
		status = CLI_FAILED;
	} else if (sc_plan_create(&plan, model, &options, &error) != SC_OK) {
		status = cli_failed(&error);
	} else if ((work.table = step_table_create(plan)) == NULL) {
		cli_complain("no memory for a table of the plan's steps");
		status = CLI_FAILED;
	} else {
		fill(&work, values, classes);
		measure(&work, plan);
		status = print_steps(&work, model, plan, cli_given(arguments, CLI_JSON));
	}
	step_table_destroy(work.table);
	sc_plan_destroy(plan);
	free(work.images);
	free(work.scores);
	free(work.labels);
	free(work.seconds);
	return status;
}

/* ---- The command ------------------------------------------------------------------------------------------------------- */

static int run_bench(const struct cli_arguments *arguments)
{
	const char *what = arguments->word_count > 0 ? arguments->words[0] : "layers";
	bool layers = strcmp(what, "layers") == 0, train = strcmp(what, "train") == 0;
	struct sc_model *model = NULL;

	if (!layers && !train && strcmp(what, "infer") != 0)
		return cli_misused(arguments, "expected layers, train or infer, found '%s'", what);
	if (layers ? cli_given(arguments, CLI_STEPS) : cli_given(arguments, CLI_SECONDS))
		return cli_misused(arguments,
				   layers ? "--steps: is for 'bench train' and 'bench infer'" : "--seconds: is for 'bench layers'");
	int status = cli_open_model(&model, cli_text(arguments, CLI_MODEL, "resnet18"), arguments);
	if (status != CLI_OK)
		return status;
	status = layers ? bench_layers(model, arguments) : bench_steps(model, arguments, train);
	sc_model_destroy(model);
	return status;
}

static const struct cli_use options[] = {
	{CLI_MODEL, "resnet18"},
	{CLI_INPUT, "224x224x3"},
	{CLI_CLASSES, "1000; keras-tutorial: 10"},
	{CLI_BATCH, "layers: 16; train, infer: 32"},
	{CLI_STEPS, "20"},
	{CLI_SECONDS, "0.3"},
	{CLI_CONVOLUTION, "auto"},
	{CLI_NO_FUSE, NULL},
	{CLI_THREADS, "one for each processor"},
	{CLI_JSON, NULL},
	{CLI_OPTION_COUNT, NULL},
};

const struct cli_command cli_bench = {
	.name = "bench",
	.arguments = "[layers|train|infer]",
	.summary = "measure how fast this machine is",
	.description =
		"Measures, on made-up images: with 'layers' (the default) the machine's peak of fused multiply-adds and each "
		"different "
		"convolution of a net, pass by pass, against that peak; with 'train' whole training steps, with 'infer' forward "
		"passes, and where their time goes.",
	.examples = "  shortcut bench --model resnet18\n"
		    "  shortcut bench train --model resnet18 --input 28x28x1 --classes 10 --batch 128 --json\n",
	.options = options,
	.maximum_words = 1,
	.run = run_bench,
};
