/* Reading a pack: README.md has its form. Every size is checked against the file before it is used. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const char hp_pack_magic[8] = "hpapack\n";

enum { MAX_SIDE = 16384, MAX_NAMES = 65536 };

static _Noreturn void fail_damaged(const char *path, const char *what)
{
    hp_fail("%s: the pack is damaged: %s; make it again with 'hpadata pack'", path, what);
}

/* ---------------------------------------------------------------- layout */

static bool add_aligned(uint64_t *at, uint64_t bytes, uint64_t alignment)
{
    uint64_t end;
    if (__builtin_add_overflow(*at, bytes, &end) || __builtin_add_overflow(end, alignment - 1, &end))
        return false;
    *at = end / alignment * alignment;
    return *at <= INT64_MAX;
}

bool hp_pack_layout(uint64_t header_length, uint64_t ids_length, uint64_t images, uint64_t classes,
                    const HpStoreShape *shape, HpPackLayout *layout)
{
    uint64_t at = HP_PACK_PREAMBLE, label_bytes, pixel_bytes, checksum_bytes;
    if (__builtin_mul_overflow(images, classes, &label_bytes) ||
        __builtin_mul_overflow(images, (uint64_t)hp_store_image_bytes(shape), &pixel_bytes) ||
        __builtin_mul_overflow(images, (uint64_t)sizeof(uint64_t), &checksum_bytes))
        return false;
    layout->ids_length = ids_length;
    if (!add_aligned(&at, header_length, 1))
        return false;
    layout->ids = at;
    if (!add_aligned(&at, ids_length, 1))
        return false;
    layout->labels = at;
    if (!add_aligned(&at, label_bytes, sizeof(uint64_t)))
        return false;
    layout->checksums = at;
    if (!add_aligned(&at, checksum_bytes, HP_PACK_PAGE))
        return false;
    layout->pixels = at;
    if (!add_aligned(&at, pixel_bytes, 1))
        return false;
    layout->end = at;
    return true;
}

/* ---------------------------------------------------------------- header */

static int64_t header_integer(const HpPack *pack, const json_t *object, const char *key, int64_t low,
                              int64_t high)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < low || json_integer_value(value) > high)
        fail_damaged(pack->path, key);
    return json_integer_value(value);
}

static double header_number(const HpPack *pack, const char *key)
{
    const json_t *value = json_object_get(pack->header, key);
    if (!json_is_number(value) || !isfinite(json_number_value(value)))
        fail_damaged(pack->path, key);
    return json_number_value(value);
}

static bool header_boolean(const HpPack *pack, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_boolean(value))
        fail_damaged(pack->path, key);
    return json_is_true(value);
}

static const char *header_string(const HpPack *pack, const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    if (!value)
        fail_damaged(pack->path, key);
    return value;
}

static const char *const *header_names(HpPack *pack, const char *key, int *count)
{
    const json_t *array = json_object_get(pack->header, key);
    size_t size = json_array_size(array); /* 0 when it is none */
    if (size < 1 || size > MAX_NAMES)
        fail_damaged(pack->path, key);
    const char **names = hp_pool_alloc(pack->pool, size, sizeof *names);
    for (size_t i = 0; i < size; i++)
        if (!(names[i] = json_string_value(json_array_get(array, i))))
            fail_damaged(pack->path, key);
    *count = (int)size;
    return names;
}

static void read_parts(HpPack *pack)
{
    const json_t *array = json_object_get(pack->header, "parts");
    size_t size = json_array_size(array);
    if (size < 1 || size > MAX_NAMES)
        fail_damaged(pack->path, "parts");
    pack->parts = hp_pool_alloc(pack->pool, size, sizeof *pack->parts);
    HpPart *parts = hp_pool_alloc(pack->pool, size, sizeof *parts);
    int64_t first = 0;
    for (size_t i = 0; i < size; i++) {
        const json_t *part = json_array_get(array, i);
        const char *name = header_string(pack, part, "name");
        int64_t count = header_integer(pack, part, "images", 0, pack->count - first);
        pack->parts[i] = (HpRangeOfPart){name, first, count, header_boolean(pack, part, "labelled")};
        parts[i] = (HpPart){.name = name, .folder = ""};
        first += count;
    }
    if (first != pack->count)
        fail_damaged(pack->path, "the parts' images");
    pack->part_count = pack->dataset.part_count = (int)size;
    pack->dataset.parts = parts;
}

static void read_header(HpPack *pack)
{
    HpDataset *dataset = &pack->dataset;
    dataset->name = header_string(pack, pack->header, "name");
    dataset->source = header_string(pack, pack->header, "source");
    dataset->planes = header_names(pack, "planes", &dataset->plane_count);
    dataset->classes = header_names(pack, "classes", &dataset->class_count);
    dataset->one_of = header_boolean(pack, pack->header, "one_of");
    const char *range = header_string(pack, pack->header, "range");
    if (strcmp(range, "fixed") != 0 && strcmp(range, "percentile") != 0)
        fail_damaged(pack->path, "range");
    dataset->range = strcmp(range, "fixed") == 0 ? HP_RANGE_FIXED : HP_RANGE_PERCENTILE;
    dataset->range_low = header_number(pack, "low");
    dataset->range_high = header_number(pack, "high");
    if (!(dataset->range_low < dataset->range_high))
        fail_damaged(pack->path, "low and high");
    pack->shape.planes = dataset->plane_count;
    pack->shape.pixels = header_integer(pack, pack->header, "pixels", 1, MAX_SIDE);
    pack->shape.bits = (int)header_integer(pack, pack->header, "bits", 8, 16);
    if (pack->shape.bits != 8 && pack->shape.bits != 16)
        fail_damaged(pack->path, "bits");
    pack->count = header_integer(pack, pack->header, "images", 0, INT64_MAX);
    read_parts(pack);
}

