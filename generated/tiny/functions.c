/* tiny: its functions, step by step
 * Made by hpacc 0.1.0 from tests/emit/tiny.hpanet:
 *   hpacc tests/emit/tiny.hpanet */
#include "model.h"
#include "kernels.h"

/* Places in the model's one block of memory: the variables, then the arena that all functions share.
 * An address of the arena belongs to a tensor from its first use to its last. Where steps repeat, a row of
 * places says where each of their tensors is this time, in bytes from the block's start. */
#define VARIABLE(offset) ((void *)(context->memory + (offset)))
#define ARENA(offset) ((void *)(context->memory + 8320 + (offset)))
#define PLACE(column) ((void *)(context->memory + places[column]))

/* train_head: 38912 bytes of the arena; 50176 without sharing. */
void train_head(HpContext *context)
{
    const float *const scalar_accumulate = context->device_scalars + 0;
    int64_t *const sample = VARIABLE(0); /* [4] */
    float *const affine = VARIABLE(64); /* [4, 6] */
    float *const gain = VARIABLE(192); /* [4] */
    float *const normalization_mean = VARIABLE(384); /* [2] */
    float *const normalization_deviation = VARIABLE(448); /* [2] */
    float *const conv1_weight = VARIABLE(512); /* [6, 2, 3, 3] nhwc */
    float *const bn1_weight = VARIABLE(960); /* [6] */
    float *const bn1_running_var = VARIABLE(1152); /* [6] */
    float *const bn1_bias = VARIABLE(1024); /* [6] */
    float *const bn1_running_mean = VARIABLE(1088); /* [6] */
    float *const conv2_weight = VARIABLE(1216); /* [8, 6, 3, 3] nhwc */
    int64_t *const draw = VARIABLE(256); /* [4] */
    float *const head_weight = VARIABLE(3008); /* [3, 8] */
    float *const labels = VARIABLE(320); /* [4, 3] */
    float *const gradient_head_bias = VARIABLE(5888); /* [3] */
    float *const gradient_head_weight = VARIABLE(5760); /* [3, 8] */

    /* image: image   tests/emit/tiny.hpanet:12 */
    hp_step(context, 0);
    float *const image_image = ARENA(24576); /* [4, 2, 16, 16] nhwc */
    kernel_image(context, (HpGrid){0, 0, 0}, 4, 16, 16, sample, affine, gain, normalization_mean,
        normalization_deviation, image_image, (const struct hp_image_store *)context->device_images);

    /* conv1: convolution   tests/emit/tiny.hpanet:16 */
    hp_step(context, 1);
    float *const conv1 = ARENA(0); /* [4, 6, 16, 16] nhwc */
    hp_library_run(context, &convolution_1, image_image, conv1_weight, NULL, conv1, NULL);

    /* bn1 → pooled: add, rsqrt, multiply, multiply, multiply, subtract, add, relu, ...
     * tests/emit/tiny.hpanet:18 */
    hp_step(context, 2);
    float *const pooled_max_pool = ARENA(32768); /* [4, 6, 8, 8] nhwc */
    kernel_pooled_max_pool(context, (HpGrid){1, 4, 1}, 4, 3, 4, 8, 8, 16, 16, 1536, 96, 6, 384, 48, 6,
        bn1_weight, bn1_running_var, bn1_bias, bn1_running_mean, conv1, pooled_max_pool);

    /* conv2 → means: convolution, add, relu   tests/emit/tiny.hpanet:20 */
    hp_step(context, 3);
    float *const conv2_reshape = VARIABLE(2944); /* [1, 8, 1, 1] */
    float *const means_relu = ARENA(0); /* [4, 8, 4, 4] nhwc */
    hp_library_run(context, &convolution_2, pooled_max_pool, conv2_weight, conv2_reshape, means_relu, NULL);

    /* means → logits: reduce_mean, greater_equal, multiply, multiply   tests/emit/tiny.hpanet:21 */
    hp_step(context, 4);
    void *const scratch = ARENA(2048); /* 0.3 KB of scratchpad */
    float *const logits_multiply = ARENA(8192); /* [4, 8] */
    kernel_logits_multiply(context, (HpGrid){1, 1, 4}, 2, 4, 2, 16, 128, 8, 32, means_relu, scratch);
    kernel_logits_multiply_end(context, (HpGrid){1, 1, 1}, 32, 256, 1, 2, 16, 2087553509, scratch, draw,
        logits_multiply, context->seed);

    /* image: reorder   tests/emit/tiny.hpanet:12 */
    hp_step(context, 5);
    float *const image_reorder = ARENA(0); /* [4, 2, 16, 16] */
    kernel_image_reorder(context, (HpGrid){1, 4, 1}, 1, 1, 4, 256, 512, 512, 256, image_image, image_reorder);

    /* head: matmul, add   tests/emit/tiny.hpanet:21 */
    hp_step(context, 6);
    float *const head_reshape = VARIABLE(3136); /* [1, 3] */
    float *const head_add = ARENA(8448); /* [4, 3] */
    hp_library_run(context, &matmul_1, logits_multiply, head_weight, head_reshape, head_add, NULL);

    /* loss: negate, softplus, multiply, subtract, softplus, multiply, add, reduce_mean, ...
     * tests/emit/tiny.hpanet:25 */
    hp_step(context, 7);
    float *const loss_subtract = ARENA(8512); /* [4, 3] */
    void *const scratch_2 = ARENA(8320); /* 0.0 KB of scratchpad */
    float *const loss_reshape = ARENA(8576); /* a number */
    kernel_loss_reshape_subtract(context, (HpGrid){1, 1, 1}, 1, 3, 1, labels, head_add, loss_subtract,
        scratch_2);
    kernel_loss_reshape_subtract_end(context, (HpGrid){1, 1, 1}, 1, 256, 1, 3, scratch_2, loss_reshape);

    /* head: matmul   tests/emit/tiny.hpanet:21 */
    hp_step(context, 8);
    float *const head = ARENA(8320); /* [3, 8] */
    hp_library_run(context, &matmul_2, loss_subtract, logits_multiply, NULL, head, NULL);

    /* head → gradient:head.bias: reduce_sum, select, add   tests/emit/tiny.hpanet:21 */
    hp_step(context, 9);
    void *const scratch_3 = ARENA(8192); /* 0.0 KB of scratchpad */
    kernel_bias_add(context, (HpGrid){1, 1, 1}, 4, 3, 4, 3, 3, loss_subtract, scratch_3);
    kernel_bias_add_end(context, (HpGrid){1, 1, 1}, 3, 256, 1, scratch_3, gradient_head_bias,
        scalar_accumulate);

    /* gradient:head.weight: select, add   tests/emit/tiny.hpanet:21 */
    hp_step(context, 10);
    kernel_weight_add(context, (HpGrid){1, 1, 1}, 256, 6, head, gradient_head_weight, scalar_accumulate);

    hp_step(context, 11);
}

