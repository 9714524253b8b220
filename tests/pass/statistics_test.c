/* Batch statistics from the sums that a library gives with a convolution: of what they are taken, that values
 * stay, and how the step that gives them lies in memory. The library here gives them in fp16. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "compiler/passes/passes.h"
#include "compiler/target/target.h"
#include "random_graph.h"

static const double TOLERANCE = 1e-11;
enum { PIXELS = 0xd }; /* the axes N, H and W */

static bool accepts(HpLibraryCall *call, const char **why)
{
    HpFormat *formats[] = {&call->format_a, &call->format_b, &call->format_c};
    for (int i = 0; i < 3; i++)
        if (*formats[i] == HP_FORMAT_COUNT)
            *formats[i] = HP_FORMAT_NHWC;
    *why = "no statistics of this";
    return !call->statistics || (call->type_c == HP_F16 && !call->bias && !call->relu && !call->add);
}

static int64_t no_block(void)
{
    return 0;
}

static const Target giving = {.name = "giving",
                              .launches = true,
                              .channel_block = no_block,
                              .query = accepts,
                              .image_format = HP_FORMAT_NHWC,
                              .gives_statistics = true};

/* ---- what is normalised ---- */

static Node *itself(Graph *graph, Node *convolution, Node *x)
{
    (void)graph, (void)x;
    return convolution;
}

static Node *biased(Graph *graph, Node *convolution, Node *x)
{
    (void)x;
    const int64_t channels = convolution->shape.extents[1];
    Variable *bias = variables_add(graph->variables, "bias", HP_PARAMETER, shape_of(1, &channels));
    Node *channel =
        graph_reshape(graph, graph_variable(graph, bias), shape_of(4, (int64_t[]){1, channels, 1, 1}));
    return graph_binary(graph, OP_ADD, graph_broadcast(graph, channel, convolution->shape), convolution);
}

static Node *added(Graph *graph, Node *convolution, Node *x)
{
    return graph_binary(graph, OP_ADD, convolution, x);
}

static Node *positive(Graph *graph, Node *convolution, Node *x)
{
    (void)x;
    return graph_unary(graph, OP_RELU, convolution);
}

static Node *joined(Graph *graph, Node *convolution, Node *x)
{
    Node *whole = graph_node(graph, OP_CONCAT, 2, (Node *[]){convolution, x}, &(Attributes){.concat = 1});
    graph_result(graph, "whole", graph_unary(graph, OP_RELU, whole));
    return convolution;
}

typedef struct Case {
    const char *what;
    HpDataType type;
    Node *(*value)(Graph *graph, Node *convolution, Node *x);
    bool taken;
} Case;

static const Case cases[] = {
    {"a convolution", HP_F16, itself, true},
    {"one with a bias, which moves the mean alone", HP_F16, biased, true},
    {"one with another tensor added", HP_F16, added, false},
    {"the relu of one", HP_F16, positive, false},
    {"a part of a concatenation, which is read to be copied", HP_F16, joined, false},
    {"bf16", HP_BF16, itself, false},
    {"floats", HP_F32, itself, false},
};
enum { CASES = sizeof cases / sizeof *cases };

/* value of a convolution, less its mean, by its variance; a variable takes the variance. */
static Graph *normalisation(Arena *arena, const Case *test)
{
    Graph *graph = graph_new(arena, variables_new(arena), "step");
    const int64_t channels = 8;
    Variable *x = variables_add(graph->variables, "x", HP_INPUT, shape_of(4, (int64_t[]){2, 8, 4, 4}));
    Variable *weight = variables_add(graph->variables, "w", HP_INPUT, shape_of(4, (int64_t[]){8, 8, 3, 3}));
    Variable *moved = variables_add(graph->variables, "moved", HP_STATISTIC, shape_of(1, &channels));
    const Convolution same = {
        .stride = {1, 1}, .pad_before = {1, 1}, .pad_after = {1, 1}, .dilation = {1, 1}, .groups = 1};
    x->dtype = weight->dtype = test->type;
    x->format = weight->format = HP_FORMAT_NHWC;
    Node *input = graph_variable(graph, x);
    Node *convolution = graph_convolution(graph, OP_CONVOLUTION, input, graph_variable(graph, weight), &same);
    convolution->dtype = test->type;
    Node *value = test->value(graph, convolution, input);
    value->dtype = test->type;
    Node *mean = graph_reduce(graph, OP_REDUCE_MEAN, value, PIXELS);
    Node *variance = graph_reduce(graph, OP_REDUCE_VARIANCE, value, PIXELS);
    Node *centred = graph_binary(graph, OP_SUBTRACT, value, graph_broadcast(graph, mean, value->shape));
    graph_result(graph, "y",
                 graph_binary(graph, OP_DIVIDE, centred, graph_broadcast(graph, variance, value->shape)));
    graph_update(graph, moved, graph_reshape(graph, variance, moved->shape));
    pass_layout(graph);
    graph_verify(graph, "layout");
    return graph;
}

