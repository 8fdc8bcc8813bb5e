/* train_folder.c - where a training puts what it makes. What stands in the folder is the library's business. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "train.h"

#define MOST_RUNS 1000000

static int cannot(const char *path)
{
	cli_complain("%s: the run's folder could not be made: %s", path, strerror(errno));
	return CLI_FAILED;
}

/* "data/mnist/" is mnist. */
static void name_data(char *name, size_t size, const char *data)
{
	size_t length = strlen(data);

	while (length > 1 && data[length - 1] == '/')
		length--;
	size_t begin = length;
	while (begin > 0 && data[begin - 1] != '/')
		begin--;
	snprintf(name, size, "%.*s", (int)(length - begin), data + begin);
	if (name[0] == '\0' || name[0] == '.')
		snprintf(name, size, "data");
}

static int claim_free(struct train_folder *folder, const char *model, const char *data)
{
	char name[128];

	name_data(name, sizeof(name), data);
	if (mkdir("runs", 0777) != 0 && errno != EEXIST)
		return cannot("runs");
	for (int n = 1; n <= MOST_RUNS; n++) {
		snprintf(folder->path, sizeof(folder->path), "runs/%s-%s-%d", model, name, n);
		folder->made = mkdir(folder->path, 0777) == 0;
		if (folder->made)
			return CLI_OK;
		if (errno != EEXIST)
			break;
	}
	return cannot(folder->path);
}

int train_claim_folder(struct train_folder *folder, const char *out, const char *model, const char *data)
{
	char config[sizeof(folder->path) + 16];
	struct stat information;

	*folder = (struct train_folder){0};
	if (out == NULL)
		return claim_free(folder, model, data);
	if ((size_t)snprintf(folder->path, sizeof(folder->path), "%s", out) >= sizeof(folder->path)) {
		errno = ENAMETOOLONG;
		return cannot(out);
	}
	folder->made = mkdir(out, 0777) == 0;
	if (folder->made)
		return CLI_OK;
	if (errno != EEXIST && errno != ENOENT) /* the library makes folders above it */
		return cannot(out);
	snprintf(config, sizeof(config), "%s/config.json", out);
	if (stat(config, &information) == 0) {
		cli_complain("%s: holds a run already; choose another --out, or go on with it by --resume", out);
		return CLI_FAILED;
	}
	return CLI_OK;
}

void train_unclaim_folder(const struct train_folder *folder)
{
	if (!folder->made || rmdir(folder->path) != 0)
		return; /* something is in it: that is kept */
	if (strncmp(folder->path, "runs/", 5) == 0)
		rmdir("runs"); /* where it held nothing else */
}
