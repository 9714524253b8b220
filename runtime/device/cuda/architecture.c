/* Figures of the data sheets. A library chooses by them; it does not run with them. */
#include "architecture.h"
#include <stdio.h>
#include "../../base/base.h"

static const CudaArchitecture architectures[] = {
    {800, "NVIDIA A100-SXM4-80GB", 85899345920, 41943040, 108, 166912, 1410000, 1593000, 4 << 20},
    {900, "NVIDIA H200", 150000000000, 62914560, 132, 232448, 1980000, 3201000, 32 << 20},
    {1000, "NVIDIA B200", 192000000000, 132644864, 148, 232448, 1965000, 3996000, 32 << 20},
};

const CudaArchitecture *hp_cuda_architecture(const char *name)
{
    int number;
    if (sscanf(name, "sm_%d", &number) != 1)
        return NULL;
    for (size_t i = 0; i < sizeof architectures / sizeof *architectures; i++)
        if (architectures[i].version / 10 == number)
            return &architectures[i];
    return NULL;
}

void hp_cuda_name_architecture(char name[static 16], int major, int minor)
{
    bool special = minor == 0 && (major == 9 || major == 10);
    snprintf(name, 16, "sm_%d%d%s", major, minor, special ? "a" : "");
}

char *hp_cuda_architecture_json(const CudaArchitecture *architecture)
{
    return hp_format("{\"deviceVer\":%d,\"driverVer\":13000,\"cudaDeviceId\":0,\"deviceName\":\"%s\","
                     "\"totalGlobalMem\":%lld,\"maxGridSize\":[2147483647,65535,65535],"
                     "\"maxBlockSize\":[1024,1024,64],\"regsPerBlock\":65536,\"multiProcessorCount\":%d,"
                     "\"warpSize\":32,\"maxSharedMemoryPerBlock\":49152,\"maxSharedMemoryPerBlockOptin\":%d,"
                     "\"reservedSharedMemoryPerBlock\":1024,\"maxRegistersPerSM\":65536,\"maxCtasPerSM\":32,"
                     "\"maxThreadsPerBlock\":1024,\"maxThreadsPerSM\":2048,\"pciDeviceId\":0,"
                     "\"isTccDriver\":0,\"supportCoopLaunch\":1,\"smClockRateKHz\":%d,"
                     "\"memClockRateKHz\":%d,\"l2CacheSize\":%lld}",
                     architecture->version, architecture->title, (long long)architecture->memory_bytes,
                     architecture->multiprocessors, architecture->shared_bytes, architecture->clock_khz,
                     architecture->memory_clock_khz, (long long)architecture->l2_bytes);
}
