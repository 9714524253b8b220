/* Conversions over all patterns of 16 bits: a half decoded by its definition, a float rounded to the nearer
 * of its neighbours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>
#include "number.h"
#include "simt.h"

typedef struct Kind {
    const char *name;
    HpDataType type;
    int exponent_bits, mantissa_bits;
    float (*decode)(uint16_t);
    uint16_t (*encode)(float);
} Kind;

static const Kind kinds[] = {{"f16", HP_F16, 5, 10, simt_float_of_f16, simt_f16_of_float},
                             {"bf16", HP_BF16, 8, 7, simt_float_of_bf16, simt_bf16_of_float}};

/* A pattern below the sign bit by the definition of the format. */
static double value_of(const Kind *kind, int pattern)
{
    const int exponent = pattern >> kind->mantissa_bits, most = (1 << kind->exponent_bits) - 1;
    const int mantissa = pattern & ((1 << kind->mantissa_bits) - 1), bias = most / 2;
    if (exponent == most)
        return mantissa ? (double)NAN : (double)INFINITY;
    if (exponent == 0)
        return ldexp(mantissa, 1 - bias - kind->mantissa_bits);
    return ldexp(mantissa + (1 << kind->mantissa_bits), exponent - bias - kind->mantissa_bits);
}

static void test_every_pattern(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        for (int pattern = 0; pattern < 0x10000; pattern++) {
            const double size = value_of(&kinds[k], pattern & 0x7fff);
            const float value = kinds[k].decode((uint16_t)pattern);
            if (isnan(size)) {
                assert_true(isnan(value));
                assert_int_equal(kinds[k].encode(value), 0x7fff);
                continue;
            }
            assert_true((double)value == (pattern & 0x8000 ? -size : size));
            assert_int_equal(signbit(value) != 0, pattern >> 15);
            assert_int_equal(kinds[k].encode(value), pattern);
            assert_true(simt_number_get(kinds[k].type, &(uint16_t){(uint16_t)pattern}, 0) == (double)value);
        }
    }
}

/* Between every two neighbours: the middle goes to the even one, the floats beside it to the nearer. The
 * neighbour of the largest number is what would come next, and stands for infinity. */
static void test_every_rounding(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        const Kind *kind = &kinds[k];
        const int infinity = ((1 << kind->exponent_bits) - 1) << kind->mantissa_bits;
        for (int low = 0; low < infinity; low++) {
            const double below = value_of(kind, low);
            const double step =
                low == infinity - 1 ? below - value_of(kind, low - 1) : value_of(kind, low + 1) - below;
            const float middle = (float)(below + step / 2);
            assert_true((double)middle == below + step / 2);
            for (int sign = 0; sign <= 0x8000; sign += 0x8000) {
                const float factor = sign ? -1 : 1;
                assert_int_equal(kind->encode(factor * middle), sign | (low + (low & 1)));
                assert_int_equal(kind->encode(factor * nextafterf(middle, 0)), sign | low);
                assert_int_equal(kind->encode(factor * nextafterf(middle, INFINITY)), sign | (low + 1));
            }
        }
        assert_int_equal(kind->encode(INFINITY), infinity);
        assert_int_equal(kind->encode(-3e38f), k == 0 ? 0xfc00 : 0xff62);
    }
}

static void test_elements(void **state)
{
    (void)state;
    static const HpDataType types[] = {HP_F32, HP_F16, HP_BF16, HP_U8, HP_I64};
    for (int i = 0; i < 5; i++) {
        int64_t memory[4] = {0};
        simt_number_put(types[i], memory, 3, 96);
        assert_true(simt_number_get(types[i], memory, 3) == 96);
        const size_t bytes = (size_t)hp_data_type_bytes(types[i]);
        uint8_t around[sizeof memory];
        memcpy(around, memory, sizeof memory);
        memset(around + 3 * bytes, 0, bytes);
        for (size_t byte = 0; byte < sizeof memory; byte++)
            assert_int_equal(around[byte], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_pattern),
                                       cmocka_unit_test(test_every_rounding),
                                       cmocka_unit_test(test_elements)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
