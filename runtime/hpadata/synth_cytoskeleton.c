/* Green patterns of filaments, the cell's edge and its division. */
#include "synth.h"

#include <math.h>

/* Tangled strands, a cage round the nucleus or the whole cytosol, that follow no microtubule; style: how far
 * out. */
void synth_intermediate_filaments(const SynthBrush *brush)
{
    SynthPlace place = {.depth_low = -1e4f, .depth_high = 1, .edge_low = 1, .edge_high = 1e5f};
    place.near_nucleus = 6 + 30 * brush->style[0];
    const int count = 8 + synth_count(brush, 50 + 40 * brush->style[1]);
    for (int i = 0; i < count; i++) {
        SynthStrand strand = {.length = synth_between(brush->random, 12, 45),
                              .wander = .35f,
                              .shy = 1.2f,
                              .over_nucleus = .3f,
                              .light = synth_lognormal(brush->random, .5f, .4f)};
        if (!synth_pick(brush, &place, &strand.x, &strand.y))
            return;
        const float round = atan2f(strand.y - brush->cell->y, strand.x - brush->cell->x) + synth_turn / 4;
        strand.direction = round + (synth_chance(brush->random, .5f) ? synth_turn / 2 : 0) +
                           .8f * synth_normal(brush->random);
        synth_strand(brush, &strand);
    }
}

/* A bundle through a point, in both directions. */
static void draw_bundle(const SynthBrush *brush, float x, float y, float direction, float length, float light)
{
    for (int way = 0; way < 2; way++) {
        SynthStrand half = {.x = x,
                            .y = y,
                            .direction = direction + (way ? synth_turn / 2 : 0),
                            .length = length / 2,
                            .wander = .012f,
                            .shy = .15f,
                            .over_nucleus = .8f,
                            .sigma = .65f,
                            .light = light};
        synth_strand(brush, &half);
    }
}

static float shade_cortex(const SynthBrush *brush, int p, float x, float y)
{
    const float edge = brush->scene->edge[p], net = synth_noise(brush->cell->seed + 91, x, y, 3, 2);
    return expf(-edge / 2.5f) * (.3f + net) + .12f * brush->scene->thickness[p];
}

/* Long straight bundles along the cell, or a net at the edge; style: which, and how parallel. */
void synth_actin_filaments(const SynthBrush *brush)
{
    const bool bundles = brush->style[0] < .75f;
    SynthBrush cortex = *brush;
    cortex.gain *= bundles ? .3f : .8f;
    synth_fill(&cortex, shade_cortex);
    const SynthPlace place = {
        .depth_low = -1e4f, .depth_high = 1e3f, .edge_low = 2, .edge_high = bundles ? 1e5f : 9};
    const int count = 4 + synth_count(brush, bundles ? 24 : 50);
    float x, y;
    for (int i = 0; i < count; i++) {
        if (!synth_pick(brush, &place, &x, &y))
            return;
        const float spread = bundles ? .05f + .3f * brush->style[1] : 2;
        draw_bundle(brush, x, y, brush->cell->axis + spread * synth_normal(brush->random),
                    bundles ? brush->cell->radius * synth_between(brush->random, .6f, 2)
                            : synth_between(brush->random, 4, 14),
                    synth_lognormal(brush->random, .35f, .4f));
    }
}

/* Plaques near the edge that point outwards; style: size, how far in they go. */
void synth_focal_adhesions(const SynthBrush *brush)
{
    const SynthPlace place = {
        .depth_low = -1e4f, .depth_high = -2, .edge_low = 1.5f, .edge_high = 5 + 9 * brush->style[1]};
    const int count = 4 + synth_count(brush, 30);
    float x, y;
    for (int i = 0; i < count; i++) {
        if (!synth_pick(brush, &place, &x, &y))
            return;
        const float outwards = atan2f(y - brush->cell->y, x - brush->cell->x);
        const float direction =
            (brush->style[2] < .5f ? outwards : brush->cell->axis) + .3f * synth_normal(brush->random);
        synth_bar(brush, x, y, direction, synth_between(brush->random, 3, 6 + 4 * brush->style[0]),
                  synth_between(brush->random, 1.2f, 2), synth_between(brush->random, .5f, 1.1f));
    }
    SynthBrush faint = *brush;
    faint.gain *= .15f;
    synth_fill(&faint, synth_shade_cytosol);
}

static float shade_fibres(const SynthBrush *brush, int p, float x, float y)
{
    (void)x, (void)y;
    return brush->scene->fibres[p];
}

void synth_microtubules(const SynthBrush *brush)
{
    synth_fill(brush, shade_fibres);
}

