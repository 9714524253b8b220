/* tiny: its fused kernels, included by functions.c
 * Made by hpacc 0.1.0 from tests/emit/tiny.hpanet:
 *   hpacc tests/emit/tiny.hpanet --portable */
#include "device/kernel_image.h"
#include "device/kernel_math.h"

// image: image   tests/emit/tiny.hpanet:12
// and 3 more like it
static void kernel_image(size_t columns, size_t rows, size_t images, const int64_t *restrict sample,
                         const float *restrict affine, const float *restrict gain,
                         const float *restrict normalization_mean,
                         const float *restrict normalization_deviation, float *restrict image_image,
                         const HpContext *context)
{
    hp_image_kernel(context, 2, (int64_t)images, (int64_t)rows, (int64_t)columns,
                    sample, affine, gain, normalization_mean, normalization_deviation, image_image);
}

// bn1 → pooled: add, rsqrt, multiply, multiply, multiply, subtract, add, relu, ...   tests/emit/tiny.hpanet:18
static void kernel_pooled_max_pool(size_t images, size_t rows, size_t columns, size_t channels,
                                   size_t window_0_rows, size_t window_0_columns, size_t conv1_n,
                                   size_t conv1_row, size_t conv1_column, const float *restrict bn1_weight,
                                   const float *restrict bn1_running_var, const float *restrict bn1_bias,
                                   const float *restrict bn1_running_mean, const float *restrict conv1,
                                   float *restrict pooled_max_pool)
{
    #pragma omp parallel for if (images * rows * columns * channels > 16384)
    for (size_t n = 0; n < images; n++) {
        for (size_t y = 0; y < rows; y++) {
            for (size_t x = 0; x < columns; x++) {
                for (size_t c = 0; c < channels; c++) {
                    const float multiply = bn1_weight[c] * hp_rsqrt(bn1_running_var[c] + 1e-05f);
                    const float subtract = bn1_bias[c] - bn1_running_mean[c] * multiply;
                    float largest = -INFINITY;
                    for (size_t ky = 0; ky < 2; ky++) {
                        const size_t row = y * 2 + ky;
                        if (row >= window_0_rows)
                            continue;
                        for (size_t kx = 0; kx < 2; kx++) {
                            const size_t column = x * 2 + kx;
                            if (column >= window_0_columns)
                                continue;
                            const float conv1_value = conv1[n * conv1_n + c + row * conv1_row + column * conv1_column];
                            const float candidate = hp_relu(conv1_value * multiply + subtract);
                            const bool wins = candidate > largest || candidate != candidate;
                            largest = wins ? candidate : largest;
                        }
                    }
                    pooled_max_pool[((n * rows + y) * columns + x) * channels + c] = largest;
                }
            }
        }
    }
}

// means → logits: reduce_mean, greater_equal, multiply, multiply   tests/emit/tiny.hpanet:21
// and 1 more like it
static void kernel_logits_multiply(size_t images, size_t blocks, size_t pixels, size_t channels,
                                   size_t means_relu_n, size_t means_relu_p, size_t logits_multiply_n,
                                   size_t stream_3, const float *restrict means_relu,
                                   const int64_t *restrict draw, float *restrict logits_multiply,
                                   double *restrict partial, uint64_t seed)
{
    #pragma omp parallel for collapse(2) if (images * blocks * pixels * 16 > 16384)
    for (size_t n = 0; n < images; n++) {
        for (size_t b = 0; b < blocks; b++) {
            const size_t end = hp_least(16, channels - b * 16);
            double sum[16] = {0};
            for (size_t p = 0; p < pixels; p++) {
                #pragma omp simd
                for (size_t lane = 0; lane < end; lane++) {
                    const float means_relu_value = means_relu[n * means_relu_n + b * 16 + p * means_relu_p + lane];
                    sum[lane] += means_relu_value;
                }
            }
            for (size_t lane = 0; lane < 16; lane++) {
                partial[(n * blocks + b) * 16 + lane] = sum[lane];
            }
        }
    }
    #pragma omp parallel for if (images * blocks > 1024)
    for (size_t n = 0; n < images; n++) {
        for (size_t b = 0; b < blocks; b++) {
            const size_t end = hp_least(16, channels - b * 16);
            for (size_t lane = 0; lane < end; lane++) {
                const double all_sum = partial[(n * blocks + b) * 16 + lane];
                const float random = hp_random_uniform(seed, (uint32_t)stream_3, draw[n], (uint32_t)(b * 16 + lane));
                const float multiply = (float)(all_sum / (double)(pixels)) * ((float)(random >= 0.5f) * 2.0f);
                logits_multiply[n * logits_multiply_n + b * 16 + lane] = multiply;
            }
        }
    }
}

