/* Schedules as text: --dump kernels, layout and plan, and the comments of generated code. */
#include <string.h>
#include "format.h"
#include "schedule.h"

/* ---- pieces ---- */

static void add_node(Text *out, const Node *node)
{
    if (node->op == OP_VARIABLE) {
        text_add(out, "%s", node->variable->name);
        return;
    }
    if (node->name)
        text_add(out, "%s ", node->name);
    text_add(out, "%s", op_table[node->op].name);
}

void buffer_describe(Text *out, const Buffer *buffer)
{
    if (!buffer->node) {
        text_add(out, buffer->variable ? "%s" : "scratch", buffer->variable ? buffer->variable->name : "");
        return;
    }
    add_node(out, buffer->node);
    text_add(out, "  %s", shape_text(out->arena, buffer->node->shape));
    if (buffer->node->format != HP_FORMAT_PLAIN)
        text_add(out, " %s", hp_format_name(buffer->node->format));
    if (buffer->node->dtype == HP_F16 || buffer->node->dtype == HP_BF16)
        text_add(out, " %s", graph_type_name(buffer->node->dtype));
}

/* Numbers and movements are not what a step is about, unless it has nothing else. */
static bool is_worth_naming(const Step *step, const Node *node)
{
    OpClass class = op_table[node->op].class;
    const Node *last = step->nodes.items[step->nodes.count - 1];
    return node == last || (class != CLASS_LEAF && node->op != OP_BROADCAST && node->op != OP_RESHAPE &&
                            (node->shape.rank > 0 || last->shape.rank == 0));
}

/* The layers it computes, in order: "body.layer1.0.bn1 → body.layer1.0". */
void step_describe_layers(Text *out, const Step *step)
{
    const char *path = NULL;
    if (step->kind == STEP_COPY) {
        add_node(out, step->inputs.items[0]->node);
        return;
    }
    if (step->batch.count) {
        step_describe_layers(out, step->batch.items[0]);
        text_add(out, " and %zu more", step->batch.count - 1);
        return;
    }
    for (size_t i = 0; i < step->nodes.count; i++) {
        const Node *node = step->nodes.items[i];
        if (!node->name || !is_worth_naming(step, node) || (path && strcmp(node->name, path) == 0))
            continue;
        text_add(out, "%s%s", path ? " → " : "", node->name);
        path = node->name;
    }
}

/* What it does there, and from which line: "reduce_mean, subtract, relu   resnet.hpanet:12". */
void step_describe_work(Text *out, const Step *step)
{
    enum { MOST_OPS = 8 };
    int ops = 0;
    if (step->kind == STEP_COPY) {
        text_add(out, "copy");
        return;
    }
    if (step->batch.count) {
        step_describe_work(out, step->batch.items[0]);
        return;
    }
    const Node *last = step->nodes.items[step->nodes.count - 1];
    for (size_t i = 0; i < step->nodes.count; i++) {
        const Node *node = step->nodes.items[i];
        if (!is_worth_naming(step, node))
            continue;
        ops++;
        if (ops <= MOST_OPS)
            text_add(out, "%s%s", ops > 1 ? ", " : "", op_table[node->op].name);
        else if (ops == MOST_OPS + 1)
            text_add(out, ", ...");
    }
    if (last->span.file)
        text_add(out, "   %s:%d", last->span.file->path, last->span.line);
}

void step_describe(Text *out, const Step *step)
{
    size_t before = out->length;
    step_describe_layers(out, step);
    if (out->length > before)
        text_add(out, ": ");
    step_describe_work(out, step);
}

static const char *kind_name(StepKind kind)
{
    static const char *const names[] = {
        [STEP_KERNEL] = "kernel", [STEP_LIBRARY] = "library", [STEP_ALIAS] = "view", [STEP_COPY] = "copy"};
    return names[kind];
}

static void add_buffers(Text *out, const char *what, Buffer *const *buffers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        text_add(out, "    %-6s", i ? "" : what);
        buffer_describe(out, buffers[i]);
        text_add(out, "\n");
    }
}

static void count_steps(const Schedule *schedule, int counts[4])
{
    for (size_t i = 0; i < schedule->steps.count; i++)
        counts[schedule->steps.items[i]->kind]++;
}

/* ---- dumps ---- */

void schedule_print_kernels(Text *out, const Schedule *schedule)
{
    int counts[4] = {0};
    count_steps(schedule, counts);
    text_add(out, "%s: %zu nodes in %d kernels, %d library calls, %d views, %d copies\n",
             schedule->graph->name, schedule->graph->nodes.count, counts[STEP_KERNEL], counts[STEP_LIBRARY],
             counts[STEP_ALIAS], counts[STEP_COPY]);
    for (size_t i = 0; i < schedule->steps.count; i++) {
        const Step *step = schedule->steps.items[i];
        text_add(out, "%4zu %-8s", i, kind_name(step->kind));
        step_describe(out, step);
        Traffic traffic = step_traffic(schedule, step);
        text_add(out, "   %.4g MB\n", (traffic.read + traffic.written) / 1e6);
        add_buffers(out, "reads", step->inputs.items, step->inputs.count);
        add_buffers(out, "makes", step->outputs.items, step->outputs.count);
    }
}

