/* From the nodes of a step to values, loads and stores. */
#include <string.h>
#include "internal.h"
#include "../target/target.h"

typedef struct Known {
    const Node *node;
    const Nest *nest;
    Map map;
    Value *value;
} Known;
typedef LIST(Known) KnownList;

typedef struct Builder {
    Arena *arena;
    Kernel *kernel;
    Nest *nest;       /* main or end */
    TapLoops *taps;   /* the window whose body is being built, or NULL */
    KnownList *known; /* every value so far, by node and place */
} Builder;

static Value *evaluate(Builder *builder, const Node *node, const Map *map);

/* ---- values ---- */

/* A value made before for the same node at the same place, in a body that this one sees. */
static Value *known_value(const Builder *builder, const Node *node, const Map *map)
{
    for (size_t i = 0; i < builder->known->count; i++) {
        const Known *known = &builder->known->items[i];
        bool visible = !known->value->inside || known->value->inside == builder->taps;
        if (known->node == node && known->nest == builder->nest && visible && map_equal(&known->map, map))
            return known->value;
    }
    return NULL;
}

static Value *add_value(Builder *builder, ValueKind kind, const Node *node, int count, Value **inputs)
{
    Value *value = ARENA_NEW(builder->arena, Value);
    value->kind = kind;
    value->node = node;
    value->op = node->op;
    value->input_count = count;
    value->is_number = kind == VALUE_CONSTANT || kind == VALUE_SCALAR || kind == VALUE_OPERATION;
    for (int i = 0; i < count; i++) {
        value->inputs[i] = inputs[i];
        value->is_number = value->is_number && inputs[i]->is_number;
        value->axes |= inputs[i]->axes;
        inputs[i]->uses++;
    }
    value->id = builder->kernel->value_count++;
    return value;
}

/* Puts a finished value where its body is: with the window's taps, or with the nest. */
static Value *place_value(Builder *builder, Value *value)
{
    bool in_taps = builder->taps && value->axes >> TAP_AXIS;
    value->inside = in_taps ? builder->taps : NULL;
    list_push(builder->arena, in_taps ? &builder->taps->values : &builder->nest->values, value);
    return value;
}

static Value *constant_value(Builder *builder, const Node *node, double number)
{
    Value *value = add_value(builder, VALUE_CONSTANT, node, 0, NULL);
    value->constant = number;
    return place_value(builder, value);
}

static Buffer *loaded_buffer(const Builder *builder, const Node *node)
{
    const Step *step = builder->kernel->step;
    for (size_t i = 0; i < step->inputs.count; i++)
        if (step->inputs.items[i]->node == node)
            return step->inputs.items[i];
    return NULL;
}

static Value *load_value(Builder *builder, const Node *node, const Map *map, Buffer *buffer, unsigned guards,
                         Value *otherwise)
{
    Value *value = add_value(builder, VALUE_LOAD, node, otherwise != NULL, &otherwise);
    value->access = (Access){
        .buffer = buffer, .map = *map, .format = node->format, .shape = node->shape, .guards = guards};
    value->axes |= map_axes(map);
    return place_value(builder, value);
}

/* ---- movement ---- */

static Map map_of_broadcast(const Node *input, const Map *map)
{
    Map inner = *map;
    inner.rank = input->shape.rank;
    for (int i = 0; i < inner.rank; i++)
        if (input->shape.extents[i] == 1)
            inner.axes[i] = form_zero();
    return inner;
}

static Map map_of_reshape(const Node *node, const Map *map)
{
    const Shape from = node->inputs[0]->shape;
    Map inner = {.rank = from.rank};
    int axis = 0;
    for (int i = 0; i < from.rank; i++) {
        inner.axes[i] = form_zero();
        if (from.extents[i] == 1)
            continue;
        while (node->shape.extents[axis] == 1)
            axis++;
        inner.axes[i] = map->axes[axis++];
    }
    return inner;
}

