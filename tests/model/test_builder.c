/* The layers of the nets: names, order, inputs, shapes, strides, in torchvision's and in the tutorial's style. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "model/resnet.h"

static struct sc_model *build(const char *name, int64_t side, int64_t channels)
{
	struct sc_model *model = NULL;
	const struct sc_model_options options = {.height = side, .width = side, .channels = channels, .classes = 10};
	assert_int_equal(sc_resnet_build(&model, sc_resnet_find(name, NULL), &options, NULL), SC_OK);
	return model;
}

static const struct sc_node *find(const struct sc_model *model, const char *name)
{
	for (int i = 0; i < model->node_count; i++)
		if (!strcmp(model->nodes[i].name, name))
			return &model->nodes[i];
	return NULL;
}

static const struct sc_node *input_of(const struct sc_model *model, const char *name, int which)
{
	return &model->nodes[find(model, name)->inputs[which]];
}

static void every_node_comes_after_its_inputs_and_is_used(void **state)
{
	(void)state;
	for (int preset = 0; sc_model_preset(preset); preset++) {
		struct sc_model *model = build(sc_model_preset(preset), 32, 3);
		static int used[8192];
		memset(used, 0, sizeof used);
		assert_true(model->node_count <= 8192);
		assert_int_equal(model->nodes[0].kind, SC_NODE_INPUT);
		for (int i = 0; i < model->node_count; i++)
			for (int k = 0; k < 2; k++) {
				int input = model->nodes[i].inputs[k];
				assert_true(input < i);
				assert_int_equal(input == SC_NONE, i == 0 || (k == 1 && model->nodes[i].kind != SC_NODE_ADD &&
									      model->nodes[i].kind != SC_NODE_SCALE));
				if (input != SC_NONE)
					used[input]++;
			}
		for (int i = 0; i < model->node_count - 1; i++)
			assert_true(used[i] > 0);
		assert_int_equal(model->nodes[model->node_count - 1].kind, SC_NODE_DENSE);
		assert_int_equal(model->nodes[model->node_count - 1].channels, 10);
		sc_model_destroy(model);
	}
}

static void parameters_have_torchvisions_names_in_its_order(void **state)
{
	(void)state;
	static const char *const first[] = {
		"conv1.weight",
		"bn1.weight",
		"bn1.bias",
		"bn1.running_mean",
		"bn1.running_var",
		"layer1.0.conv1.weight",
		"layer1.0.bn1.weight",
		"layer1.0.bn1.bias",
		"layer1.0.bn1.running_mean",
		"layer1.0.bn1.running_var",
		"layer1.0.conv2.weight",
		"layer1.0.bn2.weight",
	};
	static const char *const last_of_layer2_0[] = {"layer2.0.bn2.running_var", "layer2.0.downsample.0.weight",
						       "layer2.0.downsample.1.weight", "layer2.0.downsample.1.bias"};
	struct sc_model *model = build("resnet18", 28, 1);
	assert_int_equal(model->parameter_count, 122 - 20); /* torchvision's list less 20 num_batches_tracked */
	for (size_t i = 0; i < sizeof first / sizeof *first; i++)
		assert_string_equal(model->parameters[i].name, first[i]);
	int at = 0;
	while (strcmp(model->parameters[at].name, last_of_layer2_0[0]))
		assert_true(++at < model->parameter_count);
	for (int i = 0; i < 4; i++)
		assert_string_equal(model->parameters[at + i].name, last_of_layer2_0[i]);
	assert_string_equal(model->parameters[model->parameter_count - 2].name, "fc.weight");
	assert_string_equal(model->parameters[model->parameter_count - 1].name, "fc.bias");
	sc_model_destroy(model);
}

static void torchvision_bottlenecks_stride_in_the_3x3(void **state)
{
	(void)state;
	struct sc_model *model = build("resnet50", 224, 3);
	assert_int_equal(find(model, "layer2.0.conv1")->window.stride_h, 1);
	assert_int_equal(find(model, "layer2.0.conv2")->window.stride_h, 2);
	assert_int_equal(find(model, "layer2.0.downsample.0")->window.stride_h, 2);
	assert_int_equal(find(model, "layer1.0.downsample.0")->window.stride_h, 1); /* 64 -> 256 channels */
	assert_non_null(find(model, "layer1.0.downsample.1"));
	assert_null(find(model, "layer1.1.downsample.0"));
	assert_int_equal(find(model, "layer4.2.relu")->channels, 2048);
	assert_int_equal(find(model, "layer4.2.relu")->height, 7);
	assert_int_equal(find(model, "conv1")->bias, SC_NONE);
	sc_model_destroy(model);
}

