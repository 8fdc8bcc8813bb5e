/* plot.c - draws a page of plots with cairo, its texts with pango: see plot.h. */
#include "report/plot.h"

#ifdef SC_HAVE_PLOTS

#include <cairo-svg.h>
#include <math.h>
#include <pango/pangocairo.h>

/* All lengths are points, 1/72 inch. */
#define PAGE_MARGIN  24.0
#define TITLE_HEIGHT 56.0 /* of the page */
#define CELL_WIDTH   430.0
#define CELL_HEIGHT  282.0
#define ROOM_LEFT    58.0 /* of a cell, for what stands around the axes */
#define ROOM_RIGHT   16.0
#define ROOM_TOP     48.0
#define ROOM_BOTTOM  44.0
#define PNG_SCALE    2.0 /* pixels a point */

#define PAGE_FONT  "Sans Bold 14"
#define TITLE_FONT "Sans Bold 10.5"
#define TEXT_FONT  "Sans 8.5"

static const struct sc_colour ink = {0.13, 0.14, 0.16}, grey = {0.42, 0.44, 0.47}, rule = {0.90, 0.91, 0.92};

struct box {
	double left, top, right, bottom;
};

struct view { /* axes on the page */
	cairo_t *cairo;
	const struct sc_axes *axes;
	struct box box; /* the inside of the axes */
	struct sc_scale x, y;
};

enum place { PLACE_LEFT, PLACE_CENTRE, PLACE_RIGHT };

static void set_colour(cairo_t *cairo, struct sc_colour colour)
{
	cairo_set_source_rgb(cairo, colour.red, colour.green, colour.blue);
}

/* ---- Text ----------------------------------------------------------------------------------------------------------------- */

static PangoLayout *make_text(cairo_t *cairo, const char *font, const char *text)
{
	PangoLayout *layout = pango_cairo_create_layout(cairo);
	PangoFontDescription *description = pango_font_description_from_string(font);
	/* A point of the font is a point of the page, whatever screen this machine has. */
	pango_cairo_context_set_resolution(pango_layout_get_context(layout), 72);
	pango_layout_context_changed(layout);
	pango_layout_set_font_description(layout, description);
	pango_layout_set_text(layout, text, -1);
	pango_font_description_free(description);
	return layout;
}

static double text_width(cairo_t *cairo, const char *text)
{
	int width, height;
	PangoLayout *layout = make_text(cairo, TEXT_FONT, text);
	pango_layout_get_size(layout, &width, &height);
	g_object_unref(layout);
	return (double)width / PANGO_SCALE;
}

/* `y` is the middle of the line. */
static void draw_text(cairo_t *cairo, const char *font, struct sc_colour colour, const char *text, double x, double y,
		      enum place place)
{
	int width, height;
	PangoLayout *layout = make_text(cairo, font, text);
	pango_layout_get_size(layout, &width, &height);
	double shift = place == PLACE_LEFT ? 0 : place == PLACE_CENTRE ? 0.5 : 1;
	set_colour(cairo, colour);
	cairo_move_to(cairo, x - shift * width / PANGO_SCALE, y - 0.5 * height / PANGO_SCALE);
	pango_cairo_show_layout(cairo, layout);
	g_object_unref(layout);
}

/* ---- Scales --------------------------------------------------------------------------------------------------------------- */

static bool shows(const struct sc_axes *axes, double y)
{
	return isfinite(y) && (!axes->log_y || y > 0);
}

static void find_scales(struct view *view)
{
	const struct sc_axes *axes = view->axes;
	double left = INFINITY, right = -INFINITY, low = INFINITY, high = -INFINITY;
	for (int l = 0; l < axes->line_count; l++)
		for (int64_t i = 0; i < axes->lines[l].count; i++) {
			double x = axes->lines[l].x[i], y = axes->lines[l].y[i];
			left = fmin(left, x), right = fmax(right, x);
			if (shows(axes, y))
				low = fmin(low, y), high = fmax(high, y);
		}
	if (axes->from_zero)
		low = fmin(low, 0);
	if (axes->least_y_top > 0)
		high = fmax(high, axes->least_y_top);
	view->x = sc_scale_make_whole(left, right, 8);
	view->y = sc_scale_make(low, high, axes->log_y, 5);
}

