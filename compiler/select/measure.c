/* Timing candidates in turns, so that a machine that slows down slows all of them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../../runtime/base/base.h"
#include "../../runtime/device/element.h"
#include "../target/target.h"
#include "internal.h"

enum { LEAST_ROUNDS = 7, MOST_ROUNDS = 25, ROUNDS_TO_DROP = 2 };
static const double SECONDS_A_PRODUCT = 0.6; /* what more than LEAST_ROUNDS may take */
static const double FAR_BEHIND = 1.5;

typedef struct Operands {
    void *a, *b, *bias, *c, *statistics, *scratchpad; /* on the device */
} Operands;

/* A part of a concatenation reaches over the rows of all of it. */
static size_t operand_bytes(const Buffer *buffer)
{
    if (buffer->channels > 0 && buffer->node)
        return (size_t)(buffer->bytes / buffer->node->shape.extents[1] * buffer->channels);
    return (size_t)buffer->bytes;
}

/* Values of the size of activations: neither zeros nor numbers too small to be normal. */
static void *new_operand(const Buffer *buffer, HpDataType type)
{
    if (!buffer)
        return NULL;
    size_t bytes = operand_bytes(buffer), count = bytes / (size_t)hp_data_type_bytes(type);
    float *values = hp_alloc(count, sizeof *values);
    void *elements = hp_alloc(bytes, 1), *operand = target()->timer->allocate(bytes);
    uint32_t state = 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525 + 1013904223;
        values[i] = (float)(state >> 8) * 0x1p-23f - 1;
    }
    hp_elements_of_floats(type, values, elements, (int64_t)count);
    target()->timer->upload(operand, elements, bytes);
    free(elements);
    free(values);
    return operand;
}

static Operands operands_new(const Step *step, int64_t scratchpad)
{
    return (Operands){.a = new_operand(step->a, step->call->type_a),
                      .b = new_operand(step->b, step->call->type_b),
                      .bias = new_operand(step->bias, HP_F32),
                      .c = new_operand(step->outputs.items[0], step->call->type_c),
                      .statistics = new_operand(step->statistics, HP_F32),
                      .scratchpad = scratchpad > 0 ? target()->timer->allocate((size_t)scratchpad) : NULL};
}

static void operands_free(const Operands *operands)
{
    void *const all[] = {operands->a, operands->b,          operands->bias,
                         operands->c, operands->statistics, operands->scratchpad};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        target()->timer->release(all[i]);
}

static double time_once(const HpLibraryCall *call, const Operands *operands)
{
    return target()->timer->time(call, operands->a, operands->b, operands->bias, operands->c,
                                 operands->statistics, operands->scratchpad);
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

/* A product that is made, and what it wants. */
typedef struct Making {
    HpLibraryCall *call;
    int64_t scratchpad;
} Making;

static void make(void *user)
{
    Making *making = user;
    making->scratchpad = target()->timer->create(making->call);
}

/* Makes the candidates that can be made: a library may offer what this device then refuses. Returns the
 * largest scratchpad. */
static int64_t make_calls(HpLibraryCall *calls, const HpLibraryCall *candidates, int count,
                          Measurement *measured)
{
    int64_t largest = 0;
    for (int i = 0; i < count; i++) {
        calls[i] = candidates[i];
        calls[i].handle = NULL;
        Making making = {.call = &calls[i]};
        measured[i] = (Measurement){0};
        if (i == 0)
            make(&making);
        else
            measured[i].refused = measured[i].dropped = !hp_catch(make, &making, NULL, 0);
        largest = making.scratchpad > largest ? making.scratchpad : largest;
    }
    return largest;
}

double measure_candidates(const Step *step, const HpLibraryCall *candidates, int count, Measurement *measured)
{
    HpLibraryCall calls[HP_MAX_CANDIDATES];
    Rounds rounds = {0};
    Operands operands = operands_new(step, make_calls(calls, candidates, count, measured));
    for (int i = 0; i < count; i++)
        if (!measured[i].refused)
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
        if (!measured[i].refused)
            target()->timer->destroy(&calls[i]);
    return median(differences, rounds.count);
}
