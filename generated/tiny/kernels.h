/* tiny: its kernels as functions.c calls them
 * Made by hpacc 0.1.0 from tests/emit/tiny.hpanet:
 *   hpacc tests/emit/tiny.hpanet */
struct hp_image_store;

struct kernel_image {
    size_t images;
    size_t rows;
    size_t columns;
    const int64_t *sample;
    const float *affine;
    const float *gain;
    const float *normalization_mean;
    const float *normalization_deviation;
    float *image_image;
    const struct hp_image_store *store;
};
static HpKernel launched_kernel_image = {.name = "kernel_image", .threads = 256, .origin = "image: image   tests/emit/tiny.hpanet:12"};
static void kernel_image(HpContext *context, HpGrid grid, size_t images, size_t rows, size_t columns,
                         const int64_t *sample, const float *affine, const float *gain,
                         const float *normalization_mean, const float *normalization_deviation,
                         float *image_image, const struct hp_image_store *store)
{
    const struct kernel_image arguments = {images, rows, columns, sample, affine, gain, normalization_mean, normalization_deviation, image_image, store};
    hp_launch(context, &launched_kernel_image, grid, &arguments, sizeof arguments);
}

struct kernel_pooled_max_pool {
    size_t width;
    size_t blocks;
    size_t images;
    size_t rows;
    size_t columns;
    size_t window_0_rows;
    size_t window_0_columns;
    size_t stride_n;
    size_t stride_row;
    size_t stride_column;
    size_t stride_n_2;
    size_t stride_y;
    size_t stride_x;
    const float *bn1_weight;
    const float *bn1_running_var;
    const float *bn1_bias;
    const float *bn1_running_mean;
    const float *conv1;
    float *pooled_max_pool;
};
static HpKernel launched_kernel_pooled_max_pool = {.name = "kernel_pooled_max_pool", .threads = 256, .origin = "bn1 → pooled: add, rsqrt, multiply, multiply, multiply, subtract, add, relu, ...   tests/emit/tiny.hpanet:18"};
static void kernel_pooled_max_pool(HpContext *context, HpGrid grid, size_t width, size_t blocks,
                                   size_t images, size_t rows, size_t columns, size_t window_0_rows,
                                   size_t window_0_columns, size_t stride_n, size_t stride_row,
                                   size_t stride_column, size_t stride_n_2, size_t stride_y, size_t stride_x,
                                   const float *bn1_weight, const float *bn1_running_var,
                                   const float *bn1_bias, const float *bn1_running_mean, const float *conv1,
                                   float *pooled_max_pool)
{
    const struct kernel_pooled_max_pool arguments = {width, blocks, images, rows, columns, window_0_rows, window_0_columns, stride_n, stride_row, stride_column, stride_n_2, stride_y, stride_x, bn1_weight, bn1_running_var, bn1_bias, bn1_running_mean, conv1, pooled_max_pool};
    hp_launch(context, &launched_kernel_pooled_max_pool, grid, &arguments, sizeof arguments);
}

struct kernel_logits_multiply {
    size_t width;
    size_t images;
    size_t blocks;
    size_t pixels;
    size_t stride_n;
    size_t stride_p;
    size_t kept;
    const float *means_relu;
    double *partial;
};
static HpKernel launched_kernel_logits_multiply = {.name = "kernel_logits_multiply", .threads = 256, .origin = "means → logits: reduce_mean, greater_equal, multiply, multiply   tests/emit/tiny.hpanet:21"};
static void kernel_logits_multiply(HpContext *context, HpGrid grid, size_t width, size_t images,
                                   size_t blocks, size_t pixels, size_t stride_n, size_t stride_p,
                                   size_t kept, const float *means_relu, double *partial)
{
    const struct kernel_logits_multiply arguments = {width, images, blocks, pixels, stride_n, stride_p, kept, means_relu, partial};
    hp_launch(context, &launched_kernel_logits_multiply, grid, &arguments, sizeof arguments);
}

