/* tables.c - what the experiment measured, as CSV: errors.csv, gradients.csv, responses.csv, lesions.csv. Errors are shares, 0
 * to 1. Each file is written whole or not at all. */
#include <inttypes.h>
#include <stdlib.h>

#include "io/file.h"
#include "lab/lab.h"

typedef void (*row_writer)(FILE *stream, const struct sc_lab_twin *twin);

static void begin_row(FILE *stream, const struct sc_lab_twin *twin)
{
	fprintf(stream, "%s,%" PRId64 ",%s,", twin->name, twin->depth, twin->residual ? "yes" : "no");
}

static void write_errors(FILE *stream, const struct sc_lab_twin *twin)
{
	for (int64_t i = 0; i < twin->epoch_count; i++) {
		const struct sc_epoch_row *r = &twin->epochs[i];
		begin_row(stream, twin);
		fprintf(stream, "%" PRId64 ",%.9g,%.9g,%.9g,%.9g\n", r->epoch, r->loss, 1 - r->accuracy, r->validation_loss,
			1 - r->validation_accuracy);
	}
}

static void write_gradients(FILE *stream, const struct sc_lab_twin *twin)
{
	for (int64_t i = 0; i < twin->layer_count; i++) {
		begin_row(stream, twin);
		fprintf(stream, "%" PRId64 ",%s,%.9g,%.9g\n", i + 1, twin->layer_names[i], twin->gradient_start[i],
			twin->gradient_end[i]);
	}
}

static void write_responses(FILE *stream, const struct sc_lab_twin *twin)
{
	for (int64_t i = 0; i < twin->response_count; i++) {
		begin_row(stream, twin);
		fprintf(stream, "%" PRId64 ",%s,%.9g\n", i + 1, twin->layer_names[i], twin->responses[i]);
	}
}

static void write_lesions(FILE *stream, const struct sc_lab_twin *twin)
{
	for (int64_t i = 0; i < twin->block_count; i++) {
		begin_row(stream, twin);
		fprintf(stream, "%" PRId64 ",%.9g,%.9g\n", i + 1, twin->lesions[i], twin->whole_error);
	}
}

static enum sc_status write_table(const struct sc_lab *lab, const char *name, const char *columns, row_writer write,
				  struct sc_error *error)
{
	struct sc_file_writer writer;
	char *path = sc_path_join(lab->options->out, name);
	enum sc_status status = path ? sc_file_writer_open(&writer, path, error) : sc_fail_memory(error, 0, name);
	free(path);
	if (status)
		return status;
	fprintf(writer.stream, "net,depth,residual,%s\n", columns);
	for (int64_t i = 0; i < lab->twin_count; i++)
		write(writer.stream, &lab->twins[i]);
	return sc_file_writer_commit(&writer, error);
}

enum sc_status sc_lab_write_tables(const struct sc_lab *lab, struct sc_error *error)
{
	enum sc_status status =
		write_table(lab, "errors.csv", "epoch,train_loss,train_error,test_loss,test_error", write_errors, error);
	if (!status)
		status = write_table(lab, "gradients.csv", "layer,name,norm_at_start,norm_at_end", write_gradients, error);
	if (!status)
		status = write_table(lab, "responses.csv", "layer,name,deviation", write_responses, error);
	if (!status)
		status = write_table(lab, "lesions.csv", "block,test_error,test_error_whole", write_lesions, error);
	return status;
}
