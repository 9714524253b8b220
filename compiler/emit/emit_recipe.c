/* The tables of the recipe: data set, groups, stages, split, weights. */
#include "emit.h"

static const char *truth(bool value)
{
    return value ? "true" : "false";
}

static void add_field(Text *out, const char *name, double value)
{
    text_add(out, ", .%s = ", name);
    text_add_number(out, value);
}

static void add_text(Text *out, const char *name, const char *value)
{
    text_add(out, ", .%s = ", name);
    emit_string(out, value);
}

/* ---------------------------------------------------------------- data set */

static void print_part(Text *out, const HpPart *part)
{
    text_add(out, "    {.name = ");
    emit_string(out, part->name);
    add_text(out, "folder", part->folder);
    add_text(out, "table", part->table);
    add_text(out, "id_column", part->id_column);
    text_add(out, ",\n     .label_column = ");
    emit_string(out, part->label_column);
    add_text(out, "separator", part->separator);
    add_text(out, "order", part->order);
    text_add(out, ", .labels_from_folders = %s},\n", truth(part->labels_from_folders));
}

void emit_dataset(Text *out, const HpDataset *dataset)
{
    text_add(out, "\n/* ---- data set %s ---- */\n\n", dataset->name);
    emit_strings(out, "planes", dataset->plane_count, dataset->planes);
    emit_strings(out, "files", dataset->file_count, dataset->files);
    emit_strings(out, "classes", dataset->class_count, dataset->classes);
    if (dataset->part_count > 0) {
        text_add(out, "static const HpPart parts[] = {\n");
        for (int i = 0; i < dataset->part_count; i++)
            print_part(out, &dataset->parts[i]);
        text_add(out, "};\n");
    }
    text_add(out, "static const HpDataset dataset = {\n    .name = ");
    emit_string(out, dataset->name);
    text_add(out, ",\n    .plane_count = %d, .planes = %s, .file_count = %d, .files = %s,\n",
             dataset->plane_count, emit_table(dataset->plane_count, "planes"), dataset->file_count,
             emit_table(dataset->file_count, "files"));
    text_add(out, "    .range = %s",
             dataset->range == HP_RANGE_FIXED ? "HP_RANGE_FIXED" : "HP_RANGE_PERCENTILE");
    add_field(out, "range_low", dataset->range_low);
    add_field(out, "range_high", dataset->range_high);
    text_add(out, ",\n    .one_of = %s, .class_count = %d, .classes = %s, .part_count = %d, .parts = %s,\n",
             truth(dataset->one_of), dataset->class_count, emit_table(dataset->class_count, "classes"),
             dataset->part_count, emit_table(dataset->part_count, "parts"));
    text_add(out, "    .source = ");
    emit_long_string(out, dataset->source);
    text_add(out, ",\n};\n");
}

/* ---------------------------------------------------------------- groups and stages */

static void print_groups(Text *out, const Program *program)
{
    if (program->groups.count == 0)
        return;
    text_add(out, "static const HpGroup groups[] = {\n");
    for (size_t i = 0; i < program->groups.count; i++) {
        const HpGroup *group = &program->groups.items[i];
        text_add(out, "    {");
        emit_string(out, group->name);
        text_add(out, ", %d, %d},\n", group->lr_scalar, group->step_scalar);
    }
    text_add(out, "};\n");
}

static void print_oversampling(Text *out, const HpStage *stage, size_t index)
{
    for (int i = 0; i < stage->oversample_count; i++) {
        const HpOversample *row = &stage->oversample[i];
        text_add(out, "static const int oversampled_%zu_%d[] = {", index, i);
        for (int c = 0; c < row->class_count; c++)
            text_add(out, "%s%d", c ? ", " : "", row->classes[c]);
        text_add(out, "};\n");
    }
    if (stage->oversample_count == 0)
        return;
    text_add(out, "static const HpOversample oversample_%zu[] = {", index);
    for (int i = 0; i < stage->oversample_count; i++)
        text_add(out, "%s{%d, oversampled_%zu_%d, %lld}", i ? ", " : "", stage->oversample[i].class_count,
                 index, i, (long long)stage->oversample[i].target);
    text_add(out, "};\n");
}

static void print_rates(Text *out, const HpStage *stage, size_t groups, size_t index)
{
    if (groups == 0)
        return;
    text_add(out, "static const HpRate rates_%zu[] = { /* scalar, schedule */\n   ", index);
    for (size_t i = 0; i < groups; i++)
        text_add(out, " {%d, %d},", stage->rates[i].scalar, stage->rates[i].schedule);
    text_add(out, "\n};\n");
}

static void print_augment(Text *out, const HpAugment *augment)
{
    text_add(out, "{.flip = %s", truth(augment->flip));
    add_field(out, "rotate_low", augment->rotate_low);
    add_field(out, "rotate_high", augment->rotate_high);
    add_field(out, "zoom_low", augment->zoom_low);
    add_field(out, "zoom_high", augment->zoom_high);
    text_add(out, ",\n                 .shift = ");
    text_add_number(out, augment->shift);
    add_field(out, "brightness_low", augment->brightness_low);
    add_field(out, "brightness_high", augment->brightness_high);
    text_add(out, "}");
}

