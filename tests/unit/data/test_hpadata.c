/* The program hpadata as a person runs it: what it prints, what it writes, its exit status. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool expects_failure;

static void run_program(void *arguments)
{
    char *const *list = arguments;
    if (expects_failure) /* a program that ends in the middle has not freed what it used */
        setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
    execv(HPADATA, list);
    _exit(127);
}

/* Runs "hpadata" with the words of `line`; what it said is the caller's to free. */
static char *hpadata(const char *line, int expected_status)
{
    char *words = hp_string(line), *rest = NULL, *list[32] = {HPADATA};
    int count = 1;
    for (char *word = strtok_r(words, " ", &rest); word && count < 31; word = strtok_r(NULL, " ", &rest))
        list[count++] = word;
    expects_failure = expected_status != 0;
    Outcome outcome = in_child(run_program, list);
    if (!WIFEXITED(outcome.status) || WEXITSTATUS(outcome.status) != expected_status)
        fail_msg("hpadata %s: status %d: %s", line, outcome.status, outcome.said);
    free(words);
    return outcome.said;
}

static void assert_says(const char *line, int status, const char *expected)
{
    char *said = hpadata(line, status);
    assert_string_equal(said, expected);
    free(said);
}

static void assert_mentions(const char *line, int status, const char *expected)
{
    char *said = hpadata(line, status);
    if (!strstr(said, expected))
        fail_msg("hpadata %s: '%s' is not in: %s", line, expected, said);
    free(said);
}

static void write_data_file(void)
{
    write_text("cells.hpanet",
               "dataset cells {\n  planes red, green\n  file \"{id}_{plane}.png\"\n  range 0 to 255\n"
               "  labels any of [\"alpha\", \"beta\", \"gamma ray\"]\n"
               "  part train { folder \"train\"; table \"train.csv\" id \"Id\" labels \"Target\" split "
               "\" \" }\n"
               "  part test { folder \"test\"; order \"order.csv\" id \"Id\" }\n}\n");
}

/* ---------------------------------------------------------------- scan */

static void test_scan_planes(void **state)
{
    (void)state;
    empty_folder();
    hp_make_folder("set");
    assert_int_equal(chdir("set"), 0);
    write_cells(4, 2, 16);
    assert_int_equal(chdir(".."), 0);
    assert_says(
        "scan set", 0,
        "hpanet 1\n\n# Guessed by 'hpadata scan': read every line before you train.\n"
        "dataset set {\n"
        "  planes red, green  # from the ends of the files' names\n"
        "  file \"{id}_{plane}.png\"\n"
        "  range 0 to 255  # 12 files looked at have 8 bits, 16 pixels a side\n"
        "  labels any of [\"class 0\", \"class 1\", \"class 2\"]  # the table has numbers: write the "
        "classes' "
        "names in this order\n"
        "  part train { folder \"train\"; table \"train.csv\" id \"Id\" labels \"Target\" split \" \" }  # 4 "
        "images\n"
        "  part test { folder \"test\"; order \"order.csv\" id \"Id\" }  # 2 images\n"
        "}\n");
    free(hpadata("scan set -o set.hpanet", 0));
    assert_mentions("check set.hpanet set", 0, "set: 6 images, all good\n");
}

