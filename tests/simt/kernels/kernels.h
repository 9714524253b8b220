/* The arguments of the kernels here, for the kernels and for the tests that launch them. */
#ifndef SIMT_KERNELS_H
#define SIMT_KERNELS_H

#include <stdint.h>

/* y = x, `width` elements a thread; launched as copy_TYPE_WIDTH. */
#define COPY_KERNEL(type, width, element)                                                                    \
    struct copy_##type##_##width {                                                                           \
        uint32_t count; /* accesses */                                                                       \
        const element *x;                                                                                    \
        element *y;                                                                                          \
    };
#define COPY_KERNELS(type, element)                                                                          \
    COPY_KERNEL(type, 1, element)                                                                            \
    COPY_KERNEL(type, 2, element)                                                                            \
    COPY_KERNEL(type, 4, element)                                                                            \
    COPY_KERNEL(type, 8, element)
COPY_KERNELS(f32, float)
COPY_KERNELS(f16, uint16_t)
COPY_KERNELS(bf16, uint16_t)
COPY_KERNELS(u8, uint8_t)

/* For each block and column: sum and maximum of x[block][row][column], where a row
 * is `columns` threads. */
struct block_sums {
    uint32_t columns;
    const float *x;
    double *sums, *maxima;
};

/* y[i] = function(x[i]) */
enum {
    MATH_RELU,
    MATH_SIGN,
    MATH_EXP,
    MATH_LOG,
    MATH_TANH,
    MATH_ERF,
    MATH_SIGMOID,
    MATH_SOFTPLUS,
    MATH_LOG_SIGMOID,
    MATH_FUNCTIONS
};
struct math {
    uint32_t function, count;
    const float *x;
    float *y;
};

struct random_numbers {
    uint64_t seed;
    int64_t draw;
    uint32_t path;
    float *y;
};

/* seen[block] = its segment, x, y, z and their counts. */
enum { SEGMENTS = 5, SEEN = 7 };
struct segmented {
    uint32_t count, segments[SEGMENTS][4]; /* struct hp_segment */
    uint32_t *seen;
};

/* y[i] = the pixel (i % 8 - 2, i / 8 % 8 - 2) of plane i / 64 of image 1. */
struct image_pixels {
    const struct hp_image_store *store;
    float *y;
};

/* y[i] = x of the block's thread 255 - i, through shared memory; z[i] = y of the
 * neighbour, through memory. */
enum {
    PLANT_NONE,
    PLANT_NO_BARRIER_SHARED, /* before y */
    PLANT_NO_BARRIER,        /* before z */
    PLANT_EARLY_END,         /* thread 5 ends before the barrier */
    PLANT_LATE_END,          /* the same at the second barrier */
    PLANT_TWO_BARRIERS,      /* threads below 7 wait elsewhere */
    PLANT_WRITE_OF_TWO,      /* threads 8 and 9 write the same float */
    PLANT_WIDE,              /* thread 0 writes four floats, three of them its neighbours' */
    PLANT_READERS,           /* thread 9 reads what thread 8 reads and then writes */
    PLANT_BLOCKS_WRITE,      /* blocks write into each other's part of z */
    PLANT_BLOCK_READS,       /* a block reads what the next one writes */
    PLANT_BLOCKS_READ,       /* all blocks read what the first one writes afterwards */
    PLANT_WRITE_OUTSIDE,     /* the last thread writes behind z */
    PLANT_READ_OUTSIDE,      /* the first thread reads before x */
    PLANT_UNALIGNED,         /* four floats from the second one on */
    PLANT_WRITE_INPUT,       /* x is only to be read */
    PLANTS
};
struct exchange {
    int32_t plant;
    float *x, *y, *z;
};

/* Bytes beside each other from different threads, and wide accesses over them after a barrier: no races. */
struct neighbours {
    uint8_t *bytes;
    float *sums;
};

#endif
