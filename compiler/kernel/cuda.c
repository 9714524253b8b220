/* Kernels as CUDA: what threads.c decided, printed over the words of runtime/device/kernel_cuda.h. */
#include <ctype.h>
#include <string.h>
#include "print.h"

/* Floats are added up in groups so small that their rounding does not show, groups in double. */
enum { GROUP = 8 };

/* ---- elements ---- */

static const char *type_word(const Parameter *pointer)
{
    static const char *const words[] = {
        [HP_F32] = "f32", [HP_F16] = "f16", [HP_BF16] = "bf16", [HP_U8] = "u8", [HP_I64] = "i64"};
    return pointer->partial ? "f64" : words[pointer->dtype];
}

static const char *element_text(Printer *printer, const Parameter *pointer, const char *address)
{
    return arena_format(printer->arena, "hp_get_%s(%s + %s)", type_word(pointer), pointer->name, address);
}

/* Do the lanes of an access lie next to each other, all inside or all outside? */
static bool has_neighbours(const Printer *printer, const Access *access)
{
    return printer->kernel->lanes && !printer->ends && access_is_contiguous(printer->kernel, access);
}

/* The address of the first lane. */
static const char *lanes_address(Printer *printer, const Access *access)
{
    Access first = *access;
    if (has_neighbours(printer, access))
        first.stride[printer->kernel->loop_count - 1] = 0;
    return address_text(printer, &first, "");
}

/* "hp_load8_bf16(name, x + at);" */
static const char *load_text_of(Printer *printer, const Value *value, const char *name)
{
    const Parameter *pointer = pointer_parameter(printer, value->access.buffer, false);
    return arena_format(printer->arena, "hp_load%lld_%s(%s, %s + %s);", (long long)printer->kernel->lanes,
                        type_word(pointer), name, pointer->name,
                        shared_address(printer, lanes_address(printer, &value->access)));
}

static void load_lanes_of(Printer *printer, const Value *value)
{
    const Access *access = &value->access;
    const char *name = value_name(printer, value), *load = load_text_of(printer, value, name);
    print_line(printer, "float %s[%lld];", name, (long long)printer->kernel->lanes);
    printer->value_text[value->id] = arena_format(printer->arena, "%s[lane]", name);
    printer->is_loaded[value->id] = true;
    if (!access->guards) {
        print_line(printer, "%s", load);
        return;
    }
    print_open(printer, "if (%s)", guard_text(printer, access));
    print_line(printer, "%s", load);
    printer->indent--;
    print_open(printer, "} else");
    open_lanes(printer);
    print_line(printer, "%s[lane] = %s;", name, value_text(printer, value->inputs[0]));
    print_close(printer);
    print_close(printer);
}

/* Is what stands in where a guarded load does not reach there before the lanes are? */
static bool is_at_hand(const Printer *printer, const Value *value)
{
    return value->kind == VALUE_CONSTANT || printer->value_text[value->id];
}

/* Is it loaded for all lanes at once? */
static bool has_lanes_together(const Printer *printer, const Value *value)
{
    return value->kind == VALUE_LOAD && value->node->dtype != HP_I64 &&
           has_neighbours(printer, &value->access);
}

static void load_lanes(Printer *printer, const ValueList *values)
{
    for (size_t i = 0; i < values->count; i++) {
        const Value *value = values->items[i];
        if (has_lanes_together(printer, value) && !printer->is_loaded[value->id] &&
            (!value->access.guards || is_at_hand(printer, value->inputs[0])))
            load_lanes_of(printer, value);
    }
}

/* The lanes of an access share its address where it is that of the first. */
static const char *shared_part(Printer *printer, const Access *access)
{
    bool by_lane = printer->kernel->lanes && !printer->ends && !has_neighbours(printer, access);
    return by_lane ? NULL : lanes_address(printer, access);
}

const Dialect dialect_cuda = {.lane_pragma = "HP_UNROLL",
                              .element = element_text,
                              .address = shared_part,
                              .load_lanes = load_lanes,
                              .shares_strides = true};

/* ---- indices ---- */

/* Does the text have the name as a word? */
static bool mentions(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = text; (at = strstr(at, name)) != NULL; at += length)
        if (!isalnum((unsigned char)at[length]) && at[length] != '_' &&
            (at == text || (!isalnum((unsigned char)at[-1]) && at[-1] != '_')))
            return true;
    return false;
}

