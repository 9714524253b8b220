/* Which binary a GPU gets, and the compilation of kernels for a GPU that no binary is for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "child.h"
#include "fake_driver.h"
#include "runtime/base/base.h"
#include "runtime/device/cuda/modules.h"
#include "runtime/device/cuda/nvrtc.h"
#include "runtime/device/device.h"

FakeKernel first, second;

void first(const void *arguments, unsigned grid_x)
{
    (void)arguments, (void)grid_x;
}

void second(const void *arguments, unsigned grid_x)
{
    (void)arguments, (void)grid_x;
}

static HpKernel one = {.name = "first", .origin = "line 1", .threads = 256};
static HpKernel two = {.name = "second", .origin = "line 2", .threads = 256};
static HpKernel nobody = {.name = "nobody_defines_it", .origin = "model.hpanet:7", .threads = 256};
static HpKernel *const both[] = {&one, &two}, *const missing[] = {&one, &nobody};
static char a80[] = "80", a86[] = "86", a90[] = "90", a90a[] = "90a", a100f[] = "100f";
static const HpBinary binaries[] = {
    {"sm_80", a80, a80 + 2}, {"sm_86", a86, a86 + 2}, {"sm_90", a90, a90 + 2}, {"sm_90a", a90a, a90a + 3}, {"sm_100f", a100f, a100f + 4}};
static HpKernels kernels = {2, both, "", 5, binaries};
static HpModel model = {
    .name = "test", .source = "models/test.hpanet", .kernels = &kernels, .device = &hp_device_cuda};

static FakeImage *image;
static char root[] = "/tmp/hpanet-modules-XXXXXX";

static void open_and_close(const char *capability)
{
    setenv("FAKE_GPU_CAPABILITY", capability, 1);
    hp_device_cuda.open(&model);
    hp_device_cuda.close();
}

static void the_binary_that_fits(void **state)
{
    (void)state;
    static const struct {
        const char *capability;
        const char *binary;
    } expected[] = {{"8.0", a80}, {"8.6", a86}, {"8.9", a86}, {"9.0", a90a}, {"9.3", a90}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        open_and_close(expected[i].capability);
        assert_ptr_equal(image(), expected[i].binary);
        assert_ptr_equal(one.handle, first);
        assert_ptr_equal(two.handle, second);
    }
    kernels.binary_count = 1;
    open_and_close("8.9");
    assert_ptr_equal(image(), a80);
    kernels.binary_count = 5;
}

static void a_kernel_that_is_missing(void)
{
    kernels.kernels = missing;
    open_and_close("8.0");
}

static void missing_kernels(void **state)
{
    (void)state;
    EXPECT_FAILURE(a_kernel_that_is_missing, "nobody_defines_it (model.hpanet:7)");
}

/* ---------------------------------------------------------------- compiling */

static bool skipped(void)
{
    if (!hp_nvrtc_missing())
        return false;
    printf("SKIPPED: %s\n", hp_nvrtc_missing());
    return true;
}

/* The only entry of the cache. */
static char *entry(void)
{
    char *folder = hp_format("%s/hpanet", root), *path = NULL;
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    for (struct dirent *item; (item = readdir(entries));)
        if (item->d_name[0] != '.') {
            assert_null(path);
            path = hp_format("%s/%s", folder, item->d_name);
        }
    closedir(entries);
    free(folder);
    assert_non_null(path);
    return path;
}

static ino_t number_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_ino;
}

static void compiled_once(void **state)
{
    (void)state;
    size_t bytes, again;
    if (skipped())
        return;
    kernels.source = "extern \"C\" __global__ void first() {}\nextern \"C\" __global__ void second() {}\n";
    kernels.binary_count = 0;
    open_and_close("8.6");
    char *path = entry(), *whole = hp_read_file(path, &bytes);
    assert_memory_equal(whole + sizeof(uint64_t), "\177ELF", 4);
    ino_t first_file = number_of(path);
    open_and_close("8.6");
    assert_true(number_of(path) == first_file); /* read, not written again */

    whole[bytes / 2] ^= 1;
    assert_true(hp_write_file(path, whole, bytes));
    ino_t broken_file = number_of(path);
    open_and_close("8.6");
    assert_true(number_of(path) != broken_file);
    char *rebuilt = hp_read_file(path, &again);
    whole[bytes / 2] ^= 1;
    assert_int_equal(again, bytes);
    assert_memory_equal(rebuilt, whole, bytes);

    assert_int_equal(remove(path), 0);
    open_and_close("9.0"); /* another GPU, another entry */
    char *other = entry();
    assert_string_not_equal(other, path);
    free(other);
    free(rebuilt);
    free(whole);
    free(path);
}

static void wrong_source(void)
{
    kernels.source = "\n\nextern \"C\" __global__ void first() { return 1; }\n";
    kernels.binary_count = 0;
    open_and_close("8.0");
}

static void unknown_gpu(void)
{
    kernels.binary_count = 0;
    open_and_close("77.0");
}

static void what_does_not_compile(void **state)
{
    (void)state;
    if (skipped())
        return;
    EXPECT_FAILURE(wrong_source, "the CUDA kernels of models/test.hpanet do not compile for sm_80:",
                   "kernels.cu(3): error");
    EXPECT_FAILURE(unknown_gpu, "does not know this GPU (sm_770)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_binary_that_fits),
        cmocka_unit_test(missing_kernels),
        cmocka_unit_test(compiled_once),
        cmocka_unit_test(what_does_not_compile),
    };
    if (!mkdtemp(root))
        return 1;
    setenv("XDG_CACHE_HOME", root, 1);
    setenv("HPANET_CUDA_LIBRARIES", FAKE_FOLDER, 1);
    void *driver = dlopen(FAKE_FOLDER "/libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!driver)
        return 1;
    image = (FakeImage *)dlsym(driver, "fake_image");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char *remove_all = hp_format("rm -r %s", root);
    failed += system(remove_all) != 0;
    free(remove_all);
    return failed;
}
