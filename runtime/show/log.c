#include "show.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../base/base.h"

struct HpLog {
    char *path;
    FILE *file;
};

/* JSON has no NaN: what is not defined is null. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *numbers(const double *values, int count)
{
    json_t *array = json_array();
    for (int i = 0; i < count; i++) {
        json_array_append_new(array, number(values[i]));
    }
    return array;
}

static void write_line(HpLog *log, json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(9));
    if (!text) {
        hp_bug("a log line could not be encoded");
    }
    if (fprintf(log->file, "%s\n", text) < 0 || fflush(log->file) != 0) {
        hp_fail("%s: cannot write: %s", log->path, strerror(errno));
    }
    free(text);
    json_decref(line);
}

/* The lines of an earlier run that stay: those of steps up to keep_steps. */
static void keep_lines(const char *path, int64_t keep_steps)
{
    size_t length = 0, kept = 0;
    char *text = hp_read_file(path, &length);
    for (char *line = text; *line;) {
        char *end = strchr(line, '\n');
        if (!end) {
            break; /* torn by a crash */
        }
        json_t *object = json_loadb(line, (size_t)(end - line), 0, NULL);
        json_t *step = json_object_get(object, "step");
        if (json_is_integer(step) && json_integer_value(step) <= keep_steps) {
            size_t bytes = (size_t)(end - line) + 1;
            memmove(text + kept, line, bytes);
            kept += bytes;
        }
        json_decref(object);
        line = end + 1;
    }
    if (!hp_write_file(path, text, kept)) {
        hp_fail("%s: cannot write: %s", path, strerror(errno));
    }
    free(text);
}

HpLog *hp_log_open(const char *folder, int64_t keep_steps)
{
    HpLog *log = hp_alloc(1, sizeof *log);
    log->path = hp_format("%s/log.jsonl", folder);
    FILE *old = keep_steps > 0 ? fopen(log->path, "r") : NULL;
    if (old) {
        fclose(old);
        keep_lines(log->path, keep_steps);
    }
    log->file = fopen(log->path, keep_steps > 0 ? "a" : "w");
    if (!log->file) {
        hp_fail("%s: cannot open: %s", log->path, strerror(errno));
    }
    write_line(log, json_pack("{s:s, s:I}", "kind", "start", "step", (json_int_t)keep_steps));
    return log;
}

void hp_log_step(HpLog *log, const char *stage, int epoch, int64_t step, double loss, double lr)
{
    write_line(log, json_pack("{s:s, s:s, s:i, s:I, s:o, s:o}", "kind", "step", "stage", stage, "epoch",
                              epoch, "step", (json_int_t)step, "loss", number(loss), "lr", number(lr)));
}

static json_t *scores_object(const HpScores *scores)
{
    json_t *support = json_array();
    for (int i = 0; i < scores->class_count; i++) {
        json_array_append_new(support, json_integer(scores->support[i]));
    }
    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "images",
                     (json_int_t)scores->images, "loss", number(scores->loss), "macro_f1",
                     number(scores->macro_f1), "macro_ap", number(scores->macro_ap), "sample_f1",
                     number(scores->sample_f1), "micro_f1", number(scores->micro_f1), "accuracy",
                     number(scores->accuracy), "f1", numbers(scores->f1, scores->class_count), "ap",
                     numbers(scores->ap, scores->class_count), "support", support);
}

void hp_log_epoch(HpLog *log, const HpEpoch *epoch)
{
    json_t *line =
        json_pack("{s:s, s:s, s:i, s:I, s:o, s:o, s:o, s:o, s:b}", "kind", "epoch", "stage", epoch->stage,
                  "epoch", epoch->epoch, "step", (json_int_t)epoch->step, "train_loss",
                  number(epoch->train_loss), "seconds", number(epoch->seconds), "images_per_second",
                  number(epoch->images_per_second), "lr", number(epoch->lr), "best", epoch->best);
    if (epoch->validation.images > 0) {
        json_object_set_new(line, "validation", scores_object(&epoch->validation));
    }
    write_line(log, line);
}

void hp_log_close(HpLog *log)
{
    if (fclose(log->file) != 0) {
        hp_fail("%s: cannot write: %s", log->path, strerror(errno));
    }
    free(log->path);
    free(log);
}
