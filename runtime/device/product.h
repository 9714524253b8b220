/* A product and the ways to run it, in words: what choice files and run folders hold. */
#ifndef HPART_DEVICE_PRODUCT_H
#define HPART_DEVICE_PRODUCT_H

#include <jansson.h>
#include "../hpart.h"

/* Everything about a call but how it runs, on one line: equal for two calls that any choice fits alike. To be
 * freed. */
char *hp_product_text(const HpLibraryCall *call);

/* The implementations of these calls as an object that --choices takes: the machine, and for each product
 * {"choice": name, "scratchpad": bytes}. Reorders and calls that leave it to the library have no entry. */
json_t *hp_choices_json(const char *isa, const char *library_version, int threads,
                        HpLibraryCall *const *calls, int count);

/* Single products on a device, for hpacc --tune. */
typedef struct HpProductTimer {
    void (*open)(void); /* the device is there */
    void *(*allocate)(size_t bytes);
    void (*release)(void *memory);
    void (*upload)(void *device, const void *host, size_t bytes);
    int64_t (*create)(HpLibraryCall *call); /* bytes of scratchpad that it wants */
    void (*destroy)(HpLibraryCall *call);
    /* The seconds of a run, on the device. */
    double (*time)(const HpLibraryCall *call, const void *a, const void *b, const void *bias, void *c,
                   void *statistics, void *scratchpad);
    void (*close)(void);
} HpProductTimer;

extern const HpProductTimer hp_timer_cpu, hp_timer_cuda;

enum { HP_MAX_CANDIDATES = 12 };

/* The ways to run a call whose formats are chosen, in these formats: the call itself first, then our own
 * kernels and the library's implementations, without its reference loops. Returns their number. */
int hp_product_candidates(const HpLibraryCall *call, HpLibraryCall candidates[HP_MAX_CANDIDATES]);

#endif
