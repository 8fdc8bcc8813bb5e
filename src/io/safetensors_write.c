/* safetensors_write.c - the header of a safetensors file; the numbers follow through sc_file_write. The format: safetensors.c.
 *
 * Entries stand in the order in which the tensors are given, so equal tensors and metadata make equal bytes. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/json.h"
#include "io/safetensors.h"

static json_t *entry_of(const struct sc_array *t, int64_t begin)
{
	json_t *shape = json_array();
	for (int i = 0; shape && i < t->rank; i++)
		if (json_array_append_new(shape, json_integer(t->shape[i])) != 0) {
			json_decref(shape);
			shape = NULL;
		}
	return json_pack("{s:s, s:o, s:[I, I]}", "dtype", t->dtype, "shape", shape, "data_offsets", (json_int_t)begin,
			 (json_int_t)(begin + t->bytes));
}

static json_t *metadata_of(const char *const *metadata, int64_t count)
{
	json_t *object = json_object();
	for (int64_t i = 0; object && i < count; i++)
		if (json_object_set_new(object, metadata[2 * i], json_string(metadata[2 * i + 1])) != 0) {
			json_decref(object);
			object = NULL;
		}
	return object;
}

/* The header as text, NULL if there is no memory or a name is not UTF-8. */
static char *header_text(const struct sc_array *tensors, int64_t tensor_count, const char *const *metadata, int64_t metadata_count)
{
	json_t *header = json_object();
	int64_t position = 0;
	bool good = header != NULL;
	if (good && metadata_count > 0)
		good = json_object_set_new(header, "__metadata__", metadata_of(metadata, metadata_count)) == 0;
	for (int64_t i = 0; good && i < tensor_count; i++) {
		good = !json_object_get(header, tensors[i].name) &&
		       json_object_set_new(header, tensors[i].name, entry_of(&tensors[i], position)) == 0;
		position += tensors[i].bytes;
	}
	char *text = good ? sc_json_text(header, JSON_COMPACT) : NULL;
	json_decref(header);
	return text;
}

enum sc_status sc_safetensors_write_header(struct sc_file_writer *writer, const struct sc_array *tensors, int64_t tensor_count,
					   const char *const *metadata, int64_t metadata_count, struct sc_error *error)
{
	char *text = header_text(tensors, tensor_count, metadata, metadata_count);
	if (!text)
		return sc_fail(error, SC_ERROR_ARGUMENT, writer->path, -1,
			       "%s: the header cannot be made: no memory, or a name that is repeated or not UTF-8", writer->path);
	char spaces[64];
	memset(spaces, ' ', sizeof spaces);
	int64_t length = (int64_t)strlen(text), padded = sc_round_up(length + 8, 64) - 8;
	uint64_t declared = (uint64_t)padded;
	enum sc_status status = sc_file_write(writer, &declared, 8, error);
	if (!status)
		status = sc_file_write(writer, text, length, error);
	if (!status)
		status = sc_file_write(writer, spaces, padded - length, error);
	free(text);
	return status;
}
