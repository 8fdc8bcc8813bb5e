/* test_every_step.c (slow test) - a training that is stopped after each of its steps and gone on with: the same weights, the same row of
 * each step and epoch. The rows hold the losses, so that no sample was seen twice or left out.
 *
 * --count N: stops after N of the steps, spread evenly; every third going on is stopped a second time, some steps later. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "faults/options.h"
#include "faults/tables.h"
#include "shortcut.h"
#include "temporary.h"

#define STEPS 60 /* 3 epochs of 20, the last one of each smaller */

static struct sc_data *data;
static int64_t stop_at;

static int stop_there(void *user, const struct sc_progress_event *event)
{
	(void)user;
	return event->global_step == stop_at && !event->epoch_end;
}

static void train(const char *run, bool resume, int64_t stop)
{
	struct sc_model *model = NULL;
	struct sc_error error = {0};
	const struct sc_model_options shape = {.height = 8, .width = 8, .channels = 1, .classes = 10, .preprocess = {.resize = true}};
	const struct sc_fit_options options = {.epochs = 3,
					       .batch = 2,
					       .optimizer = {.momentum = 0.9f, .weight_decay = 1e-3f},
					       .schedule = {.kind = SC_SCHEDULE_COSINE, .warmup_epochs = 0.5f},
					       .validation_split = 0.13f, /* 39 of 45 images train: 19 pairs and one alone */
					       .seed = fault_seed,
					       .compute = {.threads = 1},
					       .run = run,
					       .resume = resume ? run : NULL,
					       .progress = stop_there};
	stop_at = stop;
	assert_int_equal(sc_model_create(&model, "cifar20", &shape, NULL), SC_OK);
	enum sc_status status = sc_fit(model, data, &options, NULL, &error);
	if (status != (stop ? SC_ERROR_STOPPED : SC_OK))
		fail_msg("stop after step %lld: status %d: %s", (long long)stop, status, error.message);
	sc_model_destroy(model);
}

static void stopped_after_each_step(void **state)
{
	(void)state;
	char whole[64], run[64];
	long count = fault_count == 0 ? STEPS / 4 : fault_count < STEPS ? fault_count : STEPS; /* the short form takes each fourth */
	snprintf(whole, sizeof(whole), "%s/whole", folder);
	train(whole, false, 0);
	for (long i = 0; i < count; i++) {
		int64_t stop = 1 + i * STEPS / count, again = stop + 1 + i % 7;
		snprintf(run, sizeof(run), "%s/run-%lld", folder, (long long)stop);
		train(run, false, stop);
		if (i % 3 == 0 && again < STEPS)
			train(run, true, again);
		train(run, true, 0);
		expect_equal_runs(run, whole);
	}
	printf("stopped after %ld of %d steps: %ld trainings equal to the one that was not stopped, seed %llu\n", count, STEPS, count,
	       (unsigned long long)fault_seed);
}

static int set_up(void **state)
{
	const struct sc_data_options some = {.take = 45, .data_dir = SC_SOURCE_DIR "/data"};
	return make_folder(state) || sc_data_open(&data, "mnist", &some, NULL);
}

static int tear_down(void **state)
{
	sc_data_destroy(data);
	return remove_folder(state);
}

int main(int count, char **words)
{
	read_options(count, words);
	const struct CMUnitTest tests[] = {cmocka_unit_test(stopped_after_each_step)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
