/* test_pickle.c - plain data is read, everything else in a pickle is refused: other names, other instructions, broken programs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "io/pickle.h"

static const struct sc_pickle_global globals[] = {{"collections", "OrderedDict", true}, {"m", "f", false}, {NULL, NULL, false}};

static enum sc_status read(struct sc_pickle *pickle, const char *program, size_t count, struct sc_error *error)
{
	return sc_pickle_read(pickle, (const uint8_t *)program, (int64_t)count, globals, "a.pkl", error);
}
#define READ(pickle, program, error) read(pickle, program, sizeof(program) - 1, error)

static void plain_data_is_read(void **state)
{
	(void)state;
	/* {"a": (1, -2, True), "b": f("c"), "l": [None, 258]} as an OrderedDict */
	static const char program[] = "\x80\x02"
				      "ccollections\nOrderedDict\nq\0)R("
				      "X\1\0\0\0a"
				      "K\1J\xfe\xff\xff\xff\x88\x87"
				      "X\1\0\0\0b"
				      "cm\nf\nX\1\0\0\0c\x85q\1R"
				      "X\1\0\0\0l"
				      "](NM\2\1eu.";
	struct sc_pickle pickle;
	assert_int_equal(READ(&pickle, program, NULL), SC_OK);
	const struct sc_pickle_value *root = &pickle.values[pickle.root], *tuple = sc_pickle_item(&pickle, root, 1);
	assert_int_equal(root->kind, SC_PICKLE_MAPPING);
	assert_int_equal(root->count, 6);
	assert_true(sc_pickle_is_text(sc_pickle_item(&pickle, root, 0), "a"));
	assert_int_equal(tuple->kind, SC_PICKLE_TUPLE);
	assert_int_equal(sc_pickle_item(&pickle, tuple, 1)->integer, -2);
	assert_int_equal(sc_pickle_item(&pickle, tuple, 2)->kind, SC_PICKLE_BOOLEAN);
	const struct sc_pickle_value *call = sc_pickle_item(&pickle, root, 3), *list = sc_pickle_item(&pickle, root, 5);
	assert_int_equal(call->kind, SC_PICKLE_CALL);
	assert_int_equal(call->integer, 1);
	assert_true(sc_pickle_is_text(sc_pickle_item(&pickle, call, 0), "c"));
	assert_int_equal(list->count, 2);
	assert_int_equal(sc_pickle_item(&pickle, list, 1)->integer, 258);
	assert_null(sc_pickle_item(&pickle, list, 2));
	assert_null(sc_pickle_item(&pickle, list, -1));
	assert_false(sc_pickle_is_text(list, "l"));
	assert_false(sc_pickle_is_text(NULL, "l"));
	sc_pickle_release(&pickle);
	assert_int_equal(READ(&pickle, "\x80\x02}(u.", NULL), SC_OK); /* no items */
	assert_int_equal(pickle.values[pickle.root].count, 0);
	sc_pickle_release(&pickle);
}

#define CASE(program, message)                                                                                                     \
	{                                                                                                                          \
		program, sizeof(program) - 1, message                                                                              \
	}

