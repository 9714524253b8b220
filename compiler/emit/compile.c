/* Runs the C compiler: no shell, one process per source file, its messages shown as they are. */
#include "compile.h"
#include "../target/target.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <stdlib.h>
#include "../base/diagnostic.h"
#include "../base/text.h"

typedef LIST(char *) Arguments; /* NULL-terminated for posix_spawn by run() */

extern char **environ;

/* ---------------------------------------------------------------- where things are */

Installation installation_find(Arena *arena)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length > 0) {
        path[length] = '\0';
        const char *prefix = dirname(dirname(path)); /* PREFIX/bin/hpacc */
        Installation installed = {arena_format(arena, "%s/lib/hpanet/libhpart.a", prefix),
                                  arena_format(arena, "%s/include/hpanet", prefix),
                                  arena_format(arena, "%s/share/hpanet/models", prefix)};
        if (access(installed.library, R_OK) == 0 && access(installed.headers, R_OK) == 0)
            return installed;
    }
    Installation built = {HPANET_BUILD_LIBRARY, HPANET_SOURCE_HEADERS, HPANET_SOURCE_MODELS};
    if (access(built.library, R_OK) != 0)
        fatal("the runtime library is missing: %s does not exist, nor lib/hpanet/libhpart.a beside hpacc's "
              "bin folder; "
              "build the target hpart, or install with cmake --install",
              built.library);
    return built;
}

/* ---------------------------------------------------------------- processes */

static void add_words(Arena *arena, Arguments *arguments, const char *words)
{
    char *copy = arena_string(arena, words), *rest = NULL;
    for (char *word = strtok_r(copy, " ;", &rest); word; word = strtok_r(NULL, " ;", &rest))
        list_push(arena, arguments, word);
}

static void add(Arena *arena, Arguments *arguments, const char *word)
{
    list_push(arena, arguments, arena_string(arena, word));
}

static pid_t start(Arena *arena, Arguments *arguments)
{
    list_push(arena, arguments, NULL);
    pid_t process;
    int error = posix_spawnp(&process, arguments->items[0], NULL, NULL, arguments->items, environ);
    if (error == ENOENT)
        fatal(
            "there is no C compiler \"%s\": install one (Debian, Ubuntu: apt install gcc) or name it in the "
            "environment variable CC; --emit source writes the sources alone",
            arguments->items[0]);
    if (error)
        fatal("the C compiler \"%s\" cannot be started: %s", arguments->items[0], strerror(error));
    return process;
}

/* False after a failure, which is then said. */
static bool finish(pid_t process, const Arguments *arguments)
{
    int status;
    while (waitpid(process, &status, 0) < 0)
        if (errno != EINTR)
            fatal("waiting for the C compiler: %s", strerror(errno));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (WIFSIGNALED(status))
        fprintf(stderr, "hpacc: the C compiler was ended by signal %d; its command was\n ", WTERMSIG(status));
    else
        fprintf(stderr, "hpacc: the C compiler ended with status %d; its command was\n ",
                WEXITSTATUS(status));
    for (size_t i = 0; i + 1 < arguments->count; i++)
        fprintf(stderr, " %s", arguments->items[i]);
    fputc('\n', stderr);
    return false;
}

/* ---------------------------------------------------------------- compiling */

/* x86-64-v4 is AVX-512 F, BW, CD, DQ, VL; v3 is AVX2, FMA, BMI: what the program checks when it starts. */
static const char *machine_options(const char *isa)
{
    if (strcmp(isa, "avx512") == 0)
        return "-march=x86-64-v4 -mprefer-vector-width=512";
    return strcmp(isa, "avx2") == 0 ? "-march=x86-64-v3" : "-march=x86-64-v2";
}

static void add_compiler(Arena *arena, Arguments *arguments)
{
    const char *compiler = getenv("CC");
    add_words(arena, arguments, compiler && *compiler ? compiler : "cc");
    if (arguments->count == 0)
        add(arena, arguments, "cc");
    add_words(arena, arguments, HPANET_SANITIZER_OPTIONS);
}

/* What the sources become. */
typedef struct Output {
    const char *source;         /* the one that a program and a library do not share */
    const char *file;           /* to make, below the folder */
    const char *compile, *link; /* options */
} Output;

static pid_t start_source(Arena *arena, const char *folder, const char *source, const char *object,
                          const char *options, const char *isa, Arguments *command)
{
    add_compiler(arena, command);
    add_words(arena, command, "-std=gnu17 -fopenmp -fno-math-errno -fno-trapping-math -Wall -Wextra");
    add_words(arena, command, target()->launches ? "-O1" : "-O3"); /* launchers are not where the time goes */
    add_words(arena, command, machine_options(isa));
    add_words(arena, command, options);
    add(arena, command, arena_format(arena, "-I%s", installation_find(arena).headers));
    add(arena, command, arena_format(arena, "-Wa,-I%s", folder)); /* what model.c embeds */
    add(arena, command, "-c");
    add(arena, command, arena_format(arena, "%s/%s.c", folder, source));
    add(arena, command, "-o");
    add(arena, command, object);
    return start(arena, command);
}

static void add_link(Arena *arena, Arguments *link, const char *folder, const Output *output)
{
    add(arena, link, installation_find(arena).library);
    add_words(arena, link, HPANET_LINK_OPTIONS);
    add(arena, link, "-fopenmp");
    add_words(arena, link, output->link);
    add(arena, link, "-o");
    add(arena, link, arena_format(arena, "%s/%s", folder, output->file));
}

static void compile_output(Arena *arena, const char *folder, const char *isa, const Output *output)
{
    const char *const sources[] = {"functions", "model", "products", output->source};
    enum { SOURCES = sizeof sources / sizeof *sources };
    Arguments commands[SOURCES] = {0}, link = {0};
    const char *objects[SOURCES];
    pid_t processes[SOURCES];
    add_compiler(arena, &link);
    for (int i = 0; i < SOURCES; i++) {
        objects[i] = arena_format(arena, "%s/%s.o", folder, sources[i]);
        processes[i] =
            start_source(arena, folder, sources[i], objects[i], output->compile, isa, &commands[i]);
        add(arena, &link, objects[i]);
    }
    bool compiled = true;
    for (int i = 0; i < SOURCES; i++)
        compiled = finish(processes[i], &commands[i]) && compiled;
    add_link(arena, &link, folder, output);
    compiled = compiled && finish(start(arena, &link), &link);
    for (int i = 0; i < SOURCES; i++)
        unlink(objects[i]);
    if (!compiled)
        fatal("%s was not made; its sources are in %s", output->file, folder);
}

void compile_program(Arena *arena, const char *folder, const char *name, const char *isa)
{
    compile_output(arena, folder, isa, &(Output){.source = "main", .file = name, .compile = "", .link = ""});
}

void compile_library(Arena *arena, const char *folder, const char *name, const char *isa)
{
    compile_output(arena, folder, isa,
                   &(Output){.source = "library",
                             .file = arena_format(arena, "lib%s.so", name),
                             .compile = "-fPIC -fvisibility=hidden",
                             .link = "-shared -Wl,--no-undefined"});
}
