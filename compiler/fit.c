/* Fitting a function into memory: plan, see what is missing, recompute, plan again. */
#include "fit.h"

#include "kernel/kernel.h"

static Schedule *plan_graph(Graph *graph, Choices *choices)
{
    Schedule *schedule = pass_fuse(graph);
    select_products(choices, schedule);
    kernels_build(schedule);
    pass_plan(schedule);
    return schedule;
}

/* Schedules what recompute makes of `first`; the smaller of this and `best`. */
static Schedule *try_again(const Schedule *first, int64_t wanted, int64_t *saved, Schedule *best,
                           Choices *choices)
{
    Graph *smaller = pass_recompute(first, wanted, saved);
    if (!smaller)
        return best;
    graph_verify(smaller, "recompute");
    Schedule *schedule = plan_graph(smaller, choices);
    return schedule->arena_bytes < best->arena_bytes ? schedule : best;
}

/* The pass knows what it frees, not what the steps around a clone need besides: what is still missing is
 * asked for in the next round, of the first schedule again. What frees most by its estimate need not: when
 * even that does not fit, somewhat less is tried too. */
Schedule *fit_schedule(Graph *graph, int64_t budget, Choices *choices)
{
    enum { ROUNDS = 16, LEAST_STEP = 256, LESS = 8 };
    Schedule *first = plan_graph(graph, choices), *best = first;
    int64_t wanted = 0, saved = 0;
    if (budget < 0)
        best = try_again(first, RECOMPUTE_CHEAP, &saved, best, choices);
    for (int i = 0; i < ROUNDS && budget >= 0 && best->arena_bytes > budget && saved >= wanted; i++) {
        wanted += best->arena_bytes - budget + (i > 0 ? first->arena_bytes / LEAST_STEP : 0);
        best = try_again(first, wanted, &saved, best, choices);
    }
    int64_t most = saved;
    for (int i = 1; i < LESS && most > 0 && most < wanted && best->arena_bytes > budget; i++)
        best = try_again(first, most - most / 16 * i, &saved, best, choices);
    best->arena_bytes_kept = first->arena_bytes;
    return best;
}
