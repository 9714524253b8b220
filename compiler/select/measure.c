/* Timing candidates in turns, so that a machine that slows down slows all of them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../../runtime/base/base.h"
#include "../../runtime/device/device.h"
#include "../../runtime/device/library.h"
#include "internal.h"

enum { LEAST_ROUNDS = 7, MOST_ROUNDS = 25, ROUNDS_TO_DROP = 2 };
static const double SECONDS_A_PRODUCT = 0.6; /* what more than LEAST_ROUNDS may take */
static const double FAR_BEHIND = 1.5;

typedef struct Operands {
    float *a, *b, *bias, *c;
    void *scratchpad;
} Operands;

/* A part of a concatenation reaches over the rows of all of it. */
static size_t operand_bytes(const Buffer *buffer)
{
    if (buffer->channels > 0 && buffer->node)
        return (size_t)(buffer->bytes / buffer->node->shape.extents[1] * buffer->channels);
    return (size_t)buffer->bytes;
}

/* Values of the size of activations: neither zeros nor numbers too small to be normal. */
static float *new_operand(const Buffer *buffer)
{
    if (!buffer)
        return NULL;
    size_t bytes = operand_bytes(buffer);
    float *values = hp_device_cpu.allocate(bytes);
    uint32_t state = 1;
    for (size_t i = 0; i < bytes / sizeof *values; i++) {
        state = state * 1664525 + 1013904223;
        values[i] = (float)(state >> 8) * 0x1p-23f - 1;
    }
    return values;
}

static Operands operands_new(const Step *step, int64_t scratchpad)
{
    return (Operands){.a = new_operand(step->a),
                      .b = new_operand(step->b),
                      .bias = new_operand(step->bias),
                      .c = new_operand(step->outputs.items[0]),
                      .scratchpad = scratchpad > 0 ? hp_device_cpu.allocate((size_t)scratchpad) : NULL};
}

static void operands_free(const Operands *operands)
{
    hp_device_cpu.release(operands->a);
    hp_device_cpu.release(operands->b);
    hp_device_cpu.release(operands->bias);
    hp_device_cpu.release(operands->c);
    hp_device_cpu.release(operands->scratchpad);
}

static double time_once(const HpLibraryCall *call, const Operands *operands)
{
    double began = hp_seconds();
    hp_library_execute(call, operands->a, operands->b, operands->bias, operands->c, operands->scratchpad);
    return hp_seconds() - began;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *values, int count)
{
    double sorted[MOST_ROUNDS];
    memcpy(sorted, values, (size_t)count * sizeof *values);
    qsort(sorted, (size_t)count, sizeof *sorted, by_value);
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

static double least(const double *values, int count)
{
    double found = values[0];
    for (int i = 1; i < count; i++)
        found = fmin(found, values[i]);
    return found;
}

/* The times of all rounds: of each candidate, and of the second turn of candidate 0. */
typedef struct Rounds {
    int count;
    double times[HP_MAX_CANDIDATES][MOST_ROUNDS], again[MOST_ROUNDS];
} Rounds;

static void run_round(const HpLibraryCall *calls, int count, const Operands *operands,
                      const Measurement *measured, Rounds *rounds)
{
    int round = rounds->count++;
    for (int i = 0; i < count; i++)
        if (!measured[i].dropped)
            rounds->times[i][round] = time_once(&calls[i], operands);
    rounds->again[round] = time_once(&calls[0], operands);
}

static void drop_slow(int count, const Rounds *rounds, Measurement *measured)
{
    double usual = least(rounds->times[0], rounds->count);
    for (int i = 1; i < count; i++)
        if (!measured[i].dropped && least(rounds->times[i], rounds->count) > FAR_BEHIND * usual) {
            measured[i] = (Measurement){.dropped = true,
                                        .seconds = median(rounds->times[i], rounds->count),
                                        .least = least(rounds->times[i], rounds->count)};
            measured[i].ratio = measured[i].least / usual;
        }
}

static void summarize(int count, const Rounds *rounds, Measurement *measured)
{
    for (int i = 0; i < count; i++) {
        double ratios[MOST_ROUNDS];
        if (measured[i].dropped)
            continue;
        for (int r = 0; r < rounds->count; r++)
            ratios[r] = 2 * rounds->times[i][r] / (rounds->times[0][r] + rounds->again[r]);
        measured[i].ratio = median(ratios, rounds->count);
        measured[i].seconds = median(rounds->times[i], rounds->count);
        measured[i].least = least(rounds->times[i], rounds->count);
    }
}

double measure_candidates(const Step *step, const HpLibraryCall *candidates, int count, Measurement *measured)
{
    HpLibraryCall calls[HP_MAX_CANDIDATES];
    Rounds rounds = {0};
    int64_t scratchpad = 0;
    for (int i = 0; i < count; i++) {
        calls[i] = candidates[i];
        int64_t bytes = hp_library_create(&calls[i]);
        scratchpad = bytes > scratchpad ? bytes : scratchpad;
        measured[i] = (Measurement){0};
    }
    Operands operands = operands_new(step, scratchpad);
    for (int i = 0; i < count; i++)
        time_once(&calls[i], &operands); /* pages and caches */
    double began = hp_seconds();
    while (rounds.count < LEAST_ROUNDS ||
           (rounds.count < MOST_ROUNDS && hp_seconds() - began < SECONDS_A_PRODUCT)) {
        run_round(calls, count, &operands, measured, &rounds);
        if (rounds.count == ROUNDS_TO_DROP)
            drop_slow(count, &rounds, measured);
    }
    summarize(count, &rounds, measured);
    double differences[MOST_ROUNDS];
    for (int r = 0; r < rounds.count; r++)
        differences[r] = fabs(rounds.again[r] / rounds.times[0][r] - 1);
    operands_free(&operands);
    for (int i = 0; i < count; i++)
        hp_library_destroy(&calls[i]);
    return median(differences, rounds.count);
}