void schedule_print_layout(Text *out, const Schedule *schedule)
{
    int reorders = 0;
    for (size_t i = 0; i < schedule->graph->nodes.count; i++) {
        const Node *node = schedule->graph->nodes.items[i];
        if (node->op != OP_REORDER)
            continue;
        reorders++;
        text_add(out, "reorder  ");
        add_node(out, node->inputs[0]);
        text_add(out, "  %s  %s → %s%s\n", shape_text(out->arena, node->shape),
                 hp_format_name(node->inputs[0]->format), hp_format_name(node->format),
                 format_same_memory(node->format, node->inputs[0]->format, node->shape) ? "  (same memory)"
                                                                                        : "");
    }
    for (size_t i = 0; i < schedule->steps.count; i++) {
        const Step *step = schedule->steps.items[i];
        for (size_t j = 0; j < step->outputs.count; j++) {
            const Node *node = step->outputs.items[j]->node;
            if (!node || node->shape.rank != 4)
                continue;
            text_add(out, "%4zu %-8s %-12s", i, kind_name(step->kind), hp_format_name(node->format));
            buffer_describe(out, step->outputs.items[j]);
            text_add(out, "\n");
        }
    }
    text_add(out, "%s: %d reorders\n", schedule->graph->name, reorders);
}

static void add_place(Text *out, const Buffer *buffer)
{
    if (buffer->variable && !buffer->view_of)
        text_add(out, "%-12s", "variable");
    else
        text_add(out, "%-12lld", (long long)buffer->offset);
    text_add(out, "%-12lld%4d to %-4d ", (long long)buffer->bytes, buffer->first, buffer->last);
    buffer_describe(out, buffer);
    if (buffer->variable && buffer->node && buffer->node->op != OP_VARIABLE)
        text_add(out, "  written into %s", buffer->variable->name);
    if (buffer->view_of) {
        text_add(out, "  over ");
        buffer_describe(out, buffer->view_of);
    }
    text_add(out, "\n");
}

static bool is_alive(const Buffer *buffer, int step)
{
    return !buffer->view_of && !buffer->variable && buffer->first >= 0 && buffer->first <= step &&
           step <= buffer->last;
}

static int64_t bytes_alive(const Schedule *schedule, int step)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < schedule->buffers.count; i++)
        if (is_alive(schedule->buffers.items[i], step))
            bytes += schedule->buffers.items[i]->bytes;
    return bytes;
}

/* Where the memory goes: the largest tensors at the step that needs most. */
static void add_peak(Text *out, const Schedule *schedule)
{
    enum { SHOWN = 12 };
    int peak = 0;
    for (int i = 1; i < (int)schedule->steps.count; i++)
        if (bytes_alive(schedule, i) > bytes_alive(schedule, peak))
            peak = i;
    text_add(out, "%s: step %d needs most, %lld bytes; the largest of it:\n", schedule->graph->name, peak,
             (long long)bytes_alive(schedule, peak));
    const Buffer *last = NULL;
    for (int shown = 0; shown < SHOWN; shown++) {
        const Buffer *next = NULL;
        for (size_t i = 0; i < schedule->buffers.count; i++) {
            const Buffer *buffer = schedule->buffers.items[i];
            bool after_last = !last || buffer->bytes < last->bytes ||
                              (buffer->bytes == last->bytes && buffer->index > last->index);
            if (is_alive(buffer, peak) && after_last && (!next || buffer->bytes > next->bytes))
                next = buffer;
        }
        if (!next)
            return;
        text_add(out, "    ");
        add_place(out, next);
        last = next;
    }
}

static int64_t image_count(const Graph *graph)
{
    for (size_t i = 0; i < graph->nodes.count; i++)
        if (graph->nodes.items[i]->op == OP_IMAGE)
            return graph->nodes.items[i]->shape.extents[0];
    return 0;
}

static void add_traffic(Text *out, const Schedule *schedule)
{
    Traffic traffic = schedule_traffic(schedule);
    int64_t images = image_count(schedule->graph);
    double unit = 1e6 * (images ? (double)images : 1);
    text_add(out, "%s: %.4g MB read and %.4g MB written%s\n", schedule->graph->name, traffic.read / unit,
             traffic.written / unit, images ? " per image" : "");
}

void schedule_print_plan(Text *out, const Schedule *schedule)
{
    text_add(out, "offset      bytes       steps\n");
    for (size_t i = 0; i < schedule->buffers.count; i++)
        add_place(out, schedule->buffers.items[i]);
    add_peak(out, schedule);
    text_add(out, "%s: %lld bytes of buffers in an arena of %lld bytes", schedule->graph->name,
             (long long)schedule->bytes_before, (long long)schedule->arena_bytes);
    if (schedule->arena_bytes_kept > schedule->arena_bytes)
        text_add(out, ", %lld if nothing were computed again", (long long)schedule->arena_bytes_kept);
    text_add(out, "\n");
    add_traffic(out, schedule);
}
