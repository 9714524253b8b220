#include "synth.h"

#include <stdlib.h>

#include "../base/base.h"

enum { TRAIN_LINES = 12, TEST_LINES = 6, DEMO_LINES = 4, IMAGES_PER_PLATE = 48, KINDS = 6 };

/* What the lines are varied from. */
// clang-format off
static const SynthLine kinds[KINDS] = {
    { /* epithelium */
     .nucleus = 21, .oval = 1.25f, .density = 24, .confluence = 1.25f,
     .stretch = 1.2f, .roughness = .14f, .spikes = .5f, .clumping = .6f,
     .fibres = 120, .wander = .074f, .centred = .2f, .haze = .35f,
     .grain = 2.8f, .reach = 40, .chromatin = .45f,
     .spots = 2, .nucleoli = 2.5f, .golgi = 1.6f, .centre = 3,
    },
    { /* a flat, spread cell */
     .nucleus = 24, .oval = 1.35f, .density = 14, .confluence = 1,
     .stretch = 1.5f, .roughness = .24f, .spikes = 1.5f, .clumping = .35f,
     .fibres = 100, .wander = .056f, .centred = .3f, .haze = .2f,
     .grain = 3.2f, .reach = 55, .chromatin = .4f,
     .spots = 2, .nucleoli = 3, .golgi = 1.9f, .centre = 4,
    },
    { /* a fibroblast */
     .nucleus = 23, .oval = 1.55f, .density = 11, .confluence = 1,
     .stretch = 2.8f, .roughness = .16f, .spikes = 1.5f, .clumping = .3f,
     .fibres = 110, .wander = .031f, .centred = .2f, .haze = .15f,
     .grain = 2.6f, .reach = 70, .chromatin = .5f,
     .spots = 1, .nucleoli = 2.5f, .golgi = 2.4f, .centre = 5,
    },
    { /* a round cell that grows in suspension */
     .nucleus = 17, .oval = 1.12f, .density = 26, .confluence = .55f,
     .stretch = 1.1f, .roughness = .09f, .spikes = .2f, .clumping = .45f,
     .fibres = 100, .wander = .093f, .centred = .15f, .haze = .6f,
     .grain = 2.1f, .reach = 25, .chromatin = .5f,
     .spots = 3, .nucleoli = 1.6f, .golgi = 1.1f, .centre = 1.5f,
    },
    { /* a small cell with processes */
     .nucleus = 17, .oval = 1.3f, .density = 34, .confluence = .9f,
     .stretch = 1.6f, .roughness = .25f, .spikes = 3, .clumping = .65f,
     .fibres = 100, .wander = .081f, .centred = .2f, .haze = .5f,
     .grain = 2.2f, .reach = 30, .chromatin = .45f,
     .spots = 5, .nucleoli = 2.2f, .golgi = 1.4f, .centre = 2,
    },
    { /* glia */
     .nucleus = 22, .oval = 1.35f, .density = 17, .confluence = .95f,
     .stretch = 1.9f, .roughness = .3f, .spikes = 3, .clumping = .4f,
     .fibres = 100, .wander = .068f, .centred = .3f, .haze = .3f,
     .grain = 2.8f, .reach = 45, .chromatin = .4f,
     .spots = 2, .nucleoli = 3.4f, .golgi = 2, .centre = 4,
    },
};
// clang-format on

static SynthLine make_line(const SynthOptions *options, int index)
{
    SynthRandom random;
    synth_random_start(&random, options->seed, SYNTH_FOR_LINE, (uint64_t)index);
    SynthLine line = kinds[index % KINDS];
    float *const scaled[] = {&line.nucleus,  &line.density, &line.fibres,    &line.grain,
                             &line.reach,    &line.wander,  &line.chromatin, &line.spots,
                             &line.nucleoli, &line.golgi,   &line.haze,      &line.roughness};
    const float spread[] = {.12f, .35f, .25f, .15f, .2f, .2f, .2f, .5f, .25f, .2f, .4f, .2f};
    for (size_t i = 0; i < sizeof scaled / sizeof *scaled; i++)
        *scaled[i] = synth_lognormal(&random, *scaled[i], spread[i]);
    line.confluence *= synth_between(&random, .85f, 1.2f);
    line.oval *= synth_between(&random, .95f, 1.1f);
    line.stretch *= synth_between(&random, .9f, 1.15f);
    return line;
}

