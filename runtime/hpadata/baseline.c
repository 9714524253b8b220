/* hpadata baseline: logistic regression on four intensities of each plane. It sees no shapes, so what it
 * reaches is what a network has to beat before it has learned to look. */
#include "tool.h"

#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../train/train.h"
#include "hpadata.h"

static const char help[] = "usage: hpadata baseline DATASET FOLDER [--solution FILE]\n"
                           "\n"
                           "Fits, for each class, a logistic regression on the mean, deviation, 99th "
                           "percentile and share of zeros of every plane\n"
                           "to the labelled part of FOLDER, and prints its average precision on the part "
                           "without labels, which FILE, a table of\n"
                           "the folder (test_labels.csv), gives. The macro average is over the classes with "
                           "at least 10 positives there.\n";

enum { OF_PLANE = 4, ROWS = 64, LEAST_POSITIVES = 10, NEWTON_STEPS = 30 };
static const double ridge = 1; /* half the weights' squared norm is added to the summed loss */

/* One part's images as numbers. */
typedef struct Table {
    int64_t count;
    int features, classes;
    double *values;  /* [count][features + 1], the last is 1 */
    uint8_t *labels; /* [count][classes] */
} Table;

/* ---------------------------------------------------------------- features */

static double pixel(const HpImageStore *store, size_t index)
{
    const double value =
        store->bits == 8 ? ((const uint8_t *)store->pixels)[index] : ((const uint16_t *)store->pixels)[index];
    return 255 * ((double)store->scale * value + (double)store->offset);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Mean, deviation, 99th percentile and share of zeros of one plane, on a logarithmic scale. */
static void measure(const HpImageStore *store, int64_t row, int64_t plane, double *scratch, double *features)
{
    const size_t count = (size_t)(store->height * store->width), planes = (size_t)store->planes;
    double sum = 0, squares = 0, zeros = 0;
    for (size_t i = 0; i < count; i++) {
        const double value = pixel(store, ((size_t)row * count + i) * planes + (size_t)plane);
        scratch[i] = value;
        sum += value;
        squares += value * value;
        zeros += value <= 0;
    }
    qsort(scratch, count, sizeof *scratch, ascending);
    const double mean = sum / (double)count;
    features[0] = log1p(fmax(0, mean));
    features[1] = log1p(sqrt(fmax(0, squares / (double)count - mean * mean)));
    features[2] = log1p(fmax(0, scratch[(size_t)(.99 * (double)(count - 1))]));
    features[3] = zeros / (double)count;
}

static Table read_table(HpData *data)
{
    const HpDataset *dataset = hp_data_dataset(data);
    Table table = {.count = hp_data_count(data),
                   .features = OF_PLANE * dataset->plane_count,
                   .classes = dataset->class_count};
    const size_t width = (size_t)table.features + 1, classes = (size_t)table.classes;
    table.values = hp_alloc((size_t)table.count, width * sizeof *table.values);
    table.labels = hp_alloc((size_t)table.count, classes);
    HpLoader *loader = hp_loader_open(data, tool_threads(), ROWS);
    double *scratch = NULL;
    for (int64_t first = 0; first < table.count; first += ROWS) {
        int64_t images[ROWS], rows[ROWS], count = table.count - first < ROWS ? table.count - first : ROWS;
        for (int64_t i = 0; i < count; i++)
            images[i] = first + i;
        hp_loader_request(loader, images, count);
        const HpImageStore store = hp_loader_take(loader, rows);
        if (!scratch)
            scratch = hp_alloc((size_t)(store.height * store.width), sizeof *scratch);
        for (int64_t i = 0; i < count; i++) {
            double *row = table.values + (size_t)(first + i) * width;
            for (int64_t plane = 0; plane < store.planes; plane++)
                measure(&store, rows[i], plane, scratch, row + OF_PLANE * plane);
            row[table.features] = 1;
            memcpy(table.labels + (size_t)(first + i) * classes, hp_data_labels(data, first + i), classes);
        }
    }
    hp_loader_close(loader);
    free(scratch);
    return table;
}

/* Both tables to mean 0 and deviation 1 of the first. */
static void standardize(Table *train, Table *test)
{
    const size_t width = (size_t)train->features + 1;
    for (size_t f = 0; f + 1 < width; f++) {
        double sum = 0, squares = 0;
        for (int64_t i = 0; i < train->count; i++)
            sum += train->values[(size_t)i * width + f];
        const double mean = sum / (double)train->count;
        for (int64_t i = 0; i < train->count; i++)
            squares += pow(train->values[(size_t)i * width + f] - mean, 2);
        const double deviation = fmax(sqrt(squares / (double)train->count), 1e-9);
        for (int64_t i = 0; i < train->count; i++)
            train->values[(size_t)i * width + f] = (train->values[(size_t)i * width + f] - mean) / deviation;
        for (int64_t i = 0; i < test->count; i++)
            test->values[(size_t)i * width + f] = (test->values[(size_t)i * width + f] - mean) / deviation;
    }
}

/* ---------------------------------------------------------------- logistic regression */

static double dot(const double *a, const double *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Solves a symmetric positive definite system in place by Cholesky's method; b becomes the solution. */
static void solve(double *matrix, double *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            const double rest = matrix[i * n + j] - dot(matrix + i * n, matrix + j * n, j);
            matrix[i * n + j] = i == j ? sqrt(fmax(rest, 1e-12)) : rest / matrix[j * n + j];
        }
        b[i] = (b[i] - dot(matrix + i * n, b, i)) / matrix[i * n + i];
    }
    for (size_t i = n; i-- > 0;) {
        for (size_t k = i + 1; k < n; k++)
            b[i] -= matrix[k * n + i] * b[k];
        b[i] /= matrix[i * n + i];
    }
}

