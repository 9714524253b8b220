/* hpadata: looks at data sets, packs them, splits them and draws one. */
#include "hpadata.h"

#include <stdio.h>
#include <string.h>

#include "../base/base.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"scan", hpadata_scan, "write the data file that a folder of images seems to need"},
    {"check", hpadata_check, "name every broken, missing or duplicate image"},
    {"pack", hpadata_pack, "shrink all images into one file that trains fast"},
    {"stats", hpadata_stats, "planes, classes and labels in tables"},
    {"split", hpadata_split, "deal images to parts so that each has its share of every class"},
    {"synth", hpadata_synth, "draw an HPA-like data set"},
    {"baseline", hpadata_baseline, "what intensities alone tell of the labels"},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_help(FILE *out)
{
    fputs("usage: hpadata COMMAND ...\n\n", out);
    for (int i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
    fputs("\n'hpadata COMMAND --help' says more. What a data set is stands in a data file, such as "
          "models/data/hpa.hpanet.\n",
          out);
}

int main(int argc, char **argv)
{
    const char *names[COMMANDS];
    hp_set_program(argv[0]);
    if (argc < 2) {
        print_help(stderr);
        return 1;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("hpadata " HPANET_VERSION);
        return 0;
    }
    for (int i = 0; i < COMMANDS; i++) {
        names[i] = commands[i].name;
        if (strcmp(argv[1], names[i]) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    const char *nearest = hp_nearest(argv[1], names, COMMANDS);
    if (nearest)
        hp_fail("'%s' is no command; did you mean '%s'?", argv[1], nearest);
    hp_fail("'%s' is no command; 'hpadata --help' lists them", argv[1]);
}