static void bottlenecks_look_around_in_groups_or_wide(void **state)
{
	(void)state;
	struct sc_model *model = build("resnext50_32x4d", 224, 3);
	const struct sc_node *node = find(model, "layer1.0.conv2");
	const struct sc_parameter *weight = &model->parameters[node->weight];
	assert_int_equal(node->groups, 32);
	assert_int_equal(node->channels, 128);
	assert_int_equal(weight->shape[2], 4); /* channels of a group */
	assert_int_equal(weight->shape[3], 128);
	assert_int_equal(weight->fan_in, 9 * 4);
	assert_int_equal(weight->fan_out, 9 * 128); /* as torch counts: all output channels */
	assert_int_equal(find(model, "layer1.0.conv3")->groups, 1);
	assert_int_equal(find(model, "layer4.2.conv2")->channels, 1024);
	assert_int_equal(find(model, "layer4.2.relu")->channels, 2048);
	sc_model_destroy(model);
	model = build("wide_resnet50_2", 224, 3);
	assert_int_equal(find(model, "layer1.0.conv2")->channels, 128);
	assert_int_equal(find(model, "layer1.0.conv2")->groups, 1);
	assert_int_equal(find(model, "layer1.0.conv3")->channels, 256);
	sc_model_destroy(model);
}

static void blocks_add_the_shortcut(void **state)
{
	(void)state;
	struct sc_model *model = build("resnet18", 28, 1);
	assert_string_equal(input_of(model, "layer1.0.add", 0)->name, "layer1.0.bn2");
	assert_string_equal(input_of(model, "layer1.0.add", 1)->name, "maxpool");
	assert_string_equal(input_of(model, "layer1.1.add", 1)->name, "layer1.0.relu");
	assert_string_equal(input_of(model, "layer2.0.add", 1)->name, "layer2.0.downsample.1");
	assert_string_equal(input_of(model, "layer2.0.downsample.0", 0)->name, "layer1.1.relu");
	assert_string_equal(input_of(model, "layer2.0.relu", 0)->name, "layer2.0.add");
	assert_string_equal(input_of(model, "avgpool", 0)->name, "layer4.1.relu");
	sc_model_destroy(model);
}

static void the_tutorials_net_has_kerass_habits(void **state)
{
	(void)state;
	struct sc_model *model = build("keras-tutorial-18", 28, 1);
	const struct sc_node *stem = find(model, "conv1"), *pool = find(model, "maxpool"), *norm = find(model, "layer3.0.bn2");
	assert_int_equal(stem->window.pad_top, 2); /* the odd pixel goes right and bottom */
	assert_int_equal(stem->window.pad_bottom, 3);
	assert_string_equal(model->parameters[stem->bias].name, "conv1.bias");
	assert_int_equal(pool->height, 7);
	assert_int_equal(pool->window.pad_left, 0);
	assert_int_equal(pool->window.pad_right, 1);
	assert_true(isinf(pool->pad_value) && pool->pad_value < 0);
	assert_string_equal(input_of(model, "layer2.0.add", 1)->name, "layer2.0.downsample.0"); /* no BatchNorm on it */
	assert_null(find(model, "layer2.0.downsample.1"));
	assert_null(find(model, "layer1.0.downsample.0"));
	assert_true(norm->epsilon == 1e-3f && norm->momentum == 0.99f && norm->update == 0.01f && !norm->unbiased);
	sc_model_destroy(model);

	model = build("resnet18", 28, 1);
	norm = find(model, "bn1");
	assert_true(norm->epsilon == 1e-5f && norm->momentum == 0.9f && norm->update == 0.1f && norm->unbiased);
	sc_model_destroy(model);

	model = build("keras-tutorial-50", 28, 1);
	assert_int_equal(find(model, "layer2.0.conv1")->window.stride_h, 2); /* the first convolution, as in its basic blocks */
	assert_int_equal(find(model, "layer2.0.conv2")->window.stride_h, 1);
	assert_int_equal(find(model, "layer1.0.downsample.0")->channels, 256);
	sc_model_destroy(model);
}

