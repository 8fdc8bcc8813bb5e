/* torch_write.c - PyTorch's .pth: a state_dict that torch.load(..., weights_only=True) takes. The format: torch.c.
 *
 * data.pkl makes an OrderedDict, and in it for each array a call of torch._utils._rebuild_tensor_v2 with a storage of its own,
 * whose key is the array's number. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/arrays_write.h"
#include "io/bytes.h"

#define FOLDER "archive/"

static const struct {
	const char *dtype, *storage;
} storages[] = {
	{"F32", "FloatStorage"}, {"F64", "DoubleStorage"}, {"F16", "HalfStorage"},  {"BF16", "BFloat16Storage"},
	{"I64", "LongStorage"},  {"I32", "IntStorage"},    {"I16", "ShortStorage"}, {"I8", "CharStorage"},
	{"U8", "ByteStorage"},   {"BOOL", "BoolStorage"},
};

/* The pickle as it goes to the file; after a failure nothing more is written. */
struct pickling {
	struct sc_arrays_writer *writer;
	struct sc_error *error;
	enum sc_status status;
};

static void put(struct pickling *p, const void *bytes, size_t count)
{
	if (!p->status)
		p->status = sc_archive_write(p->writer, bytes, (int64_t)count, p->error);
}

static void put_string(struct pickling *p, const char *instructions)
{
	put(p, instructions, strlen(instructions));
}

static void put_text(struct pickling *p, const char *text)
{
	uint8_t start[5] = "X";
	sc_store_le(start + 1, strlen(text), 4);
	put(p, start, sizeof start);
	put_string(p, text);
}

static void put_integer(struct pickling *p, int64_t value)
{
	uint8_t number[10] = {0x8a, 8};
	bool small = value >= 0 && value <= INT32_MAX;
	if (small)
		number[0] = 'J';
	sc_store_le(number + (small ? 1 : 2), (uint64_t)value, small ? 4 : 8);
	put(p, number, small ? 5 : 10);
}

static void put_integers(struct pickling *p, const int64_t *values, int count)
{
	put_string(p, "(");
	for (int i = 0; i < count; i++)
		put_integer(p, values[i]);
	put_string(p, "t");
}

static const char *storage_of(const char *dtype)
{
	for (size_t i = 0; i < sizeof storages / sizeof *storages; i++)
		if (strcmp(dtype, storages[i].dtype) == 0)
			return storages[i].storage;
	return NULL;
}

static void put_array(struct pickling *p, const struct sc_array *array, int64_t key)
{
	const char *storage = storage_of(array->dtype);
	int64_t strides[SC_ARRAY_MAX_RANK], count = 1;
	char text[24];
	if (!storage && !p->status)
		p->status = sc_fail(p->error, SC_ERROR_UNSUPPORTED, array->name, -1,
				    "%s: array '%.120s': PyTorch's files have no numbers of type %s", p->writer->file.path,
				    array->name, array->dtype);
	if (p->status)
		return;
	for (int i = array->rank - 1; i >= 0; count *= array->shape[i], i--)
		strides[i] = count;
	snprintf(text, sizeof text, "%lld", (long long)key);
	put_text(p, array->name);
	put_string(p, "ctorch._utils\n_rebuild_tensor_v2\n((");
	put_text(p, "storage");
	put_string(p, "ctorch\n");
	put_string(p, storage);
	put_string(p, "\n");
	put_text(p, text);
	put_text(p, "cpu");
	put_integer(p, count);
	put_string(p, "tQK");
	put(p, "\0", 1); /* the first number of the storage */
	put_integers(p, array->shape, array->rank);
	put_integers(p, strides, array->rank);
	put_string(p, "\x89"
		      "ccollections\nOrderedDict\n)RtR"); /* no gradient, no hooks */
}

static enum sc_status torch_begin(struct sc_arrays_writer *writer, struct sc_error *error)
{
	struct pickling pickling = {.writer = writer, .error = error};
	pickling.status = sc_archive_begin(writer, FOLDER "data.pkl", error);
	put_string(&pickling, "\x80\x02"
			      "ccollections\nOrderedDict\n)R(");
	for (int64_t i = 0; i < writer->count; i++)
		put_array(&pickling, &writer->arrays[i], i);
	put_string(&pickling, "u.");
	if (!pickling.status)
		pickling.status = sc_archive_write_entry(writer, FOLDER "byteorder", "little", error);
	if (!pickling.status)
		pickling.status = sc_archive_write_metadata(writer, FOLDER, error);
	return pickling.status;
}

static enum sc_status torch_next(struct sc_arrays_writer *writer, struct sc_error *error)
{
	char name[64];
	snprintf(name, sizeof name, FOLDER "data/%lld", (long long)writer->next);
	return sc_archive_begin(writer, name, error);
}

static enum sc_status torch_finish(struct sc_arrays_writer *writer, struct sc_error *error)
{
	enum sc_status status = sc_archive_write_entry(writer, FOLDER "version", "3\n", error);
	return status ? status : sc_archive_finish(writer, error);
}

const struct sc_array_writer sc_torch_writer = {{".pth", ".pt"},  torch_begin,  torch_next,
						sc_archive_write, torch_finish, SC_KERAS_NONE};
