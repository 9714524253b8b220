/* Splitting images into parts that all have their share of every class.
 *
 * Sechidis, Tsoumakas, Vlahavas: "On the Stratification of Multi-Label Data", ECML PKDD 2011, algorithm 1:
 * the class with the fewest images left is dealt out first, each image to the part that wants the class most.
 * What greedy dealing left outside the tolerance (1 % of the ideal count, or 1 image) is then repaired by
 * moving single images, the best move first. With one class per image the same algorithm stratifies by class.
 */
#include "internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_MOVES = 5000 };

/* Column `classes` counts the images themselves, so that a part's size is a share like any other. */
typedef struct Split {
    int64_t count;
    int classes, parts;
    const uint8_t *labels;
    int *part_of;    /* -1: not dealt yet */
    double *ideal;   /* [parts][classes + 1] */
    double *missing; /* [parts][classes + 1]: ideal minus dealt */
    int64_t *order;  /* a shuffle: which of equal images comes first */
} Split;

static double *missing_at(const Split *split, int part, int column)
{
    return &split->missing[(size_t)part * (size_t)(split->classes + 1) + (size_t)column];
}

static double tolerance(const Split *split, int part, int column)
{
    return fmax(1, 0.01 * split->ideal[(size_t)part * (size_t)(split->classes + 1) + (size_t)column]);
}

static bool has(const Split *split, int64_t image, int column)
{
    return column == split->classes || split->labels[image * split->classes + column];
}

static void deal(Split *split, int64_t image, int part)
{
    split->part_of[image] = part;
    for (int column = 0; column <= split->classes; column++)
        if (has(split, image, column))
            *missing_at(split, part, column) -= 1;
}

/* The part that misses most of the class, then most images, then the first in the image's own shuffled order.
 */
static int neediest_part(const Split *split, int64_t image, int column, uint64_t seed)
{
    int start = (int)(hp_uniform(seed, (uint64_t)image, 1) * split->parts), best = start;
    for (int i = 1; i < split->parts; i++) {
        int part = (start + i) % split->parts;
        double here = *missing_at(split, part, column), there = *missing_at(split, best, column);
        double size_here = *missing_at(split, part, split->classes);
        double size_there = *missing_at(split, best, split->classes);
        if (here > there || (here == there && size_here > size_there))
            best = part;
    }
    return best;
}

/* The class with the fewest images not dealt yet, but at least one; `classes` (any image) when none is left.
 */
static int rarest_class(const Split *split, int64_t *left)
{
    memset(left, 0, (size_t)split->classes * sizeof *left);
    for (int64_t i = 0; i < split->count; i++)
        for (int k = 0; k < split->classes && split->part_of[i] < 0; k++)
            left[k] += split->labels[i * split->classes + k];
    int rarest = split->classes;
    for (int k = 0; k < split->classes; k++)
        if (left[k] > 0 && (rarest == split->classes || left[k] < left[rarest]))
            rarest = k;
    return rarest;
}

static void deal_all(Split *split, uint64_t seed)
{
    int64_t *left = hp_alloc((size_t)split->classes + 1, sizeof *left);
    for (int column = 0;;) {
        column = rarest_class(split, left);
        for (int64_t i = 0; i < split->count; i++) {
            int64_t image = split->order[i];
            if (split->part_of[image] < 0 && has(split, image, column))
                deal(split, image, neediest_part(split, image, column, seed));
        }
        if (column == split->classes)
            break;
    }
    free(left);
}

/* ---------------------------------------------------------------- repair */

static double excess(double missing, double allowed)
{
    double over = fabs(missing) - allowed;
    return over > 1e-9 ? over * over : 0;
}

/* What moving the image to `part` adds to the sum of squared excesses. */
static double move_cost(const Split *split, int64_t image, int part)
{
    int from = split->part_of[image];
    double cost = 0;
    for (int column = 0; column <= split->classes; column++) {
        if (!has(split, image, column))
            continue;
        double out = *missing_at(split, from, column), in = *missing_at(split, part, column);
        double out_allowed = tolerance(split, from, column), in_allowed = tolerance(split, part, column);
        cost += excess(out + 1, out_allowed) - excess(out, out_allowed);
        cost += excess(in - 1, in_allowed) - excess(in, in_allowed);
    }
    return cost;
}