static double place_x(const struct view *view, double x)
{
	return view->box.left + sc_scale_place(&view->x, x) * (view->box.right - view->box.left);
}

static double place_y(const struct view *view, double y)
{
	return view->box.bottom - sc_scale_place(&view->y, y) * (view->box.bottom - view->box.top);
}

/* ---- Axes ------------------------------------------------------------------------------------------------------------------- */

static void draw_segment(cairo_t *cairo, double x1, double y1, double x2, double y2)
{
	cairo_move_to(cairo, x1, y1);
	cairo_line_to(cairo, x2, y2);
	cairo_stroke(cairo);
}

static void draw_ticks(const struct view *view)
{
	cairo_t *cairo = view->cairo;
	const struct box *box = &view->box;
	char text[SC_TICK_SIZE];
	cairo_set_line_width(cairo, 0.8);
	for (int i = 0; i < view->y.tick_count; i++) {
		double y = place_y(view, view->y.ticks[i]);
		set_colour(cairo, rule);
		draw_segment(cairo, box->left, y, box->right, y);
		draw_text(cairo, TEXT_FONT, grey, sc_scale_tick_text(text, &view->y, i), box->left - 7, y, PLACE_RIGHT);
	}
	for (int i = 0; i < view->x.tick_count; i++) {
		double x = place_x(view, view->x.ticks[i]);
		set_colour(cairo, grey);
		draw_segment(cairo, x, box->bottom, x, box->bottom + 3.5);
		draw_text(cairo, TEXT_FONT, grey, sc_scale_tick_text(text, &view->x, i), x, box->bottom + 12, PLACE_CENTRE);
	}
	set_colour(cairo, grey);
	draw_segment(cairo, box->left, box->bottom, box->right, box->bottom);
}

static void draw_labels(const struct view *view)
{
	cairo_t *cairo = view->cairo;
	const struct box *box = &view->box;
	draw_text(cairo, TITLE_FONT, ink, view->axes->title, box->left, box->top - 32, PLACE_LEFT);
	if (view->axes->note)
		draw_text(cairo, TEXT_FONT, grey, view->axes->note, box->left, box->top - 16, PLACE_LEFT);
	draw_text(cairo, TEXT_FONT, ink, view->axes->x_label, (box->left + box->right) / 2, box->bottom + 28, PLACE_CENTRE);
	cairo_save(cairo);
	cairo_translate(cairo, box->left - 44, (box->top + box->bottom) / 2);
	cairo_rotate(cairo, -M_PI / 2);
	draw_text(cairo, TEXT_FONT, ink, view->axes->y_label, 0, 0, PLACE_CENTRE);
	cairo_restore(cairo);
}

/* ---- Lines ------------------------------------------------------------------------------------------------------------------ */

static void set_pen(cairo_t *cairo, const struct sc_line *line)
{
	static const double dashes[] = {4, 3};
	set_colour(cairo, line->colour);
	cairo_set_line_width(cairo, line->thin ? 1.0 : 1.8);
	cairo_set_dash(cairo, dashes, line->dashed ? 2 : 0, 0);
}

