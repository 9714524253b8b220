/* functions.c of a model: one function per graph, a straight line of kernel and library calls over named
 * tensors. */
#include <string.h>
#include "../../runtime/device/format.h"
#include "emit.h"

/* One function while it is printed. The body is printed first, so that only what it uses is declared above
 * it. */
typedef struct Printer {
    const Emission *emission;
    const Schedule *schedule;
    Arena *arena;
    const char **names; /* by Buffer.index; NULL: not used yet */
    LIST(const char *) taken;
    LIST(const Variable *) scalars;
    LIST(const Buffer *) variables; /* buffers that are variables, in the order of their first use */
    LIST(const Buffer *) fresh;     /* buffers of the arena that the current step is the first to use */
} Printer;

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

/* ---- what a step refers to ---- */

static const char *buffer_name(Printer *printer, const Buffer *buffer)
{
    const char **name = &printer->names[buffer->index];
    if (*name)
        return *name;
    *name = take_name(printer, wish_name(printer, buffer));
    if (buffer->variable)
        list_push(printer->arena, &printer->variables, buffer);
    else
        list_push(printer->arena, &printer->fresh, buffer);
    return *name;
}

static void print_pointer(Text *out, const Buffer *buffer, void *user)
{
    text_add(out, "%s", buffer_name(user, buffer));
}

static void print_scalar(Text *out, const Variable *scalar, void *user)
{
    Printer *printer = user;
    text_add(out, "scalar_%s", emit_identifier(printer->arena, scalar->name));
    for (size_t i = 0; i < printer->scalars.count; i++)
        if (printer->scalars.items[i] == scalar)
            return;
    list_push(printer->arena, &printer->scalars, scalar);
}

static const char *pointer_or_null(Printer *printer, const Buffer *buffer)
{
    return buffer ? buffer_name(printer, buffer) : "NULL";
}

/* ---- declarations ---- */

static const char *element_type(const Buffer *buffer)
{
    if (!buffer->node && !buffer->variable)
        return "void";
    switch (buffer->variable ? buffer->variable->dtype : buffer->node->dtype) {
    case DATA_U8: return "uint8_t";
    case DATA_I64: return "int64_t";
    default: return "float";
    }
}

/* `float *const conv1 = ARENA(4096); // [16, 64, 112, 112] nchw16c`, as one aligned line */
static void print_declaration(Text *out, Printer *printer, const Buffer *buffer)
{
    int64_t offset;
    const Buffer *root = buffer_root(buffer, &offset);
    Arena *arena = printer->arena;
    const char *comment = arena_format(arena, "%.1f KB of scratchpad", (double)buffer->bytes / 1e3);
    if (buffer->variable || buffer->node) {
        Shape shape = buffer->variable ? buffer->variable->shape : buffer->node->shape;
        HpFormat format = buffer->variable ? buffer->variable->format : buffer->node->format;
        comment = arena_format(arena, "%s%s%s", shape.rank ? shape_text(arena, shape) : "a number",
                               format == HP_FORMAT_PLAIN ? "" : " ",
                               format == HP_FORMAT_PLAIN ? "" : hp_format_name(format));
    }
    const char *place =
        root->variable
            ? arena_format(arena, "VARIABLE(%lld)",
                           (long long)(printer->emission->variable_offsets[root->variable->index] + offset))
            : arena_format(arena, "ARENA(%lld)", (long long)(root->offset + offset));
    text_add(out, "    %s *const %s = %s; /* %s */\n", element_type(buffer), printer->names[buffer->index],
             place, comment);
}

static void print_scalar_declaration(Text *out, const Printer *printer, const Variable *scalar)
{
    text_add(out, "    const float scalar_%s = context->scalars[%d];\n",
             emit_identifier(printer->arena, scalar->name),
             program_scalar(printer->emission->program, scalar));
}

/* ---- steps ---- */

