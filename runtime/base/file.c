/* Whole files, read and written so that a full disk or a crash loses nothing that was there. */
#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *hp_read_file(const char *path, size_t *length)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0)
        hp_fail("cannot read '%s': %s", path, strerror(errno));
    if (S_ISDIR(status.st_mode))
        hp_fail("cannot read '%s': it is a folder, and a file was expected", path);
    size_t capacity = (size_t)status.st_size + 2, used = 0;
    char *data = hp_alloc(capacity, 1);
    for (;;) {
        ssize_t got = read(file, data + used, capacity - used - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            hp_fail("cannot read '%s': %s", path, strerror(errno));
        if (got == 0)
            break;
        used += (size_t)got;
        if (used + 1 == capacity) { /* grew while it was read, or has no size (a pipe) */
            data = hp_realloc(data, capacity, 2);
            capacity *= 2;
        }
    }
    close(file);
    data[used] = '\0';
    if (length)
        *length = used;
    return data;
}

static bool write_all(int file, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t written = write(file, data, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        data += written;
        length -= (size_t)written;
    }
    return true;
}

/* The folder's own entry, so that a rename survives a power cut. Some file systems cannot sync a folder:
 * fine. */
static bool sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == path ? hp_string("/")
                   : slash       ? strndup(path, (size_t)(slash - path))
                                 : hp_string(".");
    if (!folder)
        return false;
    int handle = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (handle < 0)
        return false;
    bool done = fsync(handle) == 0 || errno == EINVAL || errno == ENOTSUP;
    int saved = errno;
    close(handle);
    errno = saved;
    return done;
}

bool hp_sync_rename(int file, const char *from, const char *to)
{
    return fsync(file) == 0 && rename(from, to) == 0 && sync_folder_of(to);
}

/* A device or a pipe ("-o /dev/stdout") is written to, not replaced. */
static bool write_special(const char *path, const void *data, size_t length)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    bool done = write_all(file, data, length);
    int saved = errno;
    close(file);
    errno = saved;
    return done;
}

bool hp_write_file(const char *path, const void *data, size_t length)
{
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
        return write_special(path, data, length);
    char *temporary = hp_format("%s.%ld.tmp", path, (long)getpid());
    int file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0) {
        int saved = errno;
        free(temporary);
        errno = saved;
        return false;
    }
    bool done = write_all(file, data, length) && hp_sync_rename(file, temporary, path);
    int saved = errno;
    close(file);
    if (!done)
        unlink(temporary);
    free(temporary);
    errno = saved;
    return done;
}

void hp_make_folder(const char *path)
{
    char *partial = hp_string(path);
    for (char *end = partial;; end++) {
        if (*end != '/' && *end != '\0')
            continue;
        char kept = *end;
        *end = '\0';
        if (*partial && mkdir(partial, 0777) != 0 && errno != EEXIST)
            hp_fail("cannot make the folder '%s': %s", partial, strerror(errno));
        *end = kept;
        if (kept == '\0')
            break;
    }
    free(partial);
    struct stat status;
    if (*path && (stat(path, &status) != 0 || !S_ISDIR(status.st_mode)))
        hp_fail("cannot make the folder '%s': a file of that name is in the way", path);
}
