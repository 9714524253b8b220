/* Tensors in memory against the interpreter's doubles. */
#ifndef HPANET_TESTS_CODEGEN_TENSOR_H
#define HPANET_TESTS_CODEGEN_TENSOR_H

#include "compiler/passes/schedule.h"

typedef struct Tensor {
    const char *memory;
    Shape shape;
    HpFormat format;
    HpDataType dtype;
    int64_t channels; /* of the concatenation it is a slice of; 0: it is in one piece */
} Tensor;

/* Padding becomes zero. */
void tensor_write(Tensor tensor, const double *values);

/* The elements, row-major, to be freed; fails where the padding is not zero. */
double *tensor_read(Tensor tensor, const char *what);

/* The nearest numbers that the type can store. */
void tensor_round(HpDataType dtype, double *values, int64_t count);

/* The error of a tensor, against the largest value or `floor` if that is larger; fails where its padding is
 * not zero. */
double tensor_error(Tensor tensor, const double *values, double floor, const char *what);

/* Of 16-bit numbers: by how many units of the last place an element is off, after `slack` of the largest
 * value, which sums in float may cost. */
double tensor_units(Tensor tensor, const double *values, double slack, const char *what);

#endif