/* update_head: 0 bytes of the arena; 384 without sharing. */
void update_head(HpContext *context)
{
    const float *const scalar_optimizer_momentum = context->device_scalars + 15;
    const float *const scalar_lr_top_2 = context->device_scalars + 13;
    float *const gradient_head_weight = VARIABLE(5760); /* [3, 8] */
    float *const m_head_weight = VARIABLE(3200); /* [3, 8] */
    float *const head_weight = VARIABLE(3008); /* [3, 8] */
    float *const gradient_head_bias = VARIABLE(5888); /* [3] */
    float *const m_head_bias = VARIABLE(3328); /* [3] */
    float *const head_bias = VARIABLE(3136); /* [3] */

    /* head.weight: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31 */
    hp_step(context, 0);
    kernel_weight_add_subtract(context, (HpGrid){1, 1, 1}, 256, 6, gradient_head_weight, m_head_weight,
        head_weight, scalar_optimizer_momentum, scalar_lr_top_2);

    /* head.bias: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31 */
    hp_step(context, 1);
    kernel_bias_add_subtract(context, (HpGrid){1, 1, 1}, 256, 3, gradient_head_bias, m_head_bias, head_bias,
        scalar_optimizer_momentum, scalar_lr_top_2);

    hp_step(context, 2);
}

