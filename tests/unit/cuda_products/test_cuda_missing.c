/* A machine without any library of CUDA: this program's dlopen() finds none. Products are planned by rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <string.h>
#include "networks.h"
#include "runtime/device/cuda/architecture.h"
#include "runtime/device/cuda/products.h"

void *dlopen(const char *file, int mode)
{
    (void)file;
    (void)mode;
    return NULL;
}

char *dlerror(void)
{
    static char text[] = "this machine has none";
    return text;
}

static void the_version_says_so(void **state)
{
    (void)state;
    assert_string_equal(hp_cuda_library_version(), "no cuDNN");
}

static void convolutions_are_left_to_the_start(void **state)
{
    (void)state;
    const char *why = NULL;
    HpLibraryCall call = convolution_of(HP_CONVOLUTION, HP_BF16, 32, 64, 64, 56, 3, 1, 1);
    HpLibraryCall gradient = call;
    assert_true(hp_cuda_query(&call, &why));
    assert_null(call.implementation);
    assert_int_equal(call.format_b, HP_FORMAT_NHWC);
    assert_true(call.scratchpad > 0);
    gradient.kind = HP_CONVOLUTION_GRADIENT_WEIGHT; /* has split sums */
    assert_true(hp_cuda_query(&gradient, &why));
    assert_true(gradient.scratchpad > call.scratchpad);
    HpLibraryCall candidates[HP_MAX_CANDIDATES];
    assert_int_equal(hp_cuda_candidates(&call, candidates), 1);
}

static void what_would_be_copied_is_refused(void **state)
{
    (void)state;
    const char *why = NULL;
    HpLibraryCall strided = convolution_of(HP_CONVOLUTION, HP_BF16, 32, 64, 64, 56, 3, 1, 1);
    HpLibraryCall narrow = convolution_of(HP_CONVOLUTION, HP_BF16, 32, 4, 64, 56, 3, 1, 1);
    HpLibraryCall mixed = convolution_of(HP_CONVOLUTION_GRADIENT_WEIGHT, HP_BF16, 32, 64, 64, 56, 3, 1, 1);
    strided.pitch_c = 128;
    mixed.type_c = HP_F32;
    assert_false(hp_cuda_query(&strided, &why));
    assert_non_null(strstr(why, "strided"));
    assert_false(hp_cuda_query(&narrow, &why));
    assert_non_null(strstr(why, "multiple of 8"));
    assert_false(hp_cuda_query(&mixed, &why));
    assert_non_null(strstr(why, "operands' type"));
}

static void matrix_products_need_no_library(void **state)
{
    (void)state;
    const char *why = NULL;
    HpLibraryCall call = convolution_of(HP_CONVOLUTION, HP_BF16, 32, 64, 64, 56, 1, 1, 0);
    call.pitch_a = 256;
    assert_true(hp_cuda_query(&call, &why));
    assert_string_equal(call.implementation, "cublaslt");
    assert_false(hp_cuda_set_architecture("sm_75"));
    assert_true(hp_cuda_query(&call, &why));
}

/* What a GPU says of itself, and what --arch may say of it. */
static void a_gpu_is_known_by_both_names(void **state)
{
    (void)state;
    char name[16];
    hp_cuda_name_architecture(name, 10, 0);
    assert_string_equal(name, "sm_100a");
    assert_non_null(hp_cuda_architecture(name));
    assert_ptr_equal(hp_cuda_architecture(name), hp_cuda_architecture("sm_100"));
    hp_cuda_name_architecture(name, 8, 9);
    assert_string_equal(name, "sm_89");
    assert_null(hp_cuda_architecture(name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_version_says_so),
        cmocka_unit_test(convolutions_are_left_to_the_start),
        cmocka_unit_test(what_would_be_copied_is_refused),
        cmocka_unit_test(matrix_products_need_no_library),
        cmocka_unit_test(a_gpu_is_known_by_both_names),
    };
    if (!hp_cuda_set_architecture("sm_90a"))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
