/* test_power_loss.c (slow test) - what a power cut leaves loads as exactly the old or the new checkpoint, never as a mixture.
 *
 * A small training is run and each of its calls that write is recorded. Then the disk is made as it might be after a cut behind
 * each call: what was synced is there; of the rest, names and bytes, a part is, chosen at random (--seed, --count), down to sectors
 * of 512 bytes. On each such disk the run is opened as --resume opens it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"
#include "faults/interpose.h"
#include "faults/options.h"
#include "io/file.h"
#include "temporary.h"
#include "train/evaluate.h"
#include "train/run_folder.h"

#define SECTOR           512
#define MOST_CALLS       4096
#define MOST_FILES       512
#define MOST_DESCRIPTORS 256

/* ---- Recording ---------------------------------------------------------------------------------------------------------- */

/* Names are those under the run's folder. A file is a number: every creation makes a new one. */
enum record_kind { RECORD_CREATE, RECORD_WRITE, RECORD_SYNC, RECORD_SYNC_FOLDER, RECORD_RENAME, RECORD_UNLINK };
struct record {
	enum record_kind kind;
	char name[64], to[64]; /* RECORD_SYNC_FOLDER: "" or "checkpoints" */
	int file;
	int64_t offset, count;
	char *bytes;
	int64_t saved; /* the step of the newest save that had returned by then, -1: none */
};

static char run[64];
static struct record records[MOST_CALLS];
static int record_count, file_count, descriptor_file[MOST_DESCRIPTORS];
static char descriptor_name[MOST_DESCRIPTORS][64];
static int64_t file_size[MOST_FILES];
static int64_t saved = -1;
static bool recording;
static char hashes[64][SC_HASH_SIZE]; /* of the weights after each step */

static const char *inside(const char *name)
{
	size_t length = strlen(run);
	return strncmp(name, run, length) == 0 && (name[length] == '/' || !name[length]) ? name + length + (name[length] == '/')
											 : NULL;
}

static int file_named(const char *name)
{
	for (int i = record_count - 1; i >= 0; i--) {
		if (records[i].kind == RECORD_CREATE && strcmp(records[i].name, name) == 0)
			return records[i].file;
		if (records[i].kind == RECORD_RENAME && strcmp(records[i].to, name) == 0)
			return records[i].file;
	}
	return -1;
}

static struct record *new_record(enum record_kind kind)
{
	struct record *r = &records[record_count++];
	assert_true(record_count < MOST_CALLS);
	*r = (struct record){.kind = kind, .file = -1, .saved = saved};
	return r;
}

static void record_open(const struct call *c)
{
	const char *name = inside(c->path);
	if (!name || c->result < 0)
		return;
	assert_true(c->result < MOST_DESCRIPTORS);
	descriptor_file[c->result] = -1;
	snprintf(descriptor_name[c->result], sizeof(descriptor_name[0]), "/%s", name);
	if ((c->flags & O_ACCMODE) == O_RDONLY)
		return;
	if (c->flags & O_CREAT && (c->flags & O_EXCL || file_named(name) < 0)) {
		struct record *r = new_record(RECORD_CREATE);
		r->file = file_count++;
		snprintf(r->name, sizeof(r->name), "%s", name);
	}
	descriptor_file[c->result] = file_named(name);
}

static void record_call(const struct call *c)
{
	if (!recording || c->result < 0)
		return;
	bool known = c->descriptor >= 0 && c->descriptor < MOST_DESCRIPTORS && descriptor_name[c->descriptor][0];
	int file = known ? descriptor_file[c->descriptor] : -1;
	if (c->kind == CALL_OPEN)
		record_open(c);
	if (c->kind == CALL_CLOSE && known)
		descriptor_name[c->descriptor][0] = '\0';
	if (c->kind == CALL_WRITE && file >= 0) {
		struct record *r = new_record(RECORD_WRITE);
		r->file = file, r->offset = file_size[file], r->count = c->result;
		r->bytes = malloc((size_t)c->result);
		memcpy(r->bytes, c->bytes, (size_t)c->result);
		file_size[file] += c->result;
	}
	if (c->kind == CALL_FSYNC && known) {
		struct record *r = new_record(file >= 0 ? RECORD_SYNC : RECORD_SYNC_FOLDER);
		r->file = file;
		snprintf(r->name, sizeof(r->name), "%s", descriptor_name[c->descriptor] + 1);
	}
	if (c->kind == CALL_RENAME && inside(c->path)) {
		int moved = file_named(inside(c->path));
		struct record *r = new_record(RECORD_RENAME);
		r->file = moved;
		snprintf(r->name, sizeof(r->name), "%s", inside(c->path));
		snprintf(r->to, sizeof(r->to), "%s", inside(c->to));
	}
	if (c->kind == CALL_UNLINK && inside(c->path))
		snprintf(new_record(RECORD_UNLINK)->name, sizeof(records[0].name), "%s", inside(c->path));
}

