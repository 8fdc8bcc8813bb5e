/* kernels.h - the interface between a plan and the code that computes: one table of functions an instruction set.
 *
 * reference/ gives the meaning of each op in plain loops; cpu/ gives the same bits faster. A kernel reads and writes only what it
 * is handed, allocates nothing, cannot fail, and shares its work among `pool`. Which chain of additions gives an element is
 * documented at each reference op; it depends on the shapes alone.
 *
 * Words: src, dst, weights; diff_x is the gradient of the loss by x. mb: images in the batch; ic, oc: input and output channels;
 * ih, iw, oh, ow: input and output height and width; kh, kw: kernel. Tensors are NHWC, weights (kh, kw, ic / groups, oc). */
#ifndef SC_ENGINE_KERNELS_H
#define SC_ENGINE_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"

#define SC_MAX_KERNEL 15 /* taps along an axis; the plan refuses larger windows */

struct sc_convolution {
	int64_t mb, ih, iw, ic, oh, ow, oc;
	int64_t kh, kw, stride_h, stride_w, pad_top, pad_left; /* bottom and right padding follow from oh and ow */
	int64_t groups; /* 1 or more: of neighbouring channels; each group of outputs reads its own group of inputs */
	bool winograd; /* by Winograd's method, other chains than the direct ones; only where sc_winograd_possible (winograd.h) */
	bool late;     /* Winograd's weights are packed as they are, and transformed each time they are read: the same bits */
};

/* Input and output channels of one group, and numbers in all weights. */
static inline int64_t sc_group_ic(const struct sc_convolution *c)
{
	return c->ic / c->groups;
}
static inline int64_t sc_group_oc(const struct sc_convolution *c)
{
	return c->oc / c->groups;
}
static inline int64_t sc_weight_count(const struct sc_convolution *c)
{
	return c->kh * c->kw * sc_group_ic(c) * c->oc;
}

static inline bool sc_tap_meets_axis(int64_t tap, int64_t stride, int64_t pad, int64_t size, int64_t outputs)
{
	int64_t first = tap < pad ? (pad - tap + stride - 1) / stride : 0; /* the first output whose tap is not before the source */
	return first < outputs && first * stride - pad + tap < size;
}
/* Whether a tap takes a pixel from inside the source for any output. On small maps some taps meet padding alone: their weights have no
 * effect, and their gradients are 0. By Winograd, where rounding goes other ways, all taps count. */
static inline bool sc_tap_meets_data(const struct sc_convolution *c, int64_t row, int64_t column)
{
	return c->winograd || (sc_tap_meets_axis(row, c->stride_h, c->pad_top, c->ih, c->oh) &&
			       sc_tap_meets_axis(column, c->stride_w, c->pad_left, c->iw, c->ow));
}

/* Tensors of a forward convolution: dst = convolution(src) (+ bias) (+ residual); with relu, numbers below 0 become 0. Each
 * addition rounds once, so that fused or one by one the bits are the same. */
struct sc_convolution_forward {
	const float *src;
	const float *packed;   /* what convolution_pack made of the weights */
	const float *bias;     /* (oc), or NULL */
	const float *residual; /* like dst, or NULL; may be dst */
	float *dst;
	bool relu;
};

struct sc_max_pool {
	int64_t mb, ih, iw, oh, ow, channels;
	int64_t kh, kw, stride_h, stride_w, pad_top, pad_left;
	float pad_value; /* takes part as a value of its own where a window reaches outside; -INFINITY never wins */
};

/* The map cut into cells of kh x kw pixels, from the top left; oh = ceil(ih / kh), ow = ceil(iw / kw). Cells at the bottom and at
 * the right may be cut off: they average the pixels that they have. */
struct sc_average_pool {
	int64_t mb, ih, iw, oh, ow, channels, kh, kw;
};

struct sc_subsample { /* every stride-th pixel; ic channels, zeros_before of the other oc - ic before them, the rest after */
	int64_t mb, ih, iw, ic, oh, ow, oc, stride, zeros_before;
};

