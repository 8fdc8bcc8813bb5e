/* summary.c - the table of layers, as people know it from Keras' model.summary(), with every shape and cost filled in.
 *
 * A layer with two inputs takes two lines. Where the columns do not fit, "connected to" gives way first (its names lose their
 * beginnings), then it is left out, then the multiply-adds are, then the type; the rest is never cut. */
#include "model/layers.h"

#include <inttypes.h>
#include <string.h>

#define DEFAULT_COLUMNS  100
#define CELL_SIZE        136
#define GAP              2
#define NARROWEST_INPUTS 10

enum column { LAYER, TYPE, SHAPE, INPUTS, PARAMETERS, MACS, COLUMN_COUNT };

static const char *const headings[COLUMN_COUNT] = {"Layer", "Type", "Output shape", "Connected to", "Parameters", "Multiply-adds"};

struct table {
	FILE *stream;
	int widths[COLUMN_COUNT]; /* 0: left out */
};

struct row {
	char cells[COLUMN_COUNT][CELL_SIZE];
	char second_input[CELL_SIZE];
};

static void make_row(const struct sc_model *model, int64_t index, struct row *row)
{
	struct sc_layer layer;
	const struct sc_node *node = &model->nodes[index];
	const struct sc_window *window = &node->window;
	char count[SC_COUNT_SIZE];
	sc_model_layer(model, index, &layer);
	memset(row, 0, sizeof *row);
	snprintf(row->cells[LAYER], CELL_SIZE, "%s", layer.name);
	if (window->kernel_h)
		snprintf(row->cells[TYPE], CELL_SIZE, "%s %" PRId64 "x%" PRId64 "/%" PRId64, layer.type, window->kernel_h,
			 window->kernel_w, window->stride_h);
	else
		snprintf(row->cells[TYPE], CELL_SIZE, "%s", layer.type);
	if (node->kind == SC_NODE_GLOBAL_AVERAGE_POOL || node->kind == SC_NODE_DENSE) /* a vector */
		snprintf(row->cells[SHAPE], CELL_SIZE, "%" PRId64, layer.channels);
	else
		snprintf(row->cells[SHAPE], CELL_SIZE, "%" PRId64 " x %" PRId64 " x %" PRId64, layer.height, layer.width,
			 layer.channels);
	if (node->inputs[0] != SC_NONE)
		snprintf(row->cells[INPUTS], CELL_SIZE, "%s", model->nodes[node->inputs[0]].name);
	if (node->inputs[1] != SC_NONE)
		snprintf(row->second_input, CELL_SIZE, "%s", model->nodes[node->inputs[1]].name);
	snprintf(row->cells[PARAMETERS], CELL_SIZE, "%s", sc_count_text(count, layer.parameters));
	snprintf(row->cells[MACS], CELL_SIZE, "%s", sc_count_text(count, layer.macs));
}

static void widen(int *width, const char *cell)
{
	int length = (int)strlen(cell);
	if (length > *width)
		*width = length;
}

static int table_width(const struct table *table)
{
	int total = -GAP;
	for (int c = 0; c < COLUMN_COUNT; c++)
		total += table->widths[c] ? table->widths[c] + GAP : 0;
	return total;
}

static void lay_out(struct table *table, const struct sc_model *model, int columns)
{
	static const enum column first_to_go[] = {INPUTS, MACS, TYPE};
	for (int c = 0; c < COLUMN_COUNT; c++)
		widen(&table->widths[c], headings[c]);
	for (int64_t i = 0; i < model->node_count; i++) {
		struct row row;
		make_row(model, i, &row);
		for (int c = 0; c < COLUMN_COUNT; c++)
			widen(&table->widths[c], row.cells[c]);
		widen(&table->widths[INPUTS], row.second_input);
	}
	int excess = table_width(table) - columns;
	if (excess > 0 && table->widths[INPUTS] - excess >= NARROWEST_INPUTS)
		table->widths[INPUTS] -= excess;
	for (size_t i = 0; i < sizeof first_to_go / sizeof *first_to_go && table_width(table) > columns; i++)
		table->widths[first_to_go[i]] = 0;
}

/* Numbers stand right, all else left; of a name that is too long its end is shown. */
static void print_cell(const struct table *table, int column, const char *cell, bool last)
{
	int width = table->widths[column], length = (int)strlen(cell);
	if (column == PARAMETERS || column == MACS)
		fprintf(table->stream, "%*s", width, cell);
	else if (length > width)
		fprintf(table->stream, "..%s", cell + length - width + 2);
	else if (last)
		fputs(cell, table->stream);
	else
		fprintf(table->stream, "%-*s", width, cell);
	fprintf(table->stream, "%*s", last ? 0 : GAP, "");
}

static void print_line(const struct table *table, const char *const *cells)
{
	int last = MACS;
	while (last > LAYER && !(table->widths[last] && cells[last][0]))
		last--;
	for (int c = 0; c <= last; c++)
		if (table->widths[c])
			print_cell(table, c, cells[c], c == last);
	fputc('\n', table->stream);
}

static void print_rule(const struct table *table)
{
	for (int i = 0; i < table_width(table); i++)
		fputc('-', table->stream);
	fputc('\n', table->stream);
}

static void print_total(FILE *stream, const char *what, int64_t count, const char *unit)
{
	char text[SC_COUNT_SIZE];
	fprintf(stream, "%-22s%15s%s\n", what, sc_count_text(text, count), unit);
}

void sc_model_summary(const struct sc_model *model, FILE *stream, int columns)
{
	struct table table = {.stream = stream};
	struct sc_totals totals;
	lay_out(&table, model, columns > 0 ? columns : DEFAULT_COLUMNS);

	fprintf(stream, "%s: input %" PRId64 " x %" PRId64 " x %" PRId64 ", %" PRId64 " classes\n\n", model->name, model->height,
		model->width, model->channels, model->classes);
	print_line(&table, headings);
	print_rule(&table);
	for (int64_t i = 0; i < model->node_count; i++) {
		struct row row;
		const char *cells[COLUMN_COUNT];
		make_row(model, i, &row);
		for (int c = 0; c < COLUMN_COUNT; c++)
			cells[c] = row.cells[c];
		print_line(&table, cells);
		if (row.second_input[0] && table.widths[INPUTS])
			print_line(&table, (const char *[COLUMN_COUNT]){"", "", "", row.second_input, "", ""});
	}
	print_rule(&table);
	sc_model_totals(model, &totals);
	print_total(stream, "Parameters", totals.parameters, "");
	print_total(stream, "  trainable", totals.trainable, "");
	print_total(stream, "  non-trainable", totals.non_trainable, "");
	print_total(stream, "Multiply-adds", totals.macs, "  for one image (convolutions and dense layers)");
	print_total(stream, "Parameter memory", totals.parameter_bytes, " bytes");
	print_total(stream, "Output memory", totals.output_bytes, " bytes for one image, all layers");
}
