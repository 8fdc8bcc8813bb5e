/* json.c - see json.h. */
#include "io/json.h"

#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_VALUES (1 << 21) /* a million names of classes fit; jansson makes 236 bytes of each "{}," */

/* Whether the text may have more values than that: all but the first follow one of these. */
static bool has_too_many_values(const char *text, int64_t bytes)
{
	int64_t count = 0;
	for (int64_t i = 0; i < bytes; i++)
		count += text[i] == ',' || text[i] == '[' || text[i] == '{';
	return count > MOST_VALUES;
}

/* ---- Lack of memory -------------------------------------------------------------------------------------------------------- */

/* Where jansson (2.14) gets no memory for a longer name, string or number it goes on with a character less, or aborts. So what
 * malloc refuses while a text is read comes from a reserve, and then the reading does not count. A node, its place in an object or
 * array and its text take less than RESERVE_RATIO times the text that they come from, hardly ever more. */
#define RESERVE_RATIO 16
#define RESERVE_LEAST 65536

struct reserve {
	char *memory;
	size_t bytes, used;
	bool needed;
};
static _Thread_local struct reserve *reserve; /* NULL: jansson is used by somebody else, or builds values */
static json_malloc_t outer_malloc;
static json_free_t outer_free;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void *take(size_t bytes)
{
	void *memory = outer_malloc(bytes);
	if (memory || !reserve)
		return memory;
	reserve->needed = true;
	if (bytes > reserve->bytes - reserve->used)
		return NULL;
	memory = reserve->memory + reserve->used;
	reserve->used += (bytes + 15) / 16 * 16; /* so is the whole */
	return memory;
}

static void give_back(void *memory)
{
	const bool ours = reserve && (uintptr_t)memory - (uintptr_t)reserve->memory < reserve->bytes;
	if (!ours)
		outer_free(memory);
}

/* Around the functions that the program may have chosen. */
static void stand_before_malloc(void)
{
	json_get_alloc_funcs(&outer_malloc, &outer_free);
	json_set_alloc_funcs(take, give_back);
}

/* *missed: there was no memory, and NULL is given. */
static json_t *load(const char *text, int64_t bytes, json_error_t *reason, bool *missed)
{
	struct reserve own = {.bytes = RESERVE_LEAST + RESERVE_RATIO * (size_t)bytes};
	own.memory = malloc(own.bytes);
	*missed = !own.memory;
	if (*missed)
		return NULL;
	pthread_once(&once, stand_before_malloc);
	reserve = &own;
	json_t *value = json_loadb(text, (size_t)bytes, JSON_REJECT_DUPLICATES, reason);
	if (own.needed) {
		json_decref(value);
		value = NULL;
	}
	reserve = NULL;
	*missed = own.needed;
	free(own.memory);
	return value;
}

/* ---- Texts ------------------------------------------------------------------------------------------------------------------ */

json_t *sc_json_parse(const char *text, int64_t bytes, const char *subject, json_error_t *reason, enum sc_status *status,
		      struct sc_error *error)
{
	if (has_too_many_values(text, bytes)) {
		*reason = (json_error_t){.line = 1};
		snprintf(reason->text, sizeof reason->text, "it has more values than the description of any net needs");
		*status = SC_ERROR_FORMAT;
		return NULL;
	}
	bool missed;
	json_t *value = load(text, bytes, reason, &missed);
	if (value)
		*status = SC_OK;
	else if (missed)
		*status = sc_fail_memory(error, bytes, subject);
	else
		*status = SC_ERROR_FORMAT;
	return value;
}

json_t *sc_json_read_own(const char *text)
{
	json_error_t reason;
	bool missed;
	return load(text, (int64_t)strlen(text), &reason, &missed);
}

/* Lack of memory for the text goes unseen where the members of an object are written in their names' order. */
char *sc_json_text(const json_t *value, size_t flags)
{
	struct reserve none = {0};
	pthread_once(&once, stand_before_malloc);
	reserve = &none;
	char *text = json_dumps(value, flags);
	reserve = NULL;
	if (!none.needed)
		return text;
	outer_free(text);
	return NULL;
}

json_t *sc_json_real(float value)
{
	for (double scale = 1; scale < 1e15; scale *= 10) {
		double candidate = floor((double)value * scale + 0.5) / scale;
		if ((float)candidate == value)
			return json_real(candidate);
	}
	return json_real((double)value);
}