// loss: negate, softplus, multiply, subtract, softplus, multiply, add, reduce_mean, ...   tests/emit/tiny.hpanet:25
// and 1 more like it
static void kernel_loss_reshape_subtract(size_t count_i, size_t count_j, const float *restrict labels,
                                         const float *restrict head_add, float *restrict loss_subtract,
                                         float *restrict loss_reshape, double *restrict partial)
{
    const double multiply = 0.5 * 0.08333333333333333;
    #pragma omp parallel for if (count_i * count_j > 16384)
    for (size_t i = 0; i < count_i; i++) {
        double sum = 0;
        #pragma omp simd reduction(+ : sum)
        for (size_t j = 0; j < count_j; j++) {
            const size_t at = i * count_j + j;
            const float labels_value = labels[at];
            const float head_add_value = head_add[at];
            const float negate = -head_add_value;
            const float subtract = 1.0f - labels_value;
            const float add = labels_value * hp_softplus(negate) + subtract * hp_softplus(head_add_value);
            const float subtract_2 = (float)multiply * subtract * hp_sigmoid(head_add_value) - (float)multiply * labels_value * hp_sigmoid(negate);
            sum += add;
            loss_subtract[at] = subtract_2;
        }
        partial[i] = sum;
    }
    double all_sum = 0;
    for (size_t i = 0; i < count_i; i++) {
        all_sum += partial[i];
    }
    loss_reshape[0] = (float)(all_sum / (double)(count_i * count_j));
}

// head → gradient:head.bias: reduce_sum, select, add   tests/emit/tiny.hpanet:21
// and 1 more like it
static void kernel_bias_add(size_t count_j, size_t count_i, size_t all_1, size_t loss_subtract_i,
                            const float *restrict loss_subtract, float *restrict gradient_head_bias,
                            double *restrict partial, float accumulate)
{
    #pragma omp parallel for if (count_j * count_i * 16 > 16384)
    for (size_t j = 0; j < count_j; j++) {
        const size_t end = hp_least(16, all_1 - j * 16);
        double sum[16] = {0};
        for (size_t i = 0; i < count_i; i++) {
            #pragma omp simd
            for (size_t lane = 0; lane < end; lane++) {
                sum[lane] += loss_subtract[j * 16 + i * loss_subtract_i + lane];
            }
        }
        for (size_t lane = 0; lane < 16; lane++) {
            partial[j * 16 + lane] = sum[lane];
        }
    }
    #pragma omp parallel for if (count_j > 1024)
    for (size_t j = 0; j < count_j; j++) {
        const size_t end = hp_least(16, all_1 - j * 16);
        for (size_t lane = 0; lane < end; lane++) {
            const double all_sum = partial[j * 16 + lane];
            const size_t at = j * 16 + lane;
            const float gradient_head_bias_value = gradient_head_bias[at];
            const float add = (accumulate != 0.0f ? gradient_head_bias_value : 0.0f) + (float)all_sum;
            gradient_head_bias[at] = add;
        }
    }
}

// gradient:head.weight: select, add   tests/emit/tiny.hpanet:21
// and 3 more like it
static void kernel_weight_add(size_t count, const float *restrict head, float *restrict gradient_head_weight,
                              float accumulate)
{
    #pragma omp parallel for simd if (count > 16384)
    for (size_t i = 0; i < count; i++) {
        const float gradient_head_weight_value = gradient_head_weight[i];
        const float head_value = head[i];
        const float add = (accumulate != 0.0f ? gradient_head_weight_value : 0.0f) + head_value;
        gradient_head_weight[i] = add;
    }
}

