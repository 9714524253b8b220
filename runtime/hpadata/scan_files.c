/* The files of a folder: which hold images, how planes are told apart, and what the parts are. */
#include "scan.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { MAX_DEPTH = 4 };

const char *scan_keep(Scan *scan, const char *text)
{
    return hp_pool_string(scan->pool, text, strlen(text));
}

const char *scan_last_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool scan_is_identifier(const char *text)
{
    if (!isalpha((unsigned char)*text) && *text != '_')
        return false;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && *text != '_')
            return false;
    return true;
}

const char *scan_identifier(Scan *scan, const char *text)
{
    char *name = hp_format("%s%s", isalpha((unsigned char)*text) ? "" : "set_", text);
    for (char *at = name; *at; at++)
        if (!isalnum((unsigned char)*at))
            *at = '_';
    const char *kept = scan_keep(scan, name);
    free(name);
    return kept;
}

/* ---------------------------------------------------------------- walking */

static bool ends_with(const char *name, const char *ending)
{
    size_t length = strlen(name), own = strlen(ending);
    return length > own && strcasecmp(name + length - own, ending) == 0;
}

static void add_file(Scan *scan, const char *folder, const char *name)
{
    static const char *const others[] = {".tif", ".tiff", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"};
    if (ends_with(name, ".png")) {
        if (scan->folder_count == 0 || scan->folders[scan->folder_count - 1].path != folder) {
            scan->folders =
                hp_grow(scan->folders, scan->folder_count, &scan->folder_capacity, sizeof *scan->folders);
            scan->folders[scan->folder_count++] = (ScanFolder){folder, 0};
        }
        scan->folders[scan->folder_count - 1].files++;
        scan->files = hp_grow(scan->files, scan->file_count, &scan->file_capacity, sizeof *scan->files);
        scan->files[scan->file_count++] = (ScanFile){folder, scan_keep(scan, name)};
    } else if (ends_with(name, ".csv")) {
        char *path = hp_join(folder, name);
        scan->tables = hp_grow(scan->tables, scan->table_count, &scan->table_capacity, sizeof *scan->tables);
        scan->tables[scan->table_count++] = scan_keep(scan, path);
        free(path);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (ends_with(name, others[i]) && scan->other_count++ == 0)
            scan->other_name = scan_keep(scan, name);
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Files before folders, each in order of names, so that what is found does not depend on the file system. */
static void walk(Scan *scan, const char *folder, int depth)
{
    struct dirent **entries;
    char *path = hp_join(scan->root, folder);
    int count = scandir(path, &entries, visible, alphasort);
    if (count < 0)
        hp_fail("cannot read the folder '%s': %s", path, strerror(errno));
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < count; i++) {
            struct stat status;
            char *below = hp_join(path, entries[i]->d_name);
            bool is_folder = stat(below, &status) == 0 && S_ISDIR(status.st_mode);
            free(below);
            if (pass == 0 && !is_folder)
                add_file(scan, folder, entries[i]->d_name);
            if (pass == 1 && is_folder && depth < MAX_DEPTH) {
                char *relative = hp_join(folder, entries[i]->d_name);
                walk(scan, scan_keep(scan, relative), depth + 1);
                free(relative);
            }
        }
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    free(path);
}

/* ---------------------------------------------------------------- planes */

static char *stem_of(const ScanFile *file)
{
    char *stem = hp_string(file->name);
    stem[strlen(stem) - strlen(".png")] = '\0';
    return stem;
}

/* Cuts the stem at the last separator; NULL: it has none. */
static char *cut_plane(char *stem, char separator)
{
    char *at = strrchr(stem, separator);
    if (!at || at == stem || !at[1])
        return NULL;
    *at = '\0';
    return at + 1;
}

typedef struct Suffixes {
    int count;
    const char *names[SCAN_MAX_PLANES];
    int64_t files[SCAN_MAX_PLANES];
    int64_t images;
} Suffixes;

static bool count_suffix(Scan *scan, Suffixes *suffixes, const char *suffix)
{
    int i = 0;
    while (i < suffixes->count && strcmp(suffixes->names[i], suffix) != 0)
        i++;
    if (i == SCAN_MAX_PLANES || !scan_is_identifier(suffix))
        return false;
    if (i == suffixes->count) {
        suffixes->names[i] = scan_keep(scan, suffix);
        suffixes->files[i] = 0;
        suffixes->count++;
    }
    suffixes->files[i]++;
    return true;
}

/* True when nearly every image has a file for each of the same few suffixes. */
static bool try_separator(Scan *scan, char separator, Suffixes *suffixes)
{
    HpNames *images = hp_names_new();
    bool good = true;
    *suffixes = (Suffixes){0};
    for (int64_t i = 0; i < scan->file_count && good; i++) {
        char *stem = stem_of(&scan->files[i]), *suffix = cut_plane(stem, separator);
        good = suffix && count_suffix(scan, suffixes, suffix);
        if (good) {
            char *image = hp_join(scan->files[i].folder, stem);
            if (hp_names_find(images, image) < 0)
                hp_names_add(images, scan_keep(scan, image), suffixes->images++);
            free(image);
        }
        free(stem);
    }
    hp_names_free(images);
    for (int i = 0; i < suffixes->count && good; i++)
        good = 10 * suffixes->files[i] >= 9 * suffixes->images;
    return good && suffixes->count >= 2;
}

static int plane_rank(const char *name)
{
    static const char *const known[] = {"red", "green", "blue", "yellow"};
    int rank = 0;
    while (rank < 4 && strcasecmp(name, known[rank]) != 0)
        rank++;
    return rank;
}

static int compare_planes(const void *left, const void *right)
{
    const char *const *a = left, *const *b = right;
    int difference = plane_rank(*a) - plane_rank(*b);
    return difference ? difference : strcmp(*a, *b);
}

static void guess_planes(Scan *scan)
{
    static const char separators[] = "_-.";
    static const char *const channel_names[][4] = {
        {"grey"}, {"grey", "alpha"}, {"red", "green", "blue"}, {"red", "green", "blue", "alpha"}};
    Suffixes suffixes;
    for (const char *separator = separators; *separator; separator++)
        if (scan->channels == 1 && try_separator(scan, *separator, &suffixes)) {
            scan->plane_files = true;
            scan->separator = *separator;
            scan->plane_count = suffixes.count;
            memcpy(scan->planes, suffixes.names, sizeof suffixes.names);
            qsort(scan->planes, (size_t)scan->plane_count, sizeof *scan->planes, compare_planes);
            return;
        }
    scan->plane_count = scan->channels;
    memcpy(scan->planes, channel_names[scan->channels - 1], sizeof *channel_names);
}

/* Reads the headers of files spread evenly over all. */
static void look_at_samples(Scan *scan)
{
    HpImage image = {0};
    int64_t step = scan->file_count / SCAN_SAMPLES + 1;
    for (int64_t i = 0; i < scan->file_count; i += step) {
        char *below = hp_join(scan->files[i].folder, scan->files[i].name), *path = hp_join(scan->root, below);
        char *failure = hp_png_read(path, true, &image);
        free(path);
        if (failure) {
            hp_warn("%s", failure);
            free(failure);
            free(below);
            continue;
        }
        int64_t side = image.width > image.height ? image.width : image.height;
        if (scan->samples++ == 0) {
            scan->bits = image.bits;
            scan->channels = image.channels;
            scan->smallest = scan->largest = side;
        }
        if (!scan->odd_file && (image.bits != scan->bits || image.channels != scan->channels))
            scan->odd_file = scan_keep(scan, below);
        scan->smallest = side < scan->smallest ? side : scan->smallest;
        scan->largest = side > scan->largest ? side : scan->largest;
        free(below);
    }
    hp_image_free(&image);
    if (scan->samples == 0)
        hp_fail("%s: none of the images looked at can be read", scan->root);
}

/* ---------------------------------------------------------------- parts */

static bool is_part_word(const char *name)
{
    static const char *const words[] = {"train",  "training",   "test",     "testing", "val",
                                        "valid",  "validation", "dev",      "eval",    "image",
                                        "images", "data",       "external", "holdout"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(name, words[i]) == 0)
            return true;
    return false;
}

static char *parent_of(const char *path)
{
    char *parent = hp_string(path), *slash = strrchr(parent, '/');
    *(slash ? slash : parent) = '\0';
    return parent;
}

/* A folder whose siblings hold images too and whose name is no part's: its name is a class. */
static bool is_class_folder(const Scan *scan, const char *path)
{
    char *parent = parent_of(path);
    int siblings = 0;
    for (int64_t i = 0; i < scan->folder_count; i++) {
        char *other = parent_of(scan->folders[i].path);
        siblings += *scan->folders[i].path && strcmp(parent, other) == 0;
        free(other);
    }
    free(parent);
    return *path && siblings >= 2 && !is_part_word(scan_last_name(path));
}

static ScanPart *find_part(Scan *scan, const char *folder, bool class_folders)
{
    for (int i = 0; i < scan->part_count; i++)
        if (strcmp(scan->parts[i].folder, folder) == 0)
            return &scan->parts[i];
    if (scan->part_count == SCAN_MAX_PARTS) {
        scan->left_out = scan_keep(scan, folder);
        return NULL;
    }
    ScanPart *part = &scan->parts[scan->part_count++];
    *part = (ScanPart){.name = *folder ? scan_identifier(scan, scan_last_name(folder)) : "train",
                       .folder = scan_keep(scan, folder),
                       .class_folders = class_folders,
                       .ids = hp_names_new()};
    return part;
}

static void add_id(Scan *scan, ScanPart *part, const ScanFile *file)
{
    char *stem = stem_of(file);
    if (scan->plane_files)
        cut_plane(stem, scan->separator);
    char *id = hp_join(part->class_folders ? scan_last_name(file->folder) : "", stem);
    if (hp_names_find(part->ids, id) < 0)
        hp_names_add(part->ids, scan_keep(scan, id), part->id_count++);
    free(id);
    free(stem);
}

static void guess_parts(Scan *scan)
{
    const char *folder = NULL;
    ScanPart *part = NULL;
    for (int64_t i = 0; i < scan->file_count; i++) {
        if (scan->files[i].folder != folder) {
            folder = scan->files[i].folder;
            bool class_folder = is_class_folder(scan, folder);
            char *of_part = class_folder ? parent_of(folder) : hp_string(folder);
            part = find_part(scan, of_part, class_folder);
            free(of_part);
        }
        if (part)
            add_id(scan, part, &scan->files[i]);
    }
}

static int compare_parts(const void *left, const void *right)
{
    const ScanPart *a = left, *b = right;
    bool a_labelled = a->table.path || a->class_folders, b_labelled = b->table.path || b->class_folders;
    bool a_test = !strncasecmp(a->name, "test", 4), b_test = !strncasecmp(b->name, "test", 4);
    int difference = (a_test - b_test) * 2 + (b_labelled - a_labelled);
    return difference ? difference : strcmp(a->name, b->name);
}

void scan_order_parts(Scan *scan)
{
    qsort(scan->parts, (size_t)scan->part_count, sizeof *scan->parts, compare_parts);
}

void scan_files(Scan *scan)
{
    walk(scan, scan_keep(scan, ""), 0);
    if (scan->file_count == 0)
        hp_fail("%s: no PNG image is there%s%s%s", scan->root, scan->other_count ? "; there is '" : "",
                scan->other_count ? scan->other_name : "",
                scan->other_count ? "', but only PNG is read: convert the images" : "");
    look_at_samples(scan);
    guess_planes(scan);
    guess_parts(scan);
}
