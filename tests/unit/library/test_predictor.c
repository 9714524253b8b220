/* A predictor inside another program: the program's bits, every mistake an answer, nothing printed, nothing
 * left. */
#include <math.h>
#include <omp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "runtime/base/base.h"
#include "runtime/data/data.h"
#include "runtime/device/device.h"
#include "toy_data.h"
#include "toy_model.h"

enum { SIDE = 10, VALUES = TOY_TEST_IMAGES * TOY_CLASSES };

typedef struct Fixture {
    char *folder, *best, *second; /* of two runs */
    uint8_t pixels[TOY_TEST_IMAGES][SIDE][SIDE][TOY_PLANES];
    HpPixels images;
    float best_says[VALUES], second_says[VALUES]; /* the program, of these weights */
} Fixture;

static Fixture fixture;

/* ---------------------------------------------------------------- what the program says */

static void read_pixels(const char *test)
{
    int64_t all[TOY_TEST_IMAGES], sample[TOY_TEST_IMAGES];
    for (int i = 0; i < TOY_TEST_IMAGES; i++)
        all[i] = i;
    HpData *data = hp_data_open(test, toy_model.dataset, TOY_SIZE);
    HpLoader *loader = hp_loader_open(data, 1, TOY_TEST_IMAGES);
    hp_loader_request(loader, all, TOY_TEST_IMAGES);
    HpImageStore store = hp_loader_take(loader, sample);
    assert_int_equal(store.height, SIDE);
    memcpy(fixture.pixels, store.pixels, sizeof fixture.pixels);
    hp_loader_close(loader);
    hp_data_close(data);
    fixture.images = (HpPixels){fixture.pixels, 8, TOY_TEST_IMAGES, SIDE, SIDE, TOY_PLANES};
}

static void run_program(const char *const *arguments)
{
    ToyRun run = toy_run(fixture.folder, NULL, arguments);
    if (run.status != 0)
        fail_msg("%s", run.errors);
    toy_run_free(&run);
}

static void predict_by_program(const char *test, const char *weights, float *says)
{
    char *submission = toy_path(fixture.folder, "s.csv"), *path = toy_path(fixture.folder, "p.csv");
    run_program((const char *const[]){"predict", "--data", test, "--weights", weights, "-o", submission,
                                      "--probabilities", path, NULL});
    HpCsv *csv = hp_csv_read(path);
    for (int i = 0; i < VALUES; i++)
        says[i] = strtof(hp_csv_cell(csv, i / TOY_CLASSES, 1 + i % TOY_CLASSES), NULL);
    hp_csv_free(csv);
    free(submission);
    free(path);
}

static int set_up(void **state)
{
    (void)state;
    fixture.folder = toy_folder();
    char *data = toy_path(fixture.folder, "data"), *test = hp_format("%s:test", data);
    char *out = toy_path(fixture.folder, "run"), *other = toy_path(fixture.folder, "other");
    fixture.best = toy_path(out, "best.safetensors");
    fixture.second = toy_path(other, "best.safetensors");
    toy_write_data(fixture.folder, false);
    run_program((const char *const[]){"train", "--data", data, "--out", out, NULL});
    run_program((const char *const[]){"train", "--data", data, "--out", other, "--seed", "2", NULL});
    read_pixels(test);
    predict_by_program(test, fixture.best, fixture.best_says);
    predict_by_program(test, fixture.second, fixture.second_says);
    assert_memory_not_equal(fixture.best_says, fixture.second_says, sizeof fixture.best_says);
    free(data);
    free(test);
    free(out);
    free(other);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    toy_remove(fixture.folder);
    free(fixture.best);
    free(fixture.second);
    return 0;
}

/* ---------------------------------------------------------------- helpers */

static HpPredictor *create(const char *weights)
{
    char error[300] = "";
    HpPredictor *predictor = hp_predictor_create(&toy_model, weights, error, sizeof error);
    if (!predictor)
        fail_msg("%s", error);
    return predictor;
}

static bool says(HpPredictor *predictor, const float *expected)
{
    float probabilities[VALUES];
    char error[300] = "";
    if (!hp_predictor_predict(predictor, &fixture.images, probabilities, error, sizeof error))
        fail_msg("%s", error);
    return memcmp(probabilities, expected, sizeof probabilities) == 0;
}

static void refuse_create(const HpModel *model, const char *weights, const char *words)
{
    char error[300] = "";
    assert_null(hp_predictor_create(model, weights, error, sizeof error));
    if (!strstr(error, words))
        fail_msg("\"%s\" is not in: %s", words, error);
}

static void refuse_predict(HpPredictor *predictor, const HpPixels *images, const char *words)
{
    float probabilities[VALUES];
    char error[300] = "";
    assert_false(hp_predictor_predict(predictor, images, probabilities, error, sizeof error));
    if (!strstr(error, words))
        fail_msg("\"%s\" is not in: %s", words, error);
}

/* ---------------------------------------------------------------- predictions */

