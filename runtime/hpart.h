/* hpart.h: all that a generated program may see of the runtime, and the tables it hands over.
 *
 * hpacc prints one HpModel: the data set, the recipe, every variable with its place in memory, every scalar,
 * and the functions (training steps, updates, evaluation, prediction, schedules). hp_main() does the rest, or
 * in a shared library hp_predictor_*().
 * All tables are constant and live as long as the program. */
#ifndef HPART_H
#define HPART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---------------------------------------------------------------- formats */

/* How a tensor lies in memory. Logical shapes are always [N,C,H,W] or [O,I,H,W]; a format says where element
 * (n,c,h,w) is. Channels of the blocked formats are padded with zeros to a multiple of the block. */
typedef enum HpFormat {
    HP_FORMAT_PLAIN, /* row-major in the logical order: NCHW, OIHW */
    HP_FORMAT_NHWC,
    HP_FORMAT_NCHW8C, /* [N, C/8, H, W, 8] */
    HP_FORMAT_NCHW16C,
    /* weights, as oneDNN names them */
    HP_FORMAT_OIHW8I8O,
    HP_FORMAT_OIHW16I16O,
    HP_FORMAT_OIHW8O8I,
    HP_FORMAT_OIHW16O16I,
    HP_FORMAT_OHWI8O,
    HP_FORMAT_OHWI16O,
    HP_FORMAT_HWIO,
    HP_FORMAT_IOHW16O16I,
    HP_FORMAT_COUNT
} HpFormat;

/* Elements that a tensor of this shape takes in memory, padding included. */
int64_t hp_format_count(HpFormat format, int rank, const int64_t *shape);

/* What the elements of a tensor are. Arithmetic is in float or wider whatever they are stored as; a store
 * rounds to the nearest, halves to even. */
typedef enum HpDataType { HP_F32, HP_F16, HP_BF16, HP_U8, HP_I64 } HpDataType;

int64_t hp_data_type_bytes(HpDataType type);

/* ---------------------------------------------------------------- data set */

typedef struct HpPart {
    const char *name;         /* "train", "test" */
    const char *folder;       /* of the images, relative to the data set's root; "" is the root itself */
    const char *table;        /* CSV with the labels, or NULL */
    const char *id_column;    /* of table or order */
    const char *label_column; /* NULL: no labels (or labels from folders) */
    const char *separator;    /* between labels of one image */
    const char *order;        /* CSV whose rows give the order of predictions, or NULL */
    bool labels_from_folders; /* the class is the name of the image's folder */
} HpPart;

typedef enum HpRange { HP_RANGE_FIXED, HP_RANGE_PERCENTILE } HpRange;

typedef struct HpDataset {
    const char *name;
    int plane_count;
    const char *const *planes;
    int file_count;
    const char *const
        *files;    /* patterns with {id} and {plane}; without {plane} the file's channels are the planes */
    HpRange range; /* fixed: [low, high] becomes [0, 1]; percentile: of each image and plane */
    double range_low, range_high;
    bool one_of; /* exactly one class per image (softmax), else any number (sigmoid) */
    int class_count;
    const char *const *classes;
    int part_count;
    const HpPart *parts;
    const char *source; /* the text of the dataset block, stored in packs */
} HpDataset;

/* ---------------------------------------------------------------- variables and scalars */

typedef enum HpVariableKind {
    HP_PARAMETER,       /* trained */
    HP_STATISTIC,       /* running mean and variance */
    HP_OPTIMIZER_STATE, /* named "<state>:<parameter>" ("m:head.weight"), same format as its parameter */
    HP_GRADIENT,        /* named "gradient:<parameter>" */
    HP_INPUT, /* "sample" i64 [N], "affine" [N,6], "gain" [N], "draw" i64 [N], "labels" [N,classes]. affine
               * takes output pixel (x,y) to source pixel (a0 x + a1 y + a2, a3 x + a4 y + a5), whole
               * numbers being pixel centres; gain multiplies the [0,1] value; sample is a row of the store */
    HP_NORMALIZATION, /* "normalization.mean", "normalization.deviation" [planes], measured on the training
                         part */
    HP_DERIVED, /* computed from parameters by a prepare function (folded batch norms); shares memory with
                 * gradients, so that a training step undoes it */
    HP_COPY,    /* named "low:<parameter>", same format: its values in 16 bits, which products read. Made by
                 * prepare, and by every update of the parameter */
    HP_SCALAR   /* no memory: a row of HpModel.scalars */
} HpVariableKind;

