/* Products of the CUDA target, asked about an H200 that is not there: every convolution of whole networks has
 * a plan that the library finalises and that holds no copy of an image tensor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "networks.h"
#include "runtime/base/base.h"
#include "runtime/device/cuda/products.h"

enum { BATCH = 256, SIZE = 256, PLANES = 8, MEBIBYTE = 1 << 20 };

static const int resnet50[] = {3, 4, 6, 3}, resnet152[] = {3, 8, 36, 3};

/* The libraries keep a few handles of each other until the process ends. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libcublasLt\nleak:libcudnn\n";
}

static const HpDataType types[] = {HP_BF16, HP_F16, HP_F32};
static const char *const type_names[] = {[HP_F32] = "fp32", [HP_F16] = "fp16", [HP_BF16] = "bf16"};
static const char *const kind_names[] = {"forward", "gradient_input", "gradient_weight"};

static bool has_cudnn(void)
{
    if (strcmp(hp_cuda_library_version(), "no cuDNN") != 0)
        return true;
    printf("SKIPPED: cuDNN is not installed\n");
    return false;
}

static void assert_runs(HpLibraryCall *call)
{
    const char *why = NULL;
    if (!hp_cuda_query(call, &why))
        fail_msg("%s %s %lldx%lld kernel %lld stride %lld size %lld%s%s%s is refused: %s",
                 type_names[call->type_a], call->kind == HP_MATMUL ? "matmul" : kind_names[call->kind],
                 (long long)call->in_channels, (long long)call->out_channels, (long long)call->kernel[0],
                 (long long)call->stride[0], (long long)call->in_size[0], call->bias ? " bias" : "",
                 call->add ? " add" : "", call->relu ? " relu" : "", why);
}

static void assert_refused(HpLibraryCall call, const char *because)
{
    const char *why = NULL;
    assert_false(hp_cuda_query(&call, &why));
    assert_non_null(why);
    if (!strstr(why, because))
        fail_msg("refused because \"%s\", not \"%s\"", why, because);
}

/* ---------------------------------------------------------------- whole networks */

static int64_t smaller_image_bytes(const HpLibraryCall *c)
{
    int64_t x = c->batch * c->in_channels * c->in_size[0] * c->in_size[1];
    int64_t y = c->batch * c->out_channels * c->out_size[0] * c->out_size[1];
    return (x < y ? x : y) * hp_data_type_bytes(c->type_a);
}

/* The plan of cuDNN is really made; matrix products can be made only on a device. */
static void assert_planned(HpLibraryCall *call)
{
    assert_runs(call);
    assert_non_null(call->implementation);
    assert_int_equal(call->format_a, HP_FORMAT_NHWC);
    assert_int_equal(call->format_b, HP_FORMAT_NHWC);
    assert_int_equal(call->format_c, HP_FORMAT_NHWC);
    if (strncmp(call->implementation, "cudnn:", 6) != 0) {
        assert_string_equal(call->implementation, "cublaslt");
        return;
    }
    if (call->scratchpad >= MEBIBYTE && call->scratchpad >= smaller_image_bytes(call))
        fail_msg("%s %s %s: a scratchpad of %lld bytes holds a copy", type_names[call->type_a],
                 kind_names[call->kind], call->implementation, (long long)call->scratchpad);
    assert_in_range(call->scratchpad, 0, 64 * MEBIBYTE);
    assert_int_equal(hp_cuda_product_create(call), call->scratchpad);
    hp_cuda_product_destroy(call);
    assert_null(call->handle);
}

static void plan_network(const Network *network)
{
    int64_t largest = 0;
    double start = hp_seconds();
    for (int kind = HP_CONVOLUTION; kind <= HP_CONVOLUTION_GRADIENT_WEIGHT; kind++)
        for (int i = 0; i < network->layer_count; i++) {
            HpLibraryCall call = network->layers[i];
            call.kind = kind;
            if (kind == HP_CONVOLUTION_GRADIENT_INPUT && i == 0)
                continue;
            assert_planned(&call);
            if (strcmp(call.implementation, "cublaslt") != 0 && call.scratchpad > largest)
                largest = call.scratchpad;
        }
    printf("%s %s: %d layers planned in %.3f s, cuDNN wants at most %.1f MiB\n", network->name,
           type_names[network->layers[0].type_a], network->layer_count, hp_seconds() - start,
           (double)largest / MEBIBYTE);
}