struct kernel_logits_multiply_end {
    size_t kept;
    size_t width;
    size_t chunks;
    size_t blocks;
    size_t pixels;
    size_t stream_3;
    const double *partial;
    const int64_t *draw;
    float *logits_multiply;
    uint64_t seed;
};
static HpKernel launched_kernel_logits_multiply_end = {.name = "kernel_logits_multiply_end", .threads = 256, .origin = "means → logits: reduce_mean, greater_equal, multiply, multiply   tests/emit/tiny.hpanet:21"};
static void kernel_logits_multiply_end(HpContext *context, HpGrid grid, size_t kept, size_t width,
                                       size_t chunks, size_t blocks, size_t pixels, size_t stream_3,
                                       const double *partial, const int64_t *draw, float *logits_multiply,
                                       uint64_t seed)
{
    const struct kernel_logits_multiply_end arguments = {kept, width, chunks, blocks, pixels, stream_3, partial, draw, logits_multiply, seed};
    hp_launch(context, &launched_kernel_logits_multiply_end, grid, &arguments, sizeof arguments);
}

struct kernel_image_reorder {
    size_t width;
    size_t blocks;
    size_t images;
    size_t pixels;
    size_t stride_n;
    size_t stride_b;
    size_t stride_lane;
    const float *image_image;
    float *image_reorder;
};
static HpKernel launched_kernel_image_reorder = {.name = "kernel_image_reorder", .threads = 256, .origin = "image: reorder   tests/emit/tiny.hpanet:12"};
static void kernel_image_reorder(HpContext *context, HpGrid grid, size_t width, size_t blocks, size_t images,
                                 size_t pixels, size_t stride_n, size_t stride_b, size_t stride_lane,
                                 const float *image_image, float *image_reorder)
{
    const struct kernel_image_reorder arguments = {width, blocks, images, pixels, stride_n, stride_b, stride_lane, image_image, image_reorder};
    hp_launch(context, &launched_kernel_image_reorder, grid, &arguments, sizeof arguments);
}

struct kernel_loss_reshape_subtract {
    size_t width;
    size_t outer;
    size_t kept;
    const float *labels;
    const float *head_add;
    float *loss_subtract;
    double *partial;
};
static HpKernel launched_kernel_loss_reshape_subtract = {.name = "kernel_loss_reshape_subtract", .threads = 256, .origin = "loss: negate, softplus, multiply, subtract, softplus, multiply, add, reduce_mean, ...   tests/emit/tiny.hpanet:25"};
static void kernel_loss_reshape_subtract(HpContext *context, HpGrid grid, size_t width, size_t outer,
                                         size_t kept, const float *labels, const float *head_add,
                                         float *loss_subtract, double *partial)
{
    const struct kernel_loss_reshape_subtract arguments = {width, outer, kept, labels, head_add, loss_subtract, partial};
    hp_launch(context, &launched_kernel_loss_reshape_subtract, grid, &arguments, sizeof arguments);
}

struct kernel_loss_reshape_subtract_end {
    size_t kept;
    size_t width;
    size_t chunks;
    size_t outer;
    const double *partial;
    float *loss_reshape;
};
static HpKernel launched_kernel_loss_reshape_subtract_end = {.name = "kernel_loss_reshape_subtract_end", .threads = 256, .origin = "loss: negate, softplus, multiply, subtract, softplus, multiply, add, reduce_mean, ...   tests/emit/tiny.hpanet:25"};
static void kernel_loss_reshape_subtract_end(HpContext *context, HpGrid grid, size_t kept, size_t width,
                                             size_t chunks, size_t outer, const double *partial,
                                             float *loss_reshape)
{
    const struct kernel_loss_reshape_subtract_end arguments = {kept, width, chunks, outer, partial, loss_reshape};
    hp_launch(context, &launched_kernel_loss_reshape_subtract_end, grid, &arguments, sizeof arguments);
}

struct kernel_bias_add {
    size_t width;
    size_t count_j;
    size_t count_i;
    size_t stride_i;
    size_t kept;
    const float *loss_subtract;
    double *partial;
};
static HpKernel launched_kernel_bias_add = {.name = "kernel_bias_add", .threads = 256, .origin = "head → gradient:head.bias: reduce_sum, select, add   tests/emit/tiny.hpanet:21"};
static void kernel_bias_add(HpContext *context, HpGrid grid, size_t width, size_t count_j, size_t count_i,
                            size_t stride_i, size_t kept, const float *loss_subtract, double *partial)
{
    const struct kernel_bias_add arguments = {width, count_j, count_i, stride_i, kept, loss_subtract, partial};
    hp_launch(context, &launched_kernel_bias_add, grid, &arguments, sizeof arguments);
}

