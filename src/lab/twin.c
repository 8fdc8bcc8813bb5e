/* twin.c - one net of the experiment, trained in a run folder of its own: OUT/cifar56 and so on. A folder that holds a run already
 * is gone on with, from its newest checkpoint, and where it is finished that costs nothing. */
#include <stdlib.h>
#include <unistd.h>

#include "io/file.h"
#include "lab/lab.h"

#define CHECKPOINT_SECONDS 60

enum sc_status sc_lab_model(const struct sc_lab *lab, const struct sc_lab_twin *twin, struct sc_model **model,
			    struct sc_error *error)
{
	const struct sc_model_options options = {
		.height = lab->train->height,
		.width = lab->train->width,
		.channels = lab->train->channels,
		.classes = lab->train->classes,
		.seed = lab->options->seed,
		.preprocess = lab->preprocess,
		.class_names = (const char *const *)lab->train->class_names,
	};
	return sc_model_create(model, twin->name, &options, error);
}

/* What all twins share: the order of samples, and an optimizer near the paper's, with a cosine instead of its two steps. */
static struct sc_fit_options fit_options(struct sc_lab *lab)
{
	const struct sc_lab_options *o = lab->options;
	return (struct sc_fit_options){
		.epochs = o->epochs,
		.batch = o->batch,
		.optimizer = {.learning_rate = o->learning_rate, .momentum = 0.9f, .weight_decay = 1e-4f},
		.schedule = {.kind = SC_SCHEDULE_COSINE},
		.validation = lab->test,
		.seed = o->seed,
		.compute = o->compute,
		.checkpoint_seconds = CHECKPOINT_SECONDS,
	};
}

static int pass_on(void *user, const struct sc_progress_event *event)
{
	struct sc_lab *lab = user;
	lab->event.training = event;
	enum sc_status status = sc_lab_tell(lab, SC_LAB_TRAINING, NULL);
	lab->event.training = NULL;
	return status != SC_OK;
}

static enum sc_status read_history(struct sc_lab_twin *twin, const char *run, int64_t epochs, struct sc_error *error)
{
	char *path = sc_path_join(run, "history.json");
	twin->epochs = sc_allocate(epochs, sizeof(*twin->epochs));
	enum sc_status status = path && twin->epochs ? sc_history_read_json(path, twin->epochs, epochs, error)
						     : sc_fail_memory(error, epochs * (int64_t)sizeof(*twin->epochs), "a history");
	free(path);
	twin->epoch_count = status ? 0 : epochs;
	for (int64_t i = 0; i < twin->epoch_count; i++)
		twin->seconds += twin->epochs[i].seconds;
	return status;
}

static enum sc_status train_in(struct sc_lab *lab, struct sc_lab_twin *twin, const char *run, struct sc_model *model,
			       struct sc_error *error)
{
	struct sc_fit_options options = fit_options(lab);
	char *config = sc_path_join(run, "config.json");
	if (!config)
		return sc_fail_memory(error, 0, run);
	options.run = run;
	options.resume = access(config, F_OK) == 0 ? run : NULL;
	options.progress = pass_on;
	options.user = lab;
	free(config);
	enum sc_status status = sc_fit(model, lab->train, &options, NULL, error);
	return status ? status : read_history(twin, run, options.epochs, error);
}

enum sc_status sc_lab_train(struct sc_lab *lab, struct sc_lab_twin *twin, struct sc_model **model, struct sc_error *error)
{
	char *run = sc_path_join(lab->options->out, twin->name);
	if (!run)
		return sc_fail_memory(error, 0, "a path");
	enum sc_status status = sc_lab_model(lab, twin, model, error);
	if (!status)
		status = train_in(lab, twin, run, *model, error);
	free(run);
	return status;
}
