/* The emulator sees what is wrong with a kernel, and only that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>
#include "emulator.h"
#include "kernels/kernels.h"
#include "refused.h"
#include "simt.h"
#include "runtime/base/base.h"

enum { THREADS = 256, BLOCKS = 3, COUNT = THREADS * BLOCKS };

typedef struct Memory {
    float *x, *y, *z;
} Memory;

static Memory new_memory(void)
{
    const size_t bytes = COUNT * sizeof(float);
    Memory memory = {simt_allocate(bytes), simt_allocate(bytes), simt_allocate(bytes)};
    for (int i = 0; i < COUNT; i++)
        memory.x[i] = (float)(i + 1);
    simt_forget(memory.x);
    simt_allow(memory.x, bytes, "x", false);
    simt_forget(memory.z);
    simt_allow(memory.z, bytes, "z", true);
    return memory;
}

static void free_memory(Memory memory)
{
    simt_release(memory.x);
    simt_release(memory.y);
    simt_release(memory.z);
}

static const char *exchange(Memory memory, int plant)
{
    const struct exchange arguments = {plant, memory.x, memory.y, memory.z};
    return simt_launch("exchange", (HpGrid){BLOCKS, 1, 1}, &arguments, sizeof arguments);
}

static int wrong_results(Memory memory)
{
    int wrong = 0;
    for (int i = 0; i < COUNT; i++) {
        const int first = i / THREADS * THREADS, last = first + THREADS - 1;
        wrong += memory.y[i] != memory.x[last - i + first];
        wrong += memory.z[i] != memory.y[i ^ 1];
    }
    return wrong;
}

/* ---------------------------------------------------------------- planted mistakes */

static void test_right_kernel(void **state)
{
    (void)state;
    for (int order = 0; order < SIMT_ORDER_COUNT; order++) {
        simt_set_order((SimtOrder)order, 7);
        Memory memory = new_memory();
        const char *error = exchange(memory, PLANT_NONE);
        if (error)
            fail_msg("%s", error);
        assert_int_equal(wrong_results(memory), 0);
        free_memory(memory);
    }
}

static void test_planted_mistakes(void **state)
{
    (void)state;
    static const struct {
        int plant;
        const char *block, *thread, *what;
    } planted[] = {
        {PLANT_NO_BARRIER, "block (0,0,0)", "thread 1", "which thread 0 read, with no barrier between"},
        {PLANT_EARLY_END, "block (0,0,0)", "thread 5", "ended while thread 0 waits at the barrier of line"},
        {PLANT_LATE_END, "block (0,0,0)", "thread 5", "ended while thread 0 waits at the barrier of line"},
        {PLANT_TWO_BARRIERS, "block (0,0,0)", "thread 7", "waits at the barrier of line"},
        {PLANT_WRITE_OF_TWO, "block (0,0,0)", "thread 9",
         "writes offset 32 of z, which thread 8 wrote, with no barrier between"},
        {PLANT_WIDE, "block (0,0,0)", "thread 1",
         "writes offset 4 of z, which thread 0 wrote, with no barrier between"},
        {PLANT_READERS, "block (0,0,0)", "thread 9",
         "reads offset 32 of z, which thread 8 wrote, with no barrier between"},
        {PLANT_BLOCKS_WRITE, "block (1,0,0)", "thread 0",
         "writes offset 0 of z, which another block of the launch wrote"},
        {PLANT_BLOCK_READS, "block (1,0,0)", "thread 0",
         "reads offset 0 of device memory, which another block of the launch wrote"},
        {PLANT_BLOCKS_READ, "block (1,0,0)", "thread 0",
         "reads offset 0 of z, which another block of the launch wrote"},
        {PLANT_WRITE_OUTSIDE, "block (2,0,0)", "thread 255",
         "writes 4 bytes outside of its memory, at offset 3072 of z, which has 3072 bytes"},
        {PLANT_READ_OUTSIDE, "block (0,0,0)", "thread 0", "reads 4 bytes outside of its memory"},
        {PLANT_UNALIGNED, "block (0,0,0)", "thread 0",
         "reads 16 bytes at offset 4 of x, which is not a multiple"},
        {PLANT_WRITE_INPUT, "block (0,0,0)", "thread 0", "writes to x, where it may only read"},
    };
    simt_set_order(SIMT_FORWARD, 0);
    for (size_t i = 0; i < sizeof planted / sizeof *planted; i++) {
        Memory memory = new_memory();
        const char *error = exchange(memory, planted[i].plant);
        const char *parts[] = {"kernel exchange", planted[i].block, planted[i].thread, planted[i].what};
        if (!error)
            fail_msg("nothing was found where it should say \"%s\"", planted[i].what);
        for (int part = 0; part < 4; part++)
            if (!strstr(error, parts[part]))
                fail_msg("\"%s\" does not say \"%s\"", error, parts[part]);
        free_memory(memory);
    }
}

