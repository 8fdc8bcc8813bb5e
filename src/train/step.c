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

struct sc_plan *sc_session_fill_batch(struct sc_session *s, int64_t *images)
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
	float rate = sc_scheduled_learning_rate(&o->schedule, o->optimizer.learning_rate, step, s->steps_per_epoch, o->epochs);
	return (float)((double)rate * s->at.rate_factor);
}

/* Adds the step's images to the epoch's score. */
static void count_images(struct sc_checkpoint *at, int64_t images, const struct sc_score *score)
{
	at->images += images;
	at->correct += score->correct;
	at->loss += (score->loss - at->loss) * (double)images / (double)at->images; /* the mean over the images so far */
}

static void advance(struct sc_session *s, const struct sc_score *score, bool skipped, double seconds)
{
	struct sc_checkpoint *at = &s->at;
	struct sc_progress_event *e = &s->event;
	at->step++;
	at->epoch_step++;
	at->skipped = skipped ? at->skipped + 1 : 0;
	e->step = at->epoch_step;
	e->global_step = at->step;
	e->images = at->images;
	e->step_loss = score->loss;
	e->step_accuracy = score->accuracy;
	e->train = sc_session_train_score(s);
	e->checkpoint = NULL;
	e->skipped = skipped;
	const struct sc_step_row row = {at->step, at->epochs + 1, score->loss, score->accuracy, (double)e->learning_rate, seconds};
	sc_steps_add(&s->folder.steps, &row);
}

void sc_session_catch_up(struct sc_session *s)
{
	sc_sgd_catch_up(&s->engine, s->model, &s->stretches, s->velocity, &s->options.optimizer);
}

enum sc_status sc_session_step(struct sc_session *s, struct sc_error *error)
{
	const struct sc_optimizer *optimizer = &s->options.optimizer;
	int64_t images;
	double start = sc_clock();
	struct sc_plan *plan = sc_session_fill_batch(s, &images);
	float rate = s->event.learning_rate = sc_session_learning_rate(s, s->at.step);
	struct sc_score score = sc_plan_run_step(plan);
	float largest = sc_plan_largest_gradient(plan);
	const char *overflow = NULL;
	bool skipped = false;
	if (isfinite(largest) && !sc_sgd_surely_finite(&s->bounds, optimizer, rate, largest)) {
		sc_session_catch_up(s);
		overflow = sc_sgd_overflow(&s->bounds, &s->engine, s->model, s->gradients, s->velocity, optimizer, rate, largest);
	}
	if (!isfinite(largest) || overflow) {
		enum sc_status status = sc_session_non_finite(s, overflow, &skipped, error);
		if (status || s->went_back)
			return status;
	}
	if (!skipped) {
		sc_sgd_update(&s->engine, s->model, &s->stretches, s->gradients, s->velocity, optimizer, rate);
		sc_plan_update_statistics(plan);
		count_images(&s->at, images, &score);
	}
	double seconds = sc_clock() - start;
	note_seconds(s, seconds);
	s->images_done += images;
	advance(s, &score, skipped, seconds);
	return SC_OK;
}
