/* PNG decoding, area averaging, ranges and statistics against plain double arithmetic. */
#include "fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- PNG */

static void test_png_reads(void **state)
{
    (void)state;
    HpImage image = {0};
    for (int channels = 1; channels <= 4; channels++)
        for (int bits = 8; bits <= 16; bits += 8) {
            write_png("x.png", 37, 21, channels, bits, (uint64_t)(channels + bits));
            assert_null(hp_png_read("x.png", false, &image));
            assert_int_equal(image.width, 37);
            assert_int_equal(image.height, 21);
            assert_int_equal(image.channels, channels);
            assert_int_equal(image.bits, bits);
            for (int64_t i = 0; i < 37 * 21 * channels; i++) {
                int value = bits == 8 ? image.pixels[i] : ((uint16_t *)(void *)image.pixels)[i];
                assert_int_equal(value, pixel_value((uint64_t)(channels + bits), i, bits));
            }
        }
    hp_image_free(&image);
}

/* Bytes are changed and cut at random: an answer or a message, never a crash. */
static void test_png_survives_mutations(void **state)
{
    (void)state;
    HpImage image = {0};
    size_t length;
    int refused = 0;
    write_png("x.png", 40, 40, 3, 8, 1);
    char *good = hp_read_file("x.png", &length), *bad = hp_alloc(length, 1);
    for (uint64_t round = 0; round < 1500; round++) {
        size_t cut = round % 3 == 0 ? (size_t)(hp_uniform(round, 0, 1) * (double)length) : length;
        memcpy(bad, good, length);
        for (uint64_t k = 0; k < 1 + round % 4; k++) /* most in the first bytes, where the sizes are */
            bad[(size_t)(pow(hp_uniform(round, k, 2), 4) * (double)length)] =
                (char)(256 * hp_uniform(round, k, 3));
        FILE *file = fopen("bad.png", "wb");
        assert_non_null(file);
        fwrite(bad, 1, cut, file);
        fclose(file);
        char *failure = hp_png_read("bad.png", false, &image);
        refused += failure != NULL;
        free(failure);
    }
    assert_true(refused > 1000); /* checksums see nearly all of them */
    free(good);
    free(bad);
    hp_image_free(&image);
}

/* A header that claims a huge image is refused by its file's length, before memory is taken. */
static void test_png_bomb(void **state)
{
    (void)state;
    static const struct {
        uint8_t ihdr[21];
        const char *message;
    } cases[] = {
        {{'I', 'H', 'D', 'R', 0, 0, 0x40, 0, 0, 0, 0x40, 0, 8, 0, 0, 0, 0, 0x6e, 0xa1, 0x5c, 0xc1},
         "bomb.png: the file is truncated: 41 bytes cannot hold 16384 x 16384 pixels"},
        {{'I', 'H', 'D', 'R', 0, 0, 0x40, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0, 0, 0, 0, 0},
         "bomb.png: the PNG data are broken (Invalid IHDR data)"},
    };
    HpImage image = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t file[41] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0, 13};
        uint32_t crc = 0xffffffff;
        memcpy(file + 12, cases[i].ihdr, sizeof cases[i].ihdr);
        for (int k = 12; k < 29; k++) {
            crc ^= file[k];
            for (int bit = 0; bit < 8; bit++)
                crc = crc & 1 ? 0xedb88320 ^ (crc >> 1) : crc >> 1;
        }
        for (int k = 0; k < 4; k++)
            file[29 + k] = (uint8_t)(~crc >> (24 - 8 * k));
        memcpy(file + 33, "\0\0\0\1IDAT", 8);
        assert_true(hp_write_file("bomb.png", file, sizeof file));
        char *failure = hp_png_read("bomb.png", false, &image);
        assert_string_equal(failure, cases[i].message);
        free(failure);
    }
    assert_null(image.pixels);
    hp_image_free(&image);
}

/* ---------------------------------------------------------------- area averaging */