/* ---- A disk after a cut --------------------------------------------------------------------------------------------------- */

struct disk {
	char *bytes[MOST_FILES]; /* [file_size] */
	int64_t size[MOST_FILES];
	struct {
		char name[64];
		int file; /* -1: gone */
	} names[MOST_FILES];
	int name_count;
};
enum choice { NOTHING, EVERYTHING, AT_RANDOM }; /* of what was not synced */

static bool lies_in(const char *name, const char *of)
{
	const char *slash = strrchr(name, '/');
	return slash ? strlen(of) == (size_t)(slash - name) && strncmp(name, of, strlen(of)) == 0 : !*of;
}

/* Whether a later sync, before the cut, has made the record durable. */
static bool is_durable(int index, int cut)
{
	const struct record *r = &records[index];
	for (int i = index + 1; i < cut; i++) {
		if (r->kind == RECORD_WRITE && records[i].kind == RECORD_SYNC && records[i].file == r->file)
			return true;
		if (r->kind != RECORD_WRITE && records[i].kind == RECORD_SYNC_FOLDER &&
		    lies_in(r->kind == RECORD_RENAME ? r->to : r->name, records[i].name))
			return true;
	}
	return false;
}

static void set_name(struct disk *disk, const char *name, int file)
{
	int i = 0;
	while (i < disk->name_count && strcmp(disk->names[i].name, name) != 0)
		i++;
	if (i == disk->name_count)
		snprintf(disk->names[disk->name_count++].name, sizeof(disk->names[0].name), "%s", name);
	disk->names[i].file = file;
}

/* Whole, or some of its sectors; those that are missing hold what a fresh file holds: nothing but zeros. */
static void apply_write(struct disk *disk, const struct record *r, bool whole, struct sc_random *random)
{
	if (!disk->bytes[r->file])
		disk->bytes[r->file] = calloc(1, (size_t)file_size[r->file] + 1);
	for (int64_t done = 0; done < r->count; done += SECTOR) {
		int64_t now = r->count - done < SECTOR ? r->count - done : SECTOR, end = r->offset + done + now;
		if (!whole && sc_random_below(random, 2))
			continue;
		memcpy(disk->bytes[r->file] + r->offset + done, r->bytes + done, (size_t)now);
		if (end > disk->size[r->file])
			disk->size[r->file] = end;
	}
}

static void apply(struct disk *disk, int index, int cut, enum choice choice, struct sc_random *random)
{
	const struct record *r = &records[index];
	bool durable = is_durable(index, cut), whole = durable || choice == EVERYTHING;
	if (!whole && (choice == NOTHING || sc_random_below(random, 3) == 0))
		return;
	if (r->kind == RECORD_WRITE)
		apply_write(disk, r, whole || sc_random_below(random, 2), random);
	if (r->kind == RECORD_CREATE)
		set_name(disk, r->name, r->file);
	if (r->kind == RECORD_RENAME) {
		set_name(disk, r->name, -1);
		set_name(disk, r->to, r->file);
	}
	if (r->kind == RECORD_UNLINK)
		set_name(disk, r->name, -1);
}

static void lay_down(const struct disk *disk, const char *at)
{
	char name[256];
	snprintf(name, sizeof(name), "rm -rf %s && mkdir -p %s/checkpoints", at, at);
	assert_int_equal(system(name), 0);
	for (int i = 0; i < disk->name_count; i++) {
		int file = disk->names[i].file;
		if (file < 0)
			continue;
		snprintf(name, sizeof(name), "%s/%s", at, disk->names[i].name);
		int descriptor = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
		assert_true(descriptor >= 0);
		assert_int_equal(sc_write_all(descriptor, disk->bytes[file], disk->size[file]), 0);
		close(descriptor);
	}
}

/* ---- The training ------------------------------------------------------------------------------------------------------------ */

static struct sc_data *data;
static struct sc_model *model, *loaded;
static struct sc_fit_options options = {
	.epochs = 2, .batch = 4, .checkpoint_steps = 2, .optimizer = {.learning_rate = 0.01f, .momentum = 0.9f}};