/* More images than a batch has rows: the second batch is padded. */
static void test_program_bits(void **state)
{
    (void)state;
    HpPredictor *predictor = create(fixture.best);
    assert_true((int)TOY_TEST_IMAGES > (int)TOY_EVALUATE);
    assert_true(says(predictor, fixture.best_says));
    for (int64_t i = 0; i < TOY_TEST_IMAGES; i++) {
        float one[TOY_CLASSES];
        HpPixels image = fixture.images;
        image.pixels = fixture.pixels[i];
        image.count = 1;
        assert_true(hp_predictor_predict(predictor, &image, one, NULL, 0));
        assert_memory_equal(one, fixture.best_says + i * TOY_CLASSES, sizeof one);
    }
    HpPixels none = {.bits = 8, .height = SIDE, .width = SIDE, .planes = TOY_PLANES};
    float untouched = 7;
    assert_true(hp_predictor_predict(predictor, &none, &untouched, NULL, 0));
    assert_true(untouched == 7);
    hp_predictor_destroy(predictor);
    hp_predictor_destroy(NULL);
}

/* Each has its own weights, and outlives the others. */
static void test_several(void **state)
{
    (void)state;
    HpPredictor *best = create(fixture.best), *second = create(fixture.second);
    assert_true(says(best, fixture.best_says) && says(second, fixture.second_says));
    assert_true(says(best, fixture.best_says));
    hp_predictor_destroy(best);
    assert_true(says(second, fixture.second_says));
    best = create(fixture.best);
    hp_predictor_destroy(second);
    assert_true(says(best, fixture.best_says));
    hp_predictor_destroy(best);
}

typedef struct Worker {
    HpPredictor *predictor;
    const float *expected;
    int wrong;
} Worker;

static void *work(void *user)
{
    Worker *worker = user;
    for (int round = 0; round < 20; round++) {
        float probabilities[VALUES];
        HpPixels images = fixture.images;
        images.planes = round % 4 == 3 ? 1 : TOY_PLANES; /* some calls fail, beside others that work */
        bool done = hp_predictor_predict(worker->predictor, &images, probabilities, NULL, 0);
        worker->wrong += done != (round % 4 != 3) ||
                         (done && memcmp(probabilities, worker->expected, sizeof probabilities) != 0);
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    HpPredictor *best = create(fixture.best), *second = create(fixture.second);
    Worker workers[THREADS] = {{best, fixture.best_says, 0},
                               {second, fixture.second_says, 0},
                               {best, fixture.best_says, 0},
                               {second, fixture.second_says, 0}};
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(workers[i].wrong, 0);
    }
    hp_predictor_destroy(best);
    hp_predictor_destroy(second);
}

/* The host's own loops keep their number of threads. */
static void test_host_threads(void **state)
{
    (void)state;
    HpModel model = toy_model;
    char error[300];
    int before = omp_get_max_threads();
    model.threads = 2;
    unsetenv("OMP_NUM_THREADS");
    omp_set_num_threads(3);
    HpPredictor *predictor = hp_predictor_create(&model, fixture.best, error, sizeof error);
    assert_non_null(predictor);
    assert_int_equal(omp_get_max_threads(), 3);
    assert_true(says(predictor, fixture.best_says));
    assert_int_equal(omp_get_max_threads(), 3);
    hp_predictor_destroy(predictor);
    omp_set_num_threads(before);
}

/* ---------------------------------------------------------------- mistakes of the host */

static void refuse_all(HpPredictor *predictor)
{
    HpPixels good = fixture.images, bad = good;
    float probabilities[VALUES];
    refuse_predict(NULL, &good, "the predictor is NULL");
    refuse_predict(predictor, NULL, "the images are NULL");
    assert_false(hp_predictor_predict(predictor, &good, NULL, NULL, 0));
    bad.pixels = NULL;
    refuse_predict(predictor, &bad, "no pixels: NULL");
    bad = good, bad.planes = 3;
    refuse_predict(predictor, &bad, "have 3 planes, but data set 'toy' has 2");
    bad = good, bad.bits = 12;
    refuse_predict(predictor, &bad, "pixels of 12 bits");
    bad = good, bad.bits = 16;
    refuse_predict(predictor, &bad, "have 16 bits, but data set 'toy' says 'range 0 to 255'");
    bad = good, bad.height = bad.width = TOY_SIZE - 1;
    refuse_predict(predictor, &bad, "are 7 x 7 pixels, but 8 a side are needed");
    bad = good, bad.width = 0;
    refuse_predict(predictor, &bad, "are none");
    bad = good, bad.count = -1;
    refuse_predict(predictor, &bad, "are none");
    bad = good, bad.width = INT64_MAX;
    refuse_predict(predictor, &bad, "at most 16384 a side");
    bad = good, bad.count = INT64_MAX;
    refuse_predict(predictor, &bad, "do not fit into memory");
    char cut[9] = "????????";
    bad = good, bad.planes = 3;
    assert_false(hp_predictor_predict(predictor, &bad, probabilities, cut, sizeof cut));
    assert_string_equal(cut, "the imag");
}

