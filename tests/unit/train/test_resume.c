/* A run that was stopped or killed anywhere ends with the same bits as one that was not. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "runtime/base/base.h"
#include "runtime/weights/safetensors.h"
#include "toy_data.h"

enum { STEPS = 24, KILLS = 20 };

typedef struct Fixture {
    char *folder, *data, *whole; /* whole: the run that nobody stopped */
} Fixture;

static ToyRun train(const Fixture *fixture, const char *out, const char *environment, const char *more)
{
    const char *arguments[] = {"train",        "--data", fixture->data, "--out", out,
                               "--save-every", "0",      "--resume",    more,    NULL};
    return toy_run(fixture->folder, environment, arguments);
}

static int set_up(void **state)
{
    Fixture *fixture = hp_alloc(1, sizeof *fixture);
    fixture->folder = toy_folder();
    fixture->data = toy_path(fixture->folder, "data");
    fixture->whole = toy_path(fixture->folder, "whole");
    toy_write_data(fixture->folder, false);
    ToyRun run = train(fixture, fixture->whole, NULL, NULL);
    if (run.status != 0)
        print_error("%s\n%s\n", run.output, run.errors);
    assert_int_equal(run.status, 0);
    toy_run_free(&run);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *fixture = *state;
    free(fixture->data);
    free(fixture->whole);
    toy_remove(fixture->folder);
    free(fixture);
    return 0;
}

static void assert_same_file(const char *a, const char *b, const char *name)
{
    char *left_path = toy_path(a, name), *right_path = toy_path(b, name);
    size_t left_length, right_length;
    char *left = hp_read_file(left_path, &left_length), *right = hp_read_file(right_path, &right_length);
    assert_int_equal(left_length, right_length);
    assert_memory_equal(left, right, left_length);
    free(left);
    free(right);
    free(left_path);
    free(right_path);
}

static HpTensorFile *open_tensors(const char *folder, const char *name)
{
    char *path = toy_path(folder, name), *why;
    HpTensorFile *file = hp_tensors_open(path, &why);
    if (!file)
        fail_msg("%s: %s", path, why);
    free(path);
    return file;
}

/* All tensors but the history of epochs, which holds seconds. */
static void assert_same_tensors(const char *a, const char *b, const char *name)
{
    HpTensorFile *left = open_tensors(a, name), *right = open_tensors(b, name);
    assert_int_equal(hp_tensors_count(left), hp_tensors_count(right));
    assert_true(hp_tensors_count(left) >= 8);
    for (int64_t i = 0; i < hp_tensors_count(left); i++) {
        const HpTensor *tensor = hp_tensors_at(left, i), *other = hp_tensors_find(right, tensor->name);
        assert_non_null(other);
        assert_int_equal(tensor->end - tensor->begin, other->end - other->begin);
        if (strcmp(tensor->name, "history:epochs") == 0)
            continue;
        char *x = hp_alloc(tensor->end - tensor->begin, 1), *y = hp_alloc(tensor->end - tensor->begin, 1);
        assert_true(hp_tensors_read(left, tensor, x) && hp_tensors_read(right, other, y));
        assert_memory_equal(x, y, tensor->end - tensor->begin);
        free(x);
        free(y);
    }
    hp_tensors_close(left);
    hp_tensors_close(right);
}

static int count_of(const char *text, const char *word)
{
    int count = 0;
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
        count++;
    return count;
}

/* Every step and every epoch stands once in the log. */
static void assert_whole_log(const char *out)
{
    char *path = toy_path(out, "log.jsonl"), *text = hp_read_file(path, NULL);
    assert_int_equal(count_of(text, "\"kind\":\"step\""), STEPS);
    assert_int_equal(count_of(text, "\"kind\":\"epoch\""), 7);
    free(text);
    free(path);
}

