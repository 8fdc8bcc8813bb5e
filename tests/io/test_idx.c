/* test_idx.c - IDX files, plain and compressed: sizes are checked against the file before memory is asked for, every byte is
 * accounted for. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "io/idx.h"
#include "temporary.h"

static void write_plain(const void *bytes, size_t count)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, count, f), count);
	assert_int_equal(fclose(f), 0);
}

static size_t compress_bytes(const void *bytes, unsigned count, uint8_t *out, size_t room)
{
	gzFile f = gzopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(gzwrite(f, bytes, count), count);
	assert_int_equal(gzclose(f), Z_OK);
	FILE *again = fopen(path, "rb");
	assert_non_null(again);
	size_t size = fread(out, 1, room, again);
	fclose(again);
	return size;
}

/* Two images of 2 x 3 pixels. */
static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static void check_images(void)
{
	struct sc_idx idx;
	struct sc_error error = {0};
	if (sc_idx_read(&idx, path, 3, &error) != SC_OK)
		fail_msg("%s", error.message);
	assert_int_equal(idx.count, 12);
	assert_true(idx.shape[0] == 2 && idx.shape[1] == 2 && idx.shape[2] == 3);
	assert_int_equal(idx.values[11], 12);
	sc_idx_release(&idx);
}

static void plain_and_compressed_are_read(void **state)
{
	(void)state;
	uint8_t packed[256];
	write_plain(images, sizeof(images));
	check_images();
	compress_bytes(images, sizeof(images), packed, sizeof(packed));
	check_images();
}

static void check_refused(const char *why)
{
	struct sc_idx idx;
	struct sc_error error = {0};
	enum sc_status status = sc_idx_read(&idx, path, 3, &error);
	if (status != SC_ERROR_FORMAT || !strstr(error.message, why) || !strstr(error.message, path))
		fail_msg("status %d, '%s', expected '... %s ...'", (int)status, error.message, why);
}

static void wrong_headers_are_named(void **state)
{
	(void)state;
	static const struct {
		uint8_t bytes[16];
		const char *why;
	} cases[] = {
		{{1, 0, 8, 3}, "expected an IDX file"},
		{{0, 1, 8, 3}, "expected an IDX file"},
		{{0, 0, 13, 3}, "expected an IDX file"}, /* floats */
		{{0, 0, 8, 1}, "rank 3"},                /* labels where images are wanted */
		{{0, 0, 8, 0}, "expected an IDX file"},
		{{0, 0, 8, 255}, "expected an IDX file"},
		{{0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}, "2^36"}, /* the product wraps */
		{{0, 0, 8, 3, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0}, "2^36"},
		{{0, 0, 8, 3, 0, 0, 255, 255, 0, 0, 0, 100, 0, 0, 0, 100}, "declares"}, /* more than the file holds */
		{{0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2}, "declares"},         /* less */
	};
	struct sc_idx idx;
	assert_int_equal(sc_idx_read(&idx, path, 0, NULL), SC_ERROR_ARGUMENT);
	assert_int_equal(sc_idx_read(&idx, path, 9, NULL), SC_ERROR_ARGUMENT);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t bytes[28] = {0};
		memcpy(bytes, cases[i].bytes, 16);
		write_plain(bytes, sizeof(bytes));
		check_refused(cases[i].why);
	}
}

static void every_truncation_is_refused(void **state)
{
	(void)state;
	struct sc_idx idx;
	uint8_t packed[256];
	for (size_t count = 0; count < sizeof(images); count++) {
		write_plain(images, count);
		assert_int_equal(sc_idx_read(&idx, path, 3, NULL), SC_ERROR_FORMAT);
	}
	size_t size = compress_bytes(images, sizeof(images), packed, sizeof(packed));
	for (size_t count = 0; count < size; count++) {
		write_plain(packed, count);
		if (sc_idx_read(&idx, path, 3, NULL) != SC_ERROR_FORMAT)
			fail_msg("%zu of %zu compressed bytes were accepted", count, size);
	}
}

static void damaged_gzip_is_refused(void **state)
{
	(void)state;
	uint8_t packed[256], longer[40] = {0};
	size_t size = compress_bytes(images, sizeof(images), packed, sizeof(packed));
	packed[size - 6] ^= 1; /* the checksum */
	write_plain(packed, size);
	check_refused("gzip");
	packed[10] = 6; /* a block of no kind */
	write_plain(packed, size);
	check_refused("invalid block type");
	packed[1] = 0; /* no gzip at all */
	write_plain(packed, size);
	check_refused("expected an IDX file");
	memcpy(longer, images, sizeof(images));
	compress_bytes(longer, sizeof(longer), packed, sizeof(packed));
	check_refused("too long");
}

/* A small compressed file that declares a large shape gets no large memory. */
static void bombs_get_no_memory(void **state)
{
	(void)state;
	uint8_t bomb[16] = {0, 0, 8, 3, 0, 0, 255, 255, 0, 0, 0, 255, 0, 0, 0, 255}, packed[256];
	compress_bytes(bomb, sizeof(bomb), packed, sizeof(packed));
	check_refused("declares");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_and_compressed_are_read), cmocka_unit_test(wrong_headers_are_named),
		cmocka_unit_test(every_truncation_is_refused),   cmocka_unit_test(damaged_gzip_is_refused),
		cmocka_unit_test(bombs_get_no_memory),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
