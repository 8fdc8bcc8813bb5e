/* net.c - a residual network to and from JSON. One table of fields, named as in struct sc_resnet and struct sc_layer_style, is all
 * that reading, checking and writing know.
 *
 *     {"name": "small", "block": "basic", "blocks": [1, 1, 1], "widths": [32, 64, 128], "stem_kernel": 3, "stem_stride": 1}
 *
 * docs/net.md explains the fields. Whether the numbers make a net that can be built is the builder's to say. */
#include "model/net.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "io/file.h"
#include "io/json.h"
#include "model/options.h"

#define LARGEST_FILE   (1 << 20) /* bytes */
#define MOST_BLOCKS    1000      /* in all stages: cifar1202 has 600 */
#define MOST_CHANNELS  65536
#define LARGEST_KERNEL 15

enum kind { NAME, FLAG, WHOLE, WHOLES, REAL, CHOICE };

struct field {
	const char *name;
	enum kind kind;
	size_t offset;
	int64_t least, most;        /* WHOLE, WHOLES; REAL: 0 to 1 */
	const char *const *choices; /* CHOICE: by the enum's values, then NULL */
	int fewest, fullest;        /* WHOLES: how many of them */
};

static const char *const blocks[] = {"basic", "bottleneck", NULL};
static const char *const shortcuts[] = {"projection", "projection-always", "zeros", "none", NULL};
static const char *const stride_blocks[] = {"first", "last", NULL};
static const char *const zero_channels[] = {"after", "around", NULL};
static const char *const paddings[] = {"symmetric", "same", NULL};
static const char *const biases[] = {"never", "always", "without-norm", NULL};
static const char *const initialisers[] = {"zero", "one", "glorot-uniform", "he-normal-fan-out", "torch-linear", NULL};

#define AT(member) offsetof(struct sc_resnet, member)
#define FLAG_OF(member)                                                                                                            \
	{                                                                                                                          \
#member, FLAG, AT(member), 0, 0, NULL, 0, 0                                                                        \
	}
#define WHOLE_OF(member, least, most)                                                                                              \
	{                                                                                                                          \
#member, WHOLE, AT(member), least, most, NULL, 0, 0                                                                \
	}
#define WHOLES_OF(member, most, fewest, fullest)                                                                                   \
	{                                                                                                                          \
#member, WHOLES, AT(member), 1, most, NULL, fewest, fullest                                                        \
	}
#define CHOICE_OF(member, choices)                                                                                                 \
	{                                                                                                                          \
#member, CHOICE, AT(member), 0, 0, choices, 0, 0                                                                   \
	}
#define STYLE_CHOICE(member, choices)                                                                                              \
	{                                                                                                                          \
#member, CHOICE, AT(style.member), 0, 0, choices, 0, 0                                                             \
	}
#define STYLE_REAL(member)                                                                                                         \
	{                                                                                                                          \
#member, REAL, AT(style.member), 0, 0, NULL, 0, 0                                                                  \
	}

