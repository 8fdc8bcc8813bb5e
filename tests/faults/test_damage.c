/* test_damage.c (slow test) - damage to a checkpoint is found, wherever it is: nothing is loaded silently.
 *
 * A small checkpoint is damaged in every bit, cut at every length, lengthened, and two of its sections are exchanged; a larger one
 * is edited at random (--seed, --count). Each time a whole older checkpoint lies beside it: the load must give exactly that one,
 * and say why. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"
#include "faults/options.h"
#include "io/file.h"
#include "temporary.h"
#include "train/checkpoint.h"
#include "warnings.h"

/* Two generations of a checkpoint in a run of their own. */
struct pair {
	struct sc_checkpoint_file file;
	float *velocity;
	char *bytes; /* of the newer one */
	int64_t size;
	char *newer; /* its path */
	char older_hash[SC_HASH_SIZE];
};

static const struct sc_run_identity identity = {.model = (char *)"{}", .training = (char *)"{}", .data_hash = "d", .hash = "h"};

static void write_bytes(const char *to, const char *bytes, int64_t count)
{
	int descriptor = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	assert_true(descriptor >= 0);
	assert_int_equal(sc_write_all(descriptor, bytes, count), 0);
	close(descriptor);
}

static void fill(struct pair *p, float value)
{
	for (int64_t i = 0; i < p->file.model->value_count; i++)
		p->file.model->values[i] = value + (float)i;
	for (int64_t i = 0; p->velocity && i < p->file.model->trainable_values; i++)
		p->velocity[i] = -value - (float)i;
}

static void make_pair(struct pair *p, struct sc_model *model, const char *run)
{
	char name[64];
	char *checkpoints = sc_path_join(run, "checkpoints");
	assert_int_equal(sc_folder_make(checkpoints, NULL), SC_OK);
	free(checkpoints);
	p->velocity = sc_allocate(model->trainable_values, sizeof(float));
	p->file = (struct sc_checkpoint_file){run, &identity, model, p->velocity, INT64_MAX};
	fill(p, 1);
	assert_int_equal(sc_checkpoint_write(&p->file, &(struct sc_checkpoint){.step = 7, .rate_factor = 1}, name, NULL), SC_OK);
	assert_int_equal(sc_model_hash(model, p->older_hash, NULL), SC_OK);
	fill(p, 2);
	assert_int_equal(sc_checkpoint_write(&p->file, &(struct sc_checkpoint){.step = 8, .rate_factor = 1}, name, NULL), SC_OK);
	p->newer = sc_path_join(run, name);
	FILE *stream;
	assert_int_equal(sc_file_open(&stream, &p->size, p->newer, NULL), SC_OK);
	p->bytes = malloc((size_t)p->size);
	assert_int_equal(fread(p->bytes, 1, (size_t)p->size, stream), p->size);
	fclose(stream);
}

static void release_pair(struct pair *p)
{
	free(p->velocity);
	free(p->bytes);
	free(p->newer);
}

/* What is at p->newer must be seen for what it is. */
static void expect_older(struct pair *p, const char *damage, int64_t where)
{
	struct sc_checkpoint at = {0};
	struct sc_error error = {0};
	char hash[SC_HASH_SIZE];
	warnings = 0;
	fill(p, 3);
	enum sc_status status = sc_checkpoint_load(&p->file, &at, &error);
	if (status != SC_OK || at.step != 7 || warnings != 1)
		fail_msg("%s at %lld: status %d, step %lld, %d warnings: %s", damage, (long long)where, status, (long long)at.step,
			 warnings, error.message);
	assert_int_equal(sc_model_hash(p->file.model, hash, NULL), SC_OK);
	assert_string_equal(hash, p->older_hash);
	assert_true(p->velocity[1] == -2);
}

static void expect_newer(struct pair *p)
{
	struct sc_checkpoint at = {0};
	warnings = 0;
	write_bytes(p->newer, p->bytes, p->size);
	assert_int_equal(sc_checkpoint_load(&p->file, &at, NULL), SC_OK);
	assert_int_equal(at.step, 8);
	assert_int_equal(warnings, 0);
}

/* ---- A small checkpoint: everything ------------------------------------------------------------------------------------- */

static struct sc_parameter parameters[] = {
	{.name = "a", .role = SC_ROLE_SCALE, .rank = 1, .shape = {8}, .count = 8, .offset = 0},
	{.name = "b", .role = SC_ROLE_SHIFT, .rank = 1, .shape = {8}, .count = 8, .offset = 16},
	{.name = "c", .role = SC_ROLE_RUNNING_MEAN, .rank = 1, .shape = {4}, .count = 4, .offset = 32},
};
static float numbers[48];
static struct sc_model small_model = {
	.parameter_count = 3, .parameters = parameters, .trainable_values = 32, .value_count = 48, .values = numbers};
static struct pair small;

