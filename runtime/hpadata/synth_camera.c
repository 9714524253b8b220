/* From light to 8-bit pictures: blur, photons, background subtraction, stretch. */
#include "synth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../base/base.h"

/* What the published pictures are after their stretch: mean and 99th percentile of red, green, blue, yellow,
 * and how much darker the test part is. */
static const float usual_mean[SYNTH_PLANES] = {21, 13, 14, 22};
static const float usual_bright[SYNTH_PLANES] = {165, 110, 160, 150};
static const float test_level[SYNTH_PLANES] = {.73f, .86f, .74f, .72f};

static const float saturated = .0008f; /* at most this share of the pixels is cut at 255 */
static const float dark_photons = 2, read_noise = .8f;

/* Reads along rows and writes along columns, so that two calls blur both ways. */
static void blur_lines(const float *from, float *to, int side, const float *weights, int reach)
{
    float *padded = hp_alloc((size_t)(side + 2 * reach), sizeof *padded),
          *line = hp_alloc((size_t)side, sizeof *line);
    for (int row = 0; row < side; row++) {
        const float *pixels = from + (size_t)row * (size_t)side;
        for (int i = 0; i < side + 2 * reach; i++)
            padded[i] = pixels[i < reach ? 0 : i - reach >= side ? side - 1 : i - reach];
        memset(line, 0, (size_t)side * sizeof *line);
        for (int k = 0; k <= 2 * reach; k++)
            for (int column = 0; column < side; column++)
                line[column] += weights[k] * padded[column + k];
        for (int column = 0; column < side; column++)
            to[column * side + row] = line[column];
    }
    free(padded);
    free(line);
}

void synth_blur(float *canvas, float *scratch, int side, float sigma)
{
    enum { MOST = 32 };
    float weights[2 * MOST + 1], sum = 0;
    const int reach = sigma * 3 > MOST ? MOST : (int)ceilf(sigma * 3);
    for (int k = -reach; k <= reach; k++)
        sum += weights[k + reach] = expf(-.5f * (float)(k * k) / (sigma * sigma));
    for (int k = 0; k <= 2 * reach; k++)
        weights[k] /= sum;
    blur_lines(canvas, scratch, side, weights, reach);
    blur_lines(scratch, canvas, side, weights, reach);
}

/* The point spread function: a sharp middle and a wide halo of light from above and below the focus. */
static void focus(SynthScene *scene, float *canvas, float sigma, float scatter)
{
    synth_blur(canvas, scene->scratch, scene->side, sigma);
    float *halo = hp_alloc(scene->size, sizeof *halo);
    memcpy(halo, canvas, scene->size * sizeof *halo);
    synth_blur(halo, scene->scratch, scene->side, 5);
    for (int p = 0; p < (int)scene->size; p++)
        canvas[p] = (1 - scatter) * canvas[p] + scatter * halo[p];
    free(halo);
}

static float mean_of(const float *values, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += (double)values[i];
    return (float)(sum / count);
}

float synth_quantile(float *values, int count, float share)
{
    const int wanted = (int)(share * (float)(count - 1));
    for (int low = 0, high = count - 1; low < high;) {
        const float pivot = values[low + (high - low) / 2];
        int i = low, j = high;
        while (i <= j) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i <= j) {
                const float swapped = values[i];
                values[i++] = values[j];
                values[j--] = swapped;
            }
        }
        if (wanted <= j)
            high = j;
        else if (wanted >= i)
            low = i;
        else
            break;
    }
    return values[wanted];
}

float synth_brightness(const SynthScene *scene, const float *canvas)
{
    enum { SAMPLES = 1 << 13 }; /* the brightest of every few pixels, so that selection stays short */
    const int count = scene->field * scene->field, stride = 1 + count / SAMPLES;
    float *values = hp_alloc((size_t)(count / stride + 1), sizeof *values);
    int kept = 0;
    for (int i = 0; i < count; i += stride, kept++)
        for (int k = i; k < i + stride && k < count; k++) {
            const int p = (k / scene->field + SYNTH_MARGIN) * scene->side + k % scene->field + SYNTH_MARGIN;
            values[kept] = fmaxf(values[kept], canvas[p]);
        }
    const int first = (int)(.998f * (float)(kept - 1));
    synth_quantile(values, kept, .998f); /* now the brightest are at the end */
    const float bright = mean_of(values + first, kept - first);
    free(values);
    return bright;
}

/* Light at a point of the window, from the four pixels round it. */
static float light_at(const SynthScene *scene, const float *canvas, float x, float y)
{
    const int p = synth_pixel(scene, x, y), side = scene->side;
    const float u = x - floorf(x), v = y - floorf(y);
    const float top = canvas[p] * (1 - u) + canvas[p + 1] * u;
    return top * (1 - v) + (canvas[p + side] * (1 - u) + canvas[p + side + 1] * u) * v;
}

/* The share of the window that cells, or nuclei, cover. */
static float covered(const SynthScene *scene, bool nuclei)
{
    int count = 0;
    for (int row = 0; row < scene->field; row++)
        for (int column = 0; column < scene->field; column++) {
            const int p = (row + SYNTH_MARGIN) * scene->side + column + SYNTH_MARGIN;
            count += nuclei ? scene->depth[p] > 0 : scene->owner[p] >= 0;
        }
    return (float)count / (float)(scene->field * scene->field);
}

