#include "attributes.h"

#include <string.h>

#define FIELD(name, type, member, count, usual)                                                              \
    {                                                                                                        \
        name, type, offsetof(Attributes, member), count, usual                                               \
    }

static const AttributeField constant_fields[] = {FIELD("value", FIELD_NUMBER, constant, 1, FIELD_ALWAYS)};
static const AttributeField image_fields[] = {
    FIELD("batch", FIELD_INTEGER, image.batch, 1, FIELD_ALWAYS),
    FIELD("planes", FIELD_INTEGER, image.planes, 1, FIELD_ALWAYS),
    FIELD("height", FIELD_INTEGER, image.height, 1, FIELD_ALWAYS),
    FIELD("width", FIELD_INTEGER, image.width, 1, FIELD_ALWAYS),
    FIELD("padding", FIELD_INTEGER, image.padding, 1, 0),
    FIELD("augmented", FIELD_FLAG, image.augmented, 1, FIELD_ALWAYS)};
static const AttributeField random_fields[] = {FIELD("path", FIELD_TEXT, random.path, 1, FIELD_ALWAYS),
                                               FIELD("extents", FIELD_SHAPE, random.shape, 1, FIELD_ALWAYS)};
static const AttributeField axes_fields[] = {FIELD("axes", FIELD_AXES, axes, 1, FIELD_ALWAYS)};
static const AttributeField permutation_fields[] = {
    FIELD("permutation", FIELD_INDEX, permutation, FIELD_COUNT_RANK, FIELD_ALWAYS)};
static const AttributeField slice_fields[] = {
    FIELD("start", FIELD_INTEGER, slice.start, FIELD_COUNT_RANK, FIELD_ALWAYS),
    FIELD("extent", FIELD_INTEGER, slice.extent, FIELD_COUNT_RANK, FIELD_ALWAYS),
    FIELD("step", FIELD_INTEGER, slice.step, FIELD_COUNT_RANK, 1)};
static const AttributeField pad_fields[] = {
    FIELD("before", FIELD_INTEGER, pad.before, FIELD_COUNT_RANK, FIELD_ALWAYS),
    FIELD("after", FIELD_INTEGER, pad.after, FIELD_COUNT_RANK, FIELD_ALWAYS),
    FIELD("value", FIELD_NUMBER, pad.value, 1, FIELD_ALWAYS)};
static const AttributeField concat_fields[] = {FIELD("axis", FIELD_INDEX, concat, 1, FIELD_ALWAYS)};
static const AttributeField upsample_fields[] = {FIELD("factors", FIELD_INTEGER, upsample, 2, FIELD_ALWAYS)};
static const AttributeField window_fields[] = {
    FIELD("kernel", FIELD_INTEGER, window.kernel, 2, FIELD_ALWAYS),
    FIELD("stride", FIELD_INTEGER, window.stride, 2, FIELD_ALWAYS),
    FIELD("pad_before", FIELD_INTEGER, window.pad_before, 2, 0),
    FIELD("pad_after", FIELD_INTEGER, window.pad_after, 2, 0),
    FIELD("count_padding", FIELD_FLAG, window.count_padding, 1, FIELD_ALWAYS),
    FIELD("input_extent", FIELD_INTEGER, window.input_extent, 2, 0)};
static const AttributeField convolution_fields[] = {
    FIELD("stride", FIELD_INTEGER, convolution.stride, 2, FIELD_ALWAYS),
    FIELD("pad_before", FIELD_INTEGER, convolution.pad_before, 2, 0),
    FIELD("pad_after", FIELD_INTEGER, convolution.pad_after, 2, 0),
    FIELD("dilation", FIELD_INTEGER, convolution.dilation, 2, 1),
    FIELD("groups", FIELD_INTEGER, convolution.groups, 1, 1),
    FIELD("missing", FIELD_INTEGER, convolution.missing, 2, 0)};
static const AttributeField matmul_fields[] = {
    FIELD("transpose_a", FIELD_FLAG, matmul.transpose_a, 1, FIELD_ALWAYS),
    FIELD("transpose_b", FIELD_FLAG, matmul.transpose_b, 1, FIELD_ALWAYS)};
