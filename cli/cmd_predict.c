/* cmd_predict.c - shortcut predict: the most probable classes of images. Where images come from is in pictures.c. */
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "output.h"
#include "pictures.h"

#define BATCH 16 /* images that are computed together, where there are many */

/* The `count` largest of probabilities[0..classes), largest first, the smaller class first among equals. */
static void find_top(int64_t *top, int64_t count, const float *probabilities, int64_t classes)
{
	for (int64_t k = 0; k < count; k++) {
		int64_t best = -1;
		for (int64_t c = 0; c < classes; c++) {
			bool taken = false;
			for (int64_t i = 0; i < k && !taken; i++)
				taken = top[i] == c;
			if (!taken && (best < 0 || probabilities[c] > probabilities[best]))
				best = c;
		}
		top[k] = best;
	}
}

static void add_class(struct cli_json *json, const struct sc_model *model, int64_t label, float probability)
{
	cli_json_whole(json, "class", label);
	cli_json_text(json, "name", sc_model_class_name(model, label));
	cli_json_real(json, "probability", (double)probability);
}

static void add_prediction(struct cli_json *json, json_t *predictions, const struct sc_model *model, const struct picture *picture,
			   const float *probabilities, const int64_t *top, int64_t count)
{
	struct cli_json row;

	cli_json_begin(&row);
	cli_json_text(&row, "image", picture->file);
	if (picture->index >= 0)
		cli_json_whole(&row, "index", picture->index);
	if (picture->label >= 0)
		cli_json_whole(&row, "label", picture->label);
	add_class(&row, model, top[0], probabilities[top[0]]);
	json_t *classes = cli_json_array(&row, "top");
	for (int64_t k = 0; k < count; k++) {
		struct cli_json one;
		cli_json_begin(&one);
		add_class(&one, model, top[k], probabilities[top[k]]);
		cli_json_append(&row, classes, &one);
	}
	cli_json_append(json, predictions, &row);
}

static void print_prediction(const struct sc_model *model, const struct picture *picture, const float *probabilities,
			     const int64_t *top, int64_t count)
{
	printf("%s", picture->file);
	if (picture->index >= 0)
		printf("[%lld]", (long long)picture->index);
	putchar(':');
	for (int64_t k = 0; k < count; k++)
		printf("%s %s %.2f %%", k > 0 ? "," : "", sc_model_class_name(model, top[k]), 100 * (double)probabilities[top[k]]);
	if (picture->label >= 0) /* data may have more classes than the net */
		printf("  (label %s%s)",
		       picture->label < sc_model_classes(model) ? sc_model_class_name(model, picture->label) : "?",
		       picture->label == top[0] ? "" : ", wrong");
	putchar('\n');
}

static int print_all(const struct sc_model *model, const struct pictures *pictures, const float *probabilities, int64_t count,
		     bool as_json)
{
	int64_t classes = sc_model_classes(model), *top = calloc((size_t)count, sizeof(*top));
	struct cli_json json;
	json_t *predictions = NULL;

	if (top == NULL) {
		cli_complain("no memory for the result");
		return CLI_FAILED;
	}
	if (as_json) {
		cli_json_begin(&json);
		cli_json_model(&json, model);
		predictions = cli_json_array(&json, "predictions");
	}
	for (int64_t i = 0; i < pictures->count; i++) {
		const float *row = probabilities + i * classes;
		find_top(top, count, row, classes);
		if (as_json)
			add_prediction(&json, predictions, model, &pictures->pictures[i], row, top, count);
		else
			print_prediction(model, &pictures->pictures[i], row, top, count);
	}
	free(top);
	return as_json ? cli_json_print(&json) : CLI_OK;
}

static int predict(struct sc_classifier *classifier, const struct pictures *pictures, const struct cli_arguments *arguments)
{
	const struct sc_model *model = sc_classifier_model(classifier);
	int64_t classes = sc_model_classes(model), count = cli_whole(arguments, CLI_TOP, 3);
	float *probabilities = calloc((size_t)pictures->count, (size_t)classes * sizeof(*probabilities)); /* (count, classes) */
	struct sc_error error = {0};
	int status;

	if (probabilities == NULL) {
		cli_complain("no memory for the probabilities of %lld images", (long long)pictures->count);
		return CLI_FAILED;
	}
	if (sc_classifier_predict(classifier, pictures->images, pictures->count, probabilities, &error) != SC_OK)
		status = cli_failed(&error);
	else
		status = print_all(model, pictures, probabilities, count < classes ? count : classes,
				   cli_given(arguments, CLI_JSON));
	free(probabilities);
	return status;
}

static int run_predict(const struct cli_arguments *arguments)
{
	struct sc_classifier *classifier = NULL;
	struct pictures pictures;
	int status = cli_open_classifier(&classifier, arguments, pictures_single(arguments) ? 1 : BATCH);

	if (status != CLI_OK)
		return status;
	status = pictures_open(&pictures, arguments, sc_model_channels(sc_classifier_model(classifier)));
	if (status == CLI_OK)
		status = predict(classifier, &pictures, arguments);
	pictures_release(&pictures);
	sc_classifier_destroy(classifier);
	return status;
}

static const struct cli_use options[] = {
	{CLI_MODEL, "what the weights file says"},
	{CLI_INPUT, "with --model: 224x224x3"},
	{CLI_CLASSES, "with --model: 1000; keras-tutorial: 10"},
	{CLI_INDEX, "0"},
	{CLI_PART, "test"},
	{CLI_TOP, "3"},
	{CLI_DATA_DIR, "$SHORTCUT_DATA, data, then the installed folder"},
	{CLI_NO_CACHE, NULL},
	{CLI_JSON, NULL},
	{CLI_OPTION_COUNT, NULL},
};

const struct cli_command cli_predict = {
	.name = "predict",
	.arguments = "RUN|WEIGHTS IMAGE...",
	.summary = "name what images show",
	.description =
		"Prints the most probable classes of images, with their probabilities. An IMAGE is a PNG file; or, alone, a file "
		"of "
		"IDX images as MNIST has them, or a data set by name or folder, of which --index picks images. Where the data has "
		"labels they are shown too. The weights are kept, as the kernels read them, in a cache folder ($SHORTCUT_CACHE, else "
		"$XDG_CACHE_HOME/shortcut, else ~/.cache/shortcut): the next time the net is ready in a tenth of the time. Of the "
		"eight nets used last they stay; the folder may be removed at any time.",
	.examples = "  shortcut predict runs/resnet18-mnist-1 five.png\n"
		    "  shortcut predict runs/resnet18-mnist-1 data/mnist/t10k-images-idx3-ubyte.gz --index 0-9\n"
		    "  shortcut predict runs/resnet18-mnist-1 mnist --index 0,5,7 --top 1 --json\n",
	.options = options,
	.minimum_words = 2,
	.maximum_words = -1,
	.run = run_predict,
};
