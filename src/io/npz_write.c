/* npz_write.c - NumPy's .npz, as numpy.load takes it: stored, not deflated. The format: npz.c. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/arrays_write.h"
#include "io/bytes.h"

static const struct {
	const char *dtype, *descr;
} types[] = {
	{"F32", "<f4"}, {"F64", "<f8"}, {"F16", "<f2"}, {"I64", "<i8"}, {"I32", "<i4"}, {"I16", "<i2"},
	{"I8", "|i1"},  {"U64", "<u8"}, {"U32", "<u4"}, {"U16", "<u2"}, {"U8", "|u1"},  {"BOOL", "|b1"},
};

static enum sc_status npz_begin(struct sc_arrays_writer *writer, struct sc_error *error)
{
	return sc_archive_write_metadata(writer, "", error);
}

/* The .npy header, filled up with spaces so that the numbers begin at a multiple of 64. */
static int64_t make_header(uint8_t header[512], const struct sc_array *array, const char *descr)
{
	char text[400];
	size_t used = (size_t)snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
	for (int i = 0; i < array->rank; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, "%lld%s", (long long)array->shape[i],
					 i == 0 || i < array->rank - 1 ? "," : "");
	used += (size_t)snprintf(text + used, sizeof text - used, "), }");
	int64_t whole = sc_round_up(10 + (int64_t)used + 1, 64);
	memset(header, ' ', (size_t)whole);
	memcpy(header, "\x93NUMPY\1", 8);
	sc_store_le(header + 8, (uint64_t)whole - 10, 2);
	memcpy(header + 10, text, used);
	header[whole - 1] = '\n';
	return whole;
}

static enum sc_status npz_next(struct sc_arrays_writer *writer, struct sc_error *error)
{
	const struct sc_array *array = &writer->arrays[writer->next];
	const char *descr = NULL;
	char name[512];
	uint8_t header[512];
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strcmp(array->dtype, types[i].dtype) == 0)
			descr = types[i].descr;
	if (!descr || snprintf(name, sizeof name, "%s.npy", array->name) >= (int)sizeof name)
		return sc_fail(error, SC_ERROR_UNSUPPORTED, array->name, -1,
			       "%s: array '%.120s': NumPy's files have no numbers of type %s, or its name is too long",
			       writer->file.path, array->name, array->dtype);
	enum sc_status status = sc_archive_begin(writer, name, error);
	return status ? status : sc_archive_write(writer, header, make_header(header, array, descr), error);
}

const struct sc_array_writer sc_npz_writer = {{".npz"}, npz_begin, npz_next, sc_archive_write, sc_archive_finish, SC_KERAS_NONE};
