/* Looks for a GPU without needing one: the driver's library is loaded only to ask. */
#include <dlfcn.h>
#include <stddef.h>
#include "target.h"

bool target_cuda_answers(const char **why)
{
    void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!driver) {
        *why = "no NVIDIA driver: libcuda.so.1 was not found";
        return false;
    }
    int (*initialize)(unsigned) = (int (*)(unsigned))dlsym(driver, "cuInit");
    int (*count_devices)(int *) = (int (*)(int *))dlsym(driver, "cuDeviceGetCount");
    int count = 0;
    bool answers =
        initialize && count_devices && initialize(0) == 0 && count_devices(&count) == 0 && count > 0;
    *why = answers ? "an NVIDIA GPU answers" : "libcuda.so.1 is there, but no GPU answers";
    dlclose(driver);
    return answers;
}
