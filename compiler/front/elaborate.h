/* Elaboration, private to front/: from the tree to values and graph nodes.
 *
 * One evaluator serves every part of the language. What is known when compiling (numbers, lists, conditions)
 * is folded at once; the rest becomes nodes of the elaborator's graph. A mistake is reported once and turns
 * into VALUE_ERROR, which whatever uses it passes on in silence. */
#ifndef HPACC_FRONT_ELABORATE_H
#define HPACC_FRONT_ELABORATE_H

#include "program.h"

typedef enum ValueKind {
    VALUE_ERROR,   /* a mistake that was reported already */
    VALUE_NUMBER,  /* number */
    VALUE_BOOLEAN, /* number is 0 or 1 */
    VALUE_STRING,  /* text */
    VALUE_LIST,    /* items, count */
    VALUE_TENSOR,  /* node */
    VALUE_TARGET   /* the labels: a tensor whose node is made at its first use */
} ValueKind;

typedef struct Value Value;
struct Value {
    ValueKind kind;
    double number;
    Unit unit;
    const char *text;
    Node *node;
    const Value *items;
    size_t count;
    bool per_row; /* a tensor [rows] that holds each row's own mean */
};

typedef struct Binding {
    const char *name;
    Value value;
    Span span;
    Variable *variable; /* state and `parameter` of an update rule: written when the rule ends */
    bool fixed;         /* := may not change it */
} Binding;

/* Names of one body. A body sees its parameters, its own names and the constants, never its caller's names.
 */
typedef struct Scope {
    struct Scope *parent;
    struct Elaborator *elaborator;
    LIST(Binding *) bindings;
} Scope;

/* What may be said where. */
typedef enum Context {
    CONTEXT_CONSTANT, /* no graph: numbers, lists and strings alone */
    CONTEXT_NETWORK,  /* layers with weights, parameters */
    CONTEXT_LOSS,
    CONTEXT_OPTIMIZER,
    CONTEXT_SCHEDULE
} Context;

typedef struct Frame { /* one block being instantiated: shown with every mistake found inside it */
    const struct Frame *caller;
    const char *callee, *path;
    Span span;
    int depth;
} Frame;

/* How the windows of a network lie on its images, so far. */
typedef enum WindowFit {
    WINDOWS_FIT,
    WINDOWS_LEAVE_PIXELS, /* windows side by side that do not reach the end of their image */
    WINDOWS_TOO_LARGE     /* a window larger than its padded image */
} WindowFit;

typedef struct Claim { /* a name given to a layer's weight or random stream in this elaboration */
    const char *name;
    Span span;
} Claim;

typedef struct Elaborator {
    Program *program;
    Graph *graph; /* NULL in CONTEXT_CONSTANT */
    Context context;
    Scope *scope;
    const char *path; /* of the block being elaborated: "body.layer1.0"; "" for the network */
    const Frame *frame;
    int64_t rows;
    NetworkMode mode;
    const Stage *stage;        /* NULL: every batch norm moves */
    bool per_row;              /* means over everything keep the rows apart */
    bool mixed_rows;           /* set when per_row was impossible */
    bool compound;             /* a loss of several calls: each gets a prefix of its own */
    bool silent;               /* reports nothing: a trial */
    WindowFit fit;             /* the worst so far */
    int64_t steps;             /* statements run so far: a file cannot keep the compiler busy for ever */
    bool stopped;              /* after too many statements or calls: nothing more is run */
    const char *scalar_prefix; /* losses, optimizers and schedules: what their scalars' names begin with */
    LIST(Claim) claims;
} Elaborator;

/* A setting that was written, or NULL fields: the file's own or a stage's. */
typedef struct Front {
    LIST(SourceUnit *) units; /* the file itself is the last */
    LIST(Definition *) definitions;
    LIST(const Declaration *) groups;
    Scope *constants;
    const Declaration *input, *target, *network;
    const Setting *dataset, *loss, *validate, *select, *split, *augment, *optimizer, *batch, *decay, *clip,
        *lr, *epochs, *normalize;
    LIST(const Setting *) oversample;
    LIST(const Setting *) weights;
    LIST(const Setting *) stages;
    const Definition *rule; /* the optimizer's definition */
    const Expression *rule_call;
    VariableList norms;       /* weights and biases of normalising layers */
    VariableList decayed_not; /* parameters that `decay ... except` leaves out */
    int *user_group_of;       /* index in groups, by Variable.index; -1: none */
    Graph *checked;           /* the first elaboration, and its scope */
    Scope *network_scope;
    bool batch_chosen;    /* on the command line, for every stage */
    bool groups_failed;   /* a selector of a group matched nothing */
    bool loaded;          /* everything was checked: later elaborations report nothing new */
    LIST(Claim) reported; /* name is the code: a mistake in a block is shown once, not per instance */
    LIST(const Definition *) instantiated;
} Front;

