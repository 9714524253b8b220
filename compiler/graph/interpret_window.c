/* Pooling over [N, C, H, W], by its definition. */
#include "interpret.h"

#include <math.h>

/* The pixels of one window that are inside the image. */
typedef struct Place {
    int64_t top, left;         /* of the window, maybe in the padding */
    int64_t row[2], column[2]; /* first and one past the last inside */
} Place;

static Place place_of(const Window *window, const int64_t *image, int64_t y, int64_t x)
{
    Place place = {.top = y * window->stride[0] - window->pad_before[0],
                   .left = x * window->stride[1] - window->pad_before[1]};
    place.row[0] = place.top > 0 ? place.top : 0;
    place.column[0] = place.left > 0 ? place.left : 0;
    int64_t bottom = place.top + window->kernel[0], right = place.left + window->kernel[1];
    place.row[1] = bottom < image[0] ? bottom : image[0];
    place.column[1] = right < image[1] ? right : image[1];
    return place;
}

static double average_weight(const Window *window, const Place *place)
{
    if (window->count_padding)
        return 1.0 / (double)(window->kernel[0] * window->kernel[1]);
    return 1.0 / (double)((place->row[1] - place->row[0]) * (place->column[1] - place->column[0]));
}

/* The tap of the largest pixel, the first of equals; a NaN wins, the last of them. */
static int64_t largest_tap(const Window *window, const Place *place, const double *plane, int64_t width,
                           double *largest)
{
    int64_t tap = -1;
    for (int64_t row = place->row[0]; row < place->row[1]; row++) {
        for (int64_t column = place->column[0]; column < place->column[1]; column++) {
            double value = plane[row * width + column];
            if (tap >= 0 && !(value > *largest) && !isnan(value))
                continue;
            *largest = value;
            tap = (row - place->top) * window->kernel[1] + column - place->left;
        }
    }
    return tap;
}

static double window_average(const Window *window, const Place *place, const double *plane, int64_t width)
{
    double sum = 0;
    for (int64_t row = place->row[0]; row < place->row[1]; row++)
        for (int64_t column = place->column[0]; column < place->column[1]; column++)
            sum += plane[row * width + column];
    return sum * average_weight(window, place);
}

static double pool(const Node *node, const Place *place, const double *plane, int64_t width)
{
    double largest = 0;
    if (node->op == OP_AVERAGE_POOL)
        return window_average(&node->attributes.window, place, plane, width);
    int64_t tap = largest_tap(&node->attributes.window, place, plane, width, &largest);
    return node->op == OP_MAX_POOL ? largest : (double)tap;
}

/* Adds one output pixel's gradient to the pixels of its window. */
static void spread(const Node *node, const Place *place, double gradient, double index, double *plane,
                   int64_t width)
{
    const Window *window = &node->attributes.window;
    if (node->op == OP_MAX_POOL_GRADIENT) {
        int64_t row = place->top + (int64_t)index / window->kernel[1];
        int64_t column = place->left + (int64_t)index % window->kernel[1];
        plane[row * width + column] += gradient;
        return;
    }
    double share = gradient * average_weight(window, place);
    for (int64_t row = place->row[0]; row < place->row[1]; row++)
        for (int64_t column = place->column[0]; column < place->column[1]; column++)
            plane[row * width + column] += share;
}

void interpret_window(const Node *node, const double *const *inputs, double *value)
{
    bool backward = node->op == OP_MAX_POOL_GRADIENT || node->op == OP_AVERAGE_POOL_GRADIENT;
    const int64_t *image = &(backward ? node : node->inputs[0])->shape.extents[2];
    const int64_t *out = &(backward ? node->inputs[0] : node)->shape.extents[2];
    int64_t planes = node->shape.extents[0] * node->shape.extents[1];
    int64_t image_size = image[0] * image[1], out_size = out[0] * out[1];
    for (int64_t i = 0; backward && i < planes * image_size; i++)
        value[i] = 0;
    for (int64_t plane = 0; plane < planes; plane++) {
        for (int64_t pixel = 0; pixel < out_size; pixel++) {
            Place place = place_of(&node->attributes.window, image, pixel / out[1], pixel % out[1]);
            int64_t at = plane * out_size + pixel;
            if (backward)
                spread(node, &place, inputs[0][at], node->input_count == 2 ? inputs[1][at] : 0,
                       value + plane * image_size, image[1]);
            else
                value[at] = pool(node, &place, inputs[0] + plane * image_size, image[1]);
        }
    }
}
