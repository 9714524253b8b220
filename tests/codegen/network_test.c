/* Whole networks: right numbers, and how little is left of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "compiler/passes/format.h"
#include "runtime/device/device.h"
#include "fixture.h"

static void test_resnet_trains(void **state)
{
    (void)state;
    Node *x = fixture_input("image", EXTENTS(2, 4, 32, 32));
    x = graph_unary(graph, OP_RELU, fixture_batchnorm("bn1", fixture_conv("conv1", x, 32, 7, 2)));
    x = fixture_pool(OP_MAX_POOL, x, 3, 2, 1, false);
    x = fixture_block("layer1.0", x, 32, 1);
    x = fixture_block("layer1.1", x, 32, 1);
    x = fixture_block("layer2.0", x, 64, 2);
    fixture_train(fixture_bce(fixture_head(x, 28)));
    fixture_check();
}

/* 24 channels leave lanes unused, in activations, weights and gradients. */
static void test_padded_channels_train(void **state)
{
    (void)state;
    Node *x = fixture_input("image", EXTENTS(2, 3, 20, 20));
    x = graph_unary(graph, OP_RELU, fixture_batchnorm("bn1", fixture_conv("conv1", x, 24, 3, 1)));
    x = fixture_block("layer1.0", x, 24, 1);
    x = fixture_block("layer2.0", x, 40, 2);
    fixture_train(fixture_bce(fixture_head(x, 5)));
    fixture_check();
}

/* ---- structure ---- */

/* Three blocks; what is counted belongs to the middle one, whose neighbours are like it. */
static Schedule *schedule_of_blocks(int64_t size)
{
    Node *x = fixture_input("image", EXTENTS(16, 4, size, size));
    x = graph_unary(graph, OP_RELU, fixture_batchnorm("bn1", fixture_conv("conv1", x, 64, 7, 2)));
    x = fixture_pool(OP_MAX_POOL, x, 3, 2, 1, false);
    for (int i = 0; i < 3; i++)
        x = fixture_block(arena_format(graph->arena, "layer1.%d", i), x, 64, 1);
    fixture_train(fixture_bce(fixture_head(x, 28)));
    pass_layout(graph);
    Schedule *schedule = pass_fuse(graph);
    kernels_build(schedule);
    pass_plan(schedule);
    return schedule;
}

/* Kernels that run over images of the middle block. */
static int count_kernels(const Schedule *schedule, bool with_images)
{
    int count = 0;
    for (size_t i = 0; i < schedule->steps.count; i++) {
        const Step *step = schedule->steps.items[i];
        bool ours = false;
        for (size_t j = 0; j < step->outputs.count; j++)
            ours = ours || (step->outputs.items[j]->node->name &&
                            strstr(step->outputs.items[j]->node->name, "layer1.1"));
        count += ours && step->kind == STEP_KERNEL &&
                 (step->domain.rank == 4 && step->domain.extents[2] > 3) == with_images;
    }
    return count;
}

static void test_kernels_of_a_block(void **state)
{
    (void)state;
    if (hp_preferred_channel_block() == 0)
        skip(); /* counted for blocked formats */
    const Schedule *schedule = schedule_of_blocks(64);
    /* forward: statistics and application of two batch norms; backward: sums and gradient of each */
    assert_int_equal(count_kernels(schedule, true), 8);
    /* two weights' gradients are accumulated; gamma and beta are part of the sums */
    assert_int_equal(count_kernels(schedule, false), 2);
}

/* Between the image and the loss no activation changes its format. */
static void test_reorders_only_at_borders(void **state)
{
    (void)state;
    schedule_of_blocks(64);
    for (size_t i = 0; i < graph->nodes.count; i++)
        if (graph->nodes.items[i]->op == OP_REORDER)
            assert_int_equal(graph->nodes.items[i]->inputs[0]->op,
                             OP_VARIABLE); /* a weight for a data gradient */
}

/* What is stored of a block for its backward pass: both convolutions' outputs, both relus' outputs. */
static void test_memory_of_a_block(void **state)
{
    (void)state;
    const Schedule *schedule = schedule_of_blocks(64);
    int64_t activation = 16 * 64 * 16 * 16 * 4;
    /* stem: convolution (4 activations), pooled, its index (1/4); 3 blocks of 4; then at most three gradients
     * at once */
    int64_t scratchpad = 0;
    for (size_t i = 0; i < schedule->steps.count; i++)
        if (schedule->steps.items[i]->scratchpad && schedule->steps.items[i]->scratchpad->bytes > scratchpad)
            scratchpad = schedule->steps.items[i]->scratchpad->bytes;
    assert_true(schedule->arena_bytes <= activation * (4 + 1 + 1 + 12 + 3) + scratchpad);
    assert_true(schedule->bytes_before > 2 * schedule->arena_bytes);
}

/* A dense block: what kernels make is written where the concatenation wants it, what products make is copied
 * once. */
