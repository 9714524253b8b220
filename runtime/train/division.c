/* Which image trains, validates and tests. */
#include <stdlib.h>
#include <string.h>
#include "../base/base.h"
#include "train.h"

static void append(HpImages *images, int64_t image)
{
    images->items[images->count++] = image;
}

/* Labelled images of the part `name`; NULL: of every part. */
static HpImages labelled_images(const HpData *data, const char *name)
{
    int64_t count = hp_data_count(data);
    HpImages images = {.items = hp_alloc((size_t)count, sizeof(int64_t))};
    for (int64_t i = 0; i < count; i++)
        if (hp_data_labelled(data, i) && (!name || strcmp(hp_data_part(data, i), name) == 0))
            append(&images, i);
    return images;
}

/* The data set's part number `from` or a later one that has labelled images here; -1: none. */
static int labelled_part(const HpData *data, const HpDataset *dataset, int from, HpImages *images)
{
    for (int part = from; part < dataset->part_count; part++) {
        *images = labelled_images(data, dataset->parts[part].name);
        if (images->count > 0)
            return part;
        free(images->items);
    }
    *images = (HpImages){0};
    return -1;
}

static int split_index(const HpSplit *split, const char *name)
{
    for (int i = 0; i < split->count; i++)
        if (strcmp(split->names[i], name) == 0)
            return i;
    return -1;
}

static HpImages pick(const HpImages *images, const int *part_of, int part)
{
    HpImages picked = {.items = hp_alloc((size_t)images->count, sizeof(int64_t))};
    for (int64_t i = 0; i < images->count; i++)
        if (part_of[i] == part)
            append(&picked, images->items[i]);
    return picked;
}

static void split_images(HpDivision *division, const HpImages *images, const HpData *data,
                         const HpModel *model, uint64_t seed)
{
    int classes = model->dataset->class_count;
    const HpSplit *split = &model->split;
    uint8_t *labels = hp_alloc((size_t)images->count, (size_t)classes);
    int *part_of = hp_alloc((size_t)images->count, sizeof *part_of);
    for (int64_t i = 0; i < images->count; i++)
        memcpy(labels + i * classes, hp_data_labels(data, images->items[i]), (size_t)classes);
    hp_split(images->count, classes, labels, split->count, split->fractions, split->stratified,
             hp_key(seed, HP_KEY_SPLIT, 0, 0), part_of);
    division->train = pick(images, part_of, split_index(split, "train"));
    division->validation = pick(images, part_of, split_index(split, "validation"));
    division->test = pick(images, part_of, split_index(split, "test"));
    free(labels);
    free(part_of);
}

HpDivision hp_divide(const HpData *data, const HpModel *model, uint64_t seed)
{
    HpDivision division = {.class_counts = hp_alloc((size_t)model->dataset->class_count, sizeof(int64_t))};
    HpImages images;
    int part = labelled_part(data, model->dataset, 0, &images);
    if (part < 0)
        hp_fail("the data has no labelled images to train on");
    if (model->split.count > 0) {
        split_images(&division, &images, data, model, seed);
        free(images.items);
    } else {
        division.train = images;
    }
    if (split_index(&model->split, "test") < 0) {
        free(division.test.items);
        labelled_part(data, model->dataset, part + 1, &division.test);
    }
    for (int64_t i = 0; i < division.train.count; i++)
        for (int c = 0; c < model->dataset->class_count; c++)
            division.class_counts[c] += hp_data_labels(data, division.train.items[i])[c];
    return division;
}

static int64_t class_count(const HpImages *images, const HpData *data, int class)
{
    int64_t count = 0;
    for (int64_t i = 0; i < images->count; i++)
        count += hp_data_labels(data, images->items[i])[class];
    return count;
}

void hp_division_print(const HpDivision *division, const HpData *data, const HpModel *model)
{
    const HpImages *parts[] = {&division->train, &division->validation, &division->test};
    int64_t total = division->train.count + division->validation.count + division->test.count;
    printf("\n%-34s %15s %15s %15s\n%-34s", "", "train", "validation", "test", "images");
    for (int i = 0; i < 3; i++)
        printf(" %7lld %6.2f%%", (long long)parts[i]->count, 100 * (double)parts[i]->count / (double)total);
    for (int c = 0; c < model->dataset->class_count; c++) {
        int64_t counts[3], all = 0;
        for (int i = 0; i < 3; i++)
            all += counts[i] = class_count(parts[i], data, c);
        printf("\n%3d %-30.30s", c, model->dataset->classes[c]);
        for (int i = 0; i < 3; i++)
            printf(" %7lld %6.2f%%", (long long)counts[i], all ? 100 * (double)counts[i] / (double)all : 0);
    }
    printf("\n\n");
}

char *hp_division_csv(const HpDivision *division, const HpData *data)
{
    static const char *const names[] = {"train", "validation", "test"};
    const HpImages *parts[] = {&division->train, &division->validation, &division->test};
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        hp_fail("out of memory while the split was written down");
    fputs("Id,Part\n", out);
    for (int part = 0; part < 3; part++) {
        for (int64_t i = 0; i < parts[part]->count; i++) {
            hp_csv_print_cell(out, hp_data_id(data, parts[part]->items[i]));
            fprintf(out, ",%s\n", names[part]);
        }
    }
    if (fclose(out) != 0)
        hp_fail("out of memory while the split was written down");
    return text;
}

void hp_division_free(HpDivision *division)
{
    free(division->train.items);
    free(division->validation.items);
    free(division->test.items);
    free(division->class_counts);
}
