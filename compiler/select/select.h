/* Choosing among the implementations of each product. */
#ifndef HPACC_SELECT_SELECT_H
#define HPACC_SELECT_SELECT_H

#include "../passes/schedule.h"

/* What choices depend on besides the products. */
typedef struct Machine {
    const char *isa, *library; /* "avx512", "oneDNN 2.6.3" */
    int threads;
} Machine;

typedef struct Choices Choices;

/* `tune`: time what no file knows, on the target's device, which is there. `path`: a choice file, or NULL; a
 * file that does not fit the machine, or is damaged, ends the program with a message. */
Choices *choices_new(Arena *arena, Machine machine, bool tune, const char *path);

/* No product is timed from now on. */
void choices_close(Choices *choices);

/* Requires a schedule whose library calls are described and that is not planned yet; keeps what every step
 * computes; sets algorithm, implementation and scratchpad of its calls. */
void select_products(Choices *choices, Schedule *schedule);

/* What was chosen in all schedules so far, on standard output: nothing without a file and without tuning. */
void choices_print_summary(const Choices *choices);

/* The choice file of all products so far. */
void choices_write(const Choices *choices, const char *path);

#endif
