#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/data/internal.h"
#include "runtime/hpadata/synth.h"

static SynthOptions small_options(void)
{
    return (SynthOptions){.images = 24, .test = 12, .field = 96, .pixels = 96, .seed = 7, .threads = 2};
}

static char *temporary_folder(void)
{
    const char *root = getenv("TMPDIR");
    char *path = hp_format("%s/synth.XXXXXX", root ? root : "/tmp");
    assert_non_null(mkdtemp(path));
    return path;
}

static void remove_folder(char *path)
{
    char *command = hp_format("rm -r '%s'", path);
    assert_int_equal(system(command), 0);
    free(command);
    free(path);
}

/* ---------------------------------------------------------------- labels */

/* Images of each class in the published table. */
static const int published[SYNTH_CLASSES] = {12885, 1254, 3621, 1561, 1858, 2513, 1008, 2822, 53,  45,
                                             28,    1093, 688,  537,  1066, 21,   530,  210,  902, 1482,
                                             172,   3777, 802,  2965, 322,  8228, 328,  11};

static uint32_t mask_of(const char *text)
{
    uint32_t mask = 0;
    for (char *end; *text; text = *end ? end + 1 : end)
        mask |= UINT32_C(1) << strtol(text, &end, 10);
    return mask;
}

static void table_is_the_published_one(void **state)
{
    (void)state;
    int total = 0, of_class[SYNTH_CLASSES] = {0};
    assert_int_equal(synth_label_set_count, 577);
    for (int i = 0; i < synth_label_set_count; i++) {
        const SynthLabelSet *set = &synth_label_sets[i];
        total += set->images;
        for (int c = 0; c < SYNTH_CLASSES; c++)
            of_class[c] += mask_of(set->labels) >> c & 1 ? set->images : 0;
    }
    assert_int_equal(total, 31072);
    for (int c = 0; c < SYNTH_CLASSES; c++)
        assert_int_equal(of_class[c], published[c]);
}

/* Pearson's test of 60,000 draws against the table, sets of fewer than 10 expected draws taken together. */
static void natural_draws_follow_the_table(void **state)
{
    (void)state;
    enum { DRAWS = 60000 };
    SynthLabels *labels = synth_labels_open();
    SynthRandom random;
    synth_random_start(&random, 3, SYNTH_FOR_LABELS, 0);
    int *drawn = hp_alloc((size_t)synth_label_set_count, sizeof *drawn);
    for (int n = 0; n < DRAWS; n++) {
        const uint32_t mask = synth_labels_natural(labels, &random);
        int i = 0;
        while (i < synth_label_set_count && mask_of(synth_label_sets[i].labels) != mask)
            i++;
        assert_true(i < synth_label_set_count);
        drawn[i]++;
    }
    double chi_square = 0, rest = 0, rest_expected = 0;
    int freedom = 0;
    for (int i = 0; i < synth_label_set_count; i++) {
        const double expected = (double)DRAWS * synth_label_sets[i].images / 31072;
        if (expected < 10) {
            rest += drawn[i], rest_expected += expected;
            continue;
        }
        chi_square += pow(drawn[i] - expected, 2) / expected;
        freedom++;
    }
    chi_square += pow(rest - rest_expected, 2) / rest_expected;
    assert_true(fabs(chi_square - freedom) < 5 * sqrt(2 * (double)freedom));
    free(drawn);
    synth_labels_close(labels);
}

static void balanced_draws_leave_no_class_out(void **state)
{
    (void)state;
    SynthLabels *labels = synth_labels_open();
    SynthRandom random;
    synth_random_start(&random, 4, SYNTH_FOR_LABELS, 1);
    int of_class[SYNTH_CLASSES] = {0};
    for (int n = 0; n < 300; n++) {
        const uint32_t mask = synth_labels_balanced(labels, &random);
        for (int c = 0; c < SYNTH_CLASSES; c++)
            of_class[c] += mask >> c & 1;
    }
    for (int c = 0; c < SYNTH_CLASSES; c++)
        assert_true(of_class[c] >= 12);
    synth_labels_close(labels);
}

/* ---------------------------------------------------------------- patterns */

/* Where the light of a pattern is, as shares of it. */
typedef struct Place {
    double nucleus, nucleolus, rim, edge, junction, centrosome, aggresome, outside, fibres;
} Place;

typedef double Share(const Place *place);

