/* NAME: the weights of a shipped backbone are called, shaped and ordered as in names/NAME.txt of the vectors.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "compiler/front/program.h"
#include "tests/vectors/vectors.h"

static const char *backbone;
static const char PREFIX[] = "body.";

/* The next variable behind `index` that a weight file of the backbone holds, or NULL. */
static const Variable *next_weight(const VariableList *list, size_t *index)
{
    while (*index < list->count) {
        const Variable *v = list->items[(*index)++];
        if ((v->kind == HP_PARAMETER || v->kind == HP_STATISTIC) &&
            strncmp(v->name, PREFIX, sizeof PREFIX - 1) == 0)
            return v;
    }
    return NULL;
}

static void weights_are_as_listed(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    const char *model =
        arena_format(arena, "%s/tests/parity/%s_names.hpanet", getenv("HPANET_BUILD"), backbone);
    Program *program = program_load(arena, diagnostics_new(arena), model, &(ProgramOptions){0});
    FILE *stream =
        fopen(arena_format(arena, "%s/tests/vectors/names/%s.txt", getenv("HPANET_ROOT"), backbone), "r");
    assert_non_null(stream);
    char line[512], name[VECTOR_MAX_NAME], text[128];
    int64_t tensors = 0, counts[2] = {0}, recorded[3] = {0};
    size_t index = 0;
    while (fgets(line, sizeof line, stream)) {
        int64_t extents[VECTOR_MAX_RANK];
        if (sscanf(line, "total %" SCNd64 "%" SCNd64 "%" SCNd64, &recorded[0], &recorded[1], &recorded[2]) ==
            3)
            break;
        int rank = sscanf(line, "%255s %127s", name, text) == 2 ? vectors_shape(text, extents) : 0;
        if (rank == 0 || strcmp(name, "image") == 0)
            continue; /* what the model is made of */
        const Variable *v = next_weight(&program->variables->list, &index);
        if (!v || strcmp(v->name + sizeof PREFIX - 1, name) != 0)
            fail_msg("tensor %" PRId64 " is called %s, not %s", tensors, name,
                     v ? v->name : "anything of ours");
        if (!shape_equal(v->shape, shape_of(rank, extents)))
            fail_msg("%s is %s, not %s", name, text, shape_text(arena, v->shape));
        tensors++;
        counts[v->kind == HP_STATISTIC] += shape_count(v->shape);
    }
    fclose(stream);
    const Variable *more = next_weight(&program->variables->list, &index);
    if (more)
        fail_msg("%s is not listed", more->name);
    assert_true(tensors > 0);
    assert_int_equal(tensors, recorded[0]);
    assert_int_equal(counts[0], recorded[1]);
    assert_int_equal(counts[1], recorded[2]);
    arena_free(arena);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    backbone = argv[1];
    const struct CMUnitTest tests[] = {cmocka_unit_test(weights_are_as_listed)};
    return cmocka_run_group_tests_name(backbone, tests, NULL, NULL);
}
