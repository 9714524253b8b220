/* A predictor on a GPU in another program: any thread may call, and what is current there stays current. */
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "runtime/base/base.h"
#include "runtime/device/cuda/driver.h"
#include "tests/unit/train/toy_data.h"
#include "tests/unit/train/toy_model.h"
#include "fake_driver.h"
#include "toy_cuda.h"

enum { IMAGES = 7, VALUES = IMAGES * TOY_CLASSES };

static struct {
    char *folder, *weights;
    uint8_t pixels[IMAGES][TOY_SIZE][TOY_SIZE][TOY_PLANES];
    HpPixels images;
    float expected[VALUES]; /* what the CPU says */
    HpModel model;
} fixture;

/* One call, on a thread of its own. */
typedef struct Job {
    void (*work)(struct Job *job);
    HpPredictor *predictor;
    CUcontext own, after; /* current when the thread calls, or NULL; and after the call */
    float says[VALUES];
    char error[300];
} Job;

static CUresult (*get_current)(CUcontext *);
static CUresult (*push)(CUcontext);

static void *thread(void *user)
{
    Job *job = user;
    if (job->own)
        push(job->own);
    job->work(job);
    get_current(&job->after);
    return NULL;
}

static void run_apart(Job *job, void (*work)(Job *job))
{
    pthread_t id;
    job->work = work;
    assert_int_equal(pthread_create(&id, NULL, thread, job), 0);
    assert_int_equal(pthread_join(id, NULL), 0);
    assert_ptr_equal(job->after, job->own);
}

static void create(Job *job)
{
    job->predictor = hp_predictor_create(&fixture.model, fixture.weights, job->error, sizeof job->error);
}

static void predict(Job *job)
{
    memset(job->says, 0, sizeof job->says);
    if (!hp_predictor_predict(job->predictor, &fixture.images, job->says, job->error, sizeof job->error))
        job->says[0] = -1;
}

static void destroy(Job *job)
{
    hp_predictor_destroy(job->predictor);
}

static int set_up(void **state)
{
    (void)state;
    setenv("HPANET_CUDA_LIBRARIES", FAKE_FOLDER, 1);
    fixture.folder = toy_folder();
    char *data = toy_path(fixture.folder, "data"), *out = toy_path(fixture.folder, "run");
    fixture.weights = toy_path(out, "best.safetensors");
    toy_write_data(fixture.folder, false);
    ToyRun run =
        toy_run(fixture.folder, NULL, (const char *const[]){"train", "--data", data, "--out", out, NULL});
    assert_int_equal(run.status, 0);
    toy_run_free(&run);
    for (size_t i = 0; i < sizeof fixture.pixels; i++)
        ((uint8_t *)fixture.pixels)[i] = (uint8_t)(i * i * 31 + i / 128 * 40);
    fixture.images = (HpPixels){fixture.pixels, 8, IMAGES, TOY_SIZE, TOY_SIZE, TOY_PLANES};
    HpPredictor *cpu = hp_predictor_create(&toy_model, fixture.weights, NULL, 0);
    assert_true(hp_predictor_predict(cpu, &fixture.images, fixture.expected, NULL, 0));
    hp_predictor_destroy(cpu);
    fixture.model = toy_cuda_model();
    void *driver = dlopen(FAKE_FOLDER "/libcuda.so.1", RTLD_NOW);
    get_current = (CUresult(*)(CUcontext *))dlsym(driver, "cuCtxGetCurrent");
    push = (CUresult(*)(CUcontext))dlsym(driver, "cuCtxPushCurrent_v2");
    assert_true(get_current && push);
    free(data);
    free(out);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    toy_remove(fixture.folder);
    free(fixture.weights);
    return 0;
}

static void any_thread_may_call(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) { /* the second time the calling threads have contexts of their own */
        Job job = {.own = i ? (CUcontext)&fixture : NULL}, second = {.own = job.own};
        run_apart(&job, create);
        assert_non_null(job.predictor);
        for (int j = 0; j < 3; j++) { /* also when its functions are replayed */
            run_apart(&job, predict);
            assert_memory_equal(job.says, fixture.expected, sizeof job.says);
        }
        run_apart(&second, create);
        run_apart(&job, destroy);
        run_apart(&second, predict);
        assert_memory_equal(second.says, fixture.expected, sizeof second.says);
        run_apart(&second, destroy);
    }
}

static void no_gpu_is_an_answer(void **state)
{
    (void)state;
    Job job = {.own = (CUcontext)&fixture};
    setenv("FAKE_GPU_COUNT", "0", 1);
    run_apart(&job, create);
    unsetenv("FAKE_GPU_COUNT");
    assert_null(job.predictor);
    assert_non_null(strstr(job.error, "the driver finds no GPU"));
    setenv("FAKE_GPU_MEMORY", "3000", 1);
    run_apart(&job, create);
    unsetenv("FAKE_GPU_MEMORY");
    assert_null(job.predictor);
    assert_non_null(strstr(job.error, "out of GPU memory"));
    setenv("FAKE_GPU_CAPABILITY", "7.0", 1); /* there are no kernels for it */
    run_apart(&job, create);
    unsetenv("FAKE_GPU_CAPABILITY");
    assert_null(job.predictor);
    assert_non_null(strstr(job.error, "NVRTC"));
    run_apart(&job, create); /* what failed has left nothing */
    run_apart(&job, predict);
    assert_memory_equal(job.says, fixture.expected, sizeof job.says);
    run_apart(&job, destroy);
}

static void nothing_is_printed(void **state)
{
    (void)state;
    char *path = toy_path(fixture.folder, "printed");
    int before = dup(STDERR_FILENO);
    assert_non_null(freopen(path, "w", stderr));
    Job job = {.own = NULL};
    run_apart(&job, create);
    run_apart(&job, destroy);
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(before);
    char *printed = hp_read_file(path, NULL);
    assert_string_equal(printed, "");
    free(printed);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(any_thread_may_call),
                                       cmocka_unit_test(no_gpu_is_an_answer),
                                       cmocka_unit_test(nothing_is_printed)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
