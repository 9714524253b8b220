/* HpData: a folder or a pack behind one set of questions. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---------------------------------------------------------------- opening */

int hp_part_find(const HpDataset *dataset, const char *name)
{
    if (!name)
        return -1;
    for (int i = 0; i < dataset->part_count; i++)
        if (strcmp(dataset->parts[i].name, name) == 0)
            return i;
    const char **names = hp_alloc((size_t)dataset->part_count, sizeof *names);
    for (int i = 0; i < dataset->part_count; i++)
        names[i] = dataset->parts[i].name;
    hp_fail("data set '%s' has no part '%s'; its parts are %s%s", dataset->name, name,
            hp_quoted_names(names, dataset->part_count), hp_did_you_mean(name, names, dataset->part_count));
}

/* The path before ":part" and the part's name, or NULL. A path that exists as it stands has no part. */
char *hp_data_split_path(const char *path, const char **part)
{
    struct stat status;
    const char *colon = strrchr(path, ':');
    *part = NULL;
    if (stat(path, &status) == 0)
        return hp_string(path);
    char *before = colon ? strndup(path, (size_t)(colon - path)) : hp_string(path);
    if (!before)
        hp_fail("out of memory");
    if (stat(before, &status) != 0)
        hp_fail(
            "'%s' is not there: a folder, a pack made by 'hpadata pack', or either with ':part' was expected",
            before);
    *part = colon + 1;
    return before;
}

static void fail_on_problems(const char *path, const HpProblems *problems)
{
    if (problems->count == 1)
        hp_fail("%s", problems->texts[0]);
    if (problems->count > 1)
        hp_fail("%s\n(and %lld more problem%s in '%s'; 'hpadata check' lists them all)", problems->texts[0],
                (long long)problems->count - 1, problems->count == 2 ? "" : "s", path);
}

static void open_folder(HpData *data, const char *part, int64_t image_size)
{
    const HpDataset *dataset = data->dataset;
    HpProblems problems = {0};
    data->index = hp_index_folder(data->path, dataset, hp_part_find(dataset, part), &problems);
    fail_on_problems(data->path, &problems);
    if (data->index->count == 0)
        hp_fail("%s: no image", data->path);
    char *failure = hp_store_shape(data->index, image_size, &data->shape);
    if (failure)
        hp_fail("%s", failure);
    data->count = data->index->count;
}

static void check_names(const char *path, const char *what, int count, const char *const *names,
                        int wanted_count, const char *const *wanted)
{
    for (int i = 0; i < count && i < wanted_count; i++)
        if (strcmp(names[i], wanted[i]) != 0)
            hp_fail("%s: the pack's %s %d is '%s', but the data set says '%s'; names and order must be the "
                    "same: pack "
                    "again, or use the data file it was packed with",
                    path, what, i, names[i], wanted[i]);
    if (count != wanted_count)
        hp_fail("%s: the pack has %d %s%s, but the data set has %d; pack again, or use the data file it was "
                "packed with",
                path, count, what, strcmp(what, "class") == 0 ? "es" : "s", wanted_count);
}

static void check_pack(const HpPack *pack, const HpDataset *wanted, int64_t image_size)
{
    const HpDataset *dataset = &pack->dataset;
    const char *const kinds[] = {"", "percentile "};
    check_names(pack->path, "plane", dataset->plane_count, dataset->planes, wanted->plane_count,
                wanted->planes);
    check_names(pack->path, "class", dataset->class_count, dataset->classes, wanted->class_count,
                wanted->classes);
    if (dataset->range != wanted->range || dataset->range_low != wanted->range_low ||
        dataset->range_high != wanted->range_high)
        hp_fail("%s: the pack was made with 'range %s%g to %g', but the data set says 'range %s%g to %g'; "
                "pack again",
                pack->path, kinds[dataset->range], dataset->range_low, dataset->range_high,
                kinds[wanted->range], wanted->range_low, wanted->range_high);
    if (wanted->one_of != dataset->one_of)
        hp_fail("%s: the pack's labels are '%s of', but the data set says '%s of'; pack again", pack->path,
                dataset->one_of ? "one" : "any", wanted->one_of ? "one" : "any");
    int64_t pixels = pack->shape.pixels;
    if (image_size > 0 && (pixels < image_size || 4 * pixels > 5 * image_size))
        hp_fail("%s: the pack's images are %lld pixels a side, but the network sees %lld, which needs a pack "
                "of %lld "
                "to %lld pixels: 'hpadata pack ... --pixels %lld'",
                pack->path, (long long)pixels, (long long)image_size, (long long)image_size,
                (long long)(5 * image_size / 4), (long long)image_size);
}

