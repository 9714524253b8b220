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

void vectors_fill(const char *name, int rank, const int64_t *extents, double *values)
{
    int64_t count = 1;
    for (int axis = 0; axis < rank; axis++)
        count *= extents[axis];
    double fan = rank > 0 ? (double)(count / extents[0]) : 1;
    uint32_t hash = text_hash(strcmp(name, "image") == 0 ? "image 852" : name);
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)element(name, rank, fan, element_hash(hash, i) / 4294967296.0);
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

static double entries_error(const VectorTensor *tensor, const double *values)
{
    int64_t count = vectors_elements(tensor);
    uint32_t hash = prefixed_hash("entries of ", tensor->name);
    double worst = 0;
    for (int64_t j = 0; j < VECTOR_ENTRIES && j < count; j++) {
        int64_t at = count > VECTOR_ENTRIES ? element_hash(hash, j) % count : j;
        double error = fabs(values[at] - tensor->entries[j]);
        if (!(error <= worst))
            worst = error;
    }
    return worst / tensor->largest;
}

double vectors_error(const VectorTensor *tensor, const double *values)
{
    int64_t count = vectors_elements(tensor);
    uint32_t hash = prefixed_hash("projections of ", tensor->name);
    double squares = 0, projections[VECTOR_PROJECTIONS] = {0};
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits = element_hash(hash, i);
        squares += values[i] * values[i];
        for (int k = 0; k < VECTOR_PROJECTIONS; k++)
            projections[k] += bits >> k & 1 ? -values[i] : values[i];
    }
    double worst = fabs(sqrt(squares) - tensor->norm) / tensor->norm;
    for (int k = 0; k < VECTOR_PROJECTIONS; k++) {
        double error = fabs(projections[k] - tensor->projections[k]) / tensor->norm;
        if (!(error <= worst))
            worst = error;
    }
    double error = entries_error(tensor, values);
    return error <= worst ? worst : error;
}

/* ---- reading ---- */

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
    char name[256], shape[128];
    if (sscanf(line, "tensor %255s %127s", name, shape) != 2)
        stop(file, "a tensor without name and shape");
    tensor->name = strdup(name);
    for (char *at = shape;; at++) {
        if (tensor->rank == VECTOR_MAX_RANK)
            stop(file, "a tensor of too many axes");
        tensor->extents[tensor->rank++] = strtoll(at, &at, 10);
        if (*at != 'x')
            break;
    }
    if (!tensor->name || vectors_elements(tensor) < 1)
        stop(file, "a tensor without elements");
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

static void read_tensor(const char *file, Lines *lines, VectorTensor *tensor)
{
    double norm[2];
    read_header(file, lines->line, tensor);
    int64_t count = vectors_elements(tensor);
    int entries = count < VECTOR_ENTRIES ? (int)count : VECTOR_ENTRIES;
    const struct {
        const char *word;
        int count;
        double *numbers;
    } parts[] = {{"norm", 2, norm},
                 {"single", 1, &tensor->single},
                 {"entries", entries, tensor->entries},
                 {"projections", VECTOR_PROJECTIONS, tensor->projections}};
    for (int i = 0; i < 4; i++) {
        if (!next_line(lines))
            stop(file, "the file ends in a tensor");
        read_numbers(file, lines->line, parts[i].word, parts[i].count, parts[i].numbers);
    }
    tensor->norm = norm[0];
    tensor->largest = norm[1];
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
    while (next_line(&lines)) {
        if (strncmp(lines.line, "tensor ", 7) == 0) {
            vectors->tensors =
                realloc(vectors->tensors, (size_t)(vectors->count + 1) * sizeof *vectors->tensors);
            if (!vectors->tensors)
                stop(file, "does not fit in memory");
            VectorTensor *tensor = &vectors->tensors[vectors->count++];
            *tensor = (VectorTensor){0};
            read_tensor(file, &lines, tensor);
        } else if (strncmp(lines.line, "losses ", 7) == 0) {
            read_numbers(file, lines.line, "losses", VECTOR_LOSSES, vectors->losses);
        } else if (lines.line[0] != '#') {
            read_numbers(file, lines.line, "losses_single", VECTOR_LOSSES, vectors->losses_single);
        }
    }
    free(lines.line);
    fclose(lines.stream);
    return vectors;
}

void vectors_free(Vectors *vectors)
{
    for (int i = 0; i < vectors->count; i++)
        free(vectors->tensors[i].name);
    free(vectors->tensors);
    free(vectors);
}

const VectorTensor *vectors_find(const Vectors *vectors, const char *name)
{
    for (int i = 0; i < vectors->count; i++)
        if (strcmp(vectors->tensors[i].name, name) == 0)
            return &vectors->tensors[i];
    return NULL;
}
