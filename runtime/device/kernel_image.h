/* The first kernel of a step: images sampled from integer pixels by an affine map, bilinear, 0 outside,
 * scaled to [0,1], times a gain, normalised per plane. Generated code calls it with a constant number of
 * planes, so that the compiler makes a version for it. */
#ifndef HPART_DEVICE_KERNEL_IMAGE_H
#define HPART_DEVICE_KERNEL_IMAGE_H

#include <stdint.h>
#include <string.h>
#include "../hpart.h"

/* Four bytes at any address: one gather fetches up to four planes of a pixel. */
typedef uint32_t __attribute__((aligned(1), may_alias)) HpWord;

enum { HP_IMAGE_RUN = 64 }; /* pixels of a row at a time */

/* The four pixels around each sampling point of a run: byte offset within the image, and weight (0 outside).
 */
typedef struct HpTaps {
    int32_t offset[4][HP_IMAGE_RUN];
    float weight[4][HP_IMAGE_RUN];
} HpTaps;

static inline void hp_image_taps(HpTaps *taps, const float *map, float x, float y, int32_t count,
                                 int32_t height, int32_t width, int32_t pixel_bytes)
{
    const float start_x = map[1] * y + map[2], start_y = map[4] * y + map[5];
    const float last_x = (float)(width - 1), last_y = (float)(height - 1);
#pragma omp simd
    for (int32_t i = 0; i < count; i++) {
        const float at = x + (float)i;
        /* a point more than a pixel outside has no weight wherever it is */
        const float far_x = map[0] * at + start_x, far_y = map[3] * at + start_y;
        const float source_x = far_x > -2.0f ? (far_x < last_x + 2.0f ? far_x : last_x + 2.0f) : -2.0f;
        const float source_y = far_y > -2.0f ? (far_y < last_y + 2.0f ? far_y : last_y + 2.0f) : -2.0f;
        const int32_t left = (int32_t)(source_x + 2.0f) - 2, top = (int32_t)(source_y + 2.0f) - 2;
        const float right_part = source_x - (float)left, bottom_part = source_y - (float)top;
        const float in_left = (float)(left >= 0 && left < width),
                    in_right = (float)(left >= -1 && left < width - 1);
        const float in_top = (float)(top >= 0 && top < height),
                    in_bottom = (float)(top >= -1 && top < height - 1);
        const float weight_left = (1.0f - right_part) * in_left, weight_right = right_part * in_right;
        const float weight_top = (1.0f - bottom_part) * in_top, weight_bottom = bottom_part * in_bottom;
        const int32_t x0 = left < 0 ? 0 : left < width ? left : width - 1;
        const int32_t x1 = left < -1 ? 0 : left < width - 1 ? left + 1 : width - 1;
        const int32_t y0 = top < 0 ? 0 : top < height ? top : height - 1;
        const int32_t y1 = top < -1 ? 0 : top < height - 1 ? top + 1 : height - 1;
        taps->offset[0][i] = (y0 * width + x0) * pixel_bytes;
        taps->offset[1][i] = (y0 * width + x1) * pixel_bytes;
        taps->offset[2][i] = (y1 * width + x0) * pixel_bytes;
        taps->offset[3][i] = (y1 * width + x1) * pixel_bytes;
        taps->weight[0][i] = weight_top * weight_left;
        taps->weight[1][i] = weight_top * weight_right;
        taps->weight[2][i] = weight_bottom * weight_left;
        taps->weight[3][i] = weight_bottom * weight_right;
    }
}

/* Adds one run of up to four planes from `first` on: sums[k] of plane first + k. `last_word` is the last
 * offset at which four bytes may be read. */
