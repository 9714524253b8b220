/* The description of a kernel: loops, values, accesses. build.c makes it, loops.c gives it its nest, the
 * dialects print it. */
#ifndef HPACC_KERNEL_INTERNAL_H
#define HPACC_KERNEL_INTERNAL_H

#include "../passes/format.h"
#include "kernel.h"

enum {
    KERNEL_AXES = SHAPE_MAX_RANK + 2, /* the domain's axes, then the two taps of a window */
    TAP_AXIS = SHAPE_MAX_RANK,
    MAX_LOOPS = FORMAT_MAX_DIMS + 1,
    IMAGE_INPUTS = 5,
    LANES = 16 /* of a kept innermost axis that no format cuts; a blocked format brings its own number */
};

/* An index along an axis: (offset + sum of factor times axis index) / divisor, rounded down. */
typedef struct Form {
    int64_t offset, factor[KERNEL_AXES], divisor;
} Form;

/* Where in a node an expression stands, as the domain's indices say it. */
typedef struct Map {
    int rank;
    Form axes[SHAPE_MAX_RANK];
} Map;

/* One loop. Several loops may run along one axis: scale is what a step adds to its index. */
typedef struct Loop {
    int axis; /* of several joined loops, the outermost's */
    int64_t extent, scale;
    int64_t limit; /* > 0: the axis ends here, inside the last block */
    bool reduced;
    bool joined;               /* made of several; its axis index is no longer known */
    const char *index, *count; /* the C names of the counter and of the argument that ends it */
} Loop;

/* The address of an element: offset plus the loops' strides, plus terms for what is not affine. */
typedef struct Access {
    Buffer *buffer; /* NULL: the number of an element within its row, for random numbers */
    Map map;
    HpFormat format;
    Shape shape;
    int64_t offset, stride[MAX_LOOPS];
    int64_t term_stride[SHAPE_MAX_RANK]; /* of axes whose form no loop follows: see form_is_term() */
    unsigned guards;                     /* bit i: the index along axis i may lie outside */
} Access;

typedef struct Value Value;
typedef LIST(Value *) ValueList;

/* Two loops over the taps of a window around a body. */
typedef enum WindowKind {
    WINDOW_MAX,
    WINDOW_AVERAGE,
    WINDOW_MAX_GRADIENT,
    WINDOW_AVERAGE_GRADIENT
} WindowKind;
typedef struct TapLoops {
    WindowKind kind;
    const Window *window;
    const Node *node;       /* of the first value made of it */
    Form outside[2];        /* the row and column of the value: of a pooling's output, a gradient's input */
    Form inside[2];         /* the row and column that the taps touch */
    int64_t extent[2];      /* rows and columns there */
    ValueList values;       /* of the body */
    Value *body, *index;    /* index: max gradients compare it with the tap */
    Value *best, *best_tap; /* the results that are asked for */
    Map map;
    int64_t tile; /* > 0: results for so many columns at once, see kernel_choose_loops() */
    int id;
} TapLoops;

/* A sum, sum of squares or maximum over the reduced loops, in double. */
typedef enum AccumulatorKind { ACCUMULATE_SUM, ACCUMULATE_SQUARES, ACCUMULATE_MAX } AccumulatorKind;
typedef struct Accumulator {
    AccumulatorKind kind;
    Value *value;
    int slot;
} Accumulator;

typedef enum ValueKind {
    VALUE_CONSTANT,
    VALUE_SCALAR, /* an argument by value */
    VALUE_LOAD,   /* an element; with guards, inputs[0] stands in for what lies outside */
    VALUE_OPERATION,
    VALUE_RANDOM,   /* inputs[0] is the draw; access numbers the element */
    VALUE_BEST,     /* what a window's taps give */
    VALUE_BEST_TAP, /* which tap gave it */
    VALUE_REDUCED   /* the result of a reduction; only after the loops */
} ValueKind;

struct Value {
    ValueKind kind;
    const Node *node;
    Op op;
    int input_count;
    Value *inputs[3];
    double constant;
    const Variable *scalar;
    Access access;
    TapLoops *taps;             /* VALUE_BEST, VALUE_BEST_TAP */
    TapLoops *inside;           /* the value is part of this window's body */
    Accumulator *sum, *squares; /* VALUE_REDUCED */
    unsigned axes;              /* bit set of the axes it depends on */
    unsigned loops;             /* likewise, of the nest's loops */
    int level;                  /* loops around it; see loops.c */
    bool per_lane;   /* kept in an array over the lanes, because loops lie between it and the lanes */
    bool crosses;    /* used from other loops than its own: it needs a name there */
    bool is_number;  /* made of constants and scalars alone: computed in double */
    bool feeds_taps; /* a window's body needs it, so it cannot stand inside the lanes */
    int uses;
    int id;
};

