/* Finds the same steps again. */
#include "repeat.h"

enum {
    LONGEST_PERIOD = 128,
    LEAST_SAVED = 6 /* steps: below, a function of its own is longer than what it saves */
};

static size_t saved(Repeat repeat)
{
    return (repeat.count - 1) * repeat.period;
}

/* The repeat of one period in [first, end) that saves most: a run of m keys that equal the key a period later
 * holds m / period repeats of its beginning. */
static Repeat best_of_period(const size_t *keys, size_t first, size_t end, size_t period)
{
    Repeat best = {first, period, 1};
    size_t run = 0;
    for (size_t i = end - period; i-- > first;) {
        run = keys[i] == keys[i + period] ? run + 1 : 0;
        Repeat repeat = {i, period, run / period + 1};
        if (saved(repeat) >= saved(best))
            best = repeat;
    }
    return best;
}

static void find_between(Arena *arena, RepeatList *list, const size_t *keys, size_t first, size_t end)
{
    Repeat best = {first, 1, 1};
    for (size_t period = 1; period <= LONGEST_PERIOD && 2 * period <= end - first; period++) {
        Repeat repeat = best_of_period(keys, first, end, period);
        if (saved(repeat) > saved(best))
            best = repeat;
    }
    if (saved(best) < LEAST_SAVED)
        return;
    find_between(arena, list, keys, first, best.first);
    list_push(arena, list, best);
    find_between(arena, list, keys, best.first + best.count * best.period, end);
}

RepeatList repeats_find(Arena *arena, const size_t *keys, size_t count)
{
    RepeatList list = {0};
    find_between(arena, &list, keys, 0, count);
    return list;
}