// head.weight: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31
// and 3 more like it
static void kernel_weight_add_subtract(size_t count, const float *restrict gradient_head_weight,
                                       float *restrict m_head_weight, float *restrict head_weight,
                                       float momentum, float lr_top_2)
{
    #pragma omp parallel for simd if (count > 16384)
    for (size_t i = 0; i < count; i++) {
        const float m_head_weight_value = m_head_weight[i];
        const float gradient_head_weight_value = gradient_head_weight[i];
        const float add = momentum * m_head_weight_value + gradient_head_weight_value;
        const float head_weight_value = head_weight[i];
        m_head_weight[i] = add;
        head_weight[i] = head_weight_value - lr_top_2 * add;
    }
}

// head.bias: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31
// and 4 more like it
static void kernel_bias_add_subtract(size_t count_i, const float *restrict gradient_head_bias,
                                     float *restrict m_head_bias, float *restrict head_bias, float momentum,
                                     float lr_top_2)
{
    #pragma omp parallel for simd if (count_i > 16384)
    for (size_t i = 0; i < count_i; i++) {
        const float m_head_bias_value = m_head_bias[i];
        const float gradient_head_bias_value = gradient_head_bias[i];
        const float add = momentum * m_head_bias_value + gradient_head_bias_value;
        const float head_bias_value = head_bias[i];
        m_head_bias[i] = add;
        head_bias[i] = head_bias_value - lr_top_2 * add;
    }
}

// bn1: reduce_mean, reduce_variance, multiply, multiply, add, multiply, multiply, multiply, ...   tests/emit/tiny.hpanet:17
static void kernel_bn1_mean_variance_add(size_t images, size_t blocks, size_t pixels, size_t channels,
                                         size_t conv1_n, size_t conv1_p, const float *restrict conv1,
                                         float *restrict bn1_running_mean, float *restrict bn1_running_var,
                                         float *restrict bn1_mean, float *restrict bn1_variance,
                                         double *restrict partial, float factor)
{
    #pragma omp parallel for collapse(2) if (images * blocks * pixels * 16 > 16384)
    for (size_t n = 0; n < images; n++) {
        for (size_t b = 0; b < blocks; b++) {
            const size_t end = hp_least(16, channels - b * 16);
            double sum[16] = {0};
            double squares[16] = {0};
            for (size_t p = 0; p < pixels; p++) {
                #pragma omp simd
                for (size_t lane = 0; lane < end; lane++) {
                    const float conv1_value = conv1[n * conv1_n + b * 16 + p * conv1_p + lane];
                    sum[lane] += conv1_value;
                    squares[lane] += (double)conv1_value * (double)conv1_value;
                }
            }
            for (size_t lane = 0; lane < 16; lane++) {
                partial[(n * blocks + b) * 16 + lane] = sum[lane];
                partial[((1 * images + n) * blocks + b) * 16 + lane] = squares[lane];
            }
        }
    }
    #pragma omp parallel for if (images * blocks > 1024)
    for (size_t b = 0; b < blocks; b++) {
        const size_t end = hp_least(16, channels - b * 16);
        for (size_t lane = 0; lane < end; lane++) {
            double all_sum = 0;
            for (size_t n = 0; n < images; n++) {
                all_sum += partial[(n * blocks + b) * 16 + lane];
            }
            double all_squares = 0;
            for (size_t n = 0; n < images; n++) {
                all_squares += partial[((1 * images + n) * blocks + b) * 16 + lane];
            }
            const size_t at = b * 16 + lane;
            const float mean = (float)(all_sum / (double)(images * pixels));
            const float variance = hp_variance(all_sum, all_squares, (double)(images * pixels));
            const float bn1_running_mean_value = bn1_running_mean[at];
            const float bn1_running_var_value = bn1_running_var[at];
            bn1_mean[at] = mean;
            bn1_variance[at] = variance;
            bn1_running_mean[at] = bn1_running_mean_value * 0.9f + mean * 0.1f;
            bn1_running_var[at] = bn1_running_var_value * 0.9f + variance * factor * 0.1f;
        }
    }
}

