/* Graph text: every op and attribute comes back, and wrong text is refused with the place of the mistake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
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

/* One line per attribute kind and per odd case: as the printer writes it. */
static const char everything[] =
    "graph \"every\"\n"
    "variable \"body.conv1.weight\" parameter f32 [8, 2, 3, 3] ohwi16o normal 0.05 group 2 at "
    "\"models/a.hpanet:12:5\"\n"
    "variable \"draw\" input i64 [2] constant 0.0\n"
    "variable \"lr \\\"peak\\\"\\033\" scalar f32 [] constant 0.0 value 1e-3\n"
    "variable \"v\" statistic f32 [4] uniform 0.25\n"
    "%0 = image batch 2 planes 4 height 9 width 8 augmented : f32 [2, 4, 9, 8] at \"C:\\\\a.hpanet:3:1\"\n"
    "%1 = variable \"body.conv1.weight\" : f32 [8, 2, 3, 3] ohwi16o\n"
    "%2 = convolution %0 %1 stride 2 1 pad_before 1 0 pad_after 0 2 dilation 1 2 groups 2 : f32 [2, 8, 4, 6] "
    "nchw8c as "
    "\"body.conv1\" at \"models/a.hpanet:12:5\"\n"
    "%3 = convolution_gradient_input %2 %1 stride 2 1 pad_before 1 0 pad_after 0 2 dilation 1 2 groups 2 "
    "missing 9 8 : "
    "f32 [2, 4, 9, 8]\n"
    "%4 = max_pool_index %0 kernel 3 2 stride 2 2 pad_before 1 1 : u8 [2, 4, 4, 4]\n"
    "%5 = max_pool %0 kernel 3 2 stride 2 2 pad_before 1 1 : f32 [2, 4, 4, 4]\n"
    "%6 = max_pool_gradient %5 %4 kernel 3 2 stride 2 2 pad_before 1 1 input_extent 9 8 : f32 [2, 4, 9, 8]\n"
    "%7 = average_pool %0 kernel 3 3 stride 1 1 count_padding : f32 [2, 4, 7, 6]\n"
    "%8 = variable \"draw\" : i64 [2]\n"
    "%9 = random %8 path \"head.dropout\" extents [2, 5] : f32 [2, 5]\n"
    "%10 = reduce_sum %6 axes 0 2 3 : f32 [1, 4, 1, 1]\n"
    "%11 = reduce_mean %6 axes : f32 [2, 4, 9, 8]\n"
    "%12 = broadcast %10 : f32 [3, 4, 2, 2]\n"
    "%13 = reshape %12 : f32 [48]\n"
    "%14 = transpose %10 permutation 1 0 3 2 : f32 [4, 1, 1, 1]\n"
    "%15 = slice %13 start 3 extent 5 step 2 : f32 [5]\n"
    "%16 = slice %0 start 0 0 1 0 extent 1 2 3 4 : f32 [1, 2, 3, 4]\n"
    "%17 = pad %15 before 2 after 0 value -0.5 : f32 [7]\n"
    "%18 = concat %15 %17 %15 axis 0 : f32 [17]\n"
    "%19 = upsample %5 factors 2 3 : f32 [2, 4, 8, 12]\n"
    "%20 = reorder %2 : f32 [2, 8, 4, 6] nhwc\n"
    "%21 = matmul %0 %0 transpose_b : f32 [2, 4, 9, 9]\n"
    "%22 = variable \"v\" : f32 [4]\n"
    "%23 = batchnorm %0 %22 %22 %22 %22 epsilon 1e-05 momentum 0.1 batch_statistics : f32 [2, 4, 9, 8]\n"
    "%24 = constant value 0.1 : f32 []\n"
    "%25 = constant value inf : f32 []\n"
    "%26 = select %24 %25 %24 : f32 []\n"
    "%27 = variable \"lr \\\"peak\\\"\\033\" : f32 []\n"
    "result \"logits\" %18\n"
    "result \"with \\\"quotes\\\"\" %26\n"
    "update \"v\" %22\n";

static const char *printed_after_reading(const char *text)
{
    Diagnostics *diagnostics = diagnostics_new(arena);
    SourceFile file = {"test.graph", text, strlen(text)};
    Graph *graph = graph_read(arena, diagnostics, &file);
    diagnostics_print(diagnostics);
    assert_non_null(graph);
    graph_verify(graph, "reading");
    Text out = text_new(arena);
    graph_print(&out, graph);
    return out.data;
}

static void everything_comes_back(void **state)
{
    (void)state;
    const char *once = printed_after_reading(everything);
    assert_string_equal(printed_after_reading(once), once);
    /* The one place where the sample differs from the printer's own form is the shortest decimal of 1e-3. */
    const char *expected = arena_string(arena, everything);
    char *number = strstr(expected, "1e-3");
    Text text = text_new(arena);
    text_add_bytes(&text, expected, (size_t)(number - expected));
    text_add(&text, "0.001%s", number + 4);
    assert_string_equal(once, text.data);
}

static void comments_and_blank_lines_are_free(void **state)
{
    (void)state;
    const char *text =
        "# first\n\n  graph \"g\" # a name\n\n%0 = constant value 2 : f32 []   # two\r\n\nresult \"r\" %0";
    assert_string_equal(printed_after_reading(text),
                        "graph \"g\"\n%0 = constant value 2.0 : f32 []\nresult \"r\" %0\n");
}

