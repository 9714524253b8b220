/* Green patterns of the nucleus. */
#include "synth.h"

#include <math.h>

static float soft_edge(float depth)
{
    return depth < -.5f ? 0 : fminf(1, (depth + .5f) / 1.3f);
}

/* 1 in a nucleolus, 0 outside of all. */
static float in_nucleolus(const SynthCell *cell, float x, float y)
{
    float most = 0;
    for (int i = 0; i < cell->nucleolus_count; i++) {
        const SynthSpot *spot = &cell->nucleoli[i];
        const float wave = .85f + .3f * synth_noise(cell->seed, x, y, 5, 1);
        const float far = hypotf(x - spot->x, y - spot->y) / (spot->radius * wave);
        most = fmaxf(most, expf(-far * far * far * far));
    }
    return most;
}

/* style: holes at the nucleoli, contrast of the texture, its scale */
static float shade_nucleoplasm(const SynthBrush *brush, int p, float x, float y)
{
    const float contrast = 1.4f * brush->style[1], scale = 1.6f + 3 * brush->style[2];
    const float texture = 1 + contrast * (synth_noise(brush->cell->seed + 31, x, y, scale, 2) - .5f) * 2;
    const float holes = brush->style[0] < .75f ? .8f : .1f;
    return soft_edge(brush->scene->depth[p]) * fmaxf(texture, .1f) *
           (1 - holes * in_nucleolus(brush->cell, x, y));
}

void synth_nucleoplasm(const SynthBrush *brush)
{
    synth_fill(brush, shade_nucleoplasm);
}

/* style: unevenness of the rim, what is left inside */
static float shade_membrane(const SynthBrush *brush, int p, float x, float y)
{
    const float depth = brush->scene->depth[p] - .3f;
    const float uneven = 1 - (.2f + .6f * brush->style[0]) * synth_noise(brush->cell->seed + 41, x, y, 7, 2);
    return uneven * (expf(-depth * depth / 1.3f) + .12f * brush->style[1] * soft_edge(depth));
}

void synth_nuclear_membrane(const SynthBrush *brush)
{
    synth_fill(brush, shade_membrane);
    const SynthPlace inside = {.depth_low = 2, .depth_high = 1e3f, .edge_high = 1e5f};
    const int folds = synth_count(brush, 2 * brush->style[2]);
    float x, y;
    for (int i = 0; i < folds; i++) {
        if (!synth_pick(brush, &inside, &x, &y))
            return;
        if (synth_chance(brush->random, .5f))
            synth_body(brush, x, y, synth_between(brush->random, 1.2f, 2.4f), .8f, .7f);
        else
            synth_bar(brush, x, y, synth_between(brush->random, 0, synth_turn),
                      synth_between(brush->random, 3, 9), 1, .7f);
    }
}

/* style: rim instead of solid, faint nucleoplasm */
static float shade_nucleoli(const SynthBrush *brush, int p, float x, float y)
{
    const float inside = in_nucleolus(brush->cell, x, y);
    const float grain = .75f + .5f * synth_noise(brush->cell->seed + 51, x, y, 2.5f, 1);
    const float body = brush->style[0] > .8f ? 3 * inside * (1 - .75f * inside) : inside;
    return soft_edge(brush->scene->depth[p]) * (grain * body + .2f * brush->style[1]);
}

void synth_nucleoli(const SynthBrush *brush)
{
    synth_fill(brush, shade_nucleoli);
}

/* A spot or a cluster of small ones in each nucleolus; style: which of the two. */
void synth_fibrillar_center(const SynthBrush *brush)
{
    const SynthCell *cell = brush->cell;
    for (int i = 0; i < cell->nucleolus_count; i++) {
        const SynthSpot *spot = &cell->nucleoli[i];
        const bool single = synth_chance(brush->random, brush->style[0] < .3f ? .8f : .1f);
        const int count = single ? 1 : 2 + synth_poisson(brush->random, spot->radius * .9f);
        for (int k = 0; k < count; k++) {
            const float angle = synth_between(brush->random, 0, synth_turn);
            const float far = spot->radius * (single ? .2f : .75f) * sqrtf(synth_uniform(brush->random));
            synth_dot(brush, spot->x + far * cosf(angle), spot->y + far * sinf(angle), single ? 1.5f : .8f,
                      synth_between(brush->random, .6f, 1.2f));
        }
    }
}

/* Mottled islands between the chromatin, none in the nucleoli; style: their size, how much lies between them.
 */
static float shade_speckles(const SynthBrush *brush, int p, float x, float y)
{
    const float scale = 3.2f + 2 * brush->style[0];
    const float height = synth_noise(brush->cell->seed + 61, x, y, scale, 2);
    const float island = fminf(1, fmaxf(0, (height - .54f) / (.06f + .2f * brush->style[2])));
    const float depth = brush->scene->depth[p] - 1;
    return soft_edge(depth) * (island + .3f * brush->style[1]) * (1 - .95f * in_nucleolus(brush->cell, x, y));
}

void synth_nuclear_speckles(const SynthBrush *brush)
{
    synth_fill(brush, shade_speckles);
}

/* style: how many, how large, faint nucleoplasm */
static float shade_faint_nucleus(const SynthBrush *brush, int p, float x, float y)
{
    return .18f * brush->style[2] * soft_edge(brush->scene->depth[p]) *
           (.6f + .8f * synth_noise(brush->cell->seed + 71, x, y, 2, 1));
}

void synth_nuclear_bodies(const SynthBrush *brush)
{
    synth_fill(brush, shade_faint_nucleus);
    const SynthPlace inside = {.depth_low = 1.5f, .depth_high = 1e3f, .edge_high = 1e5f};
    const int count = 1 + synth_poisson(brush->random, 1.5f + 9 * brush->style[0] * brush->style[0]);
    float x, y;
    for (int i = 0; i < count; i++)
        if (synth_pick(brush, &inside, &x, &y) && in_nucleolus(brush->cell, x, y) < .3f)
            synth_dot(brush, x, y, synth_between(brush->random, .8f, 1.1f + .8f * brush->style[1]),
                      synth_between(brush->random, .6f, 1.2f));
}