static const struct field fields[] = {
	{"name", NAME, AT(name), 0, 0, NULL, 0, 0},
	WHOLE_OF(classes, 1, SC_MAX_CLASSES),
	CHOICE_OF(block, blocks),
	FLAG_OF(preactivation),
	WHOLES_OF(blocks, MOST_BLOCKS, 1, SC_MAX_STAGES),
	WHOLES_OF(widths, MOST_CHANNELS, 1, SC_MAX_STAGES),
	WHOLE_OF(groups, 1, MOST_CHANNELS),
	WHOLE_OF(group_width, 1, MOST_CHANNELS),
	WHOLE_OF(stem_kernel, 1, LARGEST_KERNEL),
	WHOLE_OF(stem_stride, 1, LARGEST_KERNEL),
	WHOLE_OF(stem_channels, 1, MOST_CHANNELS),
	WHOLES_OF(stem_deep, MOST_CHANNELS, 0, 2),
	FLAG_OF(stem_pool),
	FLAG_OF(stem_pool_zeros),
	CHOICE_OF(stride_block, stride_blocks),
	FLAG_OF(stride_in_3x3),
	CHOICE_OF(shortcut, shortcuts),
	CHOICE_OF(zero_channels, zero_channels),
	FLAG_OF(projection_batch_norm),
	FLAG_OF(average_down),
	WHOLE_OF(squeeze, 0, MOST_CHANNELS),
	FLAG_OF(zero_init_last),
	STYLE_CHOICE(padding, paddings),
	STYLE_CHOICE(convolution_bias, biases),
	STYLE_CHOICE(convolution_kernel, initialisers),
	STYLE_CHOICE(dense_kernel, initialisers),
	STYLE_CHOICE(dense_bias, initialisers),
	STYLE_REAL(epsilon),
	STYLE_REAL(momentum),
	STYLE_REAL(update),
	{"unbiased", FLAG, AT(style.unbiased), 0, 0, NULL, 0, 0},
};
#define FIELD_COUNT ((int)(sizeof fields / sizeof *fields))

/* ---- Reading ----------------------------------------------------------------------------------------------------------------- */

struct reader {
	const char *where, *subject;
	struct sc_error *error;
};

/* "net.json: "stem_kernel": expected a whole number from 1 to 15, found "x"". */
static enum sc_status refuse(const struct reader *reader, const char *field, const json_t *found, const char *expected)
{
	char *text = sc_json_text(found, JSON_ENCODE_ANY | JSON_COMPACT | SC_JSON_REAL);
	enum sc_status status = sc_fail(reader->error, SC_ERROR_FORMAT, reader->subject, -1, "%s: \"%s\": expected %s, found %.60s",
					reader->where, field, expected, text ? text : "something else");
	free(text);
	return status;
}

static void append(char *text, size_t size, const char *more)
{
	size_t length = strlen(text);
	snprintf(text + length, size - length, "%s", more);
}

static void say_expected(char *text, size_t size, const struct field *field)
{
	switch (field->kind) {
	case NAME:
		snprintf(text, size, "a name of 1 to 63 letters, digits and - _ .");
		return;
	case FLAG:
		snprintf(text, size, "true or false");
		return;
	case REAL:
		snprintf(text, size, "a number from 0 to 1");
		return;
	case WHOLE:
		snprintf(text, size, "a whole number from %" PRId64 " to %" PRId64, field->least, field->most);
		return;
	case WHOLES:
		snprintf(text, size, "an array of %s %d whole numbers from %" PRId64 " to %" PRId64,
			 field->fewest ? "1 to" : "0 or", field->fullest, field->least, field->most);
		return;
	case CHOICE:
		snprintf(text, size, "one of");
		for (int i = 0; field->choices[i]; i++) {
			append(text, size, i ? ", \"" : " \"");
			append(text, size, field->choices[i]);
			append(text, size, "\"");
		}
		return;
	}
}

static bool read_name(char *name, size_t size, const json_t *value)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	const char *text = json_string_value(value);
	size_t length = text ? json_string_length(value) : 0;
	if (length == 0 || length >= size || strspn(text, allowed) != length || text[0] == '.' || text[0] == '-')
		return false;
	memcpy(name, text, length + 1);
	return true;
}

static bool read_whole(int64_t *number, const struct field *field, const json_t *value)
{
	if (!json_is_integer(value) || json_integer_value(value) < field->least || json_integer_value(value) > field->most)
		return false;
	*number = json_integer_value(value);
	return true;
}

/* Fewer numbers than there is room for are followed by zeros. */
static bool read_wholes(int64_t *numbers, const struct field *field, const json_t *value)
{
	size_t count = json_array_size(value);
	bool fits = field->fewest ? count >= 1 && count <= (size_t)field->fullest : count == 0 || count == (size_t)field->fullest;
	if (!json_is_array(value) || !fits)
		return false;
	for (size_t i = 0; i < (size_t)field->fullest; i++) {
		numbers[i] = 0;
		if (i < count && !read_whole(&numbers[i], field, json_array_get(value, i)))
			return false;
	}
	return true;
}

