/* A candidate is taken when it wins beyond the noise, and with more memory only when it wins clearly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "compiler/select/internal.h"

enum { MEGABYTE = 1 << 20 };

typedef struct Candidate {
    double ratio;
    int64_t scratchpad;
    bool dropped;
} Candidate;

/* Candidate 0 takes 10 ms in every round and has 1 MB of scratchpad. */
static int choose(const Candidate *others, int count, double noise)
{
    HpLibraryCall calls[HP_MAX_CANDIDATES] = {{.scratchpad = MEGABYTE}};
    Measurement measured[HP_MAX_CANDIDATES] = {{.seconds = 0.01, .least = 0.01, .ratio = 1}};
    for (int i = 0; i < count; i++) {
        double seconds = 0.01 * others[i].ratio;
        calls[i + 1].scratchpad = others[i].scratchpad;
        measured[i + 1] = (Measurement){
            .dropped = others[i].dropped, .seconds = seconds, .least = seconds, .ratio = others[i].ratio};
    }
    return choose_candidate(calls, measured, count + 1, noise);
}

static void alone_it_stays(void **state)
{
    (void)state;
    assert_int_equal(choose(NULL, 0, 0), 0);
}

static void little_is_not_enough(void **state)
{
    (void)state;
    assert_int_equal(choose((Candidate[]){{1.2, 0, false}, {0.98, 0, false}}, 2, 0), 0);
    assert_int_equal(choose((Candidate[]){{1.2, 0, false}, {0.90, 0, false}}, 2, 0), 2);
}

static void noise_raises_the_bar(void **state)
{
    (void)state;
    assert_int_equal(choose((Candidate[]){{0.90, 0, false}}, 1, 0.02), 1);
    assert_int_equal(choose((Candidate[]){{0.90, 0, false}}, 1, 0.08), 0);
    assert_int_equal(choose((Candidate[]){{0.01, 0, false}}, 1, 1), 0);
}

static void memory_must_pay(void **state)
{
    (void)state;
    assert_int_equal(choose((Candidate[]){{0.93, 40 * MEGABYTE, false}}, 1, 0), 0);
    assert_int_equal(choose((Candidate[]){{0.85, 40 * MEGABYTE, false}}, 1, 0), 1);
    assert_int_equal(choose((Candidate[]){{0.93, MEGABYTE + 4096, false}}, 1, 0), 1);
}

static void the_fastest_wins(void **state)
{
    (void)state;
    assert_int_equal(choose((Candidate[]){{0.8, 0, false}, {0.6, 0, false}, {0.7, 0, false}}, 3, 0), 2);
}

static void what_was_dropped_is_out(void **state)
{
    (void)state;
    assert_int_equal(choose((Candidate[]){{0.5, 0, true}}, 1, 0), 0);
}

/* Lucky in the median alone, or in one round alone, is not faster. */
static void both_measures_must_agree(void **state)
{
    (void)state;
    HpLibraryCall calls[2] = {{.scratchpad = 0}};
    Measurement usual = {.seconds = 0.01, .least = 0.009, .ratio = 1};
    Measurement median_only[] = {usual, {.seconds = 0.008, .least = 0.009, .ratio = 0.8}};
    Measurement least_only[] = {usual, {.seconds = 0.01, .least = 0.005, .ratio = 1}};
    assert_int_equal(choose_candidate(calls, median_only, 2, 0), 0);
    assert_int_equal(choose_candidate(calls, least_only, 2, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alone_it_stays),           cmocka_unit_test(little_is_not_enough),
        cmocka_unit_test(noise_raises_the_bar),     cmocka_unit_test(memory_must_pay),
        cmocka_unit_test(the_fastest_wins),         cmocka_unit_test(what_was_dropped_is_out),
        cmocka_unit_test(both_measures_must_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
