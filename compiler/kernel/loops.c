/* The nest of a kernel: which loops, in which order, which of them are joined, and at which level a value is
 * computed. */
#include <string.h>
#include "internal.h"
#include "../target/target.h"

/* ---- which loops ---- */

/* The format in which the loops follow memory: of a full-sized output, else of a full-sized input. */
static HpFormat leading_format(const Kernel *kernel)
{
    const Step *step = kernel->step;
    for (size_t i = 0; i < step->outputs.count + step->inputs.count; i++) {
        const Buffer *buffer =
            i < step->outputs.count ? step->outputs.items[i] : step->inputs.items[i - step->outputs.count];
        if (buffer->node && shape_equal(buffer->node->shape, kernel->domain) &&
            buffer->node->format != HP_FORMAT_PLAIN)
            return buffer->node->format;
    }
    return HP_FORMAT_PLAIN;
}

/* The largest block in which any buffer of the kernel cuts the axis. */
static int64_t axis_block(const Kernel *kernel, int axis)
{
    const Step *step = kernel->step;
    int64_t block = 1;
    for (size_t i = 0; i < step->outputs.count + step->inputs.count; i++) {
        const Buffer *buffer =
            i < step->outputs.count ? step->outputs.items[i] : step->inputs.items[i - step->outputs.count];
        if (!buffer->node || buffer->node->shape.rank != 4 || kernel->domain.rank != 4)
            continue;
        int64_t own = format_block(buffer->node->format, axis);
        block = own > block ? own : block;
    }
    return block;
}

/* An axis of one element needs no loop, but one in blocks keeps both of its loops. */
static void add_loop(Kernel *kernel, int axis, int64_t extent, int64_t scale)
{
    if (kernel->domain.extents[axis] == 1 && scale == 1 && extent == 1)
        return;
    if (kernel->loop_count == MAX_LOOPS)
        internal_error("too many loops");
    bool reduced = kernel->step->reduced_axes >> axis & 1;
    kernel->loops[kernel->loop_count++] =
        (Loop){.axis = axis, .extent = extent, .scale = scale, .reduced = reduced};
}

/* An axis in blocks: the second loop ends with the axis when the last block is not full. */
static void add_blocked_loops(Kernel *kernel, int axis, int64_t block)
{
    int64_t extent = kernel->domain.extents[axis];
    add_loop(kernel, axis, (extent + block - 1) / block, block);
    add_loop(kernel, axis, block, 1);
    if (extent % block)
        kernel->loops[kernel->loop_count - 1].limit = extent;
}

/* The gradient of a pooling whose windows overlap: a pixel belongs to several windows. Instead of asking each
 * pixel for its windows, every window adds to the pixels it covers, in a buffer of one part of a row. */
static bool has_overlapping_gradient(const Kernel *kernel)
{
    for (size_t i = 0; i < kernel->step->nodes.count; i++) {
        const Node *node = kernel->step->nodes.items[i];
        const Window *window = &node->attributes.window;
        if ((node->op == OP_MAX_POOL_GRADIENT || node->op == OP_AVERAGE_POOL_GRADIENT) &&
            shape_equal(node->shape, kernel->domain) && window->kernel[1] > window->stride[1])
            return true;
    }
    return false;
}

/* A part of a row that fits the nearest cache, without a rest if possible. */
static int64_t choose_tile(int64_t columns)
{
    enum { LARGEST = 32, SMALLEST = 8 };
    for (int64_t tile = LARGEST; tile >= SMALLEST; tile--)
        if (columns % tile == 0)
            return tile;
    return LARGEST;
}

static void add_loops_of_format(Kernel *kernel)
{
    FormatDim dims[FORMAT_MAX_DIMS];
    int count = format_dims(kernel->format, kernel->domain, dims);
    for (int i = 0; i < count; i++) {
        int axis = dims[i].axis;
        int64_t extent = kernel->domain.extents[axis], own = format_block(kernel->format, axis);
        int64_t wanted = axis_block(kernel, axis);
        if (axis == 3 && kernel->tile)
            wanted = kernel->tile;
        if (own == 1 && wanted > 1) {
            add_blocked_loops(kernel, axis, wanted);
            continue;
        }
        add_loop(kernel, axis, dims[i].extent, dims[i].scale);
        if (own > 1 && dims[i].scale == 1 && extent % own)
            kernel->loops[kernel->loop_count - 1].limit = extent;
    }
}

