/* The typed graph: what every pass from the front end to fusion works on.
 *
 * A Graph is one function (a training step, an update, a prediction, a schedule). Its nodes are single-valued
 * and pure; nodes[] is always in topological order. Effects are lists on the graph: results are handed to the
 * runtime, updates are written to variables when the function ends. Variables are shared by all functions of
 * a program. dtype is what an element is stored as, f32 unless it says otherwise: arithmetic on f32, f16 and
 * bf16 is in float, and what is not stored is not rounded. Comparisons give 1 or 0. */
#ifndef HPACC_GRAPH_GRAPH_H
#define HPACC_GRAPH_GRAPH_H

#include <stdbool.h>
#include <stdint.h>
#include "../base/arena.h"
#include "../base/diagnostic.h"
#include "../base/text.h"
#include "../../runtime/hpart.h" /* HpFormat, HpVariableKind, HpInitializer: shared with the runtime */

enum { SHAPE_MAX_RANK = 6 };

typedef struct Shape {
    int rank;
    int64_t extents[SHAPE_MAX_RANK];
} Shape;

typedef enum Op {
#define OP(NAME, name, class, inputs, attributes) OP_##NAME,
#include "ops.def"
#undef OP
    OP_COUNT
} Op;

typedef enum OpClass {
    CLASS_LEAF,
    CLASS_ELEMENTWISE,
    CLASS_REDUCTION,
    CLASS_MOVEMENT,
    CLASS_WINDOW,
    CLASS_CONTRACTION,
    CLASS_COMPOSITE
} OpClass;

typedef enum AttributeKind {
    ATTRIBUTE_none,
    ATTRIBUTE_constant,
    ATTRIBUTE_image,
    ATTRIBUTE_random,
    ATTRIBUTE_axes,
    ATTRIBUTE_permutation,
    ATTRIBUTE_slice,
    ATTRIBUTE_pad,
    ATTRIBUTE_concat,
    ATTRIBUTE_upsample,
    ATTRIBUTE_window,
    ATTRIBUTE_convolution,
    ATTRIBUTE_matmul,
    ATTRIBUTE_batchnorm
} AttributeKind;

typedef struct OpInfo {
    const char *name;
    OpClass class;
    int input_count; /* -1: any */
    AttributeKind attributes;
} OpInfo;

extern const OpInfo op_table[OP_COUNT];

typedef struct Window { /* pooling; [0] is height, [1] is width */
    int64_t kernel[2], stride[2], pad_before[2], pad_after[2];
    bool count_padding;      /* averages divide by the whole window (PyTorch's default) */
    int64_t input_extent[2]; /* gradient ops: height and width of the gradient to produce */
} Window;

typedef struct Convolution {
    int64_t stride[2], pad_before[2], pad_after[2], dilation[2], groups;
    int64_t missing[2]; /* gradient ops: the two extents the inputs do not tell: H,W of x, or KH,KW of the
                           weight */
} Convolution;

typedef union Attributes {
    double constant;
    struct {
        int64_t batch, planes, height, width;
        bool augmented;  /* false: only resized and normalised */
        int64_t padding; /* planes of zeros behind the sampled ones */
    } image;
    struct {
        const char *path; /* keys the stream; the layer's path */
        Shape shape;
    } random;
    unsigned axes; /* bit i: axis i is reduced */
    int permutation[SHAPE_MAX_RANK];
    struct {
        int64_t start[SHAPE_MAX_RANK], extent[SHAPE_MAX_RANK], step[SHAPE_MAX_RANK];
    } slice;
    struct {
        int64_t before[SHAPE_MAX_RANK], after[SHAPE_MAX_RANK];
        double value;
    } pad;
    int concat; /* the axis */
    int64_t upsample[2];
    Window window;
    Convolution convolution;
    struct {
        bool transpose_a, transpose_b;
    } matmul;
    struct {
        double epsilon,
            momentum;          /* PyTorch's momentum: running = (1 - momentum) * running + momentum * batch */
        bool batch_statistics; /* normalise with this batch's mean and biased variance, else with the running
                                  ones */
        bool update_statistics; /* move the running estimates (unbiased variance) */
    } batchnorm;
} Attributes;

/* Storage that outlives a function call. One table per program; names are paths in the source file. */
typedef struct Variable {
    const char *name;
    HpVariableKind kind;
    Shape shape;
    HpDataType dtype;
    HpFormat format; /* HP_FORMAT_PLAIN until the layout pass chooses */
    HpInitializer initializer;
    double value; /* kind HP_SCALAR: the default */
    int group;    /* parameters: index into the program's groups, else -1 */
    int index;    /* position in Variables */
    Span span;
} Variable;

typedef LIST(Variable *) VariableList;

typedef struct Variables {
    Arena *arena;
    VariableList list;
    void *index; /* name -> Variable, private to graph.c */
} Variables;

typedef struct Node Node;
struct Node {
    Op op;
    int id; /* position in graph->nodes */
    int input_count;
    Node **inputs;
    Attributes attributes;
    Shape shape;
    HpDataType dtype;
    Variable *variable;           /* OP_VARIABLE */
    HpFormat format;              /* set by the layout pass */
    const char *name;             /* path in the source ("body.layer1.0.conv1"), or NULL */
    Span span;                    /* the source line this comes from */
    Span origins[SHAPE_MAX_RANK]; /* where each extent was decided */
};

typedef LIST(Node *) NodeList;

typedef struct Result { /* handed to the runtime under a name: "loss", "logits", "lr" */
    const char *name;
    Node *node;
} Result;

typedef struct Update { /* variable := node when the function ends */
    Variable *variable;
    Node *node;
} Update;

