/* test_no_room.c - a disk that takes only so many bytes of a file of arrays: whatever is being written when they are used up, there
 * is an error that names the file, and nothing is left of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/weights.h"
#include "temporary.h"

/* Texts and tensors that no buffer holds, so that each of them meets the end of the room. */
#define INPUTS 70000
static float numbers[INPUTS * 2], bias[2];
static const struct sc_tensor tensors[] = {{"model_weights/fc/kernel", 2, {INPUTS, 2}, 2 * INPUTS, numbers, true},
					   {"model_weights/fc/bias", 1, {2}, 2, bias, true}};
static char text[20001];
static const char *const metadata[] = {"shortcut.first", text, "keras.config", text, "shortcut.second", text};

static enum sc_status write_with_room(const char *file, rlim_t room, struct sc_error *error)
{
	struct rlimit limit, before;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = room;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	enum sc_status status = sc_weights_write(file, tensors, 2, metadata, 3, error);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	return status;
}

static void a_full_disk_leaves_nothing(void **state)
{
	(void)state;
	static const char *const names[] = {"a.safetensors", "a.pth", "a.npz", "a.weights.h5", "a.keras", "a.h5"};
	enum { PLACES = 64 };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct stat whole;
		char file[128];
		snprintf(file, sizeof(file), "%s/%s", folder, names[i]);
		assert_int_equal(sc_weights_write(file, tensors, 2, metadata, 3, NULL), SC_OK);
		assert_int_equal(stat(file, &whole), 0);
		assert_int_equal(unlink(file), 0);
		for (int place = 0; place < PLACES; place++) {
			struct sc_error error = {0};
			const rlim_t room = (rlim_t)whole.st_size * (rlim_t)place / PLACES;
			enum sc_status status = write_with_room(file, room, &error);
			if (status != SC_ERROR_WRITE || !strstr(error.message, file) || !strstr(error.message, "File too large"))
				fail_msg("%s, %llu bytes: status %d: %s", names[i], (unsigned long long)room, status,
					 error.message);
			assert_int_equal(files_in_folder(), 0);
		}
		assert_int_equal(write_with_room(file, (rlim_t)whole.st_size, NULL), SC_OK);
		assert_int_equal(unlink(file), 0);
	}
}

int main(void)
{
	signal(SIGXFSZ, SIG_IGN); /* the call fails instead */
	memset(text, 'x', sizeof(text) - 1);
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_full_disk_leaves_nothing)};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
