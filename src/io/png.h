/* png.h - PNG files to 8-bit pixels through libpng's simplified API. */
#ifndef SC_IO_PNG_H
#define SC_IO_PNG_H

#include "base/error.h"

/* channels 1 (grey) or 3 (RGB); alpha is composed on black. More than 2^28 pixels are refused before decoding. */
enum sc_status sc_png_read(struct sc_image *image, const char *path, int64_t channels, struct sc_error *error);

#endif
