/* The elements of tensors as numbers. */
#ifndef SIMT_NUMBER_H
#define SIMT_NUMBER_H

#include "runtime/hpart.h"

double simt_number_get(HpDataType type, const void *from, int64_t index);
/* Rounds to the nearest float first, as what accumulates in float does. */
void simt_number_put(HpDataType type, void *to, int64_t index, double value);

#endif
