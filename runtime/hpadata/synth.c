#include "synth.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "hpadata.h"
#include "tool.h"

static const char help[] =
    "usage: hpadata synth FOLDER [options]\n"
    "\n"
    "Draws a data set in the published form: FOLDER/train and FOLDER/test with four 8-bit grey PNGs per "
    "image, train.csv,\n"
    "sample_submission.csv, and two tables the published set lacks: test_labels.csv (the solution) and "
    "groups.csv (which\n"
    "antibody, plate, cell line and cells an image shows). Read it with models/data/hpa.hpanet.\n"
    "\n"
    "  --images N    training images (600)\n"
    "  --test N      test images, from other cell lines (150)\n"
    "  --field N     side of the window in pixels of 0.32 micrometres (96): a larger window shows more "
    "cells\n"
    "  --pixels N    side of the PNG, a multiple of the field (the field)\n"
    "  --seed N      another set (1)\n"
    "  --demo        an easy set: balanced labels, little noise, the same cell lines everywhere\n"
    "  --threads N   (the machine's)\n";

enum { LEAST_FIELD = 64, MOST_FIELD = 2048, MOST_PIXELS = 4096, MOST_IMAGES = 1000000 };

static SynthOptions parse_options(int argc, char **argv)
{
    static const struct option known[] = {{"images", required_argument, 0, 'i'},
                                          {"test", required_argument, 0, 't'},
                                          {"field", required_argument, 0, 'f'},
                                          {"pixels", required_argument, 0, 'p'},
                                          {"seed", required_argument, 0, 's'},
                                          {"threads", required_argument, 0, 'j'},
                                          {"demo", no_argument, 0, 'd'},
                                          {"help", no_argument, 0, 'h'},
                                          {0, 0, 0, 0}};
    SynthOptions options = {.images = 600, .test = 150, .field = 96, .seed = 1};
    options.threads = tool_threads();
    optind = 0;
    for (int found, index = 0; (found = getopt_long(argc, argv, "h", known, &index)) != -1;) {
        const char *const name = known[index].name;
        switch (found) {
        case 'i': options.images = tool_number(name, optarg, 1, MOST_IMAGES); break;
        case 't': options.test = tool_number(name, optarg, 0, MOST_IMAGES); break;
        case 'f': options.field = (int)tool_number(name, optarg, LEAST_FIELD, MOST_FIELD); break;
        case 'p': options.pixels = (int)tool_number(name, optarg, LEAST_FIELD, MOST_PIXELS); break;
        case 's': options.seed = (uint64_t)tool_number(name, optarg, 0, INT64_C(1) << 48); break;
        case 'j': options.threads = (int)tool_number(name, optarg, 1, 1024); break;
        case 'd': options.demo = true; break;
        case 'h': fputs(help, stdout); exit(0);
        default: hp_fail("try 'hpadata synth --help'");
        }
    }
    if (optind + 1 != argc)
        hp_fail("expected one folder to write to, found %d; try 'hpadata synth --help'", argc - optind);
    options.out = argv[optind];
    if (options.pixels == 0)
        options.pixels = options.field;
    if (options.pixels % options.field != 0)
        hp_fail("--pixels %d: not a multiple of the field's %d: a picture shows the field at full scale or "
                "enlarged by a "
                "whole number, never shrunken",
                options.pixels, options.field);
    return options;
}

int hpadata_synth(int argc, char **argv)
{
    const SynthOptions options = parse_options(argc, argv);
    SynthPlan *plan = synth_plan_make(&options);
    const double start = hp_seconds();
    const uint64_t hash = synth_write(plan);
    const double seconds = hp_seconds() - start;
    printf("%s: %" PRId64 " training and %" PRId64
           " test images of %d px in %.1f s (%.0f images/s), hash %016" PRIx64 "\n"
           "read it with the dataset file models/data/hpa.hpanet\n",
           options.out, options.images, options.test, options.pixels, seconds,
           (double)plan->image_count / seconds, hash);
    synth_plan_free(plan);
    return 0;
}