/* Whatever the order, and a launch after a failed one is none the worse. */
static void test_planted_in_all_orders(void **state)
{
    (void)state;
    for (int order = 0; order < SIMT_ORDER_COUNT; order++) {
        for (int plant = PLANT_NO_BARRIER; plant < PLANTS; plant++) {
            Memory memory = new_memory();
            simt_set_order((SimtOrder)order, (uint64_t)plant);
            const char *error = exchange(memory, plant);
            if (!error || !strstr(error, "kernel exchange, block ("))
                fail_msg("order %d, plant %d: %s", order, plant, error ? error : "nothing was found");
            assert_null(exchange(memory, PLANT_NONE));
            assert_int_equal(wrong_results(memory), 0);
            free_memory(memory);
        }
    }
}

/* Shared memory is not watched: without a barrier some results are the garbage that a block begins with. */
static void test_missing_barrier_of_shared_memory(void **state)
{
    (void)state;
    for (int order = 0; order < SIMT_ORDER_COUNT; order++) {
        Memory memory = new_memory();
        int garbage[BLOCKS] = {0};
        simt_set_order((SimtOrder)order, 3);
        assert_null(exchange(memory, PLANT_NO_BARRIER_SHARED));
        for (int i = 0; i < COUNT; i++)
            garbage[i / THREADS] += isnan(memory.y[i]);
        for (int block = 0; block < BLOCKS; block++)
            assert_int_equal(garbage[block], THREADS / 2);
        free_memory(memory);
    }
}

/* ---------------------------------------------------------------- what is no mistake, and traffic */

static void test_neighbours(void **state)
{
    (void)state;
    for (int order = 0; order < SIMT_ORDER_COUNT; order++) {
        simt_set_order((SimtOrder)order, 11);
        struct neighbours arguments = {simt_allocate(COUNT), simt_allocate(COUNT * sizeof(float))};
        const SimtTraffic before = simt_traffic();
        const char *error = simt_launch("neighbours", (HpGrid){1, BLOCKS, 1}, &arguments, sizeof arguments);
        assert_non_null(error); /* blocks along y all write the first part */
        assert_null(simt_launch("neighbours", (HpGrid){BLOCKS, 1, 1}, &arguments, sizeof arguments));
        for (int i = 0; i < COUNT; i++) {
            assert_true(arguments.sums[i] == 28);
            assert_int_equal(arguments.bytes[i], 1);
        }
        assert_true(simt_traffic_since(before).read > 0);
        const SimtTraffic between = simt_traffic();
        assert_null(simt_launch("neighbours", (HpGrid){BLOCKS, 1, 1}, &arguments, sizeof arguments));
        const SimtTraffic moved = simt_traffic_since(between);
        assert_int_equal(moved.read, 8 * COUNT);
        assert_int_equal(moved.read_once, COUNT);
        assert_int_equal(moved.written, 2 * COUNT + 4 * COUNT);
        assert_int_equal(moved.written_once, COUNT + 4 * COUNT);
        simt_release(arguments.bytes);
        simt_release(arguments.sums);
    }
}

