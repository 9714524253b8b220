/* The commands of a generated program: outputs, and what it says when something is wrong. */
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "runtime/base/base.h"
#include "runtime/train/train.h"
#include "runtime/weights/safetensors.h"
#include "toy_data.h"
#include "toy_model.h"

typedef struct Fixture {
    char *folder, *data, *test, *out, *best;
} Fixture;

static Fixture fixture;

#define RUN(environment, ...) toy_run(fixture.folder, environment, (const char *const[]){__VA_ARGS__, NULL})

static int set_up(void **state)
{
    (void)state;
    fixture.folder = toy_folder();
    fixture.data = toy_path(fixture.folder, "data");
    fixture.test = hp_format("%s:test", fixture.data);
    fixture.out = toy_path(fixture.folder, "run");
    fixture.best = toy_path(fixture.out, "best.safetensors");
    toy_write_data(fixture.folder, false);
    ToyRun run = RUN(NULL, "train", "--data", fixture.data, "--out", fixture.out);
    assert_int_equal(run.status, 0);
    assert_non_null(strstr(run.output, "best.safetensors"));
    assert_non_null(strstr(run.output, "report.html"));
    toy_run_free(&run);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    toy_remove(fixture.folder);
    free(fixture.data);
    free(fixture.test);
    free(fixture.out);
    free(fixture.best);
    return 0;
}

/* Runs, and wants this status and these words on stderr. */
static void expect(ToyRun run, int status, const char *words)
{
    if (run.status != status || !strstr(run.errors, words))
        fail_msg("status %d, not %d, or \"%s\" is not in:\n%s", run.status, status, words, run.errors);
    toy_run_free(&run);
}

static char *read_output(const char *name)
{
    char *path = toy_path(fixture.folder, name), *text = hp_read_file(path, NULL);
    free(path);
    return text;
}

/* ---------------------------------------------------------------- outputs */

static void test_run_folder(void **state)
{
    (void)state;
    static const char *const files[] = {"recipe.hpanet",    "split.csv",        "log.jsonl",   "report.html",
                                        "best.safetensors", "last.safetensors", "choices.json"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = toy_path(fixture.out, files[i]);
        assert_int_equal(access(path, F_OK), 0);
        free(path);
    }
    char *csv = read_output("run/split.csv");
    int lines = 0;
    for (const char *at = csv; *at; at++)
        lines += *at == '\n';
    assert_int_equal(lines, TOY_IMAGES + 1);
    free(csv);
}

/* Ids in the order file's order; each label's probability is above 0.5, or it is the only one and the
 * largest. */
static void test_submission(void **state)
{
    (void)state;
    char *csv_path = toy_path(fixture.folder, "s.csv"), *p_path = toy_path(fixture.folder, "p.csv");
    ToyRun run = RUN(NULL, "predict", "--data", fixture.test, "--weights", fixture.best, "-o", csv_path,
                     "--probabilities", p_path);
    assert_int_equal(run.status, 0);
    toy_run_free(&run);
    HpCsv *csv = hp_csv_read(csv_path), *p = hp_csv_read(p_path);
    char *order_path = toy_path(fixture.data, "order.csv");
    HpCsv *order = hp_csv_read(order_path);
    assert_string_equal(hp_csv_heading(csv, 0), "Id");
    assert_string_equal(hp_csv_heading(csv, 1), "Predicted");
    assert_int_equal(hp_csv_rows(csv), TOY_TEST_IMAGES);
    for (int64_t row = 0; row < TOY_TEST_IMAGES; row++) {
        assert_string_equal(hp_csv_cell(csv, row, 0), hp_csv_cell(order, row, 0));
        double value[TOY_CLASSES];
        char expected[16] = "";
        int best = 0;
        for (int c = 0; c < TOY_CLASSES; c++) {
            value[c] = strtod(hp_csv_cell(p, row, c + 1), NULL);
            best = value[c] > value[best] ? c : best;
            if (value[c] > 0.5)
                sprintf(expected + strlen(expected), "%s%d", *expected ? " " : "", c);
        }
        if (!*expected)
            sprintf(expected, "%d", best);
        assert_string_equal(hp_csv_cell(csv, row, 1), expected);
    }
    hp_csv_free(csv);
    hp_csv_free(p);
    hp_csv_free(order);
    free(csv_path);
    free(p_path);
    free(order_path);
}

