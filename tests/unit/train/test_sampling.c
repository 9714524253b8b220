/* Oversampling's counts, the maps of augmentation, and the division into parts. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/base/base.h"
#include "runtime/train/train.h"
#include "toy_data.h"
#include "toy_model.h"

typedef struct Fixture {
    char *folder;
    HpData *data;
} Fixture;

static int set_up(void **state)
{
    Fixture *fixture = hp_alloc(1, sizeof *fixture);
    fixture->folder = toy_folder();
    toy_write_data(fixture->folder, false);
    char *path = toy_path(fixture->folder, "data");
    fixture->data = hp_data_open(path, toy_model.dataset, TOY_SIZE);
    free(path);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *fixture = *state;
    hp_data_close(fixture->data);
    toy_remove(fixture->folder);
    free(fixture);
    return 0;
}

/* ---------------------------------------------------------------- division */

static void test_division(void **state)
{
    Fixture *fixture = *state;
    HpDivision division = hp_divide(fixture->data, &toy_model, 1),
               again = hp_divide(fixture->data, &toy_model, 1);
    HpDivision other = hp_divide(fixture->data, &toy_model, 2);
    const HpImages *parts[] = {&division.train, &division.validation, &division.test};
    bool seen[TOY_IMAGES + TOY_TEST_IMAGES] = {0};
    int64_t counts[TOY_CLASSES] = {0};
    for (int part = 0; part < 3; part++)
        for (int64_t i = 0; i < parts[part]->count; i++) {
            int64_t image = parts[part]->items[i];
            assert_true(hp_data_labelled(fixture->data, image) && !seen[image]);
            seen[image] = true;
            for (int c = 0; c < TOY_CLASSES && part == 0; c++)
                counts[c] += hp_data_labels(fixture->data, image)[c];
        }
    assert_int_equal(division.train.count + division.validation.count + division.test.count, TOY_IMAGES);
    assert_memory_equal(counts, division.class_counts, sizeof counts);
    assert_int_equal(division.train.count, again.train.count);
    assert_memory_equal(division.train.items, again.train.items, (size_t)again.train.count * sizeof(int64_t));
    assert_true(
        other.train.count != division.train.count ||
        memcmp(division.train.items, other.train.items, (size_t)other.train.count * sizeof(int64_t)) != 0);
    hp_division_free(&division);
    hp_division_free(&again);
    hp_division_free(&other);
}

/* ---------------------------------------------------------------- oversampling */

static void test_oversampling(void **state)
{
    Fixture *fixture = *state;
    int64_t items[TOY_IMAGES], counts[TOY_CLASSES], total, original[TOY_CLASSES] = {0};
    HpImages images = {0, items};
    for (int64_t i = 0; i < hp_data_count(fixture->data); i++)
        if (hp_data_labelled(fixture->data, i))
            items[images.count++] = i;
    for (int64_t i = 0; i < images.count; i++)
        for (int c = 0; c < TOY_CLASSES; c++)
            original[c] += hp_data_labels(fixture->data, items[i])[c];
    const int chosen[] = {0, 2}; /* common and rare; class 2 is rarer and goes first */
    const HpOversample oversample[] = {{2, chosen, 37}};
    HpStage stage = toy_model.stages[1];
    stage.oversample_count = 1;
    stage.oversample = oversample;
    int64_t *list = hp_sampling_list(fixture->data, toy_model.dataset, &stage, 1, 9, &images, counts, &total);
    int64_t repeats[TOY_IMAGES + TOY_TEST_IMAGES] = {0}, recount[TOY_CLASSES] = {0};
    for (int64_t i = 0; i < total; i++) {
        repeats[list[i]]++;
        for (int c = 0; c < TOY_CLASSES; c++)
            recount[c] += hp_data_labels(fixture->data, list[i])[c];
    }
    assert_memory_equal(counts, recount, sizeof counts);
    int64_t least = INT64_MAX, most = 0;
    for (int64_t i = 0; i < images.count; i++) {
        assert_true(repeats[items[i]] >= 1);
        if (hp_data_labels(fixture->data, items[i])[2]) {
            least = repeats[items[i]] < least ? repeats[items[i]] : least;
            most = repeats[items[i]] > most ? repeats[items[i]] : most;
        }
    }
    assert_int_equal(counts[2], 37); /* exactly: nothing else raised it */
    assert_true(counts[0] >= 37);    /* co-labels of the rare copies may have raised it further */
    assert_true(most - least <= 1);  /* copies are shared out evenly */
    assert_true(total - TOY_IMAGES >= 37 - original[2] &&
                total - TOY_IMAGES <= 74 - original[2] - original[0]);
    int64_t *again =
        hp_sampling_list(fixture->data, toy_model.dataset, &stage, 1, 9, &images, counts, &total);
    assert_memory_equal(list, again, (size_t)total * sizeof *list);
    free(list);
    free(again);
}

/* ---------------------------------------------------------------- maps */

static const HpAugment off = {.zoom_low = 1, .zoom_high = 1, .brightness_low = 1, .brightness_high = 1};

static void apply(const float *affine, double x, double y, double *sx, double *sy)
{
    *sx = affine[0] * x + affine[1] * y + affine[2];
    *sy = affine[3] * x + affine[4] * y + affine[5];
}

