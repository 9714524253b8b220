/* Repeats of steps: what is found repeats, and what repeats is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "compiler/base/arena.h"
#include "compiler/emit/repeat.h"

/* One key per character. */
static RepeatList find(Arena *arena, const char *text)
{
    size_t keys[512], count = strlen(text);
    assert_true(count <= sizeof keys / sizeof *keys);
    for (size_t i = 0; i < count; i++)
        keys[i] = (size_t)text[i];
    return repeats_find(arena, keys, count);
}

static void assert_repeat(Repeat repeat, size_t first, size_t period, size_t count)
{
    assert_int_equal(repeat.first, first);
    assert_int_equal(repeat.period, period);
    assert_int_equal(repeat.count, count);
}

static void nothing_repeats(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    assert_int_equal(find(arena, "").count, 0);
    assert_int_equal(find(arena, "a").count, 0);
    assert_int_equal(find(arena, "abcdefgh").count, 0);
    assert_int_equal(find(arena, "xababab").count, 0); /* four steps saved: not worth a function */
    arena_free(arena);
}

static void blocks_are_found(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    RepeatList list = find(arena, "xabcabcabcabcy");
    assert_int_equal(list.count, 1);
    assert_repeat(list.items[0], 1, 3, 4);
    list = find(arena, "aaaaaaaab"); /* the shortest period wins */
    assert_int_equal(list.count, 1);
    assert_repeat(list.items[0], 0, 1, 8);
    list = find(arena, "pqrstuvpqrstuvx"); /* twice is enough where it saves enough */
    assert_int_equal(list.count, 1);
    assert_repeat(list.items[0], 0, 7, 2);
    arena_free(arena);
}

static void both_sides_of_the_best_are_searched(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    RepeatList list = find(arena, "abcabcabcXdefgdefgdefgdefgYhijhijhij");
    assert_int_equal(list.count, 3);
    assert_repeat(list.items[0], 0, 3, 3);
    assert_repeat(list.items[1], 10, 4, 4);
    assert_repeat(list.items[2], 27, 3, 3);
    arena_free(arena);
}

/* Random keys from a small alphabet: whatever is reported is in order, apart, and the same each time. */
static void what_is_found_repeats(void **state)
{
    (void)state;
    srand(1);
    size_t found = 0;
    for (int round = 0; round < 200; round++) {
        Arena *arena = arena_new();
        char text[401] = {0};
        for (size_t i = 0, period = 1; i < 400; i++) {
            if (rand() % 20 == 0)
                period = 1 + (size_t)rand() % 12;
            text[i] = i >= period && rand() % 16 ? text[i - period] : (char)('a' + rand() % 4);
        }
        RepeatList list = find(arena, text);
        size_t end = 0;
        for (size_t r = 0; r < list.count; r++) {
            Repeat repeat = list.items[r];
            assert_true(repeat.first >= end && repeat.count >= 2);
            end = repeat.first + repeat.period * repeat.count;
            assert_true(end <= 400);
            for (size_t i = repeat.first + repeat.period; i < end; i++)
                assert_int_equal(text[i], text[i - repeat.period]);
        }
        found += list.count;
        arena_free(arena);
    }
    assert_true(found > 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_repeats),
        cmocka_unit_test(blocks_are_found),
        cmocka_unit_test(both_sides_of_the_best_are_searched),
        cmocka_unit_test(what_is_found_repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
