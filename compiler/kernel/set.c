/* All kernels of a program: equal code is printed once, calls fill in what differs. Launched kernels have a
 * launcher each, a function that the program calls as it would call the kernel. */
#include <string.h>
#include "../target/target.h"
#include "print.h"

typedef struct Definition {
    const char *key; /* the canonical text */
    const char *name;
    Printer printer;
    const Step *first;
    int calls;
    size_t rows; /* calls in its largest batch; 0: it is launched for one call at a time */
} Definition;

/* What a step calls, and with what. Parameters of equal keys stand in the same order. A step may have
 * several. */
typedef struct Call {
    const Step *step;
    KernelPart part;
    Definition *definition;
    const Parameter *parameters;
    size_t parameter_count;
} Call;

struct KernelSet {
    Arena *arena;
    LIST(Definition *) definitions;
    LIST(Call) calls;
    LIST(const char *) names;
};

KernelSet *kernel_set_new(Arena *arena)
{
    KernelSet *set = ARENA_NEW(arena, KernelSet);
    set->arena = arena;
    return set;
}

size_t kernel_set_count(const KernelSet *set)
{
    return set->definitions.count;
}

/* ---- the signature ---- */

/* Sizes, what is read, what is written, numbers. */
static int parameter_rank(const Parameter *parameter)
{
    switch (parameter->kind) {
    case PARAMETER_SIZE: return 0;
    case PARAMETER_POINTER: return parameter->written ? (parameter->partial ? 3 : 2) : 1;
    case PARAMETER_SCALAR:
    case PARAMETER_NUMBER: return 4;
    default: return 5;
    }
}

enum { PARAMETER_RANKS = 6 };

static void print_parameter(Text *out, const Parameter *parameter)
{
    switch (parameter->kind) {
    case PARAMETER_SIZE: text_add(out, "size_t %s", parameter->name); break;
    case PARAMETER_POINTER:
        text_add(out, "%s%s *%s%s", parameter->written ? "" : "const ",
                 parameter->partial ? "double" : c_type(parameter->dtype),
                 target()->launches ? "" : "restrict ", parameter->name);
        break;
    case PARAMETER_SCALAR:
        text_add(out, target()->launches ? "const float *%s" : "float %s", parameter->name);
        break;
    case PARAMETER_NUMBER: text_add(out, "float %s", parameter->name); break;
    case PARAMETER_SEED: text_add(out, "uint64_t %s", parameter->name); break;
    case PARAMETER_CONTEXT:
        text_add(out, target()->launches ? "const struct hp_image_store *%s" : "const HpContext *%s",
                 parameter->name);
        break;
    }
}

/* "static void name(size_t count, const float *restrict x, ...)", broken into lines of at most 110 columns.
 */
static void print_signature(Text *out, const Printer *printer, const char *name)
{
    enum { WIDTH = 110 };
    size_t start = out->length;
    text_add(out, "static void %s(%s", name, target()->launches ? "HpContext *context, HpGrid grid" : "");
    int indent = (int)strlen(name) + (int)strlen("static void (");
    bool first = !target()->launches;
    for (int rank = 0; rank < PARAMETER_RANKS; rank++)
        for (size_t i = 0; i < printer->parameters.count; i++) {
            if (parameter_rank(&printer->parameters.items[i]) != rank)
                continue;
            Text one = text_new(printer->arena);
            print_parameter(&one, &printer->parameters.items[i]);
            bool fits = out->length - start + one.length + 3 < WIDTH;
            if (!first && !fits) {
                text_add(out, ",\n");
                start = out->length;
                text_add(out, "%*s", indent, "");
            } else if (!first) {
                text_add(out, ", ");
            }
            text_add(out, "%s", one.data);
            first = false;
        }
    text_add(out, "%s)", first ? "void" : "");
}

/* ---- printing one kernel ---- */

