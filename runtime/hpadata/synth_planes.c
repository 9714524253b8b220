/* The landmarks every image has, whatever the protein: microtubules (red), nucleus (blue), reticulum
 * (yellow). */
#include "synth.h"

#include <math.h>

/* How much of the light an inclusion that pushes all else aside leaves at a point. */
static float left_by_aggresome(const SynthCell *cell, float x, float y)
{
    if (!(cell->shown >> AGGRESOME & 1))
        return 1;
    const float far = hypotf(x - cell->aggresome.x, y - cell->aggresome.y) / cell->aggresome.radius;
    return 1 - .85f * expf(-far * far);
}

/* One microtubule: from the centrosome outwards, or from anywhere in the cytoplasm. */
static void draw_fibre(const SynthBrush *brush, const SynthLine *line)
{
    SynthCell *cell = brush->cell;
    SynthStrand strand = {.x = cell->centrosome_x + 2.5f * synth_normal(brush->random),
                          .y = cell->centrosome_y + 2.5f * synth_normal(brush->random),
                          .direction = synth_between(brush->random, 0, synth_turn),
                          .length = cell->radius * synth_between(brush->random, .5f, 2.2f),
                          .wander = line->wander,
                          .shy = synth_between(brush->random, 0, 1.2f),
                          .over_nucleus = .25f,
                          .light = synth_lognormal(brush->random, .5f, .35f)};
    if (!synth_chance(brush->random,
                      line->centred)) { /* along the cell or round the nucleus, rather than anyhow */
        const float angle = synth_between(brush->random, 0, synth_turn), dx = cosf(angle), dy = sinf(angle);
        const float inner = synth_cell_radius(cell->nucleus, dx, dy),
                    outer = synth_cell_radius(cell->border, dx, dy);
        const float far = inner + (outer - inner) * sqrtf(synth_uniform(brush->random)) * .92f;
        const float way = synth_uniform(brush->random), base = way < .35f  ? angle
                                                               : way < .7f ? angle + synth_turn / 4
                                                                           : cell->axis;
        strand.x = cell->x + dx * far;
        strand.y = cell->y + dy * far;
        strand.direction = base + (synth_chance(brush->random, .5f) ? synth_turn / 2 : 0) +
                           .5f * synth_normal(brush->random);
        strand.length *= .8f;
    }
    synth_strand(brush, &strand);
    if (cell->tip_count < SYNTH_TIPS)
        cell->tips[cell->tip_count++] = (SynthSpot){strand.x, strand.y, strand.direction};
}

/* Two poles, fibres between them that bulge, and a few that go outwards. */
static void draw_spindle(const SynthBrush *brush)
{
    const SynthCell *cell = brush->cell;
    const float pole = .72f * cell->nucleus_radius, nx = -sinf(cell->axis), ny = cosf(cell->axis);
    for (int i = 0; i < 60; i++) {
        const float side = i % 2 ? 1 : -1, spread = synth_between(brush->random, -.75f, .75f);
        const float along = synth_between(brush->random, .6f, 1.05f) * pole,
                    light = synth_lognormal(brush->random, .5f, .3f);
        for (float t = 0; t < 1; t += .06f) { /* t: pole to plate, the bundle opens like an ellipse */
            const float height = side * (pole - t * along),
                        open = spread * cell->nucleus_radius * .6f * sinf(1.57f * t);
            synth_dot(brush, cell->x + nx * height + cosf(cell->axis) * open,
                      cell->y + ny * height + sinf(cell->axis) * open, .6f, light);
        }
    }
    for (int side = -1; side <= 1; side += 2)
        synth_dot(brush, cell->x + side * nx * pole, cell->y + side * ny * pole, 1.6f, 3);
}

/* This daughter's half of the midbody's fibres, which leave a gap in the middle. */
static void draw_midbody(const SynthBrush *brush)
{
    const SynthCell *one = brush->cell, *two = &brush->scene->cells[one->partner];
    const float mx = .5f * (one->x + two->x), my = .5f * (one->y + two->y),
                far = hypotf(one->x - mx, one->y - my);
    for (int i = 0; i < 14; i++) {
        const float way = 1.2f + .65f * (float)i, at = way / far;
        synth_dot(brush, mx + at * (one->x - mx), my + at * (one->y - my), 1 + .07f * (float)i,
                  1.6f * expf(-way / 7));
    }
}

/* Red light that is in no visible fibre: denser round the nucleus, grainy. */
static float shade_red_haze(const SynthBrush *brush, int p, float x, float y)
{
    const SynthScene *scene = brush->scene;
    const float grain = synth_noise(brush->cell->seed + 3, x, y, 2.4f, 2);
    const float inside = scene->depth[p] > 0 ? .35f : 1;
    return scene->line->haze * inside * scene->thickness[p] * (.3f + 1.4f * grain * grain);
}

static void draw_red(const SynthBrush *brush)
{
    SynthCell *cell = brush->cell;
    SynthBrush fibres = *brush;
    fibres.canvas = brush->scene->fibres;
    if (cell->phase == SYNTH_METAPHASE) {
        draw_spindle(&fibres);
    } else {
        const float count =
            brush->scene->line->fibres * cell->radius / 40 * synth_between(brush->random, .7f, 1.3f);
        for (int i = 0; i < (int)count; i++)
            draw_fibre(&fibres, brush->scene->line);
    }
    if (cell->phase == SYNTH_TELOPHASE)
        draw_midbody(&fibres);
    synth_fill(brush, shade_red_haze);
}