static void print_stage(Text *out, const HpStage *stage, const char *name, bool has_groups, size_t index)
{
    text_add(out, "    {.name = ");
    emit_string(out, name);
    text_add(out, ", .epochs_scalar = %d, .parts = %lld, .train = %d, .update = %d, .rates = ",
             stage->epochs_scalar, (long long)stage->parts, stage->train, stage->update);
    text_add(out, has_groups ? "rates_%zu" : "NULL", index);
    text_add(out, ",\n     .validation = %d, .select = ", stage->validation);
    emit_string(out, stage->select);
    text_add(out, ", .select_maximum = %s,\n     .from_best = %s, .keep_state = %s,\n     .augment = ",
             truth(stage->select_maximum), truth(stage->from_best), truth(stage->keep_state));
    print_augment(out, &stage->augment);
    if (stage->oversample_count > 0)
        text_add(out, ",\n     .oversample_count = %d, .oversample = oversample_%zu", stage->oversample_count,
                 index);
    text_add(out, "},\n");
}

static void print_stages(Text *out, const Program *program)
{
    size_t groups = program->groups.count;
    for (size_t i = 0; i < program->stages.count; i++) {
        print_rates(out, &program->stages.items[i]->table, groups, i);
        print_oversampling(out, &program->stages.items[i]->table, i);
    }
    text_add(out, "static const HpStage stages[] = {\n");
    for (size_t i = 0; i < program->stages.count; i++)
        print_stage(out, &program->stages.items[i]->table, program->stages.items[i]->name, groups > 0, i);
    text_add(out, "};\n");
}

/* ---------------------------------------------------------------- split and weights */

static void print_split(Text *out, const HpSplit *split)
{
    emit_strings(out, "split_names", split->count, split->names);
    if (split->count == 0)
        return;
    text_add(out, "static const double split_fractions[] = {");
    for (int i = 0; i < split->count; i++) {
        text_add(out, "%s", i ? ", " : "");
        text_add_number(out, split->fractions[i]);
    }
    text_add(out, "};\n");
}

static void print_planes(Text *out, const char *table, const HpStem *stem)
{
    static const char *const sources[] = {
        [HP_PLANE_NUMBER] = "HP_PLANE_NUMBER", [HP_PLANE_NAME] = "HP_PLANE_NAME",
        [HP_PLANE_REPEAT] = "HP_PLANE_REPEAT", [HP_PLANE_MEAN] = "HP_PLANE_MEAN",
        [HP_PLANE_ZERO] = "HP_PLANE_ZERO",     [HP_PLANE_FRESH] = "HP_PLANE_FRESH"};
    text_add(out, "static const HpPlane %s[] = {\n", table);
    for (int i = 0; i < stem->plane_count; i++) {
        const HpPlane *plane = &stem->planes[i];
        text_add(out, "    {.source = %s", sources[plane->source]);
        if (plane->source == HP_PLANE_NUMBER)
            text_add(out, ", .number = %d", plane->number);
        if (plane->source == HP_PLANE_NAME)
            add_text(out, "name", plane->name);
        text_add(out, ", .scale = ");
        text_add_number(out, plane->scale);
        text_add(out, "},\n");
    }
    text_add(out, "};\n");
}

static void print_stems(Text *out, Arena *arena, const HpWeights *weights, size_t index)
{
    if (weights->stem_count == 0)
        return;
    for (int i = 0; i < weights->stem_count; i++)
        print_planes(out, arena_format(arena, "planes_%zu_%d", index, i), &weights->stems[i]);
    text_add(out, "static const HpStem stems_%zu[] = {\n", index);
    for (int i = 0; i < weights->stem_count; i++) {
        const HpStem *stem = &weights->stems[i];
        text_add(out, "    {.weight = ");
        emit_string(out, stem->weight);
        text_add(out, ", .plane_count = %d, .planes = planes_%zu_%d, .scaled = %s},\n", stem->plane_count,
                 index, i, stem->scaled ? "true" : "false");
    }
    text_add(out, "};\n");
}

static void print_renames(Text *out, const HpWeights *weights, size_t index)
{
    if (weights->rename_count == 0)
        return;
    text_add(out, "static const HpRename renames_%zu[] = {\n", index);
    for (int i = 0; i < weights->rename_count; i++) {
        text_add(out, "    {");
        emit_string(out, weights->renames[i].from);
        text_add(out, ", ");
        emit_string(out, weights->renames[i].to);
        text_add(out, "},\n");
    }
    text_add(out, "};\n");
}

static void print_weights(Text *out, const Program *program)
{
    Arena *arena = program->arena;
    for (size_t i = 0; i < program->weights.count; i++) {
        const HpWeights *row = &program->weights.items[i];
        emit_strings(out, arena_format(arena, "except_%zu", i), row->except_count, row->except);
        print_stems(out, arena, row, i);
        print_renames(out, row, i);
    }
    if (program->weights.count == 0)
        return;
    text_add(out, "static const HpWeights weights[] = {\n");
    for (size_t i = 0; i < program->weights.count; i++) {
        const HpWeights *row = &program->weights.items[i];
        text_add(out, "    {.file = ");
        emit_string(out, row->file);
        add_text(out, "prefix", row->prefix);
        text_add(out, ", .rename_count = %d, .renames = %s", row->rename_count,
                 emit_table(row->rename_count, arena_format(arena, "renames_%zu", i)));
        text_add(out, ",\n     .except_count = %d, .except = %s", row->except_count,
                 emit_table(row->except_count, arena_format(arena, "except_%zu", i)));
        text_add(out, ", .stem_count = %d, .stems = %s},\n", row->stem_count,
                 emit_table(row->stem_count, arena_format(arena, "stems_%zu", i)));
    }
    text_add(out, "};\n");
}

void emit_recipe(Text *out, const Emission *emission)
{
    text_add(out, "\n/* ---- recipe ---- */\n\n");
    print_groups(out, emission->program);
    print_stages(out, emission->program);
    print_split(out, &emission->program->split);
    print_weights(out, emission->program);
}
