/* Names that nothing reads. The check looks at the text, not at one instance of it: a name that is needed
 * only where a condition holds is used. */
#include "elaborate.h"

#include <string.h>

typedef struct Names {
    Arena *arena;
    LIST(const char *) read;   /* values */
    LIST(const char *) called; /* blocks and functions */
} Names;

static void read_expression(Names *names, const Expression *expression);

static void read_template(Names *names, const char *text)
{
    for (const char *open = strchr(text, '{'); open; open = strchr(open + 1, '{')) {
        const char *close = strchr(open, '}');
        if (close)
            list_push(names->arena, &names->read,
                      arena_string_of(names->arena, open + 1, (size_t)(close - open - 1)));
    }
}

static void read_path(Names *names, const Path *path)
{
    for (size_t i = 0; path && i < path->parts.count; i++) {
        const Expression *index = path->parts.items[i].index;
        if (index && index->kind == EXPRESSION_STRING)
            read_template(names, index->text);
        else if (index)
            read_expression(names, index);
    }
}

static void read_expression(Names *names, const Expression *expression)
{
    if (!expression)
        return;
    if (expression->kind == EXPRESSION_PATH && expression->path->parts.items[0].name)
        list_push(names->arena, &names->read, expression->path->parts.items[0].name);
    if (expression->kind == EXPRESSION_CALL)
        list_push(names->arena, &names->called, path_text(names->arena, expression->path));
    if (expression->kind == EXPRESSION_CALL || expression->kind == EXPRESSION_PATH)
        read_path(names, expression->path);
    read_path(names, expression->as);
    for (size_t i = 0; i < expression->arguments.count; i++)
        read_expression(names, expression->arguments.items[i].value);
    for (size_t i = 0; i < expression->items.count; i++)
        read_expression(names, expression->items.items[i]);
    read_expression(names, expression->a);
    read_expression(names, expression->b);
    read_expression(names, expression->c);
}

static void read_body(Names *names, const StatementList *body)
{
    for (size_t i = 0; i < body->count; i++) {
        const Statement *statement = body->items[i];
        read_expression(names, statement->value);
        read_expression(names, statement->first);
        read_expression(names, statement->last);
        for (size_t j = 0; j < statement->shape.count; j++)
            read_expression(names, statement->shape.items[j]);
        read_body(names, &statement->body);
    }
}

static bool is_read(const Names *names, const char *name)
{
    for (size_t i = 0; i < names->read.count; i++)
        if (!strcmp(names->read.items[i], name))
            return true;
    return false;
}

bool body_reads(Program *program, const StatementList *body, const char *name)
{
    Names names = {.arena = program->arena};
    read_body(&names, body);
    return is_read(&names, name);
}

static void check_name(Elaborator *e, const Names *names, const char *name, Span span)
{
    if (!is_read(names, name) && report(e, span, "unused-name", "nothing uses '%s'", name))
        report_nearest(e, name, names->read.items, names->read.count);
}

static void check_body(Elaborator *e, const Names *names, const StatementList *body)
{
    for (size_t i = 0; i < body->count; i++) {
        const Statement *statement = body->items[i];
        if (statement->kind == STATEMENT_BIND || statement->kind == STATEMENT_PARAMETER ||
            statement->kind == STATEMENT_STATE)
            check_name(e, names, statement->name, statement->name_span);
        check_body(e, names, &statement->body);
    }
}

static bool ends_in_return(const StatementList *body)
{
    for (size_t i = 0; i < body->count; i++)
        if (body->items[i]->kind == STATEMENT_RETURN || ends_in_return(&body->items[i]->body))
            return true;
    return false;
}

static bool updates(const StatementList *body, const char *name)
{
    for (size_t i = 0; i < body->count; i++) {
        const Statement *statement = body->items[i];
        if ((statement->kind == STATEMENT_UPDATE || statement->kind == STATEMENT_BIND) &&
            !strcmp(statement->name, name))
            return true;
        if (updates(&statement->body, name))
            return true;
    }
    return false;
}