static double share_nucleus(const Place *p)
{
    return p->nucleus;
}
static double share_nucleolus(const Place *p)
{
    return p->nucleolus;
}
static double share_rim(const Place *p)
{
    return p->rim;
}
static double share_cytoplasm(const Place *p)
{
    return 1 - p->nucleus - p->outside;
}
static double share_edge(const Place *p)
{
    return p->edge;
}
static double share_junction(const Place *p)
{
    return p->junction;
}
static double share_centrosome(const Place *p)
{
    return p->centrosome;
}
static double share_aggresome(const Place *p)
{
    return p->aggresome;
}
static double share_cell(const Place *p)
{
    return 1 - p->outside;
}
static double share_fibres(const Place *p)
{
    return p->fibres;
}

/* The landmark of each class and the least share of its light that must lie there. */
static const struct {
    Share *share;
    double least;
} landmarks[SYNTH_CLASSES] = {
    [NUCLEOPLASM] = {share_nucleus, .97},
    [NUCLEAR_MEMBRANE] = {share_rim, .7},
    [NUCLEOLI] = {share_nucleolus, .5},
    [FIBRILLAR_CENTER] = {share_nucleolus, .95},
    [NUCLEAR_SPECKLES] = {share_nucleus, .97},
    [NUCLEAR_BODIES] = {share_nucleus, .97},
    [ENDOPLASMIC_RETICULUM] = {share_cytoplasm, .85},
    [GOLGI] = {share_cytoplasm, .9},
    [PEROXISOMES] = {share_cytoplasm, .95},
    [ENDOSOMES] = {share_cytoplasm, .92},
    [LYSOSOMES] = {share_cytoplasm, .92},
    [INTERMEDIATE_FILAMENTS] = {share_cytoplasm, .88},
    [ACTIN_FILAMENTS] = {share_cell, .97},
    [FOCAL_ADHESIONS] = {share_cytoplasm, .9},
    [MICROTUBULES] = {share_fibres, .98},
    [MICROTUBULE_ENDS] = {share_cell, .85},
    [CYTOKINETIC_BRIDGE] = {share_cell, .4},
    [MITOTIC_SPINDLE] = {share_fibres, .9},
    [ORGANIZING_CENTER] = {share_centrosome, .9},
    [CENTROSOME] = {share_centrosome, .97},
    [LIPID_DROPLETS] = {share_cytoplasm, .92},
    [PLASMA_MEMBRANE] = {share_edge, .38},
    [CELL_JUNCTIONS] = {share_junction, .95},
    [MITOCHONDRIA] = {share_cytoplasm, .95},
    [AGGRESOME] = {share_aggresome, .35},
    [CYTOSOL] = {share_cytoplasm, .6},
    [CYTOPLASMIC_BODIES] = {share_cytoplasm, .9},
    [RODS_AND_RINGS] = {share_cell, .7},
};

static bool near_any(const SynthScene *scene, int p, int what)
{
    const float x = (float)(p % scene->side - SYNTH_MARGIN), y = (float)(p / scene->side - SYNTH_MARGIN);
    for (int i = 0; i < scene->cell_count; i++) {
        const SynthCell *cell = &scene->cells[i];
        if (what == CENTROSOME && hypotf(x - cell->centrosome_x, y - cell->centrosome_y) < 11)
            return true;
        if (what == AGGRESOME &&
            hypotf(x - cell->aggresome.x, y - cell->aggresome.y) < 1.5f * cell->aggresome.radius)
            return true;
        for (int k = 0; what == NUCLEOLI && k < cell->nucleolus_count; k++)
            if (hypotf(x - cell->nucleoli[k].x, y - cell->nucleoli[k].y) <
                1.4f * cell->nucleoli[k].radius + 1)
                return true;
    }
    return false;
}

static void add_places(const SynthScene *scene, Place *place, double *light)
{
    for (int p = 0; p < (int)scene->size; p++) {
        const double green = (double)scene->plane[SYNTH_GREEN][p];
        *light += green;
        place->nucleus += scene->depth[p] > -.5f ? green : 0;
        place->rim += fabsf(scene->depth[p]) < 2 ? green : 0;
        place->outside += scene->owner[p] < 0 ? green : 0;
        place->edge += scene->edge[p] < 3.5f ? green : 0;
        place->junction += scene->junction[p] < 3.5f ? green : 0;
        place->fibres += scene->fibres[p] > 0 ? green : 0;
        place->nucleolus += near_any(scene, p, NUCLEOLI) ? green : 0;
        place->centrosome += near_any(scene, p, CENTROSOME) ? green : 0;
        place->aggresome += near_any(scene, p, AGGRESOME) ? green : 0;
    }
}

