#include "harness.h"

#include <dlfcn.h>
#include <math.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "code.h"
#include "compiler/target/target.h"
#include "runtime/device/device.h"
#include "runtime/device/library.h"
#include "tensor.h"
#include "tests/pass/random_graph.h"
#include "tests/simt/emulator.h"
#include "tests/simt/products.h"

enum { ALIGNMENT = 256 }; /* of memory, as a GPU allocates it */

static HpDataType low = HP_F32;

void harness_choose_target(void)
{
    const char *name = getenv("HPANET_TARGET"), *type = getenv("HPANET_PRECISION");
    if (name && strcmp(name, "cuda") == 0)
        target_use(&target_cuda);
    else if (name)
        fatal("HPANET_TARGET is cuda, or not set");
    if (type && strcmp(type, "bf16") == 0 && target()->launches)
        low = HP_BF16;
    else if (type && strcmp(type, "fp16") == 0 && target()->launches)
        low = HP_F16;
    else if (type)
        fatal("HPANET_PRECISION is bf16 or fp16, of CUDA, or not set");
}

/* ---- values ---- */

int64_t harness_place(const Harness *harness, const Buffer *buffer)
{
    int64_t offset;
    const Buffer *root = buffer_root(buffer, &offset);
    if (root->variable)
        return harness->offsets[root->variable->index] + offset;
    return harness->variable_bytes + root->offset + offset;
}

static Tensor tensor_of_variable(const Harness *harness, const Variable *variable)
{
    return (Tensor){harness->memory + harness->offsets[variable->index], variable->shape, variable->format,
                    variable->dtype, 0};
}

static Tensor tensor_of(const Harness *harness, const Buffer *buffer)
{
    const Node *node = buffer->node;
    return (Tensor){harness->memory + harness_place(harness, buffer), node->shape, node->format, node->dtype,
                    buffer->channels};
}

static void write_buffer(Harness *harness, const Buffer *buffer)
{
    if (buffer->node) /* else it is an input of the image kernel: not part of the graph */
        tensor_write(tensor_of(harness, buffer), interpreter_value(harness->interpreter, buffer->node));
}

static void check_tensor(Harness *harness, HarnessError kind, Tensor tensor, const double *values,
                         const char *what)
{
    const double tolerance = harness->options.tolerance;
    const double tolerances[] = {tolerance, 1e-4, 2, 100 * tolerance};
    bool is_low = hp_data_type_bytes(tensor.dtype) == 2;
    if (is_low)
        kind = HARNESS_UNITS;
    double error = kind == HARNESS_UNITS ? tensor_units(tensor, values, tolerance, what)
                                         : tensor_error(tensor, values, harness->options.floor, what);
    harness->worst[kind] = fmax(harness->worst[kind], error);
    if (!(error <= tolerances[kind])) {
        fprintf(stderr, "generated code is kept in %s\n", harness->folder);
        harness->folder = NULL;
        fail_msg("%s: %s is off by %g%s, allowed are %g", harness->graph->name, what, error,
                 kind == HARNESS_UNITS ? " units of the last place" : "", tolerances[kind]);
    }
}

/* ---- running ---- */

typedef struct Range {
    char *begin, *end;
    bool writable;
} Range;
typedef LIST(Range) RangeList;

/* Ranges that overlap, such as an output over an input, become one. */
static void add_range(RangeList *ranges, Arena *arena, Range range)
{
    for (size_t i = 0; i < ranges->count;) {
        const Range other = ranges->items[i];
        if (range.begin >= other.end || other.begin >= range.end) {
            i++;
            continue;
        }
        range.begin = other.begin < range.begin ? other.begin : range.begin;
        range.end = other.end > range.end ? other.end : range.end;
        range.writable = other.writable || range.writable;
        ranges->items[i] = ranges->items[--ranges->count];
        i = 0;
    }
    list_push(arena, ranges, range);
}

static void add_buffer(const Harness *harness, RangeList *ranges, const Buffer *buffer, bool writable)
{
    int64_t offset;
    const Buffer *root = buffer ? buffer_root(buffer, &offset) : NULL;
    if (!root || root->bytes == 0)
        return;
    char *begin = harness->memory + harness_place(harness, root);
    add_range(ranges, harness->arena, (Range){begin, begin + root->bytes, writable});
}

