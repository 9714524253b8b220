/* The loops over the taps of a pooling window. With lanes they stand outside the lanes and their results are
 * arrays over them. */
#include "print.h"

static bool has_lanes(const TapLoops *taps)
{
    const Value *value = taps->best ? taps->best : taps->best_tap;
    return value->per_lane;
}

/* The names of what the taps compute, and their declarations. */
typedef struct Results {
    const char *best, *tap; /* as declared */
    const char *best_element, *tap_element;
    const char *inside; /* of an average without padding: how many pixels the window has */
} Results;

static Results declare_results(Printer *printer, const TapLoops *taps)
{
    Results results = {0};
    const char *first = taps->kind == WINDOW_MAX ? "-INFINITY" : "0.0f";
    const char *lanes =
        has_lanes(taps) ? arena_format(printer->arena, "[%lld]", (long long)printer->kernel->lanes) : "";
    const char *lane = has_lanes(taps) ? "[lane]" : "";
    if (taps->tile) {
        lanes = arena_format(printer->arena, "[%lld]%s", (long long)taps->tile, lanes);
        lane = arena_format(printer->arena, "[x]%s", lane);
    }
    const char *wish = taps->kind == WINDOW_MAX ? "largest" : "sum";
    results.best = printer_name(printer, wish);
    results.best_element = arena_format(printer->arena, "%s%s", results.best, lane);
    if (taps->best_tap) {
        results.tap = printer_name(printer, "largest_tap");
        results.tap_element = arena_format(printer->arena, "%s%s", results.tap, lane);
    }
    if (!has_lanes(taps)) {
        print_line(printer, "float %s = %s;", results.best, first);
        if (results.tap)
            print_line(printer, "int %s = -1;", results.tap);
        return results;
    }
    print_line(printer, "float %s%s;", results.best, lanes);
    if (results.tap)
        print_line(printer, "int %s%s;", results.tap, lanes);
    if (taps->tile)
        print_open(printer, "for (size_t x = 0; x < %lld; x++)", (long long)taps->tile);
    open_lanes(printer);
    print_line(printer, "%s = %s;", results.best_element, first);
    if (results.tap)
        print_line(printer, "%s = -1;", results.tap_element);
    print_close(printer);
    if (taps->tile)
        print_close(printer);
    return results;
}

/* Taps of a pooling: every pixel under the window. Unsigned arithmetic: a pixel before the first is far
 * behind the last. */
static void open_pooling(Printer *printer, const TapLoops *taps, int i)
{
    static const char *const tap[2] = {"ky", "kx"}, *const pixel[2] = {"row", "column"};
    const Window *window = taps->window;
    const char *limit = size_parameter(
        printer, arena_format(printer->arena, "window_%d_%ss", taps->id, pixel[i]), taps->extent[i]);
    print_open(printer, "for (size_t %s = 0; %s < %lld; %s++)", tap[i], tap[i], (long long)window->kernel[i],
               tap[i]);
    print_line(printer, "const size_t %s = %s;", pixel[i], form_text(printer, &taps->inside[i]));
    print_line(printer, "if (%s >= %s)", pixel[i], limit);
    print_line(printer, "    continue;");
}

/* Taps of a gradient: every window that covers the pixel. */
static void open_gradient(Printer *printer, const TapLoops *taps, int i)
{
    static const char *const pixel[2] = {"row", "column"}, *const tap[2] = {"ky", "kx"};
    const Window *window = taps->window;
    long long kernel = (long long)window->kernel[i], stride = (long long)window->stride[i];
    const char *limit = size_parameter(
        printer, arena_format(printer->arena, "window_%d_%ss", taps->id, pixel[i]), taps->extent[i]);
    const char *inside = arena_format(printer->arena, "(%s + %lld)", form_text(printer, &taps->outside[i]),
                                      (long long)window->pad_before[i]);
    const char *first = printer_name(printer, i ? "first_column" : "first_row");
    print_line(printer, "const size_t %s = %s < %lld ? 0 : (%s - %lld) / %lld;", first, inside, kernel,
               inside, kernel - stride, stride);
    print_open(printer, "for (size_t %s = %s; %s < %s && %s * %lld <= %s; %s++)", pixel[i], first, pixel[i],
               limit, pixel[i], stride, inside, pixel[i]);
    if (taps->kind == WINDOW_MAX_GRADIENT)
        print_line(printer, "const size_t %s = %s - %s * %lld;", tap[i], inside, pixel[i], stride);
}

