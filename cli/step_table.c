/* step_table.c - where the time of a plan's steps goes: see step_table.h. */
#include <stdlib.h>
#include <string.h>

#include "step_table.h"

#define NO_ROW (-1)

struct row {
	struct sc_plan_step step; /* the first of its kind; flops and bytes of all */
	int64_t count;            /* steps of this kind in a run */
	double seconds;           /* in all runs */
};

struct step_table {
	int64_t step_count, row_count;
	int64_t *row_of; /* [step_count]: NO_ROW where a step is left out */
	struct row *rows;
	double after, total; /* seconds in all runs: after the steps, and of everything */
};

static bool same_kind(const struct sc_plan_step *a, const struct sc_plan_step *b)
{
	return strcmp(a->pass, b->pass) == 0 && strcmp(a->kernel, b->kernel) == 0 && strcmp(a->shape, b->shape) == 0;
}

static void enter(struct step_table *table, int64_t index, const struct sc_plan_step *step)
{
	int64_t i = 0;

	while (i < table->row_count && !same_kind(&table->rows[i].step, step))
		i++;
	if (i == table->row_count) {
		table->rows[table->row_count++] = (struct row){.step = *step, .count = 1};
	} else {
		table->rows[i].step.flops += step->flops;
		table->rows[i].step.bytes += step->bytes;
		table->rows[i].count++;
	}
	table->row_of[index] = i;
}

struct step_table *step_table_create(const struct sc_plan *plan)
{
	struct step_table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return NULL;
	table->step_count = sc_plan_step_count(plan);
	table->row_of = calloc((size_t)table->step_count, sizeof(*table->row_of));
	table->rows = calloc((size_t)table->step_count, sizeof(*table->rows));
	if (table->row_of == NULL || table->rows == NULL) {
		step_table_destroy(table);
		return NULL;
	}
	for (int64_t i = 0; i < table->step_count; i++) {
		struct sc_plan_step step;
		sc_plan_describe_step(plan, i, &step);
		if (strcmp(step.pass, "prepare") == 0) /* done once, no part of a run */
			table->row_of[i] = NO_ROW;
		else
			enter(table, i, &step);
	}
	return table;
}

void step_table_destroy(struct step_table *table)
{
	if (table == NULL)
		return;
	free(table->row_of);
	free(table->rows);
	free(table);
}

void step_table_add(struct step_table *table, const struct sc_plan *plan, double after)
{
	for (int64_t i = 0; i < table->step_count; i++) {
		struct sc_plan_step step;
		if (table->row_of[i] == NO_ROW)
			continue;
		sc_plan_describe_step(plan, i, &step);
		table->rows[table->row_of[i]].seconds += step.seconds;
		table->total += step.seconds;
	}
	table->after += after;
	table->total += after;
}

void step_table_print(const struct step_table *table, int64_t runs, FILE *stream)
{
	fprintf(stream, "\n%-17s %-43s %-28s %5s %9s %7s %8s %7s\n", "pass", "kernel", "shape", "steps", "ms", "share", "GFLOP/s",
		"GB/s");
	for (int64_t i = 0; i < table->row_count; i++) {
		const struct row *row = &table->rows[i];
		double seconds = row->seconds / (double)runs;
		fprintf(stream, "%-17s %-43s %-28s %5lld %9.3f %5.1f %% %8.1f %7.1f\n", row->step.pass, row->step.kernel,
			row->step.shape, (long long)row->count, seconds * 1e3, 100 * row->seconds / table->total,
			(double)row->step.flops / seconds / 1e9, (double)row->step.bytes / seconds / 1e9);
	}
	if (table->after > 0)
		fprintf(stream, "%-17s %-43s %-28s %5s %9.3f %5.1f %%\n", "update", "sgd", "", "",
			table->after / (double)runs * 1e3, 100 * table->after / table->total);
}

void step_table_json(const struct step_table *table, int64_t runs, struct cli_json *json)
{
	json_t *rows = cli_json_array(json, "table");

	for (int64_t i = 0; i < table->row_count; i++) {
		const struct row *row = &table->rows[i];
		struct cli_json one;
		cli_json_begin(&one);
		cli_json_text(&one, "pass", row->step.pass);
		cli_json_text(&one, "kernel", row->step.kernel);
		cli_json_text(&one, "shape", row->step.shape);
		cli_json_whole(&one, "steps", row->count);
		cli_json_whole(&one, "flops", row->step.flops);
		cli_json_whole(&one, "bytes", row->step.bytes);
		cli_json_real(&one, "seconds", row->seconds / (double)runs);
		cli_json_real(&one, "share", row->seconds / table->total);
		cli_json_append(json, rows, &one);
	}
	cli_json_real(json, "update_seconds", table->after / (double)runs);
}