struct kernel_bias_add_end {
    size_t kept;
    size_t width;
    size_t chunks;
    const double *partial;
    float *gradient_head_bias;
    const float *accumulate;
};
static HpKernel launched_kernel_bias_add_end = {.name = "kernel_bias_add_end", .threads = 256, .origin = "head → gradient:head.bias: reduce_sum, select, add   tests/emit/tiny.hpanet:21"};
static void kernel_bias_add_end(HpContext *context, HpGrid grid, size_t kept, size_t width, size_t chunks,
                                const double *partial, float *gradient_head_bias, const float *accumulate)
{
    const struct kernel_bias_add_end arguments = {kept, width, chunks, partial, gradient_head_bias, accumulate};
    hp_launch(context, &launched_kernel_bias_add_end, grid, &arguments, sizeof arguments);
}

struct kernel_weight_add {
    size_t width;
    size_t outer;
    const float *head;
    float *gradient_head_weight;
    const float *accumulate;
};
static HpKernel launched_kernel_weight_add = {.name = "kernel_weight_add", .threads = 256, .origin = "gradient:head.weight: select, add   tests/emit/tiny.hpanet:21"};
static void kernel_weight_add(HpContext *context, HpGrid grid, size_t width, size_t outer, const float *head,
                              float *gradient_head_weight, const float *accumulate)
{
    const struct kernel_weight_add arguments = {width, outer, head, gradient_head_weight, accumulate};
    hp_launch(context, &launched_kernel_weight_add, grid, &arguments, sizeof arguments);
}

struct kernel_weight_add_subtract {
    size_t width;
    size_t outer;
    const float *gradient_head_weight;
    float *m_head_weight;
    float *head_weight;
    const float *momentum;
    const float *lr_top_2;
};
static HpKernel launched_kernel_weight_add_subtract = {.name = "kernel_weight_add_subtract", .threads = 256, .origin = "head.weight: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31"};
static void kernel_weight_add_subtract(HpContext *context, HpGrid grid, size_t width, size_t outer,
                                       const float *gradient_head_weight, float *m_head_weight,
                                       float *head_weight, const float *momentum, const float *lr_top_2)
{
    const struct kernel_weight_add_subtract arguments = {width, outer, gradient_head_weight, m_head_weight, head_weight, momentum, lr_top_2};
    hp_launch(context, &launched_kernel_weight_add_subtract, grid, &arguments, sizeof arguments);
}

struct kernel_bias_add_subtract {
    size_t width;
    size_t count_i;
    const float *gradient_head_bias;
    float *m_head_bias;
    float *head_bias;
    const float *momentum;
    const float *lr_top_2;
};
static HpKernel launched_kernel_bias_add_subtract = {.name = "kernel_bias_add_subtract", .threads = 256, .origin = "head.bias: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31"};
static void kernel_bias_add_subtract(HpContext *context, HpGrid grid, size_t width, size_t count_i,
                                     const float *gradient_head_bias, float *m_head_bias, float *head_bias,
                                     const float *momentum, const float *lr_top_2)
{
    const struct kernel_bias_add_subtract arguments = {width, count_i, gradient_head_bias, m_head_bias, head_bias, momentum, lr_top_2};
    hp_launch(context, &launched_kernel_bias_add_subtract, grid, &arguments, sizeof arguments);
}

struct kernel_bn1_mean_variance_add {
    size_t width;
    size_t blocks;
    size_t outer;
    size_t stride_o;
    size_t kept;
    const float *conv1;
    double *partial;
};
static HpKernel launched_kernel_bn1_mean_variance_add = {.name = "kernel_bn1_mean_variance_add", .threads = 256, .origin = "bn1: reduce_mean, reduce_variance, multiply, multiply, add, multiply, multiply, multiply, ...   tests/emit/tiny.hpanet:17"};
static void kernel_bn1_mean_variance_add(HpContext *context, HpGrid grid, size_t width, size_t blocks,
                                         size_t outer, size_t stride_o, size_t kept, const float *conv1,
                                         double *partial)
{
    const struct kernel_bn1_mean_variance_add arguments = {width, blocks, outer, stride_o, kept, conv1, partial};
    hp_launch(context, &launched_kernel_bn1_mean_variance_add, grid, &arguments, sizeof arguments);
}