/* The mean over the target pixel's rectangle, by overlaps in double. */
static double area_mean(const uint16_t *square, int64_t side, int64_t target, int64_t x, int64_t y)
{
    double scale = (double)side / (double)target, sum = 0;
    for (int64_t v = 0; v < side; v++)
        for (int64_t u = 0; u < side; u++) {
            double wide = fmin((double)(u + 1), (double)(x + 1) * scale) - fmax((double)u, (double)x * scale);
            double high = fmin((double)(v + 1), (double)(y + 1) * scale) - fmax((double)v, (double)y * scale);
            sum += fmax(wide, 0) * fmax(high, 0) * square[v * side + u];
        }
    return sum / (scale * scale);
}

static void check_area(int64_t width, int64_t height, int64_t target, int bits)
{
    int64_t side = width > height ? width : height, left = (side - width) / 2, top = (side - height) / 2;
    uint16_t *square = hp_alloc((size_t)(side * side), sizeof *square),
             *wide = hp_alloc((size_t)(width * height), 4);
    uint8_t *narrow = hp_alloc((size_t)(width * height), 2);
    uint16_t *out = hp_alloc((size_t)(target * target), 6);
    for (int64_t i = 0; i < width * height; i++) {
        int value = pixel_value(3, i, bits);
        wide[2 * i] = (uint16_t)value; /* the second of two channels is not looked at */
        narrow[2 * i] = (uint8_t)value;
        square[(i / width + top) * side + i % width + left] = (uint16_t)value;
    }
    HpAreaSource source = {.pixels = bits == 8 ? (void *)narrow : (void *)wide,
                           .bits = bits,
                           .width = width,
                           .height = height,
                           .step = 2};
    hp_area_average(&source, target, out, 3);
    for (int64_t i = 0; i < target * target; i++) {
        double mean = area_mean(square, side, target, i % target, i / target);
        int value = bits == 8 ? ((uint8_t *)out)[3 * i] : out[3 * i];
        assert_true(fabs(value - mean) <= 0.5 + 1e-9); /* rounded to the nearest */
    }
    free(square);
    free(wide);
    free(narrow);
    free(out);
}

