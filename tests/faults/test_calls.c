/* test_calls.c (slow test) - each call of the system, of zlib and of libhdf5, and each allocation of ours, fails, one after the
 * other, in everything that reads or writes a file: an error that names the file, or the right result; nothing stays open, and the
 * same works afterwards. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <png.h>
#include <string.h>
#include <zlib.h>

#include "faults/calls.h"
#include "faults/interpose.h"
#include "io/append.h"
#include "io/arrays.h"
#include "io/file.h"
#include "io/idx.h"
#include "shortcut.h"
#include "temporary.h"
#include "train/checkpoint.h"

static struct sc_data *data; /* 12 images of 8x8 */
static struct sc_model *model;
static char net[80], run[80];
static int64_t fresh_runs;

static const struct sc_model_options shape = {.height = 8, .width = 8, .channels = 1, .classes = 10};

/* ---- What is tried: each gives in *value what the right result is known by -------------------------------------------------- */

static enum sc_status read_arrays(const char *file, uint64_t *value, struct sc_error *error)
{
	struct sc_arrays arrays;
	static uint8_t bytes[1 << 20];
	enum sc_status status = sc_arrays_open(&arrays, file, error);
	*value = 0;
	if (status)
		return status;
	for (int64_t i = 0; i < arrays.count && !status; i++) {
		assert_true(arrays.arrays[i].bytes <= (int64_t)sizeof(bytes));
		status = sc_arrays_read(&arrays, &arrays.arrays[i], 0, bytes, arrays.arrays[i].bytes, error);
		for (int64_t at = 0; at < arrays.arrays[i].bytes && !status; at++)
			*value = 31 * *value + bytes[at];
	}
	sc_arrays_close(&arrays);
	return status;
}

static enum sc_status save(const char *file, uint64_t *value, struct sc_error *error)
{
	enum sc_status status = sc_model_save(model, file, error);
	stop_failing();
	return status ? status : read_arrays(file, value, NULL);
}

static enum sc_status read_idx(const char *file, uint64_t *value, struct sc_error *error)
{
	struct sc_idx idx = {0};
	enum sc_status status = sc_idx_read(&idx, file, 3, error);
	if (!status)
		*value = idx.values[0] + 256u * idx.values[idx.count - 1];
	sc_idx_release(&idx);
	return status;
}

static enum sc_status read_picture(const char *file, uint64_t *value, struct sc_error *error)
{
	struct sc_image image = {0};
	enum sc_status status = sc_image_load(&image, file, 1, error);
	if (!status)
		*value = image.pixels[0] + 256u * image.pixels[5];
	sc_image_release(&image);
	return status;
}

static enum sc_status read_text(const char *file, uint64_t *value, struct sc_error *error)
{
	char *text = NULL;
	enum sc_status status = sc_file_read_text(&text, file, 1000, error);
	*value = status ? 0 : strlen(text);
	free(text);
	return status;
}

static enum sc_status checksum(const char *file, uint64_t *value, struct sc_error *error)
{
	return sc_file_checksum(value, file, error);
}

static enum sc_status lock(const char *file, uint64_t *value, struct sc_error *error)
{
	int held;
	enum sc_status status = sc_folder_make(file, error);
	if (!status)
		status = sc_folder_lock(&held, file, error);
	*value = 0;
	if (!status) {
		sc_folder_clean(file);
		sc_folder_unlock(held);
	}
	return status;
}

static enum sc_status append(const char *file, uint64_t *value, struct sc_error *error)
{
	struct sc_append rows;
	char *text = NULL;
	enum sc_status status = sc_append_init(&rows, file, "one ", 4, error);
	if (status)
		return status;
	status = sc_append_text(&rows, "two ", 4, error);
	if (status) /* what has failed is tried again, in a new file */
		status = sc_append_text(&rows, "two ", 4, NULL);
	if (!status)
		status = sc_append_text(&rows, "three", 5, error);
	sc_append_release(&rows);
	stop_failing();
	if (!status) {
		assert_int_equal(sc_file_read_text(&text, file, 1000, NULL), SC_OK);
		assert_string_equal(text, "one two three");
	}
	free(text);
	*value = 0;
	return status;
}

static enum sc_status list(const char *file, uint64_t *value, struct sc_error *error)
{
	int64_t *steps, count;
	enum sc_status status = sc_checkpoint_list(&steps, &count, file, error);
	*value = (uint64_t)count;
	free(steps);
	return status;
}

