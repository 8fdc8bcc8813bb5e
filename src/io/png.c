/* png.c - PNG files to 8-bit pixels, through libpng's simplified API, which keeps its errors and never jumps out.
 *
 * Any depth, palette and interlace is read; colour becomes grey and grey colour as libpng does it. Sizes are checked before
 * anything is decoded. Not here: other formats, writing, resizing. */
#include "io/png.h"

#include <errno.h>
#include <inttypes.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/file.h"

#define MOST_PIXELS   (INT64_C(1) << 28)
#define DEFLATE_RATIO 1032 /* what deflate can reach at most */

static enum sc_status check_size(const png_image *png, const char *path, int64_t file_bytes, struct sc_error *error)
{
	int64_t pixels = (int64_t)png->width * png->height;
	if (pixels > MOST_PIXELS)
		return sc_fail(error, SC_ERROR_FORMAT, path, 16, "%s: expected at most 2^28 pixels, found %u x %u", path,
			       png->height, png->width);
	if (pixels / 8 / DEFLATE_RATIO > file_bytes) /* one bit a pixel is the least */
		return sc_fail(error, SC_ERROR_FORMAT, path, 16, "%s: too short: %" PRId64 " bytes cannot hold %u x %u pixels",
			       path, file_bytes, png->height, png->width);
	return SC_OK;
}

static enum sc_status decode(png_image *png, struct sc_image *image, const char *path, int64_t channels, struct sc_error *error)
{
	png->format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
	png->flags |= PNG_IMAGE_FLAG_16BIT_sRGB; /* 16 bits are encoded like 8, as everybody writes them */
	int64_t bytes = (int64_t)png->width * png->height * channels;
	uint8_t *pixels = malloc((size_t)bytes);
	if (!pixels)
		return sc_fail_memory(error, bytes, path);
	const png_color black = {0, 0, 0};
	if (!png_image_finish_read(png, &black, pixels, 0, NULL)) {
		free(pixels);
		return sc_fail(error, SC_ERROR_FORMAT, path, -1, "%s: damaged PNG data: %s", path, png->message);
	}
	*image = (struct sc_image){.height = png->height, .width = png->width, .channels = channels, .pixels = pixels};
	return SC_OK;
}

static enum sc_status read_stream(struct sc_image *image, FILE *stream, int64_t file_bytes, const char *path, int64_t channels,
				  struct sc_error *error)
{
	uint8_t signature[8];
	size_t got = fread(signature, 1, sizeof signature, stream);
	if (ferror(stream))
		return sc_fail(error, SC_ERROR_READ, path, -1, "%s: cannot be read: %s", path, strerror(errno));
	if (got < sizeof signature || png_sig_cmp(signature, 0, sizeof signature) != 0)
		return sc_fail(error, SC_ERROR_FORMAT, path, 0, "%s: is not a PNG file", path);
	rewind(stream);

	png_image png = {.version = PNG_IMAGE_VERSION};
	enum sc_status status;
	if (png_image_begin_read_from_stdio(&png, stream)) {
		status = check_size(&png, path, file_bytes, error);
		if (!status)
			status = decode(&png, image, path, channels, error);
	} else {
		status = sc_fail(error, SC_ERROR_FORMAT, path, -1, "%s: damaged PNG data: %s", path, png.message);
	}
	png_image_free(&png);
	return status;
}

enum sc_status sc_png_read(struct sc_image *image, const char *path, int64_t channels, struct sc_error *error)
{
	if (channels != 1 && channels != 3)
		return sc_fail(error, SC_ERROR_ARGUMENT, path, -1, "%s: expected 1 or 3 channels to be asked for, found %" PRId64,
			       path, channels);
	FILE *stream;
	int64_t bytes;
	enum sc_status status = sc_file_open(&stream, &bytes, path, error);
	if (status)
		return status;
	status = read_stream(image, stream, bytes, path, channels, error);
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
