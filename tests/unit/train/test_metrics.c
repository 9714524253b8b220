/* Scores against their definitions, computed the slow way, and against values scikit-learn's manual prints.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/base/base.h"
#include "runtime/train/train.h"

enum { MOST_IMAGES = 60, MOST_CLASSES = 7 };

static void assert_near(double a, double b)
{
    if (!(isnan(a) && isnan(b)) && !(fabs(a - b) <= 1e-12))
        fail_msg("%.17g is not %.17g", a, b);
}

/* ---------------------------------------------------------------- the slow way */

typedef struct Case {
    int images, classes;
    bool one_of;
    float p[MOST_IMAGES * MOST_CLASSES];
    uint8_t y[MOST_IMAGES * MOST_CLASSES];
} Case;

static bool says(const Case *c, int image, int class)
{
    const float *row = c->p + image * c->classes;
    if (!c->one_of)
        return row[class] > 0.5f;
    for (int other = 0; other < c->classes; other++)
        if (row[other] > row[class] || (row[other] == row[class] && other < class))
            return false;
    return true;
}

static double safe_f1(double tp, double fp, double fn)
{
    return tp + fp + fn > 0 ? 2 * tp / (2 * tp + fp + fn) : 0;
}

/* The mean over positives of the precision at their own score. */
static double slow_ap(const Case *c, int class)
{
    double sum = 0;
    int positives = 0;
    for (int i = 0; i < c->images; i++) {
        int above = 0, hits = 0;
        if (!c->y[i * c->classes + class])
            continue;
        positives++;
        for (int j = 0; j < c->images; j++)
            if (c->p[j * c->classes + class] >= c->p[i * c->classes + class]) {
                above++;
                hits += c->y[j * c->classes + class];
            }
        sum += (double)hits / above;
    }
    return positives ? sum / positives : NAN;
}

static void check_case(const Case *c)
{
    HpScores scores = hp_scores_measure(c->classes, c->one_of, c->images, c->p, c->y, 0.25);
    double macro = 0, ap = 0, sample = 0, all[3] = {0};
    int with_support = 0, exact = 0;
    for (int class = 0; class < c->classes; class ++) {
        double tp = 0, fp = 0, fn = 0;
        for (int i = 0; i < c->images; i++) {
            bool truth = c->y[i * c->classes + class], said = says(c, i, class);
            tp += truth && said;
            fp += !truth && said;
            fn += truth && !said;
        }
        assert_near(scores.f1[class], safe_f1(tp, fp, fn));
        assert_near(scores.precision[class], tp + fp > 0 ? tp / (tp + fp) : 0);
        assert_near(scores.recall[class], tp + fn > 0 ? tp / (tp + fn) : 0);
        assert_near(scores.ap[class], slow_ap(c, class));
        assert_int_equal(scores.support[class], (int)(tp + fn));
        macro += safe_f1(tp, fp, fn) / c->classes;
        all[0] += tp, all[1] += fp, all[2] += fn;
        if (tp + fn > 0) {
            ap += slow_ap(c, class);
            with_support++;
        }
    }
    for (int i = 0; i < c->images; i++) {
        double both = 0, either = 0;
        bool same = true;
        for (int class = 0; class < c->classes; class ++) {
            bool truth = c->y[i * c->classes + class], said = says(c, i, class);
            both += truth && said;
            either += truth + said;
            same = same && truth == said;
        }
        sample += either > 0 ? 2 * both / either / c->images : 0;
        exact += same;
    }
    assert_near(scores.macro_f1, macro);
    assert_near(scores.macro_ap, with_support ? ap / with_support : NAN);
    assert_near(scores.micro_f1, safe_f1(all[0], all[1], all[2]));
    assert_near(scores.sample_f1, sample);
    assert_near(scores.accuracy, (double)exact / c->images);
    assert_near(scores.loss, 0.25);
    hp_scores_free(&scores);
}