/* train_all: 50624 bytes of the arena; 89984 without sharing. */
void train_all(HpContext *context)
{
    const float *const scalar_accumulate = context->device_scalars + 0;
    int64_t *const sample = VARIABLE(0); /* [4] */
    float *const affine = VARIABLE(64); /* [4, 6] */
    float *const gain = VARIABLE(192); /* [4] */
    float *const normalization_mean = VARIABLE(384); /* [2] */
    float *const normalization_deviation = VARIABLE(448); /* [2] */
    float *const conv1_weight = VARIABLE(512); /* [6, 2, 3, 3] nhwc */
    float *const bn1_running_mean = VARIABLE(1088); /* [6] */
    float *const bn1_running_var = VARIABLE(1152); /* [6] */
    float *const bn1_weight = VARIABLE(960); /* [6] */
    float *const bn1_bias = VARIABLE(1024); /* [6] */
    float *const conv2_weight = VARIABLE(1216); /* [8, 6, 3, 3] nhwc */
    int64_t *const draw = VARIABLE(256); /* [4] */
    float *const head_weight = VARIABLE(3008); /* [3, 8] */
    float *const labels = VARIABLE(320); /* [4, 3] */
    float *const gradient_head_weight = VARIABLE(5760); /* [3, 8] */
    float *const gradient_head_bias = VARIABLE(5888); /* [3] */
    float *const gradient_conv2_bias = VARIABLE(8256); /* [8] */
    float *const gradient_conv2_weight = VARIABLE(6528); /* [8, 6, 3, 3] nhwc */
    float *const gradient_bn1_weight = VARIABLE(6400); /* [6] */
    float *const gradient_bn1_bias = VARIABLE(6464); /* [6] */
    float *const gradient_conv1_weight = VARIABLE(5952); /* [6, 2, 3, 3] nhwc */

    /* image: image   tests/emit/tiny.hpanet:12 */
    hp_step(context, 0);
    float *const image_image = ARENA(24576); /* [4, 2, 16, 16] nhwc */
    kernel_image(context, (HpGrid){0, 0, 0}, 4, 16, 16, sample, affine, gain, normalization_mean,
        normalization_deviation, image_image, (const struct hp_image_store *)context->device_images);

    /* conv1: convolution   tests/emit/tiny.hpanet:16 */
    hp_step(context, 1);
    float *const conv1 = ARENA(0); /* [4, 6, 16, 16] nhwc */
    hp_library_run(context, &convolution_1, image_image, conv1_weight, NULL, conv1, NULL);

    /* bn1: reduce_mean, reduce_variance, multiply, multiply, add, multiply, multiply, multiply, ...
     * tests/emit/tiny.hpanet:17 */
    hp_step(context, 2);
    void *const scratch = ARENA(32768); /* 0.2 KB of scratchpad */
    float *const bn1_reduce_mean = ARENA(50432); /* [1, 6, 1, 1] */
    float *const bn1_reduce_variance = ARENA(50496); /* [1, 6, 1, 1] */
    kernel_bn1_mean_variance_add(context, (HpGrid){1, 2, 1}, 4, 3, 1024, 6, 6, conv1, scratch);
    kernel_bn1_mean_variance_add_end(context, (HpGrid){1, 1, 1}, 6, 256, 2, 1024, scratch, bn1_running_mean,
        bn1_running_var, bn1_reduce_mean, bn1_reduce_variance, 1.0009775f);

    /* bn1 → pooled: subtract, add, rsqrt, multiply, multiply, add, relu, max_pool, ...
     * tests/emit/tiny.hpanet:18 */
    hp_step(context, 3);
    float *const pooled_max_pool = ARENA(32768); /* [4, 6, 8, 8] nhwc */
    uint8_t *const pooled_max_pool_index = ARENA(48832); /* [4, 6, 8, 8] nhwc */
    kernel_pooled_max_pool_max_pool_index(context, (HpGrid){1, 4, 1}, 4, 3, 4, 8, 8, 16, 16, 1536, 96, 6, 384,
        48, 6, bn1_reduce_mean, bn1_reduce_variance, bn1_weight, bn1_bias, conv1, pooled_max_pool,
        pooled_max_pool_index);

    /* conv2 → means: convolution, add, relu   tests/emit/tiny.hpanet:20 */
    hp_step(context, 4);
    float *const conv2_reshape = VARIABLE(2944); /* [1, 8, 1, 1] */
    float *const means_relu = ARENA(45056); /* [4, 8, 4, 4] nhwc */
    hp_library_run(context, &convolution_2, pooled_max_pool, conv2_weight, conv2_reshape, means_relu, NULL);

    /* means → logits: reduce_mean, greater_equal, multiply, multiply   tests/emit/tiny.hpanet:21 */
    hp_step(context, 5);
    void *const scratch_2 = ARENA(47104); /* 0.3 KB of scratchpad */
    float *const logits_multiply = ARENA(47360); /* [4, 8] */
    kernel_logits_multiply(context, (HpGrid){1, 1, 4}, 2, 4, 2, 16, 128, 8, 32, means_relu, scratch_2);
    kernel_logits_multiply_end(context, (HpGrid){1, 1, 1}, 32, 256, 1, 2, 16, 2087553509, scratch_2, draw,
        logits_multiply, context->seed);

    /* head: matmul, add   tests/emit/tiny.hpanet:21 */
    hp_step(context, 6);
    float *const head_reshape = VARIABLE(3136); /* [1, 3] */
    float *const head_add = ARENA(50368); /* [4, 3] */
    hp_library_run(context, &matmul_1, logits_multiply, head_weight, head_reshape, head_add, NULL);

    /* loss: negate, softplus, multiply, subtract, softplus, multiply, add, reduce_mean, ...
     * tests/emit/tiny.hpanet:25 */
    hp_step(context, 7);
    float *const loss_subtract = ARENA(47232); /* [4, 3] */
    void *const scratch_3 = ARENA(47296); /* 0.0 KB of scratchpad */
    float *const loss_reshape = ARENA(50560); /* a number */
    kernel_loss_reshape_subtract(context, (HpGrid){1, 1, 1}, 1, 3, 1, labels, head_add, loss_subtract,
        scratch_3);
    kernel_loss_reshape_subtract_end(context, (HpGrid){1, 1, 1}, 1, 256, 1, 3, scratch_3, loss_reshape);

    /* head: matmul   tests/emit/tiny.hpanet:21 */
    hp_step(context, 8);
    float *const head = ARENA(47104); /* [3, 8] */
    hp_library_run(context, &matmul_2, loss_subtract, logits_multiply, NULL, head, NULL);

    /* gradient:head.weight: select, add   tests/emit/tiny.hpanet:21 */
    hp_step(context, 9);
    kernel_weight_add(context, (HpGrid){1, 1, 1}, 256, 6, head, gradient_head_weight, scalar_accumulate);

    /* head → gradient:head.bias: reduce_sum, select, add   tests/emit/tiny.hpanet:21 */
    hp_step(context, 10);
    void *const scratch_4 = ARENA(47104); /* 0.0 KB of scratchpad */
    kernel_bias_add(context, (HpGrid){1, 1, 1}, 4, 3, 4, 3, 3, loss_subtract, scratch_4);
    kernel_bias_add_end(context, (HpGrid){1, 1, 1}, 3, 256, 1, scratch_4, gradient_head_bias,
        scalar_accumulate);

    /* head: matmul   tests/emit/tiny.hpanet:21 */
    hp_step(context, 11);
    float *const head_matmul = ARENA(47104); /* [4, 8] */
    hp_library_run(context, &matmul_3, loss_subtract, head_weight, NULL, head_matmul, NULL);

    /* means → logits → means → conv2 → gradient:conv2.bias: greater, greater_equal, multiply,
     * multiply, multiply, select, reduce_sum, select, ...   tests/emit/tiny.hpanet:19 */
    hp_step(context, 12);
    void *const scratch_5 = ARENA(47232); /* 0.1 KB of scratchpad */
    kernel_bias_select_add(context, (HpGrid){1, 1, 1}, 2, 2, 4, 16, 128, 8, 8, 2087553509, 8, draw,
        head_matmul, means_relu, scratch_5, context->seed);
    kernel_bias_select_add_end(context, (HpGrid){1, 1, 1}, 8, 256, 1, scratch_5, gradient_conv2_bias,
        scalar_accumulate);

    /* conv2: convolution_gradient_input   tests/emit/tiny.hpanet:19 */
    hp_step(context, 13);
    float *const means_select = ARENA(45056); /* [4, 8, 4, 4] nhwc */
    float *const conv2 = ARENA(38912); /* [4, 6, 8, 8] nhwc */
    hp_library_run(context, &gradient_input_1, means_select, conv2_weight, NULL, conv2, NULL);

    /* conv2: convolution_gradient_weight   tests/emit/tiny.hpanet:19 */
    hp_step(context, 14);
    float *const conv2_convolution_gradient_weight = ARENA(47104); /* [8, 6, 3, 3] nhwc */
    hp_library_run(context, &gradient_weight_1, pooled_max_pool, means_select, NULL,
        conv2_convolution_gradient_weight, NULL);

    /* gradient:conv2.weight: select, add   tests/emit/tiny.hpanet:19 */
    hp_step(context, 15);
    kernel_weight_add(context, (HpGrid){1, 1, 1}, 256, 108, conv2_convolution_gradient_weight,
        gradient_conv2_weight, scalar_accumulate);

    /* pooled → bn1 → gradient:bn1.weight → gradient:bn1.bias: greater, select, max_pool_gradient,
     * reduce_sum, subtract, add, rsqrt, multiply, ...   tests/emit/tiny.hpanet:17 */
    hp_step(context, 16);
    void *const scratch_6 = ARENA(45056); /* 0.2 KB of scratchpad */
    float *const bn1_reduce_sum = ARENA(45248); /* [1, 6, 1, 1] */
    float *const bn1_reduce_sum_2 = ARENA(45312); /* [1, 6, 1, 1] */
    kernel_bias_sum_add(context, (HpGrid){1, 2, 1}, 4, 3, 4, 16, 16, 8, 8, 384, 48, 6, 1536, 96, 6, 6,
        bn1_reduce_mean, bn1_reduce_variance, pooled_max_pool, conv2, pooled_max_pool_index, conv1,
        scratch_6);
    kernel_bias_sum_add_end(context, (HpGrid){1, 1, 1}, 6, 256, 2, scratch_6, gradient_bn1_weight,
        gradient_bn1_bias, bn1_reduce_sum, bn1_reduce_sum_2, scalar_accumulate);

    /* pooled → bn1: greater, select, max_pool_gradient, multiply, subtract, subtract, add, rsqrt, ...
     * tests/emit/tiny.hpanet:17 */
    hp_step(context, 17);
    kernel_bn1_multiply(context, (HpGrid){1, 16, 1}, 4, 3, 4, 16, 16, 8, 8, 384, 48, 6, 1536, 96, 6,
        bn1_reduce_sum, bn1_reduce_mean, bn1_reduce_variance, bn1_reduce_sum_2, bn1_weight, pooled_max_pool,
        conv2, pooled_max_pool_index, conv1, 0.0009765625f);

    /* conv1: convolution_gradient_weight   tests/emit/tiny.hpanet:16 */
    hp_step(context, 18);
    float *const bn1_multiply = ARENA(0); /* [4, 6, 16, 16] nhwc */
    float *const conv1_convolution_gradient_weight = ARENA(32768); /* [6, 2, 3, 3] nhwc */
    hp_library_run(context, &gradient_weight_2, image_image, bn1_multiply, NULL,
        conv1_convolution_gradient_weight, NULL);

    /* gradient:conv1.weight: select, add   tests/emit/tiny.hpanet:16 */
    hp_step(context, 19);
    kernel_weight_add(context, (HpGrid){1, 1, 1}, 256, 27, conv1_convolution_gradient_weight,
        gradient_conv1_weight, scalar_accumulate);

    /* image: reorder   tests/emit/tiny.hpanet:12 */
    hp_step(context, 20);
    float *const image_reorder = ARENA(0); /* [4, 2, 16, 16] */
    kernel_image_reorder(context, (HpGrid){1, 4, 1}, 1, 1, 4, 256, 512, 512, 256, image_image, image_reorder);

    hp_step(context, 21);
}

