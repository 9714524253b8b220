/* CSV files, labels, and every way in which a user's folder can be wrong: each has its message. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---------------------------------------------------------------- CSV */

static void test_csv_reads(void **state)
{
    (void)state;
    write_text("a.csv", "\xef\xbb\xbf"
                        "Id,Target,Note\r\n"
                        "a,1 2,\r\n"
                        "\r\n"
                        "\"b,\"\"c\"\"\",\"\",\"two\nlines\"\r\n"
                        "d,3,last");
    HpCsv *csv = hp_csv_read("a.csv");
    assert_int_equal(hp_csv_rows(csv), 3);
    assert_int_equal(hp_csv_columns(csv), 3);
    assert_int_equal(hp_csv_column(csv, "Id"), 0);
    assert_int_equal(hp_csv_column(csv, "Note"), 2);
    assert_int_equal(hp_csv_column(csv, "id"), -1);
    assert_string_equal(hp_csv_cell(csv, 0, 1), "1 2");
    assert_string_equal(hp_csv_cell(csv, 0, 2), "");
    assert_string_equal(hp_csv_cell(csv, 1, 0), "b,\"c\"");
    assert_string_equal(hp_csv_cell(csv, 1, 1), "");
    assert_string_equal(hp_csv_cell(csv, 1, 2), "two\nlines");
    assert_string_equal(hp_csv_cell(csv, 2, 2), "last");
    assert_int_equal(hp_csv_line(csv, 0), 2);
    assert_int_equal(hp_csv_line(csv, 1), 4);
    assert_int_equal(hp_csv_line(csv, 2), 6);
    hp_csv_free(csv);
    write_text("b.csv", "Id\na,\n");
    write_text("c.csv", "Id,\na,\n");
    csv = hp_csv_read("c.csv");
    assert_int_equal(hp_csv_columns(csv), 2);
    assert_string_equal(hp_csv_cell(csv, 0, 1), "");
    hp_csv_free(csv);
}

static void read_csv(void *path)
{
    hp_csv_free(hp_csv_read(path));
}

static void test_csv_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "x.csv: the file is empty; a first line with the columns' names was expected"},
        {"\n\r\n", "x.csv: the file is empty; a first line with the columns' names was expected"},
        {"Id,Target\na,1\nb\n",
         "x.csv:3: 1 cell, but the first line has 2: a comma too few, or a cell with a comma in "
         "it that is not in quotes"},
        {"Id,Target\na,1,2\n",
         "x.csv:2: 3 cells, but the first line has 2: a comma too many, or a cell with a comma in "
         "it that is not in quotes"},
        {"Id,Target\n\"a,1\nb,2\n", "x.csv:2: a quoted cell begins here and never ends: add the closing \""},
        {"Id,Target\n\"a\"b,1\n",
         "x.csv:2: 'b' follows a closing quote: a comma or the line's end was expected; a quote "
         "inside a quoted cell is written twice"},
        {"\xff\xfeI", "x.csv: the text is UTF-16: save it as UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_text("x.csv", cases[i].text);
        assert_fails(read_csv, "x.csv", cases[i].message);
    }
    assert_true(hp_write_file("x.csv", "Id\na\0b\n", 7));
    assert_fails(read_csv, "x.csv", "x.csv: a NUL byte: this is not a CSV file");
    assert_fails(read_csv, "no.csv", "cannot read 'no.csv': No such file or directory");
    assert_fails(read_csv, ".", "cannot read '.': it is a folder, and a file was expected");
}

/* ---------------------------------------------------------------- labels */

static bool parse_labels(const HpDataset *dataset, const char *separator, const char *cell, uint8_t *labels,
                         HpProblems *problems)
{
    HpPart part = {.separator = separator};
    memset(labels, 0, (size_t)dataset->class_count);
    return hp_labels_parse(dataset, &part, cell, "t.csv:9", labels, problems);
}

