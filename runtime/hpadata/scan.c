/* hpadata scan: writes the data file that a folder of images seems to need, and what was assumed. */
#include "scan.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "hpadata.h"

static const char help[] = "usage: hpadata scan FOLDER [-o FILE]\n"
                           "\n"
                           "Looks at the images and tables of FOLDER and writes the data file ('dataset' "
                           "block) that it seems to need: planes\n"
                           "from the files' names or channels, labels from a CSV or from folders, parts from "
                           "folders. Comments say what was\n"
                           "assumed; read them before you train.\n";

enum { WRAP = 100 };

static void print_quoted(FILE *out, const char *text)
{
    if (strpbrk(text, "\"\\\n"))
        hp_fail(
            "the name '%s' has a quote, a backslash or a line end, which a data file cannot say: rename it",
            text);
    fprintf(out, "\"%s\"", text);
}

static void print_planes(FILE *out, const Scan *scan)
{
    fputs("  planes ", out);
    for (int i = 0; i < scan->plane_count; i++)
        fprintf(out, "%s%s", i ? ", " : "", scan->planes[i]);
    fprintf(out, "  # %s\n",
            scan->plane_files ? "from the ends of the files' names" : "the channels of each file");
    if (scan->plane_files)
        fprintf(out, "  file \"{id}%c{plane}.png\"\n", scan->separator);
    else
        fprintf(out, "  file \"%s\"%s\n", scan->whole_names ? "{id}" : "{id}.png",
                scan->whole_names ? "  # the table has whole file names" : "");
    if (scan->bits == 8)
        fprintf(out, "  range 0 to 255  # %d files looked at have 8 bits, %lld", scan->samples,
                (long long)scan->smallest);
    else
        fprintf(
            out,
            "  range percentile 0.1 to 99.9  # 16 bits: or say the instrument's range, as 'range 0 to 4095'; "
            "%d files looked at have %lld",
            scan->samples, (long long)scan->smallest);
    if (scan->smallest != scan->largest)
        fprintf(out, " to %lld", (long long)scan->largest);
    fputs(" pixels a side\n", out);
    if (scan->odd_file)
        fprintf(out,
                "  # '%s' has another depth or other channels than the first file: 'hpadata check' names all "
                "such\n",
                scan->odd_file);
}

static void print_labels(FILE *out, const Scan *scan)
{
    int column = fprintf(out, "  labels %s of [", scan->one_of ? "one" : "any");
    for (int64_t i = 0; i < scan->class_count; i++) {
        if (column + (int)strlen(scan->classes[i]) > WRAP)
            column = fprintf(out, "\n    ") - 1;
        print_quoted(out, scan->classes[i]);
        column += (int)strlen(scan->classes[i]) + 4;
        fputs(i + 1 < scan->class_count ? ", " : "", out);
    }
    fputs("]", out);
    if (scan->numbers)
        fputs("  # the table has numbers: write the classes' names in this order", out);
    else if (scan->class_count == 0)
        fputs("  # no labels were found: write the classes here", out);
    fputc('\n', out);
}

static void print_part(FILE *out, const Scan *scan, const ScanPart *part)
{
    fprintf(out, "  part %s { folder ", part->name);
    print_quoted(out, part->folder);
    if (part->class_folders)
        fputs("; labels from folders", out);
    if (part->table.path) {
        fputs("; table ", out);
        print_quoted(out, part->table.path);
        fputs(" id ", out);
        print_quoted(out, part->table.id);
        fputs(" labels ", out);
        print_quoted(out, part->table.labels);
        if (scan->label_separator)
            fprintf(out, " split \"%s\"", scan->label_separator);
    }
    if (part->order.path) {
        fputs("; order ", out);
        print_quoted(out, part->order.path);
        fputs(" id ", out);
        print_quoted(out, part->order.id);
    }
    fprintf(out, " }  # %lld images\n", (long long)part->id_count);
}

static void print_scan(FILE *out, Scan *scan)
{
    char *whole = realpath(scan->root, NULL);
    const char *last = whole ? scan_last_name(whole) : "";
    fputs("hpanet 1\n\n# Guessed by 'hpadata scan': read every line before you train.\n", out);
    if (scan->other_count)
        fprintf(out, "# %lld images of other formats, such as '%s', were not looked at: only PNG is read.\n",
                (long long)scan->other_count, scan->other_name);
    if (scan->unused_table)
        fprintf(out, "# '%s' has ids of images too, but is not used.\n", scan->unused_table);
    if (scan->left_out)
        fprintf(out, "# '%s' holds images too, but there are parts enough.\n", scan->left_out);
    fprintf(out, "dataset %s {\n", scan_identifier(scan, *last ? last : "images"));
    print_planes(out, scan);
    print_labels(out, scan);
    for (int i = 0; i < scan->part_count; i++)
        print_part(out, scan, &scan->parts[i]);
    fputs("}\n", out);
    free(whole);
}

static void free_scan(Scan *scan)
{
    for (int i = 0; i < scan->part_count; i++)
        hp_names_free(scan->parts[i].ids);
    free(scan->files);
    free(scan->folders);
    free(scan->tables);
    free(scan->classes);
    hp_pool_free(scan->pool);
}

int hpadata_scan(int argc, char **argv)
{
    static const struct option known[] = {
        {"output", required_argument, 0, 'o'}, {"help", no_argument, 0, 'h'}, {0, 0, 0, 0}};
    const char *output = NULL;
    optind = 0;
    for (int found; (found = getopt_long(argc, argv, "o:h", known, NULL)) != -1;) {
        switch (found) {
        case 'o': output = optarg; break;
        case 'h': fputs(help, stdout); return 0;
        default: hp_fail("try 'hpadata scan --help'");
        }
    }
    if (argc - optind != 1)
        hp_fail("expected one folder, found %d names; try 'hpadata scan --help'", argc - optind);
    Scan scan = {.root = argv[optind], .pool = hp_pool_new()};
    char *text = NULL;
    size_t length = 0;
    scan_files(&scan);
    scan_tables(&scan);
    FILE *out = open_memstream(&text, &length);
    if (!out)
        hp_fail("out of memory");
    print_scan(out, &scan);
    fclose(out);
    if (!output)
        fwrite(text, 1, length, stdout);
    else if (!hp_write_file(output, text, length))
        hp_fail("cannot write '%s': %s", output, strerror(errno));
    free(text);
    free_scan(&scan);
    return 0;
}
