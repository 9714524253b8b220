/* Initial values, and the recipe's `weights` statements: what is loaded, left out, renamed or refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "runtime/base/base.h"
#include "runtime/weights/weights.h"

typedef struct Memory {
    float conv[2][4][1][2], mean[2], head[3][2], state[3][2], large[20000];
} Memory;

#define VARIABLE(text, variable_kind, member, r, ...)                                                        \
    {                                                                                                        \
        .name = text, .kind = variable_kind, .rank = r, .shape = {__VA_ARGS__},                              \
        .offset = offsetof(Memory, member), .count = sizeof(((Memory *)0)->member) / 4, .type = HP_F32   \
    }

static HpVariable variables[] = {
    VARIABLE("body.conv1.weight", HP_PARAMETER, conv, 4, 2, 4, 1, 2),
    VARIABLE("body.bn1.running_mean", HP_STATISTIC, mean, 1, 2),
    VARIABLE("head.weight", HP_PARAMETER, head, 2, 3, 2),
    VARIABLE("m:head.weight", HP_OPTIMIZER_STATE, state, 2, 3, 2),
    VARIABLE("large", HP_PARAMETER, large, 1, 20000),
};

static const char *const names[] = {"a", "b", "c", "d"};
static const HpDataset dataset = {.plane_count = 4, .planes = names, .class_count = 3, .classes = names};
static const HpPlane copies[] = {{.source = HP_PLANE_NUMBER, .number = 1, .scale = 1},
                                 {.source = HP_PLANE_NUMBER, .number = 2, .scale = 1},
                                 {.source = HP_PLANE_NUMBER, .number = 3, .scale = 1},
                                 {.source = HP_PLANE_NUMBER, .number = 1, .scale = 1}};
static HpStem stem = {.weight = "conv1.weight", .plane_count = 4, .planes = copies};
static const char *const except[] = {"fc"};
static HpWeights statement = {.file = "pretrained.safetensors",
                              .prefix = "body",
                              .except_count = 1,
                              .except = except,
                              .stem_count = 1,
                              .stems = &stem};
static const HpModel model = {.name = "m",
                              .source = "models/m.hpanet",
                              .version = "0",
                              .target = "cpu",
                              .dataset = &dataset,
                              .variable_count = 5,
                              .variables = variables,
                              .weights_count = 1,
                              .weights = &statement};
static Memory memory;
static HpContext context = {.model = &model, .memory = (char *)&memory};
static const HpVariables all = {&model, &hp_device_cpu, &context};
static char *folder;

static int set_up(void **state)
{
    (void)state;
    const char *root = getenv("TMPDIR");
    folder = hp_format("%s/hpanet-weights-XXXXXX", root ? root : "/tmp");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink("pretrained.safetensors");
    unlink("own.safetensors");
    unlink("stderr.txt");
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(rmdir(folder), 0);
    free(folder);
    return 0;
}

/* ---------------------------------------------------------------- making files */

typedef struct Source {
    float values[64];
    size_t count;
} Source;

static void copy_source(void *user, void *out)
{
    const Source *source = user;
    memcpy(out, source->values, source->count * sizeof(float));
}

static void add(HpTensorWriter *writer, Source *source, const char *name, int rank, const int64_t *shape)
{
    source->count = 1;
    for (int i = 0; i < rank; i++)
        source->count *= (size_t)shape[i];
    for (size_t i = 0; i < source->count; i++)
        source->values[i] = (float)i + (float)strlen(name) * 100;
    hp_writer_add(writer, name, HP_TENSOR_F32, rank, shape, copy_source, source);
}

typedef enum Defect { GOOD, EXTRA, MISSING, SHAPE, FEW_PLANES, OLD_NAMES, TWICE, NAMED_PLANES } Defect;