/* Written after an older one, and loaded. */
static enum sc_status checkpoint(const char *file, uint64_t *value, struct sc_error *error)
{
	static const struct sc_run_identity identity = {
		.model = (char *)"{}", .training = (char *)"{}", .data_hash = "d", .hash = "h"};
	const struct sc_checkpoint_file asked = {file, &identity, model, NULL, INT64_MAX};
	struct sc_checkpoint at = {.step = 8, .rate_factor = 1};
	char name[64];
	enum sc_status status = sc_checkpoint_write(&asked, &at, name, error);
	if (!status)
		sc_checkpoint_prune(file, 8, 7, 3);
	if (!status)
		status = sc_checkpoint_load(&asked, &at, error);
	*value = 0;
	return status;
}

static enum sc_status load(const char *file, uint64_t *value, struct sc_error *error)
{
	struct sc_model *loaded = NULL;
	enum sc_status status = sc_model_load(&loaded, file, error);
	*value = 0;
	for (int64_t i = 0; !status && i < loaded->value_count; i++)
		*value += (uint64_t)i * (uint64_t)(int64_t)(1e6f * loaded->values[i]);
	sc_model_destroy(loaded);
	return status;
}

/* Trains and saves in a new run, or goes on with `resumed`. */
static enum sc_status fit(const char *new_run, const char *resumed, uint64_t *value, struct sc_error *error)
{
	struct sc_model *trained = NULL;
	const struct sc_fit_options options = {.batch = 4,
					       .steps = 2,
					       .optimizer = {.momentum = 0.9f},
					       .compute = {.threads = 1},
					       .run = new_run,
					       .resume = resumed,
					       .checkpoint_steps = 1};
	enum sc_status status = sc_model_create(&trained, net, &shape, error);
	if (!status)
		status = sc_fit(trained, data, &options, NULL, error);
	sc_model_destroy(trained);
	stop_failing();
	return status ? status : load(new_run ? new_run : resumed, value, error);
}

static enum sc_status train(const char *file, uint64_t *value, struct sc_error *error)
{
	char fresh_run[128];
	snprintf(fresh_run, sizeof(fresh_run), "%s-%lld", file, (long long)fresh_runs++);
	return fit(fresh_run, NULL, value, error);
}

static enum sc_status resume(const char *file, uint64_t *value, struct sc_error *error)
{
	return fit(NULL, file, value, error);
}

/* ---- How it is tried --------------------------------------------------------------------------------------------------------- */

struct action {
	const char *name;
	enum sc_status (*act)(const char *file, uint64_t *value, struct sc_error *error);
	const char *file;
	int reasons; /* so many of the list below */
};

static int open_descriptors(void)
{
	int count = 0;
	for (int i = 0; i < 64; i++)
		count += fcntl(i, F_GETFD) >= 0;
	return count;
}

static uint64_t expect_success(const struct action *a)
{
	struct sc_error error = {0};
	uint64_t value = 0;
	if (a->act(in_folder(a->file), &value, &error) != SC_OK)
		fail_msg("%s %s: %s", a->name, a->file, error.message);
	return value;
}

/* The n-th call fails for this reason. Gives whether there was one. */
static bool try_one(const struct action *a, long n, int reason, uint64_t expected)
{
	struct sc_error error = {0};
	uint64_t value = 0;
	char file[128];
	const int descriptors = open_descriptors();
	snprintf(file, sizeof(file), "%s", in_folder(a->file));
	fail_call(n, reason);
	enum sc_status status = a->act(file, &value, &error);
	stop_failing();
	const char *failed = failed_call();
	if (status && !strstr(error.message, folder) && !strstr(error.message, "memory"))
		fail_msg("%s %s, call %ld (%s): status %d: %s", a->name, file, n, failed, status, error.message);
	if (!status && value != expected)
		fail_msg("%s %s, call %ld (%s): success, but not the right result", a->name, file, n, failed);
	if (open_descriptors() != descriptors)
		fail_msg("%s %s, call %ld (%s): a descriptor stays open", a->name, file, n, failed);
	return failed;
}

