/* The recipe's tables: groups, stages, rates, settings; and the resolved recipe as text. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

static const char STAGED[] =
    "use \"losses.hpanet\"\nuse \"optimizers.hpanet\"\nuse \"schedules.hpanet\"\n"
    "block cell(x, width) { return relu(batchnorm(conv(x, width, 3, bias = false) as conv) as norm) }\n"
    "network {\n"
    "  a = cell(image, 4)\n  b = cell(a, 8)\n"
    "  logits = linear(global_average_pool(b), classes(labels)) as head\n}\n"
    "normalize image per plane\n"
    "weights \"a.safetensors\" into a { except fc, \"0.1\"; rename norm.1 to norm1; rename \"0\" to \"\"\n"
    "  conv.weight from planes 2 * 0.5, \"er\", mean scaled }\n"
    "group low = a\ngroup top = b, head\n"
    "loss = focal(logits, labels, gamma = 1)\nvalidate = bce(logits, labels)\nselect = macro_f1 maximum\n"
    "split train 0.7, validation 0.3\noversample [\"b\", 3] to 40\noversample [0] to 20\n"
    "augment { flip; rotate -30 to 30 deg; shift 5 % }\n"
    "optimizer = adamw(beta1 = 0.8)\ndecay 1e-2 except bias, norm\nclip 2.5\nbatch 12 in parts of 4\n"
    "stage one { train head; freeze others (statistics moving); lr = 1e-2; augment none; epochs 3 }\n"
    "stage two { train everything; freeze a; lr = { top 2e-3 }; validate = focal(logits, labels, gamma = 1); "
    "epochs 4;\n"
    "            select = loss minimum; from best; keep state }\n"
    "stage three { train everything; lr = one_cycle(warm = 0.5) { low 1e-4; top 1e-3 }; oversample none; "
    "batch 8; epochs 5 }\n";

static double scalar(const Program *program, const char *name)
{
    const Variable *variable = variables_find(program->variables, name);
    if (!variable)
        fail_msg("there is no scalar '%s'", name);
    assert_int_equal(variable->kind, HP_SCALAR);
    return variable->value;
}

static int group_of(const Program *program, const char *parameter)
{
    return variables_find(program->variables, parameter)->group;
}

static int function_index(const FunctionList *functions, const char *name)
{
    for (size_t i = 0; i < functions->count; i++)
        if (!strcmp(functions->items[i].name, name))
            return (int)i;
    fail_msg("there is no function '%s'", name);
    return -1;
}

static void groups_are_refined_by_what_stages_train(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Program *program = load_text(arena, with_data(arena, 16, STAGED));
    assert_int_equal(program->groups.count, 3); /* low; top without the head; the head */
    assert_int_equal(group_of(program, "b.conv.weight"), group_of(program, "b.norm.bias"));
    assert_int_not_equal(group_of(program, "b.conv.weight"), group_of(program, "head.weight"));
    assert_int_equal(group_of(program, "head.weight"), group_of(program, "head.bias"));
    assert_string_equal(program->groups.items[group_of(program, "a.conv.weight")].name, "low");
    assert_string_equal(program->groups.items[group_of(program, "b.conv.weight")].name, "top");
    assert_string_equal(program->groups.items[group_of(program, "head.weight")].name, "top.2");
    arena_free(arena);
}

static void stages_know_what_trains_and_what_moves(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Program *program = load_text(arena, with_data(arena, 16, STAGED));
    static const struct {
        const char *name;
        bool trains[3];
    } rows[] = {{"a.conv.weight", {false, false, true}},
                {"b.conv.weight", {false, true, true}},
                {"head.bias", {true, true, true}},
                {"a.norm.running_var", {true, false, true}},
                {"b.norm.running_mean", {true, true, true}}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int stage = 0; stage < 3; stage++) {
            const Variable *variable = variables_find(program->variables, rows[i].name);
            const Stage *s = program->stages.items[stage];
            bool found = variable->kind == HP_PARAMETER ? s->trains[variable->index]
                                                        : s->moves_statistics[variable->index];
            if (found != rows[i].trains[stage])
                fail_msg("'%s' in stage %d", rows[i].name, stage);
        }
    const HpStage *one = &program->stages.items[0]->table, *two = &program->stages.items[1]->table;
    const HpStage *three = &program->stages.items[2]->table;
    assert_string_equal(two->name, "two");
    assert_true(two->from_best && two->keep_state && !one->from_best && !three->keep_state);
    assert_string_equal(one->select, "macro_f1");
    assert_true(one->select_maximum && !two->select_maximum);
    assert_false(one->augment.flip);
    assert_true(one->augment.zoom_low == 1 && two->augment.flip && two->augment.rotate_low == -30);
    assert_true(fabs(two->augment.shift - 0.05) < 1e-15);
    assert_int_equal(two->oversample_count, 2);
    assert_int_equal(three->oversample_count, 0);
    assert_int_equal(two->oversample[0].classes[0], 1);
    assert_int_equal(two->oversample[0].classes[1], 3);
    assert_int_equal(two->oversample[1].target, 20);
    arena_free(arena);
}

