/* Shape rules: what they infer, and what they say to the person whose shapes do not meet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "compiler/graph/graph.h"

static Arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

#define S(...) shape_of((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})

typedef struct Rule {
    Op op;
    int count;
    Shape inputs[5];
    Attributes attributes;
    const char *expected; /* the shape as text, or what the message says */
} Rule;

static const char *infer(const Rule *rule)
{
    Node *inputs[5];
    Shape shape = shape_scalar();
    for (int i = 0; i < rule->count; i++) {
        inputs[i] = ARENA_NEW(arena, Node);
        inputs[i]->shape = rule->inputs[i];
    }
    const char *wrong = shape_infer(arena, rule->op, rule->count, inputs, &rule->attributes, &shape);
    return wrong ? wrong : shape_text(arena, shape);
}

static void check(const Rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_string_equal(infer(&rules[i]), rules[i].expected);
}

#define CHECK(rules) check(rules, sizeof rules / sizeof rules[0])

static void shapes_are_inferred(void **state)
{
    (void)state;
    const Rule rules[] = {
        {OP_ADD, 2, {S(2, 3), S(2, 3)}, {0}, "[2, 3]"},
        {OP_REDUCE_SUM, 1, {S(2, 3, 4)}, {.axes = 5}, "[1, 3, 1]"},
        {OP_TRANSPOSE, 1, {S(2, 3, 4)}, {.permutation = {2, 0, 1}}, "[4, 2, 3]"},
        {OP_SLICE, 1, {S(7)}, {.slice = {{1}, {3}, {2}}}, "[3]"},
        {OP_PAD, 1, {S(7, 2)}, {.pad = {{1, 0}, {3, 4}, 0}}, "[11, 6]"},
        {OP_CONCAT, 3, {S(2, 3), S(2, 1), S(2, 5)}, {.concat = 1}, "[2, 9]"},
        {OP_UPSAMPLE, 1, {S(1, 2, 3, 4)}, {.upsample = {2, 3}}, "[1, 2, 6, 12]"},
        {OP_MAX_POOL,
         1,
         {S(2, 64, 112, 112)},
         {.window = {{3, 3}, {2, 2}, {1, 1}, {1, 1}, 0, {0}}},
         "[2, 64, 56, 56]"},
        {OP_CONVOLUTION,
         2,
         {S(16, 4, 224, 224), S(64, 4, 7, 7)},
         {.convolution = {{2, 2}, {3, 3}, {3, 3}, {1, 1}, 1, {0}}},
         "[16, 64, 112, 112]"},
        {OP_CONVOLUTION,
         2,
         {S(2, 32, 9, 9), S(32, 1, 3, 3)},
         {.convolution = {{1, 1}, {2, 2}, {2, 2}, {2, 2}, 32, {0}}},
         "[2, 32, 9, 9]"},
        {OP_CONVOLUTION_GRADIENT_INPUT,
         2,
         {S(16, 64, 112, 112), S(64, 4, 7, 7)},
         {.convolution = {{2, 2}, {3, 3}, {3, 3}, {1, 1}, 1, {224, 224}}},
         "[16, 4, 224, 224]"},
        {OP_CONVOLUTION_GRADIENT_WEIGHT,
         2,
         {S(16, 4, 224, 224), S(16, 64, 112, 112)},
         {.convolution = {{2, 2}, {3, 3}, {3, 3}, {1, 1}, 1, {7, 7}}},
         "[64, 4, 7, 7]"},
        {OP_MATMUL, 2, {S(5, 2, 3), S(5, 4, 3)}, {.matmul = {false, true}}, "[5, 2, 4]"},
        {OP_MATMUL, 2, {S(3, 2), S(3, 4)}, {.matmul = {true, false}}, "[2, 4]"},
        {OP_IMAGE, 0, {{0}}, {.image = {16, 4, 8, 8, true}}, "[16, 4, 8, 8]"},
    };
    CHECK(rules);
}