static void test_identity(void **state)
{
    (void)state;
    const float wanted[6] = {1, 0, 0, 0, 1, 0};
    float affine[6], gain;
    hp_affine_identity(256, 256, 256, affine);
    assert_memory_equal(affine, wanted, sizeof wanted);
    for (int64_t i = 0; i < 20; i++) {
        hp_augment_draw(&off, 3, i, 256, 256, 256, affine, &gain);
        for (int k = 0; k < 6; k++)
            assert_true(affine[k] == wanted[k]);
        assert_true(gain == 1);
    }
}

/* A quarter turn takes pixel centres to pixel centres exactly, and the picture onto itself. */
static void test_quarter_turns(void **state)
{
    (void)state;
    for (int turns = 1; turns < 4; turns++) {
        HpAugment augment = off;
        float affine[6], gain;
        augment.rotate_low = augment.rotate_high = 90.0 * turns;
        hp_augment_draw(&augment, 1, 0, 7, 7, 7, affine, &gain);
        for (int y = 0; y < 7; y++)
            for (int x = 0; x < 7; x++) {
                double sx, sy;
                apply(affine, x, y, &sx, &sy);
                if (turns == 1)
                    assert_true(sx == 6 - y && sy == x);
                else if (turns == 2)
                    assert_true(sx == 6 - x && sy == 6 - y);
                else
                    assert_true(sx == y && sy == 6 - x);
            }
    }
}

static void test_flips(void **state)
{
    (void)state;
    HpAugment augment = off;
    int counts[4] = {0};
    augment.flip = true;
    for (int64_t i = 0; i < 4000; i++) {
        float affine[6], gain;
        hp_augment_draw(&augment, 77, i, 8, 8, 8, affine, &gain);
        assert_true(fabsf(affine[0]) == 1 && affine[1] == 0 && affine[3] == 0 && fabsf(affine[4]) == 1);
        assert_true(affine[2] == (affine[0] < 0 ? 7 : 0) && affine[5] == (affine[4] < 0 ? 7 : 0));
        counts[2 * (affine[0] < 0) + (affine[4] < 0)]++;
    }
    for (int i = 0; i < 4; i++)
        assert_in_range(counts[i], 880, 1120); /* 4 standard deviations */
}

/* A store of another size is only scaled: corners of the picture stay its corners. */
static void test_larger_store(void **state)
{
    (void)state;
    float affine[6];
    double sx, sy;
    hp_affine_identity(8, 10, 12, affine);
    apply(affine, -0.5, -0.5, &sx, &sy);
    assert_float_equal(sx, -0.5, 1e-6);
    assert_float_equal(sy, -0.5, 1e-6);
    apply(affine, 7.5, 7.5, &sx, &sy);
    assert_float_equal(sx, 11.5, 1e-5);
    assert_float_equal(sy, 9.5, 1e-5);
}

static void test_ranges_and_keys(void **state)
{
    (void)state;
    const HpAugment augment = {.rotate_high = 360,
                               .zoom_low = 0.8,
                               .zoom_high = 1.25,
                               .shift = 0.1,
                               .brightness_low = 0.9,
                               .brightness_high = 1.2};
    double smallest = 9, largest = 0;
    for (int64_t i = 0; i < 2000; i++) {
        float affine[6], again[6], other[6], gain, gain_again;
        double sx, sy;
        hp_augment_draw(&augment, 5, i, 100, 100, 100, affine, &gain);
        hp_augment_draw(&augment, 5, i, 100, 100, 100, again, &gain_again);
        assert_true(memcmp(affine, again, sizeof affine) == 0 && gain == gain_again);
        hp_augment_draw(&augment, 6, i, 100, 100, 100, other, &gain_again);
        assert_memory_not_equal(affine, other, sizeof affine);
        double zoom = 1 / hypot(affine[0], affine[3]);
        smallest = fmin(smallest, zoom), largest = fmax(largest, zoom);
        assert_true(gain >= 0.9f && gain <= 1.2f);
        apply(affine, 49.5, 49.5, &sx,
              &sy); /* only a shift moves the centre: by a tenth of the side at most */
        assert_true(fabs(sx - 49.5) <= 10.001 && fabs(sy - 49.5) <= 10.001);
        assert_true(fabs(affine[0] * affine[4] - affine[1] * affine[3] - 1 / (zoom * zoom)) <
                    1e-4); /* no shear */
    }
    assert_true(smallest >= 0.7999 && smallest < 0.81 && largest <= 1.2501 && largest > 1.24);
}

static void test_keys_differ(void **state)
{
    (void)state;
    assert_true(hp_key(1, HP_KEY_SHUFFLE, 0, 0) != hp_key(1, HP_KEY_AUGMENT, 0, 0));
    assert_true(hp_key(1, HP_KEY_SHUFFLE, 0, 1) != hp_key(1, HP_KEY_SHUFFLE, 1, 0));
    assert_true(hp_key(1, HP_KEY_SHUFFLE, 0, 0) != hp_key(2, HP_KEY_SHUFFLE, 0, 0));
    assert_true(hp_draw_number(0, 0, 5) != hp_draw_number(0, 1, 5) && hp_draw_number(1, 0, 5) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_division),        cmocka_unit_test(test_oversampling),
        cmocka_unit_test(test_identity),        cmocka_unit_test(test_quarter_turns),
        cmocka_unit_test(test_flips),           cmocka_unit_test(test_larger_store),
        cmocka_unit_test(test_ranges_and_keys), cmocka_unit_test(test_keys_differ),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
