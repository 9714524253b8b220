/* The command line of a generated program: one table of options, read with getopt_long. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "../base/base.h"
#include "train.h"

typedef enum OptionType {
    OPTION_TEXT,
    OPTION_KERNELS, /* text, for models whose kernels are launched */
    OPTION_FLAG,
    OPTION_COUNT,
    OPTION_SEED,
    OPTION_SECONDS,
    OPTION_SETTING
} OptionType;

typedef struct OptionRow {
    const char *name;
    char letter;          /* 0: none */
    const char *argument; /* NULL: a flag */
    unsigned commands;    /* HpCommandKind bits */
    OptionType type;
    size_t field; /* offset in HpOptions */
    const char *help;
} OptionRow;

enum {
    READS_DATA = HP_COMMAND_TRAIN | HP_COMMAND_EVALUATE | HP_COMMAND_PREDICT,
    COMPUTES = READS_DATA | HP_COMMAND_BENCH,
    EVERY = COMPUTES | HP_COMMAND_INFO
};

#define FIELD(name) offsetof(HpOptions, name)

static const OptionRow option_rows[] = {
    {"data", 0, "PATH[:PART]", READS_DATA, OPTION_TEXT, FIELD(data),
     "a pack, or the data set's folder; only PART of it"},
    {"out", 0, "FOLDER", HP_COMMAND_TRAIN, OPTION_TEXT, FIELD(out), "the run folder, made when missing"},
    {"weights", 0, "FILE", READS_DATA, OPTION_TEXT, FIELD(weights),
     "weights that this network was saved to (best.safetensors)"},
    {"initial", 0, "none|FILE", HP_COMMAND_TRAIN, OPTION_TEXT, FIELD(initial),
     "fresh weights, or another file for the recipe's weights statement"},
    {"output", 'o', "FILE", HP_COMMAND_PREDICT, OPTION_TEXT, FIELD(output), "the submission: Id,Predicted"},
    {"probabilities", 0, "FILE", HP_COMMAND_PREDICT, OPTION_TEXT, FIELD(probabilities),
     "also write every class's probability, one column a class"},
    {"names", 0, NULL, HP_COMMAND_PREDICT, OPTION_FLAG, FIELD(names),
     "predict class names instead of numbers"},
    {"resume", 0, NULL, HP_COMMAND_TRAIN, OPTION_FLAG, FIELD(resume), "go on where the run in --out stopped"},
    {"smoke", 0, NULL, HP_COMMAND_TRAIN, OPTION_FLAG, FIELD(smoke),
     "20 steps over all stages, and every output"},
    {"save-every", 0, "SECONDS", HP_COMMAND_TRAIN, OPTION_SECONDS, FIELD(save_every),
     "between checkpoints inside an epoch (600); each epoch's end saves too"},
    {"seed", 0, "N", HP_COMMAND_TRAIN | HP_COMMAND_BENCH, OPTION_SEED, FIELD(seed),
     "of split, initial weights, sampling, augmentation and dropout (1)"},
    {"only", 0, "train|predict", HP_COMMAND_BENCH, OPTION_TEXT, FIELD(only), "time one of the two"},
    {"steps", 0, "N", HP_COMMAND_BENCH, OPTION_COUNT, FIELD(steps), "how many steps to time"},
    {"threads", 0, "N", COMPUTES, OPTION_COUNT, FIELD(threads),
     "threads that read images, and compute where the program was compiled portable"},
    {"json", 0, NULL, HP_COMMAND_EVALUATE | HP_COMMAND_BENCH, OPTION_FLAG, FIELD(json),
     "print one JSON object instead"},
    {"dump-cuda", 0, "FILE", EVERY, OPTION_KERNELS, FIELD(dump_cuda), "write the source of the CUDA kernels"},
    {"load-cuda", 0, "FILE", COMPUTES, OPTION_KERNELS, FIELD(load_cuda),
     "compile these CUDA kernels instead: a changed file of --dump-cuda"},
    {"set", 0, "NAME=VALUE", EVERY, OPTION_SETTING, 0,
     "change a number of the recipe; `info` lists them; may repeat"},
    {"help", 'h', NULL, EVERY, OPTION_FLAG, 0, "this text"},
};
enum { OPTION_ROWS = sizeof option_rows / sizeof *option_rows };

