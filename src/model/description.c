/* description.c - a model's description as JSON text, and back.
 *
 *     {"model": "resnet18", "input": [28, 28, 1], "classes": 10,
 *      "preprocess": {"resize": false, "mean": [0.1307], "deviation": [0.3081]},
 *      "class_names": ["0", "1", ...]}
 *
 * "model" is the name of a preset or, for another net, an object with its fields (net.c). "preprocess" may hold "bgr": true, for a
 * net whose channels are blue, green, red. It, its members and "class_names" may be absent. Anything else may not be there: a
 * member that this version does not know could change what the net means. The text says nothing of the parameters' values. */
#include "model/model.h"
#include "model/net.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "io/json.h"

/* Floats as decimal numbers of 9 digits: enough to give back the same bits. */
static json_t *floats_to_json(const float *values, int64_t count)
{
	json_t *array = json_array();
	for (int64_t i = 0; array && i < count; i++)
		if (json_array_append_new(array, json_real((double)values[i]))) {
			json_decref(array);
			array = NULL;
		}
	return array;
}

static json_t *names_to_json(char **names, int64_t count)
{
	json_t *array = json_array();
	for (int64_t i = 0; array && i < count; i++)
		if (json_array_append_new(array, json_string(names[i]))) {
			json_decref(array);
			array = NULL;
		}
	return array;
}

enum sc_status sc_model_describe(const struct sc_model *model, char **text, struct sc_error *error)
{
	const struct sc_preprocess *preprocess = &model->preprocess;
	bool scaled = preprocess->deviation[0] != 0.0f;
	/* "o" takes its value over, also on failure; a NULL value makes json_pack fail. */
	json_t *scaling = json_pack("{s:b, s:o, s:o}", "resize", (int)preprocess->resize, "mean",
				    floats_to_json(preprocess->mean, scaled ? model->channels : 0), "deviation",
				    floats_to_json(preprocess->deviation, scaled ? model->channels : 0));
	if (preprocess->bgr && scaling && json_object_set_new(scaling, "bgr", json_true())) {
		json_decref(scaling);
		scaling = NULL;
	}
	json_t *net = model->net->from_file ? sc_net_to_json(model->net) : json_string(model->name);
	json_t *root = json_pack("{s:o, s:[I, I, I], s:I, s:o, s:o}", "model", net, "input", (json_int_t)model->height,
				 (json_int_t)model->width, (json_int_t)model->channels, "classes", (json_int_t)model->classes,
				 "preprocess", scaling, "class_names", names_to_json(model->class_names, model->classes));
	char *dump = root ? sc_json_text(root, JSON_REAL_PRECISION(9)) : NULL;
	json_decref(root);
	if (!dump)
		return sc_fail_memory(error, model->classes * 64, "the description of the model");
	*text = dump;
	return SC_OK;
}

/* What is read from a description, on its way into a model. */
struct reader {
	const char *subject;
	struct sc_error *error;
	struct sc_model_options options;
	const char **class_names; /* borrowed strings */
};

static enum sc_status refuse(const struct reader *reader, const char *member, const char *expected)
{
	return sc_fail(reader->error, SC_ERROR_FORMAT, reader->subject, -1, "%s: description of the model: \"%s\" must be %s",
		       reader->subject, member, expected);
}

static enum sc_status check_members(const struct reader *reader, const json_t *object, const char *const *known)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)object, key, value)
	{
		size_t i = 0;
		while (known[i] && strcmp(known[i], key))
			i++;
		if (!known[i])
			return sc_fail(reader->error, SC_ERROR_FORMAT, reader->subject, -1,
				       "%s: description of the model: \"%.64s\" is not a member that this version knows",
				       reader->subject, key);
	}
	return SC_OK;
}

static enum sc_status read_sizes(struct reader *reader, const json_t *root)
{
	const json_t *input = json_object_get(root, "input"), *classes = json_object_get(root, "classes");
	int64_t *const sizes[] = {&reader->options.height, &reader->options.width, &reader->options.channels};
	if (!json_is_array(input) || json_array_size(input) != 3)
		return refuse(reader, "input", "[height, width, channels]");
	for (size_t i = 0; i < 3; i++) {
		const json_t *size = json_array_get(input, i);
		if (!json_is_integer(size) || json_integer_value(size) < 1)
			return refuse(reader, "input", "three whole numbers above 0");
		*sizes[i] = json_integer_value(size);
	}
	if (!json_is_integer(classes) || json_integer_value(classes) < 1)
		return refuse(reader, "classes", "a whole number above 0");
	reader->options.classes = json_integer_value(classes);
	return SC_OK;
}

/* An array of one number a channel, or none at all. */
static enum sc_status read_floats(const struct reader *reader, const json_t *array, const char *member, float *values)
{
	size_t count = array ? json_array_size(array) : 0;
	if (array &&
	    (!json_is_array(array) || (count != 0 && count != (size_t)reader->options.channels) || count > SC_MAX_CHANNELS))
		return refuse(reader, member, "an array of one number for each channel");
	for (size_t i = 0; i < count; i++) {
		const json_t *value = json_array_get(array, i);
		if (!json_is_number(value))
			return refuse(reader, member, "an array of one number for each channel");
		values[i] = (float)json_number_value(value);
	}
	return SC_OK;
}

