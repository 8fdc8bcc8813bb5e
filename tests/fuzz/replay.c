/* replay.c - main of a fuzz target where no fuzzer is: every file and every file of every folder that is named, once each. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "input.h"
#include "io/file.h"

/* False after a message. */
static bool replay_file(const char *path)
{
	struct sc_error error = {0};
	FILE *stream;
	int64_t count;
	if (sc_file_open(&stream, &count, path, &error) != SC_OK) {
		fprintf(stderr, "%s\n", error.message);
		return false;
	}
	uint8_t *bytes = malloc((size_t)count + 1); /* for an empty file, too */
	bool good = bytes && fread(bytes, 1, (size_t)count, stream) == (size_t)count;
	fclose(stream);
	if (good)
		LLVMFuzzerTestOneInput(bytes, (size_t)count);
	else
		fprintf(stderr, "%s: cannot be read\n", path);
	free(bytes);
	return good;
}

/* How many files were replayed; -1 after a message. */
static int replay_folder(const char *folder)
{
	struct dirent **entries;
	int found = scandir(folder, &entries, NULL, alphasort), count = 0;
	if (found < 0)
		perror(folder);
	for (int i = 0; i < found; i++) {
		char *path = sc_path_join(folder, entries[i]->d_name);
		if (path && entries[i]->d_name[0] != '.' && count >= 0)
			count = replay_file(path) ? count + 1 : -1;
		free(path);
		free(entries[i]);
	}
	if (found >= 0)
		free(entries);
	return found < 0 ? -1 : count;
}

int main(int count, char **words)
{
	int files = 0;
	for (int i = 1; i < count; i++) {
		struct stat kind;
		bool is_folder = stat(words[i], &kind) == 0 && S_ISDIR(kind.st_mode);
		int more = is_folder ? replay_folder(words[i]) : replay_file(words[i]) ? 1 : -1;
		if (more < 0)
			return 1;
		files += more;
	}
	printf("%d files\n", files);
	return files == 0; /* nothing to replay: a mistake */
}
