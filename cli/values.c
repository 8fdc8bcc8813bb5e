/* values.c - strict values of options. A number is digits as C's source has them, in every locale: no spaces, no thousands
 * separators, no "inf", "nan" or hexadecimal, and nothing after it. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define LARGEST_SIDE 65535      /* pixels */
#define LARGEST_BYTES (INT64_C(1) << 50)
#define LARGEST_SPAN 1000000000 /* steps, or minutes */

bool cli_read_whole(const char *text, int64_t least, int64_t most, int64_t *value)
{
	size_t length = strlen(text);

	if (length == 0 || length > 18 || strspn(text, "0123456789") != length)
		return false; /* 18 digits always fit */
	*value = strtoll(text, NULL, 10);
	return *value >= least && *value <= most;
}

static bool read_real(const char *text, double least, double most, double *value)
{
	char *end;

	if (text[strspn(text, "0123456789.eE+-")] != '\0' || text[0] == '\0' || text[0] == '+')
		return false;
	*value = strtod(text, &end); /* LC_NUMERIC stays "C", see main.c */
	return *end == '\0' && isfinite(*value) && *value >= least && *value <= most;
}

static bool read_choice(const char *text, const char *choices, int64_t *index)
{
	size_t length = strlen(text);

	*index = 0;
	for (const char *choice = choices;; choice++, (*index)++) {
		size_t choice_length = strcspn(choice, "|");
		if (choice_length == length && memcmp(choice, text, length) == 0)
			return true;
		choice += choice_length;
		if (*choice == '\0')
			return false;
	}
}

/* "28x28x1" for the argument "HxWxC", "28x28" for "HxW". */
static bool read_size(const char *text, const char *form, int64_t size[3])
{
	int parts = strlen(form) > 3 ? 3 : 2;

	for (int i = 0; i < parts; i++) {
		char number[8];
		size_t length = strcspn(text, "x");
		if (length >= sizeof(number) || (text[length] == '\0') != (i == parts - 1))
			return false;
		memcpy(number, text, length);
		number[length] = '\0';
		if (!cli_read_whole(number, 1, i == 2 ? SC_MAX_CHANNELS : LARGEST_SIDE, &size[i]))
			return false;
		text += length + 1;
	}
	return true;
}

/* "500" steps; "10m", "90s" or "2h" of time. */
static bool read_span(const char *text, struct cli_value *value)
{
	static const char units[] = "smh";
	static const double seconds[] = {1, 60, 3600};
	size_t length = strspn(text, "0123456789");
	const char *unit = text[length] ? strchr(units, text[length]) : NULL;
	char number[12];

	value->whole = 0;
	value->real = 0;
	if (!text[length])
		return cli_read_whole(text, 1, LARGEST_SPAN, &value->whole);
	if (!unit || text[length + 1] || length >= sizeof(number))
		return false;
	memcpy(number, text, length);
	number[length] = '\0';
	if (!cli_read_whole(number, 1, LARGEST_SPAN, &value->whole))
		return false;
	value->real = (double)value->whole * seconds[unit - units];
	value->whole = 0;
	return true;
}

/* "512M": bytes, with a unit of 1024, 1024^2 or 1024^3, or with none. */
static bool read_bytes(const char *text, int64_t *bytes)
{
	static const char units[] = "KMG";
	size_t length = strspn(text, "0123456789");
	const char *unit = text[length] ? strchr(units, text[length]) : NULL;
	int shift = unit ? 10 * (int)(unit - units + 1) : 0;
	char number[20];

	if ((text[length] && (!unit || text[length + 1])) || length >= sizeof(number))
		return false;
	memcpy(number, text, length);
	number[length] = '\0';
	if (!cli_read_whole(number, 1, LARGEST_BYTES >> shift, bytes))
		return false;
	*bytes <<= shift;
	return true;
}

bool cli_read_value(struct cli_value *value, const struct cli_option *option, const char *text)
{
	switch (option->kind) {
	case CLI_KIND_WHOLE:
		return cli_read_whole(text, (int64_t)option->least, (int64_t)option->most, &value->whole);
	case CLI_KIND_REAL:
		return read_real(text, option->least, option->most, &value->real);
	case CLI_KIND_CHOICE:
		return read_choice(text, option->choices, &value->whole);
	case CLI_KIND_SIZE:
		return read_size(text, option->argument, value->size);
	case CLI_KIND_SPAN:
		return read_span(text, value);
	case CLI_KIND_BYTES:
		return read_bytes(text, &value->whole);
	case CLI_KIND_TEXT:
		return text[0] != '\0';
	case CLI_KIND_FLAG:
		break;
	}
	return false;
}

void cli_describe_value(char *buffer, size_t size, const struct cli_option *option)
{
	switch (option->kind) {
	case CLI_KIND_WHOLE:
		snprintf(buffer, size, "a whole number from %.0f to %.0f", option->least, option->most);
		break;
	case CLI_KIND_REAL:
		snprintf(buffer, size, "a number from %.10g to %.10g", option->least, option->most);
		break;
	case CLI_KIND_CHOICE:
		snprintf(buffer, size, "one of %s", option->choices);
		break;
	case CLI_KIND_SIZE:
		snprintf(buffer, size, "%s",
			 strlen(option->argument) > 3 ? "HxWxC such as 28x28x1, with 1 to 4 channels" : "HxW such as 64x64");
		break;
	case CLI_KIND_SPAN:
		snprintf(buffer, size, "a number of steps such as 500, or a time such as 10m (s, m, h)");
		break;
	case CLI_KIND_BYTES:
		snprintf(buffer, size, "a number of bytes such as 512M (K, M, G)");
		break;
	case CLI_KIND_TEXT:
	case CLI_KIND_FLAG:
		snprintf(buffer, size, "a value (%s)", option->argument != NULL ? option->argument : "");
		break;
	}
}
