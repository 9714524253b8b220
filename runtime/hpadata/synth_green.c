#include "synth.h"

#include <math.h>
#include <string.h>

/* Brightness is set so that the green plane's mean and extremes tell none of the classes. */
const SynthClass synth_classes[SYNTH_CLASSES] = {
    [NUCLEOPLASM] = {synth_nucleoplasm, false, .75f},
    [NUCLEAR_MEMBRANE] = {synth_nuclear_membrane, false, 1},
    [NUCLEOLI] = {synth_nucleoli, false, 1},
    [FIBRILLAR_CENTER] = {synth_fibrillar_center, false, 1},
    [NUCLEAR_SPECKLES] = {synth_nuclear_speckles, false, .75f},
    [NUCLEAR_BODIES] = {synth_nuclear_bodies, false, 1},
    [ENDOPLASMIC_RETICULUM] = {synth_reticulum, true, .75f},
    [GOLGI] = {synth_golgi, false, 1},
    [PEROXISOMES] = {synth_peroxisomes, true, 1},
    [ENDOSOMES] = {synth_endosomes, true, 1},
    [LYSOSOMES] = {synth_lysosomes, true, 1},
    [INTERMEDIATE_FILAMENTS] = {synth_intermediate_filaments, true, 1},
    [ACTIN_FILAMENTS] = {synth_actin_filaments, true, 1},
    [FOCAL_ADHESIONS] = {synth_focal_adhesions, false, 1},
    [MICROTUBULES] = {synth_microtubules, true, 1},
    [MICROTUBULE_ENDS] = {synth_microtubule_ends, false, 1},
    [CYTOKINETIC_BRIDGE] = {synth_cytokinetic_bridge, true, 1},
    [MITOTIC_SPINDLE] = {synth_mitotic_spindle, true, 1},
    [ORGANIZING_CENTER] = {synth_organizing_center, true, 1},
    [CENTROSOME] = {synth_centrosome, true, .75f},
    [LIPID_DROPLETS] = {synth_lipid_droplets, true, 1},
    [PLASMA_MEMBRANE] = {synth_plasma_membrane, true, 1},
    [CELL_JUNCTIONS] = {synth_cell_junctions, true, 1},
    [MITOCHONDRIA] = {synth_mitochondria, true, 1},
    [AGGRESOME] = {synth_aggresome, true, 1},
    [CYTOSOL] = {synth_cytosol, true, .5f},
    [CYTOPLASMIC_BODIES] = {synth_cytoplasmic_bodies, true, 1},
    [RODS_AND_RINGS] = {synth_rods_and_rings, true, 1},
};

/* Adds what is on scratch to green, at a known brightness, and clears scratch. */
static void add_pattern(SynthScene *scene, float gain)
{
    const float bright = synth_brightness(scene, scene->scratch);
    const float scale = bright > 0 ? gain / bright : 0;
    for (int p = 0; p < (int)scene->size; p++)
        scene->plane[SYNTH_GREEN][p] += scale * scene->scratch[p];
    memset(scene->scratch, 0, scene->size * sizeof *scene->scratch);
}

static void draw_class(SynthScene *scene, const SynthPlan *plan, const SynthImage *image, int class_index)
{
    for (int i = 0; i < scene->cell_count; i++) {
        SynthCell *cell = &scene->cells[i];
        SynthRandom random;
        synth_random_start(&random, plan->options->seed, SYNTH_FOR_PATTERN,
                           image->cells << 16 | (uint64_t)i << 5 | (uint64_t)class_index);
        const float gain = synth_lognormal(&random, 1, plan->options->demo ? .15f : .4f);
        const SynthBrush brush = {
            scene, cell, i, scene->scratch, gain, &random, scene->group->style[class_index]};
        if (!(cell->shown >> class_index & 1) || cell->share == 0)
            continue;
        if (cell->phase == SYNTH_INTERPHASE || synth_classes[class_index].in_mitosis ||
            (cell->phase == SYNTH_TELOPHASE && class_index <= NUCLEAR_BODIES))
            synth_classes[class_index].draw(&brush);
        else
            synth_cytosol(&brush);
    }
    add_pattern(scene, scene->group->gain[class_index] * synth_classes[class_index].brightness);
}

/* Antibody that binds where nobody wants it: cytosol and nucleus, evenly or in grains. */
static float shade_unspecific(const SynthBrush *brush, int p, float x, float y)
{
    const SynthScene *scene = brush->scene;
    const float grains = fmaxf(0, synth_noise(brush->cell->seed + 121, x, y, 1.7f, 1) - .6f) * 5;
    const float share = scene->group->unspecific_grain;
    const float place =
        scene->depth[p] > 0 ? scene->group->unspecific_nucleus : .2f + .8f * scene->thickness[p];
    return place * (1 - share + share * grains);
}

static void draw_unspecific(SynthScene *scene)
{
    for (int i = 0; i < scene->cell_count; i++) {
        const SynthBrush brush = {.scene = scene,
                                  .cell = &scene->cells[i],
                                  .cell_index = i,
                                  .canvas = scene->scratch,
                                  .gain = scene->cells[i].brightness};
        synth_fill(&brush, shade_unspecific);
    }
    add_pattern(scene, scene->group->unspecific);
}

/* Bright precipitate, in and between the cells. */
static void draw_precipitate(SynthScene *scene, const SynthPlan *plan, const SynthImage *image)
{
    SynthRandom random;
    synth_random_start(&random, plan->options->seed, SYNTH_FOR_PATTERN, image->cells << 16 | 0xffff);
    const SynthBrush brush = {.scene = scene, .canvas = scene->plane[SYNTH_GREEN], .gain = 1};
    const int count = synth_poisson(&random, scene->group->dots * (float)scene->size / (512 * 512));
    for (int i = 0; i < count; i++) {
        const float x = synth_between(&random, -SYNTH_MARGIN, (float)(scene->field + SYNTH_MARGIN));
        const float y = synth_between(&random, -SYNTH_MARGIN, (float)(scene->field + SYNTH_MARGIN));
        synth_dot(&brush, x, y, synth_between(&random, .5f, 1.3f), synth_lognormal(&random, .6f, .8f));
    }
}

void synth_green(SynthScene *scene, const SynthPlan *plan, const SynthImage *image)
{
    memset(scene->scratch, 0, scene->size * sizeof *scene->scratch);
    for (int c = 0; c < SYNTH_CLASSES; c++)
        if (scene->group->present >> c & 1)
            draw_class(scene, plan, image, c);
    draw_unspecific(scene);
    draw_precipitate(scene, plan, image);
}
