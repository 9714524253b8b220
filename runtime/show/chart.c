#include "report_parts.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 560, HEIGHT = 260, LEFT = 52, RIGHT = 12, TOP = 42, BOTTOM = 46, TICKS = 5 };

typedef struct Axis {
    double low, high; /* in plotted units: log10 of the value when logarithmic */
} Axis;

static double plotted(const Chart *chart, double value)
{
    return chart->logarithmic ? (value > 0 ? log10(value) : NAN) : value;
}

/* 1, 2 or 5 times a power of ten, so that about TICKS steps cover the range. */
static double tick_step(double range)
{
    double rough = range / TICKS, power = pow(10, floor(log10(rough))), lead = rough / power;
    return power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
}

/* Ticks of a logarithmic axis, by number: ..., 0.1, 0.2, 0.5, 1, 2, 5, 10, ... */
static double log_tick(int number)
{
    static const double leads[] = {1, 2, 5};
    int power = (int)floor(number / 3.0);
    return power + log10(leads[number - 3 * power]);
}

static int log_tick_below(double y)
{
    int number = 3 * (int)floor(y) + 2;
    while (log_tick(number) > y + 1e-9) {
        number--;
    }
    return number;
}

/* The least and the greatest value of all series; low > high when there is none. */
static Axis data_range(const Chart *chart)
{
    Axis axis = {INFINITY, -INFINITY};
    for (int s = 0; s < chart->series_count; s++) {
        for (int i = 0; i < chart->count; i++) {
            double y = plotted(chart, chart->series[s].values[i]);
            if (isfinite(y)) {
                axis.low = fmin(axis.low, y);
                axis.high = fmax(axis.high, y);
            }
        }
    }
    return axis;
}

/* From a tick to a tick around the data. */
static Axis axis_find(const Chart *chart)
{
    Axis axis = data_range(chart);
    if (axis.low > axis.high) {
        return (Axis){0, 1};
    }
    if (chart->logarithmic) {
        int low = log_tick_below(axis.low), high = low + 1;
        while (log_tick(high) < axis.high - 1e-9) {
            high++;
        }
        return (Axis){log_tick(low), log_tick(high)};
    }
    if (chart->from_zero) {
        axis.low = 0;
    }
    if (axis.high - axis.low < 1e-9 * fmax(1, fabs(axis.high))) {
        axis.high = axis.low + fmax(fabs(axis.low), 1e-3);
    }
    double step = tick_step(axis.high - axis.low);
    axis.low = step * floor(axis.low / step);
    axis.high = step * ceil(axis.high / step);
    return axis;
}

static double x_of(const Chart *chart, double i)
{
    double span = chart->count > 1 ? chart->count - 1 : 1;
    return LEFT + (WIDTH - LEFT - RIGHT) * (chart->count > 1 ? i / span : 0.5);
}

static double y_of(Axis axis, double y)
{
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (y - axis.low) / (axis.high - axis.low);
}

/* Stages as bands of alternating shade with their names on top. */
static void draw_bands(FILE *out, const Chart *chart)
{
    int band = 0;
    for (int first = 0; chart->bands && first < chart->count; band++) {
        int last = first;
        while (last + 1 < chart->count && strcmp(chart->bands[last + 1], chart->bands[first]) == 0) {
            last++;
        }
        double left = fmax(x_of(chart, first - 0.5), LEFT),
               right = fmin(x_of(chart, last + 0.5), WIDTH - RIGHT);
        fprintf(out, "<rect class='band%d' x='%.1f' y='%d' width='%.1f' height='%d'/>", band % 2, left, TOP,
                right - left, HEIGHT - TOP - BOTTOM);
        fprintf(out, "<text class='stage' x='%.1f' y='%d'>", (left + right) / 2, TOP - 6);
        html_text(out, chart->bands[first]);
        fputs("</text>", out);
        first = last + 1;
    }
}

