/* Recorded tensors and the numbers they were made from: see README.md in this folder. */
#ifndef HPANET_TESTS_VECTORS_H
#define HPANET_TESTS_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VECTOR_ENTRIES = 64, VECTOR_PROJECTIONS = 8, VECTOR_LOSSES = 20, VECTOR_MAX_RANK = 6 };

typedef struct VectorTensor {
    char *name;
    int rank;
    int64_t extents[VECTOR_MAX_RANK];
    double norm, largest;
    double single; /* the error of PyTorch's own single precision */
    double entries[VECTOR_ENTRIES], projections[VECTOR_PROJECTIONS];
} VectorTensor;

typedef struct Vectors {
    VectorTensor *tensors;
    int count;
    double losses[VECTOR_LOSSES], losses_single[VECTOR_LOSSES];
} Vectors;

/* Reads FOLDER/tests/vectors/FILE, FOLDER from $HPANET_ROOT; a file that is not as it should be ends the
 * program. */
Vectors *vectors_read(const char *file);
void vectors_free(Vectors *vectors);
const VectorTensor *vectors_find(const Vectors *vectors, const char *name); /* NULL: not there */

/* Fills the input tensor `name`, row-major. */
void vectors_fill(const char *name, int rank, const int64_t *extents, double *values);

/* The largest error of what was recorded: entries by the largest element, norm and projections by the norm.
 */
double vectors_error(const VectorTensor *tensor, const double *values);

int64_t vectors_elements(const VectorTensor *tensor);

#endif
