/* cmd_plan.c - shortcut plan: what will be computed, by which kernels, in how much memory. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "output.h"

static int print_json(const struct sc_model *model, const struct sc_plan *plan, int64_t batch)
{
	struct cli_json json;

	cli_json_begin(&json);
	cli_json_model(&json, model);
	cli_json_whole(&json, "batch", batch);
	cli_json_whole(&json, "promised_bytes", sc_plan_promised_bytes(plan));
	cli_json_whole(&json, "arena_bytes", sc_plan_arena_bytes(plan));
	cli_json_whole(&json, "threads", sc_plan_threads(plan));
	cli_json_text(&json, "isa", sc_plan_instruction_set(plan));
	json_t *blocks = cli_json_array(&json, "computed_again");
	for (int64_t i = 0; i < sc_plan_block_count(plan); i++) {
		struct sc_plan_block block;
		struct cli_json row;
		sc_plan_describe_block(plan, i, &block);
		cli_json_begin(&row);
		cli_json_text(&row, "block", block.name);
		cli_json_whole(&row, "bytes", block.bytes);
		cli_json_whole(&row, "flops", block.flops);
		cli_json_append(&json, blocks, &row);
	}
	json_t *steps = cli_json_array(&json, "steps");
	for (int64_t i = 0; i < sc_plan_step_count(plan); i++) {
		struct sc_plan_step step;
		struct cli_json row;
		sc_plan_describe_step(plan, i, &step);
		cli_json_begin(&row);
		cli_json_text(&row, "pass", step.pass);
		cli_json_text(&row, "layer", step.layer);
		cli_json_text(&row, "kernel", step.kernel);
		cli_json_text(&row, "shape", step.shape);
		cli_json_whole(&row, "flops", step.flops);
		cli_json_whole(&row, "bytes", step.bytes);
		cli_json_append(&json, steps, &row);
	}
	return cli_json_print(&json);
}

static void widen(int *width, const char *text)
{
	int length = (int)strlen(text);

	if (length > *width)
		*width = length;
}

/* What --memory costs. flops: of the whole step. */
static void print_blocks(const struct sc_plan *plan, int64_t flops)
{
	int64_t again = 0, count = sc_plan_block_count(plan);
	struct sc_plan_block block;
	int width = 5; /* the heading's length */

	if (count == 0)
		return;
	for (int64_t i = 0; i < count; i++) {
		sc_plan_describe_block(plan, i, &block);
		widen(&width, block.name);
	}
	printf("\n%-*s  %9s  %9s\n", width, "block", "MB less", "GFLOP");
	for (int64_t i = 0; i < count; i++) {
		sc_plan_describe_block(plan, i, &block);
		again += block.flops;
		printf("%-*s  %9.2f  %9.4f\n", width, block.name, (double)block.bytes / 1e6, (double)block.flops / 1e9);
	}
	printf("\ncomputed again in backward so as not to be kept: %lld block%s, %.1f %% more arithmetic\n", (long long)count,
	       count == 1 ? "" : "s", 100 * (double)again / (double)(flops - again));
}

static void print_table(const struct sc_model *model, const struct sc_plan *plan, int64_t batch)
{
	int pass = 4, layer = 5, kernel = 6, shape = 5; /* the headings' lengths */
	int64_t flops = 0, bytes = 0;
	struct sc_plan_step step;
	char promised[CLI_NUMBER_SIZE], arena[CLI_NUMBER_SIZE];

	for (int64_t i = 0; i < sc_plan_step_count(plan); i++) {
		sc_plan_describe_step(plan, i, &step);
		widen(&pass, step.pass);
		widen(&layer, step.layer);
		widen(&kernel, step.kernel);
		widen(&shape, step.shape);
	}
	printf("%4s  %-*s  %-*s  %-*s  %-*s  %9s  %9s\n", "step", pass, "pass", layer, "layer", kernel, "kernel", shape, "shape",
	       "GFLOP", "MB");
	for (int64_t i = 0; i < sc_plan_step_count(plan); i++) {
		sc_plan_describe_step(plan, i, &step);
		flops += step.flops;
		bytes += step.bytes;
		printf("%4lld  %-*s  %-*s  %-*s  %-*s  %9.4f  %9.2f\n", (long long)i + 1, pass, step.pass, layer, step.layer,
		       kernel, step.kernel, shape, step.shape, (double)step.flops / 1e9, (double)step.bytes / 1e6);
	}
	print_blocks(plan, flops);
	printf("\n%s, batch %lld, %d threads, %s: %.3f GFLOP and %.1f MB read and written in a step\n", sc_model_name(model),
	       (long long)batch, sc_plan_threads(plan), sc_plan_instruction_set(plan), (double)flops / 1e9, (double)bytes / 1e6);
	printf("promised memory: %s, of it %s for what is computed\n", cli_megabytes(promised, sc_plan_promised_bytes(plan)),
	       cli_megabytes(arena, sc_plan_arena_bytes(plan)));
}

static int run_plan(const struct cli_arguments *arguments)
{
	struct sc_plan_options options = {
		.mode = cli_choice(arguments, CLI_MODE, 0) == 0 ? SC_MODE_TRAIN : SC_MODE_INFER,
		.batch = cli_whole(arguments, CLI_BATCH, 32),
		.compute = cli_compute(arguments),
		.memory = cli_whole(arguments, CLI_MEMORY, 0),
	};
	struct sc_error error = {0};
	struct sc_model *model = NULL;
	struct sc_plan *plan = NULL;
	int status = cli_open_model(&model, arguments->words[0], arguments);

	if (status != CLI_OK)
		return status;
	if (sc_plan_create(&plan, model, &options, &error) != SC_OK)
		status = cli_failed(&error);
	else if (cli_given(arguments, CLI_JSON))
		status = print_json(model, plan, options.batch);
	else
		print_table(model, plan, options.batch);
	sc_plan_destroy(plan);
	sc_model_destroy(model);
	return status;
}

static const struct cli_use options[] = {
	{CLI_INPUT, "224x224x3"},
	{CLI_CLASSES, "1000; keras-tutorial: 10"},
	{CLI_BATCH, "32"},
	{CLI_MODE, "train"},
	{CLI_MEMORY, "no limit"},
	{CLI_THREADS, "one for each processor"},
	{CLI_CONVOLUTION, "auto"},
	{CLI_NO_FUSE, NULL},
	{CLI_JSON, NULL},
	{CLI_OPTION_COUNT, NULL},
};

const struct cli_command cli_plan = {
	.name = "plan",
	.arguments = "MODEL|RUN",
	.summary = "show the steps of a computation and the memory it takes",
	.description =
		"Shows every step of training or running a net with a batch of this size: pass, layer, kernel, shape, arithmetic "
		"and bytes, and the memory that is promised not to be exceeded. Nothing is computed. With --memory, training computes "
		"blocks a second time in backward instead of keeping their insides, as few as it takes, and a table shows which: what "
		"each one saves and costs.",
	.examples = "  shortcut plan resnet18 --input 28x28x1 --classes 10 --batch 128\n  shortcut plan resnet50 --mode infer "
		    "--batch 1\n  shortcut plan resnet50 --batch 16 --memory 1G\n",
	.options = options,
	.minimum_words = 1,
	.maximum_words = 1,
	.run = run_plan,
};
