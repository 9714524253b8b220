/* The CSV files beside the images: whose ids they hold, and what the labels look like. */
#include "scan.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---------------------------------------------------------------- which table belongs to which part */

static int64_t count_matches(const HpCsv *csv, int column, const HpNames *ids)
{
    int64_t matches = 0;
    for (int64_t row = 0; row < hp_csv_rows(csv); row++)
        matches += hp_names_find(ids, hp_csv_cell(csv, row, column)) >= 0;
    return matches;
}

static bool is_constant(const HpCsv *csv, int column)
{
    for (int64_t row = 1; row < hp_csv_rows(csv); row++)
        if (strcmp(hp_csv_cell(csv, row, column), hp_csv_cell(csv, 0, column)) != 0)
            return false;
    return true;
}

static bool is_label_word(const char *name)
{
    static const char *const words[] = {"target",  "targets",  "label",      "labels", "class",
                                        "classes", "category", "categories", "y"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(name, words[i]) == 0)
            return true;
    return false;
}

/* The column that says it holds labels, else the only other one; a column that never changes holds none. */
static int find_label_column(const HpCsv *csv, int id_column, bool *named)
{
    int only = -1;
    for (int column = 0; column < hp_csv_columns(csv); column++) {
        if (column == id_column)
            continue;
        *named = is_label_word(hp_csv_heading(csv, column));
        if (*named)
            return column;
        if (!is_constant(csv, column))
            only = only == -1 ? column : -2;
    }
    return only < 0 ? -1 : only;
}

static bool same_text(const char *a, const char *b)
{
    return !a || !b || strcmp(a, b) == 0;
}

/* Gives the table to the part as labels or as order, unless a better one is there. */
static void offer(Scan *scan, ScanPart *part, const char *path, const HpCsv *csv, int id_column)
{
    ScanTable table = {
        .path = path, .id = scan_keep(scan, hp_csv_heading(csv, id_column)), .rows = hp_csv_rows(csv)};
    int labels = find_label_column(csv, id_column, &table.named);
    bool fits_order = hp_csv_columns(csv) <= 2;
    if (labels >= 0) {
        table.labels = scan_keep(scan, hp_csv_heading(csv, labels));
        bool better = !part->table.path || (table.named && !part->table.named);
        if (!part->class_folders && better && same_text(part->order.id, table.id)) {
            part->table = table;
            return;
        }
    } else if (!part->order.path && fits_order && same_text(part->table.id, table.id)) {
        part->order = table;
        return;
    }
    scan->unused_table = path;
}

static void match_table(Scan *scan, const char *path)
{
    char *whole = hp_join(scan->root, path);
    HpCsv *csv = hp_csv_read(whole);
    int64_t most = 0;
    int best_column = 0, best_part = 0;
    for (int part = 0; part < scan->part_count; part++)
        for (int column = 0; column < hp_csv_columns(csv); column++) {
            int64_t matches = count_matches(csv, column, scan->parts[part].ids);
            if (matches > most) {
                most = matches;
                best_column = column;
                best_part = part;
            }
        }
    ScanPart *part = &scan->parts[best_part];
    if (most > 0 && (2 * most >= hp_csv_rows(csv) || 2 * most >= part->id_count))
        offer(scan, part, path, csv, best_column);
    hp_csv_free(csv);
    free(whole);
}

/* Tables may name whole files: then ids are file names with their ending. */
static void use_whole_names(Scan *scan)
{
    for (int part = 0; part < scan->part_count; part++) {
        hp_names_free(scan->parts[part].ids);
        scan->parts[part].ids = hp_names_new();
    }
    for (int64_t i = 0; i < scan->file_count; i++)
        for (int part = 0; part < scan->part_count; part++) {
            HpNames *ids = scan->parts[part].ids;
            bool own = strcmp(scan->parts[part].folder, scan->files[i].folder) == 0;
            if (own && hp_names_find(ids, scan->files[i].name) < 0)
                hp_names_add(ids, scan->files[i].name, i);
        }
    for (int64_t i = 0; i < scan->table_count; i++)
        match_table(scan, scan->tables[i]);
}

static bool any_table(const Scan *scan)
{
    for (int i = 0; i < scan->part_count; i++)
        if (scan->parts[i].table.path || scan->parts[i].order.path)
            return true;
    return false;
}

/* ---------------------------------------------------------------- classes */

typedef struct Labels { /* all cells of all label columns */
    const char **cells;
    int64_t count, capacity;
} Labels;

static void add_cell(Labels *labels, const char *cell)
{
    labels->cells = hp_grow(labels->cells, labels->count, &labels->capacity, sizeof *labels->cells);
    labels->cells[labels->count++] = cell;
}

