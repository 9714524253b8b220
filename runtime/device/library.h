/* What a device needs of a library of products. onednn.c implements it. */
#ifndef HPART_DEVICE_LIBRARY_H
#define HPART_DEVICE_LIBRARY_H

#include "../hpart.h"

/* Makes the product and sets call->handle; returns the bytes of scratchpad it wants. A call the library
 * cannot run ends the program with a message. */
int64_t hp_library_create(HpLibraryCall *call);
void hp_library_destroy(HpLibraryCall *call);
void hp_library_execute(const HpLibraryCall *call, const void *a, const void *b, const void *bias, void *c,
                        void *scratchpad);

/* The library's answer `number`, 0 being its favourite, to a call whose formats are chosen, as `offer`: the
 * call with algorithm, implementation and scratchpad of that answer. False: it has no more answers. */
bool hp_library_offer(const HpLibraryCall *call, HpAlgorithm algorithm, int number, HpLibraryCall *offer);

#endif
