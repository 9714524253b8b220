#include "synth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../base/base.h"

enum { MAX_CELLS = 512, TRIES = 24 };
float synth_cell_radius(const float table[SYNTH_DIRECTIONS], float dx, float dy)
{
    const float position = (atan2f(dy, dx) / synth_turn + 1) * SYNTH_DIRECTIONS;
    const int low = (int)position;
    const float rest = position - (float)low;
    return table[low % SYNTH_DIRECTIONS] * (1 - rest) + table[(low + 1) % SYNTH_DIRECTIONS] * rest;
}

static float ellipse(float angle, float radius, float ratio)
{
    const float across = cosf(angle) / sqrtf(ratio), along = sinf(angle) * sqrtf(ratio);
    return radius / sqrtf(across * across + along * along);
}

/* An ellipse with some waves on its border. */
static void draw_outline(float table[SYNTH_DIRECTIONS], float axis, float radius, float ratio,
                         float roughness, SynthRandom *random)
{
    float height[6], start[6];
    for (int k = 0; k < 6; k++) {
        height[k] = roughness * synth_normal(random) / (float)(k + 1);
        start[k] = synth_between(random, 0, synth_turn);
    }
    for (int i = 0; i < SYNTH_DIRECTIONS; i++) {
        const float angle = synth_turn * (float)i / SYNTH_DIRECTIONS;
        float wave = 1;
        for (int k = 0; k < 6; k++)
            wave += height[k] * cosf((float)(k + 2) * angle + start[k]);
        table[i] = ellipse(angle - axis, radius, ratio) * fmaxf(wave, .4f);
    }
}

static void add_spikes(SynthCell *cell, const SynthLine *line, SynthRandom *random)
{
    const int spikes = synth_poisson(random, line->spikes);
    for (int s = 0; s < spikes; s++) {
        const float at = synth_chance(random, .5f)
                             ? cell->axis + (synth_chance(random, .5f) ? synth_turn / 2 : 0)
                             : synth_between(random, 0, synth_turn);
        const float width = synth_between(random, .08f, .35f), height = synth_between(random, .2f, 1.3f);
        for (int i = 0; i < SYNTH_DIRECTIONS; i++) {
            const float away = remainderf(synth_turn * (float)i / SYNTH_DIRECTIONS - at, synth_turn) / width;
            cell->border[i] += cell->radius * height * expf(-away * away);
        }
    }
}

static void add_nucleoli(SynthCell *cell, const SynthLine *line, SynthRandom *random)
{
    const int wanted = 1 + synth_poisson(random, line->nucleoli - 1 > 0 ? line->nucleoli - 1 : .2f);
    for (int i = 0; i < TRIES && cell->nucleolus_count < wanted && cell->nucleolus_count < SYNTH_NUCLEOLI;
         i++) {
        const float angle = synth_between(random, 0, synth_turn), way = .68f * sqrtf(synth_uniform(random));
        const float dx = cosf(angle), dy = sinf(angle), far = way * synth_cell_radius(cell->nucleus, dx, dy);
        SynthSpot spot = {cell->x + dx * far, cell->y + dy * far,
                          cell->nucleus_radius * synth_between(random, .13f, .24f)};
        bool free_place = true;
        for (int k = 0; k < cell->nucleolus_count; k++)
            free_place &= hypotf(spot.x - cell->nucleoli[k].x, spot.y - cell->nucleoli[k].y) >
                          spot.radius + cell->nucleoli[k].radius + 1;
        if (free_place)
            cell->nucleoli[cell->nucleolus_count++] = spot;
    }
}

/* Centrosome and aggresome lie beside the nucleus, on the cell's longer side more often than not. */
static void add_organelles(SynthCell *cell, const SynthLine *line, SynthRandom *random)
{
    const float side =
        cell->axis + (synth_chance(random, .5f) ? synth_turn / 2 : 0) + .7f * synth_normal(random);
    const float dx = cosf(side), dy = sinf(side);
    const float far =
        synth_cell_radius(cell->nucleus, dx, dy) + line->centre * synth_between(random, .1f, 1.6f);
    cell->centrosome_x = cell->x + dx * far;
    cell->centrosome_y = cell->y + dy * far;
    const float near_side = side + .3f * synth_normal(random), ax = cosf(near_side), ay = sinf(near_side);
    cell->aggresome.radius = synth_between(random, 3.5f, 6.5f);
    const float past =
        synth_cell_radius(cell->nucleus, ax, ay) + cell->aggresome.radius * synth_between(random, .5f, 1.1f);
    cell->aggresome.x = cell->x + ax * past;
    cell->aggresome.y = cell->y + ay * past;
}

