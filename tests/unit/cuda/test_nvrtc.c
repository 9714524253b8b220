/* NVRTC compiles kernels that stand on kernel_cuda.h for the architectures programs are made for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/base/base.h"
#include "runtime/device/cuda/nvrtc.h"

static bool skipped(void)
{
    if (!hp_nvrtc_missing())
        return false;
    printf("SKIPPED: %s\n", hp_nvrtc_missing());
    return true;
}

/* kernel_cuda.h as hpacc puts it in front of a model's kernels. */
static char *source_of(const char *kernels)
{
    char *path = hp_format("%s/runtime/device/kernel_cuda.h", getenv("HPANET_ROOT"));
    char *words = hp_read_file(path, NULL), *source = hp_format("%s\n%s", words, kernels);
    free(words);
    free(path);
    return source;
}

static const char kernels[] =
    "struct relu { const uint16_t *x; float *y; int64_t count; };\n"
    "KERNEL(relu, 256)\n"
    "{\n"
    "    const int64_t i = (int64_t)blockIdx.x * HP_THREADS + threadIdx.x;\n"
    "    if (i < a.count)\n"
    "        hp_put_f32(a.y + i, hp_relu(hp_get_bf16(a.x + i)));\n"
    "}\n"
    "struct many { float *x; };\n"
    "extern \"C\" __global__ void __launch_bounds__(1024, 2)\n"
    "many(const __grid_constant__ struct many a)\n"
    "{\n"
    "    float v[64];\n"
    "    HP_UNROLL for (int i = 0; i < 64; i++) v[i] = a.x[i * 1024 + threadIdx.x];\n"
    "    HP_BARRIER();\n"
    "    HP_UNROLL for (int i = 0; i < 64; i++) a.x[(63 - i) * 1024 + threadIdx.x] = v[i];\n"
    "}\n";

static const HpNvrtcKernel *kernel_named(const HpNvrtcResult *result, const char *name)
{
    for (int i = 0; i < result->kernel_count; i++)
        if (strcmp(result->kernels[i].name, name) == 0)
            return &result->kernels[i];
    fail_msg("the log has no kernel %s:\n%s", name, result->log);
    return NULL;
}

static void architectures(void **state)
{
    (void)state;
    static const char *const archs[] = {"sm_80", "sm_90a", "sm_100"};
    if (skipped())
        return;
    char *source = source_of(kernels);
    for (size_t i = 0; i < sizeof archs / sizeof *archs; i++) {
        HpNvrtcResult result;
        if (!hp_nvrtc_supports(archs[i])) {
            printf("SKIPPED: NVRTC %s does not know %s\n", hp_nvrtc_version(), archs[i]);
            continue;
        }
        if (!hp_nvrtc_compile(source, "kernels.cu", archs[i], &result))
            fail_msg("%s: %s", archs[i], result.log);
        assert_true(result.bytes > 4);
        assert_memory_equal(result.binary, "\177ELF", 4);
        assert_string_equal(result.log, "");
        assert_int_equal(result.kernel_count, 2);
        assert_in_range(kernel_named(&result, "relu")->registers, 4, 40);
        assert_int_equal(kernel_named(&result, "relu")->spill_bytes, 0);
        assert_in_range(kernel_named(&result, "many")->registers, 16, 32);
        assert_true(kernel_named(&result, "many")->spill_bytes > 0);
        hp_nvrtc_result_free(&result);
        assert_null(result.binary);
    }
    free(source);
}

static void mistakes_are_shown(void **state)
{
    (void)state;
    HpNvrtcResult result;
    if (skipped())
        return;
    assert_false(hp_nvrtc_compile("extern \"C\" __global__ void f(float *x)\n{\n    x[0] = unknown;\n}\n",
                                  "mine.cu", "sm_80", &result));
    assert_null(result.binary);
    assert_non_null(strstr(result.log, "mine.cu(3): error"));
    assert_non_null(strstr(result.log, "x[0] = unknown;"));
    hp_nvrtc_result_free(&result);
    assert_true(
        hp_nvrtc_compile("extern \"C\" __global__ void f(float *x)\n{\n    int unused;\n    x[0] = 1;\n}\n",
                         "mine.cu", "sm_80", &result));
    assert_non_null(strstr(result.log, "mine.cu(3): warning"));
    assert_null(strstr(result.log, "ptxas"));
    assert_string_equal(kernel_named(&result, "f")->name, "f");
    hp_nvrtc_result_free(&result);
    assert_false(hp_nvrtc_compile("", "mine.cu", "sm_1", &result));
    assert_true(strlen(result.log) > 0);
    hp_nvrtc_result_free(&result);
}

static void names_of_architectures(void **state)
{
    (void)state;
    if (skipped())
        return;
    assert_true(hp_nvrtc_supports("sm_80"));
    assert_true(hp_nvrtc_supports("sm_90a"));
    static const char *const wrong[] = {"sm_80a",  "sm_81",      "sm_9", "sm_90b",
                                        "sm_90aa", "compute_90", "90",   ""};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(hp_nvrtc_supports(wrong[i]));
    int major, minor;
    assert_int_equal(sscanf(hp_nvrtc_version(), "%d.%d", &major, &minor), 2);
    assert_true(major >= 12);
    char *a = hp_nvrtc_identity("sm_80"), *b = hp_nvrtc_identity("sm_90a");
    assert_string_not_equal(a, b);
    assert_non_null(strstr(a, hp_nvrtc_version()));
    free(a);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(architectures),
        cmocka_unit_test(mistakes_are_shown),
        cmocka_unit_test(names_of_architectures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
