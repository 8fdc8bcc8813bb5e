/* prepared_file.c - prepared weights in a folder: found, checked and mapped; written, and the oldest removed. */
#include "serve/prepared_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/memory.h"
#include "io/file.h"

#define BEGIN      4096 /* of the weights: a page, so that they are aligned as the kernels ask */
#define SUFFIX     ".prepared"
#define MOST_FILES 8
#define MAGIC      "SCPREPAR"
#define VERSION    1

struct header {
	char magic[8];
	uint64_t version, origin, layout, bytes, checksum;
};

static char *path_of(const char *folder, const struct sc_prepared_key *key)
{
	char name[64];
	snprintf(name, sizeof(name), "%016" PRIx64 "%016" PRIx64 SUFFIX, key->origin, key->layout);
	return sc_path_join(folder, name);
}

static struct header make_header(const struct sc_prepared_key *key, const void *weights)
{
	struct header header = {.version = VERSION, .origin = key->origin, .layout = key->layout, .bytes = (uint64_t)key->bytes};
	memcpy(header.magic, MAGIC, sizeof(header.magic));
	header.checksum = sc_checksum_of(weights, key->bytes);
	return header;
}

/* ---- Reading ------------------------------------------------------------------------------------------------------ */

static bool map_file(struct sc_prepared_file *file, int descriptor, int64_t bytes)
{
	struct stat found;
	if (fstat(descriptor, &found) != 0 || found.st_size != BEGIN + bytes)
		return false;
	void *mapped = mmap(NULL, (size_t)found.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, descriptor, 0);
	if (mapped == MAP_FAILED)
		return false;
	*file = (struct sc_prepared_file){.weights = (const char *)mapped + BEGIN, .mapped = mapped, .mapped_bytes = found.st_size};
	return true;
}

bool sc_prepared_file_open(struct sc_prepared_file *file, const char *folder, const struct sc_prepared_key *key)
{
	*file = (struct sc_prepared_file){0};
	char *path = path_of(folder, key);
	int descriptor = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	free(path);
	if (descriptor < 0)
		return false;
	bool mapped = map_file(file, descriptor, key->bytes);
	if (mapped)
		futimens(descriptor, NULL); /* used just now */
	close(descriptor);
	if (!mapped)
		return false;
	struct header expected = make_header(key, file->weights);
	if (memcmp(file->mapped, &expected, sizeof(expected)) == 0)
		return true;
	sc_prepared_file_release(file);
	return false;
}

void sc_prepared_file_release(struct sc_prepared_file *file)
{
	if (file->mapped)
		munmap(file->mapped, (size_t)file->mapped_bytes);
	*file = (struct sc_prepared_file){0};
}

/* ---- Writing ------------------------------------------------------------------------------------------------------ */

static enum sc_status write_file(const char *path, const struct sc_prepared_key *key, const void *weights, struct sc_error *error)
{
	static const char zeros[BEGIN];
	struct sc_file_writer writer;
	const struct header header = make_header(key, weights);
	enum sc_status status = sc_file_writer_open(&writer, path, error);
	if (status)
		return status;
	status = sc_file_write(&writer, &header, sizeof(header), error);
	if (!status)
		status = sc_file_write(&writer, zeros, BEGIN - (int64_t)sizeof(header), error);
	if (!status)
		status = sc_file_write(&writer, weights, key->bytes, error);
	if (!status)
		return sc_file_writer_commit(&writer, error);
	sc_file_writer_abandon(&writer);
	return status;
}

static bool is_prepared(const char *name)
{
	size_t length = strlen(name), end = strlen(SUFFIX);
	return length > end && strcmp(name + length - end, SUFFIX) == 0;
}

/* Removes the file that was not used for the longest time, if there are too many. */
static void remove_oldest(const char *folder)
{
	DIR *entries = opendir(folder);
	char oldest[256] = "";
	struct timespec used = {0};
	int count = 0;
	for (struct dirent *entry; entries && (entry = readdir(entries));) {
		struct stat found;
		if (!is_prepared(entry->d_name) || fstatat(dirfd(entries), entry->d_name, &found, 0) != 0)
			continue;
		bool older = found.st_mtim.tv_sec != used.tv_sec ? found.st_mtim.tv_sec < used.tv_sec
								 : found.st_mtim.tv_nsec < used.tv_nsec;
		if (count++ == 0 || older) {
			used = found.st_mtim;
			snprintf(oldest, sizeof(oldest), "%s", entry->d_name);
		}
	}
	if (count > MOST_FILES)
		unlinkat(dirfd(entries), oldest, 0);
	if (entries)
		closedir(entries);
}

void sc_prepared_file_keep(const char *folder, const struct sc_prepared_key *key, const void *weights)
{
	struct sc_error error = {0};
	char *path = path_of(folder, key);
	enum sc_status status = path ? sc_folder_make(folder, &error) : SC_ERROR_MEMORY;
	if (!status)
		status = write_file(path, key, weights, &error);
	if (status)
		sc_log_line(SC_LOG_INFO, "prepared weights are not kept: %s", error.message);
	else
		remove_oldest(folder);
	free(path);
}