/* ---- reductions ---- */

/* Moves the loops for which keep[] is set in front of the others; both parts keep their order. */
static void partition(Kernel *kernel, const bool *front)
{
    Loop sorted[MAX_LOOPS];
    int count = 0;
    for (int part = 0; part < 2; part++)
        for (int i = 0; i < kernel->loop_count; i++)
            if (front[i] == (part == 0))
                sorted[count++] = kernel->loops[i];
    memcpy(kernel->loops, sorted, sizeof sorted);
}

/* Partial sums are kept per lane and per step of the outer loops, so: a kept innermost axis is cut into
 * lanes, and the reduced loops stand inside the kept ones, except a first one that leaves others inside: it
 * gives the threads work. */
static void order_reduction(Kernel *kernel)
{
    Loop last = kernel->loops[kernel->loop_count - 1];
    bool cut = format_block(kernel->format, last.axis) > 1 && last.scale == 1;
    if (!last.reduced && !cut) {
        kernel->loop_count--;
        add_blocked_loops(kernel, last.axis, LANES);
        cut = true;
    }
    int inner = 0; /* reduced loops behind the first */
    for (int i = 1; i < kernel->loop_count; i++)
        inner += kernel->loops[i].reduced;
    bool front[MAX_LOOPS] = {false};
    for (int i = 0; i < kernel->loop_count; i++)
        front[i] = !kernel->loops[i].reduced || (i == 0 && inner > 0);
    if (cut)
        front[kernel->loop_count - 1] = false; /* the lanes stay last */
    partition(kernel, front);
    kernel->outer = 0;
    for (int i = 0; i < kernel->loop_count; i++)
        kernel->outer += front[i];
}

/* A reduction along one axis alone: cut, so that threads have something to share. */
enum { CHUNK = 4096 };
static void cut_single_loop(Kernel *kernel)
{
    Loop only = kernel->loops[0];
    if (kernel->loop_count != 1 || only.extent <= CHUNK)
        return;
    kernel->loop_count = 0;
    add_blocked_loops(kernel, only.axis, CHUNK);
    kernel->outer = 1;
}

void kernel_choose_loops(Kernel *kernel)
{
    kernel->format = kernel->domain.rank == 4 ? leading_format(kernel) : HP_FORMAT_PLAIN;
    if (target()->launches) {
        add_loops_of_format(kernel);
        return;
    }
    bool blocked = kernel->format == HP_FORMAT_NCHW8C || kernel->format == HP_FORMAT_NCHW16C;
    if (blocked && has_overlapping_gradient(kernel))
        kernel->tile = choose_tile(kernel->domain.extents[3]);
    add_loops_of_format(kernel);
    if (kernel->step->reduced_axes && kernel->loop_count > 0) {
        order_reduction(kernel);
        cut_single_loop(kernel);
    }
}

/* ---- joining loops ---- */

static void collect_accesses(const Kernel *kernel, const Nest *nest, AccessList *accesses)
{
    for (size_t i = 0; i < nest->values.count; i++) {
        Value *value = nest->values.items[i];
        if (value->kind == VALUE_LOAD || value->kind == VALUE_RANDOM)
            list_push(kernel->arena, accesses, &value->access);
    }
    for (size_t w = 0; w < nest->windows.count; w++)
        for (size_t i = 0; i < nest->windows.items[w]->values.count; i++) {
            Value *value = nest->windows.items[w]->values.items[i];
            if (value->kind == VALUE_LOAD || value->kind == VALUE_RANDOM)
                list_push(kernel->arena, accesses, &value->access);
        }
    for (size_t i = 0; i < nest->stores.count; i++)
        list_push(kernel->arena, accesses, &nest->stores.items[i].access);
}

static unsigned form_axes(const Form *form)
{
    unsigned axes = 0;
    for (int axis = 0; axis < SHAPE_MAX_RANK; axis++)
        if (form->factor[axis])
            axes |= 1U << axis;
    return axes;
}

