/* A small CSV reader (RFC 4180, with BOM and either line end). The whole file is split in place. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

struct HpCsv {
    char *text;
    const char **cells; /* rows of `columns`, the header first */
    int64_t cell_count, cell_capacity;
    int64_t *lines; /* per row, the header first */
    int64_t row_count, row_capacity;
    int columns;
};

typedef struct Reader {
    const char *path;
    char *at, *end; /* end points to the NUL behind the text */
    int64_t line;
} Reader;

static void add_cell(HpCsv *csv, const char *cell)
{
    csv->cells = hp_grow(csv->cells, csv->cell_count, &csv->cell_capacity, sizeof *csv->cells);
    csv->cells[csv->cell_count++] = cell;
}

static void add_row(HpCsv *csv, int64_t line)
{
    csv->lines = hp_grow(csv->lines, csv->row_count, &csv->row_capacity, sizeof *csv->lines);
    csv->lines[csv->row_count++] = line;
}

/* Reads a quoted cell whose opening quote was skipped; squeezes "" to " in place. */
static const char *read_quoted(Reader *reader)
{
    char *cell = reader->at, *out = cell;
    int64_t first_line = reader->line;
    for (;; reader->at++) {
        if (reader->at == reader->end)
            hp_fail("%s:%lld: a quoted cell begins here and never ends: add the closing \"", reader->path,
                    (long long)first_line);
        if (*reader->at == '\n')
            reader->line++;
        if (*reader->at == '"') {
            if (reader->at[1] != '"')
                break;
            reader->at++;
        }
        *out++ = *reader->at;
    }
    reader->at++;
    char next = *reader->at;
    if (next != ',' && next != '\n' && next != '\r' && reader->at != reader->end)
        hp_fail(
            "%s:%lld: '%c' follows a closing quote: a comma or the line's end was expected; a quote inside a "
            "quoted cell is written twice",
            reader->path, (long long)reader->line, next);
    *out = '\0'; /* at or before the closing quote */
    return cell;
}

static const char *read_plain(Reader *reader)
{
    char *cell = reader->at;
    while (reader->at < reader->end && *reader->at != ',' && *reader->at != '\n' && *reader->at != '\r')
        reader->at++;
    return cell;
}

/* One line; false at its end, true when another cell follows. The cell's end is made a NUL. */
static bool read_cell(Reader *reader, HpCsv *csv)
{
    bool quoted = *reader->at == '"';
    if (quoted)
        reader->at++;
    const char *cell = quoted ? read_quoted(reader) : read_plain(reader);
    add_cell(csv, cell);
    char *stop = reader->at;
    bool more = *stop == ',';
    if (reader->at < reader->end) {
        if (*stop == '\r' && stop[1] == '\n')
            reader->at++;
        if (!more)
            reader->line++;
        reader->at++;
    }
    *stop = '\0';
    return more;
}

static bool skip_empty_line(Reader *reader)
{
    if (*reader->at == '\r' && reader->at[1] == '\n')
        reader->at++;
    if (*reader->at != '\n' && *reader->at != '\r')
        return false;
    reader->at++;
    reader->line++;
    return true;
}

static void read_rows(Reader *reader, HpCsv *csv)
{
    while (reader->at < reader->end) {
        if (skip_empty_line(reader))
            continue;
        int64_t line = reader->line;
        int64_t before = csv->cell_count;
        while (read_cell(reader, csv)) {
        }
        int64_t cells = csv->cell_count - before;
        if (cells > 4096)
            hp_fail("%s:%lld: %lld cells in one line; at most 4096 are read", reader->path, (long long)line,
                    (long long)cells);
        if (csv->row_count == 0)
            csv->columns = (int)cells;
        if (cells != csv->columns)
            hp_fail("%s:%lld: %lld cell%s, but the first line has %d: a comma too %s, or a cell with a comma "
                    "in it "
                    "that is not in quotes",
                    reader->path, (long long)line, (long long)cells, cells == 1 ? "" : "s", csv->columns,
                    cells < csv->columns ? "few" : "many");
        add_row(csv, line);
    }
}

HpCsv *hp_csv_read(const char *path)
{
    size_t length;
    HpCsv *csv = hp_alloc(1, sizeof *csv);
    csv->text = hp_read_file(path, &length);
    Reader reader = {.path = path, .at = csv->text, .end = csv->text + length, .line = 1};
    if (length >= 2 && (!memcmp(csv->text, "\xff\xfe", 2) || !memcmp(csv->text, "\xfe\xff", 2)))
        hp_fail("%s: the text is UTF-16: save it as UTF-8", path);
    if (memchr(csv->text, '\0', length))
        hp_fail("%s: a NUL byte: this is not a CSV file", path);
    if (length >= 3 && !memcmp(csv->text, "\xef\xbb\xbf", 3))
        reader.at += 3;
    read_rows(&reader, csv);
    if (csv->row_count == 0)
        hp_fail("%s: the file is empty; a first line with the columns' names was expected", path);
    return csv;
}

int hp_csv_column(const HpCsv *csv, const char *name)
{
    for (int column = 0; column < csv->columns; column++)
        if (strcmp(csv->cells[column], name) == 0)
            return column;
    return -1;
}

int hp_csv_columns(const HpCsv *csv)
{
    return csv->columns;
}

const char *hp_csv_heading(const HpCsv *csv, int column)
{
    return csv->cells[column];
}

int64_t hp_csv_rows(const HpCsv *csv)
{
    return csv->row_count - 1;
}

const char *hp_csv_cell(const HpCsv *csv, int64_t row, int column)
{
    return csv->cells[(row + 1) * csv->columns + column];
}

int64_t hp_csv_line(const HpCsv *csv, int64_t row)
{
    return csv->lines[row + 1];
}

void hp_csv_free(HpCsv *csv)
{
    if (!csv)
        return;
    free(csv->text);
    free(csv->cells);
    free(csv->lines);
    free(csv);
}
