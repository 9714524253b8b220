/* model.c of a model: its tables. */
#include <string.h>
#include "../target/target.h"
#include "emit.h"

/* ---------------------------------------------------------------- variables and scalars */

/* Rows are long and many: what most of them share is said once, by two macros. */
static const char row_macros[] =
    "\n/* ---- variables: kind, name, format, ..., place, elements with padding, rank, shape ---- */\n"
    "\n#define VARIABLE(kind, name, format, type, place, count, rank, ...) \\\n"
    "    {name, HP_##kind, HP_FORMAT_##format, rank, {__VA_ARGS__}, place, count, HP_##type, \\\n"
    "     {HP_INITIAL_CONSTANT, 0}, -1}\n"
    "#define INITIALIZED(kind, name, format, initial, value, group, place, count, rank, ...) \\\n"
    "    {name, HP_##kind, HP_FORMAT_##format, rank, {__VA_ARGS__}, place, count, HP_F32, \\\n"
    "     {HP_INITIAL_##initial, value}, group}\n";

static const char *const initializer_names[] = {
    [HP_INITIAL_CONSTANT] = "CONSTANT", [HP_INITIAL_NORMAL] = "NORMAL", [HP_INITIAL_UNIFORM] = "UNIFORM"};

/* The end of a row: rank, extents. */
static void print_shape(Text *out, const Shape *shape)
{
    text_add(out, ", %d", shape->rank);
    for (int i = 0; i < shape->rank; i++)
        text_add(out, ", %lld", (long long)shape->extents[i]);
    text_add(out, "%s),\n", shape->rank ? "" : ", 0");
}

static void print_variable(Text *out, const Emission *emission, const Variable *variable)
{
    static const char *const kinds[] = {
        [HP_PARAMETER] = "PARAMETER", [HP_STATISTIC] = "STATISTIC", [HP_OPTIMIZER_STATE] = "OPTIMIZER_STATE",
        [HP_GRADIENT] = "GRADIENT",   [HP_INPUT] = "INPUT",         [HP_NORMALIZATION] = "NORMALIZATION",
        [HP_DERIVED] = "DERIVED",     [HP_COPY] = "COPY",           [HP_SCALAR] = "SCALAR"};
    const Shape *shape = &variable->shape;
    const HpInitializer *initializer = &variable->initializer;
    bool plain = initializer->kind == HP_INITIAL_CONSTANT && initializer->value == 0 && variable->group < 0;
    text_add(out, "    %s(%s, ", plain ? "VARIABLE" : "INITIALIZED", kinds[variable->kind]);
    emit_string(out, variable->name);
    text_add(out, ", %s, ", emit_format(variable->format));
    if (plain) {
        text_add(out, "%s", emit_data_type(variable->dtype));
    } else {
        text_add(out, "%s, ", initializer_names[initializer->kind]);
        text_add_number(out, initializer->value);
        text_add(out, ", %d", variable->group);
    }
    text_add(out, ", %lld, %lld", (long long)emission->variable_offsets[variable->index],
             (long long)hp_format_count(variable->format, shape->rank, shape->extents));
    print_shape(out, shape);
}

/* "m" of "m:head.weight": the states of the optimizers, each once. */
typedef LIST(const char *) NameList;

static NameList state_names(const Emission *emission)
{
    const VariableList *list = &emission->program->variables->list;
    NameList names = {0};
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i]->kind != HP_OPTIMIZER_STATE)
            continue;
        const char *full = list->items[i]->name;
        const char *name = arena_format(emission->arena, "%.*s", (int)strcspn(full, ":"), full);
        bool known = false;
        for (size_t j = 0; j < names.count; j++)
            known = known || strcmp(names.items[j], name) == 0;
        if (!known)
            list_push(emission->arena, &names, name);
    }
    return names;
}

/* "PREFIX:NAME" where it lies as its parameter does and begins with 0, else NULL. */
static const Variable *companion(const Emission *emission, const char *prefix, const Variable *parameter)
{
    const char *name = arena_format(emission->arena, "%s:%s", prefix, parameter->name);
    const Variable *found = variables_find(emission->program->variables, name);
    return found && found->format == parameter->format && shape_equal(found->shape, parameter->shape) &&
                   found->initializer.kind == HP_INITIAL_CONSTANT && found->initializer.value == 0
               ? found
               : NULL;
}

