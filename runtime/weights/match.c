/* Which tensor of a file becomes which variable, by the rules of a `weights` statement. Every tensor is
 * loaded, renamed, left out, or wrong; every weight of ours is loaded, left out, or wrong. */
#include "match.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../base/base.h"

char *hp_weights_locate(const char *source, const char *file)
{
    if (access(file, F_OK) == 0)
        return hp_string(file);
    const char *slash = strrchr(source, '/');
    if (*file == '/' || !slash)
        return NULL;
    char *beside = hp_format("%.*s/%s", (int)(slash - source), source, file);
    if (access(beside, F_OK) == 0)
        return beside;
    free(beside);
    return NULL;
}

/* ---------------------------------------------------------------- names */

/* Is `name` the path itself or something below it? */
static bool is_below(const char *name, const char *path)
{
    size_t length = strlen(path);
    return strncmp(name, path, length) == 0 && (name[length] == '.' || name[length] == '\0' || length == 0);
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static bool is_excepted(const HpWeights *weights, const char *name)
{
    for (int i = 0; i < weights->except_count; i++)
        if (is_below(name, weights->except[i]))
            return true;
    return false;
}

/* Every run of parts that is rule->from becomes rule->to; an empty one takes it out. */
static char *rename_parts(const HpRename *rule, const char *name)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (!out)
        hp_fail("out of memory");
    const char *dot = "";
    for (const char *at = name; *at; at += *at == '.') {
        bool found = is_below(at, rule->from);
        size_t length = found ? strlen(rule->from) : strcspn(at, ".");
        if (!found || *rule->to) {
            fprintf(out, "%s%.*s", dot, (int)(found ? strlen(rule->to) : length), found ? rule->to : at);
            dot = ".";
        }
        at += length;
    }
    if (fclose(out) != 0)
        hp_fail("out of memory");
    return text;
}

/* The tensor's name below the prefix, after the rules. */
static char *renamed(const HpWeights *weights, const char *name)
{
    char *result = hp_string(name);
    for (int i = 0; i < weights->rename_count; i++) {
        char *next = rename_parts(&weights->renames[i], result);
        free(result);
        result = next;
    }
    return result;
}

/* A path as a rule would write it: in quotes where it is not made of names and numbers. */
static char *written(const char *path)
{
    bool plain = isalpha((unsigned char)*path) || *path == '_';
    for (const char *c = path; *c && plain; c++)
        plain = isalnum((unsigned char)*c) || *c == '_' || (*c == '.' && c[1] && c[1] != '.');
    return plain ? hp_string(path) : hp_format("\"%s\"", path);
}

/* ---------------------------------------------------------------- one tensor */

static bool same_shape(const HpTensor *tensor, const HpVariable *variable)
{
    bool same = tensor->rank == variable->rank;
    for (int i = 0; i < tensor->rank && same; i++)
        same = tensor->shape[i] == variable->shape[i];
    return same;
}

/* Are these convolutions that differ in their planes alone? */
static bool planes_differ(const HpTensor *tensor, const HpVariable *variable)
{
    return tensor->rank == 4 && variable->rank == 4 && tensor->shape[0] == variable->shape[0] &&
           tensor->shape[2] == variable->shape[2] && tensor->shape[3] == variable->shape[3];
}

static const HpStem *find_stem(const HpWeights *weights, const char *name)
{
    for (int i = 0; i < weights->stem_count; i++)
        if (strcmp(weights->stems[i].weight, name) == 0)
            return &weights->stems[i];
    return NULL;
}

static bool is_weight(const HpVariable *variable)
{
    return variable->kind == HP_PARAMETER || variable->kind == HP_STATISTIC;
}

static int find_variable(const HpVariable *variables, int count, const char *prefix, const char *name)
{
    size_t length = strlen(prefix);
    for (int i = 0; i < count; i++) {
        const char *ours = variables[i].name;
        if (!is_weight(&variables[i]) || !is_below(ours, prefix) || (length && ours[length] == '\0'))
            continue;
        if (strcmp(ours + (length ? length + 1 : 0), name) == 0)
            return i;
    }
    return -1;
}

static char *no_variable(const HpWeights *weights, const HpTensor *tensor, const char *name)
{
    char *shape = hp_shape_text(tensor->rank, tensor->shape), *path = written(name);
    char *why = hp_format("it has \"%s\" %s, but the network has no '%s%s%s': leave it out with 'except %s'",
                          tensor->name, shape, weights->prefix, *weights->prefix ? "." : "", name, path);
    free(shape);
    free(path);
    return why;
}

