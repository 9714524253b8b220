/* Where the elements of a tensor lie: every HpFormat as strides and blocks. */
#ifndef HPART_DEVICE_FORMAT_H
#define HPART_DEVICE_FORMAT_H

#include "../hpart.h"

/* Element (i0, i1, ...) lies at the sum over axes d of
 *   (i_d / block[d]) * stride[d] + (i_d % block[d]) * inner_stride[d]. */
typedef struct HpPlaces {
    int rank;
    int64_t block[HP_MAX_RANK], stride[HP_MAX_RANK], inner_stride[HP_MAX_RANK];
    int64_t count; /* elements in memory, padding included */
} HpPlaces;

/* Formats other than PLAIN want rank 4. */
HpPlaces hp_format_places(HpFormat format, int rank, const int64_t *shape);

/* Row-major floats to and from a format. Padded elements become 0. */
void hp_format_pack(HpFormat format, int rank, const int64_t *shape, const float *plain, float *packed);
void hp_format_unpack(HpFormat format, int rank, const int64_t *shape, const float *packed, float *plain);

const char *hp_format_name(HpFormat format); /* "nchw16c" */

#endif
