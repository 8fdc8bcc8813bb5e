/* Axes: round ticks that hold what is shown, in words that can be read; pictures: whole SVG and PNG files, and sinks that fail. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "report/plot.h"

static void check_ticks(const struct sc_scale *scale, const char *expected)
{
	char found[256] = "", text[SC_TICK_SIZE];
	for (int i = 0; i < scale->tick_count; i++) {
		strcat(found, i ? " " : "");
		strcat(found, sc_scale_tick_text(text, scale, i));
	}
	assert_string_equal(found, expected);
}

static void ticks_are_round_and_hold_the_data(void **state)
{
	(void)state;
	static const struct {
		double low, high;
		bool log;
		const char *ticks;
	} cases[] = {
		{0, 100, false, "0 20 40 60 80 100"},
		{0.3, 2.2, false, "0 0.5 1 1.5 2 2.5"},
		{0, 0.9, false, "0 0.2 0.4 0.6 0.8 1"},
		{-1, 1, false, "-1 -0.5 0 0.5 1"},
		{7, 7, false, "2 4 6 8 10 12"},
		{0, 0, false, "0 0.2 0.4 0.6 0.8 1"},
		{NAN, NAN, false, "0 0.2 0.4 0.6 0.8 1"},
		{INFINITY, -INFINITY, false, "0 0.2 0.4 0.6 0.8 1"},
		{0.02, 30, true, "0.01 0.1 1 10 100"},
		{3e-5, 2e-3, true, "10⁻⁵ 10⁻⁴ 10⁻³ 0.01"},
		{5, 5, true, "1 10"},
		{-1, 5, true, "0.1 1"},
		{1e-12, 1, true, "10⁻¹² 10⁻⁹ 10⁻⁶ 10⁻³ 1"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sc_scale scale = sc_scale_make(cases[i].low, cases[i].high, cases[i].log, 5);
		check_ticks(&scale, cases[i].ticks);
		assert_true(scale.low < scale.high);
		if (isfinite(cases[i].low) && (!cases[i].log || cases[i].low > 0))
			assert_true(scale.low <= cases[i].low + 1e-15 &&
				    scale.high >= cases[i].high - 1e-15); /* rounding of powers */
	}
}

static void whole_axes_begin_and_end_with_the_data(void **state)
{
	(void)state;
	struct sc_scale scale = sc_scale_make_whole(1, 5, 8);
	check_ticks(&scale, "1 2 3 4 5");
	scale = sc_scale_make_whole(1, 56, 8);
	check_ticks(&scale, "10 20 30 40 50");
	assert_true(sc_scale_place(&scale, 1) == 0 && sc_scale_place(&scale, 56) == 1);
	scale = sc_scale_make_whole(1, 20, 8);
	check_ticks(&scale, "5 10 15 20");
	scale = sc_scale_make_whole(3, 3, 8);
	check_ticks(&scale, "3 4");
	scale = sc_scale_make_whole(NAN, NAN, 8);
	check_ticks(&scale, "0 1");
}

/* A picture in memory; `limit` says when there is no more room. */
struct memory {
	uint8_t bytes[1 << 20];
	size_t count, limit;
};

static bool keep(void *context, const uint8_t *bytes, size_t count)
{
	struct memory *memory = context;
	if (memory->count + count > memory->limit)
		return false;
	memcpy(memory->bytes + memory->count, bytes, count);
	memory->count += count;
	return true;
}

static enum sc_status draw(struct memory *memory, enum sc_plot_format format, size_t limit, struct sc_error *error)
{
	static const double x[] = {1, 2, 3, 4}, y[] = {0.5, NAN, 3, 20}, same[] = {1, 1, 1, 1};
	static const struct sc_line lines[] = {{"a < b", x, y, 4, {1, 0, 0}, .dashed = true, .dots = true},
					       {.x = x, .y = same, .count = 4}};
	static const struct sc_axes axes[] = {{"one", "a note", "x", "y", true, .lines = lines, .line_count = 2},
					      {.title = "nothing", .x_label = "x", .y_label = "y"},
					      {"three", NULL, "x", "y", .from_zero = true, .lines = lines, .line_count = 1}};
	const struct sc_page page = {"a page", "of three", axes, 3, 2};
	memory->count = 0;
	memory->limit = limit;
	return sc_plot_draw(&page, format, keep, memory, "page", error);
}

static void pictures_are_whole(void **state)
{
	(void)state;
	static struct memory memory;
	struct sc_error error = {0};
	enum sc_status status = draw(&memory, SC_PLOT_SVG, sizeof memory.bytes - 1, &error);
	if (status == SC_ERROR_UNSUPPORTED) {
		assert_non_null(strstr(error.message, "without cairo"));
		skip();
	}
	assert_int_equal(status, SC_OK);
	memory.bytes[memory.count] = '\0';
	assert_non_null(strstr((char *)memory.bytes, "<svg"));
	assert_non_null(strstr((char *)memory.bytes, "</svg>"));
	assert_int_equal(draw(&memory, SC_PLOT_PNG, sizeof memory.bytes, &error), SC_OK);
	assert_memory_equal(memory.bytes, "\x89PNG\r\n\x1a\n", 8);
	assert_memory_equal(memory.bytes + memory.count - 8, "IEND", 4);
}

static void a_sink_that_fails_is_an_error(void **state)
{
	(void)state;
	static struct memory memory;
	struct sc_error error = {0};
	if (draw(&memory, SC_PLOT_SVG, sizeof memory.bytes, &error) == SC_ERROR_UNSUPPORTED)
		skip();
	size_t whole = memory.count;
	for (size_t limit = 0; limit < whole; limit += whole / 8) {
		assert_int_equal(draw(&memory, SC_PLOT_SVG, limit, &error), SC_ERROR_WRITE);
		assert_non_null(strstr(error.message, "page: the picture could not be drawn"));
		assert_int_equal(draw(&memory, SC_PLOT_PNG, limit / 8, &error), SC_ERROR_WRITE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ticks_are_round_and_hold_the_data),
		cmocka_unit_test(whole_axes_begin_and_end_with_the_data),
		cmocka_unit_test(pictures_are_whole),
		cmocka_unit_test(a_sink_that_fails_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