typedef enum HpInitializerKind {
    HP_INITIAL_CONSTANT,
    HP_INITIAL_NORMAL,
    HP_INITIAL_UNIFORM
} HpInitializerKind;

typedef struct HpInitializer {
    HpInitializerKind kind;
    double value; /* the constant, the standard deviation, or the bound b of uniform [-b, b) */
} HpInitializer;

enum { HP_MAX_RANK = 6 };

typedef struct HpVariable {
    const char *name;
    HpVariableKind kind;
    HpFormat format;
    int rank;
    int64_t shape[HP_MAX_RANK];
    int64_t offset; /* bytes from HpContext.memory */
    int64_t count;  /* elements in memory, padding included */
    HpDataType type;
    HpInitializer initializer;
    int group; /* parameters: index into HpModel.groups, else -1 */
} HpVariable;

/* A number the recipe may change without compiling again. Kernels read HpContext.scalars at each call. */
typedef struct HpScalar {
    const char *name; /* "loss.gamma", "optimizer.beta1", "stage.depth.lr.bottom", "stage.depth.epochs" */
    double value;     /* the default */
    bool settable;    /* by --set; the others are set by the trainer each step ("lr.bottom", "step.bottom") */
} HpScalar;

/* ---------------------------------------------------------------- library calls */

typedef enum HpLibraryKind {
    HP_CONVOLUTION,                 /* a = x, b = weight, c = y */
    HP_CONVOLUTION_GRADIENT_INPUT,  /* a = gradient of y, b = weight, c = gradient of x */
    HP_CONVOLUTION_GRADIENT_WEIGHT, /* a = x, b = gradient of y, c = gradient of weight */
    HP_MATMUL,                      /* c[m,n] = a[m,k] b[k,n], with transposes, `batch` times */
    HP_REORDER                      /* c = a in another format */
} HpLibraryKind;

typedef enum HpAlgorithm {
    HP_ALGORITHM_AUTO,
    HP_ALGORITHM_DIRECT,
    HP_ALGORITHM_WINOGRAD,
    HP_ALGORITHM_NARROW,      /* our own weight gradient over few planes */
    HP_ALGORITHM_OWN_WINOGRAD /* our own 3x3 of stride 1 */
} HpAlgorithm;

/* One product. Constant but for `handle`, which the device fills when the program starts. */
typedef struct HpLibraryCall {
    HpLibraryKind kind;
    const char *name; /* the layer's path */
    /* convolutions: the shapes of x, weight and y, whatever the kind */
    int64_t batch, groups, in_channels, out_channels;
    int64_t in_size[2], out_size[2], kernel[2], stride[2], pad_before[2], pad_after[2], dilation[2];
    HpAlgorithm algorithm;
    const char
        *implementation; /* its name: "jit:avx512_core", "hpanet:narrow"; NULL: what the library takes */
    /* epilogue: c = relu(product + bias + addend); some libraries have parts of it for some kinds only */
    bool bias, add, relu;
    bool statistics; /* convolution: also the sums of c and of its squares over the pixels of a channel */
    /* matmul */
    int64_t m, n, k;
    bool transpose_a, transpose_b;
    /* reorder: rank and shape of the tensor */
    int rank;
    int64_t shape[HP_MAX_RANK];
    HpFormat format_a, format_b, format_c;
    HpDataType type_a, type_b, type_c; /* an addend is of type_c, a bias HP_F32 */
    /* elements from one pixel of an NHWC operand, or from one row of a matrix, to the next; 0: it is in one
     * piece */
    int64_t pitch_a, pitch_b, pitch_c;
    bool tf32;          /* HP_F32 operands may be rounded to 10 bits of mantissa */
    int64_t scratchpad; /* bytes of temporary memory, part of the plan */
    void *handle;
} HpLibraryCall;

