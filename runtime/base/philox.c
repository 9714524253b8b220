/* Philox4x32-10: Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 *
 * Counter-based: a number depends on its key and counter alone, never on threads or on what was drawn before.
 * Pure C without other parts of the runtime: the compiler's interpreter links this file too. */
#include "base.h"
#include "../hpart.h"

enum { ROUNDS = 10 };
static const uint32_t multiplier_0 = 0xD2511F53u, multiplier_1 = 0xCD9E8D57u;
static const uint32_t weyl_0 = 0x9E3779B9u, weyl_1 = 0xBB67AE85u;

void hp_philox(uint64_t key, uint64_t counter_low, uint64_t counter_high, uint32_t out[4])
{
    uint32_t key_0 = (uint32_t)key, key_1 = (uint32_t)(key >> 32);
    uint32_t c0 = (uint32_t)counter_low, c1 = (uint32_t)(counter_low >> 32);
    uint32_t c2 = (uint32_t)counter_high, c3 = (uint32_t)(counter_high >> 32);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t product_0 = (uint64_t)multiplier_0 * c0, product_1 = (uint64_t)multiplier_1 * c2;
        c0 = (uint32_t)(product_1 >> 32) ^ c1 ^ key_0;
        c2 = (uint32_t)(product_0 >> 32) ^ c3 ^ key_1;
        c1 = (uint32_t)product_1;
        c3 = (uint32_t)product_0;
        key_0 += weyl_0;
        key_1 += weyl_1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

double hp_uniform(uint64_t key, uint64_t counter_low, uint64_t counter_high)
{
    uint32_t words[4];
    hp_philox(key, counter_low, counter_high, words);
    return (double)(((uint64_t)words[1] << 32 | words[0]) >> 11) * 0x1p-53;
}

uint32_t hp_random_path(const char *path)
{
    uint32_t hash = 2166136261u;
    for (const unsigned char *byte = (const unsigned char *)path; *byte; byte++)
        hash = (hash ^ *byte) * 16777619u;
    return hash;
}

float hp_random_uniform(uint64_t seed, uint32_t path, int64_t draw, uint32_t element)
{
    uint32_t words[4];
    hp_philox(seed, (uint64_t)path << 32 | element, (uint64_t)draw, words);
    return (float)(words[0] >> 8) * 0x1p-24f;
}

void hp_shuffle(int64_t *items, int64_t count, uint64_t key)
{
    for (int64_t i = count - 1; i > 0; i--) {
        uint32_t words[4];
        hp_philox(key, (uint64_t)i, 0, words);
        uint64_t random = (uint64_t)words[1] << 32 | words[0];
        int64_t j = (int64_t)((unsigned __int128)random * (uint64_t)(i + 1) >> 64); /* bias below 2^-32 */
        int64_t kept = items[i];
        items[i] = items[j];
        items[j] = kept;
    }
}
