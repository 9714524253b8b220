/* Printing one kernel. print.c has what every dialect shares: parameters, addresses, expressions; c.c prints
 * loops in C. */
#ifndef HPACC_KERNEL_PRINT_H
#define HPACC_KERNEL_PRINT_H

#include "internal.h"

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

/* How one target spells things. */
typedef struct Dialect {
    const char *const *formulas;       /* by Op: C text in which a, b, c stand for the inputs */
    const char *const *exact_formulas; /* by Op: of doubles */
    const char *restrict_word;
} Dialect;

typedef struct Printer {
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
    const TapLoops *taps;                /* whose body is printed, or NULL */
    LIST(const char *) shared_addresses; /* text, name, text, name ... */
} Printer;

extern const Dialect dialect_c;

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

/* ---- window.c ---- */
void print_taps(Printer *printer, const TapLoops *taps);

/* ---- c.c ---- */
void print_kernel_c(Printer *printer); /* the body of the function */

/* ---- image.c ---- */
void print_image_kernel(Printer *printer);

#endif
