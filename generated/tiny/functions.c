/* tiny: its functions, step by step
 * Made by hpacc 0.1.0 from tests/emit/tiny.hpanet:
 *   hpacc tests/emit/tiny.hpanet --portable */
#include "model.h"
#include "kernels.h"

/* Places in the model's one block of memory: the variables, then the arena that all functions share.
 * An address of the arena belongs to a tensor from its first use to its last. Where steps repeat, a row of
 * places says where each of their tensors is this time, in bytes from the block's start. */
#define VARIABLE(offset) ((void *)(context->memory + (offset)))
#define ARENA(offset) ((void *)(context->memory + 8320 + (offset)))
#define PLACE(column) ((void *)(context->memory + places[column]))

/* train_head: 40960 bytes of the arena; 50496 without sharing. */
void train_head(HpContext *context)
{
    const float scalar_accumulate = context->scalars[0];
    int64_t *const sample = VARIABLE(0); /* [4] */
    float *const affine = VARIABLE(64); /* [4, 6] */
    float *const gain = VARIABLE(192); /* [4] */
    float *const normalization_mean = VARIABLE(384); /* [2] */
    float *const normalization_deviation = VARIABLE(448); /* [2] */
    float *const conv1_weight = VARIABLE(512); /* [6, 2, 3, 3] hwio */
    float *const bn1_weight = VARIABLE(960); /* [6] */
    float *const bn1_running_var = VARIABLE(1152); /* [6] */
    float *const bn1_bias = VARIABLE(1024); /* [6] */
    float *const bn1_running_mean = VARIABLE(1088); /* [6] */
    float *const conv2_weight = VARIABLE(1216); /* [8, 6, 3, 3] hwio */
    int64_t *const draw = VARIABLE(256); /* [4] */
    float *const head_weight = VARIABLE(3008); /* [3, 8] */
    float *const labels = VARIABLE(320); /* [4, 3] */
    float *const gradient_head_bias = VARIABLE(5888); /* [3] */
    float *const gradient_head_weight = VARIABLE(5760); /* [3, 8] */

    /* image: image   tests/emit/tiny.hpanet:12 */
    hp_step(context, 0);
    float *const image_image = ARENA(24576); /* [4, 2, 16, 16] */
    kernel_image(16, 16, 4, sample, affine, gain, normalization_mean, normalization_deviation, image_image,
        context);

    /* image: reorder   tests/emit/tiny.hpanet:12 */
    hp_step(context, 1);
    float *const image_reorder = ARENA(32768); /* [4, 2, 16, 16] nhwc */
    hp_library_run(context, &reorder_1, image_image, NULL, NULL, image_reorder, NULL, NULL);

    /* conv1: convolution   tests/emit/tiny.hpanet:16 */
    hp_step(context, 2);
    float *const conv1 = ARENA(0); /* [4, 6, 16, 16] nhwc */
    hp_library_run(context, &convolution_1, image_reorder, conv1_weight, NULL, conv1, NULL, NULL);

    /* bn1 → pooled: add, rsqrt, multiply, multiply, multiply, subtract, add, relu, ...
     * tests/emit/tiny.hpanet:18 */
    hp_step(context, 3);
    float *const pooled_max_pool = ARENA(32768); /* [4, 6, 8, 8] nhwc */
    kernel_pooled_max_pool(4, 8, 8, 6, 16, 16, 1536, 96, 6, bn1_weight, bn1_running_var, bn1_bias,
        bn1_running_mean, conv1, pooled_max_pool);

    /* conv2 → means: convolution, add, relu   tests/emit/tiny.hpanet:20 */
    hp_step(context, 4);
    float *const conv2_reshape = VARIABLE(2944); /* [1, 8, 1, 1] */
    float *const means_relu = ARENA(0); /* [4, 8, 4, 4] nhwc */
    hp_library_run(context, &convolution_2, pooled_max_pool, conv2_weight, conv2_reshape, means_relu, NULL,
        NULL);

    /* means → logits: reduce_mean, greater_equal, multiply, multiply   tests/emit/tiny.hpanet:21 */
    hp_step(context, 5);
    float *const logits_multiply = ARENA(2560); /* [4, 8] */
    void *const scratch = ARENA(2048); /* 0.5 KB of scratchpad */
    kernel_logits_multiply(4, 1, 16, 8, 128, 8, 8, 2087553509, means_relu, draw, logits_multiply, scratch,
        context->seed);

    /* head: matmul, add   tests/emit/tiny.hpanet:21 */
    hp_step(context, 6);
    float *const head_reshape = VARIABLE(3136); /* [1, 3] */
    float *const head_add = ARENA(256); /* [4, 3] */
    hp_library_run(context, &matmul_1, logits_multiply, head_weight, head_reshape, head_add, NULL, NULL);

    /* loss: negate, softplus, multiply, subtract, softplus, multiply, add, reduce_mean, ...
     * tests/emit/tiny.hpanet:25 */
    hp_step(context, 7);
    float *const loss_subtract = ARENA(320); /* [4, 3] */
    float *const loss_reshape = ARENA(384); /* a number */
    void *const scratch_2 = ARENA(0); /* 0.0 KB of scratchpad */
    kernel_loss_reshape_subtract(4, 3, labels, head_add, loss_subtract, loss_reshape, scratch_2);

    /* head: matmul   tests/emit/tiny.hpanet:21 */
    hp_step(context, 8);
    float *const head = ARENA(128); /* [3, 8] */
    hp_library_run(context, &matmul_2, loss_subtract, logits_multiply, NULL, head, NULL, NULL);

    /* head → gradient:head.bias: reduce_sum, select, add   tests/emit/tiny.hpanet:21 */
    hp_step(context, 9);
    void *const scratch_3 = ARENA(0); /* 0.1 KB of scratchpad */
    kernel_bias_add(1, 4, 3, 3, loss_subtract, gradient_head_bias, scratch_3, scalar_accumulate);

    /* gradient:head.weight: select, add   tests/emit/tiny.hpanet:21 */
    hp_step(context, 10);
    kernel_weight_add(24, head, gradient_head_weight, scalar_accumulate);

    hp_step(context, 11);
}

