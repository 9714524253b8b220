/* XXH3 of libxxhash. */
#include "base.h"

#include <xxhash.h>

uint64_t hp_hash(const void *data, size_t length, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, length, seed);
}
