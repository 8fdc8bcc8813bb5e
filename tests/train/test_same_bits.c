/* test_same_bits.c (slow test) - the bit contract in short: the weights after two steps of training have one SHA-256, for any
 * number of threads and every instruction set of this processor. scripts/same-bits is the long form, with compilers and
 * optimisations. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/kernels.h"
#include "narrow.h"
#include "shortcut.h"

static void train(char hash[SC_HASH_SIZE], const struct sc_data *data, const char *net, int threads, const char *isa)
{
	struct sc_error error = {0};
	const struct sc_model_options shape = {.height = 28,
					       .width = 28,
					       .channels = 1,
					       .classes = 10,
					       .seed = 5,
					       .preprocess = {.mean = {0.13f}, .deviation = {0.31f}}};
	const struct sc_fit_options options = {
		.batch = 4,
		.steps = 2,
		.seed = 5,
		.optimizer = {.learning_rate = 0.05f, .momentum = 0.9f, .nesterov = true, .weight_decay = 5e-4f},
		.compute = {threads, isa},
	};
	struct sc_model *model = make_narrow(net, &shape);
	assert_non_null(model);
	if (sc_fit(model, data, &options, NULL, &error) != SC_OK)
		fail_msg("%s", error.message);
	assert_int_equal(sc_model_hash(model, hash, NULL), SC_OK);
	sc_model_destroy(model);
}

static void weights_have_one_hash(void **state)
{
	(void)state;
	static const int threads[] = {1, 2, 3, 7};
	static const char *const nets[] = {"resnet18", "keras-tutorial-18", "seresnet18"};
	struct sc_data *data = NULL;
	const struct sc_data_options some = {.take = 64, .data_dir = SC_SOURCE_DIR "/data"};
	assert_int_equal(sc_data_open(&data, "mnist", &some, NULL), SC_OK);
	for (int net = 0; net < 3; net++) {
		char first[SC_HASH_SIZE], hash[SC_HASH_SIZE];
		train(first, data, nets[net], 1, sc_kernels_available(0)->name);
		for (int i = 0; i < 4; i++) {
			train(hash, data, nets[net], threads[i], sc_kernels_available(0)->name);
			assert_string_equal(hash, first);
		}
		for (int i = 1; sc_kernels_available(i); i++) {
			train(hash, data, nets[net], 2, sc_kernels_available(i)->name);
			assert_string_equal(hash, first);
		}
	}
	sc_data_destroy(data);
}

static void another_seed_has_another_hash(void **state)
{
	(void)state;
	char hash[2][SC_HASH_SIZE];
	for (uint64_t seed = 0; seed < 2; seed++) {
		const struct sc_model_options shape = {.height = 28, .width = 28, .channels = 1, .classes = 10, .seed = seed};
		struct sc_model *model = make_narrow("resnet18", &shape);
		assert_non_null(model);
		assert_int_equal(sc_model_hash(model, hash[seed], NULL), SC_OK);
		sc_model_destroy(model);
	}
	assert_string_not_equal(hash[0], hash[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(weights_have_one_hash),
					   cmocka_unit_test(another_seed_has_another_hash)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
