/* Random graphs as generated code, every stored tensor against the interpreter. HPANET_FUZZ="first count"
 * runs others. */
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "compiler/target/target.h"
#include "harness.h"
#include "tests/pass/random_graph.h"

/* Is some comparison so close that floats and doubles may decide it differently? */
static bool has_close_comparison(Graph *graph)
{
    Interpreter *interpreter = interpreter_new(graph->arena, graph->variables);
    random_fill(interpreter, graph->variables, HARNESS_SEED);
    interpreter_set_seed(interpreter, HARNESS_SEED);
    interpreter_run(interpreter, graph);
    bool close = false;
    for (size_t i = 0; i < graph->nodes.count && !close; i++) {
        const Node *node = graph->nodes.items[i];
        if (node->op < OP_EQUAL || node->op > OP_GREATER_EQUAL)
            continue;
        const double *a = interpreter_value(interpreter, node->inputs[0]);
        const double *b = interpreter_value(interpreter, node->inputs[1]);
        for (int64_t j = 0; j < shape_count(node->shape) && !close; j++)
            close = fabs(a[j] - b[j]) <= 1e-4 * (fabs(a[j]) + fabs(b[j]));
    }
    interpreter_free(interpreter);
    return close;
}

static uint32_t format_seed;

static bool demands_plain(const Node *user)
{
    OpClass class = op_table[user->op].class;
    return class == CLASS_CONTRACTION ||
           (class == CLASS_MOVEMENT && user->op != OP_BROADCAST && user->op != OP_UPSAMPLE);
}

/* Whatever the layout pass would never do: every value in a format of its own, but for what products,
 * results, variables and movements across channels demand. */
static void scramble_formats(Graph *graph)
{
    HpFormat blocked = format_seed % 8 < 4 ? HP_FORMAT_NCHW8C : HP_FORMAT_NCHW16C; /* one per program */
    blocked = target()->launches ? HP_FORMAT_NHWC : blocked;
    const HpFormat formats[] = {HP_FORMAT_PLAIN, HP_FORMAT_NHWC, blocked, blocked};
    NodeList *uses = graph_uses(graph);
    for (size_t i = 0; i < graph->nodes.count; i++) {
        Node *node = graph->nodes.items[i];
        OpClass class = op_table[node->op].class;
        bool free = node->shape.rank == 4 &&
                    (class == CLASS_ELEMENTWISE || class == CLASS_WINDOW || node->op == OP_UPSAMPLE);
        for (size_t j = 0; j < uses[i].count; j++)
            free = free && !demands_plain(uses[i].items[j]);
        for (size_t j = 0; j < graph->results.count; j++)
            free = free && graph->results.items[j].node != node;
        for (size_t j = 0; j < graph->updates.count; j++)
            free = free && graph->updates.items[j].node != node;
        format_seed = format_seed * 1664525u + 1013904223u;
        if (free)
            node->format = formats[format_seed >> 30];
    }
}

static bool check_seed(RandomKind kind, uint32_t seed)
{
    format_seed = seed;
    Arena *arena = arena_new();
    Graph *graph = random_graph(arena, kind, seed, 10 + (int)(seed % 12));
    graph->name = arena_format(arena, "random graph %u", seed);
    if (has_close_comparison(graph)) {
        arena_free(arena);
        return false;
    }
    harness_check(graph, (HarnessOptions){.optimise = "-O1",
                                          .tolerance = 2e-4, /* random chains lose digits by cancellation */
                                          .floor = 0.1,
                                          .after_layout = seed % 4 < 2 ? NULL : scramble_formats});
    arena_free(arena);
    return true;
}

static void test_random(void **state)
{
    (void)state;
    unsigned first = 1, count = 12;
    const char *asked = getenv("HPANET_FUZZ");
    if (asked && sscanf(asked, "%u %u", &first, &count) != 2)
        fail_msg("HPANET_FUZZ is not 'first count'");
    unsigned checked = 0;
    for (unsigned seed = first; seed < first + count; seed++)
        checked += check_seed(seed % 2 ? RANDOM_TRAIN : RANDOM_INFER, seed);
    assert_true(2 * checked >= count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};
    harness_choose_target();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
