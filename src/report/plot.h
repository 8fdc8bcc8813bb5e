/* plot.h - a page of plots: a grid of axes with lines, titles and legends, as SVG or PNG.
 *
 * What is shown is plain data that the caller owns. plot_scale.c decides ranges and ticks, plot.c draws with cairo and pango; a
 * build without them says so. */
#ifndef SC_REPORT_PLOT_H
#define SC_REPORT_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct sc_colour {
	double red, green, blue; /* 0 to 1 */
};

struct sc_line {
	const char *label;   /* in the legend; NULL: not there */
	const double *x, *y; /* [count]; a y that is not finite, or on a logarithmic axis not positive, leaves a gap */
	int64_t count;
	struct sc_colour colour;
	bool dashed, thin, dots;
};

struct sc_axes {
	const char *title, *note; /* the note stands under the title, in grey; NULL: none */
	const char *x_label, *y_label;
	bool log_y;
	bool from_zero;     /* y begins at 0 */
	double least_y_top; /* y ends there, or higher; 0: where the lines end */
	const struct sc_line *lines;
	int line_count;
};

struct sc_page {
	const char *title, *note;
	const struct sc_axes *axes; /* row by row */
	int axes_count, columns;
};

/* Takes the bytes of a picture as they come; false ends the drawing. */
typedef bool (*sc_plot_sink)(void *context, const uint8_t *bytes, size_t count);

enum sc_plot_format { SC_PLOT_SVG, SC_PLOT_PNG };

/* SC_ERROR_UNSUPPORTED where this build has no cairo. `subject` names the picture in errors. */
enum sc_status sc_plot_draw(const struct sc_page *page, enum sc_plot_format format, sc_plot_sink sink, void *context,
			    const char *subject, struct sc_error *error);

/* ---- plot_scale.c: which numbers an axis shows. Pure functions. ---------------------------------------------------------- */

#define SC_MOST_TICKS 12

struct sc_scale {
	double low, high; /* low < high; on a logarithmic axis both are positive */
	bool log;
	int tick_count;
	double ticks[SC_MOST_TICKS]; /* ascending, in [low, high] */
};
/* An axis that holds low to high (not finite, or low > high: nothing to show) with about `wanted` ticks at round numbers (1,
 * 2, 2.5, 5 times a power of ten; on a logarithmic axis powers of ten), and that begins and ends at ticks. */
struct sc_scale sc_scale_make(double low, double high, bool log, int wanted);
/* The same for whole numbers, such as epochs: it begins at low and ends at high exactly. */
struct sc_scale sc_scale_make_whole(double low, double high, int wanted);
/* 0 to 1: where a value lies. */
double sc_scale_place(const struct sc_scale *scale, double value);
#define SC_TICK_SIZE 32
/* "0", "0.25", "60"; logarithmic: "0.1", "10", "10⁻⁴". */
const char *sc_scale_tick_text(char text[SC_TICK_SIZE], const struct sc_scale *scale, int tick);

#endif