static void test_labels(void **state)
{
    (void)state;
    HpDataset dataset = cells_dataset();
    HpProblems problems = {0};
    uint8_t labels[3];
    static const struct {
        const char *separator, *cell;
        uint8_t labels[3];
    } good[] = {{" ", "0", {1, 0, 0}},
                {" ", " 2   0 ", {1, 0, 1}},
                {" ", "alpha 1", {1, 1, 0}},
                {"|", "gamma ray|beta", {0, 1, 1}},
                {"; ", "0; gamma ray", {1, 0, 1}},
                {NULL, "gamma ray", {0, 0, 1}},
                {" ", "gamma ray", {0, 0, 1}},
                {"|", " 1 | 2 ", {0, 1, 1}}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(parse_labels(&dataset, good[i].separator, good[i].cell, labels, &problems));
        assert_memory_equal(labels, good[i].labels, sizeof labels);
    }
    assert_int_equal(problems.count, 0);
    static const struct {
        const char *separator, *cell, *message;
    } bad[] = {
        {" ", "", "t.csv:9: the label is empty; every image of this part needs at least one label"},
        {" ", "  ", "t.csv:9: the label is empty; every image of this part needs at least one label"},
        {" ", "1 x7", "t.csv:9: label 'x7' is neither a number from 0 to 2 nor the name of a class"},
        {" ", "alpah",
         "t.csv:9: label 'alpah' is neither a number from 0 to 2 nor the name of a class; did you mean "
         "'alpha'?"},
        {" ", "-1", "t.csv:9: label '-1' is neither a number from 0 to 2 nor the name of a class"},
        {" ", "1.0", "t.csv:9: label '1.0' is neither a number from 0 to 2 nor the name of a class"},
        {" ", "0 3", "t.csv:9: label 3 is outside the classes 0 to 2 of data set 'cells'"},
        {" ", "99999999999999999999",
         "t.csv:9: label 99999999999999999999 is outside the classes 0 to 2 of data set "
         "'cells'"},
        {" ", "1 beta", "t.csv:9: label 'beta' stands twice in '1 beta'"},
        {"|", "0||1", "t.csv:9: an empty label in '0||1': two separators '|' in a row, or one at the end"},
        {"|", "0|", "t.csv:9: an empty label in '0|': two separators '|' in a row, or one at the end"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(parse_labels(&dataset, bad[i].separator, bad[i].cell, labels, &problems));
        assert_int_equal(problems.count, i + 1);
        assert_string_equal(problems.texts[i], bad[i].message);
    }
    hp_problems_free(&problems);
    dataset.one_of = true;
    assert_true(parse_labels(&dataset, " ", "gamma ray", labels, &problems));
    assert_false(parse_labels(&dataset, " ", "0 1", labels, &problems));
    assert_false(parse_labels(&dataset, " ", "", labels, &problems));
    assert_string_equal(problems.texts[0],
                        "t.csv:9: label '0 1' is neither a number from 0 to 2 nor the name of a class");
    assert_string_equal(problems.texts[1],
                        "t.csv:9: the label is empty; every image of this part needs its class");
    hp_problems_free(&problems);
}

/* ---------------------------------------------------------------- a whole folder */

static void test_folder_opens(void **state)
{
    (void)state;
    empty_folder();
    write_cells(5, 3, 16);
    HpDataset dataset = cells_dataset();
    HpData *data = hp_data_open(".", &dataset, 16);
    static const char *const ids[] = {"a0", "a1", "a2", "a3", "a4", "t2", "t1", "t0"};
    static const uint8_t labels[5][3] = {{1, 0, 0}, {0, 1, 0}, {1, 0, 1}, {0, 1, 1}, {1, 0, 0}};
    assert_int_equal(hp_data_count(data), 8);
    for (int i = 0; i < 8; i++) {
        assert_string_equal(hp_data_id(data, i), ids[i]);
        assert_string_equal(hp_data_part(data, i), i < 5 ? "train" : "test");
        assert_int_equal(hp_data_labelled(data, i), i < 5);
        if (i < 5)
            assert_memory_equal(hp_data_labels(data, i), labels[i], 3);
    }
    assert_null(hp_data_store(data).pixels);
    uint64_t hash = hp_data_hash(data);
    hp_data_close(data);
    data = hp_data_open(".:test", &dataset, 16);
    assert_int_equal(hp_data_count(data), 3);
    assert_string_equal(hp_data_id(data, 0), "t2");
    assert_true(hp_data_hash(data) != hash);
    hp_data_close(data);
    write_text("train.csv", "Id,Target\na0,1\na1,1\na2,2 0\na3,1 2\na4,0\n");
    data = hp_data_open(".", &dataset, 16);
    assert_true(hp_data_hash(data) != hash); /* a label changed */
    hp_data_close(data);
}

static void open_train(void *dataset)
{
    hp_data_close(hp_data_open(".:train", dataset, 16));
}

static void open_all(void *dataset)
{
    hp_data_close(hp_data_open(".", dataset, 16));
}

/* Opens and decodes. */
static void read_train(void *dataset)
{
    HpData *data = hp_data_open(".:train", dataset, 16);
    HpLoader *loader = hp_loader_open(data, 2, 8);
    int64_t images[] = {0, 1, 2, 3}, sample[4];
    hp_loader_request(loader, images, 4);
    hp_loader_take(loader, sample);
    hp_loader_close(loader);
    hp_data_close(data);
}

#define ROWS "Id,Target\na0,0\na1,1\na2,2 0\na3,1 2\n"

static void test_tables_refused(void **state)
{
    (void)state;
    static const struct {
        const char *table, *message;
    } cases[] = {
        {"Id,Target\na0,0\na1,\na2,2 0\na3,1 2\n",
         "./train.csv:3: the label is empty; every image of this part needs at least one label"},
        {"Id,Target\na0,0\na1,1\na2,x0\na3,1 2\n",
         "./train.csv:4: label 'x0' is neither a number from 0 to 2 nor the name of a class"},
        {"Id,Target\r\na0,0\r\na1,28\r\na2,2 0\r\na3,1 2\r\n",
         "./train.csv:3: label 28 is outside the classes 0 to 2 of data set 'cells'"},
        {ROWS "a1,1\n", "./train.csv:6: Id 'a1' stands here a second time; its first row is line 3"},
        {ROWS ",1\n", "./train.csv:6: the Id is empty"},
        {ROWS "a9,1\n",
         "./train.csv:6: image 'a9' has a row but no file; './train/a9_red.png' was looked for"},
        {"Id,Target\na0,0\na1,1\na2,2 0\n",
         "./train/a3_red.png: image 'a3' has no row in ./train.csv; add its row or take the file away"},
        {"Id,Target\n",
         "./train/a0_red.png: image 'a0' has no row in ./train.csv; add its row or take the file away\n"
         "(and 3 more problems in '.'; 'hpadata check' lists them all)"},
        {"id,Target\na0,0\n",
         "./train.csv:1: no column 'Id', which the data set names for the image's id; the columns "
         "are 'id', 'Target'; did you mean 'id'?"},
        {"Id,Label\na0,0\n",
         "./train.csv:1: no column 'Target', which the data set names for the labels; the columns "
         "are 'Id', 'Label'"},
    };
    HpDataset dataset = cells_dataset();
    empty_folder();
    write_cells(4, 1, 16);
    open_train(&dataset);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_text("train.csv", cases[i].table);
        assert_fails(open_train, &dataset, cases[i].message);
    }
    unlink("train.csv");
    assert_fails(open_train, &dataset, "cannot read './train.csv': No such file or directory");
}

