#include "device/kernel_cuda.h"

struct kernel_means {
    uint32_t rows, planes;
    const int64_t *sample;
    const struct hp_image_store *images;
    const float *gain;
    uint16_t *y;
};
KERNEL(kernel_means, HP_THREADS)
{
    HP_SHARED double scratch[HP_THREADS];
    const struct hp_image_store *images = a.images;
    const int32_t row = (int32_t)blockIdx.x, plane = (int32_t)blockIdx.y, thread = (int32_t)threadIdx.x;
    const int64_t image_bytes = images->height * images->width * images->planes * (images->bits / 8);
    const char *image = (const char *)images->pixels + hp_get_i64(a.sample + row) * image_bytes;
    double sum = 0.0;
    for (int32_t at = thread; at < images->height * images->width; at += HP_THREADS)
        sum += hp_image_pixel(images, image, at / (int32_t)images->width, at % (int32_t)images->width, plane);
    sum = hp_block_sum(sum, scratch, 1);
    if (thread < 1)
        hp_put_f16(a.y + row * (int32_t)a.planes + plane,
                   hp_get_f32(a.gain) * images->scale * (float)sum / (float)(images->height * images->width));
}