/* A plan whose images all show these classes and nothing else, in all cells. */
static SynthPlan *plan_of(const SynthOptions *options, uint32_t present)
{
    SynthPlan *plan = synth_plan_make(options);
    for (int g = 0; g < plan->group_count; g++) {
        SynthGroup *group = &plan->groups[g];
        group->present = present;
        group->unspecific = group->dots = 0;
        for (int c = 0; c < SYNTH_CLASSES; c++)
            group->visibility[c] = 1;
    }
    return plan;
}

static void patterns_lie_at_their_landmarks(void **state)
{
    (void)state;
    SynthOptions options = small_options();
    for (int c = 0; c < SYNTH_CLASSES; c++) {
        SynthPlan *plan = plan_of(&options, UINT32_C(1) << c);
        Place place = {0};
        double light = 0;
        for (int i = 0; i < 6; i++) {
            const SynthImage *image = &plan->images[4 * i];
            SynthScene *scene = synth_scene_make(plan, image);
            synth_landmarks(scene, plan, image);
            synth_green(scene, plan, image);
            const double before = light;
            add_places(scene, &place, &light);
            assert_true(light > before); /* every image shows it */
            synth_scene_free(scene);
        }
        double *const shares[] = {&place.nucleus,   &place.nucleolus, &place.rim,
                                  &place.edge,      &place.junction,  &place.centrosome,
                                  &place.aggresome, &place.outside,   &place.fibres};
        for (size_t k = 0; k < sizeof shares / sizeof *shares; k++)
            *shares[k] /= light;
        const double share = landmarks[c].share(&place);
        if (share < landmarks[c].least)
            fail_msg("class %d has %.2f of its light at its landmark, expected %.2f", c, share,
                     landmarks[c].least);
        synth_plan_free(plan);
    }
}

static double green_difference(const uint8_t *one, const uint8_t *two, size_t plane_size)
{
    double sum = 0;
    for (size_t i = plane_size; i < 2 * plane_size; i++)
        sum += abs(one[i] - two[i]);
    return sum / (double)plane_size;
}

/* The picture of a field with a pattern differs from that without more than two exposures of one field do. */
static void patterns_show_in_the_picture(void **state)
{
    (void)state;
    SynthOptions options = small_options();
    options.demo = true;
    const size_t plane_size = (size_t)options.pixels * (size_t)options.pixels;
    uint8_t *with = hp_alloc(3 * SYNTH_PLANES, plane_size), *again = with + SYNTH_PLANES * plane_size;
    uint8_t *without = again + SYNTH_PLANES * plane_size;
    for (int c = 0; c < SYNTH_CLASSES; c++) {
        SynthPlan *plan = plan_of(&options, UINT32_C(1) << c);
        SynthPlan *empty =
            plan_of(&options, c == CYTOKINETIC_BRIDGE || c == MITOTIC_SPINDLE ? UINT32_C(1) << c : 0);
        double shown = 0, noise = 0;
        for (int i = 0; i < 4; i++) {
            SynthImage image = plan->images[i];
            plan->groups[image.group].unspecific = empty->groups[image.group].unspecific = .1f;
            if (c == CYTOKINETIC_BRIDGE ||
                c == MITOTIC_SPINDLE) /* the same dividing cell, which does not show it */
                empty->groups[image.group].gain[c] = 0;
            synth_render(plan, &image, with);
            synth_render(empty, &image, without);
            image.exposure += 1000;
            synth_render(plan, &image, again);
            shown += green_difference(with, without, plane_size);
            noise += green_difference(with, again, plane_size);
        }
        if (shown < 1.1 * noise)
            fail_msg("class %d: %.2f grey levels from a cell without it, exposures differ by %.2f", c,
                     shown / 4, noise / 4);
        synth_plan_free(plan);
        synth_plan_free(empty);
    }
    free(with);
}

/* ---------------------------------------------------------------- pictures */

static double zero_share(const uint8_t *pixels, size_t count)
{
    size_t zeros = 0;
    for (size_t i = 0; i < count; i++)
        zeros += pixels[i] == 0;
    return (double)zeros / (double)count;
}

static double mean_of(const uint8_t *pixels, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += pixels[i];
    return sum / (double)count;
}

