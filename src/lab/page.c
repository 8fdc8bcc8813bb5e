/* page.c - the experiment as one page of plots: degradation.svg and degradation.png. Plain nets are orange, residual ones blue; the
 * deeper, the darker. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "io/file.h"
#include "lab/lab.h"
#include "report/plot.h"

#define PANELS 6
#define LINES  2 /* of one twin in a panel, at most */

/* The numbers and names of the page: filled panel by panel, and given back together. */
struct sheet {
	const struct sc_lab *lab;
	struct sc_line *lines; /* [PANELS][LINES * twin_count] */
	double *numbers;       /* x: 1, 2, 3, ...; then percentages */
	int64_t used;
	char (*labels)[80]; /* [LINES * twin_count] */
	struct sc_axes axes[PANELS];
};

static struct sc_colour colour_of(const struct sc_lab *lab, const struct sc_lab_twin *twin)
{
	static const struct sc_colour light[] = {{0.99, 0.68, 0.38}, {0.45, 0.71, 0.90}},
				      dark[] = {{0.78, 0.28, 0.02}, {0.03, 0.26, 0.55}};
	int64_t depths = lab->twin_count / 2, rank = (twin - lab->twins) / 2;
	double share = depths > 1 ? (double)rank / (double)(depths - 1) : 1;
	const struct sc_colour *a = &light[twin->residual], *b = &dark[twin->residual];
	return (struct sc_colour){a->red + share * (b->red - a->red), a->green + share * (b->green - a->green),
				  a->blue + share * (b->blue - a->blue)};
}

/* factor * values + offset, in the sheet's own memory. */
static const double *scaled(struct sheet *sheet, const double *values, int64_t count, double factor)
{
	double *result = sheet->numbers + sheet->used;
	sheet->used += count;
	for (int64_t i = 0; i < count; i++)
		result[i] = factor * values[i];
	return result;
}

static const double *errors(struct sheet *sheet, const struct sc_lab_twin *twin, bool test)
{
	double *result = sheet->numbers + sheet->used;
	sheet->used += twin->epoch_count;
	for (int64_t i = 0; i < twin->epoch_count; i++)
		result[i] = 100 * (1 - (test ? twin->epochs[i].validation_accuracy : twin->epochs[i].accuracy));
	return result;
}

static struct sc_line *add_line(struct sheet *sheet, int panel, const struct sc_lab_twin *twin, const char *label, const double *y,
				int64_t count)
{
	struct sc_axes *axes = &sheet->axes[panel];
	struct sc_line *line = sheet->lines + panel * LINES * sheet->lab->twin_count + axes->line_count++;
	*line = (struct sc_line){
		.label = label, .x = sheet->numbers, .y = y, .count = count, .colour = colour_of(sheet->lab, twin)};
	axes->lines = sheet->lines + panel * LINES * sheet->lab->twin_count;
	return line;
}

/* Panels 0 and 1: plain, residual. */
static void add_errors(struct sheet *sheet, const struct sc_lab_twin *twin, char (*label)[80])
{
	int panel = twin->residual;
	snprintf(label[0], sizeof(*label), "%" PRId64 " layers, test", twin->depth);
	snprintf(label[1], sizeof(*label), "%" PRId64 " layers, training", twin->depth);
	struct sc_line *line = add_line(sheet, panel, twin, label[0], errors(sheet, twin, true), twin->epoch_count);
	line->dots = twin->epoch_count <= 30;
	line = add_line(sheet, panel, twin, label[1], errors(sheet, twin, false), twin->epoch_count);
	line->dashed = true;
	line->dots = twin->epoch_count <= 30;
}

static void add_twin(struct sheet *sheet, const struct sc_lab_twin *twin, char (*label)[80], const char *name)
{
	add_errors(sheet, twin, label);
	add_line(sheet, 2, twin, name, twin->gradient_start, twin->layer_count);
	add_line(sheet, 3, twin, name, twin->gradient_end, twin->layer_count);
	add_line(sheet, 4, twin, name, twin->responses, twin->response_count);
	struct sc_line *line =
		add_line(sheet, 5, twin, name, scaled(sheet, twin->lesions, twin->block_count, 100), twin->block_count);
	line->dots = twin->block_count <= 60;
}

