#define _GNU_SOURCE
#include "check.h"

#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DUMPED = 96 };

static _Thread_local char circumstances[256];

void context(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(circumstances, sizeof(circumstances), format, arguments);
	va_end(arguments);
}

void fail(const char *file, int line, const char *format, ...)
{
	char message[2048];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	fprintf(stderr, "%s:%d: %s%s%s\n", file, line, circumstances, circumstances[0] ? ": " : "", message);
	exit(1);
}

static void end_of_time(int signal)
{
	static const char message[] = "the time is up: ";

	(void)signal;
	/* Only calls that are allowed in a signal handler. The result cannot be told to anybody. */
	if (write(STDERR_FILENO, message, sizeof(message) - 1) != -1 &&
	    write(STDERR_FILENO, circumstances, strlen(circumstances)) != -1 && write(STDERR_FILENO, "\n", 1) != -1)
		_exit(1);
	_exit(1);
}

void limit_time(unsigned seconds)
{
	signal(SIGALRM, end_of_time);
	alarm(seconds);
}

const char *error_name(int error)
{
	return error ? strerrorname_np(error) : "no error";
}

void check_number(const char *file, int line, const char *what, long long found, long long expected)
{
	if (found != expected)
		fail(file, line, "%s: expected %lld (%#llx), found %lld (%#llx)", what, expected, expected, found,
		     found);
}

void check_error(const char *file, int line, const char *call, long result, int error, int expected)
{
	if (result != -1)
		fail(file, line, "%s: expected -1 with %s, found %ld", call, error_name(expected), result);
	if (error != expected)
		fail(file, line, "%s: expected %s, found %s", call, error_name(expected), error_name(error));
}

static void hex(char *text, const void *bytes, size_t size)
{
	const uint8_t *byte = bytes;
	size_t shown = size < DUMPED ? size : DUMPED;

	for (size_t i = 0; i < shown; i++)
		text += sprintf(text, "%s%02x", i == 0 ? "" : i % 16 ? " " : "\n\t          ", byte[i]);
	strcpy(text, shown < size ? " .." : "");
}

static size_t first_difference(const void *a, const void *b, size_t size)
{
	const uint8_t *x = a, *y = b;
	size_t i = 0;

	while (i < size && x[i] == y[i])
		i++;
	return i;
}

void check_bytes(const char *file, int line, const char *what, const void *found, size_t found_size,
		 const void *expected, size_t expected_size)
{
	size_t shorter = found_size < expected_size ? found_size : expected_size;
	size_t same = first_difference(found, expected, shorter);
	char found_text[DUMPED * 4], expected_text[DUMPED * 4];

	if (found_size == expected_size && same == shorter)
		return;
	hex(found_text, found, found_size);
	hex(expected_text, expected, expected_size);
	fail(file, line, "%s differs at byte %zu: expected %zu bytes, found %zu\n\texpected: %s\n\tfound:    %s", what,
	     same, expected_size, found_size, expected_text, found_text);
}
