/* What stands inside the loops of a kernel, in every dialect: values level by level, lanes, sums and what
 * they become. */
#include <string.h>
#include "print.h"

/* "images * blocks * 16": the product of some loops' extents. */
const char *extent_product(Printer *printer, int from, int to, bool reduced_only)
{
    const Kernel *kernel = printer->kernel;
    Text text = text_new(printer->arena);
    for (int l = from; l < to; l++)
        if (!reduced_only || kernel->loops[l].reduced)
            text_add(&text, "%s%s", text.length ? " * " : "", loop_count_text(printer, l));
    return text.length ? text.data : "1";
}

void open_lanes(Printer *printer)
{
    print_line(printer, "%s", printer->dialect->lane_pragma);
    print_open(printer, "for (size_t lane = 0; lane < %s; lane++)", printer->lane_limit);
}

bool stands_at(const Value *value, int level)
{
    return value->level == level && value->kind != VALUE_REDUCED;
}

/* Values per lane above the innermost loops: arrays, filled by one loop over the lanes. */
static void print_lane_arrays(Printer *printer, const ValueList *values)
{
    Text arrays = text_new(printer->arena);
    if (values->count == 0)
        return;
    if (printer->dialect->load_lanes)
        printer->dialect->load_lanes(printer, values);
    for (size_t i = 0; i < values->count; i++) {
        const Value *value = values->items[i];
        if (!value->crosses || printer->is_loaded[value->id])
            continue;
        const char *name = value_name(printer, value);
        text_add(&arrays, "%s%s[%lld]", arrays.length ? ", " : "", name, (long long)printer->kernel->lanes);
        printer->value_text[value->id] = arena_format(printer->arena, "%s[lane]", name);
    }
    if (arrays.length)
        print_line(printer, "float %s;", arrays.data);
    open_lanes(printer);
    for (size_t i = 0; i < values->count; i++)
        print_value(printer, values->items[i]);
    print_close(printer);
}

const Value *any_result(const TapLoops *taps)
{
    return taps->best ? taps->best : taps->best_tap;
}

/* Everything that stands inside exactly `level` loops, but for what follows in deeper ones. */
void print_level(Printer *printer, const Nest *nest, int level)
{
    bool innermost = level == printer->kernel->loop_count;
    ValueList lanes = {0}; /* waiting for their loop over the lanes */
    for (size_t i = 0; i < nest->values.count; i++) {
        Value *value = nest->values.items[i];
        if (!stands_at(value, level))
            continue;
        if (value->taps) {
            print_lane_arrays(printer, &lanes);
            lanes.count = 0;
            if (!printer->value_text[value->id])
                print_taps(printer, value->taps);
        } else if (value->per_lane && !innermost) {
            list_push(printer->arena, &lanes, value);
        } else {
            print_value(printer, value);
        }
    }
    print_lane_arrays(printer, &lanes);
}

const char *stored_text(Printer *printer, const Store *store)
{
    if (store->node->dtype == HP_U8)
        return arena_format(printer->arena, "(uint8_t)%s", value_use(printer, store->value));
    return value_text(printer, store->value);
}

const char *accumulator_name(const Printer *printer, const Accumulator *accumulator)
{
    return printer->accumulator_names[accumulator->slot];
}

const char *total_name(const Printer *printer, const Accumulator *accumulator)
{
    return printer->total_names[accumulator->slot];
}

void name_accumulators(Printer *printer)
{
    static const char *const names[] = {
        [ACCUMULATE_SUM] = "sum", [ACCUMULATE_SQUARES] = "squares", [ACCUMULATE_MAX] = "maximum"};
    const Kernel *kernel = printer->kernel;
    printer->accumulator_names = ARENA_ARRAY(printer->arena, const char *, kernel->accumulators.count);
    printer->total_names = ARENA_ARRAY(printer->arena, const char *, kernel->accumulators.count);
    for (size_t i = 0; i < kernel->accumulators.count; i++) {
        const Accumulator *accumulator = kernel->accumulators.items[i];
        const char *name = names[accumulator->kind];
        printer->accumulator_names[accumulator->slot] = printer_name(printer, name);
        printer->total_names[accumulator->slot] =
            printer_name(printer, arena_format(printer->arena, "all_%s", name));
    }
}