static inline void hp_image_planes(float sums[4][HP_IMAGE_RUN], const HpTaps *taps, const char *image,
                                   int32_t count, int32_t first_byte, int32_t planes, int bits,
                                   int32_t last_word)
{
    const uint32_t mask = bits == 8 ? 0xffu : 0xffffu;
    for (int32_t plane = 0; plane < planes; plane++)
        memset(sums[plane], 0, sizeof sums[plane]);
    for (int tap = 0; tap < 4; tap++) {
        const int32_t *restrict offset = taps->offset[tap];
        const float *restrict weight = taps->weight[tap];
        uint32_t words[HP_IMAGE_RUN];
#pragma omp simd
        for (int32_t i = 0; i < count; i++) {
            const int32_t wanted = offset[i] + first_byte, at = wanted < last_word ? wanted : last_word;
            words[i] = *(const HpWord *)(image + at) >> ((wanted - at) * 8);
        }
        for (int32_t plane = 0; plane < planes; plane++) {
#pragma omp simd
            for (int32_t i = 0; i < count; i++)
                sums[plane][i] += weight[i] * (float)(int32_t)(words[i] >> (plane * bits) & mask);
        }
    }
}

/* One run of a row: all planes to out[plane][...]. */
static inline void hp_image_run(const HpImageStore *store, const char *image, const HpTaps *taps,
                                int32_t count, int planes, int bits, float gain, const float *mean,
                                const float *deviation, float *out, int64_t plane_size)
{
    const int per_word = 32 / bits;
    const int32_t last_word = (int32_t)(store->height * store->width * planes * (bits / 8) - 4);
    float sums[4][HP_IMAGE_RUN];
    for (int plane = 0; plane < planes; plane += per_word) {
        const int here = planes - plane < per_word ? planes - plane : per_word;
        hp_image_planes(sums, taps, image, count, plane * (bits / 8), here, bits, last_word);
        for (int k = 0; k < here; k++) {
            float *restrict row = out + (plane + k) * plane_size;
            const float factor = store->scale * gain / deviation[plane + k];
            const float shift = store->offset * gain / deviation[plane + k],
                        zero = mean[plane + k] / deviation[plane + k];
#pragma omp simd
            for (int32_t i = 0; i < count; i++) {
                const float covered =
                    taps->weight[0][i] + taps->weight[1][i] + taps->weight[2][i] + taps->weight[3][i];
                row[i] = sums[k][i] * factor + covered * shift - zero;
            }
        }
    }
}

/* out is [images, planes, rows, columns]; sample names each one's image in the store; affine (6 numbers an
 * image) takes output pixel (x, y) to source pixel (a0 x + a1 y + a2, a3 x + a4 y + a5), whole numbers at
 * pixel centres. */
static inline __attribute__((always_inline)) void
hp_image_kernel(const HpContext *context, int planes, int64_t images, int64_t rows, int64_t columns,
                const int64_t *sample, const float *affine, const float *gain, const float *mean,
                const float *deviation, float *out)
{
    const HpImageStore *store = &context->images;
    const int64_t image_bytes = store->height * store->width * planes * (store->bits / 8);
#pragma omp parallel for collapse(2)
    for (int64_t n = 0; n < images; n++) {
        for (int64_t y = 0; y < rows; y++) {
            const char *image = (const char *)store->pixels + sample[n] * image_bytes;
            HpTaps taps;
            for (int64_t x = 0; x < columns; x += HP_IMAGE_RUN) {
                const int32_t count = (int32_t)(columns - x < HP_IMAGE_RUN ? columns - x : HP_IMAGE_RUN);
                float *row = out + (n * planes * rows + y) * columns + x;
                hp_image_taps(&taps, affine + 6 * n, (float)x, (float)y, count, (int32_t)store->height,
                              (int32_t)store->width, planes * (store->bits / 8));
                if (store->bits == 8)
                    hp_image_run(store, image, &taps, count, planes, 8, gain[n], mean, deviation, row,
                                 rows * columns);
                else
                    hp_image_run(store, image, &taps, count, planes, 16, gain[n], mean, deviation, row,
                                 rows * columns);
            }
        }
    }
}

#endif
