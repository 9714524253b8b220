/* The images of a data set's parts, in order, with labels: the tables and the folders brought together. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct Table {
    char *path;
    HpCsv *csv;
    int id_column, label_column; /* -1: none */
    HpNames *rows;               /* id to row, the first of each id */
} Table;

typedef struct Indexing { /* one part at a time */
    HpIndex *index;
    const HpPart *part;
    const char *root;
    HpFolder folder;
    HpProblems *problems;
    uint8_t *labels; /* of the image being added */
} Indexing;

/* ---------------------------------------------------------------- tables */

static int find_column(const Table *table, const char *name, const char *role)
{
    int column = hp_csv_column(table->csv, name);
    if (column >= 0)
        return column;
    int count = hp_csv_columns(table->csv);
    const char **headings = hp_alloc((size_t)count, sizeof *headings);
    for (int i = 0; i < count; i++)
        headings[i] = hp_csv_heading(table->csv, i);
    hp_fail("%s:1: no column '%s', which the data set names for the %s; the columns are %s%s", table->path,
            name, role, hp_quoted_names(headings, count), hp_did_you_mean(name, headings, count));
}

static void index_rows_by_id(Table *table, HpProblems *problems)
{
    table->rows = hp_names_new();
    for (int64_t row = 0; row < hp_csv_rows(table->csv); row++) {
        const char *id = hp_csv_cell(table->csv, row, table->id_column);
        int64_t first = hp_names_find(table->rows, id);
        if (first >= 0)
            hp_problems_add(problems,
                            "%s:%lld: Id '%s' stands here a second time; its first row is line %lld",
                            table->path, (long long)hp_csv_line(table->csv, row), id,
                            (long long)hp_csv_line(table->csv, first));
        else if (!*id)
            hp_problems_add(problems, "%s:%lld: the Id is empty", table->path,
                            (long long)hp_csv_line(table->csv, row));
        else
            hp_names_add(table->rows, id, row);
    }
}

static Table *table_open(const Indexing *work, const char *file, bool with_labels)
{
    if (!file)
        return NULL;
    Table *table = hp_alloc(1, sizeof *table);
    table->path = hp_join(work->root, file);
    table->csv = hp_csv_read(table->path);
    table->id_column = work->part->id_column ? find_column(table, work->part->id_column, "image's id") : 0;
    table->label_column =
        with_labels && work->part->label_column ? find_column(table, work->part->label_column, "labels") : -1;
    index_rows_by_id(table, work->problems);
    return table;
}

static void table_close(Table *table)
{
    if (!table)
        return;
    hp_names_free(table->rows);
    hp_csv_free(table->csv);
    free(table->path);
    free(table);
}

/* ---------------------------------------------------------------- images */

/* Where a file that is not there should have been. */
static char *expected_path(const Indexing *work, const char *id, const char *class_folder, int plane)
{
    const HpDataset *dataset = work->index->dataset;
    const char *rest = class_folder ? id + strlen(class_folder) + 1 : id;
    char *name = hp_pattern_path(dataset->files[0], rest, dataset->planes[plane]);
    char *below = hp_join(class_folder ? class_folder : "", name);
    char *folder = hp_join(work->root, work->part->folder);
    char *path = hp_join(folder, below);
    free(name);
    free(below);
    free(folder);
    return path;
}

static bool check_planes(const Indexing *work, const HpFound *found)
{
    const HpDataset *dataset = work->index->dataset;
    bool complete = true;
    for (int plane = 0; plane < work->index->files_per_image; plane++) {
        if (found->files[plane])
            continue;
        char *path = expected_path(work, found->id, found->class_folder, plane);
        hp_problems_add(
            work->problems,
            "%s: the file is missing: image '%s' has no plane '%s', though other planes of it are there",
            path, found->id, dataset->planes[plane]);
        free(path);
        complete = false;
    }
    return complete;
}

static void add_image(Indexing *work, const HpFound *found)
{
    HpIndex *index = work->index;
    size_t classes = (size_t)index->dataset->class_count;
    index->images = hp_grow(index->images, index->count, &index->capacity, sizeof *index->images);
    index->labels = hp_grow(index->labels, index->count, &index->label_capacity, classes);
    index->images[index->count] = (HpIndexImage){.id = found->id, .files = found->files};
    memcpy(index->labels + (size_t)index->count * classes, work->labels, classes);
    index->count++;
}

static void clear_labels(Indexing *work)
{
    memset(work->labels, 0, (size_t)work->index->dataset->class_count);
}

/* ---------------------------------------------------------------- a part by rows */

static void add_row(Indexing *work, const Table *rows, int64_t row, const Table *table)
{
    const char *id = hp_csv_cell(rows->csv, row, rows->id_column);
    char *where = hp_format("%s:%lld", rows->path, (long long)hp_csv_line(rows->csv, row));
    int64_t at = hp_names_find(work->folder.names, id);
    int64_t label_row = table ? hp_names_find(table->rows, id) : -1;
    bool good = at >= 0;
    if (good) {
        work->folder.images[at].indexed = true;
        good = check_planes(work, &work->folder.images[at]);
    } else {
        char *path = expected_path(work, id, NULL, 0);
        hp_problems_add(work->problems, "%s: image '%s' has a row but no file; '%s' was looked for", where,
                        id, path);
        free(path);
    }
    clear_labels(work);
    if (table && label_row < 0) {
        hp_problems_add(work->problems, "%s: image '%s' has no row in %s", where, id, table->path);
        good = false;
    } else if (table && table->label_column >= 0) {
        char *label_at = hp_format("%s:%lld", table->path, (long long)hp_csv_line(table->csv, label_row));
        const char *cell = hp_csv_cell(table->csv, label_row, table->label_column);
        good &=
            hp_labels_parse(work->index->dataset, work->part, cell, label_at, work->labels, work->problems);
        free(label_at);
    }
    if (good)
        add_image(work, &work->folder.images[at]);
    free(where);
}

