/* The recipe's `weights` statements: pretrained tensors into a part of the network. Every tensor of the file
 * is loaded, left out by a rule, or an error. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../base/base.h"
#include "match.h"
#include "weights.h"

/* The first mistakes, a line each, and how many there are beyond them. */
static _Noreturn void fail_to_match(const HpVariables *variables, const char *path, const HpMatches *matches)
{
    enum { SHOWN = 5 };
    char *text = hp_string("");
    int64_t shown = 0;
    for (int64_t i = 0; i < matches->count && shown < SHOWN; i++)
        if (matches->items[i].kind == HP_MATCH_WRONG) {
            char *longer = hp_format("%s\n  %s", text, matches->items[i].why);
            free(text);
            text = longer;
            shown++;
        }
    if (matches->wrong > shown)
        hp_fail("the weights %s do not fit %s:%s\n  and %lld more of the kind", path,
                variables->model->source, text, (long long)(matches->wrong - shown));
    hp_fail("the weights %s do not fit %s:%s", path, variables->model->source, text);
}

static void load_tensor(const HpVariables *variables, const HpTensorFile *file, const HpMatch *match)
{
    const HpVariable *variable = match->variable;
    float *theirs = hp_alloc((size_t)match->tensor->count + 1, sizeof *theirs);
    if (!hp_tensors_read_floats(file, match->tensor, theirs))
        hp_fail("cannot read \"%s\" from %s: %s", match->tensor->name, hp_tensors_path(file),
                strerror(errno));
    if (match->stem) {
        float *values = hp_alloc((size_t)hp_variable_elements(variable), sizeof *values);
        variables->device->download_variable(variables->context, variable, values);
        hp_stem_apply(match->stem, file, match->tensor, theirs, variable, values);
        free(theirs);
        theirs = values;
    }
    variables->device->upload_variable(variables->context, variable, theirs);
    free(theirs);
}

static void apply_file(const HpVariables *variables, const HpWeights *weights, const char *path)
{
    char *why;
    HpTensorFile *file = hp_tensors_open(path, &why);
    if (!file)
        hp_fail("cannot use the weights %s: %s", path, why);
    const HpModel *model = variables->model;
    HpMatches matches = hp_weights_match(weights, file, model->variables, model->variable_count);
    if (matches.wrong)
        fail_to_match(variables, path, &matches);
    int64_t loaded = 0;
    for (int64_t i = 0; i < matches.count; i++)
        if (matches.items[i].kind == HP_MATCH_LOADED) {
            load_tensor(variables, file, &matches.items[i]);
            loaded++;
        }
    printf("weights: %s into %s: %lld tensors loaded, %lld left out\n", path,
           *weights->prefix ? weights->prefix : "the network", (long long)loaded,
           (long long)(matches.count - loaded));
    hp_matches_free(&matches);
    hp_tensors_close(file);
}

void hp_weights_apply(const HpVariables *variables, const char *initial)
{
    const HpModel *model = variables->model;
    if (initial && strcmp(initial, "none") == 0)
        return;
    if (initial && model->weights_count != 1)
        hp_fail("--initial FILE replaces the file of a model's one weights statement, but %s has %d; "
                "put the files' names into the recipe",
                model->source, model->weights_count);
    for (int i = 0; i < model->weights_count; i++) {
        const char *wanted = initial ? initial : model->weights[i].file;
        char *path = hp_weights_locate(model->source, wanted);
        if (!path)
            hp_fail("the weights %s that %s begins with are not there (looked in the current folder and "
                    "beside the "
                    "model); docs/weights.md says where to get them, --initial FILE takes another file, and "
                    "--initial none begins with fresh weights",
                    wanted, model->source);
        apply_file(variables, &model->weights[i], path);
        free(path);
    }
}
