/* test_hash.c - SHA-256 against the answers of FIPS 180-2. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/hash.h"

static void test_known_answers(void **state)
{
	(void)state;
	static const struct {
		const char *text, *hex;
	} table[] = {
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct sc_hash hash;
		char hex[SC_HASH_SIZE];
		sc_hash_init(&hash);
		sc_hash_update(&hash, table[i].text, (int64_t)strlen(table[i].text));
		sc_hash_finish(&hash, hex);
		assert_string_equal(hex, table[i].hex);
	}
}

static void test_pieces_hash_like_the_whole(void **state)
{
	(void)state;
	static char letters[1000000];
	memset(letters, 'a', sizeof letters);
	struct sc_hash hash;
	char hex[SC_HASH_SIZE];
	sc_hash_init(&hash);
	for (int64_t done = 0, piece = 1; done < (int64_t)sizeof letters; done += piece, piece = piece * 2 % 1009) {
		int64_t left = (int64_t)sizeof letters - done;
		sc_hash_update(&hash, letters + done, piece < left ? piece : left);
	}
	sc_hash_update(&hash, NULL, 0);
	sc_hash_finish(&hash, hex);
	assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_answers),
		cmocka_unit_test(test_pieces_hash_like_the_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