/* update_all: 0 bytes of the arena; 5120 without sharing. */
void update_all(HpContext *context)
{
    const float *const scalar_optimizer_momentum = context->device_scalars + 15;
    const float *const scalar_lr_bottom = context->device_scalars + 9;
    const float *const scalar_lr_top = context->device_scalars + 11;
    const float *const scalar_lr_top_2 = context->device_scalars + 13;
    float *const gradient_conv1_weight = VARIABLE(5952); /* [6, 2, 3, 3] nhwc */
    float *const m_conv1_weight = VARIABLE(3392); /* [6, 2, 3, 3] nhwc */
    float *const conv1_weight = VARIABLE(512); /* [6, 2, 3, 3] nhwc */
    float *const gradient_bn1_weight = VARIABLE(6400); /* [6] */
    float *const m_bn1_weight = VARIABLE(3840); /* [6] */
    float *const bn1_weight = VARIABLE(960); /* [6] */
    float *const gradient_bn1_bias = VARIABLE(6464); /* [6] */
    float *const m_bn1_bias = VARIABLE(3904); /* [6] */
    float *const bn1_bias = VARIABLE(1024); /* [6] */
    float *const gradient_conv2_weight = VARIABLE(6528); /* [8, 6, 3, 3] nhwc */
    float *const m_conv2_weight = VARIABLE(3968); /* [8, 6, 3, 3] nhwc */
    float *const conv2_weight = VARIABLE(1216); /* [8, 6, 3, 3] nhwc */
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
    kernel_weight_add_subtract(context, (HpGrid){1, 1, 1}, 256, 27, gradient_conv1_weight, m_conv1_weight,
        conv1_weight, scalar_optimizer_momentum, scalar_lr_bottom);

    /* bn1.weight: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31 */
    hp_step(context, 1);
    kernel_weight_add_subtract_2(context, (HpGrid){1, 1, 1}, 256, 3, gradient_bn1_weight, m_bn1_weight,
        bn1_weight, scalar_optimizer_momentum, scalar_lr_bottom);

    /* bn1.bias: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31 */
    hp_step(context, 2);
    kernel_weight_add_subtract_2(context, (HpGrid){1, 1, 1}, 256, 3, gradient_bn1_bias, m_bn1_bias, bn1_bias,
        scalar_optimizer_momentum, scalar_lr_bottom);

    /* conv2.weight: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31 */
    hp_step(context, 3);
    kernel_weight_add_subtract(context, (HpGrid){1, 1, 1}, 256, 108, gradient_conv2_weight, m_conv2_weight,
        conv2_weight, scalar_optimizer_momentum, scalar_lr_top);

    /* conv2.bias: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31 */
    hp_step(context, 4);
    kernel_bias_add_subtract_2(context, (HpGrid){1, 1, 1}, 256, 2, gradient_conv2_bias, m_conv2_bias,
        conv2_bias, scalar_optimizer_momentum, scalar_lr_top);

    /* head.weight: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31 */
    hp_step(context, 5);
    kernel_weight_add_subtract(context, (HpGrid){1, 1, 1}, 256, 6, gradient_head_weight, m_head_weight,
        head_weight, scalar_optimizer_momentum, scalar_lr_top_2);

    /* head.bias: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31 */
    hp_step(context, 6);
    kernel_bias_add_subtract(context, (HpGrid){1, 1, 1}, 256, 3, gradient_head_bias, m_head_bias, head_bias,
        scalar_optimizer_momentum, scalar_lr_top_2);

    hp_step(context, 7);
}

