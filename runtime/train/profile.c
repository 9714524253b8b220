/* Where the time of a function goes, step by step, and the least that it could take. */
#include <stdlib.h>
#include "../base/base.h"
#include "bench.h"

enum { SHOWN_STEPS = 20 };

/* ---------------------------------------------------------------- timing */

/* The least that a step can take: each operand moves once, at the bandwidth of memory, while products run. */
static double roofline_of(const HpStep *step, const HpMachine *machine)
{
    if (machine->flops == 0 || machine->bandwidth == 0)
        return 0;
    double moving = step->bytes / machine->bandwidth, computing = step->flops / machine->flops;
    return moving > computing ? moving : computing;
}

HpProfile hp_profile_measure(HpSession *session, int function, const HpMachine *machine, int64_t runs)
{
    HpProfile profile = {.function = &session->model->functions[function], .machine = machine};
    int count = profile.function->step_count;
    if (count == 0)
        return profile;
    profile.seconds = hp_alloc((size_t)count, sizeof *profile.seconds);
    struct HpClock clock = {profile.seconds};
    session->context.clock = &clock;
    for (int64_t i = 0; i < runs; i++)
        session->device->run(&session->context, profile.function);
    session->context.clock = NULL;
    for (int i = 0; i < count; i++) {
        const HpStep *step = &profile.function->steps[i];
        profile.seconds[i] /= (double)runs;
        profile.total += profile.seconds[i];
        profile.products += step->flops > 0 ? profile.seconds[i] : 0;
        profile.roofline += roofline_of(step, machine);
    }
    return profile;
}

void hp_profile_free(HpProfile *profile)
{
    free(profile->seconds);
}

/* ---------------------------------------------------------------- showing */

typedef struct StepTime {
    const HpStep *step;
    double seconds;
} StepTime;

static int compare_steps(const void *a, const void *b)
{
    double x = ((const StepTime *)a)->seconds, y = ((const StepTime *)b)->seconds;
    return (x < y) - (x > y);
}

/* What a step did a second, in 1e9; clocks may be too coarse for it. */
static double rate(double amount, double seconds)
{
    return seconds > 0 ? amount / seconds / 1e9 : 0;
}

static double share(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

static void print_step(const StepTime *time, const HpProfile *profile)
{
    const HpStep *step = time->step;
    printf("  %8.2f ms %5.1f %%  %7.1f GB/s", time->seconds * 1e3, 100 * share(time->seconds, profile->total),
           rate(step->bytes, time->seconds));
    if (step->flops > 0)
        printf(" %8.1f GFLOP/s", rate(step->flops, time->seconds));
    else
        printf("%17s", "");
    if (profile->roofline > 0)
        printf("  roofline %3.0f %%", 100 * share(roofline_of(step, profile->machine), time->seconds));
    printf("  %s: %s\n", step->layers, step->work);
}

void hp_profile_print(const HpProfile *profile)
{
    const HpFunction *function = profile->function;
    if (function->step_count == 0)
        return;
    StepTime *times = hp_alloc((size_t)function->step_count, sizeof *times);
    for (int i = 0; i < function->step_count; i++)
        times[i] = (StepTime){&function->steps[i], profile->seconds[i]};
    qsort(times, (size_t)function->step_count, sizeof *times, compare_steps);
    printf("\n%s: %.1f ms in %d steps, %.1f ms of it products", function->name, profile->total * 1e3,
           function->step_count, profile->products * 1e3);
    if (profile->roofline > 0)
        printf(", roofline %.1f ms (%.0f %%)", profile->roofline * 1e3,
               100 * share(profile->roofline, profile->total));
    printf("; the slowest:\n");
    for (int i = 0; i < function->step_count && i < SHOWN_STEPS; i++)
        print_step(&times[i], profile);
    free(times);
}

static json_t *step_json(const HpProfile *profile, int number)
{
    const HpStep *step = &profile->function->steps[number];
    double seconds = profile->seconds[number];
    json_t *object = json_object();
    json_object_set_new(object, "layers", json_string(step->layers));
    json_object_set_new(object, "work", json_string(step->work));
    json_object_set_new(object, "milliseconds", json_real(seconds * 1e3));
    json_object_set_new(object, "bytes", json_real(step->bytes));
    json_object_set_new(object, "flops", json_real(step->flops));
    json_object_set_new(object, "gigabytes_per_second", json_real(rate(step->bytes, seconds)));
    json_object_set_new(object, "gigaflops_per_second", json_real(rate(step->flops, seconds)));
    if (profile->roofline > 0)
        json_object_set_new(object, "roofline_milliseconds",
                            json_real(roofline_of(step, profile->machine) * 1e3));
    return object;
}

json_t *hp_profile_json(const HpProfile *profile)
{
    json_t *object = json_object(), *steps = json_array();
    json_object_set_new(object, "name", json_string(profile->function->name));
    json_object_set_new(object, "milliseconds", json_real(profile->total * 1e3));
    json_object_set_new(object, "products_milliseconds", json_real(profile->products * 1e3));
    if (profile->roofline > 0)
        json_object_set_new(object, "roofline_milliseconds", json_real(profile->roofline * 1e3));
    for (int i = 0; i < profile->function->step_count; i++)
        json_array_append_new(steps, step_json(profile, i));
    json_object_set_new(object, "steps", steps);
    return object;
}