struct sc_scale { /* each channel of each image by a number of its own: src (mb, pixels, channels), factor (mb, channels) */
	int64_t mb, pixels, channels;
};
struct sc_scale_backward {
	const float *src, *factor, *diff_dst;
	float *diff_src; /* may be diff_dst */
	float *diff_factor;
};

struct sc_batch_norm {
	int64_t mb, height, width, channels;
	float epsilon, momentum, update;
	bool unbiased;
	bool relu; /* dst = max(0, ...): the rectifier that follows, in the same pass */
};

/* Tensors of BatchNorm. src, dst, residual and their gradients (mb, height, width, channels); scale, shift, mean, variance
 * (channels); statistics (4, channels): mean, biased variance, 1 / sqrt(variance + epsilon), spare. */
struct sc_norm_forward {
	const float *src, *scale, *shift;
	const float *residual; /* added before the rectifier; NULL: nothing */
	float *dst, *statistics;
};
struct sc_norm_infer {
	const float *src, *scale, *shift, *mean, *variance;
	const float *residual;
	float *dst; /* may be src */
};
struct sc_norm_backward {
	const float *src, *diff_dst, *scale, *shift, *statistics;
	const float *dst;               /* with a rectifier: where it let pass; NULL: found out again from src (no residual then) */
	float *diff_src;                /* may be diff_dst */
	float *diff_residual;           /* what passed the rectifier; NULL: not wanted; may be diff_dst if diff_src is not */
	float *diff_scale, *diff_shift; /* (channels) */
};

struct sc_sgd {
	float learning_rate, momentum, weight_decay;
	bool nesterov, keras_form, decoupled_decay;
};

struct sc_kernels {
	const char *name; /* "avx512" */

	/* Weights in the order in which the forward convolution reads them: packed each step in training, once for inference. */
	int64_t (*convolution_packed_bytes)(const struct sc_convolution *c);
	void (*convolution_pack)(const struct sc_convolution *c, const float *weights, float *packed, struct sc_pool *pool);
	int64_t (*convolution_forward_workspace)(const struct sc_convolution *c, int threads); /* bytes */
	void (*convolution_forward)(const struct sc_convolution *c, const struct sc_convolution_forward *t, void *workspace,
				    struct sc_pool *pool);
	/* The convolution and the max-pooling after it in one, dst being what is pooled: what lies between exists nowhere. Neither
	 * by Winograd nor in groups; no residual. */
	int64_t (*convolution_pool_workspace)(const struct sc_convolution *c, const struct sc_max_pool *m, int threads);
	void (*convolution_pool_forward)(const struct sc_convolution *c, const struct sc_max_pool *m,
					 const struct sc_convolution_forward *t, void *workspace, struct sc_pool *pool);
	/* diff_src = (accumulate: diff_src +) the transposed convolution of diff_dst. */
	int64_t (*convolution_backward_data_workspace)(const struct sc_convolution *c, int threads);
	void (*convolution_backward_data)(const struct sc_convolution *c, const float *diff_dst, const float *weights,
					  float *diff_src, bool accumulate, void *workspace, struct sc_pool *pool);
	/* diff_weights (kh, kw, ic / groups, oc), diff_bias (oc) or NULL; both are overwritten, but for taps that meet no data: their
	 * numbers are 0 before, and stay so. */
	int64_t (*convolution_backward_weights_workspace)(const struct sc_convolution *c, int threads);
	void (*convolution_backward_weights)(const struct sc_convolution *c, const float *src, const float *diff_dst,
					     float *diff_weights, float *diff_bias, void *workspace, struct sc_pool *pool);

	int64_t (*batch_norm_workspace)(const struct sc_batch_norm *b, int threads);
	void (*batch_norm_forward)(const struct sc_batch_norm *b, const struct sc_norm_forward *t, void *workspace,
				   struct sc_pool *pool);
	/* The forward's dst once more, its statistics being there. */
	void (*batch_norm_again)(const struct sc_batch_norm *b, const struct sc_norm_forward *t, struct sc_pool *pool);
	void (*batch_norm_infer)(const struct sc_batch_norm *b, const struct sc_norm_infer *t, void *workspace,
				 struct sc_pool *pool);
	void (*batch_norm_backward)(const struct sc_batch_norm *b, const struct sc_norm_backward *t, void *workspace,
				    struct sc_pool *pool);