static void test_random_cases(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 300; round++) {
        Case c = {.images = 1 + (int)(MOST_IMAGES * hp_uniform(round, 0, 1)),
                  .classes = 2 + (int)((MOST_CLASSES - 1) * hp_uniform(round, 0, 2)),
                  .one_of = round % 3 == 0};
        double steps = round % 2 ? 8 : 1e6,
               rarity = hp_uniform(round, 0, 3); /* coarse scores tie, also at 0.5 */
        for (int i = 0; i < c.images; i++) {
            for (int k = 0; k < c.classes; k++) {
                int at = i * c.classes + k;
                c.p[at] = (float)(floor(steps * hp_uniform(round, (uint64_t)at, 4)) / steps);
                c.y[at] = !c.one_of && hp_uniform(round, (uint64_t)at, 5) < rarity;
            }
            if (c.one_of)
                c.y[i * c.classes + (int)(c.classes * hp_uniform(round, (uint64_t)i, 6) * rarity)] = 1;
        }
        check_case(&c);
    }
}

/* ---------------------------------------------------------------- values from elsewhere */

static void test_published_values(void **state)
{
    (void)state;
    /* sklearn.metrics.average_precision_score */
    const float scores[] = {0.1f, 0.4f, 0.35f, 0.8f};
    const uint8_t truth[] = {0, 0, 1, 1};
    assert_near(hp_average_precision(4, scores, truth, 1), 5.0 / 6);
    const float broken[] = {NAN, 0.4f, NAN, 0.8f}; /* positives at ranks 3 or 4, tied, and 1 */
    const uint8_t broken_truth[] = {1, 0, 0, 1};
    assert_near(hp_average_precision(4, broken, broken_truth, 1), (1.0 + 2.0 / 4) / 2);
    /* sklearn.metrics.f1_score: y_true 0 1 2 0 1 2, y_pred 0 2 1 0 0 1: macro 0.26..., micro 0.33... */
    const int y_true[] = {0, 1, 2, 0, 1, 2}, y_pred[] = {0, 2, 1, 0, 0, 1};
    float p[18] = {0};
    uint8_t y[18] = {0};
    for (int i = 0; i < 6; i++) {
        p[3 * i + y_pred[i]] = 0.4f; /* the largest, though below 0.5 */
        y[3 * i + y_true[i]] = 1;
    }
    HpScores multi = hp_scores_measure(3, true, 6, p, y, 0);
    assert_near(multi.macro_f1, 0.8 / 3);
    assert_near(multi.micro_f1, 1.0 / 3);
    assert_near(multi.accuracy, 1.0 / 3);
    const int64_t confusion[] = {2, 0, 0, 1, 0, 1, 0, 2, 0};
    assert_memory_equal(multi.confusion, confusion, sizeof confusion);
    hp_scores_free(&multi);
}

static void test_thresholds_and_empty_classes(void **state)
{
    (void)state;
    const float p[] = {0.5f, 0.50001f, 0.1f, 0.2f, 0.9f, 0.1f};
    const uint8_t y[] = {1, 1, 0, 0, 0, 0};
    HpScores scores = hp_scores_measure(3, false, 2, p, y, 0);
    assert_near(scores.f1[0], 0);       /* 0.5 is not above 0.5 */
    assert_near(scores.f1[1], 2.0 / 3); /* one hit, one false alarm */
    assert_near(scores.f1[2], 0);       /* nothing there and nothing said: 0, not 1 */
    assert_true(isnan(scores.ap[2]));
    assert_near(scores.macro_ap, (1.0 + 0.5) / 2); /* classes with positives only */
    assert_null(scores.confusion);
    assert_near(hp_scores_metric(&scores, "macro_f1"), scores.macro_f1);
    assert_near(hp_scores_metric(&scores, "loss"), 0);
    hp_scores_free(&scores);
}

static void test_probabilities(void **state)
{
    (void)state;
    float any[] = {0, 2, -800, 800}, one[] = {800, 801, -800};
    hp_probabilities(any, 4, false);
    assert_near(any[0], 0.5f);
    assert_near(any[1], (float)(1 / (1 + exp(-2.0))));
    assert_near(any[2], 0);
    assert_near(any[3], 1);
    hp_probabilities(one, 3, true);
    assert_near(one[0], (float)(1 / (1 + exp(1.0))));
    assert_near(one[1], (float)(1 / (1 + exp(-1.0))));
    assert_near(one[2], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_cases),
        cmocka_unit_test(test_published_values),
        cmocka_unit_test(test_thresholds_and_empty_classes),
        cmocka_unit_test(test_probabilities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
