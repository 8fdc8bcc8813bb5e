/* pickle.c - Python's pickle, protocol 2: the instructions that plain data need.
 *
 *     80 n      protocol, 2 here                      ( mark               . end: the stack's one value is the result
 *     N 88 89   None, True, False                     } ] )  an empty dictionary, list, tuple
 *     K M J     1, 2, 4 bytes of integer (J signed)   8a n   integer of n bytes, signed
 *     G         8 bytes of real                       X n    n (32 bits) bytes of UTF-8
 *     85 86 87  tuple of the last 1, 2, 3 values      t      tuple of what was pushed since the mark
 *     q r       memo[1 or 4 bytes] = top of stack     h j    push memo[...]
 *     c         module and name, each up to a newline: a global
 *     R         call: function, tuple of arguments    Q      something outside, named by the tuple on top
 *     s u       set an item, all items since the mark a e    append one, all since the mark
 *     b         set attributes of an object: dropped, nothing here has any
 *
 * All others are refused, so nothing can be made but the kinds of values in the header. How many values there may be, how deep the
 * stack and how large the memo, is limited; each step makes at most one value. */
#include "io/pickle.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/bytes.h"

#define MOST_VALUES (1 << 20) /* also the limit of stack, memo and items */
#define MARK        (-1)      /* on the stack */
#define EMPTY       (-2)      /* in the memo */

struct growing { /* of int32_t */
	int32_t *at;
	int32_t count, capacity;
};

struct machine {
	struct sc_pickle *pickle;
	int32_t value_capacity, item_capacity;
	struct growing stack, memo;
	const uint8_t *bytes;
	int64_t count, position, instruction; /* position of the instruction under way */
	const struct sc_pickle_global *globals;
	const char *subject;
	struct sc_error *error;
};

static enum sc_status refuse(const struct machine *m, const char *what)
{
	return sc_fail(m->error, SC_ERROR_FORMAT, m->subject, m->instruction, "%s: pickle, byte %" PRId64 ": %s", m->subject,
		       m->instruction, what);
}

static enum sc_status truncated(const struct machine *m)
{
	return refuse(m, "truncated: expected more bytes");
}

/* ---- Room --------------------------------------------------------------------------------------------------------- */

/* Makes room for one more element at `*at`. */
static enum sc_status grow(const struct machine *m, void **at, int32_t count, int32_t *capacity, int64_t size)
{
	if (count < *capacity)
		return SC_OK;
	if (count >= MOST_VALUES)
		return refuse(m, "it has more values than the weights of any net need");
	int32_t wanted = *capacity ? 2 * *capacity : 256;
	void *grown = realloc(*at, (size_t)(wanted * size));
	if (!grown)
		return sc_fail_memory(m->error, wanted * size, m->subject);
	*at = grown;
	*capacity = wanted;
	return SC_OK;
}

static enum sc_status append(const struct machine *m, struct growing *list, int32_t value)
{
	void *at = list->at;
	enum sc_status status = grow(m, &at, list->count, &list->capacity, sizeof *list->at);
	list->at = at;
	if (!status)
		list->at[list->count++] = value;
	return status;
}

static enum sc_status push(struct machine *m, struct sc_pickle_value value)
{
	void *at = m->pickle->values;
	enum sc_status status = grow(m, &at, m->pickle->value_count, &m->value_capacity, sizeof value);
	m->pickle->values = at;
	if (status)
		return status;
	value.first = value.last = -1;
	m->pickle->values[m->pickle->value_count] = value;
	return append(m, &m->stack, m->pickle->value_count++);
}

static enum sc_status add_item(struct machine *m, int32_t container, int32_t value)
{
	struct sc_pickle *pickle = m->pickle;
	void *at = pickle->items;
	enum sc_status status = grow(m, &at, pickle->item_count, &m->item_capacity, sizeof *pickle->items);
	pickle->items = at;
	if (status)
		return status;
	struct sc_pickle_value *owner = &pickle->values[container];
	pickle->items[pickle->item_count] = (struct sc_pickle_item){value, -1};
	if (owner->last < 0)
		owner->first = pickle->item_count;
	else
		pickle->items[owner->last].next = pickle->item_count;
	owner->last = pickle->item_count++;
	owner->count++;
	return SC_OK;
}

