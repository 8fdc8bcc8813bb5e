/* cmd_lab.c - shortcut lab: experiments that show why a net is built as it is. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "output.h"
#include "train.h"

#define MOST_DEPTHS 16
#define DEFAULT_OUT "runs/degradation"

/* "20,56" */
static int read_depths(const struct cli_arguments *arguments, int64_t depths[MOST_DEPTHS], int64_t *count)
{
	const char *text = cli_text(arguments, CLI_DEPTHS, "");
	char number[16];

	*count = 0;
	while (*text != '\0') {
		size_t length = strcspn(text, ",");
		bool good = length > 0 && length < sizeof(number) && *count < MOST_DEPTHS &&
			    !(text[length] == ',' && text[length + 1] == '\0');
		if (good) {
			memcpy(number, text, length);
			number[length] = '\0';
			good = cli_read_whole(number, 1, 1000000, &depths[(*count)++]);
		}
		if (!good)
			return cli_misused(arguments, "--depths: expected numbers of layers such as 20,32,44,56, found '%s'",
					   cli_text(arguments, CLI_DEPTHS, ""));
		text += length + (text[length] == ',');
	}
	return CLI_OK;
}

/* ---- Progress ----------------------------------------------------------------------------------------------------------- */

struct show {
	bool quiet;
	struct sc_progress_bar *bar;
};

static void show_begin(struct show *show, const struct sc_lab_event *event)
{
	sc_progress_bar_destroy(show->bar);
	show->bar = NULL;
	if (sc_progress_bar_create(&show->bar, stderr, NULL) != SC_OK)
		show->bar = NULL; /* no memory for a bar: the experiment may still have enough */
	fprintf(stderr, "Net %lld/%lld: %s\n", (long long)event->number, (long long)event->nets, event->net);
}

static int show_progress(void *user, const struct sc_lab_event *event)
{
	struct show *show = user;

	if (!show->quiet && event->stage == SC_LAB_BEGIN)
		show_begin(show, event);
	if (event->stage == SC_LAB_TRAINING && show->bar != NULL)
		sc_progress_bar_show(show->bar, event->training);
	if (!show->quiet && event->stage == SC_LAB_LESION && event->done == event->total)
		fprintf(stderr, "%s: tested without each of its %lld blocks\n", event->net, (long long)event->total);
	return train_caught_signal() != 0;
}

/* ---- Results ------------------------------------------------------------------------------------------------------------- */

static void print_text(const struct sc_lab_options *options, const struct sc_lab_result *result)
{
	const struct sc_lab_net *shallow = result->nets, *deep = result->nets + result->net_count - 2;

	printf("%-15s %8s  %8s  %14s  %17s\n", "net", "training", "test", "less one block", "gradient at start");
	for (int64_t i = 0; i < result->net_count; i++) {
		const struct sc_lab_net *net = &result->nets[i];
		printf("%-15s %6.2f %%  %6.2f %%  %12.2f %%  %8.2g %8.2g\n", net->name, 100 * net->train_error,
		       100 * net->test_error, 100 * net->lesion_error, net->gradient_first, net->gradient_last);
	}
	printf("(errors after the last epoch; less one block: mean over the blocks; gradient: of the first and the last "
	       "layer)\n\n");
	if (deep > shallow)
		printf("training error from %lld to %lld layers: plain %.2f %% -> %.2f %%, with shortcuts %.2f %% -> %.2f %%\n",
		       (long long)shallow->depth, (long long)deep->depth, 100 * shallow[0].train_error, 100 * deep[0].train_error,
		       100 * shallow[1].train_error, 100 * deep[1].train_error);
	printf("tables   %s/errors.csv gradients.csv responses.csv lesions.csv\n", options->out);
	if (result->pictures)
		printf("picture  %s/degradation.svg degradation.png\n", options->out);
}

static int print_json(const struct sc_lab_options *options, const struct sc_lab_result *result)
{
	struct cli_json json, row;

	cli_json_begin(&json);
	cli_json_text(&json, "data", options->data);
	cli_json_text(&json, "out", options->out);
	json_t *nets = cli_json_array(&json, "nets");
	for (int64_t i = 0; i < result->net_count; i++) {
		const struct sc_lab_net *net = &result->nets[i];
		cli_json_begin(&row);
		cli_json_text(&row, "model", net->name);
		cli_json_whole(&row, "depth", net->depth);
		cli_json_text(&row, "shortcuts", net->residual ? "yes" : "no");
		cli_json_real(&row, "train_error", net->train_error);
		cli_json_real(&row, "test_error", net->test_error);
		cli_json_real(&row, "lesion_error", net->lesion_error);
		cli_json_real(&row, "lesion_error_whole", net->whole_error);
		cli_json_real(&row, "gradient_first", net->gradient_first);
		cli_json_real(&row, "gradient_last", net->gradient_last);
		cli_json_real(&row, "seconds", net->seconds);
		cli_json_append(&json, nets, &row);
	}
	return cli_json_print(&json);
}

