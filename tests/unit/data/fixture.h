/* A folder of its own, PNGs, data sets and children for the tests of runtime/data. */
#ifndef TEST_DATA_FIXTURE_H
#define TEST_DATA_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/base.h"
#include "runtime/data/internal.h"

/* cmocka's group set-up and tear-down: the tests run inside a new folder. */
int enter_folder(void **state);
int leave_folder(void **state);
/* Removes all that lies in the folder. */
void empty_folder(void);

/* Pixel values that depend on seed and place alone. */
int pixel_value(uint64_t seed, int64_t at, int bits);
/* Interleaved channels of pixel_value(seed, ...). */
void write_png(const char *path, int64_t width, int64_t height, int channels, int bits, uint64_t seed);
void write_text(const char *path, const char *text);

/* Two grey planes, three classes, any of; train.csv with labels, order.csv for test. */
HpDataset cells_dataset(void);
/* train/ has `images` images a0, a1, ... of `size` pixels with labels in turn, test/ has `tests` images t0,
 * ... */
void write_cells(int images, int tests, int64_t size);

typedef struct Outcome {
    int status; /* as waitpid gives it */
    char *said; /* standard output and error */
} Outcome;
/* Runs `run` in a child whose exit status is 0 when it returns. */
Outcome in_child(void (*run)(void *), void *argument);
/* It must end with status 1 and exactly this message ("test: " in front and a line end behind are added). */
void assert_fails(void (*run)(void *), void *argument, const char *message);

#endif