/* A launched step may touch its operands and nothing between them. */
static RangeList ranges_of(const Harness *harness, const Step *step)
{
    RangeList ranges = {0};
    for (size_t i = 0; i < step->inputs.count; i++)
        add_buffer(harness, &ranges, step->inputs.items[i], false);
    for (size_t i = 0; i < step->outputs.count; i++)
        add_buffer(harness, &ranges, step->outputs.items[i], true);
    add_buffer(harness, &ranges, step->scratchpad, true);
    for (size_t i = 0; i < step->batch.count; i++)
        add_buffer(harness, &ranges, step->batch.items[i]->scratchpad, true);
    return ranges;
}

static void launch(HpContext *context, HpKernel *kernel, HpGrid grid, const void *arguments, size_t bytes)
{
    (void)context;
    const char *error = simt_launch(kernel->name, grid, arguments, bytes);
    if (error)
        fail_msg("%s (%s)", error, kernel->origin);
}

static const HpDevice emulated = {.name = "emulated", .launch = launch};

static void run_kernel(Harness *harness, const Step *step)
{
    char name[32];
    snprintf(name, sizeof name, "step_%d", step->index);
    void (*function)(HpContext *, char *);
    *(void **)&function = dlsym(harness->library, name);
    assert_non_null(function);
    function(&harness->context, harness->memory);
}

static void run_product(Harness *harness, const Step *step)
{
    void *place[] = {NULL, NULL, NULL, NULL, NULL, NULL};
    const Buffer *const buffers[] = {step->a,          step->b,         step->bias, step->outputs.items[0],
                                     step->statistics, step->scratchpad};
    for (int i = 0; i < 6; i++)
        if (buffers[i])
            place[i] = harness->memory + harness_place(harness, buffers[i]);
    if (target()->launches) {
        simt_product_run(step->call, place[0], place[1], place[2], place[3], place[4], place[5]);
        return;
    }
    if (!step->call->handle)
        hp_library_create(step->call);
    hp_library_execute(step->call, place[0], place[1], place[2], place[3], place[5]);
}

static void run_step(Harness *harness, const Step *step)
{
    switch (step->kind) {
    case STEP_ALIAS: return;
    case STEP_COPY:
        memcpy(harness->memory + harness_place(harness, step->outputs.items[0]),
               harness->memory + harness_place(harness, step->inputs.items[0]),
               (size_t)step->inputs.items[0]->bytes);
        return;
    case STEP_LIBRARY: run_product(harness, step); return;
    case STEP_KERNEL: run_kernel(harness, step); return;
    }
}

void harness_run_step(Harness *harness, const Step *step)
{
    RangeList ranges = {0};
    if (target()->launches)
        ranges = ranges_of(harness, step);
    for (size_t i = 0; i < ranges.count; i++)
        simt_allow(ranges.items[i].begin, (size_t)(ranges.items[i].end - ranges.items[i].begin), "an operand",
                   ranges.items[i].writable);
    run_step(harness, step);
    for (size_t i = 0; i < ranges.count; i++)
        simt_forget(ranges.items[i].begin);
}

/* Of threads, where it is the emulator's. */
static int order_count(void)
{
    return target()->launches ? SIMT_ORDER_COUNT : 1;
}

static size_t memory_bytes(const Harness *harness)
{
    return (size_t)(harness->variable_bytes + harness->schedule->arena_bytes);
}

/* Behind what was run in one order: the memory is as the first one left it. */
static void meet_order(Harness *harness, int order, const char *what)
{
    if (order_count() == 1)
        return;
    if (order == 0)
        memcpy(harness->first_memory, harness->memory, memory_bytes(harness));
    else if (memcmp(harness->first_memory, harness->memory, memory_bytes(harness)) != 0)
        fail_msg("%s: %s has other bits when threads run in another order", harness->graph->name, what);
}

static void set_variables(Harness *harness)
{
    const Variables *variables = harness->graph->variables;
    for (size_t i = 0; i < variables->list.count; i++) {
        const Variable *variable = variables->list.items[i];
        if (!harness->start[i])
            continue;
        if (variable->kind == HP_SCALAR)
            harness->context.scalars[i] = (float)harness->start[i][0];
        else
            tensor_write(tensor_of_variable(harness, variable), harness->start[i]);
    }
}

