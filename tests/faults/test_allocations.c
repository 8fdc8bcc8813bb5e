/* test_allocations.c - each allocation fails, one after the other, once and with all after it, in everything that the library
 * does: an error that speaks of memory, or the right result; nothing leaks, and the same objects work afterwards. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "model/keras.h"
#include "faults/small_training.h" /* behind headers whose parameters have the names of its variables */
#include "faults/try_allocations.h"

#define MANY 32 /* images: their layers' results need more memory than any kernel's workspace, on every instruction set */

static char fresh_run[96];
static int64_t fresh_runs;
static char hash[SC_HASH_SIZE]; /* of the model */

static int64_t whole_plan_bytes; /* of a training in batches of MANY, on one thread */

/* ---- What is tried --------------------------------------------------------------------------------------------------------- */

static enum sc_status create_model(struct sc_error *error)
{
	struct sc_model *made = NULL;
	enum sc_status status = sc_model_create(&made, net, &shape, error);
	sc_model_destroy(made);
	return status;
}

static enum sc_status make_plan(enum sc_mode mode, int threads, struct sc_error *error)
{
	struct sc_plan *plan = NULL;
	const struct sc_plan_options options = {.mode = mode, .batch = 2, .compute = {.threads = threads}};
	enum sc_status status = sc_plan_create(&plan, model, &options, error);
	sc_plan_destroy(plan);
	return status;
}

static enum sc_status make_train_plan(struct sc_error *error)
{
	return make_plan(SC_MODE_TRAIN, 1, error);
}

static enum sc_status make_infer_plan(struct sc_error *error)
{
	return make_plan(SC_MODE_INFER, 1, error);
}

/* One byte less than the plan would take: a block is computed again. */
static enum sc_status make_plan_in_less_memory(struct sc_error *error)
{
	struct sc_plan *plan = NULL;
	const struct sc_plan_options options = {.batch = MANY, .compute = {.threads = 1}, .memory = whole_plan_bytes - 1};
	enum sc_status status = sc_plan_create(&plan, model, &options, error);
	if (!status)
		assert_true(sc_plan_block_count(plan) > 0);
	sc_plan_destroy(plan);
	return status;
}

static enum sc_status make_plan_with_threads(struct sc_error *error)
{
	return make_plan(SC_MODE_INFER, 3, error);
}

static enum sc_status load_data(struct sc_error *error)
{
	struct sc_data *opened = NULL;
	const struct sc_data_options some = {.take = 5};
	enum sc_status status = sc_data_open(&opened, images, &some, error);
	if (!status)
		assert_int_equal(sc_data_count(opened), 5);
	sc_data_destroy(opened);
	return status;
}

static enum sc_status train_a_step(struct sc_error *error)
{
	struct sc_fit_options options = fit_options();
	options.steps = 1;
	return fit(&options, error);
}

/* A whole run: folder, config, checkpoints, tables, weights. */
static enum sc_status train_and_save(struct sc_error *error)
{
	struct sc_fit_options options = fit_options();
	snprintf(fresh_run, sizeof(fresh_run), "%s/run-%lld", folder, (long long)fresh_runs++);
	options.run = fresh_run;
	return fit(&options, error);
}

static enum sc_status resume(struct sc_error *error)
{
	struct sc_fit_options options = fit_options();
	options.resume = run;
	options.steps = 1; /* those that it has: loading is what counts */
	return fit(&options, error);
}

static enum sc_status run_options(struct sc_error *error)
{
	struct sc_fit_options options;
	struct sc_model *made = NULL;
	enum sc_status status = sc_run_options(run, &options, error);
	if (!status)
		status = sc_run_model(&made, run, error);
	sc_model_destroy(made);
	return status;
}

static enum sc_status load(struct sc_error *error)
{
	struct sc_model *loaded = NULL;
	enum sc_status status = sc_model_load(&loaded, run, error);
	sc_model_destroy(loaded);
	return status;
}

