/* Which image and which plane a file of a folder is, by the data set's file patterns. */
#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_DEPTH = 8 };

typedef struct Matcher { /* one pattern with one plane put in: text before and behind {id} */
    char *before, *behind;
    size_t before_length, behind_length;
    int pattern, plane;
} Matcher;

typedef struct Walk {
    HpFolder *folder;
    const HpDataset *dataset;
    int part;
    const char *root;
    Matcher *matchers;
    int matcher_count, files_per_image;
} Walk;

char *hp_join(const char *folder, const char *name)
{
    size_t length = strlen(folder);
    bool slash = length > 0 && *name && folder[length - 1] != '/';
    return hp_format("%s%s%s", folder, slash ? "/" : "", name);
}

static int count_of(const char *text, const char *part)
{
    int count = 0;
    for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
        count++;
    return count;
}

int hp_files_per_image(const HpDataset *dataset)
{
    int with_plane = 0;
    for (int i = 0; i < dataset->file_count; i++) {
        const char *pattern = dataset->files[i];
        int planes = count_of(pattern, "{plane}");
        if (count_of(pattern, "{id}") != 1 || planes > 1)
            hp_fail("data set '%s': the file pattern '%s' must have {id} once and {plane} at most once",
                    dataset->name, pattern);
        if (pattern[0] == '/' || strstr(pattern, ".."))
            hp_fail("data set '%s': the file pattern '%s' must stay below the part's folder", dataset->name,
                    pattern);
        with_plane += planes;
    }
    if (dataset->file_count == 0)
        hp_fail("data set '%s' has no file pattern, so no image can be found in a folder", dataset->name);
    if (with_plane != 0 && with_plane != dataset->file_count)
        hp_fail("data set '%s': either all of its file patterns have {plane}, or none", dataset->name);
    return with_plane ? dataset->plane_count : 1;
}

/* `text` with the first `name` replaced; freed by the caller. */
static char *replace(const char *text, const char *name, const char *value)
{
    const char *at = strstr(text, name);
    if (!at)
        return hp_string(text);
    return hp_format("%.*s%s%s", (int)(at - text), text, value, at + strlen(name));
}

char *hp_pattern_path(const char *pattern, const char *id, const char *plane)
{
    char *with_plane = replace(pattern, "{plane}", plane);
    char *path = replace(with_plane, "{id}", id);
    free(with_plane);
    return path;
}

static void make_matchers(Walk *walk)
{
    const HpDataset *dataset = walk->dataset;
    walk->files_per_image = hp_files_per_image(dataset);
    walk->matcher_count = dataset->file_count * walk->files_per_image;
    walk->matchers = hp_alloc((size_t)walk->matcher_count, sizeof *walk->matchers);
    for (int i = 0; i < walk->matcher_count; i++) {
        Matcher *matcher = &walk->matchers[i];
        matcher->pattern = i / walk->files_per_image;
        matcher->plane = i % walk->files_per_image;
        char *text = replace(dataset->files[matcher->pattern], "{plane}", dataset->planes[matcher->plane]);
        char *id = strstr(text, "{id}");
        matcher->before = strndup(text, (size_t)(id - text));
        matcher->behind = hp_string(id + strlen("{id}"));
        if (!matcher->before)
            hp_fail("out of memory");
        matcher->before_length = strlen(matcher->before);
        matcher->behind_length = strlen(matcher->behind);
        free(text);
    }
}

/* The matcher with most text of its own, the earlier pattern among equals; NULL: none. */
static const Matcher *find_matcher(const Walk *walk, const char *name, size_t length)
{
    const Matcher *best = NULL;
    for (int i = 0; i < walk->matcher_count; i++) {
        const Matcher *matcher = &walk->matchers[i];
        size_t own = matcher->before_length + matcher->behind_length;
        if (length <= own || memcmp(name, matcher->before, matcher->before_length) != 0 ||
            memcmp(name + length - matcher->behind_length, matcher->behind, matcher->behind_length) != 0)
            continue;
        if (!best || own > best->before_length + best->behind_length)
            best = matcher;
    }
    return best;
}

