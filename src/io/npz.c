/* npz.c - NumPy's .npz files (numpy.savez, savez_compressed): reading. (npz_write.c writes.)
 *
 * A ZIP archive with an entry "<name>.npy" for each array:
 *
 *     bytes 0-5     93 "NUMPY"
 *           6, 7    version: 1, 2 or 3, and 0
 *           8-      bytes of the header: 16 bits in version 1, else 32 bits
 *           then    the header, a Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
 *                   with spaces and a newline at its end
 *           then    the numbers, rows first, to the end of the entry
 *
 * The header is read as exactly those three keys with values of those kinds; an 'O' array, which would hold a pickle, is refused.
 * Entries "shortcut.<key>" are metadata: texts. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/arrays.h"
#include "io/bytes.h"
#include "io/zip.h"

#define LONGEST_HEADER 65536
#define LARGEST_TEXTS  (INT64_C(1) << 24) /* all of them */

static const struct {
	const char *descr, *dtype;
} types[] = {
	{"<f4", "F32"}, {"<f8", "F64"}, {"<f2", "F16"}, {"<i8", "I64"}, {"<i4", "I32"}, {"<i2", "I16"},
	{"|i1", "I8"},  {"<u8", "U64"}, {"<u4", "U32"}, {"<u2", "U16"}, {"|u1", "U8"},  {"|b1", "BOOL"},
};

/* ---- The header: a dictionary of three members ---------------------------------------------------------------------- */

struct header {
	const char *at;
	bool has_descr, has_order, has_shape;
	char descr[16];
	bool fortran_order;
	int rank;
	int64_t shape[SC_ARRAY_MAX_RANK];
};

static void skip_spaces(struct header *h)
{
	while (*h->at == ' ' || *h->at == '\n')
		h->at++;
}

static bool take(struct header *h, const char *text)
{
	skip_spaces(h);
	size_t length = strlen(text);
	if (strncmp(h->at, text, length) != 0)
		return false;
	h->at += length;
	return true;
}

/* 'text' in single or double quotes, without escapes. */
static bool take_text(struct header *h, char *text, size_t size)
{
	skip_spaces(h);
	char quote = *h->at;
	if (quote != '\'' && quote != '"')
		return false;
	const char *end = strchr(++h->at, quote);
	if (!end || (size_t)(end - h->at) >= size || memchr(h->at, '\\', (size_t)(end - h->at)))
		return false;
	memcpy(text, h->at, (size_t)(end - h->at));
	text[end - h->at] = '\0';
	h->at = end + 1;
	return true;
}

static bool take_whole(struct header *h, int64_t *number)
{
	skip_spaces(h);
	const char *begin = h->at;
	for (*number = 0; *h->at >= '0' && *h->at <= '9'; h->at++)
		if (!sc_multiply(*number, 10, number) || __builtin_add_overflow(*number, *h->at - '0', number))
			return false;
	return h->at > begin;
}

/* (), (2,), (2, 3), (2, 3,) */
static bool take_shape(struct header *h)
{
	if (!take(h, "("))
		return false;
	for (h->rank = 0; !take(h, ")");) {
		if (h->rank == SC_ARRAY_MAX_RANK || !take_whole(h, &h->shape[h->rank++]))
			return false;
		if (!take(h, ",") && (h->rank == 1 || (skip_spaces(h), *h->at != ')'))) /* (2) is a number, no tuple */
			return false;
	}
	return true;
}

static bool take_order(struct header *h)
{
	h->fortran_order = take(h, "True");
	return h->fortran_order || take(h, "False");
}

static bool parse_header(struct header *h)
{
	char key[16];
	if (!take(h, "{"))
		return false;
	while (!take(h, "}")) {
		if (!take_text(h, key, sizeof key) || !take(h, ":"))
			return false;
		bool *seen = !strcmp(key, "descr")           ? &h->has_descr
			     : !strcmp(key, "fortran_order") ? &h->has_order
			     : !strcmp(key, "shape")         ? &h->has_shape
							     : NULL;
		if (!seen || *seen)
			return false;
		*seen = true;
		if (seen == &h->has_descr   ? !take_text(h, h->descr, sizeof h->descr)
		    : seen == &h->has_order ? !take_order(h)
					    : !take_shape(h))
			return false;
		if (!take(h, ",") && (skip_spaces(h), *h->at != '}'))
			return false;
	}
	skip_spaces(h);
	return *h->at == '\0' && h->has_descr && h->has_order && h->has_shape;
}

/* ---- Arrays --------------------------------------------------------------------------------------------------------- */

static enum sc_status bad_array(const struct sc_arrays *arrays, const struct sc_array *array, struct sc_error *error,
				const char *expected)
{
	return sc_fail(error, SC_ERROR_FORMAT, array->name, -1, "%s: array '%.120s': expected %s", arrays->path, array->name,
		       expected);
}