static void assert_same_run(const Fixture *fixture, const char *out)
{
    assert_same_file(fixture->whole, out, "best.safetensors");
    assert_same_file(fixture->whole, out, "split.csv");
    assert_same_tensors(fixture->whole, out, "last.safetensors");
    assert_whole_log(out);
}

static void test_stopped_after_every_step(void **state)
{
    Fixture *fixture = *state;
    for (int step = 1; step <= STEPS; step++) {
        char *out = hp_format("%s/stop%d", fixture->folder, step);
        char *environment = hp_format("TOY_SIGNAL=%d:%d", step, step % 2 ? SIGTERM : SIGINT);
        ToyRun run = train(fixture, out, environment, NULL);
        assert_int_equal(run.status, step % 2 ? 143 : 130);
        assert_non_null(strstr(run.output, "--resume"));
        toy_run_free(&run);
        run = train(fixture, out, NULL, NULL);
        assert_int_equal(run.status, 0);
        toy_run_free(&run);
        assert_same_run(fixture, out);
        free(out);
        free(environment);
    }
}

/* Kills at random moments, many of them inside a save, until a run gets through. */
static void test_killed_at_random(void **state)
{
    Fixture *fixture = *state;
    int kills = 0;
    for (int round = 0; kills < KILLS; round++) {
        char *out = hp_format("%s/kill%d", fixture->folder, round);
        const char *arguments[] = {"train",        "--data", fixture->data, "--out", out,
                                   "--save-every", "0",      "--resume",    NULL};
        ToyRun run;
        for (int life = 0;; life++) {
            pid_t child = toy_start(fixture->folder, "TOY_SLEEP=1000", arguments);
            usleep((useconds_t)(20000 + 120000 * hp_uniform(5, (uint64_t)round, (uint64_t)life)));
            kill(child, SIGKILL); /* a child that has ended does not mind */
            run = toy_wait(fixture->folder, child);
            if (run.status != 128 + SIGKILL)
                break;
            kills++;
            toy_run_free(&run);
        }
        assert_int_equal(run.status, 0);
        toy_run_free(&run);
        assert_same_run(fixture, out);
        free(out);
    }
    print_message("%d kills\n", kills);
}

static void test_resume_of_a_complete_run_changes_nothing(void **state)
{
    Fixture *fixture = *state;
    char *path = toy_path(fixture->whole, "last.safetensors");
    size_t before_length, after_length;
    char *before = hp_read_file(path, &before_length);
    ToyRun run = train(fixture, fixture->whole, NULL, NULL);
    assert_int_equal(run.status, 0);
    char *after = hp_read_file(path, &after_length);
    assert_int_equal(before_length, after_length);
    assert_memory_equal(before, after, before_length);
    toy_run_free(&run);
    free(before);
    free(after);
    free(path);
}

static void test_another_seed_is_another_run(void **state)
{
    Fixture *fixture = *state;
    char *out = toy_path(fixture->folder, "seed");
    ToyRun run = train(fixture, out, NULL, "--seed=2");
    assert_int_equal(run.status, 0);
    toy_run_free(&run);
    HpTensorFile *left = open_tensors(fixture->whole, "best.safetensors"),
                 *right = open_tensors(out, "best.safetensors");
    float x[24], y[24];
    assert_true(hp_tensors_read_floats(left, hp_tensors_find(left, "head.weight"), x));
    assert_true(hp_tensors_read_floats(right, hp_tensors_find(right, "head.weight"), y));
    assert_memory_not_equal(x, y, sizeof x);
    hp_tensors_close(left);
    hp_tensors_close(right);
    run = train(fixture, out, NULL, "--seed=3");
    assert_int_equal(run.status, 1);
    assert_non_null(strstr(run.errors, "its seed is 2"));
    toy_run_free(&run);
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stopped_after_every_step),
        cmocka_unit_test(test_killed_at_random),
        cmocka_unit_test(test_resume_of_a_complete_run_changes_nothing),
        cmocka_unit_test(test_another_seed_is_another_run),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
