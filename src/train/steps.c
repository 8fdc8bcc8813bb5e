/* steps.c - steps.csv: see steps.h. */
#include "train/steps.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/file.h"

#define HEADER      "step,epoch,loss,accuracy,learning_rate,seconds\n"
#define LONGEST_ROW 160 /* bytes */
#define LONGEST     ((int64_t)1 << 32)

/* Where the rows up to step `last` end. *rows: how many whole ones stand before it. */
static int64_t end_of_rows(const char *text, int64_t last, int64_t *rows)
{
	const char *line = strchr(text, '\n');
	*rows = 0;
	while (line && line[1]) {
		const char *end = strchr(line + 1, '\n');
		if (!end || strtoll(line + 1, NULL, 10) > last)
			break;
		line = end;
		++*rows;
	}
	return line ? line + 1 - text : 0;
}

enum sc_status sc_steps_make_room(struct sc_steps *steps, struct sc_error *error)
{
	if (steps->capacity - steps->count >= steps->between)
		return SC_OK;
	int64_t capacity = steps->count + steps->between, bytes;
	const bool fits = sc_multiply(capacity, (int64_t)sizeof(*steps->rows), &bytes);
	struct sc_step_row *more = fits ? realloc(steps->rows, (size_t)bytes) : NULL;
	if (!more)
		return sc_fail_memory(error, fits ? bytes : INT64_MAX, "the rows of steps.csv");
	steps->rows = more;
	steps->capacity = capacity;
	return SC_OK;
}

static enum sc_status begin_file(struct sc_steps *steps, const char *path, int64_t last, struct sc_error *error)
{
	if (last == 0)
		return sc_append_init(&steps->file, path, HEADER, sizeof(HEADER) - 1, error);
	char *old = NULL;
	int64_t rows;
	enum sc_status status = sc_file_read_text(&old, path, LONGEST, error);
	if (status)
		return status;
	int64_t bytes = end_of_rows(old, last, &rows);
	if (rows != last)
		sc_log_line(SC_LOG_WARNING, "%s: expected the rows of %" PRId64 " steps, found %" PRId64, path, last, rows);
	status = sc_append_init(&steps->file, path, old, bytes, error);
	free(old);
	return status;
}

enum sc_status sc_steps_init(struct sc_steps *steps, const char *run, int64_t last, int64_t between, struct sc_error *error)
{
	*steps = (struct sc_steps){.between = between};
	char *path = sc_path_join(run, "steps.csv");
	enum sc_status status = path ? sc_steps_make_room(steps, error) : sc_fail_memory(error, 0, run);
	if (!status)
		status = begin_file(steps, path, last, error);
	free(path);
	if (status)
		sc_steps_release(steps);
	return status;
}

void sc_steps_release(struct sc_steps *steps)
{
	sc_append_release(&steps->file);
	free(steps->rows);
	*steps = (struct sc_steps){0};
}

void sc_steps_add(struct sc_steps *steps, const struct sc_step_row *row)
{
	if (steps->count < steps->capacity)
		steps->rows[steps->count++] = *row;
}

enum sc_status sc_steps_save(struct sc_steps *steps, struct sc_error *error)
{
	char *text = sc_allocate(steps->count + 1, LONGEST_ROW);
	int64_t bytes = 0;
	if (!text)
		return sc_fail_memory(error, (steps->count + 1) * LONGEST_ROW, "the rows of steps.csv");
	for (int64_t i = 0; i < steps->count; i++) {
		const struct sc_step_row *r = &steps->rows[i];
		bytes += snprintf(text + bytes, LONGEST_ROW, "%" PRId64 ",%" PRId64 ",%.9g,%.9g,%.9g,%.6f\n", r->step, r->epoch,
				  r->loss, r->accuracy, r->learning_rate, r->seconds);
	}
	enum sc_status status = bytes > 0 ? sc_append_text(&steps->file, text, bytes, error) : SC_OK;
	free(text);
	if (!status)
		steps->count = 0;
	return status;
}
