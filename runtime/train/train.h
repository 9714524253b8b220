/* What the commands of a generated program share. Private to runtime/train/ but for the session and the
 * inference, which runtime/library/ uses too. */
#ifndef HPART_TRAIN_H
#define HPART_TRAIN_H

#include <signal.h>
#include <stdio.h>
#include "../data/data.h"
#include "../device/device.h"
#include "../hpart.h"
#include "../show/show.h"

/* ---------------------------------------------------------------- options.c */

typedef struct HpSetting { /* one --set NAME=VALUE */
    int scalar;
    double value;
} HpSetting;

typedef struct HpOptions {
    const char *program; /* argv[0]: for messages that say what to type */
    const char *data, *out, *weights, *initial, *output, *probabilities, *only;
    const char *dump_cuda, *load_cuda;
    uint64_t seed;
    int64_t threads;   /* 0: as many as OpenMP takes */
    int64_t steps;     /* bench: how many to time */
    double save_every; /* seconds between checkpoints inside an epoch */
    bool seed_given, smoke, resume, names, json;
    int setting_count;
    HpSetting *settings;
} HpOptions;

/* One bit each, so that an option can say which commands take it. */
typedef enum HpCommandKind {
    HP_COMMAND_TRAIN = 1,
    HP_COMMAND_EVALUATE = 2,
    HP_COMMAND_PREDICT = 4,
    HP_COMMAND_INFO = 8,
    HP_COMMAND_BENCH = 16
} HpCommandKind;

typedef struct HpCommand {
    HpCommandKind kind;
    const char *name;
    const char *usage;   /* what follows the name */
    const char *summary; /* one line */
    const char *details; /* paragraphs for --help */
    int (*run)(const HpOptions *options, const HpModel *model);
} HpCommand;

/* argv[0] is the command's name. Ends the program with status 2 on a mistake, and with 0 after --help. */
void hp_options_parse(HpOptions *options, int argc, char **argv, const HpCommand *command,
                      const HpModel *model);

/* ---------------------------------------------------------------- commands: each returns the exit status */

int hp_train(const HpOptions *options, const HpModel *model);
int hp_evaluate(const HpOptions *options, const HpModel *model);
int hp_predict(const HpOptions *options, const HpModel *model);
int hp_info(const HpOptions *options, const HpModel *model);
int hp_bench(const HpOptions *options, const HpModel *model);

/* ---------------------------------------------------------------- session.c: the model on its device */

typedef struct HpSession {
    const HpModel *model;
    const HpDevice *device;
    HpContext context;
    double *settings;              /* the scalars as recipe, weight file and --set have them; schedules change
                                      context.scalars alone */
    bool prepared;                 /* derived variables belong to the present weights */
    int threads;                   /* that compute */
    int decoders;                  /* threads that read images */
    volatile sig_atomic_t *signal; /* the signal that asks to stop, or 0; NULL: none is watched */
} HpSession;

/* What a function's HP_INPUT variables are filled with. */
typedef struct HpBatch {
    int64_t rows;
    int64_t *sample, *draw; /* [rows] */
    float *affine, *gain;   /* [rows,6], [rows] */
    float *labels;          /* [rows,classes] */
} HpBatch;

/* Memory is zeroed and scalars have their defaults and --set values; variables are not initialised. Ends the
 * program when the device has less memory than `training` takes. All sessions of a process are of one model. */
void hp_session_open(HpSession *session, const HpModel *model, const HpOptions *options, bool training);
void hp_session_close(HpSession *session); /* also of one that did not open to the end */
/* What prediction needs from a file of weights, and its scalars. NULL, or what is wrong (to be freed). */
char *hp_session_load(HpSession *session, const char *path, const HpOptions *options);
/* The settable scalars as `settings` has them. */
void hp_session_apply_settings(HpSession *session);
/* The settable scalars as a JSON object (to be freed), and back again; --set of this command line goes
 * before. */
char *hp_session_settings(const HpSession *session);
void hp_session_restore_settings(HpSession *session, const char *json, const HpOptions *options);
void hp_session_run(HpSession *session, int function);
/* Derives what functions need besides the weights, once per change of weights: before evaluate and predict,
 * and before training goes on from weights that were loaded. */
void hp_session_prepare(HpSession *session);
const HpResult *hp_session_result(const HpSession *session, int function, const char *name); /* or NULL */
void hp_session_download(const HpSession *session, const HpResult *result, float *out);
bool hp_session_stopped(const HpSession *session);

