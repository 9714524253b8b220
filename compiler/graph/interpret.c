/* The oracle: runs a graph in double precision, one node after the other, by the definition of each op. What
 * a node is stored as does not matter here: nothing is rounded. */
#include "interpret.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct Interpreter {
    const Variables *variables;
    double **memory; /* of each variable by its index; NULL until it is asked for */
    size_t memory_count;
    const double *image;
    uint64_t seed;
    const Graph *graph; /* of the last run, with the values of its nodes by id */
    double **values;
    size_t value_count;
};

double *interpret_alloc(int64_t count)
{
    size_t bytes;
    if (__builtin_mul_overflow((size_t)count, sizeof(double), &bytes))
        fatal("out of memory: %lld numbers", (long long)count);
    double *memory = malloc(bytes);
    if (!memory)
        fatal("out of memory: the interpreter needs %zu more bytes", bytes);
    return memory;
}

Interpreter *interpreter_new(Arena *arena, const Variables *variables)
{
    Interpreter *interpreter = ARENA_NEW(arena, Interpreter);
    interpreter->variables = variables;
    return interpreter;
}

/* The table of variables may have grown since the last call. */
static void grow_memory(Interpreter *interpreter)
{
    size_t count = interpreter->variables->list.count;
    if (interpreter->memory_count >= count)
        return;
    double **memory = realloc(interpreter->memory, count * sizeof *memory);
    if (!memory)
        fatal("out of memory: %zu variables", count);
    for (size_t i = interpreter->memory_count; i < count; i++)
        memory[i] = NULL;
    interpreter->memory = memory;
    interpreter->memory_count = count;
}

double *interpreter_variable(Interpreter *interpreter, const Variable *variable)
{
    grow_memory(interpreter);
    double **memory = &interpreter->memory[variable->index];
    if (!*memory) {
        int64_t count = shape_count(variable->shape);
        *memory = interpret_alloc(count);
        for (int64_t i = 0; i < count; i++)
            (*memory)[i] = variable->kind == HP_SCALAR ? variable->value : 0;
    }
    return *memory;
}

void interpreter_set_image(Interpreter *interpreter, const double *image)
{
    interpreter->image = image;
}

void interpreter_set_seed(Interpreter *interpreter, uint64_t seed)
{
    interpreter->seed = seed;
}

static void forget_values(Interpreter *interpreter)
{
    for (size_t i = 0; i < interpreter->value_count; i++)
        free(interpreter->values[i]);
    free(interpreter->values);
    interpreter->values = NULL;
    interpreter->value_count = 0;
}

void interpreter_free(Interpreter *interpreter)
{
    forget_values(interpreter);
    for (size_t i = 0; i < interpreter->memory_count; i++)
        free(interpreter->memory[i]);
    free(interpreter->memory);
    interpreter->memory = NULL;
    interpreter->memory_count = 0;
}

double *interpreter_value(const Interpreter *interpreter, const Node *node)
{
    if (!interpreter->graph || (size_t)node->id >= interpreter->value_count ||
        interpreter->graph->nodes.items[node->id] != node)
        internal_error("node %d is not of the graph that was run last", node->id);
    return interpreter->values[node->id];
}

/* ---- one node ---- */

double interpret_scalar(Op op, double a, double b, double c)
{
    (void)b;
    (void)c;
    switch (op) {
#define ELEMENTWISE(NAME, formula)                                                                           \
    case OP_##NAME:                                                                                          \
        return formula;
#include "elementwise.def"
#undef ELEMENTWISE
    default: internal_error("%s is not elementwise", op_table[op].name);
    }
}

