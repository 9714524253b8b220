/* From the products of schedules to how each of them runs. */
#include "select.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../../runtime/base/base.h"
#include "../base/diagnostic.h"
#include "../target/target.h"
#include "internal.h"

/* What a candidate must win beyond the noise of its measurement, as a part of the usual time: the figures of
 * a product alone, in warm caches, do not hold to the percent in a program. More memory must bring more. */
static const double MARGIN = 0.03, MARGIN_FOR_MEMORY = 0.10;
static const int64_t LITTLE_MEMORY = 1 << 20;
static const int64_t MOST_SCRATCHPAD = INT64_C(1) << 40; /* that a file may ask for */

Choices *choices_new(Arena *arena, Machine machine, bool tune, const char *path)
{
    Choices *choices = ARENA_NEW(arena, Choices);
    *choices = (Choices){.arena = arena, .machine = machine, .tune = tune, .path = path};
    if (path)
        choices->known = choices_read(choices, path);
    if (tune)
        target()->timer->open();
    return choices;
}

void choices_close(Choices *choices)
{
    if (choices->tune)
        target()->timer->close();
}

/* ---------------------------------------------------------------- a choice of a file */

static bool same_name(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* A name that only the program can check, with the scratchpad that the file says it takes. */
static bool take_unseen(const Choices *choices, Entry *entry, const char *name)
{
    const json_t *scratchpad = json_object_get(json_object_get(choices->known, entry->text), "scratchpad");
    json_int_t bytes = json_is_integer(scratchpad) ? json_integer_value(scratchpad) : entry->call.scratchpad;
    if (!target()->may_name || !target()->may_name(&entry->call, name) || bytes < 0 ||
        bytes > MOST_SCRATCHPAD)
        return false;
    entry->call.implementation = arena_format(choices->arena, "%s", name);
    entry->call.scratchpad = bytes;
    return true;
}

static void take_named(const Choices *choices, Entry *entry, const char *name,
                       const HpLibraryCall *candidates, int count)
{
    const char *names[HP_MAX_CANDIDATES];
    int named = 0;
    for (int i = 0; i < count; i++) {
        if (same_name(candidates[i].implementation, name)) {
            entry->call = candidates[i];
            return;
        }
        if (candidates[i].implementation)
            names[named++] = candidates[i].implementation;
    }
    if (take_unseen(choices, entry, name))
        return;
    char *near = hp_did_you_mean(name, names, named), *all = hp_quoted_names(names, named);
    fatal("%s: \"%s\" has no implementation \"%s\"; there is %s%s", choices->path, entry->text, name, all,
          near);
}

/* ---------------------------------------------------------------- a choice of our own */

static bool is_worth_it(const HpLibraryCall *usual, const HpLibraryCall *candidate,
                        const Measurement *measured, const Measurement *measured_usual, double noise)
{
    bool costs_memory = candidate->scratchpad > usual->scratchpad + LITTLE_MEMORY;
    double wanted = 1 - noise - (costs_memory ? MARGIN_FOR_MEMORY : MARGIN);
    return !measured->dropped && measured->ratio < wanted && measured->least < wanted * measured_usual->least;
}

int choose_candidate(const HpLibraryCall *candidates, const Measurement *measured, int count, double noise)
{
    int best = 0;
    for (int i = 1; i < count; i++)
        if (is_worth_it(&candidates[0], &candidates[i], &measured[i], &measured[0], noise) &&
            (best == 0 || measured[i].ratio < measured[best].ratio))
            best = i;
    return best;
}

static json_t *times_of(const HpLibraryCall *candidates, const Measurement *measured, int count)
{
    json_t *times = json_object();
    for (int i = 0; i < count; i++)
        if (!measured[i].refused)
            json_object_set_new(times, candidates[i].implementation,
                                json_pack("{s:I, s:I}", "microseconds",
                                          (json_int_t)(measured[i].seconds * 1e6 + 0.5), "scratchpad",
                                          (json_int_t)candidates[i].scratchpad));
    return times;
}

static void print_progress(const Choices *choices)
{
    if (!isatty(STDOUT_FILENO))
        return;
    printf("\rtuning: product %zu, %.0f s", choices->timed, choices->seconds);
    fflush(stdout);
}

static void take_fastest(Choices *choices, Entry *entry, const Step *step, const HpLibraryCall *candidates,
                         int count)
{
    Measurement measured[HP_MAX_CANDIDATES];
    double began = hp_seconds(), noise = measure_candidates(step, candidates, count, measured);
    choices->timed++;
    choices->seconds += hp_seconds() - began;
    print_progress(choices);
    entry->call = candidates[choose_candidate(candidates, measured, count, noise)];
    entry->times = times_of(candidates, measured, count);
}

/* ---------------------------------------------------------------- products */

static Entry *find_entry(const Choices *choices, const char *text)
{
    for (size_t i = 0; i < choices->entries.count; i++)
        if (strcmp(choices->entries.items[i]->text, text) == 0)
            return choices->entries.items[i];
    return NULL;
}

static Entry *new_entry(Choices *choices, const char *text, const Step *step)
{
    Entry *entry = ARENA_NEW(choices->arena, Entry);
    *entry = (Entry){.text = arena_format(choices->arena, "%s", text),
                     .call = *step->call,
                     .usual = step->call->implementation};
    list_push(choices->arena, &choices->entries, entry);
    json_t *known = json_object_get(choices->known, text);
    if (!known && !choices->tune)
        return entry;
    HpLibraryCall candidates[HP_MAX_CANDIDATES];
    int count = target()->candidates(step->call, candidates);
    if (known) {
        choices->found++;
        take_named(choices, entry, json_string_value(json_object_get(known, "choice")), candidates, count);
        entry->times = json_object_get(known, "candidates");
    } else if (count > 1 && step->call->implementation) {
        take_fastest(choices, entry, step, candidates, count);
    }
    entry->more = entry->call.scratchpad - step->call->scratchpad;
    return entry;
}

/* The scratchpad is a buffer of the plan. */
static void set_scratchpad(Schedule *schedule, Step *step)
{
    int64_t bytes = step->call->scratchpad;
    if (bytes == 0)
        step->scratchpad = NULL;
    else if (step->scratchpad)
        step->scratchpad->bytes = bytes;
    else
        step->scratchpad = schedule_buffer(schedule, NULL, bytes);
}

static void select_product(Choices *choices, Schedule *schedule, Step *step)
{
    HpLibraryCall *call = step->call;
    if (call->kind == HP_REORDER)
        return;
    char *text = hp_product_text(call);
    const Entry *entry = find_entry(choices, text);
    if (!entry)
        entry = new_entry(choices, text, step);
    free(text);
    call->algorithm = entry->call.algorithm;
    call->implementation = entry->call.implementation;
    call->scratchpad = entry->call.scratchpad;
    set_scratchpad(schedule, step);
}

void select_products(Choices *choices, Schedule *schedule)
{
    for (size_t i = 0; i < schedule->steps.count; i++)
        if (schedule->steps.items[i]->kind == STEP_LIBRARY)
            select_product(choices, schedule, schedule->steps.items[i]);
}

void choices_print_summary(const Choices *choices)
{
    size_t changed = 0;
    int64_t most = 0;
    for (size_t i = 0; i < choices->entries.count; i++) {
        const Entry *entry = choices->entries.items[i];
        changed += !same_name(entry->usual, entry->call.implementation);
        most = entry->more > most ? entry->more : most;
    }
    if (choices->timed > 0 && isatty(STDOUT_FILENO))
        printf("\r");
    if (choices->tune)
        printf("tuned %zu of %zu products in %.0f s", choices->timed, choices->entries.count,
               choices->seconds);
    else if (choices->path)
        printf("%s knows %zu of %zu products", choices->path, choices->found, choices->entries.count);
    else
        return;
    printf(": %zu run otherwise than untuned, with at most %.1f MB of scratchpad more\n", changed,
           (double)most / 1e6);
}
