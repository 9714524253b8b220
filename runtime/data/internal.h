/* What the files of this folder and the program hpadata share and no one else may see. */
#ifndef HPART_DATA_INTERNAL_H
#define HPART_DATA_INTERNAL_H

#include "../base/base.h"
#include "data.h"

/* ---- collections.c: text and tables that live as long as an HpData ---- */

typedef struct HpPool HpPool;
HpPool *hp_pool_new(void);
void *hp_pool_alloc(HpPool *pool, size_t count, size_t size); /* zeroed */
const char *hp_pool_string(HpPool *pool, const char *text, size_t length);
void hp_pool_free(HpPool *pool);

/* Text to number. Keys are not copied. */
typedef struct HpNames HpNames;
HpNames *hp_names_new(void);
int64_t hp_names_find(const HpNames *names, const char *key);      /* -1: none */
void hp_names_add(HpNames *names, const char *key, int64_t value); /* key must be new */
void hp_names_free(HpNames *names);

/* What is wrong with the user's files, one message each, in the order found. */
typedef struct HpProblems {
    char **texts;
    int64_t count, capacity;
} HpProblems;
void hp_problems_add(HpProblems *problems, const char *format, ...) __attribute__((format(printf, 2, 3)));
void hp_problems_free(HpProblems *problems);

/* ---- labels.c ---- */

/* Sets labels[class] from a cell of the label column; `where` is "file:line". False: a problem was added. */
bool hp_labels_parse(const HpDataset *dataset, const HpPart *part, const char *cell, const char *where,
                     uint8_t *labels, HpProblems *problems);
int hp_class_find(const HpDataset *dataset, const char *name); /* -1: none */

/* ---- walk.c: which image and plane a file of a folder is ---- */

typedef struct HpFound { /* one image of a folder */
    const char *id;
    const char *class_folder; /* labels_from_folders: the folder directly below the part's, else NULL */
    const char **files;       /* [files per image] whole paths, NULL where missing */
    int *patterns;            /* [files per image] which pattern each came from */
    bool indexed;
} HpFound;

typedef struct HpFolder {
    HpPool *pool;
    HpFound *images;
    int64_t count, capacity;
    HpNames *names;
    int64_t ignored;          /* files that match no pattern */
    const char *ignored_name; /* one of them */
} HpFolder;

/* 1 when the data set's patterns have no {plane}, else its plane count. A bad pattern ends the program. */
int hp_files_per_image(const HpDataset *dataset);
/* The path below the part's folder that `pattern` gives; freed by the caller. */
char *hp_pattern_path(const char *pattern, const char *id, const char *plane);
/* All files below root/part->folder that match the data set's patterns, grouped by image and sorted by id. */
void hp_folder_walk(HpFolder *folder, HpPool *pool, const char *root, const HpDataset *dataset, int part);
void hp_folder_free(HpFolder *folder);
char *hp_join(const char *folder, const char *name); /* folder "" and name "" are fine */

/* ---- index.c: the images of a data set's parts, in order, with labels ---- */

typedef struct HpIndexImage {
    const char *id;
    const char **files; /* [files_per_image] */
} HpIndexImage;

typedef struct HpRangeOfPart {
    const char *name;
    int64_t first, count;
    bool labelled;
} HpRangeOfPart;

typedef struct HpIndex {
    HpPool *pool;
    const HpDataset *dataset;
    int files_per_image;
    int64_t count, capacity, label_capacity;
    HpIndexImage *images;
    uint8_t *labels; /* [count][class_count] */
    int part_count;
    HpRangeOfPart *parts;
} HpIndex;

/* part -1: all whose folder is there (a warning names the others). Images with problems are left out. */
HpIndex *hp_index_folder(const char *root, const HpDataset *dataset, int part, HpProblems *problems);
void hp_index_free(HpIndex *index);

/* ---- png.c ---- */

typedef struct HpImage { /* one decoded file; buffers are reused from file to file */
    int64_t width, height;
    int channels, bits;
    uint8_t *file, *pixels; /* pixels: [height][width][channels], 16 bits in the machine's byte order */
    size_t file_length, file_capacity, pixels_capacity;
} HpImage;

/* NULL, or what is wrong with the file (freed by the caller). header_only fills the sizes and leaves the
 * pixels. */
char *hp_png_read(const char *path, bool header_only, HpImage *image);
void hp_image_free(HpImage *image);

/* ---- area.c ---- */

/* The exact mean of the source's pixels under each of target*target pixels, rounded half up; integers
 * throughout, so the result is the same everywhere. A picture that is not square is set in the middle of
 * zeros. `map` (65536 or 256 entries, or NULL) is applied to each source pixel first. Writes pixels
 * out[(y*target + x) * out_step]. */
typedef struct HpAreaSource {
    const void *pixels;
    int bits;
    int64_t width, height, step; /* step: elements from one pixel to the next */
    const uint16_t *map;
} HpAreaSource;
void hp_area_average(const HpAreaSource *source, int64_t target, void *out, int64_t out_step);

