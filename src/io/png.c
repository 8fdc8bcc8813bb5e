/* png.c - PNG through libpng's simplified API, which keeps its own errors and never jumps out. */
#include "io/png.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/file.h"

#define MOST_PIXELS ((int64_t)1 << 28)

static enum sc_status decode(png_image *png, struct sc_image *image, const char *path, int64_t channels, struct sc_error *error)
{
	int64_t pixels = (int64_t)png->width * png->height;
	if (pixels > MOST_PIXELS)
		return sc_fail(error, SC_ERROR_FORMAT, path, -1, "%s: expected at most 2^28 pixels, found %u x %u", path, png->height, png->width);
	png->format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
	uint8_t *memory = malloc((size_t)(pixels * channels));
	if (!memory)
		return sc_fail_memory(error, pixels * channels, path);
	const png_color black = {0, 0, 0};
	if (!png_image_finish_read(png, &black, memory, 0, NULL)) {
		free(memory);
		return sc_fail(error, SC_ERROR_FORMAT, path, -1, "%s: damaged PNG data: %s", path, png->message);
	}
	*image = (struct sc_image){.height = png->height, .width = png->width, .channels = channels, .pixels = memory};
	return SC_OK;
}

enum sc_status sc_png_read(struct sc_image *image, const char *path, int64_t channels, struct sc_error *error)
{
	if (channels != 1 && channels != 3)
		return sc_fail(error, SC_ERROR_ARGUMENT, path, -1, "%s: expected 1 or 3 channels, found %lld", path, (long long)channels);
	FILE *stream;
	int64_t bytes;
	enum sc_status status = sc_file_open(&stream, &bytes, path, error);
	if (status)
		return status;
	uint8_t signature[8];
	if (fread(signature, 1, 8, stream) != 8 || png_sig_cmp(signature, 0, 8) != 0) {
		fclose(stream);
		return sc_fail(error, SC_ERROR_FORMAT, path, 0, "%s: expected a PNG file, found something else", path);
	}
	rewind(stream);
	png_image png = {.version = PNG_IMAGE_VERSION};
	if (png_image_begin_read_from_stdio(&png, stream))
		status = decode(&png, image, path, channels, error);
	else
		status = sc_fail(error, SC_ERROR_FORMAT, path, -1, "%s: damaged PNG data: %s", path, png.message);
	png_image_free(&png);
	fclose(stream);
	return status;
}

enum sc_status sc_image_load(struct sc_image *image, const char *path, int64_t channels, struct sc_error *error)
{
	return sc_png_read(image, path, channels, error);
}

void sc_image_release(struct sc_image *image)
{
	free(image->pixels);
	*image = (struct sc_image){0};
}
