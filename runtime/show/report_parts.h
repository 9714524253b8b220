/* The pieces report.c puts together; each writes HTML to an open stream. */
#ifndef HPART_SHOW_REPORT_PARTS_H
#define HPART_SHOW_REPORT_PARTS_H

#include <stdio.h>
#include "show.h"

/* Text with & < > " made harmless. */
void html_text(FILE *out, const char *text);

typedef struct ChartSeries {
    const char *name;
    const double *values; /* [count]; NAN: no point */
} ChartSeries;

typedef struct Chart {
    const char *title;
    int count;        /* points along x: epochs */
    int series_count; /* at most 4 */
    const ChartSeries *series;
    bool logarithmic;         /* y */
    bool from_zero;           /* the y axis starts at 0 */
    const char *const *bands; /* [count] name of the stage of each point, or NULL */
} Chart;

/* A line chart as inline SVG. */
void chart_write(FILE *out, const Chart *chart);

/* A horizontal bar of `fraction` (0 to 1) with its text, for a table cell. */
void chart_bar(FILE *out, double fraction, const char *text);

/* One image as <img> with a PNG inside: all planes as one colour picture, then each plane in grey. */
void picture_write(FILE *out, const HpReport *report, const HpShownImage *image);

#endif
