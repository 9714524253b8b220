/* The report is one self-contained file that says what it was given; the log keeps no step twice. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "runtime/base/base.h"
#include "runtime/show/show.h"

enum { SIZE = 24, PLANES = 5, CLASSES = 3, EPOCHS = 4 };

static char folder[] = "/tmp/hpanet-show-XXXXXX";

static const char *const planes[PLANES] = {"red", "green", "blue", "yellow", "far <red>"};
static const char *const classes[CLASSES] = {"Nuclei", "Rods & rings", "<script>"};
static const HpDataset dataset = {.name = "cells",
                                  .plane_count = PLANES,
                                  .planes = planes,
                                  .one_of = true,
                                  .class_count = CLASSES,
                                  .classes = classes};
static const HpModel model = {.name = "tiny",
                              .source = "tiny.hpanet",
                              .recipe = "hpanet 1\nlr = 1e-3 # a < b",
                              .target = "cpu",
                              .dataset = &dataset,
                              .image_size = SIZE};

static HpScores make_scores(void)
{
    static double f1[CLASSES] = {0.5, 0.25, NAN}, ap[CLASSES] = {0.75, 0.125, NAN};
    static double precision[CLASSES] = {0.5, 0.5, NAN}, recall[CLASSES] = {0.5, 0.5, NAN};
    static int64_t support[CLASSES] = {7, 2, 0}, confusion[CLASSES * CLASSES] = {5, 2, 0, 1, 1, 0, 0, 0, 0};
    return (HpScores){.class_count = CLASSES,
                      .images = 9,
                      .loss = 0.4321,
                      .macro_f1 = 0.375,
                      .macro_ap = 0.4375,
                      .sample_f1 = 0.5,
                      .micro_f1 = 0.5,
                      .accuracy = 0.6667,
                      .f1 = f1,
                      .ap = ap,
                      .precision = precision,
                      .recall = recall,
                      .support = support,
                      .confusion = confusion};
}

static HpEpoch make_epoch(int i)
{
    return (HpEpoch){.stage = i < 2 ? "head" : "all",
                     .epoch = i % 2 + 1,
                     .step = 10 * (i + 1),
                     .train_loss = 1.0 / (i + 1),
                     .seconds = 1.5,
                     .images_per_second = 100,
                     .lr = 1e-3,
                     .validation = make_scores(),
                     .best = i == 2};
}

static int count_of(const char *text, const char *word)
{
    int count = 0;
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) {
        count++;
    }
    return count;
}

static void report_is_self_contained(void **state)
{
    (void)state;
    HpEpoch epochs[EPOCHS];
    for (int i = 0; i < EPOCHS; i++) {
        epochs[i] = make_epoch(i);
    }
    float pixels[PLANES * SIZE * SIZE], mean[PLANES] = {0.1f}, deviation[PLANES] = {1, 1, 1, 1, 1};
    for (int i = 0; i < PLANES * SIZE * SIZE; i++) {
        pixels[i] = (float)(i % 97) / 97.0f;
    }
    const uint8_t labels[CLASSES] = {1, 0, 1};
    const HpShownImage images[2] = {{"first", pixels, labels, NULL}, {"second & last", pixels, labels, NULL}};
    const int64_t counts[CLASSES] = {70, 20, 1}, sampled[CLASSES] = {70, 40, 40};
    HpScores test = make_scores();
    hp_report_write(&(HpReport){.model = &model,
                                .folder = folder,
                                .epoch_count = EPOCHS,
                                .epochs = epochs,
                                .mean = mean,
                                .deviation = deviation,
                                .image_count = 2,
                                .images = images,
                                .class_counts = counts,
                                .class_counts_sampled = sampled,
                                .train_images = 91,
                                .sampled_images = 150,
                                .test = &test,
                                .seconds = 12});
    char *path = hp_format("%s/report.html", folder);
    size_t length = 0;
    char *html = hp_read_file(path, &length);
    assert_null(strstr(html, "http"));
    assert_null(strstr(html, "<script>"));
    assert_null(strstr(html, "nan"));
    assert_int_equal(count_of(html, "data:image/png;base64,"), 2);
    assert_int_equal(count_of(html, "<svg"), 3);
    assert_int_equal(count_of(html, "class='dot"), EPOCHS * (2 + 3 + 1));
    assert_non_null(strstr(html, "Rods &amp; rings"));
    assert_non_null(strstr(html, "second &amp; last"));
    assert_non_null(strstr(html, "Confusion"));
    assert_non_null(strstr(html, "a &lt; b"));
    free(html);
    free(path);
}

static void log_keeps_no_step_twice(void **state)
{
    (void)state;
    HpLog *log = hp_log_open(folder, 0);
    for (int step = 1; step <= 8; step++) {
        hp_log_step(log, "all", 1, step, step == 3 ? NAN : 0.5, 1e-3);
    }
    hp_log_close(log);
    log = hp_log_open(folder, 5); /* resumed from a checkpoint of step 5 */
    HpEpoch epoch = make_epoch(0);
    for (int step = 6; step <= 10; step++) {
        hp_log_step(log, "all", 1, step, 0.25, 1e-3);
    }
    hp_log_epoch(log, &epoch);
    hp_log_close(log);

    char *path = hp_format("%s/log.jsonl", folder);
    size_t length = 0;
    char *text = hp_read_file(path, &length);
    int seen[11] = {0}, epochs = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        json_t *object = json_loads(line, 0, NULL);
        assert_non_null(object);
        const char *kind = json_string_value(json_object_get(object, "kind"));
        if (strcmp(kind, "step") == 0) {
            seen[json_integer_value(json_object_get(object, "step"))]++;
        } else if (strcmp(kind, "epoch") == 0) {
            json_t *validation = json_object_get(object, "validation");
            assert_int_equal(json_array_size(json_object_get(validation, "ap")), CLASSES);
            epochs++;
        }
        json_decref(object);
    }
    for (int step = 1; step <= 10; step++) {
        assert_int_equal(seen[step], 1);
    }
    assert_int_equal(epochs, 1);
    free(text);
    free(path);
}

static int remove_folder(void **state)
{
    (void)state;
    const char *const files[] = {"report.html", "log.jsonl"};
    for (int i = 0; i < 2; i++) {
        char *path = hp_format("%s/%s", folder, files[i]);
        unlink(path);
        free(path);
    }
    return rmdir(folder);
}

int main(void)
{
    if (!mkdtemp(folder)) {
        return 1;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(report_is_self_contained),
                                       cmocka_unit_test(log_keeps_no_step_twice)};
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}
