/* One table of options, read with getopt_long. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/diagnostic.h"
#include "base/text.h"

typedef struct OptionRow {
    const char *name, *argument, *help;
    int letter; /* what getopt_long returns: a letter, or a number of OptionCode */
} OptionRow;

enum OptionCode {
    CODE_DATASET = 256,
    CODE_TARGET,
    CODE_SIZE,
    CODE_BATCH,
    CODE_PART,
    CODE_PRECISION,
    CODE_ARCH,
    CODE_MEMORY,
    CODE_PORTABLE,
    CODE_TUNE,
    CODE_CHOICES,
    CODE_EMIT,
    CODE_CHECK,
    CODE_DUMP,
    CODE_TIME,
    CODE_VERSION
};

static const OptionRow rows[] = {
    {"dataset", "FILE", "take the data set from FILE instead of the model's `use`", CODE_DATASET},
    {"target", "auto|cuda|cpu", "auto: cuda where a driver and a GPU answer, else cpu", CODE_TARGET},
    {"size", "PIXELS", "side of the images, instead of the model's", CODE_SIZE},
    {"batch", "N", "images per update, instead of the model's", CODE_BATCH},
    {"part", "N", "images computed at once, instead of the model's 'parts of'", CODE_PART},
    {"precision", "TYPE", "fp32, tf32, bf16 or fp16: what products read (bf16 on cuda, fp32 on cpu)",
     CODE_PRECISION},
    {"arch", "sm_90a,...", "GPUs to compile kernels for; products are planned for the first", CODE_ARCH},
    {"memory", "SIZE", "compute again instead of keeping what does not fit into SIZE (4GB, 900MB)",
     CODE_MEMORY},
    {"portable", NULL, "for any CPU with AVX2 and any oneDNN: slower, the same sources everywhere",
     CODE_PORTABLE},
    {"tune", NULL, "time the implementations of every product here and take the fastest", CODE_TUNE},
    {"choices", "FILE", "run products as FILE says: choices.json of a tuned program, or of a run",
     CODE_CHOICES},
    {"emit", "KIND", "program; source: its C files alone; library: libNAME.so that predicts, and NAME.h",
     CODE_EMIT},
    {"output", "FOLDER", "where to write (generated/NAME)", 'o'},
    {"check", NULL, "only look for mistakes in the model", CODE_CHECK},
    {"dump", "STAGE", "print ast, graph, layout, kernels, plan or source and write nothing", CODE_DUMP},
    {"time", NULL, "print how long every pass takes", CODE_TIME},
    {"version", NULL, "print the version", CODE_VERSION},
    {"help", NULL, "this text", 'h'},
};
enum { ROWS = sizeof rows / sizeof *rows };

static const char *const dump_names[] = {
    [DUMP_NOTHING] = "",        [DUMP_AST] = "ast",   [DUMP_GRAPH] = "graph",  [DUMP_LAYOUT] = "layout",
    [DUMP_KERNELS] = "kernels", [DUMP_PLAN] = "plan", [DUMP_SOURCE] = "source"};

static const char *const precision_names[] = {[PRECISION_OF_TARGET] = "",
                                              [PRECISION_FP32] = "fp32",
                                              [PRECISION_TF32] = "tf32",
                                              [PRECISION_BF16] = "bf16",
                                              [PRECISION_FP16] = "fp16"};

const char *precision_name(Precision precision)
{
    return precision_names[precision];
}

static _Noreturn void __attribute__((format(printf, 1, 2))) usage_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("hpacc: ", stderr);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs("\n`hpacc --help` lists the options.\n", stderr);
    exit(2);
}

static _Noreturn void print_help(void)
{
    printf("usage: hpacc FILE.hpanet [options]\n\n"
           "Compiles a model to one native program that trains and predicts.\n\n");
    for (int i = 0; i < ROWS; i++) {
        char left[64];
        snprintf(left, sizeof left, "%s--%s%s%s",
                 rows[i].letter < 256 ? (rows[i].letter == 'o' ? "-o, " : "-h, ") : "", rows[i].name,
                 rows[i].argument ? " " : "", rows[i].argument ? rows[i].argument : "");
        printf("  %-25s %s\n", left, rows[i].help);
    }
    printf("\nexample:\n  hpacc models/resnet34_baseline.hpanet --size 256 --batch 32\n"
           "  generated/resnet34_baseline/resnet34_baseline train --data hpa.pack --out runs/1\n");
    exit(0);
}

static _Noreturn void unknown_word(const char *option, const char *word, const char *const *words,
                                   size_t count)
{
    const char *near = diagnostic_nearest(word, words, count);
    if (near)
        usage_error("--%s: \"%s\" is not a choice; did you mean \"%s\"?", option, word, near);
    usage_error("--%s: \"%s\" is not a choice", option, word);
}

/* The index of `word` among `words`; a mistake ends the program. */
static int choose(const char *option, const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(word, words[i]) == 0)
            return (int)i;
    unknown_word(option, word, words, count);
}

static int64_t positive(const char *option, const char *text, int64_t most)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end || errno || value < 1 || value > most)
        usage_error("--%s wants a whole number from 1 to %lld, not \"%s\"", option, (long long)most, text);
    return value;
}