static bool read_real(float *number, const json_t *value)
{
	if (!json_is_number(value) || !(json_number_value(value) >= 0 && json_number_value(value) <= 1))
		return false;
	*number = (float)json_number_value(value);
	return true;
}

static bool read_choice(void *member, const struct field *field, const json_t *value)
{
	const char *text = json_string_value(value);
	for (int i = 0; text && field->choices[i]; i++)
		if (!strcmp(text, field->choices[i])) {
			memcpy(member, &i, sizeof i); /* an enum, which is as large as an int */
			return true;
		}
	return false;
}
_Static_assert(sizeof(enum sc_block) == sizeof(int) && sizeof(enum sc_padding) == sizeof(int), "enums are read as int");

static bool read_member(struct sc_resnet *net, const struct field *field, const json_t *value)
{
	void *member = (char *)net + field->offset;
	switch (field->kind) {
	case NAME:
		return read_name(member, sizeof net->name, value);
	case FLAG:
		*(bool *)member = json_is_true(value);
		return json_is_boolean(value);
	case WHOLE:
		return read_whole(member, field, value);
	case WHOLES:
		return read_wholes(member, field, value);
	case REAL:
		return read_real(member, value);
	case CHOICE:
		return read_choice(member, field, value);
	}
	return false;
}

static const struct field *find_field(const char *name)
{
	for (int i = 0; i < FIELD_COUNT; i++)
		if (!strcmp(fields[i].name, name))
			return &fields[i];
	return NULL;
}

static enum sc_status read_fields(struct sc_resnet *net, const json_t *object, const struct reader *reader)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)object, key, value)
	{
		const struct field *field = find_field(key);
		char expected[256] = "";
		if (!field)
			return sc_fail(reader->error, SC_ERROR_FORMAT, reader->subject, -1,
				       "%s: \"%.64s\" is not a field of a net; 'shortcut summary resnet18 --describe' shows all",
				       reader->where, key);
		if (read_member(net, field, value))
			continue;
		say_expected(expected, sizeof expected, field);
		return refuse(reader, field->name, value, expected);
	}
	return SC_OK;
}

static int count_until_zero(const int64_t *numbers)
{
	int count = 0;
	while (count < SC_MAX_STAGES && numbers[count])
		count++;
	return count;
}

/* What one field by itself cannot tell. */
static enum sc_status check_together(struct sc_resnet *net, const struct reader *reader)
{
	int64_t total = 0;
	int widths = count_until_zero(net->widths);
	net->stages = count_until_zero(net->blocks);
	for (int i = 0; i < net->stages; i++)
		total += net->blocks[i];
	if (widths != net->stages)
		return sc_fail(reader->error, SC_ERROR_FORMAT, reader->subject, -1,
			       "%s: \"widths\": expected as many numbers as \"blocks\" has, %d, found %d", reader->where,
			       net->stages, widths);
	if (total > MOST_BLOCKS)
		return sc_fail(reader->error, SC_ERROR_FORMAT, reader->subject, -1,
			       "%s: \"blocks\": expected at most %d in all, found %" PRId64, reader->where, MOST_BLOCKS, total);
	for (int i = 0; i < net->stages; i++)
		if (net->block == SC_BLOCK_BOTTLENECK && net->widths[i] * net->group_width < 64)
			return sc_fail(reader->error, SC_ERROR_FORMAT, reader->subject, -1,
				       "%s: \"widths\": %" PRId64 " * group_width %" PRId64 " / 64 leaves no channel",
				       reader->where, net->widths[i], net->group_width);
	return SC_OK;
}