/* How much of the picture the background subtraction makes 0: what no cell covers and some of the rest.
 * Green's share is the antibody's own, so that it tells nothing about the pattern. */
static float background_share(const SynthScene *scene, int plane, SynthRandom *random)
{
    const float empty = 1 - covered(scene, false);
    if (plane == SYNTH_GREEN)
        return fminf(.9f,
                     fmaxf(fmaxf(.35f, .97f * empty), scene->group->zeros + .04f * synth_normal(random)));
    if (plane == SYNTH_BLUE)
        return fminf(.95f, fmaxf(.4f, 1 - covered(scene, true) * synth_between(random, .9f, 1.1f)));
    return fminf(.85f, fmaxf(.25f, empty + (1 - empty) * synth_between(random, .15f, .45f)));
}

/* One speck of dust that the stretch takes for the brightest protein. */
static void add_speck(float *values, int pixels, float peak, SynthRandom *random)
{
    const float x = synth_between(random, 1, (float)pixels - 2),
                y = synth_between(random, 1, (float)pixels - 2);
    const float sigma = synth_between(random, .5f, 1.1f);
    for (int row = 0; row < pixels; row++)
        for (int column = 0; column < pixels; column++) {
            const float dx = (float)column - roundf(x), dy = (float)row - roundf(y);
            if (dx * dx + dy * dy < 25)
                values[row * pixels + column] += peak * expf(-.5f * (dx * dx + dy * dy) / (sigma * sigma));
        }
}

/* Photons counted by the detector, minus the background; values is pixels * pixels. */
static void count_photons(SynthScene *scene, const SynthPlan *plan, const SynthImage *image, int plane,
                          SynthRandom *random, float *values, float bright)
{
    const SynthPlate *plate = &plan->plates[scene->group->plate];
    const int pixels = plan->options->pixels;
    const float zoom = (float)scene->field / (float)pixels,
                photons = plate->photons[plane] / fmaxf(bright, 1e-6f);
    const float slope_x = plate->shading * cosf(plate->shading_angle) / (float)scene->field;
    const float slope_y = plate->shading * sinf(plate->shading_angle) / (float)scene->field;
    for (int i = 0; i < pixels * pixels; i++) {
        const float x = ((float)(i % pixels) + .5f) * zoom - .5f,
                    y = ((float)(i / pixels) + .5f) * zoom - .5f;
        const float light =
            light_at(scene, scene->plane[plane], x + (float)image->shift_x, y + (float)image->shift_y);
        const float shade =
            1 + slope_x * (x - (float)scene->field / 2) + slope_y * (y - (float)scene->field / 2);
        values[i] = (float)synth_poisson(random, dark_photons + photons * shade * light) +
                    read_noise * synth_normal(random);
    }
}

void synth_expose(SynthScene *scene, const SynthPlan *plan, const SynthImage *image, int plane,
                  uint8_t *pixels)
{
    const SynthPlate *plate = &plan->plates[scene->group->plate];
    const int side = plan->options->pixels, count = side * side;
    SynthRandom random;
    synth_random_start(&random, plan->options->seed, SYNTH_FOR_CAMERA,
                       image->exposure << 2 | (uint64_t)plane);
    focus(scene, scene->plane[plane], plate->blur[plane], plate->scatter[plane]);
    float *values = hp_alloc((size_t)count, sizeof *values), *order = hp_alloc((size_t)count, sizeof *order);
    count_photons(scene, plan, image, plane, &random, values, synth_brightness(scene, scene->plane[plane]));
    memcpy(order, values, (size_t)count * sizeof *order);
    const float background = synth_quantile(order, count, background_share(scene, plane, &random));
    for (int i = 0; i < count; i++)
        order[i] = values[i] = fmaxf(0, values[i] - background);
    const float level = plate->level[plane] * (plane == SYNTH_GREEN ? scene->group->level : 1) *
                        (image->test && !plan->options->demo ? test_level[plane] : 1);
    /* Between a stretch that fixes the mean and one that fixes the bright end. */
    const float by_mean = usual_mean[plane] / fmaxf(mean_of(values, count), 1e-3f);
    const float by_bright = usual_bright[plane] / fmaxf(synth_quantile(order, count, .99f), 1e-3f);
    const float most = 255 / fmaxf(synth_quantile(order, count, 1 - saturated), 1e-3f);
    const float scale = fminf(most, level * sqrtf(by_mean * by_bright)), peak = 255 / scale;
    if (synth_quantile(order, count, 1) < peak && synth_chance(&random, scene->field < 256 ? .35f : .9f))
        add_speck(values, side, peak, &random);
    for (int i = 0; i < count; i++)
        pixels[i] = (uint8_t)fminf(255, values[i] * scale + .5f);
    free(values);
    free(order);
}

void synth_render(const SynthPlan *plan, const SynthImage *image, uint8_t *pixels)
{
    SynthScene *scene = synth_scene_make(plan, image);
    synth_landmarks(scene, plan, image);
    synth_green(scene, plan, image);
    const size_t plane_size = (size_t)plan->options->pixels * (size_t)plan->options->pixels;
    for (int p = 0; p < SYNTH_PLANES; p++)
        synth_expose(scene, plan, image, p, pixels + (size_t)p * plane_size);
    synth_scene_free(scene);
}