struct kernel_bn1_mean_variance_add_end {
    size_t kept;
    size_t width;
    size_t chunks;
    size_t outer;
    const double *partial;
    float *bn1_running_mean;
    float *bn1_running_var;
    float *bn1_mean;
    float *bn1_variance;
    float factor;
};
static HpKernel launched_kernel_bn1_mean_variance_add_end = {.name = "kernel_bn1_mean_variance_add_end", .threads = 256, .origin = "bn1: reduce_mean, reduce_variance, multiply, multiply, add, multiply, multiply, multiply, ...   tests/emit/tiny.hpanet:17"};
static void kernel_bn1_mean_variance_add_end(HpContext *context, HpGrid grid, size_t kept, size_t width,
                                             size_t chunks, size_t outer, const double *partial,
                                             float *bn1_running_mean, float *bn1_running_var,
                                             float *bn1_mean, float *bn1_variance, float factor)
{
    const struct kernel_bn1_mean_variance_add_end arguments = {kept, width, chunks, outer, partial, bn1_running_mean, bn1_running_var, bn1_mean, bn1_variance, factor};
    hp_launch(context, &launched_kernel_bn1_mean_variance_add_end, grid, &arguments, sizeof arguments);
}

struct kernel_pooled_max_pool_max_pool_index {
    size_t width;
    size_t blocks;
    size_t images;
    size_t rows;
    size_t columns;
    size_t window_0_rows;
    size_t window_0_columns;
    size_t stride_n;
    size_t stride_row;
    size_t stride_column;
    size_t stride_n_2;
    size_t stride_y;
    size_t stride_x;
    const float *bn1_mean;
    const float *bn1_variance;
    const float *bn1_weight;
    const float *bn1_bias;
    const float *conv1;
    float *pooled_max_pool;
    uint8_t *pooled_max_pool_index;
};
static HpKernel launched_kernel_pooled_max_pool_max_pool_index = {.name = "kernel_pooled_max_pool_max_pool_index", .threads = 256, .origin = "bn1 → pooled: subtract, add, rsqrt, multiply, multiply, add, relu, max_pool, ...   tests/emit/tiny.hpanet:18"};
static void kernel_pooled_max_pool_max_pool_index(HpContext *context, HpGrid grid, size_t width,
                                                  size_t blocks, size_t images, size_t rows, size_t columns,
                                                  size_t window_0_rows, size_t window_0_columns,
                                                  size_t stride_n, size_t stride_row, size_t stride_column,
                                                  size_t stride_n_2, size_t stride_y, size_t stride_x,
                                                  const float *bn1_mean, const float *bn1_variance,
                                                  const float *bn1_weight, const float *bn1_bias,
                                                  const float *conv1, float *pooled_max_pool,
                                                  uint8_t *pooled_max_pool_index)
{
    const struct kernel_pooled_max_pool_max_pool_index arguments = {width, blocks, images, rows, columns, window_0_rows, window_0_columns, stride_n, stride_row, stride_column, stride_n_2, stride_y, stride_x, bn1_mean, bn1_variance, bn1_weight, bn1_bias, conv1, pooled_max_pool, pooled_max_pool_index};
    hp_launch(context, &launched_kernel_pooled_max_pool_max_pool_index, grid, &arguments, sizeof arguments);
}