static void wrong_text_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "graph",
        "graph \"unfinished",
        "graph \"g\" more",
        "graph \"g\"\nsurprise",
        "graph \"g\"\n%1 = constant value 1 : f32 []",
        "graph \"g\"\n%0 = constant value : f32 []",
        "graph \"g\"\n%0 = constant 1 : f32 []",
        "graph \"g\"\n%0 = constant value 1 : f64 []",
        "graph \"g\"\n%0 = constant value 1 : u8 []",
        "graph \"g\"\n%0 = constant value 1 : f32 [1]",
        "graph \"g\"\n%0 = nothing : f32 []",
        "graph \"g\"\n%0 = exp %0 : f32 []",
        "graph \"g\"\n%0 = exp %-1 : f32 []",
        "graph \"g\"\n%0 = exp : f32 []",
        "graph \"g\"\n%0 = variable \"x\" : f32 []",
        "graph \"g\"\nvariable \"x\" input f32 [0] constant 0",
        "graph \"g\"\nvariable \"x\" input f32 [1,2,3,4,5,6,7] constant 0",
        "graph \"g\"\nvariable \"x\" input f32 [9223372036854775807, 3] constant 0",
        "graph \"g\"\nvariable \"x\" input f32 [99999999999999999999] constant 0",
        "graph \"g\"\nvariable \"x\" toy f32 [] constant 0",
        "graph \"g\"\nvariable \"x\" input f32 [] constant 0\nvariable \"x\" input f32 [] constant 0",
        "graph \"g\"\nvariable \"x\" input f32 [2] constant 0\n%0 = variable \"x\" : f32 [3]",
        "graph \"g\"\nvariable \"x\" input f32 [2] constant 0\n%0 = variable \"x\" : f32 [2]\n%1 = variable "
        "\"x\" : f32 [2]",
        "graph \"g\"\nvariable \"x\" input f32 [2] constant 0\n%0 = variable \"x\" : f32 [2]\n%1 = reshape "
        "%0 : f32 [2]",
        "graph \"g\"\nvariable \"x\" input f32 [2] constant 0\n%0 = variable \"x\" : f32 [2]\n%1 = "
        "reduce_sum %0 axes 9 : f32 [2]",
        "graph \"g\"\nvariable \"x\" input f32 [2] constant 0\n%0 = variable \"x\" : f32 [2]\n%1 = pad %0 "
        "before 4611686018427387904 after 4611686018427387904 value 0 : f32 [2]",
        "graph \"g\"\nvariable \"x\" input f32 [1,1,1,1] constant 0\n%0 = variable \"x\" : f32 [1,1,1,1]\n%1 "
        "= convolution_gradient_input %0 %0 stride 1 1 groups 9223372036854775807 missing 4 4 : f32 [2]",
        "graph \"g\"\nvariable \"x\" input f32 [1,1,1,1] constant 0\n%0 = variable \"x\" : f32 [1,1,1,1]\n%1 "
        "= max_pool %0 kernel 256 9223372036854775807 stride 1 1 : f32 [2]",
        "graph \"g\"\n%0 = constant value 1 : f32 []\nupdate \"x\" %0",
        "graph \"g\"\nvariable \"x\" input f32 [2] constant 0\n%0 = constant value 1 : f32 []\nupdate \"x\" "
        "%0",
        "graph \"g\"\n%0 = constant value 1 : f32 []\nresult \"r\" %1",
        "graph \"g\"\n%0 = constant value 1 : f32 [] at \"nowhere\"",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        Diagnostics *diagnostics = diagnostics_new(arena);
        SourceFile file = {"wrong.graph", wrong[i], strlen(wrong[i])};
        Graph *graph = graph_read(arena, diagnostics, &file);
        if (graph || diagnostic_error_count(diagnostics) != 1)
            fail_msg("text %zu was read, or has %zu errors:\n%s", i, diagnostic_error_count(diagnostics),
                     wrong[i]);
    }
}

/* Whatever is cut off or changed in a text: a graph or one message, never anything else. */
static void damaged_text_is_survived(void **state)
{
    (void)state;
    size_t length = strlen(everything);
    uint32_t random = 1;
    for (int i = 0; i < 4000; i++) {
        char *text = arena_string(arena, everything);
        for (int j = 0; j < 2; j++) {
            random = random * 1664525u + 1013904223u;
            text[(random >> 8) % length] = "%\"[]9-: =,a\n"[random >> 28 > 11 ? 0 : random >> 28];
        }
        if (i % 3 == 0)
            text[(random >> 7) % length] = '\0';
        Diagnostics *diagnostics = diagnostics_new(arena);
        SourceFile file = {"damaged.graph", text, strlen(text)};
        Graph *graph = graph_read(arena, diagnostics, &file);
        assert_int_equal(diagnostic_error_count(diagnostics), graph ? 0 : 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_back),
        cmocka_unit_test(comments_and_blank_lines_are_free),
        cmocka_unit_test(wrong_text_is_refused),
        cmocka_unit_test(damaged_text_is_survived),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
