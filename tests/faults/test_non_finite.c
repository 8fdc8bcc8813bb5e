/* test_non_finite.c - numbers that are infinite or none, put into a training step: found in the same step, before anything has changed,
 * and named; and what then becomes of the training.
 *
 * The functions of a plan's steps are replaced by one that runs them and puts a number into what they wrote. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "engine/schedule.h"
#include "faults/options.h"
#include "io/file.h"
#include "temporary.h"
#include "train/fit_options.h"
#include "train/session.h"

static struct sc_data *data; /* 12 images */

/* cifar20 on images of 8x8: small, with every kind of node but max-pooling, which resnet18 has. */
static struct sc_model *make_model(const char *name)
{
	struct sc_model *model = NULL;
	const struct sc_model_options shape = {.height = 8, .width = 8, .channels = 1, .classes = 10, .preprocess = {.resize = true}};
	assert_int_equal(sc_model_create(&model, name, &shape, NULL), SC_OK);
	return model;
}

static void begin(struct sc_session *session, struct sc_model *model, const struct sc_fit_options *options)
{
	struct sc_fit_options resolved;
	struct sc_error error = {0};
	enum sc_status status = sc_fit_options_resolve(&resolved, options, &error);
	if (!status)
		status = sc_session_init(session, model, data, &resolved, &error);
	if (status)
		fail_msg("%s", error.message);
}

/* ---- Putting numbers into results ----------------------------------------------------------------------------------------- */

static struct {
	int step;
	step_function run; /* the step's own */
	float *at;
	float value;
	bool before; /* into what it reads */
	bool (*wanted)(void); /* NULL: always */
} injection;

static void run_and_inject(const struct sc_plan *plan, const struct step *s)
{
	bool now = !injection.wanted || injection.wanted();
	if (now && injection.before)
		*injection.at = injection.value;
	injection.run(plan, s);
	if (now && !injection.before)
		*injection.at = injection.value;
}

static void inject(struct sc_plan *plan, int step, float *at, float value)
{
	injection.step = step, injection.at = at, injection.value = value;
	injection.run = plan->steps[step].run;
	plan->steps[step].run = run_and_inject;
}

static void take_out(struct sc_plan *plan)
{
	plan->steps[injection.step].run = injection.run;
}

/* ---- Everywhere ------------------------------------------------------------------------------------------------------------ */

struct campaign {
	struct sc_session session;
	struct sc_model *model;
	float *values, *velocity; /* as they were */
	int64_t caught, without_effect, tried;
	uint64_t number;
};

static void restore(struct campaign *c)
{
	memcpy(c->model->values, c->values, (size_t)c->model->value_count * sizeof(float));
	memcpy(c->session.velocity, c->velocity, (size_t)c->model->trainable_values * sizeof(float));
	c->session.at = (struct sc_checkpoint){.rate_factor = 1};
	c->session.bounds = sc_update_bounds_unknown();
}

/* Not found: then a rectifier or a mask has dropped it, as it would have dropped a finite number of its kind. */
static void expect_no_effect(struct campaign *c, const char *layer)
{
	float *after = malloc((size_t)c->model->value_count * sizeof(float));
	memcpy(after, c->model->values, (size_t)c->model->value_count * sizeof(float));
	restore(c);
	injection.value = isnan(injection.value) ? 0 : copysignf(1e30f, injection.value);
	assert_int_equal(sc_session_step(&c->session, NULL), SC_OK);
	if (memcmp(after, c->model->values, (size_t)c->model->value_count * sizeof(float)) != 0)
		fail_msg("%s: a number that is not finite was not found, and changed the weights", layer);
	free(after);
}

