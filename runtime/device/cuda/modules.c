/* Binaries are chosen by the rules of cubins: "sm_80" runs on 8.0 and later 8.x, "sm_90a" on 9.0 alone. */
#include <stdlib.h>
#include <string.h>
#include "../../base/base.h"
#include "architecture.h"
#include "cache.h"
#include "driver.h"
#include "modules.h"
#include "nvrtc.h"

static CUmodule module;

/* How well a binary fits this GPU: more for later minor versions, most for this architecture alone; -1: it
 * does not run. */
static int fitness(const char *arch, int major, int minor)
{
    int number, end = 0;
    if (sscanf(arch, "sm_%d%n", &number, &end) != 1 || number / 10 != major || number % 10 > minor)
        return -1;
    bool special = strcmp(arch + end, "a") == 0;
    if (special ? number % 10 != minor : arch[end] != '\0')
        return -1;
    return 2 * (number % 10) + special;
}

static const HpBinary *find_binary(const HpKernels *kernels, int major, int minor)
{
    const HpBinary *best = NULL;
    int best_fitness = -1;
    for (int i = 0; i < kernels->binary_count; i++) {
        int fits = fitness(kernels->binaries[i].arch, major, minor);
        if (fits > best_fitness) {
            best = &kernels->binaries[i];
            best_fitness = fits;
        }
    }
    return best;
}

static uint64_t cache_key(const char *source, const char *arch)
{
    int driver = 0;
    HP_CUDA(DriverGetVersion, &driver);
    char *identity = hp_nvrtc_identity(arch), *text = hp_format("%s, driver %d", identity, driver);
    uint64_t key = hp_hash(source, strlen(source), hp_hash(text, strlen(text), 0));
    free(identity);
    free(text);
    return key;
}

static void want_compiler(const HpModel *model, const char *arch)
{
    if (hp_nvrtc_missing())
        hp_fail("the kernels in this program are not for this GPU (%s), and to compile them anew NVRTC is "
                "needed: %s; it comes with the CUDA toolkit (package cuda-nvrtc-13-0) or with `pip install "
                "nvidia-cuda-nvrtc`; or compile %s with `--arch %s`",
                arch, hp_nvrtc_missing(), model->source, arch);
    if (!hp_nvrtc_supports(arch))
        hp_fail("NVRTC %s does not know this GPU (%s): a newer CUDA toolkit is needed", hp_nvrtc_version(),
                arch);
}

/* The kernels' source for this architecture: from the cache or compiled. To be freed. */
static void *compile(const HpModel *model, const char *arch)
{
    const char *source = model->kernels->source;
    want_compiler(model, arch);
    uint64_t key = cache_key(source, arch);
    void *binary;
    size_t bytes;
    if (hp_cache_read(key, &binary, &bytes))
        return binary;
    HpNvrtcResult result;
    if (!hp_nvrtc_compile(source, "kernels.cu", arch, &result))
        hp_fail("the CUDA kernels of %s do not compile for %s:\n%s", model->source, arch, result.log);
    hp_cache_write(key, result.binary, result.bytes);
    binary = result.binary;
    result.binary = NULL;
    hp_nvrtc_result_free(&result);
    return binary;
}

void hp_modules_load(const HpModel *model, int major, int minor)
{
    const HpBinary *binary = find_binary(model->kernels, major, minor);
    if (binary) {
        HP_CUDA(ModuleLoadData, &module, binary->data);
    } else {
        char arch[16];
        hp_cuda_name_architecture(arch, major, minor);
        void *compiled = compile(model, arch);
        HP_CUDA(ModuleLoadData, &module, compiled);
        free(compiled);
    }
    for (int i = 0; i < model->kernels->kernel_count; i++) {
        HpKernel *kernel = model->kernels->kernels[i];
        CUfunction function;
        hp_driver_begins("the search for kernel", kernel->name, kernel->origin);
        HP_CUDA(ModuleGetFunction, &function, module, kernel->name);
        kernel->handle = function;
    }
    hp_driver_begins(NULL, NULL, NULL);
}

void hp_modules_unload(void)
{
    if (module)
        HP_CUDA(ModuleUnload, module);
    module = NULL;
}
