/* train.h - the pieces of `shortcut train`: settings, the run's folder, interruption. */
#ifndef CLI_TRAIN_H
#define CLI_TRAIN_H

#include "cli.h"
#include "recipes.h"

/* train_settings.c: what is trained, on what, and how; from the recipe and the options. */
struct train_settings {
	const struct cli_recipe *recipe;
	const char *data_name; /* as it was written */
	struct sc_data_options data;
	const char *model;
	struct sc_model_options model_options; /* height 0: that of the data; likewise the others */
	int64_t *order;      /* --sample-order, which `fit` borrows; freed by who called train_read_settings */
	const char *weights; /* the file to begin with; NULL: none */
	struct sc_fit_options fit;
};
/* Gives an exit code. */
int train_read_settings(struct train_settings *settings, const struct cli_arguments *arguments);

/* train_order.c: the numbers of a text file, which the caller frees. Gives an exit code. */
int train_read_order(int64_t **numbers, int64_t *count, const char *path);

/* train_folder.c: --out, or the first runs/<model>-<data>-<n> that is free. Makes the folder, so that no other process takes it. */
struct train_folder {
	char path[4096];
	bool made; /* by us */
};
int train_claim_folder(struct train_folder *folder, const char *out, const char *model, const char *data);
/* After a failure: takes the folder away again if we made it and nothing is in it. */
void train_unclaim_folder(const struct train_folder *folder);

/* train_interrupt.c: a first SIGINT, SIGTERM or SIGUSR1 asks for an end, a second ends at once. */
void train_catch_signals(void);
int train_caught_signal(void); /* 0: none */
void train_release_signals(void);

#endif
