/* functions.c of a model: one function per graph, a straight line of kernel and library calls over named
 * tensors. Where the same steps come again on other memory, as the blocks of a deep network make them, they
 * are one function of their own that is called with a row of places. */
#include <string.h>
#include "../../runtime/device/format.h"
#include "../target/target.h"
#include "emit.h"
#include "repeat.h"

/* A step's call, with MARK where each pointer goes: calls with equal text differ in pointers alone. */
typedef struct Call {
    const Step *step;
    const char *text;
    LIST(const Buffer *) buffers;
    LIST(const Variable *) scalars;
} Call;

enum { MARK = '\1' };

typedef LIST(Call) CallList;

/* What a C name stands for in a function. */
typedef struct Local {
    const Buffer *buffer; /* in a repeat: the first time round */
    const char *name;     /* NULL: not used yet */
    int column;           /* of the row of places; -1: it is always in the same place */
} Local;

typedef LIST(Local *) LocalList;

/* One C function while it is printed. The body is printed first, so that only what it uses is declared above
 * it. */
typedef struct Printer {
    const Emission *emission;
    Arena *arena;
    LIST(const char *) taken;
    LIST(const Variable *) scalars;
    LocalList variables; /* locals that are variables, in the order of their first use */
    LocalList fresh;     /* locals of the arena that the current step is the first to use */
    Text body;
} Printer;

/* ---- calls ---- */

static void mark_pointer(Text *out, const Buffer *buffer, void *user)
{
    Call *call = user;
    text_add(out, "%c", MARK);
    list_push(out->arena, &call->buffers, buffer);
}

static void print_scalar(Text *out, const Variable *scalar, void *user)
{
    Call *call = user;
    text_add(out, "scalar_%s", emit_identifier(out->arena, scalar->name));
    list_push(out->arena, &call->scalars, scalar);
}

static void mark_or_null(Text *out, const Buffer *buffer, Call *call)
{
    text_add(out, ", ");
    if (buffer)
        mark_pointer(out, buffer, call);
    else
        text_add(out, "NULL");
}

static void print_library_call(Text *out, const Emission *emission, Call *call)
{
    const Step *step = call->step;
    text_add(out, "hp_library_run(context, &%s", emit_product_name(emission, step->call));
    mark_or_null(out, step->a, call);
    mark_or_null(out, step->b, call);
    mark_or_null(out, step->bias, call);
    mark_or_null(out, step->outputs.items[0], call);
    mark_or_null(out, step->statistics, call);
    mark_or_null(out, step->scratchpad, call);
    text_add(out, ");");
}

static void print_copy(Text *out, Call *call)
{
    text_add(out, "hp_copy(context");
    mark_or_null(out, call->step->outputs.items[0], call);
    mark_or_null(out, call->step->inputs.items[0], call);
    text_add(out, ", %lld);", (long long)call->step->outputs.items[0]->bytes);
}

static Call print_call(const Emission *emission, const Step *step)
{
    Call call = {.step = step};
    Text text = text_new(emission->arena);
    KernelCaller caller = {mark_pointer, print_scalar, &call};
    switch (step->kind) {
    case STEP_LIBRARY: print_library_call(&text, emission, &call); break;
    case STEP_COPY: print_copy(&text, &call); break;
    case STEP_KERNEL: kernel_print_call(&text, emission->kernels, step, &caller); break;
    case STEP_ALIAS: internal_error("an alias is not called");
    }
    call.text = text.data;
    return call;
}

static CallList print_calls(const Emission *emission, const Schedule *schedule)
{
    CallList calls = {0};
    for (size_t i = 0; i < schedule->steps.count; i++) {
        if (!emit_is_executed(schedule->steps.items[i]))
            continue;
        list_push(emission->arena, &calls, print_call(emission, schedule->steps.items[i]));
    }
    return calls;
}

/* ---- names ---- */

static bool is_taken(const Printer *printer, const char *name)
{
    for (size_t i = 0; i < printer->taken.count; i++)
        if (strcmp(printer->taken.items[i], name) == 0)
            return true;
    return false;
}

static const char *take_name(Printer *printer, const char *name)
{
    const char *base = name;
    for (int i = 2; is_taken(printer, name); i++)
        name = arena_format(printer->arena, "%s_%d", base, i);
    list_push(printer->arena, &printer->taken, name);
    return name;
}