/* A parameter with a gradient and all states: one row says it all. */
static bool is_trained(const Emission *emission, const NameList *states, const Variable *parameter)
{
    bool all = parameter->kind == HP_PARAMETER && companion(emission, "gradient", parameter);
    for (size_t i = 0; i < states->count && all; i++)
        all = companion(emission, states->items[i], parameter) != NULL;
    return all;
}

static void print_trained_macro(Text *out, const NameList *states)
{
    text_add(out, "#define TRAINED(name, format, initial, value, group, count, place, gradient_place");
    for (size_t i = 0; i < states->count; i++)
        text_add(out, ", %s_place", states->items[i]);
    text_add(out, ", rank, ...) \\\n"
                  "    INITIALIZED(PARAMETER, name, format, initial, value, group, place, count, rank, "
                  "__VA_ARGS__), \\\n"
                  "    VARIABLE(GRADIENT, \"gradient:\" name, format, F32, gradient_place, count, rank, "
                  "__VA_ARGS__)");
    for (size_t i = 0; i < states->count; i++)
        text_add(out,
                 ", \\\n    VARIABLE(OPTIMIZER_STATE, \"%s:\" name, format, F32, %s_place, count, rank, "
                 "__VA_ARGS__)",
                 states->items[i], states->items[i]);
    text_add(out, "\n");
}

static void print_trained(Text *out, const Emission *emission, const NameList *states,
                          const Variable *parameter)
{
    const Shape *shape = &parameter->shape;
    text_add(out, "    TRAINED(");
    emit_string(out, parameter->name);
    text_add(out, ", %s, %s, ", emit_format(parameter->format),
             initializer_names[parameter->initializer.kind]);
    text_add_number(out, parameter->initializer.value);
    text_add(out, ", %d, %lld, %lld, %lld", parameter->group,
             (long long)hp_format_count(parameter->format, shape->rank, shape->extents),
             (long long)emission->variable_offsets[parameter->index],
             (long long)emission->variable_offsets[companion(emission, "gradient", parameter)->index]);
    for (size_t i = 0; i < states->count; i++)
        text_add(
            out, ", %lld",
            (long long)emission->variable_offsets[companion(emission, states->items[i], parameter)->index]);
    print_shape(out, shape);
}

/* Whether the row of its parameter says it already. */
static bool is_said(const Emission *emission, const NameList *states, const Variable *variable)
{
    const char *colon = strchr(variable->name, ':');
    if (!colon || (variable->kind != HP_GRADIENT && variable->kind != HP_OPTIMIZER_STATE))
        return false;
    const Variable *parameter = variables_find(emission->program->variables, colon + 1);
    return parameter && is_trained(emission, states, parameter);
}

static void print_variables(Text *out, const Emission *emission)
{
    const VariableList *list = &emission->program->variables->list;
    const NameList states = state_names(emission);
    text_add(out, "%s", row_macros);
    print_trained_macro(out, &states);
    text_add(out, "\nstatic const HpVariable variables[] = {\n");
    for (size_t i = 0; i < list->count; i++) {
        const Variable *variable = list->items[i];
        if (!emit_has_memory(variable) || is_said(emission, &states, variable))
            continue;
        if (is_trained(emission, &states, variable))
            print_trained(out, emission, &states, variable);
        else
            print_variable(out, emission, variable);
    }
    text_add(out, "};\n");
}

/* The trainer sets these each step; all others are the recipe's. */
static bool is_settable(const char *name)
{
    static const char *const kept[] = {"schedule.", "lr.", "step."};
    if (strcmp(name, "accumulate") == 0)
        return false;
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (strncmp(name, kept[i], strlen(kept[i])) == 0)
            return false;
    return true;
}

static void print_scalars(Text *out, const Emission *emission)
{
    const VariableList *list = &emission->program->variables->list;
    text_add(out, "\nstatic const HpScalar scalars[] = { /* name, default, for --set */\n");
    for (size_t i = 0; i < list->count; i++) {
        const Variable *variable = list->items[i];
        if (variable->kind != HP_SCALAR)
            continue;
        text_add(out, "    {");
        emit_string(out, variable->name);
        text_add(out, ", ");
        text_add_number(out, variable->value);
        text_add(out, ", %s},\n", is_settable(variable->name) ? "true" : "false");
    }
    text_add(out, "    {NULL, 0, false}};\n");
}

static int count_variables(const Emission *emission, bool scalars)
{
    const VariableList *list = &emission->program->variables->list;
    int count = 0;
    for (size_t i = 0; i < list->count; i++)
        count += (list->items[i]->kind == HP_SCALAR) == scalars;
    return count;
}

