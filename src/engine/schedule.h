/* schedule.h - the inside of a plan: buffers, and the list of steps that read and write them. Private to engine/.
 *
 * The files that share it: fuse.c groups nodes, plan_forward.c and plan_backward.c write the list of steps, layout.c gives each
 * buffer its place, run.c walks the list, describe.c puts it into words, plan.c makes and destroys. A buffer lives from the first
 * step that names it to the last: nobody states lifetimes by hand. */
#ifndef SC_ENGINE_SCHEDULE_H
#define SC_ENGINE_SCHEDULE_H

#include "engine/plan.h"

struct buffer {
	int64_t bytes;
	int first, last; /* steps that use it; the whole run for what the caller reads afterwards */
	int64_t offset;  /* in the arena */
};

enum pass { PASS_FORWARD, PASS_LOSS, PASS_AGAIN, PASS_BACKWARD_WEIGHTS, PASS_BACKWARD_DATA, PASS_BACKWARD, PASS_SUM };

struct step;
typedef void (*step_function)(const struct sc_plan *plan, const struct step *step);

struct step {
	enum pass pass;
	int node;
	step_function run;
	/* Buffers, SC_NONE where unused. */
	int src, second; /* values of the node's inputs; BatchNorm of a group: its source, and what is added */
	int dst;         /* value of the node, or of its group */
	int extra;       /* statistics (4, channels) of BatchNorm, winners (mb, oh, ow, channels) of max-pooling */
	int diff_dst, diff_src, diff_second;
	int workspace;
	bool accumulate; /* add to diff_src */
	double seconds;  /* of the last run */
};

struct sc_plan {
	struct sc_model *model;
	struct sc_engine engine;
	enum sc_mode mode;
	int64_t batch;

	struct buffer *buffers;
	int buffer_count, buffer_capacity;
	struct step *steps;
	int step_count, step_capacity;
	int forward_count;         /* steps [0, forward_count) are the forward pass */
	int *group_end;            /* [node_count]: the last node of the group that the node belongs to; itself if it is alone */
	int *value, *extra, *diff; /* [node_count]: buffers, SC_NONE where there is none */
	int *again;                /* [node_count]: buffer of a value that is computed again in backward */
	int labels;                /* buffer (batch) of int32_t */
	int64_t arena_bytes;
	char *arena;
	float *gradients; /* [model->trainable_values] */

	bool owns_memory;       /* made by sc_plan_create: */
	struct sc_arena memory; /* gradients, velocity, arena */
	float *velocity;
	bool out_of_memory; /* while planning */
};

static inline void *buffer_at(const struct sc_plan *plan, int buffer)
{
	return buffer == SC_NONE ? NULL : plan->arena + plan->buffers[buffer].offset;
}
static inline const struct sc_node *step_node(const struct sc_plan *plan, const struct step *step)
{
	return &plan->model->nodes[step->node];
}
static inline int64_t node_numbers(const struct sc_plan *plan, int node)
{
	const struct sc_node *n = &plan->model->nodes[node];
	return plan->batch * n->height * n->width * n->channels;
}
static inline bool is_convolution(const struct sc_node *node)
{
	return node->kind == SC_NODE_CONVOLUTION || node->kind == SC_NODE_DENSE;
}

/* The problem that a node poses to the kernels, for this batch. A dense layer is a 1x1 convolution of 1x1 images. */
struct sc_convolution node_convolution(const struct sc_plan *plan, int node);
struct sc_batch_norm node_batch_norm(const struct sc_plan *plan, int node);
struct sc_max_pool node_max_pool(const struct sc_plan *plan, int node);
struct sc_subsample node_subsample(const struct sc_plan *plan, int node);

/* fuse.c: fills group_end. The head of the group that ends there is its BatchNorm, a lone node its own head; the residual is the
 * node that the group adds, or SC_NONE. */
void fuse_nodes(struct sc_plan *plan);
int group_head(const struct sc_plan *plan, int end);
int group_residual(const struct sc_plan *plan, int head);
int consumer_count(const struct sc_model *model, int node);

/* Whether backward computes this value again rather than keep it: BatchNorm with its rectifier, which only convolutions read. */
bool computed_again(const struct sc_plan *plan, int node);

/* A new buffer, a new step (all its buffers SC_NONE). On lack of memory they set plan->out_of_memory and give something harmless.
 */
int new_buffer(struct sc_plan *plan, int64_t bytes);
struct step *new_step(struct sc_plan *plan, enum pass pass, int node, step_function run);
void give_workspace(struct sc_plan *plan, struct step *step, int64_t bytes);

void plan_forward(struct sc_plan *plan);
void plan_backward(struct sc_plan *plan);
/* Lifetimes, then offsets: largest buffers first, each at the lowest place that is free while it lives. */
enum sc_status lay_out_buffers(struct sc_plan *plan, struct sc_error *error);

#endif