static void everything_else_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *program;
		size_t count;
		const char *message;
	} cases[] = {
		CASE("", "protocol 2"),
		CASE("\x80", "protocol 2"),
		CASE("\x80\x03N.", "protocol 2"),
		CASE("N\x02.", "protocol 2"),
		CASE("\x80\x02", "truncated"),
		CASE("\x80\x02N", "truncated"),
		CASE("\x80\x02.", "one value"),
		CASE("\x80\x02NN.", "one value"),
		CASE("\x80\x02(.", "one value"),
		CASE("\x80\x02N.N", "follows"),
		CASE("\x80\x02"
		     "cos\nsystem\nX\2\0\0\0id\x85R.",
		     "'os.system'"),
		CASE("\x80\x02"
		     "c__builtin__\neval\n.",
		     "'__builtin__.eval'"),
		CASE("\x80\x02"
		     "ccollections\nOrderedDic\n.",
		     "'collections.OrderedDic'"),
		CASE("\x80\x02"
		     "cos\nsystem",
		     "truncated"),
		CASE("\x80\x02"
		     "cos",
		     "truncated"),
		CASE("\x80\x02X\xff\xff\xff\xff"
		     "a.",
		     "truncated"),
		CASE("\x80\x02X\2\0\0\0a", "truncated"),
		CASE("\x80\x02M\1", "truncated"),
		CASE("\x80\x02\x8a", "truncated"),
		CASE("\x80\x02\x8a\2\1", "truncated"),
		CASE("\x80\x02G1234567", "truncated"),
		CASE("\x80\x02Nq", "truncated"),
		CASE("\x80\x02Nq\0j\0\0\0", "truncated"),
		CASE("\x80\x02\x8a\x09"
		     "123456789.",
		     "64 bits"),
		CASE("\x80\x02t.", "mark"),
		CASE("\x80\x02\x85.", "stack"),
		CASE("\x80\x02N\x86.", "stack"),
		CASE("\x80\x02(\x85.", "stack"),
		CASE("\x80\x02h\0.", "memo"),
		CASE("\x80\x02Nq\5h\4.", "memo"), /* between two that are set */
		CASE("\x80\x02j\0\0\0\x80.", "memo"),
		CASE("\x80\x02q\0.", "memo"),
		CASE("\x80\x02Nr\xff\xff\xff\xff.", "memo"),
		CASE("\x80\x02R.", "no function"),
		CASE("\x80\x02NNR.", "no function"),
		CASE("\x80\x02N)R.", "no function"),
		CASE("\x80\x02)R.", "no function"),
		CASE("\x80\x02"
		     "cm\nf\nNR.",
		     "no function"),
		CASE("\x80\x02"
		     "ccollections\nOrderedDict\nN\x85R.",
		     "made from something"),
		CASE("\x80\x02NQ.", "outside"),
		CASE("\x80\x02Q.", "outside"),
		CASE("\x80\x02NNNs.", "fit nothing"),
		CASE("\x80\x02}Ns.", "fit nothing"),
		CASE("\x80\x02}(Nu.", "fit nothing"), /* a key without a value */
		CASE("\x80\x02](NNu.", "fit nothing"),
		CASE("\x80\x02)Na.", "fit nothing"), /* tuples never change */
		CASE("\x80\x02u.", "fit nothing"),
		CASE("\x80\x02(u.", "fit nothing"),
		CASE("\x80\x02((Nu.", "fit nothing"),
		CASE("\x80\x02}(Ns.", "fit nothing"), /* of two items one is a mark */
		CASE("\x80\x02N}b.", "attributes"),
		CASE("\x80\x02Nb.", "attributes"),
		CASE("\x80\x02\x93.", "instruction 93"),
		CASE("\x80\x02ios\nsystem\n.", "instruction 69"), /* INST, another way to call */
		CASE("\x80\x02oN.", "instruction 6f"),
		CASE("\x80\x02)\x81.", "instruction 81"),
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sc_pickle pickle;
		struct sc_error error = {0};
		if (read(&pickle, cases[i].program, cases[i].count, &error) != SC_ERROR_FORMAT ||
		    !strstr(error.message, cases[i].message) || !strstr(error.message, "a.pkl"))
			fail_msg("case %zu: '%s', expected '... %s ...'", i, error.message, cases[i].message);
	}
}

static void endless_programs_end(void **state)
{
	(void)state;
	enum { COUNT = 1 << 22 };
	static char program[COUNT];
	static const char repeated[] = {'(', 'N', ')', ']'};
	for (size_t i = 0; i < sizeof(repeated); i++) {
		struct sc_pickle pickle;
		memset(program, repeated[i], sizeof(program));
		memcpy(program, "\x80\x02", 2);
		assert_int_equal(read(&pickle, program, sizeof(program), NULL), SC_ERROR_FORMAT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_data_is_read),
		cmocka_unit_test(everything_else_is_refused),
		cmocka_unit_test(endless_programs_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