static void draw_line(const struct view *view, const struct sc_line *line)
{
	cairo_t *cairo = view->cairo;
	bool pen_down = false;
	set_pen(cairo, line);
	for (int64_t i = 0; i < line->count; i++) {
		bool shown = shows(view->axes, line->y[i]);
		if (shown && pen_down)
			cairo_line_to(cairo, place_x(view, line->x[i]), place_y(view, line->y[i]));
		else if (shown)
			cairo_move_to(cairo, place_x(view, line->x[i]), place_y(view, line->y[i]));
		pen_down = shown;
	}
	cairo_stroke(cairo);
	cairo_set_dash(cairo, NULL, 0, 0);
	for (int64_t i = 0; i < line->count && line->dots; i++)
		if (shows(view->axes, line->y[i])) {
			cairo_arc(cairo, place_x(view, line->x[i]), place_y(view, line->y[i]), 2.2, 0, 2 * M_PI);
			cairo_fill(cairo);
		}
}

/* ---- Legend: where it hides the least ------------------------------------------------------------------------------------------
 */

#define LEGEND_ROW    13.0
#define LEGEND_SAMPLE 24.0 /* the piece of line before a label */
#define LEGEND_GAP    6.0

static int points_inside(const struct view *view, const struct box *box)
{
	int count = 0;
	for (int l = 0; l < view->axes->line_count; l++) {
		const struct sc_line *line = &view->axes->lines[l];
		for (int64_t i = 0; i + 1 < line->count; i++)
			for (int part = 0; part <= 8; part++) { /* along the piece of line to the next point */
				if (!shows(view->axes, line->y[i]) || !shows(view->axes, line->y[i + 1]))
					continue;
				double share = part / 8.0;
				double x = (1 - share) * place_x(view, line->x[i]) + share * place_x(view, line->x[i + 1]);
				double y = (1 - share) * place_y(view, line->y[i]) + share * place_y(view, line->y[i + 1]);
				count += x > box->left && x < box->right && y > box->top && y < box->bottom;
			}
	}
	return count;
}

static struct box find_legend_box(const struct view *view, double width, double height)
{
	const struct box *all = &view->box;
	struct box best = {0};
	int fewest = -1;
	for (int row = 0; row <= 4; row++)
		for (int column = 2; column >= 0; column--) {
			double left = all->left + 8 + (all->right - all->left - width - 14) * column / 2;
			double top = all->top + 5 + (all->bottom - all->top - height - 10) * row / 4;
			struct box box = {left, top, left + width, top + height};
			int inside = points_inside(view, &box);
			if (fewest < 0 || inside < fewest)
				fewest = inside, best = box;
		}
	return best;
}

static void draw_legend(const struct view *view)
{
	cairo_t *cairo = view->cairo;
	double width = 0;
	int rows = 0;
	for (int l = 0; l < view->axes->line_count; l++)
		if (view->axes->lines[l].label) {
			width = fmax(width, text_width(cairo, view->axes->lines[l].label));
			rows++;
		}
	if (rows == 0)
		return;
	width += LEGEND_SAMPLE + 3 * LEGEND_GAP;
	struct box box = find_legend_box(view, width, rows * LEGEND_ROW + 4);
	cairo_rectangle(cairo, box.left, box.top, box.right - box.left, box.bottom - box.top);
	cairo_set_source_rgba(cairo, 1, 1, 1, 0.85);
	cairo_fill(cairo);
	double y = box.top + 2 + LEGEND_ROW / 2;
	for (int l = 0; l < view->axes->line_count; l++) {
		const struct sc_line *line = &view->axes->lines[l];
		if (!line->label)
			continue;
		set_pen(cairo, line);
		draw_segment(cairo, box.left + LEGEND_GAP, y, box.left + LEGEND_GAP + LEGEND_SAMPLE, y);
		cairo_set_dash(cairo, NULL, 0, 0);
		draw_text(cairo, TEXT_FONT, ink, line->label, box.left + 2 * LEGEND_GAP + LEGEND_SAMPLE, y, PLACE_LEFT);
		y += LEGEND_ROW;
	}
}

/* ---- The page -------------------------------------------------------------------------------------------------------------------
 */