/* The text of the header, NUL-terminated, and where the numbers begin. */
static enum sc_status read_header(struct sc_arrays *arrays, struct sc_array *array, char **text, struct sc_error *error)
{
	struct sc_zip *zip = arrays->file;
	const struct sc_zip_entry *entry = &zip->entries[array->part];
	uint8_t magic[12] = {0};
	int64_t first = entry->bytes < (int64_t)sizeof magic ? entry->bytes : (int64_t)sizeof magic;
	enum sc_status status = sc_zip_check(zip, entry, error);
	if (!status)
		status = sc_zip_read(zip, entry, 0, magic, first, error);
	if (status)
		return status;
	if (first < (int64_t)sizeof magic || memcmp(magic, "\x93NUMPY", 6) != 0 || magic[6] < 1 || magic[6] > 3 || magic[7] != 0)
		return bad_array(arrays, array, error, "NumPy's .npy format, version 1 to 3");
	int size = magic[6] == 1 ? 2 : 4;
	int64_t length = (int64_t)sc_load_le(magic + 8, size);
	array->begin = 8 + size + length;
	if (length > LONGEST_HEADER || array->begin > entry->bytes)
		return bad_array(arrays, array, error, "a header that fits the file and 65536 bytes");
	char *made = sc_allocate(length + 1, 1);
	if (!made)
		return sc_fail_memory(error, length + 1, arrays->path);
	status = sc_zip_read(zip, entry, 8 + size, made, length, error);
	if (!status && (int64_t)strlen(made) != length)
		status = bad_array(arrays, array, error, "a header of text");
	if (status)
		free(made);
	else
		*text = made;
	return status;
}

static enum sc_status read_array(struct sc_arrays *arrays, struct sc_array *array, struct sc_error *error)
{
	const struct sc_zip *zip = arrays->file;
	char *text = NULL;
	enum sc_status status = read_header(arrays, array, &text, error);
	if (status)
		return status;
	struct header header = {.at = text};
	bool good = parse_header(&header);
	free(text);
	if (!good)
		return bad_array(arrays, array, error, "a header of 'descr', 'fortran_order' and 'shape' and nothing else");
	for (size_t i = 0; i < sizeof types / sizeof *types && !array->dtype; i++)
		if (strcmp(types[i].descr, header.descr) == 0)
			array->dtype = types[i].dtype;
	if (!array->dtype)
		return sc_fail(error, SC_ERROR_FORMAT, array->name, -1,
			       "%s: array '%.120s': expected little-endian numbers, found type '%s'", arrays->path, array->name,
			       header.descr);
	if (header.fortran_order && header.rank > 1)
		return bad_array(arrays, array, error, "rows first (numpy.ascontiguousarray makes it so before savez)");
	array->rank = header.rank;
	array->bytes = sc_dtype_find(array->dtype).bytes;
	for (int i = 0; i < header.rank; i++) {
		array->shape[i] = header.shape[i];
		if (!sc_multiply(array->bytes, array->shape[i], &array->bytes))
			return bad_array(arrays, array, error, "a shape that makes less than 2^63 bytes");
	}
	int64_t held = zip->entries[array->part].bytes - array->begin;
	if (array->bytes != held)
		return sc_fail(error, SC_ERROR_FORMAT, array->name, -1,
			       "%s: array '%.120s': its shape needs %" PRId64 " bytes, the archive holds %" PRId64, arrays->path,
			       array->name, array->bytes, held);
	return SC_OK;
}

static enum sc_status read_text(struct sc_arrays *arrays, int64_t part, int64_t *room, struct sc_error *error)
{
	struct sc_zip *zip = arrays->file;
	uint8_t *text;
	enum sc_status status = sc_zip_read_whole(zip, &zip->entries[part], *room, &text, error);
	if (status)
		return status;
	*room -= zip->entries[part].bytes;
	char **pair = &arrays->metadata[2 * arrays->metadata_count++];
	pair[0] = sc_copy_string(zip->entries[part].name);
	pair[1] = (char *)text;
	return pair[0] ? SC_OK : sc_fail_memory(error, (int64_t)strlen(zip->entries[part].name), arrays->path);
}

/* room: what further texts may have in bytes. */
static enum sc_status read_entry(struct sc_arrays *arrays, int64_t part, int64_t *room, struct sc_error *error)
{
	const struct sc_zip *zip = arrays->file;
	const char *name = zip->entries[part].name;
	size_t length = strlen(name);
	if (sc_arrays_is_own_key(name))
		return read_text(arrays, part, room, error);
	if (length < 5 || strcmp(name + length - 4, ".npy") != 0)
		return sc_fail(
			error, SC_ERROR_FORMAT, arrays->path, zip->entries[part].header,
			"%s: a ZIP archive with the entry '%.120s': expected a PyTorch file (data.pkl) or NumPy arrays (.npy)",
			arrays->path, name);
	struct sc_array *array = &arrays->arrays[arrays->count];
	array->name = sc_copy_string(name);
	if (!array->name)
		return sc_fail_memory(error, (int64_t)length, arrays->path);
	arrays->count++;
	array->name[length - 4] = '\0';
	array->part = part;
	return read_array(arrays, array, error);
}

static enum sc_status npz_open(struct sc_arrays *arrays, struct sc_error *error)
{
	struct sc_zip *zip = sc_allocate(1, sizeof *zip);
	if (!zip)
		return sc_fail_memory(error, sizeof *zip, arrays->path);
	arrays->file = zip;
	enum sc_status status = sc_zip_open(zip, arrays->path, error);
	if (!status)
		status = sc_arrays_reserve(arrays, zip->count, zip->count, error);
	int64_t room = LARGEST_TEXTS;
	for (int64_t i = 0; !status && i < zip->count; i++)
		status = read_entry(arrays, i, &room, error);
	return status ? status : sc_arrays_sort(arrays, error);
}

static enum sc_status npz_read(struct sc_arrays *arrays, const struct sc_array *array, int64_t offset, void *buffer, int64_t count,
			       struct sc_error *error)
{
	struct sc_zip *zip = arrays->file;
	return sc_zip_read(zip, &zip->entries[array->part], array->begin + offset, buffer, count, error);
}

static void npz_close(void *file)
{
	sc_zip_close(file);
	free(file);
}

const struct sc_array_reader sc_npz_reader = {"NumPy", npz_open, npz_read, npz_close, false};
