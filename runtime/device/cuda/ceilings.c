/* What GPUs reach at best: large matrix products on random numbers, and large copies. */
#include <string.h>
#include "internal.h"

typedef enum Arithmetic { SINGLE, TF32, HALF, ARITHMETIC_COUNT } Arithmetic;

/* Known by a part of their names; those of the B200 follow from its datasheet as the H200's do. */
typedef struct Known {
    const char *name;
    double flops[ARITHMETIC_COUNT], bandwidth;
} Known;

static const Known known[] = {
    {"H200", {52e12, 395e12, 790e12}, 4.3e12},
    {"H100 80GB HBM3", {52e12, 395e12, 790e12}, 3.0e12},
    {"A100-SXM4-80GB", {17e12, 125e12, 250e12}, 1.75e12},
    {"B200", {62e12, 875e12, 1750e12}, 7.0e12},
};

/* Of all others: multiplications and additions a clock and multiprocessor, 16-bit ones with sums in float. */
typedef struct Generation {
    int major, minor;
    double flops[ARITHMETIC_COUNT];
} Generation;

static const Generation generations[] = {
    {7, 0, {128, 128, 1024}}, {7, 5, {128, 128, 1024}},  {8, 0, {128, 1024, 2048}},  {8, 6, {256, 256, 512}},
    {8, 9, {256, 256, 512}},  {9, 0, {256, 2048, 4096}}, {10, 0, {256, 4096, 8192}}, {12, 0, {256, 256, 512}},
};

static const double REACHED = 0.9; /* of the peak */

/* The fastest that a product of the model has. */
static Arithmetic arithmetic_of(const HpModel *model)
{
    Arithmetic fastest = SINGLE;
    for (int i = 0; i < model->library_count; i++) {
        const HpLibraryCall *call = model->library[i];
        Arithmetic arithmetic = call->type_a != HP_F32 ? HALF : call->tf32 ? TF32 : SINGLE;
        fastest = arithmetic > fastest ? arithmetic : fastest;
    }
    return fastest;
}

static double attribute(CUdevice gpu, int which)
{
    int value;
    HP_CUDA(DeviceGetAttribute, &value, which, gpu);
    return value;
}

static double peak_flops(CUdevice gpu, Arithmetic arithmetic)
{
    double major = attribute(gpu, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
    double minor = attribute(gpu, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
    double clocks = 1e3 * attribute(gpu, CU_DEVICE_ATTRIBUTE_CLOCK_RATE); /* kHz */
    for (size_t i = 0; i < sizeof generations / sizeof *generations; i++)
        if (generations[i].major == major && generations[i].minor == minor)
            return generations[i].flops[arithmetic] * clocks *
                   attribute(gpu, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
    return 0;
}

/* Two transfers a clock. */
static double peak_bandwidth(CUdevice gpu)
{
    return 2 * 1e3 * attribute(gpu, CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE) *
           attribute(gpu, CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH) / 8;
}

void hp_cuda_ceilings(const HpModel *model, CUdevice gpu, HpMachine *machine)
{
    Arithmetic arithmetic = arithmetic_of(model);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strstr(machine->name, known[i].name)) {
            machine->flops = known[i].flops[arithmetic];
            machine->bandwidth = known[i].bandwidth;
            return;
        }
    machine->flops = REACHED * peak_flops(gpu, arithmetic);
    machine->bandwidth = REACHED * peak_bandwidth(gpu);
}
