/* degradation.c - the experiment of He et al., 2015, section 4.2, and what explains it, from data to pictures: see lab.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "data/sources.h"
#include "io/file.h"
#include "lab/lab.h"
#include "model/resnet.h"

#define MOST_DEPTHS   16
#define LESION_IMAGES 1000
#define LEAST_TEST    1000 /* images, where there are so many */

/* ---- Options ---------------------------------------------------------------------------------------------------------------- */

static int64_t or_default(int64_t value, int64_t standard)
{
	return value ? value : standard;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static enum sc_status check_depths(const int64_t *depths, int64_t count, struct sc_error *error)
{
	char name[64];
	for (int64_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "cifar%" PRId64, depths[i]);
		if (!sc_resnet_find(name, NULL))
			return sc_fail(error, SC_ERROR_ARGUMENT, "depths", -1,
				       "depths: there is no net of %" PRId64
				       " layers; expected some of 20, 32, 44, 56, 110 and 1202",
				       depths[i]);
		if (i > 0 && depths[i] == depths[i - 1])
			return sc_fail(error, SC_ERROR_ARGUMENT, "depths", -1, "depths: %" PRId64 " is there twice", depths[i]);
	}
	return SC_OK;
}

/* depths: [MOST_DEPTHS], sorted here. */
static enum sc_status resolve(struct sc_lab_options *resolved, int64_t *depths, const struct sc_lab_options *given,
			      struct sc_error *error)
{
	static const int64_t standard[] = {20, 56};
	*resolved = *given;
	if (!given->data || !given->out)
		return sc_fail(error, SC_ERROR_ARGUMENT, "data", -1, "the experiment needs data and a folder for what it makes");
	if (given->depth_count < 0 || given->depth_count > MOST_DEPTHS)
		return sc_fail(error, SC_ERROR_ARGUMENT, "depths", -1, "depths: expected 1 to %d of them, found %" PRId64,
			       MOST_DEPTHS, given->depth_count);
	resolved->depth_count = or_default(given->depth_count, 2);
	memcpy(depths, given->depth_count ? given->depths : standard, (size_t)resolved->depth_count * sizeof(*depths));
	qsort(depths, (size_t)resolved->depth_count, sizeof(*depths), by_size);
	resolved->depths = depths;
	resolved->epochs = or_default(given->epochs, SC_LAB_EPOCHS);
	resolved->take = or_default(given->take, SC_LAB_TAKE);
	resolved->batch = or_default(given->batch, SC_LAB_BATCH);
	resolved->learning_rate = given->learning_rate != 0 ? given->learning_rate : SC_LAB_LEARNING_RATE;
	return check_depths(depths, resolved->depth_count, error);
}

/* ---- Before ------------------------------------------------------------------------------------------------------------------ */

/* A sample of so many images, or all where there are fewer. */
static enum sc_status open_sample(struct sc_data **out, const struct sc_lab_options *o, enum sc_part part, int64_t take,
				  struct sc_error *error)
{
	const struct sc_data_options options = {.part = part, .data_dir = o->data_dir};
	enum sc_status status = sc_data_open(out, o->data, &options, error);
	if (!status)
		status = sc_data_take(*out, take < (*out)->count ? take : 0, o->seed, error);
	return status;
}

static enum sc_status open_data(struct sc_lab *lab, struct sc_error *error)
{
	const struct sc_lab_options *o = lab->options;
	int64_t test = o->take / 2 > LEAST_TEST ? o->take / 2 : LEAST_TEST;
	enum sc_status status = open_sample(&lab->train, o, SC_TRAIN, o->take, error);
	if (!status)
		status = open_sample(&lab->test, o, SC_TEST, test, error);
	if (!status)
		status = open_sample(&lab->lesion, o, SC_TEST, test < LESION_IMAGES ? test : LESION_IMAGES, error);
	if (!status)
		sc_data_measure_pixels(lab->train, &lab->preprocess);
	return status;
}

static enum sc_status list_twins(struct sc_lab *lab, struct sc_error *error)
{
	const struct sc_lab_options *o = lab->options;
	lab->twin_count = 2 * o->depth_count;
	lab->twins = sc_allocate(lab->twin_count, sizeof(*lab->twins));
	if (!lab->twins)
		return sc_fail_memory(error, lab->twin_count * (int64_t)sizeof(*lab->twins), "the nets");
	for (int64_t i = 0; i < lab->twin_count; i++) {
		struct sc_lab_twin *twin = &lab->twins[i];
		twin->depth = o->depths[i / 2];
		twin->residual = i % 2 == 1;
		snprintf(twin->name, sizeof(twin->name), "%scifar%" PRId64, twin->residual ? "" : "plain-", twin->depth);
	}
	return SC_OK;
}

/* ---- One net -------------------------------------------------------------------------------------------------------------------
 */

enum sc_status sc_lab_tell(struct sc_lab *lab, enum sc_lab_stage stage, struct sc_error *error)
{
	const struct sc_lab_options *o = lab->options;
	lab->event.stage = stage;
	if (!o->progress || o->progress(o->user, &lab->event) == 0)
		return SC_OK;
	return sc_fail(error, SC_ERROR_STOPPED, lab->event.net, -1, "the experiment was stopped at %s", lab->event.net);
}