static void test_scan_folder_per_class(void **state)
{
    (void)state;
    static const char *const classes[] = {"rods", "cones", "red cells"};
    empty_folder();
    for (int part = 0; part < 2; part++)
        for (int k = 0; k < 3; k++)
            for (int i = 0; i < 3; i++) {
                char *folder = hp_format("pets/%s/%s", part ? "test" : "train", classes[k]);
                char *path = hp_format("%s/img_%d.png", folder, i);
                hp_make_folder(folder);
                write_png(path, 20, 20, 3, 8, (uint64_t)(100 * part + 10 * k + i));
                free(path);
                free(folder);
            }
    assert_says("scan pets", 0,
                "hpanet 1\n\n# Guessed by 'hpadata scan': read every line before you train.\n"
                "dataset pets {\n"
                "  planes red, green, blue  # the channels of each file\n"
                "  file \"{id}.png\"\n"
                "  range 0 to 255  # 18 files looked at have 8 bits, 20 pixels a side\n"
                "  labels one of [\"cones\", \"red cells\", \"rods\"]\n"
                "  part train { folder \"train\"; labels from folders }  # 9 images\n"
                "  part test { folder \"test\"; labels from folders }  # 9 images\n"
                "}\n");
    free(hpadata("scan pets -o pets.hpanet", 0));
    assert_mentions("check pets.hpanet pets", 0, "pets: 18 images, all good\n");
    free(hpadata("pack pets.hpanet pets --pixels 16 -o pets.pack", 0));
    assert_mentions("stats pets.pack", 0, "    1 red cells");
}

static void test_scan_named_labels_16_bits(void **state)
{
    (void)state;
    static const char *const planes[] = {"c1", "c2", "c3", "c4", "c5"};
    empty_folder();
    hp_make_folder("lab/images");
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 5; k++) {
            char *path = hp_format("lab/images/w%d-%s.png", i, planes[k]);
            write_png(path, 24, 24, 1, 16, (uint64_t)(10 * i + k));
            free(path);
        }
    write_text("lab/labels.csv",
               "name,day,labels\nw0,mon,Golgi apparatus|Nucleus\nw1,tue,Nucleus\nw2,mon,Cytosol\n"
               "w3,tue,Cytosol|Nucleus\n");
    assert_says(
        "scan lab", 0,
        "hpanet 1\n\n# Guessed by 'hpadata scan': read every line before you train.\n"
        "dataset lab {\n"
        "  planes c1, c2, c3, c4, c5  # from the ends of the files' names\n"
        "  file \"{id}-{plane}.png\"\n"
        "  range percentile 0.1 to 99.9  # 16 bits: or say the instrument's range, as 'range 0 to 4095'; 20 "
        "files looked at have 24 pixels a side\n"
        "  labels any of [\"Cytosol\", \"Golgi apparatus\", \"Nucleus\"]\n"
        "  part images { folder \"images\"; table \"labels.csv\" id \"name\" labels \"labels\" split \"|\" } "
        " # 4 "
        "images\n"
        "}\n");
    free(hpadata("scan lab -o lab.hpanet", 0));
    free(hpadata("pack lab.hpanet lab --pixels 24 -o lab.pack", 0));
    assert_mentions("stats lab.pack", 0, "   1 Golgi apparatus                   1  25.00%        0\n");
}

static void test_scan_whole_file_names(void **state)
{
    (void)state;
    empty_folder();
    hp_make_folder("flat");
    write_png("flat/one.png", 16, 16, 1, 8, 1);
    write_png("flat/two.png", 16, 16, 1, 8, 2);
    write_png("flat/six.png", 16, 16, 1, 8, 3);
    write_text("flat/index.csv", "file,kind of cell\none.png,big\ntwo.png,small\nsix.png,big\n");
    assert_mentions("scan flat", 0,
                    "  file \"{id}\"  # the table has whole file names\n"
                    "  range 0 to 255  # 3 files looked at have 8 bits, 16 pixels a side\n"
                    "  labels one of [\"big\", \"small\"]\n"
                    "  part train { folder \"\"; table \"index.csv\" id \"file\" labels \"kind of cell\" }  "
                    "# 3 images\n");
    assert_says("scan nothing", 1, "hpadata: cannot read the folder 'nothing': No such file or directory\n");
    hp_make_folder("empty");
    write_text("empty/x.tif", "");
    assert_says("scan empty", 1,
                "hpadata: empty: no PNG image is there; there is 'x.tif', but only PNG is read: convert the "
                "images\n");
}

/* ---------------------------------------------------------------- check */

