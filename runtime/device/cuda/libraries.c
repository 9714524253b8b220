/* The loader's own search, then the usual folders of the toolkit. */
#include "libraries.h"
#include <dlfcn.h>
#include <stdlib.h>
#include "../../base/base.h"

static const char *const folders[] = {"", "/usr/local/cuda/lib64/", "/usr/lib/x86_64-linux-gnu/"};

void *hp_cuda_library(const char *title, const char *const *sonames, char **searched)
{
    char *text = hp_format("%s was not found:", title);
    for (int i = 0; sonames[i]; i++)
        for (size_t j = 0; j < sizeof folders / sizeof *folders; j++) {
            char *path = hp_format("%s%s", folders[j], sonames[i]);
            void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
            free(path);
            if (handle) {
                free(text);
                return handle;
            }
            char *longer = hp_format("%s\n  %s", text, dlerror());
            free(text);
            text = longer;
        }
    *searched = text;
    return NULL;
}