static Map map_of_transpose(const Node *node, const Map *map)
{
    Map inner = {.rank = map->rank};
    for (int i = 0; i < map->rank; i++)
        inner.axes[node->attributes.permutation[i]] = map->axes[i];
    return inner;
}

static Form scaled_form(Form form, int64_t factor, int64_t offset)
{
    if (form.divisor != 1 && (factor != 1 || offset != 0))
        internal_error("an index that was divided is moved");
    form.offset = form.offset * factor + offset;
    for (int i = 0; i < KERNEL_AXES; i++)
        form.factor[i] *= factor;
    return form;
}

static Map map_of_slice(const Node *node, const Map *map)
{
    Map inner = *map;
    for (int i = 0; i < map->rank; i++)
        inner.axes[i] =
            scaled_form(map->axes[i], node->attributes.slice.step[i], node->attributes.slice.start[i]);
    return inner;
}

static Map map_of_upsample(const Node *node, const Map *map)
{
    Map inner = *map;
    for (int i = 0; i < 2; i++)
        inner.axes[2 + i].divisor *= node->attributes.upsample[i];
    return inner;
}

/* The stored input of an op that reads it only where it reaches. */
static Value *guarded_load(Builder *builder, const Node *node, const Node *input, const Map *map,
                           unsigned guards, Value *otherwise)
{
    Buffer *buffer = loaded_buffer(builder, input);
    if (!buffer)
        internal_error("the input of %s is not in memory", op_table[node->op].name);
    return load_value(builder, input, map, buffer, guards, otherwise);
}

static Value *evaluate_pad(Builder *builder, const Node *node, const Map *map)
{
    Map inner = *map;
    unsigned guards = 0;
    for (int i = 0; i < map->rank; i++) {
        inner.axes[i] = scaled_form(map->axes[i], 1, -node->attributes.pad.before[i]);
        if (node->attributes.pad.before[i] || node->attributes.pad.after[i])
            guards |= 1U << i;
    }
    Value *outside = constant_value(builder, node, node->attributes.pad.value);
    return guarded_load(builder, node, node->inputs[0], &inner, guards, outside);
}

/* The last input stands in where the others do not reach, and so on. */
static Value *evaluate_concat(Builder *builder, const Node *node, const Map *map)
{
    int axis = node->attributes.concat;
    int64_t end = node->shape.extents[axis];
    Value *value = NULL;
    for (int i = node->input_count - 1; i >= 0; i--) {
        const Node *input = node->inputs[i];
        end -= input->shape.extents[axis];
        Map inner = *map;
        inner.axes[axis] = scaled_form(map->axes[axis], 1, -end);
        value = guarded_load(builder, node, input, &inner, value ? 1U << axis : 0, value);
    }
    return value;
}

/* ---- windows ---- */

static WindowKind window_kind(const Node *node)
{
    switch (node->op) {
    case OP_AVERAGE_POOL: return WINDOW_AVERAGE;
    case OP_MAX_POOL_GRADIENT: return WINDOW_MAX_GRADIENT;
    case OP_AVERAGE_POOL_GRADIENT: return WINDOW_AVERAGE_GRADIENT;
    default: return WINDOW_MAX;
    }
}

/* Where a tap stands: for poolings stride * output - padding + tap, for gradients the tap is the output
 * itself. */
static Form tap_form(const Form *outside, const Window *window, int i, bool gradient)
{
    if (gradient)
        return form_axis(TAP_AXIS + i);
    Form form = scaled_form(*outside, window->stride[i], -window->pad_before[i]);
    form.factor[TAP_AXIS + i] = 1;
    return form;
}

static TapLoops *find_taps(const Builder *builder, const Node *node, const Map *map)
{
    for (size_t i = 0; i < builder->nest->windows.count; i++) {
        TapLoops *taps = builder->nest->windows.items[i];
        if (taps->node->inputs[0] == node->inputs[0] && taps->kind == window_kind(node) &&
            memcmp(taps->window, &node->attributes.window, sizeof(Window)) == 0 && map_equal(&taps->map, map))
            return taps;
    }
    return NULL;
}