/* The path of the layer, with the op behind it for everything but what the layer is named after. */
static const char *wish_name(const Printer *printer, const Buffer *buffer)
{
    const Node *node = buffer->node;
    if (buffer->variable)
        return emit_identifier(printer->arena, buffer->variable->name);
    if (!node)
        return "scratch";
    const char *op = op_table[node->op].name;
    if (!node->name)
        return emit_identifier(printer->arena, op);
    const char *path = emit_identifier(printer->arena, node->name);
    return is_taken(printer, path) || op_table[node->op].class != CLASS_CONTRACTION
               ? arena_format(printer->arena, "%s_%s", path, op)
               : path;
}

static const char *local_name(Printer *printer, Local *local)
{
    if (local->name)
        return local->name;
    local->name = take_name(printer, wish_name(printer, local->buffer));
    LocalList *list = local->buffer->variable ? &printer->variables : &printer->fresh;
    list_push(printer->arena, list, local);
    return local->name;
}

/* ---- declarations ---- */

static const char *element_type(const Buffer *buffer)
{
    if (!buffer->node && !buffer->variable)
        return "void";
    switch (buffer->variable ? buffer->variable->dtype : buffer->node->dtype) {
    case HP_U8: return "uint8_t";
    case HP_F16:
    case HP_BF16: return "uint16_t";
    case HP_I64: return "int64_t";
    default: return "float";
    }
}

static int64_t place_of(const Emission *emission, const Buffer *buffer)
{
    return buffer_place(buffer, emission->variable_offsets, emission->variable_bytes);
}

static const char *place_text(const Emission *emission, const Local *local)
{
    int64_t place = place_of(emission, local->buffer);
    if (local->column >= 0)
        return arena_format(emission->arena, "PLACE(%d)", local->column);
    if (place < emission->variable_bytes)
        return arena_format(emission->arena, "VARIABLE(%lld)", (long long)place);
    return arena_format(emission->arena, "ARENA(%lld)", (long long)(place - emission->variable_bytes));
}

/* `float *const conv1 = ARENA(4096); // [16, 64, 112, 112] nchw16c`, as one aligned line */
static void print_declaration(Text *out, const Emission *emission, const Local *local)
{
    const Buffer *buffer = local->buffer;
    Arena *arena = emission->arena;
    const char *comment = arena_format(arena, "%.1f KB of scratchpad", (double)buffer->bytes / 1e3);
    if (buffer->variable || buffer->node) {
        Shape shape = buffer->variable ? buffer->variable->shape : buffer->node->shape;
        HpFormat format = buffer->variable ? buffer->variable->format : buffer->node->format;
        comment = arena_format(arena, "%s%s%s", shape.rank ? shape_text(arena, shape) : "a number",
                               format == HP_FORMAT_PLAIN ? "" : " ",
                               format == HP_FORMAT_PLAIN ? "" : hp_format_name(format));
    }
    text_add(out, "    %s *const %s = %s; /* %s */\n", element_type(buffer), local->name,
             place_text(emission, local), comment);
}

/* Closes the body and puts it below its declarations. */
static void print_body(Text *out, Printer *printer)
{
    const Emission *emission = printer->emission;
    for (size_t i = 0; i < printer->scalars.count; i++)
        text_add(out,
                 target()->launches ? "    const float *const scalar_%s = context->device_scalars + %d;\n"
                                    : "    const float scalar_%s = context->scalars[%d];\n",
                 emit_identifier(printer->arena, printer->scalars.items[i]->name),
                 program_scalar(emission->program, printer->scalars.items[i]));
    for (size_t i = 0; i < printer->variables.count; i++)
        print_declaration(out, emission, printer->variables.items[i]);
    text_add_bytes(out, printer->body.data, printer->body.length);
    text_add(out, "}\n");
}

/* ---- steps ---- */

static void use_scalars(Printer *printer, const Call *call)
{
    for (size_t i = 0; i < call->scalars.count; i++) {
        bool known = false;
        for (size_t j = 0; j < printer->scalars.count; j++)
            known = known || printer->scalars.items[j] == call->scalars.items[i];
        if (!known)
            list_push(printer->arena, &printer->scalars, call->scalars.items[i]);
    }
}

/* One step: what it is, its number, the tensors it is the first to use, its call. `locals` has one entry per
 * mark. */