static void open_pack(HpData *data, const char *part, int64_t image_size)
{
    HpPack *pack = data->pack = hp_pack_open(data->path);
    if (!data->dataset)
        data->dataset = &pack->dataset;
    else
        check_pack(pack, data->dataset, image_size);
    data->shape = pack->shape;
    data->count = pack->count;
    if (part) {
        int number = hp_part_find(&pack->dataset, part);
        data->first = pack->parts[number].first;
        data->count = pack->parts[number].count;
    }
    if (data->count == 0)
        hp_fail("%s: no image", data->path);
    data->verified = hp_alloc((size_t)data->count, 1);
}

HpData *hp_data_open(const char *path, const HpDataset *dataset, int64_t image_size)
{
    struct stat status;
    const char *part;
    HpData *data = hp_alloc(1, sizeof *data);
    data->path = hp_data_split_path(path, &part);
    data->dataset = dataset;
    bool folder = stat(data->path, &status) == 0 && S_ISDIR(status.st_mode);
    if (!folder && !hp_pack_is(data->path))
        hp_fail("'%s' is neither a folder nor a pack made by 'hpadata pack'", data->path);
    if (!folder)
        open_pack(data, part, image_size);
    else if (dataset)
        open_folder(data, part, image_size);
    else
        hp_fail("'%s' is a folder: name the data file that describes it first", data->path);
    return data;
}

void hp_data_close(HpData *data)
{
    if (!data)
        return;
    hp_index_free(data->index);
    hp_pack_close(data->pack);
    free((void *)data->verified);
    free(data->path);
    free(data);
}

/* ---------------------------------------------------------------- questions */

static int64_t whole_number(const HpData *data, int64_t image)
{
    if (image < 0 || image >= data->count)
        hp_bug("image %lld of %lld was asked for", (long long)image, (long long)data->count);
    return data->first + image;
}

static const HpRangeOfPart *part_of(const HpData *data, int64_t image)
{
    int64_t number = whole_number(data, image);
    const HpRangeOfPart *parts = data->pack ? data->pack->parts : data->index->parts;
    int part = 0;
    while (number >= parts[part].first + parts[part].count)
        part++;
    return &parts[part];
}

const HpDataset *hp_data_dataset(const HpData *data)
{
    return data->dataset;
}

int64_t hp_data_count(const HpData *data)
{
    return data->count;
}

const char *hp_data_id(const HpData *data, int64_t image)
{
    int64_t number = whole_number(data, image);
    return data->pack ? data->pack->ids[number] : data->index->images[number].id;
}

const char *hp_data_part(const HpData *data, int64_t image)
{
    return part_of(data, image)->name;
}

bool hp_data_labelled(const HpData *data, int64_t image)
{
    return part_of(data, image)->labelled;
}

const uint8_t *hp_data_labels(const HpData *data, int64_t image)
{
    const uint8_t *labels = data->pack ? data->pack->labels : data->index->labels;
    return labels + (size_t)whole_number(data, image) * (size_t)data->dataset->class_count;
}

static uint64_t hash_file_sizes(const HpData *data, int64_t image, uint64_t hash)
{
    const HpIndexImage *item = &data->index->images[image];
    for (int i = 0; i < data->index->files_per_image; i++) {
        struct stat status;
        int64_t size = stat(item->files[i], &status) == 0 ? (int64_t)status.st_size : -1;
        hash = hp_hash(&size, sizeof size, hash);
    }
    return hash;
}

uint64_t hp_data_hash(const HpData *data)
{
    uint64_t hash = hp_hash(&data->count, sizeof data->count, (uint64_t)data->shape.pixels);
    for (int64_t i = 0; i < data->count; i++) {
        const char *id = hp_data_id(data, i);
        hash = hp_hash(id, strlen(id) + 1, hash);
        hash = hp_hash(hp_data_labels(data, i), (size_t)data->dataset->class_count, hash);
        if (data->pack)
            hash = hp_hash(&data->pack->checksums[data->first + i], sizeof(uint64_t), hash);
        else
            hash = hash_file_sizes(data, data->first + i, hash);
    }
    return hash;
}

HpImageStore hp_data_store(const HpData *data)
{
    const uint8_t *pixels = NULL;
    if (data->pack)
        pixels = data->pack->pixels + (size_t)data->first * hp_store_image_bytes(&data->shape);
    return hp_store_of(data->dataset, &data->shape, pixels, data->count);
}
