/* fuzz SECONDS FILE...: mutates the files at random and parses them, each in a process of its own, until the
 * time is over. A parser that is killed, hangs, or ends with anything but 0 or 1 fails the test; its input is
 * kept. Built with AddressSanitizer and UndefinedBehaviorSanitizer in every configuration; the mutations are
 * the same in every run. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "compiler/front/program.h"

enum { LONGEST = 1 << 17, HANGS_AFTER_SECONDS = 10, LEAST_RUNS = 200 };

/* A sanitizer's finding must not look like an error in the file, which is status 1. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "exitcode=99:detect_leaks=0";
}
const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
    return "exitcode=99";
}

typedef struct Input {
    char bytes[LONGEST];
    size_t length;
} Input;

static uint64_t random_state = 0x9E3779B97F4A7C15u;

/* splitmix64 */
static size_t random_below(size_t limit)
{
    uint64_t z = random_state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (size_t)((z ^ (z >> 31)) % limit);
}

static void insert(Input *input, size_t at, const char *bytes, size_t length)
{
    if (length > LONGEST - input->length)
        length = LONGEST - input->length;
    memmove(input->bytes + at + length, input->bytes + at, input->length - at);
    memcpy(input->bytes + at, bytes, length);
    input->length += length;
}

static void delete_range(Input *input, size_t at, size_t length)
{
    if (length > input->length - at)
        length = input->length - at;
    memmove(input->bytes + at, input->bytes + at + length, input->length - at - length);
    input->length -= length;
}

static void mutate_once(Input *input, const Input *other)
{
    static const char *const pieces[] = {"{",      "}",
                                         "(",      ")",
                                         "[",      "]",
                                         "\n",     ";",
                                         ",",      ".",
                                         "=",      ":=",
                                         "\"",     "#",
                                         " ",      "-",
                                         "^",      "%",
                                         "1e9",    "0",
                                         "\\",     "if ",
                                         "then ",  " else ",
                                         "as ",    "{}",
                                         "{id}",   "..",
                                         "\t",     "\r",
                                         "1e",     " to ",
                                         "of ",    "or ",
                                         "from ",  "dataset ",
                                         "part ",  "repeat i in 0 to 3 {",
                                         "state ", "parameter "};
    size_t at = random_below(input->length + 1);
    char byte = (char)random_below(256);
    switch (random_below(8)) {
    case 0: insert(input, at, &byte, 1); break;
    case 1: delete_range(input, at, 1 + random_below(4)); break;
    case 2: delete_range(input, at, 1 + random_below(200)); break;
    case 3:
        if (at < input->length)
            input->bytes[at] = byte;
        break;
    case 4: {
        size_t from = random_below(other->length + 1);
        insert(input, at, other->bytes + from, random_below(other->length - from + 1));
        break;
    }
    case 5: { /* very many of one piece: deep nesting, long lines */
        const char *piece = pieces[random_below(sizeof pieces / sizeof pieces[0])];
        size_t times = random_below(8) ? 3 : 3000;
        for (size_t i = 0; i < times; i++)
            insert(input, at, piece, strlen(piece));
        break;
    }
    default: {
        const char *piece = pieces[random_below(sizeof pieces / sizeof pieces[0])];
        insert(input, at, piece, strlen(piece));
    }
    }
}

static void parse_in_child(const Input *input)
{
    if (!freopen("/dev/null", "w", stderr))
        _exit(98);
    alarm(HANGS_AFTER_SECONDS);
    Arena *arena = arena_new();
    Diagnostics *diagnostics = diagnostics_new(arena);
    SourceFile file = {"mutated.hpanet", arena_string_of(arena, input->bytes, input->length), input->length};
    SourceUnit *unit = parse_text(arena, diagnostics, &file);
    Text out = text_new(arena);
    ast_print(&out, unit);
    program_read_dataset(arena, diagnostics, &file);
    exit(0);
}

/* True: the parser ended as it should. */
static bool run_one(const Input *input)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        parse_in_child(input);
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("fuzz: cannot run a child");
        exit(2);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) <= 1)
        return true;
    fprintf(stderr, "the parser ended with %s %d\n", WIFSIGNALED(status) ? "signal" : "status",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return false;
}

static void keep(const Input *input)
{
    char path[] = "/tmp/hpanet-fuzz-XXXXXX";
    int file = mkstemp(path);
    if (file < 0 || write(file, input->bytes, input->length) != (ssize_t)input->length)
        perror("fuzz: cannot keep the input");
    fprintf(stderr, "the input is kept: %s\n", path);
}

static void read_input(Input *input, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(2);
    }
    input->length = fread(input->bytes, 1, LONGEST, file);
    fclose(file);
}

int main(int argc, char **argv)
{
    static Input input, other;
    if (argc < 3) {
        fprintf(stderr, "usage: fuzz SECONDS FILE...\n");
        return 2;
    }
    time_t end = time(NULL) + atoi(argv[1]);
    int runs = 0;
    for (; runs < LEAST_RUNS || time(NULL) < end; runs++) {
        read_input(&input, argv[2 + random_below((size_t)argc - 2)]);
        read_input(&other, argv[2 + random_below((size_t)argc - 2)]);
        for (size_t mutations = random_below(12); mutations > 0; mutations--)
            mutate_once(&input, &other);
        if (!run_one(&input)) {
            keep(&input);
            return 1;
        }
    }
    printf("%d mutated files parsed or refused\n", runs);
    return 0;
}
