/* cmd_summary.c - shortcut summary: the layers of a net. */
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "output.h"

static void add_layers(struct cli_json *json, const struct sc_model *model)
{
	json_t *layers = cli_json_array(json, "layers");

	for (int64_t i = 0; i < sc_model_layer_count(model); i++) {
		struct sc_layer layer;
		struct cli_json row;
		sc_model_layer(model, i, &layer);
		cli_json_begin(&row);
		cli_json_text(&row, "layer", layer.name);
		cli_json_text(&row, "type", layer.type);
		cli_json_text(&row, "detail", layer.detail);
		cli_json_text(&row, "inputs", layer.inputs);
		cli_json_whole(&row, "height", layer.height);
		cli_json_whole(&row, "width", layer.width);
		cli_json_whole(&row, "channels", layer.channels);
		cli_json_whole(&row, "parameters", layer.parameters);
		cli_json_whole(&row, "trainable", layer.trainable);
		cli_json_whole(&row, "macs", layer.macs);
		cli_json_whole(&row, "output_bytes", layer.output_bytes);
		cli_json_append(json, layers, &row);
	}
}

static int print_json(const struct sc_model *model)
{
	struct cli_json json;
	struct sc_totals totals;

	sc_model_totals(model, &totals);
	cli_json_begin(&json);
	cli_json_model(&json, model);
	cli_json_whole(&json, "parameter_bytes", totals.parameter_bytes);
	cli_json_whole(&json, "output_bytes", totals.output_bytes);
	cli_json_whole(&json, "height", sc_model_height(model));
	cli_json_whole(&json, "width", sc_model_width(model));
	cli_json_whole(&json, "channels", sc_model_channels(model));
	cli_json_whole(&json, "classes", sc_model_classes(model));
	add_layers(&json, model);
	return cli_json_print(&json);
}

/* The net alone, as a file that may be changed and given to --model. */
static int print_net(const struct sc_model *model)
{
	struct sc_error error = {0};
	char *text = NULL;

	if (sc_model_net(model, &text, &error) != SC_OK)
		return cli_failed(&error);
	fputs(text, stdout);
	free(text);
	return CLI_OK;
}

static int run_summary(const struct cli_arguments *arguments)
{
	struct sc_model *model = NULL;
	int status = cli_open_model(&model, arguments->words[0], arguments);

	if (status != CLI_OK)
		return status;
	if (cli_given(arguments, CLI_DESCRIBE))
		status = print_net(model);
	else if (cli_given(arguments, CLI_JSON))
		status = print_json(model);
	else
		sc_model_summary(model, stdout, 0);
	sc_model_destroy(model);
	return status;
}

static void print_presets(FILE *stream)
{
	fputs("Models:\n ", stream);
	for (int i = 0; sc_model_preset(i) != NULL; i++)
		fprintf(stream, " %s%s", sc_model_preset(i), sc_model_preset(i + 1) != NULL && i % 5 == 4 ? "\n " : "");
	fputc('\n', stream);
}

static const struct cli_use options[] = {
	{CLI_INPUT, "224x224x3"}, {CLI_CLASSES, "1000; keras-tutorial: 10"}, {CLI_DESCRIBE, NULL}, {CLI_JSON, NULL},
	{CLI_OPTION_COUNT, NULL},
};

const struct cli_command cli_summary = {
	.name = "summary",
	.arguments = "MODEL|RUN",
	.summary = "show the layers of a net",
	.description = "Shows each layer of a preset, a net's file, a run or a weights file: its output's shape, its parameters "
		       "(trained or not), "
		       "multiply-adds and bytes for one image, and the totals.",
	.examples = "  shortcut summary resnet18 --input 28x28x1 --classes 10\n  shortcut summary resnet50 --describe >net.json\n  "
		    "shortcut summary runs/resnet18-mnist-1\n",
	.options = options,
	.minimum_words = 1,
	.maximum_words = 1,
	.run = run_summary,
	.more_help = print_presets,
};
