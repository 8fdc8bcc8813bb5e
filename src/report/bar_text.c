/* bar_text.c - how progress is written in a line: the look that people know from Keras 3. It knows no terminal and no clock. */
#include "report/progress_bar.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#define BAR_CELLS    20
#define MAX_METRICS  4
#define METRIC_SIZE  48
#define SHORTEST_BAR 5

/* Bytes in a buffer of SC_BAR_TEXT_SIZE; what does not fit is left out. */
struct text {
	char *bytes;
	size_t length;
};

static void append(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void append(struct text *text, const char *format, ...)
{
	va_list arguments;
	size_t room = SC_BAR_TEXT_SIZE - text->length;
	va_start(arguments, format);
	int length = vsnprintf(text->bytes + text->length, room, format, arguments);
	va_end(arguments);
	if (length > 0)
		text->length += (size_t)length < room ? (size_t)length : room - 1;
}

/* " - accuracy: 0.9712"; small numbers as 9.3100e-04. */
static void format_metric(char metric[METRIC_SIZE], const char *name, double value)
{
	snprintf(metric, METRIC_SIZE, fabs(value) > 1e-3 || isnan(value) ? " - %s: %.4f" : " - %s: %.4e", name, value);
}

static int format_metrics(char metrics[MAX_METRICS][METRIC_SIZE], const struct sc_progress_event *event)
{
	format_metric(metrics[0], "accuracy", event->train.accuracy);
	format_metric(metrics[1], "loss", event->train.loss);
	if (!event->epoch_end || !event->has_validation)
		return 2;
	format_metric(metrics[2], "val_accuracy", event->validation.accuracy);
	format_metric(metrics[3], "val_loss", event->validation.loss);
	return 4;
}

/* Seconds as Keras shows what remains: 5s, 2:05, 1:02:05. */
static void format_remaining(char text[32], double seconds)
{
	int64_t whole = seconds > 0.0 && seconds < 1e9 ? (int64_t)seconds : 0;
	if (whole > 3600)
		snprintf(text, 32, "%" PRId64 ":%02d:%02d", whole / 3600, (int)(whole % 3600 / 60), (int)(whole % 60));
	else if (whole > 60)
		snprintf(text, 32, "%" PRId64 ":%02d", whole / 60, (int)(whole % 60));
	else
		snprintf(text, 32, "%" PRId64 "s", whole);
}

static void format_step_time(char text[32], double seconds)
{
	if (seconds >= 1.0 || seconds <= 0.0)
		snprintf(text, 32, " %.0fs/step", seconds);
	else if (seconds >= 1e-3)
		snprintf(text, 32, " %.0fms/step", seconds * 1e3);
	else
		snprintf(text, 32, " %.0fus/step", seconds * 1e6);
}

static int count_digits(int64_t number)
{
	int digits = 1;
	for (; number >= 10; number /= 10)
		digits++;
	return digits;
}

static void append_cells(struct text *text, const char *cell, int count)
{
	for (int i = 0; i < count; i++)
		append(text, "%s", cell);
}

/* Where colour cannot tell done from to do, the cells themselves do: heavy and light, or = and dots. */
static void append_bar(struct text *text, const struct sc_progress_event *event, int cells, const struct sc_bar_look *look)
{
	int done = event->steps > 0 ? (int)((double)cells * (double)event->step / (double)event->steps) : 0;
	done = done < cells ? done : cells;
	const char *done_cell = look->utf8 ? "\u2501" : "=";
	const char *other_cell = !look->utf8 ? "." : look->colour ? "\u2501" : "\u2500";
	append(text, " ");
	if (done > 0) {
		append(text, "%s", look->colour ? "\x1b[32m" : "");
		append_cells(text, done_cell, done);
		append(text, "%s", look->colour ? "\x1b[0m" : "");
	}
	if (done < cells) {
		append(text, "%s", look->colour ? "\x1b[37m" : "");
		append_cells(text, other_cell, cells - done);
		append(text, "%s", look->colour ? "\x1b[0m" : "");
	}
}

void sc_bar_format(char bytes[SC_BAR_TEXT_SIZE], const struct sc_progress_event *event, double step_seconds,
		   const struct sc_bar_look *look)
{
	char count[64], time[32], step_time[32], metrics[MAX_METRICS][METRIC_SIZE];
	const char *bold = look->colour ? "\x1b[1m" : "", *normal = look->colour ? "\x1b[0m" : "";
	snprintf(count, sizeof count, "%*" PRId64 "/%" PRId64, count_digits(event->steps), event->step, event->steps);
	if (event->epoch_end)
		snprintf(time, sizeof time, "%.0fs", event->seconds);
	else
		format_remaining(time, step_seconds * (double)(event->steps - event->step));
	format_step_time(step_time, step_seconds);
	int metric_count = format_metrics(metrics, event);

	/* One column stays free: a full line would make some terminals wrap. */
	int room = look->columns - 1 - (int)(strlen(count) + 1 + strlen(time) + strlen(step_time));
	for (int i = 0; i < metric_count; i++)
		room -= (int)strlen(metrics[i]);
	int cells = room - 1 < BAR_CELLS ? room - 1 : BAR_CELLS;
	if (cells < SHORTEST_BAR)
		cells = 0;
	while (room < 0 && metric_count > 0)
		room += (int)strlen(metrics[--metric_count]);

	struct text text = {.bytes = bytes};
	bytes[0] = '\0';
	if (room < 0) { /* not even room for the times */
		append(&text, "%.*s", look->columns > 1 ? look->columns - 1 : 0, count);
		return;
	}
	append(&text, "%s%s%s", bold, count, normal);
	if (cells > 0)
		append_bar(&text, event, cells, look);
	append(&text, " %s%s%s%s", bold, time, normal, step_time);
	for (int i = 0; i < metric_count; i++)
		append(&text, "%s", metrics[i]);
}

void sc_bar_format_plain(char bytes[SC_BAR_TEXT_SIZE], const struct sc_progress_event *event, double step_seconds)
{
	char step_time[32], metrics[MAX_METRICS][METRIC_SIZE];
	struct text text = {.bytes = bytes};
	format_step_time(step_time, step_seconds);
	int metric_count = format_metrics(metrics, event);
	append(&text, "Epoch %" PRId64 "/%" PRId64 ": step %" PRId64 "/%" PRId64 " - %.0fs%s", event->epoch, event->epochs,
	       event->step, event->steps, event->seconds, step_time);
	for (int i = 0; i < metric_count; i++)
		append(&text, "%s", metrics[i]);
}