/* Newton's method on the summed cross-entropy with a ridge on all weights but the constant. */
static void fit(const Table *train, int class_index, double *weights, double *matrix, double *gradient)
{
    const size_t n = (size_t)train->features + 1;
    memset(weights, 0, n * sizeof *weights);
    for (int step = 0; step < NEWTON_STEPS; step++) {
        memset(matrix, 0, n * n * sizeof *matrix);
        for (size_t j = 0; j < n; j++)
            gradient[j] = j + 1 < n ? -ridge * weights[j] : 0;
        for (int64_t i = 0; i < train->count; i++) {
            const double *row = train->values + (size_t)i * n;
            const double p = 1 / (1 + exp(-dot(row, weights, n))), weight = fmax(p * (1 - p), 1e-9);
            const double error = train->labels[(size_t)i * (size_t)train->classes + (size_t)class_index] - p;
            for (size_t j = 0; j < n; j++) {
                gradient[j] += error * row[j];
                for (size_t k = 0; k <= j; k++)
                    matrix[j * n + k] += weight * row[j] * row[k];
            }
        }
        for (size_t j = 0; j + 1 < n; j++)
            matrix[j * n + j] += ridge;
        solve(matrix, gradient, n);
        double largest = 0;
        for (size_t j = 0; j < n; j++) {
            weights[j] += fmax(-4, fmin(4, gradient[j]));
            largest = fmax(largest, fabs(gradient[j]));
        }
        if (largest < 1e-8)
            return;
    }
}

static int64_t count_positives(const Table *table, int class_index)
{
    int64_t count = 0;
    for (int64_t i = 0; i < table->count; i++)
        count += table->labels[i * table->classes + class_index];
    return count;
}