static const char *first_file(const HpIndex *index, const HpFound *found)
{
    for (int i = 0; i < index->files_per_image; i++)
        if (found->files[i])
            return found->files[i];
    hp_bug("image '%s' was found without a file", found->id);
}

static void index_by_rows(Indexing *work)
{
    Table *table = table_open(work, work->part->table, true),
          *order = table_open(work, work->part->order, false);
    const Table *rows = order ? order : table;
    for (int64_t row = 0; row < hp_csv_rows(rows->csv); row++) {
        const char *id = hp_csv_cell(rows->csv, row, rows->id_column);
        if (hp_names_find(rows->rows, id) == row) /* not a second row of the same id */
            add_row(work, rows, row, table);
    }
    for (int64_t i = 0; i < work->folder.count; i++) {
        const HpFound *found = &work->folder.images[i];
        if (!found->indexed)
            hp_problems_add(work->problems,
                            "%s: image '%s' has no row in %s; add its row or take the file away",
                            first_file(work->index, found), found->id, rows->path);
    }
    table_close(table);
    table_close(order);
}

/* ---------------------------------------------------------------- a part without rows */

/* The class that the folder's name says; a problem is added once per folder. */
static bool label_by_folder(Indexing *work, const HpFound *found, const char **reported)
{
    const HpDataset *dataset = work->index->dataset;
    const char *name = found->class_folder;
    if (!name) {
        hp_problems_add(work->problems,
                        "%s: the file lies beside the classes' folders; the folder names the class",
                        first_file(work->index, found));
        return false;
    }
    int class_index = hp_class_find(dataset, name);
    if (class_index >= 0) {
        work->labels[class_index] = 1;
        return true;
    }
    if (!*reported || strcmp(*reported, name) != 0) {
        char *hint = hp_did_you_mean(name, dataset->classes, dataset->class_count);
        hp_problems_add(work->problems, "%s: the folder '%s' is no class of data set '%s'%s",
                        first_file(work->index, found), name, dataset->name, hint);
        free(hint);
        *reported = name;
    }
    return false;
}

static void index_by_files(Indexing *work)
{
    const char *reported = NULL;
    for (int64_t i = 0; i < work->folder.count; i++) {
        const HpFound *found = &work->folder.images[i];
        clear_labels(work);
        bool good = check_planes(work, found);
        if (work->part->labels_from_folders)
            good &= label_by_folder(work, found, &reported);
        if (good)
            add_image(work, found);
    }
}

/* ---------------------------------------------------------------- all parts */

static void index_part(HpIndex *index, const char *root, int number, HpProblems *problems)
{
    const HpDataset *dataset = index->dataset;
    const HpPart *part = &dataset->parts[number];
    Indexing work = {.index = index, .part = part, .root = root, .problems = problems};
    work.labels = hp_alloc((size_t)dataset->class_count, 1);
    hp_folder_walk(&work.folder, index->pool, root, dataset, number);
    HpRangeOfPart *range = &index->parts[index->part_count++];
    *range = (HpRangeOfPart){.name = part->name, .first = index->count};
    range->labelled = part->labels_from_folders || (part->table && part->label_column);
    if (work.folder.count == 0) {
        char *example = hp_pattern_path(dataset->files[0], "ID", dataset->planes[0]);
        char *folder = hp_join(root, part->folder);
        hp_problems_add(problems, "%s: no file matches the data set's pattern \"%s\" (such as '%s')%s%s%s",
                        folder, dataset->files[0], example,
                        work.folder.ignored ? "; there is '" : "; the folder is empty",
                        work.folder.ignored ? work.folder.ignored_name : "", work.folder.ignored ? "'" : "");
        free(folder);
        free(example);
    } else if (part->table || part->order) {
        index_by_rows(&work);
    } else {
        index_by_files(&work);
    }
    range->count = index->count - range->first;
    hp_folder_free(&work.folder);
    free(work.labels);
}

static bool part_exists(const char *root, const HpPart *part)
{
    struct stat status;
    char *path = hp_join(root, part->folder);
    bool exists = stat(path, &status) == 0 && S_ISDIR(status.st_mode);
    free(path);
    return exists;
}

HpIndex *hp_index_folder(const char *root, const HpDataset *dataset, int part, HpProblems *problems)
{
    HpIndex *index = hp_alloc(1, sizeof *index);
    index->pool = hp_pool_new();
    index->dataset = dataset;
    index->files_per_image = hp_files_per_image(dataset);
    index->parts = hp_alloc((size_t)dataset->part_count, sizeof *index->parts);
    for (int i = 0; i < dataset->part_count; i++) {
        if (part >= 0 && i != part)
            continue;
        if (part_exists(root, &dataset->parts[i]))
            index_part(index, root, i, problems);
        else if (part >= 0)
            hp_fail("%s: the folder of part '%s', '%s', is not there", root, dataset->parts[i].name,
                    dataset->parts[i].folder);
        else
            hp_warn("%s: the folder of part '%s', '%s', is not there; the part is left out", root,
                    dataset->parts[i].name, dataset->parts[i].folder);
    }
    if (index->part_count == 0)
        hp_fail("%s: none of the folders of data set '%s' is there: is this the folder that holds them?",
                root, dataset->name);
    return index;
}

void hp_index_free(HpIndex *index)
{
    if (!index)
        return;
    hp_pool_free(index->pool);
    free(index->images);
    free(index->labels);
    free(index->parts);
    free(index);
}
