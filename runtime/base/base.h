/* What every part of the runtime uses: messages, checked memory and files, hashing and random numbers. */
#ifndef HPART_BASE_H
#define HPART_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A user's mistake or a failing machine: "program: message", status 1; inside hp_catch() its end. */
_Noreturn void hp_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same with a message that it frees. */
_Noreturn void hp_fail_with(char *message);
/* Runs work(user), silently: hp_warn() and hp_note() are not heard. False when hp_fail() ended it, on this
 * thread; `error` (room for `bytes`, may be NULL) then holds the message. What `work` has made must be
 * reachable from `user`: its frames are gone. */
bool hp_catch(void (*work)(void *user), void *user, char *error, size_t bytes);
void hp_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void hp_note(const char *format, ...) __attribute__((format(printf, 1, 2))); /* what is good to know */
/* A broken invariant of ours: where, then abort. */
_Noreturn void hp_bug_at(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
#define hp_bug(...) hp_bug_at(__FILE__, __LINE__, __VA_ARGS__)

/* The name shown before messages: argv[0]'s last part. */
void hp_set_program(const char *argv0);

/* Never NULL; sizes are multiplied with overflow checks. */
void *hp_alloc(size_t count, size_t size); /* zeroed */
void *hp_realloc(void *memory, size_t count, size_t size);
/* Room for at least one more than `count` items: list = hp_grow(list, count, &capacity, sizeof *list). */
void *hp_grow(void *items, int64_t count, int64_t *capacity, size_t size);
char *hp_string(const char *text);
char *hp_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Bytes that this process may still take: what the system has free, and what its control group and limits
 * allow. -1: the system does not say. */
int64_t hp_memory_available(void);

/* The candidate most like `name` ("did you mean"), or NULL when none is near. */
const char *hp_nearest(const char *name, const char *const *candidates, int count);
/* For the end of a message: "; did you mean 'nearest'?" or "". Freed by the caller. */
char *hp_did_you_mean(const char *name, const char *const *candidates, int count);
/* "'a', 'b', 'c'". Freed by the caller. */
char *hp_quoted_names(const char *const *names, int count);

/* Whole files. */
char *hp_read_file(const char *path, size_t *length); /* NUL-terminated; fails with a message */
/* Writes beside the file, fsyncs, renames, fsyncs the folder. Returns false with errno set; the old file is
 * untouched. */
bool hp_write_file(const char *path, const void *data, size_t length);
/* The end of such a write for an open file that was filled by other means. Returns false with errno set. */
bool hp_sync_rename(int file, const char *from, const char *to);
void hp_make_folder(const char *path); /* and its parents; existing is fine; fails with a message */

/* XXH3, 64 bits. */
uint64_t hp_hash(const void *data, size_t length, uint64_t seed);

/* Philox4x32-10 (Salmon et al. 2011): four words from a 64-bit key and a 128-bit counter. */
void hp_philox(uint64_t key, uint64_t counter_low, uint64_t counter_high, uint32_t out[4]);
/* Uniform in [0,1) with 53 bits, from key and counter. */
double hp_uniform(uint64_t key, uint64_t counter_low, uint64_t counter_high);
/* Fisher-Yates by Philox. */
void hp_shuffle(int64_t *items, int64_t count, uint64_t key);

double hp_seconds(void); /* monotonic */

#endif