/* ---- The command ----------------------------------------------------------------------------------------------------------- */

static int run_degradation(const struct sc_lab_options *given, bool as_json, bool quiet)
{
	struct sc_lab_options options = *given;
	struct show show = {.quiet = quiet};
	struct sc_lab_result result;
	struct sc_error error = {0};

	options.progress = show_progress;
	options.user = &show;
	train_catch_signals();
	enum sc_status status = sc_lab_degradation(&options, &result, &error);
	sc_progress_bar_destroy(show.bar);
	if (status == SC_ERROR_STOPPED && train_caught_signal() != 0) {
		cli_complain("interrupted; %s keeps what is done: the same command goes on from there", options.out);
		return 128 + train_caught_signal();
	}
	train_release_signals();
	if (status != SC_OK)
		return cli_failed(&error);
	int code = CLI_OK;
	if (as_json)
		code = print_json(&options, &result);
	else
		print_text(&options, &result);
	sc_lab_result_release(&result);
	return code;
}

static int run_lab(const struct cli_arguments *arguments)
{
	int64_t depths[MOST_DEPTHS];
	struct sc_lab_options options = {
		.data = cli_text(arguments, CLI_DATA, "mnist"),
		.data_dir = cli_text(arguments, CLI_DATA_DIR, NULL),
		.out = cli_text(arguments, CLI_OUT, DEFAULT_OUT),
		.depths = depths,
		.epochs = cli_whole(arguments, CLI_EPOCHS, 0),
		.take = cli_whole(arguments, CLI_TAKE, 0),
		.batch = cli_whole(arguments, CLI_BATCH, 0),
		.learning_rate = (float)cli_real(arguments, CLI_LEARNING_RATE, 0),
		.seed = (uint64_t)cli_whole(arguments, CLI_SEED, 0),
		.compute = cli_compute(arguments),
	};
	if (strcmp(arguments->words[0], "degradation") != 0)
		return cli_misused(arguments, "expected the experiment 'degradation', found '%s'", arguments->words[0]);
	int status = read_depths(arguments, depths, &options.depth_count);

	if (status != CLI_OK)
		return status;
	return run_degradation(&options, cli_given(arguments, CLI_JSON), cli_given(arguments, CLI_QUIET));
}

static const struct cli_use options[] = {
	{CLI_DEPTHS, "20,56"},
	{CLI_DATA, "mnist"},
	{CLI_DATA_DIR, "$SHORTCUT_DATA, data, then the installed folder"},
	{CLI_OUT, DEFAULT_OUT},
	{CLI_EPOCHS, "5"},
	{CLI_TAKE, "5000"},
	{CLI_BATCH, "128"},
	{CLI_LEARNING_RATE, "0.05"},
	{CLI_SEED, "0"},
	{CLI_CONVOLUTION, "auto"},
	{CLI_THREADS, "one for each processor"},
	{CLI_QUIET, NULL},
	{CLI_JSON, NULL},
	{CLI_OPTION_COUNT, NULL},
};

const struct cli_command cli_lab = {
	.name = "lab",
	.arguments = "degradation",
	.summary = "show why residual networks exist",
	.description =
		"Trains nets of growing depth, each with shortcuts and without, which are alike in all else: first values, images "
		"and their order. Deep nets without shortcuts learn worse than shallow ones; with shortcuts they do not. Shows the "
		"errors by epoch, the gradient of each layer, the responses of the layers, and what becomes of a trained net when "
		"one of its blocks is taken away: as CSV files and as one page of plots, SVG and PNG. Ctrl-C keeps what is done; "
		"the "
		"same command goes on from there, and where all is done it only draws.",
	.examples = "  shortcut lab degradation\n"
		    "  shortcut lab degradation --depths 20,32,44,56 --take 10000 --epochs 8 --out runs/four-depths\n"
		    "  shortcut lab degradation --data cifar10 --take 20000 --epochs 20 --out runs/cifar10-depths\n",
	.options = options,
	.minimum_words = 1,
	.maximum_words = 1,
	.run = run_lab,
};
