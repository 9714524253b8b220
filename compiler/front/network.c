/* The network and its losses as graph nodes. */
#include "elaborate.h"

#include <string.h>

Elaborator *elaborator_new(Program *program, Graph *graph, Context context)
{
    Elaborator *e = ARENA_NEW(program->arena, Elaborator);
    *e = (Elaborator){
        .program = program, .graph = graph, .context = context, .path = "", .rows = program->part};
    e->scope = scope_new(e, NULL);
    return e;
}

/* ---------------------------------------------------------------- the network */

static Node *image_node(Elaborator *e)
{
    const Program *program = e->program;
    const Front *front = program->front;
    Attributes attributes = {.image = {.batch = e->rows,
                                       .planes = program->dataset->plane_count,
                                       .height = program->image_size,
                                       .width = program->image_size,
                                       .augmented = e->mode == NETWORK_TRAIN}};
    e->graph->path = front->input->name;
    Node *node = make_node(e, OP_IMAGE, 0, NULL, &attributes, front->input->span);
    e->graph->path = NULL;
    for (int axis = 0; node && axis < 2; axis++)
        origin_set(node, axis, axis ? front->dataset->span : front->input->span);
    bool written = front->input->size->number == (double)program->image_size; /* not by --size */
    for (int axis = 2; node && axis < 4; axis++)
        origin_set(node, axis, written ? front->input->size->span : (Span){0});
    return node;
}

static void run_network(Elaborator *e)
{
    const Front *front = e->program->front;
    Binding *image = scope_bind(e, front->input->name, value_tensor(image_node(e)), front->input->name_span);
    Binding *labels =
        scope_bind(e, front->target->name, (Value){.kind = VALUE_TARGET}, front->target->name_span);
    image->fixed = labels->fixed = true;
    evaluate_body(e, &front->network->body);
}

struct Scope *elaborate_network(Program *program, Graph *graph, int64_t rows, NetworkMode mode,
                                const Stage *stage)
{
    Elaborator *e = elaborator_new(program, graph, CONTEXT_NETWORK);
    e->rows = rows;
    e->mode = mode;
    e->stage = stage;
    run_network(e);
    return e->scope;
}

/* ---------------------------------------------------------------- images of another size */

/* How windows lie on images of this size: a trial that leaves nothing behind. */
static WindowFit try_size(const Program *program, int64_t size)
{
    Program trial = *program;
    Front front = *program->front;
    trial.front = &front;
    trial.image_size = size;
    trial.variables = variables_new(program->arena);
    memset(&front.norms, 0, sizeof front.norms);
    memset(&front.instantiated, 0, sizeof front.instantiated);
    Elaborator *e =
        elaborator_new(&trial, graph_new(program->arena, trial.variables, "trial"), CONTEXT_NETWORK);
    e->rows = 1;
    e->mode = NETWORK_INFER;
    e->silent = true;
    run_network(e);
    return e->fit;
}

int64_t network_smallest_size(const Program *program)
{
    int64_t small = program->image_size, large = small;
    while (try_size(program, large) == WINDOWS_TOO_LARGE) {
        small = large;
        large *= 2;
        if (large > LARGEST_IMAGE)
            return 0;
    }
    while (large - small > 1) {
        int64_t middle = small + (large - small) / 2;
        *(try_size(program, middle) == WINDOWS_TOO_LARGE ? &small : &large) = middle;
    }
    return large;
}

int64_t network_next_even_size(const Program *program)
{
    enum { TRIED = 64 };
    for (int64_t size = program->image_size + 1; size <= program->image_size + TRIED; size++)
        if (try_size(program, size) == WINDOWS_FIT)
            return size;
    return 0;
}

Node *scope_value(struct Scope *scope, const char *name)
{
    const Binding *binding = scope_find(scope, name);
    return binding && binding->value.kind == VALUE_TENSOR ? binding->value.node : NULL;
}

Node *scope_logits(struct Scope *scope)
{
    return scope_value(scope, "logits");
}

/* ---------------------------------------------------------------- losses */

