/* The machine a model is compiled for. Everything that differs between targets before printing is in this
 * table; the passes read it through target(). */
#ifndef HPACC_TARGET_TARGET_H
#define HPACC_TARGET_TARGET_H

#include "../../runtime/device/product.h"
#include "../../runtime/hpart.h"
#include "../base/arena.h"

typedef struct Target {
    const char *name; /* "cpu", "cuda" */
    /* Kernels are launched over many threads, their scalars lie in the device's memory; else they are
     * functions. */
    bool launches;
    int64_t (*channel_block)(void); /* of activations: 16, 8, or 0 for NHWC */
    /* Fills what a call leaves open: formats at HP_FORMAT_COUNT, implementation, scratchpad. Returns false
     * and a sentence when the library of products cannot run it. */
    bool (*query)(HpLibraryCall *call, const char **why);
    /* The ways to run a call that query() has filled, the call itself first; returns their number. */
    int (*candidates)(const HpLibraryCall *call, HpLibraryCall candidates[HP_MAX_CANDIDATES]);
    /* Whether a name that is not among them may be one of a device that is not here. NULL: there is none. */
    bool (*may_name)(const HpLibraryCall *call, const char *name);
    const HpProductTimer *timer;
    HpFormat image_format;    /* that the sampling kernel writes */
    int64_t channel_multiple; /* of convolutions of 16-bit numbers */
    bool reorders;            /* the library moves tensors from format to format; else kernels do */
    double flops_a_byte;      /* of a product, in the time that a byte takes to memory */
    /* A data gradient can be added to what its result holds. */
    bool adds_to_gradients;
    /* A convolution can give the sums of its result's channels, and of their squares. */
    bool gives_statistics;
} Target;

extern const Target target_cpu, target_cuda;

/* The target of this run of hpacc; the CPU until target_use() is called. */
const Target *target(void);
void target_use(const Target *target);

/* The architecture ("sm_90a") of the first GPU that an NVIDIA driver has here, or NULL; *why says in a few
 * words what was found. */
const char *target_cuda_answers(Arena *arena, const char **why);

/* What kernels are compiled for: `option` ("sm_80,sm_90a"), else `here`, else an H100. Products are planned
 * for the first, *first, from now on. Empty where nothing shall be compiled and no option asks for it, and,
 * with a warning, where there is nothing to compile with; a wrong name is fatal. */
typedef LIST(const char *) ArchitectureList;
ArchitectureList target_cuda_architectures(Arena *arena, const char *option, const char *here, bool compiles,
                                           const char **first);

#endif