/* The value `depth` below the top, NULL where a mark or the bottom is in the way. */
static struct sc_pickle_value *peek(const struct machine *m, int32_t depth)
{
	for (int32_t i = 0; i <= depth; i++)
		if (i >= m->stack.count || m->stack.at[m->stack.count - 1 - i] == MARK)
			return NULL;
	return &m->pickle->values[m->stack.at[m->stack.count - 1 - depth]];
}

/* ---- Instructions ------------------------------------------------------------------------------------------------- */

/* The next `count` bytes, NULL if there are not so many. */
static const uint8_t *take(struct machine *m, int64_t count)
{
	if (count > m->count - m->position)
		return NULL;
	m->position += count;
	return m->bytes + m->position - count;
}

static enum sc_status push_integer(struct machine *m, int bytes, bool has_sign)
{
	const uint8_t *at = take(m, bytes);
	if (!at)
		return truncated(m);
	uint64_t value = sc_load_le(at, bytes);
	if (has_sign && bytes > 0 && bytes < 8 && at[bytes - 1] & 0x80)
		value |= UINT64_MAX << (8 * bytes);
	return push(m, (struct sc_pickle_value){.kind = SC_PICKLE_INTEGER, .integer = (int64_t)value});
}

static enum sc_status push_long(struct machine *m)
{
	const uint8_t *length = take(m, 1);
	if (!length)
		return truncated(m);
	if (*length > 8)
		return refuse(m, "an integer of more than 64 bits");
	return push_integer(m, *length, true);
}

static enum sc_status push_text(struct machine *m)
{
	const uint8_t *length = take(m, 4), *text = length ? take(m, (int64_t)sc_load_le(length, 4)) : NULL;
	if (!text)
		return truncated(m);
	return push(m, (struct sc_pickle_value){
			       .kind = SC_PICKLE_TEXT, .text = (const char *)text, .length = (int64_t)sc_load_le(length, 4)});
}

/* A line without its newline; NULL if the bytes end before one. */
static const char *take_line(struct machine *m, int64_t *length)
{
	const uint8_t *begin = m->bytes + m->position;
	const uint8_t *end = memchr(begin, '\n', (size_t)(m->count - m->position));
	if (!end)
		return NULL;
	*length = end - begin;
	m->position += *length + 1;
	return (const char *)begin;
}

static bool same(const char *text, int64_t length, const char *expected)
{
	return (int64_t)strlen(expected) == length && memcmp(text, expected, (size_t)length) == 0;
}

static enum sc_status push_global(struct machine *m)
{
	int64_t module_length, name_length;
	const char *module = take_line(m, &module_length), *name = module ? take_line(m, &name_length) : NULL;
	if (!name)
		return truncated(m);
	for (int64_t i = 0; m->globals[i].module; i++)
		if (same(module, module_length, m->globals[i].module) && same(name, name_length, m->globals[i].name))
			return push(m, (struct sc_pickle_value){.kind = SC_PICKLE_GLOBAL, .integer = i});
	return sc_fail(m->error, SC_ERROR_FORMAT, m->subject, m->instruction,
		       "%s: pickle, byte %" PRId64 ": it asks for '%.*s.%.*s', which weights do not need; nothing was run",
		       m->subject, m->instruction, module_length < 100 ? (int)module_length : 100, module,
		       name_length < 100 ? (int)name_length : 100, name);
}

/* A tuple of the top `count` values, which leave the stack. */
static enum sc_status make_tuple(struct machine *m, int32_t count, bool marked)
{
	if (count > 0 && !peek(m, count - 1))
		return refuse(m, "the stack holds too little for a tuple");
	int32_t base = m->stack.count - count;
	enum sc_status status = push(m, (struct sc_pickle_value){.kind = SC_PICKLE_TUPLE});
	if (status)
		return status;
	assert(m->stack.at);
	int32_t tuple = m->stack.at[m->stack.count - 1];
	for (int32_t i = 0; i < count && !status; i++)
		status = add_item(m, tuple, m->stack.at[base + i]);
	m->stack.count = base - marked;
	m->stack.at[m->stack.count++] = tuple;
	return status;
}

/* How many values stand above the last mark, -1 if there is no mark. */
static int32_t above_mark(const struct machine *m)
{
	for (int32_t i = m->stack.count - 1; i >= 0; i--)
		if (m->stack.at[i] == MARK)
			return m->stack.count - 1 - i;
	return -1;
}

