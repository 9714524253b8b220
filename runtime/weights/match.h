/* What a recipe's `weights` statement makes of a file: decided here alone, for the program that loads it and
 * for hpacc, which checks a file that is there. */
#ifndef HPART_WEIGHTS_MATCH_H
#define HPART_WEIGHTS_MATCH_H

#include "../hpart.h"
#include "safetensors.h"

typedef enum HpMatchKind {
    HP_MATCH_LOADED,   /* the tensor becomes the variable */
    HP_MATCH_LEFT_OUT, /* the tensor, by a rule */
    HP_MATCH_WRONG     /* `why` is a sentence; no tensor: the file lacks the variable's */
} HpMatchKind;

typedef struct HpMatch {
    HpMatchKind kind;
    const HpTensor *tensor;     /* or NULL */
    const HpVariable *variable; /* or NULL */
    const HpStem *stem;         /* by which the variable is made from the tensor's planes; or NULL */
    char *why;
} HpMatch;

typedef struct HpMatches {
    HpMatch *items; /* one for each tensor, in their order, then the variables that the file lacks */
    int64_t count, wrong;
} HpMatches;

/* A file named in a recipe: as it stands, else beside the model's source. To be freed; NULL: at neither
 * place. */
char *hp_weights_locate(const char *source, const char *file);

/* The variables are those of the network: parameters and statistics are matched, others passed over. */
HpMatches hp_weights_match(const HpWeights *weights, const HpTensorFile *file, const HpVariable *variables,
                           int variable_count);
void hp_matches_free(HpMatches *matches);

/* ---- stems (stem.c) ---- */

/* A sentence (to be freed) when the rule cannot make the variable from the tensor, else NULL. */
char *hp_stem_check(const HpStem *stem, const HpTensorFile *file, const HpTensor *tensor,
                    const HpVariable *variable);
/* values: the variable's initial ones on entry, what the rule makes of `theirs` on return; plain format. */
void hp_stem_apply(const HpStem *stem, const HpTensorFile *file, const HpTensor *tensor, const float *theirs,
                   const HpVariable *variable, float *values);

#endif