// bn1 → pooled: subtract, add, rsqrt, multiply, multiply, add, relu, max_pool, ...   tests/emit/tiny.hpanet:18
static void kernel_pooled_max_pool_max_pool_index(size_t images, size_t rows, size_t columns,
                                                  size_t channels, size_t window_0_rows,
                                                  size_t window_0_columns, size_t conv1_n, size_t conv1_row,
                                                  size_t conv1_column, const float *restrict bn1_mean,
                                                  const float *restrict bn1_variance,
                                                  const float *restrict bn1_weight,
                                                  const float *restrict bn1_bias,
                                                  const float *restrict conv1,
                                                  float *restrict pooled_max_pool,
                                                  uint8_t *restrict pooled_max_pool_index)
{
    #pragma omp parallel for if (images * rows * columns * channels > 16384)
    for (size_t n = 0; n < images; n++) {
        for (size_t y = 0; y < rows; y++) {
            for (size_t x = 0; x < columns; x++) {
                for (size_t c = 0; c < channels; c++) {
                    const size_t at = ((n * rows + y) * columns + x) * channels + c;
                    const float bn1_mean_value = bn1_mean[c];
                    const float rsqrt = hp_rsqrt(bn1_variance[c] + 1e-05f);
                    const float bn1_weight_value = bn1_weight[c];
                    const float bn1_bias_value = bn1_bias[c];
                    float largest = -INFINITY;
                    int largest_tap = -1;
                    for (size_t ky = 0; ky < 2; ky++) {
                        const size_t row = y * 2 + ky;
                        if (row >= window_0_rows)
                            continue;
                        for (size_t kx = 0; kx < 2; kx++) {
                            const size_t column = x * 2 + kx;
                            if (column >= window_0_columns)
                                continue;
                            const int32_t tap = (int32_t)(ky * 2 + kx);
                            const float conv1_value = conv1[n * conv1_n + c + row * conv1_row + column * conv1_column];
                            const float multiply = (conv1_value - bn1_mean_value) * rsqrt * bn1_weight_value;
                            const float candidate = hp_relu(multiply + bn1_bias_value);
                            const bool wins = largest_tap < 0 || candidate > largest || candidate != candidate;
                            largest_tap = wins ? tap : largest_tap;
                            largest = wins ? candidate : largest;
                        }
                    }
                    pooled_max_pool[at] = largest;
                    pooled_max_pool_index[at] = (uint8_t)largest_tap;
                }
            }
        }
    }
}

// means → logits → means → conv2 → gradient:conv2.bias: greater, greater_equal, multiply, multiply, multiply, select, reduce_sum, select, ...   tests/emit/tiny.hpanet:19
static void kernel_bias_select_add(size_t images, size_t blocks, size_t pixels, size_t channels,
                                   size_t head_n, size_t stream_5, size_t means_relu_n, size_t means_relu_p,
                                   const int64_t *restrict draw, const float *restrict head,
                                   float *restrict means_relu, float *restrict gradient_conv2_bias,
                                   double *restrict partial, float accumulate, uint64_t seed)
{
    #pragma omp parallel for collapse(2) if (images * blocks * pixels * 16 > 16384)
    for (size_t n = 0; n < images; n++) {
        for (size_t b = 0; b < blocks; b++) {
            const size_t end = hp_least(16, channels - b * 16);
            float multiply[16];
            #pragma omp simd
            for (size_t lane = 0; lane < end; lane++) {
                const float random = hp_random_uniform(seed, (uint32_t)stream_5, draw[n], (uint32_t)(b * 16 + lane));
                const float multiply_2 = head[n * head_n + b * 16 + lane] * ((float)(random >= 0.5f) * 2.0f);
                multiply[lane] = multiply_2 * 0.0625f;
            }
            double sum[16] = {0};
            for (size_t p = 0; p < pixels; p++) {
                #pragma omp simd
                for (size_t lane = 0; lane < end; lane++) {
                    const size_t at = n * means_relu_n + b * 16 + p * means_relu_p + lane;
                    const float means_relu_value = means_relu[at];
                    const float select = (means_relu_value > 0.0f) ? multiply[lane] : 0.0f;
                    sum[lane] += select;
                    means_relu[at] = select;
                }
            }
            for (size_t lane = 0; lane < 16; lane++) {
                partial[(n * blocks + b) * 16 + lane] = sum[lane];
            }
        }
    }
    #pragma omp parallel for if (images * blocks > 1024)
    for (size_t b = 0; b < blocks; b++) {
        const size_t end = hp_least(16, channels - b * 16);
        for (size_t lane = 0; lane < end; lane++) {
            double all_sum = 0;
            for (size_t n = 0; n < images; n++) {
                all_sum += partial[(n * blocks + b) * 16 + lane];
            }
            const size_t at_2 = b * 16 + lane;
            const float gradient_conv2_bias_value = gradient_conv2_bias[at_2];
            const float add = (accumulate != 0.0f ? gradient_conv2_bias_value : 0.0f) + (float)all_sum;
            gradient_conv2_bias[at_2] = add;
        }
    }
}