/* The top `count` values go into the list or mapping under them (and under the mark). */
static enum sc_status fill(struct machine *m, enum sc_pickle_kind kind, int32_t count, bool marked)
{
	int32_t base = m->stack.count - count, owner = base - 1 - marked;
	if (count < 0 || owner < 0 || m->stack.at[owner] == MARK || m->pickle->values[m->stack.at[owner]].kind != kind ||
	    (kind == SC_PICKLE_MAPPING && count % 2 != 0) || (count > 0 && !peek(m, count - 1)))
		return refuse(m, "items that fit nothing on the stack");
	enum sc_status status = SC_OK;
	for (int32_t i = 0; i < count && !status; i++)
		status = add_item(m, m->stack.at[owner], m->stack.at[base + i]);
	m->stack.count = owner + 1;
	return status;
}

static enum sc_status memorise(struct machine *m, int bytes)
{
	const uint8_t *at = take(m, bytes);
	if (!at)
		return truncated(m);
	uint64_t slot = sc_load_le(at, bytes);
	if (slot >= MOST_VALUES || !peek(m, 0))
		return refuse(m, "a memo that cannot be");
	enum sc_status status = SC_OK;
	while (!status && m->memo.count <= (int64_t)slot)
		status = append(m, &m->memo, EMPTY);
	if (status)
		return status;
	assert(m->memo.at && m->stack.at);
	m->memo.at[slot] = m->stack.at[m->stack.count - 1];
	return SC_OK;
}

static enum sc_status recall(struct machine *m, int bytes)
{
	const uint8_t *at = take(m, bytes);
	if (!at)
		return truncated(m);
	uint64_t slot = sc_load_le(at, bytes);
	if (slot >= (uint64_t)m->memo.count || m->memo.at[slot] == EMPTY)
		return refuse(m, "a memo that was never set");
	return append(m, &m->stack, m->memo.at[slot]);
}

/* The function and the tuple on top become one value: an empty mapping, or a call. */
static enum sc_status call(struct machine *m)
{
	const struct sc_pickle_value *arguments = peek(m, 0), *function = peek(m, 1);
	if (!arguments || !function || arguments->kind != SC_PICKLE_TUPLE || function->kind != SC_PICKLE_GLOBAL)
		return refuse(m, "a call of what is no function");
	const struct sc_pickle_global *global = &m->globals[function->integer];
	if (global->mapping && arguments->count > 0)
		return refuse(m, "a mapping that is made from something");
	struct sc_pickle_value made = {.kind = global->mapping ? SC_PICKLE_MAPPING : SC_PICKLE_CALL, .integer = function->integer};
	int32_t first = arguments->first, last = arguments->last, count = arguments->count;
	m->stack.count -= 2;
	enum sc_status status = push(m, made);
	if (!status) {
		struct sc_pickle_value *value = &m->pickle->values[m->pickle->value_count - 1];
		value->first = first, value->last = last, value->count = count; /* tuples never change */
	}
	return status;
}

static enum sc_status name_outside(struct machine *m)
{
	struct sc_pickle_value *tuple = peek(m, 0);
	if (!tuple || tuple->kind != SC_PICKLE_TUPLE)
		return refuse(m, "something outside that no tuple names");
	int32_t first = tuple->first, last = tuple->last, count = tuple->count;
	m->stack.count--;
	enum sc_status status = push(m, (struct sc_pickle_value){.kind = SC_PICKLE_OUTSIDE});
	if (!status) {
		struct sc_pickle_value *value = &m->pickle->values[m->pickle->value_count - 1];
		value->first = first, value->last = last, value->count = count;
	}
	return status;
}

static enum sc_status drop_attributes(struct machine *m)
{
	const struct sc_pickle_value *object = peek(m, 1);
	if (!object || object->kind != SC_PICKLE_MAPPING)
		return refuse(m, "attributes of what has none");
	m->stack.count--;
	return SC_OK;
}

static enum sc_status push_kind(struct machine *m, enum sc_pickle_kind kind, int64_t integer)
{
	return push(m, (struct sc_pickle_value){.kind = kind, .integer = integer});
}