static void test_names_in_the_submission(void **state)
{
    (void)state;
    char *path = toy_path(fixture.folder, "names.csv");
    ToyRun run =
        RUN(NULL, "predict", "--data", fixture.test, "--weights", fixture.best, "--names", "-o", path);
    assert_int_equal(run.status, 0);
    toy_run_free(&run);
    char *text = hp_read_file(path, NULL);
    assert_non_null(
        strstr(text, "Left;Right")); /* a class name has a space, so labels do not stand between spaces */
    free(text);
    free(path);
}

/* `evaluate` against the probabilities of `predict` and the labels, scored by the oracle-tested metrics:
 * padding of the last batch (45 images, 6 at a time) must not show, nor the order. */
static void test_evaluate_agrees_with_predict(void **state)
{
    (void)state;
    char *part = hp_format("%s:train", fixture.data), *s_path = toy_path(fixture.folder, "train_s.csv");
    char *p_path = toy_path(fixture.folder, "train_p.csv");
    ToyRun run = RUN(NULL, "predict", "--data", part, "--weights", fixture.best, "-o", s_path,
                     "--probabilities", p_path);
    assert_int_equal(run.status, 0);
    toy_run_free(&run);
    HpData *data = hp_data_open(part, toy_model.dataset, TOY_SIZE);
    HpCsv *csv = hp_csv_read(p_path);
    float p[TOY_IMAGES * TOY_CLASSES];
    uint8_t y[TOY_IMAGES * TOY_CLASSES];
    double loss = 0;
    assert_int_equal(hp_csv_rows(csv), TOY_IMAGES);
    for (int64_t i = 0; i < TOY_IMAGES; i++)
        for (int c = 0; c < TOY_CLASSES; c++) {
            assert_string_equal(hp_csv_cell(csv, i, 0), hp_data_id(data, i));
            float value = strtof(hp_csv_cell(csv, i, c + 1), NULL);
            p[i * TOY_CLASSES + c] = value;
            y[i * TOY_CLASSES + c] = hp_data_labels(data, i)[c];
            loss -= log(y[i * TOY_CLASSES + c] ? value : 1 - value) / (TOY_IMAGES * TOY_CLASSES);
        }
    HpScores scores = hp_scores_measure(TOY_CLASSES, false, TOY_IMAGES, p, y, loss);
    run = RUN(NULL, "evaluate", "--data", part, "--weights", fixture.best, "--json");
    assert_int_equal(run.status, 0);
    json_t *object = json_loads(run.output, 0, NULL);
    static const char *const metrics[] = {"macro_ap", "macro_f1", "sample_f1", "micro_f1", "accuracy"};
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        assert_float_equal(json_number_value(json_object_get(object, metrics[i])),
                           hp_scores_metric(&scores, metrics[i]), 1e-7);
    assert_float_equal(json_number_value(json_object_get(object, "loss")), loss, 1e-5);
    json_decref(object);
    toy_run_free(&run);
    hp_scores_free(&scores);
    hp_csv_free(csv);
    hp_data_close(data);
    free(part);
    free(s_path);
    free(p_path);
}

static void test_smoke(void **state)
{
    (void)state;
    char *out = toy_path(fixture.folder, "smoke");
    ToyRun run = RUN(NULL, "train", "--data", fixture.data, "--out", out, "--smoke");
    assert_int_equal(run.status, 0);
    toy_run_free(&run);
    char *log = read_output("smoke/log.jsonl");
    assert_non_null(strstr(log, "\"step\":20,"));
    assert_null(strstr(log, "\"step\":21,"));
    assert_non_null(strstr(log, "\"stage\":\"last\""));
    free(log);
    free(out);
}

static void test_help_and_info(void **state)
{
    (void)state;
    static const char *const commands[] = {"train", "evaluate", "predict", "info", "bench"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        ToyRun run = RUN(NULL, commands[i], "--help");
        assert_int_equal(run.status, 0);
        assert_non_null(strstr(run.output, "--set"));
        assert_non_null(strstr(run.output, commands[i]));
        toy_run_free(&run);
    }
    ToyRun run = RUN(NULL, "info", "--set", "stage.all.lr=0.125");
    assert_int_equal(run.status, 0);
    assert_non_null(strstr(run.output, "0.125"));
    assert_non_null(strstr(run.output, "optimizer.momentum"));
    assert_non_null(strstr(run.output, "head.weight"));
    assert_null(strstr(run.output, "step.bottom")); /* not for people */
    toy_run_free(&run);
}

