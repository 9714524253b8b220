/* Functions on the GPU. The first run of a function waits for each kernel, so that an error names it; the
 * second is captured as a graph, which later runs start as a whole. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../base/base.h"
#include "internal.h"
#include "products.h"

/* A function as it ran: what its kernels were given decides whether it may be replayed. */
typedef struct Graph {
    const HpFunction *function;
    const char *memory;
    const HpImageStore *images;
    uint64_t seed;
    CUgraphExec exec; /* NULL: it has run once */
} Graph;

static struct {
    const HpModel *model;
    float *scalars, *scalars_there; /* on the GPU; what it has, on the host */
    HpImageStore *images, images_there;
    void *scratchpad; /* of all products that want more than the plan has */
    int64_t scratchpad_bytes;
    bool waits; /* for each kernel */
    Graph *graphs;
    int64_t graph_count, graph_capacity;
    CUevent *events; /* of the steps of a function that is timed */
    int event_count;
} run;

/* ---------------------------------------------------------------- before and after */

/* What is fast on one architecture need not be so on another, nor exist. */
static void forget_other_architecture(const HpModel *model)
{
    int planned;
    if (sscanf(model->isa, "sm_%d", &planned) != 1 || planned == hp_cuda_capability)
        return;
    hp_warn("products were planned for %s and this GPU is sm_%d: the library chooses how they run; "
            "`hpacc %s --arch` plans for it",
            model->isa, hp_cuda_capability, model->source);
    for (int i = 0; i < model->library_count; i++)
        hp_cuda_product_forget(model->library[i]);
}

void hp_cuda_prepare(const HpModel *model)
{
    size_t scalars = (size_t)model->scalar_count;
    run.model = model;
    run.scalars = hp_cuda_allocate(scalars * sizeof *run.scalars);
    run.scalars_there = hp_alloc(scalars, sizeof *run.scalars_there);
    run.images = hp_cuda_allocate(sizeof *run.images);
    run.images_there = (HpImageStore){0};
    if (model->library_count == 0)
        return;
    hp_cuda_products_open(hp_cuda_stream);
    forget_other_architecture(model);
    run.scratchpad_bytes = hp_unplanned_scratchpad(model, hp_cuda_product_create);
    if (run.scratchpad_bytes > 0)
        run.scratchpad = hp_cuda_allocate((size_t)run.scratchpad_bytes);
}

void hp_cuda_run_close(void)
{
    for (int64_t i = 0; i < run.graph_count; i++)
        if (run.graphs[i].exec)
            HP_CUDA(GraphExecDestroy, run.graphs[i].exec);
    for (int i = 0; i < run.event_count; i++)
        HP_CUDA(EventDestroy, run.events[i]);
    for (int i = 0; run.model && i < run.model->library_count; i++)
        hp_cuda_product_destroy(run.model->library[i]);
    if (run.model && run.model->library_count > 0)
        hp_cuda_products_close();
    hp_cuda_release(run.scalars);
    hp_cuda_release(run.images);
    hp_cuda_release(run.scratchpad);
    free(run.scalars_there);
    free(run.graphs);
    free(run.events);
    memset(&run, 0, sizeof run);
}

/* ---------------------------------------------------------------- what generated code calls */

static void wait_if_asked(void)
{
    if (run.waits)
        HP_CUDA(StreamSynchronize, hp_cuda_stream);
}

void hp_cuda_launch(HpContext *context, HpKernel *kernel, HpGrid grid, const void *arguments, size_t bytes)
{
    (void)context;
    void *extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, (void *)arguments, CU_LAUNCH_PARAM_BUFFER_SIZE, &bytes,
                     CU_LAUNCH_PARAM_END};
    hp_driver_begins("kernel", kernel->name, kernel->origin);
    HP_CUDA(LaunchKernel, kernel->handle, grid.x, grid.y, grid.z, (unsigned)kernel->threads, 1, 1, 0,
            hp_cuda_stream, NULL, extra);
    wait_if_asked();
}

