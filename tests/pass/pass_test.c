/* Passes from graph to graph. Two kinds of tests, both of which run the graph before and after in the
 * interpreter:
 *   - each x.graph of this folder, whose header says what to run and what must be left:
 *         # run: fold expand
 *         # count: convolution 1 batchnorm 0
 *     and, when there is an x.expected, what the graph must be, as text (behind it the graph "prepare" of
 * hoist and precision);
 *   - random graphs. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "compiler/passes/passes.h"
#include "random_graph.h"

static const double TOLERANCE = 1e-11;

typedef struct Subject { /* a graph that passes work on */
    Graph *graph;
    Graph *prepare; /* made by hoist or precision, or NULL */
} Subject;

static void run_fold(Subject *subject)
{
    pass_fold(subject->graph);
}

static void run_expand(Subject *subject)
{
    pass_expand(subject->graph);
}

static void run_fold_batchnorm(Subject *subject)
{
    pass_fold_batchnorm(subject->graph);
}

static void run_hoist(Subject *subject)
{
    subject->prepare = pass_hoist(subject->graph->arena, subject->graph->variables, &subject->graph, 1);
    graph_verify(subject->prepare, "hoist");
}

/* In a program whose "prepare" is the subject's. */
static void run_precision(Subject *subject)
{
    Graph *graph = subject->graph;
    pass_precision(graph, HP_BF16);
    if (!subject->prepare)
        subject->prepare = graph_new(graph->arena, graph->variables, "prepare");
    pass_precision_copies(subject->prepare, true);
    graph_verify(subject->prepare, "precision");
}

/* Graph text that was printed and read is the same graph. */
static void run_text(Subject *subject)
{
    Arena *arena = subject->graph->arena;
    Text once = text_new(arena), twice = text_new(arena);
    graph_print(&once, subject->graph);
    Graph *back = graph_read(arena, diagnostics_new(arena), &(SourceFile){"printed", once.data, once.length});
    assert_non_null(back);
    graph_print(&twice, back);
    assert_string_equal(twice.data, once.data);
    subject->graph = back;
}

static const struct {
    const char *name;
    void (*run)(Subject *subject);
} passes[] = {{"fold", run_fold},   {"expand", run_expand},       {"fold_batchnorm", run_fold_batchnorm},
              {"hoist", run_hoist}, {"precision", run_precision}, {"text", run_text}};

static void run_pass(Subject *subject, const char *name)
{
    for (size_t i = 0; i < sizeof passes / sizeof passes[0]; i++) {
        if (strcmp(passes[i].name, name) != 0)
            continue;
        passes[i].run(subject);
        graph_verify(subject->graph, name);
        return;
    }
    fail_msg("there is no pass %s", name);
}

static void run_passes(Subject *subject, const char *names)
{
    char *copy = arena_string(subject->graph->arena, names);
    for (char *name = strtok(copy, " \n"); name; name = strtok(NULL, " \n"))
        run_pass(subject, name);
}

/* ---- values ---- */

static void interpret(Subject *subject, Interpreter *interpreter, uint32_t seed)
{
    random_fill(interpreter, subject->graph->variables, seed);
    if (subject->prepare)
        interpreter_run(interpreter, subject->prepare);
    interpreter_run(interpreter, subject->graph);
}

static void compare(const char *what, Subject *before, Subject *after, uint32_t seed)
{
    Arena *arena = before->graph->arena;
    Interpreter *old = interpreter_new(arena, before->graph->variables);
    Interpreter *new = interpreter_new(arena, after->graph->variables);
    interpret(before, old, seed);
    interpret(after, new, seed);
    assert_int_equal(before->graph->results.count, after->graph->results.count);
    for (size_t i = 0; i < before->graph->results.count; i++) {
        const Result *r = &before->graph->results.items[i], *a = &after->graph->results.items[i];
        assert_string_equal(a->name, r->name);
        assert_true(shape_equal(a->node->shape, r->node->shape));
        double error = random_error(interpreter_value(new, a->node), interpreter_value(old, r->node),
                                    shape_count(r->node->shape));
        if (!(error <= TOLERANCE))
            fail_msg("%s: result %s differs by %g", what, r->name, error);
    }
    for (size_t i = 0; i < before->graph->variables->list.count; i++) {
        const Variable *r = before->graph->variables->list.items[i];
        const Variable *a = variables_find(after->graph->variables, r->name);
        double error = a ? random_error(interpreter_variable(new, a), interpreter_variable(old, r),
                                        shape_count(r->shape))
                         : 0; /* no longer used */
        if (!(error <= TOLERANCE))
            fail_msg("%s: variable %s differs by %g", what, r->name, error);
    }
    interpreter_free(old);
    interpreter_free(new);
}

