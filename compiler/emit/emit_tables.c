/* The tables about functions in model.c: their steps, results and entry points. */
#include <string.h>
#include "../passes/fuse.h"
#include "../passes/library.h"
#include "emit.h"

/* What steps do is the same for many of them: each text once, by number. */
typedef LIST(const char *) WorkList;

static size_t work_number(WorkList *works, const Step *step, Arena *arena)
{
    Text text = text_new(arena);
    step_describe_work(&text, step);
    for (size_t i = 0; i < works->count; i++)
        if (strcmp(works->items[i], text.data) == 0)
            return i;
    list_push(arena, works, text.data);
    return works->count - 1;
}

/* Of an input that the step only slices, the slices. */
static int64_t bytes_read(const Step *step, const Buffer *input)
{
    int64_t sliced = 0;
    for (size_t i = 0; i < step->nodes.count; i++) {
        const Node *node = step->nodes.items[i];
        for (int j = 0; j < node->input_count; j++) {
            if (!input->node || node->inputs[j] != input->node)
                continue;
            if (node->op != OP_SLICE)
                return input->bytes;
            sliced += node_bytes(node);
        }
    }
    return sliced > 0 && sliced < input->bytes ? sliced : input->bytes;
}

static double bytes_moved(const Step *step)
{
    double bytes = 0;
    for (size_t i = 0; i < step->inputs.count; i++)
        bytes += (double)bytes_read(step, step->inputs.items[i]);
    for (size_t i = 0; i < step->outputs.count; i++)
        bytes += (double)step->outputs.items[i]->bytes;
    return bytes;
}

static void print_step_table(Text *out, const Emission *emission, size_t index, WorkList *works)
{
    const Schedule *schedule = emission->schedules[index];
    text_add(out, "\nstatic const HpStep steps_%zu[] = { /* %s */\n", index,
             emission->functions.items[index].name);
    for (size_t i = 0; i < schedule->steps.count; i++) {
        const Step *step = schedule->steps.items[i];
        if (!emit_is_executed(step))
            continue;
        Text layers = text_new(emission->arena);
        step_describe_layers(&layers, step);
        text_add(out, "    {");
        emit_string(out, layers.data);
        text_add(out, ", work_%zu, %.0f, %.0f},\n", work_number(works, step, emission->arena),
                 bytes_moved(step), step->call ? library_flops(step->call) : 0);
    }
    text_add(out, "    {NULL, NULL, 0, 0}};\n");
}

static void print_result_table(Text *out, const Emission *emission, size_t index)
{
    const Schedule *schedule = emission->schedules[index];
    const Graph *graph = schedule->graph;
    if (graph->results.count == 0)
        return;
    text_add(out, "\nstatic const HpResult results_%zu[] = {\n", index);
    for (size_t i = 0; i < graph->results.count; i++) {
        const Node *node = graph->results.items[i].node;
        int64_t offset =
            buffer_place(schedule->buffer_of[node->id], emission->variable_offsets, emission->variable_bytes);
        text_add(out, "    {");
        emit_string(out, graph->results.items[i].name);
        text_add(out, ", %lld, %lld, HP_%s, HP_FORMAT_%s, %d, ", (long long)offset,
                 (long long)shape_count(node->shape), emit_data_type(node->dtype), emit_format(node->format),
                 node->shape.rank);
        emit_numbers(out, node->shape.rank, node->shape.extents);
        text_add(out, "},\n");
    }
    text_add(out, "};\n");
}

static int executed_steps(const Schedule *schedule)
{
    int count = 0;
    for (size_t i = 0; i < schedule->steps.count; i++)
        count += emit_is_executed(schedule->steps.items[i]);
    return count;
}

static void print_steps_and_results(Text *out, const Emission *emission)
{
    WorkList works = {0};
    Text tables = text_new(emission->arena);
    for (size_t i = 0; i < emission->functions.count; i++) {
        print_step_table(&tables, emission, i, &works);
        print_result_table(&tables, emission, i);
    }
    text_add(out, "\n");
    for (size_t i = 0; i < works.count; i++) {
        text_add(out, "static const char work_%zu[] = ", i);
        emit_string(out, works.items[i]);
        text_add(out, ";\n");
    }
    text_add_bytes(out, tables.data, tables.length);
}

void emit_function_tables(Text *out, const Emission *emission)
{
    static const char *const kinds[] = {
        [HP_FUNCTION_TRAIN] = "HP_FUNCTION_TRAIN",     [HP_FUNCTION_UPDATE] = "HP_FUNCTION_UPDATE",
        [HP_FUNCTION_PREPARE] = "HP_FUNCTION_PREPARE", [HP_FUNCTION_EVALUATE] = "HP_FUNCTION_EVALUATE",
        [HP_FUNCTION_PREDICT] = "HP_FUNCTION_PREDICT", [HP_FUNCTION_SCHEDULE] = "HP_FUNCTION_SCHEDULE"};
    size_t count = emission->functions.count;
    print_steps_and_results(out, emission);
    text_add(out, "\nstatic const HpFunction functions[] = {\n");
    for (size_t i = 0; i < count; i++) {
        const Function *function = &emission->functions.items[i];
        size_t results = function->graph->results.count;
        text_add(out, "    {");
        emit_string(out, function->name);
        text_add(out, ", %s, %s, %zu, %s, %d, steps_%zu},\n", kinds[function->kind],
                 emit_identifier(emission->arena, function->name), results,
                 results ? arena_format(emission->arena, "results_%zu", i) : "NULL",
                 executed_steps(emission->schedules[i]), i);
    }
    text_add(out, "};\n");
}
