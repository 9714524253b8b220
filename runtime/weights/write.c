/* The safetensors writer: a file is replaced as a whole or stays as it was. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../base/base.h"
#include "internal.h"

typedef struct Entry {
    uint64_t bytes;
    HpTensorSource source;
    void *user;
} Entry;

struct HpTensorWriter {
    json_t *header, *metadata;
    Entry *entries;
    size_t count;
    uint64_t data_bytes, largest;
};

static json_t *checked(json_t *value)
{
    if (!value)
        hp_fail("out of memory, or a name that is not UTF-8, while a safetensors header was made");
    return value;
}

HpTensorWriter *hp_writer_new(void)
{
    HpTensorWriter *writer = hp_alloc(1, sizeof *writer);
    writer->header = checked(json_object());
    writer->metadata = checked(json_object());
    json_object_set_new(writer->header, "__metadata__", writer->metadata);
    hp_writer_metadata(writer, HP_CHECKSUM_KEY, "0000000000000000");
    return writer;
}

void hp_writer_metadata(HpTensorWriter *writer, const char *key, const char *value)
{
    json_object_set_new(writer->metadata, key, checked(json_string(value)));
}

static uint64_t element_bytes(HpTensorType type)
{
    switch (type) {
    case HP_TENSOR_F32: return 4;
    case HP_TENSOR_F64:
    case HP_TENSOR_I64: return 8;
    default: hp_bug("safetensors of type %s are not written", hp_tensor_type_name(type));
    }
}

void hp_writer_add(HpTensorWriter *writer, const char *name, HpTensorType type, int rank,
                   const int64_t *shape, HpTensorSource source, void *user)
{
    uint64_t bytes = element_bytes(type);
    json_t *extents = checked(json_array());
    for (int i = 0; i < rank; i++) {
        json_array_append_new(extents, checked(json_integer(shape[i])));
        if (__builtin_mul_overflow(bytes, (uint64_t)shape[i], &bytes))
            hp_bug("the size of \"%s\" overflows", name);
    }
    if (json_object_get(writer->header, name))
        hp_bug("\"%s\" is written twice", name);
    json_object_set_new(writer->header, name,
                        checked(json_pack("{s:s, s:o, s:[I,I]}", "dtype", hp_tensor_type_name(type), "shape",
                                          extents, "data_offsets", (json_int_t)writer->data_bytes,
                                          (json_int_t)(writer->data_bytes + bytes))));
    writer->entries = hp_realloc(writer->entries, writer->count + 1, sizeof *writer->entries);
    writer->entries[writer->count++] = (Entry){bytes, source, user};
    writer->data_bytes += bytes;
    if (bytes > writer->largest)
        writer->largest = bytes;
}

static bool write_all(int descriptor, const void *data, uint64_t bytes)
{
    const char *cursor = data;
    while (bytes > 0) {
        ssize_t put = write(descriptor, cursor, bytes < (1u << 30) ? (size_t)bytes : (1u << 30));
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        cursor += put;
        bytes -= (uint64_t)put;
    }
    return true;
}

/* The header with spaces behind it, so that the data begins at a multiple of 8 bytes; prefix included. */
static char *header_text(const HpTensorWriter *writer, uint64_t *length)
{
    char *json = json_dumps(writer->header, JSON_COMPACT);
    if (!json)
        hp_fail("out of memory while a safetensors header was made");
    uint64_t bytes = strlen(json), padded = (bytes + 7) / 8 * 8;
    char *text = hp_alloc(8 + padded, 1);
    for (int i = 0; i < 8; i++)
        text[i] = (char)(padded >> (8 * i) & 255);
    memcpy(text + 8, json, bytes);
    memset(text + 8 + bytes, ' ', padded - bytes);
    free(json);
    *length = 8 + padded;
    return text;
}

/* Header, tensors, and then the checksum in its place in the header. */
static bool write_content(const HpTensorWriter *writer, int descriptor)
{
    uint64_t length;
    char *header = header_text(writer, &length);
    char *buffer = hp_alloc(writer->largest + 1, 1);
    uint64_t hash = hp_hash(header + 8, length - 8, 0);
    bool good = write_all(descriptor, header, length);
    for (size_t i = 0; i < writer->count && good; i++) {
        const Entry *entry = &writer->entries[i];
        entry->source(entry->user, buffer);
        hash = hp_hash(buffer, entry->bytes, hash);
        good = write_all(descriptor, buffer, entry->bytes);
    }
    char *place = memmem(header, length, HP_CHECKSUM_ENTRY, strlen(HP_CHECKSUM_ENTRY));
    if (!place)
        hp_bug("the header has no place for the checksum");
    place += strlen(HP_CHECKSUM_ENTRY);
    char *digits = hp_format(HP_CHECKSUM_FORMAT, (unsigned long long)hash);
    good = good && pwrite(descriptor, digits, HP_CHECKSUM_DIGITS, place - header) == HP_CHECKSUM_DIGITS;
    free(digits);
    free(buffer);
    free(header);
    return good;
}

bool hp_writer_save(HpTensorWriter *writer, const char *path)
{
    char *partial = hp_format("%s.partial", path);
    int descriptor = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool good =
        descriptor >= 0 && write_content(writer, descriptor) && hp_sync_rename(descriptor, partial, path);
    int error = errno;
    if (descriptor >= 0) {
        close(descriptor); /* what it could report, the fsync before has */
        if (!good)
            unlink(partial);
    }
    free(partial);
    errno = error;
    return good;
}

void hp_writer_free(HpTensorWriter *writer)
{
    json_decref(writer->header);
    free(writer->entries);
    free(writer);
}
