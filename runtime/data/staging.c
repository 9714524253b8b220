/* Images that a caller has in memory, on the way of a folder's images: checked, shrunk, staged for a device.
 */
#include "internal.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

struct HpStaging {
    const HpDataset *dataset;
    HpPixels images;
    HpStoreShape shape;
    uint16_t *maps; /* [threads][HP_MAP_VALUES] */
    uint8_t *store; /* [rows] */
};

static int64_t side_of(const HpPixels *images)
{
    return images->width > images->height ? images->width : images->height;
}

static char *check_size(const HpPixels *images, int64_t wanted)
{
    size_t bytes = (size_t)(images->bits / 8);
    if (images->count < 0 || images->height < 1 || images->width < 1)
        return hp_format("%lld images of %lld x %lld pixels are none", (long long)images->count,
                         (long long)images->width, (long long)images->height);
    if (side_of(images) > HP_MAX_SIDE)
        return hp_format("the images are %lld x %lld pixels; at most %d a side are read",
                         (long long)images->width, (long long)images->height, HP_MAX_SIDE);
    if (side_of(images) < wanted)
        return hp_format("the images are %lld x %lld pixels, but %lld a side are needed; images are never "
                         "enlarged",
                         (long long)images->width, (long long)images->height, (long long)wanted);
    if (__builtin_mul_overflow(bytes, (size_t)(images->height * images->width), &bytes) ||
        __builtin_mul_overflow(bytes, (size_t)images->planes, &bytes) ||
        __builtin_mul_overflow(bytes, (size_t)images->count, &bytes))
        return hp_format("%lld images do not fit into memory", (long long)images->count);
    return NULL;
}

static char *check_images(const HpDataset *dataset, int64_t wanted, const HpPixels *images)
{
    if (images->planes != dataset->plane_count)
        return hp_format("the images have %lld planes, but data set '%s' has %d", (long long)images->planes,
                         dataset->name, dataset->plane_count);
    if (images->bits != 8 && images->bits != 16)
        return hp_format("pixels of %d bits; they have 8 or 16", images->bits);
    if (images->bits != hp_store_bits(dataset, images->bits))
        return hp_format("the images have %d bits, but data set '%s' says 'range %g to %g', which is for %d "
                         "bits",
                         images->bits, dataset->name, dataset->range_low, dataset->range_high,
                         hp_store_bits(dataset, images->bits));
    char *wrong = check_size(images, wanted);
    if (!wrong && images->count > 0 && !images->pixels)
        wrong = hp_string("the images have no pixels: NULL");
    if (!wrong && (uintptr_t)images->pixels % (uintptr_t)(images->bits / 8) != 0)
        wrong = hp_string("pixels of 16 bits begin at an odd address");
    return wrong;
}

char *hp_staging_open(HpStaging **staging, const HpDataset *dataset, int64_t image_size,
                      const HpPixels *images, int64_t rows)
{
    *staging = NULL;
    char *wrong = check_images(dataset, image_size, images);
    if (wrong)
        return wrong;
    HpStaging *opened = *staging = hp_alloc(1, sizeof *opened);
    opened->dataset = dataset;
    opened->images = *images;
    opened->shape = (HpStoreShape){.pixels = hp_natural_size(side_of(images), image_size),
                                   .planes = dataset->plane_count,
                                   .bits = images->bits};
    opened->maps = hp_alloc((size_t)omp_get_max_threads() * HP_MAP_VALUES, sizeof *opened->maps);
    opened->store = hp_alloc((size_t)rows, hp_store_image_bytes(&opened->shape));
    return NULL;
}

void hp_staging_close(HpStaging *staging)
{
    if (!staging)
        return;
    free(staging->maps);
    free(staging->store);
    free(staging);
}

typedef struct PlaneJob { /* one plane of one image */
    HpStaging *staging;
    int64_t image, row;
    int plane;
} PlaneJob;

static void stage_plane(void *user)
{
    const PlaneJob *job = user;
    const HpStaging *staging = job->staging;
    const HpPixels *images = &staging->images;
    size_t bytes =
        (size_t)(images->height * images->width) * (size_t)images->planes * (size_t)(images->bits / 8);
    HpImage image = {.width = images->width,
                     .height = images->height,
                     .channels = (int)images->planes,
                     .bits = images->bits,
                     .pixels = (uint8_t *)images->pixels + (size_t)job->image * bytes};
    hp_shrink(&image, job->plane, staging->dataset, &staging->shape,
              staging->maps + (size_t)omp_get_thread_num() * HP_MAP_VALUES, job->plane,
              staging->store + (size_t)job->row * hp_store_image_bytes(&staging->shape));
}

/* A thread's failure is the caller's. */
HpImageStore hp_staging_take(HpStaging *staging, int64_t first, int64_t count)
{
    int planes = staging->shape.planes;
    char error[256] = "";
#pragma omp parallel for collapse(2) schedule(dynamic)
    for (int64_t row = 0; row < count; row++) {
        for (int plane = 0; plane < planes; plane++) {
            PlaneJob job = {staging, first + row, row, plane};
            char why[sizeof error];
            if (!hp_catch(stage_plane, &job, why, sizeof why)) {
#pragma omp critical
                strcpy(error, why);
            }
        }
    }
    if (*error)
        hp_fail("%s", error);
    return hp_store_of(staging->dataset, &staging->shape, staging->store, count);
}