/* How many pixels a window of an average has; for gradients of the window at row and column. */
static void print_share(Printer *printer, const TapLoops *taps)
{
    static const char *const pixel[2] = {"row", "column"};
    const Window *window = taps->window;
    if (window->count_padding) {
        print_line(printer, "const float share = 1.0f / %lld.0f;",
                   (long long)(window->kernel[0] * window->kernel[1]));
        return;
    }
    for (int i = 0; i < 2; i++) {
        const char *extent =
            size_parameter(printer, i ? "input_columns" : "input_rows", window->input_extent[i]);
        print_line(printer, "const ptrdiff_t from_%s = (ptrdiff_t)(%s * %lld) - %lld;", pixel[i], pixel[i],
                   (long long)window->stride[i], (long long)window->pad_before[i]);
        print_line(printer, "const ptrdiff_t to_%s = hp_smaller(from_%s + %lld, (ptrdiff_t)%s);", pixel[i],
                   pixel[i], (long long)window->kernel[i], extent);
    }
    print_line(printer, "const float share = 1.0f / (float)((to_row - hp_larger(from_row, 0)) * "
                        "(to_column - hp_larger(from_column, 0)));");
}

static void print_values(Printer *printer, const TapLoops *taps)
{
    for (size_t i = 0; i < taps->values.count; i++)
        print_value(printer, taps->values.items[i]);
}

static void print_body(Printer *printer, const TapLoops *taps, const Results *results)
{
    printer->taps = taps;
    print_values(printer, taps);
    const char *body = value_use(printer, taps->body);
    switch (taps->kind) {
    case WINDOW_MAX:
        print_line(printer, "const float candidate = %s;", body);
        if (results->tap) {
            print_line(printer, "const bool wins = %s < 0 || candidate > %s || candidate != candidate;",
                       results->tap_element, results->best_element);
            print_line(printer, "%s = wins ? tap : %s;", results->tap_element, results->tap_element);
        } else {
            print_line(printer, "const bool wins = candidate > %s || candidate != candidate;",
                       results->best_element);
        }
        print_line(printer, "%s = wins ? candidate : %s;", results->best_element, results->best_element);
        break;
    case WINDOW_AVERAGE: print_line(printer, "%s += %s;", results->best_element, body); break;
    case WINDOW_MAX_GRADIENT:
        print_line(printer, "%s += %s == tap ? %s : 0.0f;", results->best_element,
                   value_use(printer, taps->index), body);
        break;
    case WINDOW_AVERAGE_GRADIENT:
        print_line(printer, "%s += %s * share;", results->best_element, body);
        break;
    }
    printer->taps = NULL;
}

/* The sum of an average pooling becomes the average. */
static void print_average(Printer *printer, const TapLoops *taps, const Results *results)
{
    const Window *window = taps->window;
    const char *count =
        arena_format(printer->arena, "%lld.0f", (long long)(window->kernel[0] * window->kernel[1]));
    if (!window->count_padding)
        count = arena_format(printer->arena, "(float)%s", results->inside);
    if (has_lanes(taps))
        open_lanes(printer);
    print_line(printer, "%s /= %s;", results->best_element, count);
    if (has_lanes(taps))
        print_close(printer);
}

/* ---- gradients by parts of rows ---- */

/* Bytes next to each other become words in one instruction: a loop that mixes both is poor vector code. */
static void print_winners(Printer *printer, const TapLoops *taps, const char *name)
{
    Access access = taps->index->access;
    access.stride[printer->kernel->loop_count - 1] = 0;
    const char *bytes = pointer_parameter(printer, access.buffer, false)->name;
    print_line(printer, "hp_widen_%lld(%s, &%s[%s]);", (long long)printer->kernel->lanes, name, bytes,
               address_text(printer, &access, bytes));
    printer->value_text[taps->index->id] = arena_format(printer->arena, "%s[lane]", name);
}

