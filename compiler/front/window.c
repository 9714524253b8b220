/* Do windows fit their images? What is said where they do not. */
#include "elaborate.h"

bool is_window(Op op)
{
    return op == OP_CONVOLUTION || op == OP_MAX_POOL || op == OP_AVERAGE_POOL;
}

void window_report(Elaborator *e, const Node *x, const char *reason, Span span)
{
    bool first = e->fit != WINDOWS_TOO_LARGE; /* a larger image makes room for all that follow, too */
    const char *layer = e->graph->path ? e->graph->path : "the network";
    e->fit = WINDOWS_TOO_LARGE;
    if (!first || !report(e, span, "shape", "at '%s' %s", layer, reason))
        return;
    report_origins(e, 1, (Node *[]){(Node *)x}, ~3u);
    int64_t size = e->program->image_size, smallest = network_smallest_size(e->program);
    if (smallest > size)
        report_help(e, "images of %lld px are too small for this network: it takes %lld px or more",
                    (long long)size, (long long)smallest);
}

/* Pixels behind the last window of one side, those of the padding left out. `side` is 0 for the height. */
static int64_t pixels_left(Op op, Node *const *inputs, const Attributes *a, int side)
{
    const Node *x = inputs[0];
    bool convolution = op == OP_CONVOLUTION;
    int64_t kernel = convolution ? inputs[1]->shape.extents[2 + side] : a->window.kernel[side];
    int64_t stride = convolution ? a->convolution.stride[side] : a->window.stride[side];
    int64_t before = convolution ? a->convolution.pad_before[side] : a->window.pad_before[side];
    int64_t after = convolution ? a->convolution.pad_after[side] : a->window.pad_after[side];
    if (kernel != stride || (convolution && a->convolution.dilation[side] != 1))
        return 0; /* overlapping windows lose little at the border; those with gaps skip pixels on purpose */
    int64_t left = (x->shape.extents[2 + side] + before + after - kernel) % stride - after;
    return x->op == OP_PAD ? left - x->attributes.pad.after[2 + side] : left;
}

void window_check(Elaborator *e, Op op, Node *const *inputs, const Attributes *attributes, Span span)
{
    if (!is_window(op) || e->context != CONTEXT_NETWORK || e->fit != WINDOWS_FIT)
        return;
    for (int side = 0; side < 2; side++) {
        int64_t left = pixels_left(op, inputs, attributes, side);
        if (left <= 0)
            continue;
        e->fit = WINDOWS_LEAVE_PIXELS; /* what follows is the consequence of the first place */
        if (!report_warning(e, span, "pixels-left-over",
                            "windows side by side do not fill the %s of %lld: the last %lld %s read by none",
                            side ? "width" : "height", (long long)inputs[0]->shape.extents[2 + side],
                            (long long)left, left == 1 ? "pixel is" : "pixels are"))
            return;
        report_origin(e, inputs[0], 2 + side);
        int64_t size = network_next_even_size(e->program);
        if (size)
            report_help(e, "images of %lld px leave nothing over", (long long)size);
        return;
    }
}
