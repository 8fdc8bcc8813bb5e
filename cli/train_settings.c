/* train_settings.c - what is trained, on what, and how: the recipe's settings, with the options put over them. */
#include <string.h>

#include "train.h"

static void read_optimizer(struct sc_optimizer *optimizer, const struct cli_arguments *arguments)
{
	optimizer->learning_rate = (float)cli_real(arguments, CLI_LEARNING_RATE, (double)optimizer->learning_rate);
	optimizer->momentum = (float)cli_real(arguments, CLI_MOMENTUM, (double)optimizer->momentum);
	optimizer->weight_decay = (float)cli_real(arguments, CLI_WEIGHT_DECAY, (double)optimizer->weight_decay);
	if (cli_given(arguments, CLI_NESTEROV))
		optimizer->nesterov = true;
	if (cli_given(arguments, CLI_NO_NESTEROV) || optimizer->momentum <= 0)
		optimizer->nesterov = false;
	if (cli_given(arguments, CLI_DECOUPLED_DECAY))
		optimizer->weight_decay_form = SC_DECAY_DECOUPLED;
}

static void read_schedule(struct sc_schedule *schedule, const struct cli_arguments *arguments)
{
	static const enum sc_schedule_kind kinds[] = {SC_SCHEDULE_CONSTANT, SC_SCHEDULE_STEP, SC_SCHEDULE_COSINE,
						      SC_SCHEDULE_LINEAR};

	if (cli_given(arguments, CLI_SCHEDULE))
		schedule->kind = kinds[cli_choice(arguments, CLI_SCHEDULE, 0)];
	schedule->warmup_epochs = (float)cli_real(arguments, CLI_WARMUP_EPOCHS, (double)schedule->warmup_epochs);
	schedule->step_epochs = cli_whole(arguments, CLI_STEP_EPOCHS, schedule->step_epochs);
	schedule->step_factor = (float)cli_real(arguments, CLI_STEP_FACTOR, (double)schedule->step_factor);
	schedule->final_learning_rate = (float)cli_real(arguments, CLI_FINAL_LEARNING_RATE, (double)schedule->final_learning_rate);
}

static void read_fit(struct sc_fit_options *fit, const struct cli_arguments *arguments)
{
	fit->epochs = cli_whole(arguments, CLI_EPOCHS, fit->epochs);
	fit->steps = cli_whole(arguments, CLI_STEPS, fit->steps);
	fit->batch = cli_whole(arguments, CLI_BATCH, fit->batch);
	fit->memory = cli_whole(arguments, CLI_MEMORY, fit->memory);
	fit->validation_split = (float)cli_real(arguments, CLI_VALIDATION_SPLIT, (double)fit->validation_split);
	if (cli_given(arguments, CLI_STRATIFIED))
		fit->split = SC_SPLIT_STRATIFIED;
	if (cli_given(arguments, CLI_NO_SHUFFLE))
		fit->no_shuffle = true;
	fit->seed = (uint64_t)cli_whole(arguments, CLI_SEED, (int64_t)fit->seed);
	const enum sc_convolution_method kept = fit->compute.convolution; /* a resumed run's: it decides about the bits */
	fit->compute = cli_compute(arguments);
	if (!cli_given(arguments, CLI_CONVOLUTION))
		fit->compute.convolution = kept;
	fit->checkpoint_steps = arguments->values[CLI_CHECKPOINT_EVERY].whole;
	fit->checkpoint_seconds = arguments->values[CLI_CHECKPOINT_EVERY].real;
	fit->keep_checkpoints = cli_given(arguments, CLI_KEEP_CHECKPOINTS);
	fit->on_save_error = cli_choice(arguments, CLI_ON_SAVE_ERROR, 0) == 0 ? SC_SAVE_ERROR_STOP : SC_SAVE_ERROR_CONTINUE;
	fit->on_non_finite = (enum sc_non_finite_policy)cli_choice(arguments, CLI_ON_NON_FINITE, (int)fit->on_non_finite);
	fit->non_finite_limit = cli_whole(arguments, CLI_NON_FINITE_LIMIT, fit->non_finite_limit);
	read_optimizer(&fit->optimizer, arguments);
	read_schedule(&fit->schedule, arguments);
}

