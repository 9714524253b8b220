/* A kernel that is right, and the same with one mistake planted. */
#include "runtime/device/kernel_cuda.h"
#include "kernels.h"

KERNEL(exchange, HP_THREADS)
{
    HP_SHARED float shared[HP_THREADS];
    const uint32_t thread = threadIdx.x, first = blockIdx.x * HP_THREADS, at = first + thread;
    float v[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    if (a.plant == PLANT_UNALIGNED)
        hp_load4_f32(v, a.x + 1);
    if (a.plant == PLANT_BLOCKS_READ && thread == 0)
        v[0] = hp_get_f32(a.z);
    if (a.plant == PLANT_WRITE_INPUT)
        hp_put_f32(a.x + at, 0.0f);
    shared[thread] = hp_get_f32(a.x + at - (a.plant == PLANT_READ_OUTSIDE));
    if (a.plant == PLANT_EARLY_END && thread == 5)
        return;
    if (a.plant == PLANT_TWO_BARRIERS && thread < 7)
        HP_BARRIER();
    else if (a.plant != PLANT_NO_BARRIER_SHARED)
        HP_BARRIER();
    hp_put_f32(a.y + at, shared[HP_THREADS - 1 - thread]);
    if (a.plant == PLANT_LATE_END && thread == 5)
        return;
    if (a.plant != PLANT_NO_BARRIER)
        HP_BARRIER();
    uint32_t neighbour = first + (thread ^ 1u), to = at;
    if (a.plant == PLANT_BLOCK_READS && blockIdx.x == 1)
        neighbour = thread;
    if (a.plant == PLANT_WRITE_OF_TWO && thread == 9)
        to = at - 1;
    if (a.plant == PLANT_BLOCKS_WRITE)
        to = thread;
    if (a.plant == PLANT_WRITE_OUTSIDE && at == gridDim.x * HP_THREADS - 1)
        to = at + 1;
    if (a.plant == PLANT_READERS && thread / 2 == 4)
        v[0] = hp_get_f32(a.z + first + 8);
    if (a.plant == PLANT_WIDE && thread == 0)
        hp_store4_f32(a.z + at, v);
    else
        hp_put_f32(a.z + to, hp_get_f32(a.y + neighbour));
}

KERNEL(neighbours, HP_THREADS)
{
    const uint32_t thread = threadIdx.x, first = blockIdx.x * HP_THREADS;
    float v[8], sum = 0.0f;
    hp_put_u8(a.bytes + first + thread, (float)(thread & 7u));
    HP_BARRIER();
    hp_load8_u8(v, a.bytes + first + thread / 8 * 8);
    for (int i = 0; i < 8; i++)
        sum += v[i];
    hp_put_f32(a.sums + first + thread, sum);
    HP_BARRIER();
    hp_put_u8(a.bytes + first + (thread ^ 3u), 1.0f);
}
