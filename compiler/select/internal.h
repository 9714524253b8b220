/* What the files of this room share. */
#ifndef HPACC_SELECT_INTERNAL_H
#define HPACC_SELECT_INTERNAL_H

#include "../../runtime/device/product.h"
#include "../base/arena.h"
#include "select.h"

/* One product of the program. */
typedef struct Entry {
    const char *text;   /* hp_product_text() */
    HpLibraryCall call; /* as it shall run */
    const char *usual;  /* the implementation it would take untuned; NULL: the library's choice */
    int64_t more;       /* bytes of scratchpad more than that takes */
    json_t *times;      /* "candidates" of a choice file, or NULL */
} Entry;

struct Choices {
    Arena *arena;
    Machine machine;
    bool tune;
    const char *path; /* of the file that was read, or NULL */
    json_t *known;    /* its products, or NULL */
    LIST(Entry *) entries;
    size_t found;   /* entries the file knew */
    size_t timed;   /* entries with more than one candidate, timed here */
    double seconds; /* that took */
};

/* The products of a choice file. */
json_t *choices_read(const Choices *choices, const char *path);

/* How long a candidate takes. */
typedef struct Measurement {
    bool dropped;   /* refused, or far behind: not timed to the end */
    double seconds; /* median */
    double least;
    double ratio; /* median over the rounds of its time to that of candidate 0 in the same round */
    bool refused; /* the device cannot run it: dropped */
} Measurement;

/* Times the candidates of a step's call in turns, candidate 0 twice in each; returns how much the two times
 * of candidate 0 differ in the median round, as a part of its time: the noise. */
double measure_candidates(const Step *step, const HpLibraryCall *candidates, int count,
                          Measurement *measured);

/* Which candidate to take; candidate 0, which an untuned program runs, unless another is faster beyond the
 * noise. */
int choose_candidate(const HpLibraryCall *candidates, const Measurement *measured, int count, double noise);

#endif