/* With an addend the call finds it where its result will lie; the copy before it, or the plan, saw to that.
 */
static void feed_step(Harness *harness, const Step *step)
{
    for (size_t i = 0; i < step->inputs.count; i++)
        write_buffer(harness, step->inputs.items[i]);
    if (step->kind == STEP_LIBRARY && step->addend) {
        Tensor output = tensor_of(harness, step->outputs.items[0]);
        tensor_write(output, interpreter_value(harness->interpreter, step->addend->node));
    }
    for (size_t j = 0; step->scratchpad && j < (size_t)step->scratchpad->bytes; j++)
        harness->memory[harness_place(harness, step->scratchpad) + (int64_t)j] = (char)0xff;
}

/* ---- what a step has to make of numbers that were stored in 16 bits ---- */

static bool is_fed(const Step *step, const Node *node)
{
    bool fed = node->op == OP_VARIABLE || (step->addend && step->addend->node == node);
    for (size_t i = 0; i < step->inputs.count; i++)
        fed = fed || step->inputs.items[i]->node == node;
    return fed;
}

/* A batch may run before the steps that its inputs are views by. */
static void renew_view(Harness *harness, const Node *node)
{
    if (node->op != OP_AFTER)
        return;
    renew_view(harness, node->inputs[0]);
    interpreter_compute(harness->interpreter, node);
}

/* The interpreter's values of what the step computes, from those of its inputs as they were stored. */
static void refer_to_stored(Harness *harness, const Step *step)
{
    const Graph *graph = harness->graph;
    bool *needed = ARENA_ARRAY(harness->arena, bool, graph->nodes.count);
    for (size_t i = 0; i < step->outputs.count; i++)
        needed[step->outputs.items[i]->node->id] = true;
    for (size_t i = graph->nodes.count; i-- > 0;) {
        const Node *node = graph->nodes.items[i];
        needed[i] = needed[i] && !is_fed(step, node);
        int read =
            node->op == OP_AFTER ? 1 : node->input_count; /* what it waits for is there, and not read */
        for (int j = 0; needed[i] && j < read; j++)
            needed[node->inputs[j]->id] = true;
    }
    for (size_t i = 0; i < step->inputs.count; i++)
        if (step->inputs.items[i]->node)
            renew_view(harness, step->inputs.items[i]->node);
    for (size_t i = 0; i < graph->nodes.count; i++)
        if (needed[i])
            interpreter_compute(harness->interpreter, graph->nodes.items[i]);
}

/* Behind the step the interpreter goes on with what memory can hold, also of values that were there and that
 * the step computed once more for itself. */
static void store_reference(Harness *harness, const Step *step, bool *stored)
{
    for (size_t i = 0; i < step->outputs.count; i++)
        stored[step->outputs.items[i]->node->id] = true;
    for (size_t i = 0; i < harness->graph->nodes.count; i++) {
        const Node *node = harness->graph->nodes.items[i];
        if (stored[i])
            tensor_round(node->dtype, interpreter_value(harness->interpreter, node),
                         shape_count(node->shape));
    }
}

/* ---- checks ---- */

static void check_step(Harness *harness, const Step *step)
{
    for (int order = 0; order < order_count(); order++) {
        simt_set_order((SimtOrder)order, HARNESS_SEED);
        feed_step(harness, step);
        harness_run_step(harness, step);
        Text what = text_new(harness->arena);
        for (size_t j = 0; j < step->outputs.count; j++) {
            const Buffer *output = step->outputs.items[j];
            what = text_new(harness->arena);
            text_add(&what, "step %d ", step->index);
            buffer_describe(&what, output);
            check_tensor(harness, step->kind == STEP_LIBRARY ? HARNESS_PRODUCT : HARNESS_KERNEL,
                         tensor_of(harness, output), interpreter_value(harness->interpreter, output->node),
                         what.data);
        }
        meet_order(harness, order, what.data);
    }
}

void harness_check_steps(Harness *harness)
{
    bool *stored = ARENA_ARRAY(harness->arena, bool, harness->graph->nodes.count); /* by id */
    set_variables(harness);
    for (size_t i = 0; i < harness->schedule->steps.count; i++) {
        const Step *step = harness->schedule->steps.items[i];
        if (step->kind == STEP_COPY || step->nodes.items[0]->op == OP_IMAGE)
            continue;
        if (low != HP_F32)
            refer_to_stored(harness, step);
        if (step->kind != STEP_ALIAS)
            check_step(harness, step);
        if (low != HP_F32)
            store_reference(harness, step, stored);
    }
}