/* "4GB", "1.5 GiB": bytes. MB and GB are powers of ten, as in everything hpacc prints. */
static int64_t memory_size(const char *text)
{
    static const struct {
        const char *name;
        double bytes;
    } units[] = {{"MB", 1e6}, {"GB", 1e9}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
    char *end;
    double value = strtod(text, &end);
    end += strspn(end, " ");
    for (size_t i = 0; end > text && i < sizeof units / sizeof *units; i++)
        if (strcasecmp(end, units[i].name) == 0 && value > 0 && value * units[i].bytes < 1e18)
            return (int64_t)(value * units[i].bytes);
    usage_error("--memory wants a size such as 4GB, 900MB or 3.5GiB, not \"%s\"", text);
}

static void take(Options *options, int code, const char *value)
{
    static const char *const targets[] = {"auto", "cuda", "cpu"}, *const kinds[] = {"program", "source",
                                                                                    "library"};
    switch (code) {
    case CODE_DATASET: options->dataset = value; break;
    case CODE_TARGET: {
        int target = choose("target", value, targets, 3);
        options->wants_cuda = target == 1;
        options->wants_cpu = target == 2;
        break;
    }
    case CODE_SIZE: options->size = positive("size", value, 16384); break;
    case CODE_BATCH: options->batch = positive("batch", value, 65536); break;
    case CODE_PART: options->part = positive("part", value, 65536); break;
    case CODE_ARCH: options->archs = value; break;
    case CODE_PRECISION:
        options->precision = (Precision)(1 + choose("precision", value, precision_names + 1, PRECISION_FP16));
        break;
    case CODE_MEMORY: options->memory = memory_size(value); break;
    case CODE_PORTABLE: options->portable = true; break;
    case CODE_TUNE: options->tune = true; break;
    case CODE_CHOICES: options->choices = value; break;
    case CODE_EMIT: options->emit = (EmitKind)choose("emit", value, kinds, 3); break;
    case CODE_CHECK: options->check = true; break;
    case CODE_DUMP:
        options->dump = (DumpStage)(1 + choose("dump", value, dump_names + 1, DUMP_SOURCE));
        break;
    case CODE_TIME: options->time = true; break;
    case 'o': options->folder = value; break;
    case CODE_VERSION: printf("hpacc %s\n", HPANET_VERSION); exit(0);
    default: print_help();
    }
}

static _Noreturn void unknown_option(const char *word)
{
    const char *names[ROWS];
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + strspn(word, "-"), "="),
             word + strspn(word, "-"));
    for (int i = 0; i < ROWS; i++)
        names[i] = rows[i].name;
    const char *near = diagnostic_nearest(name, names, ROWS);
    if (near)
        usage_error("there is no option %s; did you mean --%s?", word, near);
    usage_error("there is no option %s", word);
}

Options options_parse(int argc, char **argv)
{
    Options options = {0};
    struct option entries[ROWS + 1] = {0};
    for (int i = 0; i < ROWS; i++)
        entries[i] = (struct option){rows[i].name, rows[i].argument ? required_argument : no_argument, NULL,
                                     rows[i].letter};
    opterr = 0;
    for (int code; (code = getopt_long(argc, argv, ":o:h", entries, NULL)) != -1;) {
        if (code == ':')
            usage_error("%s wants a value", argv[optind - 1]);
        if (code == '?')
            unknown_option(argv[optind - 1]);
        take(&options, code, optarg);
    }
    if (optind == argc)
        usage_error("which model? A .hpanet file is needed");
    if (optind + 1 < argc)
        usage_error("one model at a time: both %s and %s were given", argv[optind], argv[optind + 1]);
    options.file = argv[optind];
    if (options.portable && options.wants_cuda)
        usage_error("--portable is for the CPU; it does not go with --target cuda");
    if (options.tune && options.choices)
        usage_error("--tune makes a choice file and --choices takes one as it is: one of them");
    if (options.portable && (options.tune || options.choices))
        usage_error(
            "a --portable program leaves it to the library how a product runs: no --tune, no --choices");
    if (options.tune && (options.check || options.dump != DUMP_NOTHING))
        usage_error(
            "--tune takes minutes, and --check and --dump write no choice file: --choices goes with them");
    return options;
}

const char *options_command(Arena *arena, const Options *options, const char *target)
{
    Text out = text_new(arena);
    text_add(&out, "hpacc %s", options->file);
    if (options->dataset)
        text_add(&out, " --dataset %s", options->dataset);
    if (options->size)
        text_add(&out, " --size %lld", (long long)options->size);
    if (options->batch)
        text_add(&out, " --batch %lld", (long long)options->batch);
    if (options->part)
        text_add(&out, " --part %lld", (long long)options->part);
    if (strcmp(target, "cpu") != 0)
        text_add(&out, " --target %s", target);
    if (options->archs)
        text_add(&out, " --arch %s", options->archs);
    if (options->precision)
        text_add(&out, " --precision %s", precision_name(options->precision));
    if (options->memory)
        text_add(&out, " --memory %.17gMB", (double)options->memory / 1e6);
    if (options->tune || options->choices)
        text_add(&out, " --choices choices.json"); /* which lies beside the sources, whatever was read */
    text_add(&out, "%s%s", options->portable ? " --portable" : "",
             options->emit == EMIT_LIBRARY ? " --emit library" : "");
    return out.data;
}