static Printer printer_new(Arena *arena, const Kernel *kernel, KernelPart part, bool canonical)
{
    Printer printer = {.arena = arena, .kernel = kernel, .canonical = canonical};
    printer.dialect = target()->launches ? &dialect_cuda : &dialect_c;
    printer.text = text_new(arena);
    printer.value_text = ARENA_ARRAY(arena, const char *, (size_t)kernel->value_count);
    printer.is_loaded = ARENA_ARRAY(arena, bool, (size_t)kernel->value_count);
    if (kernel->is_image)
        (target()->launches ? print_image_kernel_cuda : print_image_kernel)(&printer);
    else if (target()->launches)
        print_kernel_cuda(&printer, part);
    else
        print_kernel_c(&printer);
    return printer;
}

/* ---- launched kernels ---- */

/* The struct of one call's arguments. */
static void print_row_struct(Text *out, const Definition *definition)
{
    const Printer *printer = &definition->printer;
    text_add(out, "struct %s%s {\n", definition->rows ? "row_of_" : "", definition->name);
    for (int rank = 0; rank < PARAMETER_RANKS; rank++)
        for (size_t i = 0; i < printer->parameters.count; i++) {
            if (parameter_rank(&printer->parameters.items[i]) != rank)
                continue;
            text_add(out, "    ");
            print_parameter(out, &printer->parameters.items[i]);
            text_add(out, ";\n");
        }
    text_add(out, "};\n");
}

/* The struct that is the kernel's parameter. The rows of a batch come with the blocks that work on each. */
static void print_arguments_struct(Text *out, const Definition *definition)
{
    print_row_struct(out, definition);
    if (definition->rows)
        text_add(out,
                 "struct %s {\n    uint32_t count;\n    struct hp_segment segments[%zu];\n"
                 "    struct row_of_%s rows[%zu];\n};\n",
                 definition->name, definition->rows, definition->name, definition->rows);
}

/* An argument as a local of the kernel; scalars are read from the device's memory. */
static void print_local(Text *out, const Definition *definition, const Parameter *parameter)
{
    const char *row = definition->rows ? "a.rows[segment]" : "a";
    bool pointer = parameter->kind == PARAMETER_POINTER || parameter->kind == PARAMETER_CONTEXT;
    Parameter local = *parameter;
    text_add(out, "    ");
    if (parameter->kind == PARAMETER_SCALAR) {
        text_add(out, "const float %s = hp_get_f32(%s.%s);\n", parameter->name, row, parameter->name);
        return;
    }
    local.name = arena_format(out->arena, pointer ? "const %s" : "%s", parameter->name);
    text_add(out, "%s", pointer ? "" : "const ");
    print_parameter(out, &local);
    text_add(out, " = %s.%s;\n", row, parameter->name);
}

static void print_launched_kernel(Text *out, const Definition *definition)
{
    const Printer *printer = &definition->printer;
    print_arguments_struct(out, definition);
    text_add(out, "KERNEL(%s, HP_THREADS)\n{\n", definition->name);
    if (definition->rows)
        text_add(out, "    const uint32_t segment = hp_segment_of_block(a.segments, a.count);\n"
                      "    const struct hp_block block = hp_block_of_segment(a.segments + segment);\n");
    else
        text_add(out, "    const struct hp_block block = hp_block_of_grid();\n");
    for (int rank = 0; rank < PARAMETER_RANKS; rank++)
        for (size_t i = 0; i < printer->parameters.count; i++)
            if (parameter_rank(&printer->parameters.items[i]) == rank)
                print_local(out, definition, &printer->parameters.items[i]);
    text_add(out, "%s}\n", printer->text.data);
}

static void print_launcher_of_batches(Text *out, const char *name)
{
    text_add(out, "static void %s(HpContext *context, unsigned blocks, const struct %s *batch)\n{\n", name,
             name);
    text_add(out, "    hp_launch(context, &launched_%s, (HpGrid){blocks, 1, 1}, batch, sizeof *batch);\n}\n",
             name);
}