static bool exists(const OptionRow *row, const HpModel *model)
{
    return row->type != OPTION_KERNELS || model->kernels;
}

static bool takes(const OptionRow *row, const HpCommand *command, const HpModel *model)
{
    return (row->commands & command->kind) && exists(row, model);
}

/* ---------------------------------------------------------------- did you mean */

/* What a person would leave out: "gamma" for "loss.gamma". */
static bool is_last_part(const char *name, const char *word)
{
    size_t length = strlen(name), tail = strlen(word);
    return length > tail && name[length - tail - 1] == '.' && strcmp(name + length - tail, word) == 0;
}

static const char *nearest_scalar(const char *word, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (is_last_part(names[i], word))
            return names[i];
    return hp_nearest(word, names, count);
}

/* ---------------------------------------------------------------- mistakes: status 2 */

static _Noreturn void __attribute__((format(printf, 3, 4)))
usage_error(const HpOptions *options, const HpCommand *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        hp_bug("vasprintf failed");
    va_end(arguments);
    fprintf(stderr, "%s %s: %s\n`%s %s --help` lists what it takes\n", options->program, command->name, text,
            options->program, command->name);
    exit(2);
}

static const OptionRow *find_option(const HpModel *model, const char *name)
{
    for (int i = 0; i < OPTION_ROWS; i++)
        if (strcmp(option_rows[i].name, name) == 0 && exists(&option_rows[i], model))
            return &option_rows[i];
    return NULL;
}

/* An option no command has, or one that belongs to another command. */
static _Noreturn void unknown_option(const HpOptions *options, const HpCommand *command, const HpModel *model,
                                     const char *word)
{
    const char *names[OPTION_ROWS];
    int count = 0;
    size_t length = strcspn(word, "=");
    char *name = hp_format("%.*s", (int)length, word);
    char *bare = name + strspn(name, "-");
    if (find_option(model, bare))
        usage_error(options, command, "--%s is not an option of `%s`", bare, command->name);
    for (int i = 0; i < OPTION_ROWS; i++)
        if (takes(&option_rows[i], command, model))
            names[count++] = option_rows[i].name;
    const char *near = hp_nearest(bare, names, count);
    if (near)
        usage_error(options, command, "there is no option %s; did you mean --%s?", name, near);
    usage_error(options, command, "there is no option %s", name);
}

/* ---------------------------------------------------------------- values */

static _Noreturn void unknown_scalar(const HpOptions *options, const HpCommand *command, const HpModel *model,
                                     const char *name)
{
    const char **names = hp_alloc((size_t)model->scalar_count + 1, sizeof *names);
    int count = 0;
    for (int i = 0; i < model->scalar_count; i++)
        if (model->scalars[i].settable)
            names[count++] = model->scalars[i].name;
    const char *near = nearest_scalar(name, names, count);
    if (near)
        usage_error(options, command, "--set: %s has no number \"%s\"; did you mean \"%s\"?", model->name,
                    name, near);
    usage_error(options, command, "--set: %s has no number \"%s\"; `%s info` lists the %d it has",
                model->name, name, options->program, count);
}

static void add_setting(HpOptions *options, const HpCommand *command, const HpModel *model, const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text)
        usage_error(options, command, "--set wants NAME=VALUE, not \"%s\"", text);
    char *name = hp_format("%.*s", (int)(equals - text), text), *end;
    double value = strtod(equals + 1, &end);
    if (end == equals + 1 || *end || !isfinite(value))
        usage_error(options, command, "--set %s: \"%s\" is not a number", name, equals + 1);
    for (int i = 0; i < model->scalar_count; i++) {
        if (!model->scalars[i].settable || strcmp(model->scalars[i].name, name) != 0)
            continue;
        options->settings =
            hp_realloc(options->settings, (size_t)options->setting_count + 1, sizeof *options->settings);
        options->settings[options->setting_count++] = (HpSetting){i, value};
        free(name);
        return;
    }
    unknown_scalar(options, command, model, name);
}