/* A torchvision-like file; the `fc` of another task and the count of batches are in it too. */
static void write_pretrained(Defect defect)
{
    static Source sources[5];
    HpTensorWriter *writer = hp_writer_new();
    if (defect == NAMED_PLANES)
        hp_writer_metadata(writer, HP_META_PLANES, "[\"red\", \"green\", \"blue\"]");
    add(writer, &sources[0], defect == OLD_NAMES ? "module.conv.1.weight" : "conv1.weight", 4,
        (int64_t[]){defect == SHAPE ? 3 : 2, defect == FEW_PLANES ? 2 : 3, 1, 2});
    if (defect != MISSING)
        add(writer, &sources[1], defect == OLD_NAMES ? "module.bn.1.running_mean" : "bn1.running_mean", 1,
            (int64_t[]){2});
    if (defect == TWICE)
        add(writer, &sources[4], "bn.1.running_mean", 1, (int64_t[]){2});
    add(writer, &sources[2], "bn1.num_batches_tracked", 0, NULL);
    add(writer, &sources[3], "fc.weight", 2, (int64_t[]){5, 2});
    if (defect == EXTRA)
        add(writer, &sources[4], "layer9.weight", 1, (int64_t[]){2});
    assert_true(hp_writer_save(writer, "pretrained.safetensors"));
    hp_writer_free(writer);
}

/* A child that ends in the middle, as hp_fail() does, has not freed what it used: LeakSanitizer asks this. */
int __lsan_is_turned_off(void);
static int is_child;

int __lsan_is_turned_off(void)
{
    return is_child;
}

/* Runs the call in a child and gives what it said; it must end with status 1. */
static char *failure_of(void (*call)(void))
{
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        is_child = 1;
        if (!freopen("stderr.txt", "w", stderr))
            _exit(90);
        call();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    return hp_read_file("stderr.txt", NULL);
}

static void expect_words(char *text, const char *const *words)
{
    for (; *words; words++)
        if (!strstr(text, *words))
            fail_msg("\"%s\" is not in: %s", *words, text);
    free(text);
}
#define EXPECT(call, ...) expect_words(failure_of(call), (const char *const[]){__VA_ARGS__, NULL})

static void apply(void)
{
    hp_weights_apply(&all, NULL);
}

static void apply_other(void)
{
    hp_weights_apply(&all, "nowhere.safetensors");
}

/* ---------------------------------------------------------------- tests */

static void test_initial_values(void **state)
{
    (void)state;
    Memory first;
    variables[0].initializer = (HpInitializer){HP_INITIAL_UNIFORM, 0.5};
    variables[1].initializer = (HpInitializer){HP_INITIAL_CONSTANT, 1};
    variables[3].initializer = (HpInitializer){HP_INITIAL_CONSTANT, 0};
    variables[4].initializer = (HpInitializer){HP_INITIAL_NORMAL, 0.25};
    hp_weights_initialize(&all, 7);
    first = memory;
    double sum = 0, squares = 0, fourth = 0;
    for (int i = 0; i < 20000; i++) {
        sum += memory.large[i];
        squares += pow(memory.large[i], 2);
        fourth += pow(memory.large[i], 4);
    }
    assert_float_equal(sum / 20000, 0, 0.25 * 4 / sqrt(20000));
    assert_float_equal(squares / 20000 / 0.0625, 1, 0.05);
    assert_float_equal(fourth / 20000 / pow(0.25, 4), 3, 0.3); /* the kurtosis of a normal distribution */
    for (int i = 0; i < 16; i++)
        assert_true(fabsf(((float *)memory.conv)[i]) <= 0.5f);
    assert_true(memory.mean[0] == 1 && memory.mean[1] == 1);
    hp_weights_initialize(&all, 7);
    assert_memory_equal(&first, &memory, sizeof memory);
    memory.state[1][1] = 5;
    hp_weights_initialize(&all, 7);
    assert_true(memory.state[1][1] == 5);
    hp_weights_reset_state(&all);
    assert_memory_equal(&first, &memory, sizeof memory);
    hp_weights_initialize(&all, 8);
    assert_memory_not_equal(first.large, memory.large, sizeof memory.large);
}