/* ---------------------------------------------------------------- sections */

static void read_ids(HpPack *pack, const HpPackLayout *layout)
{
    const char *at = (const char *)pack->memory + layout->ids, *end = at + layout->ids_length;
    if ((uint64_t)pack->count > layout->ids_length)
        fail_damaged(pack->path, "fewer ids than images");
    pack->ids = hp_pool_alloc(pack->pool, (size_t)pack->count, sizeof *pack->ids);
    for (int64_t i = 0; i < pack->count; i++) {
        const char *stop = memchr(at, '\0', (size_t)(end - at));
        if (!stop)
            fail_damaged(pack->path, "fewer ids than images");
        pack->ids[i] = at;
        at = stop + 1;
    }
    if (at != end)
        fail_damaged(pack->path, "more ids than images");
}

static void check_labels(const HpPack *pack)
{
    size_t classes = (size_t)pack->dataset.class_count;
    for (int part = 0; part < pack->part_count; part++) {
        const HpRangeOfPart *range = &pack->parts[part];
        for (int64_t i = range->first; i < range->first + range->count; i++) {
            int sum = 0;
            for (size_t k = 0; k < classes; k++) {
                uint8_t label = pack->labels[(size_t)i * classes + k];
                if (label > 1)
                    fail_damaged(pack->path, "labels");
                sum += label;
            }
            if (pack->dataset.one_of && range->labelled && sum != 1)
                fail_damaged(pack->path, "labels");
        }
    }
}

/* What is true of every pack, whatever its header says. */
static HpPackPreamble read_preamble(const HpPack *pack)
{
    HpPackPreamble preamble;
    if (pack->length < HP_PACK_PREAMBLE)
        fail_damaged(pack->path, "it is too short");
    memcpy(&preamble, pack->memory, sizeof preamble);
    if (memcmp(preamble.magic, hp_pack_magic, sizeof preamble.magic) != 0)
        hp_fail("%s: this is not a pack", pack->path);
    if (preamble.version != HP_PACK_VERSION)
        hp_fail("%s: the pack has version %u, but this program reads version %d; make it again with 'hpadata "
                "pack'",
                pack->path, preamble.version, HP_PACK_VERSION);
    if (preamble.reserved != 0)
        fail_damaged(pack->path, "its first bytes");
    if (preamble.sources != 0)
        hp_fail("%s: the pack is not complete: packing was stopped; run the same 'hpadata pack' again and it "
                "goes on",
                pack->path);
    if (preamble.header_length > pack->length - HP_PACK_PREAMBLE)
        fail_damaged(pack->path, "the header's length");
    if (hp_hash(pack->memory + HP_PACK_PREAMBLE, preamble.header_length, 0) != preamble.header_hash)
        fail_damaged(pack->path, "the header's checksum");
    return preamble;
}

static void parse(HpPack *pack)
{
    json_error_t error;
    HpPackLayout layout;
    HpPackPreamble preamble = read_preamble(pack);
    const char *text = (const char *)pack->memory + HP_PACK_PREAMBLE;
    pack->header = json_loadb(text, preamble.header_length, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(pack->header))
        fail_damaged(pack->path, "the header is no JSON object");
    read_header(pack);
    int64_t ids_length = header_integer(pack, pack->header, "ids_bytes", 0, INT64_MAX);
    if (!hp_pack_layout(preamble.header_length, (uint64_t)ids_length, (uint64_t)pack->count,
                        (uint64_t)pack->dataset.class_count, &pack->shape, &layout) ||
        layout.end != pack->length)
        fail_damaged(pack->path, "its length is not what its header says; it may be truncated");
    pack->labels = pack->memory + layout.labels;
    pack->checksums = (const uint64_t *)(const void *)(pack->memory + layout.checksums);
    pack->pixels = pack->memory + layout.pixels;
    read_ids(pack, &layout);
    check_labels(pack);
}

bool hp_pack_is(const char *path)
{
    char magic[sizeof hp_pack_magic];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    bool same = read(file, magic, sizeof magic) == (ssize_t)sizeof magic &&
                memcmp(magic, hp_pack_magic, sizeof magic) == 0;
    close(file);
    return same;
}

HpPack *hp_pack_open(const char *path)
{
    struct stat status;
    HpPack *pack = hp_alloc(1, sizeof *pack);
    pack->path = hp_string(path);
    pack->pool = hp_pool_new();
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) != 0)
        hp_fail("cannot read '%s': %s", path, strerror(errno));
    pack->length = (size_t)status.st_size;
    if (pack->length < HP_PACK_PREAMBLE)
        fail_damaged(path, "it is too short");
    void *memory = mmap(NULL, pack->length, PROT_READ, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED)
        hp_fail("cannot map '%s' into memory: %s", path, strerror(errno));
    close(file);
    pack->memory = memory;
    parse(pack);
    return pack;
}

void hp_pack_close(HpPack *pack)
{
    if (!pack)
        return;
    munmap(pack->memory, pack->length);
    json_decref(pack->header);
    hp_pool_free(pack->pool);
    free(pack->path);
    free(pack);
}

char *hp_pack_verify(const HpPack *pack, int64_t image)
{
    size_t bytes = hp_store_image_bytes(&pack->shape);
    if (hp_hash(pack->pixels + (size_t)image * bytes, bytes, 0) == pack->checksums[image])
        return NULL;
    return hp_format(
        "%s: the pixels of image '%s' are not what was packed: the pack is damaged; make it again with "
        "'hpadata pack'",
        pack->path, pack->ids[image]);
}