/* Axes whose index the code needs as a number: guards, divided indices, windows, a last block that is not
 * full. */
static unsigned named_axes(const Kernel *kernel, const AccessList *accesses)
{
    unsigned axes = 0;
    for (int l = 0; l < kernel->loop_count; l++)
        if (kernel->loops[l].limit)
            axes |= 1U << kernel->loops[l].axis;
    for (size_t i = 0; i < accesses->count; i++) {
        const Access *access = accesses->items[i];
        for (int axis = 0; axis < access->map.rank; axis++)
            if (access->guards >> axis & 1 || form_is_term(&access->map.axes[axis]))
                axes |= form_axes(&access->map.axes[axis]);
    }
    for (size_t w = 0; w < kernel->main.windows.count; w++) {
        const TapLoops *taps = kernel->main.windows.items[w];
        axes |= form_axes(&taps->outside[0]) | form_axes(&taps->outside[1]);
    }
    return axes;
}

static bool can_join(const Kernel *kernel, const AccessList *accesses, unsigned named, int at)
{
    const Loop *a = &kernel->loops[at], *b = &kernel->loops[at + 1];
    if (a->reduced != b->reduced || (named >> a->axis & 1) || (named >> b->axis & 1))
        return false;
    if (kernel->step->reduced_axes &&
        (at + 1 == kernel->outer || (kernel->lanes && at + 2 == kernel->loop_count)))
        return false;
    for (size_t i = 0; i < accesses->count; i++)
        if (accesses->items[i]->stride[at] != accesses->items[i]->stride[at + 1] * b->extent)
            return false;
    return true;
}

static void join(Kernel *kernel, const AccessList *accesses, int at)
{
    Loop *a = &kernel->loops[at], *b = &kernel->loops[at + 1];
    a->extent *= b->extent;
    a->scale = b->scale;
    a->joined = true;
    int after = kernel->loop_count - at - 2;
    memmove(b, b + 1, (size_t)after * sizeof *b);
    for (size_t i = 0; i < accesses->count; i++) {
        int64_t *stride = accesses->items[i]->stride;
        memmove(&stride[at], &stride[at + 1], (size_t)(after + 1) * sizeof *stride);
        stride[kernel->loop_count - 1] = 0;
    }
    kernel->loop_count--;
    if (at < kernel->outer && kernel->step->reduced_axes)
        kernel->outer--;
}

static void join_loops(Kernel *kernel, const AccessList *accesses)
{
    unsigned named = named_axes(kernel, accesses);
    for (int at = kernel->loop_count - 2; at >= 0; at--)
        if (can_join(kernel, accesses, named, at)) {
            if (kernel->lanes && at + 2 == kernel->loop_count)
                kernel->lanes = 0;
            join(kernel, accesses, at);
        }
}

/* ---- levels ---- */

static unsigned loops_of_access(const Kernel *kernel, const Access *access)
{
    unsigned loops = 0;
    for (int l = 0; l < kernel->loop_count; l++)
        if (access->stride[l] || access_has_term(access, &kernel->loops[l]))
            loops |= 1U << l;
    return loops;
}

static void find_loops(const Kernel *kernel, Value *value)
{
    value->loops = 0;
    if (value->kind == VALUE_LOAD || value->kind == VALUE_RANDOM)
        value->loops = loops_of_access(kernel, &value->access);
    for (int i = 0; i < value->input_count; i++)
        value->loops |= value->inputs[i]->loops;
    if (value->taps) {
        for (size_t i = 0; i < value->taps->values.count; i++)
            find_loops(kernel, value->taps->values.items[i]);
        value->loops |= value->taps->body->loops | (value->taps->index ? value->taps->index->loops : 0);
        for (int l = 0; l < kernel->loop_count; l++)
            if ((form_axes(&value->taps->outside[0]) | form_axes(&value->taps->outside[1])) >>
                    kernel->loops[l].axis &
                1)
                value->loops |= 1U << l;
    }
}

/* A value stands inside the loops up to the innermost it depends on. When lanes and another loop lie inside
 * that, it is an array over the lanes. Nothing stands between the parallel loops. Windows stand outside the
 * lanes, which their taps run over. */
