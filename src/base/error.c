/* error.c - fills the caller's struct sc_error, and passes lines to the log callback.
 *
 * Messages carry names that came from outside: files, tensors, options. What they could do to a terminal or a log is taken
 * out here, once: control characters, what is not UTF-8 and marks that turn the direction of text are shown as \xNN.
 * A text that is too long loses its middle, since the start says what it is about and the end what was expected and found. */
#include "base/error.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#define LONGEST_RAW 6144 /* bytes: a path of PATH_MAX and a sentence */

/* Bytes of the UTF-8 character at `text`, and its code point; 0 if it is not well-formed. Reads no further than the first NUL. */
static size_t decode_utf8(const unsigned char *text, uint32_t *point)
{
	static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = text[0] < 0x80 ? 1 : text[0] >> 5 == 6 ? 2 : text[0] >> 4 == 14 ? 3 : text[0] >> 3 == 30 ? 4 : 0;
	if (length <= 1) {
		*point = text[0];
		return length;
	}
	*point = text[0] & (0xffu >> (length + 1));
	for (size_t i = 1; i < length; i++) {
		if (text[i] >> 6 != 2)
			return 0;
		*point = *point << 6 | (text[i] & 0x3fu);
	}
	bool valid = *point >= smallest[length] && *point <= 0x10ffff && (*point < 0xd800 || *point > 0xdfff);
	return valid ? length : 0;
}

static bool is_harmless(uint32_t point)
{
	if (point < 0x20 || (point >= 0x7f && point < 0xa0)) /* C0, DEL, C1 */
		return false;
	if (point >= 0x2028 && point <= 0x202e) /* line and paragraph separators, embeddings and overrides of direction */
		return false;
	return !(point >= 0x2066 && point <= 0x2069); /* isolates of direction */
}

/* `safe` must hold 4 bytes for each of `raw` and a NUL. */
static void escape(char *safe, const char *raw)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *from = (const unsigned char *)raw;
	while (*from) {
		uint32_t point;
		size_t length = decode_utf8(from, &point);
		if (length > 0 && is_harmless(point)) {
			memcpy(safe, from, length);
			safe += length;
			from += length;
			continue;
		}
		for (size_t i = 0; i < (length ? length : 1); i++, from++) {
			*safe++ = '\\';
			*safe++ = 'x';
			*safe++ = digits[*from >> 4];
			*safe++ = digits[*from & 15];
		}
	}
	*safe = '\0';
}

static bool continues_character(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Copies `text` into `room` bytes; where it does not fit, "..." stands for its middle. Characters stay whole. */
static void copy_shortened(char *to, size_t room, const char *text)
{
	static const char gap[] = "...";
	size_t length = strlen(text);
	if (length < room) {
		memcpy(to, text, length + 1);
		return;
	}
	size_t kept = room - sizeof gap, head = kept / 2, tail = kept - head;
	while (head > 0 && continues_character(text[head]))
		head--;
	while (tail > 0 && continues_character(text[length - tail]))
		tail--;
	memcpy(to, text, head);
	memcpy(to + head, gap, sizeof gap - 1);
	memcpy(to + head + sizeof gap - 1, text + length - tail, tail + 1);
}

enum sc_status sc_fail(struct sc_error *error, enum sc_status status, const char *subject, int64_t offset, const char *format, ...)
{
	if (!error)
		return status;

	/* Both texts are formed before either is stored: they may be made of the old content of *error. */
	char raw[LONGEST_RAW], safe[4 * LONGEST_RAW + 1];
	struct sc_error result = {.status = status, .offset = offset};
	snprintf(raw, sizeof raw, "%s", subject ? subject : "");
	escape(safe, raw);
	copy_shortened(result.subject, sizeof result.subject, safe);

	va_list arguments;
	va_start(arguments, format);
	if (vsnprintf(raw, sizeof raw, format, arguments) < 0)
		snprintf(raw, sizeof raw, "%s", sc_status_sentence(status));
	va_end(arguments);
	escape(safe, raw);
	copy_shortened(result.message, sizeof result.message, safe);

	*error = result;
	return status;
}

enum sc_status sc_fail_memory(struct sc_error *error, int64_t bytes, const char *what)
{
	return sc_fail(error, SC_ERROR_MEMORY, what, -1, "no memory for %s: %" PRId64 " bytes wanted", what, bytes);
}

static sc_log_callback log_callback;
static void *log_user;

void sc_log_set(sc_log_callback callback, void *user)
{
	log_callback = callback;
	log_user = user;
}

void sc_log_line(enum sc_log_level level, const char *format, ...)
{
	if (!log_callback)
		return;
	char raw[LONGEST_RAW], safe[4 * LONGEST_RAW + 1];
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(raw, sizeof raw, format, arguments);
	va_end(arguments);
	if (length < 0)
		return;
	escape(safe, raw);
	log_callback(log_user, level, safe);
}