static HpFound *found_image(Walk *walk, char *id, const char *class_folder)
{
    HpFolder *folder = walk->folder;
    int64_t at = hp_names_find(folder->names, id);
    if (at >= 0)
        return &folder->images[at];
    folder->images = hp_grow(folder->images, folder->count, &folder->capacity, sizeof *folder->images);
    HpFound *image = &folder->images[folder->count];
    *image = (HpFound){.id = hp_pool_string(folder->pool, id, strlen(id)), .class_folder = class_folder};
    image->files = hp_pool_alloc(folder->pool, (size_t)walk->files_per_image, sizeof *image->files);
    image->patterns = hp_pool_alloc(folder->pool, (size_t)walk->files_per_image, sizeof *image->patterns);
    hp_names_add(folder->names, image->id, folder->count++);
    return image;
}

/* `relative` is the file's path below the part's folder. */
static void add_file(Walk *walk, const char *path, const char *relative)
{
    const char *rest = relative, *class_folder = NULL;
    if (walk->dataset->parts[walk->part].labels_from_folders) {
        const char *slash = strchr(relative, '/');
        rest = slash ? slash + 1 : relative;
        class_folder =
            slash ? hp_pool_string(walk->folder->pool, relative, (size_t)(slash - relative)) : NULL;
    }
    size_t length = strlen(rest);
    const Matcher *matcher = find_matcher(walk, rest, length);
    if (!matcher) {
        if (walk->folder->ignored++ == 0)
            walk->folder->ignored_name = hp_pool_string(walk->folder->pool, relative, strlen(relative));
        return;
    }
    size_t id_length = length - matcher->before_length - matcher->behind_length;
    char *id = hp_format("%.*s%.*s", (int)(rest - relative), relative, (int)id_length,
                         rest + matcher->before_length);
    HpFound *image = found_image(walk, id, class_folder);
    free(id);
    const char **file = &image->files[matcher->plane];
    if (*file && image->patterns[matcher->plane] <= matcher->pattern)
        return; /* the same plane in another format: the first pattern wins */
    *file = hp_pool_string(walk->folder->pool, path, strlen(path));
    image->patterns[matcher->plane] = matcher->pattern;
}

/* The root's own subfolders that belong to other parts are theirs. */
static bool is_other_part(const Walk *walk, const char *path)
{
    for (int i = 0; i < walk->dataset->part_count; i++) {
        if (i == walk->part || !*walk->dataset->parts[i].folder)
            continue;
        char *other = hp_join(walk->root, walk->dataset->parts[i].folder);
        bool same = strcmp(other, path) == 0;
        free(other);
        if (same)
            return true;
    }
    return false;
}

static bool is_folder(const struct dirent *entry, const char *path)
{
    struct stat status;
    if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK)
        return entry->d_type == DT_DIR;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static void walk_folder(Walk *walk, const char *path, const char *relative, int depth)
{
    DIR *stream = opendir(path);
    if (!stream)
        hp_fail("cannot read the folder '%s': %s", path, strerror(errno));
    struct dirent *entry;
    while (errno = 0, (entry = readdir(stream))) {
        if (entry->d_name[0] == '.')
            continue;
        char *below = hp_join(path, entry->d_name), *name = hp_join(relative, entry->d_name);
        if (!is_folder(entry, below))
            add_file(walk, below, name);
        else if (depth < MAX_DEPTH && !is_other_part(walk, below))
            walk_folder(walk, below, name, depth + 1);
        free(below);
        free(name);
    }
    if (errno)
        hp_fail("cannot read the folder '%s': %s", path, strerror(errno));
    closedir(stream);
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(((const HpFound *)a)->id, ((const HpFound *)b)->id);
}

void hp_folder_walk(HpFolder *folder, HpPool *pool, const char *root, const HpDataset *dataset, int part)
{
    Walk walk = {.folder = folder, .dataset = dataset, .part = part, .root = root};
    *folder = (HpFolder){.pool = pool, .names = hp_names_new()};
    make_matchers(&walk);
    char *path = hp_join(root, dataset->parts[part].folder);
    walk_folder(&walk, path, "", 0);
    free(path);
    if (folder->count > 0)
        qsort(folder->images, (size_t)folder->count, sizeof *folder->images, compare_ids);
    hp_names_free(folder->names);
    folder->names = hp_names_new();
    for (int64_t i = 0; i < folder->count; i++)
        hp_names_add(folder->names, folder->images[i].id, i);
    for (int i = 0; i < walk.matcher_count; i++) {
        free(walk.matchers[i].before);
        free(walk.matchers[i].behind);
    }
    free(walk.matchers);
}

void hp_folder_free(HpFolder *folder)
{
    free(folder->images);
    hp_names_free(folder->names);
}
