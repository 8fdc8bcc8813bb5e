/* predict.c - probabilities of images: prepared, put through an infer plan batch by batch, and the softmax of the scores. */
#include "serve/predict.h"

#include "data/data.h"

#define MOST_TOGETHER 32

static struct sc_batch_shape input_of(const struct sc_model *model)
{
	return (struct sc_batch_shape){&model->preprocess, model->height, model->width, model->channels};
}

enum sc_status sc_predict_check(const struct sc_model *model, const struct sc_image *images, int64_t count, struct sc_error *error)
{
	struct sc_batch_shape shape = input_of(model);
	if (count < 1)
		return sc_fail(error, SC_ERROR_ARGUMENT, "images", -1, "images: expected at least 1, found %lld", (long long)count);
	enum sc_status status = SC_OK;
	for (int64_t i = 0; i < count && !status; i++)
		status = sc_batch_check(&shape, images[i].height, images[i].width, images[i].channels, "image", error);
	return status;
}

void sc_predict_run(struct sc_plan *plan, const struct sc_image *images, int64_t count, float *probabilities)
{
	const struct sc_model *model = sc_plan_model(plan);
	struct sc_batch_shape shape = input_of(model);
	int64_t batch = sc_plan_batch(plan), numbers = shape.height * shape.width * shape.channels;
	for (int64_t first = 0; first < count; first += batch) {
		int64_t now = count - first < batch ? count - first : batch;
		for (int64_t i = 0; i < batch; i++) { /* a last, smaller batch is filled up with its last image */
			const struct sc_image *image = &images[first + (i < now ? i : now - 1)];
			sc_batch_image(&shape, image->pixels, image->height, image->width, sc_plan_images(plan) + i * numbers);
		}
		sc_plan_run_forward(plan);
		sc_softmax_cross_entropy(now, model->classes, sc_plan_scores(plan), NULL, probabilities + first * model->classes,
					 NULL);
	}
}

enum sc_status sc_predict(const struct sc_model *model, const struct sc_image *images, int64_t count, float *probabilities,
			  struct sc_error *error)
{
	struct sc_plan *plan = NULL;
	enum sc_status status = sc_predict_check(model, images, count, error);
	if (status)
		return status;
	/* The model is only read: a plan's interface is that of training plans too. */
	status = sc_plan_create(&plan, (struct sc_model *)(uintptr_t)model,
				&(struct sc_plan_options){.mode = SC_MODE_INFER, .batch = count < MOST_TOGETHER ? count : MOST_TOGETHER},
				error);
	if (status)
		return status;
	sc_predict_run(plan, images, count, probabilities);
	sc_plan_destroy(plan);
	return SC_OK;
}
