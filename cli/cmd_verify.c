/* cmd_verify.c - shortcut verify: trains an epoch of a run again and says whether it gives the weights that the receipt speaks of. */
#include <stdio.h>

#include "cli.h"
#include "output.h"

struct verification {
	const char *run;
	int64_t epoch;
	struct sc_verify_result result;
};

static int print_json(const struct verification *v)
{
	struct cli_json json;

	cli_json_begin(&json);
	cli_json_text(&json, "run", v->run);
	cli_json_whole(&json, "epoch", v->epoch);
	cli_json_text(&json, "verdict", v->result.confirmed ? "confirmed" : "refuted");
	cli_json_whole(&json, "steps", v->result.steps);
	cli_json_whole(&json, "from_step", v->result.from_step);
	cli_json_text(&json, "expected_sha256", v->result.expected);
	cli_json_text(&json, "weights_sha256", v->result.found);
	return cli_json_print(&json);
}

static void print_text(const struct verification *v)
{
	printf("epoch %lld: %s (%lld steps trained again, from step %lld on)\n", (long long)v->epoch,
	       v->result.confirmed ? "confirmed" : "refuted", (long long)v->result.steps, (long long)v->result.from_step);
	printf("receipt  sha256 %s\n", v->result.expected);
	printf("again    sha256 %s\n", v->result.found);
}

static int verify(struct verification *v, const struct cli_arguments *arguments, const struct sc_data *data)
{
	struct sc_verify_options options = {.epoch = v->epoch, .compute = cli_compute(arguments)};
	struct sc_progress_bar *bar = NULL;
	struct sc_error error = {0};

	if (!cli_given(arguments, CLI_QUIET)) {
		if (sc_progress_bar_create(&bar, stderr, &error) != SC_OK)
			return cli_failed(&error);
		options.progress = sc_progress_bar_show;
		options.user = bar;
	}
	enum sc_status status = sc_verify(v->run, data, &options, &v->result, &error);
	sc_progress_bar_destroy(bar);
	if (status != SC_OK)
		return cli_failed(&error);
	int printed = CLI_OK;
	if (cli_given(arguments, CLI_JSON))
		printed = print_json(v);
	else
		print_text(v);
	return printed == CLI_OK && !v->result.confirmed ? CLI_REFUTED : printed;
}

static int run_verify(const struct cli_arguments *arguments)
{
	struct verification v = {.run = arguments->words[0], .epoch = cli_whole(arguments, CLI_EPOCH, 1)};
	const char *name = arguments->word_count > 1 ? arguments->words[1] : NULL;
	struct sc_error error = {0};
	struct sc_data *data = NULL;

	if (sc_run_data(&data, v.run, name, cli_text(arguments, CLI_DATA_DIR, NULL), &error) != SC_OK)
		return cli_failed(&error);
	int status = verify(&v, arguments, data);
	sc_data_destroy(data);
	return status;
}

static const struct cli_use options[] = {
	{CLI_EPOCH, "1"},
	{CLI_DATA_DIR, "$SHORTCUT_DATA, data, then the installed folder"},
	{CLI_NO_FUSE, NULL},
	{CLI_THREADS, "one for each processor"},
	{CLI_QUIET, NULL},
	{CLI_JSON, NULL},
	{CLI_OPTION_COUNT, NULL},
};

const struct cli_command cli_verify = {
	.name = "verify",
	.arguments = "RUN [DATA]",
	.summary = "train an epoch of a run again and compare the weights",
	.description = "Trains an epoch of RUN again, on this machine, and compares the SHA-256 of the weights after it with the one in the "
		       "run's receipt.json: exit code 0 if they are equal, 4 if not. It begins at the newest checkpoint from before the "
		       "epoch (a run with --keep-checkpoints has those of all epochs), else at the first step. DATA is where the data are "
		       "now, if they have moved. Nothing is written.",
	.examples = "  shortcut verify runs/resnet18-mnist-1 --epoch 3\n",
	.options = options,
	.minimum_words = 1,
	.maximum_words = 2,
	.run = run_verify,
};