static TapLoops *build_taps(Builder *builder, const Node *node, const Map *map)
{
    if (builder->taps)
        internal_error("a window inside a window");
    TapLoops *taps = ARENA_NEW(builder->arena, TapLoops);
    const Node *input = node->inputs[0];
    const Window *window = &node->attributes.window;
    taps->kind = window_kind(node);
    const Form identity = form_axis(3);
    bool gradient = taps->kind == WINDOW_MAX_GRADIENT || taps->kind == WINDOW_AVERAGE_GRADIENT;
    taps->window = window;
    taps->node = node;
    taps->map = *map;
    taps->tile = gradient && form_equal(&map->axes[3], &identity) ? builder->kernel->tile : 0;
    taps->id = (int)builder->nest->windows.count;
    Map inner = *map;
    for (int i = 0; i < 2; i++) {
        taps->outside[i] = map->axes[2 + i];
        taps->extent[i] = input->shape.extents[2 + i];
        taps->inside[i] = inner.axes[2 + i] = tap_form(&map->axes[2 + i], window, i, gradient);
    }
    builder->taps = taps;
    taps->body = evaluate(builder, input, &inner);
    if (taps->kind == WINDOW_MAX_GRADIENT)
        taps->index = evaluate(builder, node->inputs[1], &inner);
    builder->taps = NULL;
    list_push(builder->arena, &builder->nest->windows, taps);
    return taps;
}

static Value *evaluate_window(Builder *builder, const Node *node, const Map *map)
{
    TapLoops *taps = find_taps(builder, node, map);
    if (!taps)
        taps = build_taps(builder, node, map);
    bool index = node->op == OP_MAX_POOL_INDEX;
    Value **result = index ? &taps->best_tap : &taps->best;
    if (*result) /* two nodes of the same meaning */
        return *result;
    *result = add_value(builder, index ? VALUE_BEST_TAP : VALUE_BEST, node, 0, NULL);
    (*result)->taps = taps;
    (*result)->axes |= map_axes(map);
    return place_value(builder, *result);
}

/* ---- everything ---- */

static Value *evaluate_random(Builder *builder, const Node *node, const Map *map)
{
    Map row = {.rank = 1, .axes = {map->axes[0]}};
    Value *draw = evaluate(builder, node->inputs[0], &row);
    Value *value = add_value(builder, VALUE_RANDOM, node, 1, &draw);
    value->access = (Access){.map = *map, .format = HP_FORMAT_PLAIN, .shape = node->shape};
    value->axes |= map_axes(map);
    builder->kernel->uses_random = true;
    return place_value(builder, value);
}

static Accumulator *accumulator_for(Builder *builder, AccumulatorKind kind, Value *value)
{
    Kernel *kernel = builder->kernel;
    for (size_t i = 0; i < kernel->accumulators.count; i++)
        if (kernel->accumulators.items[i]->kind == kind && kernel->accumulators.items[i]->value == value)
            return kernel->accumulators.items[i];
    Accumulator *accumulator = ARENA_NEW(builder->arena, Accumulator);
    *accumulator = (Accumulator){kind, value, (int)kernel->accumulators.count};
    value->uses++;
    list_push(builder->arena, &kernel->accumulators, accumulator);
    return accumulator;
}

static Value *evaluate_reduced(Builder *builder, const Node *node, const Map *map)
{
    if (builder->nest != &builder->kernel->end)
        internal_error("%s is used before it is complete", op_table[node->op].name);
    Builder inner = *builder;
    inner.nest = &builder->kernel->main;
    Map domain = map_identity(builder->kernel->domain);
    Value *input = evaluate(&inner, node->inputs[0], &domain);
    Value *value = add_value(builder, VALUE_REDUCED, node, 0, NULL);
    value->sum = accumulator_for(&inner, node->op == OP_REDUCE_MAX ? ACCUMULATE_MAX : ACCUMULATE_SUM, input);
    if (node->op == OP_REDUCE_VARIANCE)
        value->squares = accumulator_for(&inner, ACCUMULATE_SQUARES, input);
    value->axes = map_axes(map);
    return place_value(builder, value);
}

