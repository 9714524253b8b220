/* Printing one kernel. print.c has what every dialect shares: parameters, addresses, expressions; c.c prints
 * loops in C. */
#ifndef HPACC_KERNEL_PRINT_H
#define HPACC_KERNEL_PRINT_H

#include "internal.h"

/* A launched kernel that reduces is two: one leaves partial sums, one adds them up. A function does both. */
typedef enum KernelPart { PART_MAIN, PART_END, PARTS } KernelPart;

typedef struct Parameter {
    ParameterKind kind;
    const char *name;
    const Buffer *buffer; /* PARAMETER_POINTER: one of those that lie there */
    bool partial;         /* partial sums, in double */
    bool written, read;
    HpDataType dtype;
    const Variable *scalar;
    int64_t size;
    double number;
} Parameter;

typedef struct Printer Printer;

/* How one target spells things. */
typedef struct Dialect {
    const char *lane_pragma; /* in front of a loop over the lanes */
    /* The element of a tensor at an address. */
    const char *(*element)(Printer *printer, const Parameter *pointer, const char *address);
    /* What accesses of the innermost loops share a name for; NULL: nothing. */
    const char *(*address)(Printer *printer, const Access *access);
    /* Loads the lanes of those values that lie next to each other, before the loop over the lanes; NULL: the
     * loop loads them. */
    void (*load_lanes)(Printer *printer, const ValueList *values);
    bool shares_strides; /* tensors of equal strides share their parameters */
} Dialect;

struct Printer {
    Arena *arena;
    const Dialect *dialect;
    const Kernel *kernel;
    bool canonical; /* names that do not depend on the model: equal text is equal code */
    Text text;      /* the body */
    int indent;
    LIST(Parameter) parameters;
    LIST(const char *) names;                      /* taken */
    const char **accumulator_names, **total_names; /* by slot: inside the loops, and over all of them */
    const char **value_text;             /* by Value.id: how a user writes it; NULL: not printed yet */
    const char *lane_limit;              /* how the lanes end */
    bool ends;                           /* PART_END, which takes lanes one by one */
    const TapLoops *taps;                /* whose body is printed, or NULL */
    bool *is_loaded;                     /* by Value.id: its lanes are in an array already */
    LIST(const char *) shared_addresses; /* text, name, text, name ... */
};

extern const Dialect dialect_c, dialect_cuda;

/* ---- formulas.c: by Op, of floats and of doubles ---- */
extern const char *const kernel_formulas[OP_COUNT], *const kernel_exact_formulas[OP_COUNT];

/* ---- print.c ---- */
void print_line(Printer *printer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void print_open(Printer *printer, const char *format, ...)
    __attribute__((format(printf, 2, 3))); /* and '{' */
void print_close(Printer *printer);
const char *printer_name(Printer *printer, const char *wanted); /* a name nobody else has */

const char *size_parameter(Printer *printer, const char *name, int64_t value);
Parameter *pointer_parameter(Printer *printer, const Buffer *buffer, bool written);
bool taps_of_gradient(const TapLoops *taps);
const char *loop_count_text(Printer *printer, int loop); /* "images", or a number for lanes */
const char *axis_index_text(Printer *printer, int axis); /* the domain's index along an axis */
const char *form_text(Printer *printer, const Form *form);
const char *address_text(Printer *printer, const Access *access, const char *name);
const char *guard_text(Printer *printer, const Access *access);
const char *c_type(HpDataType dtype);

/* ---- expression.c ---- */
const char *value_text(Printer *printer, const Value *value); /* as a float, where nothing stands beside it */
const char *value_use(Printer *printer, const Value *value);  /* as an operand, in parentheses if need be */
const char *float_text(Arena *arena, double value);           /* a literal */
const char *value_expression(Printer *printer, const Value *value); /* what it is computed by */
bool value_is_inlined(const Printer *printer, const Value *value, const char *expression);
/* Computes the value here: a statement, or text for its only user. */
void print_value(Printer *printer, const Value *value);
const char *value_name(Printer *printer, const Value *value);

/* ---- body.c ---- */
void open_lanes(Printer *printer);
void print_level(Printer *printer, const Nest *nest,
                 int level); /* what stands inside exactly so many loops */
bool stands_at(const Value *value, int level);
void share_addresses(Printer *printer, const Nest *nest);
const char *shared_address(const Printer *printer, const char *text); /* its name, or itself */
const char *extent_product(Printer *printer, int from, int to,
                           bool reduced_only); /* "images * blocks * 16" */
const char *stored_text(Printer *printer, const Store *store);
const Value *any_result(const TapLoops *taps);
void name_accumulators(Printer *printer);
const char *accumulator_name(const Printer *printer, const Accumulator *accumulator);
const char *total_name(const Printer *printer, const Accumulator *accumulator);
const char *first_value(const Accumulator *accumulator);
void accumulate(Printer *printer, const char *into, AccumulatorKind kind, const char *value);
/* What becomes of complete sums, for one result. */
void print_values_of_end(Printer *printer);

/* ---- window.c ---- */
void print_taps(Printer *printer, const TapLoops *taps);

/* ---- c.c ---- */
void print_kernel_c(Printer *printer); /* the body of the function */

/* ---- cuda.c ---- */
void print_kernel_cuda(Printer *printer, KernelPart part); /* the body of the kernel */

/* A row of neighbours from an array: by one access where their number is 1, 2, 4 or 8. */
void cuda_print_store(Printer *printer, const Parameter *pointer, const char *address, const char *array,
                      int64_t count);

/* ---- image.c ---- */
void print_image_kernel(Printer *printer);
void print_image_kernel_cuda(Printer *printer);

#endif
