/* A model written by hand: what hpacc would print, as plain C. A linear classifier of 8 features (the mean of
 * each quadrant of 2 planes), three stages, two groups, momentum, dropout, a running mean, a folded copy of
 * the weights.
 *
 * The environment can disturb it: TOY_SIGNAL=N:S raises signal S in update N, TOY_NAN=N makes the loss of
 * step N NaN, TOY_SLEEP=M waits M microseconds in every update. */
#ifndef TOY_MODEL_H
#define TOY_MODEL_H

#include "runtime/hpart.h"

enum {
    TOY_PLANES = 2,
    TOY_CLASSES = 3,
    TOY_SIZE = 8,
    TOY_FEATURES = 8,
    TOY_ROWS = 4,
    TOY_PARTS = 2,
    TOY_EVALUATE = 6
};

extern const HpModel toy_model;

/* The logits of one image by definition: pixels [plane][y][x] in [0,1]. For tests. */
void toy_logits(const float *weight, const float *bias, const float *running, const float *features,
                float *logits);

#endif