/* The indices of loops [from, to), from the number of a step through all of them: those that `user`, the text
 * that follows, speaks of; when it is NULL, those that the nest needs. */
static void print_indices(Printer *printer, const char *number, int from, int to, const char *user)
{
    const Kernel *kernel = printer->kernel;
    const char *left = number;
    unsigned needed = printer->ends ? kernel->end.loops : kernel->main.loops;
    for (int l = to - 1; l >= from; l--) {
        const char *value = left;
        if (kernel->loops[l].extent == 1 && l > from) {
            value = "0";
        } else if (l > from) {
            const char *count = loop_count_text(printer, l);
            value = arena_format(printer->arena, "%s %% (uint32_t)%s", left, count);
            left = arena_format(printer->arena, "%s / (uint32_t)%s", left, count);
        }
        if (user ? mentions(user, kernel->loops[l].index) : needed >> l & 1)
            print_line(printer, "const size_t %s = %s;", kernel->loops[l].index, value);
    }
}

/* A loop of a thread, or of all blocks at once, over several loops of the kernel; returns the name of its
 * number, which is that of the loop where there is just one. */
static const char *open_shared_loop(Printer *printer, const char *name, int from, int to, const char *first,
                                    const char *step)
{
    bool single = to - from == 1;
    const char *index = single ? printer->kernel->loops[from].index : printer_name(printer, name);
    const char *end = to > from ? extent_product(printer, from, to, false) : "1";
    print_open(printer, "for (%s %s = %s; %s < %s; %s += %s)", single ? "size_t" : "uint32_t", index, first,
               index, end, index, step);
    if (to - from > 1)
        print_indices(printer, index, from, to, NULL);
    return index;
}

/* ---- stores ---- */

void cuda_print_store(Printer *printer, const Parameter *pointer, const char *address, const char *array,
                      int64_t count)
{
    if (count == 2 || count == 4 || count == 8) {
        print_line(printer, "hp_store%lld_%s(%s + %s, %s);", (long long)count, type_word(pointer),
                   pointer->name, address, array);
        return;
    }
    print_line(printer, "HP_UNROLL");
    print_line(printer, "for (int i = 0; i < %lld; i++)", (long long)count);
    print_line(printer, "    hp_put_%s(%s + %s + i, %s[i]);", type_word(pointer), pointer->name, address,
               array);
}

static const char *array_of_store(Printer *printer, const Store *store)
{
    return arena_format(printer->arena, "%s_lanes",
                        pointer_parameter(printer, store->access.buffer, true)->name);
}

/* Those whose lanes lie next to each other are collected; the others are stored one by one. */
static void print_lane_stores(Printer *printer, const Nest *nest)
{
    for (size_t i = 0; i < nest->stores.count; i++) {
        const Store *store = &nest->stores.items[i];
        const Parameter *pointer = pointer_parameter(printer, store->access.buffer, true);
        if (has_neighbours(printer, &store->access))
            print_line(printer, "%s[lane] = %s;", array_of_store(printer, store),
                       value_text(printer, store->value));
        else
            print_line(printer, "hp_put_%s(%s + %s, %s);", type_word(pointer), pointer->name,
                       shared_address(printer, address_text(printer, &store->access, pointer->name)),
                       value_text(printer, store->value));
    }
}

static void declare_lane_stores(Printer *printer, const Nest *nest)
{
    for (size_t i = 0; i < nest->stores.count; i++)
        if (has_neighbours(printer, &nest->stores.items[i].access))
            print_line(printer, "float %s[%lld];", array_of_store(printer, &nest->stores.items[i]),
                       (long long)printer->kernel->lanes);
}

static void store_lanes(Printer *printer, const Nest *nest)
{
    for (size_t i = 0; i < nest->stores.count; i++) {
        const Store *store = &nest->stores.items[i];
        const Parameter *pointer = pointer_parameter(printer, store->access.buffer, true);
        if (has_neighbours(printer, &store->access))
            cuda_print_store(printer, pointer,
                             shared_address(printer, lanes_address(printer, &store->access)),
                             array_of_store(printer, store), printer->kernel->lanes);
    }
}

/* ---- sums ---- */

