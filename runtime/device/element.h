/* Elements as the host sees them: floats, whatever a device stores. */
#ifndef HPART_DEVICE_ELEMENT_H
#define HPART_DEVICE_ELEMENT_H

#include "../hpart.h"

/* For HP_F32, HP_F16 and HP_BF16. Rounds to the nearest, halves to even; what is too large becomes infinite
 * and NaN stays NaN. */
void hp_elements_of_floats(HpDataType type, const float *from, void *to, int64_t count);
void hp_floats_of_elements(HpDataType type, const void *from, float *to, int64_t count);

#endif
