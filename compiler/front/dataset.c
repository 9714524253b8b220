/* The dataset block: what a data set's files, planes, labels and parts are. */
#include "dataset.h"

#include <string.h>

#include "program.h"

enum { PLANES_LIMIT = 64, CLASSES_LIMIT = 10000 };

typedef LIST(const char *) NameList;

/* ---------------------------------------------------------------- reading a setting's values in order */

typedef struct Reader {
    Arena *arena;
    Diagnostics *diagnostics;
    const Setting *setting;
    size_t at;
    bool failed; /* reported; the rest of the setting is not looked at */
} Reader;

static Span reader_span(const Reader *reader)
{
    const Setting *setting = reader->setting;
    if (reader->at < setting->values.count)
        return setting->values.items[reader->at]->span;
    return setting->values.count ? setting->values.items[setting->values.count - 1]->span : setting->span;
}

static void reader_fail(Reader *reader, const char *expected)
{
    if (reader->failed)
        return;
    reader->failed = true;
    bool ended = reader->at >= reader->setting->values.count;
    diagnostic_error(reader->diagnostics, reader_span(reader), "dataset-form", "expected %s%s", expected,
                     ended ? " behind this" : "");
}

static Reader reader_start(Arena *arena, Diagnostics *diagnostics, const Setting *setting)
{
    Reader reader = {.arena = arena, .diagnostics = diagnostics, .setting = setting};
    if (setting->assigned) {
        reader.failed = true;
        diagnostic_error(diagnostics, setting->span, "dataset-form", "'%s' is written without '='",
                         setting->word);
    }
    return reader;
}

/* The next value, of this kind; NULL (and nothing said) if there is none such. */
static const Expression *peek(const Reader *reader, ExpressionKind kind)
{
    if (reader->failed || reader->at >= reader->setting->values.count)
        return NULL;
    const Expression *value = reader->setting->values.items[reader->at];
    return value->kind == kind ? value : NULL;
}

static const char *single_name(const Expression *value)
{
    bool single = value && value->kind == EXPRESSION_PATH && value->path->parts.count == 1;
    return single ? value->path->parts.items[0].name : NULL;
}

static bool take_word(Reader *reader, const char *word)
{
    const char *name = single_name(peek(reader, EXPRESSION_PATH));
    if (!name || strcmp(name, word))
        return false;
    reader->at++;
    return true;
}

static void need_word(Reader *reader, const char *word)
{
    if (!take_word(reader, word))
        reader_fail(reader, arena_format(reader->arena, "'%s'", word));
}

static const char *take_string(Reader *reader)
{
    const Expression *value = peek(reader, EXPRESSION_STRING);
    if (!value)
        return NULL;
    reader->at++;
    return value->text;
}

static const char *need_string(Reader *reader, const char *what)
{
    const char *text = take_string(reader);
    if (!text)
        reader_fail(reader, arena_format(reader->arena, "%s, in double quotes", what));
    return text;
}

static double need_number(Reader *reader)
{
    const Expression *value = peek(reader, EXPRESSION_NUMBER);
    if (!value || value->unit != UNIT_NONE) {
        reader_fail(reader, "a number without a unit");
        return 0;
    }
    reader->at++;
    return value->number;
}

/* Nothing is left, and no comma stood where none belongs. */
static void need_end(Reader *reader, bool commas)
{
    if (reader->at < reader->setting->values.count)
        reader_fail(reader, "nothing more");
    for (size_t i = 0; i < reader->setting->values.count && !commas && !reader->failed; i++)
        if (reader->setting->values.items[i]->after_comma) {
            reader->at = i;
            reader_fail(reader, "no comma before this");
        }
    if (reader->setting->has_body)
        reader_fail(reader, "no '{ ... }'");
}

/* ---------------------------------------------------------------- names */