static void collect_cells(Scan *scan, Labels *labels)
{
    for (int part = 0; part < scan->part_count; part++) {
        const ScanTable *table = &scan->parts[part].table;
        if (!table->path)
            continue;
        char *path = hp_join(scan->root, table->path);
        HpCsv *csv = hp_csv_read(path);
        int column = hp_csv_column(csv, table->labels);
        for (int64_t row = 0; row < hp_csv_rows(csv); row++)
            add_cell(labels, scan_keep(scan, hp_csv_cell(csv, row, column)));
        hp_csv_free(csv);
        free(path);
    }
}

static bool all_numbers(const Labels *labels)
{
    for (int64_t i = 0; i < labels->count; i++) {
        const char *cell = labels->cells[i];
        if (!strpbrk(cell, "0123456789") || cell[strspn(cell, "0123456789 |;,")])
            return false;
    }
    return true;
}

/* A space separates numbers, but within names it is part of them. */
static void guess_separator(Scan *scan, const Labels *labels)
{
    static const char *const separators[] = {"|", ";", ","};
    scan->numbers = all_numbers(labels);
    for (int64_t i = 0; i < labels->count && !scan->label_separator; i++) {
        for (size_t k = 0; k < sizeof separators / sizeof *separators && !scan->label_separator; k++)
            if (strstr(labels->cells[i], separators[k]))
                scan->label_separator = separators[k];
        if (!scan->label_separator && scan->numbers && strchr(labels->cells[i], ' '))
            scan->label_separator = " ";
    }
    scan->one_of = !scan->label_separator;
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static void add_class(Scan *scan, HpNames *seen, const char *name)
{
    if (!*name || hp_names_find(seen, name) >= 0)
        return;
    const char *kept = scan_keep(scan, name);
    hp_names_add(seen, kept, scan->class_count);
    scan->classes = hp_realloc(scan->classes, (size_t)scan->class_count + 1, sizeof *scan->classes);
    scan->classes[scan->class_count++] = kept;
}

static const char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t length = strlen(text);
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t'))
        text[--length] = '\0';
    return text;
}

/* Numbers 0 to the largest become "class 0" and so on. */
static void number_classes(Scan *scan, HpNames *seen)
{
    int64_t largest = 0;
    for (int64_t i = 0; i < scan->class_count; i++) {
        int64_t number = strtoll(scan->classes[i], NULL, 10);
        largest = number > largest ? number : largest;
    }
    if (largest > 9999)
        hp_fail("%s: a label is %lld: these are no class numbers; write the data file by hand", scan->root,
                (long long)largest);
    scan->class_count = 0;
    for (int64_t i = 0; i <= largest; i++) {
        char *name = hp_format("class %lld", (long long)i);
        add_class(scan, seen, name);
        free(name);
    }
}

static void guess_classes(Scan *scan, const Labels *labels)
{
    HpNames *seen = hp_names_new();
    guess_separator(scan, labels);
    for (int64_t i = 0; i < labels->count; i++) {
        char *cell = hp_string(labels->cells[i]), *rest = NULL;
        const char *between = scan->label_separator ? scan->label_separator : "\n";
        for (char *label = strtok_r(cell, between, &rest); label; label = strtok_r(NULL, between, &rest))
            add_class(scan, seen, trim(label));
        free(cell);
    }
    if (scan->numbers && scan->class_count > 0)
        number_classes(scan, seen);
    else if (scan->class_count > 0)
        qsort(scan->classes, (size_t)scan->class_count, sizeof *scan->classes, compare_names);
    hp_names_free(seen);
}

static void classes_from_folders(Scan *scan)
{
    HpNames *seen = hp_names_new();
    for (int64_t i = 0; i < scan->folder_count; i++)
        for (int part = 0; part < scan->part_count; part++) {
            const char *path = scan->folders[i].path, *folder = scan->parts[part].folder;
            size_t length = strlen(folder);
            bool below = strncmp(path, folder, length) == 0 && (length == 0 || path[length] == '/');
            const char *rest = path + length + (length > 0 && below);
            if (scan->parts[part].class_folders && below && *rest && !strchr(rest, '/'))
                add_class(scan, seen, rest);
        }
    hp_names_free(seen);
    qsort(scan->classes, (size_t)scan->class_count, sizeof *scan->classes, compare_names);
    scan->one_of = true;
}

void scan_tables(Scan *scan)
{
    Labels labels = {0};
    bool by_folder = false;
    for (int64_t i = 0; i < scan->table_count; i++)
        match_table(scan, scan->tables[i]);
    for (int i = 0; i < scan->part_count; i++)
        by_folder |= scan->parts[i].class_folders;
    if (!any_table(scan) && !scan->plane_files && !by_folder) {
        use_whole_names(scan);
        scan->whole_names = any_table(scan);
    }
    scan_order_parts(scan);
    collect_cells(scan, &labels);
    if (by_folder && labels.count == 0)
        classes_from_folders(scan);
    else
        guess_classes(scan, &labels);
    free(labels.cells);
}