/* update_head: 0 bytes of the arena; 384 without sharing. */
void update_head(HpContext *context)
{
    const float scalar_optimizer_momentum = context->scalars[15];
    const float scalar_lr_top_2 = context->scalars[13];
    float *const gradient_head_weight = VARIABLE(5760); /* [3, 8] */
    float *const m_head_weight = VARIABLE(3200); /* [3, 8] */
    float *const head_weight = VARIABLE(3008); /* [3, 8] */
    float *const gradient_head_bias = VARIABLE(5888); /* [3] */
    float *const m_head_bias = VARIABLE(3328); /* [3] */
    float *const head_bias = VARIABLE(3136); /* [3] */

    /* head.weight: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31 */
    hp_step(context, 0);
    kernel_weight_add_subtract(24, gradient_head_weight, m_head_weight, head_weight,
        scalar_optimizer_momentum, scalar_lr_top_2);

    /* head.bias: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31 */
    hp_step(context, 1);
    kernel_bias_add_subtract(3, gradient_head_bias, m_head_bias, head_bias, scalar_optimizer_momentum,
        scalar_lr_top_2);

    hp_step(context, 2);
}

/* train_all: 58816 bytes of the arena; 92416 without sharing. */
void train_all(HpContext *context)
{
    const float scalar_accumulate = context->scalars[0];
    int64_t *const sample = VARIABLE(0); /* [4] */
    float *const affine = VARIABLE(64); /* [4, 6] */
    float *const gain = VARIABLE(192); /* [4] */
    float *const normalization_mean = VARIABLE(384); /* [2] */
    float *const normalization_deviation = VARIABLE(448); /* [2] */
    float *const conv1_weight = VARIABLE(512); /* [6, 2, 3, 3] hwio */
    float *const bn1_running_mean = VARIABLE(1088); /* [6] */
    float *const bn1_running_var = VARIABLE(1152); /* [6] */
    float *const bn1_weight = VARIABLE(960); /* [6] */
    float *const bn1_bias = VARIABLE(1024); /* [6] */
    float *const conv2_weight = VARIABLE(1216); /* [8, 6, 3, 3] hwio */
    int64_t *const draw = VARIABLE(256); /* [4] */
    float *const head_weight = VARIABLE(3008); /* [3, 8] */
    float *const labels = VARIABLE(320); /* [4, 3] */
    float *const gradient_head_weight = VARIABLE(5760); /* [3, 8] */
    float *const gradient_head_bias = VARIABLE(5888); /* [3] */
    float *const gradient_conv2_bias = VARIABLE(8256); /* [8] */
    float *const gradient_conv2_weight = VARIABLE(6528); /* [8, 6, 3, 3] hwio */
    float *const gradient_bn1_weight = VARIABLE(6400); /* [6] */
    float *const gradient_bn1_bias = VARIABLE(6464); /* [6] */
    float *const gradient_conv1_weight = VARIABLE(5952); /* [6, 2, 3, 3] hwio */

    /* image: image   tests/emit/tiny.hpanet:12 */
    hp_step(context, 0);
    float *const image_image = ARENA(24576); /* [4, 2, 16, 16] */
    kernel_image(16, 16, 4, sample, affine, gain, normalization_mean, normalization_deviation, image_image,
        context);

    /* image: reorder   tests/emit/tiny.hpanet:12 */
    hp_step(context, 1);
    float *const image_reorder = ARENA(32768); /* [4, 2, 16, 16] nhwc */
    hp_library_run(context, &reorder_1, image_image, NULL, NULL, image_reorder, NULL, NULL);

    /* conv1: convolution   tests/emit/tiny.hpanet:16 */
    hp_step(context, 2);
    float *const conv1 = ARENA(0); /* [4, 6, 16, 16] nhwc */
    hp_library_run(context, &convolution_1, image_reorder, conv1_weight, NULL, conv1, NULL, NULL);

    /* bn1: reduce_mean, reduce_variance, multiply, multiply, add, multiply, multiply, multiply, ...
     * tests/emit/tiny.hpanet:17 */
    hp_step(context, 3);
    float *const bn1_reduce_mean = ARENA(58624); /* [1, 6, 1, 1] */
    float *const bn1_reduce_variance = ARENA(58688); /* [1, 6, 1, 1] */
    void *const scratch = ARENA(40960); /* 1.0 KB of scratchpad */
    kernel_bn1_mean_variance_add(4, 1, 256, 6, 1536, 6, conv1, bn1_running_mean, bn1_running_var,
        bn1_reduce_mean, bn1_reduce_variance, scratch, 1.0009775f);

    /* bn1 → pooled: subtract, add, rsqrt, multiply, multiply, add, relu, max_pool, ...
     * tests/emit/tiny.hpanet:18 */
    hp_step(context, 4);
    float *const pooled_max_pool = ARENA(40960); /* [4, 6, 8, 8] nhwc */
    uint8_t *const pooled_max_pool_index = ARENA(57024); /* [4, 6, 8, 8] nhwc */
    kernel_pooled_max_pool_max_pool_index(4, 8, 8, 6, 16, 16, 1536, 96, 6, bn1_reduce_mean,
        bn1_reduce_variance, bn1_weight, bn1_bias, conv1, pooled_max_pool, pooled_max_pool_index);

    /* conv2 → means: convolution, add, relu   tests/emit/tiny.hpanet:20 */
    hp_step(context, 5);
    float *const conv2_reshape = VARIABLE(2944); /* [1, 8, 1, 1] */
    float *const means_relu = ARENA(53248); /* [4, 8, 4, 4] nhwc */
    hp_library_run(context, &convolution_2, pooled_max_pool, conv2_weight, conv2_reshape, means_relu, NULL,
        NULL);

    /* means → logits: reduce_mean, greater_equal, multiply, multiply   tests/emit/tiny.hpanet:21 */
    hp_step(context, 6);
    float *const logits_multiply = ARENA(55808); /* [4, 8] */
    void *const scratch_2 = ARENA(55296); /* 0.5 KB of scratchpad */
    kernel_logits_multiply(4, 1, 16, 8, 128, 8, 8, 2087553509, means_relu, draw, logits_multiply, scratch_2,
        context->seed);

    /* head: matmul, add   tests/emit/tiny.hpanet:21 */
    hp_step(context, 7);
    float *const head_reshape = VARIABLE(3136); /* [1, 3] */
    float *const head_add = ARENA(58560); /* [4, 3] */
    hp_library_run(context, &matmul_1, logits_multiply, head_weight, head_reshape, head_add, NULL, NULL);

    /* loss: negate, softplus, multiply, subtract, softplus, multiply, add, reduce_mean, ...
     * tests/emit/tiny.hpanet:25 */
    hp_step(context, 8);
    float *const loss_subtract = ARENA(55424); /* [4, 3] */
    float *const loss_reshape = ARENA(58752); /* a number */
    void *const scratch_3 = ARENA(55296); /* 0.0 KB of scratchpad */
    kernel_loss_reshape_subtract(4, 3, labels, head_add, loss_subtract, loss_reshape, scratch_3);

    /* head: matmul   tests/emit/tiny.hpanet:21 */
    hp_step(context, 9);
    float *const head = ARENA(55296); /* [3, 8] */
    hp_library_run(context, &matmul_2, loss_subtract, logits_multiply, NULL, head, NULL, NULL);

    /* gradient:head.weight: select, add   tests/emit/tiny.hpanet:21 */
    hp_step(context, 10);
    kernel_weight_add(24, head, gradient_head_weight, scalar_accumulate);

    /* head → gradient:head.bias: reduce_sum, select, add   tests/emit/tiny.hpanet:21 */
    hp_step(context, 11);
    void *const scratch_4 = ARENA(55296); /* 0.1 KB of scratchpad */
    kernel_bias_add(1, 4, 3, 3, loss_subtract, gradient_head_bias, scratch_4, scalar_accumulate);

    /* head: matmul   tests/emit/tiny.hpanet:21 */
    hp_step(context, 12);
    float *const head_matmul = ARENA(55808); /* [4, 8] */
    hp_library_run(context, &matmul_3, loss_subtract, head_weight, NULL, head_matmul, NULL, NULL);

    /* means → logits → means → conv2 → gradient:conv2.bias: greater, greater_equal, multiply,
     * multiply, multiply, select, reduce_sum, select, ...   tests/emit/tiny.hpanet:19 */
    hp_step(context, 13);
    void *const scratch_5 = ARENA(55296); /* 0.5 KB of scratchpad */
    kernel_bias_select_add(4, 1, 16, 8, 8, 2087553509, 128, 8, draw, head_matmul, means_relu,
        gradient_conv2_bias, scratch_5, scalar_accumulate, context->seed);

    /* conv2: convolution_gradient_input   tests/emit/tiny.hpanet:19 */
    hp_step(context, 14);
    float *const means_select = ARENA(53248); /* [4, 8, 4, 4] nhwc */
    float *const conv2 = ARENA(47104); /* [4, 6, 8, 8] nhwc */
    hp_library_run(context, &gradient_input_1, means_select, conv2_weight, NULL, conv2, NULL, NULL);

    /* conv2: convolution_gradient_weight   tests/emit/tiny.hpanet:19 */
    hp_step(context, 15);
    float *const conv2_convolution_gradient_weight = ARENA(55296); /* [8, 6, 3, 3] hwio */
    hp_library_run(context, &gradient_weight_1, pooled_max_pool, means_select, NULL,
        conv2_convolution_gradient_weight, NULL, NULL);

    /* gradient:conv2.weight: select, add   tests/emit/tiny.hpanet:19 */
    hp_step(context, 16);
    kernel_weight_add(432, conv2_convolution_gradient_weight, gradient_conv2_weight, scalar_accumulate);

    /* pooled → bn1 → gradient:bn1.weight → gradient:bn1.bias: greater, select, max_pool_gradient,
     * reduce_sum, subtract, add, rsqrt, multiply, ...   tests/emit/tiny.hpanet:17 */
    hp_step(context, 17);
    float *const bn1_reduce_sum = ARENA(54272); /* [1, 6, 1, 1] */
    float *const bn1_reduce_sum_2 = ARENA(54336); /* [1, 6, 1, 1] */
    void *const scratch_6 = ARENA(53248); /* 1.0 KB of scratchpad */
    kernel_bias_sum_add(4, 1, 16, 16, 6, 8, 8, 384, 48, 6, 384, 48, 6, 384, 48, 6, 1536, 96, 6,
        bn1_reduce_mean, bn1_reduce_variance, pooled_max_pool, conv2, pooled_max_pool_index, conv1,
        gradient_bn1_weight, gradient_bn1_bias, bn1_reduce_sum, bn1_reduce_sum_2, scratch_6,
        scalar_accumulate);

    /* pooled → bn1: greater, select, max_pool_gradient, multiply, subtract, subtract, add, rsqrt, ...
     * tests/emit/tiny.hpanet:17 */
    hp_step(context, 18);
    kernel_bn1_multiply(4, 16, 16, 6, 8, 8, 384, 48, 6, 384, 48, 6, 384, 48, 6, bn1_reduce_sum,
        bn1_reduce_mean, bn1_reduce_variance, bn1_reduce_sum_2, bn1_weight, pooled_max_pool, conv2,
        pooled_max_pool_index, conv1, 0.0009765625f);

    /* conv1: convolution_gradient_weight   tests/emit/tiny.hpanet:16 */
    hp_step(context, 19);
    float *const bn1_multiply = ARENA(0); /* [4, 6, 16, 16] nhwc */
    float *const conv1_convolution_gradient_weight = ARENA(40960); /* [6, 2, 3, 3] hwio */
    hp_library_run(context, &gradient_weight_2, image_reorder, bn1_multiply, NULL,
        conv1_convolution_gradient_weight, NULL, NULL);

    /* gradient:conv1.weight: select, add   tests/emit/tiny.hpanet:16 */
    hp_step(context, 20);
    kernel_weight_add(108, conv1_convolution_gradient_weight, gradient_conv1_weight, scalar_accumulate);

    hp_step(context, 21);
}

