#include "report_parts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../base/base.h"

static const char STYLE[] =
    ":root{color-scheme:light dark;--ink:#1c2430;--soft:#66707f;--line:#d9dee6;--page:#fff;--band:#f3f5f8;"
    "--a:#2563c9;--b:#d9662b;--c:#2c9a6b;--d:#9a4fb8}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--soft:#98a2b3;--line:#333b48;--page:#14181f;--"
    "band:#1b212b;"
    "--a:#6ea3ff;--b:#f3935f;--c:#5ccf9c;--d:#cb8be6}}"
    "body{font:15px/1.45 "
    "system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:1180px;margin:24px auto;"
    "padding:0 20px}h1{font-size:24px;margin:0}h2{font-size:18px;margin:34px 0 "
    "8px}p{color:var(--soft);margin:4px 0 12px}"
    ".tiles{display:flex;flex-wrap:wrap;gap:12px;margin:18px 0}.tile{border:1px solid "
    "var(--line);border-radius:8px;"
    "padding:10px 16px;min-width:110px}.tile b{display:block;font-size:22px}.tile "
    "span{color:var(--soft);font-size:13px}"
    ".charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(440px,1fr));gap:16px}"
    ".chart{width:100%;border:1px solid var(--line);border-radius:8px}.chart "
    "text{font-size:11px;fill:var(--soft)}"
    ".chart .title{font-size:13px;fill:var(--ink);font-weight:600}.chart .y{text-anchor:end}.chart .x,.chart "
    ".stage"
    "{text-anchor:middle}.grid{stroke:var(--line)}.band0{fill:var(--band)}.band1{fill:none}.line{fill:none;"
    "stroke-width:2}"
    ".s0{stroke:var(--a)}.s1{stroke:var(--b)}.s2{stroke:var(--c)}.s3{stroke:var(--d)}.dot,.key{stroke:none}"
    ".dot.s0,.key.s0{fill:var(--a)}.dot.s1,.key.s1{fill:var(--b)}.dot.s2,.key.s2{fill:var(--c)}.dot.s3,.key."
    "s3"
    "{fill:var(--d)}table{border-collapse:collapse;width:100%;font-size:13px}th,td{padding:4px "
    "8px;text-align:right;"
    "border-bottom:1px solid "
    "var(--line)}th:first-child,td:first-child{text-align:left}td.bar{position:relative;"
    "min-width:90px}td.bar span{position:absolute;left:0;top:4px;bottom:4px;background:var(--a);opacity:.25;"
    "border-radius:3px}.confusion{width:auto}.confusion td.bar{min-width:30px}.confusion "
    "td:first-child{white-space:nowrap}td.bar "
    "b{position:relative;font-weight:400}.sheet{display:grid;grid-template-columns:repeat(auto-fill,"
    "minmax(min(480px,100%),1fr));gap:14px}"
    "figure{margin:0;border:1px solid var(--line);border-radius:8px;overflow:hidden}figure "
    "img{display:block;"
    "width:100%;height:auto}figcaption{padding:6px 10px;background:var(--page);font-size:13px}figcaption "
    "i{color:"
    "var(--soft);font-style:normal;display:block;font-size:11px}.wide{overflow-x:auto}pre{font-size:12px;"
    "overflow-x:auto;"
    "border:1px solid var(--line);border-radius:8px;padding:12px}";

void html_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&': fputs("&amp;", out); break;
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '"': fputs("&quot;", out); break;
        case '\'': fputs("&#39;", out); break;
        default: fputc(*text, out);
        }
    }
}

static void write_tile(FILE *out, const char *name, double value)
{
    if (isfinite(value)) {
        fprintf(out, "<div class='tile'><b>%.4f</b><span>%s</span></div>", value, name);
    }
}

static const HpEpoch *best_epoch(const HpReport *report)
{
    const HpEpoch *best = NULL;
    for (int i = 0; i < report->epoch_count; i++) {
        if (report->epochs[i].best) {
            best = &report->epochs[i];
        }
    }
    return best;
}

static bool is_sampled(const HpReport *report)
{
    return report->sampled_images != report->train_images;
}