static void set_level(const Kernel *kernel, Value *value)
{
    int last = kernel->loop_count - 1, deepest = -1;
    bool tiled = value->taps && value->taps->tile;
    for (int l = 0; l < (tiled ? last - 1 : kernel->lanes ? last : kernel->loop_count); l++)
        if (value->loops >> l & 1)
            deepest = l;
    bool lane = kernel->lanes && (value->loops >> last & 1);
    value->level = deepest + 1;
    if (value->level == 0 && !lane)
        return;
    if (target()->launches &&
        value->level > kernel->outer + kernel->columns) /* rows are one loop of a thread */
        value->level = kernel->lanes ? last : kernel->loop_count;
    if (value->level < kernel->outer)
        value->level = kernel->outer;
    if (lane && !value->taps && !value->feeds_taps && value->level == last)
        value->level = kernel->loop_count;
    value->per_lane = lane && value->level < kernel->loop_count;
}

static void mark_inputs_of_taps(const Nest *nest)
{
    for (size_t w = 0; w < nest->windows.count; w++) {
        const TapLoops *taps = nest->windows.items[w];
        taps->body->feeds_taps = true;
        if (taps->index)
            taps->index->feeds_taps = true;
        for (size_t i = 0; i < taps->values.count; i++)
            for (int j = 0; j < taps->values.items[i]->input_count; j++)
                taps->values.items[i]->inputs[j]->feeds_taps = true;
    }
    for (size_t i = nest->values.count; i-- > 0;)
        for (int j = 0; j < nest->values.items[i]->input_count && nest->values.items[i]->feeds_taps; j++)
            nest->values.items[i]->inputs[j]->feeds_taps = true;
}

static void set_levels(const Kernel *kernel, const Nest *nest)
{
    mark_inputs_of_taps(nest);
    for (size_t i = 0; i < nest->values.count; i++) {
        find_loops(kernel, nest->values.items[i]);
        set_level(kernel, nest->values.items[i]);
    }
}

static void mark_crossing(const ValueList *values)
{
    for (size_t i = 0; i < values->count; i++) {
        const Value *user = values->items[i];
        for (int j = 0; j < user->input_count; j++) {
            Value *input = user->inputs[j];
            if (input->inside != user->inside || (!user->inside && input->level != user->level))
                input->crosses = true;
        }
    }
}

/* Which values are used from other loops than those they stand in. */
static void mark_all_crossings(const Kernel *kernel)
{
    for (int part = 0; part < 2; part++) {
        const Nest *nest = part ? &kernel->end : &kernel->main;
        mark_crossing(&nest->values);
        for (size_t w = 0; w < nest->windows.count; w++) {
            const TapLoops *taps = nest->windows.items[w];
            mark_crossing(&taps->values);
            taps->body->crosses = taps->body->crosses || taps->body->inside != taps;
        }
        for (size_t i = 0; i < nest->values.count; i++)
            if (nest->values.items[i]->taps || (nest->values.items[i]->per_lane && nest->windows.count > 0))
                nest->values.items[i]->crosses = true; /* windows divide the loops over the lanes */
        for (size_t i = 0; i < nest->stores.count; i++)
            if (nest->stores.items[i].value->level < kernel->loop_count)
                nest->stores.items[i].value->crosses = true;
    }
    for (size_t i = 0; i < kernel->accumulators.count; i++)
        if (kernel->accumulators.items[i]->value->level < kernel->loop_count)
            kernel->accumulators.items[i]->value->crosses = true;
}

/* After the loops of main every kept loop is around every value but those that depend on none. */
static void set_end_levels(Kernel *kernel)
{
    for (size_t i = 0; i < kernel->end.values.count; i++) {
        Value *value = kernel->end.values.items[i];
        find_loops(kernel, value);
        if (value->kind == VALUE_REDUCED)
            value->loops |= 1U;
        value->level = value->loops ? kernel->loop_count : 0;
    }
}