static void every_bit(void **state)
{
	(void)state;
	int descriptor = open(small.newer, O_WRONLY);
	for (int64_t i = 0; i < small.size; i++)
		for (int bit = 0; bit < 8; bit++) {
			char changed = (char)(small.bytes[i] ^ (char)(1 << bit));
			assert_int_equal(pwrite(descriptor, &changed, 1, i), 1);
			expect_older(&small, "bit", 8 * i + bit);
			assert_int_equal(pwrite(descriptor, &small.bytes[i], 1, i), 1);
		}
	close(descriptor);
	expect_newer(&small);
	printf("%lld bits\n", 8 * (long long)small.size);
}

static void every_length(void **state)
{
	(void)state;
	for (int64_t length = 0; length < small.size; length++) {
		write_bytes(small.newer, small.bytes, length);
		expect_older(&small, "length", length);
	}
	expect_newer(&small);
	assert_int_equal(truncate(small.newer, small.size + 1), 0);
	expect_older(&small, "length", small.size + 1);
	expect_newer(&small);
	printf("%lld lengths\n", (long long)small.size + 1);
}

/* Two tensors of equal size change places, their checksums too: only the whole's can tell. */
static void exchanged_sections(void **state)
{
	(void)state;
	int64_t buffer = 8 + *(const int64_t *)(const void *)small.bytes, sums = small.size - 7 * 8;
	char *changed = malloc((size_t)small.size);
	memcpy(changed, small.bytes, (size_t)small.size);
	memcpy(changed + buffer, small.bytes + buffer + 32, 32);
	memcpy(changed + buffer + 32, small.bytes + buffer, 32);
	memcpy(changed + sums + 8, small.bytes + sums + 16, 8);
	memcpy(changed + sums + 16, small.bytes + sums + 8, 8);
	assert_memory_not_equal(changed, small.bytes, (size_t)small.size);
	write_bytes(small.newer, changed, small.size);
	expect_older(&small, "sections", 0);
	assert_non_null(strstr(warning, "the whole: expected the checksum"));
	free(changed);
	expect_newer(&small);
}

static void nothing_but_damage(void **state)
{
	(void)state;
	struct sc_checkpoint at;
	struct sc_error error = {0};
	char *older = sc_checkpoint_path(small.file.run, 7), hidden[128];
	snprintf(hidden, sizeof(hidden), "%s-hidden", older);
	assert_int_equal(rename(older, hidden), 0);
	write_bytes(small.newer, small.bytes, small.size - 1);
	fill(&small, 3);
	assert_int_equal(sc_checkpoint_load(&small.file, &at, &error), SC_ERROR_FORMAT);
	assert_non_null(strstr(error.message, small.newer));
	assert_true(numbers[0] == 3); /* untouched */
	assert_int_equal(rename(hidden, older), 0);
	free(older);
	expect_newer(&small);
}

/* ---- A larger one: at random ---------------------------------------------------------------------------------------------- */

static void random_edits(void **state)
{
	(void)state;
	struct pair large;
	struct sc_model *model = NULL;
	const struct sc_model_options shape = {.height = 28, .width = 28, .channels = 1};
	char run[64];
	snprintf(run, sizeof(run), "%s/large", folder);
	assert_int_equal(sc_model_create(&model, "cifar20", &shape, NULL), SC_OK);
	make_pair(&large, model, run);
	int descriptor = open(large.newer, O_WRONLY);
	long count = fault_count ? fault_count : 200;
	for (long i = 0; i < count; i++) {
		struct sc_random random = sc_random_stream(fault_seed, SC_PURPOSE_AUGMENT, 0, (uint64_t)i);
		int64_t length = 1 + (int64_t)sc_random_below(&random, 64);
		int64_t where = (int64_t)sc_random_below(&random, (uint64_t)(large.size - length));
		char edit[64];
		for (int64_t k = 0; k < length; k++)
			edit[k] = (char)sc_random_u32(&random);
		edit[0] = (char)(large.bytes[where] + 1 + (char)sc_random_below(&random, 255)); /* never what was there */
		assert_int_equal(pwrite(descriptor, edit, (size_t)length, where), length);
		expect_older(&large, "edit", where);
		assert_int_equal(pwrite(descriptor, large.bytes + where, (size_t)length, where), length);
	}
	close(descriptor);
	expect_newer(&large);
	printf("%ld random edits of %lld bytes, seed %llu\n", count, (long long)large.size, (unsigned long long)fault_seed);
	release_pair(&large);
	sc_model_destroy(model);
}

static int set_up(void **state)
{
	static char run[64];
	if (make_folder(state))
		return 1;
	snprintf(run, sizeof(run), "%s/small", folder);
	make_pair(&small, &small_model, run);
	sc_log_set(count_warning, NULL);
	return 0;
}

static int tear_down(void **state)
{
	release_pair(&small);
	return remove_folder(state);
}

int main(int count, char **words)
{
	read_options(count, words);
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_bit), cmocka_unit_test(every_length),
					   cmocka_unit_test(exchanged_sections), cmocka_unit_test(nothing_but_damage),
					   cmocka_unit_test(random_edits)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
