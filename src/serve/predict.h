/* predict.h - images through an infer plan. */
#ifndef SC_SERVE_PREDICT_H
#define SC_SERVE_PREDICT_H

#include "engine/plan.h"

/* Images that the plan's model cannot take are refused, whichever it is, before anything is computed. */
enum sc_status sc_predict_check(const struct sc_model *model, const struct sc_image *images, int64_t count, struct sc_error *error);
/* probabilities: (count, classes). Images that were checked, in batches of the plan's size. */
void sc_predict_run(struct sc_plan *plan, const struct sc_image *images, int64_t count, float *probabilities);

#endif