/* --input and --resize both give the net's input; images of another size are resized to it. */
static int read_input(struct sc_model_options *options, const struct cli_arguments *arguments)
{
	const int64_t *input = arguments->values[CLI_INPUT].size, *resize = arguments->values[CLI_RESIZE].size;

	if (cli_given(arguments, CLI_INPUT) && cli_given(arguments, CLI_RESIZE) && (input[0] != resize[0] || input[1] != resize[1]))
		return cli_misused(arguments, "--resize: expected the size of --input %s, found '%s'",
				   cli_text(arguments, CLI_INPUT, ""), cli_text(arguments, CLI_RESIZE, ""));
	if (cli_given(arguments, CLI_INPUT)) {
		options->height = input[0];
		options->width = input[1];
		options->channels = input[2];
	} else if (cli_given(arguments, CLI_RESIZE)) {
		options->height = resize[0];
		options->width = resize[1];
	}
	return CLI_OK;
}

/* Two options that say opposite things. */
static int check_conflicts(const struct cli_arguments *arguments)
{
	static const enum cli_option_id pairs[][2] = {{CLI_NESTEROV, CLI_NO_NESTEROV}, {CLI_RESUME, CLI_OUT},
						      {CLI_RESUME, CLI_MODEL},         {CLI_RESUME, CLI_INPUT},
						      {CLI_RESUME, CLI_CLASSES},       {CLI_RESUME, CLI_RESIZE},
						      {CLI_RESUME, CLI_WEIGHTS},       {CLI_NO_SHUFFLE, CLI_SAMPLE_ORDER}};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (cli_given(arguments, pairs[i][0]) && cli_given(arguments, pairs[i][1]))
			return cli_misused(arguments, "--%s: does not go together with --%s", cli_option(pairs[i][1])->name,
					   cli_option(pairs[i][0])->name);
	return CLI_OK;
}

/* A run goes on with the options that it was begun with; what the command line says besides must agree with them. */
static int read_run(struct train_settings *settings, const char *run)
{
	struct sc_error error = {0};

	if (sc_run_options(run, &settings->fit, &error) != SC_OK)
		return cli_failed(&error);
	settings->data.seed = settings->fit.seed;
	return CLI_OK;
}

int train_read_settings(struct train_settings *settings, const struct cli_arguments *arguments)
{
	const struct cli_recipe *recipe = &cli_recipes[cli_choice(arguments, CLI_RECIPE, 0)];
	uint64_t seed = (uint64_t)cli_whole(arguments, CLI_SEED, 0);
	int status = check_conflicts(arguments);

	if (status != CLI_OK)
		return status;
	*settings = (struct train_settings){
		.recipe = recipe,
		.data_name = arguments->words[0],
		.data = {.take = cli_whole(arguments, CLI_TAKE, 0),
			 .seed = seed,
			 .data_dir = cli_text(arguments, CLI_DATA_DIR, NULL)},
		.model = cli_text(arguments, CLI_MODEL, recipe->model),
		.model_options = {.classes = cli_whole(arguments, CLI_CLASSES, 0),
				  .seed = seed,
				  .zero_init_last = cli_given(arguments, CLI_ZERO_INIT_LAST)},
		.weights = cli_text(arguments, CLI_WEIGHTS, NULL),
		.fit = recipe->fit,
	};
	status = cli_check_net(arguments, "--model: ", settings->model);
	if (status == CLI_OK)
		status = read_input(&settings->model_options, arguments);
	if (status == CLI_OK && cli_given(arguments, CLI_RESUME))
		status = read_run(settings, cli_text(arguments, CLI_RESUME, NULL));
	if (status != CLI_OK)
		return status;
	read_fit(&settings->fit, arguments);
	if (cli_given(arguments, CLI_SAMPLE_ORDER))
		status = train_read_order(&settings->order, &settings->fit.sample_order_count, cli_text(arguments, CLI_SAMPLE_ORDER, ""));
	settings->fit.sample_order = settings->order;
	return status;
}
