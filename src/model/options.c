/* options.c - checks struct sc_model_options and copies it into a model. What a number means to the net is not decided here. */
#include "model/options.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_SIDE     224
#define DEFAULT_CHANNELS 3
#define LONGEST_NAME     255 /* bytes of a class name */

static enum sc_status check_range(const char *what, int64_t value, int64_t limit, struct sc_error *error)
{
	if (value >= 1 && value <= limit)
		return SC_OK;
	return sc_fail(error, SC_ERROR_ARGUMENT, what, -1, "%s is %" PRId64 "; it must be from 1 to %" PRId64, what, value, limit);
}

static enum sc_status apply_sizes(struct sc_model *model, const struct sc_model_options *options, int64_t default_classes,
				  struct sc_error *error)
{
	model->height = options->height ? options->height : DEFAULT_SIDE;
	model->width = options->width ? options->width : DEFAULT_SIDE;
	model->channels = options->channels ? options->channels : DEFAULT_CHANNELS;
	model->classes = options->classes ? options->classes : default_classes;
	enum sc_status status = check_range("input height", model->height, SC_MAX_SIDE, error);
	if (status == SC_OK)
		status = check_range("input width", model->width, SC_MAX_SIDE, error);
	if (status == SC_OK)
		status = check_range("input channels", model->channels, SC_MAX_CHANNELS, error);
	if (status == SC_OK)
		status = check_range("classes", model->classes, SC_MAX_CLASSES, error);
	return status;
}

/* Members of channels that the input lacks are left out of the copy. */
static enum sc_status apply_preprocess(struct sc_model *model, const struct sc_preprocess *preprocess, struct sc_error *error)
{
	bool scaled = preprocess->deviation[0] != 0.0f;
	model->preprocess.resize = preprocess->resize;
	model->preprocess.bgr = preprocess->bgr;
	if (preprocess->bgr && model->channels != 3)
		return sc_fail(error, SC_ERROR_ARGUMENT, "preprocess", -1,
			       "preprocess: blue, green, red is an order of 3 channels, the input has %" PRId64, model->channels);
	for (int64_t c = 0; c < model->channels; c++) {
		float mean = preprocess->mean[c], deviation = preprocess->deviation[c];
		if (scaled && (!isfinite(mean) || !isfinite(deviation) || !(deviation > 0.0f)))
			return sc_fail(error, SC_ERROR_ARGUMENT, "preprocess", -1,
				       "preprocess: mean %g and deviation %g of channel %" PRId64
				       "; a deviation must be above 0 and both finite",
				       (double)mean, (double)deviation, c);
		if (!scaled && (mean != 0.0f || deviation != 0.0f))
			return sc_fail(error, SC_ERROR_ARGUMENT, "preprocess", -1,
				       "preprocess: mean %g and deviation %g of channel %" PRId64
				       " have no effect while the deviation of channel 0 is 0 (no scaling)",
				       (double)mean, (double)deviation, c);
		model->preprocess.mean[c] = mean;
		model->preprocess.deviation[c] = deviation;
	}
	return SC_OK;
}

/* Length of the UTF-8 sequence at `text` (RFC 3629: shortest form, no surrogates, up to U+10FFFF), 0 if it is none. */
static int sequence_length(const unsigned char *text)
{
	static const unsigned char lowest[5] = {0, 0, 0, 0xa0, 0x90}; /* of the second byte after e0 and f0 */
	int length = text[0] < 0x80 ? 1 : text[0] >= 0xc2 && text[0] < 0xe0 ? 2 : (text[0] & 0xf0) == 0xe0 ? 3 : 4;
	if (length == 4 && (text[0] < 0xf0 || text[0] > 0xf4))
		return 0;
	for (int i = 1; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	if ((text[0] == 0xe0 || text[0] == 0xf0) && text[1] < lowest[length])
		return 0;
	if ((text[0] == 0xed && text[1] > 0x9f) || (text[0] == 0xf4 && text[1] > 0x8f))
		return 0;
	return length;
}

/* A name is 1 to 255 bytes of UTF-8 without control characters: fit for a file's metadata and for a terminal. */
static bool name_is_valid(const char *name)
{
	size_t length = strnlen(name, LONGEST_NAME + 1);
	if (length == 0 || length > LONGEST_NAME)
		return false;
	for (size_t i = 0; i < length;) {
		const unsigned char *at = (const unsigned char *)name + i;
		int step = sequence_length(at);
		if (step == 0 || at[0] < 0x20 || at[0] == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0))
			return false;
		i += (size_t)step;
	}
	return true;
}

/* One allocation: the pointers, then the bytes of the names. */
static enum sc_status apply_class_names(struct sc_model *model, const char *const *names, struct sc_error *error)
{
	char number[24];
	int64_t pointers = model->classes * (int64_t)sizeof(char *), bytes = 0;
	for (int64_t i = 0; i < model->classes; i++) {
		if (names && (!names[i] || !name_is_valid(names[i])))
			return sc_fail(error, SC_ERROR_ARGUMENT, "class names", -1,
				       "the name of class %" PRId64 " must be 1 to %d bytes of UTF-8 without control characters", i,
				       LONGEST_NAME);
		bytes += (names ? (int64_t)strlen(names[i]) : snprintf(number, sizeof number, "%" PRId64, i)) + 1;
	}
	model->class_names = sc_allocate(pointers + bytes, 1);
	if (!model->class_names)
		return sc_fail_memory(error, pointers + bytes, "the names of the classes");
	char *at = (char *)(model->class_names + model->classes);
	for (int64_t i = 0; i < model->classes; i++) {
		if (!names)
			snprintf(number, sizeof number, "%" PRId64, i);
		const char *name = names ? names[i] : number;
		model->class_names[i] = at;
		memcpy(at, name, strlen(name) + 1);
		at += strlen(name) + 1;
	}
	return SC_OK;
}

enum sc_status sc_model_apply_options(struct sc_model *model, const struct sc_model_options *options, int64_t default_classes,
				      struct sc_error *error)
{
	const struct sc_model_options defaults = {0};
	if (!options)
		options = &defaults;
	enum sc_status status = apply_sizes(model, options, default_classes, error);
	if (status == SC_OK)
		status = apply_preprocess(model, &options->preprocess, error);
	if (status == SC_OK)
		status = apply_class_names(model, options->class_names, error);
	return status;
}
