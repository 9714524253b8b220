/* Where libraries are looked for, and what is said when one is missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "child.h"
#include "runtime/base/base.h"
#include "runtime/device/cuda/driver.h"
#include "runtime/device/cuda/libraries.h"

static const char *const driver[] = {"libcuda.so.1", NULL};
static const char *const nothing[] = {"libhpanet-nothing.so.2", "libhpanet-nothing.so.1", NULL};

static void *find(const char *const *sonames, char **searched)
{
    return hp_cuda_library("Nothing", sonames, searched);
}

static void named_folders_go_first(void **state)
{
    (void)state;
    char *searched, *again;
    setenv("HPANET_CUDA_LIBRARIES", "/nowhere::" FAKE_FOLDER, 1);
    void *library = find(driver, &searched);
    assert_non_null(library);
    assert_null(searched);
    assert_non_null(dlsym(library, "fake_calls"));
    assert_ptr_equal(find(driver, &again), library);
}

static void what_is_missing_is_told(void **state)
{
    (void)state;
    static const char *const words[] = {
        "Nothing (libhpanet-nothing.so.2 or libhpanet-nothing.so.1) was not found in ",
        "/some/folder, /another,",
        "the system's libraries",
        "/usr/local/cuda*/lib64",
        "/usr/lib/x86_64-linux-gnu",
        "/my/environment/lib/python3*/*-packages/nvidia/*/lib",
        "/my/home/.local/lib/python3*/*-packages/nvidia/*/lib"};
    char *searched;
    setenv("HPANET_CUDA_LIBRARIES", "/some/folder:/another", 1);
    setenv("VIRTUAL_ENV", "/my/environment", 1);
    setenv("HOME", "/my/home", 1);
    assert_null(find(nothing, &searched));
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strstr(searched, words[i]))
            fail_msg("\"%s\" is not in: %s", words[i], searched);
    free(searched);
}

static void make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0777);
        *slash = '/';
    }
    assert_int_equal(mkdir(path, 0777), 0);
}

static char *link_fake_driver(const char *root, const char *folder, const char *name)
{
    char *path = hp_format("%s/%s", root, folder);
    make_folders(path);
    char *file = hp_format("%s/%s", path, name);
    assert_int_equal(symlink(FAKE_FOLDER "/libcuda.so.1", file), 0);
    free(path);
    return file;
}

static bool is_found(void)
{
    char *searched;
    void *library = find(nothing, &searched);
    if (library)
        assert_int_equal(dlclose(library), 0); /* the loader remembers files by their names */
    free(searched);
    return library != NULL;
}

/* Of an environment, of the python3 on PATH, and a file that is no library. */
static void packages_of_python(void **state)
{
    (void)state;
    char root[] = "/tmp/hpanet-libraries-XXXXXX", *searched;
    assert_non_null(mkdtemp(root));
    unsetenv("HPANET_CUDA_LIBRARIES");
    setenv("VIRTUAL_ENV", root, 1);
    char *file =
        link_fake_driver(root, "lib/python3.11/site-packages/nvidia/cudnn/lib", "libhpanet-nothing.so.1");
    assert_true(is_found());
    unsetenv("VIRTUAL_ENV");
    assert_false(is_found());

    char *folder = hp_format("%s/bin", root), *python = hp_format("%s/bin/python3", root);
    char *before = hp_string(getenv("PATH")), *path = hp_format("/nowhere::%s:%s", folder, before);
    make_folders(folder);
    assert_int_equal(symlink("/bin/true", python), 0);
    setenv("PATH", path, 1);
    assert_true(is_found());
    assert_int_equal(unlink(file), 0);
    assert_true(hp_write_file(file, "no library", 10));
    assert_null(find(nothing, &searched));
    assert_non_null(strstr(searched, "libhpanet-nothing.so.1: "));
    setenv("PATH", before, 1);
    char *remove_all = hp_format("rm -r %s", root);
    assert_int_equal(system(remove_all), 0);
    free(searched);
    free(remove_all);
    free(path);
    free(before);
    free(python);
    free(folder);
    free(file);
}

static void open_driver(void)
{
    hp_driver_open("models/some.hpanet");
}

static void without_a_driver(void **state)
{
    (void)state;
    char *searched;
    unsetenv("HPANET_CUDA_LIBRARIES");
    void *library = find(driver, &searched);
    if (library) {
        printf("SKIPPED: this machine has a driver\n");
        dlclose(library);
        return;
    }
    free(searched);
    EXPECT_FAILURE(open_driver,
                   "this program was compiled for CUDA and the CUDA driver (libcuda.so.1) was not found in ",
                   "it comes with NVIDIA's driver", "`hpacc models/some.hpanet --target cpu`");
}

static void without_a_gpu(void **state)
{
    (void)state;
    setenv("HPANET_CUDA_LIBRARIES", FAKE_FOLDER, 1);
    setenv("FAKE_GPU_COUNT", "0", 1);
    setenv("CUDA_VISIBLE_DEVICES", "7", 1);
    EXPECT_FAILURE(open_driver, "the driver finds no GPU (CUDA_VISIBLE_DEVICES is \"7\")",
                   "`hpacc models/some.hpanet --target cpu`");
    unsetenv("CUDA_VISIBLE_DEVICES");
    EXPECT_FAILURE(open_driver, "(CUDA_VISIBLE_DEVICES is not set)");
    unsetenv("FAKE_GPU_COUNT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_driver),        cmocka_unit_test(without_a_gpu),
        cmocka_unit_test(what_is_missing_is_told), cmocka_unit_test(packages_of_python),
        cmocka_unit_test(named_folders_go_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