static void copy_file(const char *from, const char *to, size_t most)
{
    size_t length;
    char *text = hp_read_file(from, &length);
    assert_true(hp_write_file(to, text, length < most ? length : most));
    free(text);
}

static void test_images_refused(void **state)
{
    (void)state;
    HpDataset dataset = cells_dataset();
    const char *path = "train/a1_green.png";
    empty_folder();
    write_cells(4, 1, 16);
    copy_file(path, "kept", SIZE_MAX);
    read_train(&dataset);

    unlink(path);
    assert_fails(open_train, &dataset,
                 "./train/a1_green.png: the file is missing: image 'a1' has no plane 'green', though other "
                 "planes of it "
                 "are there");
    copy_file("kept", path, 200);
    assert_fails(read_train, &dataset,
                 "./train/a1_green.png: the file is truncated: it ends after 200 bytes, in the middle of the "
                 "image; copy "
                 "it again");
    write_text(path, "");
    assert_fails(read_train, &dataset,
                 "./train/a1_green.png: the file is empty; copy it again from where it came from");
    write_text(path, "\xff\xd8\xff\xe0 and so on");
    assert_fails(read_train, &dataset,
                 "./train/a1_green.png: this is a JPEG file, not a PNG; only PNG images are read: convert it "
                 "(to a PNG, "
                 "not only its name)");
    write_text(path, "nothing known");
    assert_fails(read_train, &dataset,
                 "./train/a1_green.png: this is not a PNG file: it does not begin with PNG's signature");
    write_png(path, 16, 16, 3, 8, 1);
    assert_fails(read_train, &dataset,
                 "./train/a1_green.png: the image is RGB, but a file of one plane must be grey; save each "
                 "plane as grey, "
                 "or take {plane} out of the data set's file pattern so that the channels are the planes");
    write_png(path, 16, 16, 1, 16, 1);
    assert_fails(read_train, &dataset,
                 "./train/a1_green.png: the image has 16 bits, but data set 'cells' says 'range 0 to 255', "
                 "which is for "
                 "8 bits; write the range its values really use, such as 'range 0 to 65535' or 'range "
                 "percentile 0.1 to "
                 "99.9'");
    write_png(path, 32, 32, 1, 8, 1);
    assert_fails(read_train, &dataset,
                 "./train/a1_green.png: this plane is 32 x 32 pixels, but './train/a1_red.png' is 16 x 16; "
                 "the planes of "
                 "an image must have one size");
    write_png(path, 12, 12, 1, 8, 1);
    assert_fails(
        read_train, &dataset,
        "./train/a1_green.png: the image is 12 x 12 pixels, but 16 a side are needed; images are never "
        "enlarged: use a smaller size or larger images");
    copy_file("kept", path, SIZE_MAX);
    read_train(&dataset);

    dataset.range_high = 4095;
    assert_fails(open_train, &dataset,
                 "./train/a0_red.png: the image has 8 bits, but data set 'cells' says 'range 0 to 4095', "
                 "which is for 16 "
                 "bits; write 'range 0 to 255' if all images are like this one");
}