/* update_all: 0 bytes of the arena; 5120 without sharing. */
void update_all(HpContext *context)
{
    const float scalar_optimizer_momentum = context->scalars[15];
    const float scalar_lr_bottom = context->scalars[9];
    const float scalar_lr_top = context->scalars[11];
    const float scalar_lr_top_2 = context->scalars[13];
    float *const gradient_conv1_weight = VARIABLE(5952); /* [6, 2, 3, 3] hwio */
    float *const m_conv1_weight = VARIABLE(3392); /* [6, 2, 3, 3] hwio */
    float *const conv1_weight = VARIABLE(512); /* [6, 2, 3, 3] hwio */
    float *const gradient_bn1_weight = VARIABLE(6400); /* [6] */
    float *const m_bn1_weight = VARIABLE(3840); /* [6] */
    float *const bn1_weight = VARIABLE(960); /* [6] */
    float *const gradient_bn1_bias = VARIABLE(6464); /* [6] */
    float *const m_bn1_bias = VARIABLE(3904); /* [6] */
    float *const bn1_bias = VARIABLE(1024); /* [6] */
    float *const gradient_conv2_weight = VARIABLE(6528); /* [8, 6, 3, 3] hwio */
    float *const m_conv2_weight = VARIABLE(3968); /* [8, 6, 3, 3] hwio */
    float *const conv2_weight = VARIABLE(1216); /* [8, 6, 3, 3] hwio */
    float *const gradient_conv2_bias = VARIABLE(8256); /* [8] */
    float *const m_conv2_bias = VARIABLE(5696); /* [8] */
    float *const conv2_bias = VARIABLE(2944); /* [8] */
    float *const gradient_head_weight = VARIABLE(5760); /* [3, 8] */
    float *const m_head_weight = VARIABLE(3200); /* [3, 8] */
    float *const head_weight = VARIABLE(3008); /* [3, 8] */
    float *const gradient_head_bias = VARIABLE(5888); /* [3] */
    float *const m_head_bias = VARIABLE(3328); /* [3] */
    float *const head_bias = VARIABLE(3136); /* [3] */

    /* conv1.weight: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31 */
    hp_step(context, 0);
    kernel_weight_add_subtract(108, gradient_conv1_weight, m_conv1_weight, conv1_weight,
        scalar_optimizer_momentum, scalar_lr_bottom);

    /* bn1.weight: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31 */
    hp_step(context, 1);
    kernel_bias_add_subtract(6, gradient_bn1_weight, m_bn1_weight, bn1_weight, scalar_optimizer_momentum,
        scalar_lr_bottom);

    /* bn1.bias: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31 */
    hp_step(context, 2);
    kernel_bias_add_subtract(6, gradient_bn1_bias, m_bn1_bias, bn1_bias, scalar_optimizer_momentum,
        scalar_lr_bottom);

    /* conv2.weight: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31 */
    hp_step(context, 3);
    kernel_weight_add_subtract(432, gradient_conv2_weight, m_conv2_weight, conv2_weight,
        scalar_optimizer_momentum, scalar_lr_top);

    /* conv2.bias: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31 */
    hp_step(context, 4);
    kernel_bias_add_subtract(8, gradient_conv2_bias, m_conv2_bias, conv2_bias, scalar_optimizer_momentum,
        scalar_lr_top);

    /* head.weight: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31 */
    hp_step(context, 5);
    kernel_weight_add_subtract(24, gradient_head_weight, m_head_weight, head_weight,
        scalar_optimizer_momentum, scalar_lr_top_2);

    /* head.bias: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31 */
    hp_step(context, 6);
    kernel_bias_add_subtract(3, gradient_head_bias, m_head_bias, head_bias, scalar_optimizer_momentum,
        scalar_lr_top_2);

    hp_step(context, 7);
}