HpBatch hp_batch_new(const HpModel *model, int64_t rows);
void hp_batch_free(HpBatch *batch);
/* Copies the batch to the inputs of the training functions, or to those of evaluate and predict. */
void hp_batch_upload(HpSession *session, const HpBatch *batch, bool training);
/* Labels of `images` (row by row; rows behind `count` become 0). */
void hp_batch_labels(HpBatch *batch, const HpData *data, int classes, const int64_t *images, int64_t count);

/* ---------------------------------------------------------------- sampling.c */

typedef struct HpImages { /* images by their number in the data */
    int64_t count;
    int64_t *items;
} HpImages;

/* Every random choice of training is keyed by these; never by thread, slot or sample alone. */
typedef enum HpKeyPurpose {
    HP_KEY_SPLIT = 1,
    HP_KEY_OVERSAMPLE,
    HP_KEY_SHUFFLE,
    HP_KEY_AUGMENT
} HpKeyPurpose;
uint64_t hp_key(uint64_t seed, HpKeyPurpose purpose, int stage, int epoch);

/* The stage's list: `images` once each, then repeats until every class of the oversampling has its target;
 * the rarest class goes first, copies raise their co-labels too. class_counts: images of the list per class.
 * Returns the list of *total images, to be freed. */
int64_t *hp_sampling_list(const HpData *data, const HpDataset *dataset, const HpStage *stage, int stage_index,
                          uint64_t seed, const HpImages *images, int64_t *class_counts, int64_t *total);

/* Output pixel (x, y) to source pixel, both counted from 0 with whole numbers at pixel centres:
 * source_x = affine[0] x + affine[1] y + affine[2], source_y = affine[3] x + affine[4] y + affine[5]. */
void hp_affine_identity(int64_t size, int64_t height, int64_t width, float affine[6]);
/* One draw of the stage's augmentation; gain is the brightness. */
void hp_augment_draw(const HpAugment *augment, uint64_t key, int64_t position, int64_t size, int64_t height,
                     int64_t width, float affine[6], float *gain);
/* Names a draw for the random numbers of the network's layers. */
int64_t hp_draw_number(int stage, int epoch, int64_t position);

/* ---------------------------------------------------------------- metrics.c */

/* `probabilities` and `labels` are [images][classes]. Threshold 0.5, strictly above; one_of: the largest.
 * accuracy is the share of images with every label right. */
HpScores hp_scores_measure(int classes, bool one_of, int64_t images, const float *probabilities,
                           const uint8_t *labels, double loss);
HpScores hp_scores_new(int classes, bool one_of); /* all 0; confusion where one_of */
void hp_scores_free(HpScores *scores);
double hp_scores_metric(const HpScores *scores, const char *name); /* "macro_ap", ... */
/* The area under precision against recall as a step function (sum of (R_i - R_{i-1}) P_i, equal scores
 * together). */
double hp_average_precision(int64_t images, const float *scores, const uint8_t *positive, int64_t stride);

/* ---------------------------------------------------------------- inference.c: the network over one batch */

/* Logits to probabilities, in place: independent labels, or one of the classes. */
void hp_probabilities(float *row, int classes, bool one_of);

typedef struct HpInference {
    HpSession *session;
    HpBatch batch; /* the caller fills the first rows of `sample`, and `labels` where there is a loss */
    int function;
    const HpResult *logits, *loss; /* loss NULL: only predict */
    float *logit_rows, *loss_rows;
} HpInference;

/* validation: which loss to compute; -1: only predict. Derives what the present weights need. */
void hp_inference_open(HpInference *inference, HpSession *session, int validation);
/* Probabilities [rows][classes] of the batch's first rows; the others are masked out. Returns the sum of
 * their losses, 0 without one, NAN when a logit is not finite. */
double hp_inference_run(HpInference *inference, const HpImageStore *images, int64_t rows,
                        float *probabilities);
void hp_inference_close(HpInference *inference);

/* ---------------------------------------------------------------- run_images.c, evaluate.c */

/* Probabilities [count][classes] of images, evaluated in batches whose padding is masked out. validation:
 * which loss to average into *loss, NAN when a logit is not finite; -1: only predict, which needs no labels.
 * False: interrupted by a signal. */