static bool lanes_are_kept(const Kernel *kernel)
{
    return kernel->lanes && kernel->columns;
}

static const char *lane_suffix(const Printer *printer)
{
    return printer->kernel->lanes ? "[lane]" : "";
}

static void open_lanes_if_any(Printer *printer)
{
    if (printer->kernel->lanes)
        open_lanes(printer);
}

static void close_lanes_if_any(Printer *printer)
{
    if (printer->kernel->lanes)
        print_close(printer);
}

static bool has_groups(const Kernel *kernel)
{
    for (size_t i = 0; i < kernel->accumulators.count; i++)
        if (kernel->accumulators.items[i]->kind != ACCUMULATE_MAX)
            return true;
    return false;
}

/* "sum": of a group; "all_sum": of the groups so far. */
static void declare_sums(Printer *printer)
{
    const Kernel *kernel = printer->kernel;
    const char *lanes = kernel->lanes ? arena_format(printer->arena, "[%lld]", (long long)kernel->lanes) : "";
    for (size_t i = 0; i < kernel->accumulators.count; i++) {
        const Accumulator *accumulator = kernel->accumulators.items[i];
        print_line(printer, "double %s%s;", total_name(printer, accumulator), lanes);
        if (accumulator->kind != ACCUMULATE_MAX)
            print_line(printer, "float %s%s;", accumulator_name(printer, accumulator), lanes);
    }
    if (has_groups(kernel))
        print_line(printer, "uint32_t group = 0;");
    open_lanes_if_any(printer);
    for (size_t i = 0; i < kernel->accumulators.count; i++) {
        const Accumulator *accumulator = kernel->accumulators.items[i];
        print_line(printer, "%s%s = %s;", total_name(printer, accumulator), lane_suffix(printer),
                   first_value(accumulator));
        if (accumulator->kind != ACCUMULATE_MAX)
            print_line(printer, "%s%s = 0.0f;", accumulator_name(printer, accumulator), lane_suffix(printer));
    }
    close_lanes_if_any(printer);
}

static void print_accumulation(Printer *printer)
{
    const Kernel *kernel = printer->kernel;
    for (size_t i = 0; i < kernel->accumulators.count; i++) {
        const Accumulator *accumulator = kernel->accumulators.items[i];
        const char *value = value_use(printer, accumulator->value), *suffix = lane_suffix(printer);
        const char *sum = accumulator_name(printer, accumulator), *total = total_name(printer, accumulator);
        switch (accumulator->kind) {
        case ACCUMULATE_SUM: print_line(printer, "%s%s += %s;", sum, suffix, value); break;
        case ACCUMULATE_SQUARES: print_line(printer, "%s%s += %s * %s;", sum, suffix, value, value); break;
        case ACCUMULATE_MAX:
            print_line(printer, "%s%s = hp_maximum_double(%s%s, %s);", total, suffix, total, suffix, value);
            break;
        }
    }
}

/* The groups' sums go over to the totals. */
static void print_group_end(Printer *printer)
{
    const Kernel *kernel = printer->kernel;
    open_lanes_if_any(printer);
    for (size_t i = 0; i < kernel->accumulators.count; i++) {
        const Accumulator *accumulator = kernel->accumulators.items[i];
        const char *sum = accumulator_name(printer, accumulator), *suffix = lane_suffix(printer);
        if (accumulator->kind == ACCUMULATE_MAX)
            continue;
        print_line(printer, "%s%s += (double)%s%s;", total_name(printer, accumulator), suffix, sum, suffix);
        print_line(printer, "%s%s = 0.0f;", sum, suffix);
    }
    close_lanes_if_any(printer);
}

/* A total of a thread over its lanes where these are reduced. */
static void join_lanes(Printer *printer, const Accumulator *accumulator)
{
    const char *total = total_name(printer, accumulator);
    print_line(printer, "HP_UNROLL");
    print_open(printer, "for (size_t lane = 1; lane < %lld; lane++)", (long long)printer->kernel->lanes);
    accumulate(printer, arena_format(printer->arena, "%s[0]", total),
               accumulator->kind == ACCUMULATE_MAX ? ACCUMULATE_MAX : ACCUMULATE_SUM,
               arena_format(printer->arena, "%s[lane]", total));
    print_close(printer);
}