/* Of red, green, blue and yellow light of brightness 1: the protein is the faintest. */
static const float usual_photons[SYNTH_PLANES] = {70, 14, 50, 50};

static SynthPlate make_plate(const SynthOptions *options, int index)
{
    SynthRandom random;
    synth_random_start(&random, options->seed, SYNTH_FOR_PLATE, (uint64_t)index);
    SynthPlate plate;
    for (int p = 0; p < SYNTH_PLANES; p++) {
        plate.blur[p] = options->demo ? .75f : synth_between(&random, .65f, 1.2f);
        plate.scatter[p] = synth_between(&random, .03f, options->demo ? .08f : .2f);
        plate.photons[p] = synth_lognormal(&random, usual_photons[p], options->demo ? .1f : .5f);
        plate.level[p] = synth_lognormal(&random, 1, options->demo ? .15f : .35f);
    }
    if (options->demo)
        plate.photons[SYNTH_GREEN] *= 3;
    plate.shading = synth_between(&random, 0, .25f);
    plate.shading_angle = synth_between(&random, 0, synth_turn);
    return plate;
}

/* Everything that the fields of one antibody share. */
static SynthGroup make_group(const SynthPlan *plan, int index, uint32_t labels, uint32_t hidden)
{
    const bool demo = plan->options->demo;
    SynthRandom random;
    synth_random_start(&random, plan->options->seed, SYNTH_FOR_GROUP, (uint64_t)index);
    SynthGroup group = {.labels = labels, .present = labels | hidden};
    group.seed = (uint64_t)synth_random_word(&random) << 32 | synth_random_word(&random);
    for (int c = 0; c < SYNTH_CLASSES; c++) {
        group.gain[c] = synth_lognormal(&random, 1, demo ? .3f : .5f);
        group.visibility[c] = demo ? 1 : synth_between(&random, .6f, .95f);
        for (int i = 0; i < SYNTH_STYLE; i++)
            group.style[c][i] = synth_uniform(&random);
    }
    group.unspecific = synth_lognormal(&random, demo ? .12f : .35f, demo ? .6f : .9f);
    group.unspecific_nucleus = synth_between(&random, .4f, 1.5f);
    group.unspecific_grain = synth_between(&random, 0, .8f);
    group.dots = synth_lognormal(&random, demo ? 4 : 20, 1.4f);
    group.zeros = synth_between(&random, .4f, .8f);
    group.level = synth_lognormal(&random, 1, demo ? .2f : .4f);
    return group;
}

/* The i-th number of a bijection of 32-bit numbers, so that no two images share an id. */
static uint32_t scramble(uint32_t i, uint32_t key)
{
    i += key;
    i = (i ^ i >> 16) * UINT32_C(0x7feb352d);
    i = (i ^ i >> 15) * UINT32_C(0x846ca68b);
    return i ^ i >> 16;
}

/* The form of the published names: a time-based UUID of one autumn and one machine. */
static void make_id(char id[SYNTH_ID], uint64_t seed, int64_t index)
{
    static const char *const tails[] = {"b2b9", "b2ba", "b2bb", "b2bc"};
    SynthRandom random;
    synth_random_start(&random, seed, SYNTH_FOR_ID, 0);
    const uint32_t word = scramble((uint32_t)index, synth_random_word(&random));
    snprintf(id, SYNTH_ID, "%08x-%04x-11e8-%s-ac1f6b6435d0", (unsigned)word, 0xbb99u + word % 0x36,
             tails[word / 64 % 4]);
}

