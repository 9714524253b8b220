/* Floats and 16-bit words, against what IEEE 754 says of halves and of the upper 16 bits of a float. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>
#include "runtime/device/element.h"

static uint16_t word_of(HpDataType type, float value)
{
    uint16_t word;
    hp_elements_of_floats(type, &value, &word, 1);
    return word;
}

static float float_of(HpDataType type, uint16_t word)
{
    float value;
    hp_floats_of_elements(type, &word, &value, 1);
    return value;
}

/* The value of a word by definition. */
static double meaning(HpDataType type, uint16_t word)
{
    int mantissa_bits = type == HP_F16 ? 10 : 7, bias = type == HP_F16 ? 15 : 127;
    int exponent = (word & 0x7fff) >> mantissa_bits, mantissa = word & ((1 << mantissa_bits) - 1);
    double sign = word >> 15 ? -1 : 1;
    if (exponent == 2 * bias + 1)
        return mantissa ? NAN : sign * INFINITY;
    if (exponent == 0)
        return sign * ldexp(mantissa, 1 - bias - mantissa_bits);
    return sign * ldexp(mantissa + (1 << mantissa_bits), exponent - bias - mantissa_bits);
}

static void words_come_back(HpDataType type)
{
    for (int i = 0; i <= 0xffff; i++) {
        double expected = meaning(type, (uint16_t)i);
        float value = float_of(type, (uint16_t)i);
        if (isnan(expected)) {
            assert_true(isnan(value));
            assert_true(isnan(meaning(type, word_of(type, value))));
        } else {
            assert_true((double)value == expected);
            assert_int_equal(word_of(type, value), i);
        }
    }
}

/* Between each two neighbours: below the middle down, above it up, in the middle to the even one. */
static void roundings(HpDataType type)
{
    int infinity = type == HP_F16 ? 0x7c00 : 0x7f80;
    for (int i = 0; i + 1 < infinity; i++) {
        double low = meaning(type, (uint16_t)i), high = meaning(type, (uint16_t)(i + 1));
        float middle = (float)((low + high) / 2);
        assert_true((double)middle == (low + high) / 2);
        assert_int_equal(word_of(type, middle), i % 2 ? i + 1 : i);
        assert_int_equal(word_of(type, nextafterf(middle, 0)), i);
        assert_int_equal(word_of(type, nextafterf(middle, INFINITY)), i + 1);
        assert_int_equal(word_of(type, -middle), 0x8000 | (i % 2 ? i + 1 : i));
    }
}

static void halves(void **state)
{
    (void)state;
    words_come_back(HP_F16);
    roundings(HP_F16);
    assert_int_equal(word_of(HP_F16, 65519), 0x7bff);
    assert_int_equal(word_of(HP_F16, 65520), 0x7c00);
    assert_int_equal(word_of(HP_F16, -1e30f), 0xfc00);
}

static void brain_floats(void **state)
{
    (void)state;
    words_come_back(HP_BF16);
    roundings(HP_BF16);
    float large = 3.4028235e38f, nan;
    uint32_t quiet_only_below = 0x7f800001;
    memcpy(&nan, &quiet_only_below, sizeof nan);
    assert_int_equal(word_of(HP_BF16, large), 0x7f80);
    assert_true(isnan(float_of(HP_BF16, word_of(HP_BF16, nan))));
}

static void arrays(void **state)
{
    (void)state;
    const float values[3] = {1, -2.5f, 0.333333343f};
    float again[3];
    uint16_t words[4] = {0, 0, 0, 0xabcd};
    hp_elements_of_floats(HP_F32, values, again, 3);
    assert_memory_equal(values, again, sizeof values);
    memset(again, 0, sizeof again);
    hp_floats_of_elements(HP_F32, values, again, 3);
    assert_memory_equal(values, again, sizeof values);
    hp_elements_of_floats(HP_BF16, values, words, 3);
    assert_memory_equal(words, ((uint16_t[]){0x3f80, 0xc020, 0x3eab, 0xabcd}), sizeof words);
    hp_elements_of_floats(HP_F16, values, words, 3);
    assert_memory_equal(words, ((uint16_t[]){0x3c00, 0xc100, 0x3555, 0xabcd}), sizeof words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves),
        cmocka_unit_test(brain_floats),
        cmocka_unit_test(arrays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
