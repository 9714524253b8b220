/* Conversions of arrays between floats and 16-bit words. */
#include <math.h>
#include <string.h>
#include "../base/base.h"
#include "element.h"

static uint16_t bf16_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (isnan(value))
        return (uint16_t)(bits >> 16 | 0x40); /* quiet, so that what is cut off does not make it infinite */
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static float float_of_bf16(uint16_t word)
{
    uint32_t bits = (uint32_t)word << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

void hp_elements_of_floats(HpDataType type, const float *from, void *to, int64_t count)
{
    switch (type) {
    case HP_F32: memcpy(to, from, (size_t)count * sizeof *from); return;
    case HP_F16:
        for (int64_t i = 0; i < count; i++)
            ((_Float16 *)to)[i] = (_Float16)from[i];
        return;
    case HP_BF16:
        for (int64_t i = 0; i < count; i++)
            ((uint16_t *)to)[i] = bf16_of_float(from[i]);
        return;
    case HP_U8:
    case HP_I64: break;
    }
    hp_bug("floats do not become elements of type %d", (int)type);
}

void hp_floats_of_elements(HpDataType type, const void *from, float *to, int64_t count)
{
    switch (type) {
    case HP_F32: memcpy(to, from, (size_t)count * sizeof *to); return;
    case HP_F16:
        for (int64_t i = 0; i < count; i++)
            to[i] = (float)((const _Float16 *)from)[i];
        return;
    case HP_BF16:
        for (int64_t i = 0; i < count; i++)
            to[i] = float_of_bf16(((const uint16_t *)from)[i]);
        return;
    case HP_U8:
    case HP_I64: break;
    }
    hp_bug("elements of type %d do not become floats", (int)type);
}