/* A comet at the outer end of most fibres. */
void synth_microtubule_ends(const SynthBrush *brush)
{
    const SynthCell *cell = brush->cell;
    for (int i = 0; i < cell->tip_count; i++) {
        const SynthSpot *tip = &cell->tips[i];
        if (synth_chance(brush->random, .15f))
            continue;
        const float light = synth_between(brush->random, .5f, 1.1f);
        for (int k = 0; k < 3; k++)
            synth_dot(brush, tip->x - (float)k * 1.1f * cosf(tip->radius),
                      tip->y - (float)k * 1.1f * sinf(tip->radius), .7f, light / (float)(k + 1));
    }
}

/* This daughter's half of the bridge, with the gap of the midbody; style: how long. */
void synth_cytokinetic_bridge(const SynthBrush *brush)
{
    const SynthCell *one = brush->cell;
    if (one->phase != SYNTH_TELOPHASE)
        return;
    const SynthCell *two = &brush->scene->cells[one->partner];
    const float mx = .5f * (one->x + two->x), my = .5f * (one->y + two->y),
                far = hypotf(one->x - mx, one->y - my);
    const float length = 4 + 5 * brush->style[0];
    for (float way = 1.3f; way < length; way += .5f)
        synth_dot(brush, mx + way / far * (one->x - mx), my + way / far * (one->y - my), .9f, .5f);
}

/* Brighter at the poles or all over the spindle; style: which. */
void synth_mitotic_spindle(const SynthBrush *brush)
{
    const SynthCell *cell = brush->cell;
    if (cell->phase != SYNTH_METAPHASE)
        return;
    SynthBrush body = *brush;
    body.gain *= .25f + brush->style[0];
    synth_fill(&body, shade_fibres);
    const float pole = .72f * cell->nucleus_radius, nx = -sinf(cell->axis), ny = cosf(cell->axis);
    for (int side = -1; side <= 1; side += 2)
        synth_dot(brush, cell->x + side * nx * pole, cell->y + side * ny * pole, 1.8f,
                  2.5f * (1 - .7f * brush->style[0]));
}

/* A diffuse patch of grains; style: its width. */
void synth_organizing_center(const SynthBrush *brush)
{
    const SynthCell *cell = brush->cell;
    const float width = 2.6f + 2.4f * brush->style[0];
    synth_dot(brush, cell->centrosome_x, cell->centrosome_y, width, .45f);
    const int grains = 10 + synth_poisson(brush->random, 14);
    for (int i = 0; i < grains; i++)
        synth_dot(brush, cell->centrosome_x + width * synth_normal(brush->random),
                  cell->centrosome_y + width * synth_normal(brush->random), .75f,
                  synth_between(brush->random, .2f, .6f));
}

/* One centriole pair or two. */
void synth_centrosome(const SynthBrush *brush)
{
    const SynthCell *cell = brush->cell;
    const float size = .8f + .45f * brush->style[0];
    synth_dot(brush, cell->centrosome_x, cell->centrosome_y, size, 1);
    if (synth_chance(brush->random, .5f)) {
        const float angle = synth_between(brush->random, 0, synth_turn),
                    far = synth_between(brush->random, 2, 4);
        synth_dot(brush, cell->centrosome_x + far * cosf(angle), cell->centrosome_y + far * sinf(angle), size,
                  .9f);
    }
}

/* The outline, uneven; style: unevenness, how much of a sheet, ruffles */
static float shade_plasma_membrane(const SynthBrush *brush, int p, float x, float y)
{
    const float edge = brush->scene->edge[p] - .6f;
    const float uneven =
        1 - (.3f + .6f * brush->style[0]) * synth_noise(brush->cell->seed + 101, x, y, 16, 2);
    const float ruffle =
        brush->style[2] > .5f
            ? fmaxf(0, synth_noise(brush->cell->seed + 102, x, y, 4, 2) - .55f) * 4 * expf(-edge / 7)
            : 0;
    const float sheet =
        .3f * brush->style[1] * (.6f + .8f * synth_noise(brush->cell->seed + 103, x, y, 2.5f, 2));
    return uneven * expf(-edge * edge / .9f) + ruffle * uneven + sheet;
}

void synth_plasma_membrane(const SynthBrush *brush)
{
    synth_fill(brush, shade_plasma_membrane);
}

/* Where two cells meet, in long stretches or in patches; style: patchiness. */
static float shade_junctions(const SynthBrush *brush, int p, float x, float y)
{
    const float away = brush->scene->junction[p] - .5f;
    const float patch = synth_noise(brush->scene->grain + 111, x, y, 6, 2);
    const float shown = brush->style[0] < .5f ? .5f + .5f * patch : fminf(1, fmaxf(0, (patch - .45f) * 8));
    return shown * expf(-away * away / 1.1f);
}

void synth_cell_junctions(const SynthBrush *brush)
{
    synth_fill(brush, shade_junctions);
}