// pooled → bn1 → gradient:bn1.weight → gradient:bn1.bias: greater, select, max_pool_gradient, reduce_sum, subtract, add, rsqrt, multiply, ...   tests/emit/tiny.hpanet:17
static void kernel_bias_sum_add(size_t images, size_t blocks, size_t rows, size_t columns, size_t channels,
                                size_t window_0_rows, size_t window_0_columns, size_t pooled_max_pool_n,
                                size_t pooled_max_pool_row, size_t pooled_max_pool_column,
                                size_t conv2_convolution_gradient_input_n,
                                size_t conv2_convolution_gradient_input_row,
                                size_t conv2_convolution_gradient_input_column,
                                size_t pooled_max_pool_index_n, size_t pooled_max_pool_index_row,
                                size_t pooled_max_pool_index_column, size_t conv1_n, size_t conv1_y,
                                size_t conv1_x, const float *restrict bn1_mean,
                                const float *restrict bn1_variance, const float *restrict pooled_max_pool,
                                const float *restrict conv2_convolution_gradient_input,
                                const uint8_t *restrict pooled_max_pool_index, const float *restrict conv1,
                                float *restrict gradient_bn1_weight, float *restrict gradient_bn1_bias,
                                float *restrict bn1_sum, float *restrict bn1_sum_2, double *restrict partial,
                                float accumulate)
{
    #pragma omp parallel for collapse(2) if (images * blocks * rows * columns * 16 > 16384)
    for (size_t n = 0; n < images; n++) {
        for (size_t b = 0; b < blocks; b++) {
            const size_t end = hp_least(16, channels - b * 16);
            float bn1_mean_value[16], bn1_variance_value[16], add[16], rsqrt[16];
            #pragma omp simd
            for (size_t lane = 0; lane < end; lane++) {
                bn1_mean_value[lane] = bn1_mean[b * 16 + lane];
                bn1_variance_value[lane] = bn1_variance[b * 16 + lane];
                add[lane] = bn1_variance_value[lane] + 1e-05f;
                rsqrt[lane] = hp_rsqrt(add[lane]);
            }
            double sum[16] = {0};
            double sum_2[16] = {0};
            for (size_t y = 0; y < rows; y++) {
                for (size_t x = 0; x < columns; x++) {
                    float sum_3[16];
                    #pragma omp simd
                    for (size_t lane = 0; lane < end; lane++) {
                        sum_3[lane] = 0.0f;
                    }
                    const size_t first_row_2 = (y + 0) < 2 ? 0 : ((y + 0) - 0) / 2;
                    for (size_t row = first_row_2; row < window_0_rows && row * 2 <= (y + 0); row++) {
                        const size_t ky = (y + 0) - row * 2;
                        const size_t first_column_2 = (x + 0) < 2 ? 0 : ((x + 0) - 0) / 2;
                        for (size_t column = first_column_2; column < window_0_columns && column * 2 <= (x + 0); column++) {
                            const size_t kx = (x + 0) - column * 2;
                            const int32_t tap = (int32_t)(ky * 2 + kx);
                            #pragma omp simd
                            for (size_t lane = 0; lane < end; lane++) {
                                const float pooled_max_pool_value = pooled_max_pool[n * pooled_max_pool_n + b * 16 + lane + row * pooled_max_pool_row + column * pooled_max_pool_column];
                                const float conv2_convolution_gradient_input_value = conv2_convolution_gradient_input[n * conv2_convolution_gradient_input_n + b * 16 + lane + row * conv2_convolution_gradient_input_row + column * conv2_convolution_gradient_input_column];
                                const float select = (pooled_max_pool_value > 0.0f) ? conv2_convolution_gradient_input_value : 0.0f;
                                const int pooled_max_pool_index_value = pooled_max_pool_index[n * pooled_max_pool_index_n + b * 16 + lane + row * pooled_max_pool_index_row + column * pooled_max_pool_index_column];
                                sum_3[lane] += pooled_max_pool_index_value == tap ? select : 0.0f;
                            }
                        }
                    }
                    #pragma omp simd
                    for (size_t lane = 0; lane < end; lane++) {
                        const float conv1_value = conv1[n * conv1_n + b * 16 + y * conv1_y + x * conv1_x + lane];
                        const float multiply = sum_3[lane] * ((conv1_value - bn1_mean_value[lane]) * rsqrt[lane]);
                        sum[lane] += sum_3[lane];
                        sum_2[lane] += multiply;
                    }
                }
            }
            for (size_t lane = 0; lane < 16; lane++) {
                partial[(n * blocks + b) * 16 + lane] = sum[lane];
                partial[((1 * images + n) * blocks + b) * 16 + lane] = sum_2[lane];
            }
        }
    }
    #pragma omp parallel for if (images * blocks > 1024)
    for (size_t b = 0; b < blocks; b++) {
        const size_t end = hp_least(16, channels - b * 16);
        for (size_t lane = 0; lane < end; lane++) {
            double all_sum = 0;
            for (size_t n = 0; n < images; n++) {
                all_sum += partial[(n * blocks + b) * 16 + lane];
            }
            double all_sum_2 = 0;
            for (size_t n = 0; n < images; n++) {
                all_sum_2 += partial[((1 * images + n) * blocks + b) * 16 + lane];
            }
            const size_t at = b * 16 + lane;
            const float sum_4 = (float)all_sum;
            const float sum_5 = (float)all_sum_2;
            const float gradient_bn1_weight_value = gradient_bn1_weight[at];
            const float add_2 = (accumulate != 0.0f ? gradient_bn1_weight_value : 0.0f) + sum_5;
            const float gradient_bn1_bias_value = gradient_bn1_bias[at];
            const float add_3 = (accumulate != 0.0f ? gradient_bn1_bias_value : 0.0f) + sum_4;
            bn1_sum[at] = sum_4;
            bn1_sum_2[at] = sum_5;
            gradient_bn1_weight[at] = add_2;
            gradient_bn1_bias[at] = add_3;
        }
    }
}

