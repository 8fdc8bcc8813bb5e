/* preprocess.c - ways to prepare pixels that the files of other programs expect and do not name.
 *
 *     raw      0..255 as they are: the Keras tutorial
 *     unit     0..1
 *     torch    0..1, minus ImageNet's mean, divided by its deviation: torchvision, timm
 *     caffe    0..255, minus ImageNet's mean; blue, green, red: keras.applications.resnet
 *     tf       -1..1: keras.applications.resnet_v2
 *
 * torch and caffe are for colour; one channel goes by `unit` and `raw` then. */
#include "preprocess.h"

#include <string.h>

#define BYTE(value) ((value) / 255.0f)

static const struct {
	const char *name;
	struct sc_preprocess preprocess;
} ways[] = {
	{"raw", {0}},
	{"unit", {.deviation = {1, 1, 1, 1}}},
	{"torch", {.mean = {0.485f, 0.456f, 0.406f}, .deviation = {0.229f, 0.224f, 0.225f}}},
	{"caffe",
	 {.bgr = true, .mean = {BYTE(103.939f), BYTE(116.779f), BYTE(123.68f)}, .deviation = {BYTE(1.0f), BYTE(1.0f), BYTE(1.0f)}}},
	{"tf", {.mean = {0.5f, 0.5f, 0.5f, 0.5f}, .deviation = {0.5f, 0.5f, 0.5f, 0.5f}}},
};

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

const char *cli_preprocess_name(const struct cli_arguments *arguments, const char *model, int64_t channels)
{
	const char *given = cli_text(arguments, CLI_PREPROCESS, NULL);

	if (given != NULL)
		return given;
	if (begins(model, "keras-tutorial"))
		return "raw";
	if (begins(model, "keras-resnet") && strstr(model, "v2") != NULL)
		return "tf";
	if (begins(model, "keras-resnet"))
		return channels == 3 ? "caffe" : "raw";
	return channels == 3 ? "torch" : "unit";
}

void cli_preprocess(struct sc_preprocess *preprocess, const char *name)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strcmp(ways[i].name, name) == 0) {
			bool resize = preprocess->resize;
			*preprocess = ways[i].preprocess;
			preprocess->resize = resize;
		}
}
