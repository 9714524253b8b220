/* The strict safetensors reader. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../base/base.h"
#include "internal.h"

/* The reference implementation's limit. */
enum { MAX_HEADER_BYTES = 100000000 };

struct HpTensorFile {
    char *path;
    int descriptor;
    uint64_t data_offset, data_bytes;
    json_t *header;
    HpTensor *tensors; /* by their place in the data */
    HpTensor **by_name;
    int64_t count;
};

static const struct {
    const char *name;
    unsigned bits;
} tensor_types[HP_TENSOR_TYPE_COUNT] = {
#define HP_TENSOR_TYPE(NAME, bits) {#NAME, bits},
#include "types.def"
#undef HP_TENSOR_TYPE
};

const char *hp_tensor_type_name(HpTensorType type)
{
    return tensor_types[type].name;
}

char *hp_shape_text(int rank, const int64_t *shape)
{
    char *text = hp_string("[");
    for (int i = 0; i < rank; i++) {
        char *longer = hp_format("%s%s%lld", text, i ? ", " : "", (long long)shape[i]);
        free(text);
        text = longer;
    }
    char *closed = hp_format("%s]", text);
    free(text);
    return closed;
}

static bool read_at(int descriptor, void *out, uint64_t bytes, uint64_t offset)
{
    char *cursor = out;
    while (bytes > 0) {
        size_t chunk = bytes < (1u << 30) ? (size_t)bytes : (1u << 30);
        ssize_t got = pread(descriptor, cursor, chunk, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            errno = got < 0 ? errno : EIO; /* the file became shorter while it was read */
            return false;
        }
        cursor += got;
        offset += (uint64_t)got;
        bytes -= (uint64_t)got;
    }
    return true;
}

/* Stores a reason and gives false, so that checks can end with `return refuse(...)`. */
static bool __attribute__((format(printf, 2, 3))) refuse(char **why, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        hp_bug("vasprintf failed");
    va_end(arguments);
    *why = text;
    return false;
}

/* Bytes of `count` elements; false when the bits overflow or do not end at a byte. */
static bool tensor_bytes(HpTensorType type, uint64_t count, uint64_t *bytes)
{
    uint64_t bits;
    if (__builtin_mul_overflow(count, (uint64_t)tensor_types[type].bits, &bits) || bits % 8)
        return false;
    *bytes = bits / 8;
    return true;
}

static bool parse_shape(const json_t *shape, HpTensor *tensor, char **why)
{
    if (!json_is_array(shape) || json_array_size(shape) > HP_TENSOR_MAX_RANK)
        return refuse(why, "TensorInvalidInfo: the shape of \"%s\" is not a list of at most %d extents",
                      tensor->name, HP_TENSOR_MAX_RANK);
    tensor->rank = (int)json_array_size(shape);
    tensor->count = 1;
    for (int i = 0; i < tensor->rank; i++) {
        const json_t *extent = json_array_get(shape, (size_t)i);
        if (!json_is_integer(extent) || json_integer_value(extent) < 0)
            return refuse(why, "TensorInvalidInfo: extent %d of \"%s\" is not a whole number", i,
                          tensor->name);
        tensor->shape[i] = json_integer_value(extent);
        if (__builtin_mul_overflow(tensor->count, tensor->shape[i], &tensor->count))
            return refuse(why, "ValidationOverflow: the shape of \"%s\" has more than 2^63 elements",
                          tensor->name);
    }
    return true;
}

static bool parse_type(const json_t *type, HpTensor *tensor, char **why)
{
    const char *name = json_string_value(type);
    for (int i = 0; name && i < HP_TENSOR_TYPE_COUNT; i++) {
        if (strcmp(name, tensor_types[i].name) == 0) {
            tensor->type = (HpTensorType)i;
            return true;
        }
    }
    return refuse(why, "TensorInvalidInfo: \"%s\" has the unknown dtype %s", tensor->name,
                  name ? name : "(no text)");
}