static void test_check_names_everything(void **state)
{
    (void)state;
    empty_folder();
    write_cells(8, 2, 16);
    write_data_file();
    assert_mentions("check cells.hpanet .", 0, ".: 10 images, all good\n");
    unlink("train/a1_red.png");
    write_text("train/a2_green.png", "\xff\xd8\xff");
    assert_int_equal(truncate("train/a4_red.png", 100), 0);
    assert_int_equal(
        system("cp train/a5_red.png train/a7_red.png && cp train/a5_green.png train/a7_green.png"), 0);
    write_png("train/x_red.png", 16, 16, 1, 8, 1);
    write_png("train/x_green.png", 16, 16, 1, 8, 2);
    write_text("order.csv", "Id,Predicted\nt0,0\nt1,0\nt1,0\nt7,0\n");
    char *said = hpadata("check cells.hpanet .", 1);
    static const char *const lines[] = {
        "./train/a1_red.png: the file is missing: image 'a1' has no plane 'red', though other planes of it "
        "are there\n",
        "./train/x_green.png: image 'x' has no row in ./train.csv; add its row or take the file away\n",
        "./order.csv:4: Id 't1' stands here a second time; its first row is line 3\n",
        "./order.csv:5: image 't7' has a row but no file; './test/t7_red.png' was looked for\n",
        "./train/a2_green.png: this is a JPEG file, not a PNG; only PNG images are read: convert it (to a "
        "PNG, not only "
        "its name)\n",
        "./train/a4_red.png: the file is truncated: it ends after 100 bytes, in the middle of the image; "
        "copy it again\n",
        "image 'a7' has the same pixels as image 'a5'\n",
        ".: 7 problems; 9 images were looked at\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!strstr(said, i == 1 ? "image 'x' has no row in ./train.csv" : lines[i]))
            fail_msg("'%s' is not in: %s", lines[i], said);
    free(said);
}

static void test_check_pack(void **state)
{
    (void)state;
    size_t length;
    empty_folder();
    write_cells(4, 2, 16);
    write_data_file();
    free(hpadata("pack cells.hpanet . --pixels 16 -o a.pack", 0));
    assert_says("check a.pack", 0, "a.pack: 6 images, all good\n");
    char *pack = hp_read_file("a.pack", &length);
    pack[length - 1]++;
    assert_true(hp_write_file("a.pack", pack, length));
    free(pack);
    assert_says(
        "check a.pack", 1,
        "a.pack: the pixels of image 't0' are not what was packed: the pack is damaged; make it again with "
        "'hpadata pack'\na.pack: 1 problem; 6 images were looked at\n");
    assert_says("check a.pack:train", 0, "a.pack:train: 4 images, all good\n");
}

/* ---------------------------------------------------------------- split, stats, the command line */

static void test_split_writes_every_image(void **state)
{
    (void)state;
    empty_folder();
    write_cells(40, 2, 16);
    write_data_file();
    assert_mentions(
        "split cells.hpanet . -o split.csv --parts fit=0.75,rest=0.25", 0,
        "\nall images                             40         30  75.0%         10  25.0%      0.0\n");
    HpCsv *csv = hp_csv_read("split.csv");
    int fit = 0;
    assert_int_equal(hp_csv_rows(csv), 40);
    for (int64_t row = 0; row < 40; row++) {
        char *id = hp_format("a%d", (int)row);
        assert_string_equal(hp_csv_cell(csv, row, 0), id);
        fit += strcmp(hp_csv_cell(csv, row, 1), "fit") == 0;
        free(id);
    }
    assert_int_equal(fit, 30);
    hp_csv_free(csv);
    assert_says("split cells.hpanet . --parts a=0.5,b=0.4", 1,
                "hpadata: --parts: the fractions add up to 0.9, not to 1\n");
    assert_says("split cells.hpanet . --parts a", 1,
                "hpadata: --parts: 'a' is not 'name=fraction' with a fraction above 0 and at most 1\n");
}

static void test_stats_tables(void **state)
{
    (void)state;
    empty_folder();
    write_cells(4, 2, 16);
    write_data_file();
    assert_says("stats cells.hpanet . --no-pixels", 0,
                "part                               images\n"
                "train                                   4\n"
                "test                                    2  without labels\n"
                "\n"
                "      class                        images   share    alone\n"
                "    0 alpha                             2  50.00%        1\n"
                "    1 beta                              2  50.00%        1\n"
                "    2 gamma ray                         2  50.00%        0\n"
                "\n"
                "labels of an image                 images   share\n"
                "1                                       2  50.00%\n"
                "2                                       2  50.00%\n"
                "mean                                1.500\n"
                "\n"
                "  images  together (the most frequent of 2 pairs)\n"
                "       1  alpha + gamma ray\n"
                "       1  beta + gamma ray\n");
}

static void test_command_line(void **state)
{
    (void)state;
    assert_mentions("", 1, "usage: hpadata COMMAND");
    assert_mentions("--help", 0, "  pack ");
    assert_mentions("pack --help", 0, "usage: hpadata pack");
    assert_says("pakc", 1, "hpadata: 'pakc' is no command; did you mean 'pack'?\n");
    assert_says("pack a b", 1, "hpadata: '-o FILE' is missing: the name of the pack to write\n");
    assert_says("pack a", 1,
                "hpadata: expected a data file and a folder, found 1 names; try 'hpadata pack --help'\n");
    assert_says("pack a b -o c --pixels x", 1,
                "hpadata: --pixels 'x': expected a whole number from 1 to 16384\n");
    assert_mentions("stats a b c", 1, "expected a data file and a folder, or a pack, found 3 names");
}

/* ---------------------------------------------------------------- real images */

/* One sample of 512 and one of 2048 pixels, as they were published. */
static void test_real_images(void **state)
{
    (void)state;
    static const char *const samples[] = {"837e738c-bba8-11e8-b2ba-ac1f6b6435d0",
                                          "5c27f04c-bb99-11e8-b2b9-ac1f6b6435d0"};
    static const char *const folders[] = {"hpa/train", "hpa/test"};
    const char *real = getenv("HPANET_REAL_DATA");
    if (!real) {
        puts("SKIPPED test_real_images: HPANET_REAL_DATA is not set");
        skip();
    }
    empty_folder();
    for (int i = 0; i < 2; i++) {
        char *command =
            hp_format("mkdir -p %s && cp '%s/%s'_*.png %s", folders[i], real, samples[i], folders[i]);
        assert_int_equal(system(command), 0);
        free(command);
    }
    write_text("hpa/train.csv", "Id,Target\n837e738c-bba8-11e8-b2ba-ac1f6b6435d0,5\n");
    write_text("hpa/sample_submission.csv", "Id,Predicted\n5c27f04c-bb99-11e8-b2b9-ac1f6b6435d0,0\n");
    char *data_file = hp_format("%s/models/data/hpa.hpanet", getenv("HPANET_ROOT"));
    char *check = hp_format("check %s hpa", data_file),
         *pack = hp_format("pack %s hpa -o hpa.pack", data_file);
    assert_mentions(check, 0, "hpa: 2 images, all good\n");
    assert_mentions(pack, 0, "hpa.pack: 2 images of 256 x 256 pixels, 4 planes of 8 bits");
    assert_mentions("stats hpa.pack", 0, "    5 Nuclear bodies                    1 100.00%        1\n");
    free(data_file);
    free(check);
    free(pack);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_scan_planes),
                                       cmocka_unit_test(test_scan_folder_per_class),
                                       cmocka_unit_test(test_scan_named_labels_16_bits),
                                       cmocka_unit_test(test_scan_whole_file_names),
                                       cmocka_unit_test(test_check_names_everything),
                                       cmocka_unit_test(test_check_pack),
                                       cmocka_unit_test(test_split_writes_every_image),
                                       cmocka_unit_test(test_stats_tables),
                                       cmocka_unit_test(test_command_line),
                                       cmocka_unit_test(test_real_images)};
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
