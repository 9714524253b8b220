/* A whole program on the CUDA device does what it does on the CPU, to the bit. */
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "runtime/base/base.h"
#include "tests/unit/train/toy_data.h"
#include "tests/unit/train/toy_model.h"

static char *folder, *data, *test;

#define CUDA "TOY_CUDA=1"
#define RUN(environment, ...) toy_run(folder, environment, (const char *const[]){__VA_ARGS__, NULL})

static int set_up(void **state)
{
    (void)state;
    setenv("HPANET_CUDA_LIBRARIES", FAKE_FOLDER, 1);
    folder = toy_folder();
    data = toy_path(folder, "data");
    test = hp_format("%s:test", data);
    toy_write_data(folder, false);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    toy_remove(folder);
    free(data);
    free(test);
    return 0;
}

/* Wants these words in what it says, on stdout or stderr. */
static void expect(ToyRun run, int status, const char *words)
{
    if (run.status != status || !(strstr(run.errors, words) || strstr(run.output, words)))
        fail_msg("status %d, not %d, or \"%s\" is not in:\n%s%s", run.status, status, words, run.output,
                 run.errors);
    toy_run_free(&run);
}

/* Trains and predicts; returns every class's probability of every image, as text. */
static char *probabilities(const char *environment, const char *name)
{
    char *out = toy_path(folder, name), *best = toy_path(out, "best.safetensors");
    char *file = toy_path(out, "probabilities.csv"), *submission = toy_path(out, "submission.csv");
    expect(RUN(environment, "train", "--data", data, "--out", out), 0,
           environment ? "GPU: Fake GPU, compute capability 9.0\n" : "best.safetensors");
    expect(RUN(environment, "predict", "--data", test, "--weights", best, "-o", submission, "--probabilities",
               file),
           0, "");
    char *text = hp_read_file(file, NULL);
    free(out);
    free(best);
    free(file);
    free(submission);
    return text;
}

static void same_as_on_the_cpu(void **state)
{
    (void)state;
    char *cpu = probabilities(NULL, "cpu"), *cuda = probabilities(CUDA, "cuda");
    assert_true(strlen(cpu) > 50);
    assert_string_equal(cpu, cuda);
    free(cpu);
    free(cuda);
}

/* The lines of steps of a run's log. */
static char *logged_steps(const char *run)
{
    char *out = toy_path(folder, run), *path = toy_path(out, "log.jsonl"), *text = hp_read_file(path, NULL);
    char *steps = hp_alloc(strlen(text) + 1, 1), *end = steps;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        if (strstr(line, "\"step\","))
            end += sprintf(end, "%s\n", line);
    free(out);
    free(path);
    free(text);
    return steps;
}

/* Trains on both devices, which have to log and end with the same; returns how many functions the GPU was
 * given at most before somebody waited until it had nothing left to do. */
static int functions_ahead(const char *on_cpu, const char *on_cuda)
{
    char *log = toy_path(folder, "calls"), *cpu = toy_path(folder, on_cpu), *cuda = toy_path(folder, on_cuda);
    expect(RUN(NULL, "train", "--data", data, "--out", cpu), 0, "best.safetensors");
    setenv("FAKE_GPU_LOG", log, 1);
    expect(RUN(CUDA, "train", "--data", data, "--out", cuda), 0, "best.safetensors");
    unsetenv("FAKE_GPU_LOG");
    char *text = hp_read_file(log, NULL), *left = logged_steps(on_cpu), *right = logged_steps(on_cuda);
    int most = 0, now = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        now = strcmp(line, "idle") == 0 ? 0 : now + (strcmp(line, "cuGraphLaunch") == 0);
        most = now > most ? now : most;
    }
    assert_true(strlen(left) > 500);
    assert_string_equal(left, right);
    free(log);
    free(cpu);
    free(cuda);
    free(text);
    free(left);
    free(right);
    return most;
}

/* The longest epoch has 4 steps, each of 2 parts and an update. Its first part is waited for, as its images
 * are shown, and then nothing until the results of the validation: 2 functions more. */
static void the_host_is_ahead(void **state)
{
    (void)state;
    setenv("TOY_UNSCALED", "1", 1);
    int ahead = functions_ahead("ahead_cpu", "ahead_cuda");
    unsetenv("TOY_UNSCALED");
    assert_int_equal(ahead, 4 * 3 - 1 + 2);
}

