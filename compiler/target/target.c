/* The tables of the targets. */
#include "target.h"
#include "../../runtime/device/device.h"

const Target target_cpu = {.name = "cpu",
                           .channel_block = hp_preferred_channel_block,
                           .query = hp_library_query,
                           .image_format = HP_FORMAT_PLAIN,
                           .reorders = true};

static int64_t no_block(void)
{
    return 0;
}

static bool query_cuda(HpLibraryCall *call, const char **why)
{
    HpFormat *formats[] = {&call->format_a, &call->format_b, &call->format_c};
    for (int i = 0; i < 3; i++)
        if (*formats[i] == HP_FORMAT_COUNT)
            *formats[i] = HP_FORMAT_NHWC;
    *why = "gradients have no epilogue but an addend";
    return call->kind == HP_CONVOLUTION || call->kind == HP_MATMUL || !(call->bias || call->relu);
}

const Target target_cuda = {.name = "cuda",
                            .launches = true,
                            .channel_block = no_block,
                            .query = query_cuda,
                            .image_format = HP_FORMAT_NHWC,
                            .adds_to_gradients = true};

static const Target *used = &target_cpu;

const Target *target(void)
{
    return used;
}

void target_use(const Target *target)
{
    used = target;
}