/* evaluate: 32768 bytes of the arena; 41536 without sharing. */
void evaluate(HpContext *context)
{
    int64_t *const sample = VARIABLE(0); /* [4] */
    float *const affine = VARIABLE(64); /* [4, 6] */
    float *const gain = VARIABLE(192); /* [4] */
    float *const normalization_mean = VARIABLE(384); /* [2] */
    float *const normalization_deviation = VARIABLE(448); /* [2] */
    float *const derived_conv1_weight = VARIABLE(5760); /* [6, 2, 3, 3] nhwc */
    float *const derived_conv1_bias = VARIABLE(6208); /* [1, 6, 1, 1] */
    float *const conv2_weight = VARIABLE(1216); /* [8, 6, 3, 3] nhwc */
    float *const head_weight = VARIABLE(3008); /* [3, 8] */
    float *const labels = VARIABLE(320); /* [4, 3] */

    /* image: image   tests/emit/tiny.hpanet:12 */
    hp_step(context, 0);
    float *const image_image = ARENA(24576); /* [4, 2, 16, 16] nhwc */
    kernel_image(context, (HpGrid){0, 0, 0}, 4, 16, 16, sample, affine, gain, normalization_mean,
        normalization_deviation, image_image, (const struct hp_image_store *)context->device_images);

    /* conv1 → pooled: convolution, add, relu   tests/emit/tiny.hpanet:18 */
    hp_step(context, 1);
    float *const pooled_relu = ARENA(0); /* [4, 6, 16, 16] nhwc */
    hp_library_run(context, &convolution_3, image_image, derived_conv1_weight, derived_conv1_bias,
        pooled_relu, NULL);

    /* pooled: max_pool   tests/emit/tiny.hpanet:18 */
    hp_step(context, 2);
    float *const pooled_max_pool = ARENA(24576); /* [4, 6, 8, 8] nhwc */
    kernel_pooled_max_pool_2(context, (HpGrid){1, 4, 1}, 4, 3, 4, 8, 8, 16, 16, 1536, 96, 6, 384, 48, 6,
        pooled_relu, pooled_max_pool);

    /* conv2 → means: convolution, add, relu   tests/emit/tiny.hpanet:20 */
    hp_step(context, 3);
    float *const conv2_reshape = VARIABLE(2944); /* [1, 8, 1, 1] */
    float *const means_relu = ARENA(0); /* [4, 8, 4, 4] nhwc */
    hp_library_run(context, &convolution_2, pooled_max_pool, conv2_weight, conv2_reshape, means_relu, NULL);

    /* means: reduce_mean, reshape   tests/emit/tiny.hpanet:20 */
    hp_step(context, 4);
    void *const scratch = ARENA(2048); /* 0.3 KB of scratchpad */
    float *const means_reshape = ARENA(2304); /* [4, 8] */
    kernel_logits_multiply(context, (HpGrid){1, 1, 4}, 2, 4, 2, 16, 128, 8, 32, means_relu, scratch);
    kernel_means_reshape_end(context, (HpGrid){1, 1, 1}, 32, 256, 1, 2, 16, scratch, means_reshape);

    /* head: matmul, add   tests/emit/tiny.hpanet:21 */
    hp_step(context, 5);
    float *const head_reshape = VARIABLE(3136); /* [1, 3] */
    float *const head_add = ARENA(0); /* [4, 3] */
    hp_library_run(context, &matmul_1, means_reshape, head_weight, head_reshape, head_add, NULL);

    /* loss: negate, softplus, multiply, subtract, softplus, multiply, add, reduce_mean, ...
     * tests/emit/tiny.hpanet:25 */
    hp_step(context, 6);
    void *const scratch_2 = ARENA(64); /* 0.0 KB of scratchpad */
    float *const loss_reshape = ARENA(128); /* [4] */
    kernel_loss_reshape(context, (HpGrid){1, 1, 4}, 1, 4, 3, 4, labels, head_add, scratch_2);
    kernel_loss_reshape_end(context, (HpGrid){1, 1, 1}, 4, 256, 1, 3, scratch_2, loss_reshape);

    hp_step(context, 7);
}