static void rates_are_scalars_of_groups(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Program *program = load_text(arena, with_data(arena, 16, STAGED));
    FunctionList functions = functions_build(program);
    int low = group_of(program, "a.conv.weight"), top = group_of(program, "b.conv.weight"),
        head = group_of(program, "head.bias");
    const HpRate *one = program->stages.items[0]->table.rates, *two = program->stages.items[1]->table.rates;
    const HpRate *three = program->stages.items[2]->table.rates;
    assert_int_equal(one[low].scalar, -1);
    assert_int_equal(one[top].scalar, -1);
    assert_int_equal(two[low].scalar, -1);
    assert_int_equal(two[top].scalar, two[head].scalar);
    assert_int_equal(one[head].schedule, -1);
    assert_int_equal(three[low].schedule, function_index(&functions, "schedule_0"));
    assert_int_equal(three[top].scalar,
                     program_scalar(program, variables_find(program->variables, "stage.three.lr.top")));
    assert_true(scalar(program, "stage.three.lr.low") == 1e-4 && scalar(program, "stage.one.lr") == 1e-2);
    assert_true(scalar(program, "stage.three.schedule.warm") == 0.5 &&
                scalar(program, "stage.two.epochs") == 4);
    assert_true(scalar(program, "loss.gamma") == 1 && scalar(program, "loss.alpha") == 0.25);
    assert_true(scalar(program, "optimizer.beta1") == 0.8 && scalar(program, "optimizer.decay") == 1e-2);
    for (size_t i = 0; i < program->groups.count; i++) {
        const char *name = arena_format(arena, "step.%s", program->groups.items[i].name);
        assert_int_equal(program->groups.items[i].step_scalar,
                         program_scalar(program, variables_find(program->variables, name)));
    }
    arena_free(arena);
}

static void settings_become_tables(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Program *program = load_text(arena, with_data(arena, 16, STAGED));
    assert_true(program->normalize && program->batch == 12 && program->part == 4 &&
                program->image_size == 16);
    assert_int_equal(program->split.count, 2);
    assert_false(program->split.stratified);
    assert_string_equal(program->split.names[1], "validation");
    assert_int_equal(program->losses.count,
                     2); /* stage two validates by the training loss: equal expressions are one */
    assert_int_equal(program->stages.items[1]->validation, program->stages.items[0]->loss);
    assert_true(program->stages.items[1]->table.parts == 3 && program->stages.items[2]->table.parts == 2);
    const HpWeights *weights = &program->weights.items[0];
    assert_string_equal(weights->prefix, "a");
    assert_string_equal(weights->except[0], "fc");
    assert_string_equal(weights->except[1], "0.1");
    assert_int_equal(weights->rename_count, 2);
    assert_string_equal(weights->renames[0].from, "norm.1");
    assert_string_equal(weights->renames[0].to, "norm1");
    assert_string_equal(weights->renames[1].from, "0");
    assert_string_equal(weights->renames[1].to, "");
    assert_int_equal(weights->stem_count, 1);
    const HpStem *stem = &weights->stems[0];
    assert_string_equal(stem->weight, "conv.weight");
    assert_int_equal(stem->plane_count, 3);
    assert_true(stem->scaled);
    assert_true(stem->planes[0].source == HP_PLANE_NUMBER && stem->planes[0].number == 2);
    assert_true(stem->planes[0].scale == 0.5 && stem->planes[1].scale == 1);
    assert_true(stem->planes[1].source == HP_PLANE_NAME && stem->planes[2].source == HP_PLANE_MEAN);
    assert_string_equal(stem->planes[1].name, "er");
    arena_free(arena);
}

static const char *print_functions(Arena *arena, Program *program)
{
    FunctionList functions = functions_build(program);
    Text text = text_new(arena);
    for (size_t i = 0; i < functions.count; i++) {
        const Graph *graph = functions.items[i].graph;
        text_add(&text, "%s %d\n", functions.items[i].name, (int)functions.items[i].kind);
        for (size_t j = 0; j < graph->nodes.count; j++)
            text_add(&text, "%d %s %s\n", (int)graph->nodes.items[j]->op,
                     graph->nodes.items[j]->name ? graph->nodes.items[j]->name : "",
                     shape_text(arena, graph->nodes.items[j]->shape));
    }
    return text.data;
}

/* The recipe is a program of its own, with the same functions, and its recipe is itself. */
static void check_recipe(Arena *arena, Program *program)
{
    const char *recipe = program_recipe(program);
    Program *again = load_text(arena, recipe);
    assert_string_equal(program_recipe(again), recipe);
    assert_string_equal(print_functions(arena, again), print_functions(arena, program));
}

static void recipes_parse_again(void **state)
{
    (void)state;
    static const char *const models[] = {"cnn_baseline.hpanet", "resnet34_baseline.hpanet",
                                         "resnet34_3.hpanet"};
    Arena *arena = arena_new();
    check_recipe(arena, load_text(arena, with_data(arena, 16, STAGED)));
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        check_recipe(arena, load_model(arena, models[i]));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_are_refined_by_what_stages_train),
        cmocka_unit_test(stages_know_what_trains_and_what_moves),
        cmocka_unit_test(rates_are_scalars_of_groups),
        cmocka_unit_test(settings_become_tables),
        cmocka_unit_test(recipes_parse_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