/* The threads that have a block's results, and the place of the first lane's. */
static void open_block_results(Printer *printer, const char *kept, const char *outer_number, long long lanes)
{
    const Kernel *kernel = printer->kernel;
    if (!kernel->columns) {
        print_open(printer, "if (threadIdx.x == 0)");
        print_line(printer, "const size_t place = block.y * %s + %s;", kept,
                   kernel->outer ? outer_number : "0");
        return;
    }
    const char *index = kernel->loops[kernel->outer].index, *count = loop_count_text(printer, kernel->outer);
    print_open(printer, "if (threadIdx.x < width && %s < %s)", index, count);
    const char *before = kernel->outer ? arena_format(printer->arena, "%s * %s + ", outer_number, count) : "";
    print_line(printer, "const size_t place = block.y * %s + (%s%s) * %lld;", kept, before, index, lanes);
}

/* The sums of a block, and their places: slot, block of rows, outer loops, columns. */
static void print_block_sums(Printer *printer, const char *outer_number)
{
    const Kernel *kernel = printer->kernel;
    pointer_parameter(printer, kernel->step->scratchpad, true);
    long long lanes = lanes_are_kept(kernel) ? (long long)kernel->lanes : 1;
    const char *kept = size_parameter(printer, "kept", kernel_kept_count(kernel));
    for (size_t i = 0; i < kernel->accumulators.count; i++) {
        const Accumulator *accumulator = kernel->accumulators.items[i];
        const char *total = total_name(printer, accumulator);
        if (kernel->lanes && !lanes_are_kept(kernel))
            join_lanes(printer, accumulator);
        print_line(printer, "hp_block_%s(%s%s, %lld, scratch, (uint32_t)width);",
                   accumulator->kind == ACCUMULATE_MAX ? "maxima" : "sums", kernel->lanes ? "" : "&", total,
                   lanes);
    }
    open_block_results(printer, kept, outer_number, lanes);
    if (lanes > 1)
        open_lanes(printer);
    for (size_t i = 0; i < kernel->accumulators.count; i++) {
        const Accumulator *accumulator = kernel->accumulators.items[i];
        print_line(printer, "hp_put_f64(partial + %d * block.y_count * %s + place%s, %s%s);",
                   accumulator->slot, kept, lanes > 1 ? " + lane" : "", total_name(printer, accumulator),
                   !kernel->lanes ? ""
                   : lanes > 1    ? "[lane]"
                                  : "[0]");
    }
    if (lanes > 1)
        print_close(printer);
    print_close(printer);
}

/* ---- the main part ---- */

static ValueList innermost_values(const Printer *printer)
{
    const Kernel *kernel = printer->kernel;
    ValueList values = {0};
    for (size_t i = 0; i < kernel->main.values.count; i++)
        if (kernel->lanes && stands_at(kernel->main.values.items[i], kernel->loop_count))
            list_push(printer->arena, &values, kernel->main.values.items[i]);
    return values;
}

static void print_row(Printer *printer)
{
    const Kernel *kernel = printer->kernel;
    int count = kernel->loop_count;
    printer->shared_addresses.count = 0;
    if (kernel->lanes)
        print_level(printer, &kernel->main, count - 1);
    share_addresses(printer, &kernel->main);
    ValueList innermost = innermost_values(printer);
    load_lanes(printer, &innermost);
    declare_lane_stores(printer, &kernel->main);
    open_lanes_if_any(printer);
    print_level(printer, &kernel->main, count);
    print_accumulation(printer);
    print_lane_stores(printer, &kernel->main);
    close_lanes_if_any(printer);
    store_lanes(printer, &kernel->main);
    if (has_groups(kernel)) {
        print_open(printer, "if (++group %% %d == 0)", GROUP);
        print_group_end(printer);
        print_close(printer);
    }
}

/* How many rows a thread loads before it computes the first: so many that some loads are under way whatever
 * the kernel reads. */
static int rows_together(const Printer *printer)
{
    enum { LOADS = 2 };
    const Kernel *kernel = printer->kernel;
    const ValueList *values = &kernel->main.values;
    int loads = 0;
    for (size_t i = 0; i < values->count; i++) {
        const Value *value = values->items[i];
        if (value->taps || (value->kind == VALUE_LOAD && value->access.guards))
            return 1;
        loads += stands_at(value, kernel->loop_count) && has_lanes_together(printer, value);
    }
    return loads == 0 ? 1 : LOADS / loads < 1 ? 1 : LOADS / loads;
}

