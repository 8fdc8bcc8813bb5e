/* train_interrupt.c - signals in a training: the first asks for a checkpoint and an end after the step, the second ends at once.
 *
 * SIGINT is Ctrl-C, SIGTERM what a system sends that goes down, SIGUSR1 what batch systems send before the time is up. */
#include <signal.h>
#include <unistd.h>

#include "train.h"

static volatile sig_atomic_t caught;

static void catch_signal(int number)
{
	if (caught != 0)
		_exit(128 + number);
	caught = number;
}

/* A signal that was ignored when the program began (nohup, a script's background job) stays so. */
static void set_handler(int number, void (*handler)(int))
{
	struct sigaction old, action = {.sa_handler = handler, .sa_flags = SA_RESTART}; /* files being written are not to notice */

	sigemptyset(&action.sa_mask);
	if (sigaction(number, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		sigaction(number, &action, NULL);
}

void train_catch_signals(void)
{
	set_handler(SIGINT, catch_signal);
	set_handler(SIGTERM, catch_signal);
	set_handler(SIGUSR1, catch_signal);
}

int train_caught_signal(void)
{
	return caught;
}

void train_release_signals(void)
{
	set_handler(SIGINT, SIG_DFL);
	set_handler(SIGTERM, SIG_DFL);
	set_handler(SIGUSR1, SIG_DFL);
}
