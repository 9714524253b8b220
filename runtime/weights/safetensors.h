/* safetensors: the only format for weights, optimizer state and checkpoints.
 *
 * The reader is strict: everything the format forbids is refused with a reason, nothing is allocated from a
 * number that the file's length does not bear out. The writer replaces a file as a whole or leaves it as it
 * was. */
#ifndef HPART_SAFETENSORS_H
#define HPART_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum HpTensorType {
#define HP_TENSOR_TYPE(NAME, bits) HP_TENSOR_##NAME,
#include "types.def"
#undef HP_TENSOR_TYPE
    HP_TENSOR_TYPE_COUNT
} HpTensorType;

enum { HP_TENSOR_MAX_RANK = 8 };

typedef struct HpTensor {
    const char *name;
    HpTensorType type;
    int rank;
    int64_t shape[HP_TENSOR_MAX_RANK];
    int64_t count;       /* product of the shape */
    uint64_t begin, end; /* bytes from the start of the data */
} HpTensor;

const char *hp_tensor_type_name(HpTensorType type);
/* "[64, 3, 7, 7]", in a buffer the caller frees. */
char *hp_shape_text(int rank, const int64_t *shape);

/* ---- reading ---- */

typedef struct HpTensorFile HpTensorFile;

/* NULL on failure: *why (to be freed) then says what is wrong with the file, beginning with the reason's name
 * ("InvalidOffset: ..."). A file that carries our checksum is verified as a whole. */
HpTensorFile *hp_tensors_open(const char *path, char **why);
void hp_tensors_close(HpTensorFile *file);
const char *hp_tensors_path(const HpTensorFile *file);
int64_t hp_tensors_count(const HpTensorFile *file);
const HpTensor *hp_tensors_at(const HpTensorFile *file, int64_t index); /* in the order of their data */
const HpTensor *hp_tensors_find(const HpTensorFile *file, const char *name);
const char *hp_tensors_metadata(const HpTensorFile *file, const char *key); /* or NULL */

/* The bytes as they are. False with errno when the file cannot be read. */
bool hp_tensors_read(const HpTensorFile *file, const HpTensor *tensor, void *out);
/* F32, F16, BF16 and F64 as floats; other types are false with errno EINVAL. */
bool hp_tensors_read_floats(const HpTensorFile *file, const HpTensor *tensor, float *out);

/* ---- writing ---- */

typedef struct HpTensorWriter HpTensorWriter;

/* Fills `out` with the tensor's bytes; called once per tensor, in the order of hp_writer_add. */
typedef void (*HpTensorSource)(void *user, void *out);

HpTensorWriter *hp_writer_new(void);
void hp_writer_metadata(HpTensorWriter *writer, const char *key, const char *value);
void hp_writer_add(HpTensorWriter *writer, const char *name, HpTensorType type, int rank,
                   const int64_t *shape, HpTensorSource source, void *user);
/* Writes "PATH.partial", fsyncs it, renames it, fsyncs the folder. False with errno: the old file is
 * untouched. */
bool hp_writer_save(HpTensorWriter *writer, const char *path);
void hp_writer_free(HpTensorWriter *writer);

#endif