static void test_area(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {{16, 16, 8},  {16, 16, 16}, {15, 15, 5}, {15, 15, 7},
                                       {31, 31, 30}, {17, 17, 1},  {20, 12, 8}, {12, 20, 20},
                                       {9, 21, 13},  {40, 40, 23}, {1, 1, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int bits = 8; bits <= 16; bits += 8)
            check_area(sizes[i][0], sizes[i][1], sizes[i][2], bits);
}

/* The largest values must not overflow: white stays white. */
static void test_area_white(void **state)
{
    (void)state;
    enum { SIDE = 4099 };
    uint16_t *white = hp_alloc(SIDE * SIDE, sizeof *white), out[7 * 7];
    memset(white, 0xff, (size_t)SIDE * SIDE * sizeof *white);
    HpAreaSource source = {.pixels = white, .bits = 16, .width = SIDE, .height = SIDE, .step = 1};
    hp_area_average(&source, 7, out, 1);
    for (int i = 0; i < 49; i++)
        assert_int_equal(out[i], 65535);
    free(white);
}

static void test_natural_size(void **state)
{
    (void)state;
    assert_int_equal(hp_natural_size(512, 256), 256);
    assert_int_equal(hp_natural_size(512, 224), 256);
    assert_int_equal(hp_natural_size(2048, 256), 256);
    assert_int_equal(hp_natural_size(600, 256), 300);
    assert_int_equal(hp_natural_size(512, 300), 300);
    assert_int_equal(hp_natural_size(256, 256), 256);
    assert_int_equal(hp_natural_size(260, 256), 260);
}

/* ---------------------------------------------------------------- ranges */

static HpDataset one_plane(const char *const *files)
{
    static const char *const planes[] = {"grey"}, *const classes[] = {"a", "b"};
    static const HpPart parts[] = {{.name = "all", .folder = "images"}};
    return (HpDataset){.name = "one",
                       .plane_count = 1,
                       .planes = planes,
                       .file_count = 1,
                       .files = files,
                       .class_count = 2,
                       .classes = classes,
                       .part_count = 1,
                       .parts = parts};
}

static const char *const id_png[] = {"{id}.png"};

/* Image 0 as the loader gives it, with scale and offset applied. */
static double *read_values(const HpDataset *dataset, int64_t size, int64_t count)
{
    HpData *data = hp_data_open(".", dataset, size);
    HpLoader *loader = hp_loader_open(data, 1, 1);
    int64_t image = 0, sample;
    hp_loader_request(loader, &image, 1);
    HpImageStore store = hp_loader_take(loader, &sample);
    double *values = hp_alloc((size_t)count, sizeof *values);
    for (int64_t i = 0; i < count; i++) {
        int64_t at = sample * count + i;
        int value =
            store.bits == 8 ? ((const uint8_t *)store.pixels)[at] : ((const uint16_t *)store.pixels)[at];
        values[i] = (double)store.scale * value + (double)store.offset;
    }
    hp_loader_close(loader);
    hp_data_close(data);
    return values;
}

static void test_fixed_range(void **state)
{
    (void)state;
    static const struct {
        double low, high;
        int bits;
    } cases[] = {{0, 255, 8}, {10, 200, 8}, {0, 65535, 16}, {100, 4095, 16}};
    HpDataset dataset = one_plane(id_png);
    empty_folder();
    hp_make_folder("images");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double low = dataset.range_low = cases[i].low, high = dataset.range_high = cases[i].high;
        write_png("images/x.png", 20, 20, 1, cases[i].bits, 5);
        double *values = read_values(&dataset, 20, 400);
        for (int k = 0; k < 400; k++) {
            double expected = (fmin(fmax(pixel_value(5, k, cases[i].bits), low), high) - low) / (high - low);
            assert_true(fabs(values[k] - expected) < 1e-6);
        }
        free(values);
    }
}

static int compare_ints(const void *left, const void *right)
{
    return *(const int *)left - *(const int *)right;
}

static void test_percentile_range(void **state)
{
    (void)state;
    HpDataset dataset = one_plane(id_png);
    dataset.range = HP_RANGE_PERCENTILE;
    dataset.range_low = 5;
    dataset.range_high = 90;
    empty_folder();
    hp_make_folder("images");
    for (int bits = 8; bits <= 16; bits += 8) {
        int sorted[400];
        write_png("images/x.png", 20, 20, 1, bits, 6);
        for (int k = 0; k < 400; k++)
            sorted[k] = pixel_value(6, k, bits);
        qsort(sorted, 400, sizeof *sorted, compare_ints);
        double low = sorted[19], high = sorted[359]; /* ranks 0.05 * 399 and 0.9 * 399 */
        double *values = read_values(&dataset, 20, 400);
        for (int k = 0; k < 400; k++) {
            double expected = (fmin(fmax(pixel_value(6, k, bits), low), high) - low) / (high - low);
            assert_true(fabs(values[k] - expected) <= 0.5 / (bits == 8 ? 255 : 65535) + 1e-6);
        }
        free(values);
    }
}

/* ---------------------------------------------------------------- pixels in memory */