/* ---- the whole function in its own memory ---- */

/* What buffers held when a step had made them, by index; NULL: none has. */
typedef struct Trail {
    Harness *harness;
    double **made;
} Trail;

static void trail_add(Trail *trail, const Buffer *buffer)
{
    if (!buffer->node || buffer_root(buffer, &(int64_t){0})->bytes == 0) /* scalars have no memory */
        return;
    free(trail->made[buffer->index]);
    trail->made[buffer->index] = tensor_read(tensor_of(trail->harness, buffer), "what a step has made");
}

/* Fails unless the tensor is what was made of the buffer, to the bit. */
static void trail_meet(const Trail *trail, const Buffer *buffer, Tensor tensor, const char *reader)
{
    while (buffer->node && buffer->node->op == OP_AFTER)
        buffer = buffer->view_of;
    if (!buffer->node || buffer_root(buffer, &(int64_t){0})->bytes == 0)
        return;
    Text what = text_new(trail->harness->arena);
    buffer_describe(&what, buffer);
    if (!trail->made[buffer->index])
        fail_msg("%s reads %s, which nothing has made", reader, what.data);
    double *found = tensor_read(tensor, what.data);
    if (memcmp(found, trail->made[buffer->index], (size_t)shape_count(tensor.shape) * sizeof *found) != 0)
        fail_msg("%s reads %s, which was written over", reader, what.data);
    free(found);
}

static void run_on_trail(Trail *trail, const Step *step)
{
    Harness *harness = trail->harness;
    const char *reader = arena_format(harness->arena, "step %d", step->index);
    for (size_t i = 0; i < step->inputs.count; i++)
        if (step->inputs.items[i]->node)
            trail_meet(trail, step->inputs.items[i], tensor_of(harness, step->inputs.items[i]), reader);
    if (step->kind == STEP_LIBRARY && step->addend)
        trail_meet(trail, step->addend, tensor_of(harness, step->outputs.items[0]), reader);
    if (step->kind == STEP_KERNEL && step->nodes.items[0]->op == OP_IMAGE)
        write_buffer(harness, step->outputs.items[0]);
    else
        harness_run_step(harness, step);
    for (size_t i = 0; i < step->outputs.count; i++)
        trail_add(trail, step->outputs.items[i]);
}

static void run_all(Harness *harness)
{
    const Schedule *schedule = harness->schedule;
    Trail trail = {harness, ARENA_ARRAY(harness->arena, double *, schedule->buffers.count)};
    memset(harness->memory, 0xff, memory_bytes(harness));
    set_variables(harness);
    for (size_t i = 0; i < schedule->buffers.count; i++) {
        const Buffer *buffer = schedule->buffers.items[i];
        if (buffer->node && buffer->node->op == OP_VARIABLE)
            trail_add(&trail, buffer);
    }
    for (size_t i = 0; i < schedule->steps.count; i++)
        run_on_trail(&trail, schedule->steps.items[i]);
    for (size_t i = 0; i < harness->graph->results.count; i++) {
        const Buffer *result = schedule->buffer_of[harness->graph->results.items[i].node->id];
        trail_meet(&trail, result, tensor_of(harness, result), "the host");
    }
    for (size_t i = 0; i < harness->graph->updates.count; i++) {
        const Update *update = &harness->graph->updates.items[i];
        if (update->node->op != OP_VARIABLE) /* whose own update may have come behind the copy */
            trail_meet(&trail, schedule->buffer_of[update->node->id],
                       tensor_of_variable(harness, update->variable), update->variable->name);
    }
    for (size_t i = 0; i < schedule->buffers.count; i++)
        free(trail.made[i]);
}