static long long parse_whole(const HpOptions *options, const HpCommand *command, const OptionRow *row,
                             const char *text, long long least, long long most)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end || errno || value < least || value > most)
        usage_error(options, command, "--%s wants a whole number from %lld to %lld, not \"%s\"", row->name,
                    least, most, text);
    return value;
}

static void take_value(HpOptions *options, const HpCommand *command, const HpModel *model,
                       const OptionRow *row, const char *text)
{
    void *field = (char *)options + row->field;
    char *end;
    switch (row->type) {
    case OPTION_TEXT:
    case OPTION_KERNELS: *(const char **)field = text; break;
    case OPTION_FLAG: *(bool *)field = true; break;
    case OPTION_COUNT: *(int64_t *)field = parse_whole(options, command, row, text, 1, 1 << 20); break;
    case OPTION_SEED:
        options->seed = (uint64_t)parse_whole(options, command, row, text, 0, LLONG_MAX);
        options->seed_given = true;
        break;
    case OPTION_SECONDS:
        *(double *)field = strtod(text, &end);
        if (end == text || *end || !(*(double *)field >= 0))
            usage_error(options, command, "--%s wants seconds, not \"%s\"", row->name, text);
        break;
    case OPTION_SETTING: add_setting(options, command, model, text); break;
    }
}

/* ---------------------------------------------------------------- help and parsing */

static void print_help(const HpOptions *options, const HpCommand *command, const HpModel *model)
{
    printf("usage: %s %s %s\n\n%s\n\n%s\noptions:\n", options->program, command->name, command->usage,
           command->summary, command->details);
    for (int i = 0; i < OPTION_ROWS; i++) {
        const OptionRow *row = &option_rows[i];
        if (!takes(row, command, model))
            continue;
        char *left = row->letter ? hp_format("-%c, --%s %s", row->letter, row->name,
                                             row->argument ? row->argument : "")
                                 : hp_format("    --%s %s", row->name, row->argument ? row->argument : "");
        printf("  %-30s %s\n", left, row->help);
        free(left);
    }
}

/* getopt's own forms of the rows a command has; index[i] is the row of entry i. */
static void getopt_tables(const HpCommand *command, const HpModel *model, struct option *entries, int *index,
                          char *letters)
{
    int count = 0;
    *letters++ = ':'; /* tell a missing value from an unknown option */
    for (int i = 0; i < OPTION_ROWS; i++) {
        const OptionRow *row = &option_rows[i];
        if (!takes(row, command, model))
            continue;
        index[count] = i;
        entries[count++] =
            (struct option){row->name, row->argument ? required_argument : no_argument, NULL, 0};
        if (row->letter) {
            *letters++ = row->letter;
            if (row->argument)
                *letters++ = ':';
        }
    }
    entries[count] = (struct option){0};
    *letters = '\0';
}

static const OptionRow *row_of_letter(int letter)
{
    for (int i = 0; i < OPTION_ROWS; i++)
        if (option_rows[i].letter == letter)
            return &option_rows[i];
    return NULL;
}

void hp_options_parse(HpOptions *options, int argc, char **argv, const HpCommand *command,
                      const HpModel *model)
{
    struct option entries[OPTION_ROWS + 1];
    int index[OPTION_ROWS], chosen = -1, found;
    char letters[2 * OPTION_ROWS + 2];
    getopt_tables(command, model, entries, index, letters);
    optind = 0; /* GNU getopt begins anew */
    opterr = 0;
    while ((found = getopt_long(argc, argv, letters, entries, &chosen)) != -1) {
        const char *word = argv[optind - 1];
        if (found == ':')
            usage_error(options, command, "%s needs a value", word);
        if (found == '?')
            unknown_option(options, command, model, word);
        const OptionRow *row = found == 0 ? &option_rows[index[chosen]] : row_of_letter(found);
        if (strcmp(row->name, "help") == 0) {
            print_help(options, command, model);
            exit(0);
        }
        take_value(options, command, model, row, optarg);
    }
    if (optind < argc)
        usage_error(options, command, "\"%s\" is not an option; paths follow --data, --weights, --out",
                    argv[optind]);
}