static void test_channels_must_be_planes(void **state)
{
    (void)state;
    static const char *const files[] = {"{id}.png"};
    HpDataset dataset = cells_dataset();
    empty_folder();
    hp_make_folder("train");
    write_text("train.csv", "Id,Target\nx,0\n");
    write_png("train/x.png", 16, 16, 3, 8, 1);
    dataset.files = files;
    assert_fails(open_train, &dataset,
                 "./train/x.png: the image has 3 channels (RGB), but data set 'cells' has 2 planes");
}

static void test_places_refused(void **state)
{
    (void)state;
    HpDataset dataset = cells_dataset();
    empty_folder();
    assert_fails(
        open_all, &dataset,
        "warning: .: the folder of part 'train', 'train', is not there; the part is left out\n"
        "test: warning: .: the folder of part 'test', 'test', is not there; the part is left out\n"
        "test: .: none of the folders of data set 'cells' is there: is this the folder that holds them?");
    hp_make_folder("train");
    assert_fails(
        open_train, &dataset,
        "./train: no file matches the data set's pattern \"{id}_{plane}.png\" (such as 'ID_red.png'); the "
        "folder is empty");
    write_text("train/x.jpg", "");
    assert_fails(open_train, &dataset,
                 "./train: no file matches the data set's pattern \"{id}_{plane}.png\" (such as "
                 "'ID_red.png'); there is "
                 "'x.jpg'");
}