struct kernel_bias_select_add {
    size_t width;
    size_t blocks;
    size_t images;
    size_t pixels;
    size_t stride_n;
    size_t stride_p;
    size_t stride_n_2;
    size_t stream_5;
    size_t kept;
    const int64_t *draw;
    const float *head;
    float *means_relu;
    double *partial;
    uint64_t seed;
};
static HpKernel launched_kernel_bias_select_add = {.name = "kernel_bias_select_add", .threads = 256, .origin = "means → logits → means → conv2 → gradient:conv2.bias: greater, greater_equal, multiply, multiply, multiply, select, reduce_sum, select, ...   tests/emit/tiny.hpanet:19"};
static void kernel_bias_select_add(HpContext *context, HpGrid grid, size_t width, size_t blocks,
                                   size_t images, size_t pixels, size_t stride_n, size_t stride_p,
                                   size_t stride_n_2, size_t stream_5, size_t kept, const int64_t *draw,
                                   const float *head, float *means_relu, double *partial, uint64_t seed)
{
    const struct kernel_bias_select_add arguments = {width, blocks, images, pixels, stride_n, stride_p, stride_n_2, stream_5, kept, draw, head, means_relu, partial, seed};
    hp_launch(context, &launched_kernel_bias_select_add, grid, &arguments, sizeof arguments);
}

struct kernel_bias_select_add_end {
    size_t kept;
    size_t width;
    size_t chunks;
    const double *partial;
    float *gradient_conv2_bias;
    const float *accumulate;
};
static HpKernel launched_kernel_bias_select_add_end = {.name = "kernel_bias_select_add_end", .threads = 256, .origin = "means → logits → means → conv2 → gradient:conv2.bias: greater, greater_equal, multiply, multiply, multiply, select, reduce_sum, select, ...   tests/emit/tiny.hpanet:19"};
static void kernel_bias_select_add_end(HpContext *context, HpGrid grid, size_t kept, size_t width,
                                       size_t chunks, const double *partial, float *gradient_conv2_bias,
                                       const float *accumulate)
{
    const struct kernel_bias_select_add_end arguments = {kept, width, chunks, partial, gradient_conv2_bias, accumulate};
    hp_launch(context, &launched_kernel_bias_select_add_end, grid, &arguments, sizeof arguments);
}

struct kernel_bias_sum_add {
    size_t width;
    size_t blocks;
    size_t images;
    size_t rows;
    size_t columns;
    size_t window_0_rows;
    size_t window_0_columns;
    size_t stride_n;
    size_t stride_row;
    size_t stride_column;
    size_t stride_n_2;
    size_t stride_y;
    size_t stride_x;
    size_t kept;
    const float *bn1_mean;
    const float *bn1_variance;
    const float *pooled_max_pool;
    const float *conv2_convolution_gradient_input;
    const uint8_t *pooled_max_pool_index;
    const float *conv1;
    double *partial;
};
static HpKernel launched_kernel_bias_sum_add = {.name = "kernel_bias_sum_add", .threads = 256, .origin = "pooled → bn1 → gradient:bn1.weight → gradient:bn1.bias: greater, select, max_pool_gradient, reduce_sum, subtract, add, rsqrt, multiply, ...   tests/emit/tiny.hpanet:17"};
static void kernel_bias_sum_add(HpContext *context, HpGrid grid, size_t width, size_t blocks, size_t images,
                                size_t rows, size_t columns, size_t window_0_rows, size_t window_0_columns,
                                size_t stride_n, size_t stride_row, size_t stride_column, size_t stride_n_2,
                                size_t stride_y, size_t stride_x, size_t kept, const float *bn1_mean,
                                const float *bn1_variance, const float *pooled_max_pool,
                                const float *conv2_convolution_gradient_input,
                                const uint8_t *pooled_max_pool_index, const float *conv1, double *partial)
{
    const struct kernel_bias_sum_add arguments = {width, blocks, images, rows, columns, window_0_rows, window_0_columns, stride_n, stride_row, stride_column, stride_n_2, stride_y, stride_x, kept, bn1_mean, bn1_variance, pooled_max_pool, conv2_convolution_gradient_input, pooled_max_pool_index, conv1, partial};
    hp_launch(context, &launched_kernel_bias_sum_add, grid, &arguments, sizeof arguments);
}