/* ---------------------------------------------------------------- kernels that are launched */

/* A kernel of a device with threads of its own: a function of the model's kernels.cu, whose only parameter is
 * a struct of arguments. Constant but for `handle`. */
typedef struct HpKernel {
    const char *name;   /* of the function */
    const char *origin; /* what the first step that calls it does, and the line of the source that says so */
    int threads;        /* of a block */
    void *handle;
} HpKernel;

typedef struct HpGrid { /* blocks */
    unsigned x, y, z;
} HpGrid;

/* The kernels compiled for one architecture ("sm_90a"). */
typedef struct HpBinary {
    const char *arch;
    const char *data, *end;
} HpBinary;

/* All kernels of a model: source, for other architectures than those they were compiled for, and binaries. */
typedef struct HpKernels {
    int kernel_count;
    HpKernel *const *kernels;
    const char *source; /* ends with a 0 */
    int binary_count;
    const HpBinary *binaries;
} HpKernels;

/* ---------------------------------------------------------------- running */

/* Where integer pixels lie: [image][height][width][planes], `bits` 8 or 16 each. */
typedef struct HpImageStore {
    const void *pixels;
    int bits;
    int64_t height, width, planes, count;
    float scale, offset; /* value = scale * pixel + offset: the data set's fixed range as [0,1] */
} HpImageStore;

typedef struct HpContext {
    const struct HpModel *model;
    const struct HpDevice *device;
    char *memory;   /* HpModel.memory_bytes, aligned: variables first, then one arena for all functions */
    float *scalars; /* HpModel.scalar_count current values */
    HpImageStore images; /* what the image kernel samples from */
    /* The same where launched kernels read them. The device fills both before it runs a function. */
    const float *device_scalars;
    const HpImageStore *device_images;
    uint64_t seed;
    struct HpClock *clock; /* set by bench while it times steps, else NULL */
} HpContext;

/* Step `step` of the function that runs begins; its step_count is the end. Generated code calls hp_step(). */
void hp_clock_step(HpContext *context, int step);

static inline void hp_step(HpContext *context, int step)
{
    if (context->clock)
        hp_clock_step(context, step);
}

/* Runs a product on the context's device; bias and scratchpad may be NULL where the call has none. With
 * `add`, c holds the addend when the call begins; c overlaps no other operand. `statistics` become
 * [2][out_channels], the sums and those of squares; NULL where the call has none. */
void hp_library_run(HpContext *context, const HpLibraryCall *call, const void *a, const void *b,
                    const void *bias, void *c, float *statistics, void *scratchpad);

/* Copies bytes within the context's memory; the two places do not overlap. */
void hp_copy(HpContext *context, void *to, const void *from, size_t bytes);

/* Starts grid.x * grid.y * grid.z blocks of a kernel, in the order of calls; `arguments` is its struct. */
void hp_launch(HpContext *context, HpKernel *kernel, HpGrid grid, const void *arguments, size_t bytes);

/* What keys a layer's random stream: FNV-1a, 32 bits, of its path. */
uint32_t hp_random_path(const char *path);

/* Uniform in [0,1): Philox4x32-10 keyed by the seed; the counter is path, draw and element (the index within
 * the draw's own row). The first word's upper 24 bits are the number. */
float hp_random_uniform(uint64_t seed, uint32_t path, int64_t draw, uint32_t element);