static void print_scores(const Table *train, const Table *test, const HpDataset *dataset)
{
    const size_t n = (size_t)train->features + 1;
    double *weights = hp_alloc(n, sizeof *weights), *gradient = hp_alloc(n, sizeof *gradient);
    double *matrix = hp_alloc(n * n, sizeof *matrix), sum = 0, prevalence = 0;
    float *scores =
        hp_alloc((size_t)test->count, (size_t)test->classes * sizeof *scores); /* as the labels lie */
    int scored = 0;
    char name[33];
    printf("%-32s %9s %9s %9s\n", "class", "positives", "share", "average precision");
    for (int c = 0; c < test->classes; c++) {
        const int64_t positives = count_positives(test, c);
        if (positives < LEAST_POSITIVES)
            continue;
        fit(train, c, weights, matrix, gradient);
        for (int64_t i = 0; i < test->count; i++)
            scores[i * test->classes + c] = (float)dot(test->values + (size_t)i * n, weights, n);
        const double precision =
            hp_average_precision(test->count, scores + c, test->labels + c, test->classes);
        const double share = (double)positives / (double)test->count;
        printf("%-32s %9lld %9.4f %9.4f\n", tool_shorten(dataset->classes[c], 32, name), (long long)positives,
               share, precision);
        sum += precision, prevalence += share, scored++;
    }
    if (scored == 0)
        hp_fail("no class has %d positives among the %lld test images", LEAST_POSITIVES,
                (long long)test->count);
    printf("baseline: macro average precision %.4f over %d classes with at least %d positives, %.2f times "
           "their share %.4f\n",
           sum / scored, scored, LEAST_POSITIVES, sum / prevalence, prevalence / scored);
    free(weights);
    free(gradient);
    free(matrix);
    free(scores);
}

/* ---------------------------------------------------------------- the command */

/* The first part with labels in a table, or the first without; ends the program when there is none. */
static int find_part(const HpDataset *dataset, bool labelled)
{
    for (int i = 0; i < dataset->part_count; i++)
        if ((dataset->parts[i].table != NULL && dataset->parts[i].label_column != NULL) == labelled)
            return i;
    hp_fail("data set '%s' has no part %s", dataset->name,
            labelled ? "with a table of labels" : "without labels");
}

static Table open_part(const char *folder, const HpDataset *dataset, int part)
{
    char *path = hp_format("%s:%s", folder, dataset->parts[part].name);
    HpData *data = hp_data_open(path, dataset, 0);
    Table table = read_table(data);
    hp_data_close(data);
    free(path);
    return table;
}

int hpadata_baseline(int argc, char **argv)
{
    static const struct option known[] = {
        {"solution", required_argument, 0, 's'}, {"help", no_argument, 0, 'h'}, {0, 0, 0, 0}};
    const char *solution = "test_labels.csv";
    optind = 0;
    for (int found; (found = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        switch (found) {
        case 's': solution = optarg; break;
        case 'h': fputs(help, stdout); return 0;
        default: hp_fail("try 'hpadata baseline --help'");
        }
    }
    if (argc - optind != 2)
        hp_fail("expected a data file and a folder, found %d names; try 'hpadata baseline --help'",
                argc - optind);
    const HpDataset *dataset = tool_dataset(argv[optind]);
    const char *folder = argv[optind + 1];
    const int train_part = find_part(dataset, true), test_part = find_part(dataset, false);

    /* The test part, read as if its labels had been published as the training part's are. */
    HpPart *parts = hp_alloc((size_t)dataset->part_count, sizeof *parts);
    memcpy(parts, dataset->parts, (size_t)dataset->part_count * sizeof *parts);
    parts[test_part] = parts[train_part];
    parts[test_part].name = dataset->parts[test_part].name;
    parts[test_part].folder = dataset->parts[test_part].folder;
    parts[test_part].table = solution;
    HpDataset solved = *dataset;
    solved.parts = parts;

    Table train = open_part(folder, &solved, train_part), test = open_part(folder, &solved, test_part);
    standardize(&train, &test);
    print_scores(&train, &test, dataset);
    free(train.values);
    free(train.labels);
    free(test.values);
    free(test.labels);
    free(parts);
    return 0;
}
