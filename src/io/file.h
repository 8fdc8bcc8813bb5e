/* file.h - files written whole or not at all.
 *
 * A writer fills a temporary file in the folder of the target; commit flushes it, syncs it, renames it over the target and
 * syncs the folder; abandon removes it. A reader of the target therefore sees the old file or the new one, never a part. A
 * temporary file whose sync failed is removed, never synced again: the next writer begins with a new one. */
#ifndef SC_IO_FILE_H
#define SC_IO_FILE_H

#include <stdio.h>

#include "base/error.h"

struct sc_checksums;
struct sc_file_writer { /* stays where it is between open and commit: the stream knows its address */
	FILE *stream;   /* for fprintf and fwrite; their errors are found at commit */
	char *path, *temporary;
	int descriptor;
	int failure;                    /* errno of the first write that failed, or 0 */
	struct sc_checksums *checksums; /* NULL, or what sc_file_write feeds */
};
enum sc_status sc_file_writer_open(struct sc_file_writer *writer, const char *path, struct sc_error *error);
enum sc_status sc_file_write(struct sc_file_writer *writer, const void *bytes, int64_t count, struct sc_error *error);
enum sc_status sc_file_writer_commit(struct sc_file_writer *writer, struct sc_error *error); /* abandons by itself on failure */
void sc_file_writer_abandon(struct sc_file_writer *writer);

/* Opens a regular file for reading and says how long it is. Folders, sockets, FIFOs and devices are refused by name. */
enum sc_status sc_file_open(FILE **out, int64_t *bytes, const char *path, struct sc_error *error);
/* `count` bytes from `offset` on, whose place was checked against the size that the file had. */
enum sc_status sc_file_read_at(FILE *stream, const char *path, int64_t offset, void *buffer, int64_t count, struct sc_error *error);
/* A whole text file, at most `limit` bytes, NUL-terminated; the caller frees it. */
enum sc_status sc_file_read_text(char **text, const char *path, int64_t limit, struct sc_error *error);
/* XXH3-64 of a whole file. */
enum sc_status sc_file_checksum(uint64_t *value, const char *path, struct sc_error *error);
/* All of the bytes: a write that is interrupted or short goes on. 0, or an error number. */
int sc_write_all(int descriptor, const void *bytes, int64_t count);

/* folder.c: makes the folder and those above it; fine if it is there. */
enum sc_status sc_folder_make(const char *path, struct sc_error *error);
/* Waits until the names in the folder of `path` are on the disk. 0, or an error number. */
int sc_folder_sync(const char *path);
/* Removes what writers that were killed have left in a folder in which nobody else writes. */
void sc_folder_clean(const char *path);
/* Takes FOLDER/lock for this process, SC_ERROR_WRITE where another one has it. The system gives the lock back when the process
 * ends, however it ends. */
enum sc_status sc_folder_lock(int *lock, const char *path, struct sc_error *error);
void sc_folder_unlock(int lock);
/* "folder/name" into a new string; NULL when there is no memory. */
char *sc_path_join(const char *folder, const char *name);

#endif
