/* The seam between targets: what the trainer asks of a machine. cpu.c implements it; cuda.c will. */
#ifndef HPART_DEVICE_H
#define HPART_DEVICE_H

#include "../hpart.h"

typedef struct HpDevice {
    const char *name; /* "cpu" */
    /* Fails with a message and exit status 1 when the machine lacks what the model was compiled for. */
    void (*open)(const HpModel *model);
    void *(*allocate)(
        size_t bytes); /* zeroed, 64-byte aligned; out of memory ends the program with the size */
    void (*release)(void *memory);
    /* Create the model's products; scratchpads larger than planned are an error. */
    void (*prepare)(const HpModel *model);
    void (*upload)(void *device, const void *host, size_t bytes);
    void (*download)(void *host, const void *device, size_t bytes);
    /* Host (plain, row-major floats) to and from a variable's format. */
    void (*upload_variable)(HpContext *context, const HpVariable *variable, const float *plain);
    void (*download_variable)(HpContext *context, const HpVariable *variable, float *plain);
    void (*run)(HpContext *context, const HpFunction *function);
    void (*synchronize)(void);
    void (*close)(void);
} HpDevice;

extern const HpDevice hp_device_cpu;

/* Whether this CPU has the instructions of "avx512" or "avx2" as programs are compiled for them; any other name asks
 * for nothing. */
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
