/* cmd_convert.c - shortcut convert: weights from one file format to another. */
#include <stdio.h>

#include "cli.h"
#include "output.h"
#include "preprocess.h"

/* The net that --model names, prepared for the file's pixels, with the file's weights. */
static int open_named(struct sc_model **out, const char *name, const struct cli_arguments *arguments)
{
	int64_t channels = cli_given(arguments, CLI_INPUT) ? arguments->values[CLI_INPUT].size[2] : 3;
	const char *way = cli_preprocess_name(arguments, name, channels);
	struct sc_model_options options = {0};
	struct sc_error error = {0};
	int status = cli_check_net(arguments, "--model: ", name);

	cli_preprocess(&options.preprocess, way);
	options.preprocess.resize = cli_given(arguments, CLI_FIT_INPUT);
	if (status == CLI_OK)
		status = cli_open_model(out, name, arguments, &options);
	if (status != CLI_OK)
		return status;
	if (sc_model_read_weights(*out, arguments->words[0], &error) == SC_OK)
		return CLI_OK;
	sc_model_destroy(*out);
	*out = NULL;
	return cli_failed(&error);
}

static int open_input(struct sc_model **out, const struct cli_arguments *arguments)
{
	static const enum cli_option_id with_model[] = {CLI_INPUT, CLI_CLASSES, CLI_PREPROCESS, CLI_FIT_INPUT};
	const char *name = cli_text(arguments, CLI_MODEL, NULL);
	struct sc_error error = {0};

	if (name != NULL)
		return open_named(out, name, arguments);
	for (size_t i = 0; i < sizeof(with_model) / sizeof(with_model[0]); i++)
		if (cli_given(arguments, with_model[i]))
			return cli_misused(arguments, "--%s: goes with --model; a file that names its model brings its own",
					   cli_option(with_model[i])->name);
	return sc_model_load(out, arguments->words[0], &error) != SC_OK ? cli_failed(&error) : CLI_OK;
}

static void print_text(const struct sc_model *model, const char *path, const char *hash)
{
	const struct sc_preprocess *preprocess = sc_model_preprocess(model);
	struct sc_totals totals;
	char parameters[CLI_NUMBER_SIZE];

	sc_model_totals(model, &totals);
	printf("model    %s, %lldx%lldx%lld, %lld classes, %s parameters\n", sc_model_name(model),
	       (long long)sc_model_height(model), (long long)sc_model_width(model), (long long)sc_model_channels(model),
	       (long long)sc_model_classes(model), cli_thousands(parameters, totals.parameters));
	printf("pixels  ");
	if (preprocess->deviation[0] == 0.0f)
		printf(" 0..255 as they are");
	for (int64_t c = 0; c < sc_model_channels(model) && preprocess->deviation[0] != 0.0f; c++)
		printf(" (x / 255 - %.6g) / %.6g%s", (double)preprocess->mean[c], (double)preprocess->deviation[c],
		       c + 1 < sc_model_channels(model) ? "," : "");
	printf("%s%s\n", preprocess->bgr ? "; blue, green, red" : "", preprocess->resize ? "; resized" : "");
	printf("weights  sha256 %s\n", hash);
	printf("file     %s\n", path);
}

static int print_json(const struct sc_model *model, const char *path, const char *hash)
{
	struct cli_json json;

	cli_json_begin(&json);
	cli_json_model(&json, model);
	cli_json_text(&json, "file", path);
	cli_json_text(&json, "weights_sha256", hash);
	return cli_json_print(&json);
}

static int run_convert(const struct cli_arguments *arguments)
{
	const char *path = arguments->words[1];
	char hash[SC_HASH_SIZE];
	struct sc_model *model = NULL;
	struct sc_error error = {0};
	int status = open_input(&model, arguments);

	if (status != CLI_OK)
		return status;
	if (sc_model_save(model, path, &error) != SC_OK || sc_model_hash(model, hash, &error) != SC_OK)
		status = cli_failed(&error);
	else if (cli_given(arguments, CLI_JSON))
		status = print_json(model, path, hash);
	else
		print_text(model, path, hash);
	sc_model_destroy(model);
	return status;
}

static const struct cli_use options[] = {
	{CLI_MODEL, "what the file says"},
	{CLI_INPUT, "with --model: 224x224x3"},
	{CLI_CLASSES, "with --model: 1000; keras-tutorial and cifar: 10"},
	{CLI_PREPROCESS, "torch for colour, unit for grey; keras-tutorial: raw"},
	{CLI_FIT_INPUT, NULL},
	{CLI_JSON, NULL},
	{CLI_OPTION_COUNT, NULL},
};

const struct cli_command cli_convert = {
	.name = "convert",
	.arguments = "IN OUT",
	.summary = "carry weights from one file format to another",
	.description = "Reads weights, checks every name and shape against the net, and writes them in another format. IN is a "
		       "safetensors file, a state_dict of PyTorch (.pth, .pt; nothing in it is run), an .npz of NumPy, or a run: "
		       "what it is, "
		       "its content says. OUT is the format that its name asks for: .safetensors, .pth, .pt or .npz. A file that "
		       "another program "
		       "wrote does not say which net it belongs to: name it with --model. How pixels are prepared travels with "
		       "OUT, for eval and "
		       "predict.",
	.examples = "  shortcut convert resnet18.pth resnet18.safetensors --model resnet18\n"
		    "  shortcut convert runs/resnet18-mnist-1 mnist.pth\n",
	.options = options,
	.minimum_words = 2,
	.maximum_words = 2,
	.run = run_convert,
};