static void messages_are_in_words(void **state)
{
    (void)state;
    const Rule rules[] = {
        {OP_ADD,
         2,
         {S(2, 3), S(2, 4)},
         {0},
         "add needs equal shapes, but [2, 3] and [2, 4] differ: 3 and 4 in axis 1"},
        {OP_ADD, 2, {S(2, 3), S(6)}, {0}, "add needs equal shapes, but [2, 3] has 2 axes and [6] has 1"},
        {OP_ADD, 1, {S(2, 3)}, {0}, "add takes 2 inputs, not 1"},
        {OP_REDUCE_MAX,
         1,
         {S(2, 3)},
         {.axes = 4},
         "reduce_max over an axis that the shape [2, 3] does not have"},
        {OP_CONVOLUTION,
         2,
         {S(16, 4, 224, 224), S(64, 3, 7, 7)},
         {.convolution = {{2, 2}, {3, 3}, {3, 3}, {1, 1}, 1, {0}}},
         "the image has 4 channels, but the convolution's weight [64, 3, 7, 7] takes 3"},
        {OP_CONVOLUTION,
         2,
         {S(1, 6, 8, 8), S(64, 1, 3, 3)},
         {.convolution = {{1, 1}, {0, 0}, {0, 0}, {1, 1}, 4, {0}}},
         "4 groups do not divide the 6 input channels of the convolution"},
        {OP_CONVOLUTION,
         2,
         {S(1, 3, 4, 9), S(8, 3, 7, 7)},
         {.convolution = {{1, 1}, {1, 1}, {1, 1}, {1, 1}, 1, {0}}},
         "the kernel covers 7 pixels, but the height of 4 with its padding of 2 is smaller"},
        {OP_CONVOLUTION,
         2,
         {S(1, 3, 9, 4), S(8, 3, 3, 3)},
         {.convolution = {{1, 1}, {0, 0}, {0, 0}, {2, 2}, 1, {0}}},
         "the kernel covers 5 pixels (dilation 2), but the width of 4 is smaller"},
        {OP_CONVOLUTION,
         2,
         {S(1, 3, 9, 4), S(8, 3, 3, 3)},
         {.convolution = {{0, 1}, {0, 0}, {0, 0}, {1, 1}, 1, {0}}},
         "kernel 3, stride 0, dilation 1: each must be at least 1"},
        {OP_CONVOLUTION,
         2,
         {S(4, 28), S(8, 3, 3, 3)},
         {.convolution = {{1, 1}, {0, 0}, {0, 0}, {1, 1}, 1, {0}}},
         "convolution needs an image of four axes [N, C, H, W], but the shape is [4, 28]"},
        {OP_MAX_POOL,
         1,
         {S(2, 64, 9, 9)},
         {.window = {{2, 2}, {2, 2}, {2, 2}, {2, 2}, 0, {0}}},
         "a pooling window of 2 with padding 2 and 2 lies in the padding alone"},
        {OP_MAX_POOL,
         1,
         {S(2, 64, 99, 99)},
         {.window = {{17, 17}, {2, 2}, {0, 0}, {0, 0}, 0, {0}}},
         "a max pooling window of 17 by 17 has more than 256 pixels"},
        {OP_MATMUL,
         2,
         {S(2, 3), S(4, 5)},
         {.matmul = {false, false}},
         "a matrix product sums over one axis of both sides, but [2, 3] has 3 there and [4, 5] has 4"},
        {OP_CONCAT,
         2,
         {S(2, 3), S(3, 3)},
         {.concat = 1},
         "concat along axis 1 needs shapes that agree elsewhere, but [2, 3] and [3, 3] do not"},
        {OP_SLICE,
         1,
         {S(7)},
         {.slice = {{1}, {4}, {2}}},
         "a slice of 4 elements from 1 at steps of 2 leaves axis 0, which has 7"},
        {OP_TRANSPOSE,
         1,
         {S(2, 3)},
         {.permutation = {0, 0}},
         "transpose of [2, 3] needs each of its 2 axes once"},
        {OP_BATCHNORM,
         5,
         {S(4, 3, 2, 2), S(3), S(4), S(3), S(3)},
         {.batchnorm = {1e-5, 0.1, true, true}},
         "batch norm of [4, 3, 2, 2] needs a beta of 3 channels, but its shape is [4]"},
        {OP_BATCHNORM,
         5,
         {S(1, 3), S(3), S(3), S(3), S(3)},
         {.batchnorm = {1e-5, 0.1, true, true}},
         "batch norm of [1, 3] has one value per channel, whose variance says nothing: it needs more rows or "
         "pixels"},
    };
    CHECK(rules);
}

/* Sizes from a hostile file must not overflow into something that looks right. */
static void huge_sizes_are_refused(void **state)
{
    (void)state;
    int64_t huge = INT64_MAX / 2;
    const Rule rules[] = {
        {OP_UPSAMPLE,
         1,
         {S(1, 2, 3, 4)},
         {.upsample = {huge, 1}},
         "upsampling by a factor of 4611686018427387903: it must be a whole number from 1"},
        {OP_PAD, 1, {S(1 << 30)}, {.pad = {{huge}, {huge}, 0}}, NULL},
        {OP_PAD,
         1,
         {S(1)},
         {.pad = {{huge}, {0}, 0}},
         "pad gives the shape [4611686018427387904], which is too large for any memory"},
        {OP_SLICE, 1, {S(7)}, {.slice = {{1}, {huge}, {huge}}}, NULL},
        {OP_CONVOLUTION,
         2,
         {S(1, 3, 9, 4), S(8, 3, 3, 3)},
         {.convolution = {{1, 1}, {huge, 0}, {huge, 0}, {huge, 1}, 1, {0}}},
         NULL},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        const char *said = infer(&rules[i]);
        assert_true(said[0] != '[');
        if (rules[i].expected)
            assert_string_equal(said, rules[i].expected);
    }
}

/* An extent that passes through keeps the place where it was decided. */
static void origins_are_inherited(void **state)
{
    (void)state;
    SourceFile file = {.path = "a.hpanet", .text = ""};
    Variables *variables = variables_new(arena);
    Graph *graph = graph_new(arena, variables, "test");
    Variable *weight = variables_add(variables, "w", HP_PARAMETER, S(8, 4, 3, 3));
    weight->span = (Span){&file, 5, 1, 1};
    graph->span = (Span){&file, 2, 1, 1};
    Node *image = graph_node(graph, OP_IMAGE, 0, NULL, &(Attributes){.image = {2, 4, 9, 9, false}});
    graph->span = (Span){&file, 3, 1, 1};
    Node *convolution = graph_convolution(graph, OP_CONVOLUTION, image, graph_variable(graph, weight),
                                          &(Convolution){{2, 1}, {1, 1}, {1, 1}, {1, 1}, 1, {0}});
    graph->span = (Span){&file, 4, 1, 1};
    Node *relu = graph_unary(graph, OP_RELU, convolution);
    const int lines[4] = {2, 5, 3,
                          2}; /* rows: the image's; channels: the weight's; height: the stride; width: kept */
    for (int axis = 0; axis < 4; axis++)
        assert_int_equal(relu->origins[axis].line, lines[axis]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_are_inferred),
        cmocka_unit_test(messages_are_in_words),
        cmocka_unit_test(huge_sizes_are_refused),
        cmocka_unit_test(origins_are_inherited),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