static enum sc_status read_preprocess(struct reader *reader, const json_t *object)
{
	static const char *const known[] = {"resize", "bgr", "mean", "deviation", NULL};
	struct sc_preprocess *preprocess = &reader->options.preprocess;
	if (!object)
		return SC_OK;
	if (!json_is_object(object))
		return refuse(reader, "preprocess", "an object");
	const json_t *resize = json_object_get(object, "resize"), *bgr = json_object_get(object, "bgr");
	if (resize && !json_is_boolean(resize))
		return refuse(reader, "resize", "true or false");
	if (bgr && !json_is_boolean(bgr))
		return refuse(reader, "bgr", "true or false");
	preprocess->resize = json_is_true(resize);
	preprocess->bgr = json_is_true(bgr);
	enum sc_status status = check_members(reader, object, known);
	if (status == SC_OK)
		status = read_floats(reader, json_object_get(object, "mean"), "mean", preprocess->mean);
	if (status == SC_OK)
		status = read_floats(reader, json_object_get(object, "deviation"), "deviation", preprocess->deviation);
	return status;
}

static enum sc_status read_class_names(struct reader *reader, const json_t *array)
{
	int64_t count = reader->options.classes;
	if (!array)
		return SC_OK;
	if (!json_is_array(array) || json_array_size(array) != (size_t)count)
		return refuse(reader, "class_names", "an array of one string for each class");
	reader->class_names = sc_allocate(count, sizeof *reader->class_names);
	if (!reader->class_names)
		return sc_fail_memory(reader->error, count * (int64_t)sizeof *reader->class_names, "the names of the classes");
	for (int64_t i = 0; i < count; i++) {
		reader->class_names[i] = json_string_value(json_array_get(array, (size_t)i));
		if (!reader->class_names[i])
			return refuse(reader, "class_names", "an array of one string for each class");
	}
	reader->options.class_names = reader->class_names;
	return SC_OK;
}

/* A preset by its name, or the net itself. */
static enum sc_status read_net(const struct reader *reader, struct sc_resnet *net, const json_t *model, struct sc_error *error)
{
	const char *name = json_string_value(model);
	if (json_is_object(model))
		return sc_net_from_json(net, model, "\"model\"", reader->subject, error);
	const struct sc_resnet *preset = sc_resnet_find(name, error);
	if (!preset)
		return SC_ERROR_NOT_FOUND;
	*net = *preset;
	return SC_OK;
}

static enum sc_status read_root(struct reader *reader, const json_t *root, struct sc_model **out)
{
	static const char *const known[] = {"model", "input", "classes", "preprocess", "class_names", NULL};
	const json_t *model = json_object_get(root, "model");
	enum sc_status status = check_members(reader, root, known);
	if (status == SC_OK && !json_is_string(model) && !json_is_object(model))
		status = refuse(reader, "model", "the name of a model, or an object with the fields of a net");
	if (status == SC_OK)
		status = read_sizes(reader, root);
	if (status == SC_OK)
		status = read_preprocess(reader, json_object_get(root, "preprocess"));
	if (status == SC_OK)
		status = read_class_names(reader, json_object_get(root, "class_names"));
	if (status != SC_OK)
		return status;

	struct sc_error inner = {0};
	struct sc_resnet net;
	status = read_net(reader, &net, model, &inner);
	if (status == SC_OK)
		status = sc_resnet_build(out, &net, &reader->options, &inner);
	if (status == SC_ERROR_NOT_FOUND || status == SC_ERROR_ARGUMENT ||
	    status == SC_ERROR_FORMAT) /* the caller's file is at fault, not the caller */
		return sc_fail(reader->error, SC_ERROR_FORMAT, reader->subject, -1, "%s: description of the model: %s",
			       reader->subject, inner.message);
	if (status != SC_OK)
		return sc_fail(reader->error, status, inner.subject, inner.offset, "%s", inner.message);
	return SC_OK;
}

enum sc_status sc_model_from_description(struct sc_model **out, const char *text, const char *subject, struct sc_error *error)
{
	struct reader reader = {.subject = subject ? subject : "description", .error = error};
	json_error_t reason;
	enum sc_status status;
	json_t *root = sc_json_parse(text, (int64_t)strlen(text), reader.subject, &reason, &status, error);
	if (status == SC_ERROR_MEMORY)
		return status;
	if (!root)
		status = sc_fail(error, SC_ERROR_FORMAT, reader.subject, -1,
				 "%s: description of the model: not valid JSON: line %d: %s", reader.subject, reason.line,
				 reason.text);
	else if (!json_is_object(root))
		status = sc_fail(error, SC_ERROR_FORMAT, reader.subject, -1, "%s: description of the model: not a JSON object",
				 reader.subject);
	else
		status = read_root(&reader, root, out);
	free(reader.class_names);
	json_decref(root);
	return status;
}
