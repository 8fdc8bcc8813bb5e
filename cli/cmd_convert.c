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

	cli_preprocess(&options.preprocess, way);
	options.preprocess.resize = cli_given(arguments, CLI_FIT_INPUT);
	return cli_load_as(out, name, arguments->words[0], arguments, &options);
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
	if (path != NULL)
		printf("file     %s\n", path);
}

/* ---- The certificate --------------------------------------------------------------------------------------------------- */

struct certificate {
	FILE *table; /* NULL: none is wanted */
	double tolerance;
	int64_t layers, beyond;
	struct sc_activation_row worst, first_beyond; /* by the relative difference; in the net's order */
};

static bool is_beyond(const struct certificate *c, const struct sc_activation_row *row)
{
	return !(row->relative <= c->tolerance); /* not-a-number is */
}

static void note_layer(void *user, const struct sc_activation_row *row)
{
	struct certificate *c = user;

	if (c->layers++ == 0 || !(row->relative <= c->worst.relative))
		c->worst = *row;
	if (is_beyond(c, row) && c->beyond++ == 0)
		c->first_beyond = *row;
	if (c->table != NULL)
		fprintf(c->table, "%-32s %12lld numbers   largest difference %9.2e   relative %9.2e%s\n", row->layer, (long long)row->count,
			row->largest, row->relative, is_beyond(c, row) ? "   beyond" : "");
}

/* CLI_FAILED after a complaint, where a layer is further from what was recorded than it may be. The layers' names belong to the model. */
static int check(struct certificate *c, const struct sc_model *model, const struct cli_arguments *arguments)
{
	const char *path = cli_text(arguments, CLI_CHECK, NULL);
	struct sc_error error = {0};

	c->table = cli_given(arguments, CLI_JSON) ? NULL : stdout;
	c->tolerance = cli_real(arguments, CLI_TOLERANCE, 1e-4);
	if (sc_check_activations(model, path, NULL, note_layer, c, &error) != SC_OK)
		return cli_failed(&error);
	if (c->beyond == 0)
		return CLI_OK;
	cli_complain("%s: %lld of %lld layers are further than %g from what was recorded; the first is %s, relative %.2e", path,
		     (long long)c->beyond, (long long)c->layers, c->tolerance, c->first_beyond.layer, c->first_beyond.relative);
	return CLI_FAILED;
}

static int print_json(const struct sc_model *model, const char *path, const char *hash, const struct certificate *c)
{
	struct cli_json json;

	cli_json_begin(&json);
	cli_json_model(&json, model);
	if (path != NULL)
		cli_json_text(&json, "file", path);
	if (c->layers > 0) {
		cli_json_whole(&json, "layers_checked", c->layers);
		cli_json_text(&json, "furthest_layer", c->worst.layer);
		cli_json_real(&json, "largest_difference", c->worst.largest);
		cli_json_real(&json, "relative_difference", c->worst.relative);
	}
	cli_json_text(&json, "weights_sha256", hash);
	return cli_json_print(&json);
}

static int save_and_print(const struct sc_model *model, const char *path, const struct certificate *c,
			  const struct cli_arguments *arguments)
{
	char hash[SC_HASH_SIZE];
	struct sc_error error = {0};

	if ((path != NULL && sc_model_save(model, path, &error) != SC_OK) || sc_model_hash(model, hash, &error) != SC_OK)
		return cli_failed(&error);
	if (cli_given(arguments, CLI_JSON))
		return print_json(model, path, hash, c);
	if (c->layers > 0)
		printf("\nchecked  %lld layers; furthest: %s, relative %.2e\n", (long long)c->layers, c->worst.layer, c->worst.relative);
	print_text(model, path, hash);
	return CLI_OK;
}

static int run_convert(const struct cli_arguments *arguments)
{
	const char *path = arguments->word_count > 1 ? arguments->words[1] : NULL;
	struct certificate certificate = {0};
	struct sc_model *model = NULL;

	if (path == NULL && !cli_given(arguments, CLI_CHECK))
		return cli_misused(arguments, "expected IN and OUT, found IN alone; without OUT there is only --check to do");
	if (cli_given(arguments, CLI_TOLERANCE) && !cli_given(arguments, CLI_CHECK))
		return cli_misused(arguments, "--tolerance: goes with --check");
	int status = open_input(&model, arguments);
	if (status != CLI_OK)
		return status;
	if (cli_given(arguments, CLI_CHECK))
		status = check(&certificate, model, arguments);
	if (status == CLI_OK)
		status = save_and_print(model, path, &certificate, arguments);
	sc_model_destroy(model);
	return status;
}

static const struct cli_use options[] = {
	{CLI_MODEL, "what the file says"},
	{CLI_INPUT, "with --model: 224x224x3"},
	{CLI_CLASSES, "with --model: 1000; keras-tutorial and cifar: 10"},
	{CLI_PREPROCESS, "torch for colour, unit for grey; keras-tutorial: raw"},
	{CLI_FIT_INPUT, NULL},
	{CLI_CHECK, NULL},
	{CLI_TOLERANCE, "1e-4"},
	{CLI_JSON, NULL},
	{CLI_OPTION_COUNT, NULL},
};

const struct cli_command cli_convert = {
	.name = "convert",
	.arguments = "IN [OUT]",
	.summary = "carry weights from one file format to another",
	.description = "Reads weights, checks every name and shape against the net, and writes them in another format. IN is a "
		       "safetensors file, a state_dict of PyTorch (.pth, .pt; nothing in it is run), an .npz of NumPy, a file of "
		       "Keras (.weights.h5, .h5, .keras), or a run: what it is, "
		       "its content says. OUT is the format that its name asks for: .safetensors, .pth, .pt, .npz, .keras or .h5 "
		       "for Keras' load_model (the whole net), or .weights.h5 for its load_weights (the nets keras-*). A file that "
		       "another program wrote does not say which net it belongs to: name it with --model. How pixels are prepared travels with "
		       "OUT, for eval and "
		       "predict. With --check the net is run on images that the origin has recorded, and every layer compared "
		       "with the origin's; if one is too far, nothing is written.",
	.examples = "  shortcut convert resnet18.pth resnet18.safetensors --model resnet18\n"
		    "  shortcut convert runs/resnet18-mnist-1 mnist.pth\n"
		    "  shortcut convert runs/resnet18-mnist-1 mnist.keras\n"
		    "  shortcut convert resnet50.weights.h5 resnet50.safetensors --model keras-resnet50\n"
		    "  shortcut convert resnet50.pth --model resnet50 --check activations.npz\n",
	.options = options,
	.minimum_words = 1,
	.maximum_words = 2,
	.run = run_convert,
};