bool hp_run_images(HpSession *session, HpData *data, const int64_t *images, int64_t count, int validation,
                   const char *title, float *probabilities, double *loss);
/* The same, scored; images 0 when interrupted or nothing to score. */
HpScores hp_score_images(HpSession *session, HpData *data, const HpImages *images, int validation,
                         const char *title);

/* --data and --weights, which must be given. Loading takes what prediction needs, and the file's scalars. */
HpData *hp_open_data(const HpOptions *options, const HpModel *model);
void hp_load_weights(HpSession *session, const HpOptions *options);

/* ---------------------------------------------------------------- predict.c */

/* A cell of a CSV file, quoted where RFC 4180 asks for it. */
void hp_csv_print_cell(FILE *out, const char *text);

/* ---------------------------------------------------------------- division.c: which image is for what */

typedef struct HpDivision {
    HpImages train, validation, test;
    int64_t *class_counts; /* of the training part */
} HpDivision;

/* Splits the labelled images of the data's first labelled part as the recipe says; a test part the recipe
 * does not split off is the data's other labelled part, when it has one. */
HpDivision hp_divide(const HpData *data, const HpModel *model, uint64_t seed);
void hp_division_print(const HpDivision *division, const HpData *data,
                       const HpModel *model);                          /* shares of each class */
char *hp_division_csv(const HpDivision *division, const HpData *data); /* "Id,Part"; to be freed */
void hp_division_free(HpDivision *division);

/* ---------------------------------------------------------------- checkpoint.c */

typedef struct HpPosition { /* where a run is: the next thing it does is batch `batch` of this epoch */
    int stage, epoch;       /* from 0 */
    int64_t batch;
    int64_t step;         /* updates so far, all stages */
    int64_t *group_steps; /* per group: updates since its state was made */
    double loss_scale;    /* of the next update; 0: as the setting has it */
    int64_t good_steps;   /* updates since the scale changed */
    double loss_sum;      /* of this epoch's batches */
    double lr;            /* the largest rate of the last update */
    double epoch_seconds, seconds;
    int best; /* index of the best epoch, or -1 */
} HpPosition;

typedef struct HpRun {
    const HpOptions *options;
    const HpModel *model;
    HpSession session;
    HpData *data;
    uint64_t data_hash; /* taken once: it looks at every file */
    HpDivision division;
    HpPosition position;
    int epoch_count;
    HpEpoch *epochs;    /* only the last keeps its confusion matrix */
    int64_t saved_step; /* of last.safetensors; -1: none yet */
    double saved_at;    /* hp_seconds() */
} HpRun;

char *hp_run_path(const HpRun *run, const char *file); /* in the run folder; to be freed */
/* The implementations of the model's products, as `hpacc --choices` takes them; to be freed. */
char *hp_model_choices(const HpModel *model);
/* last.safetensors: weights, optimizer state, scalars, position and history. Ends the program when it cannot.
 */
void hp_checkpoint_save(HpRun *run);
/* Goes to where last.safetensors says; false: there is none. Another recipe, data set or seed is an error. */
bool hp_checkpoint_load(HpRun *run);
/* best.safetensors: what prediction needs, of the epoch position.best. */
void hp_best_save(HpRun *run);

/* ---------------------------------------------------------------- stage.c */

/* What a stage will do, worked out before its first step. */
typedef struct HpPlan {
    const HpStage *stage;
    int64_t *list, count;  /* the images of an epoch, oversampled, not yet shuffled */
    int64_t *class_counts; /* of the list */
    int64_t steps_per_epoch, steps;
    int epochs;
} HpPlan;

/* The tensors that the network saw first in an epoch, for the report. */
typedef struct HpContactSheet {
    int count;
    HpShownImage images[16];
    float *pixels, *scores; /* of a whole part */
    uint8_t *labels;
} HpContactSheet;
void hp_contact_sheet_free(HpContactSheet *sheet);

HpPlan hp_plan_stage(const HpRun *run, int stage);
void hp_plan_free(HpPlan *plan);
/* The steps from position.batch to the epoch's end; false: interrupted between two steps. NaN ends the
 * program. */
bool hp_train_epoch(HpRun *run, const HpPlan *plan, HpContactSheet *sheet, HpLog *log);
_Noreturn void hp_fail_not_finite(const HpRun *run, const char *what); /* says what is kept and what to try */

#endif
