#include "harness.h"

#include <dlfcn.h>
#include <math.h>
#include <spawn.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "compiler/passes/format.h"
#include "runtime/device/library.h"
#include "tests/pass/random_graph.h"

extern char **environ;

/* ---- values ---- */

static int64_t place_of(const Harness *harness, const Buffer *buffer)
{
    int64_t offset;
    const Buffer *root = buffer_root(buffer, &offset);
    if (root->variable)
        return harness->offsets[root->variable->index] + offset;
    return harness->variable_bytes + root->offset + offset;
}

static Shape shape_of_buffer(const Buffer *buffer, HpFormat *format, HpDataType *dtype)
{
    *format = buffer->node ? buffer->node->format : buffer->variable->format;
    *dtype = buffer->node ? buffer->node->dtype : buffer->variable->dtype;
    return buffer->node ? buffer->node->shape : buffer->variable->shape;
}

/* Where each element lies, row-major; to be freed. Axis by axis, every place so far becomes as many as the
 * axis is long. */
static int64_t *element_places(const HpPlaces *places, Shape shape)
{
    int64_t total = shape_count(shape), count = 1;
    int64_t *at = malloc((size_t)(total ? total : 1) * sizeof *at);
    assert_non_null(at);
    at[0] = 0;
    for (int axis = 0; axis < shape.rank && total > 0; axis++) {
        int64_t extent = shape.extents[axis];
        for (int64_t i = count - 1; i >= 0; i--) {
            const int64_t first = at[i];
            for (int64_t k = extent - 1; k >= 0; k--)
                at[i * extent + k] = first + k / places->block[axis] * places->stride[axis] +
                                     k % places->block[axis] * places->inner_stride[axis];
        }
        count *= extent;
    }
    return at;
}

static void set_element(char *memory, HpDataType dtype, int64_t at, double value)
{
    switch (dtype) {
    case HP_U8: ((uint8_t *)memory)[at] = (uint8_t)value; break;
    case HP_I64: ((int64_t *)memory)[at] = (int64_t)value; break;
    default: ((float *)memory)[at] = (float)value;
    }
}

static double get_element(const char *memory, HpDataType dtype, int64_t at)
{
    switch (dtype) {
    case HP_U8: return ((const uint8_t *)memory)[at];
    case HP_I64: return (double)((const int64_t *)memory)[at];
    default: return (double)((const float *)memory)[at];
    }
}

static void write_tensor(char *memory, Shape shape, HpFormat format, HpDataType dtype, int64_t channels,
                         const double *values)
{
    HpPlaces places = format_places(format, shape, channels);
    int64_t count = shape_count(shape);
    if (!channels)
        memset(memory, 0, (size_t)(places.count * hp_data_type_bytes(dtype)));
    int64_t *at = element_places(&places, shape);
    for (int64_t i = 0; i < count; i++)
        set_element(memory, dtype, at[i], values[i]);
    free(at);
}

/* The error of a tensor in memory, and that its padding is zero. */
static double compare_tensor(const char *memory, Shape shape, HpFormat format, HpDataType dtype,
                             int64_t channels, const double *values, double floor, const char *what)
{
    HpPlaces places = format_places(format, shape, channels);
    int64_t count = shape_count(shape);
    double *found = malloc((size_t)(count ? count : 1) * sizeof *found);
    char *is_element = calloc((size_t)places.count, 1);
    int64_t *at = element_places(&places, shape);
    for (int64_t i = 0; i < count; i++) {
        found[i] = get_element(memory, dtype, at[i]);
        if (!channels)
            is_element[at[i]] = 1;
    }
    double error = random_error(found, values, count);
    double largest = 0; /* a floor forgives the rounding of a zero, such as the variance of equal numbers */
    for (int64_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(values[i]));
    if (largest < floor)
        error *= largest / floor;
    for (int64_t i = 0; i < places.count && !channels; i++)
        if (!is_element[i] && get_element(memory, dtype, i) != 0)
            fail_msg("%s: the padding at %lld is %g, not 0", what, (long long)i,
                     get_element(memory, dtype, i));
    free(at);
    free(found);
    free(is_element);
    return error;
}

static void write_buffer(Harness *harness, const Buffer *buffer)
{
    HpFormat format;
    HpDataType dtype;
    Shape shape = shape_of_buffer(buffer, &format, &dtype);
    if (!buffer->node) /* an input of the image kernel: not part of the graph */
        return;
    const double *values = interpreter_value(harness->interpreter, buffer->node);
    write_tensor(harness->memory + place_of(harness, buffer), shape, format, dtype, buffer->channels, values);
}

