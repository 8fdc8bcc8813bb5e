/* The named nets have the parameters and the multiply-adds that torchvision, Keras and the literature give. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "model/resnet.h"

static struct sc_model *build(const char *name, int64_t side, int64_t channels, int64_t classes)
{
	struct sc_model *model = NULL;
	const struct sc_resnet *resnet = sc_resnet_find(name, NULL);
	const struct sc_model_options options = {.height = side, .width = side, .channels = channels, .classes = classes};
	assert_non_null(resnet);
	assert_int_equal(sc_resnet_build(&model, resnet, &options, NULL), SC_OK);
	return model;
}

struct expectation {
	const char *name;
	int64_t side, channels, classes;
	int64_t trainable, non_trainable, macs;
};

/* macs 0: no independent figure */
static const struct expectation table[] = {
	{"resnet18", 224, 3, 1000, 11689512, 9600, 1814073344},
	{"resnet34", 224, 3, 1000, 21797672, 17024, 3663761408},
	{"resnet50", 224, 3, 1000, 25557032, 53120, 4089184256},
	{"resnet101", 224, 3, 1000, 44549160, 105344, 7801405440},
	{"resnet152", 224, 3, 1000, 60192808, 151424, 11513626624},
	{"resnext50_32x4d", 224, 3, 1000, 25028904, 68224, 0},
	{"resnext101_32x8d", 224, 3, 1000, 88791336, 202880, 0},
	{"resnext101_64x4d", 224, 3, 1000, 83455272, 202880, 0},
	{"wide_resnet50_2", 224, 3, 1000, 68883240, 68224, 0},
	{"wide_resnet101_2", 224, 3, 1000, 126886696, 137856, 0},
	/* timm 1.0 */
	{"resnet18d", 224, 3, 1000, 11708744, 9728, 0},
	{"resnet34d", 224, 3, 1000, 21816904, 17152, 0},
	{"resnet26", 224, 3, 1000, 15995176, 30848, 0},
	{"resnet26d", 224, 3, 1000, 16014408, 30976, 0},
	{"resnet26t", 224, 3, 1000, 16011872, 30960, 0},
	{"resnet50c", 224, 3, 1000, 25576264, 53248, 0},
	{"resnet50d", 224, 3, 1000, 25576264, 53248, 0},
	{"resnet50t", 224, 3, 1000, 25573728, 53232, 0},
	{"resnet101c", 224, 3, 1000, 44568392, 105472, 0},
	{"resnet101d", 224, 3, 1000, 44568392, 105472, 0},
	{"resnet152c", 224, 3, 1000, 60212040, 151552, 0},
	{"resnet152d", 224, 3, 1000, 60212040, 151552, 0},
	{"resnet200d", 224, 3, 1000, 64693064, 176128, 0},
	{"seresnet18", 224, 3, 1000, 11779624, 9600, 0},
	{"seresnet34", 224, 3, 1000, 21960416, 17024, 0},
	{"seresnet50", 224, 3, 1000, 28088024, 53120, 0},
	{"seresnet50t", 224, 3, 1000, 28104720, 53232, 0},
	{"seresnet101", 224, 3, 1000, 49326872, 105344, 0},
	{"seresnet152", 224, 3, 1000, 66821848, 151424, 0},
	{"seresnet152d", 224, 3, 1000, 66841080, 151552, 0},
	{"seresnext50_32x4d", 224, 3, 1000, 27559896, 68224, 0},
	{"plain18", 224, 3, 1000, 11515688, 7808, 0},
	{"plain34", 224, 3, 1000, 21623848, 15232, 0},
	{"resnet18-a", 224, 3, 1000, 11515688, 7808, 0},
	{"resnet34-a", 224, 3, 1000, 21623848, 15232, 0},
	/* Keras counts the statistics too: 25,636,712; 44,707,176; 60,419,944; 25,613,800; 44,675,560; 60,380,648 in all */
	{"keras-resnet50", 224, 3, 1000, 25636712 - 53120, 53120, 0},
	{"keras-resnet101", 224, 3, 1000, 44707176 - 105344, 105344, 0},
	{"keras-resnet152", 224, 3, 1000, 60419944 - 151424, 151424, 0},
	{"keras-resnet50v2", 224, 3, 1000, 25613800 - 45440, 45440, 0},
	{"keras-resnet101v2", 224, 3, 1000, 44675560 - 97664, 97664, 0},
	{"keras-resnet152v2", 224, 3, 1000, 60380648 - 143744, 143744, 0},
	{"cifar20", 32, 3, 10, 269722, 1376, 0},
	{"preact-cifar20", 32, 3, 10, 269722, 1376, 0},
	{"preact-cifar110", 32, 3, 10, 1727962, 8096, 0},
	{"plain-cifar20", 32, 3, 10, 269722, 1376, 0},
	{"cifar32", 32, 3, 10, 464154, 2272, 0},
	{"plain-cifar32", 32, 3, 10, 464154, 2272, 0},
	{"cifar44", 32, 3, 10, 658586, 3168, 0},
	{"plain-cifar44", 32, 3, 10, 658586, 3168, 0},
	{"cifar56", 32, 3, 10, 853018, 4064, 0},
	{"plain-cifar56", 32, 3, 10, 853018, 4064, 0},
	{"cifar110", 32, 3, 10, 1727962, 8096, 0},
	{"plain-cifar110", 32, 3, 10, 1727962, 8096, 0},
	{"cifar1202", 32, 3, 10, 19421274, 89632, 0},
	{"plain-cifar1202", 32, 3, 10, 19421274, 89632, 0},
	{"resnet18", 28, 1, 10, 11175370, 9600, 33010944},
	{"resnet34", 28, 1, 10, 21283530, 17024, 0},
	{"resnet50", 28, 1, 10, 23522250, 53120, 0},
	{"resnet101", 28, 1, 10, 42514378, 105344, 0},
	{"resnet152", 28, 1, 10, 58158026, 151424, 0},
	{"keras-tutorial-18", 224, 1, 10, 11178378, 7808, 0},
	{"keras-tutorial-18", 28, 1, 10, 11178378, 7808, 0},
	/* torchvision's 1-channel 10-class net, plus a bias for each convolution (as many as BatchNorm channels), less the scale
	 * and shift of the projections' BatchNorms */
	{"keras-tutorial-34", 28, 1, 10, 21283530 + 17024 / 2 - 2 * (128 + 256 + 512), 17024 - 2 * (128 + 256 + 512), 0},
	{"keras-tutorial-50", 28, 1, 10, 23522250 + 53120 / 2 - 2 * (256 + 512 + 1024 + 2048),
	 53120 - 2 * (256 + 512 + 1024 + 2048), 0},
	{"keras-tutorial-101", 28, 1, 10, 42514378 + 105344 / 2 - 7680, 105344 - 7680, 0},
	{"keras-tutorial-152", 28, 1, 10, 58158026 + 151424 / 2 - 7680, 151424 - 7680, 0},
};