// pooled → bn1: greater, select, max_pool_gradient, multiply, subtract, subtract, add, rsqrt, ...   tests/emit/tiny.hpanet:17
static void kernel_bn1_multiply(size_t images, size_t rows, size_t columns, size_t channels,
                                size_t window_0_rows, size_t window_0_columns, size_t pooled_max_pool_n,
                                size_t pooled_max_pool_row, size_t pooled_max_pool_column,
                                size_t conv2_convolution_gradient_input_n,
                                size_t conv2_convolution_gradient_input_row,
                                size_t conv2_convolution_gradient_input_column,
                                size_t pooled_max_pool_index_n, size_t pooled_max_pool_index_row,
                                size_t pooled_max_pool_index_column, const float *restrict bn1_sum,
                                const float *restrict bn1_mean, const float *restrict bn1_variance,
                                const float *restrict bn1_sum_2, const float *restrict bn1_weight,
                                const float *restrict pooled_max_pool,
                                const float *restrict conv2_convolution_gradient_input,
                                const uint8_t *restrict pooled_max_pool_index, float *restrict conv1,
                                float factor)
{
    #pragma omp parallel for if (images * rows * columns * channels > 16384)
    for (size_t n = 0; n < images; n++) {
        for (size_t y = 0; y < rows; y++) {
            for (size_t x = 0; x < columns; x++) {
                for (size_t c = 0; c < channels; c++) {
                    const size_t at = ((n * rows + y) * columns + x) * channels + c;
                    float sum = 0.0f;
                    const size_t first_row_2 = (y + 0) < 2 ? 0 : ((y + 0) - 0) / 2;
                    for (size_t row = first_row_2; row < window_0_rows && row * 2 <= (y + 0); row++) {
                        const size_t ky = (y + 0) - row * 2;
                        const size_t first_column_2 = (x + 0) < 2 ? 0 : ((x + 0) - 0) / 2;
                        for (size_t column = first_column_2; column < window_0_columns && column * 2 <= (x + 0); column++) {
                            const size_t kx = (x + 0) - column * 2;
                            const int32_t tap = (int32_t)(ky * 2 + kx);
                            const float pooled_max_pool_value = pooled_max_pool[n * pooled_max_pool_n + c + row * pooled_max_pool_row + column * pooled_max_pool_column];
                            const float conv2_convolution_gradient_input_value = conv2_convolution_gradient_input[n * conv2_convolution_gradient_input_n + c + row * conv2_convolution_gradient_input_row + column * conv2_convolution_gradient_input_column];
                            const float select = (pooled_max_pool_value > 0.0f) ? conv2_convolution_gradient_input_value : 0.0f;
                            const int pooled_max_pool_index_value = pooled_max_pool_index[n * pooled_max_pool_index_n + c + row * pooled_max_pool_index_row + column * pooled_max_pool_index_column];
                            sum += pooled_max_pool_index_value == tap ? select : 0.0f;
                        }
                    }
                    const float conv1_value = conv1[at];
                    const float rsqrt = hp_rsqrt(bn1_variance[c] + 1e-05f);
                    const float multiply = (conv1_value - bn1_mean[c]) * rsqrt * (bn1_sum_2[c] * factor);
                    const float multiply_2 = (sum - bn1_sum[c] * factor - multiply) * (bn1_weight[c] * rsqrt);
                    conv1[at] = multiply_2;
                }
            }
        }
    }
}