/* One number, at one of `count` places from `numbers` on. Gives whether it was found. */
static bool try_once(struct campaign *c, int step, float *numbers, int64_t count, float value)
{
	struct sc_error error = {0};
	struct sc_random random = sc_random_stream(fault_seed, SC_PURPOSE_AUGMENT, 0, c->number++);
	const char *layer = step_node(c->session.plan, &c->session.plan->steps[step])->name;
	inject(c->session.plan, step, numbers + sc_random_below(&random, (uint64_t)count), value);
	restore(c);
	bool found = sc_session_step(&c->session, &error) == SC_ERROR_NON_FINITE;
	c->tried++;
	if (found) {
		c->caught++;
		assert_memory_equal(c->model->values, c->values, (size_t)c->model->value_count * sizeof(float));
		assert_memory_equal(c->session.velocity, c->velocity, (size_t)c->model->trainable_values * sizeof(float));
		char named[160];
		snprintf(named, sizeof(named), ": %s: ", layer);
		if (!strstr(error.message, named) || strcmp(error.subject, layer) != 0)
			fail_msg("%s: %s", layer, error.message);
	} else {
		c->without_effect++;
		expect_no_effect(c, layer);
	}
	take_out(c->session.plan);
	return found;
}

#define MOST_TRIES 24

static void try_all_values(struct campaign *c, int step, float *numbers, int64_t count)
{
	const float values[] = {NAN, INFINITY, -INFINITY};
	const struct sc_plan *plan = c->session.plan;
	for (int i = 0; i < 3; i++) {
		bool found = false;
		/* a rectifier makes zero of minus infinity, alone or with a finite number added */
		bool may_vanish = i == 2 && step < plan->forward_end;
		for (int n = 0; n < (may_vanish ? 2 : MOST_TRIES) && !found; n++)
			found = try_once(c, step, numbers, count, values[i]);
		if (!found && !may_vanish)
			fail_msg("step %d, %s: %g was never found", step, step_node(plan, &plan->steps[step])->name, (double)values[i]);
	}
}

static void try_parameter(struct campaign *c, int step, int parameter)
{
	if (parameter != SC_NONE)
		try_all_values(c, step, c->session.gradients + c->model->parameters[parameter].offset,
			       c->model->parameters[parameter].count);
}

static void try_step(struct campaign *c, int i)
{
	const struct sc_plan *plan = c->session.plan;
	const struct step *s = &plan->steps[i];
	const struct sc_node *n = step_node(plan, s);
	int reads = s->pass == PASS_SUM ? s->node : n->inputs[0];
	if (s->dst != SC_NONE && (i < plan->forward_end || s->pass == PASS_AGAIN))
		try_all_values(c, i, buffer_at(plan, s->dst), node_numbers(plan, s->node));
	if (s->diff_src != SC_NONE)
		try_all_values(c, i, buffer_at(plan, s->diff_src), node_numbers(plan, reads));
	if (s->diff_second != SC_NONE)
		try_all_values(c, i, buffer_at(plan, s->diff_second), node_numbers(plan, s->node));
	if (gives_parameter_gradients(plan, s)) {
		try_parameter(c, i, n->weight);
		try_parameter(c, i, n->bias);
	}
}

static void run_campaign(const char *name, bool no_fuse)
{
	const struct sc_fit_options options = {
		.batch = 6, .optimizer = {.momentum = 0.9f}, .compute = {.threads = 1, .no_fuse = no_fuse}, .no_shuffle = true};
	struct campaign c = {.model = make_model(name)};
	begin(&c.session, c.model, &options);
	struct sc_plan *plan = c.session.plan;
	for (int64_t i = 0; i < 6; i++)
		c.session.order[i] = i;
	c.values = malloc((size_t)c.model->value_count * sizeof(float));
	c.velocity = calloc((size_t)c.model->trainable_values, sizeof(float));
	memcpy(c.values, c.model->values, (size_t)c.model->value_count * sizeof(float));
	for (int i = plan->forward_begin; i < plan->step_count; i++)
		if (i != plan->forward_end)
			try_step(&c, i);
	injection.before = true; /* the inputs: images, and the gradient that the loss gives */
	try_all_values(&c, plan->forward_begin, sc_plan_images(plan), node_numbers(plan, 0));
	int first = plan->forward_end + 1;
	try_all_values(&c, first, buffer_at(plan, plan->steps[first].diff_dst), node_numbers(plan, plan->steps[first].node));
	injection.before = false;
	printf("%s%s: %lld numbers put into %d steps: %lld found in the same step and named, %lld dropped without effect\n", name,
	       no_fuse ? ", not fused" : "", (long long)c.tried, plan->step_count - 1, (long long)c.caught, (long long)c.without_effect);
	assert_true(c.caught > 3 * plan->step_count);
	sc_session_release(&c.session);
	sc_model_destroy(c.model);
	free(c.values);
	free(c.velocity);
}