static void check_definition(Elaborator *e, const Definition *definition)
{
    Names names = {.arena = e->program->arena};
    read_body(&names, &definition->body);
    for (size_t i = 0; i < definition->parameters.count; i++)
        read_expression(&names, definition->parameters.items[i].value);
    bool is_schedule = definition->kind == DEFINITION_SCHEDULE;
    for (size_t i = is_schedule ? 3 : 0; i < definition->parameters.count; i++)
        check_name(e, &names, definition->parameters.items[i].name, definition->parameters.items[i].span);
    if (!is_schedule) /* what a schedule binds are its results */
        check_body(e, &names, &definition->body);
    if (definition->kind == DEFINITION_BLOCK || definition->kind == DEFINITION_LOSS) {
        if (!ends_in_return(&definition->body))
            report(e, definition->span, "no-return", "'%s' returns nothing", definition->name);
    } else if (!updates(&definition->body, is_schedule ? "lr" : "parameter")) {
        report(e, definition->span, "no-return",
               is_schedule ? "the schedule '%s' does not say what 'lr' is"
                           : "the optimizer '%s' never updates 'parameter'",
               definition->name);
    }
}

static void read_setting(Names *names, const Setting *setting)
{
    for (size_t i = 0; i < setting->values.count; i++)
        read_expression(names, setting->values.items[i]);
    for (size_t i = 0; i < setting->body.count; i++)
        read_setting(names, setting->body.items[i]);
}

static void read_losses(Names *names, const Setting *setting)
{
    if (setting && (!strcmp(setting->word, "loss") || !strcmp(setting->word, "validate")))
        read_setting(names, setting);
}

/* The network's values are read by its own lines, by the losses and, as `logits`, by the predictions. */
static void check_network(Elaborator *e, const Front *front)
{
    Names names = {.arena = e->program->arena};
    read_body(&names, &front->network->body);
    read_losses(&names, front->loss);
    read_losses(&names, front->validate);
    for (size_t i = 0; i < front->stages.count; i++)
        for (size_t j = 0; j < front->stages.items[i]->body.count; j++)
            read_losses(&names, front->stages.items[i]->body.items[j]);
    list_push(names.arena, &names.read, "logits");
    check_body(e, &names, &front->network->body);
    check_name(e, &names, front->input->name, front->input->name_span);
}

static void read_declaration(Names *names, const Declaration *declaration)
{
    read_expression(names, declaration->value);
    read_body(names, &declaration->body);
    if (declaration->definition) {
        read_body(names, &declaration->definition->body);
        for (size_t j = 0; j < declaration->definition->parameters.count; j++)
            read_expression(names, declaration->definition->parameters.items[j].value);
    }
    if (declaration->setting)
        read_setting(names, declaration->setting);
}

/* A constant or a block of the file itself that nothing uses; shared files may hold more than one model
 * needs. */
static void check_file(Elaborator *e, const Front *front)
{
    const SourceUnit *unit = front->units.items[front->units.count - 1];
    Names values = {.arena = e->program->arena};
    for (size_t i = 0; i < unit->declarations.count; i++)
        read_declaration(&values, unit->declarations.items[i]);
    Names blocks = {.arena = e->program->arena};
    for (size_t i = 0; i < values.called.count; i++)
        list_push(blocks.arena, &blocks.read, values.called.items[i]);
    for (size_t i = 0; i < values.read.count; i++) /* optimizer = adam, lr = cosine { ... } */
        list_push(blocks.arena, &blocks.read, values.read.items[i]);
    for (size_t i = 0; i < unit->declarations.count; i++) {
        const Declaration *declaration = unit->declarations.items[i];
        if (declaration->kind == DECLARATION_CONSTANT)
            check_name(e, &values, declaration->name, declaration->name_span);
        else if (declaration->kind == DECLARATION_DEFINITION)
            check_name(e, &blocks, declaration->definition->name, declaration->definition->span);
    }
}

void unused_check(Program *program)
{
    const Front *front = program->front;
    Elaborator *e = elaborator_new(program, NULL, CONTEXT_CONSTANT);
    for (size_t i = 0; i < front->definitions.count; i++)
        check_definition(e, front->definitions.items[i]);
    check_network(e, front);
    check_file(e, front);
}