static void test_concat_without_copies(void **state)
{
    (void)state;
    Node *x = fixture_input("image", EXTENTS(2, 32, 12, 12));
    Node *a = graph_unary(graph, OP_RELU, fixture_batchnorm("bn1", fixture_conv("conv1", x, 32, 3, 1)));
    Node *b = graph_unary(graph, OP_SIGMOID, fixture_batchnorm("bn2", fixture_conv("conv2", x, 16, 3, 1)));
    Node *c = fixture_conv("conv3", x, 48, 1, 1);
    Node *joined = graph_node(graph, OP_CONCAT, 3, (Node *[]){a, b, c}, &(Attributes){.concat = 1});
    Node *y = graph_unary(graph, OP_RELU, fixture_batchnorm("bn3", joined));
    fixture_train(fixture_bce(fixture_head(fixture_conv("conv4", y, 32, 3, 1), 7)));
    Harness *harness = harness_new(graph, (HarnessOptions){.optimise = "-O2", .tolerance = 1e-5});
    harness_check_steps(harness);
    harness_check_run(harness);
    int views = 0, copies = 0; /* views: the activations, their means and their variances */
    for (size_t i = 0; i < harness->schedule->steps.count; i++) {
        const Step *step = harness->schedule->steps.items[i];
        const Node *last = step->nodes.count ? step->nodes.items[step->nodes.count - 1] : NULL;
        views += last && last->op == OP_CONCAT && step->kind == STEP_ALIAS;
        for (size_t j = 0; j < step->outputs.count; j++) {
            const Node *made = step->outputs.items[j]->node;
            copies += made->op == OP_SLICE && made->inputs[0]->op == OP_CONVOLUTION;
        }
    }
    if (hp_preferred_channel_block() > 0) {
        assert_int_equal(views, 3);
        assert_int_equal(copies, 1);
    }
    harness_free(harness);
}

enum { DENSE_LAYERS = 5, DENSE_STEM = 32, DENSE_GROWTH = 16 };

/* Every layer sees all layers before it, as one list that it joins anew. */
static Node *dense_block(Node *x)
{
    Node *parts[DENSE_LAYERS + 1] = {x};
    for (int i = 1; i <= DENSE_LAYERS; i++) {
        Arena *arena = graph->arena;
        Node *seen = i == 1 ? x : graph_node(graph, OP_CONCAT, i, parts, &(Attributes){.concat = 1});
        Node *normal = fixture_batchnorm(arena_format(arena, "norm%d", i), seen);
        Node *narrow =
            fixture_conv(arena_format(arena, "narrow%d", i), graph_unary(graph, OP_RELU, normal), 32, 1, 1);
        parts[i] = fixture_conv(arena_format(arena, "grow%d", i), narrow, DENSE_GROWTH, 3, 1);
    }
    return graph_node(graph, OP_CONCAT, DENSE_LAYERS + 1, parts, &(Attributes){.concat = 1});
}

/* The concatenations of a dense block are one buffer that grows: a layer's channels are written into it once,
 * by the kernel that computes their statistics, and what later layers see is a beginning of it. */
static void test_dense_block_grows_in_place(void **state)
{
    (void)state;
    Node *stem = fixture_conv("stem", fixture_input("image", EXTENTS(2, 4, 10, 10)), DENSE_STEM, 3, 1);
    Node *y = fixture_batchnorm("norm", dense_block(stem));
    fixture_train(fixture_bce(fixture_head(graph_unary(graph, OP_RELU, y), 7)));
    Harness *harness = harness_new(graph, (HarnessOptions){.optimise = "-O2", .tolerance = 1e-5});
    harness_check_steps(harness);
    harness_check_run(harness);
    const Schedule *schedule = harness->schedule;
    int statistics = 0;
    int64_t copied = 0; /* channels that a concatenation takes from elsewhere */
    const Buffer *home = NULL;
    for (size_t i = 0; i < schedule->graph->nodes.count; i++) {
        const Node *node = schedule->graph->nodes.items[i];
        statistics += node->op == OP_REDUCE_VARIANCE;
        if (node->op != OP_CONCAT || node->shape.extents[2] == 1)
            continue;
        int64_t offset;
        const Buffer *root = buffer_root(schedule->buffer_of[node->id], &offset);
        for (int j = 0; j < node->input_count; j++)
            copied += node->inputs[j]->op == OP_SLICE ? node->inputs[j]->shape.extents[1] : 0;
        if (hp_preferred_channel_block() > 0) {
            assert_true(home == NULL || root == home);
            assert_int_equal(offset, 0);
        }
        home = root;
    }
    assert_int_equal(statistics, DENSE_LAYERS + 1);
    if (hp_preferred_channel_block() > 0) {
        assert_int_equal(copied, DENSE_STEM + DENSE_LAYERS * DENSE_GROWTH);
        assert_int_equal(home->bytes, 2 * (DENSE_STEM + DENSE_LAYERS * DENSE_GROWTH) * 10 * 10 *
                                          hp_data_type_bytes(home->node->dtype));
    }
    harness_free(harness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_resnet_trains),
        FIXTURE_TEST(test_padded_channels_train),
        FIXTURE_TEST(test_kernels_of_a_block),
        FIXTURE_TEST(test_reorders_only_at_borders),
        FIXTURE_TEST(test_memory_of_a_block),
        FIXTURE_TEST(test_concat_without_copies),
        FIXTURE_TEST(test_dense_block_grows_in_place),
    };
    harness_choose_target();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
