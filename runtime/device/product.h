/* A product and the ways to run it, in words: what choice files and run folders hold. */
#ifndef HPART_DEVICE_PRODUCT_H
#define HPART_DEVICE_PRODUCT_H

#include <jansson.h>
#include "../hpart.h"

/* Everything about a call but how it runs, on one line: equal for two calls that any choice fits alike. To be
 * freed. */
char *hp_product_text(const HpLibraryCall *call);

/* The implementations of these calls as an object that --choices takes: the machine, and for each product
 * {"choice": name}. Reorders and calls that leave it to the library have no entry. */
json_t *hp_choices_json(const char *isa, const char *library_version, int threads,
                        HpLibraryCall *const *calls, int count);

enum { HP_MAX_CANDIDATES = 12 };

/* The ways to run a call whose formats are chosen, in these formats: the call itself first, then our own
 * kernels and the library's implementations, without its reference loops. Returns their number. */
int hp_product_candidates(const HpLibraryCall *call, HpLibraryCall candidates[HP_MAX_CANDIDATES]);

#endif