struct kernel_bias_sum_add_end {
    size_t kept;
    size_t width;
    size_t chunks;
    const double *partial;
    float *gradient_bn1_weight;
    float *gradient_bn1_bias;
    float *bn1_sum;
    float *bn1_sum_2;
    const float *accumulate;
};
static HpKernel launched_kernel_bias_sum_add_end = {.name = "kernel_bias_sum_add_end", .threads = 256, .origin = "pooled → bn1 → gradient:bn1.weight → gradient:bn1.bias: greater, select, max_pool_gradient, reduce_sum, subtract, add, rsqrt, multiply, ...   tests/emit/tiny.hpanet:17"};
static void kernel_bias_sum_add_end(HpContext *context, HpGrid grid, size_t kept, size_t width,
                                    size_t chunks, const double *partial, float *gradient_bn1_weight,
                                    float *gradient_bn1_bias, float *bn1_sum, float *bn1_sum_2,
                                    const float *accumulate)
{
    const struct kernel_bias_sum_add_end arguments = {kept, width, chunks, partial, gradient_bn1_weight, gradient_bn1_bias, bn1_sum, bn1_sum_2, accumulate};
    hp_launch(context, &launched_kernel_bias_sum_add_end, grid, &arguments, sizeof arguments);
}

struct kernel_bn1_multiply {
    size_t width;
    size_t blocks;
    size_t images;
    size_t rows;
    size_t columns;
    size_t window_0_rows;
    size_t window_0_columns;
    size_t stride_n;
    size_t stride_row;
    size_t stride_column;
    size_t stride_n_2;
    size_t stride_y;
    size_t stride_x;
    const float *bn1_sum;
    const float *bn1_mean;
    const float *bn1_variance;
    const float *bn1_sum_2;
    const float *bn1_weight;
    const float *pooled_max_pool;
    const float *conv2_convolution_gradient_input;
    const uint8_t *pooled_max_pool_index;
    float *conv1;
    float factor;
};
static HpKernel launched_kernel_bn1_multiply = {.name = "kernel_bn1_multiply", .threads = 256, .origin = "pooled → bn1: greater, select, max_pool_gradient, multiply, subtract, subtract, add, rsqrt, ...   tests/emit/tiny.hpanet:17"};
static void kernel_bn1_multiply(HpContext *context, HpGrid grid, size_t width, size_t blocks, size_t images,
                                size_t rows, size_t columns, size_t window_0_rows, size_t window_0_columns,
                                size_t stride_n, size_t stride_row, size_t stride_column, size_t stride_n_2,
                                size_t stride_y, size_t stride_x, const float *bn1_sum,
                                const float *bn1_mean, const float *bn1_variance, const float *bn1_sum_2,
                                const float *bn1_weight, const float *pooled_max_pool,
                                const float *conv2_convolution_gradient_input,
                                const uint8_t *pooled_max_pool_index, float *conv1, float factor)
{
    const struct kernel_bn1_multiply arguments = {width, blocks, images, rows, columns, window_0_rows, window_0_columns, stride_n, stride_row, stride_column, stride_n_2, stride_y, stride_x, bn1_sum, bn1_mean, bn1_variance, bn1_sum_2, bn1_weight, pooled_max_pool, conv2_convolution_gradient_input, pooled_max_pool_index, conv1, factor};
    hp_launch(context, &launched_kernel_bn1_multiply, grid, &arguments, sizeof arguments);
}

struct kernel_weight_add_subtract_2 {
    size_t width;
    size_t count_i;
    const float *gradient_bn1_weight;
    float *m_bn1_weight;
    float *bn1_weight;
    const float *momentum;
    const float *bottom;
};
static HpKernel launched_kernel_weight_add_subtract_2 = {.name = "kernel_weight_add_subtract_2", .threads = 256, .origin = "bn1.weight: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31"};
static void kernel_weight_add_subtract_2(HpContext *context, HpGrid grid, size_t width, size_t count_i,
                                         const float *gradient_bn1_weight, float *m_bn1_weight,
                                         float *bn1_weight, const float *momentum, const float *bottom)
{
    const struct kernel_weight_add_subtract_2 arguments = {width, count_i, gradient_bn1_weight, m_bn1_weight, bn1_weight, momentum, bottom};
    hp_launch(context, &launched_kernel_weight_add_subtract_2, grid, &arguments, sizeof arguments);
}

