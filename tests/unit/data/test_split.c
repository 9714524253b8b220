/* The stratified split: every class has its share, on drawn labels and on the real table. */
#include "fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double fractions[] = {0.8, 0.1, 0.1};

/* Every class and the whole: within 1 % of the ideal count or 1 image. Returns how many are not. */
static int count_violations(int64_t count, int classes, const uint8_t *labels, const int *part_of)
{
    int violations = 0;
    for (int k = 0; k <= classes; k++) {
        double counts[3] = {0}, total = 0;
        for (int64_t i = 0; i < count; i++)
            if (k == classes || labels[i * classes + k]) {
                assert_in_range(part_of[i], 0, 2);
                counts[part_of[i]]++;
                total++;
            }
        for (int part = 0; part < 3; part++) {
            double ideal = total * fractions[part];
            violations += fabs(counts[part] - ideal) > fmax(1, 0.01 * ideal) + 1e-9;
        }
    }
    return violations;
}

/* Labels whose frequencies fall from 40 % to 0.03 %, some always together. */
static uint8_t *draw_labels(int64_t count, int classes, uint64_t seed)
{
    uint8_t *labels = hp_alloc((size_t)count, (size_t)classes);
    for (int64_t i = 0; i < count; i++)
        for (int k = 0; k < classes; k++) {
            double share = 0.4 * pow(0.7, k);
            labels[i * classes + k] = hp_uniform(seed, (uint64_t)i, (uint64_t)k) < share;
            if (k == classes - 1)
                labels[i * classes + k - 1] |= labels[i * classes + k];
        }
    return labels;
}

static void test_every_class_has_its_share(void **state)
{
    (void)state;
    enum { COUNT = 5000, CLASSES = 20 };
    int part_of[COUNT], again[COUNT];
    for (uint64_t seed = 0; seed < 5; seed++) {
        uint8_t *labels = draw_labels(COUNT, CLASSES, seed);
        hp_split(COUNT, CLASSES, labels, 3, fractions, true, seed, part_of);
        hp_split(COUNT, CLASSES, labels, 3, fractions, true, seed, again);
        assert_memory_equal(part_of, again, sizeof part_of);
        assert_int_equal(count_violations(COUNT, CLASSES, labels, part_of), 0);
        hp_split(COUNT, CLASSES, labels, 3, fractions, true, seed + 1, again);
        assert_memory_not_equal(part_of, again, sizeof part_of);
        hp_split(COUNT, CLASSES, labels, 3, fractions, false, seed, part_of);
        assert_true(count_violations(COUNT, CLASSES, labels, part_of) > 0); /* the measure can fail */
        free(labels);
    }
}

static void test_one_class_each(void **state)
{
    (void)state;
    enum { COUNT = 1000, CLASSES = 12 };
    uint8_t *labels = hp_alloc(COUNT, CLASSES);
    int part_of[COUNT];
    for (int i = 0; i < COUNT; i++)
        labels[i * CLASSES + (int)(CLASSES * pow(hp_uniform(1, (uint64_t)i, 0), 2))] = 1;
    hp_split(COUNT, CLASSES, labels, 3, fractions, true, 1, part_of);
    assert_int_equal(count_violations(COUNT, CLASSES, labels, part_of), 0);
    free(labels);
}

static void test_plain_cut(void **state)
{
    (void)state;
    enum { COUNT = 1001 };
    int part_of[COUNT], counts[3] = {0}, first_eight = 0;
    uint8_t *labels = hp_alloc(COUNT, 1);
    hp_split(COUNT, 1, labels, 3, fractions, false, 3, part_of);
    for (int i = 0; i < COUNT; i++) {
        counts[part_of[i]]++;
        first_eight += i < 800 && part_of[i] == 0;
    }
    assert_in_range(counts[0], 800, 801);
    assert_in_range(counts[1], 100, 101);
    assert_int_equal(counts[0] + counts[1] + counts[2], COUNT);
    assert_true(first_eight < 700); /* shuffled: 640 are expected */
    free(labels);
}

static void test_few_images(void **state)
{
    (void)state;
    int part_of[3] = {-1, -1, -1};
    uint8_t labels[] = {1, 0, 0};
    hp_split(0, 1, labels, 3, fractions, true, 1, part_of);
    hp_split(3, 1, labels, 3, fractions, true, 1, part_of);
    for (int i = 0; i < 3; i++)
        assert_in_range(part_of[i], 0, 2);
}

static void test_real_table(void **state)
{
    (void)state;
    enum { CLASSES = 28 };
    const char *real = getenv("HPANET_REAL_DATA");
    if (!real) {
        puts("SKIPPED test_real_table: HPANET_REAL_DATA is not set");
        skip();
    }
    char *path = hp_format("%s/../train.csv", real);
    HpCsv *csv = hp_csv_read(path);
    int64_t count = hp_csv_rows(csv);
    uint8_t *labels = hp_alloc((size_t)count, CLASSES);
    int *part_of = hp_alloc((size_t)count, sizeof *part_of);
    assert_int_equal(count, 31072);
    for (int64_t i = 0; i < count; i++) {
        char *cell = hp_string(hp_csv_cell(csv, i, 1)), *rest = NULL;
        for (char *label = strtok_r(cell, " ", &rest); label; label = strtok_r(NULL, " ", &rest))
            labels[i * CLASSES + atoi(label)] = 1;
        free(cell);
    }
    for (uint64_t seed = 0; seed < 5; seed++) {
        hp_split(count, CLASSES, labels, 3, fractions, true, seed, part_of);
        assert_int_equal(count_violations(count, CLASSES, labels, part_of), 0);
    }
    free(labels);
    free(part_of);
    free(path);
    hp_csv_free(csv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_class_has_its_share),
                                       cmocka_unit_test(test_one_class_each),
                                       cmocka_unit_test(test_plain_cut), cmocka_unit_test(test_few_images),
                                       cmocka_unit_test(test_real_table)};
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
