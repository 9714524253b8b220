/* The dataset block: what a data set's files, planes, labels and parts are. */
#include "dataset.h"

#include <string.h>

#include "reader.h"

enum { PLANES_LIMIT = 64, CLASSES_LIMIT = 10000 };

typedef LIST(const char *) NameList;

/* ---------------------------------------------------------------- names */

/* Reports a name that stands in the list already. Names of images' labels are few: a walk is enough. */
static bool name_is_new(Elaborator *e, const NameList *names, const Span *spans, const char *name, Span at,
                        const char *what)
{
    for (size_t i = 0; i < names->count; i++)
        if (!strcmp(names->items[i], name)) {
            report(e, at, "duplicate-name", "the %s '%s' is named twice", what, name);
            report_note(e, spans[i], "first named here");
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
    NameList names = {0};
    Span *spans = ARENA_ARRAY(reader->e->program->arena, Span, reader->setting->values.count + 1);
    do {
        Span at = reader_span(reader);
        const char *name = reader_name(reader, "the name of a plane");
        if (name && name_is_new(reader->e, &names, spans, name, at, "plane")) {
            spans[names.count] = at;
            list_push(reader->e->program->arena, &names, name);
        }
        if (names.count > PLANES_LIMIT)
            reader_fail(reader, arena_format(reader->e->program->arena, "at most %d planes", PLANES_LIMIT));
    } while (reader_next_item(reader));
    reader_end(reader);
    dataset->plane_count = (int)names.count;
    dataset->planes = names.items;
}

/* ---------------------------------------------------------------- file patterns */

typedef struct Pattern {
    const char *text;
    Span span;
} Pattern;

/* Is there a `{name}` at this place? */
static bool hole_is(const char *hole, size_t length, const char *name)
{
    return strlen(name) == length && !memcmp(hole, name, length);
}

/* Counts the holes of a pattern; reports those that are not known. */
static bool count_holes(Elaborator *e, Pattern pattern, int *ids, int *planes)
{
    static const char *const known[] = {"id", "plane"};
    *ids = *planes = 0;
    for (const char *at = strpbrk(pattern.text, "{}"); at; at = strpbrk(at + 1, "{}")) {
        const char *end = *at == '{' ? strpbrk(at + 1, "{}") : NULL;
        if (!end || *end == '{') {
            report(e, pattern.span, "dataset-file", "the braces of this pattern do not pair: \"%s\"",
                   pattern.text);
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
            report(e, pattern.span, "dataset-file", "a pattern has no '{%s}'", name);
            const char *nearest = diagnostic_nearest(name, known, 2);
            if (nearest)
                report_help(e, "did you mean '{%s}'?", nearest);
            else
                report_help(e, "'{id}' is the image's id, '{plane}' the name of a plane");
            return false;
        }
        at = end;
    }
    return true;
}

/* A place below the data set's root. */
static bool check_relative(Elaborator *e, Span at, const char *path)
{
    bool climbs = false;
    for (const char *part = path; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
        climbs = climbs || (part[0] == '.' && part[1] == '.' && (part[2] == '/' || !part[2]));
    if (path[0] != '/' && !climbs && is_printable(path))
        return true;
    report(e, at, "dataset-path", "\"%s\" does not lie below the data set's root", path);
    report_help(e, "the root is named when the program runs (--data); what stands here is relative to it");
    return false;
}

/* One pattern: the holes it must have, and the same kind as the one before it. */
static bool check_pattern(Elaborator *e, Pattern pattern, Pattern first)
{
    int ids, planes, first_ids, first_planes;
    if (!check_relative(e, pattern.span, pattern.text) || !count_holes(e, pattern, &ids, &planes))
        return false;
    if (ids != 1 || planes > 1) {
        report(e, pattern.span, "dataset-file", "this pattern has '{%s}' %d times; %s",
               ids != 1 ? "id" : "plane", ids != 1 ? ids : planes,
               ids != 1 ? "it stands there once" : "it stands there once or not at all");
        report_help(e, "a file for each plane: \"{id}_{plane}.png\"; all planes in one: \"{id}.png\"");
        return false;
    }
    if (count_holes(e, first, &first_ids, &first_planes) && planes != first_planes) {
        report(e, pattern.span, "dataset-file",
               "one pattern names a file for each plane, the other a file with all planes");
        report_note(e, first.span, "the first pattern");
        return false;
    }
    return true;
}

static void read_files(Reader *reader, HpDataset *dataset)
{
    NameList files = {0};
    Pattern first = {0};
    do {
        Pattern pattern = {.span = reader_span(reader)};
        pattern.text = reader_string(reader, "a pattern such as \"{id}_{plane}.png\"");
        if (!pattern.text || !check_pattern(reader->e, pattern, first.text ? first : pattern))
            return;
        first = first.text ? first : pattern;
        list_push(reader->e->program->arena, &files, pattern.text);
    } while (reader_take_word(reader, "or"));
    reader_end(reader);
    dataset->file_count = (int)files.count;
    dataset->files = files.items;
}

/* ---------------------------------------------------------------- range and labels */

static void read_range(Reader *reader, HpDataset *dataset)
{
    dataset->range = reader_take_word(reader, "percentile") ? HP_RANGE_PERCENTILE : HP_RANGE_FIXED;
    Span at = reader_span(reader);
    if (!reader_number(reader, UNIT_NONE, "the lowest value", &dataset->range_low) ||
        !reader_need_word(reader, "to") ||
        !reader_number(reader, UNIT_NONE, "the highest value", &dataset->range_high) || !reader_end(reader))
        return;
    bool percentile = dataset->range == HP_RANGE_PERCENTILE;
    if (dataset->range_low >= dataset->range_high)
        report(reader->e, at, "dataset-range", "the range ends (%g) where it begins (%g), or before",
               dataset->range_high, dataset->range_low);
    else if (dataset->range_low < 0 || dataset->range_high > (percentile ? 100 : 65535))
        report(reader->e, at, "dataset-range", "%s lie between 0 and %d",
               percentile ? "percentiles" : "the values of pixels", percentile ? 100 : 65535);
}

static void read_class(Reader *reader, const Expression *item, NameList *names, Span *spans)
{
    if (item->kind != EXPRESSION_STRING || !*item->text || !is_printable(item->text)) {
        report(reader->e, item->span, "dataset-labels", "a label is the name of a class, in double quotes");
        return;
    }
    if (!name_is_new(reader->e, names, spans, item->text, item->span, "label"))
        return;
    spans[names->count] = item->span;
    list_push(reader->e->program->arena, names, item->text);
}

static void read_labels(Reader *reader, HpDataset *dataset)
{
    dataset->one_of = reader_take_word(reader, "one");
    if (!dataset->one_of && !reader_take_word(reader, "any"))
        reader_fail(reader, "'any of' (labels may occur together) or 'one of' (each image has exactly one)");
    reader_need_word(reader, "of");
    const Expression *list = reader_list(reader, "the labels in square brackets: [ \"first\", \"second\" ]");
    if (!list || !reader_end(reader))
        return;
    int least = dataset->one_of ? 2 : 1;
    if (list->items.count < (size_t)least || list->items.count > CLASSES_LIMIT) {
        bool many = list->items.count > CLASSES_LIMIT;
        report(reader->e, list->span, "dataset-labels", "'%s of' needs at %s %d labels; this list has %zu",
               dataset->one_of ? "one" : "any", many ? "most" : "least", many ? CLASSES_LIMIT : least,
               list->items.count);
        return;
    }
    NameList names = {0};
    Span *spans = ARENA_ARRAY(reader->e->program->arena, Span, list->items.count);
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
    const char *column = reader_string(reader, "the name of the column with the ids, in double quotes");
    if (!column)
        return;
    if (reading->part.id_column && strcmp(reading->part.id_column, column)) {
        report(reader->e, at, "dataset-part",
               "the table and the order of a part have their ids in columns of one name");
        report_note(reader->e, reading->id_span, "the other column is named here");
    }
    reading->part.id_column = column;
    reading->id_span = at;
}

static const char *read_path(Reader *reader, const char *what)
{
    Span at = reader_span(reader);
    const char *path = reader_string(reader, what);
    return path && check_relative(reader->e, at, path) ? path : NULL;
}

static void read_folder(Reader *reader, PartReading *reading)
{
    reading->part.folder = read_path(reader, "the folder with the images, in double quotes");
    reader_end(reader);
}

static void read_table(Reader *reader, PartReading *reading)
{
    reading->part.table = read_path(reader, "the file with the labels, in double quotes");
    reader_need_word(reader, "id");
    read_id_column(reader, reading);
    if (reader_take_word(reader, "labels")) {
        reading->part.label_column =
            reader_string(reader, "the name of the column with the labels, in double quotes");
        Span at = reader_span(reader);
        if (reader_take_word(reader, "split")) {
            reading->split_span = at;
            reading->part.separator =
                reader_string(reader, "what stands between two labels, in double quotes");
        }
    }
    reader_end(reader);
}

static void read_order(Reader *reader, PartReading *reading)
{
    reading->part.order = read_path(reader, "the file whose rows give the order, in double quotes");
    reader_need_word(reader, "id");
    read_id_column(reader, reading);
    reader_end(reader);
}

static void read_part_labels(Reader *reader, PartReading *reading)
{
    reader_need_word(reader, "from");
    reader_need_word(reader, "folders");
    reader_end(reader);
    reading->part.labels_from_folders = true;
}

/* ---------------------------------------------------------------- blocks of settings */

static void report_unknown(Elaborator *e, const Setting *setting, const char *where, const char *const *known,
                           size_t count)
{
    report(e, setting->span, "unknown-setting", "%s has no '%s'", where, setting->word);
    const char *nearest = diagnostic_nearest(setting->word, known, count);
    if (nearest)
        report_help(e, "did you mean '%s'?", nearest);
    else
        report_help(e, "what it may have is in the manual, grammar/hpanet.md, \"Data sets\"");
}

/* Which of the known words this setting is, -1 after a report; seen[] holds the first of each. */
static int find_setting(Elaborator *e, const Setting *setting, const char *where, const char *const *known,
                        int count, const Setting **seen)
{
    int found = 0;
    while (found < count && strcmp(known[found], setting->word))
        found++;
    if (found == count) {
        report_unknown(e, setting, where, known, (size_t)count);
        return -1;
    }
    if (seen[found]) {
        report(e, setting->span, "duplicate-setting", "'%s' is said twice", setting->word);
        report_note(e, seen[found]->span, "first said here");
        return -1;
    }
    seen[found] = setting;
    return found;
}

static void check_part(Elaborator *e, const HpDataset *dataset, PartReading *reading, Span at)
{
    HpPart *part = &reading->part;
    if (part->labels_from_folders && part->label_column) {
        report(e, at, "dataset-part", "part '%s' has its labels twice: from a table and from folders",
               part->name);
    } else if (part->labels_from_folders && !dataset->one_of) {
        report(e, at, "dataset-part", "part '%s' takes its labels from folders, so an image has exactly one",
               part->name);
        report_help(e, "write 'labels one of [ ... ]' in the data set");
    }
    if (reading->split_span.file && (dataset->one_of || (part->separator && !*part->separator)))
        report(e, reading->split_span, "dataset-part", "%s",
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
    const char *name = reader_name(reader, "the name of the part");
    if (!name || !reader_need_body(reader, "part train { folder \"train\" }"))
        return false;
    PartReading reading = {.part = {.name = name, .folder = ""}};
    const Setting *seen[COUNT] = {NULL};
    for (size_t i = 0; i < reader->setting->body.count; i++) {
        const Setting *setting = reader->setting->body.items[i];
        int found = find_setting(reader->e, setting, "a part", words, COUNT, seen);
        if (found < 0)
            continue;
        Reader inner = reader_new(reader->e, setting);
        readers[found](&inner, &reading);
    }
    check_part(reader->e, dataset, &reading, reader->setting->values.items[0]->span);
    *out = reading.part;
    return true;
}

static void read_parts(Elaborator *e, const Setting *block, HpDataset *dataset)
{
    Arena *arena = e->program->arena;
    LIST(HpPart) parts = {0};
    NameList names = {0};
    Span *spans = ARENA_ARRAY(arena, Span, block->body.count);
    for (size_t i = 0; i < block->body.count; i++) {
        const Setting *setting = block->body.items[i];
        HpPart part;
        if (strcmp(setting->word, "part"))
            continue;
        Reader reader = reader_new(e, setting);
        if (!read_part(&reader, dataset, &part))
            continue;
        Span at = setting->values.items[0]->span;
        if (!name_is_new(e, &names, spans, part.name, at, "part"))
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

static void report_missing(Elaborator *e, Span at, const char *name, const char *const *words,
                           const char *const *examples, const Setting *const *seen, int count)
{
    for (int i = 0; i < count; i++) {
        if (seen[i])
            continue;
        diagnostic_error(e->program->diagnostics, at, "missing-setting",
                         "the data set '%s' does not say its %s", name, words[i]);
        report_help(e, "write, for example: %s", examples[i]);
    }
}

HpDataset *dataset_build(Elaborator *e, const Setting *block)
{
    static const char *const words[] = {"planes", "file", "range", "labels", "part"};
    static const char *const examples[] = {"planes red, green, blue", "file \"{id}_{plane}.png\"",
                                           "range 0 to 255", "labels any of [ \"first\", \"second\" ]",
                                           "part train { folder \"train\" }"};
    static void (*const readers[])(Reader *, HpDataset *) = {read_planes, read_files, read_range,
                                                             read_labels};
    enum { COUNT = sizeof words / sizeof words[0], PART = COUNT - 1 };
    HpDataset *dataset = ARENA_NEW(e->program->arena, HpDataset);
    Reader head = reader_new(e, block);
    dataset->name = reader_name(&head, "the name of the data set");
    if (!dataset->name || !reader_need_body(&head, "dataset cells { ... }"))
        return dataset;
    const Setting *seen[COUNT] = {NULL};
    bool unknown = false; /* a misspelt setting is not also reported as missing */
    for (size_t i = 0; i < block->body.count; i++) {
        const Setting *setting = block->body.items[i];
        if (!strcmp(setting->word, "part")) {
            seen[PART] = setting; /* any number of them: read below, when it is known what labels are */
            continue;
        }
        int found = find_setting(e, setting, "a data set", words, COUNT, seen);
        unknown = unknown || found < 0;
        if (found < 0)
            continue;
        Reader reader = reader_new(e, setting);
        readers[found](&reader, dataset);
    }
    read_parts(e, block, dataset);
    if (!unknown)
        report_missing(e, block->values.items[0]->span, dataset->name, words, examples, seen, COUNT);
    dataset->source = block_text(e->program->arena, block);
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
    Program *program = ARENA_NEW(arena, Program);
    *program = (Program){.arena = arena, .diagnostics = diagnostics, .front = ARENA_NEW(arena, Front)};
    HpDataset *dataset = dataset_build(elaborator_new(program, NULL, CONTEXT_CONSTANT), block);
    diagnostic_stop_if_errors(diagnostics);
    return dataset;
}

HpDataset *program_load_dataset(Arena *arena, Diagnostics *diagnostics, const char *path)
{
    return program_read_dataset(arena, diagnostics, source_read(arena, path));
}
