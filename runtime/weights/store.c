/* Our own weight files: saved from and loaded into the model's variables. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "../base/base.h"
#include "weights.h"

/* ---------------------------------------------------------------- saving */

static char *json_list(const char *const *items, int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list, json_string(items[i]));
    char *text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    if (!text)
        hp_fail("out of memory while weights were saved");
    return text;
}

static void add_metadata(HpTensorWriter *writer, const HpModel *model, const char *scalars)
{
    const HpDataset *dataset = model->dataset;
    char *planes = json_list(dataset->planes, dataset->plane_count);
    char *classes = json_list(dataset->classes, dataset->class_count);
    char *size = hp_format("%lld", (long long)model->image_size);
    hp_writer_metadata(writer, HP_META_MODEL, model->name);
    hp_writer_metadata(writer, HP_META_VERSION, model->version);
    hp_writer_metadata(writer, HP_META_TARGET, model->target);
    hp_writer_metadata(writer, HP_META_PLANES, planes);
    hp_writer_metadata(writer, HP_META_CLASSES, classes);
    hp_writer_metadata(writer, HP_META_LABELS, dataset->one_of ? "one of" : "any of");
    hp_writer_metadata(writer, HP_META_SIZE, size);
    hp_writer_metadata(writer, HP_META_SCALARS, scalars);
    free(planes);
    free(classes);
    free(size);
}

typedef struct VariableSource {
    HpContext *context;
    const HpDevice *device;
    const HpVariable *variable;
} VariableSource;

static void download_source(void *user, void *out)
{
    VariableSource *source = user;
    source->device->download_variable(source->context, source->variable, out);
    free(source);
}

void hp_weights_add(HpTensorWriter *writer, const HpVariables *variables, unsigned kinds, const char *scalars)
{
    add_metadata(writer, variables->model, scalars);
    for (int i = 0; i < variables->model->variable_count; i++) {
        const HpVariable *variable = &variables->model->variables[i];
        if (!(1u << variable->kind & kinds))
            continue;
        VariableSource *source = hp_alloc(1, sizeof *source);
        *source = (VariableSource){variables->context, variables->device, variable};
        hp_writer_add(writer, variable->name, HP_TENSOR_F32, variable->rank, variable->shape, download_source,
                      source);
    }
}

/* ---------------------------------------------------------------- opening */

/* NULL, or how the list differs from `ours`. */
static char *compare_names(const char *path, const char *what, const json_t *theirs, const char *const *ours,
                           int count)
{
    if (!json_is_array(theirs))
        return hp_format("%s: its %s list is not a list", path, what);
    if (json_array_size(theirs) != (size_t)count)
        return hp_format("%s was trained on %zu %s, this program on %d: compile the model with the data set "
                         "of those weights",
                         path, json_array_size(theirs), what, count);
    for (int i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(theirs, (size_t)i));
        if (!name || strcmp(name, ours[i]) != 0)
            return hp_format("%s: number %d of its %s is \"%s\", this program's is \"%s\"; the order is part "
                             "of the weights",
                             path, i, what, name ? name : "?", ours[i]);
    }
    return NULL;
}

/* A list of names in the file must be the model's: what they mean to the network is their order. */
static char *check_names(const HpTensorFile *file, const char *key, const char *what, const char *const *ours,
                         int count)
{
    const char *text = hp_tensors_metadata(file, key);
    if (!text)
        return NULL;
    json_t *theirs = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    char *wrong = compare_names(hp_tensors_path(file), what, theirs, ours, count);
    json_decref(theirs);
    return wrong;
}

static char *check_metadata(const HpTensorFile *file, const HpDataset *dataset)
{
    char *wrong = check_names(file, HP_META_PLANES, "planes", dataset->planes, dataset->plane_count);
    if (!wrong)
        wrong = check_names(file, HP_META_CLASSES, "classes", dataset->classes, dataset->class_count);
    const char *labels = hp_tensors_metadata(file, HP_META_LABELS),
               *ours = dataset->one_of ? "one of" : "any of";
    if (!wrong && labels && strcmp(labels, ours) != 0)
        wrong = hp_format("%s was trained for labels that are \"%s\" the classes, this program for \"%s\"",
                          hp_tensors_path(file), labels, ours);
    return wrong;
}

HpTensorFile *hp_weights_open(const HpModel *model, const char *path, char **why)
{
    char *reason;
    HpTensorFile *file = hp_tensors_open(path, &reason);
    if (!file) {
        *why = hp_format("cannot use the weights %s: %s", path, reason);
        free(reason);
        return NULL;
    }
    *why = check_metadata(file, model->dataset);
    if (!*why)
        return file;
    hp_tensors_close(file);
    return NULL;
}

/* ---------------------------------------------------------------- loading */

static char *describe_shapes(const HpTensor *tensor, const char *path, const HpVariable *variable,
                             const char *source)
{
    char *theirs = hp_shape_text(tensor->rank, tensor->shape);
    char *ours = hp_shape_text(variable->rank, variable->shape);
    char *text = hp_format("\"%s\" is %s in %s but %s in %s", variable->name, theirs, path, ours, source);
    free(theirs);
    free(ours);
    return text;
}

static char *load_variable(const HpVariables *variables, const HpTensorFile *file, const HpVariable *variable)
{
    const char *path = hp_tensors_path(file), *source = variables->model->source;
    const HpTensor *tensor = hp_tensors_find(file, variable->name);
    if (!tensor)
        return hp_format("%s has no tensor \"%s\", which %s needs", path, variable->name, source);
    bool same = tensor->rank == variable->rank;
    for (int i = 0; i < tensor->rank && same; i++)
        same = tensor->shape[i] == variable->shape[i];
    if (!same)
        return describe_shapes(tensor, path, variable, source);
    float *values = hp_alloc((size_t)tensor->count + 1, sizeof *values);
    char *wrong = NULL;
    if (hp_tensors_read_floats(file, tensor, values))
        variables->device->upload_variable(variables->context, variable, values);
    else if (errno == EINVAL)
        wrong = hp_format("\"%s\" in %s is %s, which is not read as weights", tensor->name, path,
                          hp_tensor_type_name(tensor->type));
    else
        wrong = hp_format("cannot read \"%s\" from %s: %s", tensor->name, path, strerror(errno));
    free(values);
    return wrong;
}

/* What belongs to a run and not to the network is named with a colon ("m:head.weight", "history:values"). */
static char *check_strangers(const HpVariables *variables, const HpTensorFile *file)
{
    for (int64_t i = 0; i < hp_tensors_count(file); i++) {
        const char *name = hp_tensors_at(file, i)->name;
        if (!strchr(name, ':') && !hp_variable_find(variables->model, name))
            return hp_format("%s has a tensor \"%s\" that %s does not know: these are the weights of another "
                             "network",
                             hp_tensors_path(file), name, variables->model->source);
    }
    return NULL;
}

char *hp_weights_load(const HpVariables *variables, const HpTensorFile *file, unsigned kinds)
{
    char *wrong = NULL;
    for (int i = 0; i < variables->model->variable_count && !wrong; i++)
        if (1u << variables->model->variables[i].kind & kinds)
            wrong = load_variable(variables, file, &variables->model->variables[i]);
    return wrong ? wrong : check_strangers(variables, file);
}
