/* The seam between targets: what the trainer and generated code ask of a machine. cpu.c and cuda/ implement
 * it; a model names its device, so that a program holds no other. */
#ifndef HPART_DEVICE_H
#define HPART_DEVICE_H

#include "../hpart.h"

enum { HP_FETCHES = 2 }; /* slots of fetch() */

/* What a device is, and what it can do at best. 0: the device does not say. */
typedef struct HpMachine {
    char name[256];          /* "NVIDIA H200" */
    double flops, bandwidth; /* a second: what large products as this model's reach; bytes of large copies */
    int64_t peak_memory;     /* bytes that it has had in use since it was opened */
} HpMachine;

typedef struct HpDevice {
    const char *name; /* "cpu" */
    /* Fails with a message and exit status 1 when the machine lacks what the model was compiled for. */
    void (*open)(const HpModel *model);
    /* Around the calls of a thread that did not open the device; open() and close() do it for theirs. A
     * device that is not open has nothing to do. */
    void (*enter)(void);
    void (*leave)(void);
    void *(*allocate)(
        size_t bytes); /* zeroed, 64-byte aligned; out of memory ends the program with the size */
    void (*release)(void *memory);
    int64_t (*available)(void); /* bytes that allocate() has left; -1: the system does not say */
    /* Creates the model's products, and room for scratchpads that are larger than planned. */
    void (*prepare)(const HpModel *model);
    void (*upload)(void *device, const void *host, size_t bytes);
    void (*download)(void *host, const void *device, size_t bytes);
    /* A float as everything that was started before leaves it, read later: fetch() asks for it in one of
     * HP_FETCHES slots, fetched() waits for it and for nothing that was started after. */
    void (*fetch)(int slot, const void *device);
    float (*fetched)(int slot);
    /* Host (plain, row-major floats) to and from a variable's format. */
    void (*upload_variable)(HpContext *context, const HpVariable *variable, const float *plain);
    void (*download_variable)(HpContext *context, const HpVariable *variable, float *plain);
    /* What the image kernel samples from until the next call. The store's pixels are the host's and stay
     * there, and those of a store with more than `count` images never change; where the device copies images,
     * it may change `sample` (one number an image of the batch) to the rows of its copy. */
    void (*set_images)(HpContext *context, const HpImageStore *store, int64_t *sample, int64_t count);
    /* Starts a function; the device may still be at it on return. Downloads wait. */
    void (*run)(HpContext *context, const HpFunction *function);
    /* Called by hp_step() while the context has a clock, for functions that have run before. Where the device
     * is still at a step when the next one begins, it adds the seconds before run() returns. */
    void (*clock_step)(HpContext *context, int step);
    /* What generated code calls by hp_library_run(), hp_copy(), hp_launch(). */
    void (*library_run)(HpContext *context, const HpLibraryCall *call, const void *a, const void *b,
                        const void *bias, void *c, float *statistics, void *scratchpad);
    void (*copy)(HpContext *context, void *to, const void *from, size_t bytes);
    void (*launch)(HpContext *context, HpKernel *kernel, HpGrid grid, const void *arguments, size_t bytes);
    void (*synchronize)(void);
    void (*describe)(const HpModel *model, HpMachine *machine); /* of a device that is open */
    void (*close)(void); /* also what failed while it was opened or prepared */
} HpDevice;

/* How long the steps of functions take, while a context has it. */
struct HpClock {
    double *seconds; /* by step, summed over runs of one function */
};

/* Creates all products of a model by `create`, which returns the bytes of scratchpad of one, and returns the
 * largest that is not in the plan. A plan for a number of threads has them all. */
int64_t hp_unplanned_scratchpad(const HpModel *model, int64_t (*create)(HpLibraryCall *call));

/* Whether this CPU has the instructions of "avx512" or "avx2" as programs are compiled for them; any other
 * name asks for nothing. */
bool hp_cpu_has(const char *isa);

/* ---- the library, asked by hpacc at compile time and by the device at start (onednn.c) ---- */

/* Chooses algorithm, formats left at HP_FORMAT_COUNT, and scratchpad for a call on this machine. Returns
 * false and a sentence when the library cannot run it. */
bool hp_library_query(HpLibraryCall *call, const char **why);
const char *hp_library_version(void);     /* "oneDNN 2.6.3" */
const char *hp_library_isa(void);         /* "avx512", "avx2", "sse" */
int64_t hp_preferred_channel_block(void); /* 16, 8, or 0 for NHWC */

/* From now on queries do not depend on this machine: NHWC, HWIO weights, no planned scratchpads (the program
 * allocates the largest one when it starts). */
void hp_library_set_portable(void);

#endif