/* Chromatin: mottled, darker in nucleoli, a little brighter at the rim; bright and solid when condensed. */
static float shade_blue(const SynthBrush *brush, int p, float x, float y)
{
    const SynthCell *cell = brush->cell;
    const float depth = brush->scene->depth[p], contrast = brush->scene->line->chromatin;
    if (depth < -.5f)
        return 0;
    const float soft = fminf(1, (depth + .5f) / 1.5f);
    const float coarse = synth_noise(cell->seed, x, y, 7, 2),
                fine = synth_noise(cell->seed + 9, x, y, 2.2f, 2);
    if (cell->phase != SYNTH_INTERPHASE)
        return soft * 1.5f * (.7f + .6f * fine);
    float light = 1 + contrast * ((coarse - .5f) * 1.6f + (fine - .5f) * 2.4f) + .15f * expf(-depth / 1.5f);
    for (int i = 0; i < cell->nucleolus_count; i++) {
        const SynthSpot *spot = &cell->nucleoli[i];
        const float far = hypotf(x - spot->x, y - spot->y) / (spot->radius * (.8f + .4f * coarse));
        light *= 1 - .65f * expf(-far * far * far * far);
    }
    return soft * fmaxf(light, .05f);
}

static void draw_blue(const SynthBrush *brush)
{
    synth_fill(brush, shade_blue);
    if (brush->cell->phase != SYNTH_INTERPHASE)
        return;
    const SynthPlace inside = {.depth_low = 2, .depth_high = 1e3f, .edge_high = 1e5f};
    const int spots = synth_poisson(brush->random, brush->scene->line->spots);
    float x, y;
    for (int i = 0; i < spots; i++)
        if (synth_pick(brush, &inside, &x, &y))
            synth_dot(brush, x, y, synth_between(brush->random, .8f, 1.5f),
                      synth_between(brush->random, .3f, .9f));
    if (synth_chance(brush->random, .05f)) { /* a micronucleus */
        const SynthPlace beside = {.depth_low = -8, .depth_high = -3, .edge_high = 1e5f};
        if (synth_pick(brush, &beside, &x, &y))
            synth_body(brush, x, y, synth_between(brush->random, 1.2f, 2.5f), 0, .7f);
    }
}

/* A net of ridges, densest at the nucleus, with holes where vesicles lie; the nucleus holds a faint
 * remainder. */
float synth_shade_reticulum(const SynthBrush *brush, int p, float x, float y)
{
    const SynthScene *scene = brush->scene;
    const float depth = scene->depth[p], grain = scene->line->grain;
    if (brush->cell->phase == SYNTH_INTERPHASE && depth > 0)
        return .16f + .25f * expf(-depth / 1.2f);
    const float ridge = 1 - fabsf(2 * synth_noise(brush->cell->seed + 21, x, y, grain, 2) - 1);
    const float patch = synth_noise(brush->cell->seed + 22, x, y, 3 * grain, 1);
    const float net = .3f + .9f * ridge * ridge * (.4f + 1.2f * patch);
    return net * (.15f + expf(depth / scene->line->reach)) * (1 - expf(-(scene->edge[p] + .6f) / 2));
}

static float shade_yellow(const SynthBrush *brush, int p, float x, float y)
{
    return synth_shade_reticulum(brush, p, x, y) * left_by_aggresome(brush->cell, x, y);
}

/* Out of the plane of focus: the nucleus' light is spread before the rest is drawn. */
static void draw_defocused(SynthScene *scene, const SynthPlan *plan, const SynthImage *image)
{
    for (int i = 0; i < scene->cell_count; i++) {
        SynthCell *cell = &scene->cells[i];
        SynthRandom random;
        synth_random_start(&random, plan->options->seed, SYNTH_FOR_LANDMARKS,
                           image->cells << 16 | (uint64_t)i << 1 | 1);
        const SynthBrush brush = {scene,   cell, i, scene->plane[SYNTH_BLUE], .6f * cell->brightness,
                                  &random, NULL};
        if (cell->defocused)
            synth_fill(&brush, shade_blue);
    }
    synth_blur(scene->plane[SYNTH_BLUE], scene->scratch, scene->side, 2.6f);
}

/* Where many fibres cross, the stain no longer reaches all of them. */
static float saturate(float light)
{
    const float most = 2;
    return most * (1 - expf(-light / most));
}

void synth_landmarks(SynthScene *scene, const SynthPlan *plan, const SynthImage *image)
{
    draw_defocused(scene, plan, image);
    for (int i = 0; i < scene->cell_count; i++) {
        SynthCell *cell = &scene->cells[i];
        SynthRandom random;
        synth_random_start(&random, plan->options->seed, SYNTH_FOR_LANDMARKS,
                           image->cells << 16 | (uint64_t)i << 1);
        SynthBrush brush = {scene, cell, i, scene->plane[SYNTH_RED], cell->brightness, &random, NULL};
        draw_red(&brush);
        brush.canvas = scene->plane[SYNTH_BLUE];
        brush.gain = synth_between(&random, .7f, 1.15f);
        if (!cell->defocused)
            draw_blue(&brush);
        brush.canvas = scene->plane[SYNTH_YELLOW];
        brush.gain = synth_lognormal(&random, 1, .25f);
        synth_fill(&brush, shade_yellow);
    }
    for (int p = 0; p < (int)scene->size; p++) {
        const float x = (float)(p % scene->side - SYNTH_MARGIN), y = (float)(p / scene->side - SYNTH_MARGIN);
        if (scene->owner[p] >= 0)
            scene->fibres[p] =
                saturate(scene->fibres[p]) * left_by_aggresome(&scene->cells[scene->owner[p]], x, y);
        scene->plane[SYNTH_RED][p] += scene->fibres[p];
    }
}