/* evaluate: 32768 bytes of the arena; 49984 without sharing. */
void evaluate(HpContext *context)
{
    int64_t *const sample = VARIABLE(0); /* [4] */
    float *const affine = VARIABLE(64); /* [4, 6] */
    float *const gain = VARIABLE(192); /* [4] */
    float *const normalization_mean = VARIABLE(384); /* [2] */
    float *const normalization_deviation = VARIABLE(448); /* [2] */
    float *const derived_conv1_weight = VARIABLE(5760); /* [6, 2, 3, 3] hwio */
    float *const derived_conv1_bias = VARIABLE(6208); /* [1, 6, 1, 1] */
    float *const conv2_weight = VARIABLE(1216); /* [8, 6, 3, 3] hwio */
    float *const head_weight = VARIABLE(3008); /* [3, 8] */
    float *const labels = VARIABLE(320); /* [4, 3] */

    /* image: image   tests/emit/tiny.hpanet:12 */
    hp_step(context, 0);
    float *const image_image = ARENA(0); /* [4, 2, 16, 16] */
    kernel_image(16, 16, 4, sample, affine, gain, normalization_mean, normalization_deviation, image_image,
        context);

    /* image: reorder   tests/emit/tiny.hpanet:12 */
    hp_step(context, 1);
    float *const image_reorder = ARENA(24576); /* [4, 2, 16, 16] nhwc */
    hp_library_run(context, &reorder_1, image_image, NULL, NULL, image_reorder, NULL, NULL);

    /* conv1 → pooled: convolution, add, relu   tests/emit/tiny.hpanet:18 */
    hp_step(context, 2);
    float *const pooled_relu = ARENA(0); /* [4, 6, 16, 16] nhwc */
    hp_library_run(context, &convolution_3, image_reorder, derived_conv1_weight, derived_conv1_bias,
        pooled_relu, NULL, NULL);

    /* pooled: max_pool   tests/emit/tiny.hpanet:18 */
    hp_step(context, 3);
    float *const pooled_max_pool = ARENA(24576); /* [4, 6, 8, 8] nhwc */
    kernel_pooled_max_pool_2(4, 8, 8, 6, 16, 16, 1536, 96, 6, pooled_relu, pooled_max_pool);

    /* conv2 → means: convolution, add, relu   tests/emit/tiny.hpanet:20 */
    hp_step(context, 4);
    float *const conv2_reshape = VARIABLE(2944); /* [1, 8, 1, 1] */
    float *const means_relu = ARENA(0); /* [4, 8, 4, 4] nhwc */
    hp_library_run(context, &convolution_2, pooled_max_pool, conv2_weight, conv2_reshape, means_relu, NULL,
        NULL);

    /* means: reduce_mean, reshape   tests/emit/tiny.hpanet:20 */
    hp_step(context, 5);
    float *const means_reshape = ARENA(2560); /* [4, 8] */
    void *const scratch = ARENA(2048); /* 0.5 KB of scratchpad */
    kernel_means_reshape(4, 1, 16, 8, 128, 8, 8, means_relu, means_reshape, scratch);

    /* head: matmul, add   tests/emit/tiny.hpanet:21 */
    hp_step(context, 6);
    float *const head_reshape = VARIABLE(3136); /* [1, 3] */
    float *const head_add = ARENA(0); /* [4, 3] */
    hp_library_run(context, &matmul_1, means_reshape, head_weight, head_reshape, head_add, NULL, NULL);

    /* loss: negate, softplus, multiply, subtract, softplus, multiply, add, reduce_mean, ...
     * tests/emit/tiny.hpanet:25 */
    hp_step(context, 7);
    float *const loss_reshape = ARENA(128); /* [4] */
    void *const scratch_2 = ARENA(64); /* 0.0 KB of scratchpad */
    kernel_loss_reshape(4, 3, labels, head_add, loss_reshape, scratch_2);

    hp_step(context, 8);
}