/* The CPU has no ceilings that it knows of. */
static void test_bench(void **state)
{
    (void)state;
    ToyRun run = RUN(NULL, "bench", "--only", "predict", "--steps", "1");
    assert_int_equal(run.status, 0);
    assert_non_null(strstr(run.output, "; back to back "));
    assert_non_null(strstr(run.output, " in 2 steps, "));
    assert_non_null(strstr(run.output, " GFLOP/s  head: linear\n"));
    assert_non_null(strstr(run.output, "  image: samples\n"));
    assert_null(strstr(run.output, "roofline"));
    toy_run_free(&run);
    run = RUN(NULL, "bench", "--only", "predict", "--json");
    json_t *object = json_loads(run.output, 0, NULL);
    json_t *job = json_object_get(object, "prediction");
    json_t *function = json_array_get(json_object_get(job, "functions"), 0);
    assert_int_equal(json_array_size(json_object_get(function, "steps")), 2);
    assert_true(json_number_value(json_object_get(job, "images_per_second_back_to_back")) > 0);
    assert_true(json_number_value(json_object_get(object, "peak_megabytes")) > 1);
    assert_null(json_object_get(object, "device"));
    assert_null(json_object_get(object, "training"));
    json_decref(object);
    toy_run_free(&run);
}

/* The classes differ by where a picture is bright; labels that went to other images would not be learned. */
static void test_it_learns(void **state)
{
    (void)state;
    ToyRun run = RUN(NULL, "evaluate", "--data", fixture.data, "--weights", fixture.best, "--json");
    json_t *object = json_loads(run.output, 0, NULL);
    assert_true(json_number_value(json_object_get(object, "macro_ap")) > 0.95);
    assert_true(json_number_value(json_object_get(object, "macro_f1")) > 0.9);
    json_decref(object);
    toy_run_free(&run);
}

static void test_one_of(void **state)
{
    (void)state;
    char *folder = toy_path(fixture.folder, "single"), *out = toy_path(folder, "run");
    hp_make_folder(folder);
    toy_write_data(folder, true);
    char *data = toy_path(folder, "data"), *last = toy_path(out, "last.safetensors"), *why;
    char *best = toy_path(out, "best.safetensors"), *csv = toy_path(folder, "s.csv");
    ToyRun run = RUN("TOY_ONE_OF=1", "train", "--data", data, "--out", out);
    assert_int_equal(run.status, 0);
    assert_non_null(strstr(run.output, "accuracy"));
    toy_run_free(&run);
    HpTensorFile *file = hp_tensors_open(last, &why);
    const HpTensor *tensor = hp_tensors_find(file, "history:confusion");
    int64_t confusion[9], sum = 0;
    assert_true(hp_tensors_read(file, tensor, confusion));
    for (int i = 0; i < 9; i++)
        sum += confusion[i];
    assert_int_equal(sum, 9); /* the validation part */
    hp_tensors_close(file);
    run = RUN("TOY_ONE_OF=1", "train", "--data", data, "--out", out, "--resume");
    assert_int_equal(run.status, 0);
    toy_run_free(&run);
    run = RUN("TOY_ONE_OF=1", "evaluate", "--data", data, "--weights", best);
    assert_non_null(strstr(run.output, "confusion"));
    toy_run_free(&run);
    expect(RUN("TOY_ONE_OF=1", "predict", "--data", data, "--weights", best, "-o", csv), 1,
           "has several parts");
    char *part = hp_format("%s:test", data);
    expect(RUN(NULL, "predict", "--data", part, "--weights", best, "-o", csv), 1, "\"one of\"");
    run = RUN("TOY_ONE_OF=1", "predict", "--data", part, "--weights", best, "-o", csv);
    assert_int_equal(run.status, 0);
    char *text = hp_read_file(csv, NULL);
    assert_null(strchr(text, ' ')); /* never two labels */
    toy_run_free(&run);
    free(text);
    free(part);
    free(csv);
    free(best);
    free(last);
    free(data);
    free(out);
    free(folder);
}

