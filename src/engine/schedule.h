/* schedule.h - the inside of a plan: buffers, and the list of steps that read and write them. Private to engine/.
 *
 * The files that share it: fuse.c groups nodes; plan_prepare.c, plan_forward.c and plan_backward.c write the list of steps;
 * layout.c gives each buffer its place, recompute.c makes a plan fit into a given memory, run.c and replay.c walk the list, describe.c
 * puts it into words, plan.c makes and destroys. A buffer lives from the first step that names it to the last: nobody states lifetimes
 * by hand. */
#ifndef SC_ENGINE_SCHEDULE_H
#define SC_ENGINE_SCHEDULE_H

#include "engine/plan.h"

struct buffer {
	int64_t bytes;
	int first, last; /* steps that use it; the whole run for what the caller reads afterwards */
	bool prepared;   /* filled once, before all runs */
	int64_t offset;  /* in the arena; of what is prepared: in plan->prepared */
};

enum pass { PASS_PREPARE, PASS_FORWARD, PASS_LOSS, PASS_AGAIN, PASS_BACKWARD_WEIGHTS, PASS_BACKWARD_DATA, PASS_BACKWARD, PASS_SUM };

struct step;
typedef void (*step_function)(const struct sc_plan *plan, const struct step *step);

struct step {
	enum pass pass;
	int node;
	step_function run;
	/* Buffers, SC_NONE where unused. */
	int src, second; /* values of the node's inputs; of a group: its source, and what is added */
	int dst;         /* value of the node, or of its group */
	int packed;      /* weights of a convolution as its kernel reads them */
	int bias;        /* (channels): what BatchNorm made of the bias; SC_NONE: the parameter, if there is one */
	int extra;       /* statistics (4, channels) of BatchNorm, winners (mb, oh, ow, channels) of max-pooling */
	int diff_dst, diff_src, diff_second;
	int workspace;
	bool accumulate; /* add to diff_src */
	double seconds;  /* of the last run */
};

/* A stretch of nodes, a residual block or the stem: all that comes after it reads its last value alone, and nothing before that. */
struct block {
	int first, last; /* nodes */
	bool again;      /* backward computes its values again, but for the last one, which is kept */
	int64_t saved;   /* bytes that then need not wait for backward */
	int64_t flops;   /* arithmetic that this takes */
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
	int forward_begin, forward_end; /* steps of the forward pass; before them, those that prepare an infer plan */
	int *lists;                     /* memory of the lists that follow */
	int *group_end;            /* [node_count]: the last node of the group that the node belongs to; itself if it is alone */
	int *block_of;             /* [node_count]: into blocks, SC_NONE where there is none */
	int *value, *extra, *diff; /* [node_count]: buffers, SC_NONE where there is none */
	int *packed, *bias;        /* the same, of convolutions in an infer plan: see struct step */
	int *again;                /* [node_count]: buffer of a value that is computed again in backward */
	int labels;                /* buffer (batch) of int32_t */
	struct block *blocks;      /* the last of the net first; none in a plan whose memory is not limited */
	int block_count;
	int64_t arena_bytes, prepared_bytes;
	char *arena, *prepared; /* what changes from run to run, and what does not */
	float *gradients; /* [model->trainable_values] */
	struct sc_stretches stretches; /* of a train plan */
	float largest_gradient; /* of the last step: see sc_plan_largest_gradient */

	bool owns_memory;       /* made by sc_plan_create: */
	struct sc_arena memory; /* gradients, velocity, arena */
	float *velocity;
	bool out_of_memory; /* while planning */
};

static inline void *buffer_at(const struct sc_plan *plan, int buffer)
{
	if (buffer == SC_NONE)
		return NULL;
	const struct buffer *b = &plan->buffers[buffer];
	return (b->prepared ? plan->prepared : plan->arena) + b->offset;
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
struct sc_average_pool node_average_pool(const struct sc_plan *plan, int node);
struct sc_scale node_scale(const struct sc_plan *plan, int node);
struct sc_subsample node_subsample(const struct sc_plan *plan, int node);

/* fuse.c: fills group_end. A group begins with its head, a convolution or a BatchNorm; a lone node is its own head. The residual is
 * the node that the group adds, the norm the BatchNorm that is folded into its convolution, the pool
 * the max-pooling after that; or SC_NONE. */
void fuse_nodes(struct sc_plan *plan);
int group_head(const struct sc_plan *plan, int end);
int group_residual(const struct sc_plan *plan, int head);
int group_norm(const struct sc_plan *plan, int head);
int group_pool(const struct sc_plan *plan, int head);
bool group_rectifies(const struct sc_plan *plan, int head);
int consumer_count(const struct sc_model *model, int node);

/* Whether backward computes this value again rather than keep it: what is inside a block that is computed again; elsewhere BatchNorm
 * with its rectifier, which only convolutions read. */
bool computed_again(const struct sc_plan *plan, int node);

/* A new buffer, a new step (all its buffers SC_NONE). On lack of memory they set plan->out_of_memory and give something harmless.
 */
int new_buffer(struct sc_plan *plan, int64_t bytes);
struct step *new_step(struct sc_plan *plan, enum pass pass, int node, step_function run);
int new_prepared_buffer(struct sc_plan *plan, int64_t bytes);
void give_workspace(struct sc_plan *plan, struct step *step, int64_t bytes);

/* run.c: the loss of the forward pass that was run, and its gradient. */
struct sc_score run_plan_loss(const struct sc_plan *plan);
/* Whether the step gives the gradients of its node's parameters. */
bool gives_parameter_gradients(const struct sc_plan *plan, const struct step *step);
/* What running means and variances become; `store`: in the model. Gives the first BatchNorm of which one is not finite, or SC_NONE.
 */
int move_statistics(const struct sc_plan *plan, bool store);

/* recompute.c: has as many blocks computed again as bring the arena down to engine.arena_limit; where none do, the plan with the smallest
 * arena is what is left. */
enum sc_status fit_into_limit(struct sc_plan *plan, struct sc_error *error);
/* plan.c: all steps and buffers from the nodes, anew, and their layout. */
enum sc_status write_steps(struct sc_plan *plan, struct sc_error *error);
/* describe.c: a multiply-add is 2. */
int64_t step_flops(const struct sc_plan *plan, const struct step *step);

/* The step that computes the group that ends with node `end`, but for its src, second and dst, which are its caller's to say. */
struct step *new_group_step(struct sc_plan *plan, enum pass pass, int end);
/* The second operand of the group that begins with `head`, or SC_NONE. */
int group_second(const struct sc_plan *plan, int head);

void plan_prepare(struct sc_plan *plan); /* an infer plan */
void plan_forward(struct sc_plan *plan);
void plan_backward(struct sc_plan *plan);
/* Lifetimes, then offsets: largest buffers first, each at the lowest place that is free while it lives. What is prepared lies end to
 * end, in the order in which it was asked for. */
enum sc_status lay_out_buffers(struct sc_plan *plan, struct sc_error *error);

#endif