static bool parse_offsets(const json_t *offsets, HpTensor *tensor, char **why)
{
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end) ||
        json_integer_value(begin) < 0 || json_integer_value(end) < json_integer_value(begin))
        return refuse(why,
                      "InvalidOffset: data_offsets of \"%s\" are not two whole numbers, the first not larger",
                      tensor->name);
    tensor->begin = (uint64_t)json_integer_value(begin);
    tensor->end = (uint64_t)json_integer_value(end);
    return true;
}

static bool parse_tensor(const char *name, const json_t *info, HpTensor *tensor, char **why)
{
    static const char *const keys[] = {"dtype", "shape", "data_offsets"};
    tensor->name = name;
    if (!json_is_object(info) || json_object_size(info) != 3)
        return refuse(why, "TensorInvalidInfo: \"%s\" needs exactly dtype, shape and data_offsets", name);
    for (int i = 0; i < 3; i++)
        if (!json_object_get(info, keys[i]))
            return refuse(why, "TensorInvalidInfo: \"%s\" has no %s", name, keys[i]);
    if (!parse_type(json_object_get(info, "dtype"), tensor, why) ||
        !parse_shape(json_object_get(info, "shape"), tensor, why) ||
        !parse_offsets(json_object_get(info, "data_offsets"), tensor, why))
        return false;
    uint64_t bytes;
    if (!tensor_bytes(tensor->type, (uint64_t)tensor->count, &bytes))
        return refuse(why, "ValidationOverflow: the size of \"%s\" overflows or does not end at a byte",
                      name);
    if (bytes != tensor->end - tensor->begin)
        return refuse(
            why, "TensorInvalidInfo: \"%s\" takes %llu bytes by shape and dtype but data_offsets give %llu",
            name, (unsigned long long)bytes, (unsigned long long)(tensor->end - tensor->begin));
    return true;
}

static int compare_place(const void *a, const void *b)
{
    const HpTensor *left = a, *right = b;
    if (left->begin != right->begin)
        return left->begin < right->begin ? -1 : 1;
    if (left->end != right->end)
        return left->end < right->end ? -1 : 1;
    return strcmp(left->name, right->name);
}

static int compare_name(const void *a, const void *b)
{
    return strcmp((*(HpTensor *const *)a)->name, (*(HpTensor *const *)b)->name);
}

/* Sorted by place the tensors must fill the data from its start to its end. */
static bool check_places(const HpTensorFile *file, char **why)
{
    uint64_t end = 0;
    for (int64_t i = 0; i < file->count; i++) {
        const HpTensor *tensor = &file->tensors[i];
        if (tensor->begin != end)
            return refuse(
                why, "InvalidOffset: \"%s\" begins at byte %llu of the data, which leaves %s (%llu expected)",
                tensor->name, (unsigned long long)tensor->begin,
                tensor->begin > end ? "a hole" : "an overlap", (unsigned long long)end);
        end = tensor->end;
    }
    if (end != file->data_bytes)
        return refuse(
            why, "MetadataIncompleteBuffer: the tensors end at byte %llu of the data, the file at %llu (%s)",
            (unsigned long long)end, (unsigned long long)file->data_bytes,
            end > file->data_bytes ? "it was cut off" : "it has bytes that belong to nothing");
    return true;
}

static bool check_metadata(const json_t *metadata, char **why)
{
    const char *key;
    json_t *value;
    if (metadata && !json_is_object(metadata))
        return refuse(why, "InvalidHeader: __metadata__ is not an object");
    json_object_foreach((json_t *)metadata, key, value)
    {
        if (!json_is_string(value))
            return refuse(why, "InvalidHeader: __metadata__ \"%s\" is not text", key);
    }
    return true;
}