static void background_is_zero_as_published(void **state)
{
    (void)state;
    SynthOptions options = small_options();
    SynthPlan *plan = synth_plan_make(&options);
    const size_t plane_size = (size_t)options.pixels * (size_t)options.pixels;
    uint8_t *pixels = hp_alloc(SYNTH_PLANES, plane_size);
    double zeros[SYNTH_PLANES] = {0};
    for (int64_t i = 0; i < plan->image_count; i++) {
        synth_render(plan, &plan->images[i], pixels);
        for (int p = 0; p < SYNTH_PLANES; p++) {
            const double share = zero_share(pixels + (size_t)p * plane_size, plane_size);
            assert_true(share >= .2 && share < .98);
            zeros[p] += share / (double)plan->image_count;
        }
        assert_true(zero_share(pixels + plane_size, plane_size) >= .34); /* green */
    }
    /* Published: .42, .52, .80, .45. */
    assert_true(zeros[SYNTH_RED] > .3 && zeros[SYNTH_RED] < .55);
    assert_true(zeros[SYNTH_GREEN] > .45 && zeros[SYNTH_GREEN] < .75);
    assert_true(zeros[SYNTH_BLUE] > .65 && zeros[SYNTH_BLUE] < .92);
    assert_true(zeros[SYNTH_YELLOW] > .3 && zeros[SYNTH_YELLOW] < .55);
    free(pixels);
    synth_plan_free(plan);
}

/* The same fields exposed as test images, whose means are smaller. */
static void test_images_are_darker(void **state)
{
    (void)state;
    SynthOptions options = small_options();
    SynthPlan *plan = synth_plan_make(&options);
    const size_t size = SYNTH_PLANES * (size_t)options.pixels * (size_t)options.pixels;
    uint8_t *pixels = hp_alloc(size, 1);
    double train = 0, test = 0;
    for (int i = 0; i < 12; i++) {
        SynthImage image = plan->images[i];
        synth_render(plan, &image, pixels);
        train += mean_of(pixels, size);
        image.test = true;
        synth_render(plan, &image, pixels);
        test += mean_of(pixels, size);
    }
    assert_true(test / train > .6 && test / train < .9);
    free(pixels);
    synth_plan_free(plan);
}

/* --pixels enlarges: the mean of each block of pixels is the window's pixel, up to noise. */
static void enlarged_picture_shows_the_same_window(void **state)
{
    (void)state;
    SynthOptions options = small_options();
    SynthPlan *plan = synth_plan_make(&options);
    const int side = options.field;
    uint8_t *window = hp_alloc((size_t)(side * side), SYNTH_PLANES),
            *large = hp_alloc((size_t)(9 * side * side), SYNTH_PLANES);
    synth_render(plan, &plan->images[0], window);
    options.pixels = 3 * side;
    synth_render(plan, &plan->images[0], large);
    const uint8_t *blue = window + SYNTH_BLUE * side * side,
                  *large_blue = large + SYNTH_BLUE * 9 * side * side;
    double sums[5] = {0}, count = 0;
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            double block = 0;
            for (int k = 0; k < 9; k++)
                block += large_blue[(3 * y + k / 3) * 3 * side + 3 * x + k % 3] / 9.0;
            const double pixel = blue[y * side + x];
            sums[0] += block, sums[1] += pixel, sums[2] += block * block, sums[3] += pixel * pixel,
                sums[4] += block * pixel;
            count++;
        }
    const double covariance = sums[4] / count - sums[0] * sums[1] / count / count;
    const double variance =
        (sums[2] / count - pow(sums[0] / count, 2)) * (sums[3] / count - pow(sums[1] / count, 2));
    assert_true(covariance / sqrt(variance) > .85);
    free(window);
    free(large);
    synth_plan_free(plan);
}

/* ---------------------------------------------------------------- the plan */

static void ids_are_unique_and_groups_have_relatives(void **state)
{
    (void)state;
    SynthOptions options = small_options();
    options.images = 2000, options.test = 500;
    SynthPlan *plan = synth_plan_make(&options);
    HpNames *names = hp_names_new();
    int64_t duplicates = 0, hidden = 0, labels = 0;
    for (int64_t i = 0; i < plan->image_count; i++) {
        const SynthImage *image = &plan->images[i];
        const SynthGroup *group = &plan->groups[image->group];
        assert_int_equal(strlen(image->id), 36);
        assert_int_equal(hp_names_find(names, image->id), -1);
        hp_names_add(names, image->id, i);
        duplicates += image->cells != (uint64_t)i;
        labels += __builtin_popcount(group->present);
        hidden += __builtin_popcount(group->present & ~group->labels);
        assert_true((group->labels & ~group->present) == 0);
        assert_true(image->test ? group->line >= 12 && group->present == group->labels : group->line < 12);
        assert_true(group->plate < plan->plate_count);
    }
    hp_names_free(names);
    assert_true(duplicates > 100 && duplicates < 400);
    assert_true(hidden > labels / 40 && hidden < labels / 8); /* labels that nobody noted */
    assert_true(plan->group_count > 2500 / 6 && plan->group_count < 2500 / 3);
    synth_plan_free(plan);
}