/* Whether an update counts decides about the next one. */
static void a_scaled_step_waits_for_its_verdict(void **state)
{
    (void)state;
    setenv("TOY_SCALE", "8192", 1);
    int ahead = functions_ahead("scaled_cpu", "scaled_cuda");
    unsetenv("TOY_SCALE");
    assert_int_equal(ahead, 3);
}

/* The step after it has begun when a loss is looked at. */
static void a_wrong_loss_names_its_step(void **state)
{
    (void)state;
    char *out = toy_path(folder, "nan");
    setenv("TOY_UNSCALED", "1", 1);
    setenv("TOY_NAN", "2", 1);
    expect(RUN(NULL, "train", "--data", data, "--out", out), 1, "the loss is not a finite number at step 2 ");
    expect(RUN(CUDA, "train", "--data", data, "--out", out, "--resume"), 1,
           "the loss is not a finite number at step 2 ");
    unsetenv("TOY_NAN");
    unsetenv("TOY_UNSCALED");
    free(out);
}

/* One image's share of what is not variables. */
static void the_part_that_fits_is_named(void **state)
{
    (void)state;
    int64_t variables = 0;
    for (int i = 0; i < toy_model.variable_count; i++) {
        const HpVariable *variable = &toy_model.variables[i];
        int64_t end = variable->offset + variable->count * hp_data_type_bytes(variable->type);
        variables = end > variables ? end : variables;
    }
    int64_t image = (toy_model.memory_bytes - variables) / TOY_ROWS;
    static const int parts[] = {1, 2, 2}; /* batches are of 8 images */
    for (int rows = 1; rows <= 3; rows++) {
        char *memory = hp_format("%lld", (long long)(variables + rows * image + 4));
        char *words = hp_format("parts of %d instead of 4 images should fit (--part %d)", parts[rows - 1],
                                parts[rows - 1]);
        setenv("FAKE_GPU_MEMORY", memory, 1);
        expect(RUN(CUDA, "bench", "--only", "train"), 1, words);
        unsetenv("FAKE_GPU_MEMORY");
        free(memory);
        free(words);
    }
}

static void too_little_memory(void **state)
{
    (void)state;
    setenv("FAKE_GPU_MEMORY", "3000", 1);
    expect(RUN(CUDA, "bench", "--only", "train"), 1, "MB are free: ");
    expect(RUN(CUDA, "bench", "--only", "predict"), 1, "out of GPU memory: ");
    unsetenv("FAKE_GPU_MEMORY");
}

/* ---------------------------------------------------------------- bench */

static double number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_number(value))
        fail_msg("there is no number %s", name);
    return json_number_value(value);
}

/* A known GPU, whose ceilings for a model without products are those of floats: 52 TFLOP/s, 4.3 TB/s. */
static void bench_knows_the_roofline(void **state)
{
    (void)state;
    static const double least[2] = {6e3 / 4.3e12, 1e6 / 52e12}; /* bytes decide, then arithmetic */
    setenv("FAKE_GPU_NAME", "NVIDIA H200", 1);
    ToyRun run = RUN(CUDA, "bench", "--only", "predict", "--steps", "3", "--json");
    assert_int_equal(run.status, 0);
    json_t *object = json_loads(run.output, 0, NULL);
    const json_t *job = json_object_get(object, "prediction"), *device = json_object_get(object, "device");
    const json_t *function = json_array_get(json_object_get(job, "functions"), 0);
    const json_t *steps = json_object_get(function, "steps");
    assert_string_equal(json_string_value(json_object_get(device, "name")), "NVIDIA H200");
    assert_float_equal(number(device, "bytes_per_second"), 4.3e12, 1e6);
    assert_float_equal(number(device, "flops_per_second"), 52e12, 1e6);
    assert_true(number(device, "peak_megabytes") > 0.002 && number(device, "peak_megabytes") < 1);
    assert_true(number(job, "images_per_second") > 0 && number(job, "images_per_second_back_to_back") > 0);
    assert_true(number(job, "least_milliseconds") <= number(job, "milliseconds"));
    assert_true(number(job, "milliseconds") <= number(job, "most_milliseconds"));
    assert_int_equal(json_array_size(steps), 2);
    double sum = 0;
    for (size_t i = 0; i < 2; i++) {
        double found = number(json_array_get(steps, i), "roofline_milliseconds");
        assert_true(fabs(found - least[i] * 1e3) <= 1e-5 * found);
        sum += found;
    }
    assert_true(fabs(number(function, "roofline_milliseconds") - sum) <= 1e-5 * sum);
    assert_true(fabs(number(job, "roofline_milliseconds") - sum) <= 1e-5 * sum);
    json_decref(object);
    toy_run_free(&run);
    expect(RUN(CUDA, "bench", "--only", "predict"), 0, "\n  roofline: 0.0 ms of ");
    expect(RUN(CUDA, "bench", "--only", "predict"), 0, "roofline of NVIDIA H200: 52.0 TFLOP/s, 4.30 TB/s\n");
    expect(RUN(CUDA, "bench", "--only", "predict"), 0, "peak memory of NVIDIA H200 ");
    unsetenv("FAKE_GPU_NAME");
}

