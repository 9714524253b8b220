/* hp_main: the commands of a generated program. */
#include <errno.h>
#include <omp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "../base/base.h"
#include "train.h"

static const HpCommand commands[] = {
    {HP_COMMAND_TRAIN, "train", "--data PATH[:PART] --out FOLDER [options]",
     "Trains the network as the recipe says and keeps the best weights.",
     "The run folder then holds best.safetensors (what evaluate and predict take), last.safetensors (to go "
     "on from),\n"
     "report.html, log.jsonl, split.csv, recipe.hpanet and choices.json. A run that was stopped, also by a "
     "power cut, goes "
     "on with\n"
     "--resume and ends with the same bits as one that was not; without --resume an existing run is never "
     "touched.\n"
     "Ctrl-C finishes the step and saves.\n",
     hp_train},
    {HP_COMMAND_EVALUATE, "evaluate", "--data PATH[:PART] --weights FILE [options]",
     "Scores weights on labelled images: loss, macro, sample and micro F1, average precision, and every "
     "class.",
     "A label is predicted where its probability is above 0.5, in a one-of data set where it is the largest. "
     "F1 of a\n"
     "class without positives and predictions is 0; average precision is taken over classes with "
     "positives.\n",
     hp_evaluate},
    {HP_COMMAND_PREDICT, "predict", "--data PATH[:PART] --weights FILE -o submission.csv [options]",
     "Predicts labels for every image, one row each, in the order of the part's order file.",
     "Labels whose probability is above 0.5; where none is, the most probable one.\n", hp_predict},
    {HP_COMMAND_INFO, "info", "[--set NAME=VALUE]...",
     "Shows the network, its recipe, the data set it wants, and every number --set can change.", "", hp_info},
    {HP_COMMAND_BENCH, "bench", "[options]", "Times training steps and predictions on made-up images.", "",
     hp_bench},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_overview(const HpModel *model, const char *program)
{
    printf("%s: %s for %s (%lld px, %d planes, %d classes), compiled by hpacc %s from %s\n\nusage: %s "
           "COMMAND [options]\n\n",
           model->name, "trainer and predictor", model->dataset->name, (long long)model->image_size,
           model->dataset->plane_count, model->dataset->class_count, model->version, model->source, program);
    for (int i = 0; i < COMMANDS; i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    printf("\n`%s COMMAND --help` says more.\n", program);
}

static const HpCommand *find_command(const char *program, const char *word)
{
    const char *names[COMMANDS];
    for (int i = 0; i < COMMANDS; i++) {
        names[i] = commands[i].name;
        if (strcmp(word, commands[i].name) == 0)
            return &commands[i];
    }
    const char *near = hp_nearest(word, names, COMMANDS);
    if (near)
        fprintf(stderr, "%s: there is no command \"%s\"; did you mean `%s`?\n", program, word, near);
    else
        fprintf(stderr, "%s: there is no command \"%s\"; `%s --help` lists them\n", program, word, program);
    exit(2);
}

static void dump_kernels(const HpModel *model, const char *path)
{
    if (!hp_write_file(path, model->kernels->source, strlen(model->kernels->source)))
        hp_fail("cannot write '%s': %s", path, strerror(errno));
}

/* The binaries are of the kernels that the file replaces. */
static void load_kernels(HpModel *model, HpKernels *kernels, const char *path)
{
    *kernels = *model->kernels;
    kernels->source = hp_read_file(path, NULL);
    kernels->binary_count = 0;
    model->kernels = kernels;
}

int hp_main(int argc, char **argv, const HpModel *model)
{
    hp_set_program(argv[0]);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of write(), with a message */
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_overview(model, argv[0]);
        return argc < 2 ? 2 : 0;
    }
    const HpCommand *command = find_command(argv[0], argv[1]);
    HpOptions options = {.program = argv[0], .seed = 1, .save_every = 600};
    hp_options_parse(&options, argc - 1, argv + 1, command, model);
    if (options.threads)
        omp_set_num_threads((int)options.threads);
    HpModel loaded = *model;
    HpKernels kernels = {0};
    if (options.dump_cuda)
        dump_kernels(model, options.dump_cuda);
    if (options.load_cuda)
        load_kernels(&loaded, &kernels, options.load_cuda);
    int status = command->run(&options, &loaded);
    free((void *)kernels.source);
    free(options.settings);
    return status;
}
