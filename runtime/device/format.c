/* Formats as data: the order of the outer axes and the blocks inside. */
#include <string.h>
#include "../base/base.h"
#include "format.h"

typedef struct FormatInfo {
    const char *name;
    int order[4];      /* outer axes from slowest to fastest */
    int inner_axis[2]; /* blocked axes from slower to faster, -1: none */
    int block;
} FormatInfo;

static const FormatInfo formats[HP_FORMAT_COUNT] = {
    [HP_FORMAT_PLAIN] = {"plain", {0, 1, 2, 3}, {-1, -1}, 1},
    [HP_FORMAT_NHWC] = {"nhwc", {0, 2, 3, 1}, {-1, -1}, 1},
    [HP_FORMAT_NCHW8C] = {"nchw8c", {0, 1, 2, 3}, {1, -1}, 8},
    [HP_FORMAT_NCHW16C] = {"nchw16c", {0, 1, 2, 3}, {1, -1}, 16},
    [HP_FORMAT_OIHW8I8O] = {"oihw8i8o", {0, 1, 2, 3}, {1, 0}, 8},
    [HP_FORMAT_OIHW16I16O] = {"oihw16i16o", {0, 1, 2, 3}, {1, 0}, 16},
    [HP_FORMAT_OIHW8O8I] = {"oihw8o8i", {0, 1, 2, 3}, {0, 1}, 8},
    [HP_FORMAT_OIHW16O16I] = {"oihw16o16i", {0, 1, 2, 3}, {0, 1}, 16},
    [HP_FORMAT_OHWI8O] = {"ohwi8o", {0, 2, 3, 1}, {0, -1}, 8},
    [HP_FORMAT_OHWI16O] = {"ohwi16o", {0, 2, 3, 1}, {0, -1}, 16},
    [HP_FORMAT_HWIO] = {"hwio", {2, 3, 1, 0}, {-1, -1}, 1},
    [HP_FORMAT_IOHW16O16I] = {"iohw16o16i", {1, 0, 2, 3}, {0, 1}, 16},
};

const char *hp_format_name(HpFormat format)
{
    return formats[format].name;
}

HpPlaces hp_format_places(HpFormat format, int rank, const int64_t *shape)
{
    if (format != HP_FORMAT_PLAIN && rank != 4)
        hp_bug("a tensor of rank %d has no format %s", rank, formats[format].name);
    const FormatInfo *info = &formats[format];
    HpPlaces places = {.rank = rank};
    int64_t stride = 1;
    for (int axis = 0; axis < rank; axis++)
        places.block[axis] = 1;
    for (int i = 1; i >= 0; i--) {
        int axis = info->inner_axis[i];
        if (axis < 0)
            continue;
        places.block[axis] = info->block;
        places.inner_stride[axis] = stride;
        stride *= info->block;
    }
    for (int i = rank - 1; i >= 0; i--) {
        int axis = format == HP_FORMAT_PLAIN ? i : info->order[i];
        places.stride[axis] = stride;
        stride *= (shape[axis] + places.block[axis] - 1) / places.block[axis];
    }
    places.count = stride;
    return places;
}

int64_t hp_format_count(HpFormat format, int rank, const int64_t *shape)
{
    return hp_format_places(format, rank, shape).count;
}

/* Calls copy for every run of the last axis: its place in the row-major tensor and in the format. */
static void visit_rows(const HpPlaces *places, const int64_t *shape,
                       void (*copy)(const HpPlaces *, int64_t extent, float *plain, float *packed),
                       float *plain, float *packed)
{
    int last = places->rank - 1;
    int64_t index[HP_MAX_RANK] = {0}, rows = 1;
    for (int axis = 0; axis < last; axis++)
        rows *= shape[axis];
    for (int64_t row = 0; row < rows; row++) {
        int64_t place = 0;
        for (int axis = 0; axis < last; axis++)
            place += index[axis] / places->block[axis] * places->stride[axis] +
                     index[axis] % places->block[axis] * places->inner_stride[axis];
        copy(places, shape[last], plain + row * shape[last], packed + place);
        for (int axis = last - 1; axis >= 0 && ++index[axis] == shape[axis]; axis--)
            index[axis] = 0;
    }
}

/* The last axis of every format of rank 4 is unblocked. */
static void pack_row(const HpPlaces *places, int64_t extent, float *plain, float *packed)
{
    int64_t stride = places->stride[places->rank - 1];
    for (int64_t i = 0; i < extent; i++)
        packed[i * stride] = plain[i];
}

static void unpack_row(const HpPlaces *places, int64_t extent, float *plain, float *packed)
{
    int64_t stride = places->stride[places->rank - 1];
    for (int64_t i = 0; i < extent; i++)
        plain[i] = packed[i * stride];
}

void hp_format_pack(HpFormat format, int rank, const int64_t *shape, const float *plain, float *packed)
{
    HpPlaces places = hp_format_places(format, rank, shape);
    if (format == HP_FORMAT_PLAIN) {
        memcpy(packed, plain, (size_t)places.count * sizeof(float));
        return;
    }
    memset(packed, 0, (size_t)places.count * sizeof(float));
    visit_rows(&places, shape, pack_row, (float *)plain, packed);
}

void hp_format_unpack(HpFormat format, int rank, const int64_t *shape, const float *packed, float *plain)
{
    HpPlaces places = hp_format_places(format, rank, shape);
    if (format == HP_FORMAT_PLAIN)
        memcpy(plain, packed, (size_t)places.count * sizeof(float));
    else
        visit_rows(&places, shape, unpack_row, plain, (float *)packed);
}