	void (*relu_forward)(int64_t count, const float *src, float *dst, struct sc_pool *pool);
	/* diff_src may be diff_dst; dst is the forward's result. */
	void (*relu_backward)(int64_t count, const float *dst, const float *diff_dst, float *diff_src, struct sc_pool *pool);
	void (*add)(int64_t count, const float *a, const float *b, float *sum, struct sc_pool *pool); /* sum may be a or b */

	/* winner (mb, oh, ow, channels): number of the tap kh * KW + kw that gave the maximum (the first of equals), 255 for
	 * padding. */
	void (*max_pool_forward)(const struct sc_max_pool *m, const float *src, float *dst, uint8_t *winner, struct sc_pool *pool);
	void (*max_pool_backward)(const struct sc_max_pool *m, const float *diff_dst, const uint8_t *winner, float *diff_src,
				  struct sc_pool *pool);
	/* (mb, ih, iw, channels) -> (mb, oh, ow, channels) */
	void (*average_pool_forward)(const struct sc_average_pool *a, const float *src, float *dst, struct sc_pool *pool);
	void (*average_pool_backward)(const struct sc_average_pool *a, const float *diff_dst, float *diff_src,
				      struct sc_pool *pool);

	void (*sigmoid_forward)(int64_t count, const float *src, float *dst, struct sc_pool *pool); /* dst may be src */
	/* diff_src may be diff_dst; dst is the forward's result. */
	void (*sigmoid_backward)(int64_t count, const float *dst, const float *diff_dst, float *diff_src, struct sc_pool *pool);
	void (*scale_forward)(const struct sc_scale *s, const float *src, const float *factor, float *dst,
			      struct sc_pool *pool); /* dst may be src */
	void (*scale_backward)(const struct sc_scale *s, const struct sc_scale_backward *t, struct sc_pool *pool);

	/* (mb, ih, iw, ic) -> (mb, oh, ow, oc) */
	void (*subsample_forward)(const struct sc_subsample *s, const float *src, float *dst, struct sc_pool *pool);
	void (*subsample_backward)(const struct sc_subsample *s, const float *diff_dst, float *diff_src, struct sc_pool *pool);

	/* One step of stochastic gradient descent over `count` numbers; velocity may be NULL where momentum is 0. */
	void (*sgd)(const struct sc_sgd *s, int64_t count, float *values, const float *gradients, float *velocity,
		    struct sc_pool *pool);

	/* `steps` steps in a row, by learning rates of their own, of weights whose gradients are 0. */
	void (*sgd_idle)(const struct sc_sgd *s, const float *learning_rates, int64_t steps, int64_t count, float *values,
			 float *velocity, struct sc_pool *pool);

	/* Infinite where a number is infinite or not a number. */
	float (*largest_magnitude)(int64_t count, const float *numbers, struct sc_pool *pool);

	/* `repetitions` rounds of independent fused multiply-adds in registers; gives the FLOP done by one thread. For measuring.
	 */
	int64_t (*fma_peak)(int64_t repetitions);
};

/* The best table that this processor runs and `name` allows; NULL name: $SHORTCUT_ISA, else the best.
 * SC_ERROR_ARGUMENT for a name that is none, SC_ERROR_UNSUPPORTED for one that this processor lacks. */
enum sc_status sc_kernels_choose(const struct sc_kernels **out, const char *name, struct sc_error *error);
/* The tables that this build holds and this processor runs, best first, reference last; NULL past the end. */
const struct sc_kernels *sc_kernels_available(int index);

/* Softmax and cross-entropy (engine/loss.c): few numbers, in double, the same code for every instruction set.
 * labels (mb) may be NULL: then only probabilities are given. scores (mb, classes) -> probabilities (mb, classes) or NULL,
 * diff_scores (mb, classes) = (probability - onehot) / mb, or NULL. */
struct sc_score sc_softmax_cross_entropy(int64_t mb, int64_t classes, const float *scores, const int32_t *labels,
					 float *probabilities, float *diff_scores);

#endif