static void try_all(void **state)
{
	static const int reasons[] = {EIO, EINTR, CUT_SHORT, ENOMEM, EACCES, EINVAL, ENOLCK, ENOSYS, EOPNOTSUPP, EWOULDBLOCK};
	const struct action *a = *state;
	const uint64_t expected = expect_success(a);
	long tried = 0;
	for (int i = 0; i < a->reasons; i++)
		for (long n = 1; try_one(a, n, reasons[i], expected); n++, tried++)
			if (tried % 8 == 0)
				assert_true(expect_success(a) == expected);
	assert_true(expect_success(a) == expected);
	assert_true(tried > 0);
	printf("%s %s: %ld failures tried\n", a->name, a->file, tried);
}

/* ---- Other failures --------------------------------------------------------------------------------------------------------- */

static int interrupt_each_write(struct call *call)
{
	return call->kind == CALL_WRITE ? EINTR : 0;
}

static void an_end_to_interruptions(void **state)
{
	(void)state;
	struct sc_error error = {0};
	fault_before = interrupt_each_write;
	assert_int_equal(sc_model_save(model, in_folder("interrupted.npz"), &error), SC_ERROR_WRITE);
	fault_before = NULL;
	assert_non_null(strstr(error.message, "interrupted.npz: cannot be written: Interrupted system call"));
}

/* A sync has failed, and then somebody has cut off what an earlier one had promised. */
static void rows_that_were_lost_are_missed(void **state)
{
	(void)state;
	struct sc_append rows;
	struct sc_error error = {0};
	fail_call(0, 0);
	assert_int_equal(sc_append_init(&rows, in_folder("lost"), "one ", 4, NULL), SC_OK);
	fail_call(2, EIO); /* write, fsync */
	assert_int_equal(sc_append_text(&rows, "two ", 4, &error), SC_ERROR_WRITE);
	stop_failing();
	assert_string_equal(failed_call(), "fsync");
	assert_int_equal(truncate(in_folder("lost"), 3), 0);
	assert_int_equal(sc_append_text(&rows, "two ", 4, &error), SC_ERROR_READ);
	assert_non_null(strstr(error.message, "lost: it has become shorter"));
	sc_append_release(&rows);
}

/* Whatever the process that asks libhdf5 answers: the file is refused by its name, or its arrays are such as arrays may be. */
static void an_answer_may_be_anything(void **state)
{
	(void)state;
	static const uint8_t values[] = {0, 0x7f, 0xff};
	const struct sc_array declared[] = {{.name = (char *)"a", .dtype = "F32", .rank = 1, .shape = {2}, .bytes = 8},
					    {.name = (char *)"b", .dtype = "F32", .rank = 1, .shape = {2}, .bytes = 8}};
	char file[128];
	struct sc_arrays_writer *writer;
	snprintf(file, sizeof(file), "%s", in_folder("small.weights.h5"));
	assert_int_equal(sc_arrays_writer_open(&writer, file, declared, 2, NULL, 0, NULL), SC_OK);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sc_arrays_writer_next(writer, NULL), SC_OK);
		assert_int_equal(sc_arrays_writer_write(writer, "12345678", 8, NULL), SC_OK);
	}
	assert_int_equal(sc_arrays_writer_commit(writer, NULL), SC_OK);
	int refused = 0;
	for (size_t i = 0; i < sizeof(values); i++)
		for (long at = sizeof(struct sc_error);; at++) { /* which comes first */
			struct sc_arrays arrays;
			struct sc_error error = {0};
			change_answer(at, values[i]);
			const enum sc_status status = sc_arrays_open(&arrays, file, &error);
			const bool changed = answer_was_changed();
			change_answer(-1, 0);
			for (int64_t k = 0; !status && k < arrays.count; k++)
				assert_true(arrays.arrays[k].dtype && arrays.arrays[k].rank >= 0 && arrays.arrays[k].rank <= 8);
			if (status && !strstr(error.message, file))
				fail_msg("byte %ld, %d: status %d: %s", at, values[i], status, error.message);
			if (!status)
				sc_arrays_close(&arrays);
			if (!changed)
				break;
			refused += status != SC_OK;
		}
	assert_true(refused > 0);
}

/* ---- Before and after -------------------------------------------------------------------------------------------------------- */

