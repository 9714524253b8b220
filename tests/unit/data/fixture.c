#include "fixture.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];

/* A child that ends in the middle, as hp_fail() does, has not freed what it used: LeakSanitizer asks this. */
int __lsan_is_turned_off(void);
static int is_child;

int __lsan_is_turned_off(void)
{
    return is_child;
}

int enter_folder(void **state)
{
    (void)state;
    hp_set_program("test");
    strcpy(folder, "/tmp/hpanet-data-XXXXXX");
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

int leave_folder(void **state)
{
    (void)state;
    char *command = hp_format("rm -rf '%s'", folder);
    int status = chdir("/") + system(command);
    free(command);
    return status;
}

void empty_folder(void)
{
    assert_int_equal(system("rm -rf ./*"), 0);
}

int pixel_value(uint64_t seed, int64_t at, int bits)
{
    uint32_t words[4];
    hp_philox(seed, (uint64_t)at, 0, words);
    return (int)(words[0] >> (32 - bits));
}

void write_png(const char *path, int64_t width, int64_t height, int channels, int bits, uint64_t seed)
{
    static const int types[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                PNG_COLOR_TYPE_RGB_ALPHA};
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    assert_int_equal(setjmp(png_jmpbuf(png)), 0);
    png_init_io(png, file);
    png_set_compression_level(png, 1);
    png_set_IHDR(png, info, (uint32_t)width, (uint32_t)height, bits, types[channels], PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    uint8_t *row = hp_alloc((size_t)(width * channels), 2);
    for (int64_t y = 0; y < height; y++) {
        for (int64_t x = 0; x < width * channels; x++) {
            int value = pixel_value(seed, y * width * channels + x, bits);
            if (bits == 8) {
                row[x] = (uint8_t)value;
            } else {
                row[2 * x] = (uint8_t)(value >> 8);
                row[2 * x + 1] = (uint8_t)value;
            }
        }
        png_write_row(png, row);
    }
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    free(row);
    fclose(file);
}

void write_text(const char *path, const char *text)
{
    assert_true(hp_write_file(path, text, strlen(text)));
}

HpDataset cells_dataset(void)
{
    static const char *const planes[] = {"red", "green"}, *const files[] = {"{id}_{plane}.png"};
    static const char *const classes[] = {"alpha", "beta", "gamma ray"};
    static const HpPart parts[] = {
        {.name = "train",
         .folder = "train",
         .table = "train.csv",
         .id_column = "Id",
         .label_column = "Target",
         .separator = " "},
        {.name = "test", .folder = "test", .order = "order.csv", .id_column = "Id"}};
    return (HpDataset){.name = "cells",
                       .plane_count = 2,
                       .planes = planes,
                       .file_count = 1,
                       .files = files,
                       .range = HP_RANGE_FIXED,
                       .range_low = 0,
                       .range_high = 255,
                       .class_count = 3,
                       .classes = classes,
                       .part_count = 2,
                       .parts = parts,
                       .source = "dataset cells { ... }"};
}

static void write_planes(const char *part, char letter, int image, int64_t size)
{
    static const char *const planes[] = {"red", "green"};
    for (int plane = 0; plane < 2; plane++) {
        char *path = hp_format("%s/%c%d_%s.png", part, letter, image, planes[plane]);
        write_png(path, size, size, 1, 8, (uint64_t)(1000 * letter + 2 * image + plane));
        free(path);
    }
}

void write_cells(int images, int tests, int64_t size)
{
    static const char *const labels[] = {"0", "1", "2 0", "1 2"};
    FILE *table, *order;
    hp_make_folder("train");
    hp_make_folder("test");
    assert_non_null(table = fopen("train.csv", "w"));
    assert_non_null(order = fopen("order.csv", "w"));
    fputs("Id,Target\n", table);
    fputs("Id,Predicted\n", order);
    for (int i = 0; i < images; i++) {
        write_planes("train", 'a', i, size);
        fprintf(table, "a%d,%s\n", i, labels[i % 4]);
    }
    for (int i = tests - 1; i >= 0; i--) { /* not the order of the names */
        write_planes("test", 't', i, size);
        fprintf(order, "t%d,0\n", i);
    }
    fclose(table);
    fclose(order);
}

Outcome in_child(void (*run)(void *), void *argument)
{
    enum { MOST = 1 << 16 };
    Outcome outcome = {.said = hp_alloc(MOST, 1)};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        is_child = 1;
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        run(argument);
        fflush(NULL);
        _exit(0);
    }
    close(ends[1]);
    size_t used = 0;
    for (ssize_t got; used < MOST - 1 && (got = read(ends[0], outcome.said + used, MOST - 1 - used)) > 0;)
        used += (size_t)got;
    close(ends[0]);
    assert_int_equal(waitpid(child, &outcome.status, 0), child);
    return outcome;
}

void assert_fails(void (*run)(void *), void *argument, const char *message)
{
    Outcome outcome = in_child(run, argument);
    char *expected = hp_format("test: %s\n", message);
    assert_string_equal(outcome.said, expected);
    assert_true(WIFEXITED(outcome.status));
    assert_int_equal(WEXITSTATUS(outcome.status), 1);
    free(expected);
    free(outcome.said);
}
