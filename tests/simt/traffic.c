#include "traffic.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "emulator.h"
#include "runtime/base/base.h"
#include "runtime/device/device.h"

typedef struct Record {
    const HpFunction *function;
    int64_t runs;
    SimtTraffic *steps;
} Record;

static struct HpClock never_read; /* a function that is not timed needs a clock, to say its steps */
static Record *counting;           /* of the function that runs */
static SimtTraffic before;
static Record *records;
static int64_t record_count, record_capacity;

void simt_traffic_step(int step)
{
    if (step > 0) {
        const SimtTraffic moved = simt_traffic_since(before);
        SimtTraffic *sum = &counting->steps[step - 1];
        sum->read += moved.read, sum->read_once += moved.read_once;
        sum->written += moved.written, sum->written_once += moved.written_once;
    }
    before = simt_traffic();
}

static Record *record_of(const HpFunction *function)
{
    for (int64_t i = 0; i < record_count; i++)
        if (records[i].function == function)
            return &records[i];
    records = hp_grow(records, record_count, &record_capacity, sizeof *records);
    records[record_count] =
        (Record){function, 0, hp_alloc((size_t)function->step_count, sizeof(SimtTraffic))};
    return &records[record_count++];
}

void simt_traffic_run(HpContext *context, const HpFunction *function)
{
    struct HpClock *caller = context->clock;
    counting = record_of(function);
    if (!caller)
        context->clock = &never_read;
    function->run(context);
    context->clock = caller;
    counting->runs++;
}

static void write_step(FILE *file, const Record *record, int number)
{
    const HpStep *step = &record->function->steps[number];
    const SimtTraffic *moved = &record->steps[number];
    json_t *line = json_pack("{s:s, s:i, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:f}", "function",
                             record->function->name, "step", number, "layers", step->layers, "work",
                             step->work, "runs", (json_int_t)record->runs, "read", (json_int_t)moved->read,
                             "written", (json_int_t)moved->written, "read_once", (json_int_t)moved->read_once,
                             "written_once", (json_int_t)moved->written_once, "bytes", step->bytes);
    if (!line || json_dumpf(line, file, JSON_COMPACT) != 0 || fputc('\n', file) == EOF)
        hp_fail("the traffic of a step cannot be written");
    json_decref(line);
}

void simt_traffic_write(const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file)
        hp_fail("%s cannot be written: %s", path, strerror(errno));
    for (int64_t i = 0; i < record_count; i++)
        for (int step = 0; step < records[i].function->step_count; step++)
            write_step(file, &records[i], step);
    if (fclose(file) != 0)
        hp_fail("%s cannot be written: %s", path, strerror(errno));
}