void hp_cuda_library_run(HpContext *context, const HpLibraryCall *call, const void *a, const void *b,
                         const void *bias, void *c, float *statistics, void *scratchpad)
{
    (void)context;
    hp_driver_begins("the product of", call->name, call->implementation);
    hp_cuda_product_run(call, a, b, bias, c, statistics,
                        run.scratchpad_bytes > call->scratchpad ? run.scratchpad : scratchpad);
    wait_if_asked();
}

void hp_cuda_copy(HpContext *context, void *to, const void *from, size_t bytes)
{
    (void)context;
    HP_CUDA(MemcpyDtoDAsync, hp_cuda_address(to), hp_cuda_address(from), bytes, hp_cuda_stream);
}

void hp_cuda_clock_step(HpContext *context, int step)
{
    (void)context;
    HP_CUDA(EventRecordWithFlags, run.events[step], hp_cuda_stream, CU_EVENT_RECORD_EXTERNAL);
}

/* ---------------------------------------------------------------- ways to run a function */

static void upload_changed(void *device, void *there, const void *now, size_t bytes)
{
    if (memcmp(there, now, bytes) == 0)
        return;
    hp_cuda_upload(device, now, bytes);
    memcpy(there, now, bytes);
}

static void run_first(HpContext *context, const HpFunction *function)
{
    run.waits = true;
    function->run(context);
    run.waits = false;
    hp_driver_begins(NULL, NULL, NULL);
}

static CUgraphExec capture(HpContext *context, const HpFunction *function)
{
    CUgraph graph;
    CUgraphExec exec;
    HP_CUDA(StreamBeginCapture, hp_cuda_stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
    function->run(context);
    HP_CUDA(StreamEndCapture, hp_cuda_stream, &graph);
    HP_CUDA(GraphInstantiateWithFlags, &exec, graph, 0);
    HP_CUDA(GraphDestroy, graph);
    return exec;
}

/* A graph with an event at each step: between kernels that the host starts one by one the GPU may wait for
 * it.
 */
static void run_timed(HpContext *context, const HpFunction *function)
{
    if (run.event_count <= function->step_count) {
        run.events = hp_realloc(run.events, (size_t)function->step_count + 1, sizeof *run.events);
        while (run.event_count <= function->step_count)
            HP_CUDA(EventCreate, &run.events[run.event_count++], CU_EVENT_DEFAULT);
    }
    CUgraphExec exec = capture(context, function);
    HP_CUDA(GraphLaunch, exec, hp_cuda_stream);
    HP_CUDA(StreamSynchronize, hp_cuda_stream);
    HP_CUDA(GraphExecDestroy, exec);
    for (int step = 0; step < function->step_count; step++) {
        float milliseconds;
        HP_CUDA(EventElapsedTime, &milliseconds, run.events[step], run.events[step + 1]);
        context->clock->seconds[step] += milliseconds / 1e3;
    }
}

/* The graph of a function in this context; NULL: it has not run yet. */
static Graph *find_graph(const HpContext *context, const HpFunction *function)
{
    for (int64_t i = 0; i < run.graph_count; i++) {
        Graph *graph = &run.graphs[i];
        if (graph->function == function && graph->memory == context->memory &&
            graph->images == context->device_images && graph->seed == context->seed)
            return graph;
    }
    return NULL;
}

void hp_cuda_run(HpContext *context, const HpFunction *function)
{
    context->device_scalars = run.scalars;
    context->device_images = run.images;
    upload_changed(run.scalars, run.scalars_there, context->scalars,
                   (size_t)context->model->scalar_count * sizeof(float));
    upload_changed(run.images, &run.images_there, &context->images, sizeof context->images);
    hp_driver_begins("function", function->name, NULL);
    if (context->clock) {
        run_timed(context, function);
        return;
    }
    Graph *graph = find_graph(context, function);
    if (!graph) {
        run.graphs = hp_grow(run.graphs, run.graph_count, &run.graph_capacity, sizeof *run.graphs);
        run.graphs[run.graph_count++] =
            (Graph){function, context->memory, context->device_images, context->seed, NULL};
        run_first(context, function);
        return;
    }
    if (!graph->exec)
        graph->exec = capture(context, function);
    hp_driver_begins("function", function->name, NULL);
    HP_CUDA(GraphLaunch, graph->exec, hp_cuda_stream);
}
