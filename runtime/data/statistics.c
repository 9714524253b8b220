/* Mean and deviation of each plane. The sums are integers, so they do not depend on order or threads. */
#include "internal.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROWS = 64 };

typedef struct Sums { /* of one plane over all images */
    unsigned __int128 values, squares;
} Sums;

static void add_image(const HpImageStore *store, int64_t row, Sums *sums)
{
    int64_t pixels = store->height * store->width, planes = store->planes;
    for (int64_t plane = 0; plane < planes; plane++) {
        uint64_t values = 0, squares = 0; /* squares: at most 2^28 pixels of 2^32 */
        int64_t begin = row * pixels * planes + plane;
        for (int64_t i = 0; i < pixels; i++) {
            uint64_t value = store->bits == 8 ? ((const uint8_t *)store->pixels)[begin + i * planes]
                                              : ((const uint16_t *)store->pixels)[begin + i * planes];
            values += value;
            squares += value * value;
        }
        sums[plane].values += values;
        sums[plane].squares += squares;
    }
}

static void add_batch(const HpImageStore *store, const int64_t *sample, int64_t count, Sums *totals)
{
    int64_t planes = store->planes;
    Sums *sums = hp_alloc((size_t)(count * planes), sizeof *sums);
#pragma omp parallel for
    for (int64_t i = 0; i < count; i++)
        add_image(store, sample[i], sums + i * planes);
    for (int64_t i = 0; i < count * planes; i++) {
        totals[i % planes].values += sums[i].values;
        totals[i % planes].squares += sums[i].squares;
    }
    free(sums);
}

static int64_t batch_at(int64_t begin, int64_t count)
{
    return count - begin < ROWS ? count - begin : ROWS;
}

void hp_data_statistics(HpData *data, const int64_t *images, int64_t count, double *mean, double *deviation)
{
    HpImageStore store = hp_data_store(data);
    HpLoader *loader = hp_loader_open(data, (int)sysconf(_SC_NPROCESSORS_ONLN), ROWS);
    Sums *totals = hp_alloc((size_t)store.planes, sizeof *totals);
    int64_t sample[ROWS];
    if (count < 1)
        hp_bug("the statistics of no image were asked for");
    hp_loader_request(loader, images, batch_at(0, count));
    for (int64_t begin = 0; begin < count; begin += ROWS) {
        int64_t next = begin + ROWS;
        if (next < count)
            hp_loader_request(loader, images + next, batch_at(next, count));
        HpImageStore batch = hp_loader_take(loader, sample);
        add_batch(&batch, sample, batch_at(begin, count), totals);
    }
    unsigned __int128 pixels = (unsigned __int128)(count * store.height) * (unsigned __int128)store.width;
    double n = (double)pixels;
    for (int64_t plane = 0; plane < store.planes; plane++) {
        unsigned __int128 values = totals[plane].values,
                          spread = pixels * totals[plane].squares - values * values;
        mean[plane] = (double)store.scale * ((double)values / n) + (double)store.offset;
        deviation[plane] = (double)store.scale * (sqrt((double)spread) / n);
    }
    free(totals);
    hp_loader_close(loader);
}