typedef struct Store {
    Value *value;
    Access access;
    const Node *node;
} Store;

typedef struct Nest {
    ValueList values; /* inputs before users */
    LIST(Store) stores;
    LIST(TapLoops *) windows;
    unsigned loops; /* bit set of the loops whose index is needed */
} Nest;

typedef enum ParameterKind {
    PARAMETER_SIZE,
    PARAMETER_POINTER,
    PARAMETER_SCALAR,
    PARAMETER_NUMBER,
    PARAMETER_SEED,
    PARAMETER_CONTEXT
} ParameterKind;

/* How a launched kernel's loops become threads: see threads.c. */
typedef struct Threads {
    int64_t width;     /* threads of a block side by side along the columns; the others share the rows */
    int64_t blocks[3]; /* along columns, rows, and the outer loops */
    int64_t end_width, end_blocks; /* of the kernel that adds up what the blocks left */
} Threads;

struct Kernel {
    Arena *arena;
    const Step *step;
    bool is_image; /* the sampling kernel: only image_inputs is used, see image.c */
    Buffer *image_inputs[IMAGE_INPUTS];
    Shape domain;
    HpFormat format;
    Loop loops[MAX_LOOPS];
    int loop_count;
    int outer;    /* the first loops: independent of each other, run in parallel */
    bool columns; /* launched: the loop behind the outer ones runs over the threads of a block */
    Threads threads;
    int64_t tile;   /* the columns are cut into parts of so many, or 0 */
    int64_t lanes;  /* extent of the last loop when it is one block of an axis, else 0 */
    Nest main, end; /* end: after all of main, over the loops that are not reduced */
    LIST(Accumulator *) accumulators;
    bool uses_random;
    int value_count;
};

/* ---- map.c ---- */
Form form_zero(void);
Form form_axis(int axis);
bool form_equal(const Form *a, const Form *b);
Map map_identity(Shape domain);
/* The place in a tensor of `shape` for each index of a domain that differs by axes of extent 1 alone. */
Map map_squeezed(Shape domain, Shape shape);
bool map_equal(const Map *a, const Map *b);
unsigned map_axes(const Map *map);   /* the axes it depends on */
bool form_is_term(const Form *form); /* divided, or made of a window's taps: printed as it is */
/* Strides for the kernel's loops from the access's map, format and shape. */
void access_resolve(const Kernel *kernel, Access *access);
/* Does a guard or a term of the access depend on the loop's axis? */
bool access_has_term(const Access *access, const Loop *loop);
/* Are the elements of neighbouring lanes neighbours, all inside or all outside? */
bool access_is_contiguous(const Kernel *kernel, const Access *access);
bool access_equal(const Kernel *kernel, const Access *a, const Access *b); /* of two resolved ones */

/* ---- loops.c ---- */
void kernel_choose_loops(Kernel *kernel);
void kernel_finish_loops(Kernel *kernel); /* after the values: strides, joined loops, levels */
void loop_set_names(Kernel *kernel);

/* Makes memory-ordered loops those of a launched kernel: cuts lanes, puts loops in order, chooses threads. */
typedef LIST(Access *) AccessList;
void kernel_choose_threads(Kernel *kernel, const AccessList *accesses);
void kernel_choose_image_threads(Kernel *kernel); /* a thread a pixel */
int64_t kernel_kept_count(const Kernel *kernel);  /* results of a reduction */
int64_t kernel_row_count(const Kernel *kernel);   /* of a launched kernel */

/* ---- set.c ---- */
/* Whether two steps of a set may be calls of one launch; how many may be; a batch for the set to print. */
bool kernel_set_batches(const KernelSet *set, const Step *a, const Step *b);
size_t kernel_set_batch_limit(const KernelSet *set, const Step *step);
void kernel_set_add_batch(KernelSet *set, const Step *batch);

/* ---- image.c ---- */
void kernel_add_image_inputs(Kernel *kernel, Schedule *schedule, Step *step);

#endif