static void networks_are_planned(void **state)
{
    (void)state;
    static Network network;
    if (!has_cudnn())
        return;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        resnet_layers(&network, "ResNet50", resnet50, types[i], BATCH, PLANES, SIZE);
        plan_network(&network);
        densenet121_layers(&network, types[i], BATCH, PLANES, SIZE);
        plan_network(&network);
        vgg16_layers(&network, types[i], BATCH, PLANES, SIZE);
        plan_network(&network);
    }
}

/* As a predictor asks: step after step of the epilogue of every layer. */
static void a_predictor_is_asked_about(void **state)
{
    (void)state;
    static Network network;
    if (!has_cudnn())
        return;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        double start = hp_seconds();
        resnet_layers(&network, "ResNet152", resnet152, types[i], 64, PLANES, SIZE);
        for (int layer = 0; layer < network.layer_count; layer++) {
            HpLibraryCall call = network.layers[layer];
            call.bias = true;
            assert_runs(&call);
            call.add = true;
            assert_runs(&call);
            call.relu = true;
            assert_runs(&call);
        }
        printf("%s %s: %d queries with epilogues took %.3f s\n", network.name, type_names[types[i]],
               3 * network.layer_count, hp_seconds() - start);
    }
}

static void equal_queries_have_equal_answers(void **state)
{
    (void)state;
    static Network network;
    static HpLibraryCall first[MAX_LAYERS];
    if (!has_cudnn())
        return;
    resnet_layers(&network, "ResNet50", resnet50, HP_BF16, BATCH, PLANES, SIZE);
    bool differs = false;
    for (int i = 0; i < network.layer_count; i++) {
        first[i] = network.layers[i];
        assert_runs(&first[i]);
    }
    assert_true(hp_cuda_set_architecture("sm_80")); /* forgets what was asked before */
    for (int i = 0; i < network.layer_count; i++) {
        HpLibraryCall other = network.layers[i];
        assert_runs(&other);
        differs = differs || strcmp(other.implementation, first[i].implementation) != 0;
    }
    assert_true(differs);
    assert_true(hp_cuda_set_architecture("sm_90a"));
    for (int i = 0; i < network.layer_count; i++) {
        HpLibraryCall again = network.layers[i];
        assert_runs(&again);
        assert_string_equal(again.implementation, first[i].implementation);
        assert_int_equal(again.scratchpad, first[i].scratchpad);
    }
}

/* ---------------------------------------------------------------- epilogues */

static HpLibraryCall layer(HpLibraryKind kind, HpDataType type, int64_t kernel)
{
    return convolution_of(kind, type, 32, 128, 64, 32, kernel, 1, kernel / 2);
}

static void epilogues(void **state)
{
    (void)state;
    if (!has_cudnn())
        return;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        for (int steps = 0; steps < 8; steps++) {
            HpLibraryCall call = layer(HP_CONVOLUTION, types[i], 3);
            call.bias = steps & 1;
            call.add = steps & 2;
            call.relu = steps & 4;
            assert_runs(&call);
            bool ready = (!call.bias && !call.relu) || (types[i] == HP_F32 && call.bias && !call.add);
            if (ready)
                assert_memory_equal(call.implementation, "cudnn:e", 7);
            else
                assert_null(call.implementation); /* compiled where it runs */
        }
        for (int kind = HP_CONVOLUTION_GRADIENT_INPUT; kind <= HP_CONVOLUTION_GRADIENT_WEIGHT; kind++) {
            HpLibraryCall call = layer(kind, types[i], 3);
            call.add = true;
            assert_planned(&call);
            call.relu = true;
            assert_refused(call, "neither bias nor relu");
        }
    }
}

/* ---------------------------------------------------------------- statistics */

/* All but the layer that reads the images have an engine that is ready to run, 1x1 convolutions too. */
static void plan_statistics(const Network *network)
{
    for (int i = 0; i < network->layer_count; i++) {
        HpLibraryCall call = network->layers[i];
        call.statistics = true;
        if (i > 0) {
            assert_planned(&call);
            assert_memory_equal(call.implementation, "cudnn:e", 7);
        } else {
            assert_runs(&call);
            assert_null(call.implementation); /* compiled where it runs */
        }
    }
}