static bool parse_header(HpTensorFile *file, char **why)
{
    const char *name;
    json_t *info;
    if (!check_metadata(json_object_get(file->header, "__metadata__"), why))
        return false;
    size_t entries = json_object_size(file->header);
    file->tensors = hp_alloc(entries + 1, sizeof *file->tensors);
    file->by_name = hp_alloc(entries + 1, sizeof *file->by_name);
    json_object_foreach(file->header, name, info)
    {
        if (strcmp(name, "__metadata__") == 0)
            continue;
        if (!parse_tensor(name, info, &file->tensors[file->count], why))
            return false;
        file->count++;
    }
    qsort(file->tensors, (size_t)file->count, sizeof *file->tensors, compare_place);
    for (int64_t i = 0; i < file->count; i++)
        file->by_name[i] = &file->tensors[i];
    qsort(file->by_name, (size_t)file->count, sizeof(HpTensor *), compare_name);
    return check_places(file, why);
}

static bool is_ours(const HpTensorFile *file)
{
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(file->header, "__metadata__"), key, value)
    {
        if (strncmp(key, HP_OUR_KEYS, strlen(HP_OUR_KEYS)) == 0)
            return true;
    }
    return false;
}

/* Our own files say the hash of all their bytes: see hp_writer_save. */
static bool check_sum(const HpTensorFile *file, char *header, uint64_t header_bytes, char **why)
{
    const char *claimed = hp_tensors_metadata(file, HP_CHECKSUM_KEY);
    if (!claimed)
        return !is_ours(file) ||
               refuse(why, "ChecksumMissing: hpanet wrote this file, and not without a checksum");
    char *place = memmem(header, header_bytes, HP_CHECKSUM_ENTRY, strlen(HP_CHECKSUM_ENTRY));
    if (!place || strlen(claimed) != HP_CHECKSUM_DIGITS)
        return refuse(why, "InvalidHeader: the checksum is not as hpanet writes it");
    place += strlen(HP_CHECKSUM_ENTRY);
    char *expected = hp_string(claimed);
    memset(place, '0', HP_CHECKSUM_DIGITS);
    uint64_t hash = hp_hash(header, header_bytes, 0);
    uint64_t largest = 0;
    for (int64_t i = 0; i < file->count; i++)
        if (file->tensors[i].end - file->tensors[i].begin > largest)
            largest = file->tensors[i].end - file->tensors[i].begin;
    char *buffer = hp_alloc(largest + 1, 1);
    bool read = true;
    for (int64_t i = 0; i < file->count && read; i++) {
        const HpTensor *tensor = &file->tensors[i];
        read = hp_tensors_read(file, tensor, buffer);
        hash = hp_hash(buffer, tensor->end - tensor->begin, hash);
    }
    free(buffer);
    char *found = hp_format(HP_CHECKSUM_FORMAT, (unsigned long long)hash);
    bool same = strcmp(found, expected) == 0;
    free(found);
    free(expected);
    if (!read)
        return refuse(why, "the data cannot be read: %s", strerror(errno));
    return same || refuse(why, "ChecksumMismatch: the file was damaged after it was written");
}

