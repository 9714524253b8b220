/* runtime/base: Philox against Random123's known answers, files, memory, messages. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/base/base.h"
#include "runtime/hpart.h"

static char folder[64];

static int enter_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/hpanet-base-XXXXXX");
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave_folder(void **state)
{
    (void)state;
    char *command = hp_format("rm -rf '%s'", folder);
    int status = chdir("/") + system(command);
    free(command);
    return status;
}

/* Runs `run` in a child and returns what it wrote to standard error; `status` gets waitpid's. */
static char *in_child(void (*run)(void), int *status)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        run();
        _exit(0);
    }
    close(ends[1]);
    char *text = hp_alloc(4096, 1);
    size_t used = 0;
    for (ssize_t got; used < 4095 && (got = read(ends[0], text + used, 4095 - used)) > 0;)
        used += (size_t)got;
    close(ends[0]);
    assert_int_equal(waitpid(child, status, 0), child);
    return text;
}

static void assert_fails(void (*run)(void), const char *message)
{
    int status;
    char *text = in_child(run, &status);
    assert_string_equal(text, message);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    free(text);
}

/* kat_vectors of Random123 1.09, philox4x32 with 10 rounds. */
static void test_philox_known_answers(void **state)
{
    (void)state;
    static const struct {
        uint64_t key, low, high;
        uint32_t words[4];
    } vectors[] = {{0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
                   {UINT64_MAX, UINT64_MAX, UINT64_MAX, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
                   {0x299f31d0a4093822,
                    0x85a308d3243f6a88,
                    0x0370734413198a2e,
                    {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        uint32_t words[4];
        hp_philox(vectors[i].key, vectors[i].low, vectors[i].high, words);
        assert_memory_equal(words, vectors[i].words, sizeof words);
    }
}

static void test_uniform_is_uniform(void **state)
{
    (void)state;
    enum { DRAWS = 100000, BINS = 10 };
    int bins[2][BINS] = {{0}};
    for (uint32_t i = 0; i < DRAWS; i++) {
        double a = hp_uniform(7, i, 0);
        float b = hp_random_uniform(7, 3, 11, i);
        assert_true(a >= 0 && a < 1 && b >= 0 && b < 1);
        bins[0][(int)(a * BINS)]++;
        bins[1][(int)(b * BINS)]++;
    }
    for (int k = 0; k < 2 * BINS; k++) /* five deviations */
        assert_in_range(bins[k / BINS][k % BINS], DRAWS / BINS - 475, DRAWS / BINS + 475);
}

/* Every part of the key and counter matters. */
static void test_random_depends_on_everything(void **state)
{
    (void)state;
    float base = hp_random_uniform(1, 2, 3, 4);
    assert_true(base == hp_random_uniform(1, 2, 3, 4));
    assert_true(base != hp_random_uniform(2, 2, 3, 4));
    assert_true(base != hp_random_uniform(1 + (UINT64_C(1) << 32), 2, 3, 4));
    assert_true(base != hp_random_uniform(1, 3, 3, 4));
    assert_true(base != hp_random_uniform(1, 2, 4, 4));
    assert_true(base != hp_random_uniform(1, 2, 3 + (INT64_C(1) << 32), 4));
    assert_true(base != hp_random_uniform(1, 2, 3, 5));
    assert_true(base != hp_random_uniform(1, 4, 3, 2));
}

static void test_shuffle(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    int64_t a[COUNT], b[COUNT], c[COUNT];
    int seen[COUNT] = {0}, fixed = 0, same = 0;
    for (int i = 0; i < COUNT; i++)
        a[i] = b[i] = c[i] = i;
    hp_shuffle(a, COUNT, 5);
    hp_shuffle(b, COUNT, 5);
    hp_shuffle(c, COUNT, 6);
    assert_memory_equal(a, b, sizeof a);
    for (int i = 0; i < COUNT; i++) {
        seen[a[i]]++;
        fixed += a[i] == i;
        same += a[i] == c[i];
    }
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(seen[i], 1);
    assert_true(fixed < 12 && same < 12); /* one is expected of each */
    hp_shuffle(a, 0, 1);
    hp_shuffle(a, 1, 1);
}

static void ask_too_much(void)
{
    hp_realloc(NULL, SIZE_MAX / 2, 3);
}

static void read_folder_as_file(void)
{
    hp_read_file(".", NULL);
}

static void read_missing(void)
{
    hp_read_file("none", NULL);
}

static void make_folder_over_file(void)
{
    hp_make_folder("file/below");
}

static void find_bug(void)
{
    hp_bug("rank %d", 7);
}

static void test_messages(void **state)
{
    (void)state;
    int status;
    assert_true(hp_write_file("file", "x", 1));
    hp_set_program("/usr/bin/tool");
    assert_fails(ask_too_much, "tool: out of memory: 9223372036854775807 times 3 bytes were asked for\n");
    assert_fails(read_folder_as_file, "tool: cannot read '.': it is a folder, and a file was expected\n");
    assert_fails(read_missing, "tool: cannot read 'none': No such file or directory\n");
    assert_fails(make_folder_over_file, "tool: cannot make the folder 'file/below': Not a directory\n");
    char *text = in_child(find_bug, &status);
    assert_non_null(strstr(text, "internal error"));
    assert_non_null(strstr(text, "rank 7"));
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    free(text);
}

static void test_files(void **state)
{
    (void)state;
    size_t length;
    assert_true(hp_write_file("a.txt", "first", 5));
    assert_true(hp_write_file("a.txt", "second\0half", 11));
    char *text = hp_read_file("a.txt", &length);
    assert_int_equal(length, 11);
    assert_memory_equal(text, "second\0half", 12); /* and a NUL behind it */
    free(text);
    assert_false(hp_write_file("none/a.txt", "x", 1));
    assert_int_equal(errno, ENOENT);
    assert_false(hp_write_file("/dev/full", "x", 1));
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(access("/dev/full", F_OK), 0);
    hp_make_folder("b/c//d/");
    hp_make_folder("b/c");
    assert_true(hp_write_file("b/c/d/e", "", 0));
    text = hp_read_file("b/c/d/e", &length);
    assert_int_equal(length, 0);
    free(text);
}

/* The file as it was must still be there when a write fails half way, and nothing else. */
static void write_beyond_limit(void)
{
    struct rlimit limit = {1000, 1000};
    char *data = hp_alloc(5000, 1);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    bool done = hp_write_file("kept", data, 5000);
    free(data);
    fputs(done ? "written" : strerror(errno), stderr);
}

static void test_failing_write_keeps_file(void **state)
{
    (void)state;
    int status;
    size_t length;
    assert_true(hp_write_file("kept", "precious", 8));
    char *said = in_child(write_beyond_limit, &status);
    assert_string_equal(said, "File too large");
    free(said);
    char *text = hp_read_file("kept", &length);
    assert_string_equal(text, "precious");
    free(text);
    assert_int_equal(system("test $(ls kept* | wc -l) = 1"), 0);
}

/* ---- errors that are caught ---- */

static void fail_inside(void *user)
{
    *(int *)user += 1;
    hp_warn("not heard");
    hp_fail("no %s of %d", "number", *(int *)user);
}

static void fail_after_an_inner_catch(void *user)
{
    char error[8];
    assert_false(hp_catch(fail_inside, user, error, sizeof error));
    assert_string_equal(error, "no numb");
    hp_fail_with(hp_format("outer of %d", *(int *)user));
}

static void do_nothing(void *user)
{
    (void)user;
}

static void catch_silently(void)
{
    int calls = 0;
    hp_catch(fail_inside, &calls, NULL, 0);
    if (calls == 1)
        hp_fail("still a failure outside");
}

static void test_catch(void **state)
{
    (void)state;
    char error[64] = "as before";
    int calls = 4;
    assert_true(hp_catch(do_nothing, NULL, error, sizeof error));
    assert_string_equal(error, "as before");
    assert_false(hp_catch(fail_after_an_inner_catch, &calls, error, sizeof error));
    assert_string_equal(error, "outer of 5");
    assert_fails(catch_silently, "tool: still a failure outside\n");
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const names[] = {"Nucleoplasm", "Nucleoli", "Cytosol"};
    assert_string_equal(hp_nearest("nucleoplsm", names, 3), "Nucleoplasm");
    assert_string_equal(hp_nearest("Cytosl", names, 3), "Cytosol");
    assert_null(hp_nearest("Golgi", names, 3));
    assert_null(hp_nearest("", names, 3));
    assert_null(hp_nearest("x", names, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_philox_known_answers),
                                       cmocka_unit_test(test_uniform_is_uniform),
                                       cmocka_unit_test(test_random_depends_on_everything),
                                       cmocka_unit_test(test_shuffle),
                                       cmocka_unit_test(test_messages),
                                       cmocka_unit_test(test_catch),
                                       cmocka_unit_test(test_files),
                                       cmocka_unit_test(test_failing_write_keeps_file),
                                       cmocka_unit_test(test_nearest)};
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
