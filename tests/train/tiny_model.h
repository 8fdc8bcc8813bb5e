/* tiny_model.h - a model of two tensors, one of them trained, for those who only save and load. */
#ifndef SC_TESTS_TRAIN_TINY_MODEL_H
#define SC_TESTS_TRAIN_TINY_MODEL_H

#include "model/model.h"

static struct sc_parameter tiny_parameters[] = {
	{.name = "a", .role = SC_ROLE_SCALE, .rank = 1, .shape = {8}, .count = 8, .offset = 0},
	{.name = "b", .role = SC_ROLE_RUNNING_MEAN, .rank = 1, .shape = {4}, .count = 4, .offset = 16},
};
static float numbers[32], velocity[16];
static struct sc_model tiny_model = {
	.parameter_count = 2, .parameters = tiny_parameters, .trainable_values = 16, .value_count = 32, .values = numbers};

#endif
