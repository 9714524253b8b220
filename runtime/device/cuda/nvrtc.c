/* NVRTC's functions by name, and what its assembler says of each kernel. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../base/base.h"
#include "libraries.h"
#include "nvrtc.h"

typedef struct _nvrtcProgram *Program;

#define NVRTC_FUNCTIONS(X)                                                                                   \
    X(Version, (int *major, int *minor))                                                                     \
    X(GetNumSupportedArchs, (int *count))                                                                    \
    X(GetSupportedArchs, (int *archs))                                                                       \
    X(CreateProgram, (Program * program, const char *source, const char *name, int header_count,             \
                      const char *const *headers, const char *const *header_names))                          \
    X(DestroyProgram, (Program * program))                                                                   \
    X(CompileProgram, (Program program, int count, const char *const *options))                              \
    X(GetProgramLogSize, (Program program, size_t * bytes))                                                  \
    X(GetProgramLog, (Program program, char *log))                                                           \
    X(GetCUBINSize, (Program program, size_t * bytes))                                                       \
    X(GetCUBIN, (Program program, char *binary))

enum { NVRTC_SUCCESS = 0, NVRTC_ERROR_COMPILATION = 6 };

static struct {
#define MEMBER(name, parameters) int(*name) parameters;
    NVRTC_FUNCTIONS(MEMBER)
#undef MEMBER
    const char *(*GetErrorString)(int result);
    bool tried;
    char *missing;
    char version[32];
} nvrtc;

static void *find_function(void *library, const char *symbol)
{
    void *function = dlsym(library, symbol);
    if (!function)
        hp_fail("NVRTC has no function %s: CUDA 11.8 or newer is needed", symbol);
    return function;
}

static void check(int result, const char *function)
{
    if (result != NVRTC_SUCCESS)
        hp_fail("NVRTC cannot go on: %s in %s", nvrtc.GetErrorString(result), function);
}
#define NVRTC(name, ...) check(nvrtc.name(__VA_ARGS__), "nvrtc" #name)

const char *hp_nvrtc_missing(void)
{
    static const char *const sonames[] = {"libnvrtc.so.13", "libnvrtc.so.12", NULL};
    if (nvrtc.tried)
        return nvrtc.missing;
    nvrtc.tried = true;
    void *library = hp_cuda_library("NVRTC", sonames, &nvrtc.missing);
    if (!library)
        return nvrtc.missing;
#define FIND(name, parameters) nvrtc.name = (__typeof__(nvrtc.name))find_function(library, "nvrtc" #name);
    NVRTC_FUNCTIONS(FIND)
#undef FIND
    nvrtc.GetErrorString = (__typeof__(nvrtc.GetErrorString))find_function(library, "nvrtcGetErrorString");
    int major, minor;
    NVRTC(Version, &major, &minor);
    snprintf(nvrtc.version, sizeof nvrtc.version, "%d.%d", major, minor);
    return NULL;
}

static void want_nvrtc(void)
{
    if (hp_nvrtc_missing())
        hp_bug("NVRTC was asked though it is not here: %s", hp_nvrtc_missing());
}

const char *hp_nvrtc_version(void)
{
    want_nvrtc();
    return nvrtc.version;
}

bool hp_nvrtc_supports(const char *arch)
{
    int number, end = 0, count;
    want_nvrtc();
    if (sscanf(arch, "sm_%d%n", &number, &end) != 1)
        return false;
    bool special = strcmp(arch + end, "a") == 0; /* instructions of this architecture alone */
    if ((!special && arch[end]) || (special && number < 90))
        return false;
    NVRTC(GetNumSupportedArchs, &count);
    int *archs = hp_alloc((size_t)count, sizeof *archs);
    NVRTC(GetSupportedArchs, archs);
    bool found = false;
    for (int i = 0; i < count; i++)
        found = found || archs[i] == number;
    free(archs);
    return found;
}

/* ---------------------------------------------------------------- what the assembler says */

/* Lines such as
 *   ptxas info    : Compiling entry function 'relu' for 'sm_90a'
 *   ptxas         .     0 bytes stack frame, 8 bytes spill stores, 8 bytes spill loads
 *   ptxas info    : Used 10 registers, used 0 barriers */
