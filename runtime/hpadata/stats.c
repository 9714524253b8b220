/* hpadata stats: what a data set holds, in tables. */
#include "tool.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "hpadata.h"

static const char help[] =
    "usage: hpadata stats [DATASET] DATA[:PART] [options]\n"
    "\n"
    "Prints the mean and deviation of every plane, the images of every class, how many labels images have, "
    "and which\n"
    "labels occur together. DATA is a folder that DATASET describes, or a pack.\n"
    "\n"
    "  --pixels N    a folder's images are shrunk to N a side first (256, or the images' own size)\n"
    "  --pairs N     of labels to list (15)\n"
    "  --no-pixels   only what the tables say; no image is read\n";

enum { NAME_WIDTH = 32 };

typedef struct Labelled { /* the images that have labels */
    const HpDataset *dataset;
    int64_t count;
    const uint8_t **labels;
} Labelled;

static Labelled collect_labelled(const HpData *data)
{
    Labelled labelled = {.dataset = hp_data_dataset(data)};
    labelled.labels = hp_alloc((size_t)hp_data_count(data), sizeof *labelled.labels);
    for (int64_t i = 0; i < hp_data_count(data); i++)
        if (hp_data_labelled(data, i))
            labelled.labels[labelled.count++] = hp_data_labels(data, i);
    return labelled;
}

static void print_parts(const HpData *data)
{
    const char *part = NULL;
    int64_t images = 0, count = hp_data_count(data);
    printf("%-*s %8s\n", NAME_WIDTH, "part", "images");
    for (int64_t i = 0; i <= count; i++) {
        const char *next = i < count ? hp_data_part(data, i) : NULL;
        if (part && part != next) {
            printf("%-*s %8lld%s\n", NAME_WIDTH, part, (long long)images,
                   hp_data_labelled(data, i - 1) ? "" : "  without labels");
            images = 0;
        }
        part = next;
        images++;
    }
}

static void print_planes(HpData *data)
{
    const HpDataset *dataset = hp_data_dataset(data);
    HpImageStore store = hp_data_store(data);
    int64_t count = hp_data_count(data), *images = hp_alloc((size_t)count, sizeof *images);
    double *mean = hp_alloc((size_t)dataset->plane_count, sizeof *mean);
    double *deviation = hp_alloc((size_t)dataset->plane_count, sizeof *deviation);
    for (int64_t i = 0; i < count; i++)
        images[i] = i;
    hp_data_statistics(data, images, count, mean, deviation);
    printf("\n%-*s %8s %9s   (values from 0 to 1, %d bits, at %lld x %lld pixels)\n", NAME_WIDTH, "plane",
           "mean", "deviation", store.bits, (long long)store.width, (long long)store.height);
    for (int i = 0; i < dataset->plane_count; i++)
        printf("%-*s %8.5f %9.5f\n", NAME_WIDTH, dataset->planes[i], mean[i], deviation[i]);
    free(images);
    free(mean);
    free(deviation);
}

static void print_classes(const Labelled *labelled)
{
    const HpDataset *dataset = labelled->dataset;
    char name[NAME_WIDTH + 1];
    printf("\n%5s %-*s %8s %7s %8s\n", "", NAME_WIDTH - 6, "class", "images", "share", "alone");
    for (int k = 0; k < dataset->class_count; k++) {
        int64_t images = 0, alone = 0;
        for (int64_t i = 0; i < labelled->count; i++) {
            const uint8_t *labels = labelled->labels[i];
            int others = 0;
            for (int j = 0; j < dataset->class_count; j++)
                others += j != k && labels[j];
            images += labels[k];
            alone += labels[k] && others == 0;
        }
        printf("%5d %-*s %8lld %6.2f%% %8lld\n", k, NAME_WIDTH - 6,
               tool_shorten(dataset->classes[k], NAME_WIDTH - 6, name), (long long)images,
               100 * (double)images / (double)labelled->count, (long long)alone);
    }
}

static void print_cardinality(const Labelled *labelled)
{
    int classes = labelled->dataset->class_count;
    int64_t *counts = hp_alloc((size_t)classes + 1, sizeof *counts), sum = 0;
    for (int64_t i = 0; i < labelled->count; i++) {
        int labels = 0;
        for (int k = 0; k < classes; k++)
            labels += labelled->labels[i][k];
        counts[labels]++;
        sum += labels;
    }
    printf("\n%-*s %8s %7s\n", NAME_WIDTH, "labels of an image", "images", "share");
    for (int k = 0; k <= classes; k++)
        if (counts[k])
            printf("%-*d %8lld %6.2f%%\n", NAME_WIDTH, k, (long long)counts[k],
                   100 * (double)counts[k] / (double)labelled->count);
    printf("%-*s %8.3f\n", NAME_WIDTH, "mean", (double)sum / (double)labelled->count);
    free(counts);
}

typedef struct Pair {
    int a, b;
    int64_t images;
} Pair;

static int compare_pairs(const void *left, const void *right)
{
    const Pair *a = left, *b = right;
    if (a->images != b->images)
        return a->images < b->images ? 1 : -1;
    return a->a != b->a ? a->a - b->a : a->b - b->b;
}

static void print_pairs(const Labelled *labelled, int64_t shown)
{
    int classes = labelled->dataset->class_count, pairs = 0;
    Pair *all = hp_alloc((size_t)classes * (size_t)classes, sizeof *all);
    for (int a = 0; a < classes; a++)
        for (int b = a + 1; b < classes; b++) {
            Pair pair = {a, b, 0};
            for (int64_t i = 0; i < labelled->count; i++)
                pair.images += labelled->labels[i][a] && labelled->labels[i][b];
            if (pair.images)
                all[pairs++] = pair;
        }
    qsort(all, (size_t)pairs, sizeof *all, compare_pairs);
    printf("\n%8s  together (the most frequent of %d pairs)\n", "images", pairs);
    for (int i = 0; i < pairs && i < shown; i++)
        printf("%8lld  %s + %s\n", (long long)all[i].images, labelled->dataset->classes[all[i].a],
               labelled->dataset->classes[all[i].b]);
    free(all);
}

int hpadata_stats(int argc, char **argv)
{
    static const struct option known[] = {{"pixels", required_argument, 0, 'p'},
                                          {"pairs", required_argument, 0, 'n'},
                                          {"no-pixels", no_argument, 0, 'x'},
                                          {"help", no_argument, 0, 'h'},
                                          {0, 0, 0, 0}};
    int64_t pixels = 0, pairs = 15;
    bool read_pixels = true;
    optind = 0;
    for (int found; (found = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        switch (found) {
        case 'p': pixels = tool_number("pixels", optarg, 1, 16384); break;
        case 'n': pairs = tool_number("pairs", optarg, 0, 1000000); break;
        case 'x': read_pixels = false; break;
        case 'h': fputs(help, stdout); return 0;
        default: hp_fail("try 'hpadata stats --help'");
        }
    }
    HpData *data = tool_open(argc - optind, argv + optind, pixels, "stats");
    Labelled labelled = collect_labelled(data);
    print_parts(data);
    if (read_pixels)
        print_planes(data);
    if (labelled.count > 0) {
        print_classes(&labelled);
        print_cardinality(&labelled);
        if (!labelled.dataset->one_of)
            print_pairs(&labelled, pairs);
    }
    free(labelled.labels);
    hp_data_close(data);
    return 0;
}
