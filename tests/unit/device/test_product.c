/* Products in words: two calls that differ in what they compute, or in the formats, have different names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/device/product.h"

enum { MAX_CALLS = 64 };

static const HpLibraryCall convolution = {.kind = HP_CONVOLUTION,
                                          .name = "here",
                                          .batch = 16,
                                          .groups = 1,
                                          .in_channels = 64,
                                          .out_channels = 32,
                                          .in_size = {56, 28},
                                          .out_size = {28, 14},
                                          .kernel = {3, 5},
                                          .stride = {2, 2},
                                          .pad_before = {1, 2},
                                          .pad_after = {1, 2},
                                          .dilation = {1, 1},
                                          .format_a = HP_FORMAT_NCHW16C,
                                          .format_b = HP_FORMAT_OIHW16I16O,
                                          .format_c = HP_FORMAT_NCHW16C};
static const HpLibraryCall matmul = {
    .kind = HP_MATMUL, .name = "here", .batch = 2, .m = 16, .n = 28, .k = 512};

static void assert_all_differ(const HpLibraryCall *calls, int count)
{
    char *texts[MAX_CALLS];
    for (int i = 0; i < count; i++) {
        texts[i] = hp_product_text(&calls[i]);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(texts[i], texts[j]);
    }
    for (int i = 0; i < count; i++)
        free(texts[i]);
}

static void convolutions_differ(void **state)
{
    (void)state;
    HpLibraryCall calls[MAX_CALLS];
    int count = 0;
#define CHANGED(field, value)                                                                                \
    calls[count] = convolution;                                                                              \
    calls[count++].field = (value);
    CHANGED(kind, HP_CONVOLUTION)
    CHANGED(kind, HP_CONVOLUTION_GRADIENT_INPUT)
    CHANGED(kind, HP_CONVOLUTION_GRADIENT_WEIGHT)
    CHANGED(batch, 32)
    CHANGED(groups, 2)
    CHANGED(in_channels, 128)
    CHANGED(out_channels, 128)
    for (int i = 0; i < 2; i++) {
        CHANGED(in_size[i], 57)
        CHANGED(out_size[i], 29)
        CHANGED(kernel[i], 7)
        CHANGED(stride[i], 3)
        CHANGED(pad_before[i], 3)
        CHANGED(pad_after[i], 3)
        CHANGED(dilation[i], 2)
    }
    CHANGED(bias, true)
    CHANGED(add, true)
    CHANGED(relu, true)
    CHANGED(format_a, HP_FORMAT_NHWC)
    CHANGED(format_b, HP_FORMAT_HWIO)
    CHANGED(format_c, HP_FORMAT_NHWC)
    CHANGED(type_a, HP_BF16)
    CHANGED(type_a, HP_F16)
    CHANGED(type_b, HP_F16)
    CHANGED(type_c, HP_F16)
    CHANGED(pitch_a, 96)
    CHANGED(pitch_b, 96)
    CHANGED(pitch_c, 96)
    CHANGED(tf32, true)
    assert_all_differ(calls, count);
}

static void matrix_products_differ(void **state)
{
    (void)state;
    HpLibraryCall calls[MAX_CALLS];
    int count = 0;
#undef CHANGED
#define CHANGED(field, value)                                                                                \
    calls[count] = matmul;                                                                                   \
    calls[count++].field = (value);
    CHANGED(batch, 2)
    CHANGED(batch, 3)
    CHANGED(m, 17)
    CHANGED(n, 29)
    CHANGED(k, 513)
    CHANGED(transpose_a, true)
    CHANGED(transpose_b, true)
    CHANGED(bias, true)
    CHANGED(add, true)
    CHANGED(relu, true)
    assert_all_differ(calls, count);
}

/* Choice files of the CPU name products of floats in one piece. */
static void what_is_usual_is_not_said(void **state)
{
    (void)state;
    char *text = hp_product_text(&matmul);
    assert_string_equal(text, "matmul 2x16x512 by 512x28, plain plain plain");
    free(text);
}

/* A layer's name and how the product runs now are not part of it. */
static void what_runs_it_does_not_matter(void **state)
{
    (void)state;
    HpLibraryCall other = convolution;
    other.name = "there";
    other.algorithm = HP_ALGORITHM_WINOGRAD;
    other.implementation = "jit_wino_4x3:avx512_core";
    other.scratchpad = 4096;
    char *a = hp_product_text(&convolution), *b = hp_product_text(&other);
    assert_string_equal(a, b);
    free(a);
    free(b);
}

static void choices_name_what_runs(void **state)
{
    (void)state;
    HpLibraryCall chosen = convolution, open = matmul,
                  reorder = {.kind = HP_REORDER, .name = "there", .implementation = "jit:blk"};
    chosen.implementation = "jit:avx512_core";
    json_t *file =
        hp_choices_json("avx512", "oneDNN 2.6.3", 2, (HpLibraryCall *[]){&chosen, &open, &reorder}, 3);
    json_t *products = json_object_get(file, "products");
    char *text = hp_product_text(&chosen);
    assert_int_equal(json_object_size(products), 1);
    assert_string_equal(json_string_value(json_object_get(json_object_get(products, text), "choice")),
                        "jit:avx512_core");
    assert_int_equal(json_integer_value(json_object_get(file, "threads")), 2);
    free(text);
    json_decref(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions_differ),       cmocka_unit_test(matrix_products_differ),
        cmocka_unit_test(what_is_usual_is_not_said), cmocka_unit_test(what_runs_it_does_not_matter),
        cmocka_unit_test(choices_name_what_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
