#include "model.h"

HpLibraryCall matmul_1 = {.kind = HP_MATMUL,
                          .name = "head",
                          .batch = 1,
                          .m = ROWS,
                          .n = CLASSES,
                          .k = PLANES,
                          .transpose_b = true,
                          .bias = true,
                          .type_a = HP_F16,
                          .type_b = HP_F16,
                          .type_c = HP_F32,
                          .scratchpad = 64};
