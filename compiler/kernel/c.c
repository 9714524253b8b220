/* Kernels as C with OpenMP: parallel outer loops, a vector loop inside. */
#include <string.h>
#include "print.h"

static const char *element_text(Printer *printer, const Parameter *pointer, const char *address)
{
    return arena_format(printer->arena, "%s[%s]", pointer->name, address);
}

static const char *own_address(Printer *printer, const Access *access)
{
    return address_text(printer, access, pointer_parameter(printer, access->buffer, false)->name);
}

const Dialect dialect_c = {
    .lane_pragma = "#pragma omp simd", .element = element_text, .address = own_address};

enum { PARALLEL_FROM = 16384 }; /* elements: below, starting threads costs more than they save */

/* ---- loops ---- */

static const char *parallel_condition(Printer *printer, int from)
{
    return arena_format(printer->arena, "if (%s > %d)",
                        extent_product(printer, from, printer->kernel->loop_count, false), PARALLEL_FROM);
}

/* Where the loop's axis ends inside a block: "channels" of a loop over the lanes of blocks of channels. */
static const char *axis_end(Printer *printer, const Loop *loop)
{
    static const char *const image[4] = {"all_images", "channels", "all_rows", "all_columns"};
    const char *name = printer->kernel->domain.rank == 4 ? image[loop->axis]
                                                         : arena_format(printer->arena, "all_%d", loop->axis);
    return size_parameter(printer, name, loop->limit);
}

static void open_loop(Printer *printer, int l)
{
    const Loop *loop = &printer->kernel->loops[l];
    bool last = l == printer->kernel->loop_count - 1;
    const char *end = last ? printer->lane_limit : loop_count_text(printer, l);
    print_open(printer, "for (size_t %s = 0; %s < %s; %s++)", loop->index, loop->index, end, loop->index);
}

/* Inside loops [from, to): leaves out what lies behind the end of an axis. */
static void skip_padding(Printer *printer, int from, int to)
{
    for (int l = from; l < to; l++) {
        const Loop *loop = &printer->kernel->loops[l];
        if (!loop->limit || l == printer->kernel->loop_count - 1)
            continue;
        print_line(printer, "if (%s >= %s)", axis_index_text(printer, loop->axis), axis_end(printer, loop));
        print_line(printer, "    continue;");
    }
}

/* The end of the last loop: a number, a size, or what is left of the axis in this block. Printed when `level`
 * loops are open, where the block is known. */
static void set_lane_limit(Printer *printer, int level)
{
    const Kernel *kernel = printer->kernel;
    if (kernel->loop_count == 0)
        return;
    const Loop *last = &kernel->loops[kernel->loop_count - 1];
    if (!last->limit) {
        printer->lane_limit = loop_count_text(printer, kernel->loop_count - 1);
        return;
    }
    int known = kernel->outer;
    for (int l = 0; l < kernel->loop_count - 1; l++) {
        const Loop *block = &kernel->loops[l];
        if (block->axis != last->axis)
            continue;
        known = l + 1 > known ? l + 1 : known;
        if (level == known)
            print_line(printer, "const size_t end = hp_least(%lld, %s - %s * %lld);", (long long)last->extent,
                       axis_end(printer, last), block->index, (long long)block->scale);
    }
    printer->lane_limit = "end";
}

/* ---- stores ---- */

static void print_stores(Printer *printer, const Nest *nest)
{
    for (size_t i = 0; i < nest->stores.count; i++) {
        const Store *store = &nest->stores.items[i];
        const char *name = pointer_parameter(printer, store->access.buffer, true)->name;
        const char *address = shared_address(printer, address_text(printer, &store->access, name));
        print_line(printer, "%s[%s] = %s;", name, address, stored_text(printer, store));
    }
}

/* Padding stays zero: loops do not reach it. In place it is zero already. */
static void print_padding(Printer *printer, const Nest *nest)
{
    for (size_t i = 0; i < nest->stores.count; i++) {
        const Store *store = &nest->stores.items[i];
        if (!format_padded(store->node->format, store->node->shape))
            continue;
        const Parameter *parameter = pointer_parameter(printer, store->access.buffer, true);
        bool in_place = false;
        for (size_t j = 0; j < printer->kernel->step->inputs.count; j++)
            in_place = in_place ||
                       pointer_parameter(printer, printer->kernel->step->inputs.items[j], false)->buffer ==
                           parameter->buffer;
        if (!in_place)
            print_line(printer, "memset(%s, 0, %s);", parameter->name,
                       size_parameter(printer, arena_format(printer->arena, "%s_bytes", parameter->name),
                                      store->access.buffer->bytes));
    }
}

