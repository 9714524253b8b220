/* What a step moves between memory and the processor when every operand moves once. */
#include "schedule.h"

/* How much of a value is read: by slices, which read different parts, and by others, which read the same. */
typedef struct Reads {
    double slices, others;
} Reads;

static double share_of(const Reads *reads)
{
    double share = reads->slices + reads->others;
    return share < 1 ? share : 1;
}

static void add_read(Reads *reads, const Node *reader, const Node *read, double share)
{
    if (reader->op == OP_SLICE)
        reads->slices += share * (double)shape_count(reader->shape) / (double)shape_count(read->shape);
    else if (share > reads->others)
        reads->others = share;
}

static int place_of(const NodeList *nodes, const Node *node)
{
    for (size_t i = 0; i < nodes->count; i++)
        if (nodes->items[i] == node)
            return (int)i;
    return -1;
}

static int input_of(const Step *step, const Node *node)
{
    for (size_t i = 0; i < step->inputs.count; i++)
        if (step->inputs.items[i]->node == node)
            return (int)i;
    return -1;
}

/* The part of each input that a kernel reads: from its outputs, which it makes whole, down to the inputs. */
static double *kernel_shares(Arena *arena, const Step *step)
{
    Reads *of_nodes = ARENA_ARRAY(arena, Reads, step->nodes.count);
    Reads *of_inputs = ARENA_ARRAY(arena, Reads, step->inputs.count);
    double *shares = ARENA_ARRAY(arena, double, step->inputs.count);
    for (size_t i = 0; i < step->outputs.count; i++) {
        int place = place_of(&step->nodes, step->outputs.items[i]->node);
        if (place >= 0)
            of_nodes[place].others = 1;
    }
    for (size_t i = step->nodes.count; i-- > 0;) {
        const Node *node = step->nodes.items[i];
        for (int j = 0; j < node->input_count; j++) {
            int place = place_of(&step->nodes, node->inputs[j]), input = input_of(step, node->inputs[j]);
            if (place >= 0)
                add_read(&of_nodes[place], node, node->inputs[j], share_of(&of_nodes[i]));
            else if (input >= 0)
                add_read(&of_inputs[input], node, node->inputs[j], share_of(&of_nodes[i]));
        }
    }
    for (size_t i = 0; i < step->inputs.count; i++)
        shares[i] = share_of(&of_inputs[i]);
    return shares;
}

/* Pixels that the windows of a strided product step over are not read. */
static double product_share(const HpLibraryCall *call)
{
    double share = 1;
    for (int i = 0; i < 2; i++)
        if (call->kernel[i] < call->stride[i])
            share *= (double)call->kernel[i] / (double)call->stride[i];
    return share;
}

static bool reads_image(const HpLibraryCall *call)
{
    return call->kind == HP_CONVOLUTION || call->kind == HP_CONVOLUTION_GRADIENT_WEIGHT;
}

Traffic step_traffic(const Schedule *schedule, const Step *step)
{
    Traffic traffic = {0};
    if (step->kind == STEP_ALIAS)
        return traffic;
    const double *shares = step->kind == STEP_KERNEL ? kernel_shares(schedule->graph->arena, step) : NULL;
    for (size_t i = 0; i < step->inputs.count; i++) {
        const Buffer *input = step->inputs.items[i];
        double share = shares                                                      ? shares[i]
                       : step->call && input == step->a && reads_image(step->call) ? product_share(step->call)
                                                                                   : 1;
        traffic.read += share * (double)input->bytes;
    }
    for (size_t i = 0; i < step->outputs.count; i++)
        traffic.written += (double)step->outputs.items[i]->bytes;
    if (step->kind == STEP_KERNEL && step->scratchpad) {
        traffic.read += (double)step->scratchpad->bytes;
        traffic.written += (double)step->scratchpad->bytes;
    }
    return traffic;
}

Traffic schedule_traffic(const Schedule *schedule)
{
    Traffic sum = {0};
    for (size_t i = 0; i < schedule->steps.count; i++) {
        Traffic traffic = step_traffic(schedule, schedule->steps.items[i]);
        sum.read += traffic.read;
        sum.written += traffic.written;
    }
    return sum;
}
