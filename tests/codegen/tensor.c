#include "tensor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "compiler/passes/format.h"
#include "tests/pass/random_graph.h"
#include "tests/simt/number.h"

/* Where each element lies, row-major; to be freed. Axis by axis, every place so far becomes as many as the
 * axis is long. */
static int64_t *element_places(const HpPlaces *places, Shape shape)
{
    int64_t total = shape_count(shape), count = 1;
    int64_t *at = malloc((size_t)(total ? total : 1) * sizeof *at);
    assert_non_null(at);
    at[0] = 0;
    for (int axis = 0; axis < shape.rank && total > 0; axis++) {
        int64_t extent = shape.extents[axis];
        for (int64_t i = count - 1; i >= 0; i--) {
            const int64_t first = at[i];
            for (int64_t k = extent - 1; k >= 0; k--)
                at[i * extent + k] = first + k / places->block[axis] * places->stride[axis] +
                                     k % places->block[axis] * places->inner_stride[axis];
        }
        count *= extent;
    }
    return at;
}

void tensor_write(Tensor tensor, const double *values)
{
    HpPlaces places = format_places(tensor.format, tensor.shape, tensor.channels);
    int64_t count = shape_count(tensor.shape);
    char *memory = (char *)tensor.memory;
    if (!tensor.channels)
        memset(memory, 0, (size_t)(places.count * hp_data_type_bytes(tensor.dtype)));
    int64_t *at = element_places(&places, tensor.shape);
    for (int64_t i = 0; i < count; i++)
        simt_number_put(tensor.dtype, memory, at[i], values[i]);
    free(at);
}

void tensor_round(HpDataType dtype, double *values, int64_t count)
{
    int64_t stored;
    for (int64_t i = 0; i < count; i++) {
        simt_number_put(dtype, &stored, 0, values[i]);
        values[i] = simt_number_get(dtype, &stored, 0);
    }
}

double *tensor_read(Tensor tensor, const char *what)
{
    HpPlaces places = format_places(tensor.format, tensor.shape, tensor.channels);
    int64_t count = shape_count(tensor.shape);
    double *found = malloc((size_t)(count ? count : 1) * sizeof *found);
    char *is_element = calloc((size_t)places.count, 1);
    assert_non_null(found);
    assert_non_null(is_element);
    int64_t *at = element_places(&places, tensor.shape);
    for (int64_t i = 0; i < count; i++) {
        found[i] = simt_number_get(tensor.dtype, tensor.memory, at[i]);
        if (!tensor.channels)
            is_element[at[i]] = 1;
    }
    for (int64_t i = 0; i < places.count && !tensor.channels; i++)
        if (!is_element[i] && simt_number_get(tensor.dtype, tensor.memory, i) != 0)
            fail_msg("%s: the padding at %lld is %g, not 0", what, (long long)i,
                     simt_number_get(tensor.dtype, tensor.memory, i));
    free(at);
    free(is_element);
    return found;
}

static double largest_of(const double *values, int64_t count)
{
    double largest = 0;
    for (int64_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(values[i]));
    return largest;
}

double tensor_error(Tensor tensor, const double *values, double floor, const char *what)
{
    int64_t count = shape_count(tensor.shape);
    double *found = tensor_read(tensor, what);
    double error = random_error(found, values, count);
    double largest = largest_of(values, count);
    if (largest < floor) /* it forgives the rounding of a zero, such as the variance of equal numbers */
        error *= largest / floor;
    free(found);
    return error;
}

/* Of the last place of a number of this size. */
static double unit_of(HpDataType dtype, double value)
{
    int digits = dtype == HP_F16 ? 10 : 7, smallest = dtype == HP_F16 ? -14 : -126;
    return ldexp(1, (int)fmax(value == 0 ? smallest : floor(log2(fabs(value))), smallest) - digits);
}

double tensor_units(Tensor tensor, const double *values, double slack, const char *what)
{
    int64_t count = shape_count(tensor.shape);
    double *found = tensor_read(tensor, what);
    double worst = 0, lost = slack * largest_of(values, count);
    for (int64_t i = 0; i < count; i++) {
        double stored = values[i];
        tensor_round(tensor.dtype, &stored, 1);
        if (found[i] == stored || (isnan(found[i]) && isnan(stored))) /* an infinity among them */
            continue;
        double units = (fabs(found[i] - values[i]) - lost) / unit_of(tensor.dtype, values[i]);
        worst = units <= worst ? worst : isnan(units) ? INFINITY : units;
    }
    free(found);
    return worst;
}