static void print_library_call(Text *out, Printer *printer, const Step *step)
{
    const char *name = emit_product_name(printer->emission, step->call);
    const char *a = buffer_name(printer, step->a), *b = pointer_or_null(printer, step->b);
    const char *bias = pointer_or_null(printer, step->bias);
    const char *c = buffer_name(printer, step->outputs.items[0]);
    const char *scratchpad = pointer_or_null(printer, step->scratchpad);
    text_add(out, "hp_library_run(context, &%s, %s, %s, %s, %s, %s);", name, a, b, bias, c, scratchpad);
}

static void print_call(Text *out, Printer *printer, const Step *step)
{
    KernelCaller caller = {print_pointer, print_scalar, printer};
    switch (step->kind) {
    case STEP_LIBRARY: print_library_call(out, printer, step); break;
    case STEP_COPY: {
        const char *to = buffer_name(printer, step->outputs.items[0]);
        text_add(out, "memcpy(%s, %s, %lld);", to, buffer_name(printer, step->inputs.items[0]),
                 (long long)step->outputs.items[0]->bytes);
        break;
    }
    case STEP_KERNEL: kernel_print_call(out, printer->emission->kernels, step, &caller); break;
    case STEP_ALIAS: break;
    }
}

/* Aliases do nothing and have no number. */
static bool is_executed(const Step *step)
{
    return step->kind != STEP_ALIAS;
}

static void print_steps(Text *out, Printer *printer)
{
    int number = 0;
    for (size_t i = 0; i < printer->schedule->steps.count; i++) {
        const Step *step = printer->schedule->steps.items[i];
        if (!is_executed(step))
            continue;
        Text call = text_new(printer->arena), title = text_new(printer->arena);
        print_call(&call, printer, step);
        step_describe(&title, step);
        text_add(&title, " */");
        text_add(out, "\n");
        emit_wrapped(out, "    /* ", "     * ", title.data);
        text_add(out, "    hp_step(context, %d);\n", number++);
        for (size_t j = 0; j < printer->fresh.count; j++)
            print_declaration(out, printer, printer->fresh.items[j]);
        printer->fresh.count = 0;
        emit_wrapped(out, "    ", "        ", call.data);
    }
    text_add(out, "\n    hp_step(context, %d);\n", number);
}

static void print_function(Text *out, const Emission *emission, size_t index)
{
    const Schedule *schedule = emission->schedules[index];
    const Function *function = &emission->functions.items[index];
    Printer printer = {.emission = emission,
                       .schedule = schedule,
                       .arena = emission->arena,
                       .names = ARENA_ARRAY(emission->arena, const char *, schedule->buffers.count)};
    Text body = text_new(emission->arena);
    print_steps(&body, &printer);
    text_add(out, "\n/* %s: %lld bytes of the arena; %lld without sharing. */\n", function->graph->name,
             (long long)schedule->arena_bytes, (long long)schedule->bytes_before);
    text_add(out, "void %s(HpContext *context)\n{\n", emit_identifier(emission->arena, function->name));
    for (size_t i = 0; i < printer.scalars.count; i++)
        print_scalar_declaration(out, &printer, printer.scalars.items[i]);
    for (size_t i = 0; i < printer.variables.count; i++)
        print_declaration(out, &printer, printer.variables.items[i]);
    text_add_bytes(out, body.data, body.length);
    text_add(out, "}\n");
}

void emit_functions(Text *out, const Emission *emission)
{
    text_add(out, "#include <string.h>\n#include \"model.h\"\n#include \"kernels.h\"\n\n");
    text_add(out,
             "/* Places in the model's one block of memory: the variables, then the arena that all functions "
             "share.\n"
             " * An address of the arena belongs to a tensor from its first use to its last. */\n"
             "#define VARIABLE(offset) ((void *)(context->memory + (offset)))\n"
             "#define ARENA(offset) ((void *)(context->memory + %lld + (offset)))\n",
             (long long)emission->variable_bytes);
    for (size_t i = 0; i < emission->functions.count; i++)
        print_function(out, emission, i);
}

/* ---- tables about functions, in model.c ---- */