static void other_members_of_the_family_can_be_built(void **state)
{
	(void)state;
	const struct sc_resnet *torchvision = sc_resnet_find("resnet18", NULL);
	const struct sc_resnet tiny = {.name = "tiny",
				       .classes = 4,
				       .block = SC_BLOCK_BASIC,
				       .stages = 2,
				       .blocks = {1, 1},
				       .widths = {8, 16},
				       .stem_kernel = 3,
				       .stem_stride = 1,
				       .stem_channels = 8,
				       .projection_batch_norm = true,
				       .style = torchvision->style};
	struct sc_model *model = NULL;
	assert_int_equal(sc_resnet_build(&model, &tiny, &(struct sc_model_options){.height = 9, .width = 6, .channels = 2}, NULL),
			 SC_OK);
	assert_int_equal(model->classes, 4);
	assert_null(find(model, "maxpool"));
	assert_int_equal(find(model, "layer2.0.relu")->height, 5);
	assert_int_equal(find(model, "layer2.0.relu")->width, 3);
	sc_model_destroy(model);
}

static void shortcut_a_subsamples_and_adds_zeros(void **state)
{
	(void)state;
	struct sc_model *model = build("cifar20", 32, 3);
	const struct sc_node *shortcut = find(model, "layer2.0.shortcut");
	assert_null(find(model, "maxpool"));
	assert_int_equal(find(model, "conv1")->height, 32);
	assert_int_equal(shortcut->kind, SC_NODE_SUBSAMPLE);
	assert_int_equal(shortcut->channels, 32);
	assert_int_equal(shortcut->height, 16);
	assert_int_equal(shortcut->zeros_before, 0);
	assert_string_equal(input_of(model, "layer2.0.add", 1)->name, "layer2.0.shortcut");
	assert_null(find(model, "layer1.0.shortcut"));
	assert_null(find(model, "layer2.1.shortcut"));
	sc_model_destroy(model);

	struct sc_resnet around = *sc_resnet_find("cifar20", NULL);
	around.zero_channels = SC_ZEROS_AROUND;
	assert_int_equal(sc_resnet_build(&model, &around, NULL, NULL), SC_OK);
	assert_int_equal(find(model, "layer2.0.shortcut")->zeros_before, 8);
	sc_model_destroy(model);
}

static void shortcut_c_projects_everywhere_and_a_plain_net_adds_nothing(void **state)
{
	(void)state;
	struct sc_resnet net = *sc_resnet_find("resnet18", NULL);
	struct sc_model *model = NULL;
	net.shortcut = SC_SHORTCUT_PROJECTION_ALWAYS;
	assert_int_equal(sc_resnet_build(&model, &net, NULL, NULL), SC_OK);
	assert_string_equal(input_of(model, "layer1.1.add", 1)->name, "layer1.1.downsample.1");
	sc_model_destroy(model);

	model = build("plain18", 32, 3);
	for (int i = 0; i < model->node_count; i++)
		assert_true(model->nodes[i].kind != SC_NODE_ADD);
	assert_string_equal(input_of(model, "layer2.0.relu", 0)->name, "layer2.0.bn2");
	sc_model_destroy(model);
}

/* The block's layers are gone, all others are there under their names; where the shape changes, the shortcut is A's. */
static void a_block_can_be_left_out(void **state)
{
	(void)state;
	static const char *const names[] = {"cifar20", "plain-cifar20"};
	for (int i = 0; i < 2; i++) {
		struct sc_resnet changed = *sc_resnet_find(names[i], NULL);
		const struct sc_model_options options = {.height = 32, .width = 32, .channels = 3, .classes = 10};
		struct sc_model *model = NULL, *whole = build(names[i], 32, 3);
		changed.without_block = 4; /* the first of the second stage */
		assert_int_equal(sc_resnet_build(&model, &changed, &options, NULL), SC_OK);
		assert_int_equal(model->parameter_count, whole->parameter_count - 2 * 5);
		assert_null(find(model, "layer2.0.conv1"));
		assert_null(find(model, "layer2.0.add"));
		assert_int_equal(input_of(model, "layer2.0.relu", 0)->kind, SC_NODE_SUBSAMPLE);
		sc_model_destroy(model);

		changed.without_block = 9; /* the last */
		assert_int_equal(sc_resnet_build(&model, &changed, &options, NULL), SC_OK);
		assert_ptr_equal(input_of(model, "layer3.2.relu", 0), find(model, "layer3.1.relu"));
		assert_non_null(find(model, "layer2.0.conv1"));
		sc_model_destroy(model);
		sc_model_destroy(whole);
	}
}