/* Shape of a cell whose centre, phase and axis are known. */
static void shape_cell(SynthCell *cell, const SynthLine *line, SynthRandom *random)
{
    cell->seed = synth_random_word(random);
    cell->nucleolus_count = 0;
    cell->brightness = synth_lognormal(random, 1, .2f);
    cell->defocused = cell->phase == SYNTH_INTERPHASE && synth_chance(random, .05f);
    if (cell->phase == SYNTH_INTERPHASE) {
        draw_outline(cell->nucleus, cell->axis + .35f * synth_normal(random), cell->nucleus_radius,
                     fmaxf(1, line->oval + .12f * synth_normal(random)), .05f, random);
        draw_outline(cell->border, cell->axis, cell->radius,
                     fmaxf(1, line->stretch * synth_between(random, .7f, 1.3f)), line->roughness, random);
        add_spikes(cell, line, random);
        add_nucleoli(cell, line, random);
    } else if (cell->phase == SYNTH_METAPHASE) { /* a round cell with a plate of chromosomes */
        cell->radius = cell->nucleus_radius * synth_between(random, 1.25f, 1.5f);
        draw_outline(cell->nucleus, cell->axis, cell->nucleus_radius * .45f,
                     synth_between(random, 2.2f, 3.2f), .06f, random);
        draw_outline(cell->border, cell->axis, cell->radius, 1.05f, .03f, random);
    } else { /* a daughter: nucleus across the axis of the division */
        draw_outline(cell->nucleus, cell->axis + synth_turn / 4, cell->nucleus_radius * .62f, 1.7f, .05f,
                     random);
        draw_outline(cell->border, cell->axis, cell->radius, 1.1f, .06f, random);
    }
    add_organelles(cell, line, random);
    cell->reach = cell->core = 0;
    for (int i = 0; i < SYNTH_DIRECTIONS; i++) {
        cell->border[i] = fmaxf(cell->border[i], cell->nucleus[i] + 3.5f);
        cell->reach = fmaxf(cell->reach, cell->border[i]);
        cell->core = fmaxf(cell->core, cell->nucleus[i]);
    }
}

/* A cell at a point, not yet shaped. Neighbours of a line with long cells lie alike. */
static SynthCell *add_cell(SynthScene *scene, float x, float y, SynthPhase phase, SynthRandom *random)
{
    SynthCell *cell = &scene->cells[scene->cell_count++];
    const SynthLine *line = scene->line;
    const float spacing = 512 / sqrtf(line->density), usual = .6f * spacing * line->confluence;
    *cell = (SynthCell){.x = x, .y = y, .phase = phase, .partner = -1};
    cell->nucleus_radius = fminf(synth_lognormal(random, line->nucleus, .13f), .36f * spacing);
    cell->radius = fmaxf(usual * synth_between(random, .85f, 1.15f), 1.5f * cell->nucleus_radius);
    cell->axis = synth_between(random, 0, synth_turn);
    if (phase == SYNTH_INTERPHASE && line->stretch > 1.5f)
        cell->axis = synth_turn * synth_noise(scene->grain, x, y, 160, 1) + .05f * cell->axis;
    return cell;
}

/* Makes a cell one of two daughters whose edges just part; returns how far apart they are. */
static float divide(SynthScene *scene, int first, float direction, SynthRandom *random)
{
    SynthCell *one = &scene->cells[first];
    const float radius = one->nucleus_radius * synth_between(random, 1.05f, 1.25f);
    const float apart = 2 * radius * synth_between(random, 1.02f, 1.2f);
    const float nucleus_radius = one->nucleus_radius;
    SynthCell *two = add_cell(scene, one->x + apart * cosf(direction), one->y + apart * sinf(direction),
                              SYNTH_TELOPHASE, random);
    one->phase = SYNTH_TELOPHASE;
    two->nucleus_radius = nucleus_radius;
    one->radius = two->radius = radius;
    one->axis = two->axis = direction;
    one->partner = scene->cell_count - 1;
    two->partner = first;
    return apart;
}

/* Nuclei keep apart, and cells that touch overlap a little; where they do, they share an edge. */
static bool free_place(const SynthScene *scene, float x, float y)
{
    const float least = fmaxf(2.1f * scene->line->nucleus, .55f * 512 / sqrtf(scene->line->density));
    for (int i = 0; i < scene->cell_count; i++)
        if (hypotf(x - scene->cells[i].x, y - scene->cells[i].y) <
            fminf(least, .95f * 512 / sqrtf(scene->line->density)))
            return false;
    return true;
}

