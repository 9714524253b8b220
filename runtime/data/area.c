/* Shrinking by exact area averaging. Each target pixel covers source/target source pixels a side, fractions
 * included; with source/target = s/t in lowest terms, a source pixel is t units wide and a target pixel s
 * units, so that all weights are integers and their sum is s*s. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct Cover { /* the source pixels first..last under a target pixel, and the units of the outer two
                        */
    int32_t first, last;
    uint32_t first_weight, last_weight;
} Cover;

static int64_t greatest_common_divisor(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static Cover *make_covers(int64_t target, int64_t s, int64_t t)
{
    Cover *covers = hp_alloc((size_t)target, sizeof *covers);
    for (int64_t i = 0; i < target; i++) {
        int64_t begin = i * s, end = begin + s, first = begin / t, last = (end - 1) / t;
        int64_t first_end = (first + 1) * t < end ? (first + 1) * t : end;
        covers[i] =
            (Cover){(int32_t)first, (int32_t)last, (uint32_t)(first_end - begin), (uint32_t)(end - last * t)};
    }
    return covers;
}

/* Row y of the square the picture is set in, as 16-bit values behind the map. */
static void load_row(const HpAreaSource *source, int64_t side, int64_t y, uint16_t *row)
{
    int64_t left = (side - source->width) / 2, top = (side - source->height) / 2;
    if (y < top || y >= top + source->height) {
        memset(row, 0, (size_t)side * sizeof *row);
        return;
    }
    memset(row, 0, (size_t)left * sizeof *row);
    memset(row + left + source->width, 0, (size_t)(side - left - source->width) * sizeof *row);
    int64_t begin = (y - top) * source->width * source->step;
    uint16_t *out = row + left;
    const uint16_t *map = source->map;
    if (source->bits == 8) {
        const uint8_t *in = (const uint8_t *)source->pixels + begin;
        for (int64_t x = 0; x < source->width; x++)
            out[x] = map ? map[in[x * source->step]] : in[x * source->step];
    } else {
        const uint16_t *in = (const uint16_t *)source->pixels + begin;
        for (int64_t x = 0; x < source->width; x++)
            out[x] = map ? map[in[x * source->step]] : in[x * source->step];
    }
}

static void sum_row(const uint16_t *row, const Cover *covers, int64_t target, uint32_t t, uint32_t *sums)
{
    for (int64_t i = 0; i < target; i++) {
        const Cover *cover = &covers[i];
        uint32_t sum = cover->first_weight * row[cover->first], inner = 0;
        for (int32_t x = cover->first + 1; x < cover->last; x++)
            inner += row[x];
        sum += t * inner;
        if (cover->last > cover->first)
            sum += cover->last_weight * row[cover->last];
        sums[i] = sum;
    }
}

static void store_row(const uint64_t *sums, int64_t target, uint64_t total, int bits, void *out,
                      int64_t begin, int64_t step)
{
    int shift = (total & (total - 1)) == 0 ? __builtin_ctzll(total) : -1;
    for (int64_t i = 0; i < target; i++) {
        uint64_t sum = sums[i] + total / 2, value = shift >= 0 ? sum >> shift : sum / total;
        if (bits == 8)
            ((uint8_t *)out)[begin + i * step] = (uint8_t)value;
        else
            ((uint16_t *)out)[begin + i * step] = (uint16_t)value;
    }
}

void hp_area_average(const HpAreaSource *source, int64_t target, void *out, int64_t out_step)
{
    int64_t side = source->width > source->height ? source->width : source->height;
    if (target < 1 || target > side)
        hp_bug("%lld pixels cannot be shrunk to %lld", (long long)side, (long long)target);
    int64_t divisor = greatest_common_divisor(side, target), s = side / divisor, t = target / divisor;
    Cover *covers = make_covers(target, s, t);
    uint16_t *row = hp_alloc((size_t)side, sizeof *row);
    uint32_t *row_sums = hp_alloc((size_t)target, sizeof *row_sums); /* at most 65535 * 16384 */
    uint64_t *sums = hp_alloc((size_t)target, sizeof *sums);
    int64_t loaded = -1;
    for (int64_t i = 0; i < target; i++) {
        const Cover *cover = &covers[i];
        memset(sums, 0, (size_t)target * sizeof *sums);
        for (int64_t y = cover->first; y <= cover->last; y++) {
            uint64_t weight = y == cover->first  ? cover->first_weight
                              : y == cover->last ? cover->last_weight
                                                 : (uint64_t)t;
            if (y != loaded) { /* two neighbours share a row where it is cut */
                load_row(source, side, y, row);
                sum_row(row, covers, target, (uint32_t)t, row_sums);
                loaded = y;
            }
            for (int64_t x = 0; x < target; x++)
                sums[x] += weight * row_sums[x];
        }
        store_row(sums, target, (uint64_t)s * (uint64_t)s, source->bits, out, i * target * out_step,
                  out_step);
    }
    free(covers);
    free(row);
    free(row_sums);
    free(sums);
}
