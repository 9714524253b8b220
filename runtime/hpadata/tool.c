#include "tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../compiler/front/program.h"

const HpDataset *tool_dataset(const char *path)
{
    static Arena *arena; /* lives until the program ends, as the data set in it */
    arena = arena_new();
    return program_load_dataset(arena, diagnostics_new(arena), path);
}

HpData *tool_open(int count, char **paths, int64_t pixels, const char *command)
{
    if (count < 1 || count > 2)
        hp_fail("expected a data file and a folder, or a pack, found %d names; try 'hpadata %s --help'",
                count, command);
    return hp_data_open(paths[count - 1], count == 2 ? tool_dataset(paths[0]) : NULL, pixels);
}

int64_t tool_number(const char *option, const char *text, int64_t low, int64_t high)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end || errno || value < low || value > high)
        hp_fail("--%s '%s': expected a whole number from %lld to %lld", option, text, (long long)low,
                (long long)high);
    return value;
}

int tool_threads(void)
{
    long threads = sysconf(_SC_NPROCESSORS_ONLN);
    return threads < 1 ? 1 : threads > 256 ? 256 : (int)threads;
}

const char *tool_shorten(const char *name, int width, char *out)
{
    snprintf(out, (size_t)width + 1, "%s", name);
    if (strlen(name) > (size_t)width)
        memcpy(out + width - 2, "..", 2);
    return out;
}
