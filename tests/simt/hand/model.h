/* Logits from the means of an image's planes, as hpacc would print it. */
#include "hpart.h"

enum { ROWS = 4, PLANES = 2, CLASSES = 3, SIZE = 40 };

extern HpLibraryCall matmul_1;
extern HpKernel launched_kernel_means;
void predict(HpContext *context);
