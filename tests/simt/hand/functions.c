#include "model.h"
#include "kernels.h"

HpKernel launched_kernel_means = {"kernel_means", "image: means, hand.hpanet:5", 256, 0};

void predict(HpContext *context)
{
    uint16_t *const weight = (uint16_t *)(context->memory + 64);
    float *const bias = (float *)(context->memory + 128);
    uint16_t *const means = (uint16_t *)(context->memory + 256);
    float *const logits = (float *)(context->memory + 320);

    hp_step(context, 0);
    kernel_means(context, (int64_t *)context->memory, means);
    hp_step(context, 1);
    hp_library_run(context, &matmul_1, means, weight, bias, logits, context->memory + 384);
    hp_step(context, 2);
}
