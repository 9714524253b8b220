#include "synth.h"

#include <math.h>

void synth_fill(const SynthBrush *brush, SynthShade *shade)
{
    const SynthScene *scene = brush->scene;
    for (int row = brush->cell->top; row < brush->cell->bottom; row++)
        for (int column = brush->cell->left; column < brush->cell->right; column++) {
            const int p = row * scene->side + column;
            if (scene->owner[p] == brush->cell_index)
                brush->canvas[p] += brush->gain * shade(brush, p, (float)(column - SYNTH_MARGIN),
                                                        (float)(row - SYNTH_MARGIN));
        }
}

/* The rows or columns of the canvas within `reach` of a coordinate. */
static int first_near(const SynthScene *scene, float at, float reach)
{
    const float low = at - reach + SYNTH_MARGIN;
    return low < 0 ? 0 : low > (float)scene->side ? scene->side : (int)low;
}

static int last_near(const SynthScene *scene, float at, float reach)
{
    const float high = at + reach + SYNTH_MARGIN;
    return high < 0 ? -1 : high > (float)(scene->side - 1) ? scene->side - 1 : (int)high;
}

void synth_dot(const SynthBrush *brush, float x, float y, float sigma, float light)
{
    const SynthScene *scene = brush->scene;
    const float reach = 3 * sigma + 1, falloff = -.5f / (sigma * sigma);
    for (int row = first_near(scene, y, reach); row <= last_near(scene, y, reach); row++)
        for (int column = first_near(scene, x, reach); column <= last_near(scene, x, reach); column++) {
            const float dx = (float)(column - SYNTH_MARGIN) - x, dy = (float)(row - SYNTH_MARGIN) - y;
            brush->canvas[row * scene->side + column] +=
                brush->gain * light * expf(falloff * (dx * dx + dy * dy));
        }
}

static float soft_step(float inside)
{
    return inside <= -.7f ? 0 : inside >= .7f ? 1 : .5f + inside / 1.4f;
}

void synth_body(const SynthBrush *brush, float x, float y, float radius, float hollow, float light)
{
    const SynthScene *scene = brush->scene;
    const float reach = radius + 1;
    for (int row = first_near(scene, y, reach); row <= last_near(scene, y, reach); row++)
        for (int column = first_near(scene, x, reach); column <= last_near(scene, x, reach); column++) {
            const float far = hypotf((float)(column - SYNTH_MARGIN) - x, (float)(row - SYNTH_MARGIN) - y);
            const float middle = hollow * soft_step(radius - 1.4f - far);
            brush->canvas[row * scene->side + column] +=
                brush->gain * light * (soft_step(radius - far) - middle);
        }
}

void synth_bar(const SynthBrush *brush, float x, float y, float direction, float length, float width,
               float light)
{
    const SynthScene *scene = brush->scene;
    const float dx = cosf(direction), dy = sinf(direction), reach = .5f * (length + width) + 1;
    for (int row = first_near(scene, y, reach); row <= last_near(scene, y, reach); row++)
        for (int column = first_near(scene, x, reach); column <= last_near(scene, x, reach); column++) {
            const float px = (float)(column - SYNTH_MARGIN) - x, py = (float)(row - SYNTH_MARGIN) - y;
            const float along = fabsf(px * dx + py * dy), across = fabsf(px * dy - py * dx);
            const float inside = fminf(.5f * length - along, .5f * width - across);
            brush->canvas[row * scene->side + column] += brush->gain * light * soft_step(inside);
        }
}

bool synth_pick(const SynthBrush *brush, const SynthPlace *place, float *x, float *y)
{
    const SynthScene *scene = brush->scene;
    const SynthCell *cell = brush->cell;
    for (int tries = 0; tries < 400 && cell->right > cell->left; tries++) {
        const float column = synth_between(brush->random, (float)cell->left, (float)cell->right);
        const float row = synth_between(brush->random, (float)cell->top, (float)cell->bottom);
        const int p = (int)row * scene->side + (int)column;
        const float depth = scene->depth[p], edge = scene->edge[p];
        if (scene->owner[p] != brush->cell_index || depth < place->depth_low || depth > place->depth_high ||
            edge < place->edge_low || edge > place->edge_high)
            continue;
        *x = column - SYNTH_MARGIN;
        *y = row - SYNTH_MARGIN;
        const float last = (float)scene->field - 2;
        if (place->in_window && (*x < 1 || *y < 1 || *x > last || *y > last))
            continue;
        float keep = 1;
        if (place->near_nucleus > 0)
            keep *= expf(fminf(0, depth) / place->near_nucleus);
        if (place->near_centrosome > 0)
            keep *= expf(-hypotf(*x - cell->centrosome_x, *y - cell->centrosome_y) / place->near_centrosome);
        if (synth_chance(brush->random, keep))
            return true;
    }
    return false;
}

int synth_count(const SynthBrush *brush, float mean)
{
    return synth_poisson(brush->random, mean * brush->cell->share);
}

/* One pixel's worth of light shared by the four pixels round a point. */
static void splat(const SynthBrush *brush, float x, float y, float light)
{
    const int p = synth_pixel(brush->scene, x, y), side = brush->scene->side;
    if (p < 0)
        return;
    const float u = x - floorf(x), v = y - floorf(y);
    float *at = brush->canvas + p;
    at[0] += light * (1 - u) * (1 - v);
    at[1] += light * u * (1 - v);
    at[side] += light * (1 - u) * v;
    at[side + 1] += light * u * v;
}

/* Turns a direction towards the rise of a map, or away from it. */
static float turned(const SynthScene *scene, const float *map, int p, float direction, float angle)
{
    const float gx = map[p + 1] - map[p - (p > 0)],
                gy = map[p + scene->side] - map[p >= scene->side ? p - scene->side : p];
    const float cross = cosf(direction) * gy - sinf(direction) * gx;
    return direction + (cross > 0 ? angle : -angle);
}

void synth_strand(const SynthBrush *brush, SynthStrand *strand)
{
    const SynthScene *scene = brush->scene;
    const float step = .8f, bend = strand->wander * sqrtf(step);
    const float light = brush->gain * strand->light * step;
    for (float way = 0; way < strand->length; way += step) {
        const float x = strand->x + step * cosf(strand->direction),
                    y = strand->y + step * sinf(strand->direction);
        const int p = synth_pixel(scene, x, y);
        strand->direction += bend * synth_normal(brush->random);
        if (p < 0) {
            const float dx = x - brush->cell->x, dy = y - brush->cell->y;
            if (hypotf(dx, dy) > synth_cell_radius(brush->cell->border, dx, dy))
                return;
        } else {
            if (scene->owner[p] != brush->cell_index)
                return;
            const float edge = scene->edge[p], depth = scene->depth[p];
            if (edge < 6 && strand->shy > 0)
                strand->direction =
                    turned(scene, scene->edge, p, strand->direction, strand->shy * .35f * (1 - edge / 6));
            if (depth > -3)
                strand->direction = turned(scene, scene->depth, p, strand->direction, -.07f);
            const float shown = depth > 0 ? light * strand->over_nucleus : light;
            if (strand->sigma > 0)
                synth_dot(brush, x, y, strand->sigma, shown / fmaxf(brush->gain, 1e-6f));
            else
                splat(brush, x, y, shown);
        }
        strand->x = x;
        strand->y = y;
    }
}
