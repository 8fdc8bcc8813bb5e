/* The lines of the progress bar, without a terminal. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "report/progress_bar.h"

#define HEAVY      "\u2501"
#define LIGHT      "\u2500"
#define FIVE(cell) cell cell cell cell cell

static const struct sc_bar_look plain = {.columns = 120, .utf8 = true};

static struct sc_progress_event event_at(int64_t step)
{
	return (struct sc_progress_event){.epoch = 1,
					  .epochs = 5,
					  .step = step,
					  .steps = 938,
					  .seconds = 0.005 * (double)step,
					  .train = {.loss = 0.0931, .accuracy = 0.9712}};
}

static struct sc_progress_event end_of_epoch(void)
{
	struct sc_progress_event event = event_at(938);
	event.epoch_end = true;
	return event;
}

static const char *format(struct sc_progress_event event, double step_seconds, struct sc_bar_look look)
{
	static char text[SC_BAR_TEXT_SIZE];
	sc_bar_format(text, &event, step_seconds, &look);
	return text;
}

/* Characters of UTF-8 text, colours left out. */
static int width_of(const char *text)
{
	int width = 0;
	for (; *text; text++) {
		if (*text == '\x1b')
			text = strchr(text, 'm');
		else
			width += ((unsigned char)*text & 0xc0) != 0x80;
	}
	return width;
}

static void a_finished_epoch_looks_like_keras(void **state)
{
	(void)state;
	assert_string_equal(format(end_of_epoch(), 0.005, plain), "938/938 " FIVE(HEAVY) FIVE(HEAVY) FIVE(HEAVY) FIVE(
									  HEAVY) " 5s 5ms/step - accuracy: 0.9712 - loss: 0.0931");
}

static void colours_are_kerass(void **state)
{
	(void)state;
	struct sc_bar_look look = plain;
	look.colour = true;
	assert_string_equal(format(end_of_epoch(), 0.005, look),
			    "\x1b[1m938/938\x1b[0m \x1b[32m" FIVE(HEAVY) FIVE(HEAVY) FIVE(HEAVY)
				    FIVE(HEAVY) "\x1b[0m \x1b[1m5s\x1b[0m 5ms/step - accuracy: 0.9712 - loss: 0.0931");
	assert_non_null(
		strstr(format(event_at(469), 0.005, look), "\x1b[32m" FIVE(HEAVY) FIVE(HEAVY) "\x1b[0m\x1b[37m" FIVE(HEAVY)));
}

static void validation_comes_last(void **state)
{
	(void)state;
	struct sc_progress_event event = end_of_epoch();
	event.has_validation = true;
	event.validation = (struct sc_score){.loss = 0.0004, .accuracy = 0.99};
	assert_non_null(strstr(format(event, 0.005, plain), " - loss: 0.0931 - val_accuracy: 0.9900 - val_loss: 4.0000e-04"));
	event.epoch_end = false;
	assert_null(strstr(format(event, 0.005, plain), "val_"));
}

static void before_the_end_it_shows_what_remains(void **state)
{
	(void)state;
	assert_string_equal(format(event_at(94), 0.005, plain), /* 844 steps to go */
			    " 94/938 " HEAVY HEAVY FIVE(LIGHT) FIVE(LIGHT) FIVE(LIGHT) LIGHT LIGHT LIGHT
			    " 4s 5ms/step - accuracy: 0.9712 - loss: 0.0931");
	assert_non_null(strstr(format(event_at(38), 0.1, plain), " 1:30 100ms/step"));
	assert_non_null(strstr(format(event_at(38), 4.5, plain), " 1:07:30 4s/step"));
	assert_non_null(strstr(format(event_at(938), 0.0005, plain), " 0s 500us/step"));
}

static void without_utf8_the_bar_is_ascii(void **state)
{
	(void)state;
	assert_string_equal(format(event_at(469), 0.005, (struct sc_bar_look){.columns = 120}),
			    "469/938 ==========.......... 2s 5ms/step - accuracy: 0.9712 - loss: 0.0931");
}

static void narrow_terminals_lose_the_bar_then_the_metrics(void **state)
{
	(void)state;
	struct sc_progress_event event = end_of_epoch();
	event.has_validation = true;
	for (int columns = 0; columns < 140; columns++)
		for (int colour = 0; colour < 2; colour++) {
			const char *text =
				format(event, 0.005, (struct sc_bar_look){.columns = columns, .utf8 = true, .colour = colour});
			assert_true(width_of(text) < columns || text[0] == '\0');
		}
	assert_non_null(
		strstr(format(event_at(469), 0.005, (struct sc_bar_look){.columns = 62}), "469/938 ===.... 2s 5ms/step - acc"));
	assert_string_equal(format(event_at(469), 0.005, (struct sc_bar_look){.columns = 55}),
			    "469/938 2s 5ms/step - accuracy: 0.9712 - loss: 0.0931");
	assert_string_equal(format(event_at(469), 0.005, (struct sc_bar_look){.columns = 50}),
			    "469/938 2s 5ms/step - accuracy: 0.9712");
	assert_string_equal(format(event_at(469), 0.005, (struct sc_bar_look){.columns = 22}), "469/938 2s 5ms/step");
	assert_string_equal(format(event_at(469), 0.005, (struct sc_bar_look){.columns = 10}), "469/938");
}

static void logs_get_plain_lines(void **state)
{
	(void)state;
	char text[SC_BAR_TEXT_SIZE];
	struct sc_progress_event event = event_at(400);
	event.seconds = 30.2;
	sc_bar_format_plain(text, &event, 0.0755);
	assert_string_equal(text, "Epoch 1/5: step 400/938 - 30s 76ms/step - accuracy: 0.9712 - loss: 0.0931");
	event.epoch_end = event.has_validation = true;
	event.validation = (struct sc_score){.loss = 0.05, .accuracy = 0.985};
	sc_bar_format_plain(text, &event, 0.0755);
	assert_non_null(strstr(text, " - val_accuracy: 0.9850 - val_loss: 0.0500"));
}

static void odd_numbers_do_no_harm(void **state)
{
	(void)state;
	struct sc_progress_event event = {.train = {.loss = NAN, .accuracy = INFINITY}, .seconds = 1e300};
	assert_non_null(strstr(format(event, NAN, plain), "loss: nan"));
	event.steps = event.step = INT64_MAX;
	event.train.loss = 1e308; /* a line of hundreds of digits is cut, not overrun */
	assert_true(strlen(format(event, 1e300, (struct sc_bar_look){.columns = 100000, .utf8 = true})) < SC_BAR_TEXT_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_finished_epoch_looks_like_keras),
		cmocka_unit_test(colours_are_kerass),
		cmocka_unit_test(validation_comes_last),
		cmocka_unit_test(before_the_end_it_shows_what_remains),
		cmocka_unit_test(without_utf8_the_bar_is_ascii),
		cmocka_unit_test(narrow_terminals_lose_the_bar_then_the_metrics),
		cmocka_unit_test(logs_get_plain_lines),
		cmocka_unit_test(odd_numbers_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
