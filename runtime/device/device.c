/* What generated code calls, handed to the context's device; and what is true of elements on all of them. */
#include "device.h"
#include "../base/base.h"

void hp_library_run(HpContext *context, const HpLibraryCall *call, const void *a, const void *b,
                    const void *bias, void *c, float *statistics, void *scratchpad)
{
    context->device->library_run(context, call, a, b, bias, c, statistics, scratchpad);
}

void hp_copy(HpContext *context, void *to, const void *from, size_t bytes)
{
    context->device->copy(context, to, from, bytes);
}

void hp_launch(HpContext *context, HpKernel *kernel, HpGrid grid, const void *arguments, size_t bytes)
{
    context->device->launch(context, kernel, grid, arguments, bytes);
}

void hp_clock_step(HpContext *context, int step)
{
    context->device->clock_step(context, step);
}

int64_t hp_unplanned_scratchpad(const HpModel *model, int64_t (*create)(HpLibraryCall *call))
{
    int64_t largest = 0;
    for (int i = 0; i < model->library_count; i++) {
        HpLibraryCall *call = model->library[i];
        int64_t bytes = create(call);
        if (model->threads > 0 && bytes > call->scratchpad)
            hp_fail("%s wants %lld bytes of scratchpad for %s and the plan has %lld: compile %s again on "
                    "this machine",
                    model->library_version, (long long)bytes, call->name, (long long)call->scratchpad,
                    model->source);
        if (bytes > call->scratchpad && bytes > largest)
            largest = bytes;
    }
    return largest;
}

int64_t hp_data_type_bytes(HpDataType type)
{
    switch (type) {
    case HP_F32: return 4;
    case HP_F16:
    case HP_BF16: return 2;
    case HP_U8: return 1;
    case HP_I64: return 8;
    }
    hp_bug("data type %d", (int)type);
}
