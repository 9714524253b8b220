/* The GPU of this machine, if there is one, and the architectures that kernels are compiled for. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include "../../runtime/device/cuda/architecture.h"
#include "../../runtime/device/cuda/nvrtc.h"
#include "../../runtime/device/cuda/products.h"
#include "../base/diagnostic.h"
#include "target.h"

static const char DEFAULT_ARCHITECTURE[] = "sm_90a";

/* "sm_90a" of the first GPU. */
static const char *architecture_of(Arena *arena, void *driver)
{
    enum { MAJOR = 75, MINOR = 76 }; /* CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_* */
    int (*attribute)(int *, int, int) = (int (*)(int *, int, int))dlsym(driver, "cuDeviceGetAttribute");
    int major = 0, minor = 0;
    if (!attribute || attribute(&major, MAJOR, 0) != 0 || attribute(&minor, MINOR, 0) != 0)
        return NULL;
    char name[16];
    hp_cuda_name_architecture(name, major, minor);
    return arena_string(arena, name);
}

const char *target_cuda_answers(Arena *arena, const char **why)
{
    void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!driver) {
        *why = "no NVIDIA driver: libcuda.so.1 was not found";
        return NULL;
    }
    int (*initialize)(unsigned) = (int (*)(unsigned))dlsym(driver, "cuInit");
    int (*count_devices)(int *) = (int (*)(int *))dlsym(driver, "cuDeviceGetCount");
    int count = 0;
    bool answers =
        initialize && count_devices && initialize(0) == 0 && count_devices(&count) == 0 && count > 0;
    const char *arch = answers ? architecture_of(arena, driver) : NULL;
    *why = arch ? "an NVIDIA GPU answers" : "libcuda.so.1 is there, but no GPU answers";
    dlclose(driver);
    return arch;
}

static void check_architecture(const char *name)
{
    if (hp_nvrtc_supports(name))
        return;
    static const char *const known[] = {"sm_75",  "sm_80",  "sm_86",   "sm_87",  "sm_88",  "sm_89", "sm_90",
                                        "sm_90a", "sm_100", "sm_100a", "sm_103", "sm_120", "sm_121"};
    const char *near = diagnostic_nearest(name, known, sizeof known / sizeof *known);
    if (near && hp_nvrtc_supports(near))
        fatal("--arch: NVRTC %s knows no GPU \"%s\"; did you mean \"%s\"?", hp_nvrtc_version(), name, near);
    fatal("--arch: NVRTC %s knows no GPU \"%s\"; names are sm_80 (A100), sm_89 (L40S, RTX 40), sm_90a (H100, "
          "H200), sm_100 (B200)",
          hp_nvrtc_version(), name);
}

ArchitectureList target_cuda_architectures(Arena *arena, const char *option, const char *here, bool compiles,
                                           const char **first)
{
    ArchitectureList list = {0};
    char *rest = arena_string(arena, option ? option : here ? here : DEFAULT_ARCHITECTURE);
    *first = arena_format(arena, "%.*s", (int)strcspn(rest, ","), rest);
    hp_cuda_set_architecture(*first);
    if (!option && !compiles)
        return list;
    if (hp_nvrtc_missing()) {
        if (option)
            fatal("--arch: kernels are compiled by NVRTC, and %s", hp_nvrtc_missing());
        fprintf(stderr, "hpacc: warning: the program will compile its kernels when it starts: %s\n",
                hp_nvrtc_missing());
        return list;
    }
    for (char *name; (name = strsep(&rest, ",")) != NULL;) {
        check_architecture(name);
        list_push(arena, &list, (const char *)name);
    }
    return list;
}