static void found_in_every_layer(void **state)
{
	(void)state;
	run_campaign("cifar20", false);
}

static void found_in_every_layer_that_is_not_fused(void **state)
{
	(void)state;
	run_campaign("cifar20", true);
}

/* ---- What nobody put in ------------------------------------------------------------------------------------------------------ */

static void expect_stop(struct sc_model *model, float learning_rate, const char *message)
{
	const struct sc_fit_options options = {
		.batch = 4, .optimizer = {.learning_rate = learning_rate, .momentum = 0.9f}, .compute = {.threads = 1}};
	struct sc_error error = {0};
	char before[SC_HASH_SIZE], after[SC_HASH_SIZE];
	assert_int_equal(sc_model_hash(model, before, NULL), SC_OK);
	assert_int_equal(sc_fit(model, data, &options, NULL, &error), SC_ERROR_NON_FINITE);
	if (!strstr(error.message, message))
		fail_msg("%s", error.message);
	assert_int_equal(sc_model_hash(model, after, NULL), SC_OK);
	assert_string_equal(before, after);
	sc_model_destroy(model);
}

/* Loss and gradients are finite; the weights would not be. */
static void update_that_overflows(void **state)
{
	(void)state;
	struct sc_model *model = make_model("cifar20");
	for (int i = 0; i < model->parameter_count; i++) /* gradients of conv1 are large where its weights are small */
		if (strcmp(model->parameters[i].name, "conv1.weight") == 0)
			for (int64_t k = 0; k < model->parameters[i].count; k++)
				sc_parameter_values(model, i)[k] *= 1e-4f;
	expect_stop(model, 3e38f, "the update would make it infinite; no weight was changed");
}

/* A variance that overflows is divided by, so that loss and gradients stay finite. */
static void variance_that_overflows(void **state)
{
	(void)state;
	struct sc_model *model = make_model("cifar20");
	model->preprocess.deviation[0] = 1e-22f;
	expect_stop(model, 0.01f, "bn1: mean or variance of its batch is not finite (inf)");
}

static void images_that_are_not_finite(void **state)
{
	(void)state;
	struct sc_model *model = make_model("cifar20");
	model->preprocess.deviation[0] = 1;
	model->preprocess.mean[0] = NAN;
	expect_stop(model, 0.01f, "input: images is not finite (nan), first at image 1 of the batch, sample ");
}

/* ---- Policies -------------------------------------------------------------------------------------------------------------- */

#define STEPS 6 /* an epoch */

static struct sc_session session;
static int64_t bad_from, bad_to; /* finished steps before which a step is bad */
static double bad_above;         /* only while the learning rate's factor is larger */
static int64_t stop_at, skipped_steps, told_steps;
static char hashes[3 * STEPS + 1][SC_HASH_SIZE];

static bool step_is_bad(void)
{
	return session.at.step >= bad_from && session.at.step <= bad_to && session.at.rate_factor > bad_above;
}

static int note_step(void *user, const struct sc_progress_event *event)
{
	(void)user;
	if (event->epoch_end)
		return 0;
	told_steps++;
	skipped_steps += event->skipped;
	assert_int_equal(sc_model_hash(session.model, hashes[event->global_step], NULL), SC_OK);
	return event->global_step == stop_at;
}