/* Reports a name that stands in the list already. Names of images' labels are few: a walk is enough. */
static bool name_is_new(Diagnostics *diagnostics, const NameList *names, const Span *spans, const char *name,
                        Span at, const char *what)
{
    for (size_t i = 0; i < names->count; i++)
        if (!strcmp(names->items[i], name)) {
            diagnostic_error(diagnostics, at, "duplicate-name", "the %s '%s' is named twice", what, name);
            diagnostic_note(diagnostics, spans[i], "first named here");
            return false;
        }
    return true;
}

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 127)
            return false;
    return true;
}

static void read_planes(Reader *reader, HpDataset *dataset)
{
    const ExpressionList *values = &reader->setting->values;
    NameList names = {0};
    Span *spans = ARENA_ARRAY(reader->arena, Span, values->count);
    for (; reader->at < values->count && !reader->failed; reader->at++) {
        const Expression *value = values->items[reader->at];
        const char *name = single_name(value);
        if (!name)
            reader_fail(reader, "the name of a plane");
        else if (reader->at > 0 && !value->after_comma)
            reader_fail(reader, "a comma before this");
        else if (name_is_new(reader->diagnostics, &names, spans, name, value->span, "plane")) {
            spans[names.count] = value->span;
            list_push(reader->arena, &names, name);
        }
    }
    if (!names.count || names.count > PLANES_LIMIT)
        reader_fail(reader,
                    names.count ? "at most 64 planes" : "the names of the planes, as in 'planes red, green'");
    need_end(reader, true);
    dataset->plane_count = (int)names.count;
    dataset->planes = names.items;
}

/* ---------------------------------------------------------------- file patterns */

/* Is there a `{name}` at this place? */
static bool hole_is(const char *hole, size_t length, const char *name)
{
    return strlen(name) == length && !memcmp(hole, name, length);
}

/* Counts the holes of a pattern; reports those that are not known. */
static bool count_holes(Diagnostics *diagnostics, const Expression *pattern, int *ids, int *planes)
{
    static const char *const known[] = {"id", "plane"};
    *ids = *planes = 0;
    for (const char *at = strpbrk(pattern->text, "{}"); at; at = strpbrk(at + 1, "{}")) {
        const char *end = *at == '{' ? strpbrk(at + 1, "{}") : NULL;
        if (!end || *end == '{') {
            diagnostic_error(diagnostics, pattern->span, "dataset-file",
                             "the braces of this pattern do not pair: \"%s\"", pattern->text);
            return false;
        }
        size_t length = (size_t)(end - at) - 1;
        if (hole_is(at + 1, length, "id")) {
            ++*ids;
        } else if (hole_is(at + 1, length, "plane")) {
            ++*planes;
        } else {
            char name[32] = "";
            memcpy(name, at + 1, length < sizeof name ? length : sizeof name - 1);
            diagnostic_error(diagnostics, pattern->span, "dataset-file", "a pattern has no '{%s}'", name);
            const char *nearest = diagnostic_nearest(name, known, 2);
            if (nearest)
                diagnostic_help(diagnostics, "did you mean '{%s}'?", nearest);
            else
                diagnostic_help(diagnostics, "'{id}' is the image's id, '{plane}' the name of a plane");
            return false;
        }
        at = end;
    }
    return true;
}