static void statistics_are_planned(void **state)
{
    (void)state;
    static Network network;
    if (!has_cudnn())
        return;
    resnet34_layers(&network, HP_F16, BATCH, PLANES, SIZE);
    assert_int_equal(network.layer_count, 36);
    plan_statistics(&network);
    resnet_layers(&network, "ResNet50", resnet50, HP_F16, BATCH, PLANES, SIZE);
    plan_statistics(&network);
    densenet121_layers(&network, HP_F16, BATCH, PLANES, SIZE);
    plan_statistics(&network);
}

static void statistics_have_candidates(void **state)
{
    (void)state;
    HpLibraryCall candidates[HP_MAX_CANDIDATES], call = layer(HP_CONVOLUTION, HP_F16, 1);
    if (!has_cudnn())
        return;
    call.statistics = true;
    assert_runs(&call);
    int count = hp_cuda_candidates(&call, candidates);
    assert_in_range(count, 2, HP_MAX_CANDIDATES);
    for (int i = 0; i < count; i++) {
        assert_true(candidates[i].statistics);
        assert_planned(&candidates[i]);
    }
}

static void statistics_of_what_has_none(void **state)
{
    (void)state;
    HpLibraryCall call = layer(HP_CONVOLUTION, HP_BF16, 3);
    call.statistics = true;
    assert_refused(call, "fp16");
    call = layer(HP_CONVOLUTION_GRADIENT_INPUT, HP_F16, 3);
    call.statistics = true;
    assert_refused(call, "only a convolution");
    call = layer(HP_CONVOLUTION, HP_F16, 3);
    call.statistics = call.relu = true;
    assert_refused(call, "without an epilogue");
    call = convolution_of(HP_CONVOLUTION, HP_F16, 32, 128, 30, 32, 3, 1, 1);
    call.statistics = true;
    assert_refused(call, "16 bytes");
}

/* ---------------------------------------------------------------- matrices, pitches, types */

/* cuBLASLt adds a bias to floats only; with one cuDNN does the rest. */
static void matrix_products(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        HpLibraryCall call = layer(HP_CONVOLUTION, types[i], 1);
        call.add = call.relu = true;
        assert_runs(&call);
        assert_string_equal(call.implementation, "cublaslt");
        assert_true(call.scratchpad > 0);
        call = layer(HP_CONVOLUTION_GRADIENT_WEIGHT, types[i], 1);
        call.type_c = HP_F32;
        assert_runs(&call);
        assert_string_equal(call.implementation, "cublaslt");
        call = (HpLibraryCall){.kind = HP_MATMUL,
                               .name = "head",
                               .batch = 1,
                               .m = 64,
                               .n = 28,
                               .k = 512,
                               .transpose_b = true,
                               .type_a = types[i],
                               .type_b = types[i],
                               .type_c = HP_F32,
                               .bias = true,
                               .relu = true};
        assert_runs(&call);
        assert_int_equal(call.format_c, HP_FORMAT_PLAIN);
        call.type_c = types[i];
        if (types[i] != HP_F32)
            assert_refused(call, "bias of floats");
        call.bias = false;
        call.pitch_c = 20;
        assert_refused(call, "overlap");
    }
    if (!has_cudnn())
        return;
    HpLibraryCall biased = layer(HP_CONVOLUTION, HP_BF16, 1);
    biased.bias = biased.relu = true;
    assert_runs(&biased);
    assert_null(biased.implementation); /* compiled where it runs */
    assert_true(biased.scratchpad > 0);
}

static void strided_tensors(void **state)
{
    (void)state;
    if (!has_cudnn())
        return;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        for (int kind = HP_CONVOLUTION; kind <= HP_CONVOLUTION_GRADIENT_WEIGHT; kind++) {
            HpLibraryCall call = layer(kind, types[i], 1);
            call.pitch_a = 256;
            assert_runs(&call);
            assert_string_equal(call.implementation, "cublaslt");
            call = layer(kind, types[i], 3);
            call.pitch_a = 256;
            assert_refused(call, "copies this strided tensor");
        }
    HpLibraryCall chain = layer(HP_CONVOLUTION, HP_BF16, 3);
    chain.bias = true;
    chain.pitch_c = 256;
    assert_runs(&chain); /* engines that are compiled take any pitch */
}