// pooled: max_pool   tests/emit/tiny.hpanet:18
// and 1 more like it
static void kernel_pooled_max_pool_2(size_t images, size_t rows, size_t columns, size_t channels,
                                     size_t window_0_rows, size_t window_0_columns, size_t pooled_relu_n,
                                     size_t pooled_relu_row, size_t pooled_relu_column,
                                     const float *restrict pooled_relu, float *restrict pooled_max_pool)
{
    #pragma omp parallel for if (images * rows * columns * channels > 16384)
    for (size_t n = 0; n < images; n++) {
        for (size_t y = 0; y < rows; y++) {
            for (size_t x = 0; x < columns; x++) {
                for (size_t c = 0; c < channels; c++) {
                    float largest = -INFINITY;
                    for (size_t ky = 0; ky < 2; ky++) {
                        const size_t row = y * 2 + ky;
                        if (row >= window_0_rows)
                            continue;
                        for (size_t kx = 0; kx < 2; kx++) {
                            const size_t column = x * 2 + kx;
                            if (column >= window_0_columns)
                                continue;
                            const float pooled_relu_value = pooled_relu[n * pooled_relu_n + c + row * pooled_relu_row + column * pooled_relu_column];
                            const float candidate = pooled_relu_value;
                            const bool wins = candidate > largest || candidate != candidate;
                            largest = wins ? candidate : largest;
                        }
                    }
                    pooled_max_pool[((n * rows + y) * columns + x) * channels + c] = largest;
                }
            }
        }
    }
}