static void draw_axes(cairo_t *cairo, const struct sc_axes *axes, double left, double top)
{
	struct view view = {.cairo = cairo, .axes = axes};
	view.box = (struct box){left + ROOM_LEFT, top + ROOM_TOP, left + CELL_WIDTH - ROOM_RIGHT, top + CELL_HEIGHT - ROOM_BOTTOM};
	find_scales(&view);
	draw_ticks(&view);
	draw_labels(&view);
	cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
	for (int i = 0; i < axes->line_count; i++)
		draw_line(&view, &axes->lines[i]);
	draw_legend(&view);
}

static void draw_page(cairo_t *cairo, const struct sc_page *page)
{
	cairo_set_source_rgb(cairo, 1, 1, 1);
	cairo_paint(cairo);
	draw_text(cairo, PAGE_FONT, ink, page->title, PAGE_MARGIN + 14, PAGE_MARGIN + 8, PLACE_LEFT);
	draw_text(cairo, TEXT_FONT, grey, page->note, PAGE_MARGIN + 14, PAGE_MARGIN + 28, PLACE_LEFT);
	for (int i = 0; i < page->axes_count; i++)
		draw_axes(cairo, &page->axes[i], PAGE_MARGIN + CELL_WIDTH * (i % page->columns),
			  PAGE_MARGIN + TITLE_HEIGHT + CELL_HEIGHT * (i / page->columns));
}

struct sink {
	sc_plot_sink write;
	void *context;
};

static cairo_status_t write_bytes(void *closure, const unsigned char *bytes, unsigned count)
{
	const struct sink *sink = closure;
	return sink->write(sink->context, bytes, count) ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static cairo_surface_t *make_surface(enum sc_plot_format format, double width, double height, struct sink *sink)
{
	if (format == SC_PLOT_SVG)
		return cairo_svg_surface_create_for_stream(write_bytes, sink, width, height);
	cairo_surface_t *surface =
		cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)ceil(width * PNG_SCALE), (int)ceil(height * PNG_SCALE));
	cairo_surface_set_device_scale(surface, PNG_SCALE, PNG_SCALE);
	return surface;
}

enum sc_status sc_plot_draw(const struct sc_page *page, enum sc_plot_format format, sc_plot_sink write, void *context,
			    const char *subject, struct sc_error *error)
{
	int rows = (page->axes_count + page->columns - 1) / page->columns;
	double width = 2 * PAGE_MARGIN + page->columns * CELL_WIDTH;
	double height = 2 * PAGE_MARGIN + TITLE_HEIGHT + rows * CELL_HEIGHT;
	struct sink sink = {write, context};
	cairo_surface_t *surface = make_surface(format, width, height, &sink);
	cairo_t *cairo = cairo_create(surface);
	draw_page(cairo, page);
	cairo_status_t status = cairo_status(cairo);
	cairo_destroy(cairo);
	if (status == CAIRO_STATUS_SUCCESS && format == SC_PLOT_PNG)
		status = cairo_surface_write_to_png_stream(surface, write_bytes, &sink);
	cairo_surface_finish(surface);
	if (status == CAIRO_STATUS_SUCCESS)
		status = cairo_surface_status(surface);
	cairo_surface_destroy(surface);
	if (status == CAIRO_STATUS_SUCCESS)
		return SC_OK;
	if (status == CAIRO_STATUS_NO_MEMORY)
		return sc_fail_memory(error, 0, "a picture");
	return sc_fail(error, SC_ERROR_WRITE, subject, -1, "%s: the picture could not be drawn: %s", subject,
		       cairo_status_to_string(status));
}

#else

enum sc_status sc_plot_draw(const struct sc_page *page, enum sc_plot_format format, sc_plot_sink write, void *context,
			    const char *subject, struct sc_error *error)
{
	(void)page, (void)format, (void)write, (void)context;
	return sc_fail(error, SC_ERROR_UNSUPPORTED, subject, -1,
		       "%s: this build draws no pictures: it was made without cairo and pango (Debian: libcairo2-dev, "
		       "libpango1.0-dev)",
		       subject);
}

#endif