static void name_panels(struct sc_axes axes[PANELS])
{
	axes[0] = (struct sc_axes){.title = "Nets without shortcuts", .x_label = "epoch", .y_label = "error, %"};
	axes[1] = (struct sc_axes){.title = "The same nets with shortcuts", .x_label = "epoch", .y_label = "error, %"};
	axes[2] = (struct sc_axes){.title = "Gradient of each layer's weights, before training",
				   .note = "L2 norm; equal first values, equal images",
				   .x_label = "layer, from the image to the scores",
				   .y_label = "gradient norm",
				   .log_y = true};
	axes[3] = axes[2];
	axes[3].title = "Gradient of each layer's weights, after training";
	axes[3].note = "L2 norm, on the same images";
	axes[4] = (struct sc_axes){.title = "Responses of the layers, after training",
				   .note = "standard deviation of what BatchNorm gives out, before addition and rectifier",
				   .x_label = "layer, from the image to the scores",
				   .y_label = "standard deviation",
				   .from_zero = true};
	axes[5] = (struct sc_axes){.title = "One block taken away",
				   .note = "test error of the trained net without that block",
				   .x_label = "block, from the image to the scores",
				   .y_label = "error, %",
				   .from_zero = true,
				   .least_y_top = 100};
	for (int i = 0; i < 2; i++) {
		axes[i].note = "solid: test images; dashed: training images, as they were learnt from";
		axes[i].from_zero = true;
		axes[i].least_y_top = 100;
	}
}

static int64_t count_numbers(const struct sc_lab *lab, int64_t *longest)
{
	int64_t count = 0;
	*longest = 0;
	for (int64_t i = 0; i < lab->twin_count; i++) {
		const struct sc_lab_twin *t = &lab->twins[i];
		count += 2 * t->epoch_count + t->block_count;
		*longest = t->layer_count > *longest ? t->layer_count : *longest;
		*longest = t->epoch_count > *longest ? t->epoch_count : *longest;
	}
	return count;
}

static enum sc_status make_sheet(struct sheet *sheet, const struct sc_lab *lab, struct sc_error *error)
{
	int64_t longest, rest = count_numbers(lab, &longest), twins = lab->twin_count;
	*sheet = (struct sheet){.lab = lab, .used = longest};
	sheet->lines = sc_allocate(PANELS * LINES * twins, sizeof(*sheet->lines));
	sheet->numbers = sc_allocate(longest + rest, sizeof(double));
	sheet->labels = sc_allocate((LINES + 1) * twins, sizeof(*sheet->labels));
	if (!sheet->lines || !sheet->numbers || !sheet->labels)
		return sc_fail_memory(error, (longest + rest) * 8, "a page of plots");
	for (int64_t i = 0; i < longest; i++)
		sheet->numbers[i] = (double)(i + 1);
	name_panels(sheet->axes);
	for (int64_t i = 0; i < twins; i++) {
		const struct sc_lab_twin *twin = &lab->twins[i];
		char(*label)[80] = sheet->labels + (LINES + 1) * i;
		snprintf(label[2], sizeof(*label), "%s, %" PRId64, twin->residual ? "residual" : "plain", twin->depth);
		add_twin(sheet, twin, label, label[2]);
	}
	return SC_OK;
}

static void release_sheet(struct sheet *sheet)
{
	free(sheet->lines);
	free(sheet->numbers);
	free(sheet->labels);
}

struct target {
	struct sc_file_writer writer;
	struct sc_error error;
};

static bool write_bytes(void *context, const uint8_t *bytes, size_t count)
{
	struct target *target = context;
	return sc_file_write(&target->writer, bytes, (int64_t)count, &target->error) == SC_OK;
}

static enum sc_status write_picture(const struct sc_lab *lab, const struct sc_page *page, enum sc_plot_format format,
				    const char *name, struct sc_error *error)
{
	struct target target = {0};
	char *path = sc_path_join(lab->options->out, name);
	enum sc_status status = path ? sc_file_writer_open(&target.writer, path, error) : sc_fail_memory(error, 0, name);
	if (!status) {
		status = sc_plot_draw(page, format, write_bytes, &target, path, error);
		if (!status)
			status = sc_file_writer_commit(&target.writer, error);
		else
			sc_file_writer_abandon(&target.writer);
		if (target.error.status) /* cairo knows only that the bytes could not be written */
			status = sc_fail(error, target.error.status, path, -1, "%s", target.error.message);
	}
	free(path);
	return status;
}

enum sc_status sc_lab_write_page(const struct sc_lab *lab, struct sc_error *error)
{
	struct sheet sheet;
	char note[400];
	const struct sc_lab_options *o = lab->options;
	enum sc_status status = make_sheet(&sheet, lab, error);
	snprintf(note, sizeof(note),
		 "%s: %" PRId64 " images to train on, %" PRId64 " to test, %" PRId64 " epochs, batch %" PRId64
		 ", learning rate %g, seed %" PRIu64 "; of each depth a net with shortcuts and one without, alike in all else",
		 lab->train->name, lab->train->count, lab->test->count, o->epochs, o->batch, (double)o->learning_rate, o->seed);
	const struct sc_page page = {"Why residual networks exist", note, sheet.axes, PANELS, 2};
	if (!status)
		status = write_picture(lab, &page, SC_PLOT_SVG, "degradation.svg", error);
	if (!status)
		status = write_picture(lab, &page, SC_PLOT_PNG, "degradation.png", error);
	release_sheet(&sheet);
	return status;
}
