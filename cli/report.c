/* report.c - what goes to standard error when something is wrong, and the exit code that belongs to it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

/* File names are bytes of other people: a line break or an escape code in one must not reach the terminal. */
__attribute__((format(printf, 3, 0))) static void print_line(const char *prefix, const char *name, const char *format,
							     va_list values)
{
	char message[1024];

	vsnprintf(message, sizeof(message), format, values);
	for (char *c = message; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	fflush(stdout);
	fprintf(stderr, "%s%s: %s\n", prefix, name, message);
}

void cli_complain(const char *format, ...)
{
	va_list values;

	va_start(values, format);
	print_line("shortcut", "", format, values);
	va_end(values);
}

int cli_misused(const struct cli_arguments *arguments, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	print_line("shortcut ", arguments->command->name, format, values);
	va_end(values);
	return CLI_USAGE;
}

int cli_failed(const struct sc_error *error)
{
	cli_complain("%s", error->message);
	switch (error->status) {
	case SC_ERROR_ARGUMENT:
		return CLI_USAGE;
	case SC_ERROR_NON_FINITE:
		return CLI_NON_FINITE;
	case SC_ERROR_STOPPED:
		return CLI_INTERRUPTED;
	default:
		return CLI_FAILED;
	}
}

#define LONGEST_WORD 32

/* How many letters must be changed, added or left out to make one word the other. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t row[LONGEST_WORD + 1], length = strlen(b);

	for (size_t j = 0; j <= length; j++)
		row[j] = j;
	for (size_t i = 0; a[i] != '\0'; i++) {
		size_t diagonal = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < length; j++) {
			size_t best = diagonal + (a[i] != b[j]);
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j + 1] + 1 < best)
				best = row[j + 1] + 1;
			diagonal = row[j + 1];
			row[j + 1] = best;
		}
	}
	return row[length];
}

const char *cli_suggestion(char *buffer, size_t size, const char *prefix, const char *word, const char *const *candidates)
{
	const char *nearest = NULL;
	size_t least = strlen(word) / 3 + 2; /* farther than that is another word */

	buffer[0] = '\0';
	for (; *candidates != NULL; candidates++) {
		if (strlen(*candidates) > LONGEST_WORD)
			continue;
		size_t distance = edit_distance(word, *candidates);
		if (distance < least) {
			least = distance;
			nearest = *candidates;
		}
	}
	if (nearest != NULL)
		snprintf(buffer, size, " (did you mean '%s%s'?)", prefix, nearest);
	return buffer;
}