typedef enum HpFunctionKind {
    HP_FUNCTION_TRAIN, /* forward and backward of one part; scalar "accumulate" 0 starts, 1 adds to gradients;
                        * results "loss" (the mean of the part's rows), "image" [N,P,H,W] as the network saw
                        * it and "logits" [N,classes]; the report does without the last two where they are
                        * missing */
    HP_FUNCTION_UPDATE,   /* the optimizer, after the last part. Where gradients are scaled (scalar
                           * "loss_scale") result "finite" is 0 when one is no finite number: then nothing
                           * has changed */
    HP_FUNCTION_PREPARE,  /* derives folded weights and copies; before evaluate or predict when weights have
                           * changed, and before training goes on from weights that were loaded */
    HP_FUNCTION_EVALUATE, /* results "logits" and one "loss.<i>" [N] per validation loss, a value a row */
    HP_FUNCTION_PREDICT,  /* result "logits" */
    HP_FUNCTION_SCHEDULE  /* scalars "schedule.t", ".T", ".peak" in; results "lr", ... */
} HpFunctionKind;

typedef struct HpResult {
    const char *name;
    int64_t offset, count; /* bytes from HpContext.memory; elements, without padding */
    HpDataType type;
    HpFormat format;
    int rank;
    int64_t shape[HP_MAX_RANK];
} HpResult;

/* What one line of a function does, for bench. */
typedef struct HpStep {
    const char *layers; /* where: the paths of the layers it computes */
    const char *work;   /* what: their operations, and the line of the source that says so */
    double bytes,
        flops; /* read and written if each operand moves once; multiplications and additions of a product */
} HpStep;

typedef struct HpFunction {
    const char *name;
    HpFunctionKind kind;
    void (*run)(HpContext *context);
    int result_count;
    const HpResult *results;
    int step_count;
    const HpStep *steps;
} HpFunction;

/* ---------------------------------------------------------------- recipe */

typedef struct HpAugment {          /* all off: every field 0 but zoom and brightness 1 */
    bool flip;                      /* left-right and up-down, each with probability 1/2 */
    double rotate_low, rotate_high; /* degrees */
    double zoom_low, zoom_high;
    double shift; /* fraction of the side, both directions */
    double brightness_low, brightness_high;
} HpAugment;

typedef struct HpOversample { /* repeat images until each of these classes has `target` images */
    int class_count;
    const int *classes;
    int64_t target;
} HpOversample;

typedef struct HpSplit {
    int count;
    const char *const *names; /* "train", "validation", "test" */
    const double *fractions;
    bool stratified;
} HpSplit;

/* What a plane of a first convolution is made of. */
typedef enum HpPlaneSource {
    HP_PLANE_NUMBER, /* a copy of plane `number` of the file, counted from 1 */
    HP_PLANE_NAME,   /* a copy of the plane that the file calls `name` */
    HP_PLANE_REPEAT, /* copies of the planes of the file in turn */
    HP_PLANE_MEAN,   /* the mean of all planes of the file */
    HP_PLANE_ZERO,
    HP_PLANE_FRESH /* the layer's own initial values */
} HpPlaneSource;

typedef struct HpPlane {
    HpPlaneSource source;
    int number;
    const char *name;
    double scale; /* of what comes from the file */
} HpPlane;

/* `WEIGHT from planes ...`: a first convolution made from one for other planes. */
typedef struct HpStem {
    const char *weight; /* path below the prefix */
    int plane_count;
    const HpPlane *planes; /* one for each plane of ours */
    bool scaled; /* also times (planes of the file) / (planes of ours that come from it): the response keeps
                    its size */
} HpStem;

typedef struct HpRename {
    const char *from, *to; /* a run of whole parts of a tensor's name, wherever it stands in it */
} HpRename;

/* One statement `weights "FILE" into PREFIX { ... }`. Names are renamed first; the other rules see the new
 * names. */
typedef struct HpWeights {
    const char *file;
    const char *prefix; /* "body", or "" for the whole network */
    int rename_count;   /* in order */
    const HpRename *renames;
    int except_count; /* paths below the prefix that are left out */
    const char *const *except;
    int stem_count;
    const HpStem *stems;
} HpWeights;