static void test_launches_that_are_none(void **state)
{
    (void)state;
    Memory memory = new_memory();
    const struct exchange arguments = {PLANT_NONE, memory.x, memory.y, memory.z};
    assert_string_equal(simt_launch("unknown", (HpGrid){1, 1, 1}, &arguments, sizeof arguments),
                        "there is no kernel unknown");
    assert_non_null(strstr(simt_launch("exchange", (HpGrid){1, 1, 1}, &arguments, 4), "bytes of arguments"));
    assert_non_null(strstr(simt_launch("exchange", (HpGrid){1, 0, 1}, &arguments, sizeof arguments),
                           "a grid of 1 x 0 x 1 blocks"));
    assert_non_null(strstr(simt_launch("exchange", (HpGrid){1, 65536, 1}, &arguments, sizeof arguments),
                           "a grid of 1 x 65536 x 1 blocks"));
    assert_int_equal(simt_kernel_threads("exchange"), THREADS);
    assert_int_equal(simt_kernel_threads("unknown"), 0);
    free_memory(memory);
}

static void write_beside(void *argument)
{
    char *memory = simt_allocate(40);
    memory[*(const int *)argument] = 1;
    simt_release(memory);
}

/* What goes past the checks is found when the memory is released. */
static void test_redzones(void **state)
{
    (void)state;
    const char *message = "something wrote beside an allocation of device memory";
    assert_refused(write_beside, &(int){40}, message);
    assert_refused(write_beside, &(int){-1}, message);
    write_beside(&(int){0});
    write_beside(&(int){39});
}

static int rounds_run;

static void run_round(const void *arguments)
{
    rounds_run += *(const int *)arguments;
    simt_barrier(1);
    rounds_run += *(const int *)arguments;
}

/* As the file of a kernel does when it is loaded and unloaded; the kernel that was hidden is back then. */
static void test_loaded_kernels(void **state)
{
    (void)state;
    SimtKernel loaded = {.name = "exchange", .argument_bytes = sizeof(int), .threads = 32, .run = run_round};
    simt_register(&loaded);
    assert_int_equal(simt_kernel_threads("exchange"), 32);
    assert_null(simt_launch("exchange", (HpGrid){2, 3, 4}, &(int){5}, sizeof(int)));
    assert_int_equal(rounds_run, 2 * 5 * 32 * 2 * 3 * 4);
    simt_unregister(&loaded);
    assert_int_equal(simt_kernel_threads("exchange"), THREADS);
    simt_unregister(&loaded);
    assert_int_equal(simt_kernel_threads("exchange"), THREADS);
}

/* Ranges that meet are two: no access goes over their edge. */
static void test_ranges_that_meet(void **state)
{
    (void)state;
    simt_set_order(SIMT_FORWARD, 0);
    uint8_t *memory = simt_allocate(64);
    simt_forget(memory);
    simt_allow(memory, 8, "the first", true);
    simt_allow(memory + 8, 16, "the second", true);
    assert_true(simt_holds(memory, 8, true));
    assert_false(simt_holds(memory, 9, true));
    assert_true(simt_holds(memory + 8, 16, true));
    assert_false(simt_holds(memory + 24, 1, false));
    const struct copy_u8_4 inside = {2, memory, memory + 8}, over = {3, memory, memory + 8};
    assert_null(simt_launch("copy_u8_4", (HpGrid){1, 1, 1}, &inside, sizeof inside));
    const char *error = simt_launch("copy_u8_4", (HpGrid){1, 1, 1}, &over, sizeof over);
    assert_non_null(error); /* thread 2 reads what thread 0 wrote */
    assert_non_null(strstr(error, "thread 2: reads offset 0 of the second, which thread 0 wrote"));
    simt_forget(memory + 8);
    simt_release(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* first: a kernel's shared memory is garbage from its first launch on */
        cmocka_unit_test(test_missing_barrier_of_shared_memory),
        cmocka_unit_test(test_right_kernel),
        cmocka_unit_test(test_planted_mistakes),
        cmocka_unit_test(test_planted_in_all_orders),
        cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_launches_that_are_none),
        cmocka_unit_test(test_loaded_kernels),
        cmocka_unit_test(test_ranges_that_meet),
        cmocka_unit_test(test_redzones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
