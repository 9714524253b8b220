#include "report_parts.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "../base/base.h"

enum { SHOWN_PIXELS = 160 }; /* larger tensors are shown smaller */

typedef struct Bytes {
    unsigned char *data;
    size_t length, capacity;
} Bytes;

static void bytes_add(png_structp png, png_bytep data, png_size_t length)
{
    Bytes *bytes = png_get_io_ptr(png);
    if (bytes->length + length > bytes->capacity) {
        bytes->capacity = 2 * (bytes->length + length);
        bytes->data = hp_realloc(bytes->data, bytes->capacity, 1);
    }
    memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
}

static void bytes_flush(png_structp png)
{
    (void)png;
}

static Bytes encode_png(const unsigned char *rgb, int width, int height)
{
    Bytes bytes = {0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info || setjmp(png_jmpbuf(png))) {
        hp_bug("libpng could not encode a picture of the report");
    }
    png_set_write_fn(png, &bytes, bytes_add, bytes_flush);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int y = 0; y < height; y++) {
        png_write_row(png, rgb + 3 * (size_t)y * (size_t)width);
    }
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    return bytes;
}

static void write_base64(FILE *out, const unsigned char *data, size_t length)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        unsigned word = (unsigned)data[i] << 16 | (left > 1 ? (unsigned)data[i + 1] << 8 : 0) |
                        (left > 2 ? (unsigned)data[i + 2] : 0);
        fputc(digits[word >> 18 & 63], out);
        fputc(digits[word >> 12 & 63], out);
        fputc(left > 1 ? digits[word >> 6 & 63] : '=', out);
        fputc(left > 2 ? digits[word & 63] : '=', out);
    }
}

/* A plane is drawn in the colour it is named after, else in the next of a palette. */
static const float *plane_colour(const char *name, int plane)
{
    static const struct {
        const char *name;
        float rgb[3];
    } named[] = {{"red", {1, 0, 0}},          {"green", {0, 1, 0}},      {"blue", {0, 0.35f, 1}},
                 {"yellow", {0.7f, 0.7f, 0}}, {"cyan", {0, 0.7f, 0.7f}}, {"magenta", {0.7f, 0, 0.7f}},
                 {"grey", {0.6f, 0.6f, 0.6f}}};
    enum { COLOURS = sizeof named / sizeof *named };
    for (int i = 0; i < COLOURS; i++) {
        if (strcmp(named[i].name, name) == 0) {
            return named[i].rgb;
        }
    }
    return named[plane % COLOURS].rgb;
}

/* The mean of the tensor's pixels behind one shown pixel, as [0,1]. */
static float shown_value(const HpReport *report, const HpShownImage *image, int plane, int factor, int y,
                         int x)
{
    int64_t size = report->model->image_size;
    const float *pixels = image->pixels + (int64_t)plane * size * size;
    float sum = 0;
    for (int dy = 0; dy < factor; dy++) {
        for (int dx = 0; dx < factor; dx++) {
            sum += pixels[((int64_t)y * factor + dy) * size + (int64_t)x * factor + dx];
        }
    }
    float value = sum / (float)(factor * factor) * report->deviation[plane] + report->mean[plane];
    return value < 0 ? 0 : value > 1 ? 1 : value;
}

void picture_write(FILE *out, const HpReport *report, const HpShownImage *image)
{
    int planes = report->model->dataset->plane_count;
    int factor = (int)((report->model->image_size + SHOWN_PIXELS - 1) / SHOWN_PIXELS);
    int side = (int)(report->model->image_size / factor), width = side * (planes + 1);
    unsigned char *rgb = hp_alloc((size_t)width * (size_t)side, 3);
    for (int y = 0; y < side; y++) {
        for (int x = 0; x < side; x++) {
            float mixed[3] = {0, 0, 0};
            for (int p = 0; p < planes; p++) {
                float value = shown_value(report, image, p, factor, y, x);
                const float *colour = plane_colour(report->model->dataset->planes[p], p);
                unsigned char *grey = rgb + 3 * ((size_t)y * (size_t)width + (size_t)(side * (p + 1) + x));
                memset(grey, (int)(255 * value + 0.5f), 3);
                for (int c = 0; c < 3; c++) {
                    mixed[c] += value * colour[c];
                }
            }
            unsigned char *pixel = rgb + 3 * ((size_t)y * (size_t)width + (size_t)x);
            for (int c = 0; c < 3; c++) {
                pixel[c] = (unsigned char)(255 * (mixed[c] > 1 ? 1 : mixed[c]) + 0.5f);
            }
        }
    }
    Bytes png = encode_png(rgb, width, side);
    fprintf(out, "<img width='%d' height='%d' alt='' src='data:image/png;base64,", width, side);
    write_base64(out, png.data, png.length);
    fputs("'>", out);
    free(png.data);
    free(rgb);
}