/* ---- decode.c: one image of a folder as it lies in a store ---- */

typedef struct HpStoreShape {
    int64_t pixels; /* a side */
    int planes, bits;
} HpStoreShape;

enum { HP_MAX_SIDE = 16384 }; /* of an image: the sums of area.c have room for no more */

/* Bits of a pixel that the data set's range asks for; `bits`, those of an image, where it leaves it open. */
int hp_store_bits(const HpDataset *dataset, int bits);
/* The side in [wanted, 1.25 wanted] that divides `source` evenly, the smallest; else `wanted`. */
int64_t hp_natural_size(int64_t source, int64_t wanted);
/* From the first image; NULL or what is wrong with it. wanted 0: 256 pixels, or the image's own where they
 * are fewer. */
char *hp_store_shape(const HpIndex *index, int64_t wanted, HpStoreShape *shape);
size_t hp_store_image_bytes(const HpStoreShape *shape);
HpImageStore hp_store_of(const HpDataset *dataset, const HpStoreShape *shape, const void *pixels,
                         int64_t count);

enum { HP_MAP_VALUES = 65536 };
/* One channel of an image, range and size as the store wants them, to a plane of out
 * [pixels][pixels][planes]. `map` is scratch, HP_MAP_VALUES long. */
void hp_shrink(const HpImage *image, int channel, const HpDataset *dataset, const HpStoreShape *shape,
               uint16_t *map, int plane, void *out);

typedef struct HpDecoder { /* one per thread */
    HpImage image;
    uint16_t *map;
} HpDecoder;
/* Decodes, checks and shrinks all planes of an image into out [pixels][pixels][planes]; NULL or what is
 * wrong. */
char *hp_decode(HpDecoder *decoder, const HpIndex *index, int64_t image, const HpStoreShape *shape,
                void *out);
/* As hp_decode, but only a hash of all pixels as they are in the files: equal for equal images. */
char *hp_decode_hash(HpDecoder *decoder, const HpIndex *index, int64_t image, const HpStoreShape *shape,
                     uint64_t *hash);
void hp_decoder_free(HpDecoder *decoder);

/* ---- pack.c ---- */

enum { HP_PACK_VERSION = 1, HP_PACK_PAGE = 4096, HP_PACK_PREAMBLE = 40 };
extern const char hp_pack_magic[8];

typedef struct HpPackPreamble {
    char magic[8];
    uint32_t version;
    uint32_t reserved;      /* 0 */
    uint64_t header_length; /* of the JSON text that follows */
    uint64_t header_hash;
    uint64_t
        sources; /* while it is being made: hash of the source files' names, sizes and times; 0: complete */
} HpPackPreamble;

typedef struct HpPackLayout { /* bytes from the file's begin */
    uint64_t ids, ids_length, labels, checksums, pixels, end;
} HpPackLayout;
/* The only place that knows where things lie: used to write and to check. False: sizes overflow. */
bool hp_pack_layout(uint64_t header_length, uint64_t ids_length, uint64_t images, uint64_t classes,
                    const HpStoreShape *shape, HpPackLayout *layout);

typedef struct HpPack {
    char *path;
    uint8_t *memory; /* read-only */
    size_t length;
    struct json_t *header;
    HpPool *pool;
    HpDataset dataset; /* as the header has it: planes, classes, range, parts; files are empty */
    HpStoreShape shape;
    int64_t count;
    const char **ids;
    const uint8_t *labels;
    const uint64_t *checksums;
    const uint8_t *pixels;
    int part_count;
    HpRangeOfPart *parts;
} HpPack;

bool hp_pack_is(const char *path); /* begins with the magic */
HpPack *hp_pack_open(const char *path);
void hp_pack_close(HpPack *pack);
/* NULL, or a message when the image's pixels are not what was packed. */
char *hp_pack_verify(const HpPack *pack, int64_t image);

/* ---- data.c ---- */

struct HpData {
    char *path; /* without the part */
    const HpDataset *dataset;
    HpIndex *index; /* a folder */
    HpPack *pack;   /* or a pack */
    HpStoreShape shape;
    int64_t first, count;            /* of the pack's or index's images */
    _Atomic unsigned char *verified; /* a pack's images whose checksum was right */
};

/* The path before ":part", freed by the caller, and the part's name or NULL. A path that exists as it stands
 * has none. */
char *hp_data_split_path(const char *path, const char **part);

/* -1 when name is NULL; a name that is none ends the program. */
int hp_part_find(const HpDataset *dataset, const char *name);

/* ---- loader.c ---- */

/* As hp_loader_take, but a broken image does not end the program: errors[i] is NULL or its message (valid
 * until the next take), and its row is undefined. */
HpImageStore hp_loader_take_errors(HpLoader *loader, int64_t *sample, char *const **errors);

#endif
