/* Messages to the person who runs the program, and the clock. */
#include "base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *program_name = "hpanet";

typedef struct Catch {
    jmp_buf back;
    char *error;
    size_t bytes;
    struct Catch *outer;
} Catch;
static _Thread_local Catch *catching; /* the innermost hp_catch() of this thread */

void hp_set_program(const char *argv0)
{
    const char *slash = argv0 ? strrchr(argv0, '/') : NULL;
    const char *name = slash ? slash + 1 : argv0;
    if (name && *name)
        program_name = name;
}

static void print_message(const char *severity, const char *message)
{
    fflush(stdout); /* what the program said before comes before */
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr); /* over a progress bar */
    fprintf(stderr, "%s: %s%s\n", program_name, severity, message);
}

/* NULL: there is no memory for it. */
static char *make_message(const char *format, va_list arguments)
{
    char *message;
    return vasprintf(&message, format, arguments) < 0 ? NULL : message;
}

void hp_fail_with(char *message)
{
    const char *said = message ? message : "out of memory";
    if (catching)
        snprintf(catching->error, catching->bytes, "%s", said);
    else
        print_message("", said);
    free(message);
    if (catching)
        longjmp(catching->back, 1);
    exit(EXIT_FAILURE);
}

void hp_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *message = make_message(format, arguments);
    va_end(arguments);
    hp_fail_with(message);
}

bool hp_catch(void (*work)(void *user), void *user, char *error, size_t bytes)
{
    Catch here = {.error = error, .bytes = bytes, .outer = catching};
    if (setjmp(here.back) != 0) {
        catching = here.outer;
        return false;
    }
    catching = &here;
    work(user);
    catching = here.outer;
    return true;
}

static void tell(const char *severity, const char *format, va_list arguments)
{
    if (catching)
        return;
    char *message = make_message(format, arguments);
    print_message(severity, message ? message : "out of memory");
    free(message);
}

void hp_warn(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    tell("warning: ", format, arguments);
    va_end(arguments);
}

void hp_note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    tell("", format, arguments);
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
