/* hpadata check: names every broken, missing or duplicate image. */
#include "tool.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../show/show.h"
#include "hpadata.h"

static const char help[] = "usage: hpadata check [DATASET] DATA[:PART] [--threads N]\n"
                           "\n"
                           "Reads every image of DATA (a folder that DATASET describes, or a pack) and names "
                           "all that are broken, missing, without\n"
                           "a row or without a file, or the same as another (by their pixels). The exit "
                           "status is 1 when there is one.\n";

typedef struct Checked {
    const char *id;
    uint64_t hash;
    char *failure; /* NULL: good */
} Checked;

static void report(const HpProblems *problems)
{
    for (int64_t i = 0; i < problems->count; i++)
        printf("%s\n", problems->texts[i]);
}

static void check_folder_image(const HpIndex *index, HpDecoder *decoder, int bits, int64_t i,
                               Checked *checked)
{
    HpStoreShape shape = {.pixels = 1, .planes = index->dataset->plane_count, .bits = bits};
    checked->id = index->images[i].id;
    checked->failure = hp_decode_hash(decoder, index, i, &shape, &checked->hash);
}

/* The depth that all images must have: the data file's, or the first image's that can be read. */
static int find_bits(const HpIndex *index)
{
    HpImage image = {0};
    int bits = index->dataset->range_high > 255 ? 16 : 8;
    for (int64_t i = 0; i < index->count && index->dataset->range == HP_RANGE_PERCENTILE; i++) {
        char *failure = hp_png_read(index->images[i].files[0], true, &image);
        free(failure);
        if (failure)
            continue;
        bits = image.bits;
        break;
    }
    hp_image_free(&image);
    return bits;
}

static Checked *check_folder(const HpIndex *index, int threads)
{
    Checked *checked = hp_alloc((size_t)index->count, sizeof *checked);
    HpProgress progress;
    int bits = find_bits(index);
    int64_t done = 0;
    hp_progress_begin(&progress, "checking", index->count);
#pragma omp parallel num_threads(threads)
    {
        HpDecoder decoder = {0};
#pragma omp for schedule(dynamic, 4)
        for (int64_t i = 0; i < index->count; i++) {
            check_folder_image(index, &decoder, bits, i, &checked[i]);
#pragma omp critical
            hp_progress_update(&progress, ++done, "%s", "");
        }
        hp_decoder_free(&decoder);
    }
    hp_progress_end(&progress);
    return checked;
}

static Checked *check_pack(const HpData *data, int threads)
{
    Checked *checked = hp_alloc((size_t)data->count, sizeof *checked);
#pragma omp parallel for num_threads(threads) schedule(dynamic, 4)
    for (int64_t i = 0; i < data->count; i++) {
        int64_t image = data->first + i;
        checked[i] = (Checked){data->pack->ids[image], data->pack->checksums[image],
                               hp_pack_verify(data->pack, image)};
    }
    return checked;
}

static int compare_hashes(const void *left, const void *right)
{
    const Checked *a = left, *b = right;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return strcmp(a->id, b->id);
}

/* Moves what is wrong with the images into the problems; the good ones are sorted to find equals. */
static void add_image_problems(Checked *checked, int64_t count, HpProblems *problems)
{
    int64_t good = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!checked[i].failure) {
            checked[good++] = checked[i];
            continue;
        }
        hp_problems_add(problems, "%s", checked[i].failure);
        free(checked[i].failure);
    }
    qsort(checked, (size_t)good, sizeof *checked, compare_hashes);
    for (int64_t i = 1, first = 0; i < good; i++) {
        if (checked[i].hash != checked[first].hash)
            first = i;
        else
            hp_problems_add(problems, "image '%s' has the same pixels as image '%s'", checked[i].id,
                            checked[first].id);
    }
}

static int finish(const char *path, int64_t images, const HpProblems *problems)
{
    report(problems);
    if (problems->count == 0)
        printf("%s: %lld images, all good\n", path, (long long)images);
    else
        printf("%s: %lld problem%s; %lld images were looked at\n", path, (long long)problems->count,
               problems->count == 1 ? "" : "s", (long long)images);
    return problems->count ? 1 : 0;
}

static int check_data(int count, char **paths, int threads)
{
    struct stat status;
    HpProblems problems = {0};
    const char *part, *shown = paths[count - 1];
    char *path = hp_data_split_path(shown, &part);
    int64_t images;
    Checked *checked;
    if (count == 2 && stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        const HpDataset *dataset = tool_dataset(paths[0]);
        HpIndex *index = hp_index_folder(path, dataset, hp_part_find(dataset, part), &problems);
        images = index->count;
        checked = check_folder(index, threads);
        add_image_problems(checked, images, &problems);
        hp_index_free(index);
    } else {
        HpData *data = tool_open(count, paths, 0, "check");
        images = data->count;
        checked = check_pack(data, threads);
        add_image_problems(checked, images, &problems);
        hp_data_close(data);
    }
    int result = finish(shown, images, &problems);
    free(checked);
    free(path);
    hp_problems_free(&problems);
    return result;
}

int hpadata_check(int argc, char **argv)
{
    static const struct option known[] = {
        {"threads", required_argument, 0, 'j'}, {"help", no_argument, 0, 'h'}, {0, 0, 0, 0}};
    int threads = tool_threads();
    optind = 0;
    for (int found; (found = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        switch (found) {
        case 'j': threads = (int)tool_number("threads", optarg, 1, 256); break;
        case 'h': fputs(help, stdout); return 0;
        default: hp_fail("try 'hpadata check --help'");
        }
    }
    if (argc - optind < 1 || argc - optind > 2)
        hp_fail("expected a data file and a folder, or a pack, found %d names; try 'hpadata check --help'",
                argc - optind);
    return check_data(argc - optind, argv + optind, threads);
}
