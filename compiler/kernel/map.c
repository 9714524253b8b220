/* Where an expression stands in a tensor, and what that means for addresses. */
#include <string.h>
#include "internal.h"

Form form_zero(void)
{
    return (Form){.divisor = 1};
}

Form form_axis(int axis)
{
    Form form = form_zero();
    form.factor[axis] = 1;
    return form;
}

bool form_equal(const Form *a, const Form *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

Map map_identity(Shape domain)
{
    Map map = {.rank = domain.rank};
    for (int i = 0; i < domain.rank; i++)
        map.axes[i] = domain.extents[i] == 1 ? form_zero() : form_axis(i);
    return map;
}

Map map_squeezed(Shape domain, Shape shape)
{
    Map map = {.rank = shape.rank};
    int from = 0;
    for (int i = 0; i < shape.rank; i++) {
        map.axes[i] = form_zero();
        if (shape.extents[i] == 1)
            continue;
        while (from < domain.rank && domain.extents[from] == 1)
            from++;
        if (from == domain.rank || domain.extents[from] != shape.extents[i])
            internal_error("a tensor does not fit the loops it is stored in");
        map.axes[i] = form_axis(from++);
    }
    return map;
}

bool map_equal(const Map *a, const Map *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (!form_equal(&a->axes[i], &b->axes[i]))
            return false;
    return true;
}

bool form_is_term(const Form *form)
{
    return form->divisor != 1 || form->factor[TAP_AXIS] || form->factor[TAP_AXIS + 1];
}

unsigned map_axes(const Map *map)
{
    unsigned axes = 0;
    for (int i = 0; i < map->rank; i++)
        for (int axis = 0; axis < KERNEL_AXES; axis++)
            if (map->axes[i].factor[axis])
                axes |= 1U << axis;
    return axes;
}

/* Adds what a step of `by` along an axis of the tensor does to the address: whole blocks, or lanes within
 * one. */
static int64_t step_stride(int64_t by, int64_t extent, int64_t block, int64_t stride, int64_t inner_stride)
{
    if (by % block == 0)
        return by / block * stride;
    if (by > 0 && by * (extent - 1) < block)
        return by * inner_stride;
    internal_error("a step of %lld does not fit blocks of %lld", (long long)by, (long long)block);
}

void access_resolve(const Kernel *kernel, Access *access)
{
    HpPlaces places =
        format_places(access->format, access->shape, access->buffer ? access->buffer->channels : 0);
    access->offset = 0;
    memset(access->stride, 0, sizeof access->stride);
    memset(access->term_stride, 0, sizeof access->term_stride);
    for (int i = 0; i < access->map.rank; i++) {
        const Form *form = &access->map.axes[i];
        int64_t block = places.block[i], stride = places.stride[i], inner = places.inner_stride[i];
        if (!access->buffer && i == 0)
            continue; /* elements are numbered within their row */
        if (form_is_term(form)) {
            if (block != 1)
                internal_error("a blocked axis is not read in step with the loops");
            access->term_stride[i] = stride;
            continue;
        }
        access->offset += step_stride(form->offset, block + 1, block, stride, inner); /* whole blocks */
        for (int l = 0; l < kernel->loop_count; l++) {
            const Loop *loop = &kernel->loops[l];
            int64_t by = form->factor[loop->axis] * loop->scale;
            if (by)
                access->stride[l] += step_stride(by, loop->extent, block, stride, inner);
        }
    }
}

bool access_equal(const Kernel *kernel, const Access *a, const Access *b)
{
    if (a->offset != b->offset || a->guards || b->guards)
        return false;
    for (int i = 0; i < SHAPE_MAX_RANK; i++)
        if (a->term_stride[i] || b->term_stride[i])
            return false;
    for (int l = 0; l < kernel->loop_count; l++)
        if (a->stride[l] != b->stride[l] ||
            (a->stride[l] == 0 && kernel->loops[l].extent > 1 && !kernel->loops[l].reduced))
            return false;
    return true;
}

bool access_has_term(const Access *access, const Loop *loop)
{
    for (int axis = 0; axis < access->map.rank; axis++)
        if ((access->guards >> axis & 1 || form_is_term(&access->map.axes[axis])) &&
            access->map.axes[axis].factor[loop->axis])
            return true;
    return false;
}

bool access_is_contiguous(const Kernel *kernel, const Access *access)
{
    int last = kernel->loop_count - 1;
    return access->buffer && access->stride[last] == 1 && !access_has_term(access, &kernel->loops[last]);
}
