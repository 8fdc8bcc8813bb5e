/* small_training.h - a model of three blocks, twelve images and a run of one step: so small that every allocation can fail. */
#ifndef SC_TESTS_FAULTS_SMALL_TRAINING_H
#define SC_TESTS_FAULTS_SMALL_TRAINING_H

#include "io/file.h"
#include "shortcut.h"
#include "temporary.h"

static struct sc_data *data;   /* 12 images of 8x8 */
static struct sc_model *model; /* of the file `net` */
static char net[80], images[80], run[80];

static const struct sc_model_options shape = {.height = 8, .width = 8, .channels = 1, .classes = 10};

static inline struct sc_fit_options fit_options(void)
{
	return (struct sc_fit_options){.batch = 4,
				       .optimizer = {.momentum = 0.9f},
				       .validation_split = 0.25f,
				       .compute = {.threads = 1},
				       .checkpoint_steps = 1};
}

/* A model of its own, since training changes it. */
static inline enum sc_status fit(const struct sc_fit_options *options, struct sc_error *error)
{
	struct sc_model *trained = NULL;
	enum sc_status status = sc_model_create(&trained, net, &shape, error);
	if (!status)
		status = sc_fit(trained, data, options, NULL, error);
	sc_model_destroy(trained);
	return status;
}

static inline void write_idx(const char *name, const unsigned char *header, size_t bytes, size_t values, unsigned below)
{
	char file[128];
	snprintf(file, sizeof(file), "%s/%s", images, name);
	FILE *stream = fopen(file, "wb");
	assert_non_null(stream);
	fwrite(header, 1, bytes, stream);
	for (size_t i = 0; i < values; i++)
		fputc((int)(i * 37 % below), stream);
	fclose(stream);
}

static inline int write_net(void)
{
	FILE *stream = fopen(net, "w");
	if (!stream)
		return 1;
	fputs("{\"blocks\": [2, 1], \"widths\": [4, 8], \"stem_channels\": 4, \"stem_kernel\": 3, \"stem_stride\": 1, "
	      "\"stem_pool\": false}",
	      stream);
	return fclose(stream);
}

/* For cmocka_run_group_tests. */
static inline int make_training(void **state)
{
	if (make_folder(state))
		return 1;
	snprintf(images, sizeof(images), "%s/images", folder);
	snprintf(run, sizeof(run), "%s/run", folder);
	snprintf(net, sizeof(net), "%s/net.json", folder);
	if (write_net() || sc_folder_make(images, NULL))
		return 1;
	write_idx("train-images-idx3-ubyte", (const unsigned char[]){0, 0, 8, 3, 0, 0, 0, 12, 0, 0, 0, 8, 0, 0, 0, 8}, 16, 12 * 64,
		  256);
	write_idx("train-labels-idx1-ubyte", (const unsigned char[]){0, 0, 8, 1, 0, 0, 0, 12}, 8, 12, 3);
	struct sc_fit_options options = fit_options();
	options.run = run;
	options.steps = 1;
	return sc_data_open(&data, images, NULL, NULL) || sc_model_create(&model, net, &shape, NULL) || fit(&options, NULL);
}

static inline int remove_training(void **state)
{
	sc_data_destroy(data);
	sc_model_destroy(model);
	return remove_folder(state);
}

#endif