static void elementwise(const Node *node, const double *const *inputs, double *restrict value)
{
    int64_t count = shape_count(node->shape);
    const double *first = inputs[0];
    const double *second = node->input_count > 1 ? inputs[1] : first;
    const double *third = node->input_count > 2 ? inputs[2] : first;
    switch (node->op) {
#define ELEMENTWISE(NAME, formula)                                                                           \
    case OP_##NAME:                                                                                          \
        for (int64_t i = 0; i < count; i++) {                                                                \
            double a = first[i], b = second[i], c = third[i];                                                \
            (void)b, (void)c;                                                                                \
            value[i] = formula;                                                                              \
        }                                                                                                    \
        break;
#include "elementwise.def"
#undef ELEMENTWISE
    default: internal_error("%s is not elementwise", op_table[node->op].name);
    }
}

static void random_numbers(const Interpreter *interpreter, const Node *node, const double *draw,
                           double *value)
{
    int64_t rows = node->shape.extents[0], row_size = shape_count(node->shape) / rows;
    uint32_t path = hp_random_path(node->attributes.random.path);
    for (int64_t row = 0; row < rows; row++)
        for (int64_t i = 0; i < row_size; i++)
            value[row * row_size + i] =
                hp_random_uniform(interpreter->seed, path, (int64_t)draw[row], (uint32_t)i);
}

static void copy_values(double *target, const double *source, Shape shape)
{
    memcpy(target, source, (size_t)shape_count(shape) * sizeof *target);
}

static void image_values(const Interpreter *interpreter, const Node *node, double *value)
{
    const int64_t pixels = node->shape.extents[2] * node->shape.extents[3];
    const int64_t sampled = node->attributes.image.planes * pixels, all = node->shape.extents[1] * pixels;
    for (int64_t n = 0; n < node->shape.extents[0]; n++)
        for (int64_t i = 0; i < all; i++)
            value[n * all + i] = i < sampled ? interpreter->image[n * sampled + i] : 0;
}

static void leaf(Interpreter *interpreter, const Node *node, const double *const *inputs, double *value)
{
    switch (node->op) {
    case OP_VARIABLE:
        copy_values(value, interpreter_variable(interpreter, node->variable), node->shape);
        break;
    case OP_CONSTANT: *value = node->attributes.constant; break;
    case OP_RANDOM: random_numbers(interpreter, node, inputs[0], value); break;
    case OP_IMAGE:
        if (!interpreter->image)
            internal_error("the interpreter has no image");
        image_values(interpreter, node, value);
        break;
    default: internal_error("%s has no interpreter rule", op_table[node->op].name);
    }
}

/* ---- batch norm ---- */

/* One channel of x [N, C, pixels]. */
typedef struct Channel {
    const double *x;
    int64_t rows, row_stride, pixels;
} Channel;

static double channel_mean(const Channel *channel)
{
    double sum = 0;
    for (int64_t n = 0; n < channel->rows; n++)
        for (int64_t i = 0; i < channel->pixels; i++)
            sum += channel->x[n * channel->row_stride + i];
    return sum / (double)(channel->rows * channel->pixels);
}

static double channel_squares(const Channel *channel, double mean)
{
    double sum = 0;
    for (int64_t n = 0; n < channel->rows; n++)
        for (int64_t i = 0; i < channel->pixels; i++) {
            double d = channel->x[n * channel->row_stride + i] - mean;
            sum += d * d;
        }
    return sum;
}

static Channel channel_of(const Node *node, const double *x, int64_t c)
{
    Shape shape = node->inputs[0]->shape;
    int64_t channels = shape.extents[1], pixels = shape_count(shape) / (shape.extents[0] * channels);
    return (Channel){x + c * pixels, shape.extents[0], channels * pixels, pixels};
}

/* y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, with the biased variance */
static void batchnorm(const Node *node, const double *const *inputs, double *value)
{
    const double *gamma = inputs[1], *beta = inputs[2], *running_mean = inputs[3],
                 *running_variance = inputs[4];
    for (int64_t c = 0; c < node->shape.extents[1]; c++) {
        Channel channel = channel_of(node, inputs[0], c);
        double mean = running_mean[c], variance = running_variance[c];
        if (node->attributes.batchnorm.batch_statistics) {
            mean = channel_mean(&channel);
            variance = channel_squares(&channel, mean) / (double)(channel.rows * channel.pixels);
        }
        double scale = gamma[c] / sqrt(variance + node->attributes.batchnorm.epsilon);
        double *y = value + (channel.x - inputs[0]);
        for (int64_t n = 0; n < channel.rows; n++)
            for (int64_t i = 0; i < channel.pixels; i++) {
                int64_t at = n * channel.row_stride + i;
                y[at] = (channel.x[at] - mean) * scale + beta[c];
            }
    }
}