/* The rows of a turn of the loop around the text that `body` prints, which decides what indices it needs. */
static void print_turns(Printer *printer, int together, int from, int to, void (*body)(Printer *))
{
    Text before = printer->text;
    printer->text = text_new(printer->arena);
    printer->shared_addresses.count = 0;
    printer->indent++;
    body(printer);
    printer->indent--;
    const char *text = printer->text.data;
    printer->text = before;
    print_line(printer, "HP_UNROLL");
    print_open(printer, "for (uint32_t turn = 0; turn < %d; turn++)", together);
    print_line(printer, "const uint32_t at_row = at_rows + turn * hp_row_step(block, width);");
    print_line(printer, "if (at_row >= %s)", extent_product(printer, from, to, false));
    print_line(printer, "    continue;");
    print_indices(printer, "at_row", from, to, text);
    text_add(&printer->text, "%s", text);
    print_close(printer);
}

/* What declare_rows() named is loaded for the row of this turn. */
static void load_row(Printer *printer)
{
    ValueList innermost = innermost_values(printer);
    for (size_t i = 0; i < innermost.count; i++) {
        const Value *value = innermost.items[i];
        if (!has_lanes_together(printer, value))
            continue;
        const char *row = arena_format(printer->arena, "%s[turn]", printer->value_text[value->id]);
        print_line(printer, "%s", load_text_of(printer, value, row));
        printer->value_text[value->id] = arena_format(printer->arena, "%s[lane]", row);
        printer->is_loaded[value->id] = true;
    }
}

static void declare_rows(Printer *printer, int together)
{
    ValueList innermost = innermost_values(printer);
    for (size_t i = 0; i < innermost.count; i++) {
        const Value *value = innermost.items[i];
        if (!has_lanes_together(printer, value))
            continue;
        printer->value_text[value->id] = value_name(printer, value);
        print_line(printer, "float %s[%d][%lld];", printer->value_text[value->id], together,
                   (long long)printer->kernel->lanes);
    }
}

static void print_rows_together(Printer *printer, int together, int from, int to)
{
    print_open(printer,
               "for (uint32_t at_rows = hp_first_row(block, width); at_rows < %s; at_rows += %d * "
               "hp_row_step(block, width))",
               extent_product(printer, from, to, false), together);
    declare_rows(printer, together);
    print_turns(printer, together, from, to, load_row);
    print_turns(printer, together, from, to, print_row);
    print_close(printer);
}

static void print_rows(Printer *printer)
{
    const Kernel *kernel = printer->kernel;
    int from = kernel->outer + kernel->columns, to = kernel->loop_count - (kernel->lanes > 0);
    if (from == to && kernel->columns) {
        print_row(printer);
        return;
    }
    if (kernel->columns)
        print_level(printer, &kernel->main, kernel->outer + 1);
    int together = rows_together(printer);
    if (together > 1) {
        print_rows_together(printer, together, from, to);
        return;
    }
    open_shared_loop(printer, "at_row", from, to, "hp_first_row(block, width)", "hp_row_step(block, width)");
    print_row(printer);
    print_close(printer);
}

static void print_columns(Printer *printer)
{
    const Kernel *kernel = printer->kernel;
    const char *first = "hp_first_column(block, width)";
    if (kernel->columns && kernel->accumulators.count) { /* all threads go on to the block's sums */
        const char *index = kernel->loops[kernel->outer].index;
        print_line(printer, "const size_t %s = %s;", index, first);
        print_open(printer, "if (%s < %s)", index, loop_count_text(printer, kernel->outer));
    } else if (kernel->columns) {
        open_shared_loop(printer, "", kernel->outer, kernel->outer + 1, first,
                         "hp_column_step(block, width)");
    }
    print_rows(printer);
    if (kernel->columns)
        print_close(printer);
}

