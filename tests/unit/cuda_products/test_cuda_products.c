/* Products of the CUDA target, asked about an H200 that is not there: every convolution of whole networks has a
 * plan that the library finalises and that holds no copy of an image tensor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "networks.h"
#include "runtime/base/base.h"
#include "runtime/device/cuda/products.h"

enum { BATCH = 256, SIZE = 256, MEBIBYTE = 1 << 20 };

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
        int64_t planes = 8;
        resnet50_layers(&network, types[i], BATCH, planes, SIZE);
        plan_network(&network);
        densenet121_layers(&network, types[i], BATCH, planes, SIZE);
        plan_network(&network);
        vgg16_layers(&network, types[i], BATCH, planes, SIZE);
        plan_network(&network);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_are_planned),
    };
    if (!hp_cuda_set_architecture("sm_90a"))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
