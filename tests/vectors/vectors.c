#include "vectors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t text_hash(const char *text)
{
    uint32_t hash = 2166136261u;
    for (const unsigned char *byte = (const unsigned char *)text; *byte; byte++)
        hash = (hash ^ *byte) * 16777619u;
    return hash;
}

static uint32_t element_hash(uint32_t name, int64_t i)
{
    uint32_t x = name + (uint32_t)i * 0x9E3779B9u;
    x ^= x >> 16;
    x *= 0x7FEB352Du;
    x ^= x >> 15;
    x *= 0x846CA68Bu;
    return x ^ x >> 16;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), part = strlen(end);
    return length >= part && strcmp(text + length - part, end) == 0;
}

static double element(const char *name, int rank, double fan, double u)
{
    if (strcmp(name, "image") == 0)
        return floor(32768 * u) / 32768;
    if (strcmp(name, "labels") == 0)
        return u < 0.3;
    if (ends_with(name, "running_mean"))
        return 0.4 * u - 0.2;
    if (ends_with(name, "running_var"))
        return 0.5 + u;
    if (rank > 1)
        return (2 * u - 1) * sqrt(6.0 / fan);
    return ends_with(name, "bias") ? 0.4 * u - 0.2 : 0.75 + 0.5 * u;
}

/* The name, behind it its number where it has one. */
static uint32_t input_hash(const Vectors *vectors, const char *name)
{
    char numbered[VECTOR_MAX_NAME + 16];
    for (int i = 0; vectors && i < vectors->number_count; i++)
        if (strcmp(vectors->numbers[i].name, name) == 0) {
            snprintf(numbered, sizeof numbered, "%s %d", name, (int)vectors->numbers[i].value);
            return text_hash(numbered);
        }
    return text_hash(name);
}

static double input_factor(const Vectors *vectors, const char *name)
{
    for (int i = 0; vectors && i < vectors->scale_count; i++)
        if (ends_with(name, vectors->scales[i].name))
            return vectors->scales[i].value;
    return 1;
}

void vectors_fill(const Vectors *vectors, const char *name, int rank, const int64_t *extents, double *values)
{
    int64_t count = 1;
    for (int axis = 0; axis < rank; axis++)
        count *= extents[axis];
    double fan = rank > 0 ? (double)(count / extents[0]) : 1, factor = input_factor(vectors, name);
    uint32_t hash = input_hash(vectors, name);
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)(factor * element(name, rank, fan, element_hash(hash, i) / 4294967296.0));
}

int64_t vectors_elements(const VectorTensor *tensor)
{
    int64_t count = 1;
    for (int axis = 0; axis < tensor->rank; axis++)
        count *= tensor->extents[axis];
    return count;
}

static uint32_t prefixed_hash(const char *prefix, const char *name)
{
    char text[512];
    snprintf(text, sizeof text, "%s%s", prefix, name);
    return text_hash(text);
}

bool vectors_is_zero(const VectorTensor *tensor)
{
    return tensor->largest < 1e-12;
}

static double entries_error(const Vectors *vectors, const VectorTensor *tensor, const double *values)
{
    int64_t count = vectors_elements(tensor);
    uint32_t hash = prefixed_hash("entries of ", tensor->name);
    double worst = 0;
    for (int64_t j = 0; j < vectors->entries && j < count; j++) {
        int64_t at = count > vectors->entries ? element_hash(hash, j) % count : j;
        double error = fabs(values[at] - tensor->entries[j]);
        if (!(error <= worst))
            worst = error;
    }
    return vectors_is_zero(tensor) ? worst : worst / tensor->largest;
}

double vectors_error(const Vectors *vectors, const VectorTensor *tensor, const double *values)
{
    int64_t count = vectors_elements(tensor);
    uint32_t hash = prefixed_hash("projections of ", tensor->name);
    double squares = 0, projections[VECTOR_PROJECTIONS] = {0};
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits = element_hash(hash, i);
        squares += values[i] * values[i];
        for (int k = 0; k < vectors->projections; k++)
            projections[k] += bits >> k & 1 ? -values[i] : values[i];
    }
    double unit = vectors_is_zero(tensor) ? 1 : tensor->norm;
    double worst = fabs(sqrt(squares) - tensor->norm) / unit;
    for (int k = 0; k < vectors->projections; k++) {
        double error = fabs(projections[k] - tensor->projections[k]) / unit;
        if (!(error <= worst))
            worst = error;
    }
    double error = entries_error(vectors, tensor, values);
    return error <= worst ? worst : error;
}

/* ---- reading ---- */

int vectors_shape(const char *text, int64_t extents[VECTOR_MAX_RANK])
{
    for (int rank = 0; rank < VECTOR_MAX_RANK; text++) {
        char *end;
        extents[rank++] = strtoll(text, &end, 10);
        if (end == text || extents[rank - 1] < 1)
            return 0;
        text = end;
        if (*text != 'x')
            return *text == '\0' ? rank : 0;
    }
    return 0;
}

static void stop(const char *file, const char *what)
{
    fprintf(stderr, "tests/vectors/%s: %s\n", file, what);
    exit(1);
}

/* `count` numbers after the word; the line must hold no more. */
static void read_numbers(const char *file, const char *line, const char *word, int count, double *numbers)
{
    size_t length = strlen(word);
    if (strncmp(line, word, length) != 0 || line[length] != ' ')
        stop(file, "a line is missing");
    const char *at = line + length;
    for (int i = 0; i < count; i++) {
        char *end;
        numbers[i] = strtod(at, &end);
        if (end == at)
            stop(file, "a number is missing");
        at = end;
    }
    if (*at != '\n')
        stop(file, "there are more numbers than expected");
}

