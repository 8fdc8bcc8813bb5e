/* progress_bar.h - the texts of the progress bar, as pure functions of what is known after a step. */
#ifndef SC_REPORT_PROGRESS_BAR_H
#define SC_REPORT_PROGRESS_BAR_H

#include <stddef.h>

#include "shortcut.h"

#define SC_BAR_TEXT_SIZE 1024 /* bytes; enough for every line */

struct sc_bar_look {
	int columns; /* of the terminal; the text is always shorter */
	bool utf8, colour;
};

/* The line on a terminal, without a line end: "938/938 ━━━━━━━━━━━━━━━━━━━━ 5s 5ms/step - accuracy: 0.9712 - loss: 0.0931". Before
 * the end of the epoch the first time is what remains, then what it took. step_seconds: time of one step. Too narrow: the bar
 * becomes shorter, then it goes, then the metrics go, last one first. */
void sc_bar_format(char text[SC_BAR_TEXT_SIZE], const struct sc_progress_event *event, double step_seconds,
		   const struct sc_bar_look *look);
/* The line for logs: "Epoch 1/5: step 938/938 - 5s 5ms/step - accuracy: ...". The time is what has passed. */
void sc_bar_format_plain(char text[SC_BAR_TEXT_SIZE], const struct sc_progress_event *event, double step_seconds);

#endif