/* How many fields the next antibody has: 2 to 6, at most `left`. The demo set has no near relatives. */
static int64_t field_count(const SynthOptions *options, SynthRandom *random, int64_t left)
{
    const int64_t count = options->demo ? 1 : 2 + synth_below(random, 5);
    return count < left ? count : left;
}

static void add_images(SynthPlan *plan, SynthRandom *random, int64_t first, int64_t count, bool test)
{
    for (int64_t i = first; i < first + count; i++) {
        SynthImage *image = &plan->images[i];
        *image = (SynthImage){
            .test = test, .group = plan->group_count, .cells = (uint64_t)i, .exposure = (uint64_t)i};
        make_id(image->id, plan->options->seed, i);
        if (i > first && !plan->options->demo && synth_chance(random, .12f)) { /* the stage hardly moved */
            image->cells = plan->images[i - 1].cells;
            image->shift_x = synth_below(random, 17) - 8;
            image->shift_y = synth_below(random, 17) - 8;
        }
    }
}

/* Training labels come as in the published table, test labels so that every class can be measured; the demo
 * set is balanced throughout. A pattern that nobody noted is the commonest error of the published labels; the
 * solution of the test part has none. */
static void plan_part(SynthPlan *plan, int64_t first, int64_t count, bool test)
{
    const SynthOptions *options = plan->options;
    SynthLabels *labels = synth_labels_open();
    SynthRandom random;
    synth_random_start(&random, options->seed, SYNTH_FOR_LABELS, test);
    for (int64_t done = 0; done < count;) {
        const int64_t fields = field_count(options, &random, count - done);
        const bool balanced = options->demo || test;
        const uint32_t set =
            balanced ? synth_labels_balanced(labels, &random) : synth_labels_natural(labels, &random);
        const bool forgotten = !options->demo && !test && synth_chance(&random, .12f);
        const uint32_t hidden = forgotten ? UINT32_C(1) << synth_labels_common(labels, &random) : 0;
        SynthGroup group = make_group(plan, plan->group_count, set, hidden);
        group.line = options->demo ? synth_below(&random, DEMO_LINES)
                     : test        ? TRAIN_LINES + synth_below(&random, TEST_LINES)
                                   : synth_below(&random, TRAIN_LINES);
        group.plate = (int)((first + done) / IMAGES_PER_PLATE) + (test ? 1 : 0);
        add_images(plan, &random, first + done, fields, test);
        plan->groups[plan->group_count++] = group;
        done += fields;
    }
    synth_labels_close(labels);
}

SynthPlan *synth_plan_make(const SynthOptions *options)
{
    SynthPlan *plan = hp_alloc(1, sizeof *plan);
    plan->options = options;
    plan->image_count = options->images + options->test;
    plan->images = hp_alloc((size_t)plan->image_count, sizeof *plan->images);
    plan->groups = hp_alloc((size_t)plan->image_count, sizeof *plan->groups);
    plan->line_count = TRAIN_LINES + TEST_LINES;
    plan->lines = hp_alloc((size_t)plan->line_count, sizeof *plan->lines);
    for (int i = 0; i < plan->line_count; i++)
        plan->lines[i] = make_line(options, i);
    plan->plate_count = (int)(plan->image_count / IMAGES_PER_PLATE) + 2;
    plan->plates = hp_alloc((size_t)plan->plate_count, sizeof *plan->plates);
    for (int i = 0; i < plan->plate_count; i++)
        plan->plates[i] = make_plate(options, i);
    plan_part(plan, 0, options->images, false);
    plan_part(plan, options->images, options->test, true);
    return plan;
}

void synth_plan_free(SynthPlan *plan)
{
    free(plan->lines);
    free(plan->plates);
    free(plan->groups);
    free(plan->images);
    free(plan);
}