/* Without a kept or a column loop the values that depend on nothing stand in front of everything. */
static void print_main(Printer *printer)
{
    const Kernel *kernel = printer->kernel;
    size_parameter(printer, "width", kernel->threads.width);
    bool reduces = kernel->accumulators.count > 0;
    if (reduces)
        print_line(printer, "HP_SHARED double scratch[HP_THREADS * %lld];",
                   lanes_are_kept(kernel) ? (long long)kernel->lanes : 1);
    if (kernel->loop_count > 0)
        print_level(printer, &kernel->main, 0);
    const char *number = NULL;
    if (kernel->outer > 0) {
        number = open_shared_loop(printer, "at_outer", 0, kernel->outer, "block.z", "block.z_count");
        print_level(printer, &kernel->main, kernel->outer);
    }
    if (reduces)
        declare_sums(printer);
    print_columns(printer);
    if (has_groups(kernel))
        print_group_end(printer);
    if (reduces)
        print_block_sums(printer, number);
    if (kernel->outer > 0)
        print_close(printer);
}

/* ---- the end ---- */

/* Indices of the loops that are kept, from the number of a result. */
static void print_kept_indices(Printer *printer)
{
    const Kernel *kernel = printer->kernel;
    const char *left = "(uint32_t)at_kept";
    if (lanes_are_kept(kernel)) {
        print_line(printer, "const size_t lane = at_kept %% %lld;", (long long)kernel->lanes);
        left = arena_format(printer->arena, "(uint32_t)(at_kept / %lld)", (long long)kernel->lanes);
    }
    print_indices(printer, left, 0, kernel->outer + kernel->columns, NULL);
}

static void print_total(Printer *printer, const Accumulator *accumulator, const char *kept)
{
    const char *name = total_name(printer, accumulator);
    AccumulatorKind kind = accumulator->kind == ACCUMULATE_MAX ? ACCUMULATE_MAX : ACCUMULATE_SUM;
    print_line(printer, "double %s = %s;", name, first_value(accumulator));
    print_line(printer,
               "for (size_t chunk = hp_first_row(block, width); at_kept < %s && chunk < %s; chunk += "
               "hp_row_step(block, width))",
               kept, size_parameter(printer, "chunks", printer->kernel->threads.blocks[1]));
    printer->indent++;
    accumulate(printer, name, kind,
               arena_format(printer->arena, "hp_get_f64(partial + (%d * %s + chunk) * %s + at_kept)",
                            accumulator->slot,
                            size_parameter(printer, "chunks", printer->kernel->threads.blocks[1]), kept));
    printer->indent--;
    print_line(printer, "hp_block_%s(&%s, 1, scratch, (uint32_t)width);",
               kind == ACCUMULATE_MAX ? "maxima" : "sums", name);
}

static void print_end_results(Printer *printer)
{
    const Kernel *kernel = printer->kernel;
    print_values_of_end(printer);
    for (size_t i = 0; i < kernel->end.stores.count; i++) {
        const Store *store = &kernel->end.stores.items[i];
        const Parameter *pointer = pointer_parameter(printer, store->access.buffer, true);
        print_line(printer, "hp_put_%s(%s + %s, %s);", type_word(pointer), pointer->name,
                   shared_address(printer, address_text(printer, &store->access, pointer->name)),
                   value_text(printer, store->value));
    }
}

static void print_end(Printer *printer)
{
    const Kernel *kernel = printer->kernel;
    pointer_parameter(printer, kernel->step->scratchpad, false);
    const char *kept = size_parameter(printer, "kept", kernel_kept_count(kernel));
    size_parameter(printer, "width", kernel->threads.end_width);
    print_line(printer, "HP_SHARED double scratch[HP_THREADS];");
    print_level(printer, &kernel->end, 0);
    print_open(printer,
               "for (size_t first = block.x * width; first < %s; first += hp_column_step(block, width))",
               kept);
    print_line(printer, "const size_t at_kept = first + threadIdx.x %% (uint32_t)width;");
    for (size_t i = 0; i < kernel->accumulators.count; i++)
        print_total(printer, kernel->accumulators.items[i], kept);
    print_open(printer, "if (threadIdx.x < width && at_kept < %s)", kept);
    print_kept_indices(printer);
    print_end_results(printer);
    print_close(printer);
    print_close(printer);
}

void print_kernel_cuda(Printer *printer, KernelPart part)
{
    printer->indent = 1;
    printer->lane_limit = arena_format(printer->arena, "%lld", (long long)printer->kernel->lanes);
    printer->ends = part == PART_END;
    name_accumulators(printer);
    if (part == PART_MAIN)
        print_main(printer);
    else
        print_end(printer);
}