/* ---------------------------------------------------------------- files */

static uint64_t write_set(const char *folder, int threads, uint64_t seed)
{
    SynthOptions options = small_options();
    options.out = folder;
    options.threads = threads;
    options.seed = seed;
    options.images = 7, options.test = 4;
    SynthPlan *plan = synth_plan_make(&options);
    const uint64_t hash = synth_write(plan);
    synth_plan_free(plan);
    return hash;
}

static void same_seed_same_set_whatever_the_threads(void **state)
{
    (void)state;
    char *one = temporary_folder(), *three = temporary_folder();
    assert_int_equal(write_set(one, 1, 5), write_set(three, 3, 5));
    char *command = hp_format("diff -r '%s' '%s'", one, three);
    assert_int_equal(system(command), 0);
    free(command);
    assert_true(write_set(three, 3, 6) != write_set(one, 1, 5));
    remove_folder(one);
    remove_folder(three);
}

static void check_picture(const char *folder, const char *part, const char *id, const char *plane)
{
    char *path = hp_format("%s/%s/%s_%s.png", folder, part, id, plane);
    HpImage image = {0};
    char *failure = hp_png_read(path, false, &image);
    assert_null(failure);
    assert_int_equal(image.width, 96);
    assert_int_equal(image.height, 96);
    assert_int_equal(image.channels, 1);
    assert_int_equal(image.bits, 8);
    hp_image_free(&image);
    free(path);
}

static void files_are_the_published_form(void **state)
{
    (void)state;
    static const char *const planes[] = {"red", "green", "blue", "yellow"};
    char *folder = temporary_folder();
    write_set(folder, 2, 9);
    char *train = hp_format("%s/train.csv", folder), *order = hp_format("%s/sample_submission.csv", folder);
    char *solution = hp_format("%s/test_labels.csv", folder);
    HpCsv *table = hp_csv_read(train), *rows = hp_csv_read(order), *labels = hp_csv_read(solution);
    assert_int_equal(hp_csv_rows(table), 7);
    assert_int_equal(hp_csv_rows(rows), 4);
    assert_int_equal(hp_csv_rows(labels), 4);
    assert_int_equal(hp_csv_column(table, "Id"), 0);
    assert_int_equal(hp_csv_column(table, "Target"), 1);
    assert_int_equal(hp_csv_column(rows, "Predicted"), 1);
    for (int64_t r = 0; r < 7; r++) {
        assert_true(r == 0 || strcmp(hp_csv_cell(table, r - 1, 0), hp_csv_cell(table, r, 0)) < 0);
        for (int p = 0; p < SYNTH_PLANES; p++)
            check_picture(folder, "train", hp_csv_cell(table, r, 0), planes[p]);
        long before = SYNTH_CLASSES;
        for (const char *text = hp_csv_cell(table, r, 1); *text;) { /* descending */
            char *end;
            const long label = strtol(text, &end, 10);
            assert_true(label >= 0 && label < before && end != text);
            before = label;
            text = *end ? end + 1 : end;
        }
    }
    for (int64_t r = 0; r < 4; r++) {
        assert_string_equal(hp_csv_cell(rows, r, 0), hp_csv_cell(labels, r, 0));
        assert_string_equal(hp_csv_cell(rows, r, 1), "0");
        check_picture(folder, "test", hp_csv_cell(rows, r, 0), "green");
    }
    hp_csv_free(table);
    hp_csv_free(rows);
    hp_csv_free(labels);
    free(train);
    free(order);
    free(solution);
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_the_published_one),
        cmocka_unit_test(natural_draws_follow_the_table),
        cmocka_unit_test(balanced_draws_leave_no_class_out),
        cmocka_unit_test(patterns_lie_at_their_landmarks),
        cmocka_unit_test(patterns_show_in_the_picture),
        cmocka_unit_test(background_is_zero_as_published),
        cmocka_unit_test(test_images_are_darker),
        cmocka_unit_test(enlarged_picture_shows_the_same_window),
        cmocka_unit_test(ids_are_unique_and_groups_have_relatives),
        cmocka_unit_test(same_seed_same_set_whatever_the_threads),
        cmocka_unit_test(files_are_the_published_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