static double product_flops(const HpLibraryCall *call)
{
    switch (call->kind) {
    case HP_MATMUL: return 2.0 * (double)call->batch * (double)call->m * (double)call->n * (double)call->k;
    case HP_REORDER: return 0;
    default:
        return 2.0 * (double)(call->batch * call->out_channels) *
               (double)(call->out_size[0] * call->out_size[1]) *
               (double)(call->in_channels / call->groups * call->kernel[0] * call->kernel[1]);
    }
}

static void print_step_table(Text *out, const Emission *emission, size_t index)
{
    const Schedule *schedule = emission->schedules[index];
    text_add(out, "\nstatic const HpStep steps_%zu[] = { /* %s */\n", index,
             emission->functions.items[index].name);
    for (size_t i = 0; i < schedule->steps.count; i++) {
        const Step *step = schedule->steps.items[i];
        if (!is_executed(step))
            continue;
        int64_t bytes = 0;
        for (size_t j = 0; j < step->inputs.count; j++)
            bytes += step->inputs.items[j]->bytes;
        for (size_t j = 0; j < step->outputs.count; j++)
            bytes += step->outputs.items[j]->bytes;
        Text title = text_new(emission->arena);
        step_describe(&title, step);
        text_add(out, "    {");
        emit_string(out, title.data);
        text_add(out, ", %lld, ", (long long)bytes);
        text_add_number(out, step->call ? product_flops(step->call) : 0);
        text_add(out, "},\n");
    }
    text_add(out, "    {NULL, 0, 0}};\n");
}

static void print_result_table(Text *out, const Emission *emission, size_t index)
{
    const Schedule *schedule = emission->schedules[index];
    const Graph *graph = schedule->graph;
    if (graph->results.count == 0)
        return;
    text_add(out, "\nstatic const HpResult results_%zu[] = {\n", index);
    for (size_t i = 0; i < graph->results.count; i++) {
        const Node *node = graph->results.items[i].node;
        int64_t offset;
        const Buffer *root = buffer_root(schedule->buffer_of[node->id], &offset);
        offset += root->variable ? emission->variable_offsets[root->variable->index]
                                 : emission->variable_bytes + root->offset;
        text_add(out, "    {");
        emit_string(out, graph->results.items[i].name);
        text_add(out, ", %lld, %lld}, /* %s */\n", (long long)offset, (long long)shape_count(node->shape),
                 shape_text(emission->arena, node->shape));
    }
    text_add(out, "};\n");
}

static int executed_steps(const Schedule *schedule)
{
    int count = 0;
    for (size_t i = 0; i < schedule->steps.count; i++)
        count += is_executed(schedule->steps.items[i]);
    return count;
}

void emit_function_tables(Text *out, const Emission *emission)
{
    static const char *const kinds[] = {
        [HP_FUNCTION_TRAIN] = "HP_FUNCTION_TRAIN",     [HP_FUNCTION_UPDATE] = "HP_FUNCTION_UPDATE",
        [HP_FUNCTION_PREPARE] = "HP_FUNCTION_PREPARE", [HP_FUNCTION_EVALUATE] = "HP_FUNCTION_EVALUATE",
        [HP_FUNCTION_PREDICT] = "HP_FUNCTION_PREDICT", [HP_FUNCTION_SCHEDULE] = "HP_FUNCTION_SCHEDULE"};
    size_t count = emission->functions.count;
    for (size_t i = 0; i < count; i++) {
        print_step_table(out, emission, i);
        print_result_table(out, emission, i);
    }
    text_add(out, "\nstatic const HpFunction functions[] = {\n");
    for (size_t i = 0; i < count; i++) {
        const Function *function = &emission->functions.items[i];
        size_t results = function->graph->results.count;
        text_add(out, "    {");
        emit_string(out, function->name);
        text_add(out, ", %s, %s, %zu, %s, %d, steps_%zu},\n", kinds[function->kind],
                 emit_identifier(emission->arena, function->name), results,
                 results ? arena_format(emission->arena, "results_%zu", i) : "NULL",
                 executed_steps(emission->schedules[i]), i);
    }
    text_add(out, "};\n");
}
