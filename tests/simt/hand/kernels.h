/* Included by functions.c. */
struct kernel_means {
    uint32_t rows, planes;
    const int64_t *sample;
    const HpImageStore *images;
    const float *gain;
    uint16_t *y;
};
static inline void kernel_means(HpContext *context, const int64_t *sample, uint16_t *y)
{
    const struct kernel_means arguments = {
        ROWS, PLANES, sample, context->device_images, context->device_scalars, y};
    hp_launch(context, &launched_kernel_means, (HpGrid){ROWS, PLANES, 1}, &arguments, sizeof arguments);
}
