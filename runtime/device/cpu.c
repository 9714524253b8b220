/* The CPU as a device: memory is the host's, kernels are C functions, products are oneDNN's. */
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "../base/base.h"
#include "device.h"
#include "format.h"
#include "library.h"

enum { ALIGNMENT = 64, HUGE_PAGE = 2 << 20 };

/* A portable program has no planned scratchpads: all its products share this one. */
static void *shared_scratchpad;
static const HpModel *prepared_model;

/* ---------------------------------------------------------------- open: is this the machine the program is
 * for? */

bool hp_cpu_has(const char *isa)
{
    __builtin_cpu_init();
    bool avx2 =
        __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                  __builtin_cpu_supports("avx512cd");
    if (strcmp(isa, "avx512") == 0)
        return avx2 && avx512;
    return strcmp(isa, "avx2") != 0 || avx2;
}

static void check_machine(const HpModel *model)
{
    if (!hp_cpu_has(model->isa))
        hp_fail(
            "this program was compiled for %s, which this CPU does not have: compile %s again here, or with "
            "hpacc --portable",
            model->isa, model->source);
    if (!model->library_version)
        return;
    if (strcmp(model->library_version, hp_library_version()) != 0)
        hp_fail("this program was compiled for %s and finds %s: formats and scratchpads may differ; compile "
                "%s again",
                model->library_version, hp_library_version(), model->source);
    if (strcmp(model->isa, hp_library_isa()) != 0)
        hp_fail("this program was compiled for %s and oneDNN runs as %s here: compile %s again, or unset "
                "ONEDNN_MAX_CPU_ISA",
                model->isa, hp_library_isa(), model->source);
}

static void set_threads(const HpModel *model)
{
    if (model->threads == 0)
        return;
    const char *wanted = getenv("OMP_NUM_THREADS");
    if (wanted && omp_get_max_threads() != model->threads)
        hp_fail("OMP_NUM_THREADS is %s and this program was compiled for %d threads: unset it, or compile %s "
                "again "
                "with OMP_NUM_THREADS=%s",
                wanted, model->threads, model->source, wanted);
    if (omp_get_num_procs() < model->threads)
        hp_warn("this program was compiled for %d threads and %d processors are free here: it will be slow",
                model->threads, omp_get_num_procs());
    omp_set_num_threads(model->threads);
}

static void cpu_open(const HpModel *model)
{
    check_machine(model);
    set_threads(model);
}

/* Memory and products are there for any thread. */
static void cpu_enter_or_leave(void)
{
}

/* ---------------------------------------------------------------- memory */

/* Pages come from calloc untouched and zero, so what a command does not use costs nothing. The block's start
 * is kept in front of the aligned address. */
static void *cpu_allocate(size_t bytes)
{
    size_t alignment = bytes >= HUGE_PAGE ? HUGE_PAGE : ALIGNMENT, room;
    char *block = __builtin_add_overflow(bytes, alignment + sizeof(void *), &room) ? NULL : calloc(room, 1);
    if (!block)
        hp_fail("out of memory: %.1f MB were asked for; a smaller --batch needs less", (double)bytes / 1e6);
    uintptr_t first = (uintptr_t)block + sizeof(void *);
    char *aligned = block + ((first + alignment - 1) / alignment * alignment - (uintptr_t)block);
    ((void **)aligned)[-1] = block;
    if (bytes >= HUGE_PAGE)
        madvise(aligned, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE); /* an optimisation: may fail */
    return aligned;
}

static void cpu_release(void *memory)
{
    if (memory)
        free(((void **)memory)[-1]);
}

static void cpu_upload(void *device, const void *host, size_t bytes)
{
    memcpy(device, host, bytes);
}

static void cpu_download(void *host, const void *device, size_t bytes)
{
    memcpy(host, device, bytes);
}

static float fetched_floats[HP_FETCHES];

static void cpu_fetch(int slot, const void *device)
{
    memcpy(&fetched_floats[slot], device, sizeof(float));
}

static float cpu_fetched(int slot)
{
    return fetched_floats[slot];
}

static void cpu_upload_variable(HpContext *context, const HpVariable *variable, const float *plain)
{
    hp_format_pack(variable->format, variable->rank, variable->shape, plain,
                   (float *)(context->memory + variable->offset));
}

static void cpu_download_variable(HpContext *context, const HpVariable *variable, float *plain)
{
    hp_format_unpack(variable->format, variable->rank, variable->shape,
                     (const float *)(context->memory + variable->offset), plain);
}

/* ---------------------------------------------------------------- products */

static void cpu_prepare(const HpModel *model)
{
    prepared_model = model; /* from here on there is something to close */
    int64_t largest = hp_unplanned_scratchpad(model, hp_library_create);
    if (largest > 0)
        shared_scratchpad = cpu_allocate((size_t)largest);
}

static void cpu_library_run(HpContext *context, const HpLibraryCall *call, const void *a, const void *b,
                            const void *bias, void *c, float *statistics, void *scratchpad)
{
    (void)context;
    if (statistics)
        hp_bug("%s: products of this device have no statistics", call->name);
    hp_library_execute(call, a, b, bias, c, scratchpad ? scratchpad : shared_scratchpad);
}

/* ---------------------------------------------------------------- running */

static void cpu_copy(HpContext *context, void *to, const void *from, size_t bytes)
{
    (void)context;
    memcpy(to, from, bytes);
}

static void cpu_launch(HpContext *context, HpKernel *kernel, HpGrid grid, const void *arguments, size_t bytes)
{
    (void)context, (void)grid, (void)arguments, (void)bytes;
    hp_bug("kernel %s was launched on a device that calls its kernels", kernel->name);
}

static void cpu_set_images(HpContext *context, const HpImageStore *store, int64_t *sample, int64_t count)
{
    (void)sample, (void)count;
    context->images = *store;
}

static void cpu_run(HpContext *context, const HpFunction *function)
{
    function->run(context);
}

static void cpu_clock_step(HpContext *context, int step)
{
    static double began;
    double now = hp_seconds();
    if (step > 0)
        context->clock->seconds[step - 1] += now - began;
    began = now;
}

static void cpu_synchronize(void)
{
}

/* Its memory is the host's, and what its products reach depends on the library. */
static void cpu_describe(const HpModel *model, HpMachine *machine)
{
    (void)model;
    *machine = (HpMachine){0};
}

static void cpu_close(void)
{
    for (int i = 0; prepared_model && i < prepared_model->library_count; i++)
        hp_library_destroy(prepared_model->library[i]);
    prepared_model = NULL;
    cpu_release(shared_scratchpad);
    shared_scratchpad = NULL;
}

const HpDevice hp_device_cpu = {
    .name = "cpu",
    .open = cpu_open,
    .enter = cpu_enter_or_leave,
    .leave = cpu_enter_or_leave,
    .allocate = cpu_allocate,
    .release = cpu_release,
    .available = hp_memory_available,
    .prepare = cpu_prepare,
    .upload = cpu_upload,
    .download = cpu_download,
    .fetch = cpu_fetch,
    .fetched = cpu_fetched,
    .upload_variable = cpu_upload_variable,
    .download_variable = cpu_download_variable,
    .set_images = cpu_set_images,
    .run = cpu_run,
    .clock_step = cpu_clock_step,
    .library_run = cpu_library_run,
    .copy = cpu_copy,
    .launch = cpu_launch,
    .synchronize = cpu_synchronize,
    .describe = cpu_describe,
    .close = cpu_close,
};