static Value *evaluate_movement(Builder *builder, const Node *node, const Map *map)
{
    Map inner;
    switch (node->op) {
    case OP_BROADCAST: inner = map_of_broadcast(node->inputs[0], map); break;
    case OP_RESHAPE: inner = map_of_reshape(node, map); break;
    case OP_TRANSPOSE: inner = map_of_transpose(node, map); break;
    case OP_SLICE: inner = map_of_slice(node, map); break;
    case OP_UPSAMPLE: inner = map_of_upsample(node, map); break;
    case OP_REORDER: inner = *map; break;
    case OP_PAD: return evaluate_pad(builder, node, map);
    case OP_CONCAT: return evaluate_concat(builder, node, map);
    default: internal_error("%s in a kernel", op_table[node->op].name);
    }
    return evaluate(builder, node->inputs[0], &inner);
}

static Value *evaluate_new(Builder *builder, const Node *node, const Map *map)
{
    switch (op_table[node->op].class) {
    case CLASS_MOVEMENT: return evaluate_movement(builder, node, map);
    case CLASS_WINDOW: return evaluate_window(builder, node, map);
    case CLASS_REDUCTION:
        if (node_is_reduction(node))
            return evaluate_reduced(builder, node, map);
        return node->op == OP_REDUCE_VARIANCE ? constant_value(builder, node, 0)
                                              : evaluate(builder, node->inputs[0], map);
    case CLASS_ELEMENTWISE: break;
    default:
        if (node->op == OP_CONSTANT)
            return constant_value(builder, node, node->attributes.constant);
        if (node->op == OP_RANDOM)
            return evaluate_random(builder, node, map);
        if (node->op == OP_VARIABLE && node->variable->kind == HP_SCALAR) {
            Value *value = add_value(builder, VALUE_SCALAR, node, 0, NULL);
            value->scalar = node->variable;
            return place_value(builder, value);
        }
        internal_error("%s is not in memory", op_table[node->op].name);
    }
    Value *inputs[3];
    for (int i = 0; i < node->input_count; i++)
        inputs[i] = evaluate(builder, node->inputs[i], map);
    return place_value(builder, add_value(builder, VALUE_OPERATION, node, node->input_count, inputs));
}

static Value *evaluate(Builder *builder, const Node *node, const Map *map)
{
    Value *value = known_value(builder, node, map);
    if (value)
        return value;
    Buffer *buffer = loaded_buffer(builder, node);
    value = buffer ? load_value(builder, node, map, buffer, 0, NULL) : evaluate_new(builder, node, map);
    list_push(builder->arena, builder->known, ((Known){node, builder->nest, *map, value}));
    return value;
}

/* ---- stores ---- */

/* Does the value exist only when a reduction of this step is complete? */
static bool is_after_reduction(const Builder *builder, const Node *node)
{
    if (node_is_reduction(node))
        return true;
    for (int i = 0; i < node->input_count; i++)
        if (!loaded_buffer(builder, node->inputs[i]) && is_after_reduction(builder, node->inputs[i]))
            return true;
    return false;
}

static Shape reduced_domain(const Kernel *kernel)
{
    Shape shape = kernel->domain;
    for (int i = 0; i < shape.rank; i++)
        if (kernel->step->reduced_axes >> i & 1)
            shape.extents[i] = 1;
    return shape;
}

static void store_output(Builder *builder, Buffer *buffer)
{
    Kernel *kernel = builder->kernel;
    const Node *node = buffer->node;
    bool end = is_after_reduction(builder, node);
    builder->nest = end ? &kernel->end : &kernel->main;
    Map map = map_squeezed(end ? reduced_domain(kernel) : kernel->domain, node->shape);
    Store store = {.node = node, .value = evaluate(builder, node, &map)};
    store.access = (Access){.buffer = buffer, .map = map, .format = node->format, .shape = node->shape};
    store.value->uses++;
    list_push(builder->arena, &builder->nest->stores, store);
}

