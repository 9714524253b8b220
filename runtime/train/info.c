/* `info`: what is inside this program. */
#include <stdlib.h>
#include <string.h>
#include "../base/base.h"
#include "../weights/weights.h"
#include "train.h"

static void print_dataset(const HpDataset *dataset)
{
    printf("\ndata set %s\n  planes   ", dataset->name);
    for (int i = 0; i < dataset->plane_count; i++)
        printf("%s%s", i ? ", " : "", dataset->planes[i]);
    printf("\n  files    ");
    for (int i = 0; i < dataset->file_count; i++)
        printf("%s%s", i ? " or " : "", dataset->files[i]);
    printf("\n  labels   %s %d classes\n", dataset->one_of ? "one of" : "any of", dataset->class_count);
    for (int i = 0; i < dataset->class_count; i++)
        printf("    %3d %s\n", i, dataset->classes[i]);
    for (int i = 0; i < dataset->part_count; i++) {
        const HpPart *part = &dataset->parts[i];
        printf("  part %s: folder \"%s\"", part->name, part->folder);
        if (part->table)
            printf(", labels from %s", part->table);
        if (part->labels_from_folders)
            printf(", labels from folders");
        if (part->order)
            printf(", order of %s", part->order);
        putchar('\n');
    }
}

static void print_network(const HpModel *model)
{
    int64_t values = 0, trained = 0;
    printf("\nnetwork\n");
    for (int i = 0; i < model->variable_count; i++) {
        const HpVariable *variable = &model->variables[i];
        if (variable->kind != HP_PARAMETER && variable->kind != HP_STATISTIC)
            continue;
        char *shape = hp_shape_text(variable->rank, variable->shape);
        printf("  %-44s %-20s %s\n", variable->name, shape,
               variable->kind == HP_STATISTIC ? "running"
               : variable->group >= 0         ? model->groups[variable->group].name
                                              : "");
        free(shape);
        values += hp_variable_elements(variable);
        if (variable->kind == HP_PARAMETER)
            trained += hp_variable_elements(variable);
    }
    printf("  %lld values, %lld of them trained\n", (long long)values, (long long)trained);
}

static void print_recipe(const HpModel *model)
{
    printf("\nrecipe\n  at once  %lld images in training, %lld in evaluation and prediction\n",
           (long long)model->part_rows, (long long)model->evaluate_rows);
    for (int i = 0; i < model->weights_count; i++)
        printf("  weights  %s into %s\n", model->weights[i].file,
               *model->weights[i].prefix ? model->weights[i].prefix : "the network");
    for (int i = 0; i < model->split.count; i++)
        printf("  split    %s %g\n", model->split.names[i], model->split.fractions[i]);
    for (int i = 0; i < model->stage_count; i++) {
        const HpStage *stage = &model->stages[i];
        printf("  stage    %s: batches of %lld; best by %s %s; trains", stage->name,
               (long long)(stage->parts * model->part_rows), stage->select,
               stage->select_maximum ? "maximum" : "minimum");
        for (int g = 0; g < model->group_count; g++)
            if (stage->rates[g].scalar >= 0)
                printf(" %s", model->groups[g].name);
        putchar('\n');
    }
}

static void print_scalars(const HpOptions *options, const HpModel *model)
{
    printf("\nnumbers that --set NAME=VALUE changes\n");
    for (int i = 0; i < model->scalar_count; i++) {
        if (!model->scalars[i].settable)
            continue;
        double value = model->scalars[i].value;
        for (int s = 0; s < options->setting_count; s++)
            if (options->settings[s].scalar == i)
                value = options->settings[s].value;
        printf("  %-44s %.9g\n", model->scalars[i].name, value);
    }
}

int hp_info(const HpOptions *options, const HpModel *model)
{
    printf("%s, compiled by hpacc %s from %s\n  target   %s\n  image    %lld px\n  memory   %.1f MiB\n",
           model->name, model->version, model->source, model->target, (long long)model->image_size,
           (double)model->memory_bytes / 1048576);
    print_dataset(model->dataset);
    print_network(model);
    print_recipe(model);
    print_scalars(options, model);
    return 0;
}
