/* pickle.h - the plain data in a Python pickle (protocol 2), read without running anything.
 *
 * A pickle is a program for a small machine that may name any Python object and call it. Here names are looked up in a list of the
 * caller's, another name ends the reading, and a call is not made but kept as a value: what was called, with which arguments. */
#ifndef SC_IO_PICKLE_H
#define SC_IO_PICKLE_H

#include "base/error.h"

enum sc_pickle_kind {
	SC_PICKLE_NONE,
	SC_PICKLE_BOOLEAN, /* integer: 0 or 1 */
	SC_PICKLE_INTEGER, /* integer */
	SC_PICKLE_REAL,    /* its value is of no use here and is not kept */
	SC_PICKLE_TEXT,    /* text, length: UTF-8, no NUL behind it */
	SC_PICKLE_TUPLE,   /* items */
	SC_PICKLE_LIST,    /* items */
	SC_PICKLE_MAPPING, /* items: key, value, key, value, ... in the order they were set */
	SC_PICKLE_GLOBAL,  /* integer: its row in the caller's list */
	SC_PICKLE_CALL,    /* integer: row of what is called; items: the arguments */
	SC_PICKLE_OUTSIDE  /* items: of the tuple that names something outside of the pickle */
};

struct sc_pickle_value {
	enum sc_pickle_kind kind;
	int64_t integer;
	const char *text; /* in the pickle's bytes */
	int64_t length;
	int32_t first, last, count; /* items: indices into struct sc_pickle's items */
};

struct sc_pickle_item {
	int32_t value, next; /* -1: the last */
};

/* A name that a pickle may use. `mapping`: called without arguments it makes an empty mapping (collections.OrderedDict). */
struct sc_pickle_global {
	const char *module, *name;
	bool mapping;
};

struct sc_pickle {
	int32_t root; /* index of the value that the program ends with */
	int32_t value_count, item_count;
	struct sc_pickle_value *values;
	struct sc_pickle_item *items;
};

/* bytes: [count], which must outlive the pickle. globals: up to a NULL module. `subject` names the origin in errors. */
enum sc_status sc_pickle_read(struct sc_pickle *pickle, const uint8_t *bytes, int64_t count, const struct sc_pickle_global *globals,
			      const char *subject, struct sc_error *error);
void sc_pickle_release(struct sc_pickle *pickle);
/* Items of a tuple, a list, a call's arguments; NULL past the last. */
const struct sc_pickle_value *sc_pickle_item(const struct sc_pickle *pickle, const struct sc_pickle_value *value, int32_t index);
bool sc_pickle_is_text(const struct sc_pickle_value *value, const char *text);

#endif
