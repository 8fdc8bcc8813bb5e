/* progress_bar.c - shows the progress of a training: a bar that is redrawn in place on a terminal, plain lines anywhere else.
 *
 * Plain lines come at the end of each epoch and every 30 seconds. A stream is a terminal for this purpose unless TERM is unset or
 * "dumb", or CI is set. NO_COLOR takes the colours away. What the lines say is bar_text.c's subject. */
#include "report/progress_bar.h"
#include "base/error.h"
#include "base/memory.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REDRAW_SECONDS  0.05
#define PLAIN_SECONDS   30.0
#define DEFAULT_COLUMNS 80

struct sc_progress_bar {
	FILE *stream;
	bool terminal;
	struct sc_bar_look look;
	int64_t epoch;       /* the last that was seen */
	double shown_at;     /* seconds of that epoch when a line was last written */
	double step_seconds; /* of that epoch so far, validation left out */
	bool line_open;      /* the cursor stands behind a bar */
};

/* "" where it is not set. */
static const char *value_of(const char *variable)
{
	const char *value = getenv(variable);
	return value ? value : "";
}

static bool is_terminal(FILE *stream)
{
	return isatty(fileno(stream)) && *value_of("TERM") && strcmp(value_of("TERM"), "dumb") && !*value_of("CI");
}

/* What the program's locale says if it has set one, else what the environment says it would be. */
static bool writes_utf8(void)
{
	static const char *const variables[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	if (!strcasecmp(nl_langinfo(CODESET), "UTF-8"))
		return true;
	for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
		const char *value = value_of(variables[i]);
		if (*value)
			return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
	}
	return false;
}

static int count_columns(FILE *stream)
{
	struct winsize size = {0};
	return ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : DEFAULT_COLUMNS;
}

enum sc_status sc_progress_bar_create(struct sc_progress_bar **out, FILE *stream, struct sc_error *error)
{
	struct sc_progress_bar *bar = sc_allocate(1, sizeof *bar);
	if (!bar)
		return sc_fail_memory(error, (int64_t)sizeof *bar, "a progress bar");
	bar->stream = stream;
	bar->terminal = is_terminal(stream);
	bar->look.utf8 = writes_utf8();
	bar->look.colour = !*value_of("NO_COLOR");
	*out = bar;
	return SC_OK;
}

static void end_line(struct sc_progress_bar *bar)
{
	if (bar->line_open)
		fputc('\n', bar->stream);
	bar->line_open = false;
}

void sc_progress_bar_destroy(struct sc_progress_bar *bar)
{
	if (!bar)
		return;
	end_line(bar);
	fflush(bar->stream);
	free(bar);
}

static void begin_epoch(struct sc_progress_bar *bar, const struct sc_progress_event *event)
{
	end_line(bar);
	bar->epoch = event->epoch;
	bar->shown_at = 0.0;
	bar->step_seconds = 0.0;
	if (bar->terminal && event->epochs > 1)
		fprintf(bar->stream, "Epoch %lld/%lld\n", (long long)event->epoch, (long long)event->epochs);
}

static void show(struct sc_progress_bar *bar, const struct sc_progress_event *event)
{
	char text[SC_BAR_TEXT_SIZE];
	bar->shown_at = event->seconds;
	if (!bar->terminal) {
		sc_bar_format_plain(text, event, bar->step_seconds);
		fprintf(bar->stream, "%s\n", text);
	} else {
		bar->look.columns = count_columns(bar->stream);
		sc_bar_format(text, event, bar->step_seconds, &bar->look);
		fprintf(bar->stream, "\r%s\x1b[K", text);
		bar->line_open = true;
		if (event->epoch_end)
			end_line(bar);
	}
	fflush(bar->stream);
}

int sc_progress_bar_show(void *user, const struct sc_progress_event *event)
{
	struct sc_progress_bar *bar = user;
	bool first = event->epoch != bar->epoch;
	if (first)
		begin_epoch(bar, event);
	if (event->step > 0 && !event->epoch_end)
		bar->step_seconds = event->seconds / (double)event->step;
	double wait = bar->terminal ? REDRAW_SECONDS : PLAIN_SECONDS;
	/* On a terminal the first step shows at once, and the last one before a validation that may take its time. */
	bool last = event->step == event->steps;
	bool edge = bar->terminal && (first || last);
	bool due = event->seconds - bar->shown_at >= wait &&
		   (bar->terminal || !last); /* a log gets the epoch's end in the next line */
	if (event->epoch_end || edge || due)
		show(bar, event);
	return 0;
}