static void test_pretrained(void **state)
{
    (void)state;
    write_pretrained(GOOD);
    hp_weights_initialize(&all, 7);
    Memory before = memory;
    hp_weights_apply(&all, "none");
    assert_memory_equal(&before, &memory, sizeof memory);
    hp_weights_apply(&all, NULL);
    for (int o = 0; o < 2; o++)
        for (int plane = 0; plane < 4; plane++)
            for (int x = 0; x < 2; x++)
                assert_true(memory.conv[o][plane][0][x] == 1200 + (o * 3 + plane % 3) * 2 + x);
    assert_true(memory.mean[0] == 1600 && memory.mean[1] == 1601);
    assert_memory_equal(before.head, memory.head, sizeof memory.head);
}

/* A rule for four planes, and what it is: how much of each plane of the file each plane of ours takes. */
typedef struct StemCase {
    HpPlane planes[4];
    bool scaled;
    double take[4][3];
} StemCase;

#define NUMBER(n, factor)                                                                                    \
    {                                                                                                        \
        .source = HP_PLANE_NUMBER, .number = n, .scale = factor                                              \
    }
#define OTHER(kind, factor)                                                                                  \
    {                                                                                                        \
        .source = HP_PLANE_##kind, .scale = factor                                                           \
    }

enum { FRESH_MARK = -1 };

static const StemCase stem_cases[] = {
    {{NUMBER(1, 1), NUMBER(2, 1), NUMBER(3, 1), OTHER(MEAN, 0.75)},
     false,
     {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {0.25, 0.25, 0.25}}},
    {{OTHER(REPEAT, 1), OTHER(REPEAT, 1), OTHER(REPEAT, 1), OTHER(REPEAT, 1)},
     true, /* three planes become four */
     {{0.75, 0, 0}, {0, 0.75, 0}, {0, 0, 0.75}, {0.75, 0, 0}}},
    {{OTHER(MEAN, 1), OTHER(MEAN, 1), OTHER(MEAN, 1), OTHER(MEAN, 1)},
     true,
     {{0.25, 0.25, 0.25}, {0.25, 0.25, 0.25}, {0.25, 0.25, 0.25}, {0.25, 0.25, 0.25}}},
    {{NUMBER(3, 2), OTHER(ZERO, 1), OTHER(FRESH, 1), {HP_PLANE_NAME, 0, "green", 1}},
     true, /* two of ours take from three */
     {{0, 0, 3}, {0, 0, 0}, {FRESH_MARK}, {0, 1.5, 0}}},
};

static void check_stem(const StemCase *expected, const Memory *fresh)
{
    for (int o = 0; o < 2; o++)
        for (int plane = 0; plane < 4; plane++)
            for (int x = 0; x < 2; x++) {
                double value = 0; /* the file's element [o][p][0][x] is 1200 and its place */
                for (int p = 0; p < 3; p++)
                    value += expected->take[plane][p] * (1200 + (o * 3 + p) * 2 + x);
                if (expected->take[plane][0] == FRESH_MARK)
                    value = (double)fresh->conv[o][plane][0][x];
                assert_float_equal(memory.conv[o][plane][0][x], value, fabs(value) * 1e-6);
            }
}

static void test_stems(void **state)
{
    (void)state;
    variables[0].initializer = (HpInitializer){HP_INITIAL_UNIFORM, 0.5};
    write_pretrained(NAMED_PLANES);
    for (size_t i = 0; i < sizeof stem_cases / sizeof *stem_cases; i++) {
        stem.planes = stem_cases[i].planes;
        stem.scaled = stem_cases[i].scaled;
        hp_weights_initialize(&all, 11 + i);
        Memory fresh = memory;
        hp_weights_apply(&all, NULL);
        check_stem(&stem_cases[i], &fresh);
    }
    write_pretrained(GOOD);
    EXPECT(apply, "does not name its planes", "\"conv1.weight\" [2, 3, 1, 2]");
    stem.planes = (HpPlane[]){NUMBER(1, 1), NUMBER(4, 1), NUMBER(1, 1), NUMBER(1, 1)};
    EXPECT(apply, "planes 1 to 3", "no plane 4");
    stem.planes = copies;
    stem.scaled = false;
}