enum sc_status sc_net_from_json(struct sc_resnet *net, const json_t *object, const char *where, const char *subject,
				struct sc_error *error)
{
	const struct reader reader = {where, subject, error};
	if (!json_is_object(object))
		return sc_fail(error, SC_ERROR_FORMAT, subject, -1, "%s: expected a JSON object with the fields of a net", where);
	struct sc_resnet read = *sc_resnet_find("resnet18", NULL);
	read.groups = 1;
	read.group_width = 64;
	read.from_file = true;
	snprintf(read.name, sizeof read.name, "custom");
	enum sc_status status = read_fields(&read, object, &reader);
	if (status == SC_OK)
		status = check_together(&read, &reader);
	if (status == SC_OK)
		*net = read;
	return status;
}

bool sc_net_is_file_name(const char *name)
{
	size_t length = strlen(name);
	return length > 5 && !strcmp(name + length - 5, ".json");
}

enum sc_status sc_net_read(struct sc_resnet *net, const char *path, struct sc_error *error)
{
	char *text = NULL;
	json_error_t reason;
	enum sc_status status = sc_file_read_text(&text, path, LARGEST_FILE, error);
	if (status != SC_OK)
		return status;
	json_t *root = sc_json_parse(text, (int64_t)strlen(text), path, &reason, &status, error);
	if (root)
		status = sc_net_from_json(net, root, path, path, error);
	else if (status == SC_ERROR_FORMAT)
		status = sc_fail(error, SC_ERROR_FORMAT, path, -1, "%s: not valid JSON: line %d: %s", path, reason.line,
				 reason.text);
	json_decref(root);
	free(text);
	return status;
}

/* ---- Writing ----------------------------------------------------------------------------------------------------------------- */

static json_t *write_wholes(const int64_t *numbers, int count)
{
	json_t *array = json_array();
	for (int i = 0; array && i < count && numbers[i]; i++)
		if (json_array_append_new(array, json_integer(numbers[i]))) {
			json_decref(array);
			array = NULL;
		}
	return array;
}

static json_t *write_member(const struct sc_resnet *net, const struct field *field)
{
	const void *member = (const char *)net + field->offset;
	int choice = 0;
	switch (field->kind) {
	case NAME:
		return json_string(member);
	case FLAG:
		return json_boolean(*(const bool *)member);
	case WHOLE:
		return json_integer(*(const int64_t *)member);
	case WHOLES:
		return write_wholes(member, field->fullest);
	case REAL:
		return sc_json_real(*(const float *)member);
	case CHOICE:
		memcpy(&choice, member, sizeof choice);
		return json_string(field->choices[choice]);
	}
	return NULL;
}

json_t *sc_net_to_json(const struct sc_resnet *net)
{
	struct sc_resnet full = *net;
	full.groups = net->groups ? net->groups : 1;
	full.group_width = net->group_width ? net->group_width : 64;
	json_t *object = json_object();
	for (int i = 0; object && i < FIELD_COUNT; i++)
		if (json_object_set_new(object, fields[i].name, write_member(&full, &fields[i]))) {
			json_decref(object);
			object = NULL;
		}
	return object;
}

/* A line for each field, as a person would write it. */
static char *net_text(const struct sc_resnet *net)
{
	json_t *object = sc_net_to_json(net);
	size_t size = 4096, length = 0; /* 31 fields of at most 8 numbers or 63 letters */
	char *text = object ? malloc(size) : NULL;
	const char *key;
	json_t *value;
	if (text) {
		json_object_foreach(object, key, value)
		{
			char *part = sc_json_text(value, JSON_ENCODE_ANY | SC_JSON_REAL);
			int written =
				part ? snprintf(text + length, size - length, "%s\"%s\": %s", length ? ",\n\t" : "{\n\t", key, part)
				     : -1;
			free(part);
			if (written < 0 || (size_t)written + 4 > size - length) {
				free(text);
				text = NULL;
				break;
			}
			length += (size_t)written;
		}
		if (text)
			snprintf(text + length, size - length, "\n}\n");
	}
	json_decref(object);
	return text;
}

enum sc_status sc_model_net(const struct sc_model *model, char **text, struct sc_error *error)
{
	*text = net_text(model->net);
	return *text ? SC_OK : sc_fail_memory(error, 4096, "the description of the net");
}
