/* One function on its way from a graph to a planned schedule that fits into the memory it may have. */
#ifndef HPACC_FIT_H
#define HPACC_FIT_H

#include "passes/passes.h"
#include "select/select.h"

/* The schedule of `graph`: steps, kernels, places. Where it takes more than `budget` bytes its backward pass
 * computes forward values again, as few as will do; where that is not enough the smallest schedule comes
 * back. Its graph is schedule->graph, a copy when something is computed again. budget < 0: whatever it takes,
 * but for values that next to no time can compute again. */
Schedule *fit_schedule(Graph *graph, int64_t budget, Choices *choices);

#endif