static void counts_are_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const struct expectation *e = &table[i];
		struct sc_model *model = build(e->name, e->side, e->channels, e->classes);
		struct sc_totals totals;
		sc_model_totals(model, &totals);
		assert_int_equal(totals.trainable, e->trainable);
		assert_int_equal(totals.non_trainable, e->non_trainable);
		assert_int_equal(totals.parameters, e->trainable + e->non_trainable);
		assert_int_equal(totals.parameter_bytes, 4 * totals.parameters);
		if (e->macs)
			assert_int_equal(totals.macs, e->macs);
		sc_model_destroy(model);
	}
}

static void the_list_of_presets_is_what_create_knows(void **state)
{
	(void)state;
	int count = 0;
	for (; sc_model_preset(count); count++)
		assert_string_equal(sc_resnet_find(sc_model_preset(count), NULL)->name, sc_model_preset(count));
	assert_true(count > 30);
	assert_string_equal(sc_model_preset(0), "resnet18");
	assert_null(sc_model_preset(-1));
}

static void an_unknown_name_is_refused(void **state)
{
	(void)state;
	struct sc_error error = {0};
	struct sc_model *model = NULL;
	char expected[200];
	int count = 0;
	while (sc_model_preset(count))
		count++;
	snprintf(expected, sizeof expected, "unknown model 'resnet19': none of the %d presets, from resnet18 to %s, has this name",
		 count, sc_model_preset(count - 1));
	assert_int_equal(sc_model_create(&model, "resnet19", NULL, &error), SC_ERROR_NOT_FOUND);
	assert_null(model);
	assert_string_equal(error.message, expected);
	assert_int_equal(sc_model_create(&model, "", NULL, &error), SC_ERROR_NOT_FOUND);
	assert_int_equal(sc_model_create(&model, NULL, NULL, &error), SC_ERROR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_are_exact),
		cmocka_unit_test(the_list_of_presets_is_what_create_knows),
		cmocka_unit_test(an_unknown_name_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
