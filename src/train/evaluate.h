/* evaluate.h - the score of a model on some samples, through an infer plan. */
#ifndef SC_TRAIN_EVALUATE_H
#define SC_TRAIN_EVALUATE_H

#include "data/data.h"
#include "engine/plan.h"

struct sc_batch_shape sc_model_batch_shape(const struct sc_model *model);
/* Data and model must agree on sizes, channels and classes. */
enum sc_status sc_check_data(const struct sc_model *model, const struct sc_data *data, struct sc_error *error);
/* plan: bound, for inference. The loss is summed batch by batch, in the order of `indices`. Allocates nothing. */
struct sc_score sc_evaluate_samples(struct sc_plan *plan, const struct sc_data *data, const int64_t *indices, int64_t count,
				    int64_t *batch_indices);

#endif