/* predict: 32768 bytes of the arena; 49856 without sharing. */
void predict(HpContext *context)
{
    int64_t *const sample = VARIABLE(0); /* [4] */
    float *const affine = VARIABLE(64); /* [4, 6] */
    float *const gain = VARIABLE(192); /* [4] */
    float *const normalization_mean = VARIABLE(384); /* [2] */
    float *const normalization_deviation = VARIABLE(448); /* [2] */
    float *const derived_conv1_weight = VARIABLE(5760); /* [6, 2, 3, 3] hwio */
    float *const derived_conv1_bias = VARIABLE(6208); /* [1, 6, 1, 1] */
    float *const conv2_weight = VARIABLE(1216); /* [8, 6, 3, 3] hwio */
    float *const head_weight = VARIABLE(3008); /* [3, 8] */

    /* image: image   tests/emit/tiny.hpanet:12 */
    hp_step(context, 0);
    float *const image_image = ARENA(0); /* [4, 2, 16, 16] */
    kernel_image(16, 16, 4, sample, affine, gain, normalization_mean, normalization_deviation, image_image,
        context);

    /* image: reorder   tests/emit/tiny.hpanet:12 */
    hp_step(context, 1);
    float *const image_reorder = ARENA(24576); /* [4, 2, 16, 16] nhwc */
    hp_library_run(context, &reorder_1, image_image, NULL, NULL, image_reorder, NULL, NULL);

    /* conv1 → pooled: convolution, add, relu   tests/emit/tiny.hpanet:18 */
    hp_step(context, 2);
    float *const pooled_relu = ARENA(0); /* [4, 6, 16, 16] nhwc */
    hp_library_run(context, &convolution_3, image_reorder, derived_conv1_weight, derived_conv1_bias,
        pooled_relu, NULL, NULL);

    /* pooled: max_pool   tests/emit/tiny.hpanet:18 */
    hp_step(context, 3);
    float *const pooled_max_pool = ARENA(24576); /* [4, 6, 8, 8] nhwc */
    kernel_pooled_max_pool_2(4, 8, 8, 6, 16, 16, 1536, 96, 6, pooled_relu, pooled_max_pool);

    /* conv2 → means: convolution, add, relu   tests/emit/tiny.hpanet:20 */
    hp_step(context, 4);
    float *const conv2_reshape = VARIABLE(2944); /* [1, 8, 1, 1] */
    float *const means_relu = ARENA(0); /* [4, 8, 4, 4] nhwc */
    hp_library_run(context, &convolution_2, pooled_max_pool, conv2_weight, conv2_reshape, means_relu, NULL,
        NULL);

    /* means: reduce_mean, reshape   tests/emit/tiny.hpanet:20 */
    hp_step(context, 5);
    float *const means_reshape = ARENA(2560); /* [4, 8] */
    void *const scratch = ARENA(2048); /* 0.5 KB of scratchpad */
    kernel_means_reshape(4, 1, 16, 8, 128, 8, 8, means_relu, means_reshape, scratch);

    /* head: matmul, add   tests/emit/tiny.hpanet:21 */
    hp_step(context, 6);
    float *const head_reshape = VARIABLE(3136); /* [1, 3] */
    float *const head_add = ARENA(0); /* [4, 3] */
    hp_library_run(context, &matmul_1, means_reshape, head_weight, head_reshape, head_add, NULL, NULL);

    hp_step(context, 7);
}

