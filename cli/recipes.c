/* recipes.c - settings that train well: where everything comes from that the command line leaves out. */
#include <stdio.h>

#include "cli.h"
#include "recipes.h"

const struct cli_recipe cli_recipes[] = {
	{
		.name = "default",
		.about = "for small images such as MNIST's",
		.model = "resnet18",
		.normalise = true,
		.fit =
			{
				.epochs = 3,
				.batch = 128,
				.optimizer = {.learning_rate = 0.05f, .momentum = 0.9f, .nesterov = true, .weight_decay = 5e-4f},
				.schedule = {.kind = SC_SCHEDULE_COSINE, .warmup_epochs = 0.5f},
			},
	},
	{
		.name = "keras-tutorial",
		.about = "what the Keras tutorial does, to the letter",
		.model = "keras-tutorial-18",
		.normalise = false,
		.fit =
			{
				.epochs = 3,
				.batch = 128,
				.optimizer = {.learning_rate = 0.01f, .momentum_form = SC_MOMENTUM_KERAS},
				.schedule = {.kind = SC_SCHEDULE_CONSTANT},
				.validation_split = 0.2f,
			},
	},
};
#define RECIPE_COUNT (sizeof(cli_recipes) / sizeof(cli_recipes[0]))

void cli_print_recipes(FILE *stream)
{
	static const char *const schedules[] = {"constant", "step", "cosine", "linear"};

	fputs("Recipes:\n", stream);
	for (size_t i = 0; i < RECIPE_COUNT; i++) {
		const struct cli_recipe *recipe = &cli_recipes[i];
		const struct sc_fit_options *fit = &recipe->fit;
		fprintf(stream, "  %-15s %s\n  %-15s --model %s; pixels %s\n", recipe->name, recipe->about, "", recipe->model,
			recipe->normalise ? "normalised by their mean and deviation" : "0 to 255 as they are");
		fprintf(stream, "  %-15s --epochs %lld --batch %lld --learning-rate %g --momentum %g%s --weight-decay %g\n", "",
			(long long)fit->epochs, (long long)fit->batch, (double)fit->optimizer.learning_rate,
			(double)fit->optimizer.momentum, fit->optimizer.nesterov ? " --nesterov" : "",
			(double)fit->optimizer.weight_decay);
		fprintf(stream, "  %-15s --schedule %s --warmup-epochs %g --validation-split %g\n", "",
			schedules[fit->schedule.kind], (double)fit->schedule.warmup_epochs, (double)fit->validation_split);
	}
}
