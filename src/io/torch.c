/* torch.c - PyTorch's .pth and .pt files (torch.save since 1.6): reading. (torch_write.c writes.)
 *
 * A ZIP archive whose entries, in a folder of any name, are
 *
 *     data.pkl       a pickle: an OrderedDict from names to tensors, or a dictionary that holds one as "state_dict" or "model"
 *     data/<key>     the bytes of a storage, numbers that tensors show parts of
 *     byteorder      "little" (older files have none)
 *     version, .data/serialization_id and others, which say nothing that is needed here
 *
 * A tensor is a call of torch._utils._rebuild_tensor_v2 with (storage, first number, shape, strides, requires_grad, hooks), a
 * parameter one of _rebuild_parameter with (tensor, requires_grad, hooks); a storage is something outside, ("storage", type, key,
 * device, numbers). Nothing else may be called, and nothing is: see pickle.h. Tensors must be contiguous. Our own files have the
 * entry shortcut.model besides, a model's description; entries of that kind are metadata. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/arrays.h"
#include "io/pickle.h"
#include "io/zip.h"

#define LARGEST_PICKLE (INT64_C(1) << 26)
#define LARGEST_TEXTS  (INT64_C(1) << 24) /* all of them */

enum global { ORDERED_DICT, REBUILD_TENSOR, REBUILD_PARAMETER, FIRST_STORAGE };

