/* Making a pack. It grows beside its place as FILE.partial; each image's checksum is written behind its
 * pixels, so the checksums are the journal: a run that was stopped goes on with the images whose pixels do
 * not match theirs. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../show/show.h"

enum { ROWS = 64 };

typedef struct Packing {
    HpData *data;
    const char *output;
    char *partial;
    int file;
    uint8_t *prefix; /* preamble, header, ids and labels: all but checksums and pixels */
    HpPackLayout layout;
    int64_t *missing; /* images to be decoded */
    int64_t missing_count;
} Packing;

static _Noreturn void fail_writing(const Packing *packing, int64_t done)
{
    hp_fail("cannot write '%s' (%.1f GB in all): %s; %lld of %lld images are kept: make room and run the "
            "same command "
            "again",
            packing->partial, (double)packing->layout.end / 1e9, strerror(errno), (long long)done,
            (long long)packing->data->count);
}

static bool write_at(int file, const void *data, size_t length, uint64_t offset)
{
    for (const uint8_t *at = data; length > 0;) {
        ssize_t written = pwrite(file, at, length, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        at += written;
        offset += (uint64_t)written;
        length -= (size_t)written;
    }
    return true;
}

static bool read_at(int file, void *data, size_t length, uint64_t offset)
{
    for (uint8_t *at = data; length > 0;) {
        ssize_t got = pread(file, at, length, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        offset += (uint64_t)got;
        length -= (size_t)got;
    }
    return true;
}

/* ---------------------------------------------------------------- prefix */

static json_t *names_to_json(int count, const char *const *names)
{
    json_t *array = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(array, json_string(names[i]));
    return array;
}

static size_t ids_length(const HpIndex *index)
{
    size_t length = 0;
    for (int64_t i = 0; i < index->count; i++)
        length += strlen(index->images[i].id) + 1;
    return length;
}

static char *header_text(const HpData *data)
{
    const HpDataset *dataset = data->dataset;
    json_t *parts = json_array();
    for (int i = 0; i < data->index->part_count; i++) {
        const HpRangeOfPart *part = &data->index->parts[i];
        json_array_append_new(parts, json_pack("{s:s, s:I, s:b}", "name", part->name, "images",
                                               (json_int_t)part->count, "labelled", part->labelled));
    }
    json_t *header = json_pack(
        "{s:s, s:s, s:o, s:o, s:b, s:s, s:f, s:f, s:I, s:i, s:I, s:I, s:o}", "name", dataset->name, "source",
        dataset->source ? dataset->source : "", "planes",
        names_to_json(dataset->plane_count, dataset->planes), "classes",
        names_to_json(dataset->class_count, dataset->classes), "one_of", dataset->one_of, "range",
        dataset->range == HP_RANGE_FIXED ? "fixed" : "percentile", "low", dataset->range_low, "high",
        dataset->range_high, "pixels", (json_int_t)data->shape.pixels, "bits", data->shape.bits, "images",
        (json_int_t)data->index->count, "ids_bytes", (json_int_t)ids_length(data->index), "parts", parts);
    char *text = header ? json_dumps(header, JSON_INDENT(1)) : NULL;
    if (!text)
        hp_fail("the names of data set '%s' or its images are not UTF-8, which a pack needs", dataset->name);
    json_decref(header);
    return text;
}

/* Changes when a source file does: what is left of a stopped run is then not gone on with. Never 0. */
static uint64_t hash_sources(const HpIndex *index)
{
    uint64_t hash = HP_PACK_VERSION;
    for (int64_t i = 0; i < index->count; i++)
        for (int k = 0; k < index->files_per_image; k++) {
            const char *path = index->images[i].files[k];
            struct stat status = {0};
            int64_t facts[3] = {0};
            if (stat(path, &status) == 0) {
                facts[0] = status.st_size;
                facts[1] = status.st_mtim.tv_sec;
                facts[2] = status.st_mtim.tv_nsec;
            }
            hash = hp_hash(path, strlen(path) + 1, hash);
            hash = hp_hash(facts, sizeof facts, hash);
        }
    return hash ? hash : 1;
}

static void make_prefix(Packing *packing)
{
    const HpIndex *index = packing->data->index;
    size_t classes = (size_t)index->dataset->class_count;
    char *text = header_text(packing->data);
    HpPackPreamble preamble = {.version = HP_PACK_VERSION, .header_length = strlen(text)};
    memcpy(preamble.magic, hp_pack_magic, sizeof preamble.magic);
    preamble.header_hash = hp_hash(text, preamble.header_length, 0);
    preamble.sources = hash_sources(index);
    HpPackLayout *layout = &packing->layout;
    if (!hp_pack_layout(preamble.header_length, ids_length(index), (uint64_t)index->count, classes,
                        &packing->data->shape, layout))
        hp_fail("%s: a pack of %lld images is larger than a file can be", packing->output,
                (long long)index->count);
    packing->prefix = hp_alloc(layout->checksums, 1);
    memcpy(packing->prefix, &preamble, sizeof preamble);
    memcpy(packing->prefix + HP_PACK_PREAMBLE, text, preamble.header_length);
    char *id = (char *)packing->prefix + layout->ids;
    for (int64_t i = 0; i < index->count; i++)
        id = stpcpy(id, index->images[i].id) + 1;
    memcpy(packing->prefix + layout->labels, index->labels, (size_t)index->count * classes);
    free(text);
}

/* ---------------------------------------------------------------- the partial file */

static void open_partial(Packing *packing)
{
    struct stat status;
    if (stat(packing->output, &status) == 0 && !hp_pack_is(packing->output))
        hp_fail("'%s' exists and is not a pack; it is not overwritten: choose another name", packing->output);
    packing->partial = hp_format("%s.partial", packing->output);
    packing->file = open(packing->partial, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (packing->file < 0)
        hp_fail("cannot write '%s': %s", packing->partial, strerror(errno));
    if (flock(packing->file, LOCK_EX | LOCK_NB) != 0)
        hp_fail("'%s' is being written by another 'hpadata pack'", packing->partial);
}

static bool same_prefix(const Packing *packing)
{
    struct stat status;
    size_t length = packing->layout.checksums;
    if (fstat(packing->file, &status) != 0 || (uint64_t)status.st_size != packing->layout.end)
        return false;
    uint8_t *there = hp_alloc(length, 1);
    bool same = read_at(packing->file, there, length, 0) && memcmp(there, packing->prefix, length) == 0;
    free(there);
    return same;
}

/* Room for everything is taken first, so that a disk that is too small is known at once. */
static void begin_anew(Packing *packing)
{
    if (ftruncate(packing->file, 0) != 0)
        fail_writing(packing, 0);
    if (fallocate(packing->file, 0, 0, (off_t)packing->layout.end) != 0) {
        bool unsupported = errno == EOPNOTSUPP || errno == ENOSYS;
        if (!unsupported || ftruncate(packing->file, (off_t)packing->layout.end) != 0) {
            int reason = errno;
            unlink(packing->partial);
            hp_fail("cannot take %.1f GB for '%s': %s", (double)packing->layout.end / 1e9, packing->partial,
                    strerror(reason));
        }
    }
    if (!write_at(packing->file, packing->prefix, packing->layout.checksums, 0))
        fail_writing(packing, 0);
}

static uint64_t pixels_at(const Packing *packing, int64_t image)
{
    return packing->layout.pixels + (uint64_t)image * hp_store_image_bytes(&packing->data->shape);
}

/* Lists the images whose pixels are not there yet. */
static void find_missing(Packing *packing, bool resumed)
{
    int64_t count = packing->data->count;
    size_t bytes = hp_store_image_bytes(&packing->data->shape);
    uint8_t *pixels = hp_alloc(bytes, 1);
    packing->missing = hp_alloc((size_t)count, sizeof *packing->missing);
    for (int64_t i = 0; i < count; i++) {
        uint64_t checksum = 0;
        if (resumed &&
            !read_at(packing->file, &checksum, sizeof checksum, packing->layout.checksums + 8 * (uint64_t)i))
            checksum = 0;
        if (checksum && read_at(packing->file, pixels, bytes, pixels_at(packing, i)) &&
            hp_hash(pixels, bytes, 0) == checksum)
            continue;
        packing->missing[packing->missing_count++] = i;
    }
    free(pixels);
}

/* ---------------------------------------------------------------- pixels */

static bool write_image(const Packing *packing, int64_t image, const uint8_t *pixels)
{
    size_t bytes = hp_store_image_bytes(&packing->data->shape);
    uint64_t checksum = hp_hash(pixels, bytes, 0);
    return write_at(packing->file, pixels, bytes, pixels_at(packing, image)) &&
           write_at(packing->file, &checksum, sizeof checksum,
                    packing->layout.checksums + 8 * (uint64_t)image);
}

static int64_t batch_at(const Packing *packing, int64_t begin)
{
    int64_t left = packing->missing_count - begin;
    return left < ROWS ? left : ROWS;
}

static void pack_missing(Packing *packing, int threads)
{
    HpProgress progress;
    int64_t sample[ROWS], kept = packing->data->count - packing->missing_count;
    size_t bytes = hp_store_image_bytes(&packing->data->shape);
    HpLoader *loader = hp_loader_open(packing->data, threads, ROWS);
    hp_progress_begin(&progress, "packing", packing->missing_count);
    for (int64_t begin = 0; begin < packing->missing_count && begin < 2 * ROWS; begin += ROWS)
        hp_loader_request(loader, packing->missing + begin, batch_at(packing, begin));
    for (int64_t begin = 0; begin < packing->missing_count; begin += ROWS) {
        int64_t count = batch_at(packing, begin), ahead = begin + 2 * ROWS;
        HpImageStore store = hp_loader_take(loader, sample);
        if (ahead < packing->missing_count)
            hp_loader_request(loader, packing->missing + ahead, batch_at(packing, ahead));
        for (int64_t i = 0; i < count; i++)
            if (!write_image(packing, packing->missing[begin + i],
                             (const uint8_t *)store.pixels + (size_t)sample[i] * bytes))
                fail_writing(packing, kept + begin + i);
        hp_progress_update(&progress, begin + count, "%s", "");
    }
    hp_progress_end(&progress);
    hp_loader_close(loader);
}

static void finish(const Packing *packing)
{
    uint64_t complete = 0;
    if (!write_at(packing->file, &complete, sizeof complete, offsetof(HpPackPreamble, sources)) ||
        !hp_sync_rename(packing->file, packing->partial, packing->output))
        hp_fail("cannot finish '%s': %s", packing->output, strerror(errno));
    close(packing->file);
}

void hp_pack_write(const char *folder, const HpDataset *dataset, int64_t pixels, int threads,
                   const char *output)
{
    Packing packing = {.output = output, .data = hp_data_open(folder, dataset, pixels)};
    if (packing.data->pack)
        hp_fail("'%s' is a pack already", folder);
    make_prefix(&packing);
    open_partial(&packing);
    bool resumed = same_prefix(&packing);
    if (!resumed)
        begin_anew(&packing);
    find_missing(&packing, resumed);
    int64_t kept = packing.data->count - packing.missing_count;
    if (resumed)
        fprintf(stderr, "going on with '%s': %lld of %lld images are there\n", packing.partial,
                (long long)kept, (long long)packing.data->count);
    pack_missing(&packing, threads);
    finish(&packing);
    free(packing.prefix);
    free(packing.missing);
    free(packing.partial);
    hp_data_close(packing.data);
}
