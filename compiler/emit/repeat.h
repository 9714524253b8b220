/* Repeats: the same steps again on other memory, as the blocks of a deep network make them. */
#ifndef HPACC_EMIT_REPEAT_H
#define HPACC_EMIT_REPEAT_H

#include "../base/arena.h"

/* keys[first + r * period + s] is the same for each r < count. */
typedef struct Repeat {
    size_t first, period, count;
} Repeat;

typedef LIST(Repeat) RepeatList;

/* The repeats among `count` steps, in order and without overlap. Two steps with one key differ in pointers
 * alone. Takes the repeat that saves the most steps first, then those on both of its sides. */
RepeatList repeats_find(Arena *arena, const size_t *keys, size_t count);

#endif
