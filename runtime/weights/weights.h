/* The values of a model's variables: made from a seed, taken from foreign weights as the recipe says, saved
 * and loaded. */
#ifndef HPART_WEIGHTS_H
#define HPART_WEIGHTS_H

#include "../device/device.h"
#include "../hpart.h"
#include "safetensors.h"

/* Keys of __metadata__ in our files; what prediction needs is in all of them. */
#define HP_META_KIND "hpanet.kind" /* "weights" or "checkpoint" */
#define HP_META_MODEL "hpanet.model"
#define HP_META_VERSION "hpanet.version"
#define HP_META_TARGET "hpanet.target"
#define HP_META_PLANES "hpanet.planes"   /* JSON list */
#define HP_META_CLASSES "hpanet.classes" /* JSON list */
#define HP_META_LABELS "hpanet.labels"   /* "any of" or "one of" */
#define HP_META_SIZE "hpanet.image_size"
#define HP_META_SCALARS "hpanet.scalars" /* JSON object: what --set may change, as it was */

/* A device and the memory the variables lie in. */
typedef struct HpVariables {
    const HpModel *model;
    const HpDevice *device;
    HpContext *context;
} HpVariables;

/* Elements of a variable's logical shape. */
int64_t hp_variable_elements(const HpVariable *variable);
/* The variable of that name that has memory, or NULL. */
const HpVariable *hp_variable_find(const HpModel *model, const char *name);

/* The network gets its initial values: parameters from Philox keyed by seed and name, statistics their
 * constant. Optimizer state is left alone: a program that only predicts never touches its memory. */
void hp_weights_initialize(const HpVariables *variables, uint64_t seed);
/* Optimizer state alone: what a stage begins with. */
void hp_weights_reset_state(const HpVariables *variables);

/* The recipe's `weights` statements. initial: NULL takes their files, "none" leaves the fresh values, else a
 * file that replaces the only statement's. Prints what was loaded and left out; anything else is an error. */
void hp_weights_apply(const HpVariables *variables, const char *initial);

/* Adds metadata, and the variables of the kinds in `kinds` (bit 1 << HpVariableKind), to a writer. The writer
 * must be saved while `variables` lives. */
void hp_weights_add(HpTensorWriter *writer, const HpVariables *variables, unsigned kinds,
                    const char *scalars);
/* Opens a file for this model. NULL: *why (to be freed) says what is wrong; classes, planes or labels that
 * differ are. */
HpTensorFile *hp_weights_open(const HpModel *model, const char *path, char **why);
/* Loads every variable of the kinds. NULL, or what is wrong (to be freed): a missing tensor, another shape, a
 * tensor that is nobody's. */
char *hp_weights_load(const HpVariables *variables, const HpTensorFile *file, unsigned kinds);

enum {
    HP_NETWORK_KINDS =
        1 << HP_PARAMETER | 1 << HP_STATISTIC | 1 << HP_NORMALIZATION, /* what prediction needs */
    HP_CHECKPOINT_KINDS = HP_NETWORK_KINDS | 1 << HP_OPTIMIZER_STATE
};

#endif
