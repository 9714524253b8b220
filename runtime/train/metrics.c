/* Scores of probabilities against labels; the definitions are scikit-learn's. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../base/base.h"
#include "train.h"

/* ---------------------------------------------------------------- average precision */

typedef struct Ranked {
    float score;
    uint8_t positive;
} Ranked;

static int descending(const void *a, const void *b)
{
    float left = ((const Ranked *)a)->score, right = ((const Ranked *)b)->score;
    return (left < right) - (left > right);
}

double hp_average_precision(int64_t images, const float *scores, const uint8_t *positive, int64_t stride)
{
    Ranked *ranked = hp_alloc((size_t)images, sizeof *ranked);
    int64_t positives = 0;
    for (int64_t i = 0; i < images; i++) {
        float score = scores[i * stride]; /* what is not a number ranks last */
        ranked[i] = (Ranked){isnan(score) ? -INFINITY : score, positive[i * stride]};
        positives += positive[i * stride];
    }
    qsort(ranked, (size_t)images, sizeof *ranked, descending);
    double sum = 0;
    int64_t found = 0;
    for (int64_t i = 0; i < images;) {
        int64_t before = found, end = i;
        for (; end < images && ranked[end].score == ranked[i].score; end++)
            found += ranked[end].positive;
        sum += (double)(found - before) * (double)found / (double)end;
        i = end;
    }
    free(ranked);
    return positives ? sum / (double)positives : NAN;
}

/* ---------------------------------------------------------------- counts */

static int largest(const float *row, int classes)
{
    int best = 0;
    for (int c = 1; c < classes; c++)
        if (row[c] > row[best])
            best = c;
    return best;
}

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

/* 2TP / (2TP + FP + FN); 0 where nothing is there and nothing was predicted */
static double f1(int64_t hits, int64_t predicted, int64_t actual)
{
    return ratio(2 * (double)hits, (double)(predicted + actual));
}

typedef struct Counts {
    int64_t *hits, *predicted; /* per class */
    double sample_f1_sum;
    int64_t exact; /* images with every label right */
} Counts;

static void count_image(HpScores *scores, Counts *counts, bool one_of, const float *row,
                        const uint8_t *labels)
{
    int64_t hits = 0, predicted = 0, actual = 0;
    int best = largest(row, scores->class_count);
    for (int c = 0; c < scores->class_count; c++) {
        bool says = one_of ? c == best : row[c] > 0.5f;
        hits += says && labels[c];
        predicted += says;
        actual += labels[c];
        counts->hits[c] += says && labels[c];
        counts->predicted[c] += says;
        scores->support[c] += labels[c];
        if (one_of && labels[c])
            scores->confusion[(int64_t)c * scores->class_count + best]++;
    }
    counts->sample_f1_sum += f1(hits, predicted, actual);
    counts->exact += hits == predicted && hits == actual;
}

static void finish_classes(HpScores *scores, const Counts *counts, const float *probabilities,
                           const uint8_t *labels)
{
    int classes = scores->class_count, with_support = 0;
    int64_t hits = 0, predicted = 0, actual = 0;
    double ap_sum = 0, f1_sum = 0;
    for (int c = 0; c < classes; c++) {
        scores->f1[c] = f1(counts->hits[c], counts->predicted[c], scores->support[c]);
        scores->precision[c] = ratio((double)counts->hits[c], (double)counts->predicted[c]);
        scores->recall[c] = ratio((double)counts->hits[c], (double)scores->support[c]);
        scores->ap[c] = hp_average_precision(scores->images, probabilities + c, labels + c, classes);
        f1_sum += scores->f1[c];
        if (scores->support[c] > 0) {
            ap_sum += scores->ap[c];
            with_support++;
        }
        hits += counts->hits[c];
        predicted += counts->predicted[c];
        actual += scores->support[c];
    }
    scores->macro_f1 = f1_sum / classes;
    scores->micro_f1 = f1(hits, predicted, actual);
    scores->macro_ap = with_support ? ap_sum / with_support : NAN;
}

HpScores hp_scores_new(int classes, bool one_of)
{
    size_t count = (size_t)classes;
    return (HpScores){.class_count = classes,
                      .f1 = hp_alloc(count, sizeof(double)),
                      .ap = hp_alloc(count, sizeof(double)),
                      .precision = hp_alloc(count, sizeof(double)),
                      .recall = hp_alloc(count, sizeof(double)),
                      .support = hp_alloc(count, sizeof(int64_t)),
                      .confusion = one_of ? hp_alloc(count * count, sizeof(int64_t)) : NULL};
}

HpScores hp_scores_measure(int classes, bool one_of, int64_t images, const float *probabilities,
                           const uint8_t *labels, double loss)
{
    HpScores scores = hp_scores_new(classes, one_of);
    Counts counts = {.hits = hp_alloc((size_t)classes, sizeof(int64_t)),
                     .predicted = hp_alloc((size_t)classes, sizeof(int64_t))};
    scores.images = images;
    scores.loss = loss;
    for (int64_t i = 0; i < images; i++)
        count_image(&scores, &counts, one_of, probabilities + i * classes, labels + i * classes);
    finish_classes(&scores, &counts, probabilities, labels);
    scores.sample_f1 = ratio(counts.sample_f1_sum, (double)images);
    scores.accuracy = ratio((double)counts.exact, (double)images);
    free(counts.hits);
    free(counts.predicted);
    return scores;
}

void hp_scores_free(HpScores *scores)
{
    free(scores->f1);
    free(scores->ap);
    free(scores->precision);
    free(scores->recall);
    free(scores->support);
    free(scores->confusion);
    *scores = (HpScores){0};
}

double hp_scores_metric(const HpScores *scores, const char *name)
{
    const struct {
        const char *name;
        double value;
    } metrics[] = {{"macro_ap", scores->macro_ap},   {"macro_f1", scores->macro_f1},
                   {"sample_f1", scores->sample_f1}, {"micro_f1", scores->micro_f1},
                   {"accuracy", scores->accuracy},   {"loss", scores->loss}};
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        if (strcmp(metrics[i].name, name) == 0)
            return metrics[i].value;
    hp_bug("there is no metric \"%s\"", name);
}