// means: reduce_mean, reshape   tests/emit/tiny.hpanet:20
// and 1 more like it
static void kernel_means_reshape(size_t images, size_t blocks, size_t pixels, size_t channels,
                                 size_t means_relu_n, size_t means_relu_p, size_t means_reshape_n,
                                 const float *restrict means_relu, float *restrict means_reshape,
                                 double *restrict partial)
{
    #pragma omp parallel for collapse(2) if (images * blocks * pixels * 16 > 16384)
    for (size_t n = 0; n < images; n++) {
        for (size_t b = 0; b < blocks; b++) {
            const size_t end = hp_least(16, channels - b * 16);
            double sum[16] = {0};
            for (size_t p = 0; p < pixels; p++) {
                #pragma omp simd
                for (size_t lane = 0; lane < end; lane++) {
                    const float means_relu_value = means_relu[n * means_relu_n + b * 16 + p * means_relu_p + lane];
                    sum[lane] += means_relu_value;
                }
            }
            for (size_t lane = 0; lane < 16; lane++) {
                partial[(n * blocks + b) * 16 + lane] = sum[lane];
            }
        }
    }
    #pragma omp parallel for if (images * blocks > 1024)
    for (size_t n = 0; n < images; n++) {
        for (size_t b = 0; b < blocks; b++) {
            const size_t end = hp_least(16, channels - b * 16);
            for (size_t lane = 0; lane < end; lane++) {
                const double all_sum = partial[(n * blocks + b) * 16 + lane];
                means_reshape[n * means_reshape_n + b * 16 + lane] = (float)(all_sum / (double)(pixels));
            }
        }
    }
}

// loss: negate, softplus, multiply, subtract, softplus, multiply, add, reduce_mean, ...   tests/emit/tiny.hpanet:25
static void kernel_loss_reshape(size_t count_i, size_t count_j, const float *restrict labels,
                                const float *restrict head_add, float *restrict loss_reshape,
                                double *restrict partial)
{
    #pragma omp parallel for if (count_i * count_j > 16384)
    for (size_t i = 0; i < count_i; i++) {
        double sum = 0;
        #pragma omp simd reduction(+ : sum)
        for (size_t j = 0; j < count_j; j++) {
            const size_t at = i * count_j + j;
            const float labels_value = labels[at];
            const float head_add_value = head_add[at];
            const float add = labels_value * hp_softplus(-head_add_value) + (1.0f - labels_value) * hp_softplus(head_add_value);
            sum += add;
        }
        partial[i] = sum;
    }
    #pragma omp parallel for if (count_i > 1024)
    for (size_t i = 0; i < count_i; i++) {
        const double all_sum = partial[i];
        loss_reshape[i] = (float)(all_sum / (double)(count_j));
    }
}

// conv1.weight: add, rsqrt, multiply, multiply   tests/emit/tiny.hpanet:17
static void kernel_weight_multiply(size_t outer, size_t images, const float *restrict conv1_weight,
                                   const float *restrict bn1_weight, const float *restrict bn1_running_var,
                                   float *restrict derived_conv1_weight)
{
    #pragma omp parallel for if (outer * images > 16384)
    for (size_t o = 0; o < outer; o++) {
        #pragma omp simd
        for (size_t n = 0; n < images; n++) {
            const size_t at = o * images + n;
            const float conv1_weight_value = conv1_weight[at];
            const float multiply = conv1_weight_value * (bn1_weight[n] * hp_rsqrt(bn1_running_var[n] + 1e-05f));
            derived_conv1_weight[at] = multiply;
        }
    }
}

// conv1.weight → conv1.bias: add, rsqrt, multiply, multiply, subtract   tests/emit/tiny.hpanet:17
static void kernel_bias_subtract(size_t channels, const float *restrict bn1_bias,
                                 const float *restrict bn1_running_mean, const float *restrict bn1_weight,
                                 const float *restrict bn1_running_var, float *restrict derived_conv1_bias)
{
    #pragma omp parallel for simd if (channels > 16384)
    for (size_t c = 0; c < channels; c++) {
        const float bn1_bias_value = bn1_bias[c];
        const float bn1_running_mean_value = bn1_running_mean[c];
        const float bn1_weight_value = bn1_weight[c];
        const float bn1_running_var_value = bn1_running_var[c];
        const float multiply = bn1_weight_value * hp_rsqrt(bn1_running_var_value + 1e-05f);
        derived_conv1_bias[c] = bn1_bias_value - bn1_running_mean_value * multiply;
    }
}
