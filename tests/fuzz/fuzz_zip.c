/* fuzz_zip.c - the bytes are a ZIP archive; its entries are checked, and read a second time from their middle, then their start. */
#include "input.h"
#include "io/zip.h"

static void read_again(struct sc_zip *zip, const struct sc_zip_entry *entry)
{
	struct sc_error error = {0};
	uint8_t byte;
	const int64_t places[] = {entry->bytes / 2, 0};
	for (int i = 0; i < 2 && entry->bytes > 0; i++)
		fuzz_check(sc_zip_read(zip, entry, places[i], &byte, 1, &error), &error, zip->path);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct sc_zip zip;
	struct sc_error error = {0};
	const char *path = fuzz_file("file", bytes, count);
	if (fuzz_check(sc_zip_open(&zip, path, &error), &error, path) != SC_OK)
		return 0;
	for (int64_t i = 0; i < zip.count; i++)
		if (fuzz_check(sc_zip_check(&zip, &zip.entries[i], &error), &error, path) == SC_OK)
			read_again(&zip, &zip.entries[i]);
	sc_zip_close(&zip);
	return 0;
}
