#include "synth.h"

#include <math.h>

#include "../base/base.h"

void synth_random_start(SynthRandom *random, uint64_t seed, SynthPurpose purpose, uint64_t index)
{
    *random = (SynthRandom){.key = seed ^ (uint64_t)purpose << 56, .high = index};
}

uint32_t synth_random_word(SynthRandom *random)
{
    if (random->left == 0) {
        hp_philox(random->key, random->low++, random->high, random->words);
        random->left = 4;
    }
    return random->words[--random->left];
}

float synth_uniform(SynthRandom *random)
{
    return (float)(synth_random_word(random) >> 8) * 0x1p-24f;
}

float synth_between(SynthRandom *random, float low, float high)
{
    return low + (high - low) * synth_uniform(random);
}

/* Box and Muller 1958. */
float synth_normal(SynthRandom *random)
{
    const float radius = sqrtf(-2 * logf(1 - synth_uniform(random)));
    return radius * cosf(synth_turn * synth_uniform(random));
}

float synth_lognormal(SynthRandom *random, float median, float sigma)
{
    return median * expf(sigma * synth_normal(random));
}

bool synth_chance(SynthRandom *random, float probability)
{
    return synth_uniform(random) < probability;
}

int synth_below(SynthRandom *random, int count)
{
    return (int)((uint64_t)synth_random_word(random) * (uint64_t)count >> 32);
}

/* Knuth's product of uniforms; the normal approximation where that would take long. */
int synth_poisson(SynthRandom *random, float mean)
{
    if (mean > 16) {
        const float count = mean + sqrtf(mean) * synth_normal(random) + 0.5f;
        return count > 0 ? (int)count : 0;
    }
    const float stop = expf(-mean);
    int count = 0;
    for (float product = synth_uniform(random); product > stop; product *= synth_uniform(random))
        count++;
    return count;
}

static float lattice(uint32_t seed, int32_t x, int32_t y)
{
    uint32_t h = seed ^ (uint32_t)x * UINT32_C(0x85ebca6b) ^ (uint32_t)y * UINT32_C(0xc2b2ae35);
    h = (h ^ h >> 15) * UINT32_C(0x2c1b3c6d);
    h = (h ^ h >> 12) * UINT32_C(0x297a2d39);
    return (float)((h ^ h >> 15) >> 8) * 0x1p-24f;
}

static float value_noise(uint32_t seed, float x, float y)
{
    /* The cell's corner without a call of floorf; where x is a negative whole number the next cell's edge is
     * as good. */
    const int32_t ix = (int32_t)x - (x < 0), iy = (int32_t)y - (y < 0);
    const float u = x - (float)ix, v = y - (float)iy;
    const float su = u * u * (3 - 2 * u), sv = v * v * (3 - 2 * v);
    const float top = lattice(seed, ix, iy) * (1 - su) + lattice(seed, ix + 1, iy) * su;
    const float bottom = lattice(seed, ix, iy + 1) * (1 - su) + lattice(seed, ix + 1, iy + 1) * su;
    return top * (1 - sv) + bottom * sv;
}

float synth_noise(uint32_t seed, float x, float y, float scale, int octaves)
{
    float sum = 0, weight = 1, weights = 0;
    for (int i = 0; i < octaves; i++) {
        /* Each octave is turned, so that the lattices do not line up. */
        const float turned_x = 0.8f * x + 0.6f * y, turned_y = 0.8f * y - 0.6f * x;
        x = turned_x, y = turned_y;
        sum += weight * value_noise(seed + (uint32_t)i * UINT32_C(0x9e3779b9), x / scale, y / scale);
        weights += weight;
        weight *= 0.55f;
        scale *= 0.5f;
    }
    return sum / weights;
}
