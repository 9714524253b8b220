/* Green patterns of the cytosol and its organelles. */
#include "synth.h"

#include <math.h>

/* Anywhere in the cytoplasm but at its very edge. */
static const SynthPlace cytoplasm = {
    .depth_low = -1e4f, .depth_high = -.5f, .edge_low = 1.5f, .edge_high = 1e5f};

/* Smooth or grainy, stronger where the cell is thick; style: grain and its size, what is in the nucleus,
 * evenness */
float synth_shade_cytosol(const SynthBrush *brush, int p, float x, float y)
{
    const SynthScene *scene = brush->scene;
    const float grain =
        1 + 1.6f * brush->style[0] * (synth_noise(brush->cell->seed + 81, x, y, 2.2f, 2) - .5f);
    const float cloud = .6f + .8f * synth_noise(brush->cell->seed + 82, x, y, 14, 1);
    const float inside = scene->depth[p] > 0 ? .12f + .2f * brush->style[1] * brush->style[1] : 1;
    return inside * fmaxf(grain, 0) * cloud * powf(scene->thickness[p] + 1e-4f, .4f + .5f * brush->style[2]);
}

void synth_cytosol(const SynthBrush *brush)
{
    synth_fill(brush, synth_shade_cytosol);
}

void synth_reticulum(const SynthBrush *brush)
{
    synth_fill(brush, synth_shade_reticulum);
}

/* Spots of one kind: `mean` of them in a whole cell. */
static void draw_spots(const SynthBrush *brush, const SynthPlace *place, float mean, float smallest,
                       float largest)
{
    const int count = 1 + synth_count(brush, mean);
    float x, y;
    for (int i = 0; i < count; i++)
        if (synth_pick(brush, place, &x, &y))
            synth_dot(brush, x, y, synth_between(brush->random, smallest, largest),
                      synth_lognormal(brush->random, .8f, .35f));
}

/* Stacks of ribbon in an arc of the nucleus round the centrosome; style: the arc, how broken up it is. */
void synth_golgi(const SynthBrush *brush)
{
    const SynthCell *cell = brush->cell;
    const float middle = atan2f(cell->centrosome_y - cell->y, cell->centrosome_x - cell->x);
    const float arc = brush->scene->line->golgi * (.5f + brush->style[0]);
    const int ribbons = 4 + (int)(arc * 4) + synth_poisson(brush->random, 2 + 6 * brush->style[1]);
    for (int i = 0; i < ribbons; i++) {
        const float angle = middle + arc * .35f * synth_normal(brush->random), dx = cosf(angle),
                    dy = sinf(angle);
        const float far =
            synth_cell_radius(cell->nucleus, dx, dy) + 1.5f + fabsf(synth_normal(brush->random)) * 4.5f;
        SynthStrand ribbon = {
            .x = cell->x + dx * far,
            .y = cell->y + dy * far,
            .direction = angle + (synth_chance(brush->random, .5f) ? synth_turn / 4 : -synth_turn / 4) +
                         .5f * synth_normal(brush->random),
            .length = synth_between(brush->random, 2, 10 - 5 * brush->style[1]),
            .wander = .45f,
            .shy = 1,
            .over_nucleus = .25f,
            .sigma = synth_between(brush->random, .75f, 1.1f),
            .light = synth_between(brush->random, .3f, .6f)};
        synth_strand(brush, &ribbon);
    }
}

void synth_peroxisomes(const SynthBrush *brush)
{
    draw_spots(brush, &cytoplasm, 130 + 170 * brush->style[0], .6f, .8f);
}

void synth_endosomes(const SynthBrush *brush)
{
    SynthPlace place = cytoplasm;
    place.near_nucleus = 14 + 10 * brush->style[1];
    place.near_centrosome = 40;
    draw_spots(brush, &place, 30 + 70 * brush->style[0], .65f, 1);
}

void synth_lysosomes(const SynthBrush *brush)
{
    SynthPlace place = cytoplasm;
    place.near_nucleus = 24;
    draw_spots(brush, &place, 25 + 45 * brush->style[0], .7f, 1.6f);
}

