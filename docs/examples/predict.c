/* Predicts with the shared library of a model in C.
 *
 *   hpacc models/small.hpanet --dataset my.hpanet --emit library
 *   cc -I generated/small predict.c -o predict -L generated/small -Wl,-rpath,$PWD/generated/small -lsmall
 *   ./predict runs/1/best.safetensors pixels.raw 96 96 >probabilities.csv
 *
 * pixels.raw holds images of 8 bits, one after the other: [image][height][width][plane]. */
#include <small.h>
#include <stdio.h>
#include <stdlib.h>

static void fail(const char *message)
{
    fprintf(stderr, "predict: %s\n", message);
    exit(1);
}

static unsigned char *read_file(const char *path, size_t *bytes)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        fail("the pixels cannot be read");
    *bytes = (size_t)ftell(file);
    rewind(file);
    unsigned char *data = malloc(*bytes + 1);
    if (!data || fread(data, 1, *bytes, file) != *bytes)
        fail("the pixels cannot be read");
    fclose(file);
    return data;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        fail("usage: predict WEIGHTS PIXELS HEIGHT WIDTH");
    char error[512];
    small_predictor *predictor = small_create(argv[1], error, sizeof error);
    if (!predictor)
        fail(error);

    size_t bytes;
    unsigned char *pixels = read_file(argv[2], &bytes);
    small_images images = {.pixels = pixels,
                           .bits = 8,
                           .height = atoi(argv[3]),
                           .width = atoi(argv[4]),
                           .planes = small_plane_count()};
    int64_t image_bytes = images.height * images.width * images.planes;
    images.count = image_bytes > 0 ? (int64_t)bytes / image_bytes : 0;
    int classes = small_class_count();
    float *probabilities = malloc((size_t)(images.count * classes + 1) * sizeof *probabilities);
    if (!probabilities)
        fail("out of memory");
    if (!small_predict(predictor, &images, probabilities, error, sizeof error))
        fail(error);

    printf("image");
    for (int c = 0; c < classes; c++)
        printf(",%s", small_class_name(c));
    for (int64_t i = 0; i < images.count; i++) {
        printf("\n%lld", (long long)i);
        for (int c = 0; c < classes; c++)
            printf(",%.9g", (double)probabilities[i * classes + c]);
    }
    printf("\n");
    small_destroy(predictor);
    free(probabilities);
    free(pixels);
    return 0;
}
