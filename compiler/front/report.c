#include "elaborate.h"

#include <stdarg.h>
#include <string.h>

enum { FRAMES_SHOWN = 4 };

static bool span_equal(Span a, Span b)
{
    return a.file == b.file && a.line == b.line && a.column == b.column;
}

/* A block that is instantiated sixteen times has its mistakes once. */
static bool is_known(Elaborator *e, Span at, const char *code)
{
    Front *front = e->program->front;
    for (size_t i = 0; i < front->reported.count; i++)
        if (span_equal(front->reported.items[i].span, at) && !strcmp(front->reported.items[i].name, code))
            return true;
    list_push(e->program->arena, &front->reported, ((Claim){code, at}));
    return false;
}

static const char *format_message(Elaborator *e, const char *format, va_list arguments)
{
    Text text = text_new(e->program->arena);
    text_add_arguments(&text, format, arguments);
    return text.data;
}

static void note_frames(Elaborator *e)
{
    int shown = 0;
    for (const Frame *frame = e->frame; frame && shown < FRAMES_SHOWN; frame = frame->caller) {
        if (frame->caller && span_equal(frame->span, frame->caller->span))
            continue; /* a call of itself */
        diagnostic_note(e->program->diagnostics, frame->span,
                        *frame->path ? "in '%s', called here as '%s'" : "in '%s', called here", frame->callee,
                        frame->path);
        shown++;
    }
}

bool report(Elaborator *e, Span at, const char *code, const char *format, ...)
{
    if (e->silent || is_known(e, at, code))
        return false;
    va_list arguments;
    va_start(arguments, format);
    diagnostic_error(e->program->diagnostics, at, code, "%s", format_message(e, format, arguments));
    va_end(arguments);
    note_frames(e);
    return true;
}

bool report_warning(Elaborator *e, Span at, const char *code, const char *format, ...)
{
    if (e->silent || e->program->front->loaded || is_known(e, at, code))
        return false;
    va_list arguments;
    va_start(arguments, format);
    diagnostic_warning(e->program->diagnostics, at, code, "%s", format_message(e, format, arguments));
    va_end(arguments);
    note_frames(e);
    return true;
}

void report_mixed_rows(Elaborator *e, Span at, const char *what)
{
    e->mixed_rows = true;
    if (report(e, at, "loss-mixes-rows", "%s, so this loss has no value for one row alone", what))
        report_help(e, "validation measures each row: name a loss for it that can, as in validate = "
                       "bce(logits, labels)");
}

void report_note(Elaborator *e, Span at, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    diagnostic_note(e->program->diagnostics, at, "%s", format_message(e, format, arguments));
    va_end(arguments);
}

void report_help(Elaborator *e, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    diagnostic_help(e->program->diagnostics, "%s", format_message(e, format, arguments));
    va_end(arguments);
}

void report_nearest(Elaborator *e, const char *name, const char *const *candidates, size_t count)
{
    const char *nearest = diagnostic_nearest(name, candidates, count);
    if (nearest)
        report_help(e, "did you mean '%s'?", nearest);
}

typedef struct Decision {
    Span origin;
    int64_t extent;
} Decision;

/* The node from which an extent was handed on. */
static const Node *deciding_node(const Node *node, int axis)
{
    for (int i = 0; i < node->input_count; i++) {
        const Node *input = node->inputs[i];
        if (input->op == OP_VARIABLE || input->shape.rank != node->shape.rank ||
            input->shape.extents[axis] != node->shape.extents[axis] ||
            !span_equal(input->origins[axis], node->origins[axis]))
            continue;
        node = input;
        i = -1;
    }
    return node;
}

/* "16 channels are decided here", "the height and width of 56 are decided here" */
void report_origin(Elaborator *e, const Node *node, int axis)
{
    static const char *const before[] = {"", "", "the height of ", "the width of ",
                                         "the height and width of "};
    static const char *const after[] = {" rows are", " channels are", " is", " is", " are"};
    enum { IMAGE_RANK = 4, BOTH_SIDES = 4 };
    Span origin = node->origins[axis];
    const int64_t *extents = node->shape.extents;
    bool image = node->shape.rank == IMAGE_RANK;
    bool both = image && axis == 2 && extents[2] == extents[3] && span_equal(origin, node->origins[3]);
    int form = both ? BOTH_SIDES : axis;
    const char *path = deciding_node(node, axis)->name;
    if (origin.file)
        report_note(e, origin, "%s%lld%s decided here%s%s%s", image ? before[form] : "",
                    (long long)extents[axis], image ? after[form] : " is", path ? ", at '" : "",
                    path ? path : "", path ? "'" : "");
}

void report_origins(Elaborator *e, int count, Node *const *nodes, unsigned axes)
{
    LIST(Decision) noted = {0};
    for (int axis = 0; axis < SHAPE_MAX_RANK; axis++)
        for (int i = 0; i < count && (axes >> axis & 1); i++) {
            if (axis >= nodes[i]->shape.rank || nodes[i]->op == OP_VARIABLE)
                continue;
            Decision decision = {nodes[i]->origins[axis], nodes[i]->shape.extents[axis]};
            bool known = false;
            for (size_t j = 0; j < noted.count; j++)
                known |= span_equal(noted.items[j].origin, decision.origin) &&
                         noted.items[j].extent == decision.extent;
            if (known)
                continue;
            list_push(e->program->arena, &noted, decision);
            report_origin(e, nodes[i], axis);
        }
}

unsigned differing_axes(int count, Node *const *nodes)
{
    unsigned axes = 0;
    for (int i = 1; i < count; i++)
        for (int axis = 0; axis < nodes[i]->shape.rank && nodes[i]->op != OP_VARIABLE; axis++)
            if (axis < nodes[0]->shape.rank && nodes[0]->shape.extents[axis] != nodes[i]->shape.extents[axis])
                axes |= 1u << axis;
    return axes;
}
