/* parse_dump [--tree | --dataset] FILE: the syntax tree of a file, or what its data set block says; both
 * through the library that hpacc uses. Mistakes end it as they end hpacc. */
#include <stdio.h>
#include <string.h>

#include "compiler/front/program.h"

static void dump_part(Text *out, const HpPart *part)
{
    text_add(out, "part %s folder \"%s\"", part->name, part->folder);
    const char *const fields[] = {"table",  part->table,        "id",    part->id_column,
                                  "labels", part->label_column, "split", part->separator,
                                  "order",  part->order};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i += 2)
        if (fields[i + 1])
            text_add(out, " %s \"%s\"", fields[i], fields[i + 1]);
    text_add(out, "%s\n", part->labels_from_folders ? " labels from folders" : "");
}

static void dump_dataset(Text *out, const HpDataset *dataset)
{
    text_add(out, "dataset %s\nplanes", dataset->name);
    for (int i = 0; i < dataset->plane_count; i++)
        text_add(out, " %s", dataset->planes[i]);
    text_add(out, "\nfiles");
    for (int i = 0; i < dataset->file_count; i++)
        text_add(out, " \"%s\"", dataset->files[i]);
    text_add(out, "\n%s %g to %g\n%s\n", dataset->range == HP_RANGE_FIXED ? "range" : "percentile",
             dataset->range_low, dataset->range_high, dataset->one_of ? "one of" : "any of");
    for (int i = 0; i < dataset->class_count; i++)
        text_add(out, "  %d %s\n", i, dataset->classes[i]);
    for (int i = 0; i < dataset->part_count; i++)
        dump_part(out, &dataset->parts[i]);
    text_add(out, "source %zu bytes, \"%.12s\" to '%c'\n", strlen(dataset->source), dataset->source,
             dataset->source[strlen(dataset->source) - 1]);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        fatal("usage: parse_dump --tree|--dataset FILE");
    Arena *arena = arena_new();
    Diagnostics *diagnostics = diagnostics_new(arena);
    Text out = text_new(arena);
    if (!strcmp(argv[1], "--dataset"))
        dump_dataset(&out, program_load_dataset(arena, diagnostics, argv[2]));
    else
        ast_print(&out, parse_file(arena, diagnostics, argv[2]));
    fwrite(out.data, 1, out.length, stdout);
    arena_free(arena);
    return 0;
}