struct kernel_bias_add_subtract_2 {
    size_t width;
    size_t count_i;
    const float *gradient_conv2_bias;
    float *m_conv2_bias;
    float *conv2_bias;
    const float *momentum;
    const float *top;
};
static HpKernel launched_kernel_bias_add_subtract_2 = {.name = "kernel_bias_add_subtract_2", .threads = 256, .origin = "conv2.bias: multiply, add, multiply, subtract   tests/emit/tiny.hpanet:31"};
static void kernel_bias_add_subtract_2(HpContext *context, HpGrid grid, size_t width, size_t count_i,
                                       const float *gradient_conv2_bias, float *m_conv2_bias,
                                       float *conv2_bias, const float *momentum, const float *top)
{
    const struct kernel_bias_add_subtract_2 arguments = {width, count_i, gradient_conv2_bias, m_conv2_bias, conv2_bias, momentum, top};
    hp_launch(context, &launched_kernel_bias_add_subtract_2, grid, &arguments, sizeof arguments);
}

struct kernel_pooled_max_pool_2 {
    size_t width;
    size_t blocks;
    size_t images;
    size_t rows;
    size_t columns;
    size_t window_0_rows;
    size_t window_0_columns;
    size_t stride_n;
    size_t stride_row;
    size_t stride_column;
    size_t stride_n_2;
    size_t stride_y;
    size_t stride_x;
    const float *pooled_relu;
    float *pooled_max_pool;
};
static HpKernel launched_kernel_pooled_max_pool_2 = {.name = "kernel_pooled_max_pool_2", .threads = 256, .origin = "pooled: max_pool   tests/emit/tiny.hpanet:18"};
static void kernel_pooled_max_pool_2(HpContext *context, HpGrid grid, size_t width, size_t blocks,
                                     size_t images, size_t rows, size_t columns, size_t window_0_rows,
                                     size_t window_0_columns, size_t stride_n, size_t stride_row,
                                     size_t stride_column, size_t stride_n_2, size_t stride_y,
                                     size_t stride_x, const float *pooled_relu, float *pooled_max_pool)
{
    const struct kernel_pooled_max_pool_2 arguments = {width, blocks, images, rows, columns, window_0_rows, window_0_columns, stride_n, stride_row, stride_column, stride_n_2, stride_y, stride_x, pooled_relu, pooled_max_pool};
    hp_launch(context, &launched_kernel_pooled_max_pool_2, grid, &arguments, sizeof arguments);
}

struct kernel_means_reshape_end {
    size_t kept;
    size_t width;
    size_t chunks;
    size_t blocks;
    size_t pixels;
    const double *partial;
    float *means_reshape;
};
static HpKernel launched_kernel_means_reshape_end = {.name = "kernel_means_reshape_end", .threads = 256, .origin = "means: reduce_mean, reshape   tests/emit/tiny.hpanet:20"};
static void kernel_means_reshape_end(HpContext *context, HpGrid grid, size_t kept, size_t width,
                                     size_t chunks, size_t blocks, size_t pixels, const double *partial,
                                     float *means_reshape)
{
    const struct kernel_means_reshape_end arguments = {kept, width, chunks, blocks, pixels, partial, means_reshape};
    hp_launch(context, &launched_kernel_means_reshape_end, grid, &arguments, sizeof arguments);
}

struct kernel_loss_reshape {
    size_t width;
    size_t count_i;
    size_t count_j;
    size_t kept;
    const float *labels;
    const float *head_add;
    double *partial;
};
static HpKernel launched_kernel_loss_reshape = {.name = "kernel_loss_reshape", .threads = 256, .origin = "loss: negate, softplus, multiply, subtract, softplus, multiply, add, reduce_mean, ...   tests/emit/tiny.hpanet:25"};
static void kernel_loss_reshape(HpContext *context, HpGrid grid, size_t width, size_t count_i,
                                size_t count_j, size_t kept, const float *labels, const float *head_add,
                                double *partial)
{
    const struct kernel_loss_reshape arguments = {width, count_i, count_j, kept, labels, head_add, partial};
    hp_launch(context, &launched_kernel_loss_reshape, grid, &arguments, sizeof arguments);
}