/* style: how many, how large; the large ones show their surface only */
void synth_lipid_droplets(const SynthBrush *brush)
{
    const int count = 3 + synth_count(brush, 15 + 50 * brush->style[0]);
    float x, y;
    for (int i = 0; i < count; i++) {
        if (!synth_pick(brush, &cytoplasm, &x, &y))
            return;
        const float radius = synth_lognormal(brush->random, 1.3f + .7f * brush->style[1], .35f);
        if (radius < 1.6f)
            synth_dot(brush, x, y, fmaxf(.6f, .6f * radius), .8f);
        else
            synth_body(brush, x, y, fminf(radius, 4), .85f, .8f);
    }
}

/* Threads along the fibres, denser at the nucleus; style: length, how far out, number. */
void synth_mitochondria(const SynthBrush *brush)
{
    const SynthCell *cell = brush->cell;
    SynthPlace place = cytoplasm;
    place.near_nucleus = 10 + 25 * brush->style[1];
    const int count = 8 + synth_count(brush, 90 + 90 * brush->style[2]);
    float x, y;
    for (int i = 0; i < count; i++) {
        if (!synth_pick(brush, &place, &x, &y))
            return;
        const float outwards = atan2f(y - cell->centrosome_y, x - cell->centrosome_x);
        SynthStrand thread = {.x = x,
                              .y = y,
                              .direction = outwards + .6f * synth_normal(brush->random),
                              .length = synth_lognormal(brush->random, 2.5f + 6 * brush->style[0], .4f),
                              .wander = .3f,
                              .shy = 1,
                              .over_nucleus = .15f,
                              .sigma = .7f,
                              .light = synth_between(brush->random, .2f, .5f)};
        synth_strand(brush, &thread);
    }
}

/* style: how faint the cytosol round it is */
void synth_aggresome(const SynthBrush *brush)
{
    const SynthSpot *body = &brush->cell->aggresome;
    synth_body(brush, body->x, body->y, body->radius, 0, .8f);
    for (int i = 0; i < 12; i++) {
        const float angle = synth_between(brush->random, 0, synth_turn),
                    far = body->radius * synth_between(brush->random, .4f, 1);
        synth_dot(brush, body->x + far * cosf(angle), body->y + far * sinf(angle),
                  synth_between(brush->random, .8f, 1.8f), .3f);
    }
    SynthBrush faint = *brush;
    faint.gain *= .05f * brush->style[0];
    synth_fill(&faint, synth_shade_cytosol);
}

/* style: how many, how large */
void synth_cytoplasmic_bodies(const SynthBrush *brush)
{
    const int count = 2 + synth_count(brush, 3 + 14 * brush->style[0]);
    SynthPlace place = cytoplasm;
    float x, y;
    for (int i = 0; i < count; i++) {
        place.in_window = i < 2;
        if (synth_pick(brush, &place, &x, &y))
            synth_body(brush, x, y, synth_between(brush->random, 1.3f, 1.9f + brush->style[1]), 0,
                       synth_between(brush->random, .6f, 1.1f));
    }
}

void synth_rods_and_rings(const SynthBrush *brush)
{
    SynthPlace place = {.depth_low = -1e4f, .depth_high = 4, .edge_low = 3, .edge_high = 1e5f};
    const int count = 1 + synth_poisson(brush->random, 1.2f + 2 * brush->style[0]);
    float x, y;
    for (int i = 0; i < count; i++) {
        place.in_window = i == 0; /* there are so few that all could be missed */
        if (!synth_pick(brush, &place, &x, &y))
            return;
        if (synth_chance(brush->random, .6f))
            synth_bar(brush, x, y, synth_between(brush->random, 0, synth_turn),
                      synth_between(brush->random, 8, 20), 1.7f, 1);
        else
            synth_body(brush, x, y, synth_between(brush->random, 2.8f, 5.5f), 1, 1);
    }
}
