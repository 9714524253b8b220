/* Formats: packing and unpacking are inverse, padding is zero, and a few addresses are written out by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include "runtime/device/format.h"

enum { MAX_COUNT = 1 << 14 };

static void packing_and_unpacking_are_inverse(void **state)
{
    (void)state;
    static float plain[MAX_COUNT], packed[MAX_COUNT], again[MAX_COUNT];
    const int64_t shape[4] = {5, 19, 3, 2};
    int64_t count = 5 * 19 * 3 * 2;
    for (int64_t i = 0; i < count; i++)
        plain[i] = (float)(i + 1);
    for (int format = 0; format < HP_FORMAT_COUNT; format++) {
        int64_t packed_count = hp_format_count(format, 4, shape);
        assert_in_range(packed_count, count, MAX_COUNT);
        hp_format_pack(format, 4, shape, plain, packed);
        hp_format_unpack(format, 4, shape, packed, again);
        assert_memory_equal(plain, again, (size_t)count * sizeof *plain);
        int64_t zeros = 0;
        for (int64_t i = 0; i < packed_count; i++)
            zeros += packed[i] == 0;
        assert_int_equal(zeros, packed_count - count);
    }
}

static void addresses(void **state)
{
    (void)state;
    static float plain[MAX_COUNT], packed[MAX_COUNT];
    const int64_t shape[4] = {2, 17, 3, 5}; /* element (1, 16, 2, 3) */
    int64_t logical = ((1 * 17 + 16) * 3 + 2) * 5 + 3;
    const struct {
        HpFormat format;
        int64_t place;
    } expected[] = {
        {HP_FORMAT_PLAIN, ((1 * 17 + 16) * 3 + 2) * 5 + 3},
        {HP_FORMAT_NHWC, ((1 * 3 + 2) * 5 + 3) * 17 + 16},
        {HP_FORMAT_NCHW8C, (((1 * 3 + 2) * 3 + 2) * 5 + 3) * 8 + 0},
        {HP_FORMAT_NCHW16C, (((1 * 2 + 1) * 3 + 2) * 5 + 3) * 16 + 0},
        {HP_FORMAT_OIHW8I8O, (((0 * 3 + 2) * 3 + 2) * 5 + 3) * 64 + 0 * 8 + 1},
        {HP_FORMAT_OIHW16O16I, (((0 * 2 + 1) * 3 + 2) * 5 + 3) * 256 + 1 * 16 + 0},
        {HP_FORMAT_OHWI16O, (((0 * 3 + 2) * 5 + 3) * 17 + 16) * 16 + 1},
        {HP_FORMAT_HWIO, ((2 * 5 + 3) * 17 + 16) * 2 + 1},
    };
    plain[logical] = 1;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        hp_format_pack(expected[i].format, 4, shape, plain, packed);
        assert_true(packed[expected[i].place] == 1);
    }
}

static void other_ranks_are_row_major(void **state)
{
    (void)state;
    assert_int_equal(hp_format_count(HP_FORMAT_PLAIN, 0, NULL), 1);
    assert_int_equal(hp_format_count(HP_FORMAT_PLAIN, 5, (int64_t[]){2, 3, 4, 5, 6}), 720);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packing_and_unpacking_are_inverse),
        cmocka_unit_test(addresses),
        cmocka_unit_test(other_ranks_are_row_major),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