/* ---- reductions ---- */

static void declare_accumulators(Printer *printer)
{
    const Kernel *kernel = printer->kernel;
    for (size_t i = 0; i < kernel->accumulators.count; i++) {
        const Accumulator *accumulator = kernel->accumulators.items[i];
        const char *name = accumulator_name(printer, accumulator);
        if (!kernel->lanes) {
            print_line(printer, "double %s = %s;", name, first_value(accumulator));
            continue;
        }
        print_line(printer,
                   accumulator->kind == ACCUMULATE_MAX ? "double %s[%lld];" : "double %s[%lld] = {0};", name,
                   (long long)kernel->lanes);
        if (accumulator->kind == ACCUMULATE_MAX) {
            print_line(printer, "for (size_t lane = 0; lane < %lld; lane++)", (long long)kernel->lanes);
            print_line(printer, "    %s[lane] = -INFINITY;", name);
        }
    }
}

static void print_accumulation(Printer *printer)
{
    const Kernel *kernel = printer->kernel;
    for (size_t i = 0; i < kernel->accumulators.count; i++) {
        const Accumulator *accumulator = kernel->accumulators.items[i];
        const char *name = accumulator_name(printer, accumulator);
        accumulate(printer, kernel->lanes ? arena_format(printer->arena, "%s[lane]", name) : name,
                   accumulator->kind, value_text(printer, accumulator->value));
    }
}

static bool lanes_are_kept(const Kernel *kernel)
{
    return kernel->lanes && !kernel->loops[kernel->loop_count - 1].reduced;
}

/* The place of a partial result: slot, then the outer loops, then the lane where lanes are kept. */
static const char *partial_address(Printer *printer, int slot)
{
    const Kernel *kernel = printer->kernel;
    const char *text = arena_format(printer->arena, "%d", slot);
    for (int l = 0; l < kernel->outer; l++) {
        const Loop *loop = &kernel->loops[l];
        text = slot == 0 && l == 0
                   ? loop->index
                   : arena_format(printer->arena, strchr(text, ' ') ? "(%s) * %s + %s" : "%s * %s + %s", text,
                                  loop_count_text(printer, l), loop->index);
    }
    if (lanes_are_kept(kernel))
        text = arena_format(printer->arena, strchr(text, ' ') ? "(%s) * %lld + lane" : "%s * %lld + lane",
                            text, (long long)kernel->lanes);
    return text;
}

static void print_partials(Printer *printer)
{
    const Kernel *kernel = printer->kernel;
    pointer_parameter(printer, kernel->step->scratchpad, true);
    bool lane_loop = lanes_are_kept(kernel);
    if (lane_loop)
        print_open(printer, "for (size_t lane = 0; lane < %lld; lane++)", (long long)kernel->lanes);
    for (size_t i = 0; i < kernel->accumulators.count; i++) {
        const Accumulator *accumulator = kernel->accumulators.items[i];
        const char *name = accumulator_name(printer, accumulator);
        if (kernel->lanes && !lane_loop) { /* the lanes are reduced too */
            print_open(printer, "for (size_t lane = 1; lane < %lld; lane++)", (long long)kernel->lanes);
            const char *element = arena_format(printer->arena, "%s[lane]", name);
            accumulate(printer, arena_format(printer->arena, "%s[0]", name),
                       accumulator->kind == ACCUMULATE_MAX ? ACCUMULATE_MAX : ACCUMULATE_SUM, element);
            print_close(printer);
        }
        print_line(printer, "partial[%s] = %s%s;", partial_address(printer, accumulator->slot), name,
                   lane_loop       ? "[lane]"
                   : kernel->lanes ? "[0]"
                                   : "");
    }
    if (lane_loop)
        print_close(printer);
}

/* The vector loop's pragma: sums without lanes are reductions of it. */
static void print_simd(Printer *printer)
{
    const Kernel *kernel = printer->kernel;
    for (size_t w = 0; w < kernel->main.windows.count; w++)
        if (any_result(kernel->main.windows.items[w])->level == kernel->loop_count)
            return; /* loops inside: nothing to vectorise */
    Text sums = text_new(printer->arena);
    for (size_t i = 0; i < kernel->accumulators.count && !kernel->lanes; i++) {
        if (kernel->accumulators.items[i]->kind == ACCUMULATE_MAX)
            return;
        text_add(&sums, "%s%s", i ? ", " : "", accumulator_name(printer, kernel->accumulators.items[i]));
    }
    if (sums.length)
        print_line(printer, "#pragma omp simd reduction(+ : %s)", sums.data);
    else
        print_line(printer, "#pragma omp simd");
}