static void check_results(Harness *harness)
{
    const Graph *graph = harness->graph;
    for (size_t i = 0; i < graph->results.count; i++) {
        const Node *node = graph->results.items[i].node;
        check_tensor(harness, HARNESS_RUN, tensor_of(harness, harness->schedule->buffer_of[node->id]),
                     interpreter_value(harness->interpreter, node), graph->results.items[i].name);
    }
    for (size_t i = 0; i < graph->variables->list.count; i++) {
        const Variable *variable = graph->variables->list.items[i];
        if (variable->kind != HP_SCALAR && harness->start[i])
            check_tensor(harness, HARNESS_RUN, tensor_of_variable(harness, variable),
                         interpreter_variable(harness->interpreter, variable), variable->name);
    }
}

void harness_check_run(Harness *harness)
{
    for (int order = 0; order < order_count(); order++) {
        simt_set_order((SimtOrder)order, HARNESS_SEED);
        run_all(harness);
        meet_order(harness, order, "the run");
    }
    if (low == HP_F32) /* roundings of 16 bits that fall to the other side go on through all that follows */
        check_results(harness);
}

/* ---- the whole ---- */

static bool uses_variable(const Graph *graph, const Variable *variable)
{
    for (size_t i = 0; i < graph->nodes.count; i++)
        if (graph->nodes.items[i]->variable == variable)
            return true;
    for (size_t i = 0; i < graph->updates.count; i++)
        if (graph->updates.items[i].variable == variable)
            return true;
    return false;
}

static void run_interpreter(Harness *harness)
{
    const Variables *variables = harness->graph->variables;
    harness->interpreter = interpreter_new(harness->arena, variables);
    if (harness->options.fill)
        harness->options.fill(harness->interpreter, harness->graph);
    else
        random_fill(harness->interpreter, variables, HARNESS_SEED);
    interpreter_set_seed(harness->interpreter, HARNESS_SEED);
    harness->context.seed = HARNESS_SEED;
    harness->start = ARENA_ARRAY(harness->arena, double *, variables->list.count);
    harness->context.scalars = ARENA_ARRAY(harness->arena, float, variables->list.count);
    for (size_t i = 0; i < variables->list.count; i++) {
        const Variable *variable = variables->list.items[i];
        if (!uses_variable(harness->graph, variable))
            continue;
        int64_t count = shape_count(variable->shape);
        double *values = interpreter_variable(harness->interpreter, variable);
        harness->start[i] = ARENA_ARRAY(harness->arena, double, (size_t)count);
        for (int64_t j = 0; variable->dtype == HP_I64 && j < count; j++)
            values[j] = fabs(values[j]) * 100;
        tensor_round(variable->dtype, values, count); /* both see what can be stored */
        memcpy(harness->start[i], values, (size_t)count * sizeof *values);
    }
    for (size_t i = 0; i < harness->graph->nodes.count; i++) {
        const Node *node = harness->graph->nodes.items[i];
        if (node->op != OP_IMAGE)
            continue;
        double *image = ARENA_ARRAY(harness->arena, double, (size_t)shape_count(node->shape));
        for (int64_t j = 0; j < shape_count(node->shape); j++)
            image[j] = (double)(float)sin((double)(j * 37 % 1009));
        interpreter_set_image(harness->interpreter, image);
    }
    interpreter_run(harness->interpreter, harness->graph);
}

static void verify_schedule(const Schedule *schedule);

Schedule *harness_schedule(Graph *of, int64_t wanted)
{
    Schedule *schedule = pass_fuse(of);
    kernels_build(schedule);
    pass_plan(schedule);
    if (wanted == 0)
        return schedule;
    int64_t saved;
    Graph *smaller = pass_recompute(schedule, wanted, &saved);
    assert_non_null(smaller);
    graph_verify(smaller, "recompute");
    return harness_schedule(smaller, 0);
}

static void make_kernels(Harness *harness)
{
    Schedule *schedule = harness->schedule;
    harness->kernels = kernel_set_new(harness->arena);
    for (size_t i = 0; i < schedule->steps.count; i++)
        if (schedule->steps.items[i]->kind == STEP_KERNEL)
            kernel_set_add(harness->kernels, schedule->steps.items[i]);
    if (!target()->launches)
        return;
    kernels_batch(harness->kernels, schedule, harness->offsets, harness->variable_bytes);
    harness->context.device = &emulated;
    harness->context.device_scalars = harness->context.scalars;
    size_t count = harness->graph->variables->list.count;
    if (count > 0)
        simt_allow(harness->context.scalars, count * sizeof *harness->context.scalars, "the scalars", false);
}