static void check_tensor(Harness *harness, HarnessError kind, const char *memory, Shape shape,
                         HpFormat format, HpDataType dtype, int64_t channels, const double *values,
                         const char *what)
{
    const double tolerances[] = {harness->options.tolerance, 1e-4, 100 * harness->options.tolerance};
    double tolerance = tolerances[kind];
    double error =
        compare_tensor(memory, shape, format, dtype, channels, values, harness->options.floor, what);
    harness->worst[kind] = fmax(harness->worst[kind], error);
    if (!(error <= tolerance)) {
        fprintf(stderr, "generated code is kept in %s\n", harness->folder);
        harness->folder = NULL;
        fail_msg("%s: %s is off by %g, allowed are %g", harness->graph->name, what, error, tolerance);
    }
}

/* ---- generating and compiling ---- */

static void print_pointer(Text *out, const Buffer *buffer, void *user)
{
    const Harness *harness = user;
    text_add(out, "(void *)(memory + %lld)", (long long)place_of(harness, buffer));
}

static void print_scalar(Text *out, const Variable *scalar, void *user)
{
    (void)user;
    text_add(out, "context->scalars[%d]", scalar->index);
}

static const char *print_code(Harness *harness)
{
    Text out = text_new(harness->arena);
    text_add(&out, "#include \"hpart.h\"\n");
    kernel_set_print(&out, harness->kernels);
    KernelCaller caller = {print_pointer, print_scalar, harness};
    for (size_t i = 0; i < harness->schedule->steps.count; i++) {
        const Step *step = harness->schedule->steps.items[i];
        if (step->kind != STEP_KERNEL)
            continue;
        text_add(&out, "\nvoid step_%zu(const HpContext *context, char *memory);\n", i);
        text_add(&out,
                 "void step_%zu(const HpContext *context, char *memory)\n{\n    (void)context;\n    "
                 "(void)memory;\n    ",
                 i);
        kernel_print_call(&out, harness->kernels, step, &caller);
        text_add(&out, "\n}\n");
    }
    return out.data;
}

static void compile(Harness *harness, const char *optimise)
{
    char folder[] = "/tmp/hpanet_codegen_XXXXXX";
    if (!mkdtemp(folder))
        fail_msg("no temporary folder");
    harness->folder = arena_string(harness->arena, folder);
    const char *source = arena_format(harness->arena, "%s/kernels.c", folder);
    const char *object = arena_format(harness->arena, "%s/kernels.so", folder);
    FILE *file = fopen(source, "w");
    assert_non_null(file);
    fputs(print_code(harness), file);
    assert_int_equal(fclose(file), 0);
    const char *root = getenv("HPANET_ROOT");
    char *include = arena_format(harness->arena, "-I%s/runtime", root ? root : ".");
    char *arguments[] = {"cc",
                         "-std=gnu17",
                         (char *)optimise,
                         "-march=native",
                         "-fopenmp",
                         "-fno-math-errno",
                         "-fno-trapping-math",
                         "-mprefer-vector-width=512",
                         "-Wall",
                         "-Wextra",
                         "-Werror",
                         "-shared",
                         "-fPIC",
                         include,
                         "-o",
                         (char *)object,
                         (char *)source,
                         "-lm",
                         NULL};
    pid_t child;
    int status = -1;
    assert_int_equal(posix_spawnp(&child, "cc", NULL, NULL, arguments, environ), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status != 0) {
        harness->folder = NULL;
        fail_msg("the C compiler refuses %s", source);
    }
    harness->library = dlopen(object, RTLD_NOW | RTLD_LOCAL);
    if (!harness->library)
        fail_msg("%s", dlerror());
}

/* ---- running ---- */

void harness_run_step(Harness *harness, const Step *step)
{
    char *memory = harness->memory;
    switch (step->kind) {
    case STEP_ALIAS: return;
    case STEP_COPY:
        memcpy(memory + place_of(harness, step->outputs.items[0]),
               memory + place_of(harness, step->inputs.items[0]), (size_t)step->inputs.items[0]->bytes);
        return;
    case STEP_LIBRARY:
        if (!step->call->handle)
            hp_library_create(step->call);
        hp_library_execute(step->call, memory + place_of(harness, step->a),
                           step->b ? memory + place_of(harness, step->b) : NULL,
                           step->bias ? memory + place_of(harness, step->bias) : NULL,
                           memory + place_of(harness, step->outputs.items[0]),
                           step->scratchpad ? memory + place_of(harness, step->scratchpad) : NULL);
        return;
    case STEP_KERNEL: break;
    }
    char name[32];
    snprintf(name, sizeof name, "step_%d", step->index);
    void (*function)(const HpContext *, char *);
    *(void **)&function = dlsym(harness->library, name);
    assert_non_null(function);
    function(&harness->context, memory);
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
            write_tensor(harness->memory + harness->offsets[i], variable->shape, variable->format,
                         variable->dtype, 0, harness->start[i]);
    }
}

/* With an addend the call finds it where its result will lie; the copy before it, or the plan, saw to that.
 */
