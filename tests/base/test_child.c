/* test_child.c - work in a copy of the process: its answer comes back, whole or as far as it came, and the program goes on. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/child.h"

static int touched;

static void answer_long(const void *context, FILE *answer)
{
	touched = 1; /* in the copy alone */
	for (int i = 0; i < *(const int *)context; i++)
		fprintf(answer, "%d\n", i);
}

static void the_answer_comes_back_whole(void **state)
{
	(void)state;
	const int lines = 100000; /* more than a pipe holds */
	uint8_t *answer;
	int64_t bytes;
	assert_int_equal(sc_child_run(answer_long, &lines, &answer, &bytes, "a test", NULL), SC_OK);
	assert_int_equal(bytes, 588890);
	assert_memory_equal(answer, "0\n1\n2\n", 6);
	assert_memory_equal(answer + bytes - 6, "99999\n", 6);
	assert_int_equal(touched, 0);
	free(answer);
}

static void die_of(int signal_number, FILE *answer)
{
	fputs("begun", answer);
	fflush(answer);
	fputs("never sent", answer);
	raise(signal_number);
}

static void crash(const void *context, FILE *answer)
{
	(void)context;
	die_of(SIGSEGV, answer);
}

static void abort_loudly(const void *context, FILE *answer)
{
	(void)context;
	fputs("this must not be seen\n", stderr);
	die_of(SIGABRT, answer);
}

static void end_at_once(const void *context, FILE *answer)
{
	(void)context;
	(void)answer;
	_exit(3);
}

static void a_death_leaves_what_was_sent(void **state)
{
	(void)state;
	static const struct {
		sc_child_work *work;
		const char *answer;
	} cases[] = {{crash, "begun"}, {abort_loudly, "begun"}, {end_at_once, ""}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *answer;
		int64_t bytes;
		assert_int_equal(sc_child_run(cases[i].work, NULL, &answer, &bytes, "a test", NULL), SC_OK);
		assert_int_equal(bytes, strlen(cases[i].answer));
		assert_memory_equal(answer, cases[i].answer, (size_t)bytes);
		free(answer);
	}
}

/* A program that waits for all of its children may have taken ours. */
static void ignored_children_are_no_failure(void **state)
{
	(void)state;
	const int lines = 1;
	uint8_t *answer;
	int64_t bytes;
	signal(SIGCHLD, SIG_IGN);
	assert_int_equal(sc_child_run(answer_long, &lines, &answer, &bytes, "a test", NULL), SC_OK);
	signal(SIGCHLD, SIG_DFL);
	assert_int_equal(bytes, 2);
	free(answer);
}

static void no_process_is_an_error(void **state)
{
	(void)state;
	struct rlimit files, none;
	struct sc_error error = {0};
	uint8_t *answer;
	int64_t bytes;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	none = files;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	enum sc_status status = sc_child_run(end_at_once, NULL, &answer, &bytes, "net.h5", &error);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	assert_int_equal(status, SC_ERROR_READ);
	assert_string_equal(error.message, "net.h5: no process to read it in: Too many open files");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_answer_comes_back_whole),
		cmocka_unit_test(a_death_leaves_what_was_sent),
		cmocka_unit_test(ignored_children_are_no_failure),
		cmocka_unit_test(no_process_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