static bool expression_equal(const Expression *a, const Expression *b)
{
    if (!a || !b)
        return a == b;
    if (a->kind != b->kind || a->number != b->number || a->unit != b->unit || !a->text != !b->text ||
        (a->text && strcmp(a->text, b->text)) || a->arguments.count != b->arguments.count ||
        a->items.count != b->items.count || !a->path != !b->path)
        return false;
    if (a->path && (a->path->parts.count != b->path->parts.count))
        return false;
    for (size_t i = 0; a->path && i < a->path->parts.count; i++) {
        const PathPart *x = &a->path->parts.items[i], *y = &b->path->parts.items[i];
        if (!x->name != !y->name || (x->name && strcmp(x->name, y->name)) ||
            !expression_equal(x->index, y->index))
            return false;
    }
    for (size_t i = 0; i < a->arguments.count; i++) {
        const Argument *x = &a->arguments.items[i], *y = &b->arguments.items[i];
        if (!x->name != !y->name || (x->name && strcmp(x->name, y->name)) ||
            !expression_equal(x->value, y->value))
            return false;
    }
    for (size_t i = 0; i < a->items.count; i++)
        if (!expression_equal(a->items.items[i], b->items.items[i]))
            return false;
    return expression_equal(a->a, b->a) && expression_equal(a->b, b->b) && expression_equal(a->c, b->c);
}

int loss_use(Program *program, const Expression *expression, const char *name)
{
    for (size_t i = 0; i < program->losses.count; i++)
        if (expression_equal(program->losses.items[i].expression, expression))
            return (int)i;
    list_push(program->arena, &program->losses,
              ((LossUse){.name = name, .expression = (Expression *)expression}));
    return (int)program->losses.count - 1;
}

static bool is_loss_call(const Elaborator *e, const Expression *expression)
{
    return expression->kind == EXPRESSION_CALL &&
           definition_find(e->program->front, path_text(e->program->arena, expression->path)) != NULL;
}

/* 0.5 * focal(...): the weight is a scalar "<prefix>.focal.weight" that --set may change. */
static Value weight_of(Elaborator *e, const Expression *number, const Expression *call)
{
    Arena *arena = e->program->arena;
    const char *prefix = path_join(arena, e->scalar_prefix, path_text(arena, call->path)), *unique;
    unique = prefix;
    for (int i = 2; is_claimed(e, unique); i++) /* the name the call itself will take */
        unique = arena_format(arena, "%s.%d", prefix, i);
    Variable *weight = scalar_variable(e->program, path_join(arena, unique, "weight"), number->number);
    return value_tensor(graph_variable(e->graph, weight));
}

static Value evaluate_sum(Elaborator *e, const Expression *expression)
{
    const Expression *a = expression->a, *b = expression->b;
    if (expression->kind != EXPRESSION_BINARY)
        return evaluate(e, expression, "");
    bool product = !strcmp(expression->text, "*");
    Value x = product && a->kind == EXPRESSION_NUMBER && is_loss_call(e, b) ? weight_of(e, a, b)
                                                                            : evaluate_sum(e, a);
    Value y = evaluate_sum(e, b);
    return arithmetic_binary(e, expression->text, x, y, expression->span);
}

/* The value of a loss: one number, or [rows] when it was elaborated per row. */
static Node *loss_node(Elaborator *e, Value value, const Expression *expression)
{
    if (value.kind == VALUE_NUMBER)
        value = value_tensor(graph_constant(e->graph, value.number));
    if (value.kind != VALUE_TENSOR) {
        if (value.kind != VALUE_ERROR)
            report(e, expression->span, "loss-shape", "a loss is one number; this is %s",
                   value_describe(e, value));
        return NULL;
    }
    if (value.node->shape.rank != 0 && !value.per_row) {
        if (report(e, expression->span, "loss-shape", "a loss is one number; this is %s",
                   value_describe(e, value)))
            report_help(e, "mean(...) averages over rows and classes");
        return NULL;
    }
    return e->per_row ? graph_broadcast(e->graph, value.node, shape_of(1, &e->rows)) : value.node;
}

static Elaborator *loss_elaborator(Program *program, Graph *graph, struct Scope *scope, int loss,
                                   bool per_row)
{
    Elaborator *e = elaborator_new(program, graph, CONTEXT_LOSS);
    e->scope = scope;
    e->rows = scope->elaborator->rows;
    e->mode = scope->elaborator->mode;
    e->per_row = per_row;
    e->scalar_prefix = program->losses.items[loss].name;
    e->compound = !is_loss_call(e, program->losses.items[loss].expression);
    return e;
}

Node *elaborate_loss(Program *program, Graph *graph, struct Scope *scope, int loss, bool per_row)
{
    Elaborator *e = loss_elaborator(program, graph, scope, loss, per_row);
    const Expression *expression = program->losses.items[loss].expression;
    graph->path = program->losses.items[loss].name;
    Node *node = loss_node(e, evaluate_sum(e, expression), expression);
    graph->path = NULL;
    return node;
}

bool loss_mixes_rows(Program *program, Graph *graph, struct Scope *scope, int loss)
{
    Elaborator *e = loss_elaborator(program, graph, scope, loss, true);
    e->silent = true;
    evaluate_sum(e, program->losses.items[loss].expression);
    return e->mixed_rows;
}