static void print_step(Printer *printer, const Call *call, const char *number, Local *const *locals)
{
    Text *body = &printer->body;
    Text title = text_new(printer->arena), text = text_new(printer->arena);
    step_describe(&title, call->step);
    text_add(&title, " */");
    for (const char *at = call->text; *at; at++)
        if (*at == MARK)
            text_add(&text, "%s", local_name(printer, *locals++));
        else
            text_add_bytes(&text, at, 1);
    use_scalars(printer, call);
    text_add(body, "\n");
    emit_wrapped(body, "    /* ", "     * ", title.data);
    text_add(body, "    hp_step(context, %s);\n", number);
    for (size_t i = 0; i < printer->fresh.count; i++)
        print_declaration(body, printer->emission, printer->fresh.items[i]);
    printer->fresh.count = 0;
    char *rest = text.data;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;)
        emit_wrapped(body, "    ", "        ", line);
}

/* ---- repeats ---- */

/* Numbers the texts of the calls, equal ones alike. */
static RepeatList find_repeats(Arena *arena, const CallList *calls)
{
    size_t *keys = ARENA_ARRAY(arena, size_t, calls->count);
    for (size_t i = 0; i < calls->count; i++) {
        keys[i] = i;
        for (size_t j = i; j-- > 0 && keys[i] == i;)
            if (strcmp(calls->items[j].text, calls->items[i].text) == 0)
                keys[i] = keys[j];
    }
    return repeats_find(arena, keys, calls->count);
}

/* The pointers of a repeat, one behind the other: buffers[time][slot]. */
typedef struct Slots {
    size_t count, times;
    const Buffer ***buffers;
} Slots;

static Slots slots_of(Arena *arena, const Call *calls, Repeat repeat)
{
    Slots slots = {.times = repeat.count, .buffers = ARENA_ARRAY(arena, const Buffer **, repeat.count)};
    for (size_t i = 0; i < repeat.period; i++)
        slots.count += calls[repeat.first + i].buffers.count;
    for (size_t time = 0; time < repeat.count; time++) {
        const Buffer **at = slots.buffers[time] = ARENA_ARRAY(arena, const Buffer *, slots.count);
        for (size_t i = 0; i < repeat.period; i++) {
            const Call *call = &calls[repeat.first + time * repeat.period + i];
            for (size_t j = 0; j < call->buffers.count; j++)
                *at++ = call->buffers.items[j];
        }
    }
    return slots;
}

/* Two slots that name the same buffer every time are one local. */
static bool are_same(const Slots *slots, size_t a, size_t b)
{
    for (size_t time = 0; time < slots->times; time++)
        if (slots->buffers[time][a] != slots->buffers[time][b])
            return false;
    return true;
}

static bool moves(const Emission *emission, const Slots *slots, size_t slot)
{
    for (size_t time = 1; time < slots->times; time++)
        if (place_of(emission, slots->buffers[time][slot]) != place_of(emission, slots->buffers[0][slot]))
            return true;
    return false;
}

/* One local per slot; fills columns[] with the slots that become columns of the places, and counts them. */
static Local **locals_of(const Emission *emission, const Slots *slots, size_t *columns, size_t *column_count)
{
    Local **locals = ARENA_ARRAY(emission->arena, Local *, slots->count);
    for (size_t i = 0; i < slots->count; i++) {
        for (size_t j = 0; j < i && !locals[i]; j++)
            if (are_same(slots, i, j))
                locals[i] = locals[j];
        if (locals[i])
            continue;
        locals[i] = ARENA_NEW(emission->arena, Local);
        *locals[i] = (Local){slots->buffers[0][i], NULL, -1};
        if (moves(emission, slots, i)) {
            locals[i]->column = (int)*column_count;
            columns[(*column_count)++] = i;
        }
    }
    return locals;
}

static void print_places(Text *out, const Emission *emission, const char *name, const Slots *slots,
                         const size_t *columns, size_t column_count)
{
    text_add(out, "\nstatic const int64_t %s_places[%zu][%zu] = {\n", name, slots->times, column_count);
    for (size_t time = 0; time < slots->times; time++) {
        Text row = text_new(emission->arena);
        for (size_t i = 0; i < column_count; i++)
            text_add(&row, "%s%lld", i ? ", " : "{",
                     (long long)place_of(emission, slots->buffers[time][columns[i]]));
        text_add(&row, "},");
        emit_wrapped(out, "    ", "     ", row.data);
    }
    text_add(out, "};\n");
}

