/* test_allocations.c - after the plan is made, the steps of a training allocate nothing, and memory stays within the promise.
 * The calls are counted by faults/allocator.c; memory is measured without sanitizers, which take their own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "faults/allocator.h"
#include "shortcut.h"

struct count {
	long before, during; /* allocations up to the first step's end; between it and the last step's end */
	long steps;
};

static int count_steps(void *user, const struct sc_progress_event *event)
{
	struct count *count = user;
	if (event->epoch_end)
		return 0;
	if (count->steps++ == 0)
		count->before = allocation_count();
	count->during = allocation_count() - count->before;
	return 0;
}

static void a_step_allocates_nothing(void **state)
{
	(void)state;
#ifdef NOT_INTERPOSED
	skip();
#endif
	char folder[] = "/tmp/shortcut-allocations-XXXXXX", run[128], command[256];
	struct sc_data *data = NULL;
	struct sc_model *model = NULL;
	struct count count = {0};
	struct sc_error error = {0};
	const struct sc_data_options data_options = {.take = 300, .data_dir = SC_SOURCE_DIR "/data"};
	const struct sc_model_options model_options = {.height = 28, .width = 28, .channels = 1, .classes = 10};
	assert_non_null(mkdtemp(folder));
	snprintf(run, sizeof(run), "%s/run", folder);
	assert_int_equal(sc_data_open(&data, "mnist", &data_options, NULL), SC_OK);
	assert_int_equal(sc_model_create(&model, "resnet18", &model_options, NULL), SC_OK);
	const struct sc_fit_options options = {
		/* nine whole batches and a smaller one, written down step by step */
		.batch = 32,    .optimizer = {.momentum = 0.9f}, .run = run, .compute = {.threads = 2}, .progress = count_steps,
		.user = &count,
	};
	if (sc_fit(model, data, &options, NULL, &error) != SC_OK)
		fail_msg("%s", error.message);
	assert_int_equal(count.steps, 10);
	assert_true(count.before > 0); /* the counter counts */
	assert_int_equal(count.during, 0);
	sc_model_destroy(model);
	sc_data_destroy(data);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

/* Peak memory within 5 % + 20 MB of the promise, both ways: a promise is no good that is far too large. The whole process is
 * measured, so each training is the largest thing that this program has done before its end. */
static void check_promise(const char *preset, const struct sc_fit_options *options)
{
	struct sc_data *data = NULL;
	struct sc_model *model = NULL;
	struct sc_fit_result result;
	struct rusage usage;
	const struct sc_data_options data_options = {.data_dir = SC_SOURCE_DIR "/data"};
	const struct sc_model_options model_options = {.height = 28, .width = 28, .channels = 1, .classes = 10};
	assert_int_equal(sc_data_open(&data, "mnist", &data_options, NULL), SC_OK);
	assert_int_equal(sc_model_create(&model, preset, &model_options, NULL), SC_OK);
	assert_int_equal(sc_fit(model, data, options, &result, NULL), SC_OK);
	assert_true(options->memory == 0 || result.promised_bytes <= options->memory);
	getrusage(RUSAGE_SELF, &usage);
	double peak = (double)usage.ru_maxrss * 1024, promised = (double)result.promised_bytes;
	if (peak > promised * 1.05 + 20e6 || peak < promised * 0.95 - 20e6)
		fail_msg("promised %.1f MB, used %.1f MB", promised / 1e6, peak / 1e6);
	sc_model_destroy(model);
	sc_data_destroy(data);
}

/* A training that would take 240 MB, made to do with 140. */
static void memory_stays_within_a_limit(void **state)
{
	(void)state;
#ifdef SANITIZED
	skip();
#endif
	const struct sc_fit_options options = {.batch = 128, .steps = 1, .optimizer = {.momentum = 0.9f}, .memory = 140000000,
					       .compute = {.threads = 2}};
	check_promise("cifar32", &options);
}

static void memory_stays_within_the_promise(void **state)
{
	(void)state;
#ifdef SANITIZED
	skip();
#endif
	const struct sc_fit_options options = {
		.batch = 128, .steps = 2, .optimizer = {.momentum = 0.9f}, .validation_split = 0.2f / 48};
	check_promise("resnet18", &options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(memory_stays_within_a_limit), cmocka_unit_test(a_step_allocates_nothing),
					   cmocka_unit_test(memory_stays_within_the_promise)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
