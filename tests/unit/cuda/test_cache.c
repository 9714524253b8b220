/* Entries come back as they were written, or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "runtime/base/base.h"
#include "runtime/device/cuda/cache.h"

static char root[] = "/tmp/hpanet-cache-XXXXXX";
static const char entry[] = "/hpanet/0000000000000005.cubin";

static void assert_missing(uint64_t key)
{
    void *data = NULL;
    size_t bytes;
    assert_false(hp_cache_read(key, &data, &bytes));
    assert_null(data);
}

static void assert_entry(uint64_t key, const char *text)
{
    void *data;
    size_t bytes;
    assert_true(hp_cache_read(key, &data, &bytes));
    assert_int_equal(bytes, strlen(text));
    assert_memory_equal(data, text, bytes);
    free(data);
}

static void entries_come_back(void **state)
{
    (void)state;
    assert_missing(5);
    hp_cache_write(5, "cubin", 5);
    hp_cache_write(6, "other", 5);
    assert_entry(5, "cubin");
    hp_cache_write(5, "longer cubin", 12);
    assert_entry(5, "longer cubin");
    assert_entry(6, "other");
    assert_missing(7);
}

/* Every byte and every length counts, and so does the key. */
static void damage_is_seen(void **state)
{
    (void)state;
    size_t bytes;
    hp_cache_write(5, "cubin", 5);
    char *path = hp_format("%s%s", root, entry), *whole = hp_read_file(path, &bytes);
    for (size_t i = 0; i < bytes; i++) {
        char *broken = hp_alloc(bytes, 1);
        memcpy(broken, whole, bytes);
        broken[i] ^= 1;
        assert_true(hp_write_file(path, broken, bytes));
        assert_missing(5);
        assert_true(hp_write_file(path, whole, i));
        assert_missing(5);
        free(broken);
    }
    assert_int_equal(truncate(path, (off_t)1 << 40), 0); /* a sparse file, larger than memory */
    assert_missing(5);
    char *another = hp_format("%s/hpanet/0000000000000008.cubin", root);
    assert_true(hp_write_file(another, whole, bytes));
    assert_missing(8);
    assert_true(hp_write_file(path, whole, bytes));
    assert_entry(5, "cubin");
    free(another);
    free(whole);
    free(path);
}

static void no_folder_is_no_error(void **state)
{
    (void)state;
    setenv("XDG_CACHE_HOME", "/dev/null", 1);
    hp_cache_write(9, "cubin", 5);
    assert_missing(9);
    setenv("XDG_CACHE_HOME", "relative", 1); /* to be ignored */
    setenv("HOME", root, 1);
    hp_cache_write(9, "cubin", 5);
    assert_entry(9, "cubin");
    char *path = hp_format("%s/.cache/hpanet/0000000000000009.cubin", root);
    assert_int_equal(access(path, F_OK), 0);
    free(path);
    unsetenv("HOME");
    assert_missing(9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_come_back),
        cmocka_unit_test(damage_is_seen),
        cmocka_unit_test(no_folder_is_no_error),
    };
    if (!mkdtemp(root))
        return 1;
    setenv("XDG_CACHE_HOME", root, 1);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char *remove_all = hp_format("rm -r %s", root);
    failed += system(remove_all) != 0;
    free(remove_all);
    return failed;
}
