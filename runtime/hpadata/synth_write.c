#include "synth.h"

#include <errno.h>
#include <png.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "../base/base.h"
#include "../show/show.h"

static const char *const plane_names[SYNTH_PLANES] = {"red", "green", "blue", "yellow"};

/* ---------------------------------------------------------------- PNG */

static void png_stop(png_structp png, png_const_charp message)
{
    hp_fail("cannot write '%s': %s", (const char *)png_get_error_ptr(png), message);
}

static void png_quiet(png_structp png, png_const_charp message)
{
    (void)png, (void)message;
}

void synth_png_write(const char *path, const uint8_t *pixels, int side)
{
    char *temporary = hp_format("%s.part", path);
    FILE *file = fopen(temporary, "wb");
    if (!file)
        hp_fail("cannot write '%s': %s", temporary, strerror(errno));
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, temporary, png_stop, png_quiet);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info)
        hp_fail("cannot write '%s': libpng does not start", temporary);
    png_init_io(png, file);
    png_set_compression_level(png, 6);
    png_set_IHDR(png, info, (png_uint_32)side, (png_uint_32)side, 8, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int row = 0; row < side; row++)
        png_write_row(png, pixels + (size_t)row * (size_t)side);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    if (fclose(file) != 0 || rename(temporary, path) != 0)
        hp_fail("cannot write '%s': %s", path, strerror(errno));
    free(temporary);
}

/* ---------------------------------------------------------------- pictures, by threads */

typedef struct Work {
    const SynthPlan *plan;
    atomic_int_fast64_t next;
    pthread_mutex_t mutex; /* of progress */
    HpProgress progress;
    uint64_t *hashes; /* of each image's pixels */
} Work;

static uint64_t write_image(const SynthPlan *plan, int64_t index, uint8_t *pixels)
{
    const SynthImage *image = &plan->images[index];
    const size_t plane_size = (size_t)plan->options->pixels * (size_t)plan->options->pixels;
    synth_render(plan, image, pixels);
    for (int p = 0; p < SYNTH_PLANES; p++) {
        char *path = hp_format("%s/%s/%s_%s.png", plan->options->out, image->test ? "test" : "train",
                               image->id, plane_names[p]);
        synth_png_write(path, pixels + (size_t)p * plane_size, plan->options->pixels);
        free(path);
    }
    return hp_hash(pixels, SYNTH_PLANES * plane_size, plan->groups[image->group].labels);
}

static void *work(void *argument)
{
    Work *shared = argument;
    const SynthPlan *plan = shared->plan;
    uint8_t *pixels = hp_alloc((size_t)plan->options->pixels * (size_t)plan->options->pixels, SYNTH_PLANES);
    int64_t index;
    while ((index = atomic_fetch_add(&shared->next, 1)) < plan->image_count) {
        shared->hashes[index] = write_image(plan, index, pixels);
        pthread_mutex_lock(&shared->mutex);
        hp_progress_update(&shared->progress, shared->progress.done + 1, "%s", "");
        pthread_mutex_unlock(&shared->mutex);
    }
    free(pixels);
    return NULL;
}

static uint64_t write_images(const SynthPlan *plan)
{
    const int threads = plan->options->threads;
    Work shared = {.plan = plan, .hashes = hp_alloc((size_t)plan->image_count, sizeof *shared.hashes)};
    pthread_mutex_init(&shared.mutex, NULL);
    hp_progress_begin(&shared.progress, "drawing", plan->image_count);
    pthread_t *started = hp_alloc((size_t)threads, sizeof *started);
    for (int t = 0; t < threads; t++)
        if (pthread_create(&started[t], NULL, work, &shared) != 0)
            hp_fail("cannot start thread %d of %d", t + 1, threads);
    for (int t = 0; t < threads; t++)
        pthread_join(started[t], NULL);
    hp_progress_end(&shared.progress);
    pthread_mutex_destroy(&shared.mutex);
    const uint64_t hash = hp_hash(shared.hashes, (size_t)plan->image_count * sizeof *shared.hashes, 0);
    free(started);
    free(shared.hashes);
    return hash;
}

/* ---------------------------------------------------------------- tables */

static int by_id(const void *a, const void *b)
{
    const SynthImage *const *one = a, *const *two = b;
    return strcmp((*one)->id, (*two)->id);
}

/* Labels as the published table writes them: descending. */
static void print_labels(FILE *file, uint32_t labels)
{
    const char *gap = "";
    for (int c = SYNTH_CLASSES - 1; c >= 0; c--)
        if (labels >> c & 1) {
            fprintf(file, "%s%d", gap, c);
            gap = " ";
        }
}

typedef void PrintCells(FILE *file, const SynthPlan *plan, const SynthImage *image);

static void print_target(FILE *file, const SynthPlan *plan, const SynthImage *image)
{
    print_labels(file, plan->groups[image->group].labels);
}

static void print_nothing(FILE *file, const SynthPlan *plan, const SynthImage *image)
{
    (void)plan, (void)image;
    fputc('0', file);
}

static void print_origin(FILE *file, const SynthPlan *plan, const SynthImage *image)
{
    const SynthGroup *group = &plan->groups[image->group];
    fprintf(file, "%d,%d,%d,%d", image->group, group->plate, group->line, (int)image->cells);
}

/* A table of the training images, the test images or both, sorted by id. */
static void write_table(const SynthPlan *plan, const char *name, const char *header, bool train, bool test,
                        PrintCells *print)
{
    const SynthImage **rows = hp_alloc((size_t)plan->image_count, sizeof *rows);
    int64_t count = 0;
    for (int64_t i = 0; i < plan->image_count; i++)
        if (plan->images[i].test ? test : train)
            rows[count++] = &plan->images[i];
    qsort(rows, (size_t)count, sizeof *rows, by_id);
    char *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);
    if (!file)
        hp_fail("out of memory for '%s'", name);
    fprintf(file, "%s\n", header);
    for (int64_t i = 0; i < count; i++) {
        fprintf(file, "%s,", rows[i]->id);
        print(file, plan, rows[i]);
        fputc('\n', file);
    }
    if (fclose(file) != 0)
        hp_fail("out of memory for '%s'", name);
    char *path = hp_format("%s/%s", plan->options->out, name);
    if (!hp_write_file(path, text, length))
        hp_fail("cannot write '%s': %s", path, strerror(errno));
    free(path);
    free(text);
    free(rows);
}

uint64_t synth_write(const SynthPlan *plan)
{
    for (int test = 0; test < 2; test++) {
        char *folder = hp_format("%s/%s", plan->options->out, test ? "test" : "train");
        hp_make_folder(folder);
        free(folder);
    }
    const uint64_t hash = write_images(plan);
    write_table(plan, "train.csv", "Id,Target", true, false, print_target);
    write_table(plan, "sample_submission.csv", "Id,Predicted", false, true, print_nothing);
    write_table(plan, "test_labels.csv", "Id,Target", false, true, print_target);
    write_table(plan, "groups.csv", "Id,Antibody,Plate,Line,Cells", true, true, print_origin);
    return hash;
}