Harness *harness_new(Graph *graph, HarnessOptions options)
{
    Harness *harness = ARENA_NEW(graph->arena, Harness);
    harness->options = options;
    harness->arena = graph->arena;
    harness->graph = graph;
    if (low != HP_F32)
        pass_precision(graph, low);
    pass_align(graph);
    graph_verify(graph, "align");
    pass_layout(graph);
    if (options.after_layout)
        options.after_layout(graph);
    graph_verify(graph, "layout");
    harness->schedule = harness_schedule(graph, options.wanted);
    graph = harness->graph = harness->schedule->graph;
    run_interpreter(harness);
    verify_schedule(harness->schedule);
    harness->offsets = ARENA_ARRAY(graph->arena, int64_t, graph->variables->list.count);
    harness->variable_bytes = pass_plan_variables(graph->variables, harness->offsets);
    harness->memory = aligned_alloc(ALIGNMENT, (memory_bytes(harness) / ALIGNMENT + 1) * ALIGNMENT);
    harness->first_memory = malloc(memory_bytes(harness) + 1);
    memset(harness->memory, 0xff, memory_bytes(harness));
    make_kernels(harness);
    code_compile(harness);
    return harness;
}

void harness_free(Harness *harness)
{
    code_free(harness);
    for (size_t i = 0; i < harness->schedule->steps.count; i++)
        if (harness->schedule->steps.items[i]->kind == STEP_LIBRARY &&
            harness->schedule->steps.items[i]->call->handle)
            hp_library_destroy(harness->schedule->steps.items[i]->call);
    if (target()->launches && harness->graph->variables->list.count > 0)
        simt_forget(harness->context.scalars);
    free(harness->memory);
    free(harness->first_memory);
    interpreter_free(harness->interpreter);
}

int harness_kernel_steps(const Harness *harness)
{
    int count = 0;
    for (size_t i = 0; i < harness->schedule->steps.count; i++)
        count += harness->schedule->steps.items[i]->kind == STEP_KERNEL;
    return count;
}

void harness_check(Graph *graph, HarnessOptions options)
{
    pass_expand(graph);
    Harness *harness = harness_new(graph, options);
    harness_check_steps(harness);
    harness_check_run(harness);
    harness_free(harness);
}

/* ---- the plan, checked by brute force ---- */

/* A product reads its operands while it writes; only its addend may lie there. */
static void verify_product(const Schedule *schedule, const Step *step)
{
    const Buffer *operands[] = {step->a, step->b, step->bias};
    int64_t offset;
    const Buffer *root = buffer_root(step->outputs.items[0], &offset);
    for (int i = 0; i < 3; i++)
        if (operands[i] && buffer_root(operands[i], &offset) == root)
            fail_msg("%s, step %d: the product writes over its operand %d", schedule->graph->name,
                     step->index, i);
}

/* Walks the steps and keeps what every byte of the arena holds: a step must find what it reads where it was
 * written. */
static void verify_schedule(const Schedule *schedule)
{
    int64_t words = schedule->arena_bytes / 64;
    const Buffer **holds = calloc((size_t)(words + 1), sizeof *holds);
    for (size_t s = 0; s < schedule->steps.count; s++) {
        const Step *step = schedule->steps.items[s];
        for (size_t i = 0; i < step->inputs.count; i++) {
            int64_t offset;
            const Buffer *root = buffer_root(step->inputs.items[i], &offset);
            /* in place: the memory's newest owner is the root of whoever wrote it */
            for (int64_t w = root->offset / 64; !root->variable && w < (root->offset + root->bytes) / 64; w++)
                if (holds[w] != root)
                    fail_msg("%s, step %zu: byte %lld no longer holds what it reads", schedule->graph->name,
                             s, (long long)w * 64);
        }
        if (step->kind == STEP_LIBRARY)
            verify_product(schedule, step);
        for (size_t i = 0; i <= step->outputs.count; i++) {
            const Buffer *buffer = i < step->outputs.count ? step->outputs.items[i] : step->scratchpad;
            int64_t offset;
            const Buffer *root = buffer ? buffer_root(buffer, &offset) : NULL;
            for (int64_t w = root ? root->offset / 64 : 0;
                 root && !root->variable && w < (root->offset + root->bytes + 63) / 64; w++)
                holds[w] = root;
        }
    }
    free(holds);
}
