/* What a person sees of a run: progress on the terminal, log.jsonl, report.html. Nothing here computes a
 * metric. */
#ifndef HPART_SHOW_H
#define HPART_SHOW_H

#include "../hpart.h"

/* One line that is drawn again on a terminal, at most ten times a second; elsewhere a plain line every ten
 * seconds. Shows done/total, images/s, time left and the note. */
typedef struct HpProgress {
    const char *title;
    int64_t total, done; /* images */
    double started, drawn;
    bool terminal;
} HpProgress;
void hp_progress_begin(HpProgress *progress, const char *title, int64_t total);
void hp_progress_update(HpProgress *progress, int64_t done, const char *note_format, ...)
    __attribute__((format(printf, 3, 4)));
void hp_progress_end(HpProgress *progress);

/* What one evaluation found; written by train/metrics.c. NAN: not defined (a class without positives). */
typedef struct HpScores {
    int class_count;
    int64_t images;
    double loss, macro_f1, macro_ap, sample_f1, micro_f1, accuracy;
    double *f1, *ap, *precision, *recall; /* per class */
    int64_t *support;                     /* positives per class */
    int64_t *confusion;                   /* one_of: [truth][prediction], else NULL */
} HpScores;

typedef struct HpEpoch {
    const char *stage;
    int epoch;                                         /* of the stage, from 1 */
    int64_t step;                                      /* updates so far, all stages */
    double train_loss, seconds, images_per_second, lr; /* lr: the largest of the groups */
    HpScores validation;                               /* images 0: none */
    bool best;
} HpEpoch;

/* log.jsonl in the run folder: one JSON object a line, keys "kind" ("start", "step", "epoch", "end"), then
 * the values. On resume the lines behind `keep_steps` are cut away first, so that no step stands twice. */
typedef struct HpLog HpLog;
HpLog *hp_log_open(const char *folder, int64_t keep_steps);
void hp_log_step(HpLog *log, const char *stage, int epoch, int64_t step, double loss, double lr);
void hp_log_epoch(HpLog *log, const HpEpoch *epoch);
void hp_log_close(HpLog *log);

/* One of the exact tensors fed to the network. */
typedef struct HpShownImage {
    const char *id;
    const float *pixels;   /* [planes, size, size], normalised as the network saw it */
    const uint8_t *labels; /* [classes] */
    const float *scores;   /* [classes] probabilities, or NULL */
} HpShownImage;

typedef struct HpReport {
    const HpModel *model;
    const char *folder;
    int epoch_count;
    const HpEpoch *epochs;
    const float *mean, *deviation; /* per plane: to undo the normalisation */
    int image_count;
    const HpShownImage *images;
    const int64_t *class_counts;         /* images per class of the training part before oversampling */
    const int64_t *class_counts_sampled; /* after */
    int64_t train_images, sampled_images;
    const HpScores *test; /* or NULL */
    double seconds;
} HpReport;

/* report.html in the run folder: self-contained (inline SVG, PNG as data URIs), written atomically. */
void hp_report_write(const HpReport *report);

#endif
