/* When and where the progress bar writes: plain lines into files, a line redrawn in place on a terminal. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <cmocka.h>

#include "shortcut.h"

static int set_environment(void **state)
{
	(void)state;
	setenv("TERM", "xterm", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	unsetenv("CI");
	unsetenv("NO_COLOR");
	return 0;
}

/* Two epochs of 100 steps of `step_seconds`, the second without its end. */
static void train(struct sc_progress_bar *bar, double step_seconds)
{
	for (int64_t epoch = 1; epoch <= 2; epoch++) {
		struct sc_progress_event event = {
			.epoch = epoch, .epochs = 2, .steps = 100, .train = {.loss = 0.5, .accuracy = 0.75}};
		for (event.step = 1; event.step <= 100; event.step++) {
			event.seconds = step_seconds * (double)event.step;
			assert_int_equal(sc_progress_bar_show(bar, &event), 0);
		}
		event.step = 100;
		event.seconds += 1.0;
		event.epoch_end = event.has_validation = true;
		event.validation = (struct sc_score){.loss = 0.25, .accuracy = 0.875};
		if (epoch == 1)
			assert_int_equal(sc_progress_bar_show(bar, &event), 0);
	}
}

static void a_file_gets_a_line_an_epoch_and_one_every_30_seconds(void **state)
{
	(void)state;
	char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);
	struct sc_progress_bar *bar = NULL;
	assert_int_equal(sc_progress_bar_create(&bar, stream, NULL), SC_OK);
	train(bar, 0.5);
	sc_progress_bar_destroy(bar);
	fclose(stream);
	assert_string_equal(text,
			    "Epoch 1/2: step 60/100 - 30s 500ms/step - accuracy: 0.7500 - loss: 0.5000\n"
			    "Epoch 1/2: step 100/100 - 51s 500ms/step - accuracy: 0.7500 - loss: 0.5000 - val_accuracy: 0.8750"
			    " - val_loss: 0.2500\n"
			    "Epoch 2/2: step 60/100 - 30s 500ms/step - accuracy: 0.7500 - loss: 0.5000\n");
	free(text);
}

/* What the bar writes to a terminal of so many columns; skips where the system gives no terminal. */
static void run_on_terminal(char *text, size_t size, unsigned short columns, double step_seconds)
{
	int controller = posix_openpt(O_RDWR | O_NOCTTY);
	if (controller < 0 || grantpt(controller) || unlockpt(controller) || !ptsname(controller))
		skip();
	int terminal = open(ptsname(controller), O_RDWR | O_NOCTTY);
	if (terminal < 0)
		skip();
	struct winsize window = {.ws_col = columns, .ws_row = 24};
	struct termios settings;
	assert_int_equal(ioctl(terminal, TIOCSWINSZ, &window), 0);
	assert_int_equal(tcgetattr(terminal, &settings), 0);
	settings.c_oflag &= ~(tcflag_t)OPOST; /* "\n" stays "\n" */
	assert_int_equal(tcsetattr(terminal, TCSANOW, &settings), 0);
	FILE *stream = fdopen(terminal, "w");
	assert_non_null(stream);

	struct sc_progress_bar *bar = NULL;
	assert_int_equal(sc_progress_bar_create(&bar, stream, NULL), SC_OK);
	train(bar, step_seconds);
	sc_progress_bar_destroy(bar);
	fputs("#", stream);
	fflush(stream);
	size_t length = 0;
	while (length + 1 < size && !memchr(text, '#', length)) {
		ssize_t count = read(controller, text + length, size - 1 - length);
		assert_true(count > 0);
		length += (size_t)count;
	}
	text[length] = '\0';
	fclose(stream);
	close(controller);
}

static int count_of(const char *text, const char *part)
{
	int count = 0;
	for (; (text = strstr(text, part)); text++)
		count++;
	return count;
}

static void a_terminal_gets_one_line_an_epoch_redrawn_in_place(void **state)
{
	(void)state;
	char text[16384];
	run_on_terminal(text, sizeof text, 100, 0.012);
	assert_int_equal(count_of(text, "\n"),
			 4); /* "Epoch 1/2", its bar, "Epoch 2/2", its bar, closed when the bar is destroyed */
	assert_int_equal(strncmp(text, "Epoch 1/2\n\r", 11), 0);
	assert_non_null(strstr(text, "\nEpoch 2/2\n\r"));
	assert_non_null(strstr(text, "\x1b[1m100/100\x1b[0m \x1b[32m\u2501"));
	assert_non_null(strstr(text, "- loss: 0.5000 - val_accuracy: 0.8750 - val_loss: 0.2500\x1b[K\n"));
	assert_int_equal(count_of(text, "\r"), 2 * 21 + 1); /* step 1, every 5th then (0.06 s), the last; and one end of an epoch */
}

static void no_color_and_narrow_windows_are_respected(void **state)
{
	(void)state;
	char text[16384];
	setenv("NO_COLOR", "1", 1);
	run_on_terminal(text, sizeof text, 30, 0.012);
	assert_null(strstr(text, "\x1b[3"));
	assert_null(strstr(text, "\x1b[1m"));
	for (const char *line = text; *line; line += strcspn(line, "\r\n") + 1) {
		const char *end = strstr(line, "\x1b[K");
		assert_true(!end || end - line < 30 || strcspn(line, "\r\n") < (size_t)(end - line));
		if (!line[strcspn(line, "\r\n")])
			break;
	}
}

static void ci_and_dumb_terminals_get_plain_lines(void **state)
{
	(void)state;
	char text[16384];
	setenv("CI", "true", 1);
	run_on_terminal(text, sizeof text, 100, 0.012);
	assert_null(strchr(text, '\x1b'));
	assert_int_equal(count_of(text, "\n"), 1);
	set_environment(NULL);
	setenv("TERM", "dumb", 1);
	run_on_terminal(text, sizeof text, 100, 0.012);
	assert_null(strchr(text, '\x1b'));
}

static void without_utf8_the_terminal_gets_ascii(void **state)
{
	(void)state;
	char text[16384];
	setenv("LC_ALL", "C", 1);
	run_on_terminal(text, sizeof text, 100, 0.012);
	assert_null(strstr(text, "\u2501"));
	assert_non_null(strstr(text, "===================="));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_file_gets_a_line_an_epoch_and_one_every_30_seconds, set_environment),
		cmocka_unit_test_setup(a_terminal_gets_one_line_an_epoch_redrawn_in_place, set_environment),
		cmocka_unit_test_setup(no_color_and_narrow_windows_are_respected, set_environment),
		cmocka_unit_test_setup(ci_and_dumb_terminals_get_plain_lines, set_environment),
		cmocka_unit_test_setup(without_utf8_the_terminal_gets_ascii, set_environment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