/* Also without a word on the host's terminal. */
static void test_mistakes(void **state)
{
    (void)state;
    char *path = toy_path(fixture.folder, "terminal");
    FILE *file = fopen(path, "w+");
    assert_non_null(file);
    fflush(NULL);
    int output = dup(STDOUT_FILENO), errors = dup(STDERR_FILENO);
    dup2(fileno(file), STDOUT_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    HpPredictor *predictor = create(fixture.best);
    refuse_all(predictor);
    bool works = says(predictor, fixture.best_says);
    hp_predictor_destroy(predictor);
    fflush(NULL);
    dup2(output, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    close(output);
    close(errors);
    assert_true(works);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    assert_int_equal(ftell(file), 0);
    fclose(file);
    free(path);
}

static void test_wrong_weights(void **state)
{
    (void)state;
    static const char *const others[] = {"x", "y", "z"};
    size_t length;
    char *torn = toy_path(fixture.folder, "torn.safetensors"), *bytes = hp_read_file(fixture.best, &length);
    HpPredictor *predictor = create(fixture.second);
    refuse_create(&toy_model, NULL, "NULL");
    refuse_create(&toy_model, "/nothing.safetensors", "/nothing.safetensors: No such file");
    assert_true(hp_write_file(torn, bytes, length - 5));
    refuse_create(&toy_model, torn, "torn.safetensors");
    bytes[length - 1] ^= 1;
    assert_true(hp_write_file(torn, bytes, length));
    refuse_create(&toy_model, torn, "ChecksumMismatch");

    HpDataset dataset = *toy_model.dataset;
    HpModel model = toy_model;
    dataset.classes = others;
    model.dataset = &dataset;
    refuse_create(&model, fixture.best, "number 0 of its classes");
    HpVariable variables[64];
    memcpy(variables, toy_model.variables, (size_t)toy_model.variable_count * sizeof *variables);
    variables[0].shape[0]++;
    model = toy_model;
    model.variables = variables;
    refuse_create(&model, fixture.best, "\"head.weight\" is [3, 8]");
    variables[0] = toy_model.variables[0];
    variables[0].name = "head.other";
    refuse_create(&model, fixture.best, "no tensor \"head.other\"");
    assert_true(says(predictor, fixture.second_says));
    hp_predictor_destroy(predictor);
    free(torn);
    free(bytes);
}

/* ---------------------------------------------------------------- failures of the machine */

static void *no_memory(size_t bytes)
{
    hp_fail("out of memory: %zu bytes", bytes);
}

static void no_products(const HpModel *model)
{
    hp_fail("no products for %s", model->name);
}

static void no_images(HpContext *context, const HpImageStore *store, int64_t *sample, int64_t count)
{
    (void)context, (void)store, (void)sample;
    hp_fail("no room for %lld images", (long long)count);
}

static void nothing_finite(HpContext *context)
{
    const HpFunction *function = &toy_model.functions[toy_model.predict];
    function->run(context);
    float *logits = (float *)(context->memory + function->results[0].offset);
    logits[2 * TOY_CLASSES] = NAN;
}

static void test_machine(void **state)
{
    (void)state;
    HpDevice device = hp_device_cpu;
    HpModel model = toy_model;
    model.device = &device;
    device.allocate = no_memory;
    refuse_create(&model, fixture.best, "out of memory");
    device = hp_device_cpu;
    device.prepare = no_products;
    refuse_create(&model, fixture.best, "no products for toy");
    device = hp_device_cpu;
    model.isa = "avx512";
    if (!hp_cpu_has("avx512"))
        refuse_create(&model, fixture.best, "compiled for avx512");
    model.isa = toy_model.isa;
    HpPredictor *predictor = hp_predictor_create(&model, fixture.best, NULL, 0);
    device.set_images = no_images;
    refuse_predict(predictor, &fixture.images, "no room for 6 images");
    device = hp_device_cpu;
    assert_true(says(predictor, fixture.best_says));
    hp_predictor_destroy(predictor);
}

static void test_not_finite(void **state)
{
    (void)state;
    HpFunction functions[16];
    HpModel model = toy_model;
    memcpy(functions, toy_model.functions, (size_t)toy_model.function_count * sizeof *functions);
    functions[toy_model.predict].run = nothing_finite;
    model.functions = functions;
    HpPredictor *predictor = hp_predictor_create(&model, fixture.best, NULL, 0);
    refuse_predict(predictor, &fixture.images, "output for image 2 is not a number");
    hp_predictor_destroy(predictor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_program_bits), cmocka_unit_test(test_several),
        cmocka_unit_test(test_threads),      cmocka_unit_test(test_host_threads),
        cmocka_unit_test(test_mistakes),     cmocka_unit_test(test_wrong_weights),
        cmocka_unit_test(test_machine),      cmocka_unit_test(test_not_finite)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
