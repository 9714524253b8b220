/* What bench.c wants of profile.c. */
#ifndef HPART_BENCH_H
#define HPART_BENCH_H

#include <jansson.h>
#include "train.h"

/* The steps of a function, timed one by one. */
typedef struct HpProfile {
    const HpFunction *function;
    const HpMachine *machine;
    double *seconds; /* by step */
    double total, products;
    double roofline; /* the least that all steps can take by the machine's ceilings; 0: they are not known */
} HpProfile;

/* Of a function that has run before; `runs` are averaged. */
HpProfile hp_profile_measure(HpSession *session, int function, const HpMachine *machine, int64_t runs);
void hp_profile_print(const HpProfile *profile); /* the slowest steps; nothing where a function has none */
json_t *hp_profile_json(const HpProfile *profile);
void hp_profile_free(HpProfile *profile);

#endif
