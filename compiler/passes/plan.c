/* Where every buffer lies: views first (updates in their variables, steps in place), then offsets by
 * lifetime. */
#include <stdlib.h>
#include "../target/target.h"
#include "format.h"
#include "passes.h"

enum { ALIGNMENT = 64 };

static int64_t aligned(int64_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static Buffer *root_of(Buffer *buffer)
{
    while (buffer->view_of)
        buffer = buffer->view_of;
    return buffer;
}

static bool reads(const Step *step, const Buffer *root)
{
    for (size_t i = 0; i < step->inputs.count; i++)
        if (root_of(step->inputs.items[i]) == root)
            return true;
    return false;
}

static bool writes(const Step *step, const Buffer *root)
{
    for (size_t i = 0; i < step->outputs.count; i++)
        if (root_of(step->outputs.items[i]) == root)
            return true;
    return false;
}

static bool may_overwrite(const Step *step, const Buffer *input, const Buffer *output)
{
    for (size_t i = 0; i < step->overwrites.count; i++)
        if (step->overwrites.items[i].input == input && step->overwrites.items[i].output == output)
            return true;
    return false;
}

/* ---- lifetimes ---- */

static void extend(Buffer *buffer, int at)
{
    Buffer *root = root_of(buffer);
    if (root->first < 0 || at < root->first)
        root->first = at;
    if (at > root->last)
        root->last = at;
}

void schedule_find_lifetimes(Schedule *schedule)
{
    int end = (int)schedule->steps.count;
    for (size_t i = 0; i < schedule->buffers.count; i++)
        schedule->buffers.items[i]->first = schedule->buffers.items[i]->last = -1;
    for (int at = 0; at < end; at++) {
        Step *step = schedule->steps.items[at];
        step->index = at;
        for (size_t i = 0; i < step->inputs.count; i++)
            extend(step->inputs.items[i], at);
        for (size_t i = 0; i < step->outputs.count; i++)
            extend(step->outputs.items[i], at);
        if (step->scratchpad)
            extend(step->scratchpad, at);
    }
    for (size_t i = 0; i < schedule->graph->results.count; i++)
        extend(schedule->buffer_of[schedule->graph->results.items[i].node->id], end);
}

/* ---- steps ---- */

static Step *new_copy(Schedule *schedule, Buffer *from, Buffer *to)
{
    Arena *arena = schedule->graph->arena;
    Step *step = ARENA_NEW(arena, Step);
    step->kind = STEP_COPY;
    list_push(arena, &step->inputs, from);
    list_push(arena, &step->outputs, to);
    return step;
}

static void insert_step(Schedule *schedule, size_t at, Step *step)
{
    list_push(schedule->graph->arena, &schedule->steps, step);
    for (size_t i = schedule->steps.count - 1; i > at; i--)
        schedule->steps.items[i] = schedule->steps.items[i - 1];
    schedule->steps.items[at] = step;
}

/* ---- updates ---- */

static int64_t variable_bytes(const Variable *variable)
{
    return format_count(variable->format, variable->shape) * hp_data_type_bytes(variable->dtype);
}

static Buffer *buffer_of_variable(Schedule *schedule, Variable *variable)
{
    for (size_t i = 0; i < schedule->buffers.count; i++)
        if (schedule->buffers.items[i]->variable == variable && schedule->buffers.items[i]->node &&
            schedule->buffers.items[i]->node->op == OP_VARIABLE)
            return schedule->buffers.items[i];
    return NULL;
}

/* Is the variable itself the new value of another one, or a result? */
static bool is_read_at_end(const Schedule *schedule, const Buffer *old)
{
    const Graph *graph = schedule->graph;
    for (size_t i = 0; i < graph->updates.count; i++)
        if (root_of(schedule->buffer_of[graph->updates.items[i].node->id]) == old)
            return true;
    for (size_t i = 0; i < graph->results.count; i++)
        if (root_of(schedule->buffer_of[graph->results.items[i].node->id]) == old)
            return true;
    return false;
}

/* Can the step that makes the new value write it into the variable at once? Nobody may read the old value
 * later. */
static bool can_write_at_once(Schedule *schedule, Variable *variable, Buffer *value)
{
    Buffer *root = root_of(value), *old = buffer_of_variable(schedule, variable);
    if (root->variable || root->bytes != variable_bytes(variable))
        return false;
    if (old && is_read_at_end(schedule, old))
        return false;
    bool made = false;
    for (size_t i = 0; i < schedule->steps.count; i++) {
        const Step *step = schedule->steps.items[i];
        bool makes = step->kind != STEP_ALIAS && writes(step, root);
        if (makes && old && reads(step, old) && !may_overwrite(step, old, root))
            return false;
        if (made && old && reads(step, old))
            return false;
        made = made || makes;
    }
    return made;
}

/* A copy may not destroy a variable that a later copy reads. */
static void append_copies(Schedule *schedule, Step **copies, size_t count)
{
    for (size_t left = count; left > 0;) {
        size_t free = left;
        for (size_t i = 0; i < left && free == left; i++) {
            bool is_read = false;
            for (size_t j = 0; j < left; j++)
                is_read = is_read || (j != i && root_of(copies[j]->inputs.items[0])->variable ==
                                                    copies[i]->outputs.items[0]->variable);
            if (!is_read)
                free = i;
        }
        if (free == left)
            internal_error("%s: variables that take each other's value", schedule->graph->name);
        insert_step(schedule, schedule->steps.count, copies[free]);
        copies[free] = copies[--left];
    }
}

static void place_updates(Schedule *schedule)
{
    Graph *graph = schedule->graph;
    Step **copies = ARENA_ARRAY(graph->arena, Step *, graph->updates.count);
    size_t count = 0;
    for (size_t i = 0; i < graph->updates.count; i++) {
        Variable *variable = graph->updates.items[i].variable;
        Buffer *value = schedule->buffer_of[graph->updates.items[i].node->id];
        if (root_of(value)->variable == variable && root_of(value)->bytes == variable_bytes(variable))
            continue; /* it becomes itself */
        if (can_write_at_once(schedule, variable, value)) {
            root_of(value)->variable = variable;
            continue;
        }
        Buffer *to = buffer_of_variable(schedule, variable);
        if (!to) {
            to = schedule_buffer(schedule, NULL, variable_bytes(variable));
            to->variable = variable;
        }
        copies[count++] = new_copy(schedule, value, to);
    }
    append_copies(schedule, copies, count);
}

/* ---- in place ---- */

/* Does the memory of `input` become free at this step, so that `output` may take it? */
static bool dies_at(const Step *step, Buffer *input, const Buffer *output)
{
    const Buffer *root = root_of(input);
    return !root->variable && root->node && root->last == step->index && input->bytes == root->bytes &&
           output->bytes == root->bytes && !output->view_of && !output->variable && root != output;
}

/* A product reads its operands until its last element is written: none of them may lie where it writes. */
static bool is_operand(const Step *step, const Buffer *root)
{
    Buffer *const operands[] = {step->a, step->b, step->bias};
    for (int i = 0; i < 3; i++)
        if (operands[i] && root_of(operands[i]) == root)
            return true;
    return false;
}

static void place_addends(Schedule *schedule)
{
    for (size_t i = 0; i < schedule->steps.count; i++) {
        Step *step = schedule->steps.items[i];
        if (step->kind != STEP_LIBRARY || !step->addend)
            continue;
        Buffer *output = step->outputs.items[0];
        if (!is_operand(step, root_of(step->addend)) && dies_at(step, step->addend, output)) {
            output->view_of = step->addend;
        } else {
            insert_step(schedule, i, new_copy(schedule, step->addend, output));
            i++;
        }
        schedule_find_lifetimes(schedule);
    }
}

static void place_overwrites(Schedule *schedule)
{
    for (size_t i = 0; i < schedule->steps.count; i++) {
        Step *step = schedule->steps.items[i];
        for (size_t j = 0; j < step->overwrites.count; j++) {
            Buffer *input = step->overwrites.items[j].input, *output = step->overwrites.items[j].output;
            bool taken = false; /* by another output of the step, or read by the step under another name */
            for (size_t k = 0; k < step->outputs.count; k++)
                taken = taken || (step->outputs.items[k] != output &&
                                  root_of(step->outputs.items[k]) == root_of(input));
            for (size_t k = 0; k < step->inputs.count; k++)
                taken = taken ||
                        (step->inputs.items[k] != input && root_of(step->inputs.items[k]) == root_of(input));
            if (taken || !dies_at(step, input, output))
                continue;
            Buffer *root = root_of(input);
            if (output->last > root->last)
                root->last = output->last;
            output->view_of = input;
        }
    }
}

/* ---- offsets ---- */

static bool is_planned(const Buffer *buffer)
{
    return !buffer->view_of && !buffer->variable && buffer->first >= 0;
}

/* Launches wait for each other where memory is used again, and a batch joins only those that need not: what
 * is small does not share its place. */
static void keep_small_apart(Schedule *schedule)
{
    enum { SMALL_BYTES = 16384 };
    for (size_t i = 0; i < schedule->buffers.count; i++) {
        Buffer *buffer = schedule->buffers.items[i];
        if (!is_planned(buffer) || buffer->bytes > SMALL_BYTES)
            continue;
        buffer->first = 0;
        buffer->last = (int)schedule->steps.count;
    }
}

static int larger_first(const void *a, const void *b)
{
    const Buffer *x = *(Buffer *const *)a, *y = *(Buffer *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* The smallest gap that fits between the buffers already placed that live at the same time. placed[] is by
 * offset. */
static int64_t find_gap(Buffer *const *placed, size_t count, const Buffer *buffer)
{
    int64_t end = 0, best = -1, best_gap = 0;
    for (size_t i = 0; i < count; i++) {
        const Buffer *other = placed[i];
        if (other->last < buffer->first || other->first > buffer->last)
            continue;
        int64_t gap = other->offset - end;
        if (gap >= buffer->bytes && (best < 0 || gap < best_gap)) {
            best = end;
            best_gap = gap;
        }
        int64_t after = aligned(other->offset + other->bytes);
        end = after > end ? after : end;
    }
    return best >= 0 ? best : end;
}

static void place_offsets(Schedule *schedule)
{
    Arena *arena = schedule->graph->arena;
    Buffer **order = ARENA_ARRAY(arena, Buffer *, schedule->buffers.count);
    Buffer **placed = ARENA_ARRAY(arena, Buffer *, schedule->buffers.count);
    size_t count = 0;
    for (size_t i = 0; i < schedule->buffers.count; i++)
        if (is_planned(schedule->buffers.items[i]))
            order[count++] = schedule->buffers.items[i];
    qsort(order, count, sizeof *order, larger_first);
    for (size_t i = 0; i < count; i++) {
        Buffer *buffer = order[i];
        buffer->offset = find_gap(placed, i, buffer);
        size_t at = i;
        for (; at > 0 && placed[at - 1]->offset > buffer->offset; at--)
            placed[at] = placed[at - 1];
        placed[at] = buffer;
        int64_t end = aligned(buffer->offset + buffer->bytes);
        if (end > schedule->arena_bytes)
            schedule->arena_bytes = end;
    }
    for (size_t i = 0; i < schedule->buffers.count; i++) {
        Buffer *buffer = schedule->buffers.items[i];
        if (!buffer->view_of)
            continue;
        int64_t offset;
        const Buffer *root = buffer_root(buffer, &offset);
        buffer->offset = root->offset + offset;
    }
}

/* requires a schedule whose kernels are built; keeps what every step computes; adds STEP_COPY steps where a
 * variable or an addend cannot be written at once; sets view_of, variable, lifetimes and offsets of the
 * buffers */
int64_t pass_plan(Schedule *schedule)
{
    for (size_t i = 0; i < schedule->buffers.count; i++)
        if (!schedule->buffers.items[i]->variable && !schedule->buffers.items[i]->view_of)
            schedule->bytes_before += aligned(schedule->buffers.items[i]->bytes);
    place_updates(schedule);
    schedule_find_lifetimes(schedule);
    place_addends(schedule);
    place_overwrites(schedule);
    schedule_find_lifetimes(schedule);
    if (target()->launches)
        keep_small_apart(schedule);
    place_offsets(schedule);
    schedule_find_lifetimes(schedule);
    return schedule->arena_bytes;
}

/* The next free byte behind a variable that is placed at `end`. */
static int64_t place_variable(const Variable *variable, int64_t *offset, int64_t end)
{
    *offset = end;
    if (__builtin_add_overflow(end, aligned(variable_bytes(variable)), &end))
        internal_error("the variables' memory overflows");
    return end;
}

/* Derived values are made anew after every training step, and gradients from the first part of a batch on:
 * they never live at once. A gradient with padded lanes keeps a place of its own, since its lanes must stay
 * 0. */
static bool is_shared(const Variable *variable)
{
    return variable->kind == HP_DERIVED ||
           (variable->kind == HP_GRADIENT &&
            variable_bytes(variable) == shape_count(variable->shape) * hp_data_type_bytes(variable->dtype));
}

int64_t pass_plan_variables(Variables *variables, int64_t *offsets)
{
    int64_t end = 0;
    for (size_t i = 0; i < variables->list.count; i++) {
        const Variable *variable = variables->list.items[i];
        offsets[i] = -1;
        if (variable->kind != HP_SCALAR && !is_shared(variable))
            end = place_variable(variable, &offsets[i], end);
    }
    int64_t gradients = end, derived = end;
    for (size_t i = 0; i < variables->list.count; i++) {
        const Variable *variable = variables->list.items[i];
        if (!is_shared(variable))
            continue;
        int64_t *at = variable->kind == HP_DERIVED ? &derived : &gradients;
        *at = place_variable(variable, &offsets[i], *at);
    }
    return gradients > derived ? gradients : derived;
}
