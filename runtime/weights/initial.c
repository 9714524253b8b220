/* The recipe's `weights` statements: pretrained tensors into a part of the network. Every tensor of the file
 * is loaded, left out by a rule, or an error. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../base/base.h"
#include "weights.h"

/* "conv1.weight" below "body" is "body.conv1.weight". */
static char *join_path(const char *prefix, const char *name)
{
    return *prefix ? hp_format("%s.%s", prefix, name) : hp_string(name);
}

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

/* A file named in a recipe: as it stands, else beside the recipe. NULL: at neither place. */
static char *locate(const HpModel *model, const char *file)
{
    if (access(file, F_OK) == 0)
        return hp_string(file);
    const char *slash = strrchr(model->source, '/');
    if (*file == '/' || !slash)
        return NULL;
    char *beside = hp_format("%.*s/%s", (int)(slash - model->source), model->source, file);
    if (access(beside, F_OK) == 0)
        return beside;
    free(beside);
    return NULL;
}

/* The values of a first convolution: plane i of ours copies plane planes[i] (from 1) of the file's. */
static float *copy_planes(const HpWeights *weights, const HpTensor *tensor, const HpVariable *variable,
                          float *theirs)
{
    int64_t outputs = variable->shape[0], ours = variable->shape[1],
            area = variable->shape[2] * variable->shape[3];
    float *values = hp_alloc((size_t)(outputs * ours * area), sizeof *values);
    for (int64_t o = 0; o < outputs; o++)
        for (int64_t plane = 0; plane < ours; plane++)
            memcpy(values + (o * ours + plane) * area,
                   theirs + (o * tensor->shape[1] + weights->planes[plane] - 1) * area,
                   (size_t)area * sizeof *values);
    free(theirs);
    return values;
}

static bool planes_fit(const HpWeights *weights, const HpTensor *tensor, const HpVariable *variable)
{
    if (tensor->rank != 4 || variable->rank != 4 || variable->shape[1] != weights->plane_count)
        return false;
    for (int i = 0; i < weights->plane_count; i++)
        if (weights->planes[i] < 1 || weights->planes[i] > tensor->shape[1])
            return false;
    return tensor->shape[0] == variable->shape[0] && tensor->shape[2] == variable->shape[2] &&
           tensor->shape[3] == variable->shape[3];
}

static bool same_shape(const HpTensor *tensor, const HpVariable *variable)
{
    bool same = tensor->rank == variable->rank;
    for (int i = 0; i < tensor->rank && same; i++)
        same = tensor->shape[i] == variable->shape[i];
    return same;
}

static void load_tensor(const HpVariables *variables, const HpWeights *weights, const HpTensorFile *file,
                        const HpTensor *tensor, const HpVariable *variable)
{
    bool by_plane = weights->plane_count > 0 && strcmp(tensor->name, weights->plane_weight) == 0;
    if (!(by_plane ? planes_fit(weights, tensor, variable) : same_shape(tensor, variable)))
        hp_fail("\"%s\" is %s in %s but \"%s\" is %s in %s%s", tensor->name,
                hp_shape_text(tensor->rank, tensor->shape), hp_tensors_path(file), variable->name,
                hp_shape_text(variable->rank, variable->shape), variables->model->source,
                by_plane ? "; the copied planes do not fit either"
                         : "; leave it out with `except` or say `from planes`");
    float *values = hp_alloc((size_t)tensor->count + 1, sizeof *values);
    if (!hp_tensors_read_floats(file, tensor, values))
        hp_fail("cannot read \"%s\" (%s) from %s: %s", tensor->name, hp_tensor_type_name(tensor->type),
                hp_tensors_path(file),
                errno == EINVAL ? "weights are F32, F16, BF16 or F64" : strerror(errno));
    if (by_plane)
        values = copy_planes(weights, tensor, variable, values);
    variables->device->upload_variable(variables->context, variable, values);
    free(values);
}

/* Parameters and statistics below the prefix that the file did not have keep fresh values only by rule. */
static void check_missing(const HpVariables *variables, const HpWeights *weights, const HpTensorFile *file)
{
    const HpModel *model = variables->model;
    size_t skip = *weights->prefix ? strlen(weights->prefix) + 1 : 0;
    for (int i = 0; i < model->variable_count; i++) {
        const HpVariable *variable = &model->variables[i];
        if ((variable->kind != HP_PARAMETER && variable->kind != HP_STATISTIC) ||
            !is_below(variable->name, weights->prefix) || strlen(variable->name) <= skip)
            continue;
        const char *name = variable->name + skip;
        if (!is_excepted(weights, name) && !hp_tensors_find(file, name))
            hp_fail("%s has no tensor \"%s\" for %s %s of %s; say `except %s` in the weights statement to "
                    "begin it fresh",
                    hp_tensors_path(file), name, variable->name,
                    hp_shape_text(variable->rank, variable->shape), model->source, name);
    }
}

static void apply_file(const HpVariables *variables, const HpWeights *weights, const char *path)
{
    char *why;
    HpTensorFile *file = hp_tensors_open(path, &why);
    if (!file)
        hp_fail("cannot use the weights %s: %s", path, why);
    int64_t loaded = 0, left_out = 0;
    for (int64_t i = 0; i < hp_tensors_count(file); i++) {
        const HpTensor *tensor = hp_tensors_at(file, i);
        /* PyTorch's batch norms count their batches; no estimate of ours reads that */
        if (is_excepted(weights, tensor->name) || ends_with(tensor->name, ".num_batches_tracked")) {
            left_out++;
            continue;
        }
        char *name = join_path(weights->prefix, tensor->name);
        const HpVariable *variable = hp_variable_find(variables->model, name);
        if (!variable || (variable->kind != HP_PARAMETER && variable->kind != HP_STATISTIC))
            hp_fail("%s has a tensor \"%s\" %s, but %s has no \"%s\"; leave it out with `except %s`", path,
                    tensor->name, hp_shape_text(tensor->rank, tensor->shape), variables->model->source, name,
                    tensor->name);
        load_tensor(variables, weights, file, tensor, variable);
        free(name);
        loaded++;
    }
    check_missing(variables, weights, file);
    printf("weights: %s into %s: %lld tensors loaded, %lld left out\n", path,
           *weights->prefix ? weights->prefix : "the network", (long long)loaded, (long long)left_out);
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
        char *path = locate(model, wanted);
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