/* ---- random graphs ---- */

static void keeps_values(RandomKind kind, const char *names)
{
    for (uint32_t seed = 1; seed <= 60; seed++) {
        Arena *arena = arena_new();
        Subject before = {random_graph(arena, kind, seed, 40), NULL};
        Subject after = {random_graph(arena, kind, seed, 40), NULL};
        graph_verify(before.graph, "random_graph");
        run_passes(&after, names);
        compare(arena_format(arena, "%s, seed %u", names, seed), &before, &after, seed);
        arena_free(arena);
    }
}

static void training_graphs_keep_values(void **state)
{
    (void)state;
    keeps_values(RANDOM_TRAIN, "fold");
    keeps_values(RANDOM_TRAIN, "expand");
    keeps_values(RANDOM_TRAIN, "fold expand fold fold");
    keeps_values(RANDOM_TRAIN, "text");
    keeps_values(RANDOM_TRAIN, "expand precision");
    keeps_values(RANDOM_TRAIN, "fold expand fold precision");
}

static void inference_graphs_keep_values(void **state)
{
    (void)state;
    keeps_values(RANDOM_INFER, "fold_batchnorm");
    keeps_values(RANDOM_INFER, "hoist");
    keeps_values(RANDOM_INFER, "fold_batchnorm expand fold hoist precision");
    keeps_values(RANDOM_INFER, "fold fold_batchnorm text expand fold hoist fold");
}

/* ---- random graphs after precision, and what it leaves for other functions ---- */

/* Every operand of a product is low; what leaves the function is as it was, but for activations, which the runtime reads
 * as they are stored. */
static void products_read_16_bits(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 60; seed++) {
        Arena *arena = arena_new();
        Subject subject = {random_graph(arena, seed % 2 ? RANDOM_TRAIN : RANDOM_INFER, seed, 40), NULL};
        run_passes(&subject, "expand precision");
        for (size_t i = 0; i < subject.graph->nodes.count; i++) {
            const Node *node = subject.graph->nodes.items[i];
            for (int j = 0; op_table[node->op].class == CLASS_CONTRACTION && j < node->input_count; j++)
                assert_int_equal(node->inputs[j]->dtype, HP_BF16);
        }
        for (size_t i = 0; i < subject.graph->results.count; i++)
            if (subject.graph->results.items[i].node->shape.rank != 4)
                assert_int_equal(subject.graph->results.items[i].node->dtype, HP_F32);
        for (size_t i = 0; i < subject.graph->updates.count; i++)
            assert_int_equal(subject.graph->updates.items[i].node->dtype,
                             subject.graph->updates.items[i].variable->dtype);
        arena_free(arena);
    }
}

/* Of two parameters that products read, an update writes the copy of the one that it changes. */
static void updates_keep_copies(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Variables *variables = variables_new(arena);
    Shape shape = shape_of(2, (int64_t[]){3, 3});
    Variable *trained = variables_add(variables, "trained", HP_PARAMETER, shape),
             *frozen = variables_add(variables, "frozen", HP_PARAMETER, shape);
    Graph *train = graph_new(arena, variables, "train"), *update = graph_new(arena, variables, "update");
    graph_result(
        train, "y",
        graph_matmul(train, graph_variable(train, trained), graph_variable(train, frozen), false, false));
    graph_update(update, trained, graph_unary(update, OP_EXP, graph_variable(update, trained)));
    pass_precision(train, HP_F16);
    pass_precision_copies(update, false);
    graph_verify(train, "precision");
    graph_verify(update, "precision");
    Variable *copy = variables_find(variables, "low:trained");
    assert_non_null(copy);
    assert_int_equal(copy->kind, HP_COPY);
    assert_int_equal(copy->dtype, HP_F16);
    assert_non_null(variables_find(variables, "low:frozen"));
    assert_int_equal(update->updates.count, 2);
    Interpreter *interpreter = interpreter_new(arena, variables);
    random_fill(interpreter, variables, 3);
    interpreter_run(interpreter, update);
    assert_memory_equal(interpreter_variable(interpreter, copy), interpreter_variable(interpreter, trained),
                        9 * sizeof(double));
    interpreter_free(interpreter);
    arena_free(arena);
}