static void feed_step(Harness *harness, const Step *step)
{
    for (size_t i = 0; i < step->inputs.count; i++)
        write_buffer(harness, step->inputs.items[i]);
    if (step->kind == STEP_LIBRARY && step->addend) {
        const Buffer *output = step->outputs.items[0];
        const double *values = interpreter_value(harness->interpreter, step->addend->node);
        write_tensor(harness->memory + place_of(harness, output), output->node->shape, output->node->format,
                     output->node->dtype, 0, values);
    }
}

void harness_check_steps(Harness *harness)
{
    set_variables(harness);
    for (size_t i = 0; i < harness->schedule->steps.count; i++) {
        const Step *step = harness->schedule->steps.items[i];
        if (step->kind == STEP_ALIAS || step->kind == STEP_COPY || step->nodes.items[0]->op == OP_IMAGE)
            continue;
        feed_step(harness, step);
        for (size_t j = 0; step->scratchpad && j < (size_t)step->scratchpad->bytes; j++)
            harness->memory[place_of(harness, step->scratchpad) + (int64_t)j] = (char)0xff;
        harness_run_step(harness, step);
        for (size_t j = 0; j < step->outputs.count; j++) {
            const Buffer *output = step->outputs.items[j];
            const Node *node = output->node;
            Text what = text_new(harness->arena);
            text_add(&what, "step %zu ", i);
            buffer_describe(&what, output);
            check_tensor(harness, step->kind == STEP_LIBRARY ? HARNESS_PRODUCT : HARNESS_KERNEL,
                         harness->memory + place_of(harness, output), node->shape, node->format, node->dtype,
                         output->channels, interpreter_value(harness->interpreter, node), what.data);
        }
    }
}

void harness_check_run(Harness *harness)
{
    memset(harness->memory, 0xff, (size_t)(harness->variable_bytes + harness->schedule->arena_bytes));
    set_variables(harness);
    const Graph *graph = harness->graph;
    for (size_t i = 0; i < harness->schedule->steps.count; i++) {
        const Step *step = harness->schedule->steps.items[i];
        if (step->kind == STEP_KERNEL && step->nodes.items[0]->op == OP_IMAGE)
            write_buffer(harness, step->outputs.items[0]);
        else
            harness_run_step(harness, step);
    }
    for (size_t i = 0; i < graph->results.count; i++) {
        const Node *node = graph->results.items[i].node;
        const Buffer *buffer = harness->schedule->buffer_of[node->id];
        check_tensor(harness, HARNESS_RUN, harness->memory + place_of(harness, buffer), node->shape,
                     HP_FORMAT_PLAIN, node->dtype, 0, interpreter_value(harness->interpreter, node),
                     graph->results.items[i].name);
    }
    for (size_t i = 0; i < graph->variables->list.count; i++) {
        const Variable *variable = graph->variables->list.items[i];
        if (variable->kind != HP_SCALAR && harness->start[i])
            check_tensor(harness, HARNESS_RUN, harness->memory + harness->offsets[i], variable->shape,
                         variable->format, variable->dtype, 0,
                         interpreter_variable(harness->interpreter, variable), variable->name);
    }
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
        for (int64_t j = 0; j < count; j++) /* both see what a float can hold */
            values[j] = harness->start[i][j] =
                variable->dtype == HP_F32 ? (double)(float)values[j] : floor(fabs(values[j]) * 100);
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

Harness *harness_new(Graph *graph, HarnessOptions options)
{
    Harness *harness = ARENA_NEW(graph->arena, Harness);
    harness->options = options;
    harness->arena = graph->arena;
    harness->graph = graph;
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
    size_t bytes = (size_t)(harness->variable_bytes + harness->schedule->arena_bytes);
    harness->memory = aligned_alloc(64, bytes ? bytes : 64);
    memset(harness->memory, 0xff, bytes);
    harness->kernels = kernel_set_new(graph->arena);
    for (size_t i = 0; i < harness->schedule->steps.count; i++)
        if (harness->schedule->steps.items[i]->kind == STEP_KERNEL)
            kernel_set_add(harness->kernels, harness->schedule->steps.items[i]);
    compile(harness, options.optimise);
    return harness;
}

void harness_free(Harness *harness)
{
    if (harness->library)
        dlclose(harness->library);
    for (size_t i = 0; i < harness->schedule->steps.count; i++)
        if (harness->schedule->steps.items[i]->kind == STEP_LIBRARY &&
            harness->schedule->steps.items[i]->call->handle)
            hp_library_destroy(harness->schedule->steps.items[i]->call);
    static const char *const files[] = {"kernels.c", "kernels.so", ""};
    for (int i = 0; harness->folder && i < 3; i++)
        remove(arena_format(harness->arena, "%s/%s", harness->folder, files[i]));
    free(harness->memory);
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