/* ---------------------------------------------------------------- the model */

static int named_scalar(const Emission *emission, const char *name)
{
    const Variable *variable = variables_find(emission->program->variables, name);
    return variable ? program_scalar(emission->program, variable) : -1;
}

static int function_of_kind(const Emission *emission, HpFunctionKind kind)
{
    for (size_t i = 0; i < emission->functions.count; i++)
        if (emission->functions.items[i].kind == kind)
            return (int)i;
    return -1;
}

static void print_identity(Text *out, const Emission *emission)
{
    const Program *program = emission->program;
    text_add(out, "    .name = ");
    emit_string(out, program->name);
    text_add(out, ",\n    .source = ");
    emit_string(out, program->source);
    text_add(out, ",\n    .recipe = recipe,\n    .version = ");
    emit_string(out, HPANET_VERSION);
    text_add(out, ",\n    .target = ");
    emit_string(out,
                arena_format(emission->arena, "%s %s%s%s %s", target()->name,
                             emission->precision ? emission->precision : "", emission->precision ? " " : "",
                             emission->isa, emission->library ? emission->library : "portable"));
    text_add(out, ",\n    .device = &hp_device_%s,\n    .isa = ", target()->name);
    emit_string(out, emission->isa);
    text_add(out, ",\n    .library_version = ");
    emit_string(out, emission->library);
    text_add(out, ",\n    .threads = %d,\n", emission->threads);
}

static void print_model(Text *out, const Emission *emission)
{
    const Program *program = emission->program;
    text_add(out, "\nconst HpModel model = {\n");
    print_identity(out, emission);
    text_add(out,
             "    .dataset = &dataset,\n    .image_size = %lld, .part_rows = %lld, "
             ".evaluate_rows = %lld,\n    .memory_bytes = %lld,\n",
             (long long)program->image_size, (long long)program->part, (long long)program->part,
             (long long)(emission->variable_bytes + emission->arena_bytes));
    text_add(out,
             "    .variable_count = %d, .variables = variables, .scalar_count = %d, .scalars = scalars,\n",
             count_variables(emission, false), count_variables(emission, true));
    text_add(out,
             "    .accumulate_scalar = %d, .schedule_t_scalar = %d, .schedule_T_scalar = %d, "
             ".schedule_peak_scalar = %d,\n",
             named_scalar(emission, "accumulate"), named_scalar(emission, "schedule.t"),
             named_scalar(emission, "schedule.T"), named_scalar(emission, "schedule.peak"));
    text_add(
        out,
        "    .library_count = %zu, .library = products, .function_count = %zu, .functions = functions,\n",
        emission->products.count, emission->functions.count);
    if (target()->launches)
        text_add(out, "    .kernels = &kernel_table,\n");
    text_add(out, "    .prepare = %d, .evaluate = %d, .predict = %d,\n",
             function_of_kind(emission, HP_FUNCTION_PREPARE),
             function_of_kind(emission, HP_FUNCTION_EVALUATE),
             function_of_kind(emission, HP_FUNCTION_PREDICT));
    text_add(out, "    .group_count = %zu, .groups = %s, .stage_count = %zu, .stages = stages,\n",
             program->groups.count, emit_table((int64_t)program->groups.count, "groups"),
             program->stages.count);
    text_add(
        out,
        "    .split = {%d, %s, %s, %s},\n    .weights_count = %zu, .weights = %s, .normalize = %s,\n};\n",
        program->split.count, emit_table(program->split.count, "split_names"),
        emit_table(program->split.count, "split_fractions"), program->split.stratified ? "true" : "false",
        program->weights.count, emit_table((int64_t)program->weights.count, "weights"),
        program->normalize ? "true" : "false");
}

void emit_model(Text *out, const Emission *emission)
{
    text_add(out, "#include \"model.h\"\n");
    if (target()->launches)
        emit_kernel_table(out, emission);
    emit_dataset(out, emission->program->dataset);
    print_variables(out, emission);
    print_scalars(out, emission);
    text_add(out, "\n/* ---- functions: what each step is, bytes it moves, operations of its product; "
                  "results ---- */\n");
    emit_function_tables(out, emission);
    emit_recipe(out, emission);
    text_add(out, "\nstatic const char recipe[] =");
    emit_long_string(out, program_recipe(emission->program));
    text_add(out, ";\n");
    print_model(out, emission);
}
