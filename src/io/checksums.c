/* checksums.c - checksums inside a safetensors file, so that damage to any byte of it is found.
 *
 * The file's last tensor is "training.checksums", U64 [sections + 1]. A section is the header (bytes 0 to the first byte of the
 * buffer) or one of the other tensors, in the order in which they lie in the file. The last number is the checksum of every byte of
 * the file before it, the other checksums included. All are XXH3-64 with seed 0, little-endian. Other readers of safetensors see a
 * tensor more, and nothing else. */
#include "io/checksums.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define PIECE (1 << 16) /* bytes */

/* ---- Writing ------------------------------------------------------------------------------------------------------ */

enum sc_status sc_checksums_init(struct sc_checksums *c, int64_t sections, struct sc_error *error)
{
	*c = (struct sc_checksums){.values = sc_allocate(sections + 1, sizeof(uint64_t)), .sections = sections};
	enum sc_status status = c->values ? SC_OK : sc_fail_memory(error, 8 * (sections + 1), "checksums");
	if (!status)
		status = sc_checksum_init(&c->section, error);
	if (!status)
		status = sc_checksum_init(&c->whole, error);
	if (status)
		sc_checksums_release(c);
	return status;
}

void sc_checksums_release(struct sc_checksums *c)
{
	if (c->section.state)
		sc_checksum_release(&c->section);
	if (c->whole.state)
		sc_checksum_release(&c->whole);
	free(c->values);
	*c = (struct sc_checksums){0};
}

void sc_checksums_update(struct sc_checksums *c, const void *bytes, int64_t count)
{
	sc_checksum_update(&c->section, bytes, count);
	sc_checksum_update(&c->whole, bytes, count);
}

void sc_checksums_end_section(struct sc_checksums *c)
{
	c->values[c->ended++] = sc_checksum_value(&c->section);
	sc_checksum_begin(&c->section);
}

struct sc_array sc_checksums_tensor(int64_t sections)
{
	return (struct sc_array){.name = (char *)(uintptr_t)SC_CHECKSUMS_NAME,
				 .dtype = "U64",
				 .rank = 1,
				 .shape = {sections + 1},
				 .bytes = 8 * (sections + 1)};
}

enum sc_status sc_checksums_write(struct sc_checksums *c, struct sc_file_writer *writer, struct sc_error *error)
{
	enum sc_status status = sc_file_write(writer, c->values, 8 * c->sections, error);
	c->values[c->sections] = sc_checksum_value(&c->whole);
	return status ? status : sc_file_write(writer, &c->values[c->sections], 8, error);
}

/* ---- Verifying ---------------------------------------------------------------------------------------------------- */

static int by_begin(const void *a, const void *b)
{
	const struct sc_array *x = *(const struct sc_array *const *)a, *y = *(const struct sc_array *const *)b;
	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	return (x->bytes > y->bytes) - (x->bytes < y->bytes); /* an empty tensor before the one that begins where it lies */
}

/* The next `count` bytes of the file, into both checksums of `c`. */
static enum sc_status feed(struct sc_checksums *c, const struct sc_safetensors *file, int64_t count, char *piece,
			   struct sc_error *error)
{
	while (count > 0) {
		size_t now = count < PIECE ? (size_t)count : PIECE;
		errno = 0;
		if (fread(piece, 1, now, file->stream) != now)
			return sc_fail(error, SC_ERROR_READ, file->path, -1, "%s: cannot be read to its end: %s", file->path,
				       errno ? strerror(errno) : "it has become shorter");
		sc_checksums_update(c, piece, (int64_t)now);
		count -= (int64_t)now;
	}
	return SC_OK;
}

static enum sc_status damaged(const struct sc_safetensors *file, const char *section, uint64_t expected, uint64_t found,
			      struct sc_error *error)
{
	return sc_fail(error, SC_ERROR_FORMAT, file->path, -1,
		       "%s: damaged: %.120s: expected the checksum %016" PRIx64 ", found %016" PRIx64, file->path, section,
		       expected, found);
}

/* order: the tensors as they lie in the file, the checksums' last. kept: what that one holds. */
static enum sc_status compare(struct sc_checksums *c, struct sc_safetensors *file, const struct sc_array *const *order,
			      const uint64_t *kept, char *piece, struct sc_error *error)
{
	if (fseeko(file->stream, 0, SEEK_SET) != 0)
		return sc_fail(error, SC_ERROR_READ, file->path, 0, "%s: cannot be read: %s", file->path, strerror(errno));
	enum sc_status status = feed(c, file, order[0]->begin, piece, error);
	for (int64_t i = 0; i < c->sections && !status; i++) {
		sc_checksums_end_section(c);
		if (c->values[i] != kept[i])
			return damaged(file, i == 0 ? "the header" : order[i - 1]->name, kept[i], c->values[i], error);
		if (i < c->sections - 1)
			status = feed(c, file, order[i]->bytes, piece, error);
	}
	if (!status)
		status = feed(c, file, 8 * c->sections, piece, error);
	uint64_t whole = sc_checksum_value(&c->whole);
	if (!status && whole != kept[c->sections])
		status = damaged(file, "the whole", kept[c->sections], whole, error);
	return status;
}

/* The header and the other tensors are as many sections as there are tensors. */
static enum sc_status check_place(const struct sc_safetensors *file, const struct sc_array *const *order, struct sc_error *error)
{
	int64_t count = file->tensor_count;
	const struct sc_array *last = count > 0 ? order[count - 1] : NULL;
	if (last && strcmp(last->name, SC_CHECKSUMS_NAME) == 0 && strcmp(last->dtype, "U64") == 0 && last->bytes == 8 * (count + 1))
		return SC_OK;
	return sc_fail(error, SC_ERROR_FORMAT, file->path, -1,
		       "%s: expected the tensor '" SC_CHECKSUMS_NAME "' at its end, U64 [%" PRId64 "]", file->path, count + 1);
}

enum sc_status sc_checksums_verify(struct sc_safetensors *file, struct sc_error *error)
{
	int64_t count = file->tensor_count;
	const struct sc_array **order = sc_allocate(count, sizeof(*order));
	uint64_t *kept = sc_allocate(count + 1, sizeof(*kept));
	char *piece = sc_allocate(PIECE, 1);
	struct sc_checksums checksums = {0};
	enum sc_status status = order && kept && piece ? SC_OK : sc_fail_memory(error, PIECE, file->path);
	for (int64_t i = 0; i < count && !status; i++)
		order[i] = &file->tensors[i];
	if (!status) {
		qsort(order, (size_t)count, sizeof(*order), by_begin);
		status = check_place(file, order, error);
	}
	if (!status)
		status = sc_safetensors_read(file, order[count - 1], 0, kept, 8 * (count + 1), error);
	if (!status)
		status = sc_checksums_init(&checksums, count, error);
	if (!status) {
		status = compare(&checksums, file, order, kept, piece, error);
		sc_checksums_release(&checksums);
	}
	free(order);
	free(kept);
	free(piece);
	return status;
}