static enum sc_status train(const char *run, bool resume, enum sc_non_finite_policy policy, char hash[SC_HASH_SIZE],
			    struct sc_error *error)
{
	struct sc_model *model = make_model("cifar20");
	char run_path[128];
	snprintf(run_path, sizeof(run_path), "%s/%s", folder, run);
	const struct sc_fit_options options = {.epochs = 3,
					       .batch = 2,
					       .optimizer = {.momentum = 0.9f},
					       .compute = {.threads = 1},
					       .run = run_path,
					       .resume = resume ? run_path : NULL,
					       .checkpoint_steps = 2,
					       .on_non_finite = policy,
					       .progress = note_step};
	skipped_steps = told_steps = 0;
	begin(&session, model, &options);
	inject(session.plan, session.plan->forward_begin + 3, buffer_at(session.plan, session.plan->steps[3].dst), NAN);
	injection.wanted = step_is_bad;
	enum sc_status status = sc_session_run(&session, error);
	injection.wanted = NULL;
	assert_int_equal(sc_model_hash(model, hash, NULL), SC_OK);
	sc_session_release(&session);
	sc_model_destroy(model);
	return status;
}

static void bad_steps(int64_t from, int64_t to, double above)
{
	bad_from = from, bad_to = to, bad_above = above;
}

static void skipped_steps_change_nothing(void **state)
{
	(void)state;
	char hash[SC_HASH_SIZE], resumed[SC_HASH_SIZE];
	struct sc_error error = {0};
	bad_steps(7, 8, 0);
	assert_int_equal(train("skip", false, SC_NON_FINITE_SKIP, hash, &error), SC_OK);
	assert_int_equal(skipped_steps, 2);
	assert_int_equal(told_steps, 3 * STEPS);
	assert_string_equal(hashes[8], hashes[7]);
	assert_string_equal(hashes[9], hashes[7]);
	assert_string_not_equal(hashes[10], hashes[9]);
	stop_at = 8; /* between the two */
	assert_int_equal(train("skip-stopped", false, SC_NON_FINITE_SKIP, resumed, &error), SC_ERROR_STOPPED);
	stop_at = 0;
	assert_int_equal(train("skip-stopped", true, SC_NON_FINITE_SKIP, resumed, &error), SC_OK);
	assert_string_equal(hash, resumed);
}

static void skips_come_to_an_end(void **state)
{
	(void)state;
	char hash[SC_HASH_SIZE];
	struct sc_error error = {0};
	bad_steps(4, 1000, 0);
	assert_int_equal(train("skips", false, SC_NON_FINITE_SKIP, hash, &error), SC_ERROR_NON_FINITE);
	assert_int_equal(skipped_steps, 3);
	assert_int_equal(told_steps, 4 + 3);
	assert_string_equal(hash, hashes[4]);
	assert_non_null(strstr(error.message, "3 steps in a row were skipped before it"));
	stop_at = 7; /* the count goes on in a run that is resumed */
	assert_int_equal(train("skips-stopped", false, SC_NON_FINITE_SKIP, hash, &error), SC_ERROR_STOPPED);
	stop_at = 0;
	assert_int_equal(train("skips-stopped", true, SC_NON_FINITE_SKIP, hash, &error), SC_ERROR_NON_FINITE);
	assert_int_equal(told_steps, 0);
}