typedef struct HpRate {
    int scalar;   /* index in scalars: the constant rate, or the schedule's peak; -1: the group is frozen */
    int schedule; /* index in functions, or -1 */
} HpRate;

typedef struct HpStage {
    const char *name;
    int epochs_scalar;   /* index in scalars */
    int64_t parts;       /* of a batch: it has parts * part_rows images */
    int train, update;   /* indices in functions */
    const HpRate *rates; /* one per group */
    int validation;      /* which "loss.<i>" */
    const char *select;  /* "macro_ap", "macro_f1", "sample_f1", "accuracy" or "loss" */
    bool select_maximum;
    bool from_best, keep_state;
    HpAugment augment;
    int oversample_count;
    const HpOversample *oversample;
} HpStage;

/* A set of parameters that every stage treats alike: one learning rate, one step count. */
typedef struct HpGroup {
    const char *name;
    int lr_scalar, step_scalar; /* indices in scalars */
} HpGroup;

typedef struct HpModel {
    const char *name;    /* "resnet34_3" */
    const char *source;  /* "models/resnet34_3.hpanet" */
    const char *recipe;  /* the resolved recipe as text, for the run folder */
    const char *version; /* of hpacc */
    const char *target;  /* "cpu avx512 oneDNN 2.6.3", "cuda sm_90a cuDNN 9.19.0" */
    const struct HpDevice *device;
    const char *isa;             /* what the CPU must have: "avx512", "avx2"; or the GPU that products were
                                  * planned for: "sm_90a" */
    const char *library_version; /* "oneDNN 2.6.3"; NULL: a portable program, which takes any */
    int threads;                 /* the plan's scratchpads are for so many; 0: portable or for a GPU */
    const HpDataset *dataset;
    int64_t image_size;    /* pixels a side that the network sees */
    int64_t part_rows;     /* N of the training functions */
    int64_t evaluate_rows; /* N of evaluate and predict */
    int64_t memory_bytes;
    int variable_count;
    const HpVariable *variables;
    int scalar_count;
    const HpScalar *scalars;
    int accumulate_scalar, schedule_t_scalar, schedule_T_scalar, schedule_peak_scalar;
    int library_count;
    HpLibraryCall *const *library;
    const HpKernels *kernels; /* NULL: they are functions of the program */
    int function_count;
    const HpFunction *functions;
    int prepare, evaluate, predict; /* indices in functions */
    int group_count;
    const HpGroup *groups;
    int stage_count;
    const HpStage *stages;
    HpSplit split;
    int weights_count;
    const HpWeights *weights;
    bool normalize; /* per plane, measured on the training part; else mean 0, deviation 1 */
} HpModel;

extern const struct HpDevice hp_device_cpu, hp_device_cuda;

/* The whole program: parses the command line and runs train, predict, evaluate, info or bench. */
int hp_main(int argc, char **argv, const HpModel *model);

/* ---------------------------------------------------------------- predicting in another program */

/* What a shared library of a model wraps. Nothing here ends the process or prints, whatever the caller or the
 * machine does wrong: a call fails and `error`, which has room for error_bytes and may be NULL, says why. Any
 * thread may call; calls run one after the other. */

typedef struct HpPredictor HpPredictor;

typedef struct HpPixels { /* in the caller's memory: [count][height][width][planes], `bits` 8 or 16 each */
    const void *pixels;
    int bits;
    int64_t count, height, width, planes;
} HpPixels;

/* NULL on failure. There may be several predictors of the process's one model, each with its own weights. */
HpPredictor *hp_predictor_create(const HpModel *model, const char *weights, char *error, size_t error_bytes);
/* Writes [count][classes]. False on failure; the predictor then works as before. */
bool hp_predictor_predict(HpPredictor *predictor, const HpPixels *images, float *probabilities, char *error,
                          size_t error_bytes);
void hp_predictor_destroy(HpPredictor *predictor); /* NULL is fine */

#endif