static int note_step(void *user, const struct sc_progress_event *event)
{
	(void)user;
	if (!event->epoch_end)
		assert_int_equal(sc_model_hash(model, hashes[event->global_step], NULL), SC_OK);
	if (event->checkpoint)
		saved = event->global_step;
	return 0;
}

/* "Old or new": the newest save that had returned, or the one under way. */
static void expect_old_or_new(const char *at, int cut, const float *velocity)
{
	struct sc_run_folder opened;
	struct sc_checkpoint found = {0};
	struct sc_error error = {0};
	char config[128], hash[SC_HASH_SIZE];
	int64_t last = cut > 0 ? records[cut - 1].saved : -1;
	snprintf(config, sizeof(config), "%s/config.json", at);
	if (last < 0 && access(config, F_OK) != 0)
		return;             /* the run had not begun */
	last = last < 0 ? 0 : last; /* config.json stands for the checkpoint of the beginning */
	struct sc_fit_options kept;
	enum sc_status status = sc_run_options(at, &kept, &error);
	kept.run = at;
	if (!status)
		status = sc_run_folder_open(&opened, loaded, data, &kept, &error);
	if (!status) {
		status = sc_run_folder_load(&opened, loaded, (float *)(uintptr_t)velocity, &found, 5, &error);
		sc_run_folder_release(&opened);
	}
	if (status)
		fail_msg("after call %d: %s", cut, error.message);
	if (found.step < last || found.step > last + 2)
		fail_msg("after call %d: expected step %lld or the next, found %lld", cut, (long long)last, (long long)found.step);
	assert_int_equal(sc_model_hash(loaded, hash, NULL), SC_OK);
	assert_string_equal(hash, hashes[found.step]);
}

static void record_training(void **state)
{
	(void)state;
	struct sc_error error = {0};
	assert_int_equal(sc_model_hash(model, hashes[0], NULL), SC_OK);
	snprintf(run, sizeof(run), "%s/run", folder);
	options.run = run;
	options.progress = note_step;
	fault_after = record_call;
	recording = true;
	if (sc_fit(model, data, &options, NULL, &error) != SC_OK)
		fail_msg("%s", error.message);
	recording = false;
	assert_int_equal(saved, 10);
	assert_true(record_count > 100);
}

static void cut_after_each_call(void **state)
{
	(void)state;
	char at[80];
	long count = fault_count ? fault_count : 1, disks = 0, cuts = 0;
	int stride = fault_count ? 1 : 9; /* the short form takes each ninth cut */
	float *velocity = calloc((size_t)loaded->trainable_values, sizeof(float));
	struct disk *disk = calloc(1, sizeof(*disk));
	snprintf(at, sizeof(at), "%s/cut", folder);
	long each = 2 + (count + record_count - 1) / record_count;
	for (int cut = (int)(fault_seed % (uint64_t)stride); cut <= record_count; cut += stride, cuts++)
		for (long n = 0; n < each; n++) {
			struct sc_random random = sc_random_stream(fault_seed, SC_PURPOSE_AUGMENT, (uint32_t)n, (uint64_t)cut);
			for (int i = 0; i < cut; i++)
				apply(disk, i, cut, n < 2 ? (enum choice)n : AT_RANDOM, &random);
			lay_down(disk, at);
			expect_old_or_new(at, cut, velocity);
			for (int i = 0; i < file_count; i++)
				free(disk->bytes[i]);
			*disk = (struct disk){.name_count = 0};
			disks++;
		}
	printf("%ld disks: %ld of %d cuts, without, with all and with %ld random parts of what was not synced, seed %llu\n", disks,
	       cuts, record_count + 1, each - 2, (unsigned long long)fault_seed);
	free(disk);
	free(velocity);
}

static int set_up(void **state)
{
	const struct sc_data_options some = {.take = 20, .data_dir = SC_SOURCE_DIR "/data"};
	const struct sc_model_options shape = {.height = 28, .width = 28, .channels = 1};
	return make_folder(state) || sc_data_open(&data, "mnist", &some, NULL) ||
	       sc_model_create(&model, "cifar20", &shape, NULL) || sc_model_create(&loaded, "cifar20", &shape, NULL);
}

static int tear_down(void **state)
{
	for (int i = 0; i < record_count; i++)
		free(records[i].bytes);
	sc_model_destroy(model);
	sc_model_destroy(loaded);
	sc_data_destroy(data);
	return remove_folder(state);
}

int main(int count, char **words)
{
	read_options(count, words);
	const struct CMUnitTest tests[] = {cmocka_unit_test(record_training), cmocka_unit_test(cut_after_each_call)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
