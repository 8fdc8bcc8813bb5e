/* test_optimizer.c - which parameters decay, and two steps of each form against numbers worked out by hand (exact in float32: the
 * constants are powers of two). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "narrow.h"
#include "train/optimizer.h"

struct fixture {
	struct sc_model *model;
	struct sc_engine engine;
	struct sc_arena memory;
	float *gradients, *velocity;
	struct sc_stretches stretches;
};

static void set_up(struct fixture *f)
{
	const struct sc_model_options shape = {.height = 32, .width = 32, .channels = 1, .classes = 3};
	const struct sc_compute one = {.threads = 1};
	f->model = make_narrow("resnet18", &shape);
	assert_non_null(f->model);
	assert_int_equal(sc_engine_init(&f->engine, &one, NULL), SC_OK);
	assert_int_equal(sc_arena_init(&f->memory, f->model->trainable_values * 8, "test", NULL), SC_OK);
	assert_int_equal(sc_stretches_make(&f->stretches, f->model, NULL, 0, NULL), SC_OK);
	f->gradients = f->memory.base;
	f->velocity = f->gradients + f->model->trainable_values;
	for (int64_t i = 0; i < f->model->trainable_values; i++)
		f->model->values[i] = 1, f->gradients[i] = 0.5f;
}

static void tear_down(struct fixture *f)
{
	sc_stretches_release(&f->stretches);
	sc_model_destroy(f->model);
	sc_engine_release(&f->engine);
	sc_arena_release(&f->memory);
}

static float value_of(const struct fixture *f, const char *name)
{
	for (int i = 0; i < f->model->parameter_count; i++)
		if (strcmp(f->model->parameters[i].name, name) == 0)
			return *sc_parameter_values(f->model, i);
	fail_msg("no parameter %s", name);
	return 0;
}

/* Two steps with gradient 1/2 from w = 1, learning rate 1/4, momentum 1/2. */
static void check_two_steps(struct sc_optimizer optimizer, float first, float second)
{
	struct fixture f = {0};
	set_up(&f);
	sc_sgd_update(&f.engine, f.model, &f.stretches, f.gradients, f.velocity, &optimizer, 0.25f);
	assert_true(value_of(&f, "conv1.weight") == first);
	sc_sgd_update(&f.engine, f.model, &f.stretches, f.gradients, f.velocity, &optimizer, 0.25f);
	assert_true(value_of(&f, "conv1.weight") == second);
	tear_down(&f);
}

static void forms_of_momentum(void **state)
{
	(void)state;
	check_two_steps((struct sc_optimizer){0}, 0.875f, 0.75f);
	/* v = 1/2, 3/4;  w = 1 - 1/8, then - 3/16 */
	check_two_steps((struct sc_optimizer){.momentum = 0.5f}, 0.875f, 0.6875f);
	/* the same in Keras' form while the rate stays: v = -1/8, -3/16 */
	check_two_steps((struct sc_optimizer){.momentum = 0.5f, .momentum_form = SC_MOMENTUM_KERAS}, 0.875f, 0.6875f);
	/* Nesterov: the step is g + m v = 3/4, 7/8 */
	check_two_steps((struct sc_optimizer){.momentum = 0.5f, .nesterov = true}, 0.8125f, 0.59375f);
	check_two_steps((struct sc_optimizer){.momentum = 0.5f, .nesterov = true, .momentum_form = SC_MOMENTUM_KERAS}, 0.8125f,
			0.59375f);
}

static void forms_of_decay(void **state)
{
	(void)state;
	/* coupled: g = 1/2 + 1/2 = 1, w = 3/4; then g = 7/8, w = 17/32 */
	check_two_steps((struct sc_optimizer){.weight_decay = 0.5f}, 0.75f, 0.53125f);
	/* decoupled: w = 7/8 - 1/8 = 3/4; then 21/32 - 1/8 = 17/32 */
	check_two_steps((struct sc_optimizer){.weight_decay = 0.5f, .weight_decay_form = SC_DECAY_DECOUPLED}, 0.75f, 0.53125f);
}

static void kernels_decay_and_the_rest_only_when_asked(void **state)
{
	(void)state;
	for (int all = 0; all < 2; all++) {
		struct fixture f = {0};
		set_up(&f);
		const struct sc_optimizer optimizer = {.weight_decay = 0.5f, .decay_all = all};
		sc_sgd_update(&f.engine, f.model, &f.stretches, f.gradients, NULL, &optimizer, 0.25f);
		float rest = all ? 0.75f : 0.875f;
		assert_true(value_of(&f, "fc.weight") == 0.75f);
		assert_true(value_of(&f, "fc.bias") == rest);
		assert_true(value_of(&f, "bn1.weight") == rest);
		assert_true(value_of(&f, "layer4.1.bn2.bias") == rest);
		assert_true(value_of(&f, "bn1.running_var") == 1); /* not trained */
		tear_down(&f);
	}
}

/* ResNet-18 at 32x32: its last maps have one pixel, so of nine taps only the one in the middle meets data. */
static void idle_weights_may_make_their_steps_late(void **state)
{
	(void)state;
	const struct sc_optimizer optimizer = {.momentum = 0.9f, .weight_decay = 0.01f};
	const float rates[3] = {0.25f, 0.125f, 0.0625f};
	struct fixture now = {0}, late = {0};
	struct sc_plan *plan;
	set_up(&now), set_up(&late);
	sc_stretches_release(&late.stretches);
	assert_int_equal(sc_plan_layout(&plan, late.model, &late.engine, SC_MODE_TRAIN, 2, NULL), SC_OK);
	assert_int_equal(sc_stretches_make(&late.stretches, late.model, (const struct sc_plan *const[]){NULL, plan}, 2, NULL), SC_OK);
	int64_t idle = 0, all = 0;
	for (int i = 0; i < late.stretches.count; i++) {
		const struct sc_stretch *s = &late.stretches.list[i];
		all += s->count;
		for (int64_t k = 0; s->idle && k < s->count; k++, idle++)
			now.gradients[s->offset + k] = late.gradients[s->offset + k] = 0;
	}
	assert_true(idle > all / 2 && idle < all);
	for (int step = 0; step < 3; step++) {
		sc_sgd_update(&now.engine, now.model, &now.stretches, now.gradients, now.velocity, &optimizer, rates[step]);
		sc_sgd_update(&late.engine, late.model, &late.stretches, late.gradients, late.velocity, &optimizer, rates[step]);
	}
	size_t bytes = (size_t)now.model->trainable_values * sizeof(float);
	assert_memory_not_equal(now.model->values, late.model->values, bytes);
	sc_sgd_catch_up(&late.engine, late.model, &late.stretches, late.velocity, &optimizer);
	assert_memory_equal(now.model->values, late.model->values, bytes);
	assert_memory_equal(now.velocity, late.velocity, bytes);
	sc_plan_destroy(plan);
	tear_down(&now), tear_down(&late);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(forms_of_momentum), cmocka_unit_test(forms_of_decay),
					   cmocka_unit_test(kernels_decay_and_the_rest_only_when_asked),
					   cmocka_unit_test(idle_weights_may_make_their_steps_late)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
