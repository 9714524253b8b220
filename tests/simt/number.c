/* The 16-bit formats by their bits. */
#include "number.h"

#include <math.h>
#include <string.h>
#include "simt.h"
#include "runtime/base/base.h"

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* ---------------------------------------------------------------- half precision: 5 bits, 10 bits */

float simt_float_of_f16(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31,
                   mantissa = half & 0x3ff;
    if (exponent == 0)
        return float_of(sign | bits_of((float)mantissa * 0x1p-24f));
    return float_of(sign | (exponent == 31 ? 255 : exponent + 127 - 15) << 23 | mantissa << 13);
}

uint16_t simt_f16_of_float(float value)
{
    const uint32_t bits = bits_of(value), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000)
        return 0x7fff;
    if (magnitude >= bits_of(0x1p16f))
        return (uint16_t)(sign | 0x7c00);
    if (magnitude < bits_of(0x1p-14f)) /* no implicit bit: a number of 2^-24, which may round up to normal */
        return (uint16_t)(sign | (uint32_t)rintf(float_of(magnitude) * 0x1p24f));
    const uint32_t rebased = magnitude - ((127u - 15u) << 23);
    return (uint16_t)(sign | (rebased + 0xfff + (rebased >> 13 & 1)) >> 13);
}

/* ---------------------------------------------------------------- bfloat16: the upper half of a float */

float simt_float_of_bf16(uint16_t bits)
{
    return float_of((uint32_t)bits << 16);
}

uint16_t simt_bf16_of_float(float value)
{
    const uint32_t bits = bits_of(value);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return 0x7fff;
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* ---------------------------------------------------------------- elements */

double simt_number_get(HpDataType type, const void *from, int64_t index)
{
    switch (type) {
    case HP_F32: return (double)((const float *)from)[index];
    case HP_F16: return (double)simt_float_of_f16(((const uint16_t *)from)[index]);
    case HP_BF16: return (double)simt_float_of_bf16(((const uint16_t *)from)[index]);
    case HP_U8: return ((const uint8_t *)from)[index];
    case HP_I64: return (double)((const int64_t *)from)[index];
    }
    hp_bug("data type %d", (int)type);
}

void simt_number_put(HpDataType type, void *to, int64_t index, double value)
{
    switch (type) {
    case HP_F32: ((float *)to)[index] = (float)value; return;
    case HP_F16: ((uint16_t *)to)[index] = simt_f16_of_float((float)value); return;
    case HP_BF16: ((uint16_t *)to)[index] = simt_bf16_of_float((float)value); return;
    case HP_U8: ((uint8_t *)to)[index] = (uint8_t)value; return;
    case HP_I64: ((int64_t *)to)[index] = (int64_t)value; return;
    }
    hp_bug("data type %d", (int)type);
}