static void move_cell(SynthCell *cell, float x, float y)
{
    const float dx = x - cell->x, dy = y - cell->y;
    cell->x += dx, cell->y += dy;
    cell->centrosome_x += dx, cell->centrosome_y += dy;
    cell->aggresome.x += dx, cell->aggresome.y += dy;
    for (int i = 0; i < cell->nucleolus_count; i++)
        cell->nucleoli[i].x += dx, cell->nucleoli[i].y += dy;
}

/* Moves two shaped cells so that they touch and the window shows the first one's nucleus and, where it is
 * large enough, the place where they meet: of some directions the one that takes least room. No plane then
 * tells a label by whether there is a neighbour, for there always is. */
static void join_cells(SynthScene *scene, SynthCell *one, SynthCell *two, SynthRandom *random)
{
    const float half = .5f * (float)scene->field, first = synth_between(random, 0, synth_turn);
    float dx = 1, dy = 0, apart = 0, least = 1e9f;
    for (int i = 0; i < 8 && least > .6f * (float)scene->field; i++) {
        const float x = cosf(first + (float)i * synth_turn / 8), y = sinf(first + (float)i * synth_turn / 8);
        const float reach = synth_cell_radius(one->border, x, y),
                    other = synth_cell_radius(two->border, -x, -y);
        const float touching = .84f * (reach + other);
        const float least_apart =
            synth_cell_radius(one->nucleus, x, y) + synth_cell_radius(two->nucleus, -x, -y) + 5;
        if (reach >= least)
            continue;
        least = reach, dx = x, dy = y, apart = fmaxf(touching, least_apart);
    }
    const float room = fmaxf(0, half - 1.15f * one->nucleus_radius - 3), back = fminf(room, .45f * least);
    const float drift = fminf(5, room - back);
    const float x = half - back * dx + synth_between(random, -drift, drift);
    const float y = half - back * dy + synth_between(random, -drift, drift);
    move_cell(one, x, y);
    move_cell(two, x + apart * dx, y + apart * dy);
}

static bool in_window(const SynthScene *scene, float x, float y)
{
    const float most = (float)scene->field - 4;
    return x > 3 && y > 3 && x < most && y < most;
}

/* Draws the side of the nucleus on which the organelles lie anew until the window shows them. */
static void turn_organelles(const SynthScene *scene, SynthCell *cell, SynthRandom *random)
{
    for (int t = 0; t < TRIES; t++) {
        if (in_window(scene, cell->centrosome_x, cell->centrosome_y) &&
            in_window(scene, cell->aggresome.x, cell->aggresome.y))
            return;
        add_organelles(cell, scene->line, random);
    }
}

/* The cells every window shows: one that can have any pattern, one that touches it, and what divides if the
 * labels ask for that. They come first in the list. */
static void place_first_cells(SynthScene *scene, SynthRandom *random)
{
    const float half = .5f * (float)scene->field, direction = synth_between(random, 0, synth_turn);
    const bool dividing = scene->group->present >> CYTOKINETIC_BRIDGE & 1;
    const bool spindle = scene->group->present >> MITOTIC_SPINDLE & 1;
    SynthCell *one = add_cell(scene, half, half, spindle ? SYNTH_METAPHASE : SYNTH_INTERPHASE, random);
    if (dividing && !spindle) {
        const float apart = divide(scene, 0, direction, random);
        move_cell(&scene->cells[0], half - .5f * apart * cosf(direction),
                  half - .5f * apart * sinf(direction));
        move_cell(&scene->cells[1], half + .5f * apart * cosf(direction),
                  half + .5f * apart * sinf(direction));
    }
    if (scene->cell_count == 1)
        add_cell(scene, half, half, SYNTH_INTERPHASE, random);
    for (int i = 0; i < scene->cell_count; i++)
        shape_cell(&scene->cells[i], scene->line, random);
    if (one->partner < 0)
        join_cells(scene, one, &scene->cells[1], random);
    for (int i = 0; i < 2; i++)
        turn_organelles(scene, &scene->cells[i], random);
    if (dividing && spindle) {
        SynthCell *two = &scene->cells[1];
        divide(scene, 1, atan2f(two->y - one->y, two->x - one->x) + synth_turn / 4, random);
        for (int i = 1; i < scene->cell_count; i++)
            shape_cell(&scene->cells[i], scene->line, random);
    }
}