static enum sc_status unknown_instruction(const struct machine *m, uint8_t code)
{
	return sc_fail(m->error, SC_ERROR_FORMAT, m->subject, m->instruction,
		       "%s: pickle, byte %" PRId64
		       ": instruction %02x is not read here (torch.save's own protocol, 2, does without)",
		       m->subject, m->instruction, code);
}

static enum sc_status step(struct machine *m, uint8_t code)
{
	switch (code) {
	case '(':
		return append(m, &m->stack, MARK);
	case 'N':
		return push_kind(m, SC_PICKLE_NONE, 0);
	case 0x88:
	case 0x89:
		return push_kind(m, SC_PICKLE_BOOLEAN, code == 0x88);
	case 'K':
		return push_integer(m, 1, false);
	case 'M':
		return push_integer(m, 2, false);
	case 'J':
		return push_integer(m, 4, true);
	case 0x8a:
		return push_long(m);
	case 'G':
		return take(m, 8) ? push_kind(m, SC_PICKLE_REAL, 0) : truncated(m);
	case 'X':
		return push_text(m);
	case '}':
		return push_kind(m, SC_PICKLE_MAPPING, 0);
	case ']':
		return push_kind(m, SC_PICKLE_LIST, 0);
	case ')':
		return push_kind(m, SC_PICKLE_TUPLE, 0);
	case 0x85:
	case 0x86:
	case 0x87:
		return make_tuple(m, code - 0x84, false);
	case 't':
		return above_mark(m) < 0 ? refuse(m, "a tuple without a mark") : make_tuple(m, above_mark(m), true);
	case 'q':
		return memorise(m, 1);
	case 'r':
		return memorise(m, 4);
	case 'h':
		return recall(m, 1);
	case 'j':
		return recall(m, 4);
	case 'c':
		return push_global(m);
	case 'R':
		return call(m);
	case 'Q':
		return name_outside(m);
	case 's':
		return fill(m, SC_PICKLE_MAPPING, 2, false);
	case 'u':
		return fill(m, SC_PICKLE_MAPPING, above_mark(m), true);
	case 'a':
		return fill(m, SC_PICKLE_LIST, 1, false);
	case 'e':
		return fill(m, SC_PICKLE_LIST, above_mark(m), true);
	case 'b':
		return drop_attributes(m);
	default:
		return unknown_instruction(m, code);
	}
}

static enum sc_status run(struct machine *m)
{
	const uint8_t *start = take(m, 2);
	if (!start || start[0] != 0x80 || start[1] != 2)
		return refuse(m, "expected a pickle of protocol 2");
	for (;;) {
		m->instruction = m->position;
		const uint8_t *code = take(m, 1);
		if (!code)
			return truncated(m);
		if (*code == '.')
			break;
		enum sc_status status = step(m, *code);
		if (status)
			return status;
	}
	if (m->stack.count != 1 || !peek(m, 0))
		return refuse(m, "it ends with more or less than one value");
	if (m->position != m->count)
		return refuse(m, "something follows its end");
	m->pickle->root = m->stack.at[0];
	return SC_OK;
}

enum sc_status sc_pickle_read(struct sc_pickle *pickle, const uint8_t *bytes, int64_t count, const struct sc_pickle_global *globals,
			      const char *subject, struct sc_error *error)
{
	struct sc_pickle made = {0};
	struct machine machine = {
		.pickle = &made, .bytes = bytes, .count = count, .globals = globals, .subject = subject, .error = error};
	enum sc_status status = run(&machine);
	free(machine.stack.at);
	free(machine.memo.at);
	if (status)
		sc_pickle_release(&made);
	else
		*pickle = made;
	return status;
}

void sc_pickle_release(struct sc_pickle *pickle)
{
	free(pickle->values);
	free(pickle->items);
	*pickle = (struct sc_pickle){0};
}

const struct sc_pickle_value *sc_pickle_item(const struct sc_pickle *pickle, const struct sc_pickle_value *value, int32_t index)
{
	int32_t at = value->first;
	if (index < 0 || index >= value->count)
		return NULL;
	for (int32_t i = 0; i < index; i++)
		at = pickle->items[at].next;
	return &pickle->values[pickle->items[at].value];
}

bool sc_pickle_is_text(const struct sc_pickle_value *value, const char *text)
{
	return value && value->kind == SC_PICKLE_TEXT && same(value->text, value->length, text);
}
