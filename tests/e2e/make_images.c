/* make_images: draws small data sets whose classes a small network can learn.
 *
 *   make_images classes FOLDER IMAGES SIDE          FOLDER/train/<class>/<nnn>.png, RGB, 12 classes: 4
 * directions of stripes in 3 colours; IMAGES of each make_images planes FOLDER IMAGES SIDE
 * FOLDER/images/<nnnn>_<plane>.png, 5 grey planes, and labels.csv with 12 names that occur together: 5 shapes
 * in 3 bands, less 3 make_images published FOLDER IMAGES TEST SIDE   the published form: train/, test/,
 * train.csv, sample_submission.csv make_images grey FILE SIDE [BITS]               one picture of noise, 8 or
 * 16 bits make_images colour FILE SIDE                    one RGB picture of noise
 */
#include <errno.h>
#include <math.h>
#include <png.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static uint64_t state = 1;

/* splitmix64 */
static uint64_t next_random(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static double uniform(double low, double high)
{
    return low + (high - low) * (double)(next_random() >> 11) * 0x1p-53;
}

static _Noreturn void fail(const char *what, const char *name)
{
    fprintf(stderr, "make_images: %s %s: %s\n", what, name, strerror(errno));
    exit(1);
}

static void *allocate(size_t bytes)
{
    void *memory = calloc(bytes, 1);
    if (!memory)
        fail("no memory for", "a picture");
    return memory;
}

static void make_folder(const char *path)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        fail("cannot make", path);
}

/* ---------------------------------------------------------------- pictures: [y][x][channel] */

typedef struct Picture {
    int side, channels;
    uint8_t *pixels;
} Picture;

static Picture picture_new(int side, int channels)
{
    return (Picture){side, channels, allocate((size_t)side * (size_t)side * (size_t)channels)};
}

static uint8_t *pixel(const Picture *picture, int x, int y)
{
    return picture->pixels + ((size_t)y * (size_t)picture->side + (size_t)x) * (size_t)picture->channels;
}

/* Noise whose grains are 1/128 of the side, so that large pictures stay small files. */
static void fill_noise(const Picture *picture, int low, int high)
{
    int grain = picture->side / 128 + 1;
    size_t row = (size_t)picture->side * (size_t)picture->channels;
    for (int y = 0; y < picture->side; y++)
        for (size_t i = 0; i < row; i++)
            if (y % grain != 0)
                pixel(picture, 0, y)[i] = pixel(picture, 0, y - 1)[i];
            else if (i / (size_t)picture->channels % (size_t)grain != 0)
                pixel(picture, 0, y)[i] = pixel(picture, 0, y)[i - (size_t)picture->channels];
            else
                pixel(picture, 0, y)[i] = (uint8_t)uniform(low, high);
}

static void picture_write(const Picture *picture, const char *path, int bits)
{
    static const int types[] = {0, PNG_COLOR_TYPE_GRAY, 0, PNG_COLOR_TYPE_RGB};
    FILE *file = fopen(path, "wb");
    if (!file)
        fail("cannot write", path);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info || setjmp(png_jmpbuf(png)))
        fail("libpng does not write", path);
    size_t row = (size_t)picture->side * (size_t)picture->channels * (bits / 8);
    png_init_io(png, file);
    png_set_compression_level(png, 1);
    png_set_IHDR(png, info, (png_uint_32)picture->side, (png_uint_32)picture->side, bits,
                 types[picture->channels], PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int y = 0; y < picture->side; y++)
        png_write_row(png, picture->pixels + (size_t)y * row);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    if (fclose(file) != 0)
        fail("cannot write", path);
}

/* Waves in one channel, in a direction of their own: stripes, or checks when they cross. */
static void draw_waves(const Picture *picture, int channel, bool crossed)
{
    double angle = uniform(0, M_PI), frequency = 2 * M_PI * uniform(7, 9) / picture->side,
           phase = uniform(0, 2 * M_PI);
    for (int y = 0; y < picture->side; y++)
        for (int x = 0; x < picture->side; x++) {
            double along = x * cos(angle) + y * sin(angle), across = y * cos(angle) - x * sin(angle);
            double wave = sin(frequency * along + phase) * (crossed ? sin(frequency * across) : 1);
            pixel(picture, x, y)[channel] += (uint8_t)(90 + 90 * wave);
        }
}

typedef enum Shape { DISC, RING, BAR } Shape;

/* Is (x,y), in units of the shape's size, in the shape? */
static bool in_shape(Shape shape, double x, double y)
{
    double r = sqrt(x * x + y * y);
    if (shape == BAR)
        return fabs(x) < 1 && fabs(y) < 1 / 6.;
    return r < 1 && (shape == DISC || r > 0.7);
}

/* One shape at a random place; `size` is a share of the side. */
static void draw_shape(const Picture *picture, int channel, Shape shape, double size)
{
    double radius = size * picture->side;
    double cx = uniform(radius, picture->side - radius), cy = uniform(radius, picture->side - radius);
    for (int y = 0; y < picture->side; y++)
        for (int x = 0; x < picture->side; x++)
            if (in_shape(shape, (x - cx) / radius, (y - cy) / radius))
                pixel(picture, x, y)[channel] = 220;
}

/* ---------------------------------------------------------------- data sets */

static void draw_class(const Picture *picture, int channel, int texture)
{
    fill_noise(picture, 0, 60);
    if (texture < 2)
        draw_waves(picture, channel, texture == 1);
    for (int i = 0; texture >= 2 && i < 6; i++)
        draw_shape(picture, channel, texture == 2 ? DISC : RING, 0.12);
}

