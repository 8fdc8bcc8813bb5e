/* test_png.c - PNG pictures as grey and as colour; what is none, or is damaged, gets a clear error. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "shortcut.h"
#include "temporary.h"

static void write_png(png_uint_32 format, const uint8_t *pixels)
{
	png_image image = {.version = PNG_IMAGE_VERSION, .width = 3, .height = 2, .format = format};
	assert_true(png_image_write_to_file(&image, path, 0, pixels, 0, NULL));
}

static void grey_and_colour(void **state)
{
	(void)state;
	static const uint8_t grey[6] = {0, 50, 100, 150, 200, 250};
	struct sc_image image;
	write_png(PNG_FORMAT_GRAY, grey);
	assert_int_equal(sc_image_load(&image, path, 1, NULL), SC_OK);
	assert_true(image.height == 2 && image.width == 3 && image.channels == 1);
	assert_memory_equal(image.pixels, grey, 6);
	sc_image_release(&image);
	assert_int_equal(sc_image_load(&image, path, 3, NULL), SC_OK);
	assert_true(image.channels == 3 && image.pixels[3] == 50 && image.pixels[4] == 50 && image.pixels[5] == 50);
	sc_image_release(&image);
}

static void alpha_lies_on_black(void **state)
{
	(void)state;
	static const uint8_t clear[6 * 4] = {255, 255, 255, 0, 255, 255, 255, 255};
	struct sc_image image;
	write_png(PNG_FORMAT_RGBA, clear);
	assert_int_equal(sc_image_load(&image, path, 1, NULL), SC_OK);
	assert_int_equal(image.pixels[0], 0);
	assert_int_equal(image.pixels[1], 255);
	sc_image_release(&image);
}

static void write_bytes(const uint8_t *bytes, size_t count)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, count, f), count);
	assert_int_equal(fclose(f), 0);
}

/* What the file says of itself, with the checksum that goes with it. */
static void set_size(uint8_t *bytes, uint32_t width, uint32_t height)
{
	png_save_uint_32(bytes + 16, width);
	png_save_uint_32(bytes + 20, height);
	png_save_uint_32(bytes + 29, (uint32_t)crc32(0, bytes + 12, 17));
}

static void bad_files_are_refused(void **state)
{
	(void)state;
	static const uint8_t grey[6] = {0, 50, 100, 150, 200, 250};
	uint8_t bytes[512];
	struct sc_image image;
	struct sc_error error = {0};
	write_png(PNG_FORMAT_GRAY, grey);
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	size_t size = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	for (size_t count = 0; count < size - 12; count++) { /* the last 12 bytes only say that it ends */
		f = fopen(path, "wb");
		assert_int_equal(fwrite(bytes, 1, count, f), count);
		fclose(f);
		if (sc_image_load(&image, path, 1, &error) != SC_ERROR_FORMAT)
			fail_msg("%zu of %zu bytes were accepted", count, size);
	}
	set_size(bytes, 30000, 30000);
	write_bytes(bytes, size);
	assert_int_equal(sc_image_load(&image, path, 1, &error), SC_ERROR_FORMAT);
	assert_non_null(strstr(error.message, "expected at most 2^28 pixels, found 30000 x 30000"));
	set_size(bytes, 16000, 16000);
	write_bytes(bytes, size);
	assert_int_equal(sc_image_load(&image, path, 1, &error), SC_ERROR_FORMAT);
	assert_non_null(strstr(error.message, "cannot hold 16000 x 16000 pixels"));
	assert_int_equal(sc_image_load(&image, folder, 1, &error), SC_ERROR_READ);
	assert_int_equal(sc_image_load(&image, "/nowhere.png", 1, &error), SC_ERROR_NOT_FOUND);
	assert_int_equal(sc_image_load(&image, path, 2, &error), SC_ERROR_ARGUMENT);
	f = fopen(path, "wb");
	fputs("<html>not found</html>", f);
	fclose(f);
	assert_int_equal(sc_image_load(&image, path, 1, &error), SC_ERROR_FORMAT);
	assert_non_null(strstr(error.message, "PNG"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(grey_and_colour), cmocka_unit_test(alpha_lies_on_black),
					   cmocka_unit_test(bad_files_are_refused)};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
