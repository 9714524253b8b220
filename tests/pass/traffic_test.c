/* What schedules say they move, against numbers counted by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "compiler/passes/passes.h"
#include "runtime/device/device.h"

typedef struct Case {
    const char *what,
        *text; /* the nodes and effects of a graph over x [2, 4, 4, 4] and v [4], 512 and 16 bytes */
    double read, written;
} Case;

/* The cases are a table, laid out by hand. */
/* clang-format off */
static const Case cases[] = {
    {"a slice: its part alone",
     "%1 = slice %0 start 0 1 0 0 extent 2 2 4 4 step 1 1 1 1 : f32 [2, 2, 4, 4]\n"
     "%2 = exp %1 : f32 [2, 2, 4, 4]\nresult \"y\" %2\n", 256, 256},
    {"two slices of one value: both parts",
     "%1 = slice %0 start 0 0 0 0 extent 2 1 4 4 step 1 1 1 1 : f32 [2, 1, 4, 4]\n"
     "%2 = slice %0 start 0 2 0 0 extent 2 1 4 4 step 1 1 1 1 : f32 [2, 1, 4, 4]\n"
     "%3 = add %1 %2 : f32 [2, 1, 4, 4]\nresult \"y\" %3\n", 256, 128},
    {"a slice of what is not stored: the part of what that is made of",
     "%1 = exp %0 : f32 [2, 4, 4, 4]\n"
     "%2 = slice %1 start 0 0 0 0 extent 1 4 4 4 step 1 1 1 1 : f32 [1, 4, 4, 4]\nresult \"y\" %2\n", 256, 256},
    {"a value read by two nodes, and a vector that is repeated: once",
     "%1 = variable \"v\" : f32 [4]\n%2 = reshape %1 : f32 [1, 4, 1, 1]\n%3 = broadcast %2 : f32 [2, 4, 4, 4]\n"
     "%4 = multiply %0 %3 : f32 [2, 4, 4, 4]\n%5 = add %4 %0 : f32 [2, 4, 4, 4]\nresult \"y\" %5\n", 528, 512},
    {"overlapping windows: once",
     "%1 = max_pool %0 kernel 3 3 stride 1 1 : f32 [2, 4, 2, 2]\nresult \"y\" %1\n", 512, 128},
    {"an element of 16 bits: 2 bytes",
     "%1 = convert %0 : bf16 [2, 4, 4, 4]\nupdate \"low\" %1\n", 512, 256},
    {"a variable that another takes over: a copy",
     "%1 = variable \"other\" : f32 [2, 4, 4, 4]\nupdate \"x\" %1\n", 512, 512},
    {"windows that step over pixels: those are not read",
     "%1 = variable \"w\" : f32 [4, 4, 1, 1]\n"
     "%2 = convolution %0 %1 stride 2 2 : f32 [2, 4, 2, 2]\nupdate \"o\" %2\n", 128 + 64, 128},
};
/* clang-format on */

static Schedule *plan(Arena *arena, const Case *test)
{
    const char *text = arena_format(arena,
                                    "graph \"case\"\n"
                                    "variable \"x\" input f32 [2, 4, 4, 4] nhwc constant 0.0\n"
                                    "variable \"other\" input f32 [2, 4, 4, 4] nhwc constant 0.0\n"
                                    "variable \"low\" input bf16 [2, 4, 4, 4] nhwc constant 0.0\n"
                                    "variable \"o\" input f32 [2, 4, 2, 2] nhwc constant 0.0\n"
                                    "variable \"v\" parameter f32 [4] constant 0.0\n"
                                    "variable \"w\" parameter f32 [4, 4, 1, 1] constant 0.0\n"
                                    "%%0 = variable \"x\" : f32 [2, 4, 4, 4] nhwc\n%s",
                                    test->text);
    Diagnostics *diagnostics = diagnostics_new(arena);
    SourceFile source = {"case", text, strlen(text)};
    Graph *graph = graph_read(arena, diagnostics, &source);
    diagnostics_print(diagnostics);
    assert_non_null(graph);
    pass_layout(graph);
    for (size_t i = 0; i < graph->results.count; i++) /* the result as it was made */
        if (graph->results.items[i].node->op == OP_REORDER)
            graph->results.items[i].node = graph->results.items[i].node->inputs[0];
    graph_verify(graph, "layout");
    Schedule *schedule = pass_fuse(graph);
    pass_plan(schedule);
    return schedule;
}

static void traffic_is_what_is_moved(void **state)
{
    (void)state;
    hp_library_set_portable();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Arena *arena = arena_new();
        Traffic traffic = schedule_traffic(plan(arena, &cases[i]));
        if (traffic.read != cases[i].read || traffic.written != cases[i].written)
            fail_msg("%s: %g bytes read and %g written", cases[i].what, traffic.read, traffic.written);
        arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(traffic_is_what_is_moved)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
