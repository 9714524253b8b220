/* hpadata split: deals the labelled images to parts and shows every class's share. */
#include "tool.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hpadata.h"

static const char help[] =
    "usage: hpadata split [DATASET] DATA [options]\n"
    "\n"
    "Deals the labelled images of DATA (a folder that DATASET describes, or a pack) to parts so that every "
    "part has its\n"
    "share of every class (multi-label stratification, Sechidis et al. 2011). Writes the CSV 'Id,Part' and a "
    "table with\n"
    "the share of every class.\n"
    "\n"
    "  --parts LIST  names and fractions (train=0.8,validation=0.1,test=0.1)\n"
    "  --seed N      another split (1)\n"
    "  --random      deal without looking at the labels\n"
    "  -o FILE       the CSV; without it the CSV goes to standard output and the table to standard error\n";

enum { MAX_PARTS = 64, NAME_WIDTH = 32 };

typedef struct SplitParts {
    int count;
    char *names[MAX_PARTS];
    double fractions[MAX_PARTS];
} SplitParts;

static SplitParts parse_parts(const char *text)
{
    SplitParts parts = {0};
    char *copy = hp_string(text), *rest;
    double sum = 0;
    for (char *item = strtok_r(copy, ",", &rest); item; item = strtok_r(NULL, ",", &rest)) {
        char *equals = strchr(item, '='), *end = NULL;
        double fraction = equals ? strtod(equals + 1, &end) : 0;
        if (!equals || equals == item || end == equals + 1 || *end || !(fraction > 0) || !(fraction <= 1))
            hp_fail("--parts: '%s' is not 'name=fraction' with a fraction above 0 and at most 1", item);
        if (parts.count == MAX_PARTS)
            hp_fail("--parts: more than %d parts", MAX_PARTS);
        *equals = '\0';
        parts.names[parts.count] = item;
        parts.fractions[parts.count++] = fraction;
        sum += fraction;
    }
    if (fabs(sum - 1) > 1e-6)
        hp_fail("--parts: the fractions add up to %g, not to 1", sum);
    return parts; /* the names live on in copy */
}

static void print_row(FILE *out, const char *name, const SplitParts *parts, const int64_t *counts)
{
    char shortened[NAME_WIDTH + 1];
    int64_t total = 0;
    double worst = 0;
    for (int part = 0; part < parts->count; part++)
        total += counts[part];
    fprintf(out, "%-*s %8lld", NAME_WIDTH, tool_shorten(name, NAME_WIDTH, shortened), (long long)total);
    for (int part = 0; part < parts->count; part++) {
        double ideal = (double)total * parts->fractions[part];
        fprintf(out, " %10lld %5.1f%%", (long long)counts[part],
                total ? 100 * (double)counts[part] / (double)total : 0);
        worst = fmax(worst, fabs((double)counts[part] - ideal));
    }
    fprintf(out, " %8.1f\n", worst);
}

static void print_shares(FILE *out, const HpDataset *dataset, const SplitParts *parts, int64_t count,
                         const uint8_t *labels, const int *part_of)
{
    size_t classes = (size_t)dataset->class_count;
    int64_t counts[MAX_PARTS];
    fprintf(out, "%-*s %8s", NAME_WIDTH, "class", "images");
    for (int part = 0; part < parts->count; part++)
        fprintf(out, " %10.10s %6s", parts->names[part], "share");
    fprintf(out, " %8s\n", "off by");
    for (size_t k = 0; k <= classes; k++) {
        memset(counts, 0, sizeof counts);
        for (int64_t i = 0; i < count; i++)
            counts[part_of[i]] += k == classes || labels[(size_t)i * classes + k];
        print_row(out, k == classes ? "all images" : dataset->classes[k], parts, counts);
    }
}

/* A cell that needs quotes gets them. */
static void print_cell(FILE *out, const char *text)
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

static void write_split(const char *output, const HpData *data, const SplitParts *parts, int64_t count,
                        const int64_t *images, const int *part_of)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        hp_fail("out of memory");
    fputs("Id,Part\n", out);
    for (int64_t i = 0; i < count; i++) {
        print_cell(out, hp_data_id(data, images[i]));
        fputc(',', out);
        print_cell(out, parts->names[part_of[i]]);
        fputc('\n', out);
    }
    fclose(out);
    if (!output)
        fwrite(text, 1, length, stdout);
    else if (!hp_write_file(output, text, length))
        hp_fail("cannot write '%s': %s", output, strerror(errno));
    free(text);
}

static void run_split(const HpData *data, const SplitParts *parts, uint64_t seed, bool stratified,
                      const char *output)
{
    const HpDataset *dataset = hp_data_dataset(data);
    size_t classes = (size_t)dataset->class_count, total = (size_t)hp_data_count(data);
    int64_t *images = hp_alloc(total, sizeof *images), count = 0;
    uint8_t *labels = hp_alloc(total, classes);
    int *part_of = hp_alloc(total, sizeof *part_of);
    for (int64_t i = 0; i < hp_data_count(data); i++)
        if (hp_data_labelled(data, i)) {
            memcpy(labels + (size_t)count * classes, hp_data_labels(data, i), classes);
            images[count++] = i;
        }
    if (count == 0)
        hp_fail("no image has labels: there is nothing to split");
    hp_split(count, dataset->class_count, labels, parts->count, parts->fractions, stratified, seed, part_of);
    write_split(output, data, parts, count, images, part_of);
    print_shares(output ? stdout : stderr, dataset, parts, count, labels, part_of);
    free(images);
    free(labels);
    free(part_of);
}

int hpadata_split(int argc, char **argv)
{
    static const struct option known[] = {
        {"parts", required_argument, 0, 'p'}, {"seed", required_argument, 0, 's'},
        {"random", no_argument, 0, 'r'},      {"output", required_argument, 0, 'o'},
        {"help", no_argument, 0, 'h'},        {0, 0, 0, 0}};
    const char *parts = "train=0.8,validation=0.1,test=0.1", *output = NULL;
    bool stratified = true;
    int64_t seed = 1;
    optind = 0;
    for (int found; (found = getopt_long(argc, argv, "o:h", known, NULL)) != -1;) {
        switch (found) {
        case 'p': parts = optarg; break;
        case 's': seed = tool_number("seed", optarg, 0, INT64_MAX); break;
        case 'r': stratified = false; break;
        case 'o': output = optarg; break;
        case 'h': fputs(help, stdout); return 0;
        default: hp_fail("try 'hpadata split --help'");
        }
    }
    SplitParts split = parse_parts(parts);
    HpData *data = tool_open(argc - optind, argv + optind, 0, "split");
    run_split(data, &split, (uint64_t)seed, stratified, output);
    hp_data_close(data);
    free(split.count ? split.names[0] : NULL);
    return 0;
}
