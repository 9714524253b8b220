/* One image of a folder to the pixels a store holds: decoded, checked against the data file, shrunk. The one
 * path for packing and for reading a folder directly, so both give the same bits. */
#include "internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_PIXELS = 256 };

int64_t hp_natural_size(int64_t source, int64_t wanted)
{
    for (int64_t size = wanted; 4 * size <= 5 * wanted && size <= source; size++)
        if (source % size == 0)
            return size;
    return wanted;
}

size_t hp_store_image_bytes(const HpStoreShape *shape)
{
    return (size_t)shape->pixels * (size_t)shape->pixels * (size_t)shape->planes * (size_t)(shape->bits / 8);
}

static double largest_value(int bits)
{
    return bits == 8 ? 255 : 65535;
}

HpImageStore hp_store_of(const HpDataset *dataset, const HpStoreShape *shape, const void *pixels,
                         int64_t count)
{
    double low = 0, high = largest_value(shape->bits); /* percentiles were stretched to all values */
    if (dataset->range == HP_RANGE_FIXED) {
        low = dataset->range_low;
        high = dataset->range_high;
    }
    return (HpImageStore){.pixels = pixels,
                          .bits = shape->bits,
                          .height = shape->pixels,
                          .width = shape->pixels,
                          .planes = shape->planes,
                          .count = count,
                          .scale = (float)(1 / (high - low)),
                          .offset = (float)(-low / (high - low))};
}

/* ---------------------------------------------------------------- checks */

static const char *describe_channels(int channels)
{
    static const char *const names[] = {"", "grey", "grey with alpha", "RGB", "RGBA"};
    return names[channels];
}

static char *check_channels(const char *path, const HpIndex *index, const HpImage *image)
{
    const HpDataset *dataset = index->dataset;
    int expected =
        index->files_per_image > 1 || strstr(dataset->files[0], "{plane}") ? 1 : dataset->plane_count;
    if (image->channels == expected)
        return NULL;
    if (expected == 1 && strstr(dataset->files[0], "{plane}"))
        return hp_format(
            "%s: the image is %s, but a file of one plane must be grey; save each plane as grey, or take "
            "{plane} out of the data set's file pattern so that the channels are the planes",
            path, describe_channels(image->channels));
    return hp_format("%s: the image has %d channel%s (%s), but data set '%s' has %d plane%s", path,
                     image->channels, image->channels == 1 ? "" : "s", describe_channels(image->channels),
                     dataset->name, dataset->plane_count, dataset->plane_count == 1 ? "" : "s");
}

static char *check_bits(const char *path, const HpDataset *dataset, int bits, int expected)
{
    if (bits == expected)
        return NULL;
    if (dataset->range == HP_RANGE_FIXED)
        return hp_format(
            "%s: the image has %d bits, but data set '%s' says 'range %g to %g', which is for %d bits; %s",
            path, bits, dataset->name, dataset->range_low, dataset->range_high, expected,
            bits == 16 ? "write the range its values really use, such as 'range 0 to 65535' or 'range "
                         "percentile 0.1 to 99.9'"
                       : "write 'range 0 to 255' if all images are like this one");
    return hp_format("%s: the image has %d bits, but the first image has %d; all must be alike", path, bits,
                     expected);
}

static int64_t side_of(const HpImage *image)
{
    return image->width > image->height ? image->width : image->height;
}

static char *check_size(const char *path, const HpImage *image, int64_t wanted)
{
    if (side_of(image) >= wanted)
        return NULL;
    return hp_format(
        "%s: the image is %lld x %lld pixels, but %lld a side are needed; images are never enlarged: use "
        "a smaller size or larger images",
        path, (long long)image->width, (long long)image->height, (long long)wanted);
}

int hp_store_bits(const HpDataset *dataset, int bits)
{
    if (dataset->range == HP_RANGE_FIXED)
        return dataset->range_high > 255 ? 16 : 8;
    return bits;
}

char *hp_store_shape(const HpIndex *index, int64_t wanted, HpStoreShape *shape)
{
    const HpDataset *dataset = index->dataset;
    const char *path = index->images[0].files[0];
    HpImage image = {0};
    char *failure = hp_png_read(path, true, &image);
    shape->planes = dataset->plane_count;
    shape->bits = hp_store_bits(dataset, image.bits);
    if (!failure)
        failure = check_channels(path, index, &image);
    if (!failure)
        failure = check_bits(path, dataset, image.bits, shape->bits);
    if (!failure && wanted == 0)
        wanted = side_of(&image) < DEFAULT_PIXELS ? side_of(&image) : DEFAULT_PIXELS;
    if (!failure)
        failure = check_size(path, &image, wanted);
    shape->pixels = hp_natural_size(side_of(&image), wanted);
    hp_image_free(&image);
    return failure;
}

/* ---------------------------------------------------------------- range */

static int element(const HpImage *image, size_t at)
{
    return image->bits == 8 ? image->pixels[at] : ((const uint16_t *)(const void *)image->pixels)[at];
}