static void make_classes(const char *folder, int images, int side)
{
    static const char *const colours[] = {"red", "green", "blue"};
    static const char *const textures[] = {"stripes", "checks", "discs", "rings"};
    char path[4096];
    snprintf(path, sizeof path, "%s/train", folder);
    make_folder(path);
    for (int class = 0; class < 12; class ++) {
        const char *colour = colours[class / 4], *texture = textures[class % 4];
        snprintf(path, sizeof path, "%s/train/%s-%s", folder, colour, texture);
        make_folder(path);
        for (int i = 0; i < images; i++) {
            Picture picture = picture_new(side, 3);
            draw_class(&picture, class / 4, class % 4);
            snprintf(path, sizeof path, "%s/train/%s-%s/%03d.png", folder, colour, texture, i);
            picture_write(&picture, path, 8);
            free(picture.pixels);
        }
    }
}

static FILE *open_table(const char *folder, const char *name, const char *header)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *table = fopen(path, "w");
    if (!table)
        fail("cannot write", path);
    fprintf(table, "%s\n", header);
    return table;
}

/* The files of one image; `labels` has a bit for each shape in each plane. */
static void write_planes(const char *prefix, const char *const *planes, int count, int side, unsigned labels)
{
    char path[4200];
    for (int plane = 0; plane < count; plane++) {
        Picture picture = picture_new(side, 1);
        fill_noise(&picture, 0, 60);
        for (Shape shape = DISC; shape <= BAR; shape++)
            if (labels >> (plane + count * (int)shape) & 1)
                draw_shape(&picture, 0, shape, 0.2);
        snprintf(path, sizeof path, "%s_%s.png", prefix, planes[plane]);
        picture_write(&picture, path, 8);
        free(picture.pixels);
    }
}

static void make_planes(const char *folder, int images, int side)
{
    static const char *const planes[] = {"dna", "er", "rna", "actin", "mito"};
    static const char *const names[] = {"dna disc",   "er disc",   "rna disc", "actin disc",
                                        "mito disc",  "dna ring",  "er ring",  "rna ring",
                                        "actin ring", "mito ring", "dna bar",  "er bar"};
    char path[4096];
    snprintf(path, sizeof path, "%s/images", folder);
    make_folder(path);
    FILE *table = open_table(folder, "labels.csv", "well,phenotype");
    for (int i = 0; i < images; i++) {
        unsigned labels = 1u << next_random() % 12 | 1u << next_random() % 12 | 1u << next_random() % 12;
        snprintf(path, sizeof path, "%s/images/%04d", folder, i);
        write_planes(path, planes, 5, side, labels);
        fprintf(table, "%04d,", i);
        const char *gap = "";
        for (int label = 0; label < 12; label++)
            if (labels >> label & 1) {
                fprintf(table, "%s%s", gap, names[label]);
                gap = "|";
            }
        fputc('\n', table);
    }
    if (fclose(table) != 0)
        fail("cannot write", "labels.csv");
}

/* 12 classes by number, one or two to an image: a shape in a plane. The order table is not in the order of
 * the files. */
static void make_published(const char *folder, int images, int test, int side)
{
    static const char *const planes[] = {"red", "green", "blue", "yellow"};
    char path[4096];
    for (int part = 0; part < 2; part++) {
        const char *name = part ? "test" : "train";
        snprintf(path, sizeof path, "%s/%s", folder, name);
        make_folder(path);
        FILE *table = part ? open_table(folder, "sample_submission.csv", "Id,Predicted")
                           : open_table(folder, "train.csv", "Id,Target");
        for (int i = 0; i < (part ? test : images); i++) {
            unsigned first = (unsigned)i % 12, second = (unsigned)(next_random() % 12);
            snprintf(path, sizeof path, "%s/%s/%s%04d", folder, name, name, i);
            write_planes(path, planes, 4, side, 1u << first | 1u << second);
            if (part)
                fprintf(table, "test%04d,0\n", test - 1 - i);
            else if (first == second)
                fprintf(table, "train%04d,%u\n", i, first);
            else
                fprintf(table, "train%04d,%u %u\n", i, first, second);
        }
        if (fclose(table) != 0)
            fail("cannot write a table of", folder);
    }
}

static void make_single(const char *path, int side, int channels, int bits)
{
    Picture picture = picture_new(side * bits / 8, channels);
    fill_noise(&picture, 0, 255);
    picture.side = side;
    picture_write(&picture, path, bits);
    free(picture.pixels);
}

int main(int argc, char **argv)
{
    const char *kind = argc > 3 ? argv[1] : "";
    int numbers[3] = {0};
    for (int i = 3; i < argc && i < 6; i++)
        numbers[i - 3] = atoi(argv[i]);
    if (strcmp(kind, "grey") != 0 && strcmp(kind, "colour") != 0 && argc > 3)
        make_folder(argv[2]);
    if (strcmp(kind, "classes") == 0 && argc == 5)
        make_classes(argv[2], numbers[0], numbers[1]);
    else if (strcmp(kind, "planes") == 0 && argc == 5)
        make_planes(argv[2], numbers[0], numbers[1]);
    else if (strcmp(kind, "published") == 0 && argc == 6)
        make_published(argv[2], numbers[0], numbers[1], numbers[2]);
    else if (strcmp(kind, "grey") == 0)
        make_single(argv[2], numbers[0], 1, numbers[1] == 16 ? 16 : 8);
    else if (strcmp(kind, "colour") == 0)
        make_single(argv[2], numbers[0], 3, 8);
    else {
        fputs("usage: make_images classes|planes FOLDER IMAGES SIDE, published FOLDER IMAGES TEST SIDE, grey "
              "FILE SIDE "
              "[BITS], colour FILE SIDE\n",
              stderr);
        return 2;
    }
    return 0;
}