static void test_renamed(void **state)
{
    (void)state;
    static const HpRename renames[] = {{"module", ""}, {"conv.1", "conv1"}, {"bn.1", "bn1"}};
    statement.renames = renames;
    write_pretrained(OLD_NAMES);
    hp_weights_initialize(&all, 7);
    EXPECT(apply,
           "it has \"module.conv.1.weight\" [2, 3, 1, 2], but the network has no "
           "'body.module.conv.1.weight': leave it out with 'except module.conv.1.weight'",
           "no tensor \"conv1.weight\"", "no tensor \"bn1.running_mean\"");
    statement.rename_count = 3;
    hp_weights_apply(&all, NULL);
    assert_true(memory.conv[1][3][0][1] == 2000 + 3 * 2 + 1);
    assert_true(memory.mean[0] == 2400 && memory.mean[1] == 2401);
    write_pretrained(TWICE);
    EXPECT(apply, "both its \"bn1.running_mean\" and its \"bn.1.running_mean\"", "body.bn1.running_mean");
    statement.rename_count = 0;
}

static void test_pretrained_mistakes(void **state)
{
    (void)state;
    write_pretrained(EXTRA);
    EXPECT(apply, "layer9.weight", "[2]", "models/m.hpanet", "body.layer9.weight", "except layer9.weight");
    write_pretrained(MISSING);
    EXPECT(apply, "no tensor \"bn1.running_mean\"", "body.bn1.running_mean", "except bn1.running_mean");
    write_pretrained(SHAPE);
    EXPECT(apply, "[3, 3, 1, 2]", "pretrained.safetensors", "[2, 4, 1, 2]", "models/m.hpanet");
    write_pretrained(FEW_PLANES);
    EXPECT(apply, "[2, 2, 1, 2]", "[2, 4, 1, 2]", "planes");
    EXPECT(apply_other, "nowhere.safetensors", "docs/weights.md", "--initial none");
    unlink("pretrained.safetensors");
    EXPECT(apply, "pretrained.safetensors", "docs/weights.md", "--initial none");
    FILE *file = fopen("pretrained.safetensors", "w");
    fputs("<html>not found</html>", file);
    fclose(file);
    EXPECT(apply, "pretrained.safetensors", "HeaderTooLarge");
}

static void save_own(const char *class_name)
{
    static const char *changed[4];
    HpDataset other = dataset;
    HpModel copy = model;
    memcpy(changed, names, sizeof names);
    changed[1] = class_name;
    other.classes = changed;
    copy.dataset = &other;
    HpVariables same = {&copy, &hp_device_cpu, &context};
    HpTensorWriter *writer = hp_writer_new();
    hp_weights_add(writer, &same, HP_CHECKPOINT_KINDS, "{}");
    assert_true(hp_writer_save(writer, "own.safetensors"));
    hp_writer_free(writer);
}

static void open_own(void)
{
    char *wrong;
    if (!hp_weights_open(&model, "own.safetensors", &wrong))
        hp_fail_with(wrong);
}

static void load_own(void)
{
    char *wrong;
    HpTensorFile *file = hp_weights_open(&model, "own.safetensors", &wrong);
    wrong = hp_weights_load(&all, file, HP_CHECKPOINT_KINDS);
    hp_tensors_close(file);
    if (wrong)
        hp_fail_with(wrong);
}

static void test_own_files(void **state)
{
    (void)state;
    hp_weights_initialize(&all, 3);
    memory.state[2][1] = 0.5f;
    Memory before = memory;
    save_own("b");
    memset(&memory, 0, sizeof memory);
    load_own();
    assert_memory_equal(&before, &memory, sizeof memory);
    save_own("z");
    EXPECT(open_own, "own.safetensors", "classes", "\"z\"", "\"b\"");
    write_pretrained(GOOD);
    assert_int_equal(rename("pretrained.safetensors", "own.safetensors"), 0);
    EXPECT(load_own, "own.safetensors has no tensor \"body.conv1.weight\"", "models/m.hpanet");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_initial_values),
        cmocka_unit_test(test_pretrained),
        cmocka_unit_test(test_stems),
        cmocka_unit_test(test_renamed),
        cmocka_unit_test(test_pretrained_mistakes),
        cmocka_unit_test(test_own_files),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