/* The function that a repeat becomes. Its steps and tensors are called as they are the first time round. */
static void print_repeat(Text *out, const Emission *emission, const char *name, const Call *calls,
                         Repeat repeat)
{
    Arena *arena = emission->arena;
    Slots slots = slots_of(arena, calls, repeat);
    size_t *columns = ARENA_ARRAY(arena, size_t, slots.count), column_count = 0;
    Local **locals = locals_of(emission, &slots, columns, &column_count);
    if (column_count == 0)
        internal_error("the steps of %s repeat on the same memory", name);
    print_places(out, emission, name, &slots, columns, column_count);
    Printer printer = {.emission = emission, .arena = arena, .body = text_new(arena)};
    for (size_t i = 0, slot = 0; i < repeat.period; i++) {
        const Call *call = &calls[repeat.first + i];
        print_step(&printer, call, arena_format(arena, "step + %zu", i), &locals[slot]);
        slot += call->buffers.count;
    }
    text_add(out, "\n/* %zu steps, %zu times; the names are those of the first time. */\n", repeat.period,
             repeat.count);
    text_add(out, "static void %s(HpContext *context, int step, const int64_t *places)\n{\n", name);
    print_body(out, &printer);
}

/* ---- functions ---- */

/* A step that stands alone: its locals are those of its function. */
static void print_single(Printer *printer, const Call *call, size_t number, Local *function_locals)
{
    Local **locals = ARENA_ARRAY(printer->arena, Local *, call->buffers.count);
    for (size_t i = 0; i < call->buffers.count; i++)
        locals[i] = &function_locals[call->buffers.items[i]->index];
    print_step(printer, call, arena_format(printer->arena, "%zu", number), locals);
}

/* The repeats as functions to `out`, everything else and their calls to the printer's body. */
static void print_steps(Text *out, Printer *printer, const char *name, const Schedule *schedule)
{
    Arena *arena = printer->arena;
    CallList calls = print_calls(printer->emission, schedule);
    RepeatList repeats = find_repeats(arena, &calls);
    Local *locals = ARENA_ARRAY(arena, Local, schedule->buffers.count);
    for (size_t i = 0; i < schedule->buffers.count; i++)
        locals[i] = (Local){schedule->buffers.items[i], NULL, -1};
    for (size_t step = 0, r = 0; step < calls.count;) {
        if (r == repeats.count || step < repeats.items[r].first) {
            print_single(printer, &calls.items[step], step, locals);
            step++;
            continue;
        }
        Repeat repeat = repeats.items[r++];
        const char *part = arena_format(arena, "%s_repeat_%zu", name, r);
        print_repeat(out, printer->emission, part, calls.items, repeat);
        text_add(&printer->body, "\n    for (int i = 0; i < %zu; i++)\n", repeat.count);
        text_add(&printer->body, "        %s(context, %zu + %zu * i, %s_places[i]);\n", part, step,
                 repeat.period, part);
        step += repeat.period * repeat.count;
    }
    text_add(&printer->body, "\n    hp_step(context, %zu);\n", calls.count);
}

static void print_function(Text *out, const Emission *emission, size_t index)
{
    Arena *arena = emission->arena;
    const Schedule *schedule = emission->schedules[index];
    const char *name = emit_identifier(arena, emission->functions.items[index].name);
    Printer printer = {.emission = emission, .arena = arena, .body = text_new(arena)};
    print_steps(out, &printer, name, schedule);
    text_add(out, "\n/* %s: %lld bytes of the arena; %lld without sharing. */\n", schedule->graph->name,
             (long long)schedule->arena_bytes, (long long)schedule->bytes_before);
    text_add(out, "void %s(HpContext *context)\n{\n", name);
    print_body(out, &printer);
}

void emit_functions(Text *out, const Emission *emission)
{
    text_add(out, "#include \"model.h\"\n#include \"kernels.h\"\n\n");
    text_add(
        out,
        "/* Places in the model's one block of memory: the variables, then the arena that all functions "
        "share.\n"
        " * An address of the arena belongs to a tensor from its first use to its last. Where steps repeat, "
        "a row of\n"
        " * places says where each of their tensors is this time, in bytes from the block's start. */\n"
        "#define VARIABLE(offset) ((void *)(context->memory + (offset)))\n"
        "#define ARENA(offset) ((void *)(context->memory + %lld + (offset)))\n"
        "#define PLACE(column) ((void *)(context->memory + places[column]))\n",
        (long long)emission->variable_bytes);
    for (size_t i = 0; i < emission->functions.count; i++)
        print_function(out, emission, i);
}
