/* The driver's functions by name, and what is said when one of them fails. */
#include <dlfcn.h>
#include <stdlib.h>
#include "../../base/base.h"
#include "driver.h"
#include "libraries.h"

HpDriver hp_driver;

static struct {
    const char *what, *name, *origin;
} activity;

static void *find_function(void *library, const char *symbol)
{
    void *function = dlsym(library, symbol);
    if (!function)
        hp_fail("the NVIDIA driver of this machine is too old: it has no %s; CUDA 11.8 or newer is needed "
                "(driver 520)",
                symbol);
    return function;
}

/* A driver without a GPU is common: containers and build machines. */
static void start(const char *source)
{
    CUresult result = hp_driver.Init(0);
    int count = 0;
    if (result == CUDA_SUCCESS)
        HP_CUDA(DeviceGetCount, &count);
    if (result == CUDA_ERROR_NO_DEVICE || (result == CUDA_SUCCESS && count == 0)) {
        const char *visible = getenv("CUDA_VISIBLE_DEVICES");
        hp_fail("this program was compiled for CUDA and the driver finds no GPU (CUDA_VISIBLE_DEVICES is "
                "%s%s%s); `hpacc %s --target cpu` makes a program for this machine",
                visible ? "\"" : "", visible ? visible : "not set", visible ? "\"" : "", source);
    }
    hp_driver_check(result, "cuInit");
}

void hp_driver_open(const char *source)
{
    static const char *const sonames[] = {"libcuda.so.1", NULL};
    char *searched;
    void *library = hp_cuda_library("the CUDA driver", sonames, &searched);
    if (!library)
        hp_fail("this program was compiled for CUDA and %s; it comes with NVIDIA's driver (package "
                "nvidia-driver or libcuda1), or is handed to a container by its --gpus option; `hpacc %s "
                "--target cpu` makes a program for this machine",
                searched, source);
#define FIND(name, symbol, parameters)                                                                       \
    hp_driver.name = (__typeof__(hp_driver.name))find_function(library, #symbol);
    HP_DRIVER_FUNCTIONS(FIND)
#undef FIND
    start(source);
}

void hp_driver_begins(const char *what, const char *name, const char *origin)
{
    activity.what = what;
    activity.name = name;
    activity.origin = origin;
}

void hp_driver_check(CUresult result, const char *function)
{
    if (result == CUDA_SUCCESS)
        return;
    const char *name = NULL, *text = NULL;
    hp_driver.GetErrorName(result, &name);
    hp_driver.GetErrorString(result, &text);
    char *during = !activity.what ? hp_string("")
                   : activity.origin
                       ? hp_format(" in %s %s (%s)", activity.what, activity.name, activity.origin)
                       : hp_format(" in %s %s", activity.what, activity.name);
    hp_fail("the GPU reports %s%s: %s (%s said so)", name ? name : hp_format("error %d", result), during,
            text ? text : "no description", function);
}
