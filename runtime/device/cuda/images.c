/* The images of a batch on the GPU: as integers, in a copy of the whole data set where there is room for one,
 * so that each crosses once; else in a copy of the batch. */
#include <stdlib.h>
#include "../../base/base.h"
#include "internal.h"

/* Stays free for what libraries and graphs allocate later. */
static const int64_t reserve = (int64_t)1 << 30;

static struct {
    HpImageStore store; /* the host's that `all` is a copy of */
    void *all;          /* NULL: there is no room for all images */
    bool *present;      /* by image of `all` */
    void *batch;
    size_t batch_bytes;
} copies;

static int64_t image_bytes(const HpImageStore *store)
{
    return store->height * store->width * store->planes * (store->bits / 8);
}

static bool same_store(const HpImageStore *a, const HpImageStore *b)
{
    return a->pixels == b->pixels && a->count == b->count && image_bytes(a) == image_bytes(b);
}

static void release_all(void)
{
    hp_cuda_release(copies.all);
    free(copies.present);
    copies.all = NULL;
    copies.present = NULL;
}

/* Decides once for each store whether it has a copy. */
static bool has_copy(const HpImageStore *store)
{
    if (same_store(&copies.store, store))
        return copies.all != NULL;
    release_all();
    copies.store = *store;
    int64_t bytes;
    if (__builtin_mul_overflow(store->count, image_bytes(store), &bytes) ||
        bytes > hp_cuda_available() - reserve)
        return false;
    copies.all = hp_cuda_allocate((size_t)bytes);
    copies.present = hp_alloc((size_t)store->count, sizeof *copies.present);
    return true;
}

static void copy_image(const HpImageStore *store, void *to, int64_t place, int64_t image)
{
    int64_t bytes = image_bytes(store);
    hp_cuda_upload((char *)to + place * bytes, (const char *)store->pixels + image * bytes, (size_t)bytes);
}

static void copy_to_all(const HpImageStore *store, const int64_t *sample, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (copies.present[sample[i]])
            continue;
        copy_image(store, copies.all, sample[i], sample[i]);
        copies.present[sample[i]] = true;
    }
}

static void copy_to_batch(const HpImageStore *store, int64_t *sample, int64_t count)
{
    size_t bytes = (size_t)count * (size_t)image_bytes(store);
    if (bytes > copies.batch_bytes) {
        hp_cuda_release(copies.batch);
        copies.batch = hp_cuda_allocate(bytes);
        copies.batch_bytes = bytes;
    }
    for (int64_t i = 0; i < count; i++) {
        copy_image(store, copies.batch, i, sample[i]);
        sample[i] = i;
    }
}

void hp_cuda_set_images(HpContext *context, const HpImageStore *store, int64_t *sample, int64_t count)
{
    context->images = *store;
    /* A store no larger than the batch is a buffer that is filled anew for the next one. */
    if (store->count > count && has_copy(store)) {
        copy_to_all(store, sample, count);
        context->images.pixels = copies.all;
    } else {
        copy_to_batch(store, sample, count);
        context->images.pixels = copies.batch;
        context->images.count = count;
    }
}

void hp_cuda_images_close(void)
{
    release_all();
    hp_cuda_release(copies.batch);
    copies.batch = NULL;
    copies.batch_bytes = 0;
    copies.store = (HpImageStore){0};
}