static void narrow_channels(void **state)
{
    (void)state;
    if (!has_cudnn())
        return;
    HpLibraryCall stem = convolution_of(HP_CONVOLUTION, HP_BF16, BATCH, 4, 64, SIZE, 7, 2, 3);
    assert_refused(stem, "multiple of 8");
    stem = convolution_of(HP_CONVOLUTION_GRADIENT_WEIGHT, HP_BF16, BATCH, 4, 64, SIZE, 7, 2, 3);
    assert_refused(stem, "multiple of 8");
    stem = convolution_of(HP_CONVOLUTION, HP_F16, BATCH, 4, 64, SIZE, 7, 2, 3);
    assert_planned(&stem); /* fp16 has an engine for 4 channels */
    stem = convolution_of(HP_CONVOLUTION, HP_F32, BATCH, 4, 64, SIZE, 7, 2, 3);
    assert_planned(&stem);
}

static void floats_are_not_rounded_unless_allowed(void **state)
{
    (void)state;
    if (!has_cudnn())
        return;
    for (int kind = HP_CONVOLUTION; kind <= HP_CONVOLUTION_GRADIENT_WEIGHT; kind++) {
        HpLibraryCall rounded = layer(kind, HP_F32, 3), exact = rounded;
        exact.tf32 = false;
        assert_runs(&rounded);
        assert_runs(&exact);
        assert_string_not_equal(rounded.implementation, exact.implementation);
    }
}

static void sums_of_16_bits_stored_as_floats(void **state)
{
    (void)state;
    if (!has_cudnn())
        return;
    HpLibraryCall call = layer(HP_CONVOLUTION_GRADIENT_WEIGHT, HP_BF16, 3);
    call.type_c = HP_F32;
    assert_refused(call, "no engine");
}

static void grouped_and_dilated(void **state)
{
    (void)state;
    if (!has_cudnn())
        return;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        for (int kind = HP_CONVOLUTION; kind <= HP_CONVOLUTION_GRADIENT_WEIGHT; kind++) {
            HpLibraryCall call = convolution_of(kind, types[i], 32, 128, 128, 32, 3, 1, 1);
            call.groups = 4;
            assert_runs(&call);
            call.groups = 128;
            assert_runs(&call);
            call.groups = 1;
            for (int side = 0; side < 2; side++)
                call.dilation[side] = call.pad_before[side] = call.pad_after[side] = 2;
            assert_runs(&call);
        }
}

/* ---------------------------------------------------------------- what is wrong with a call */

static void wrong_calls_are_refused_with_a_sentence(void **state)
{
    (void)state;
    const HpLibraryCall good = layer(HP_CONVOLUTION, HP_BF16, 3);
    HpLibraryCall call;
#define REFUSED(field, value, because)                                                                       \
    call = good;                                                                                             \
    call.field = (value);                                                                                    \
    assert_refused(call, because);
    REFUSED(pad_after[1], 2, "input and pads")
    REFUSED(pad_before[0], 0, "input and pads")
    REFUSED(pad_before[0], -1, "positive")
    REFUSED(dilation[0], 20, "input and pads")
    REFUSED(stride[1], 0, "positive")
    REFUSED(kernel[0], 5, "input and pads")
    REFUSED(batch, 0, "has images")
    REFUSED(groups, 3, "groups divide")
    REFUSED(in_channels, INT64_MAX / 4, "too large")
    REFUSED(in_size[0], INT64_MAX / 4, "2^31")
    REFUSED(batch, INT64_MAX / 4, "too large")
    REFUSED(pitch_a, 64, "overlap")
    REFUSED(pitch_a, 129, "16 bytes")
    REFUSED(pitch_c, 60, "overlap")
    REFUSED(pitch_c, INT64_MAX, "too large")
    REFUSED(pitch_b, 256, "weights are in one piece")
    REFUSED(type_b, HP_F16, "both")
    REFUSED(type_c, HP_F16, "operands' type")
    REFUSED(type_a, HP_U8, "both")
    REFUSED(format_b, HP_FORMAT_HWIO, "NHWC")
    REFUSED(kind, HP_REORDER, "no reorders")
#undef REFUSED
}

