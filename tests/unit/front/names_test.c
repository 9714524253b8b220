/* The weights of the shipped backbones have torchvision's names and shapes. The lists are made here by
 * torchvision's rule (resnet.py), not by the files that are tested. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

typedef struct Expected {
    Arena *arena;
    const Program *program;
    int count;
    int64_t parameters;
} Expected;

static void expect(Expected *e, const char *name, HpVariableKind kind, int rank, int64_t a, int64_t b,
                   int64_t k)
{
    const Variable *variable = variables_find(e->program->variables, arena_format(e->arena, "body.%s", name));
    if (!variable)
        fail_msg("there is no 'body.%s'", name);
    assert_int_equal(variable->kind, kind);
    Shape shape = shape_of(rank, (int64_t[]){a, b, k, k});
    if (!shape_equal(variable->shape, shape))
        fail_msg("'%s' is %s, not %s", variable->name, shape_text(e->arena, variable->shape),
                 shape_text(e->arena, shape));
    e->count++;
    e->parameters += kind == HP_PARAMETER ? shape_count(shape) : 0;
}

static void expect_norm(Expected *e, const char *name, int64_t width)
{
    expect(e, arena_format(e->arena, "%s.weight", name), HP_PARAMETER, 1, width, 0, 0);
    expect(e, arena_format(e->arena, "%s.bias", name), HP_PARAMETER, 1, width, 0, 0);
    expect(e, arena_format(e->arena, "%s.running_mean", name), HP_STATISTIC, 1, width, 0, 0);
    expect(e, arena_format(e->arena, "%s.running_var", name), HP_STATISTIC, 1, width, 0, 0);
}

static void expect_convolution(Expected *e, const char *name, const char *norm, int64_t out, int64_t in,
                               int64_t kernel)
{
    expect(e, arena_format(e->arena, "%s.weight", name), HP_PARAMETER, 4, out, in, kernel);
    expect_norm(e, norm, out);
}

static int64_t expect_block(Expected *e, const char *path, int64_t in, int64_t width, bool bottleneck,
                            bool strided)
{
    Arena *arena = e->arena;
    static const int kernels[2][3] = {{3, 3, 0}, {1, 3, 1}};
    int64_t out = bottleneck ? 4 * width : width, from = in;
    for (int i = 0; i < (bottleneck ? 3 : 2); i++) {
        int64_t to = i == 2 ? out : width;
        expect_convolution(e, arena_format(arena, "%s.conv%d", path, i + 1),
                           arena_format(arena, "%s.bn%d", path, i + 1), to, from, kernels[bottleneck][i]);
        from = to;
    }
    if (strided || in != out)
        expect_convolution(e, arena_format(arena, "%s.downsample.0", path),
                           arena_format(arena, "%s.downsample.1", path), out, in, 1);
    return out;
}

static void check_resnet(const char *call, const int counts[4], bool bottleneck, int planes, int tensors,
                         int64_t parameters)
{
    Arena *arena = arena_new();
    const char *planes_of[] = {"grey", "red, green", "red, green, blue", "red, green, blue, yellow"};
    const char *text =
        arena_format(arena,
                     "use \"backbones/resnet.hpanet\"\nuse \"losses.hpanet\"\nuse \"optimizers.hpanet\"\n"
                     "dataset d { planes %s; file \"{id}_{plane}.png\"; range 0 to 255; labels any of [ "
                     "\"a\", \"b\" ]; part p { } }\n"
                     "input image = data.image at 64 px\ntarget labels = data.labels\n"
                     "network { body = %s\n logits = linear(body, classes(labels)) as head }\n"
                     "loss = bce(logits, labels)\noptimizer = adam()\nlr = 1e-3\nepochs 1\nbatch 2\n",
                     planes_of[planes - 1], call);
    Expected e = {.arena = arena, .program = load_text(arena, text)};
    expect_convolution(&e, "conv1", "bn1", 64, planes, 7);
    int64_t in = 64;
    for (int layer = 0; layer < 4; layer++)
        for (int i = 0; i < counts[layer]; i++)
            in = expect_block(&e, arena_format(arena, "layer%d.%d", layer + 1, i), in, 64 << layer,
                              bottleneck, layer > 0 && i == 0);
    if (strstr(call, "classes")) {
        expect(&e, "fc.weight", HP_PARAMETER, 2, 1000, in, 0);
        expect(&e, "fc.bias", HP_PARAMETER, 1, 1000, 0, 0);
    }
    int found = 0;
    for (size_t i = 0; i < e.program->variables->list.count; i++)
        found += !strncmp(e.program->variables->list.items[i]->name, "body.", 5);
    assert_int_equal(e.count, tensors);
    assert_int_equal(found, tensors); /* and no others */
    assert_int_equal(e.parameters, parameters);
    arena_free(arena);
}

static void resnet34_is_torchvisions(void **state)
{
    (void)state;
    static const int counts[] = {3, 4, 6, 3};
    check_resnet("resnet34(image, classes = 1000)", counts, false, 3, 182, 21797672);
    check_resnet("resnet34(image)", counts, false, 4, 180, 21797672 - 513000 + 64 * 49);
}

static void the_other_resnets_are_torchvisions(void **state)
{
    (void)state;
    static const int counts18[] = {2, 2, 2, 2}, counts50[] = {3, 4, 6, 3}, counts152[] = {3, 8, 36, 3};
    check_resnet("resnet18(image, classes = 1000)", counts18, false, 3, 102, 11689512);
    check_resnet("resnet50(image, classes = 1000)", counts50, true, 3, 267, 25557032);
    check_resnet("resnet152(image, classes = 1000)", counts152, true, 3, 777, 60192808);
}

/* He's rule for convolutions as torchvision sets it, PyTorch's own for the head. */
static void first_weights_follow_torchvision(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Program *program = load_model(arena, "resnet34_baseline.hpanet");
    const Variable *conv1 = variables_find(program->variables, "body.conv1.weight");
    assert_int_equal(conv1->initializer.kind, HP_INITIAL_NORMAL);
    assert_true(fabs(conv1->initializer.value * conv1->initializer.value * 64 * 49 - 2) < 1e-12);
    const Variable *head = variables_find(program->variables, "head.bias");
    assert_int_equal(head->initializer.kind, HP_INITIAL_UNIFORM);
    assert_true(fabs(head->initializer.value * head->initializer.value * 512 - 1) < 1e-12);
    const Variable *norm = variables_find(program->variables, "body.bn1.weight");
    assert_int_equal(norm->initializer.kind, HP_INITIAL_CONSTANT);
    assert_true(norm->initializer.value == 1);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resnet34_is_torchvisions),
        cmocka_unit_test(the_other_resnets_are_torchvisions),
        cmocka_unit_test(first_weights_follow_torchvision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
