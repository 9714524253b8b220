/* Initial values. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../base/base.h"
#include "weights.h"

int64_t hp_variable_elements(const HpVariable *variable)
{
    int64_t elements = 1;
    for (int i = 0; i < variable->rank; i++)
        if (__builtin_mul_overflow(elements, variable->shape[i], &elements))
            hp_bug("the shape of %s overflows", variable->name);
    return elements;
}

const HpVariable *hp_variable_find(const HpModel *model, const char *name)
{
    for (int i = 0; i < model->variable_count; i++)
        if (model->variables[i].kind != HP_SCALAR && strcmp(model->variables[i].name, name) == 0)
            return &model->variables[i];
    return NULL;
}

static float initial_value(const HpInitializer *initializer, uint64_t key, int64_t element)
{
    double first = hp_uniform(key, (uint64_t)element, 0);
    switch (initializer->kind) {
    case HP_INITIAL_CONSTANT: return (float)initializer->value;
    case HP_INITIAL_UNIFORM: return (float)(initializer->value * (2 * first - 1));
    case HP_INITIAL_NORMAL: { /* Box and Muller 1958; 1 - first is never 0 */
        double radius = sqrt(-2 * log(1 - first)),
               angle = 6.283185307179586 * hp_uniform(key, (uint64_t)element, 1);
        return (float)(initializer->value * radius * cos(angle));
    }
    }
    hp_bug("initializer of unknown kind %d", (int)initializer->kind);
}

static void initialize_variable(const HpVariables *variables, const HpVariable *variable, uint64_t seed)
{
    int64_t elements = hp_variable_elements(variable);
    float *values = hp_alloc((size_t)elements, sizeof *values);
    uint64_t key = hp_hash(variable->name, strlen(variable->name), seed);
    for (int64_t i = 0; i < elements; i++)
        values[i] = initial_value(&variable->initializer, key, i);
    variables->device->upload_variable(variables->context, variable, values);
    free(values);
}

static void initialize_kinds(const HpVariables *variables, unsigned kinds, uint64_t seed)
{
    for (int i = 0; i < variables->model->variable_count; i++)
        if (1u << variables->model->variables[i].kind & kinds)
            initialize_variable(variables, &variables->model->variables[i], seed);
}

void hp_weights_initialize(const HpVariables *variables, uint64_t seed)
{
    initialize_kinds(variables, 1 << HP_PARAMETER | 1 << HP_STATISTIC, seed);
}

void hp_weights_reset_state(const HpVariables *variables)
{
    initialize_kinds(variables, 1 << HP_OPTIMIZER_STATE, 0);
}