/* prepare: 0 bytes of the arena; 512 without sharing. */
void prepare(HpContext *context)
{
    float *const conv1_weight = VARIABLE(512); /* [6, 2, 3, 3] hwio */
    float *const bn1_weight = VARIABLE(960); /* [6] */
    float *const bn1_running_var = VARIABLE(1152); /* [6] */
    float *const derived_conv1_weight = VARIABLE(5760); /* [6, 2, 3, 3] hwio */
    float *const bn1_bias = VARIABLE(1024); /* [6] */
    float *const bn1_running_mean = VARIABLE(1088); /* [6] */
    float *const derived_conv1_bias = VARIABLE(6208); /* [1, 6, 1, 1] */

    /* conv1.weight: add, rsqrt, multiply, multiply   tests/emit/tiny.hpanet:17 */
    hp_step(context, 0);
    kernel_weight_multiply(18, 6, conv1_weight, bn1_weight, bn1_running_var, derived_conv1_weight);

    /* conv1.weight → conv1.bias: add, rsqrt, multiply, multiply, subtract   tests/emit/tiny.hpanet:17 */
    hp_step(context, 1);
    kernel_bias_subtract(6, bn1_bias, bn1_running_mean, bn1_weight, bn1_running_var, derived_conv1_bias);

    hp_step(context, 2);
}