/* A place below the data set's root. */
static bool check_relative(Diagnostics *diagnostics, Span at, const char *path)
{
    bool climbs = false;
    for (const char *part = path; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
        climbs = climbs || (part[0] == '.' && part[1] == '.' && (part[2] == '/' || !part[2]));
    if (path[0] != '/' && !climbs && is_printable(path))
        return true;
    diagnostic_error(diagnostics, at, "dataset-path", "\"%s\" does not lie below the data set's root", path);
    diagnostic_help(diagnostics,
                    "the root is named when the program runs (--data); what stands here is relative to it");
    return false;
}

/* One pattern: the holes it must have, and the same kind as the one before it. */
static bool check_pattern(Diagnostics *diagnostics, const Expression *pattern, const Expression *first)
{
    int ids, planes, first_ids, first_planes;
    if (!check_relative(diagnostics, pattern->span, pattern->text) ||
        !count_holes(diagnostics, pattern, &ids, &planes))
        return false;
    if (ids != 1 || planes > 1) {
        diagnostic_error(diagnostics, pattern->span, "dataset-file", "this pattern has '{%s}' %d times; %s",
                         ids != 1 ? "id" : "plane", ids != 1 ? ids : planes,
                         ids != 1 ? "it stands there once" : "it stands there once or not at all");
        diagnostic_help(diagnostics,
                        "a file for each plane: \"{id}_{plane}.png\"; all planes in one: \"{id}.png\"");
        return false;
    }
    if (count_holes(diagnostics, first, &first_ids, &first_planes) && planes != first_planes) {
        diagnostic_error(diagnostics, pattern->span, "dataset-file",
                         "one pattern names a file for each plane, the other a file with all planes");
        diagnostic_note(diagnostics, first->span, "the first pattern");
        return false;
    }
    return true;
}

static void read_files(Reader *reader, HpDataset *dataset)
{
    NameList files = {0};
    const Expression *first = NULL;
    do {
        const Expression *pattern = peek(reader, EXPRESSION_STRING);
        if (!need_string(reader, "a pattern such as \"{id}_{plane}.png\"") ||
            !check_pattern(reader->diagnostics, pattern, first ? first : pattern))
            return;
        first = first ? first : pattern;
        list_push(reader->arena, &files, pattern->text);
    } while (take_word(reader, "or"));
    need_end(reader, false);
    dataset->file_count = (int)files.count;
    dataset->files = files.items;
}

/* ---------------------------------------------------------------- range and labels */

static void read_range(Reader *reader, HpDataset *dataset)
{
    dataset->range = take_word(reader, "percentile") ? HP_RANGE_PERCENTILE : HP_RANGE_FIXED;
    Span at = reader_span(reader);
    dataset->range_low = need_number(reader);
    need_word(reader, "to");
    dataset->range_high = need_number(reader);
    need_end(reader, false);
    if (reader->failed)
        return;
    bool percentile = dataset->range == HP_RANGE_PERCENTILE;
    if (dataset->range_low >= dataset->range_high)
        diagnostic_error(reader->diagnostics, at, "dataset-range",
                         "the range ends (%g) where it begins (%g), or before", dataset->range_high,
                         dataset->range_low);
    else if (dataset->range_low < 0 || dataset->range_high > (percentile ? 100 : 65535))
        diagnostic_error(reader->diagnostics, at, "dataset-range", "%s lie between 0 and %d",
                         percentile ? "percentiles" : "the values of pixels", percentile ? 100 : 65535);
}

static void read_class(Reader *reader, const Expression *item, NameList *names, Span *spans)
{
    if (item->kind != EXPRESSION_STRING || !*item->text || !is_printable(item->text)) {
        diagnostic_error(reader->diagnostics, item->span, "dataset-labels",
                         "a label is the name of a class, in double quotes");
        return;
    }
    if (!name_is_new(reader->diagnostics, names, spans, item->text, item->span, "label"))
        return;
    spans[names->count] = item->span;
    list_push(reader->arena, names, item->text);
}

static void read_labels(Reader *reader, HpDataset *dataset)
{
    dataset->one_of = take_word(reader, "one");
    if (!dataset->one_of && !take_word(reader, "any"))
        reader_fail(reader, "'any of' (labels may occur together) or 'one of' (each image has exactly one)");
    need_word(reader, "of");
    const Expression *list = peek(reader, EXPRESSION_LIST);
    if (!list) {
        reader_fail(reader, "the labels in square brackets: [ \"first\", \"second\" ]");
        return;
    }
    reader->at++;
    need_end(reader, false);
    int least = dataset->one_of ? 2 : 1;
    if (list->items.count < (size_t)least || list->items.count > CLASSES_LIMIT) {
        bool many = list->items.count > CLASSES_LIMIT;
        diagnostic_error(reader->diagnostics, list->span, "dataset-labels",
                         "'%s of' needs at %s %d labels; this list has %zu", dataset->one_of ? "one" : "any",
                         many ? "most" : "least", many ? CLASSES_LIMIT : least, list->items.count);
        return;
    }
    NameList names = {0};
    Span *spans = ARENA_ARRAY(reader->arena, Span, list->items.count);
    for (size_t i = 0; i < list->items.count; i++)
        read_class(reader, list->items.items[i], &names, spans);
    dataset->class_count = (int)names.count;
    dataset->classes = names.items;
}

/* ---------------------------------------------------------------- parts */

/* The part being read, and where its columns were named. */
typedef struct PartReading {
    HpPart part;
    Span id_span;
    Span split_span; /* file == NULL: none */
} PartReading;

static void read_id_column(Reader *reader, PartReading *reading)
{
    Span at = reader_span(reader);
    const char *column = need_string(reader, "the name of the column with the ids");
    if (!column)
        return;
    if (reading->part.id_column && strcmp(reading->part.id_column, column)) {
        diagnostic_error(reader->diagnostics, at, "dataset-part",
                         "the table and the order of a part have their ids in columns of one name");
        diagnostic_note(reader->diagnostics, reading->id_span, "the other column is named here");
    }
    reading->part.id_column = column;
    reading->id_span = at;
}

static const char *read_path(Reader *reader, const char *what)
{
    Span at = reader_span(reader);
    const char *path = need_string(reader, what);
    return path && check_relative(reader->diagnostics, at, path) ? path : NULL;
}

static void read_folder(Reader *reader, PartReading *reading)
{
    reading->part.folder = read_path(reader, "the folder with the images");
    need_end(reader, false);
}

static void read_table(Reader *reader, PartReading *reading)
{
    reading->part.table = read_path(reader, "the file with the labels");
    need_word(reader, "id");
    read_id_column(reader, reading);
    if (take_word(reader, "labels")) {
        reading->part.label_column = need_string(reader, "the name of the column with the labels");
        Span at = reader_span(reader);
        if (take_word(reader, "split")) {
            reading->split_span = at;
            reading->part.separator = need_string(reader, "what stands between two labels");
        }
    }
    need_end(reader, false);
}

static void read_order(Reader *reader, PartReading *reading)
{
    reading->part.order = read_path(reader, "the file whose rows give the order");
    need_word(reader, "id");
    read_id_column(reader, reading);
    need_end(reader, false);
}

static void read_part_labels(Reader *reader, PartReading *reading)
{
    need_word(reader, "from");
    need_word(reader, "folders");
    need_end(reader, false);
    reading->part.labels_from_folders = true;
}

/* ---------------------------------------------------------------- blocks of settings */

static void report_unknown(Diagnostics *diagnostics, const Setting *setting, const char *where,
                           const char *const *known, size_t count)
{
    diagnostic_error(diagnostics, setting->span, "unknown-setting", "%s has no '%s'", where, setting->word);
    const char *nearest = diagnostic_nearest(setting->word, known, count);
    if (nearest)
        diagnostic_help(diagnostics, "did you mean '%s'?", nearest);
    else
        diagnostic_help(diagnostics, "what it may have is in the manual, grammar/hpanet.md, \"Data sets\"");
}

/* Which of the known words this setting is, -1 after a report; seen[] holds the first of each. */
static int find_setting(Diagnostics *diagnostics, const Setting *setting, const char *where,
                        const char *const *known, int count, const Setting **seen)
{
    int found = 0;
    while (found < count && strcmp(known[found], setting->word))
        found++;
    if (found == count) {
        report_unknown(diagnostics, setting, where, known, (size_t)count);
        return -1;
    }
    if (seen[found]) {
        diagnostic_error(diagnostics, setting->span, "duplicate-setting", "'%s' is said twice",
                         setting->word);
        diagnostic_note(diagnostics, seen[found]->span, "first said here");
        return -1;
    }
    seen[found] = setting;
    return found;
}

static void check_part(Diagnostics *diagnostics, const HpDataset *dataset, PartReading *reading, Span at)
{
    HpPart *part = &reading->part;
    if (part->labels_from_folders && part->label_column) {
        diagnostic_error(diagnostics, at, "dataset-part",
                         "part '%s' has its labels twice: from a table and from folders", part->name);
    } else if (part->labels_from_folders && !dataset->one_of) {
        diagnostic_error(diagnostics, at, "dataset-part",
                         "part '%s' takes its labels from folders, so an image has exactly one", part->name);
        diagnostic_help(diagnostics, "write 'labels one of [ ... ]' in the data set");
    }
    if (reading->split_span.file && (dataset->one_of || (part->separator && !*part->separator)))
        diagnostic_error(diagnostics, reading->split_span, "dataset-part", "%s",
                         dataset->one_of ? "labels are 'one of': there is nothing to split"
                                         : "the text between two labels is empty");
    if (part->label_column && !part->separator)
        part->separator = " ";
}

/* part NAME { folder ...; table ... id ... labels ... split ...; order ... id ...; labels from folders } */
static bool read_part(Reader *reader, const HpDataset *dataset, HpPart *out)
{
    static const char *const words[] = {"folder", "table", "order", "labels"};
    static void (*const readers[])(Reader *, PartReading *) = {read_folder, read_table, read_order,
                                                               read_part_labels};
    enum { COUNT = sizeof words / sizeof words[0] };
    const char *name = single_name(peek(reader, EXPRESSION_PATH));
    if (!name || reader->setting->values.count != 1 || !reader->setting->has_body) {
        reader_fail(reader, "a name and braces: part train { folder \"train\" }");
        return false;
    }
    PartReading reading = {.part = {.name = name, .folder = ""}};
    const Setting *seen[COUNT] = {NULL};
    for (size_t i = 0; i < reader->setting->body.count; i++) {
        const Setting *setting = reader->setting->body.items[i];
        int found = find_setting(reader->diagnostics, setting, "a part", words, COUNT, seen);
        if (found < 0)
            continue;
        Reader inner = reader_start(reader->arena, reader->diagnostics, setting);
        readers[found](&inner, &reading);
    }
    check_part(reader->diagnostics, dataset, &reading, reader->setting->values.items[0]->span);
    *out = reading.part;
    return true;
}

static void read_parts(Arena *arena, Diagnostics *diagnostics, const Setting *block, HpDataset *dataset)
{
    LIST(HpPart) parts = {0};
    NameList names = {0};
    Span *spans = ARENA_ARRAY(arena, Span, block->body.count);
    for (size_t i = 0; i < block->body.count; i++) {
        const Setting *setting = block->body.items[i];
        HpPart part;
        if (strcmp(setting->word, "part"))
            continue;
        Reader reader = reader_start(arena, diagnostics, setting);
        if (!read_part(&reader, dataset, &part))
            continue;
        Span at = setting->values.items[0]->span;
        if (!name_is_new(diagnostics, &names, spans, part.name, at, "part"))
            continue;
        spans[names.count] = at;
        list_push(arena, &names, part.name);
        list_push(arena, &parts, part);
    }
    dataset->part_count = (int)parts.count;
    dataset->parts = parts.items;
}

/* The text of the block, from its first byte to its closing brace. */
static const char *block_text(Arena *arena, const Setting *block)
{
    const char *text = block->span.file->text, *first = text, *last = text;
    for (int line = 1; line < block->span.line; line++)
        first = strchr(first, '\n') + 1;
    last = first;
    for (int line = block->span.line; line < block->close.line; line++)
        last = strchr(last, '\n') + 1;
    first += block->span.column - 1;
    last += block->close.column;
    return arena_string_of(arena, first, (size_t)(last - first));
}

static void report_missing(Diagnostics *diagnostics, Span at, const char *name, const char *const *words,
                           const char *const *examples, const Setting *const *seen, int count)
{
    for (int i = 0; i < count; i++) {
        if (seen[i])
            continue;
        diagnostic_error(diagnostics, at, "missing-setting", "the data set '%s' does not say its %s", name,
                         words[i]);
        diagnostic_help(diagnostics, "write, for example: %s", examples[i]);
    }
}

HpDataset *dataset_build(Arena *arena, Diagnostics *diagnostics, const Setting *block)
{
    static const char *const words[] = {"planes", "file", "range", "labels", "part"};
    static const char *const examples[] = {"planes red, green, blue", "file \"{id}_{plane}.png\"",
                                           "range 0 to 255", "labels any of [ \"first\", \"second\" ]",
                                           "part train { folder \"train\" }"};
    static void (*const readers[])(Reader *, HpDataset *) = {read_planes, read_files, read_range,
                                                             read_labels};
    enum { COUNT = sizeof words / sizeof words[0], PART = COUNT - 1 };
    HpDataset *dataset = ARENA_NEW(arena, HpDataset);
    Reader head = reader_start(arena, diagnostics, block);
    dataset->name = single_name(peek(&head, EXPRESSION_PATH));
    if (!dataset->name || block->values.count != 1 || !block->has_body) {
        reader_fail(&head, "a name and braces: dataset cells { ... }");
        return dataset;
    }
    const Setting *seen[COUNT] = {NULL};
    bool unknown = false; /* a misspelt setting is not also reported as missing */
    for (size_t i = 0; i < block->body.count; i++) {
        const Setting *setting = block->body.items[i];
        if (!strcmp(setting->word, "part")) {
            seen[PART] = setting; /* any number of them: read below, when it is known what labels are */
            continue;
        }
        int found = find_setting(diagnostics, setting, "a data set", words, COUNT, seen);
        unknown = unknown || found < 0;
        if (found < 0)
            continue;
        Reader reader = reader_start(arena, diagnostics, setting);
        readers[found](&reader, dataset);
    }
    read_parts(arena, diagnostics, block, dataset);
    if (!unknown)
        report_missing(diagnostics, block->values.items[0]->span, dataset->name, words, examples, seen,
                       COUNT);
    dataset->source = block_text(arena, block);
    return dataset;
}

/* ---------------------------------------------------------------- entries */

const Setting *dataset_find(Diagnostics *diagnostics, const SourceUnit *unit)
{
    const Setting *block = NULL;
    for (size_t i = 0; i < unit->declarations.count; i++) {
        const Declaration *declaration = unit->declarations.items[i];
        if (declaration->kind != DECLARATION_SETTING || strcmp(declaration->setting->word, "dataset"))
            continue;
        if (block) {
            diagnostic_error(diagnostics, declaration->span, "duplicate-setting",
                             "a second data set in one file");
            diagnostic_note(diagnostics, block->span, "the first is here");
            break;
        }
        block = declaration->setting;
    }
    return block;
}

HpDataset *program_read_dataset(Arena *arena, Diagnostics *diagnostics, const SourceFile *file)
{
    const Setting *block = dataset_find(diagnostics, parse_text(arena, diagnostics, file));
    diagnostic_stop_if_errors(diagnostics);
    if (!block)
        fatal("'%s' has no data set: a block 'dataset NAME { ... }' is needed", file->path);
    HpDataset *dataset = dataset_build(arena, diagnostics, block);
    diagnostic_stop_if_errors(diagnostics);
    return dataset;
}

HpDataset *program_load_dataset(Arena *arena, Diagnostics *diagnostics, const char *path)
{
    return program_read_dataset(arena, diagnostics, source_read(arena, path));
}
