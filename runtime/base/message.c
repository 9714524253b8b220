/* Messages to the person who runs the program, and the clock. */
#include "base.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *program_name = "hpanet";

void hp_set_program(const char *argv0)
{
    const char *slash = argv0 ? strrchr(argv0, '/') : NULL;
    const char *name = slash ? slash + 1 : argv0;
    if (name && *name)
        program_name = name;
}

static void print_message(const char *severity, const char *format, va_list arguments)
{
    fflush(stdout); /* what the program said before comes before */
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr); /* over a progress bar */
    fprintf(stderr, "%s: %s", program_name, severity);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void hp_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_message("", format, arguments);
    va_end(arguments);
    exit(EXIT_FAILURE);
}

void hp_warn(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_message("warning: ", format, arguments);
    va_end(arguments);
}

void hp_bug_at(const char *file, int line, const char *format, ...)
{
    va_list arguments;
    fprintf(stderr, "%s: internal error at %s:%d: ", program_name, file, line);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs("\nThis is a mistake in hpanet, not in your files.\n", stderr);
    abort();
}

double hp_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
