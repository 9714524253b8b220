/* Images and labels: from the published folder as it was unzipped, or from a pack.
 *
 * Every problem with a user's file ends the program with status 1 and a message that names the file (and the
 * line). Pixels stay integers until the device. */
#ifndef HPART_DATA_H
#define HPART_DATA_H

#include "../hpart.h"

typedef struct HpData HpData;

/* `path` is a folder (the data set's root), a pack, or either with ":part". image_size: what the network
 * sees; a pack must be 1.0 to 1.25 times as large, a folder's images are area-averaged to what a pack would
 * hold. The pack's planes and classes must be the dataset's, names and order. dataset NULL: a pack, described
 * by what is inside. image_size 0: a pack of any size, a folder at 256 pixels or its own if they are fewer.
 */
HpData *hp_data_open(const char *path, const HpDataset *dataset, int64_t image_size);
void hp_data_close(HpData *data);

const HpDataset *hp_data_dataset(const HpData *data); /* valid until close */
int64_t hp_data_count(const HpData *data);            /* images, all parts or the one asked for */
const char *hp_data_id(const HpData *data, int64_t image);
const char *hp_data_part(const HpData *data, int64_t image); /* "train" */
bool hp_data_labelled(const HpData *data, int64_t image);
const uint8_t *hp_data_labels(const HpData *data, int64_t image); /* [class_count] 0 or 1 */
/* Of ids, labels and pixels' checksums; in a folder, whose pixels are not all read, of ids, labels and file
 * sizes. */
uint64_t hp_data_hash(const HpData *data);
HpImageStore hp_data_store(const HpData *data); /* pixels NULL for a folder */

/* Writes all images of a folder (or of its ":part") as a pack, 1.0 to 1.25 times `pixels` a side: the size
 * that divides the images' evenly, else exactly `pixels`. A run that was stopped goes on when it is started
 * again. */
void hp_pack_write(const char *folder, const HpDataset *dataset, int64_t pixels, int threads,
                   const char *output);

/* Feeds batches ahead of use. A pack needs no decoding: its pages are touched ahead; a folder's PNGs are
 * decoded by `threads` threads into staging buffers. */
typedef struct HpLoader HpLoader;
HpLoader *hp_loader_open(HpData *data, int threads, int64_t rows);
void hp_loader_request(HpLoader *loader, const int64_t *images,
                       int64_t count);                          /* the next batch; at most 2 waiting */
HpImageStore hp_loader_take(HpLoader *loader, int64_t *sample); /* the oldest; sample[i]: its row in the
                                                                   store; valid until the next take */
void hp_loader_close(HpLoader *loader);

/* Images in a caller's memory, as a folder with the same pixels would give them. NULL, or why the network
 * cannot take them (to be freed). The pixels must stay until close; up to `rows` images are staged at a time.
 */
typedef struct HpStaging HpStaging;
char *hp_staging_open(HpStaging **staging, const HpDataset *dataset, int64_t image_size,
                      const HpPixels *images, int64_t rows);
/* `count` images from `first` on, one a row of the store; valid until the next call. */
HpImageStore hp_staging_take(HpStaging *staging, int64_t first, int64_t count);
void hp_staging_close(HpStaging *staging);

/* Mean and deviation per plane of [0,1] values over `images`, in double. */
void hp_data_statistics(HpData *data, const int64_t *images, int64_t count, double *mean, double *deviation);

/* Multi-label stratification (Sechidis et al. 2011, algorithm 1) or, for one_of sets, by class: part_of[i] in
 * [0, parts). Deterministic in seed. stratified false: a shuffled cut. */
void hp_split(int64_t count, int classes, const uint8_t *labels, int parts, const double *fractions,
              bool stratified, uint64_t seed, int *part_of);

/* A small CSV reader: BOM and CRLF accepted, quotes as in RFC 4180; rows keep their line numbers. */
typedef struct HpCsv HpCsv;
HpCsv *hp_csv_read(const char *path);
int hp_csv_column(const HpCsv *csv, const char *name); /* -1: none */
int hp_csv_columns(const HpCsv *csv);
const char *hp_csv_heading(const HpCsv *csv, int column);
int64_t hp_csv_rows(const HpCsv *csv); /* below the headings */
const char *hp_csv_cell(const HpCsv *csv, int64_t row, int column);
int64_t hp_csv_line(const HpCsv *csv, int64_t row);
void hp_csv_free(HpCsv *csv);

#endif