/* 1 GHz, 100 multiprocessors of capability 9.0, 4000 bits at 1 GHz: nine tenths of 25.6 TFLOP/s and 1 TB/s.
 */
static void bench_works_it_out(void **state)
{
    (void)state;
    expect(RUN(CUDA, "bench", "--only", "predict"), 0, "roofline of Fake GPU: 23.0 TFLOP/s, 0.90 TB/s\n");
}

/* ---------------------------------------------------------------- --dump-cuda, --load-cuda */

static void kernels_are_written(void **state)
{
    (void)state;
    char *file = toy_path(folder, "kernels.cu");
    expect(RUN(CUDA, "info", "--dump-cuda", file), 0, "toy");
    char *text = hp_read_file(file, NULL);
    assert_string_equal(text, "// the kernels of toy\n");
    expect(RUN(CUDA, "info", "--dump-cuda", "/dev/null/no"), 1, "cannot write '/dev/null/no'");
    free(text);
    free(file);
}

/* A program with a binary for this GPU compiles what it is told to all the same. */
static void kernels_are_read(void **state)
{
    (void)state;
    char *file = toy_path(folder, "mine.cu");
    assert_true(hp_write_file(file, "wrong", 5));
    setenv("XDG_CACHE_HOME", folder, 1);
    ToyRun run = RUN(CUDA, "bench", "--load-cuda", file);
    if (strstr(run.errors, "NVRTC is needed"))
        print_message("SKIPPED: NVRTC is not here\n");
    else if (run.status != 1 || !strstr(run.errors, "kernels.cu(1): error"))
        fail_msg("status %d:\n%s", run.status, run.errors);
    toy_run_free(&run);
    expect(RUN(CUDA, "bench", "--load-cuda", "/nowhere.cu"), 1, "cannot read '/nowhere.cu'");
    expect(RUN(CUDA, "info", "--load-cuda", file), 2, "--load-cuda is not an option of `info`");
    free(file);
}

static void other_programs_have_no_such_options(void **state)
{
    (void)state;
    expect(RUN(NULL, "info", "--dump-cuda", "file"), 2, "there is no option --dump-cuda");
    expect(RUN(NULL, "bench", "--load-cuda", "file"), 2, "there is no option --load-cuda");
    ToyRun cpu = RUN(NULL, "bench", "--help"), cuda = RUN(CUDA, "bench", "--help");
    assert_null(strstr(cpu.output, "-cuda"));
    assert_non_null(strstr(cuda.output, "--dump-cuda FILE"));
    assert_non_null(strstr(cuda.output, "--load-cuda FILE"));
    toy_run_free(&cpu);
    toy_run_free(&cuda);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_on_the_cpu),
        cmocka_unit_test(the_host_is_ahead),
        cmocka_unit_test(a_scaled_step_waits_for_its_verdict),
        cmocka_unit_test(a_wrong_loss_names_its_step),
        cmocka_unit_test(the_part_that_fits_is_named),
        cmocka_unit_test(too_little_memory),
        cmocka_unit_test(bench_knows_the_roofline),
        cmocka_unit_test(bench_works_it_out),
        cmocka_unit_test(kernels_are_written),
        cmocka_unit_test(kernels_are_read),
        cmocka_unit_test(other_programs_have_no_such_options),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
