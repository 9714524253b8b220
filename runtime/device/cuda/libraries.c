/* The search for a library, one place after the other. Python is never run: its packages lie where glob finds
 * them. */
#include <dlfcn.h>
#include <glob.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../../base/base.h"
#include "libraries.h"

typedef struct Search {
    const char *const *sonames;
    void *handle;
    char *places;  /* "a, b, c" */
    char *refused; /* what the loader said of a file that is there; NULL: none was */
} Search;

static void add_text(char **list, const char *separator, const char *text)
{
    char *longer = *list ? hp_format("%s%s%s", *list, separator, text) : hp_string(text);
    free(*list);
    *list = longer;
}

static void try_file(Search *search, const char *path)
{
    search->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (search->handle || access(path, F_OK) != 0)
        return;
    const char *why = dlerror();
    add_text(&search->refused, "; ", why ? why : path);
}

static void try_folder(Search *search, const char *folder)
{
    for (int i = 0; search->sonames[i] && !search->handle; i++) {
        char *path = hp_format("%s/%s", folder, search->sonames[i]);
        try_file(search, path);
        free(path);
    }
}

static void try_pattern(Search *search, const char *pattern)
{
    glob_t found;
    if (search->handle)
        return;
    add_text(&search->places, ", ", pattern);
    if (glob(pattern, 0, NULL, &found) != 0)
        return;
    for (size_t i = found.gl_pathc; i-- > 0 && !search->handle;) /* the highest version first */
        try_folder(search, found.gl_pathv[i]);
    globfree(&found);
}

static void try_named_folders(Search *search)
{
    const char *named = getenv("HPANET_CUDA_LIBRARIES");
    if (!named || !*named) {
        add_text(&search->places, ", ", "HPANET_CUDA_LIBRARIES (not set)");
        return;
    }
    char *folders = hp_string(named), *rest = folders, *folder;
    while ((folder = strsep(&rest, ":")) && !search->handle)
        if (*folder) {
            add_text(&search->places, ", ", folder);
            try_folder(search, folder);
        }
    free(folders);
}

static void try_system(Search *search)
{
    if (search->handle)
        return;
    add_text(&search->places, ", ", "the system's libraries");
    for (int i = 0; search->sonames[i] && !search->handle; i++)
        search->handle = dlopen(search->sonames[i], RTLD_NOW | RTLD_LOCAL);
}

/* nvidia/cudnn/lib, nvidia/cu13/lib and the like below one Python. */
static void try_python(Search *search, const char *root)
{
    char *pattern = hp_format("%s/lib/python3*/*-packages/nvidia/*/lib", root);
    try_pattern(search, pattern);
    free(pattern);
}

/* The folder above that of `file`. */
static char *root_of(const char *file)
{
    char *root = hp_string(file);
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(root, '/');
        if (slash)
            *slash = '\0';
    }
    return root;
}

/* The python3 that a shell would start: as it is called, for a virtual environment, and where it really is.
 */
static void try_python_of_path(Search *search)
{
    const char *path = getenv("PATH");
    char *folders = hp_string(path ? path : ""), *rest = folders, *folder, *file = NULL;
    while (!file && (folder = strsep(&rest, ":"))) {
        file = hp_format("%s/python3", folder);
        if (*folder != '/' || access(file, X_OK) != 0) {
            free(file);
            file = NULL;
        }
    }
    free(folders);
    if (!file)
        return;
    char *root = root_of(file), *real = realpath(file, NULL);
    char *real_root = real ? root_of(real) : NULL;
    try_python(search, root);
    if (real_root && strcmp(root, real_root) != 0)
        try_python(search, real_root);
    free(real_root);
    free(real);
    free(root);
    free(file);
}

void *hp_cuda_library(const char *title, const char *const *sonames, char **searched)
{
    Search search = {.sonames = sonames};
    const char *environment = getenv("VIRTUAL_ENV"), *home = getenv("HOME");
    *searched = NULL;
    try_named_folders(&search);
    try_system(&search);
    try_pattern(&search, "/usr/local/cuda*/lib64");
    try_pattern(&search, "/usr/lib/x86_64-linux-gnu");
    if (environment && *environment)
        try_python(&search, environment);
    try_python_of_path(&search);
    try_python(&search, "/usr/local");
    if (home && *home) {
        char *local = hp_format("%s/.local", home);
        try_python(&search, local);
        free(local);
    }
    if (!search.handle) {
        char *names = NULL;
        for (int i = 0; sonames[i]; i++)
            add_text(&names, " or ", sonames[i]);
        *searched = hp_format("%s (%s) was not found in %s%s%s", title, names, search.places,
                              search.refused ? "; " : "", search.refused ? search.refused : "");
        free(names);
    }
    free(search.places);
    free(search.refused);
    return search.handle;
}