struct kernel_loss_reshape_end {
    size_t kept;
    size_t width;
    size_t chunks;
    size_t count_j;
    const double *partial;
    float *loss_reshape;
};
static HpKernel launched_kernel_loss_reshape_end = {.name = "kernel_loss_reshape_end", .threads = 256, .origin = "loss: negate, softplus, multiply, subtract, softplus, multiply, add, reduce_mean, ...   tests/emit/tiny.hpanet:25"};
static void kernel_loss_reshape_end(HpContext *context, HpGrid grid, size_t kept, size_t width,
                                    size_t chunks, size_t count_j, const double *partial,
                                    float *loss_reshape)
{
    const struct kernel_loss_reshape_end arguments = {kept, width, chunks, count_j, partial, loss_reshape};
    hp_launch(context, &launched_kernel_loss_reshape_end, grid, &arguments, sizeof arguments);
}

struct kernel_weight_multiply {
    size_t width;
    size_t pixels;
    size_t images;
    size_t stride_n;
    const float *bn1_weight;
    const float *bn1_running_var;
    const float *conv1_weight;
    float *derived_conv1_weight;
};
static HpKernel launched_kernel_weight_multiply = {.name = "kernel_weight_multiply", .threads = 256, .origin = "conv1.weight: add, rsqrt, multiply, multiply   tests/emit/tiny.hpanet:17"};
static void kernel_weight_multiply(HpContext *context, HpGrid grid, size_t width, size_t pixels,
                                   size_t images, size_t stride_n, const float *bn1_weight,
                                   const float *bn1_running_var, const float *conv1_weight,
                                   float *derived_conv1_weight)
{
    const struct kernel_weight_multiply arguments = {width, pixels, images, stride_n, bn1_weight, bn1_running_var, conv1_weight, derived_conv1_weight};
    hp_launch(context, &launched_kernel_weight_multiply, grid, &arguments, sizeof arguments);
}

struct kernel_bias_subtract {
    size_t width;
    size_t blocks;
    const float *bn1_bias;
    const float *bn1_running_mean;
    const float *bn1_weight;
    const float *bn1_running_var;
    float *derived_conv1_bias;
};
static HpKernel launched_kernel_bias_subtract = {.name = "kernel_bias_subtract", .threads = 256, .origin = "conv1.weight → conv1.bias: add, rsqrt, multiply, multiply, subtract   tests/emit/tiny.hpanet:17"};
static void kernel_bias_subtract(HpContext *context, HpGrid grid, size_t width, size_t blocks,
                                 const float *bn1_bias, const float *bn1_running_mean,
                                 const float *bn1_weight, const float *bn1_running_var,
                                 float *derived_conv1_bias)
{
    const struct kernel_bias_subtract arguments = {width, blocks, bn1_bias, bn1_running_mean, bn1_weight, bn1_running_var, derived_conv1_bias};
    hp_launch(context, &launched_kernel_bias_subtract, grid, &arguments, sizeof arguments);
}

HpKernel *const kernels[] = {
    &launched_kernel_image,
    &launched_kernel_pooled_max_pool,
    &launched_kernel_logits_multiply,
    &launched_kernel_logits_multiply_end,
    &launched_kernel_image_reorder,
    &launched_kernel_loss_reshape_subtract,
    &launched_kernel_loss_reshape_subtract_end,
    &launched_kernel_bias_add,
    &launched_kernel_bias_add_end,
    &launched_kernel_weight_add,
    &launched_kernel_weight_add_subtract,
    &launched_kernel_bias_add_subtract,
    &launched_kernel_bn1_mean_variance_add,
    &launched_kernel_bn1_mean_variance_add_end,
    &launched_kernel_pooled_max_pool_max_pool_index,
    &launched_kernel_bias_select_add,
    &launched_kernel_bias_select_add_end,
    &launched_kernel_bias_sum_add,
    &launched_kernel_bias_sum_add_end,
    &launched_kernel_bn1_multiply,
    &launched_kernel_weight_add_subtract_2,
    &launched_kernel_bias_add_subtract_2,
    &launched_kernel_pooled_max_pool_2,
    &launched_kernel_means_reshape_end,
    &launched_kernel_loss_reshape,
    &launched_kernel_loss_reshape_end,
    &launched_kernel_weight_multiply,
    &launched_kernel_bias_subtract,
};