/* ---------------------------------------------------------------- stages */

static HpTensorFile *open_last(const char *out)
{
    char *path = toy_path(out, "last.safetensors"), *why;
    HpTensorFile *file = hp_tensors_open(path, &why);
    assert_non_null(file);
    free(path);
    return file;
}

static void read_tensor(const HpTensorFile *file, const char *name, float *out)
{
    assert_true(hp_tensors_read_floats(file, hp_tensors_find(file, name), out));
}

/* Counts of updates begin anew with a stage, go on where it keeps its state, and leave frozen groups alone.
 */
static void test_group_steps(void **state)
{
    (void)state;
    static const struct {
        int step;
        const char *counts;
    } cases[] = {{1, "[0,1]"}, {6, "[0,6]"}, {7, "[1,1]"}, {18, "[12,12]"}, {19, "[13,13]"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *out = hp_format("%s/steps%d", fixture.folder, cases[i].step);
        char *environment = hp_format("TOY_SIGNAL=%d:15", cases[i].step);
        ToyRun run = RUN(environment, "train", "--data", fixture.data, "--out", out);
        assert_int_equal(run.status, 143);
        toy_run_free(&run);
        HpTensorFile *file = open_last(out);
        char *words = hp_format("\"group_steps\":%s", cases[i].counts);
        assert_non_null(strstr(hp_tensors_metadata(file, "hpanet.position"), words));
        if (cases[i].step <= 6) { /* the first stage trains the other group alone */
            float weight[24], m[24];
            read_tensor(file, "m:head.weight", m);
            read_tensor(file, "head.weight", weight);
            for (int k = 0; k < 24; k++)
                assert_true(m[k] == 0 && weight[k] != 0);
        }
        hp_tensors_close(file);
        free(words);
        free(environment);
        free(out);
    }
}

/* The scale is halved until gradients are finite; the updates that were none are not counted, and a run that
 * goes on has the scale it had. */
static void test_loss_scale(void **state)
{
    (void)state;
    char *out = hp_format("%s/scale", fixture.folder);
    setenv("TOY_SCALE", "8192", 1);
    ToyRun run = RUN("TOY_SIGNAL=5:15", "train", "--data", fixture.data, "--out", out);
    assert_int_equal(run.status, 143);
    toy_run_free(&run);
    HpTensorFile *file = open_last(out);
    const char *position = hp_tensors_metadata(file, "hpanet.position");
    assert_non_null(strstr(position, "\"group_steps\":[0,2]"));
    assert_non_null(strstr(position, "\"loss_scale\":8192.0,\"good_steps\":2"));
    hp_tensors_close(file);
    run = RUN("TOY_SIGNAL=1:15", "train", "--data", fixture.data, "--out", out, "--resume");
    assert_int_equal(run.status, 143);
    toy_run_free(&run);
    file = open_last(out);
    position = hp_tensors_metadata(file, "hpanet.position");
    assert_non_null(strstr(position, "\"group_steps\":[0,3]"));
    assert_non_null(strstr(position, "\"loss_scale\":8192.0,\"good_steps\":3"));
    hp_tensors_close(file);
    free(out);
    setenv("TOY_SCALE", "0", 1);
    out = hp_format("%s/never", fixture.folder);
    run = RUN("", "train", "--data", fixture.data, "--out", out, "--set", "loss_scale=0.0001");
    assert_int_equal(run.status, 1);
    assert_non_null(strstr(run.errors, "a gradient is not a finite number at step 3"));
    toy_run_free(&run);
    free(out);
    out = hp_format("%s/zero", fixture.folder);
    run = RUN("", "train", "--data", fixture.data, "--out", out, "--set", "loss_scale=0");
    assert_int_equal(run.status, 1);
    assert_non_null(strstr(run.errors, "loss_scale is 0; it may be from"));
    toy_run_free(&run);
    unsetenv("TOY_SCALE");
    free(out);
}

/* The schedule's rate at update t of T, and constant rates elsewhere, as the log has them. */
static void test_rates(void **state)
{
    (void)state;
    char *log = read_output("run/log.jsonl");
    int steps = 0;
    for (char *line = strtok(log, "\n"); line; line = strtok(NULL, "\n")) {
        json_t *object = json_loads(line, 0, NULL);
        if (strcmp(json_string_value(json_object_get(object, "kind")), "step") == 0) {
            int step = (int)json_integer_value(json_object_get(object, "step"));
            double wanted = step <= 6 ? 0.5 : step <= 18 ? 1 - (step - 7) / 12.0 : 0.1;
            assert_float_equal(json_number_value(json_object_get(object, "lr")), wanted, 1e-6);
            assert_int_equal(step, ++steps);
        }
        json_decref(object);
    }
    assert_int_equal(steps, 24);
    free(log);
}

/* With a rate of 0 the last stage, which begins from the best weights, ends with them. */
static void test_from_best(void **state)
{
    (void)state;
    char *a = toy_path(fixture.folder, "without"), *b = toy_path(fixture.folder, "standing");
    char *best_path = toy_path(a, "best.safetensors"), *why;
    ToyRun run = RUN(NULL, "train", "--data", fixture.data, "--out", a, "--set", "stage.last.epochs=0");
    assert_int_equal(run.status, 0);
    toy_run_free(&run);
    run = RUN(NULL, "train", "--data", fixture.data, "--out", b, "--set", "stage.last.lr=0");
    assert_int_equal(run.status, 0);
    toy_run_free(&run);
    HpTensorFile *best = hp_tensors_open(best_path, &why), *last = open_last(a), *standing = open_last(b);
    float wanted[24], before[24], found[24];
    read_tensor(best, "head.weight", wanted);
    read_tensor(last, "head.weight", before);
    read_tensor(standing, "head.weight", found);
    assert_memory_not_equal(wanted, before, sizeof wanted); /* the best was not the last */
    assert_memory_equal(wanted, found, sizeof wanted);
    hp_tensors_close(best);
    hp_tensors_close(last);
    hp_tensors_close(standing);
    free(best_path);
    free(a);
    free(b);
}

/* ---------------------------------------------------------------- mistakes */

static void test_command_line_mistakes(void **state)
{
    (void)state;
    expect(RUN(NULL, "trian"), 2, "did you mean `train`?");
    expect(RUN(NULL, "train", "--dta", "x"), 2, "did you mean --data?");
    expect(RUN(NULL, "evaluate", "--smoke"), 2, "--smoke is not an option of `evaluate`");
    expect(RUN(NULL, "train", "--seed", "-1"), 2, "--seed wants a whole number from 0");
    expect(RUN(NULL, "train", "--out"), 2, "--out needs a value");
    expect(RUN(NULL, "train", "hpa.pack"), 2, "\"hpa.pack\" is not an option");
    expect(RUN(NULL, "train", "--set", "stage.al.lr=1"), 2, "did you mean \"stage.all.lr\"?");
    expect(RUN(NULL, "train", "--set", "momentum=1"), 2, "did you mean \"optimizer.momentum\"?");
    expect(RUN(NULL, "train", "--set", "stage.all.lr=fast"), 2, "\"fast\" is not a number");
    expect(RUN(NULL, "train", "--set", "lr.top=1"), 2, "no number \"lr.top\"");
    expect(RUN(NULL, "train", "--data", fixture.data), 1, "--out is missing");
    expect(RUN(NULL, "predict", "--data", fixture.test), 1, "-o is missing");
    expect(RUN(NULL, "evaluate", "--data", fixture.data), 1, "--weights is missing");
    expect(RUN(NULL, "train", "--data", fixture.data, "--out", "/dev/null/x"), 1, "/dev/null");
    expect(RUN(NULL, "train", "--data", fixture.data, "--out", "/proc/hpanet"), 1, "/proc/hpanet");
}

static void test_existing_run_is_kept(void **state)
{
    (void)state;
    char *before = read_output("run/log.jsonl");
    expect(RUN(NULL, "train", "--data", fixture.data, "--out", fixture.out), 1,
           "holds a run already; --resume");
    char *after = read_output("run/log.jsonl");
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void test_resume_of_something_else(void **state)
{
    (void)state;
    char *other = toy_path(fixture.folder, "other");
    hp_make_folder(other);
    toy_write_data(other, false);
    char *data = toy_path(other, "data"), *table = toy_path(data, "train.csv");
    char *text = hp_read_file(table, NULL);
    char *label = strstr(text, ",1 0\n");
    assert_non_null(label);
    memcpy(label, ",0 1\n", 5); /* the same labels in another order: the same data */
    assert_true(hp_write_file(table, text, strlen(text)));
    ToyRun run = RUN(NULL, "train", "--data", data, "--out", fixture.out, "--resume");
    assert_int_equal(run.status, 0);
    toy_run_free(&run);
    memcpy(label, ",2 1\n", 5);
    assert_true(hp_write_file(table, text, strlen(text)));
    expect(RUN(NULL, "train", "--data", data, "--out", fixture.out, "--resume"), 1,
           "not those the run began with");
    expect(RUN(NULL, "train", "--data", fixture.data, "--out", fixture.out, "--resume", "--smoke"), 1,
           "leave --smoke out");
    free(text);
    free(table);
    free(data);
    free(other);
}

static void test_not_a_number(void **state)
{
    (void)state;
    char *out = toy_path(fixture.folder, "nan");
    expect(RUN("TOY_NAN=2", "train", "--data", fixture.data, "--out", out), 1, "nothing was saved yet");
    ToyRun run = RUN("TOY_NAN=9", "train", "--data", fixture.data, "--out", out, "--resume");
    assert_int_equal(run.status, 1);
    assert_non_null(strstr(run.errors, "the loss is not a finite number at step 9 (stage all, epoch 1)"));
    assert_non_null(strstr(run.errors, "--resume --set stage.all.lr=0.1\n"));
    assert_non_null(strstr(run.errors, "last.safetensors of step 6 is kept"));
    toy_run_free(&run);
    run = RUN(NULL, "train", "--data", fixture.data, "--out", out, "--resume", "--set", "stage.all.lr=0.1");
    assert_int_equal(run.status, 0);
    toy_run_free(&run);
    char *last = toy_path(out, "last.safetensors"), *why;
    HpTensorFile *file = hp_tensors_open(last, &why);
    assert_non_null(strstr(hp_tensors_metadata(file, "hpanet.scalars"), "\"stage.all.lr\":0.1"));
    hp_tensors_close(file);
    free(last);
    free(out);
}

static void test_weights_of_other_networks(void **state)
{
    (void)state;
    char *path = toy_path(fixture.folder, "other.safetensors");
    float zeros[64] = {0};
    FILE *file = fopen(path, "wb");
    const char *header = "{\"head.weight\":{\"dtype\":\"F32\",\"shape\":[3,9],\"data_offsets\":[0,108]}}";
    uint64_t length = strlen(header);
    fwrite(&length, 8, 1, file);
    fwrite(header, 1, length, file);
    fwrite(zeros, 1, 108, file);
    fclose(file);
    ToyRun run = RUN(NULL, "evaluate", "--data", fixture.data, "--weights", path);
    assert_int_equal(run.status, 1);
    assert_non_null(strstr(run.errors, "[3, 9]"));
    assert_non_null(strstr(run.errors, "other.safetensors"));
    assert_non_null(strstr(run.errors, "[3, 8]"));
    assert_non_null(strstr(run.errors, "models/toy.hpanet"));
    toy_run_free(&run);
    expect(RUN(NULL, "evaluate", "--data", fixture.data, "--weights", fixture.data), 1, "not a regular file");
    free(path);
}

static void test_continue_from_weights(void **state)
{
    (void)state;
    char *out = toy_path(fixture.folder, "tuned");
    ToyRun run = RUN(NULL, "train", "--data", fixture.data, "--out", out, "--weights", fixture.best, "--set",
                     "stage.head.epochs=0", "--set", "stage.last.epochs=0");
    assert_int_equal(run.status, 0);
    assert_non_null(strstr(run.output, "weights and normalisation of"));
    assert_null(strstr(run.output, "head 1/"));
    toy_run_free(&run);
    free(out);
}

/* ---------------------------------------------------------------- disks */

/* Stops a run after `step` steps and gives its folder. */
static char *stopped_run(const char *name, const char *environment)
{
    char *out = toy_path(fixture.folder, name);
    ToyRun run = RUN(environment, "train", "--data", fixture.data, "--out", out);
    assert_int_equal(run.status, 143);
    toy_run_free(&run);
    return out;
}

/* The save fails with `words`; the checkpoint keeps its bytes, and a later resume ends as the undisturbed
 * run. */
static void check_failed_save(const char *out, ToyRun failed, const char *words, const char *before,
                              size_t length)
{
    assert_non_null(strstr(failed.errors, "is untouched"));
    expect(failed, 1, words);
    char *path = toy_path(out, "last.safetensors"), *partial = toy_path(out, "last.safetensors.partial");
    size_t after_length;
    char *after = hp_read_file(path, &after_length);
    assert_int_equal(after_length, length);
    assert_memory_equal(after, before, length);
    struct stat status;
    assert_int_not_equal(lstat(partial, &status), 0);
    ToyRun run = RUN(NULL, "train", "--data", fixture.data, "--out", out, "--resume");
    assert_int_equal(run.status, 0);
    toy_run_free(&run);
    char *mine = toy_path(out, "best.safetensors");
    size_t mine_length, best_length;
    char *x = hp_read_file(mine, &mine_length), *y = hp_read_file(fixture.best, &best_length);
    assert_int_equal(mine_length, best_length);
    assert_memory_equal(x, y, best_length);
    free(x);
    free(y);
    free(mine);
    free(after);
    free(path);
    free(partial);
}

static void test_full_disk(void **state)
{
    (void)state;
    char *out = stopped_run("full", "TOY_SIGNAL=2:15");
    char *last = toy_path(out, "last.safetensors"), *partial = toy_path(out, "last.safetensors.partial");
    size_t length;
    char *before = hp_read_file(last, &length);
    assert_int_equal(symlink("/dev/full", partial), 0);
    ToyRun run = RUN(NULL, "train", "--data", fixture.data, "--out", out, "--resume", "--save-every", "0");
    check_failed_save(out, run, "No space left on device", before, length);
    free(before);
    free(last);
    free(partial);
    free(out);
}

static void test_file_size_limit(void **state)
{
    (void)state;
    char *out = stopped_run("limit", "TOY_SIGNAL=2:15");
    char *last = toy_path(out, "last.safetensors");
    size_t length;
    char *before = hp_read_file(last, &length);
    struct rlimit old, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = length - 100;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0); /* the child inherits it */
    ToyRun run = RUN(NULL, "train", "--data", fixture.data, "--out", out, "--resume", "--save-every", "0");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    check_failed_save(out, run, "File too large", before, length);
    free(before);
    free(last);
    free(out);
}

static void test_damaged_checkpoint(void **state)
{
    (void)state;
    char *out = stopped_run("damaged", "TOY_SIGNAL=4:15"), *last = toy_path(out, "last.safetensors");
    FILE *file = fopen(last, "r+b");
    assert_int_equal(fseek(file, -5, SEEK_END), 0);
    int byte = fgetc(file);
    fseek(file, -5, SEEK_END);
    fputc(byte ^ 1, file);
    fclose(file);
    expect(RUN(NULL, "train", "--data", fixture.data, "--out", out, "--resume"), 1, "ChecksumMismatch");
    free(last);
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_folder),
        cmocka_unit_test(test_submission),
        cmocka_unit_test(test_names_in_the_submission),
        cmocka_unit_test(test_evaluate_agrees_with_predict),
        cmocka_unit_test(test_bench),
        cmocka_unit_test(test_it_learns),
        cmocka_unit_test(test_one_of),
        cmocka_unit_test(test_group_steps),
        cmocka_unit_test(test_loss_scale),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_from_best),
        cmocka_unit_test(test_smoke),
        cmocka_unit_test(test_help_and_info),
        cmocka_unit_test(test_command_line_mistakes),
        cmocka_unit_test(test_existing_run_is_kept),
        cmocka_unit_test(test_resume_of_something_else),
        cmocka_unit_test(test_not_a_number),
        cmocka_unit_test(test_weights_of_other_networks),
        cmocka_unit_test(test_continue_from_weights),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_file_size_limit),
        cmocka_unit_test(test_damaged_checkpoint),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