static char *wrong_shape(const HpMatch *match, const char *reason)
{
    char *theirs = hp_shape_text(match->tensor->rank, match->tensor->shape),
         *ours = hp_shape_text(match->variable->rank, match->variable->shape);
    char *why = hp_format("it has \"%s\" %s, but '%s' is %s: %s", match->tensor->name, theirs,
                          match->variable->name, ours, reason);
    free(theirs);
    free(ours);
    return why;
}

/* What is wrong with a tensor that has a variable, or NULL. */
static char *check_pair(const HpMatch *match, const HpTensorFile *file, const char *name)
{
    HpTensorType type = match->tensor->type;
    if (type != HP_TENSOR_F32 && type != HP_TENSOR_F16 && type != HP_TENSOR_BF16 && type != HP_TENSOR_F64)
        return hp_format("its \"%s\" is %s; weights are F32, F16, BF16 or F64", match->tensor->name,
                         hp_tensor_type_name(type));
    char *reason = NULL;
    if (match->stem)
        reason = hp_stem_check(match->stem, file, match->tensor, match->variable);
    else if (!same_shape(match->tensor, match->variable)) {
        char *path = written(name);
        reason = planes_differ(match->tensor, match->variable)
                     ? hp_format("say '%s from planes ...', or leave it out with 'except %s'", path, path)
                     : hp_format("leave it out with 'except %s'", path);
        free(path);
    }
    char *why = reason ? wrong_shape(match, reason) : NULL;
    free(reason);
    return why;
}

static HpMatch match_tensor(const HpWeights *weights, const HpTensorFile *file, const HpTensor *tensor,
                            const HpVariable *variables, int variable_count, const HpTensor **loaded)
{
    HpMatch match = {.kind = HP_MATCH_LEFT_OUT, .tensor = tensor};
    char *name = renamed(weights, tensor->name);
    /* PyTorch's batch norms count their batches; no estimate of ours reads that */
    if (!is_excepted(weights, name) && !ends_with(name, ".num_batches_tracked")) {
        int index = find_variable(variables, variable_count, weights->prefix, name);
        if (index < 0) {
            match.why = no_variable(weights, tensor, name);
        } else {
            match.variable = &variables[index];
            match.stem = find_stem(weights, name);
            match.why = loaded[index] ? hp_format("both its \"%s\" and its \"%s\" would become '%s'",
                                                  loaded[index]->name, tensor->name, match.variable->name)
                                      : check_pair(&match, file, name);
            loaded[index] = tensor;
        }
        match.kind = match.why ? HP_MATCH_WRONG : HP_MATCH_LOADED;
    }
    free(name);
    return match;
}

/* ---------------------------------------------------------------- all of them */

/* Weights of ours below the prefix that the file does not have keep fresh values only by rule. */
static void add_missing(const HpWeights *weights, const HpVariable *variables, int variable_count,
                        const HpTensor *const *loaded, HpMatches *matches)
{
    size_t skip = *weights->prefix ? strlen(weights->prefix) + 1 : 0;
    for (int i = 0; i < variable_count; i++) {
        const HpVariable *variable = &variables[i];
        if (loaded[i] || !is_weight(variable) || !is_below(variable->name, weights->prefix) ||
            strlen(variable->name) <= skip || is_excepted(weights, variable->name + skip))
            continue;
        char *shape = hp_shape_text(variable->rank, variable->shape), *path = written(variable->name + skip);
        char *why = hp_format("it has no tensor \"%s\" for '%s' %s: say 'except %s' to begin it fresh",
                              variable->name + skip, variable->name, shape, path);
        matches->items[matches->count++] =
            (HpMatch){.kind = HP_MATCH_WRONG, .variable = variable, .why = why};
        free(shape);
        free(path);
    }
}

HpMatches hp_weights_match(const HpWeights *weights, const HpTensorFile *file, const HpVariable *variables,
                           int variable_count)
{
    int64_t tensors = hp_tensors_count(file);
    HpMatches matches = {.items = hp_alloc((size_t)tensors + (size_t)variable_count + 1, sizeof(HpMatch))};
    const HpTensor **loaded = hp_alloc((size_t)variable_count + 1, sizeof *loaded); /* into each variable */
    for (int64_t i = 0; i < tensors; i++)
        matches.items[matches.count++] =
            match_tensor(weights, file, hp_tensors_at(file, i), variables, variable_count, loaded);
    add_missing(weights, variables, variable_count, loaded, &matches);
    for (int64_t i = 0; i < matches.count; i++)
        matches.wrong += matches.items[i].kind == HP_MATCH_WRONG;
    free(loaded);
    return matches;
}

void hp_matches_free(HpMatches *matches)
{
    for (int64_t i = 0; i < matches->count; i++)
        free(matches->items[i].why);
    free(matches->items);
}
