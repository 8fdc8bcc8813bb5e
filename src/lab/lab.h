/* lab.h - the degradation experiment from the inside: nets with and without shortcuts, what is measured of each, and where it goes.
 *
 *     twin.c     trains one net in a run folder of its own, and goes on there after an interruption
 *     probe.c    gradients and responses of its layers
 *     lesion.c   its error with one block left out
 *     tables.c   what was measured, as CSV
 *     page.c     and as a page of plots
 *     degradation.c calls them in this order; nothing but run folders carries state from one call of the program to the next */
#ifndef SC_LAB_LAB_H
#define SC_LAB_LAB_H

#include "data/data.h"
#include "model/model.h"
#include "train/history.h"

struct sc_lab_twin {
	char name[64]; /* the preset: cifar56, plain-cifar56 */
	int64_t depth;
	bool residual;
	struct sc_epoch_row *epochs; /* [epoch_count]; validation is on the test sample */
	int64_t epoch_count;
	double seconds; /* of its training steps */

	/* By layer with weights: all convolutions, then the dense layer; layer_count = depth. */
	int64_t layer_count;
	char (*layer_names)[64];
	double *gradient_start, *gradient_end; /* L2 norm of the gradient of the layer's weights, on the probe's images */
	/* Standard deviation of what each BatchNorm gives out, on the same images after training; response_count = layer_count - 1.
	 */
	int64_t response_count;
	double *responses;

	int64_t block_count;
	double *lesions;    /* [block_count]: error without that block */
	double whole_error; /* with all of them, on the same images */
};

struct sc_lab {
	const struct sc_lab_options *options;  /* resolved */
	struct sc_data *train, *test, *lesion; /* samples */
	struct sc_preprocess preprocess;
	struct sc_lab_twin *twins; /* [twin_count]: of each depth the plain one, then the residual one */
	int64_t twin_count;
	struct sc_lab_event event; /* what the callback is told */
};

/* Tells the callback where the experiment is: SC_ERROR_STOPPED where it asks for an end. */
enum sc_status sc_lab_tell(struct sc_lab *lab, enum sc_lab_stage stage, struct sc_error *error);

enum sc_status sc_lab_train(struct sc_lab *lab, struct sc_lab_twin *twin, struct sc_model **model, struct sc_error *error);
/* The twin as it begins. */
enum sc_status sc_lab_model(const struct sc_lab *lab, const struct sc_lab_twin *twin, struct sc_model **model,
			    struct sc_error *error);
/* gradients: gradient_start or gradient_end of the twin; responses: NULL, or the twin's. */
enum sc_status sc_lab_probe(const struct sc_lab *lab, struct sc_lab_twin *twin, struct sc_model *model, double *gradients,
			    double *responses, struct sc_error *error);
/* Makes the twin's lists for its layers and blocks. */
enum sc_status sc_lab_count_layers(struct sc_lab_twin *twin, const struct sc_model *model, struct sc_error *error);
enum sc_status sc_lab_cut(struct sc_lab *lab, struct sc_lab_twin *twin, const struct sc_model *model, struct sc_error *error);
enum sc_status sc_lab_write_tables(const struct sc_lab *lab, struct sc_error *error);
/* SC_ERROR_UNSUPPORTED where this build draws no pictures. */
enum sc_status sc_lab_write_page(const struct sc_lab *lab, struct sc_error *error);

#endif