/* predict: 32768 bytes of the arena; 41408 without sharing. */
void predict(HpContext *context)
{
    int64_t *const sample = VARIABLE(0); /* [4] */
    float *const affine = VARIABLE(64); /* [4, 6] */
    float *const gain = VARIABLE(192); /* [4] */
    float *const normalization_mean = VARIABLE(384); /* [2] */
    float *const normalization_deviation = VARIABLE(448); /* [2] */
    float *const derived_conv1_weight = VARIABLE(5760); /* [6, 2, 3, 3] nhwc */
    float *const derived_conv1_bias = VARIABLE(6208); /* [1, 6, 1, 1] */
    float *const conv2_weight = VARIABLE(1216); /* [8, 6, 3, 3] nhwc */
    float *const head_weight = VARIABLE(3008); /* [3, 8] */

    /* image: image   tests/emit/tiny.hpanet:12 */
    hp_step(context, 0);
    float *const image_image = ARENA(24576); /* [4, 2, 16, 16] nhwc */
    kernel_image(context, (HpGrid){0, 0, 0}, 4, 16, 16, sample, affine, gain, normalization_mean,
        normalization_deviation, image_image, (const struct hp_image_store *)context->device_images);

    /* conv1 → pooled: convolution, add, relu   tests/emit/tiny.hpanet:18 */
    hp_step(context, 1);
    float *const pooled_relu = ARENA(0); /* [4, 6, 16, 16] nhwc */
    hp_library_run(context, &convolution_3, image_image, derived_conv1_weight, derived_conv1_bias,
        pooled_relu, NULL);

    /* pooled: max_pool   tests/emit/tiny.hpanet:18 */
    hp_step(context, 2);
    float *const pooled_max_pool = ARENA(24576); /* [4, 6, 8, 8] nhwc */
    kernel_pooled_max_pool_2(context, (HpGrid){1, 4, 1}, 4, 3, 4, 8, 8, 16, 16, 1536, 96, 6, 384, 48, 6,
        pooled_relu, pooled_max_pool);

    /* conv2 → means: convolution, add, relu   tests/emit/tiny.hpanet:20 */
    hp_step(context, 3);
    float *const conv2_reshape = VARIABLE(2944); /* [1, 8, 1, 1] */
    float *const means_relu = ARENA(0); /* [4, 8, 4, 4] nhwc */
    hp_library_run(context, &convolution_2, pooled_max_pool, conv2_weight, conv2_reshape, means_relu, NULL);

    /* means: reduce_mean, reshape   tests/emit/tiny.hpanet:20 */
    hp_step(context, 4);
    void *const scratch = ARENA(2048); /* 0.3 KB of scratchpad */
    float *const means_reshape = ARENA(2304); /* [4, 8] */
    kernel_logits_multiply(context, (HpGrid){1, 1, 4}, 2, 4, 2, 16, 128, 8, 32, means_relu, scratch);
    kernel_means_reshape_end(context, (HpGrid){1, 1, 1}, 32, 256, 1, 2, 16, scratch, means_reshape);

    /* head: matmul, add   tests/emit/tiny.hpanet:21 */
    hp_step(context, 5);
    float *const head_reshape = VARIABLE(3136); /* [1, 3] */
    float *const head_add = ARENA(0); /* [4, 3] */
    hp_library_run(context, &matmul_1, means_reshape, head_weight, head_reshape, head_add, NULL);

    hp_step(context, 6);
}

