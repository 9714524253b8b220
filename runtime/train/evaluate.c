/* `evaluate`: weights against labelled images. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include "../base/base.h"
#include "train.h"

static void print_value(const char *name, double value)
{
    if (isnan(value))
        printf("  %-26s     -\n", name);
    else
        printf("  %-26s %.4f\n", name, value);
}

static void print_confusion(const HpModel *model, const HpScores *scores)
{
    int classes = scores->class_count;
    printf("\nconfusion: a row is the truth, a column the prediction (by number)\n%24s", "");
    for (int c = 0; c < classes; c++)
        printf(" %5d", c);
    putchar('\n');
    for (int truth = 0; truth < classes; truth++) {
        printf("%3d %-20.20s", truth, model->dataset->classes[truth]);
        for (int c = 0; c < classes; c++)
            printf(" %5lld", (long long)scores->confusion[(int64_t)truth * classes + c]);
        putchar('\n');
    }
}

static void print_scores(const HpModel *model, const HpScores *scores)
{
    printf("\n%lld images\n", (long long)scores->images);
    print_value("loss", scores->loss);
    print_value("macro average precision", scores->macro_ap);
    print_value("macro F1", scores->macro_f1);
    print_value("sample F1", scores->sample_f1);
    print_value("micro F1", scores->micro_f1);
    print_value(model->dataset->one_of ? "accuracy" : "every label right", scores->accuracy);
    printf("\n%-34s %8s %9s %9s %9s %9s\n", "class", "images", "AP", "F1", "precision", "recall");
    for (int c = 0; c < scores->class_count; c++) {
        printf("%3d %-30.30s %8lld ", c, model->dataset->classes[c], (long long)scores->support[c]);
        if (isnan(scores->ap[c]))
            printf("%9s", "-");
        else
            printf("%9.4f", scores->ap[c]);
        printf(" %9.4f %9.4f %9.4f\n", scores->f1[c], scores->precision[c], scores->recall[c]);
    }
    if (scores->confusion && scores->class_count <= 30)
        print_confusion(model, scores);
}

/* JSON has no NaN: what is not defined is null. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static void print_json(const HpModel *model, const HpScores *scores)
{
    json_t *classes = json_array();
    for (int c = 0; c < scores->class_count; c++)
        json_array_append_new(classes,
                              json_pack("{s:s, s:I, s:o, s:f, s:f, s:f}", "name", model->dataset->classes[c],
                                        "images", (json_int_t)scores->support[c], "ap", number(scores->ap[c]),
                                        "f1", scores->f1[c], "precision", scores->precision[c], "recall",
                                        scores->recall[c]));
    json_t *object = json_pack(
        "{s:I, s:o, s:o, s:f, s:f, s:f, s:f, s:o}", "images", (json_int_t)scores->images, "loss",
        number(scores->loss), "macro_ap", number(scores->macro_ap), "macro_f1", scores->macro_f1, "sample_f1",
        scores->sample_f1, "micro_f1", scores->micro_f1, "accuracy", scores->accuracy, "classes", classes);
    json_dumpf(object, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(object);
}

HpData *hp_open_data(const HpOptions *options, const HpModel *model)
{
    if (!options->data)
        hp_fail("--data is missing: the pack or folder with the images of data set %s (`%s info` shows what "
                "it wants)",
                model->dataset->name, options->program);
    return hp_data_open(options->data, model->dataset, model->image_size);
}

void hp_load_weights(HpSession *session, const HpOptions *options)
{
    if (!options->weights)
        hp_fail("--weights is missing: the best.safetensors of a run");
    char *wrong = hp_session_load(session, options->weights, options);
    if (wrong)
        hp_fail_with(wrong);
}

int hp_evaluate(const HpOptions *options, const HpModel *model)
{
    HpData *data = hp_open_data(options, model);
    HpImages images = {.items = hp_alloc((size_t)hp_data_count(data), sizeof(int64_t))};
    for (int64_t i = 0; i < hp_data_count(data); i++)
        if (hp_data_labelled(data, i))
            images.items[images.count++] = i;
    if (images.count == 0)
        hp_fail("%s has no labelled images to evaluate on", options->data);
    HpSession session;
    hp_session_open(&session, model, options, false);
    hp_load_weights(&session, options);
    HpScores scores = hp_score_images(&session, data, &images,
                                      model->stages[model->stage_count - 1].validation, "evaluate");
    if (options->json)
        print_json(model, &scores);
    else
        print_scores(model, &scores);
    hp_scores_free(&scores);
    hp_session_close(&session);
    hp_data_close(data);
    free(images.items);
    return 0;
}
