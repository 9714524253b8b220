#include "show.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/base.h"

enum { BAR_CELLS = 24, LINE_BYTES = 512 };
static const double TERMINAL_INTERVAL = 0.1, PLAIN_INTERVAL = 10.0; /* seconds */

/* "1:02:03" or "2:03" */
static void format_time(char out[24], double seconds)
{
    if (!isfinite(seconds) || seconds < 0 || seconds > 1e7) {
        snprintf(out, 24, "--:--");
        return;
    }
    long whole = lround(seconds);
    if (whole >= 3600) {
        snprintf(out, 24, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
    } else {
        snprintf(out, 24, "%ld:%02ld", whole / 60, whole % 60);
    }
}

static void draw_bar(char *out, double fraction)
{
    int full = (int)(fraction * BAR_CELLS);
    for (int i = 0; i < BAR_CELLS; i++) {
        out[i] = i < full ? '#' : '.';
    }
    out[BAR_CELLS] = '\0';
}

static void draw(const HpProgress *progress, const char *note)
{
    double elapsed = hp_seconds() - progress->started;
    double rate = elapsed > 0 ? (double)progress->done / elapsed : 0;
    double fraction = progress->total > 0 ? (double)progress->done / (double)progress->total : 1;
    char spent[24], left[24], bar[BAR_CELLS + 1];
    format_time(spent, elapsed);
    format_time(left, rate > 0 ? (double)(progress->total - progress->done) / rate : NAN);
    draw_bar(bar, fraction);
    const char *gap = note[0] ? "  " : "";
    if (progress->terminal) {
        fprintf(stderr, "\r\033[K%s %3.0f%% [%s] %lld/%lld  %.4g images/s  %s<%s%s%s", progress->title,
                100 * fraction, bar, (long long)progress->done, (long long)progress->total, rate, spent, left,
                gap, note);
    } else {
        fprintf(stderr, "%s %3.0f%%  %lld/%lld  %.4g images/s  %s spent, %s left%s%s\n", progress->title,
                100 * fraction, (long long)progress->done, (long long)progress->total, rate, spent, left, gap,
                note);
    }
    fflush(stderr);
}

void hp_progress_begin(HpProgress *progress, const char *title, int64_t total)
{
    double now = hp_seconds();
    *progress = (HpProgress){
        .title = title, .total = total, .started = now, .drawn = now, .terminal = isatty(STDERR_FILENO) == 1};
}

void hp_progress_update(HpProgress *progress, int64_t done, const char *note_format, ...)
{
    progress->done = done;
    double now = hp_seconds();
    if (now - progress->drawn < (progress->terminal ? TERMINAL_INTERVAL : PLAIN_INTERVAL)) {
        return;
    }
    progress->drawn = now;
    char note[LINE_BYTES];
    va_list arguments;
    va_start(arguments, note_format);
    vsnprintf(note, sizeof note, note_format, arguments);
    va_end(arguments);
    draw(progress, note);
}

/* On a terminal the bar goes: what came out of it is printed by the caller. */
void hp_progress_end(HpProgress *progress)
{
    if (progress->terminal) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
}