/* The value at the given percent of one channel's pixels in ascending order. */
static int percentile(const uint64_t *histogram, int values, uint64_t count, double percent)
{
    uint64_t rank = (uint64_t)(percent / 100 * (double)(count - 1)), below = 0;
    for (int value = 0; value < values; value++) {
        below += histogram[value];
        if (below > rank)
            return value;
    }
    return values - 1;
}

static void percentile_map(const HpDataset *dataset, const HpImage *image, int channel, uint16_t *map)
{
    int values = image->bits == 8 ? 256 : 65536;
    uint64_t count = (uint64_t)image->width * (uint64_t)image->height;
    uint64_t *histogram = hp_alloc((size_t)values, sizeof *histogram);
    for (uint64_t i = 0; i < count; i++)
        histogram[element(image, (size_t)i * (size_t)image->channels + (size_t)channel)]++;
    int low = percentile(histogram, values, count, dataset->range_low);
    int high = percentile(histogram, values, count, dataset->range_high);
    free(histogram);
    for (int value = 0; value < values; value++) {
        int64_t above = value > high ? high - low : value < low ? 0 : value - low;
        map[value] = high > low ? (uint16_t)((above * (values - 1) + (high - low) / 2) / (high - low)) : 0;
    }
}

/* Values outside a fixed range become its ends. Returns NULL where no value can be outside. */
static const uint16_t *fixed_map(const HpDataset *dataset, int bits, uint16_t *map)
{
    int values = bits == 8 ? 256 : 65536;
    int low = (int)ceil(fmax(dataset->range_low, 0)),
        high = (int)floor(fmin(dataset->range_high, values - 1));
    if (low == 0 && high == values - 1)
        return NULL;
    for (int value = 0; value < values; value++)
        map[value] = (uint16_t)(value < low ? low : value > high ? high : value);
    return map;
}

/* ---------------------------------------------------------------- decoding */

void hp_shrink(const HpImage *image, int channel, const HpDataset *dataset, const HpStoreShape *shape,
               uint16_t *map, int plane, void *out)
{
    size_t bytes = (size_t)(shape->bits / 8);
    HpAreaSource source = {.pixels = image->pixels + (size_t)channel * bytes,
                           .bits = image->bits,
                           .width = image->width,
                           .height = image->height,
                           .step = image->channels};
    if (dataset->range == HP_RANGE_FIXED) {
        source.map = fixed_map(dataset, image->bits, map);
    } else {
        percentile_map(dataset, image, channel, map);
        source.map = map;
    }
    hp_area_average(&source, shape->pixels, (uint8_t *)out + (size_t)plane * bytes, shape->planes);
}

/* Reads one file of an image and checks it against the data file, the store and the image's first file. */
static char *read_file_of(HpDecoder *decoder, const HpIndex *index, const HpIndexImage *item, int file,
                          const HpStoreShape *shape)
{
    HpImage *image = &decoder->image;
    const char *path = item->files[file];
    int64_t width = image->width, height = image->height; /* of the file before */
    char *failure = hp_png_read(path, false, image);
    if (!failure)
        failure = check_channels(path, index, image);
    if (!failure)
        failure = check_bits(path, index->dataset, image->bits, shape->bits);
    if (!failure)
        failure = check_size(path, image, shape->pixels);
    if (!failure && file > 0 && (image->width != width || image->height != height))
        failure =
            hp_format("%s: this plane is %lld x %lld pixels, but '%s' is %lld x %lld; the planes of an image "
                      "must have one size",
                      path, (long long)image->width, (long long)image->height, item->files[0],
                      (long long)width, (long long)height);
    return failure;
}

char *hp_decode(HpDecoder *decoder, const HpIndex *index, int64_t number, const HpStoreShape *shape,
                void *out)
{
    const HpIndexImage *item = &index->images[number];
    if (!decoder->map)
        decoder->map = hp_alloc(HP_MAP_VALUES, sizeof *decoder->map);
    for (int file = 0; file < index->files_per_image; file++) {
        char *failure = read_file_of(decoder, index, item, file, shape);
        if (failure)
            return failure;
        for (int channel = 0; channel < decoder->image.channels; channel++)
            hp_shrink(&decoder->image, channel, index->dataset, shape, decoder->map, file + channel, out);
    }
    return NULL;
}

char *hp_decode_hash(HpDecoder *decoder, const HpIndex *index, int64_t number, const HpStoreShape *shape,
                     uint64_t *hash)
{
    const HpIndexImage *item = &index->images[number];
    const HpImage *image = &decoder->image;
    *hash = 0;
    for (int file = 0; file < index->files_per_image; file++) {
        char *failure = read_file_of(decoder, index, item, file, shape);
        if (failure)
            return failure;
        size_t bytes = (size_t)(image->width * image->height) * (size_t)(image->channels * image->bits / 8);
        *hash = hp_hash(image->pixels, bytes, *hash ^ (uint64_t)image->width);
    }
    return NULL;
}

void hp_decoder_free(HpDecoder *decoder)
{
    hp_image_free(&decoder->image);
    free(decoder->map);
}