/* Cells all round, to where none can reach the window; some against another, the rest anywhere. */
static void place_other_cells(SynthScene *scene, SynthRandom *random)
{
    const SynthLine *line = scene->line;
    const float spacing = 512 / sqrtf(line->density), border = 1.2f * spacing;
    const float side = (float)scene->field + 2 * border;
    const float crowd = synth_lognormal(random, 1, .35f); /* of this field */
    const float wanted = crowd * side * side / (spacing * spacing);
    const int count = (int)fminf(wanted, MAX_CELLS - 4), first = scene->cell_count;
    for (int n = first; n < count && scene->cell_count < MAX_CELLS - 1; n++)
        for (int t = 0; t < TRIES; t++) {
            float x = synth_between(random, -border, side - border),
                  y = synth_between(random, -border, side - border);
            if (synth_chance(random, line->clumping)) {
                const SynthCell *other = &scene->cells[synth_below(random, scene->cell_count)];
                const float direction = synth_between(random, 0, synth_turn), apart = 1.5f * other->radius;
                x = other->x + apart * cosf(direction);
                y = other->y + apart * sinf(direction);
            }
            if (!free_place(scene, x, y))
                continue;
            add_cell(scene, x, y, synth_chance(random, .015f) ? SYNTH_METAPHASE : SYNTH_INTERPHASE, random);
            if (synth_chance(random, .012f))
                divide(scene, scene->cell_count - 1, synth_between(random, 0, synth_turn), random);
            break;
        }
    for (int i = first; i < scene->cell_count; i++)
        shape_cell(&scene->cells[i], line, random);
}

/* The cell that has to show a class: the first one in the window that can. */
static bool carries(const SynthScene *scene, int index, int class_index)
{
    const bool dividing = scene->group->present >> CYTOKINETIC_BRIDGE & 1;
    const bool spindle = scene->group->present >> MITOTIC_SPINDLE & 1;
    if (class_index == MITOTIC_SPINDLE)
        return scene->cells[index].phase == SYNTH_METAPHASE;
    if (class_index == CYTOKINETIC_BRIDGE)
        return scene->cells[index].phase == SYNTH_TELOPHASE;
    return index == (spindle ? 1 : 0) || (class_index == CELL_JUNCTIONS && index < 2) ||
           (dividing && index < 2);
}

static void show_classes(SynthScene *scene, SynthRandom *random)
{
    for (int i = 0; i < scene->cell_count; i++)
        for (int c = 0; c < SYNTH_CLASSES; c++) {
            const bool chosen = synth_chance(random, scene->group->visibility[c]);
            if (scene->group->present >> c & 1 && (chosen || carries(scene, i, c)))
                scene->cells[i].shown |= UINT32_C(1) << c;
        }
}

SynthScene *synth_scene_make(const SynthPlan *plan, const SynthImage *image)
{
    SynthScene *scene = hp_alloc(1, sizeof *scene);
    scene->group = &plan->groups[image->group];
    scene->line = &plan->lines[scene->group->line];
    scene->field = plan->options->field;
    scene->side = scene->field + 2 * SYNTH_MARGIN;
    scene->size = (size_t)scene->side * (size_t)scene->side;
    scene->cells = hp_alloc(MAX_CELLS, sizeof *scene->cells);
    scene->owner = hp_alloc(scene->size, sizeof *scene->owner);
    float **const canvases[] = {&scene->depth,    &scene->edge,    &scene->junction, &scene->thickness,
                                &scene->fibres,   &scene->scratch, &scene->plane[0], &scene->plane[1],
                                &scene->plane[2], &scene->plane[3]};
    for (size_t i = 0; i < sizeof canvases / sizeof *canvases; i++)
        *canvases[i] = hp_alloc(scene->size, sizeof **canvases[i]);
    SynthRandom random;
    synth_random_start(&random, plan->options->seed, SYNTH_FOR_CELLS, image->cells);
    scene->grain = synth_random_word(&random);
    place_first_cells(scene, &random);
    place_other_cells(scene, &random);
    show_classes(scene, &random);
    synth_scene_map(scene);
    return scene;
}

void synth_scene_free(SynthScene *scene)
{
    free(scene->cells);
    free(scene->owner);
    free(scene->depth);
    free(scene->edge);
    free(scene->junction);
    free(scene->thickness);
    free(scene->fibres);
    free(scene->scratch);
    for (int p = 0; p < SYNTH_PLANES; p++)
        free(scene->plane[p]);
    free(scene);
}