static bool read_file(HpTensorFile *file, char **why)
{
    struct stat status;
    file->descriptor = open(file->path, O_RDONLY | O_CLOEXEC);
    if (file->descriptor < 0 || fstat(file->descriptor, &status) != 0)
        return refuse(why, "%s", strerror(errno));
    if (!S_ISREG(status.st_mode))
        return refuse(why, "it is not a regular file");
    uint64_t bytes = (uint64_t)status.st_size;
    unsigned char prefix[8];
    if (bytes < sizeof prefix)
        return refuse(why, "HeaderTooSmall: %llu bytes are too few for a safetensors file",
                      (unsigned long long)bytes);
    if (!read_at(file->descriptor, prefix, sizeof prefix, 0))
        return refuse(why, "%s", strerror(errno));
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--)
        length = length << 8 | prefix[i];
    if (length > MAX_HEADER_BYTES)
        return refuse(why, "HeaderTooLarge: a header of %llu bytes; is this a safetensors file?",
                      (unsigned long long)length);
    if (length > bytes - sizeof prefix)
        return refuse(why, "InvalidHeaderLength: the header's %llu bytes reach past the end of the file",
                      (unsigned long long)length);
    char *header = hp_alloc(length + 1, 1);
    json_error_t error;
    bool good =
        read_at(file->descriptor, header, length, sizeof prefix) || refuse(why, "%s", strerror(errno));
    if (good && header[0] != '{')
        good = refuse(why, "InvalidHeader: the header does not begin with '{'");
    if (good && !(file->header = json_loadb(header, length, JSON_REJECT_DUPLICATES, &error)))
        good = refuse(why, "InvalidHeader: %s (byte %d of the header)", error.text, error.position);
    file->data_offset = sizeof prefix + length;
    file->data_bytes = bytes - file->data_offset;
    good = good && parse_header(file, why) && check_sum(file, header, length, why);
    free(header);
    return good;
}

HpTensorFile *hp_tensors_open(const char *path, char **why)
{
    HpTensorFile *file = hp_alloc(1, sizeof *file);
    file->descriptor = -1;
    file->path = hp_string(path);
    *why = NULL;
    if (read_file(file, why))
        return file;
    hp_tensors_close(file);
    return NULL;
}

void hp_tensors_close(HpTensorFile *file)
{
    if (!file)
        return;
    if (file->descriptor >= 0)
        close(file->descriptor);
    json_decref(file->header);
    free(file->tensors);
    free(file->by_name);
    free(file->path);
    free(file);
}

const char *hp_tensors_path(const HpTensorFile *file)
{
    return file->path;
}

int64_t hp_tensors_count(const HpTensorFile *file)
{
    return file->count;
}

const HpTensor *hp_tensors_at(const HpTensorFile *file, int64_t index)
{
    return &file->tensors[index];
}

const HpTensor *hp_tensors_find(const HpTensorFile *file, const char *name)
{
    HpTensor key = {.name = name}, *pointer = &key;
    HpTensor **found =
        bsearch(&pointer, file->by_name, (size_t)file->count, sizeof(HpTensor *), compare_name);
    return found ? *found : NULL;
}

const char *hp_tensors_metadata(const HpTensorFile *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}

bool hp_tensors_read(const HpTensorFile *file, const HpTensor *tensor, void *out)
{
    return read_at(file->descriptor, out, tensor->end - tensor->begin, file->data_offset + tensor->begin);
}

static float half_to_float(uint16_t half)
{
    int exponent = half >> 10 & 31, mantissa = half & 1023;
    float sign = half >> 15 ? -1.0f : 1.0f;
    if (exponent == 31)
        return mantissa ? NAN : sign * INFINITY;
    return sign * (exponent ? ldexpf((float)(mantissa + 1024), exponent - 25) : ldexpf((float)mantissa, -24));
}

static float bfloat_to_float(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

bool hp_tensors_read_floats(const HpTensorFile *file, const HpTensor *tensor, float *out)
{
    if (tensor->type == HP_TENSOR_F32)
        return hp_tensors_read(file, tensor, out);
    if (tensor->type != HP_TENSOR_F16 && tensor->type != HP_TENSOR_BF16 && tensor->type != HP_TENSOR_F64) {
        errno = EINVAL;
        return false;
    }
    void *raw = hp_alloc(tensor->end - tensor->begin + 1, 1);
    bool good = hp_tensors_read(file, tensor, raw);
    for (int64_t i = 0; i < tensor->count && good; i++) {
        if (tensor->type == HP_TENSOR_F64)
            out[i] = (float)((const double *)raw)[i];
        else
            out[i] =
                (tensor->type == HP_TENSOR_F16 ? half_to_float : bfloat_to_float)(((const uint16_t *)raw)[i]);
    }
    free(raw);
    return good;
}