/* ---- the two nests ---- */

static void print_inner_loops(Printer *printer)
{
    const Kernel *kernel = printer->kernel;
    for (int l = kernel->outer; l < kernel->loop_count; l++) {
        if (l == kernel->loop_count - 1 && (l > 0 || kernel->accumulators.count))
            print_simd(printer);
        open_loop(printer, l);
        if (l == kernel->loop_count - 1)
            break;
        skip_padding(printer, l, l + 1);
        set_lane_limit(printer, l + 1);
        print_level(printer, &kernel->main, l + 1);
    }
    share_addresses(printer, &kernel->main);
    print_level(printer, &kernel->main, kernel->loop_count);
    print_accumulation(printer);
    print_stores(printer, &kernel->main);
    for (int l = kernel->outer; l < kernel->loop_count; l++)
        print_close(printer);
}

static void print_main(Printer *printer)
{
    const Kernel *kernel = printer->kernel;
    print_padding(printer, &kernel->main);
    if (kernel->loop_count > 0) /* what depends on no loop */
        print_level(printer, &kernel->main, 0);
    if (kernel->outer > 0) {
        const char *collapse =
            kernel->outer > 1 ? arena_format(printer->arena, " collapse(%d)", kernel->outer) : "";
        print_line(printer, "#pragma omp parallel for%s %s", collapse, parallel_condition(printer, 0));
    } else if (kernel->loop_count == 1 && !kernel->accumulators.count) {
        print_line(printer, "#pragma omp parallel for simd %s", parallel_condition(printer, 0));
    }
    for (int l = 0; l < kernel->outer; l++)
        open_loop(printer, l);
    skip_padding(printer, 0, kernel->outer);
    set_lane_limit(printer, kernel->outer);
    if (kernel->outer > 0)
        print_level(printer, &kernel->main, kernel->outer);
    declare_accumulators(printer);
    print_inner_loops(printer);
    if (kernel->accumulators.count)
        print_partials(printer);
    for (int l = 0; l < kernel->outer; l++)
        print_close(printer);
}

/* One partial result, or all of a kept index added up in order. */
static void print_total(Printer *printer, const Accumulator *accumulator)
{
    const Kernel *kernel = printer->kernel;
    const char *name = total_name(printer, accumulator),
               *address = partial_address(printer, accumulator->slot);
    int loops = 0;
    for (int l = 0; l < kernel->outer; l++)
        loops += kernel->loops[l].reduced;
    if (loops == 0) {
        print_line(printer, "const double %s = partial[%s];", name, address);
        return;
    }
    print_line(printer, "double %s = %s;", name, first_value(accumulator));
    for (int l = 0; l < kernel->outer; l++)
        if (kernel->loops[l].reduced) {
            open_loop(printer, l);
            skip_padding(printer, l, l + 1);
        }
    accumulate(printer, name, accumulator->kind == ACCUMULATE_MAX ? ACCUMULATE_MAX : ACCUMULATE_SUM,
               arena_format(printer->arena, "partial[%s]", address));
    for (; loops > 0; loops--)
        print_close(printer);
}

/* After all partial sums: the loops that are not reduced, with the sums completed in a fixed order. */
static void print_end(Printer *printer)
{
    const Kernel *kernel = printer->kernel;
    int last = kernel->loop_count - 1, opened = 0;
    print_padding(printer, &kernel->end);
    print_level(printer, &kernel->end, 0);
    for (int l = 0; l < kernel->outer; l++) {
        if (kernel->loops[l].reduced)
            continue;
        if (opened++ == 0)
            print_line(printer, "#pragma omp parallel for if (%s > %d)",
                       extent_product(printer, 0, kernel->outer, false), PARALLEL_FROM / 16);
        open_loop(printer, l);
        skip_padding(printer, l, l + 1);
    }
    if (lanes_are_kept(kernel)) {
        set_lane_limit(printer, kernel->outer);
        opened++;
        open_loop(printer, last);
    }
    for (size_t i = 0; i < kernel->accumulators.count; i++)
        print_total(printer, kernel->accumulators.items[i]);
    print_values_of_end(printer);
    print_stores(printer, &kernel->end);
    for (; opened > 0; opened--)
        print_close(printer);
}

void print_kernel_c(Printer *printer)
{
    printer->indent = 1;
    name_accumulators(printer);
    print_main(printer);
    if (printer->kernel->accumulators.count)
        print_end(printer);
}