/* Marks the columns that are outside the tolerance in some part; false: none is. */
static bool find_violations(const Split *split, bool *violated)
{
    bool any = false;
    for (int column = 0; column <= split->classes; column++) {
        violated[column] = false;
        for (int part = 0; part < split->parts; part++)
            violated[column] |= excess(*missing_at(split, part, column), tolerance(split, part, column)) > 0;
        any |= violated[column];
    }
    return any;
}

static bool has_violated(const Split *split, int64_t image, const bool *violated)
{
    for (int column = 0; column <= split->classes; column++)
        if (violated[column] && has(split, image, column))
            return true;
    return false;
}

/* Makes the one move that helps most; false: no move helps. */
static bool move_best(Split *split, const bool *violated)
{
    double best = -1e-9;
    int64_t image = -1;
    int part = 0;
    for (int64_t i = 0; i < split->count; i++) {
        int64_t candidate = split->order[i];
        if (!has_violated(split, candidate, violated))
            continue;
        for (int k = 0; k < split->parts; k++) {
            double cost = k == split->part_of[candidate] ? 0 : move_cost(split, candidate, k);
            if (cost < best) {
                best = cost;
                image = candidate;
                part = k;
            }
        }
    }
    if (image < 0)
        return false;
    for (int column = 0; column <= split->classes; column++)
        if (has(split, image, column))
            *missing_at(split, split->part_of[image], column) += 1;
    deal(split, image, part);
    return true;
}

static void repair(Split *split)
{
    bool *violated = hp_alloc((size_t)split->classes + 1, sizeof *violated);
    for (int moves = 0; moves < MAX_MOVES && find_violations(split, violated); moves++)
        if (!move_best(split, violated))
            break;
    free(violated);
}

/* ---------------------------------------------------------------- entry */

static void cut(const Split *split, const double *share)
{
    double end = 0;
    int64_t at = 0;
    for (int part = 0; part < split->parts; part++) {
        end += share[part] * (double)split->count;
        int64_t stop = part == split->parts - 1 ? split->count : (int64_t)llround(end);
        while (at < stop)
            split->part_of[split->order[at++]] = part;
    }
}

static void set_ideals(Split *split, const double *share)
{
    size_t columns = (size_t)split->classes + 1;
    split->ideal = hp_alloc((size_t)split->parts * columns, sizeof *split->ideal);
    split->missing = hp_alloc((size_t)split->parts * columns, sizeof *split->missing);
    for (int64_t i = 0; i < split->count; i++) {
        split->part_of[i] = -1;
        for (int column = 0; column <= split->classes; column++)
            split->ideal[column] += has(split, i, column);
    }
    for (int part = split->parts - 1; part >= 0; part--)
        for (size_t column = 0; column < columns; column++)
            split->ideal[(size_t)part * columns + column] = split->ideal[column] * share[part];
    memcpy(split->missing, split->ideal, (size_t)split->parts * columns * sizeof *split->ideal);
}

void hp_split(int64_t count, int classes, const uint8_t *labels, int parts, const double *fractions,
              bool stratified, uint64_t seed, int *part_of)
{
    Split split = {.count = count, .classes = classes, .parts = parts, .labels = labels, .part_of = part_of};
    double *share = hp_alloc((size_t)parts, sizeof *share), sum = 0;
    for (int part = 0; part < parts; part++)
        sum += fractions[part];
    for (int part = 0; part < parts; part++)
        share[part] = fractions[part] / sum;
    split.order = hp_alloc((size_t)count, sizeof *split.order);
    for (int64_t i = 0; i < count; i++)
        split.order[i] = i;
    hp_shuffle(split.order, count, seed);
    if (stratified) {
        set_ideals(&split, share);
        deal_all(&split, seed);
        repair(&split);
    } else {
        cut(&split, share);
    }
    free(share);
    free(split.order);
    free(split.ideal);
    free(split.missing);
}