/* Three channels of a file and the same in memory: the store must have the same bits. */
static void check_staging(const HpDataset *dataset, int64_t width, int64_t height, int bits, int64_t wanted)
{
    enum { IMAGES = 3 };
    int64_t values = width * height * 3, sample[IMAGES], images[IMAGES] = {0, 1, 2};
    uint16_t *wide = hp_alloc((size_t)values * IMAGES, sizeof *wide);
    for (int i = 0; i < IMAGES; i++) {
        char *path = hp_format("images/%d.png", i);
        write_png(path, width, height, 3, bits, (uint64_t)i);
        free(path);
        for (int64_t at = 0; at < values; at++) {
            if (bits == 8)
                ((uint8_t *)wide)[i * values + at] = (uint8_t)pixel_value((uint64_t)i, at, bits);
            else
                wide[i * values + at] = (uint16_t)pixel_value((uint64_t)i, at, bits);
        }
    }
    HpData *data = hp_data_open(".", dataset, wanted);
    HpLoader *loader = hp_loader_open(data, 1, IMAGES);
    hp_loader_request(loader, images, IMAGES);
    HpImageStore files = hp_loader_take(loader, sample);
    HpStaging *staging;
    HpPixels pixels = {wide, bits, IMAGES, height, width, 3};
    assert_null(hp_staging_open(&staging, dataset, wanted, &pixels, 2));
    size_t bytes = (size_t)(files.height * files.width * 3 * (bits / 8));
    for (int64_t first = 0; first < IMAGES; first += 2) {
        HpImageStore store = hp_staging_take(staging, first, first == 0 ? 2 : 1);
        assert_int_equal(store.height, files.height);
        assert_int_equal(store.width, files.width);
        assert_true(store.scale == files.scale && store.offset == files.offset && store.bits == files.bits);
        assert_memory_equal(store.pixels, (const uint8_t *)files.pixels + (size_t)first * bytes,
                            bytes * (size_t)store.count);
    }
    hp_staging_close(staging);
    hp_loader_close(loader);
    hp_data_close(data);
    free(wide);
}

static void test_staging(void **state)
{
    (void)state;
    static const char *const planes[] = {"red", "green", "blue"};
    HpDataset dataset = one_plane(id_png);
    dataset.plane_count = 3;
    dataset.planes = planes;
    empty_folder();
    hp_make_folder("images");
    dataset.range_low = 10;
    dataset.range_high = 200;
    check_staging(&dataset, 20, 20, 8, 20); /* as it is */
    check_staging(&dataset, 40, 31, 8, 16); /* shrunk evenly, set in a square */
    check_staging(&dataset, 21, 37, 8, 16); /* shrunk by fractions */
    dataset.range_high = 4095;
    check_staging(&dataset, 33, 20, 16, 17);
    dataset.range = HP_RANGE_PERCENTILE;
    dataset.range_low = 5;
    dataset.range_high = 90;
    check_staging(&dataset, 24, 20, 8, 20);
    check_staging(&dataset, 24, 31, 16, 12);
}

/* ---------------------------------------------------------------- statistics */

static void test_statistics(void **state)
{
    (void)state;
    HpDataset dataset = cells_dataset();
    int64_t images[] = {4, 0, 1, 3, 3};
    enum { COUNT = 5, SIZE = 16, PIXELS = SIZE * SIZE };
    double mean[2], deviation[2];
    empty_folder();
    write_cells(6, 1, SIZE);
    HpData *data = hp_data_open(".:train", &dataset, SIZE);
    hp_data_statistics(data, images, COUNT, mean, deviation);
    for (int plane = 0; plane < 2; plane++) {
        double sum = 0, squares = 0;
        for (int i = 0; i < COUNT * PIXELS; i++) {
            uint64_t seed = (uint64_t)(1000 * 'a' + 2 * images[i / PIXELS] + plane);
            double value = pixel_value(seed, i % PIXELS, 8) / 255.0;
            sum += value;
            squares += value * value;
        }
        double expected = sum / (COUNT * PIXELS);
        assert_true(fabs(mean[plane] - expected) < 1e-7); /* the store's scale is a float */
        assert_true(fabs(deviation[plane] - sqrt(squares / (COUNT * PIXELS) - expected * expected)) < 1e-7);
    }
    hp_data_close(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png_reads),   cmocka_unit_test(test_png_survives_mutations),
        cmocka_unit_test(test_png_bomb),    cmocka_unit_test(test_area),
        cmocka_unit_test(test_area_white),  cmocka_unit_test(test_natural_size),
        cmocka_unit_test(test_fixed_range), cmocka_unit_test(test_percentile_range),
        cmocka_unit_test(test_staging),     cmocka_unit_test(test_statistics)};
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
