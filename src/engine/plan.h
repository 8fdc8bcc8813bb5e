/* plan.h - a model bound to a batch, a mode and an engine: the list of steps, and where each tensor lies in one arena.
 *
 * sc_plan_layout decides everything and takes no big memory; sc_plan_bind gives it memory that may be shared with other plans of
 * the same model that do not run at the same time (training, its last smaller batch, validation: one arena, the largest wins).
 * The public sc_plan_create does both, with memory of its own. */
#ifndef SC_ENGINE_PLAN_H
#define SC_ENGINE_PLAN_H

#include "base/memory.h"
#include "base/pool.h"
#include "engine/kernels.h"
#include "model/model.h"

struct sc_engine {
	const struct sc_kernels *kernels;
	struct sc_pool *pool;
	enum sc_convolution_method convolution;
	bool no_fuse;
	bool keep_outputs; /* each layer's result stays where it is until the next run; includes no_fuse */
	int64_t packing_batch; /* weights are packed as for so many images; 0: as for the plan's batch. Plans that share them have one. */
	/* Bytes; 0: none. A train plan computes blocks again in backward until its arena is no larger: the values are the same, to the bit.
	 * Where that cannot be, sc_plan_layout gives the smallest that can: its sc_plan_arena_bytes is for the caller to look at. */
	int64_t arena_limit;
};
enum sc_status sc_engine_init(struct sc_engine *engine, const struct sc_compute *compute,
			      struct sc_error *error); /* compute NULL: defaults */
void sc_engine_release(struct sc_engine *engine);

struct sc_plan;

/* The model and the engine must outlive the plan. batch >= 1. */
enum sc_status sc_plan_layout(struct sc_plan **out, struct sc_model *model, const struct sc_engine *engine, enum sc_mode mode,
			      int64_t batch, struct sc_error *error);
/* What `memory` bytes (0: any) leave for the arena (0: any) beside `others`; 1 where it is nothing. */
static inline int64_t sc_arena_limit(int64_t memory, int64_t others)
{
	return memory == 0 ? 0 : memory - others > 1 ? memory - others : 1;
}
/* SC_ERROR_MEMORY: `given` bytes were allowed, `least` would do. */
enum sc_status sc_fail_limit(struct sc_error *error, int64_t least, int64_t given);
/* arena: sc_plan_arena_bytes(plan) bytes or more. gradients: model->trainable_values zeros; NULL for an infer plan. */
void sc_plan_bind(struct sc_plan *plan, void *arena, float *gradients);

/* What sc_plan_run_prepare makes of the parameters of an infer plan lies at the arena's beginning, and only that step writes there.
 * sc_plan_bind_prepared has it elsewhere (SC_ALIGNMENT-aligned), perhaps ready and shared; the arena is that much smaller then. */
int64_t sc_plan_prepared_bytes(const struct sc_plan *plan);
void sc_plan_bind_prepared(struct sc_plan *plan, void *arena, void *prepared);
/* A checksum of how they lie: with the model's description it decides, together with the parameters, every byte of them. */
uint64_t sc_plan_prepared_layout(const struct sc_plan *plan);

const struct sc_engine *sc_plan_engine(const struct sc_plan *plan);
struct sc_model *sc_plan_model(const struct sc_plan *plan);
float *sc_plan_gradients(const struct sc_plan *plan); /* [model->trainable_values] */
float *sc_plan_velocity(const struct sc_plan *plan);  /* the same; zero at first; NULL unless made by sc_plan_create for training */

/* The rest works on a bound plan. An infer plan is prepared before its first run, after the parameters changed, and after another
 * plan used the arena: its weights, BatchNorm folded in, are then packed as the kernels read them. A train plan needs none of it.
 */
void sc_plan_run_prepare(struct sc_plan *plan);
int64_t sc_plan_batch(const struct sc_plan *plan);
float *sc_plan_images(struct sc_plan *plan);             /* (batch, height, width, channels): fill before a run */
int32_t *sc_plan_labels(struct sc_plan *plan);           /* (batch): fill before sc_plan_run_step */
const float *sc_plan_scores(const struct sc_plan *plan); /* (batch, classes), after a run */
void sc_plan_run_forward(struct sc_plan *plan);
/* Forward, loss, and, if the loss is finite, backward. Nothing in the model changes: not even running statistics. */
struct sc_score sc_plan_run_step(struct sc_plan *plan);
/* Moves the model's running means and variances towards those of the last step's batch. Part of an update. */
void sc_plan_update_statistics(struct sc_plan *plan);
/* The largest magnitude among the last step's gradients; infinite if a gradient, a score, the loss or what is to become a running mean
 * or variance is not finite. What is not finite in a value or a gradient inside the net, and has any effect, comes to one of them.
 */
float sc_plan_largest_gradient(const struct sc_plan *plan);

/* Trainable numbers that lie side by side, of one parameter. Idle ones are the weights of taps that meet no data (kernels.h): nothing
 * reads them, their gradients stay 0, as they are bound, and nobody computes them. */
struct sc_stretch {
	int parameter;
	int64_t offset, count; /* in the model's numbers */
	bool idle;
};
struct sc_stretches {
	struct sc_stretch *list;
	int count;
	float late_rates[64]; /* learning rates of the steps that idle numbers have not made yet (train/optimizer.h) */
	int64_t late_steps;
};
/* All trainable numbers, in their order; idle are those that are so in each of the plans (NULL: no plan). Release when done. */
enum sc_status sc_stretches_make(struct sc_stretches *stretches, const struct sc_model *model, const struct sc_plan *const *plans,
				 int plan_count, struct sc_error *error);
void sc_stretches_release(struct sc_stretches *stretches);
struct sc_stretches *sc_plan_stretches(struct sc_plan *plan); /* of a train plan, its own */

struct sc_non_finite {
	const char *layer; /* borrowed from the model */
	char tensor[192];  /* "images", a parameter, "its output", "the gradient of its input", ... */
	int64_t image;     /* the first in the batch, or -1 where the tensor belongs to no image */
	float value;       /* the first */
};
/* The last step once more, images and labels being filled in again: where a number first is not finite. False: nowhere, this time. */
bool sc_plan_find_non_finite(struct sc_plan *plan, struct sc_non_finite *found);

#endif