static void read_header(const char *file, const char *line, VectorTensor *tensor)
{
    char name[VECTOR_MAX_NAME], shape[128];
    if (sscanf(line, "tensor %255s %127s", name, shape) != 2)
        stop(file, "a tensor without name and shape");
    tensor->name = strdup(name);
    tensor->rank = vectors_shape(shape, tensor->extents);
    if (!tensor->name || tensor->rank == 0)
        stop(file, "a tensor without a shape");
}

typedef struct Lines {
    FILE *stream;
    char *line;
    size_t capacity;
} Lines;

static bool next_line(Lines *lines)
{
    return getline(&lines->line, &lines->capacity, lines->stream) > 0;
}

static void read_tensor(const char *file, Lines *lines, const Vectors *vectors, VectorTensor *tensor)
{
    double norm[2];
    read_header(file, lines->line, tensor);
    int64_t count = vectors_elements(tensor);
    int entries = count < vectors->entries ? (int)count : vectors->entries;
    const struct {
        const char *word;
        int count;
        double *numbers;
    } parts[] = {{"norm", 2, norm},
                 {"single", 1, &tensor->single},
                 {"entries", entries, tensor->entries},
                 {"projections", vectors->projections, tensor->projections}};
    for (int i = 0; i < 4; i++) {
        if (!next_line(lines))
            stop(file, "the file ends in a tensor");
        read_numbers(file, lines->line, parts[i].word, parts[i].count, parts[i].numbers);
    }
    tensor->norm = norm[0];
    tensor->largest = norm[1];
}

static void read_named(const char *file, const char *line, VectorNamed **items, int *count)
{
    char name[VECTOR_MAX_NAME];
    VectorNamed item;
    if (sscanf(line, "%*s %255s %lf", name, &item.value) != 2)
        stop(file, "a number or scale without name and value");
    item.name = strdup(name);
    *items = realloc(*items, (size_t)(*count + 1) * sizeof **items);
    if (!item.name || !*items)
        stop(file, "does not fit in memory");
    (*items)[(*count)++] = item;
}

static void read_sizes(const char *file, const char *line, Vectors *vectors)
{
    if (sscanf(line, "recorded %d %d %d", &vectors->entries, &vectors->projections, &vectors->steps) != 3 ||
        vectors->entries > VECTOR_ENTRIES || vectors->projections > VECTOR_PROJECTIONS ||
        vectors->steps > VECTOR_LOSSES)
        stop(file, "more is recorded than a reader holds");
}

/* What stands before the tensors. */
static void read_setting(const char *file, const char *line, Vectors *vectors)
{
    char shape[128];
    if (strncmp(line, "image ", 6) == 0) {
        if (sscanf(line, "image %127s", shape) != 1 || vectors_shape(shape, vectors->image) != 4)
            stop(file, "an image without a shape");
    } else if (strncmp(line, "recorded ", 9) == 0) {
        read_sizes(file, line, vectors);
    } else if (strncmp(line, "number ", 7) == 0) {
        read_named(file, line, &vectors->numbers, &vectors->number_count);
    } else if (strncmp(line, "scale ", 6) == 0) {
        read_named(file, line, &vectors->scales, &vectors->scale_count);
    } else if (strcmp(line, "smooth\n") == 0) {
        vectors->smooth = true;
    } else if (line[0] != '#' && strncmp(line, "file ", 5) != 0 && strncmp(line, "call ", 5) != 0) {
        stop(file, "a line of no known kind");
    }
}

static void read_next(const char *file, Lines *lines, Vectors *vectors)
{
    const char *line = lines->line;
    if (strncmp(line, "tensor ", 7) == 0) {
        vectors->tensors = realloc(vectors->tensors, (size_t)(vectors->count + 1) * sizeof *vectors->tensors);
        if (!vectors->tensors)
            stop(file, "does not fit in memory");
        VectorTensor *tensor = &vectors->tensors[vectors->count++];
        *tensor = (VectorTensor){0};
        read_tensor(file, lines, vectors, tensor);
    } else if (strncmp(line, "losses ", 7) == 0) {
        read_numbers(file, line, "losses", vectors->steps, vectors->losses);
    } else if (strncmp(line, "losses_single ", 14) == 0) {
        read_numbers(file, line, "losses_single", vectors->steps, vectors->losses_single);
    } else {
        read_setting(file, line, vectors);
    }
}

Vectors *vectors_read(const char *file)
{
    const char *root = getenv("HPANET_ROOT");
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/vectors/%s", root ? root : ".", file);
    Lines lines = {.stream = fopen(path, "r")};
    Vectors *vectors = calloc(1, sizeof *vectors);
    if (!lines.stream || !vectors)
        stop(file, "cannot be read");
    while (next_line(&lines))
        read_next(file, &lines, vectors);
    free(lines.line);
    fclose(lines.stream);
    return vectors;
}

static void free_named(VectorNamed *items, int count)
{
    for (int i = 0; i < count; i++)
        free(items[i].name);
    free(items);
}

void vectors_free(Vectors *vectors)
{
    for (int i = 0; i < vectors->count; i++)
        free(vectors->tensors[i].name);
    free(vectors->tensors);
    free_named(vectors->numbers, vectors->number_count);
    free_named(vectors->scales, vectors->scale_count);
    free(vectors);
}

const VectorTensor *vectors_find(const Vectors *vectors, const char *name)
{
    for (int i = 0; i < vectors->count; i++)
        if (strcmp(vectors->tensors[i].name, name) == 0)
            return &vectors->tensors[i];
    return NULL;
}