static int count_op(const Graph *graph, Op op)
{
    int count = 0;
    for (size_t i = 0; i < graph->nodes.count; i++)
        count += graph->nodes.items[i]->op == op;
    return count;
}

/* ---- the pass ---- */

static void assert_same_values(const Case *test, const Graph *before, const Graph *after)
{
    Interpreter *old = interpreter_new(before->arena, before->variables);
    Interpreter *new = interpreter_new(after->arena, after->variables);
    random_fill(old, before->variables, 7);
    random_fill(new, after->variables, 7);
    interpreter_run(old, before);
    interpreter_run(new, after);
    for (size_t i = 0; i < before->results.count; i++) {
        const Node *r = before->results.items[i].node, *a = after->results.items[i].node;
        double error =
            random_error(interpreter_value(new, a), interpreter_value(old, r), shape_count(r->shape));
        if (!(error <= TOLERANCE))
            fail_msg("%s: result %s differs by %g", test->what, before->results.items[i].name, error);
    }
    const double *moved = interpreter_variable(old, variables_find(before->variables, "moved"));
    assert_true(random_error(interpreter_variable(new, variables_find(after->variables, "moved")), moved,
                             8) <= TOLERANCE);
    assert_true(moved[0] > 0);
    interpreter_free(old);
    interpreter_free(new);
}

static void values_stay(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        Arena *arena = arena_new();
        Graph *before = normalisation(arena, &cases[i]), *after = normalisation(arena, &cases[i]);
        pass_statistics(after);
        graph_verify(after, "statistics");
        if (count_op(after, OP_REDUCE_SUM) != (cases[i].taken ? 2 : 0) ||
            count_op(after, OP_REDUCE_MEAN) != !cases[i].taken ||
            count_op(after, OP_REDUCE_VARIANCE) != !cases[i].taken)
            fail_msg("%s: sums are taken, or are not, against what is wanted", cases[i].what);
        assert_same_values(&cases[i], before, after);
        arena_free(arena);
    }
}

static void other_targets_have_none(void **state)
{
    (void)state;
    Target other = giving;
    Arena *arena = arena_new();
    other.gives_statistics = false;
    target_use(&other);
    Graph *graph = normalisation(arena, &cases[0]);
    pass_statistics(graph);
    assert_int_equal(count_op(graph, OP_REDUCE_SUM), 0);
    target_use(&giving);
    arena_free(arena);
}

/* ---- the step ---- */

static const Step *product_of(const Schedule *schedule)
{
    for (size_t i = 0; i < schedule->steps.count; i++)
        if (schedule->steps.items[i]->call)
            return schedule->steps.items[i];
    return NULL;
}

/* What it makes first is the result, behind it the halves of its statistics; the result is read once more, to
 * be normalised. */
static void sums_come_with_the_product(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        Arena *arena = arena_new();
        Graph *graph = normalisation(arena, &cases[i]);
        pass_statistics(graph);
        Schedule *schedule = pass_fuse(graph);
        pass_plan(schedule);
        const Step *step = product_of(schedule);
        assert_non_null(step);
        assert_int_equal(step->call->statistics, cases[i].taken);
        assert_int_equal(step->outputs.count, cases[i].taken ? 3 : 1);
        assert_true(!step->statistics == !cases[i].taken);
        if (cases[i].taken) {
            const Buffer *sums = step->outputs.items[1], *squares = step->outputs.items[2];
            assert_false(step->call->bias);
            assert_ptr_equal(sums->node->inputs[0], step->outputs.items[0]->node);
            assert_int_equal(squares->node->inputs[0]->op, OP_MULTIPLY);
            assert_int_equal(sums->offset, step->statistics->offset);
            assert_int_equal(squares->offset, sums->offset + 8 * 4);
            assert_int_equal(step->statistics->bytes, 2 * 8 * 4);
            assert_true(step->statistics->last > step->index);
            int readers = 0;
            for (size_t j = 0; j < schedule->steps.count; j++)
                for (size_t k = 0; k < schedule->steps.items[j]->inputs.count; k++)
                    readers += schedule->steps.items[j]->inputs.items[k] == step->outputs.items[0];
            assert_int_equal(readers, 1);
        }
        arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(values_stay),
                                       cmocka_unit_test(other_targets_have_none),
                                       cmocka_unit_test(sums_come_with_the_product)};
    target_use(&giving);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
