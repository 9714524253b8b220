/* Our own convolution 3x3 of stride 1 by Winograd's F(4x4, 3x3), forward and for the gradient of x: a quarter
 * of the multiplications. For blocked images on AVX-512 and AVX2. */
#ifndef HPART_DEVICE_WINOGRAD_H
#define HPART_DEVICE_WINOGRAD_H

#include "../hpart.h"

/* Whether the kernel is for this call and this CPU and pays there; sets format_b when it is open, the
 * algorithm, implementation and scratchpad. A call whose algorithm is HP_ALGORITHM_OWN_WINOGRAD already is
 * taken if it is possible at all. */
bool hp_winograd_fits(HpLibraryCall *call);

/* Grows with the number of threads. */
int64_t hp_winograd_scratchpad(const HpLibraryCall *call);

/* a in blocks of 8 or 16 channels, b in the same blocks of both kinds of channels, c as a. The order of every
 * sum is fixed, so the number of threads does not matter. */
void hp_winograd_run(const HpLibraryCall *call, const float *a, const float *b, const float *bias, float *c,
                     void *scratchpad);

#endif