static void write_head(FILE *out, const HpReport *report)
{
    const HpModel *model = report->model;
    bool one_of = model->dataset->one_of;
    fputs("<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' "
          "content='width=device-width'><title>",
          out);
    html_text(out, model->name);
    fprintf(out, "</title><style>%s</style><h1>", STYLE);
    html_text(out, model->name);
    fputs("</h1><p>", out);
    html_text(out, model->source);
    fprintf(out, " &middot; %d epochs, %.0f s &middot; %lld training images", report->epoch_count,
            report->seconds, (long long)report->train_images);
    if (is_sampled(report)) {
        fprintf(out, ", %lld after sampling", (long long)report->sampled_images);
    }
    fprintf(out, " &middot; %lld px &middot; ", (long long)model->image_size);
    html_text(out, model->target);
    fputs("</p><div class='tiles'>", out);
    const HpEpoch *best = best_epoch(report);
    if (best) {
        write_tile(out, "validation macro AP", best->validation.macro_ap);
        write_tile(out, "validation macro F1", best->validation.macro_f1);
        write_tile(out, one_of ? "validation accuracy" : "validation sample F1",
                   one_of ? best->validation.accuracy : best->validation.sample_f1);
        write_tile(out, "validation loss", best->validation.loss);
    }
    if (report->test) {
        write_tile(out, "test macro AP", report->test->macro_ap);
        write_tile(out, "test macro F1", report->test->macro_f1);
        write_tile(out, one_of ? "test accuracy" : "test sample F1",
                   one_of ? report->test->accuracy : report->test->sample_f1);
    }
    fputs("</div>", out);
}

static void write_curves(FILE *out, const HpReport *report)
{
    enum { TRAIN_LOSS, LOSS, MACRO_F1, MACRO_AP, SAMPLE_F1, ACCURACY, RATE, COLUMNS };
    size_t count = (size_t)report->epoch_count;
    double *values = hp_alloc(count ? count : 1, COLUMNS * sizeof(double));
    const char **stages = hp_alloc(count ? count : 1, sizeof *stages);
    for (size_t i = 0; i < count; i++) {
        const HpEpoch *epoch = &report->epochs[i];
        const HpScores *scores = &epoch->validation;
        bool scored = scores->images > 0;
        double row[COLUMNS] = {epoch->train_loss,
                               scored ? scores->loss : NAN,
                               scored ? scores->macro_f1 : NAN,
                               scored ? scores->macro_ap : NAN,
                               scored ? scores->sample_f1 : NAN,
                               scored ? scores->accuracy : NAN,
                               epoch->lr};
        for (int c = 0; c < COLUMNS; c++) {
            values[(size_t)c * count + i] = row[c];
        }
        stages[i] = epoch->stage;
    }
    bool one_of = report->model->dataset->one_of;
    const ChartSeries losses[] = {{"training loss", values + TRAIN_LOSS * count},
                                  {"validation loss", values + LOSS * count}};
    const ChartSeries scores[] = {
        {"macro F1", values + MACRO_F1 * count},
        {"macro AP", values + MACRO_AP * count},
        {one_of ? "accuracy" : "sample F1", values + (one_of ? ACCURACY : SAMPLE_F1) * count}};
    const ChartSeries rates[] = {{"learning rate", values + RATE * count}};
    const Chart charts[] = {
        {"Loss per epoch", report->epoch_count, 2, losses, false, true, stages},
        {"Validation scores per epoch", report->epoch_count, 3, scores, false, true, stages},
        {"Learning rate at the end of each epoch", report->epoch_count, 1, rates, true, false, stages},
    };
    fputs("<h2>Curves</h2><div class='charts'>", out);
    for (size_t i = 0; i < sizeof charts / sizeof *charts; i++) {
        chart_write(out, &charts[i]);
    }
    fputs("</div>", out);
    free(values);
    free(stages);
}

static void write_ratio(FILE *out, double value)
{
    char text[32];
    snprintf(text, sizeof text, isfinite(value) ? "%.3f" : "&ndash;", value);
    chart_bar(out, value, text);
}