/* ---- fixtures ---- */

static const char *folder(void)
{
    const char *root = getenv("HPANET_ROOT");
    assert_non_null(root);
    static char path[4096];
    snprintf(path, sizeof path, "%s/tests/pass", root);
    return path;
}

static char *read_text(Arena *arena, const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    Text text = text_new(arena);
    char buffer[4096];
    size_t length;
    while ((length = fread(buffer, 1, sizeof buffer, file)) > 0)
        text_add_bytes(&text, buffer, length);
    fclose(file);
    return text.data;
}

/* What follows "# word:" in the header, to the end of the line; NULL: nothing does. */
static char *header(Arena *arena, const char *text, const char *word)
{
    const char *start = strstr(text, arena_format(arena, "# %s:", word));
    if (!start)
        return NULL;
    start = strchr(start, ':') + 1;
    return arena_string_of(arena, start, strcspn(start, "\n"));
}

static int count_op(const Graph *graph, const char *name)
{
    int count = 0;
    for (size_t i = 0; i < graph->nodes.count; i++)
        count += strcmp(op_table[graph->nodes.items[i]->op].name, name) == 0;
    return count;
}

static void check_counts(const Subject *subject, const char *file, char *counts)
{
    for (char *name = strtok(counts, " "); name; name = strtok(NULL, " ")) {
        char *wanted = strtok(NULL, " ");
        assert_non_null(wanted);
        int found = count_op(subject->graph, name);
        if (found != atoi(wanted))
            fail_msg("%s: %d of %s, expected %s", file, found, name, wanted);
    }
}

static void check_text(Arena *arena, const Subject *subject, const char *path)
{
    char *expected = read_text(arena, path);
    Text text = text_new(arena);
    graph_print(&text, subject->graph);
    if (subject->prepare)
        graph_print(&text, subject->prepare);
    if (expected && strcmp(expected, text.data) != 0)
        fail_msg("%s: the graph is\n%s", path, text.data);
}

static void run_fixture(const char *file)
{
    Arena *arena = arena_new();
    const char *path = arena_format(arena, "%s/%s", folder(), file);
    char *text = read_text(arena, path);
    assert_non_null(text);
    SourceFile source = {path, text, strlen(text)};
    Diagnostics *diagnostics = diagnostics_new(arena);
    Subject before = {graph_read(arena, diagnostics, &source), NULL};
    Subject after = {graph_read(arena, diagnostics, &source), NULL};
    diagnostics_print(diagnostics);
    assert_non_null(before.graph);
    char *run = header(arena, text, "run"), *counts = header(arena, text, "count");
    if (!run)
        fail_msg("%s does not say what to run", file);
    run_passes(&after, run);
    if (counts)
        check_counts(&after, file, counts);
    check_text(arena, &after, arena_format(arena, "%.*s.expected", (int)strlen(path) - 6, path));
    compare(file, &before, &after, 7);
    arena_free(arena);
}

static void fixtures_hold(void **state)
{
    (void)state;
    DIR *entries = opendir(folder());
    int count = 0;
    assert_non_null(entries);
    for (struct dirent *entry; (entry = readdir(entries));) {
        size_t length = strlen(entry->d_name);
        if (length > 6 && strcmp(entry->d_name + length - 6, ".graph") == 0) {
            run_fixture(entry->d_name);
            count++;
        }
    }
    closedir(entries);
    assert_true(count > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_graphs_keep_values),
        cmocka_unit_test(inference_graphs_keep_values),
        cmocka_unit_test(products_read_16_bits),
        cmocka_unit_test(updates_keep_copies),
        cmocka_unit_test(fixtures_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