static void every_size_of_input_gives_at_least_one_pixel(void **state)
{
	(void)state;
	for (int64_t side = 1; side <= 70; side += 3) {
		struct sc_model *model = build(side % 2 ? "resnet18" : "keras-tutorial-18", side, 1);
		for (int i = 0; i < model->node_count; i++)
			assert_true(model->nodes[i].height >= 1 && model->nodes[i].width >= 1);
		sc_model_destroy(model);
	}
}

/* timm's names: the deep stem's layers are numbered, and the pool moves those of the shortcut. */
static void deep_stems_and_pooled_shortcuts_are_timms(void **state)
{
	(void)state;
	struct sc_model *model = build("resnet26d", 67, 3);
	const struct sc_node *first = find(model, "conv1.0"), *last = find(model, "conv1.6"),
			     *pool = find(model, "layer2.0.downsample.0");
	assert_int_equal(first->height, 34);
	assert_int_equal(first->channels, 32);
	assert_int_equal(first->window.stride_h, 2);
	assert_int_equal(last->height, 34);
	assert_int_equal(last->channels, 64);
	assert_string_equal(input_of(model, "conv1.6", 0)->name, "conv1.5");
	assert_string_equal(input_of(model, "bn1", 0)->name, "conv1.6");
	assert_null(find(model, "layer1.0.downsample.0"));
	assert_int_equal(find(model, "layer1.0.downsample.1")->window.stride_h, 1);
	assert_int_equal(pool->kind, SC_NODE_AVERAGE_POOL);
	assert_int_equal(pool->height, 9); /* of 17: the last cells have one row */
	assert_int_equal(pool->window.kernel_h, 2);
	assert_string_equal(input_of(model, "layer2.0.downsample.1", 0)->name, "layer2.0.downsample.0");
	assert_int_equal(find(model, "layer2.0.downsample.2")->kind, SC_NODE_BATCH_NORM);
	sc_model_destroy(model);
}

static void gates_stand_before_the_addition(void **state)
{
	(void)state;
	struct sc_model *model = build("seresnet50", 64, 3);
	assert_string_equal(input_of(model, "layer3.1.add", 0)->name, "layer3.1.se");
	assert_string_equal(input_of(model, "layer3.1.se", 0)->name, "layer3.1.bn3");
	assert_string_equal(input_of(model, "layer3.1.se", 1)->name, "layer3.1.se.gate");
	assert_string_equal(input_of(model, "layer3.1.se.pool", 0)->name, "layer3.1.bn3");
	assert_int_equal(find(model, "layer3.1.se.fc1")->channels, 64); /* 1024 / 16 */
	assert_int_equal(find(model, "layer3.1.se.fc2")->channels, 1024);
	sc_model_destroy(model);
	model = build("seresnet18", 64, 3);
	assert_int_equal(find(model, "layer1.0.se.fc1")->channels, 8); /* 64 / 16 would be 4 */
	assert_true(find(model, "layer1.0.se.fc1")->bias != SC_NONE);
	sc_model_destroy(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_node_comes_after_its_inputs_and_is_used),
		cmocka_unit_test(parameters_have_torchvisions_names_in_its_order),
		cmocka_unit_test(torchvision_bottlenecks_stride_in_the_3x3),
		cmocka_unit_test(bottlenecks_look_around_in_groups_or_wide),
		cmocka_unit_test(blocks_add_the_shortcut),
		cmocka_unit_test(the_tutorials_net_has_kerass_habits),
		cmocka_unit_test(other_members_of_the_family_can_be_built),
		cmocka_unit_test(shortcut_a_subsamples_and_adds_zeros),
		cmocka_unit_test(shortcut_c_projects_everywhere_and_a_plain_net_adds_nothing),
		cmocka_unit_test(a_block_can_be_left_out),
		cmocka_unit_test(every_size_of_input_gives_at_least_one_pixel),
		cmocka_unit_test(deep_stems_and_pooled_shortcuts_are_timms),
		cmocka_unit_test(gates_stand_before_the_addition),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