typedef struct Graph {
    Arena *arena;
    const char *name; /* the function's name: "train_head", "update_head", "predict" */
    Variables *variables;
    NodeList nodes;
    LIST(Result) results;
    LIST(Update) updates;
    Span span;        /* given to nodes made while it is set: builders and passes set it before they build */
    const char *path; /* likewise node->name; NULL for none */
    NodeList loaded;  /* the node of each variable by its index, or NULL; private to graph.c */
} Graph;

/* ---- variables ---- */
Variables *variables_new(Arena *arena);
Variable *variables_find(const Variables *variables, const char *name);
/* A name that exists already is an internal error. */
Variable *variables_add(Variables *variables, const char *name, HpVariableKind kind, Shape shape);

/* ---- shapes ---- */
Shape shape_of(int rank, const int64_t *extents);
Shape shape_scalar(void);
bool shape_equal(Shape a, Shape b);
int64_t shape_count(Shape shape);                  /* product of the extents, overflow is an internal error */
const char *shape_text(Arena *arena, Shape shape); /* "[16, 64, 112, 112]" */

/* The shape rule of `op`. Returns NULL and sets *shape, or says in a sentence of user's words why the inputs
 * do not fit ("channels 4 and 3 differ"). The front end turns that sentence into a diagnostic. BROADCAST,
 * RESHAPE and VARIABLE choose their shape: for them *shape is the wanted one when the call is made. */
const char *shape_infer(Arena *arena, Op op, int count, Node *const *inputs, const Attributes *attributes,
                        Shape *shape);

/* f32, f16 or bf16: what arithmetic takes and gives. */
bool data_type_is_float(HpDataType dtype);
bool op_is_convolution(Op op); /* or a gradient of one */

/* ---- building; the shape rule must hold, else internal error ---- */
Graph *graph_new(Arena *arena, Variables *variables, const char *name);
Node *graph_node(Graph *graph, Op op, int count, Node *const *inputs, const Attributes *attributes);
Node *graph_variable(Graph *graph, Variable *variable); /* one node per variable and graph */
Node *graph_constant(Graph *graph, double value);
Node *graph_unary(Graph *graph, Op op, Node *x);
Node *graph_binary(Graph *graph, Op op, Node *a, Node *b);    /* equal shapes; a rank-0 side is broadcast */
Node *graph_convert(Graph *graph, Node *x, HpDataType dtype); /* x itself when it is stored so already */
Node *graph_select(Graph *graph, Node *condition, Node *yes, Node *no);
Node *graph_reduce(Graph *graph, Op op, Node *x, unsigned axes);
Node *graph_broadcast(Graph *graph, Node *x, Shape shape); /* x itself when the shape is the same */
Node *graph_reshape(Graph *graph, Node *x, Shape shape);   /* likewise */
Node *graph_transpose(Graph *graph, Node *x, const int *permutation);
Node *graph_matmul(Graph *graph, Node *a, Node *b, bool transpose_a, bool transpose_b);
Node *graph_convolution(Graph *graph, Op op, Node *a, Node *b, const Convolution *attributes);
Node *graph_window(Graph *graph, Op op, Node *const *inputs, int count, const Window *attributes);
/* Adds a node like `model`, which may belong to another graph, but for its inputs. */
Node *graph_copy_node(Graph *graph, const Node *model, Node *const *inputs);
void graph_result(Graph *graph, const char *name, Node *node);
void graph_update(Graph *graph, Variable *variable, Node *node);

/* ---- changing ---- */
/* Every use of `old` (inputs, results, updates) becomes `new`. Order may break: call graph_sort() afterwards.
 */
void graph_replace(Graph *graph, Node *old, Node *new);
/* Topological, stable; renumbers ids. */
void graph_sort(Graph *graph);
/* Drops nodes that no effect needs; renumbers. Until it is expanded, a BATCHNORM that moves its statistics is
 * one. */
void graph_remove_dead(Graph *graph);
/* Users of each node, indexed by id; valid until the graph changes. */
NodeList *graph_uses(Graph *graph);

/* ---- text.c: graph text that reads back ---- */
void graph_print(Text *out, const Graph *graph);
const char *graph_format_name(HpFormat format); /* "nchw16c" */
const char *graph_type_name(HpDataType dtype);  /* "bf16" */
/* One graph with the variables it names. NULL when the text is wrong: the first mistake is in `diagnostics`.
 */
Graph *graph_read(Arena *arena, Diagnostics *diagnostics, const SourceFile *file);

/* ---- verify.c: shapes, arity, order, no dangling use; a failure is an internal error naming `after` ---- */
void graph_verify(const Graph *graph, const char *after);

/* ---- interpret.c: the double-precision oracle; it rounds nothing, whatever a value is stored as ---- */
typedef struct Interpreter Interpreter;
Interpreter *interpreter_new(Arena *arena, const Variables *variables);
/* Row-major doubles, one per element; zero until set, a scalar has its default. Owned by the interpreter,
 * changed by interpreter_run. */
double *interpreter_variable(Interpreter *interpreter, const Variable *variable);
/* What OP_IMAGE nodes yield: row-major [N,P,H,W]; the caller's memory must outlive the run. */
void interpreter_set_image(Interpreter *interpreter, const double *image);
void interpreter_set_seed(Interpreter *interpreter, uint64_t seed);
void interpreter_run(Interpreter *interpreter, const Graph *graph);          /* updates variables */
double *interpreter_value(const Interpreter *interpreter, const Node *node); /* of the last run */
/* One node of the last run again, from what the values of its inputs are now. */
void interpreter_compute(Interpreter *interpreter, const Node *node);
void interpreter_free(Interpreter *interpreter);

#endif
