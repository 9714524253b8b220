/* Batches ahead of use: threads decode the images of a folder into staging slots, or check and touch those of
 * a pack.
 *
 * Slots form a ring: the one in use by the taker, then at most two waiting. Threads work through the waiting
 * slots in the order they were asked for, image by image, so batches come out in order whatever the threads
 * do. */
#include "internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 3, MAX_THREADS = 256 };

typedef struct Slot {
    int64_t *images;
    char **errors;   /* per image, NULL: good */
    uint8_t *pixels; /* NULL for a pack */
    int64_t count, started, finished;
} Slot;

struct HpLoader {
    HpData *data;
    int64_t rows;
    int thread_count;
    pthread_t threads[MAX_THREADS];
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    Slot slots[SLOTS];
    int64_t requested, taken; /* slots so far; slot number modulo SLOTS is its place */
    bool stop;
};

static char *check_packed(const HpData *data, int64_t image)
{
    if (atomic_load(&data->verified[image]))
        return NULL;
    char *failure = hp_pack_verify(data->pack, data->first + image);
    if (!failure)
        atomic_store(&data->verified[image], 1);
    return failure;
}

/* Reads one byte of each page, so that the pages are in memory when the device asks for them. */
static void touch_pages(const HpData *data, int64_t image)
{
    size_t bytes = hp_store_image_bytes(&data->shape);
    const volatile uint8_t *pixels = data->pack->pixels + (size_t)(data->first + image) * bytes;
    for (size_t at = 0; at < bytes; at += HP_PACK_PAGE)
        (void)pixels[at];
}

static char *load_image(HpLoader *loader, HpDecoder *decoder, Slot *slot, int64_t row)
{
    HpData *data = loader->data;
    int64_t image = slot->images[row];
    if (data->pack) {
        char *failure = check_packed(data, image);
        if (!failure)
            touch_pages(data, image);
        return failure;
    }
    uint8_t *out = slot->pixels + (size_t)row * hp_store_image_bytes(&data->shape);
    return hp_decode(decoder, data->index, data->first + image, &data->shape, out);
}

/* The oldest waiting slot with an image that no thread has begun; NULL: none. */
static Slot *find_work(HpLoader *loader)
{
    for (int64_t i = loader->taken; i < loader->requested; i++) {
        Slot *slot = &loader->slots[i % SLOTS];
        if (slot->started < slot->count)
            return slot;
    }
    return NULL;
}

static void *run_thread(void *argument)
{
    HpLoader *loader = argument;
    HpDecoder decoder = {0};
    pthread_mutex_lock(&loader->lock);
    while (!loader->stop) {
        Slot *slot = find_work(loader);
        if (!slot) {
            pthread_cond_wait(&loader->work, &loader->lock);
            continue;
        }
        int64_t row = slot->started++;
        pthread_mutex_unlock(&loader->lock);
        char *failure = load_image(loader, &decoder, slot, row);
        pthread_mutex_lock(&loader->lock);
        slot->errors[row] = failure;
        if (++slot->finished == slot->count)
            pthread_cond_broadcast(&loader->done);
    }
    pthread_mutex_unlock(&loader->lock);
    hp_decoder_free(&decoder);
    return NULL;
}

HpLoader *hp_loader_open(HpData *data, int threads, int64_t rows)
{
    HpLoader *loader = hp_alloc(1, sizeof *loader);
    loader->data = data;
    loader->rows = rows;
    loader->thread_count = threads < 1 ? 1 : threads > MAX_THREADS ? MAX_THREADS : threads;
    for (int i = 0; i < SLOTS; i++) {
        Slot *slot = &loader->slots[i];
        slot->images = hp_alloc((size_t)rows, sizeof *slot->images);
        slot->errors = hp_alloc((size_t)rows, sizeof *slot->errors);
        if (!data->pack)
            slot->pixels = hp_alloc((size_t)rows, hp_store_image_bytes(&data->shape));
    }
    if (pthread_mutex_init(&loader->lock, NULL) || pthread_cond_init(&loader->work, NULL) ||
        pthread_cond_init(&loader->done, NULL))
        hp_fail("cannot make a lock for the loader's threads");
    for (int i = 0; i < loader->thread_count; i++)
        if (pthread_create(&loader->threads[i], NULL, run_thread, loader) != 0)
            hp_fail("cannot start %d decode threads; use fewer ('--threads')", loader->thread_count);
    return loader;
}

static void clear_errors(Slot *slot)
{
    for (int64_t i = 0; i < slot->count; i++) {
        free(slot->errors[i]);
        slot->errors[i] = NULL;
    }
}

void hp_loader_request(HpLoader *loader, const int64_t *images, int64_t count)
{
    if (count < 1 || count > loader->rows)
        hp_bug("a batch of %lld images was asked of a loader for %lld", (long long)count,
               (long long)loader->rows);
    for (int64_t i = 0; i < count; i++)
        if (images[i] < 0 || images[i] >= loader->data->count)
            hp_bug("image %lld of %lld was asked for", (long long)images[i], (long long)loader->data->count);
    pthread_mutex_lock(&loader->lock);
    if (loader->requested - loader->taken == SLOTS - 1)
        hp_bug("a third batch was asked for while %d wait", SLOTS - 1);
    Slot *slot = &loader->slots[loader->requested % SLOTS];
    clear_errors(slot);
    memcpy(slot->images, images, (size_t)count * sizeof *images);
    slot->count = count;
    slot->started = slot->finished = 0;
    loader->requested++;
    pthread_cond_broadcast(&loader->work);
    pthread_mutex_unlock(&loader->lock);
}

HpImageStore hp_loader_take_errors(HpLoader *loader, int64_t *sample, char *const **errors)
{
    pthread_mutex_lock(&loader->lock);
    if (loader->taken == loader->requested)
        hp_bug("a batch was taken that was never asked for");
    Slot *slot = &loader->slots[loader->taken % SLOTS];
    while (slot->finished < slot->count)
        pthread_cond_wait(&loader->done, &loader->lock);
    loader->taken++;
    pthread_mutex_unlock(&loader->lock);
    for (int64_t i = 0; i < slot->count; i++)
        sample[i] = slot->pixels ? i : slot->images[i];
    *errors = slot->errors;
    if (!slot->pixels)
        return hp_data_store(loader->data);
    return hp_store_of(loader->data->dataset, &loader->data->shape, slot->pixels, loader->rows);
}

HpImageStore hp_loader_take(HpLoader *loader, int64_t *sample)
{
    char *const *errors;
    HpImageStore store = hp_loader_take_errors(loader, sample, &errors);
    const Slot *slot = &loader->slots[(loader->taken - 1) % SLOTS];
    for (int64_t i = 0; i < slot->count; i++)
        if (errors[i])
            hp_fail("%s", errors[i]);
    return store;
}

void hp_loader_close(HpLoader *loader)
{
    if (!loader)
        return;
    pthread_mutex_lock(&loader->lock);
    loader->stop = true;
    pthread_cond_broadcast(&loader->work);
    pthread_mutex_unlock(&loader->lock);
    for (int i = 0; i < loader->thread_count; i++)
        pthread_join(loader->threads[i], NULL);
    for (int i = 0; i < SLOTS; i++) {
        clear_errors(&loader->slots[i]);
        free(loader->slots[i].images);
        free(loader->slots[i].errors);
        free(loader->slots[i].pixels);
    }
    pthread_cond_destroy(&loader->work);
    pthread_cond_destroy(&loader->done);
    pthread_mutex_destroy(&loader->lock);
    free(loader);
}