const char *first_value(const Accumulator *accumulator)
{
    return accumulator->kind == ACCUMULATE_MAX ? "-INFINITY" : "0";
}

void accumulate(Printer *printer, const char *into, AccumulatorKind kind, const char *value)
{
    switch (kind) {
    case ACCUMULATE_SUM: print_line(printer, "%s += %s;", into, value); break;
    case ACCUMULATE_SQUARES: print_line(printer, "%s += (double)%s * (double)%s;", into, value, value); break;
    case ACCUMULATE_MAX: print_line(printer, "%s = hp_maximum_double(%s, %s);", into, into, value); break;
    }
}

/* How many elements one result is made of. */
static const char *terms_text(Printer *printer)
{
    const Kernel *kernel = printer->kernel;
    int64_t terms = 1, loops = 1;
    for (int i = 0; i < kernel->domain.rank; i++)
        if (kernel->step->reduced_axes >> i & 1)
            terms *= kernel->domain.extents[i];
    for (int l = 0; l < kernel->loop_count; l++)
        if (kernel->loops[l].reduced)
            loops *= kernel->loops[l].extent;
    return terms == loops ? extent_product(printer, 0, kernel->loop_count, true)
                          : size_parameter(printer, "terms", terms);
}

static void print_reduced(Printer *printer, const Value *value)
{
    const char *sum = total_name(printer, value->sum), *terms = NULL, *text = NULL;
    switch (value->op) {
    case OP_REDUCE_MEAN:
        terms = terms_text(printer);
        text = arena_format(printer->arena, "(float)(%s / (double)(%s))", sum, terms);
        break;
    case OP_REDUCE_VARIANCE:
        terms = terms_text(printer);
        text = arena_format(printer->arena, "hp_variance(%s, %s, (double)(%s))", sum,
                            total_name(printer, value->squares), terms);
        break;
    default: text = arena_format(printer->arena, "(float)%s", sum);
    }
    if (value->uses > 1) {
        const char *name = value_name(printer, value);
        print_line(printer, "const float %s = %s;", name, text);
        text = name;
    }
    printer->value_text[value->id] = text;
}

/* ---- addresses that several accesses share ---- */

typedef LIST(const char *) Addresses;

static void count_address(Printer *printer, Addresses *once, const char *text)
{
    for (size_t i = 0; i < printer->shared_addresses.count; i += 2)
        if (strcmp(printer->shared_addresses.items[i], text) == 0)
            return;
    for (size_t i = 0; i < once->count; i++) {
        if (strcmp(once->items[i], text) != 0)
            continue;
        const char *name = printer_name(printer, "at");
        list_push(printer->arena, &printer->shared_addresses, text);
        list_push(printer->arena, &printer->shared_addresses, name);
        print_line(printer, "const size_t %s = %s;", name, text);
        return;
    }
    list_push(printer->arena, once, text);
}

void share_addresses(Printer *printer, const Nest *nest)
{
    Addresses once = {0};
    printer->shared_addresses.count = 0;
    for (size_t i = 0; i < nest->values.count + nest->stores.count; i++) {
        bool load = i < nest->values.count;
        const Value *value = load ? nest->values.items[i] : NULL;
        if (load && (value->kind != VALUE_LOAD || value->level != printer->kernel->loop_count ||
                     printer->is_loaded[value->id]))
            continue;
        const Access *access = load ? &value->access : &nest->stores.items[i - nest->values.count].access;
        pointer_parameter(printer, access->buffer, !load);
        const char *text = printer->dialect->address(printer, access);
        if (text && strchr(text, ' '))
            count_address(printer, &once, text);
    }
}

const char *shared_address(const Printer *printer, const char *text)
{
    for (size_t i = 0; i < printer->shared_addresses.count; i += 2)
        if (strcmp(printer->shared_addresses.items[i], text) == 0)
            return printer->shared_addresses.items[i + 1];
    return text;
}

void print_values_of_end(Printer *printer)
{
    const Kernel *kernel = printer->kernel;
    share_addresses(printer, &kernel->end);
    for (size_t i = 0; i < kernel->end.values.count; i++) {
        const Value *value = kernel->end.values.items[i];
        if (value->kind == VALUE_REDUCED)
            print_reduced(printer, value);
        else if (value->level > 0)
            print_value(printer, value);
    }
}
