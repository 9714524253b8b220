/* The arena, text and the messages of compiler/base. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "compiler/base/arena.h"
#include "compiler/base/diagnostic.h"
#include "compiler/base/text.h"

static void arena_gives_zeroed_aligned_memory(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    char *previous = NULL;
    for (size_t size = 1; size < 200000; size = size * 3 / 2 + 1) {
        char *memory = arena_alloc(arena, size);
        assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
        assert_ptr_not_equal(memory, previous);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xFF, size); /* must not show in what comes next */
        previous = memory;
    }
    arena_free(arena);
}

static void lists_keep_their_items(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    LIST(int) list = {0};
    for (int i = 0; i < 10000; i++)
        list_push(arena, &list, i * 7);
    assert_int_equal(list.count, 10000);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(list.items[i], i * 7);
    arena_free(arena);
}

static void text_grows_and_formats(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Text text = text_new(arena);
    for (int i = 0; i < 1000; i++)
        text_add(&text, "%d,", i);
    assert_int_equal(text.length, 10 * 2 + 90 * 3 + 900 * 4);
    assert_int_equal(strlen(text.data), text.length);
    assert_string_equal(text.data + text.length - 4, "999,");
    assert_string_equal(arena_format(arena, "%s-%05d", "a", 42), "a-00042");
    arena_free(arena);
}

static const char *number_text(Arena *arena, double value)
{
    Text text = text_new(arena);
    text_add_number(&text, value);
    return text.data;
}

static void numbers_are_short_and_exact(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    assert_string_equal(number_text(arena, 1), "1.0");
    assert_string_equal(number_text(arena, -0.1), "-0.1");
    assert_string_equal(number_text(arena, 1e-8), "1e-08");
    assert_string_equal(number_text(arena, 1e100), "1e+100");
    assert_string_equal(number_text(arena, 16777216), "16777216.0");
    uint64_t bits = 1;
    for (int i = 0; i < 20000; i++) {
        bits = bits * 6364136223846793005u + 1442695040888963407u;
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value))
            assert_true(strtod(number_text(arena, value), NULL) == value);
    }
    arena_free(arena);
}

static void strings_are_quoted(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Text text = text_new(arena);
    text_add_quoted(&text, "a\"b\\c\nd\te\x01"
                           "1\xC3\xA9");
    assert_string_equal(text.data, "\"a\\\"b\\\\c\\nd\\011e\\0011\xC3\xA9\"");
    arena_free(arena);
}

static void characters_are_measured(void **state)
{
    (void)state;
    assert_int_equal(text_character_length("a", 1), 1);
    assert_int_equal(text_character_length("\xC3\xA9", 2), 2);
    assert_int_equal(text_character_length("\xC3\xA9", 1), 0);
    assert_int_equal(text_character_length("\xC0\x80", 2), 0); /* overlong */
    assert_int_equal(text_character_length("\xE2\x82\xAC", 3), 3);
    assert_int_equal(text_character_length("\xE0\x80\x80", 3), 0); /* overlong */
    assert_int_equal(text_character_length("\xF0\x9F\x98\x80", 4), 4);
    assert_int_equal(text_character_length("\xF5\x80\x80\x80", 4), 0);
    assert_int_equal(text_character_length("\x80", 1), 0);
}

static void the_nearest_name_is_found(void **state)
{
    (void)state;
    static const char *const names[] = {"labels", "image", "logits", "body"};
    assert_string_equal(diagnostic_nearest("lables", names, 4), "labels");
    assert_string_equal(diagnostic_nearest("imgae", names, 4), "image");
    assert_string_equal(diagnostic_nearest("logit", names, 4), "logits");
    assert_null(diagnostic_nearest("optimizer", names, 4));
    assert_null(diagnostic_nearest("x", names, 4)); /* half of one letter: none may change */
    assert_null(diagnostic_nearest("", names, 4));
}

/* Runs what ends the program and returns its status; what it printed is in `out`. */
static int run_in_child(void (*end)(void), char *out, size_t size)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        end();
        _exit(77);
    }
    close(ends[1]);
    size_t length = 0;
    ssize_t got;
    while (length + 1 < size && (got = read(ends[0], out + length, size - 1 - length)) > 0)
        length += (size_t)got;
    out[length] = '\0';
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void report_three_places(void)
{
    Arena *arena = arena_new();
    Diagnostics *diagnostics = diagnostics_new(arena);
    const char *text = "first = 1\nsecond = \tfirts\nthird = \xC3\xA9 + x\n";
    SourceFile file = {"a.hpanet", text, strlen(text)};
    diagnostic_error(diagnostics, (Span){&file, 3, 14, 1}, "unknown-name", "nothing is called '%s'", "x");
    for (int i = 0; i < 2; i++) { /* the second report of one mistake is dropped, its notes too */
        diagnostic_error(diagnostics, (Span){&file, 2, 11, 5}, "unknown-name", "nothing is called 'firts'");
        diagnostic_note(diagnostics, (Span){&file, 1, 1, 5}, "this is");
        diagnostic_help(diagnostics, "did you mean '%s'?", "first");
    }
    diagnostic_warning(diagnostics, (Span){0}, "careful", "of no place");
    if (diagnostic_error_count(diagnostics) == 2)
        diagnostic_stop_if_errors(diagnostics);
}

static void messages_are_sorted_and_point(void **state)
{
    (void)state;
    char out[4096];
    assert_int_equal(run_in_child(report_three_places, out, sizeof out), 1);
    assert_string_equal(out, "a.hpanet:2:11: error: nothing is called 'firts' [unknown-name]\n"
                             "     2 | second =  firts\n"
                             "       |           ^^^^^\n"
                             "a.hpanet:1:1: note: this is\n"
                             "     1 | first = 1\n"
                             "       | ^^^^^\n"
                             "  help: did you mean 'first'?\n"
                             "a.hpanet:3:14: error: nothing is called 'x' [unknown-name]\n"
                             "     3 | third = \xC3\xA9 + x\n"
                             "       |             ^\n"
                             "warning: of no place [careful]\n");
}

static void end_with_fatal(void)
{
    fatal("cannot open '%s'", "x");
}

static void end_with_internal_error(void)
{
    internal_error("state %d", 7);
}

static void ask_for_too_much(void)
{
    arena_array(arena_new(), SIZE_MAX / 2, 3);
}

static void ends_are_told_apart(void **state)
{
    (void)state;
    char out[4096];
    assert_int_equal(run_in_child(end_with_fatal, out, sizeof out), 1);
    assert_non_null(strstr(out, ": error: cannot open 'x'\n"));
    assert_int_equal(run_in_child(end_with_internal_error, out, sizeof out), 128 + SIGABRT);
    assert_non_null(strstr(out, "internal error at "));
    assert_non_null(strstr(out, "base.c:"));
    assert_int_equal(run_in_child(ask_for_too_much, out, sizeof out), 1);
    assert_non_null(strstr(out, "out of memory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_gives_zeroed_aligned_memory),
        cmocka_unit_test(lists_keep_their_items),
        cmocka_unit_test(text_grows_and_formats),
        cmocka_unit_test(numbers_are_short_and_exact),
        cmocka_unit_test(strings_are_quoted),
        cmocka_unit_test(characters_are_measured),
        cmocka_unit_test(the_nearest_name_is_found),
        cmocka_unit_test(messages_are_sorted_and_point),
        cmocka_unit_test(ends_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
