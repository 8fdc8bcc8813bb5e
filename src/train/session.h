/* session.h - all that one training holds: engine, plans, memory, samples. Made before the first step; a step then allocates
 * nothing. */
#ifndef SC_TRAIN_SESSION_H
#define SC_TRAIN_SESSION_H

#include "data/data.h"
#include "engine/plan.h"
#include "train/optimizer.h"
#include "train/run_folder.h"

struct sc_session {
	struct sc_model *model;
	const struct sc_data *data;
	struct sc_fit_options options; /* resolved */
	struct sc_engine engine;

	/* One arena serves all plans: they never run at the same time. */
	struct sc_plan *plan;        /* for a whole batch; NULL where there are fewer images */
	struct sc_plan *rest_plan;   /* for the last, smaller batch; NULL where none is left over */
	struct sc_plan *check_plan;  /* for validation; NULL without it */
	struct sc_arena memory;      /* gradients, velocity, arena */
	float *gradients, *velocity; /* [model->trainable_values]; velocity NULL without momentum */

	struct sc_stretches stretches; /* of the model's numbers: which of them no plan reads */

	struct sc_indices samples;        /* of the data: which train, which validate */
	const struct sc_data *check_data; /* what validation reads: the data, or data of its own */
	const int64_t *check_indices;
	int64_t check_count;
	int64_t *order; /* [samples.train_count]: this epoch's samples, in their order */
	int64_t *batch; /* [largest batch]: sample numbers of a step */
	int64_t *all;   /* [validation data's count]: 0, 1, 2, ... */
	int64_t steps_per_epoch;
	int64_t promised_bytes;

	double *step_seconds;            /* [SC_KEPT_STEPS]: the newest */
	int64_t steps_done, images_done; /* in this session */
	double seconds;                  /* of its steps */

	struct sc_checkpoint at;        /* where the run is */
	struct sc_progress_event event; /* what the callback is told */
	struct sc_run_folder folder;
	char checkpoint_name[64]; /* of the newest, inside the run */
	double last_save;         /* when, by sc_clock */

	struct sc_update_bounds bounds; /* how large weights and velocities can be */
	int64_t rollbacks;              /* to the newest checkpoint */
	bool went_back;                 /* just now: the epoch is to be begun anew */
};
#define SC_KEPT_STEPS 4096

/* Everything that can fail before the first step fails here; nothing is written yet. */
enum sc_status sc_session_init(struct sc_session *session, struct sc_model *model, const struct sc_data *data,
			       const struct sc_fit_options *resolved, struct sc_error *error);
void sc_session_release(struct sc_session *session);
void sc_session_order_epoch(struct sc_session *session, int64_t epoch); /* fills `order` */
double sc_session_median_step(struct sc_session *session);

/* fit.c: begins or resumes the run, and trains to its end. */
enum sc_status sc_session_train(struct sc_session *session, struct sc_error *error); /* from `at` on */
enum sc_status sc_session_run(struct sc_session *session, struct sc_error *error);

/* step.c: the next step of the epoch: batch, forward, loss, backward, update. Moves `at` and `event` on. */
enum sc_status sc_session_step(struct sc_session *session, struct sc_error *error);
/* Due before the model is saved, tested or handed back: sc_sgd_catch_up. */
void sc_session_catch_up(struct sc_session *session);
struct sc_score sc_session_train_score(const struct sc_session *session); /* of the epoch so far */
/* The next step's samples into the plan that fits their number. */
struct sc_plan *sc_session_fill_batch(struct sc_session *session, int64_t *images);
float sc_session_learning_rate(const struct sc_session *session, int64_t step);

/* non_finite.c: what is to become of the next step, whose gradients are not finite, or whose update would make `overflow` so: an error,
 * *skip, or the state of the last checkpoint. */
enum sc_status sc_session_non_finite(struct sc_session *session, const char *overflow, bool *skip, struct sc_error *error);

/* save.c: begins the run's folder, or goes on from its newest checkpoint. */
enum sc_status sc_session_begin_run(struct sc_session *session, struct sc_error *error);
/* To the newest checkpoint, with half the learning rate. */
enum sc_status sc_session_go_back(struct sc_session *session, struct sc_error *error);
/* Whether a checkpoint is due after a step inside an epoch. */
bool sc_session_save_is_due(const struct sc_session *session);
/* A checkpoint, after `row` (or NULL) and the weights. on_save_error decides about a failure, unless the save is the last one. */
enum sc_status sc_session_save(struct sc_session *session, const struct sc_epoch_row *row, bool last, struct sc_error *error);

#endif