/* What allocations do in whole trainings: test_allocations.c. */
static const struct action actions[] = {
	{"read", read_arrays, "net.safetensors", 4},
	{"read", read_arrays, "net.npz", 4},
	{"read", read_arrays, "net.pth", 4},
	{"read", read_arrays, "net.h5", 4},
	{"read", read_arrays, "net.keras", 4},
	{"read", read_arrays, "deflated.npz", 4},
	{"save", save, "new.safetensors", 4},
	{"save", save, "new.npz", 4},
	{"save", save, "new.pth", 4},
	{"save", save, "new.keras", 4},
	{"save", save, "new.h5", 4},
	{"read images", read_idx, "images/train-images-idx3-ubyte", 4},
	{"read images", read_idx, "packed", 4},
	{"read a picture", read_picture, "picture", 4},
	{"read a text", read_text, "net.json", 4},
	{"checksum of", checksum, "net.json", 4},
	{"lock", lock, "locked/folder", 10},
	{"append to", append, "rows", 10},
	{"list", list, "run", 4},
	{"checkpoint in", checkpoint, "short-run", 4},
	{"load", load, "run", 3},
	{"train", train, "new-run", 3},
	{"resume", resume, "run", 3},
};
#define ACTIONS (sizeof(actions) / sizeof(actions[0]))

static void write_bytes(const char *name, const void *bytes, size_t count)
{
	FILE *stream = fopen(in_folder(name), "wb");
	assert_non_null(stream);
	assert_int_equal(fwrite(bytes, 1, count, stream), count);
	assert_int_equal(fclose(stream), 0);
}

/* 12 images of 8x8, plain and as a .gz of two members. */
static void write_images(void)
{
	static const uint8_t labels[20] = {0, 0, 8, 1, 0, 0, 0, 12};
	uint8_t images[16 + 12 * 64] = {0, 0, 8, 3, 0, 0, 0, 12, 0, 0, 0, 8, 0, 0, 0, 8};
	for (size_t i = 16; i < sizeof(images); i++)
		images[i] = (uint8_t)(i * 37);
	assert_int_equal(sc_folder_make(in_folder("images"), NULL), SC_OK);
	write_bytes("images/train-images-idx3-ubyte", images, sizeof(images));
	write_bytes("images/train-labels-idx1-ubyte", labels, sizeof(labels));
	for (unsigned member = 0; member < 2; member++) {
		gzFile packed = gzopen(in_folder("packed"), member ? "ab" : "wb");
		assert_int_equal(gzwrite(packed, images + member * 100, member ? sizeof(images) - 100 : 100),
				 member ? sizeof(images) - 100 : 100);
		assert_int_equal(gzclose(packed), Z_OK);
	}
}

static void write_picture(void)
{
	static const uint8_t pixels[6] = {1, 2, 3, 4, 5, 6};
	png_image picture = {.version = PNG_IMAGE_VERSION, .width = 3, .height = 2, .format = PNG_FORMAT_GRAY};
	assert_true(png_image_write_to_file(&picture, in_folder("picture"), 0, pixels, 0, NULL));
}

static void copy_recorded(const char *name)
{
	char command[256];
	snprintf(command, sizeof(command), "cp %s/tests/recorded/formats/%s %s", SC_SOURCE_DIR, name, folder);
	assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
	static const char description[] = "{\"blocks\": [1], \"widths\": [4], \"stem_channels\": 4}";
	uint64_t value;
	if (make_folder(state))
		return 1;
	calls_under = folder;
	snprintf(net, sizeof(net), "%s/net.json", folder);
	snprintf(run, sizeof(run), "%s/run", folder);
	write_bytes("net.json", description, strlen(description));
	write_images();
	write_picture();
	assert_int_equal(sc_folder_make(in_folder("short-run/checkpoints"), NULL), SC_OK);
	copy_recorded("deflated.npz");
	if (sc_data_open(&data, in_folder("images"), NULL, NULL) || sc_model_create(&model, net, &shape, NULL) ||
	    fit(run, NULL, &value, NULL))
		return 1;
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(sc_model_save(model, in_folder(actions[i].file), NULL), SC_OK);
	return 0;
}

static int tear_down(void **state)
{
	sc_data_destroy(data);
	sc_model_destroy(model);
	return remove_folder(state);
}

int main(void)
{
	struct CMUnitTest tests[ACTIONS + 3] = {[ACTIONS] = cmocka_unit_test(an_end_to_interruptions),
						cmocka_unit_test(rows_that_were_lost_are_missed),
						cmocka_unit_test(an_answer_may_be_anything)};
	for (size_t i = 0; i < ACTIONS; i++)
		tests[i] = (struct CMUnitTest){.name = actions[i].file, .test_func = try_all, .initial_state = (void *)&actions[i]};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
