/* step_table.h - where the time of a plan's steps goes: steps of the same pass, kernel and shape are one row. */
#ifndef CLI_STEP_TABLE_H
#define CLI_STEP_TABLE_H

#include "output.h"

struct step_table;

struct step_table *step_table_create(const struct sc_plan *plan); /* NULL: no memory */
void step_table_destroy(struct step_table *table);
/* Adds the times of the plan's last run, and the seconds of what came after it (an update). */
void step_table_add(struct step_table *table, const struct sc_plan *plan, double after);
void step_table_print(const struct step_table *table, int64_t runs, FILE *stream);
void step_table_json(const struct step_table *table, int64_t runs, struct cli_json *json);

#endif