static const struct sc_pickle_global globals[] = {
	[ORDERED_DICT] = {"collections", "OrderedDict", true},
	[REBUILD_TENSOR] = {"torch._utils", "_rebuild_tensor_v2", false},
	[REBUILD_PARAMETER] = {"torch._utils", "_rebuild_parameter", false},
	[FIRST_STORAGE] = {"torch", "FloatStorage", false},
	{"torch", "DoubleStorage", false},
	{"torch", "HalfStorage", false},
	{"torch", "BFloat16Storage", false},
	{"torch", "LongStorage", false},
	{"torch", "IntStorage", false},
	{"torch", "ShortStorage", false},
	{"torch", "CharStorage", false},
	{"torch", "ByteStorage", false},
	{"torch", "BoolStorage", false},
	{NULL, NULL, false},
};
static const char *const storage_dtypes[] = {"F32", "F64", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL"};
#define STORAGE_TYPES ((int64_t)(sizeof storage_dtypes / sizeof *storage_dtypes))

struct torch_file {
	struct sc_zip zip;
	uint8_t *bytes; /* of data.pkl */
	struct sc_pickle pickle;
	char *folder;  /* "archive/" */
	bool *checked; /* [zip.count]: entries whose checksum is known to be right */
};

static void torch_close(void *opened)
{
	struct torch_file *file = opened;
	sc_zip_close(&file->zip);
	sc_pickle_release(&file->pickle);
	free(file->bytes);
	free(file->folder);
	free(file->checked);
	free(file);
}

/* ---- One tensor --------------------------------------------------------------------------------------------------- */

struct tensor {
	struct sc_arrays *arrays;
	struct torch_file *file;
	struct sc_array *array; /* its name is known */
	struct sc_error *error;
};

static enum sc_status bad_tensor(const struct tensor *t, const char *expected)
{
	return sc_fail(t->error, SC_ERROR_FORMAT, t->array->name, -1, "%s: tensor '%.120s': expected %s", t->arrays->path,
		       t->array->name, expected);
}

static bool whole(const struct sc_pickle_value *value, int64_t *number)
{
	if (value->kind != SC_PICKLE_INTEGER || value->integer < 0)
		return false;
	*number = value->integer;
	return true;
}

/* The entry of the storage with this key. */
static enum sc_status find_storage(const struct tensor *t, const struct sc_pickle_value *key)
{
	struct torch_file *file = t->file;
	char name[512];
	if (key->kind != SC_PICKLE_TEXT || key->length < 1 || key->length > 64 ||
	    memchr(key->text, 0, (size_t)key->length) ||
	    snprintf(name, sizeof name, "%sdata/%.*s", file->folder, (int)key->length, key->text) >= (int)sizeof name)
		return bad_tensor(t, "a storage with a key");
	const struct sc_zip_entry *entry = sc_zip_find(&file->zip, name);
	if (!entry)
		return sc_fail(t->error, SC_ERROR_FORMAT, t->array->name, -1,
			       "%s: tensor '%.120s': its storage '%s' is not in the archive", t->arrays->path, t->array->name,
			       name);
	t->array->part = entry - file->zip.entries;
	if (file->checked[t->array->part]) /* a compressed one would be unpacked from its start again for each tensor */
		return entry->deflated ? bad_tensor(t, "a storage of its own where storages are compressed") : SC_OK;
	file->checked[t->array->part] = true;
	return sc_zip_check(&file->zip, entry, t->error);
}

/* dtype and place; *numbers: how many the storage holds. */
static enum sc_status read_storage(const struct tensor *t, const struct sc_pickle_value *storage, int64_t *numbers)
{
	const struct sc_pickle *pickle = &t->file->pickle;
	if (storage->kind != SC_PICKLE_OUTSIDE || storage->count != 5 ||
	    !sc_pickle_is_text(sc_pickle_item(pickle, storage, 0), "storage"))
		return bad_tensor(t, "a storage of the archive");
	const struct sc_pickle_value *type = sc_pickle_item(pickle, storage, 1);
	int64_t kind = type->integer - FIRST_STORAGE, bytes;
	if (type->kind != SC_PICKLE_GLOBAL || kind < 0 || kind >= STORAGE_TYPES)
		return bad_tensor(t, "a storage of a known type");
	t->array->dtype = storage_dtypes[kind];
	enum sc_status status = find_storage(t, sc_pickle_item(pickle, storage, 2));
	if (status)
		return status;
	if (!whole(sc_pickle_item(pickle, storage, 4), numbers) ||
	    !sc_multiply(*numbers, sc_dtype_find(t->array->dtype).bytes, &bytes) ||
	    bytes != t->file->zip.entries[t->array->part].bytes)
		return bad_tensor(t, "a storage as large as its entry in the archive");
	return SC_OK;
}

/* Shape and strides; *count: of numbers. A stride is of no importance where its dimension has one place. */
static enum sc_status read_shape(const struct tensor *t, const struct sc_pickle_value *shape, const struct sc_pickle_value *strides,
				 int64_t *count)
{
	const struct sc_pickle *pickle = &t->file->pickle;
	struct sc_array *array = t->array;
	if (shape->kind != SC_PICKLE_TUPLE || strides->kind != SC_PICKLE_TUPLE ||
	    shape->count > SC_ARRAY_MAX_RANK || strides->count != shape->count)
		return bad_tensor(t, "a shape and strides of at most 8 dimensions");
	array->rank = shape->count;
	bool contiguous = true;
	*count = 1;
	for (int i = array->rank - 1; i >= 0; i--) {
		int64_t stride;
		if (!whole(sc_pickle_item(pickle, shape, i), &array->shape[i]) ||
		    !whole(sc_pickle_item(pickle, strides, i), &stride))
			return bad_tensor(t, "a shape and strides of whole numbers");
		contiguous = contiguous && (array->shape[i] == 1 || stride == *count);
		if (!sc_multiply(*count, array->shape[i], count))
			return bad_tensor(t, "a shape of less than 2^63 numbers");
	}
	if (!contiguous && *count > 0)
		return bad_tensor(t, "contiguous numbers, rows first (tensor.contiguous() makes them so before torch.save)");
	return SC_OK;
}

static enum sc_status read_tensor(const struct tensor *t, const struct sc_pickle_value *value)
{
	const struct sc_pickle *pickle = &t->file->pickle;
	int64_t numbers = 0, first, count = 0;
	if (value->kind == SC_PICKLE_CALL && value->integer == REBUILD_PARAMETER && value->count == 3)
		value = sc_pickle_item(pickle, value, 0);
	if (value->kind != SC_PICKLE_CALL || value->integer != REBUILD_TENSOR || value->count < 6 || value->count > 7)
		return bad_tensor(t, "a tensor, found something else in its place");
	enum sc_status status = read_storage(t, sc_pickle_item(pickle, value, 0), &numbers);
	if (!status)
		status = read_shape(t, sc_pickle_item(pickle, value, 2), sc_pickle_item(pickle, value, 3), &count);
	if (status)
		return status;
	if (!whole(sc_pickle_item(pickle, value, 1), &first) || count > numbers || first > numbers - count)
		return bad_tensor(t, "its numbers to lie inside of its storage");
	int64_t size = sc_dtype_find(t->array->dtype).bytes;
	t->array->begin = first * size;
	t->array->bytes = count * size;
	return SC_OK;
}

/* ---- The dictionary ----------------------------------------------------------------------------------------------- */

/* The mapping from names to tensors: the whole, or what checkpoints hold as "state_dict" or "model". */
static const struct sc_pickle_value *find_tensors(const struct sc_pickle *pickle)
{
	const struct sc_pickle_value *root = &pickle->values[pickle->root];
	if (root->kind != SC_PICKLE_MAPPING)
		return NULL;
	for (int32_t at = root->first; at >= 0;) {
		const struct sc_pickle_item *key = &pickle->items[at], *value = &pickle->items[key->next];
		const struct sc_pickle_value *name = &pickle->values[key->value], *held = &pickle->values[value->value];
		if (held->kind == SC_PICKLE_MAPPING && (sc_pickle_is_text(name, "state_dict") || sc_pickle_is_text(name, "model")))
			return held;
		at = value->next;
	}
	return root;
}

static enum sc_status read_tensors(struct sc_arrays *arrays, struct torch_file *file, struct sc_error *error)
{
	const struct sc_pickle *pickle = &file->pickle;
	const struct sc_pickle_value *tensors = find_tensors(pickle);
	if (!tensors)
		return sc_fail(error, SC_ERROR_FORMAT, arrays->path, -1,
			       "%s: expected a dictionary of tensors (a state_dict), found something else", arrays->path);
	enum sc_status status = sc_arrays_reserve(arrays, tensors->count / 2, file->zip.count, error);
	for (int32_t at = tensors->first; at >= 0 && !status;) {
		const struct sc_pickle_item *key = &pickle->items[at], *value = &pickle->items[key->next];
		const struct sc_pickle_value *name = &pickle->values[key->value];
		struct tensor t = {arrays, file, &arrays->arrays[arrays->count], error};
		if (name->kind != SC_PICKLE_TEXT || memchr(name->text, 0, (size_t)name->length))
			return sc_fail(error, SC_ERROR_FORMAT, arrays->path, -1,
				       "%s: expected every key of its state_dict to be a name", arrays->path);
		t.array->name = sc_allocate(name->length + 1, 1);
		if (!t.array->name)
			return sc_fail_memory(error, name->length + 1, arrays->path);
		memcpy(t.array->name, name->text, (size_t)name->length);
		arrays->count++;
		status = read_tensor(&t, &pickle->values[value->value]);
		at = value->next;
	}
	return status ? status : sc_arrays_sort(arrays, error);
}

/* ---- The archive -------------------------------------------------------------------------------------------------- */

/* The one "<folder>/data.pkl"; fills file->folder. */
static enum sc_status find_pickle(struct sc_arrays *arrays, struct torch_file *file, const struct sc_zip_entry **pickle,
				  struct sc_error *error)
{
	static const char name[] = "/data.pkl";
	*pickle = NULL;
	for (int64_t i = 0; i < file->zip.count; i++) {
		const struct sc_zip_entry *entry = &file->zip.entries[i];
		size_t length = strlen(entry->name), end = sizeof name - 1;
		if (length <= end || strcmp(entry->name + length - end, name) != 0)
			continue;
		if (*pickle)
			return sc_fail(error, SC_ERROR_FORMAT, arrays->path, -1, "%s: expected one data.pkl, found several",
				       arrays->path);
		*pickle = entry;
		file->folder = sc_copy_string(entry->name);
		if (!file->folder)
			return sc_fail_memory(error, (int64_t)length, arrays->path);
		file->folder[length - end + 1] = '\0';
	}
	if (!*pickle)
		return sc_fail(error, SC_ERROR_FORMAT, arrays->path, -1,
			       "%s: expected a PyTorch archive with a data.pkl, found none", arrays->path);
	return SC_OK;
}

/* "<folder>/shortcut.<key>" and byteorder. */
static enum sc_status read_texts(struct sc_arrays *arrays, struct torch_file *file, struct sc_error *error)
{
	size_t folder = strlen(file->folder);
	int64_t room = LARGEST_TEXTS;
	for (int64_t i = 0; i < file->zip.count; i++) {
		const struct sc_zip_entry *entry = &file->zip.entries[i];
		if (strncmp(entry->name, file->folder, folder) != 0)
			continue;
		const char *name = entry->name + folder;
		bool order = strcmp(name, "byteorder") == 0;
		uint8_t *text;
		if (!order && !sc_arrays_is_own_key(name))
			continue;
		enum sc_status status = sc_zip_read_whole(&file->zip, entry, room, &text, error);
		if (status)
			return status;
		room -= entry->bytes;
		if (order) {
			bool little = strcmp((char *)text, "little") == 0;
			free(text);
			if (!little)
				return sc_fail(error, SC_ERROR_UNSUPPORTED, arrays->path, -1,
					       "%s: expected little-endian numbers, found another byte order", arrays->path);
			continue;
		}
		char **pair = &arrays->metadata[2 * arrays->metadata_count++];
		pair[0] = sc_copy_string(name);
		pair[1] = (char *)text;
		if (!pair[0])
			return sc_fail_memory(error, (int64_t)strlen(name), arrays->path);
	}
	return SC_OK;
}

static enum sc_status torch_open(struct sc_arrays *arrays, struct sc_error *error)
{
	struct torch_file *file = sc_allocate(1, sizeof *file);
	if (!file)
		return sc_fail_memory(error, sizeof *file, arrays->path);
	arrays->file = file;
	const struct sc_zip_entry *pickle = NULL;
	enum sc_status status = sc_zip_open(&file->zip, arrays->path, error);
	if (!status && !(file->checked = sc_allocate(file->zip.count, sizeof *file->checked)))
		status = sc_fail_memory(error, file->zip.count, arrays->path);
	if (!status)
		status = find_pickle(arrays, file, &pickle, error);
	if (!status)
		status = sc_zip_read_whole(&file->zip, pickle, LARGEST_PICKLE, &file->bytes, error);
	if (!status)
		status = sc_pickle_read(&file->pickle, file->bytes, pickle->bytes, globals, arrays->path, error);
	if (!status)
		status = read_tensors(arrays, file, error);
	return status ? status : read_texts(arrays, file, error);
}

static enum sc_status torch_read(struct sc_arrays *arrays, const struct sc_array *array, int64_t offset, void *buffer,
				 int64_t count, struct sc_error *error)
{
	struct torch_file *file = arrays->file;
	return sc_zip_read(&file->zip, &file->zip.entries[array->part], array->begin + offset, buffer, count, error);
}

const struct sc_array_reader sc_torch_reader = {"PyTorch", torch_open, torch_read, torch_close, false};