/* running = (1 - momentum) * running + momentum * batch, with the unbiased variance */
static void update_statistics(Interpreter *interpreter, const Node *node)
{
    double momentum = node->attributes.batchnorm.momentum;
    const double *x = interpreter->values[node->inputs[0]->id];
    if (node->inputs[3]->op != OP_VARIABLE || node->inputs[4]->op != OP_VARIABLE)
        internal_error("batch norm %s moves statistics that are not variables", node->name ? node->name : "");
    double *running_mean = interpreter_variable(interpreter, node->inputs[3]->variable);
    double *running_variance = interpreter_variable(interpreter, node->inputs[4]->variable);
    for (int64_t c = 0; c < node->shape.extents[1]; c++) {
        Channel channel = channel_of(node, x, c);
        double mean = channel_mean(&channel);
        double variance = channel_squares(&channel, mean) / (double)(channel.rows * channel.pixels - 1);
        running_mean[c] = (1 - momentum) * running_mean[c] + momentum * mean;
        running_variance[c] = (1 - momentum) * running_variance[c] + momentum * variance;
    }
}

/* ---- a run ---- */

static void compute(Interpreter *interpreter, const Node *node, double *value)
{
    const double *few[8];
    const double **inputs = few;
    if (node->input_count > 8 && !(inputs = malloc((size_t)node->input_count * sizeof *inputs)))
        fatal("out of memory: %d inputs", node->input_count);
    for (int i = 0; i < node->input_count; i++)
        inputs[i] = interpreter->values[node->inputs[i]->id];
    switch (op_table[node->op].class) {
    case CLASS_LEAF: leaf(interpreter, node, inputs, value); break;
    case CLASS_ELEMENTWISE: elementwise(node, inputs, value); break;
    case CLASS_REDUCTION: interpret_reduction(node, inputs[0], value); break;
    case CLASS_MOVEMENT: interpret_movement(node, inputs, value); break;
    case CLASS_WINDOW: interpret_window(node, inputs, value); break;
    case CLASS_CONTRACTION: interpret_product(node, inputs, value); break;
    case CLASS_COMPOSITE: batchnorm(node, inputs, value); break;
    }
    if (inputs != few)
        free(inputs);
}

void interpreter_compute(Interpreter *interpreter, const Node *node)
{
    compute(interpreter, node, interpreter_value(interpreter, node));
}

void interpreter_run(Interpreter *interpreter, const Graph *graph)
{
    size_t count = graph->nodes.count;
    forget_values(interpreter);
    interpreter->graph = graph;
    interpreter->values = calloc(count ? count : 1, sizeof *interpreter->values);
    if (!interpreter->values)
        fatal("out of memory: %zu nodes", count);
    interpreter->value_count = count;
    for (size_t i = 0; i < count; i++) {
        const Node *node = graph->nodes.items[i];
        interpreter->values[i] = interpret_alloc(shape_count(node->shape));
        compute(interpreter, node, interpreter->values[i]);
    }
    for (size_t i = 0; i < count; i++)
        if (graph->nodes.items[i]->op == OP_BATCHNORM &&
            graph->nodes.items[i]->attributes.batchnorm.update_statistics)
            update_statistics(interpreter, graph->nodes.items[i]);
    for (size_t i = 0; i < graph->updates.count; i++) {
        const Update *update = &graph->updates.items[i];
        copy_values(interpreter_variable(interpreter, update->variable),
                    interpreter->values[update->node->id], update->variable->shape);
    }
}