static void rollback_halves_the_learning_rate(void **state)
{
	(void)state;
	char hash[SC_HASH_SIZE], resumed[SC_HASH_SIZE], *steps = NULL, name[128];
	struct sc_error error = {0};
	bad_steps(STEPS + 1, STEPS + 1, 0.3); /* until the rate is a quarter */
	assert_int_equal(train("rollback", false, SC_NON_FINITE_ROLLBACK, hash, &error), SC_OK);
	assert_int_equal(told_steps, 3 * STEPS + 2); /* step 7 twice more: the checkpoint is that of step 6 */
	snprintf(name, sizeof(name), "%s/rollback/steps.csv", folder);
	assert_int_equal(sc_file_read_text(&steps, name, 1 << 20, NULL), SC_OK);
	int64_t rows = 0;
	for (char *line = strchr(steps, '\n') + 1; *line; line = strchr(line, '\n') + 1, rows++)
	{
		double rate = 0;
		assert_int_equal(sscanf(line, "%*[^,],%*[^,],%*[^,],%*[^,],%lf", &rate), 1);
		assert_true((float)rate == (rows >= STEPS ? 0.01f / 4 : 0.01f));
	}
	assert_int_equal(rows, 3 * STEPS);
	free(steps);
	stop_at = STEPS + 4;
	assert_int_equal(train("rollback-stopped", false, SC_NON_FINITE_ROLLBACK, resumed, &error), SC_ERROR_STOPPED);
	stop_at = 0;
	assert_int_equal(train("rollback-stopped", true, SC_NON_FINITE_ROLLBACK, resumed, &error), SC_OK);
	assert_string_equal(hash, resumed);
}

static void rollbacks_come_to_an_end(void **state)
{
	(void)state;
	char hash[SC_HASH_SIZE];
	struct sc_error error = {0};
	bad_steps(5, 5, 0);
	assert_int_equal(train("rollbacks", false, SC_NON_FINITE_ROLLBACK, hash, &error), SC_ERROR_NON_FINITE);
	assert_non_null(strstr(error.message, "3 rollbacks to the same checkpoint were tried before it"));
	/* A run that stopped may go on with another policy. */
	assert_int_equal(train("rollbacks", true, SC_NON_FINITE_SKIP, hash, &error), SC_OK);
}

static void rollback_needs_a_run(void **state)
{
	(void)state;
	struct sc_model *model = make_model("cifar20");
	struct sc_error error = {0};
	const struct sc_fit_options options = {.on_non_finite = SC_NON_FINITE_ROLLBACK};
	assert_int_equal(sc_fit(model, data, &options, NULL, &error), SC_ERROR_ARGUMENT);
	assert_string_equal(error.subject, "on_non_finite");
	sc_model_destroy(model);
}

/* Not even the checkpoint of the beginning. */
static void no_checkpoint_holds_one(void **state)
{
	(void)state;
	struct sc_model *model = make_model("cifar20");
	struct sc_error error = {0};
	char run[64], name[128];
	snprintf(run, sizeof(run), "%s/bad", folder);
	snprintf(name, sizeof(name), "%s/checkpoints/step-0000000000.safetensors", run);
	sc_parameter_values(model, 3)[1] = -INFINITY;
	const struct sc_fit_options options = {.run = run};
	assert_int_equal(sc_fit(model, data, &options, NULL, &error), SC_ERROR_NON_FINITE);
	assert_string_equal(error.subject, model->parameters[3].name);
	FILE *file = fopen(name, "rb");
	assert_null(file);
	sc_model_destroy(model);
}

static int set_up(void **state)
{
	const struct sc_data_options some = {.take = 12, .data_dir = SC_SOURCE_DIR "/data"};
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
	const struct CMUnitTest tests[] = {cmocka_unit_test(found_in_every_layer),
					   cmocka_unit_test(found_in_every_layer_that_is_not_fused),
					   cmocka_unit_test(update_that_overflows),
					   cmocka_unit_test(variance_that_overflows),
					   cmocka_unit_test(images_that_are_not_finite),
					   cmocka_unit_test(skipped_steps_change_nothing),
					   cmocka_unit_test(skips_come_to_an_end),
					   cmocka_unit_test(rollback_halves_the_learning_rate),
					   cmocka_unit_test(rollbacks_come_to_an_end),
					   cmocka_unit_test(rollback_needs_a_run),
					   cmocka_unit_test(no_checkpoint_holds_one)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
