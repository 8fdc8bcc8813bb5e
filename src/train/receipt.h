/* receipt.h - receipt.json of a run: by what it was trained, on what, how, and the hash of the weights after each epoch, so that
 * anybody can train an epoch again and compare (train/verify.c). */
#ifndef SC_TRAIN_RECEIPT_H
#define SC_TRAIN_RECEIPT_H

#include "engine/plan.h"
#include "train/history.h"
#include "train/run_config.h"

struct sc_receipt {
	const struct sc_run_identity *identity;
	const struct sc_engine *engine;
	const char *initial;             /* hash of the weights before the first step, or "" */
	const struct sc_epoch_row *rows; /* [count], of which the finished ones have hashes */
	int64_t count;
};
enum sc_status sc_receipt_write(const char *run, const struct sc_receipt *receipt, struct sc_error *error);
/* Hash of the weights after `epoch`; 0: before the first step. SC_ERROR_NOT_FOUND: the receipt does not know it. */
enum sc_status sc_receipt_read(const char *run, int64_t epoch, char hash[SC_HASH_SIZE], struct sc_error *error);

#endif
