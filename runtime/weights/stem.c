/* A first convolution for our planes, made from one for the planes of a file. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "../base/base.h"
#include "match.h"
#include "weights.h"

/* The place, from 0, of the plane of this name in a file that was written by a program of ours; -1: none. */
static int64_t find_plane(const HpTensorFile *file, const char *name)
{
    const char *text = hp_tensors_metadata(file, HP_META_PLANES);
    json_t *names = text ? json_loads(text, 0, NULL) : NULL;
    int64_t found = -1;
    for (size_t i = 0; found < 0 && i < json_array_size(names); i++) {
        const char *other = json_string_value(json_array_get(names, i));
        if (other && strcmp(other, name) == 0)
            found = (int64_t)i;
    }
    json_decref(names);
    return found;
}

/* Which plane of the file, from 0, plane `plane` of ours copies; -1: it copies none. */
static int64_t copied_plane(const HpStem *stem, const HpTensorFile *file, int64_t file_planes, int64_t plane)
{
    const HpPlane *from = &stem->planes[plane];
    switch (from->source) {
    case HP_PLANE_NUMBER: return from->number - 1;
    case HP_PLANE_NAME: return find_plane(file, from->name);
    case HP_PLANE_REPEAT: return plane % file_planes;
    case HP_PLANE_MEAN:
    case HP_PLANE_ZERO:
    case HP_PLANE_FRESH: break;
    }
    return -1;
}

char *hp_stem_check(const HpStem *stem, const HpTensorFile *file, const HpTensor *tensor,
                    const HpVariable *variable)
{
    if (tensor->rank != 4 || variable->rank != 4 || tensor->shape[0] != variable->shape[0] ||
        tensor->shape[2] != variable->shape[2] || tensor->shape[3] != variable->shape[3] ||
        tensor->shape[1] < 1)
        return hp_string("only the number of planes (the second extent) may differ");
    if (variable->shape[1] != stem->plane_count)
        return hp_format("there are rules for %d planes", stem->plane_count);
    for (int i = 0; i < stem->plane_count; i++) {
        const HpPlane *from = &stem->planes[i];
        if (from->source == HP_PLANE_NUMBER && (from->number < 1 || from->number > tensor->shape[1]))
            return hp_format("the file has planes 1 to %lld, and no plane %d", (long long)tensor->shape[1],
                             from->number);
        if (from->source != HP_PLANE_NAME)
            continue;
        int64_t plane = find_plane(file, from->name);
        if (plane < 0 || plane >= tensor->shape[1])
            return hp_format("the file %s", !hp_tensors_metadata(file, HP_META_PLANES)
                                                ? "does not name its planes: say their numbers, from 1"
                                                : "names no such plane as the rule does");
    }
    return NULL;
}

/* All factors of plane i: its own, and what keeps the size of the response. */
static double factor_of(const HpStem *stem, int64_t file_planes, int64_t plane)
{
    int taken = 0;
    for (int i = 0; i < stem->plane_count; i++)
        taken += stem->planes[i].source != HP_PLANE_ZERO && stem->planes[i].source != HP_PLANE_FRESH;
    return stem->planes[plane].scale * (stem->scaled ? (double)file_planes / taken : 1);
}

static void fill_plane(float *ours, const float *theirs, int64_t from, int64_t planes, int64_t area,
                       double factor)
{
    for (int64_t i = 0; i < area; i++) {
        double sum = 0;
        for (int64_t plane = 0; from < 0 && plane < planes; plane++)
            sum += (double)theirs[plane * area + i];
        ours[i] = (float)(factor * (from < 0 ? sum / (double)planes : (double)theirs[from * area + i]));
    }
}

void hp_stem_apply(const HpStem *stem, const HpTensorFile *file, const HpTensor *tensor, const float *theirs,
                   const HpVariable *variable, float *values)
{
    int64_t outputs = variable->shape[0], ours = variable->shape[1], planes = tensor->shape[1],
            area = variable->shape[2] * variable->shape[3];
    for (int64_t plane = 0; plane < ours; plane++) {
        HpPlaneSource source = stem->planes[plane].source;
        int64_t from = copied_plane(stem, file, planes, plane);
        double factor = factor_of(stem, planes, plane);
        for (int64_t o = 0; o < outputs && source != HP_PLANE_FRESH; o++) {
            float *out = values + (o * ours + plane) * area;
            if (source == HP_PLANE_ZERO)
                memset(out, 0, (size_t)area * sizeof *out);
            else
                fill_plane(out, theirs + o * planes * area, from, planes, area, factor);
        }
    }
}
