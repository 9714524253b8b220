/* hpadata baseline, on pictures whose labels intensities tell, or do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "runtime/base/base.h"
#include "runtime/hpadata/synth.h"

enum { SIDE = 16, IMAGES = 80 };

static const char dataset[] =
    "hpanet 1\n"
    "dataset dots {\n"
    "  planes grey\n"
    "  file \"{id}_{plane}.png\"\n"
    "  range 0 to 255\n"
    "  labels any of [ \"bright\", \"dark\", \"odd\" ]\n"
    "  part train { folder \"train\"; table \"train.csv\" id \"Id\" labels \"Target\" split \" \" }\n"
    "  part test { folder \"test\"; order \"order.csv\" id \"Id\" }\n"
    "}\n";

static void write_text(const char *folder, const char *name, const char *text)
{
    char *path = hp_format("%s/%s", folder, name);
    assert_true(hp_write_file(path, text, strlen(text)));
    free(path);
}

/* Noise that is twice as bright where the label is 0; label 2 is dealt by chance. */
static char *write_part(const char *folder, const char *part, uint64_t seed)
{
    SynthRandom random;
    synth_random_start(&random, seed, SYNTH_FOR_LABELS, 0);
    char *table = hp_string("Id,Target\n"), *below = hp_format("%s/%s", folder, part);
    hp_make_folder(below);
    for (int i = 0; i < IMAGES; i++) {
        const bool bright = synth_chance(&random, .4f), odd = synth_chance(&random, .4f);
        uint8_t pixels[SIDE * SIDE];
        for (int p = 0; p < SIDE * SIDE; p++)
            pixels[p] = (uint8_t)synth_between(&random, 0, bright ? 240 : 120);
        char *path = hp_format("%s/%03d_grey.png", below, i);
        synth_png_write(path, pixels, SIDE);
        char *longer = hp_format("%s%03d,%d%s\n", table, i, bright ? 0 : 1, odd ? " 2" : "");
        free(table);
        free(path);
        table = longer;
    }
    free(below);
    return table;
}

static char *make_set(void)
{
    const char *root = getenv("TMPDIR");
    char *folder = hp_format("%s/baseline.XXXXXX", root ? root : "/tmp");
    assert_non_null(mkdtemp(folder));
    write_text(folder, "dots.hpanet", dataset);
    char *train = write_part(folder, "train", 1), *test = write_part(folder, "test", 2);
    write_text(folder, "train.csv", train);
    write_text(folder, "test_labels.csv", test);
    write_text(folder, "order.csv", test);
    free(train);
    free(test);
    return folder;
}

/* What the command printed; its exit status in *status. */
static char *run_baseline(const char *folder, const char *options, int *status)
{
    char *command = hp_format(HPADATA " baseline '%s/dots.hpanet' '%s' %s 2>&1", folder, folder, options);
    char *output = hp_alloc(1 << 14, 1);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    const size_t length = fread(output, 1, (1 << 14) - 1, pipe);
    output[length] = '\0';
    *status = WEXITSTATUS(pclose(pipe));
    free(command);
    return output;
}

static double precision_of(const char *output, const char *class_name)
{
    const char *line = strstr(output, class_name);
    double positives, share, precision;
    assert_non_null(line);
    assert_int_equal(sscanf(line + strlen(class_name), "%lf %lf %lf", &positives, &share, &precision), 3);
    return precision;
}

static void intensities_are_learned_and_chance_is_not(void **state)
{
    int status;
    char *output = run_baseline(*state, "", &status);
    assert_int_equal(status, 0);
    assert_true(precision_of(output, "bright") > .99);
    assert_true(precision_of(output, "dark") > .99);
    assert_true(precision_of(output, "odd") < .75);
    assert_non_null(strstr(output, "baseline: macro average precision"));
    free(output);
}

static void missing_solution_is_named(void **state)
{
    int status;
    char *output = run_baseline(*state, "--solution nowhere.csv", &status);
    assert_int_equal(status, 1);
    assert_non_null(strstr(output, "nowhere.csv"));
    free(output);
}

static int set_up(void **state)
{
    *state = make_set();
    return 0;
}

static int tear_down(void **state)
{
    char *command = hp_format("rm -r '%s'", (char *)*state);
    const int status = system(command);
    free(command);
    free(*state);
    return status;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intensities_are_learned_and_chance_is_not),
        cmocka_unit_test(missing_solution_is_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
