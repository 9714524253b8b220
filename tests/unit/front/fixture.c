#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *models_folder(Arena *arena)
{
    const char *root = getenv("HPANET_ROOT");
    assert_non_null(root);
    return arena_format(arena, "%s/models", root);
}

static Program *load(Arena *arena, const char *path, bool scales_loss)
{
    ProgramOptions options = {.models = models_folder(arena), .scales_loss = scales_loss};
    return program_load(arena, diagnostics_new(arena), path, &options);
}

Program *load_model(Arena *arena, const char *name)
{
    return load(arena, arena_format(arena, "%s/%s", models_folder(arena), name), false);
}

static Program *load_from(Arena *arena, const char *text, bool scales_loss)
{
    char path[] = "/tmp/hpanet_front_XXXXXX.hpanet";
    int file = mkstemps(path, 7);
    assert_true(file >= 0);
    size_t length = strlen(text);
    assert_int_equal(write(file, text, length), (ssize_t)length);
    close(file);
    Program *program = load(arena, path, scales_loss);
    unlink(path);
    return program;
}

Program *load_text(Arena *arena, const char *text)
{
    return load_from(arena, text, false);
}

Program *load_scaled_text(Arena *arena, const char *text)
{
    return load_from(arena, text, true);
}

const char *with_data(Arena *arena, int size, const char *text)
{
    return arena_format(
        arena,
        "dataset tiny {\n"
        "  planes red, green, blue\n  file \"{id}_{plane}.png\"\n  range 0 to 255\n"
        "  labels any of [ \"a\", \"b\", \"c\", \"d\" ]\n  part train { folder \"train\" }\n}\n"
        "input image = data.image at %d px\ntarget labels = data.labels\n%s",
        size, text);
}

Graph *find_function(const FunctionList *functions, const char *name)
{
    for (size_t i = 0; i < functions->count; i++)
        if (!strcmp(functions->items[i].name, name))
            return functions->items[i].graph;
    fail_msg("there is no function '%s'", name);
    return NULL;
}

double noise(uint64_t stream, uint64_t index)
{
    uint64_t x = stream * 0x9e3779b97f4a7c15u + index; /* splitmix64 */
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    x ^= x >> 31;
    return (double)(x >> 11) / 4503599627370496.0 - 1;
}

double *fill(Interpreter *interpreter, const Variable *variable, uint64_t stream, double scale)
{
    double *memory = interpreter_variable(interpreter, variable);
    for (int64_t i = 0; i < shape_count(variable->shape); i++)
        memory[i] = stream ? scale * noise(stream, (uint64_t)i) : variable->initializer.value;
    return memory;
}

void fill_all(Interpreter *interpreter, const Program *program)
{
    for (size_t i = 0; i < program->variables->list.count; i++) {
        const Variable *variable = program->variables->list.items[i];
        double *memory = interpreter_variable(interpreter, variable);
        if (variable->kind == HP_SCALAR)
            continue;
        for (int64_t j = 0; j < shape_count(variable->shape); j++) {
            double random = noise(i + 1, (uint64_t)j);
            memory[j] = variable->kind == HP_PARAMETER      ? 0.5 * random
                        : variable->kind == HP_STATISTIC    ? 1 + 0.5 * random
                        : !strcmp(variable->name, "labels") ? random > 0.3
                        : !strcmp(variable->name, "draw")   ? (double)j
                                                            : 0;
        }
    }
}

const Node *find_result(const Graph *graph, const char *name)
{
    for (size_t i = 0; i < graph->results.count; i++)
        if (!strcmp(graph->results.items[i].name, name))
            return graph->results.items[i].node;
    fail_msg("%s has no result '%s'", graph->name, name);
    return NULL;
}
