/* Launched kernels: how loops become threads.
 *
 * The last loop in memory is cut into lanes, neighbours that a thread loads and stores at once. What is left
 * of it is the columns: the threads of a block stand side by side along `width` of them, so that a warp reads
 * whole lines of memory, and what depends on a column alone stays in registers. All other loops are the rows,
 * which the blocks share out. A reduction that keeps loops outside its rows has these as outer loops; one
 * that reduces its last loop has no columns. Blocks leave partial sums, which a second kernel adds up in
 * order: bits depend on nothing but the sizes. */
#include <string.h>
#include "internal.h"

enum { BLOCK = 256, WANTED_BLOCKS = 1024, MOST_BLOCKS = 65535, LEAST_ROWS = 512, VECTOR_BYTES = 16 };

/* ---- lanes ---- */

static bool form_follows(const Form *form, int axis)
{
    return form->factor[axis] != 0;
}

static int64_t element_bytes(const Access *access)
{
    const Buffer *buffer = access->buffer;
    return hp_data_type_bytes(buffer->node ? buffer->node->dtype : buffer->variable->dtype);
}

static bool is_aligned(const Kernel *kernel, const Access *access, int64_t lanes)
{
    int64_t bytes = lanes * element_bytes(access), offset;
    buffer_root(access->buffer, &offset);
    bool aligned = access->offset % lanes == 0 && offset % (bytes < VECTOR_BYTES ? bytes : VECTOR_BYTES) == 0;
    for (int l = 0; l < kernel->loop_count - 1; l++)
        aligned = aligned && access->stride[l] % lanes == 0;
    for (int axis = 0; axis < access->map.rank; axis++)
        aligned = aligned && access->term_stride[axis] % lanes == 0;
    return aligned;
}

/* Windows stand outside the lanes, so these cannot run over the pixels that windows lie at. */
static bool windows_follow_last(const Kernel *kernel)
{
    int axis = kernel->loops[kernel->loop_count - 1].axis;
    for (size_t i = 0; i < kernel->main.windows.count; i++) {
        const TapLoops *taps = kernel->main.windows.items[i];
        if (form_follows(&taps->outside[0], axis) || form_follows(&taps->outside[1], axis))
            return true;
    }
    return false;
}

/* The most lanes, a power of two, that fill 16 bytes of the narrowest elements and are aligned everywhere; 1:
 * none. */
static int64_t choose_lanes(const Kernel *kernel, const AccessList *accesses)
{
    int64_t narrowest = VECTOR_BYTES;
    for (size_t i = 0; i < accesses->count; i++)
        if (access_is_contiguous(kernel, accesses->items[i]) && element_bytes(accesses->items[i]) < narrowest)
            narrowest = element_bytes(accesses->items[i]);
    int64_t lanes = VECTOR_BYTES / narrowest < 8 ? VECTOR_BYTES / narrowest : 8;
    for (; lanes > 1; lanes /= 2) {
        bool fits = kernel->loops[kernel->loop_count - 1].extent % lanes == 0;
        for (size_t i = 0; i < accesses->count && fits; i++)
            fits = !access_is_contiguous(kernel, accesses->items[i]) ||
                   is_aligned(kernel, accesses->items[i], lanes);
        if (fits)
            break;
    }
    return lanes;
}

static void cut_lanes(Kernel *kernel, const AccessList *accesses, int64_t lanes)
{
    int last = kernel->loop_count - 1;
    Loop *columns = &kernel->loops[last], *lane = &kernel->loops[last + 1];
    *lane = *columns;
    lane->extent = lanes;
    columns->extent /= lanes;
    columns->scale *= lanes;
    kernel->loop_count++;
    kernel->lanes = lanes;
    for (size_t i = 0; i < accesses->count; i++) {
        int64_t *stride = accesses->items[i]->stride;
        stride[last + 1] = stride[last];
        stride[last] *= lanes;
    }
}

/* ---- order ---- */

/* Outer loops, columns, rows, lanes: where each loop goes. Each part keeps its order. */
static void order_loops(Kernel *kernel, const AccessList *accesses)
{
    int count = kernel->loop_count, last = count - (kernel->lanes ? 2 : 1), order[MAX_LOOPS], at = 0;
    bool reduces = kernel->step->reduced_axes != 0;
    kernel->columns = last >= 0 && !kernel->loops[last].reduced;
    for (int l = 0; l < last; l++)
        if (reduces && !kernel->loops[l].reduced)
            order[at++] = l;
    kernel->outer = at;
    if (kernel->columns)
        order[at++] = last;
    for (int l = 0; l < last; l++)
        if (!reduces || kernel->loops[l].reduced)
            order[at++] = l;
    for (int l = kernel->columns ? last + 1 : last < 0 ? 0 : last; l < count; l++)
        order[at++] = l;
    Loop loops[MAX_LOOPS];
    memcpy(loops, kernel->loops, sizeof loops);
    for (int l = 0; l < count; l++)
        kernel->loops[l] = loops[order[l]];
    for (size_t i = 0; i < accesses->count; i++) {
        int64_t stride[MAX_LOOPS];
        memcpy(stride, accesses->items[i]->stride, sizeof stride);
        for (int l = 0; l < count; l++)
            accesses->items[i]->stride[l] = stride[order[l]];
    }
}