/* ---------------------------------------------------------------- candidates and names */

static void candidates_can_be_made(void **state)
{
    (void)state;
    HpLibraryCall candidates[HP_MAX_CANDIDATES];
    if (!has_cudnn())
        return;
    for (int kind = HP_CONVOLUTION; kind <= HP_CONVOLUTION_GRADIENT_WEIGHT; kind++) {
        HpLibraryCall call = layer(kind, HP_BF16, 3);
        assert_runs(&call);
        int count = hp_cuda_candidates(&call, candidates);
        assert_in_range(count, 2, HP_MAX_CANDIDATES);
        assert_string_equal(candidates[0].implementation, call.implementation);
        for (int i = 0; i < count; i++) {
            for (int j = 0; j < i; j++)
                assert_string_not_equal(candidates[i].implementation, candidates[j].implementation);
            assert_int_equal(hp_cuda_product_create(&candidates[i]), candidates[i].scratchpad);
            hp_cuda_product_destroy(&candidates[i]);
        }
    }
}

static void equal_calls_outlive_each_other(void **state)
{
    (void)state;
    if (!has_cudnn())
        return;
    HpLibraryCall first = layer(HP_CONVOLUTION_GRADIENT_WEIGHT, HP_BF16, 3);
    assert_runs(&first);
    HpLibraryCall second = first;
    second.name = "body.other";
    assert_int_equal(hp_cuda_product_create(&first), first.scratchpad);
    assert_int_equal(hp_cuda_product_create(&second), first.scratchpad);
    assert_ptr_not_equal(first.handle, second.handle);
    hp_cuda_product_destroy(&first);
    assert_non_null(second.handle);
    HpLibraryCall third = second;
    assert_int_equal(hp_cuda_product_create(&third), first.scratchpad);
    hp_cuda_product_destroy(&second);
    hp_cuda_product_destroy(&third);
    assert_int_equal(hp_cuda_product_create(&first), first.scratchpad);
    hp_cuda_product_destroy(&first);
}

/* What a process that makes this call says before it ends with status 1. */
static void assert_creation_fails(HpLibraryCall call, const char *says)
{
    char text[4096];
    int ends[2], status = 0;
    assert_int_equal(pipe(ends), 0);
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        hp_cuda_product_create(&call);
        _exit(0);
    }
    close(ends[1]);
    size_t length = 0;
    for (ssize_t got; length + 1 < sizeof text; length += (size_t)got)
        if ((got = read(ends[0], text + length, sizeof text - 1 - length)) <= 0)
            break;
    text[length] = 0;
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    if (!strstr(text, says))
        fail_msg("says: %s", text);
}

static void names_that_nobody_has(void **state)
{
    (void)state;
    if (!has_cudnn())
        return;
    HpLibraryCall call = layer(HP_CONVOLUTION, HP_BF16, 3);
    assert_runs(&call);
    call.implementation = "cudnn:e9999";
    assert_creation_fails(call, "layer 'body.layer': cuDNN cannot run it as cudnn:e9999");
    call.implementation = "cudnn:e62,k2";
    assert_creation_fails(call, "cudnn:e62,k2");
    call.implementation = "cudnn:e62,k9999=1";
    assert_creation_fails(call, "cudnn:e62,k9999=1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_are_planned),
        cmocka_unit_test(a_predictor_is_asked_about),
        cmocka_unit_test(equal_queries_have_equal_answers),
        cmocka_unit_test(epilogues),
        cmocka_unit_test(statistics_are_planned),
        cmocka_unit_test(statistics_have_candidates),
        cmocka_unit_test(statistics_of_what_has_none),
        cmocka_unit_test(matrix_products),
        cmocka_unit_test(strided_tensors),
        cmocka_unit_test(narrow_channels),
        cmocka_unit_test(floats_are_not_rounded_unless_allowed),
        cmocka_unit_test(sums_of_16_bits_stored_as_floats),
        cmocka_unit_test(grouped_and_dilated),
        cmocka_unit_test(wrong_calls_are_refused_with_a_sentence),
        cmocka_unit_test(candidates_can_be_made),
        cmocka_unit_test(equal_calls_outlive_each_other),
        cmocka_unit_test(names_that_nobody_has),
    };
    if (!hp_cuda_set_architecture("sm_90a"))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
