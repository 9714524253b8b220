/* `predict`: a submission, one row an image. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../base/base.h"
#include "train.h"

void hp_csv_print_cell(FILE *out, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

/* Between labels: a space as in the tables of the data set, unless a class name has one. */
static const char *label_separator(const HpDataset *dataset, bool names)
{
    for (int c = 0; names && c < dataset->class_count; c++)
        if (strchr(dataset->classes[c], ' '))
            return ";";
    return " ";
}

/* The labels of one image as the submission writes them; to be freed. */
static char *label_text(const HpDataset *dataset, const float *row, bool names, const char *separator)
{
    int best = 0;
    char *text = hp_string("");
    bool any = false;
    for (int c = 1; c < dataset->class_count; c++)
        if (row[c] > row[best])
            best = c;
    for (int c = 0; c < dataset->class_count; c++)
        any = any || (!dataset->one_of && row[c] > 0.5f);
    for (int c = 0; c < dataset->class_count; c++) {
        if (any ? !(row[c] > 0.5f) : c != best)
            continue;
        const char *between = *text ? separator : "";
        char *longer = names ? hp_format("%s%s%s", text, between, dataset->classes[c])
                             : hp_format("%s%s%d", text, between, c);
        free(text);
        text = longer;
    }
    return text;
}

typedef struct Predictions {
    const HpData *data;
    const HpDataset *dataset;
    const float *probabilities;
    int64_t count;
} Predictions;

static void print_submission(FILE *out, const Predictions *predictions, bool names)
{
    const char *separator = label_separator(predictions->dataset, names);
    fputs("Id,Predicted\n", out);
    for (int64_t i = 0; i < predictions->count; i++) {
        char *labels =
            label_text(predictions->dataset,
                       predictions->probabilities + i * predictions->dataset->class_count, names, separator);
        hp_csv_print_cell(out, hp_data_id(predictions->data, i));
        fputc(',', out);
        hp_csv_print_cell(out, labels);
        fputc('\n', out);
        free(labels);
    }
}

static void print_probabilities(FILE *out, const Predictions *predictions)
{
    int classes = predictions->dataset->class_count;
    fputs("Id", out);
    for (int c = 0; c < classes; c++) {
        fputc(',', out);
        hp_csv_print_cell(out, predictions->dataset->classes[c]);
    }
    for (int64_t i = 0; i < predictions->count; i++) {
        fputc('\n', out);
        hp_csv_print_cell(out, hp_data_id(predictions->data, i));
        for (int c = 0; c < classes; c++)
            fprintf(out, ",%.9g", (double)predictions->probabilities[i * classes + c]);
    }
    fputc('\n', out);
}

/* The whole file at once: a submission is complete or not there. */
static void write_csv(const char *path, const Predictions *predictions, bool submission, bool names)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        hp_fail("out of memory while %s was made", path);
    if (submission)
        print_submission(out, predictions, names);
    else
        print_probabilities(out, predictions);
    if (fclose(out) != 0 || !hp_write_file(path, text, length))
        hp_fail("cannot write %s: %s", path, strerror(errno));
    free(text);
}

/* A submission lists one part; a data set with several has to be asked for one. */
static void check_part(const HpOptions *options, const HpData *data)
{
    const char *part = hp_data_part(data, 0);
    for (int64_t i = 1; i < hp_data_count(data); i++)
        if (strcmp(hp_data_part(data, i), part) != 0)
            hp_fail("%s has several parts; say which one to predict, such as --data %s:%s", options->data,
                    options->data, hp_data_part(data, i));
}

static void check_finite(const Predictions *predictions)
{
    int classes = predictions->dataset->class_count;
    for (int64_t i = 0; i < predictions->count * classes; i++)
        if (!isfinite(predictions->probabilities[i]))
            hp_fail("the network's output for image %s is not a number; the weights are damaged or of a run "
                    "that went "
                    "wrong",
                    hp_data_id(predictions->data, i / classes));
}

/* Tables whose labels are names get names back. */
static bool labels_are_names(const HpDataset *dataset)
{
    for (int i = 0; i < dataset->part_count; i++)
        if (dataset->parts[i].labels_from_folders)
            return true;
    return false;
}

int hp_predict(const HpOptions *options, const HpModel *model)
{
    if (!options->output)
        hp_fail("-o is missing: the submission to write, such as -o submission.csv");
    HpData *data = hp_open_data(options, model);
    int64_t count = hp_data_count(data), *images = hp_alloc((size_t)count, sizeof *images);
    if (count == 0)
        hp_fail("%s has no images to predict", options->data);
    check_part(options, data);
    for (int64_t i = 0; i < count; i++)
        images[i] = i;
    HpSession session;
    hp_session_open(&session, model, options, false);
    hp_load_weights(&session, options);
    float *probabilities =
        hp_alloc((size_t)count * (size_t)model->dataset->class_count, sizeof *probabilities);
    double unused;
    hp_run_images(&session, data, images, count, -1, "predict", probabilities, &unused);
    Predictions predictions = {data, model->dataset, probabilities, count};
    check_finite(&predictions);
    write_csv(options->output, &predictions, true, options->names || labels_are_names(model->dataset));
    printf("%lld rows written to %s (labels above 0.5; where none is, the most probable one)\n",
           (long long)count, options->output);
    if (options->probabilities) {
        write_csv(options->probabilities, &predictions, false, false);
        printf("probabilities written to %s\n", options->probabilities);
    }
    hp_session_close(&session);
    hp_data_close(data);
    free(probabilities);
    free(images);
    return 0;
}