/* ---- threads ---- */

static int64_t extent_of(const Kernel *kernel, int from, int to)
{
    int64_t extent = 1;
    for (int l = from; l < to; l++)
        extent *= kernel->loops[l].extent;
    return extent;
}

static int first_row_loop(const Kernel *kernel)
{
    return kernel->outer + kernel->columns;
}

int64_t kernel_row_count(const Kernel *kernel)
{
    return extent_of(kernel, first_row_loop(kernel), kernel->loop_count - (kernel->lanes > 0));
}

int64_t kernel_kept_count(const Kernel *kernel)
{
    int64_t kept = 1;
    for (int l = 0; l < kernel->loop_count; l++)
        kept *= kernel->loops[l].reduced ? 1 : kernel->loops[l].extent;
    return kept;
}

static int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The widest row of threads, up to `most`, that leaves at most one thread in eight idle. */
static int64_t choose_width(int64_t columns, int64_t most)
{
    int64_t smallest = 1;
    while (smallest < 4 && smallest < columns)
        smallest *= 2;
    for (int64_t width = most; width > smallest; width /= 2)
        if (divide_up(columns, width) * width * 8 <= columns * 9)
            return width;
    return smallest;
}

/* What depends on a column alone is loaded once a thread, so a thread has several rows where there are blocks
 * enough: `turns` is how often all threads of a block would take a row if there were but one block. */
static int64_t blocks_of_rows(int64_t turns, int64_t wanted)
{
    enum { ROWS = 8 };
    int64_t few = least(turns, wanted), many = least(divide_up(turns, ROWS), 4 * wanted);
    return few > many ? few : many;
}

/* Partial sums cost memory traffic of their own, so a block of a reduction has many rows. */
static void choose_blocks(Kernel *kernel)
{
    Threads *threads = &kernel->threads;
    bool reduces = kernel->accumulators.count > 0;
    int64_t rows = kernel_row_count(kernel), outers = extent_of(kernel, 0, kernel->outer);
    int64_t columns = kernel->columns ? kernel->loops[kernel->outer].extent : 1;
    threads->width = !kernel->columns ? 1 : rows == 1 ? BLOCK : choose_width(columns, reduces ? 16 : BLOCK);
    threads->blocks[0] = divide_up(columns, threads->width);
    threads->blocks[2] = least(outers, MOST_BLOCKS);
    int64_t others = threads->blocks[0] * threads->blocks[2];
    int64_t wanted = divide_up(WANTED_BLOCKS, others);
    if (reduces)
        threads->blocks[1] = least(divide_up(rows, LEAST_ROWS), wanted);
    else
        threads->blocks[1] = blocks_of_rows(divide_up(rows, BLOCK / threads->width), wanted);
    threads->blocks[1] = least(threads->blocks[1], MOST_BLOCKS);
    if (!reduces)
        threads->blocks[0] = least(threads->blocks[0], 4 * WANTED_BLOCKS);
    int64_t share = 1; /* threads that add up the partial sums of one result */
    while (share < BLOCK && share * 4 < threads->blocks[1])
        share *= 2;
    threads->end_width = BLOCK / share;
    threads->end_blocks = least(divide_up(kernel_kept_count(kernel), threads->end_width), MOST_BLOCKS);
}

void kernel_choose_image_threads(Kernel *kernel)
{
    const Node *node = kernel->step->nodes.items[0];
    int64_t pixels = shape_count(node->shape) / node->shape.extents[1];
    kernel->threads.blocks[0] = least(divide_up(pixels, BLOCK), 4 * WANTED_BLOCKS);
    kernel->threads.blocks[1] = kernel->threads.blocks[2] = 1;
}

void kernel_choose_threads(Kernel *kernel, const AccessList *accesses)
{
    bool scalar = kernel->loop_count == 0 || windows_follow_last(kernel);
    int64_t lanes = scalar ? 1 : choose_lanes(kernel, accesses);
    if (lanes > 1)
        cut_lanes(kernel, accesses, lanes);
    loop_set_names(kernel);
    order_loops(kernel, accesses);
    choose_blocks(kernel);
}