/* What a window gives to the pixels under it: the same for all its taps. */
static const char *print_window_values(Printer *printer, const TapLoops *taps)
{
    long long lanes = (long long)printer->kernel->lanes;
    const Value *index = taps->index;
    const char *spread = printer_name(printer, "spread"), *winner = NULL;
    bool widen = index && index->kind == VALUE_LOAD && index->node->dtype == HP_U8 && !index->access.guards &&
                 index->access.stride[printer->kernel->loop_count - 1] == 1;
    if (index)
        winner = printer_name(printer, "winner");
    print_line(printer, "float %s[%lld];", spread, lanes);
    if (winner)
        print_line(printer, "int32_t %s[%lld];", winner, lanes);
    printer->taps = taps;
    if (widen)
        print_winners(printer, taps, winner);
    open_lanes(printer);
    for (size_t i = 0; i < taps->values.count; i++)
        if (!widen || taps->values.items[i] != index)
            print_value(printer, taps->values.items[i]);
    print_line(printer, taps->kind == WINDOW_AVERAGE_GRADIENT ? "%s[lane] = %s * share;" : "%s[lane] = %s;",
               spread, value_use(printer, taps->body));
    if (winner && !widen)
        print_line(printer, "%s[lane] = (int32_t)%s;", winner, value_use(printer, index));
    print_close(printer);
    printer->taps = NULL;
    return winner ? arena_format(printer->arena, "%s[lane] == tap ? %s[lane] : 0.0f", winner, spread)
                  : arena_format(printer->arena, "%s[lane]", spread);
}

/* Taps of a gradient, for a part of a row: every window that touches it, and every pixel under the window
 * that lies in it. */
static void print_tile(Printer *printer, const TapLoops *taps, const Results *results)
{
    const Window *window = taps->window;
    long long kernel = (long long)window->kernel[1], stride = (long long)window->stride[1];
    long long tile = (long long)taps->tile;
    const char *limit =
        size_parameter(printer, arena_format(printer->arena, "window_%d_columns", taps->id), taps->extent[1]);
    print_line(printer, "const size_t start = part * %lld + %lld;", tile, (long long)window->pad_before[1]);
    print_line(printer, "const size_t first_column = start < %lld ? 0 : (start - %lld) / %lld;", kernel,
               kernel - stride, stride);
    print_open(printer,
               "for (size_t column = first_column; column < %s && column * %lld < start + %lld; column++)",
               limit, stride, tile);
    if (taps->kind == WINDOW_AVERAGE_GRADIENT)
        print_share(printer, taps);
    const char *value = print_window_values(printer, taps);
    print_open(printer, "for (size_t kx = 0; kx < %lld; kx++)", kernel);
    print_line(printer, "const size_t x = column * %lld + kx - start;", stride);
    print_line(printer, "if (x >= %lld)", tile);
    print_line(printer, "    continue;");
    if (taps->kind == WINDOW_MAX_GRADIENT)
        print_line(printer, "const int32_t tap = (int32_t)(ky * %lld + kx);", kernel);
    open_lanes(printer);
    print_line(printer, "%s += %s;", results->best_element, value);
    print_close(printer);
    print_close(printer);
    print_close(printer);
}

/* ---- all taps ---- */

static void print_pixel_taps(Printer *printer, const TapLoops *taps, const Results *results)
{
    (taps_of_gradient(taps) ? open_gradient : open_pooling)(printer, taps, 1);
    if (taps->kind == WINDOW_AVERAGE && !taps->window->count_padding)
        print_line(printer, "%s++;", results->inside);
    if (taps->kind == WINDOW_AVERAGE_GRADIENT)
        print_share(printer, taps);
    if (taps->kind == WINDOW_MAX_GRADIENT || results->tap)
        print_line(printer, "const int32_t tap = (int32_t)(ky * %lld + kx);",
                   (long long)taps->window->kernel[1]);
    if (has_lanes(taps)) {
        printer->taps = taps;
        if (printer->dialect->load_lanes)
            printer->dialect->load_lanes(printer, &taps->values);
        open_lanes(printer);
    }
    print_body(printer, taps, results);
    if (has_lanes(taps))
        print_close(printer);
    print_close(printer);
}

void print_taps(Printer *printer, const TapLoops *taps)
{
    Results results = declare_results(printer, taps);
    if (taps->kind == WINDOW_AVERAGE && !taps->window->count_padding) {
        results.inside = printer_name(printer, "inside");
        print_line(printer, "size_t %s = 0;", results.inside);
    }
    (taps_of_gradient(taps) ? open_gradient : open_pooling)(printer, taps, 0);
    (taps->tile ? print_tile : print_pixel_taps)(printer, taps, &results);
    print_close(printer);
    if (taps->kind == WINDOW_AVERAGE)
        print_average(printer, taps, &results);
    if (taps->best)
        printer->value_text[taps->best->id] = results.best_element;
    if (taps->best_tap)
        printer->value_text[taps->best_tap->id] = results.tap_element;
}
