/* Private to front/: a dataset block becomes an HpDataset. */
#ifndef HPACC_FRONT_DATASET_H
#define HPACC_FRONT_DATASET_H

#include "elaborate.h"

/* The only dataset block of a file as a setting, or NULL; a second one is reported. */
const Setting *dataset_find(Diagnostics *diagnostics, const SourceUnit *unit);

/* Checks everything and reports all mistakes; incomplete after one, so look at the count of errors. */
HpDataset *dataset_build(Elaborator *e, const Setting *block);

#endif
