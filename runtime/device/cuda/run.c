/* Functions on the GPU. The first run of a function waits for each kernel, so that an error names it; the
 * second is captured as a graph, which later runs start as a whole. */
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
    void *scratchpad; /* of all products that have none in the plan */
    bool waits;       /* for each kernel */
    Graph *graphs;
    int64_t graph_count, graph_capacity;
    CUevent *events; /* of the steps of a function that is timed */
    int event_count;
} run;

/* ---------------------------------------------------------------- before and after */

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
    int64_t unplanned = hp_unplanned_scratchpad(model, hp_cuda_product_create);
    if (unplanned > 0)
        run.scratchpad = hp_cuda_allocate((size_t)unplanned);
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
    hp_cuda_product_run(call, a, b, bias, c, statistics, scratchpad ? scratchpad : run.scratchpad);
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
    HP_CUDA(EventRecord, run.events[step], hp_cuda_stream);
}

/* ---------------------------------------------------------------- ways to run a function */

static void upload_changed(void *device, void *there, const void *now, size_t bytes)
{
    if (memcmp(there, now, bytes) == 0)
        return;
    hp_cuda_upload(device, now, bytes);
    memcpy(there, now, bytes);
}

static void run_timed(HpContext *context, const HpFunction *function)
{
    if (run.event_count <= function->step_count) {
        run.events = hp_realloc(run.events, (size_t)function->step_count + 1, sizeof *run.events);
        while (run.event_count <= function->step_count)
            HP_CUDA(EventCreate, &run.events[run.event_count++], CU_EVENT_DEFAULT);
    }
    function->run(context);
    HP_CUDA(StreamSynchronize, hp_cuda_stream);
    for (int step = 0; step < function->step_count; step++) {
        float milliseconds;
        HP_CUDA(EventElapsedTime, &milliseconds, run.events[step], run.events[step + 1]);
        context->clock->seconds[step] += milliseconds / 1e3;
    }
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
