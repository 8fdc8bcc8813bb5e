/* step.c - one step of a training: batch, forward, loss, backward, update. Allocates nothing. */
#include <math.h>

#include "base/clock.h"
#include "train/evaluate.h"
#include "train/optimizer.h"
#include "train/schedule.h"
#include "train/session.h"

static void note_seconds(struct sc_session *s, double seconds)
{
	s->step_seconds[s->steps_done++ % SC_KEPT_STEPS] = seconds;
	s->seconds += seconds;
}

static enum sc_status not_finite(struct sc_session *s, struct sc_plan *plan, struct sc_error *error)
{
	const char *tensor = sc_plan_find_non_finite(plan);
	return sc_fail(error, SC_ERROR_NON_FINITE, tensor, -1,
		       "epoch %lld, step %lld (step %lld in all), learning rate %g: the loss is not finite; the first tensor with "
		       "a number that is not finite: %s; no weight was changed by this step",
		       (long long)s->at.epochs + 1, (long long)s->at.epoch_step + 1, (long long)s->at.step + 1,
		       (double)s->event.learning_rate, tensor);
}

/* The step's samples into the plan that fits their number. */
static struct sc_plan *fill_batch(struct sc_session *s, int64_t *images)
{
	struct sc_batch_shape shape = sc_model_batch_shape(s->model);
	int64_t batch = s->options.batch, first = s->at.epoch_step * batch, left = s->samples.train_count - first;
	*images = left < batch ? left : batch;
	struct sc_plan *plan = *images == batch ? s->plan : s->rest_plan;
	for (int64_t i = 0; i < *images; i++)
		s->batch[i] = s->order[first + i];
	sc_batch_fill(&shape, s->data, s->batch, *images, s->engine.pool, sc_plan_images(plan), sc_plan_labels(plan));
	return plan;
}

struct sc_score sc_session_train_score(const struct sc_session *s)
{
	const struct sc_checkpoint *at = &s->at;
	return (struct sc_score){at->images, at->correct, at->loss, at->images ? (double)at->correct / (double)at->images : 0};
}

float sc_session_learning_rate(const struct sc_session *s, int64_t step)
{
	const struct sc_fit_options *o = &s->options;
	return sc_scheduled_learning_rate(&o->schedule, o->optimizer.learning_rate, step, s->steps_per_epoch, o->epochs);
}

/* Moves on by a step that has seen `images` images. */
static void advance(struct sc_session *s, int64_t images, const struct sc_score *score, double seconds)
{
	struct sc_checkpoint *at = &s->at;
	struct sc_progress_event *e = &s->event;
	at->step++;
	at->epoch_step++;
	at->images += images;
	at->correct += score->correct;
	at->loss += (score->loss - at->loss) * (double)images / (double)at->images; /* the mean over the images so far */
	e->step = at->epoch_step;
	e->global_step = at->step;
	e->images = at->images;
	e->step_loss = score->loss;
	e->step_accuracy = score->accuracy;
	e->train = sc_session_train_score(s);
	e->checkpoint = NULL;
	const struct sc_step_row row = {at->step, at->epochs + 1, score->loss, score->accuracy, (double)e->learning_rate, seconds};
	sc_steps_add(&s->folder.steps, &row);
}

enum sc_status sc_session_step(struct sc_session *s, struct sc_error *error)
{
	const struct sc_fit_options *o = &s->options;
	int64_t images;
	double start = sc_clock();
	struct sc_plan *plan = fill_batch(s, &images);
	s->event.learning_rate = sc_session_learning_rate(s, s->at.step);
	struct sc_score score = sc_plan_run_step(plan);
	if (!isfinite(score.loss))
		return not_finite(s, plan, error);
	sc_sgd_update(&s->engine, s->model, s->gradients, s->velocity, &o->optimizer, s->event.learning_rate);
	sc_plan_update_statistics(plan);
	double seconds = sc_clock() - start;
	note_seconds(s, seconds);
	s->images_done += images;
	advance(s, images, &score, seconds);
	return SC_OK;
}
