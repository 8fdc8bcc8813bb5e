/* append.h - a file that grows, where what was once promised to be on the disk stays there. */
#ifndef SC_IO_APPEND_H
#define SC_IO_APPEND_H

#include <stdint.h>

#include "base/error.h"

struct sc_append {
	char *path;
	int descriptor; /* -1: the file is to be written anew */
	int64_t kept;   /* bytes that are known to be on the disk */
};
/* Writes the file anew with `bytes` bytes of `text` in it. */
enum sc_status sc_append_init(struct sc_append *append, const char *path, const char *text, int64_t bytes, struct sc_error *error);
void sc_append_release(struct sc_append *append);
/* Adds text and waits until it is on the disk. After a failure the next call writes a new file, of what was kept before and its own
 * text. */
enum sc_status sc_append_text(struct sc_append *append, const char *text, int64_t bytes, struct sc_error *error);

#endif