static void print_launcher_of_calls(Text *out, const Definition *definition)
{
    const Printer *printer = &definition->printer;
    const char *name = definition->name;
    Text values = text_new(out->arena);
    for (int rank = 0; rank < PARAMETER_RANKS; rank++)
        for (size_t i = 0; i < printer->parameters.count; i++)
            if (parameter_rank(&printer->parameters.items[i]) == rank)
                text_add(&values, "%s%s", values.length ? ", " : "", printer->parameters.items[i].name);
    print_signature(out, printer, name);
    text_add(out, "\n{\n    const struct %s arguments = {%s};\n", name, values.data);
    text_add(out, "    hp_launch(context, &launched_%s, grid, &arguments, sizeof arguments);\n}\n", name);
}

/* The host's side: the struct, the kernel's entry, and the launcher. */
static void print_launcher(Text *out, const Definition *definition)
{
    Text origin = text_new(out->arena);
    print_arguments_struct(out, definition);
    step_describe(&origin, definition->first);
    text_add(out,
             "static HpKernel launched_%s = {.name = \"%s\", .threads = 256, .origin = ", definition->name,
             definition->name);
    text_add_quoted(out, origin.data);
    text_add(out, "};\n");
    if (definition->rows)
        print_launcher_of_batches(out, definition->name);
    else
        print_launcher_of_calls(out, definition);
}