/* prepare: 0 bytes of the arena; 512 without sharing. */
void prepare(HpContext *context)
{
    float *const bn1_weight = VARIABLE(960); /* [6] */
    float *const bn1_running_var = VARIABLE(1152); /* [6] */
    float *const conv1_weight = VARIABLE(512); /* [6, 2, 3, 3] nhwc */
    float *const derived_conv1_weight = VARIABLE(5760); /* [6, 2, 3, 3] nhwc */
    float *const bn1_bias = VARIABLE(1024); /* [6] */
    float *const bn1_running_mean = VARIABLE(1088); /* [6] */
    float *const derived_conv1_bias = VARIABLE(6208); /* [1, 6, 1, 1] */

    /* conv1.weight: add, rsqrt, multiply, multiply   tests/emit/tiny.hpanet:17 */
    hp_step(context, 0);
    kernel_weight_multiply(context, (HpGrid){3, 1, 1}, 4, 9, 6, 18, bn1_weight, bn1_running_var, conv1_weight,
        derived_conv1_weight);

    /* conv1.weight → conv1.bias: add, rsqrt, multiply, multiply, subtract   tests/emit/tiny.hpanet:17 */
    hp_step(context, 1);
    kernel_bias_subtract(context, (HpGrid){1, 1, 1}, 256, 3, bn1_bias, bn1_running_mean, bn1_weight,
        bn1_running_var, derived_conv1_bias);

    hp_step(context, 2);
}
