/*
 * Checks that end the program with status 1 and say where, in which
 * circumstances, what was expected and what was found.
 */
#ifndef CHECK_H
#define CHECK_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

/* Says what is being tried. Printed with the next failure of this thread. */
__attribute__((format(printf, 1, 2))) void context(const char *format, ...);

__attribute__((format(printf, 3, 4))) _Noreturn void fail(const char *file, int line, const char *format, ...);

void check_bytes(const char *file, int line, const char *what, const void *found, size_t found_size,
		 const void *expected, size_t expected_size);
void check_number(const char *file, int line, const char *what, long long found, long long expected);
void check_error(const char *file, int line, const char *call, long result, int error, int expected);

#define FAIL(...) fail(__FILE__, __LINE__, __VA_ARGS__)

#define CHECK(condition, ...)              \
	do {                               \
		if (!(condition))          \
			FAIL(__VA_ARGS__); \
	} while (0)

#define CHECK_NUMBER(what, found, expected) check_number(__FILE__, __LINE__, what, found, expected)

#define CHECK_BYTES(what, found, found_size, expected, expected_size) \
	check_bytes(__FILE__, __LINE__, what, found, found_size, expected, expected_size)

/* The call must not return -1. Its value is the value of the macro. */
#define CHECK_CALL(call)                                          \
	({                                                        \
		__typeof__(call) result_ = (call);                \
		if (result_ == (__typeof__(result_))-1)           \
			FAIL("%s: %s", #call, error_name(errno)); \
		result_;                                          \
	})

/* The call must return -1 and set errno to `expected`. */
#define CHECK_ERROR(call, expected)                                                  \
	do {                                                                         \
		errno = 0;                                                           \
		long result_ = (call);                                               \
		check_error(__FILE__, __LINE__, #call, result_, errno, (expected)); \
	} while (0)

/* Ends the program with status 1 after so many seconds. It may hang in a call that has no deadline. */
void limit_time(unsigned seconds);

/* The error's name, such as EBADFD, or "no error". */
const char *error_name(int error);

#endif