/* The layer of the last output and what is made: "bn1_mean_variance". */
static const char *function_name(KernelSet *set, const Step *step, KernelPart part)
{
    Text text = text_new(set->arena);
    const Node *last = step->outputs.items[step->outputs.count - 1]->node;
    const char *layer = last->name ? last->name : "";
    const char *dot = strrchr(layer, '.');
    if (*layer)
        text_add(&text, "%s", dot ? dot + 1 : layer);
    for (size_t i = 0; i < step->outputs.count && i < 3; i++) {
        const char *op = op_table[step->outputs.items[i]->node->op].name;
        op = strncmp(op, "reduce_", 7) == 0 ? op + 7 : op;
        if (!strstr(text.data, op))
            text_add(&text, "%s%s", text.length ? "_" : "", op);
    }
    text_add(&text, part == PART_END ? "_end" : "");
    for (char *c = text.data; *c; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9')))
            *c = '_';
    const char *base = arena_format(set->arena, "kernel_%s", text.data), *name = base;
    for (int i = 2;; i++) {
        bool taken = false;
        for (size_t j = 0; j < set->names.count; j++)
            taken = taken || strcmp(set->names.items[j], name) == 0;
        if (!taken)
            break;
        name = arena_format(set->arena, "%s_%d", base, i);
    }
    list_push(set->arena, &set->names, name);
    return name;
}

static Definition *define(KernelSet *set, const Step *step, KernelPart part, const char *key)
{
    for (size_t i = 0; i < set->definitions.count; i++)
        if (strcmp(set->definitions.items[i]->key, key) == 0)
            return set->definitions.items[i];
    Definition *definition = ARENA_NEW(set->arena, Definition);
    definition->key = key;
    definition->first = step;
    definition->name = function_name(set, step, part);
    definition->printer = printer_new(set->arena, step->kernel, part, false);
    list_push(set->arena, &set->definitions, definition);
    return definition;
}

static void add_part(KernelSet *set, const Step *step, KernelPart part)
{
    Printer printer = printer_new(set->arena, step->kernel, part, true);
    Text key = text_new(set->arena);
    print_signature(&key, &printer, "kernel");
    text_add(&key, "\n%s", printer.text.data);
    Call call = {.step = step, .part = part, .definition = define(set, step, part, key.data)};
    call.definition->calls++;
    call.parameters = printer.parameters.items;
    call.parameter_count = printer.parameters.count;
    list_push(set->arena, &set->calls, call);
}

void kernel_set_add(KernelSet *set, const Step *step)
{
    add_part(set, step, PART_MAIN);
    if (target()->launches && step->kernel->accumulators.count > 0)
        add_part(set, step, PART_END);
}

void kernel_set_print_launchers(Text *out, const KernelSet *set)
{
    text_add(out, "struct hp_image_store;\n\n"
                  "struct hp_segment { /* of a batch: its first block, and how many along each axis */\n"
                  "    uint32_t first, x_count, y_count, z_count;\n};\n");
    for (size_t i = 0; i < set->definitions.count; i++) {
        text_add(out, "\n");
        print_launcher(out, set->definitions.items[i]);
    }
    text_add(out, "\nHpKernel *const kernels[] = {\n");
    for (size_t i = 0; i < set->definitions.count; i++)
        text_add(out, "    &launched_%s,\n", set->definitions.items[i]->name);
    text_add(out, "};\n");
}

void kernel_set_print(Text *out, const KernelSet *set)
{
    if (!target()->launches)
        text_add(out, "#include \"device/kernel_image.h\"\n#include \"device/kernel_math.h\"\n\n");
    for (size_t i = 0; i < set->definitions.count; i++) {
        const Definition *definition = set->definitions.items[i];
        Text what = text_new(set->arena);
        step_describe(&what, definition->first);
        text_add(out, "%s// %s\n", i ? "\n" : "", what.data);
        if (definition->calls > 1)
            text_add(out, "// and %d more like it\n", definition->calls - 1);
        if (target()->launches) {
            print_launched_kernel(out, definition);
            continue;
        }
        print_signature(out, &definition->printer, definition->name);
        text_add(out, "\n{\n%s}\n", definition->printer.text.data);
    }
}

/* ---- batches ---- */

static const Call *call_of(const KernelSet *set, const Step *step, KernelPart part)
{
    for (size_t i = 0; i < set->calls.count; i++)
        if (set->calls.items[i].step == step && set->calls.items[i].part == part)
            return &set->calls.items[i];
    if (part == PART_MAIN)
        internal_error("a kernel is called that is not in the set");
    return NULL;
}

bool kernel_set_batches(const KernelSet *set, const Step *a, const Step *b)
{
    for (KernelPart part = PART_MAIN; part < PARTS; part++) {
        const Call *of_a = call_of(set, a, part), *of_b = call_of(set, b, part);
        if ((of_a ? of_a->definition : NULL) != (of_b ? of_b->definition : NULL))
            return false;
    }
    return true;
}

/* Parameters of a launch may take 4096 bytes on every device; an argument takes at most 8, a segment 16. */
size_t kernel_set_batch_limit(const KernelSet *set, const Step *step)
{
    enum { PARAMETER_BYTES = 4096, HEAD_BYTES = 8, SEGMENT_BYTES = 16 };
    size_t most = 0;
    for (KernelPart part = PART_MAIN; part < PARTS; part++) {
        const Call *call = call_of(set, step, part);
        if (call && call->parameter_count > most)
            most = call->parameter_count;
    }
    return (PARAMETER_BYTES - HEAD_BYTES) / (SEGMENT_BYTES + 8 * most);
}

void kernel_set_add_batch(KernelSet *set, const Step *batch)
{
    for (KernelPart part = PART_MAIN; part < PARTS; part++) {
        const Call *call = call_of(set, batch->batch.items[0], part);
        if (call && call->definition->rows < batch->batch.count)
            call->definition->rows = batch->batch.count;
    }
}

/* ---- calls ---- */

static void print_argument(Text *out, const Parameter *parameter, const KernelCaller *caller)
{
    switch (parameter->kind) {
    case PARAMETER_SIZE:
        text_add(out, parameter->size < 0 ? "(size_t)%lld" : "%lld", (long long)parameter->size);
        break;
    case PARAMETER_POINTER: caller->pointer(out, parameter->buffer, caller->user); break;
    case PARAMETER_SCALAR: caller->scalar(out, parameter->scalar, caller->user); break;
    case PARAMETER_NUMBER: text_add(out, "%s", float_text(out->arena, parameter->number)); break;
    case PARAMETER_SEED: text_add(out, "context->seed"); break;
    case PARAMETER_CONTEXT:
        text_add(out,
                 target()->launches ? "(const struct hp_image_store *)context->device_images" : "context");
        break;
    }
}

typedef struct Blocks { /* along columns, rows, and the outer loops */
    int64_t along[3];
} Blocks;

static Blocks blocks_of(const Call *call)
{
    const Threads *threads = &call->step->kernel->threads;
    if (call->part == PART_END)
        return (Blocks){{threads->end_blocks, 1, 1}};
    return (Blocks){{threads->blocks[0], threads->blocks[1], threads->blocks[2]}};
}

static int64_t blocks_count(Blocks blocks)
{
    return blocks.along[0] * blocks.along[1] * blocks.along[2];
}

/* "count, x, y" */
static void print_arguments(Text *out, const Call *call, const KernelCaller *caller)
{
    bool first = true;
    for (int rank = 0; rank < PARAMETER_RANKS; rank++)
        for (size_t i = 0; i < call->parameter_count; i++) {
            if (parameter_rank(&call->parameters[i]) != rank)
                continue;
            text_add(out, "%s", first ? "" : ", ");
            print_argument(out, &call->parameters[i], caller);
            first = false;
        }
}

static void print_one_call(Text *out, const Call *call, const KernelCaller *caller)
{
    text_add(out, "%s(", call->definition->name);
    if (target()->launches) {
        Blocks blocks = blocks_of(call);
        text_add(out, "context, (HpGrid){%lld, %lld, %lld}%s", (long long)blocks.along[0],
                 (long long)blocks.along[1], (long long)blocks.along[2], call->parameter_count ? ", " : "");
    }
    print_arguments(out, call, caller);
    text_add(out, ");");
}

/* The blocks of a call among `all` of its batch. Threads go on along the columns, so that none needs more
 * than its share of what fills a device; the blocks of a reduction are part of its result. */
static Blocks batch_blocks(const Call *call, int64_t all)
{
    enum { ENOUGH_BLOCKS = 2048 };
    Blocks blocks = blocks_of(call);
    if (all > ENOUGH_BLOCKS && call->step->kernel->accumulators.count == 0)
        blocks.along[0] = (blocks.along[0] * ENOUGH_BLOCKS + all - 1) / all;
    return blocks;
}

/* The calls of a batch are rows of its argument, a line each. */
static void print_batch(Text *out, const Call *const *calls, size_t count, const KernelCaller *caller)
{
    Text segments = text_new(out->arena);
    int64_t all = 0, first = 0;
    for (size_t i = 0; i < count; i++)
        all += blocks_count(blocks_of(calls[i]));
    for (size_t i = 0; i < count; i++) {
        Blocks blocks = batch_blocks(calls[i], all);
        text_add(&segments, "%s{%lld, %lld, %lld, %lld}", i ? ", " : "", (long long)first,
                 (long long)blocks.along[0], (long long)blocks.along[1], (long long)blocks.along[2]);
        first += blocks_count(blocks);
    }
    const char *name = calls[0]->definition->name;
    text_add(out, "%s(context, %lld, &(const struct %s){.count = %zu, .segments = {%s}, .rows = {", name,
             (long long)first, name, count, segments.data);
    for (size_t i = 0; i < count; i++) {
        text_add(out, "\n    {");
        print_arguments(out, calls[i], caller);
        text_add(out, i + 1 < count ? "}," : "}}});");
    }
}

void kernel_print_call(Text *out, const KernelSet *set, const Step *step, const KernelCaller *caller)
{
    size_t count = step->batch.count ? step->batch.count : 1;
    const Call **calls = ARENA_ARRAY(out->arena, const Call *, count);
    for (KernelPart part = PART_MAIN; part < PARTS; part++) {
        for (size_t i = 0; i < count; i++)
            calls[i] = call_of(set, step->batch.count ? step->batch.items[i] : step, part);
        if (!calls[0])
            return;
        text_add(out, part == PART_MAIN ? "" : "\n");
        if (calls[0]->definition->rows)
            print_batch(out, calls, count, caller);
        else
            print_one_call(out, calls[0], caller);
    }
}