static void find_nest_loops(const Kernel *kernel, Nest *nest)
{
    AccessList accesses = {0};
    collect_accesses(kernel, nest, &accesses);
    for (size_t i = 0; i < accesses.count; i++)
        nest->loops |= loops_of_access(kernel, accesses.items[i]);
    for (size_t i = 0; i < nest->values.count; i++)
        if (nest->values.items[i]->taps)
            nest->loops |= nest->values.items[i]->loops;
}

/* ---- parallel loops ---- */

/* Without reductions: the loops over images and channels, or all but the last. */
static void choose_outer(Kernel *kernel)
{
    if (kernel->step->reduced_axes)
        return;
    int inner = kernel->lanes ? 2 : 1;
    kernel->outer = 0;
    while (kernel->outer < kernel->loop_count - inner &&
           (kernel->domain.rank != 4 || kernel->loops[kernel->outer].axis < 2))
        kernel->outer++;
    if (kernel->outer == 0 && kernel->loop_count > inner)
        kernel->outer = 1;
}

static bool last_loop_is_lanes(const Kernel *kernel)
{
    if (kernel->loop_count < 2)
        return false;
    const Loop *last = &kernel->loops[kernel->loop_count - 1];
    if (last->scale != 1 || last->joined || last->extent > 16)
        return false;
    for (int l = 0; l < kernel->loop_count - 1; l++)
        if (kernel->loops[l].axis == last->axis)
            return true;
    return false;
}

/* ---- names ---- */

typedef struct LoopName {
    const char *index, *count;
} LoopName;

static LoopName name_of_axis(const Kernel *kernel, int axis, bool blocked)
{
    static const LoopName image[4] = {{"n", "images"}, {"c", "channels"}, {"y", "rows"}, {"x", "columns"}};
    static const LoopName other[SHAPE_MAX_RANK] = {{"i", "count_i"}, {"j", "count_j"}, {"k", "count_k"},
                                                   {"l", "count_l"}, {"p", "count_p"}, {"q", "count_q"}};
    static const LoopName blocks[4] = {
        {"ob", "outer_blocks"}, {"b", "blocks"}, {"y", "rows"}, {"part", "parts"}};
    if (kernel->domain.rank == 4)
        return blocked ? blocks[axis] : image[axis];
    return other[axis];
}

void loop_set_names(Kernel *kernel)
{
    for (int l = 0; l < kernel->loop_count; l++) {
        Loop *loop = &kernel->loops[l];
        bool lanes = loop->scale == 1 && !loop->joined && l > 0;
        bool cut = kernel->lanes && l == kernel->loop_count - 1;
        for (int k = 0; k < l && lanes; k++)
            cut = cut || kernel->loops[k].axis == loop->axis;
        LoopName name = name_of_axis(kernel, loop->axis, loop->scale > 1);
        if (cut)
            name = (LoopName){l == kernel->loop_count - 1       ? "lane"
                              : kernel->tile && loop->axis == 3 ? "x"
                                                                : "line",
                              NULL};
        else if (loop->joined && loop->axis == 2 && kernel->domain.rank == 4 && l > 0)
            name = (LoopName){"p", "pixels"};
        else if (loop->joined)
            name = l == kernel->loop_count - 1 ? (LoopName){"i", "count"} : (LoopName){"o", "outer"};
        loop->index = name.index;
        loop->count = name.count;
    }
}

void kernel_finish_loops(Kernel *kernel)
{
    AccessList accesses = {0};
    collect_accesses(kernel, &kernel->main, &accesses);
    collect_accesses(kernel, &kernel->end, &accesses);
    for (size_t i = 0; i < accesses.count; i++)
        access_resolve(kernel, accesses.items[i]);
    if (target()->launches) {
        join_loops(kernel, &accesses);
        kernel_choose_threads(kernel, &accesses);
    } else {
        kernel->lanes = last_loop_is_lanes(kernel) ? kernel->loops[kernel->loop_count - 1].extent : 0;
        join_loops(kernel, &accesses);
        choose_outer(kernel);
        loop_set_names(kernel);
    }
    set_levels(kernel, &kernel->main);
    set_end_levels(kernel);
    find_nest_loops(kernel, &kernel->main);
    find_nest_loops(kernel, &kernel->end);
    mark_all_crossings(kernel);
}