/* ---- what may share memory ---- */

static bool reads_only_there(const Kernel *kernel, const Nest *nest, const Buffer *input, const Store *store)
{
    bool read = false;
    for (size_t i = 0; i < nest->values.count; i++) {
        const Value *value = nest->values.items[i];
        if (value->kind != VALUE_LOAD || value->access.buffer != input)
            continue;
        if (!access_equal(kernel, &value->access, &store->access))
            return false;
        read = true;
    }
    return read;
}

static bool is_read_elsewhere(const Nest *nest, bool values_too, const Buffer *input)
{
    for (size_t w = 0; w < nest->windows.count; w++)
        for (size_t i = 0; i < nest->windows.items[w]->values.count; i++)
            if (nest->windows.items[w]->values.items[i]->access.buffer == input)
                return true;
    for (size_t i = 0; values_too && i < nest->values.count; i++)
        if (nest->values.items[i]->kind == VALUE_LOAD && nest->values.items[i]->access.buffer == input)
            return true;
    return false;
}

static void find_overwrites(const Kernel *kernel, Step *step)
{
    for (int part = 0; part < 2; part++) {
        const Nest *nest = part ? &kernel->end : &kernel->main, *other = part ? &kernel->main : &kernel->end;
        for (size_t i = 0; i < nest->stores.count; i++)
            for (size_t j = 0; j < step->inputs.count; j++) {
                const Store *store = &nest->stores.items[i];
                Buffer *input = step->inputs.items[j];
                if (input->bytes != store->access.buffer->bytes || input->channels ||
                    store->access.buffer->channels || input->node->dtype != store->node->dtype ||
                    !reads_only_there(kernel, nest, input, store) || is_read_elsewhere(nest, false, input) ||
                    is_read_elsewhere(other, true, input))
                    continue;
                list_push(kernel->arena, &step->overwrites, ((Overwrite){input, store->access.buffer}));
            }
    }
}

/* ---- the kernel ---- */

/* Bytes of partial sums. */
static int64_t workspace_bytes(const Kernel *kernel)
{
    int64_t sums = (int64_t)kernel->accumulators.count;
    if (target()->launches)
        return sums * kernel->threads.blocks[1] * kernel_kept_count(kernel) * (int64_t)sizeof(double);
    for (int l = 0; l < kernel->outer; l++)
        sums *= kernel->loops[l].extent;
    if (kernel->lanes && !kernel->loops[kernel->loop_count - 1].reduced)
        sums *= kernel->lanes;
    return sums * (int64_t)sizeof(double);
}

static Kernel *kernel_build(Schedule *schedule, Step *step)
{
    Arena *arena = schedule->graph->arena;
    Kernel *kernel = ARENA_NEW(arena, Kernel);
    *kernel = (Kernel){.arena = arena, .step = step, .domain = step->domain};
    kernel->is_image = step->nodes.items[0]->op == OP_IMAGE;
    if (kernel->is_image) {
        kernel_add_image_inputs(kernel, schedule, step);
        kernel_choose_image_threads(kernel);
        return kernel;
    }
    kernel_choose_loops(kernel);
    Builder builder = {.arena = arena, .kernel = kernel, .known = &(KnownList){0}};
    for (size_t i = 0; i < step->outputs.count; i++)
        store_output(&builder, step->outputs.items[i]);
    kernel_finish_loops(kernel);
    find_overwrites(kernel, step);
    return kernel;
}

void kernels_build(Schedule *schedule)
{
    for (size_t i = 0; i < schedule->steps.count; i++) {
        Step *step = schedule->steps.items[i];
        if (step->kind != STEP_KERNEL)
            continue;
        step->kernel = kernel_build(schedule, step);
        int64_t workspace = workspace_bytes(step->kernel);
        if (workspace > 0)
            step->scratchpad = schedule_buffer(schedule, NULL, workspace);
    }
}