static const AttributeField batchnorm_fields[] = {
    FIELD("epsilon", FIELD_NUMBER, batchnorm.epsilon, 1, FIELD_ALWAYS),
    FIELD("momentum", FIELD_NUMBER, batchnorm.momentum, 1, FIELD_ALWAYS),
    FIELD("batch_statistics", FIELD_FLAG, batchnorm.batch_statistics, 1, FIELD_ALWAYS),
    FIELD("update_statistics", FIELD_FLAG, batchnorm.update_statistics, 1, FIELD_ALWAYS)};

#define KIND(kind) [ATTRIBUTE_##kind] = {kind##_fields, sizeof kind##_fields / sizeof kind##_fields[0]}
static const struct {
    const AttributeField *fields;
    int count;
} kinds[] = {[ATTRIBUTE_none] = {NULL, 0},
             KIND(constant),
             KIND(image),
             KIND(random),
             KIND(axes),
             KIND(permutation),
             KIND(slice),
             KIND(pad),
             KIND(concat),
             KIND(upsample),
             KIND(window),
             KIND(convolution),
             KIND(matmul),
             KIND(batchnorm)};

const AttributeField *attribute_fields(AttributeKind kind, int *count)
{
    *count = kinds[kind].count;
    return kinds[kind].fields;
}

int attribute_field_count(const AttributeField *field, int rank)
{
    return field->count == FIELD_COUNT_RANK ? rank : field->count;
}

static size_t type_size(FieldType type)
{
    switch (type) {
    case FIELD_INTEGER: return sizeof(int64_t);
    case FIELD_INDEX: return sizeof(int);
    case FIELD_NUMBER: return sizeof(double);
    case FIELD_FLAG: return sizeof(bool);
    case FIELD_AXES: return sizeof(unsigned);
    case FIELD_TEXT:
    case FIELD_SHAPE: break;
    }
    internal_error("a field of type %d has no plain bytes", type);
}

static bool field_equal(const AttributeField *field, int rank, const char *a, const char *b)
{
    if (field->type == FIELD_TEXT)
        return strcmp(*(const char *const *)a, *(const char *const *)b) == 0;
    if (field->type == FIELD_SHAPE)
        return shape_equal(*(const Shape *)a, *(const Shape *)b);
    size_t bytes = (size_t)attribute_field_count(field, rank) * type_size(field->type);
    return memcmp(a, b, bytes) == 0; /* numbers too: 0 and -0 are different constants, a NaN equals itself */
}

bool attributes_equal(Op op, int rank, const Attributes *a, const Attributes *b)
{
    int count;
    const AttributeField *fields = attribute_fields(op_table[op].attributes, &count);
    for (int i = 0; i < count; i++)
        if (!field_equal(&fields[i], rank, (const char *)a + fields[i].offset,
                         (const char *)b + fields[i].offset))
            return false;
    return true;
}

/* FNV-1a, 64 bits. */
static uint64_t hash_bytes(uint64_t hash, const void *data, size_t length)
{
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ ((const unsigned char *)data)[i]) * 1099511628211u;
    return hash;
}

uint64_t attributes_hash(Op op, int rank, const Attributes *attributes)
{
    int count;
    const AttributeField *fields = attribute_fields(op_table[op].attributes, &count);
    uint64_t hash = 14695981039346656037u;
    for (int i = 0; i < count; i++) {
        const char *data = (const char *)attributes + fields[i].offset;
        if (fields[i].type == FIELD_TEXT) {
            hash = hash_bytes(hash, *(const char *const *)data, strlen(*(const char *const *)data));
        } else if (fields[i].type == FIELD_SHAPE) {
            const Shape *shape = (const Shape *)data;
            hash = hash_bytes(hash, shape->extents, sizeof shape->extents[0] * (size_t)shape->rank);
        } else {
            hash = hash_bytes(hash, data,
                              (size_t)attribute_field_count(&fields[i], rank) * type_size(fields[i].type));
        }
    }
    return hash;
}
