/* Recorded tensors and the numbers they were made from: see README.md in this folder. */
#ifndef HPANET_TESTS_VECTORS_H
#define HPANET_TESTS_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    VECTOR_ENTRIES = 64,
    VECTOR_PROJECTIONS = 8,
    VECTOR_LOSSES = 20,
    VECTOR_MAX_RANK = 6,
    VECTOR_MAX_NAME = 256
};

typedef struct VectorTensor {
    char *name;
    int rank;
    int64_t extents[VECTOR_MAX_RANK];
    double norm, largest;
    double single; /* the error of PyTorch's own single precision */
    double entries[VECTOR_ENTRIES], projections[VECTOR_PROJECTIONS];
} VectorTensor;

typedef struct VectorNamed {
    char *name;
    double value;
} VectorNamed;

typedef struct Vectors {
    int64_t image[VECTOR_MAX_RANK]; /* its extents: rows, planes, height, width */
    bool smooth;                    /* the network has no kinks */
    VectorNamed *numbers, *scales;  /* of the tensors that go in */
    int number_count, scale_count;
    int entries, projections, steps; /* how much of a tensor, and how many losses, are recorded */
    VectorTensor *tensors;
    int count;
    double losses[VECTOR_LOSSES], losses_single[VECTOR_LOSSES];
} Vectors;

/* Reads FOLDER/tests/vectors/FILE, FOLDER from $HPANET_ROOT; a file that is not as it should be ends the
 * program. */
Vectors *vectors_read(const char *file);
void vectors_free(Vectors *vectors);
const VectorTensor *vectors_find(const Vectors *vectors, const char *name); /* NULL: not there */

/* Fills the input tensor `name`, row-major; with vectors == NULL none has a number or a scale. */
void vectors_fill(const Vectors *vectors, const char *name, int rank, const int64_t *extents, double *values);

/* 0 but for rounding: the gradient of a constant in front of a batch norm. */
bool vectors_is_zero(const VectorTensor *tensor);

/* The largest error of what was recorded: entries by the largest element, norm and projections by the norm;
 * of a zero as they are. */
double vectors_error(const Vectors *vectors, const VectorTensor *tensor, const double *values);

/* "64x3x7x7": its rank, 0 when it is none. */
int vectors_shape(const char *text, int64_t extents[VECTOR_MAX_RANK]);

int64_t vectors_elements(const VectorTensor *tensor);

#endif
