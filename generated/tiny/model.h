/* tiny: what its sources share
 * Made by hpacc 0.1.0 from tests/emit/tiny.hpanet:
 *   hpacc tests/emit/tiny.hpanet --portable */
#ifndef MODEL_H
#define MODEL_H

#include "hpart.h"

extern HpLibraryCall reorder_1;
extern HpLibraryCall convolution_1;
extern HpLibraryCall convolution_2;
extern HpLibraryCall matmul_1;
extern HpLibraryCall matmul_2;
extern HpLibraryCall matmul_3;
extern HpLibraryCall gradient_input_1;
extern HpLibraryCall gradient_weight_1;
extern HpLibraryCall gradient_weight_2;
extern HpLibraryCall convolution_3;
extern HpLibraryCall *const products[];
extern const HpModel model;

void train_head(HpContext *context);
void update_head(HpContext *context);
void train_all(HpContext *context);
void update_all(HpContext *context);
void evaluate(HpContext *context);
void predict(HpContext *context);
void prepare(HpContext *context);

#endif
