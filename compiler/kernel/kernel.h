/* Kernel: one fused loop nest, described once and printed in two dialects.
 *
 * A kernel is a nest of loops over a physical index space, buffers with an affine address per loop, and a
 * list of scalar values in order. A value is computed at the outermost loop level its inputs allow (what
 * depends on a channel alone is computed once per channel). Reductions accumulate in double over their loops
 * and in an order that does not depend on the number of threads. */
#ifndef HPACC_KERNEL_KERNEL_H
#define HPACC_KERNEL_KERNEL_H

#include "../passes/schedule.h"

typedef struct Kernel Kernel; /* kernel/kernel.c owns the fields: see kernel/internal.h */

/* Builds the loop nests of all STEP_KERNEL steps, adds their workspaces to the schedule's buffers and fills
 * Step.overwrites. Between pass_fuse and pass_plan. */
void kernels_build(Schedule *schedule);

/* The definitions of all kernels of a program. Kernels that differ in sizes and names alone share one
 * function. Adding needs the plan: an output that lies over an input is one argument. */
typedef struct KernelSet KernelSet;
KernelSet *kernel_set_new(Arena *arena);
void kernel_set_add(KernelSet *set, const Step *step);
size_t kernel_set_count(const KernelSet *set);

/* Joins calls of one kernel that do not depend on each other, as those of an update are, into steps with a
 * batch: each call comes first as soon as nothing between it and an earlier one touches its memory, so no
 * place of the plan changes. After kernel_set_add() of the schedule's steps. */
void kernels_batch(KernelSet *set, Schedule *schedule, const int64_t *variable_offsets,
                   int64_t variable_bytes);

/* Of launched kernels, the host's side: their structs of arguments, their launchers, and the table `kernels`.
 */
void kernel_set_print_launchers(Text *out, const KernelSet *set);
void kernel_set_print(Text *out,
                      const KernelSet *set); /* C functions, static, in the order of their first use */

/* How a call's arguments are spelled: where a buffer lies, and the current value of a scalar variable.
 * The call also uses `context` (HpContext *) where random numbers or images are drawn. */
typedef struct KernelCaller {
    void (*pointer)(Text *out, const Buffer *buffer, void *user);  /* a void * or char * expression */
    void (*scalar)(Text *out, const Variable *scalar, void *user); /* a float expression */
    void *user;
} KernelCaller;

/* The statements that call it, a line each: `name(sizes, pointers, scalars);`. The step must have been added
 * to the set. */
void kernel_print_call(Text *out, const KernelSet *set, const Step *step, const KernelCaller *caller);

#endif
