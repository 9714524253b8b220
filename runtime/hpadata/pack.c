/* hpadata pack: a folder to one file. */
#include "tool.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "hpadata.h"

static const char help[] = "usage: hpadata pack DATASET FOLDER[:PART] -o FILE [options]\n"
                           "\n"
                           "Writes all images of FOLDER (which DATASET, a data file, describes) into one "
                           "file: shrunk by area averaging, with\n"
                           "ids, labels and a checksum for each image. Training programs map the file into "
                           "memory. When the command is stopped\n"
                           "in the middle, the same command goes on where it was.\n"
                           "\n"
                           "  --pixels N    a side, 1.0 to 1.25 times the network's input (256). The size "
                           "from N to 1.25 N that divides the\n"
                           "                images' size evenly is taken, else N\n"
                           "  --threads N   that decode (the machine's)\n"
                           "  -o FILE       the pack\n";

int hpadata_pack(int argc, char **argv)
{
    static const struct option known[] = {{"pixels", required_argument, 0, 'p'},
                                          {"threads", required_argument, 0, 'j'},
                                          {"output", required_argument, 0, 'o'},
                                          {"help", no_argument, 0, 'h'},
                                          {0, 0, 0, 0}};
    const char *output = NULL;
    int64_t pixels = 256;
    int threads = tool_threads();
    optind = 0;
    for (int found; (found = getopt_long(argc, argv, "o:h", known, NULL)) != -1;) {
        switch (found) {
        case 'p': pixels = tool_number("pixels", optarg, 1, 16384); break;
        case 'j': threads = (int)tool_number("threads", optarg, 1, 256); break;
        case 'o': output = optarg; break;
        case 'h': fputs(help, stdout); return 0;
        default: hp_fail("try 'hpadata pack --help'");
        }
    }
    if (argc - optind != 2)
        hp_fail("expected a data file and a folder, found %d names; try 'hpadata pack --help'",
                argc - optind);
    if (!output)
        hp_fail("'-o FILE' is missing: the name of the pack to write");
    const char *folder = argv[optind + 1];
    double start = hp_seconds();
    hp_pack_write(folder, tool_dataset(argv[optind]), pixels, threads, output);
    double seconds = hp_seconds() - start;
    HpData *data = hp_data_open(output, NULL, 0);
    HpImageStore store = hp_data_store(data);
    printf("%s: %lld images of %lld x %lld pixels, %lld planes of %d bits, in %.1f s\n", output,
           (long long)hp_data_count(data), (long long)store.width, (long long)store.height,
           (long long)store.planes, store.bits, seconds);
    hp_data_close(data);
    return 0;
}
