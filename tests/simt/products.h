/* Products as loops, sums in double. */
#ifndef SIMT_PRODUCTS_H
#define SIMT_PRODUCTS_H

#include "runtime/hpart.h"

/* Fails with a message where the call is none that a library could run: operands outside of the memory that
 * emulator.h knows, or that overlap, and formats with blocks. The scratchpad is left full of garbage. */
void simt_product_run(const HpLibraryCall *call, const void *a, const void *b, const void *bias, void *c,
                      float *statistics, void *scratchpad);

#endif
