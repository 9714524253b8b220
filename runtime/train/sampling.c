/* Which images a stage sees, how often, in what order and how changed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../base/base.h"
#include "train.h"

uint64_t hp_key(uint64_t seed, HpKeyPurpose purpose, int stage, int epoch)
{
    uint64_t parts[3] = {(uint64_t)purpose, (uint64_t)stage, (uint64_t)epoch};
    return hp_hash(parts, sizeof parts, seed);
}

int64_t hp_draw_number(int stage, int epoch, int64_t position)
{
    return (int64_t)stage << 56 | (int64_t)epoch << 32 | position;
}

/* ---------------------------------------------------------------- oversampling */

typedef struct Sampler {
    const HpData *data;
    int classes;
    const int64_t *images;
    int64_t count;
    int64_t *list, total, capacity;
    int64_t *class_counts; /* of the list */
} Sampler;

static void append(Sampler *sampler, int64_t image)
{
    if (sampler->total == sampler->capacity) {
        sampler->capacity = 2 * sampler->capacity + 64;
        sampler->list = hp_realloc(sampler->list, (size_t)sampler->capacity, sizeof *sampler->list);
    }
    sampler->list[sampler->total++] = image;
    const uint8_t *labels = hp_data_labels(sampler->data, image);
    for (int c = 0; c < sampler->classes; c++)
        sampler->class_counts[c] += labels[c];
}

/* The class's images in turn, in a shuffled order, until the list has `target` of them. */
static void raise_class(Sampler *sampler, int class, int64_t target, const char *name, uint64_t key)
{
    int64_t *members = hp_alloc((size_t)sampler->count, sizeof *members), count = 0;
    for (int64_t i = 0; i < sampler->count; i++)
        if (hp_data_labels(sampler->data, sampler->images[i])[class])
            members[count++] = sampler->images[i];
    if (count == 0)
        hp_warn("oversample: no training image has the class %s, so there is nothing to repeat", name);
    hp_shuffle(members, count, key + (uint64_t) class);
    for (int64_t i = 0; count > 0 && sampler->class_counts[class] < target; i++)
        append(sampler, members[i % count]);
    free(members);
}

/* The class not done yet that has the fewest images; -1 when all are done. */
static int rarest(const HpOversample *oversample, const bool *done, const int64_t *class_counts)
{
    int best = -1;
    for (int i = 0; i < oversample->class_count; i++)
        if (!done[i] &&
            (best < 0 || class_counts[oversample->classes[i]] < class_counts[oversample->classes[best]]))
            best = i;
    return best;
}

static void oversample_classes(Sampler *sampler, const HpOversample *oversample, const HpDataset *dataset,
                               uint64_t key)
{
    bool *done = hp_alloc((size_t)oversample->class_count, sizeof *done);
    for (int i; (i = rarest(oversample, done, sampler->class_counts)) >= 0;) {
        int class = oversample->classes[i];
        raise_class(sampler, class, oversample->target, dataset->classes[class], key);
        done[i] = true;
    }
    free(done);
}

int64_t *hp_sampling_list(const HpData *data, const HpDataset *dataset, const HpStage *stage, int stage_index,
                          uint64_t seed, const HpImages *images, int64_t *class_counts, int64_t *total)
{
    Sampler sampler = {.data = data,
                       .classes = dataset->class_count,
                       .images = images->items,
                       .count = images->count,
                       .class_counts = class_counts};
    memset(class_counts, 0, (size_t)dataset->class_count * sizeof *class_counts);
    for (int64_t i = 0; i < images->count; i++)
        append(&sampler, images->items[i]);
    for (int i = 0; i < stage->oversample_count; i++)
        oversample_classes(&sampler, &stage->oversample[i], dataset,
                           hp_key(seed, HP_KEY_OVERSAMPLE, stage_index, i));
    *total = sampler.total;
    return sampler.list;
}

/* ---------------------------------------------------------------- augmentation */

/* Cosine and sine, exact at quarter turns. */
static void turn(double degrees, double *cosine, double *sine)
{
    double quarter = nearbyint(degrees / 90), rest = (degrees - 90 * quarter) * (3.141592653589793 / 180);
    double c = cos(rest), s = sin(rest);
    switch ((int)(quarter - 4 * floor(quarter / 4))) {
    case 0: *cosine = c, *sine = s; break;
    case 1: *cosine = -s, *sine = c; break;
    case 2: *cosine = -c, *sine = -s; break;
    default: *cosine = s, *sine = -c; break;
    }
}

/* matrix and shift act on the output centred at 0, in output pixels; the source is height x width of any
 * size. */
static void compose(const double matrix[4], const double shift[2], int64_t size, int64_t height,
                    int64_t width, float affine[6])
{
    double extent[2] = {(double)width, (double)height}, side = (double)size, centre = (side - 1) / 2;
    for (int row = 0; row < 2; row++) {
        double scale = extent[row] / side, x = matrix[2 * row], y = matrix[2 * row + 1];
        affine[3 * row] = (float)(scale * x);
        affine[3 * row + 1] = (float)(scale * y);
        affine[3 * row + 2] = (float)(scale * (shift[row] - (x + y) * centre) + (extent[row] - 1) / 2);
    }
}

void hp_affine_identity(int64_t size, int64_t height, int64_t width, float affine[6])
{
    compose((double[]){1, 0, 0, 1}, (double[]){0, 0}, size, height, width, affine);
}

void hp_augment_draw(const HpAugment *augment, uint64_t key, int64_t position, int64_t size, int64_t height,
                     int64_t width, float affine[6], float *gain)
{
    enum { FLIP_X, FLIP_Y, ROTATE, ZOOM, SHIFT_X, SHIFT_Y, BRIGHTNESS, DRAWS };
    double u[DRAWS], cosine, sine;
    for (int i = 0; i < DRAWS; i++)
        u[i] = hp_uniform(key, (uint64_t)position, (uint64_t)i);
    turn(augment->rotate_low + u[ROTATE] * (augment->rotate_high - augment->rotate_low), &cosine, &sine);
    double zoom = augment->zoom_low + u[ZOOM] * (augment->zoom_high - augment->zoom_low);
    double flip_x = augment->flip && u[FLIP_X] < 0.5 ? -1 : 1,
           flip_y = augment->flip && u[FLIP_Y] < 0.5 ? -1 : 1;
    double reach = augment->shift * (double)size; /* in pixels, to both sides */
    double shift[2] = {reach * (2 * u[SHIFT_X] - 1), reach * (2 * u[SHIFT_Y] - 1)};
    double matrix[4] = {flip_x * cosine / zoom, -flip_x * sine / zoom, flip_y * sine / zoom,
                        flip_y * cosine / zoom};
    compose(matrix, shift, size, height, width, affine);
    *gain = (float)(augment->brightness_low +
                    u[BRIGHTNESS] * (augment->brightness_high - augment->brightness_low));
}
