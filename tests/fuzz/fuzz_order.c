/* fuzz_order.c - the bytes are the file of --sample-order. What the program would complain of on a terminal is checked here. */
#include <stdarg.h>
#include <stdlib.h>

#include "../../cli/train.h"
#include "base/error.h"
#include "input.h"

static struct sc_error complaint;

void cli_complain(const char *format, ...)
{
	char message[sizeof(complaint.message)];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	sc_fail(&complaint, SC_ERROR_FORMAT, NULL, -1, "%s", message);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	int64_t *numbers = NULL, found = 0;
	const char *path = fuzz_file("order.txt", bytes, count);
	complaint = (struct sc_error){0};
	int code = train_read_order(&numbers, &found, path);
	fuzz_check(code == CLI_OK ? SC_OK : SC_ERROR_FORMAT, &complaint, path);
	if (code == CLI_OK && (found < 1 || numbers[found - 1] < 0))
		abort();
	free(numbers);
	return 0;
}
