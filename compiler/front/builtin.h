/* Built-in functions, private to builtin*.c: a table says how each is called, a builder makes its nodes. */
#ifndef HPACC_FRONT_BUILTIN_H
#define HPACC_FRONT_BUILTIN_H

#include "elaborate.h"

typedef enum ArgumentKind {
    ARGUMENT_TENSOR,  /* a tensor of at least one axis */
    ARGUMENT_VALUE,   /* a number, a list or a tensor */
    ARGUMENT_NUMBER,  /* known when compiling */
    ARGUMENT_INTEGER, /* known when compiling, at least `least` */
    ARGUMENT_PAIR,    /* [height, width], or one integer for both */
    ARGUMENT_PADDING, /* an integer, [height, width] or [top, bottom, left, right] */
    ARGUMENT_BOOLEAN,
    ARGUMENT_AXES,    /* an integer or a list of them; negative ones count from the last axis */
    ARGUMENT_EXTENTS, /* a list of integers */
    ARGUMENT_INITIAL  /* how a weight starts: read by initial.c */
} ArgumentKind;

typedef struct BuiltinParameter {
    const char *name;
    ArgumentKind kind;
    bool required;
    double fallback; /* of numbers and booleans that are not given */
    double least;
} BuiltinParameter;

enum { BUILTIN_MAX_PARAMETERS = 10 };

typedef struct Call {
    Elaborator *e;
    const Builtin *builtin;
    Span span;
    const char *path;          /* of this layer */
    const char *argument_path; /* of layers among its arguments */
    Value values[BUILTIN_MAX_PARAMETERS];
    const Expression *expressions[BUILTIN_MAX_PARAMETERS]; /* NULL: not given */
    Value *rest; /* the positional arguments of a variadic function */
    size_t rest_count;
} Call;

struct Builtin {
    const char *name;
    Value (*build)(Call *call);
    bool variadic; /* any number of positional tensors; the parameters are given by name */
    BuiltinParameter parameters[BUILTIN_MAX_PARAMETERS];
};

/* Arguments, after the dispatcher has checked their kinds. */
bool call_given(const Call *call, int i);
Span call_span(const Call *call, int i); /* of the argument; of the call where it was not given */
Node *call_node(const Call *call, int i);
int64_t call_integer(const Call *call, int i);
void call_pair(const Call *call, int i, int64_t pair[2]);
void call_padding(const Call *call, int i, int64_t before[2], int64_t after[2]);
bool call_axis(Call *call, int i, int rank, int *axis);      /* one axis; reports one that is not there */
bool call_axes(Call *call, int i, int rank, unsigned *axes); /* a set of axes */
bool call_rank(Call *call, int i, int rank, const char *extents); /* reports a tensor of another rank */

/* builtin_layer.c */
Value layer_conv(Call *call);
Value layer_linear(Call *call);
Value layer_batchnorm(Call *call);
Value layer_layernorm(Call *call);
Value layer_groupnorm(Call *call);
Value layer_dropout(Call *call);
Value layer_drop_path(Call *call);

/* builtin_pool.c */
Value pool_max(Call *call);
Value pool_average(Call *call);
Value pool_global_average(Call *call);
Value pool_global_max(Call *call);
Value pool_adaptive_average(Call *call);

/* builtin_math.c */
Value math_exp(Call *call);
Value math_log(Call *call);
Value math_sqrt(Call *call);
Value math_abs(Call *call);
Value math_sign(Call *call);
Value math_floor(Call *call);
Value math_cos(Call *call);
Value math_sin(Call *call);
Value math_erf(Call *call);
Value math_tanh(Call *call);
Value math_relu(Call *call);
Value math_sigmoid(Call *call);
Value math_log_sigmoid(Call *call);
Value math_softplus(Call *call);
Value math_leaky_relu(Call *call);
Value math_relu6(Call *call);
Value math_silu(Call *call);
Value math_gelu(Call *call);
Value math_hard_sigmoid(Call *call);
Value math_hard_swish(Call *call);
Value math_maximum(Call *call);
Value math_minimum(Call *call);
Value math_select(Call *call);
Value math_softmax(Call *call);
Value math_log_softmax(Call *call);

/* builtin_reduce.c */
Value reduce_sum(Call *call);
Value reduce_mean(Call *call);
Value reduce_max(Call *call);
Value reduce_min(Call *call);
Value reduce_variance(Call *call);
Value reduce_norm(Call *call);

/* builtin_move.c */
Value move_concat(Call *call);
Value move_slice(Call *call);
Value move_reshape(Call *call);
Value move_flatten(Call *call);
Value move_transpose(Call *call);
Value move_pad(Call *call);
Value move_upsample(Call *call);
Value move_broadcast(Call *call);
Value move_matmul(Call *call);
Value size_channels(Call *call);
Value size_height(Call *call);
Value size_width(Call *call);
Value size_extent(Call *call);
Value size_classes(Call *call);
Value size_one_of(Call *call);
Value size_length(Call *call);

#endif