static void read_line(HpNvrtcResult *result, const char *line)
{
    const char *entry = strstr(line, "Compiling entry function '"),
               *frame = strstr(line, " bytes stack frame, ");
    const char *used = strstr(line, ": Used ");
    HpNvrtcKernel *last = result->kernel_count ? &result->kernels[result->kernel_count - 1] : NULL;
    int stores, loads;
    if (entry) {
        const char *name = strchr(entry, '\'') + 1;
        result->kernels =
            hp_realloc(result->kernels, (size_t)result->kernel_count + 1, sizeof *result->kernels);
        result->kernels[result->kernel_count++] =
            (HpNvrtcKernel){.name = hp_format("%.*s", (int)strcspn(name, "'"), name)};
    } else if (last && frame) {
        if (sscanf(frame, " bytes stack frame, %d bytes spill stores, %d bytes spill loads", &stores,
                   &loads) == 2)
            last->spill_bytes = stores + loads;
    } else if (last && used) {
        sscanf(used, ": Used %d registers", &last->registers);
    }
}

/* What --ptxas-options=-v adds; a line that is none of these may be a warning. */
static bool is_statistic(const char *line)
{
    static const char *const words[] = {"Compiling entry function '",
                                        "Function properties for ",
                                        " bytes stack frame, ",
                                        ": Used ",
                                        " bytes gmem",
                                        ": Compile time = "};
    bool known = !*line;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        known = known || (strncmp(line, "ptxas ", 6) == 0 && strstr(line, words[i]));
    return known;
}

/* Takes the statistics out of the log. */
static void read_log(HpNvrtcResult *result)
{
    char *rest = result->log, *line, *messages = hp_string("");
    while ((line = strsep(&rest, "\n"))) {
        read_line(result, line);
        if (is_statistic(line))
            continue;
        char *longer = hp_format("%s%s\n", messages, line);
        free(messages);
        messages = longer;
    }
    free(result->log);
    result->log = messages;
}

/* ---------------------------------------------------------------- compiling */

static const char *const fixed_options[] = {"--ptxas-options=-v"};
enum { FIXED_OPTIONS = sizeof fixed_options / sizeof *fixed_options };

char *hp_nvrtc_identity(const char *arch)
{
    char *text = hp_format("NVRTC %s %s", hp_nvrtc_version(), arch);
    for (int i = 0; i < FIXED_OPTIONS; i++) {
        char *longer = hp_format("%s %s", text, fixed_options[i]);
        free(text);
        text = longer;
    }
    return text;
}

static void take_log(Program program, HpNvrtcResult *result)
{
    size_t bytes;
    NVRTC(GetProgramLogSize, program, &bytes);
    result->log = hp_alloc(bytes + 1, 1);
    NVRTC(GetProgramLog, program, result->log);
}

bool hp_nvrtc_compile(const char *source, const char *name, const char *arch, HpNvrtcResult *result)
{
    *result = (HpNvrtcResult){0};
    want_nvrtc();
    Program program;
    NVRTC(CreateProgram, &program, source, name, 0, NULL, NULL);
    char *architecture = hp_format("--gpu-architecture=%s", arch);
    const char *options[FIXED_OPTIONS + 1] = {architecture};
    memcpy(options + 1, fixed_options, sizeof fixed_options);
    int status = nvrtc.CompileProgram(program, FIXED_OPTIONS + 1, options);
    free(architecture);
    take_log(program, result);
    if (status == NVRTC_SUCCESS) {
        NVRTC(GetCUBINSize, program, &result->bytes);
        result->binary = hp_alloc(result->bytes, 1);
        NVRTC(GetCUBIN, program, result->binary);
        read_log(result);
    } else if (status != NVRTC_ERROR_COMPILATION && !*result->log) {
        free(result->log);
        result->log = hp_format("NVRTC %s for %s: %s", nvrtc.version, arch, nvrtc.GetErrorString(status));
    }
    NVRTC(DestroyProgram, &program);
    return status == NVRTC_SUCCESS;
}

void hp_nvrtc_result_free(HpNvrtcResult *result)
{
    for (int i = 0; i < result->kernel_count; i++)
        free(result->kernels[i].name);
    free(result->kernels);
    free(result->binary);
    free(result->log);
    *result = (HpNvrtcResult){0};
}
