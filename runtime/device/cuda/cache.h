/* What was compiled once stays in a folder of the user: $XDG_CACHE_HOME/hpanet or ~/.cache/hpanet. */
#ifndef HPART_CUDA_CACHE_H
#define HPART_CUDA_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False: there is none, or it is not what was written; then *data is untouched. Else *data is to be freed. */
bool hp_cache_read(uint64_t key, void **data, size_t *bytes);
/* A folder that cannot be written is no error: the next run compiles again. */
void hp_cache_write(uint64_t key, const void *data, size_t bytes);

#endif