static void write_classes(FILE *out, const HpReport *report)
{
    const HpEpoch *best = best_epoch(report);
    const HpScores *scores = report->test                      ? report->test
                             : best && best->validation.images ? &best->validation
                                                               : NULL;
    const HpDataset *dataset = report->model->dataset;
    fprintf(out, "<h2>Classes</h2><p>%s. A dash: not defined, because the class has no image there.</p>",
            !scores        ? "Images per class"
            : report->test ? "Scores on the test part"
                           : "Scores on the validation part, best epoch");
    fputs("<div class='wide'><table><tr><th>class<th>training images", out);
    fputs(is_sampled(report) ? "<th>after sampling" : "", out);
    fputs(scores ? "<th>support<th>average precision<th>F1<th>precision<th>recall</tr>" : "</tr>", out);
    int64_t most = 1;
    for (int c = 0; c < dataset->class_count; c++) {
        most = report->class_counts_sampled[c] > most ? report->class_counts_sampled[c] : most;
    }
    for (int c = 0; c < dataset->class_count; c++) {
        char before[32], after[32];
        snprintf(before, sizeof before, "%lld", (long long)report->class_counts[c]);
        snprintf(after, sizeof after, "%lld", (long long)report->class_counts_sampled[c]);
        fputs("<tr><td>", out);
        html_text(out, dataset->classes[c]);
        fputs("</td>", out);
        chart_bar(out, (double)report->class_counts[c] / (double)most, before);
        if (is_sampled(report)) {
            chart_bar(out, (double)report->class_counts_sampled[c] / (double)most, after);
        }
        if (scores) {
            fprintf(out, "<td>%lld</td>", (long long)scores->support[c]);
            write_ratio(out, scores->ap[c]);
            write_ratio(out, scores->f1[c]);
            write_ratio(out, scores->precision[c]);
            write_ratio(out, scores->recall[c]);
        }
        fputs("</tr>", out);
    }
    fputs("</table></div>", out);
}

static void write_confusion(FILE *out, const HpReport *report)
{
    const HpEpoch *best = best_epoch(report);
    const HpScores *scores = report->test ? report->test : best ? &best->validation : NULL;
    if (!scores || !scores->confusion) {
        return;
    }
    const HpDataset *dataset = report->model->dataset;
    int classes = dataset->class_count;
    fputs("<h2>Confusion</h2><p>A row is a true class, a column what was predicted, by number.</p><div "
          "class='wide'><table class='confusion'><tr><th>",
          out);
    for (int c = 0; c < classes; c++) {
        fprintf(out, "<th>%d", c);
    }
    fputs("</tr>", out);
    for (int t = 0; t < classes; t++) {
        const int64_t *row = scores->confusion + (size_t)t * (size_t)classes;
        int64_t total = 0;
        for (int c = 0; c < classes; c++) {
            total += row[c];
        }
        fprintf(out, "<tr><td>%d ", t);
        html_text(out, dataset->classes[t]);
        fputs("</td>", out);
        for (int c = 0; c < classes; c++) {
            char text[32];
            snprintf(text, sizeof text, row[c] ? "%lld" : "&middot;", (long long)row[c]);
            chart_bar(out, total ? (double)row[c] / (double)total : 0, text);
        }
        fputs("</tr>", out);
    }
    fputs("</table></div>", out);
}

static void write_sheet(FILE *out, const HpReport *report)
{
    if (report->image_count == 0) {
        return;
    }
    const HpDataset *dataset = report->model->dataset;
    fputs("<h2>What the network sees</h2><p>The exact tensors of a training batch, after augmentation, with "
          "normalisation "
          "undone for the eye: all planes in colour, then ",
          out);
    for (int p = 0; p < dataset->plane_count; p++) {
        fputs(p == 0 ? "" : ", ", out);
        html_text(out, dataset->planes[p]);
    }
    fputs(".</p><div class='sheet'>", out);
    for (int i = 0; i < report->image_count; i++) {
        const HpShownImage *image = &report->images[i];
        fputs("<figure>", out);
        picture_write(out, report, image);
        fputs("<figcaption>", out);
        bool first = true;
        for (int c = 0; c < dataset->class_count; c++) {
            if (image->labels[c]) {
                fputs(first ? "" : ", ", out);
                html_text(out, dataset->classes[c]);
                if (image->scores) {
                    fprintf(out, " %.2f", image->scores[c]);
                }
                first = false;
            }
        }
        fputs("<i>", out);
        html_text(out, image->id);
        fputs("</i></figcaption></figure>", out);
    }
    fputs("</div>", out);
}

static void write_recipe(FILE *out, const HpReport *report)
{
    fputs("<h2>Recipe</h2><pre>", out);
    html_text(out, report->model->recipe);
    fputs("</pre></html>\n", out);
}

void hp_report_write(const HpReport *report)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out) {
        hp_fail("no memory for the report");
    }
    write_head(out, report);
    write_curves(out, report);
    write_sheet(out, report);
    write_classes(out, report);
    write_confusion(out, report);
    write_recipe(out, report);
    if (fclose(out) != 0) {
        hp_fail("no memory for the report");
    }
    char *path = hp_format("%s/report.html", report->folder);
    if (!hp_write_file(path, text, length)) {
        hp_fail("%s: cannot write: %s", path, strerror(errno));
    }
    free(path);
    free(text);
}
