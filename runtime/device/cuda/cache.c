/* One file an entry, "<key>.cubin": a checksum and the bytes. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../../base/base.h"
#include "cache.h"

enum { CHECKSUM = sizeof(uint64_t), MAX_ENTRY = 1 << 30 };

/* NULL: the user has no folder for it. */
static char *cache_root(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && *cache == '/') /* others are to be ignored, says the XDG specification */
        return hp_string(cache);
    return home && *home ? hp_format("%s/.cache", home) : NULL;
}

static char *entry_path(const char *root, uint64_t key)
{
    return hp_format("%s/hpanet/%016" PRIx64 ".cubin", root, key);
}

/* The file's bytes, or NULL. */
static char *read_entry(const char *path, size_t *bytes)
{
    struct stat status;
    FILE *file = fopen(path, "rbe");
    char *data = NULL;
    if (file && fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= MAX_ENTRY) {
        *bytes = (size_t)status.st_size;
        data = hp_alloc(*bytes + 1, 1);
        if (fread(data, 1, *bytes, file) != *bytes) {
            free(data);
            data = NULL;
        }
    }
    if (file)
        fclose(file);
    return data;
}

bool hp_cache_read(uint64_t key, void **data, size_t *bytes)
{
    char *root = cache_root(), *path = root ? entry_path(root, key) : NULL;
    size_t size = 0;
    char *entry = path ? read_entry(path, &size) : NULL;
    bool whole = false;
    if (entry && size > CHECKSUM) {
        uint64_t checksum = hp_hash(entry + CHECKSUM, size - CHECKSUM, key);
        whole = memcmp(entry, &checksum, CHECKSUM) == 0;
    }
    if (whole) {
        *bytes = size - CHECKSUM;
        memmove(entry, entry + CHECKSUM, *bytes);
        *data = entry;
    } else {
        free(entry);
    }
    free(path);
    free(root);
    return whole;
}

void hp_cache_write(uint64_t key, const void *data, size_t bytes)
{
    char *root = cache_root();
    if (!root)
        return;
    char *folder = hp_format("%s/hpanet", root), *path = entry_path(root, key);
    char *entry = hp_alloc(CHECKSUM + bytes, 1);
    uint64_t checksum = hp_hash(data, bytes, key);
    memcpy(entry, &checksum, CHECKSUM);
    memcpy(entry + CHECKSUM, data, bytes);
    /* Where they are already, or cannot be made, the write says so. */
    (void)mkdir(root, 0700);
    (void)mkdir(folder, 0777);
    (void)hp_write_file(path, entry, CHECKSUM + bytes);
    free(entry);
    free(path);
    free(folder);
    free(root);
}
