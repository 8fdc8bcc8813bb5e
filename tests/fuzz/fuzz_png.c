/* fuzz_png.c - the bytes are a PNG file, read in grey and in colour. */
#include "input.h"
#include "io/png.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	const char *path = fuzz_file("file", bytes, count);
	for (int64_t channels = 1; channels <= 3; channels += 2) {
		struct sc_image image;
		struct sc_error error = {0};
		if (fuzz_check(sc_png_read(&image, path, channels, &error), &error, path) == SC_OK)
			sc_image_release(&image);
	}
	return 0;
}