static void open_path(void *path)
{
    HpDataset dataset = cells_dataset();
    hp_data_close(hp_data_open(path, &dataset, 16));
}

static void test_paths_refused(void **state)
{
    (void)state;
    empty_folder();
    write_cells(1, 1, 16);
    write_text("text", "text");
    assert_fails(open_path, "none:train",
                 "'none' is not there: a folder, a pack made by 'hpadata pack', or either with "
                 "':part' was expected");
    assert_fails(
        open_path, ".:trian",
        "data set 'cells' has no part 'trian'; its parts are 'train', 'test'; did you mean 'train'?");
    assert_fails(open_path, "text", "'text' is neither a folder nor a pack made by 'hpadata pack'");
}

/* ---------------------------------------------------------------- labels from folders */

static HpDataset folders_dataset(void)
{
    static const char *const planes[] = {"red", "green", "blue"}, *const files[] = {"{id}.png"};
    static const char *const classes[] = {"cat", "dog"};
    static const HpPart parts[] = {{.name = "train", .folder = "", .labels_from_folders = true}};
    return (HpDataset){.name = "pets",
                       .plane_count = 3,
                       .planes = planes,
                       .file_count = 1,
                       .files = files,
                       .range_high = 255,
                       .one_of = true,
                       .class_count = 2,
                       .classes = classes,
                       .part_count = 1,
                       .parts = parts};
}

static void test_labels_from_folders(void **state)
{
    (void)state;
    empty_folder();
    hp_make_folder("cat");
    hp_make_folder("dog");
    write_png("cat/1.png", 16, 16, 3, 8, 1);
    write_png("dog/1.png", 16, 16, 3, 8, 2);
    write_png("dog/0.png", 16, 16, 3, 8, 3);
    HpDataset dataset = folders_dataset();
    HpData *data = hp_data_open(".", &dataset, 16);
    static const char *const ids[] = {"cat/1", "dog/0", "dog/1"};
    assert_int_equal(hp_data_count(data), 3);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(hp_data_id(data, i), ids[i]);
        assert_int_equal(hp_data_labels(data, i)[0], i == 0);
        assert_int_equal(hp_data_labels(data, i)[1], i > 0);
    }
    hp_data_close(data);
    hp_make_folder("dogs");
    write_png("dogs/2.png", 16, 16, 3, 8, 3);
    write_png("dogs/3.png", 16, 16, 3, 8, 3);
    assert_fails(open_all, &dataset,
                 "./dogs/2.png: the folder 'dogs' is no class of data set 'pets'; did you mean 'dog'?");
    assert_int_equal(system("rm -r dogs"), 0);
    write_png("2.png", 16, 16, 3, 8, 3);
    assert_fails(open_all, &dataset,
                 "./2.png: the file lies beside the classes' folders; the folder names the class");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_csv_reads),
                                       cmocka_unit_test(test_csv_refuses),
                                       cmocka_unit_test(test_labels),
                                       cmocka_unit_test(test_folder_opens),
                                       cmocka_unit_test(test_tables_refused),
                                       cmocka_unit_test(test_images_refused),
                                       cmocka_unit_test(test_channels_must_be_planes),
                                       cmocka_unit_test(test_places_refused),
                                       cmocka_unit_test(test_paths_refused),
                                       cmocka_unit_test(test_labels_from_folders)};
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
