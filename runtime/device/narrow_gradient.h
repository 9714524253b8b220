/* Our own weight gradient of a convolution over few planes: the first layer of a network, where the library
 * runs at a fifth of the machine's peak. */
#ifndef HPART_DEVICE_NARROW_GRADIENT_H
#define HPART_DEVICE_NARROW_GRADIENT_H

#include "../hpart.h"

/* Whether the kernel is for this call and this CPU; sets format_c when it is open, algorithm, implementation
 * and scratchpad. */
bool hp_narrow_gradient_fits(HpLibraryCall *call);
int64_t hp_narrow_gradient_scratchpad(const HpLibraryCall *call);

/* x plain, the gradient of y in blocks of 8 or 16 channels, that of the weight as OHWI8O or OHWI16O. Sums
 * each image on its own and then the images in order, so the number of threads does not matter. */
void hp_narrow_gradient_run(const HpLibraryCall *call, const float *x, const float *gradient_y,
                            float *gradient_weight, void *scratchpad);

#endif