/* Gradients of the net as it begins. */
static enum sc_status look_before(struct sc_lab *lab, struct sc_lab_twin *twin, struct sc_error *error)
{
	struct sc_model *model = NULL;
	enum sc_status status = sc_lab_model(lab, twin, &model, error);
	if (!status)
		status = sc_lab_count_layers(twin, model, error);
	if (!status)
		status = sc_lab_probe(lab, twin, model, twin->gradient_start, NULL, error);
	sc_model_destroy(model);
	return status;
}

static enum sc_status examine(struct sc_lab *lab, struct sc_lab_twin *twin, struct sc_error *error)
{
	struct sc_model *model = NULL;
	lab->event.net = twin->name;
	lab->event.number = twin - lab->twins + 1;
	lab->event.nets = lab->twin_count;
	lab->event.done = lab->event.total = 0;
	enum sc_status status = sc_lab_tell(lab, SC_LAB_BEGIN, error);
	if (!status)
		status = look_before(lab, twin, error);
	if (!status)
		status = sc_lab_train(lab, twin, &model, error);
	if (!status)
		status = sc_lab_probe(lab, twin, model, twin->gradient_end, twin->responses, error);
	if (!status)
		status = sc_lab_cut(lab, twin, model, error);
	sc_model_destroy(model);
	return status;
}

/* ---- All of it ------------------------------------------------------------------------------------------------------------------
 */

static void release(struct sc_lab *lab)
{
	for (int64_t i = 0; i < lab->twin_count && lab->twins; i++) {
		struct sc_lab_twin *twin = &lab->twins[i];
		free(twin->epochs);
		free(twin->layer_names);
		free(twin->gradient_start);
		free(twin->gradient_end);
		free(twin->responses);
		free(twin->lesions);
	}
	free(lab->twins);
	sc_data_destroy(lab->train);
	sc_data_destroy(lab->test);
	sc_data_destroy(lab->lesion);
}

static double mean(const double *values, int64_t count)
{
	double sum = 0;
	for (int64_t i = 0; i < count; i++)
		sum += values[i];
	return count ? sum / (double)count : 0;
}

static enum sc_status fill_result(const struct sc_lab *lab, struct sc_lab_result *result, struct sc_error *error)
{
	result->net_count = lab->twin_count;
	result->nets = sc_allocate(lab->twin_count, sizeof(*result->nets));
	if (!result->nets)
		return sc_fail_memory(error, lab->twin_count * (int64_t)sizeof(*result->nets), "the result");
	for (int64_t i = 0; i < lab->twin_count; i++) {
		const struct sc_lab_twin *twin = &lab->twins[i];
		const struct sc_epoch_row *last = &twin->epochs[twin->epoch_count - 1];
		struct sc_lab_net *net = &result->nets[i];
		*net = (struct sc_lab_net){
			.depth = twin->depth,
			.residual = twin->residual,
			.train_error = 1 - last->accuracy,
			.test_error = 1 - last->validation_accuracy,
			.whole_error = twin->whole_error,
			.lesion_error = mean(twin->lesions, twin->block_count),
			.gradient_first = twin->gradient_start[0],
			.gradient_last = twin->gradient_start[twin->layer_count - 1],
			.seconds = twin->seconds,
		};
		memcpy(net->name, twin->name, sizeof(net->name));
	}
	return SC_OK;
}

static enum sc_status publish(const struct sc_lab *lab, struct sc_lab_result *result, struct sc_error *error)
{
	struct sc_error missing = {0};
	enum sc_status status = sc_lab_write_tables(lab, error);
	if (status)
		return status;
	status = sc_lab_write_page(lab, &missing);
	result->pictures = status == SC_OK;
	if (status == SC_ERROR_UNSUPPORTED)
		sc_log_line(SC_LOG_WARNING, "%s", missing.message); /* the tables are there all the same */
	else if (status)
		return sc_fail(error, status, missing.subject, missing.offset, "%s", missing.message);
	return fill_result(lab, result, error);
}

static enum sc_status examine_all(struct sc_lab *lab, struct sc_lab_result *result, struct sc_error *error)
{
	enum sc_status status = SC_OK;
	sc_folder_clean(lab->options->out);
	for (int64_t i = 0; i < lab->twin_count && !status; i++)
		status = examine(lab, &lab->twins[i], error);
	return status ? status : publish(lab, result, error);
}

static enum sc_status run(struct sc_lab *lab, struct sc_lab_result *result, struct sc_error *error)
{
	int lock = -1;
	enum sc_status status = open_data(lab, error);
	if (!status)
		status = list_twins(lab, error);
	if (!status)
		status = sc_folder_make(lab->options->out, error);
	if (!status)
		status = sc_folder_lock(&lock, lab->options->out, error);
	if (status)
		return status;
	status = examine_all(lab, result, error);
	sc_folder_unlock(lock);
	return status;
}

enum sc_status sc_lab_degradation(const struct sc_lab_options *options, struct sc_lab_result *result, struct sc_error *error)
{
	struct sc_lab_options resolved;
	int64_t depths[MOST_DEPTHS];
	enum sc_status status = resolve(&resolved, depths, options, error);
	if (status)
		return status;
	struct sc_lab lab = {.options = &resolved};
	struct sc_lab_result made = {0};
	status = run(&lab, &made, error);
	release(&lab);
	if (!status)
		*result = made;
	return status;
}

void sc_lab_result_release(struct sc_lab_result *result)
{
	free(result->nets);
	*result = (struct sc_lab_result){0};
}