/* ---- value.c ---- */
Value value_error(void);
Value value_number(double number);
Value value_boolean(bool truth);
Value value_tensor(Node *node);                         /* VALUE_ERROR when node is NULL */
const char *value_describe(Elaborator *e, Value value); /* "a tensor [16, 64, 56, 56]", "the number 3" */
bool value_equal(Value a, Value b);

/* ---- scope.c ---- */
Scope *scope_new(Elaborator *e, Scope *parent);
Binding *scope_bind(Elaborator *e, const char *name, Value value, Span span); /* reports a duplicate */
Binding *scope_find(const Scope *scope, const char *name);
Binding *scope_lookup(Elaborator *e, const char *name, Span span); /* reports an unknown name */
const Definition *definition_find(const Front *front, const char *name);
void definition_used(Program *program, const Definition *definition);

/* ---- report.c: messages that know the blocks they are in ---- */

/* False when this mistake at this place is known already, or the elaboration is a trial: then no notes may
 * follow. */
bool report(Elaborator *e, Span at, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
bool report_warning(Elaborator *e, Span at, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void report_mixed_rows(Elaborator *e, Span at, const char *what); /* in a loss that is elaborated per row */
void report_note(Elaborator *e, Span at, const char *format, ...) __attribute__((format(printf, 3, 4)));
void report_help(Elaborator *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
void report_nearest(Elaborator *e, const char *name, const char *const *candidates, size_t count);
void report_origin(Elaborator *e, const Node *node, int axis); /* where an extent was decided */
void report_origins(Elaborator *e, int count, Node *const *nodes,
                    unsigned axes);                     /* likewise, each place once */
unsigned differing_axes(int count, Node *const *nodes); /* the axes on which tensors (not weights) differ */

/* ---- expression.c ---- */

/* `path`: the name of a layer made by this expression, where the expression itself gives none. */
Value evaluate(Elaborator *e, const Expression *expression, const char *path);
bool evaluate_integer(Elaborator *e, const Expression *expression, const char *what, int64_t least,
                      int64_t *out);
const char *path_join(Arena *arena, const char *prefix, const char *name);
const char *path_resolve(Elaborator *e, const Path *path); /* with computed parts filled in */

/* ---- arithmetic.c ---- */
Value arithmetic_unary(Elaborator *e, const char *operator, Value a, Span span);
Value arithmetic_binary(Elaborator *e, const char *operator, Value a, Value b, Span span);
Value arithmetic_op(Elaborator *e, Op op, Value a, Value b, Span span);
Value arithmetic_map(Elaborator *e, Op op, Value a, Span span); /* one input */
Node *value_node(Elaborator *e, Value value,
                 Span span); /* as a node; numbers become constants, lists vectors */
Node *broadcast_like(Elaborator *e, Node *vector, const Node *like); /* [C] to like's shape, C along axis 1 */

/* ---- make.c: nodes with their shapes checked ---- */

/* Names the network's nodes that follow by the layer or value they belong to; returns the old name to put
 * back. Nodes of losses and update rules keep the one name that stands when they are begun. */
const char *name_nodes(Elaborator *e, const char *path);
void name_back(Elaborator *e, const char *old);

/* NULL, with the reason reported, when the shapes do not fit or an input is NULL. */
Node *make_node(Elaborator *e, Op op, int count, Node *const *inputs, const Attributes *attributes,
                Span span);
Node *make_unary(Elaborator *e, Op op, Node *a, Span span);
Node *make_binary(Elaborator *e, Op op, Node *a, Node *b, Span span);
Node *make_scale(Elaborator *e, Node *a, double factor, Span span);
Node *make_shift(Elaborator *e, Node *a, double term, Span span);
Node *make_reduce(Elaborator *e, Op op, Node *a, unsigned axes, Span span);
Node *make_reshape(Elaborator *e, Node *a, Shape shape, Span span);
Node *make_variable(Elaborator *e, const char *path, const char *name, HpVariableKind kind, Shape shape,
                    HpInitializer initializer, Span span);
Node *make_random(Elaborator *e, const char *path, Shape shape, Span span);
bool is_claimed(const Elaborator *e, const char *name);
void origin_set(Node *node, int axis, Span span);
Variable *scalar_variable(Program *program, const char *name,
                          double value); /* HP_SCALAR, made when it is new */

/* ---- call.c ---- */
enum { CALL_MAX_ARGUMENTS = 32 };
Value evaluate_call(Elaborator *e, const Expression *expression, const char *path);

/* Which argument goes to which parameter: found[i] is NULL when it was not given. False after a report. */
bool arguments_match(Elaborator *e, const Expression *call, const char *const *names, size_t count,
                     const Argument **found);
/* Binds parameters in e->scope as run-time scalars "<prefix>.<name>" where they are numbers, else as values.
 */
/* ... The call's arguments begin at parameter `first`; those before `bind` are left to the caller. */
bool arguments_bind_scalars(Elaborator *e, const Expression *call, const Definition *definition, size_t first,
                            size_t bind, const char *prefix);

/* ---- statement.c ---- */
Value evaluate_body(Elaborator *e,
                    const StatementList *body); /* what it returns; VALUE_ERROR with no return */

/* ---- unused.c ---- */
void unused_check(Program *program);
bool body_reads(Program *program, const StatementList *body, const char *name);

/* ---- builtin.c ---- */
typedef struct Builtin Builtin;
const Builtin *builtin_find(const char *name);
const char *const *builtin_names(size_t *count);
Value builtin_call(Elaborator *e, const Builtin *builtin, const Expression *expression, const char *path,
                   const char *argument_path);

/* ---- initial.c ---- */
bool initializer_read(Elaborator *e, const Expression *expression, double fan_in, double fan_out,
                      HpInitializer *out);

/* ---- range.c ---- */
void range_check(Elaborator *e, Op op, Node *const *inputs, Span span); /* warns of log(0), x / 0, 0 ^ x */

/* ---- window.c ---- */
bool is_window(Op op); /* a convolution or a pool */
/* A window that does not fit x: the first place is reported, with the smallest image that would do. */
void window_report(Elaborator *e, const Node *x, const char *reason, Span span);
/* Warns where windows side by side leave pixels over. */
void window_check(Elaborator *e, Op op, Node *const *inputs, const Attributes *attributes, Span span);

/* ---- settings.c, stage.c, group.c, weights.c: the rest of the recipe ---- */
void settings_check_words(Elaborator *e, const SettingList *list, const char *where, const char *const *words,
                          size_t count); /* reports unknown and repeated settings */
void settings_read_batch(Program *program,
                         const ProgramOptions *options); /* before the network is elaborated */
void settings_read(Program *program);                    /* after */
int64_t settings_read_stage_batch(Elaborator *e, const Setting *setting); /* NULL: the file's */
void settings_read_augment(Elaborator *e, const Setting *setting, HpAugment *out);
bool settings_read_oversample(Elaborator *e, const Setting *setting, HpOversample *out);
void settings_read_select(Elaborator *e, const Setting *setting, HpStage *out);
void weights_read(Program *program);
void weight_file_check(Program *program, const HpWeights *weights,
                       const Setting *statement); /* where the file is there; weight_file.c */
void weights_check_fresh(Program *program);       /* warns; before the groups are refined */
void stages_read(Program *program);
void stage_assign_rates(Program *program, Stage *stage, const int *first_of_group);
void groups_read(Program *program);
void groups_check_cover(Program *program,
                        const bool *trains); /* everything that trains is in a group, if there are any */
void groups_refine(Program *program);

/* ---- network.c ---- */
Elaborator *elaborator_new(Program *program, Graph *graph, Context context);
int loss_use(Program *program, const Expression *expression, const char *name);
bool loss_mixes_rows(Program *program, Graph *graph, struct Scope *scope, int loss);
enum { LARGEST_IMAGE = 16384 }; /* pixels a side */
/* The smallest images that no window is larger than; 0: their size does not help. */
int64_t network_smallest_size(const Program *program);
/* The next larger images that leave nothing over; 0: none is near. */
int64_t network_next_even_size(const Program *program);

/* ---- collect.c ---- */
void program_collect(Program *program, const char *path, const ProgramOptions *options);

/* ---- select.c ---- */

/* Marks the parameters and statistics whose name is `path` or below it; reports a path that names none. */
bool select_variables(Elaborator *e, const char *path, Span span, bool *marked);
const char *path_from_values(Program *program, const Expression *expression); /* a selector's path */

#endif
