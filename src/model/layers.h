/* layers.h - what is said about a node in words and counts: its type, its details, its cost. */
#ifndef SC_MODEL_LAYERS_H
#define SC_MODEL_LAYERS_H

#include "model/model.h"

/* Fills model->details and model->input_names. */
enum sc_status sc_layer_texts_make(struct sc_model *model, struct sc_error *error);
/* 1234567 -> "1,234,567"; gives `text`. */
#define SC_COUNT_SIZE 28
const char *sc_count_text(char text[SC_COUNT_SIZE], int64_t count);

#endif
