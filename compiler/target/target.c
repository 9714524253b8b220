/* The tables of the targets. */
#include "target.h"
#include "../../runtime/device/cuda/products.h"
#include "../../runtime/device/device.h"

const Target target_cpu = {.name = "cpu",
                           .channel_block = hp_preferred_channel_block,
                           .query = hp_library_query,
                           .candidates = hp_product_candidates,
                           .timer = &hp_timer_cpu,
                           .flops_a_byte = 15,
                           .image_format = HP_FORMAT_PLAIN,
                           .reorders = true};

static int64_t no_block(void)
{
    return 0;
}

const Target target_cuda = {.name = "cuda",
                            .launches = true,
                            .channel_block = no_block,
                            .query = hp_cuda_query,
                            .candidates = hp_cuda_candidates,
                            .may_name = hp_cuda_may_name,
                            .timer = &hp_timer_cuda,
                            .flops_a_byte = 184,
                            .image_format = HP_FORMAT_NHWC,
                            .channel_multiple = 8,
                            .adds_to_gradients = true,
                            .gives_statistics = true};

static const Target *used = &target_cpu;

const Target *target(void)
{
    return used;
}

void target_use(const Target *target)
{
    used = target;
}