static enum sc_status hash_run(struct sc_error *error)
{
	char found[SC_HASH_SIZE];
	return sc_hash_file(found, run, error);
}

static enum sc_status evaluate(struct sc_error *error)
{
	struct sc_score score;
	const struct sc_evaluate_options options = {.compute = {.threads = 1}};
	return sc_evaluate(model, data, &options, &score, error);
}

static enum sc_status predict(struct sc_error *error)
{
	uint8_t pixels[64] = {1, 2, 3};
	float probabilities[10];
	const struct sc_image image = {8, 8, 1, pixels};
	return sc_predict(model, &image, 1, probabilities, error);
}

/* As `shortcut convert` does: out to each format, and back into a model. */
static enum sc_status convert(const char *name, struct sc_error *error)
{
	char file[128];
	struct sc_model *back = NULL;
	snprintf(file, sizeof(file), "%s/%s", folder, name);
	enum sc_status status = sc_model_save(model, file, error);
	if (!status)
		status = sc_model_create(&back, net, &shape, error);
	if (!status)
		status = sc_model_read_weights(back, file, error);
	if (!status) {
		char found[SC_HASH_SIZE];
		status = sc_model_hash(back, found, error);
		if (!status)
			assert_string_equal(found, hash);
	}
	sc_model_destroy(back);
	return status;
}

static enum sc_status convert_safetensors(struct sc_error *error)
{
	return convert("net.safetensors", error);
}

static enum sc_status convert_torch(struct sc_error *error)
{
	return convert("net.pth", error);
}

static enum sc_status convert_numpy(struct sc_error *error)
{
	return convert("net.npz", error);
}

/* The part of a .keras that is ours; libhdf5, which writes the rest, does not bear every failure. */
static enum sc_status describe_for_keras(struct sc_error *error)
{
	char *text = NULL;
	enum sc_status status = sc_keras_config(model, &text, error);
	free(text);
	return status;
}

TEST(create_model)
TEST(make_train_plan)
TEST(make_infer_plan)
TEST(make_plan_in_less_memory)
TEST(make_plan_with_threads)
TEST(load_data)
TEST(train_a_step)
TEST(train_and_save)
TEST(resume)
TEST(run_options)
TEST(load)
TEST(hash_run)
TEST(evaluate)
TEST(predict)
TEST(convert_safetensors)
TEST(convert_torch)
TEST(convert_numpy)
TEST(describe_for_keras)

/* ---- Before and after ------------------------------------------------------------------------------------------------------- */

static int measure_plan(void)
{
	struct sc_plan *plan = NULL;
	const struct sc_plan_options options = {.batch = MANY, .compute = {.threads = 1}};
	if (sc_plan_create(&plan, model, &options, NULL))
		return 1;
	whole_plan_bytes = sc_plan_promised_bytes(plan);
	sc_plan_destroy(plan);
	return 0;
}

static int set_up(void **state)
{
	return make_training(state) || measure_plan() || sc_model_hash(model, hash, NULL);
}

int main(int count, char **words)
{
	if (!begin_allocations(count, words))
		return 0;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(try_create_model),	  cmocka_unit_test(try_make_train_plan), cmocka_unit_test(try_make_infer_plan),
		cmocka_unit_test(try_make_plan_in_less_memory),
		cmocka_unit_test(try_make_plan_with_threads),
		cmocka_unit_test(try_load_data),	cmocka_unit_test(try_train_a_step),
		cmocka_unit_test(try_train_and_save),	 cmocka_unit_test(try_resume),		 cmocka_unit_test(try_run_options),
		cmocka_unit_test(try_load),		  cmocka_unit_test(try_hash_run),	 cmocka_unit_test(try_evaluate),
		cmocka_unit_test(try_predict),		  cmocka_unit_test(try_convert_safetensors),
		cmocka_unit_test(try_convert_torch),	  cmocka_unit_test(try_convert_numpy),
		cmocka_unit_test(try_describe_for_keras)};
	return cmocka_run_group_tests(tests, set_up, remove_training);
}