static void draw_tick(FILE *out, Axis axis, double y, double shown)
{
    fprintf(out, "<line class='grid' x1='%d' x2='%d' y1='%.1f' y2='%.1f'/>", LEFT, WIDTH - RIGHT,
            y_of(axis, y), y_of(axis, y));
    fprintf(out, "<text class='y' x='%d' y='%.1f'>%.3g</text>", LEFT - 6, y_of(axis, y) + 4, shown);
}

static void draw_axes(FILE *out, const Chart *chart, Axis axis)
{
    double step = tick_step(axis.high - axis.low);
    int first = log_tick_below(axis.low), every_tick = axis.high - axis.low > 3 ? 3 : 1; /* 3: whole powers */
    for (int n = first; chart->logarithmic && log_tick(n) < axis.high + 1e-9; n++) {
        if (n % every_tick == 0) {
            draw_tick(out, axis, log_tick(n), pow(10, log_tick(n)));
        }
    }
    for (double y = axis.low; !chart->logarithmic && y <= axis.high + step / 2; y += step) {
        draw_tick(out, axis, y, fabs(y) < step * 1e-6 ? 0 : y);
    }
    int every = chart->count <= 10 ? 1 : (int)fmax(1, tick_step(chart->count) + 0.5);
    for (int i = 0; i < chart->count; i++) {
        if ((i + 1) % every == 0 || i == 0) {
            fprintf(out, "<text class='x' x='%.1f' y='%d'>%d</text>", x_of(chart, i), HEIGHT - BOTTOM + 16,
                    i + 1);
        }
    }
}

static void draw_series(FILE *out, const Chart *chart, Axis axis, int s)
{
    const ChartSeries *series = &chart->series[s];
    fprintf(out, "<path class='line s%d' d='", s);
    bool pen = false;
    for (int i = 0; i < chart->count; i++) {
        double y = plotted(chart, series->values[i]);
        if (isfinite(y)) {
            fprintf(out, "%c%.1f %.1f", pen ? 'L' : 'M', x_of(chart, i), y_of(axis, y));
        }
        pen = isfinite(y);
    }
    fputs("'/>", out);
    for (int i = 0; i < chart->count; i++) {
        double y = plotted(chart, series->values[i]);
        if (isfinite(y)) {
            fprintf(out, "<circle class='dot s%d' cx='%.1f' cy='%.1f' r='3'><title>", s, x_of(chart, i),
                    y_of(axis, y));
            html_text(out, series->name);
            fprintf(out, ", epoch %d: %.5g</title></circle>", i + 1, series->values[i]);
        }
    }
}

void chart_write(FILE *out, const Chart *chart)
{
    Axis axis = axis_find(chart);
    fprintf(out, "<svg class='chart' viewBox='0 0 %d %d' role='img'><text class='title' x='%d' y='18'>",
            WIDTH, HEIGHT, LEFT);
    html_text(out, chart->title);
    fputs("</text>", out);
    draw_bands(out, chart);
    draw_axes(out, chart, axis);
    for (int s = 0; s < chart->series_count; s++) {
        draw_series(out, chart, axis, s);
    }
    double x = LEFT;
    for (int s = 0; s < chart->series_count; s++) {
        fprintf(out,
                "<rect class='key s%d' x='%.1f' y='%d' width='10' height='10'/><text class='key' x='%.1f' "
                "y='%d'>",
                s, x, HEIGHT - 16, x + 15, HEIGHT - 7);
        html_text(out, chart->series[s].name);
        fputs("</text>", out);
        x += 34 + 7.0 * (double)strlen(chart->series[s].name);
    }
    fputs("</svg>\n", out);
}

void chart_bar(FILE *out, double fraction, const char *text)
{
    double clamped = isfinite(fraction) ? fmin(fmax(fraction, 0), 1) : 0;
    fprintf(out, "<td class='bar'><span style='width:calc(%.1f%% - 6px)'></span><b>%s</b></td>",
            100 * clamped, text);
}
