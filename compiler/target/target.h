/* The machine a model is compiled for. Everything that differs between targets before printing is in this
 * table; the passes read it through target(). */
#ifndef HPACC_TARGET_TARGET_H
#define HPACC_TARGET_TARGET_H

#include "../../runtime/hpart.h"

typedef struct Target {
    const char *name; /* "cpu", "cuda" */
    /* Kernels are launched over many threads, their scalars lie in the device's memory; else they are
     * functions. */
    bool launches;
    int64_t (*channel_block)(void); /* of activations: 16, 8, or 0 for NHWC */
    /* Fills what a call leaves open: formats at HP_FORMAT_COUNT, implementation, scratchpad. Returns false
     * and a sentence when the library of products cannot run it. */
    bool (*query)(HpLibraryCall *call, const char **why);
    HpFormat image_format; /* that the sampling kernel writes */
    bool reorders;         /* the library moves tensors from format to format; else kernels do */
    /* A data gradient can be added to what its result holds. */
    bool adds_to_gradients;
} Target;

extern const Target target_cpu, target_cuda;

/* The target of this run of hpacc; the CPU until target_use() is called. */
const Target *target(void);
void target_use(const Target *target);

/* Whether an NVIDIA driver with at least one GPU answers; *why says in a few words what was found. */
bool target_cuda_answers(const char **why);

#endif
