/* Packs: the same bits as the folder, resumed after a kill, and hostile ones. */
#include "fixture.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* All images of a store in the order of images[], copied. */
static uint8_t *read_all(HpData *data, int threads, int64_t rows)
{
    int64_t count = hp_data_count(data), *images = hp_alloc((size_t)count, sizeof *images);
    int64_t *sample = hp_alloc((size_t)rows, sizeof *sample), requested = 0;
    size_t bytes = hp_store_image_bytes(&data->shape);
    uint8_t *all = hp_alloc((size_t)count, bytes);
    HpLoader *loader = hp_loader_open(data, threads, rows);
    for (int64_t i = 0; i < count; i++)
        images[i] = i;
    for (int64_t begin = 0; begin < count; begin += rows) {
        for (; requested < count && requested < begin + 2 * rows; requested += rows)
            hp_loader_request(loader, images + requested,
                              count - requested < rows ? count - requested : rows);
        HpImageStore store = hp_loader_take(loader, sample);
        for (int64_t i = 0; i < rows && begin + i < count; i++)
            memcpy(all + (size_t)(begin + i) * bytes,
                   (const uint8_t *)store.pixels + (size_t)sample[i] * bytes, bytes);
    }
    hp_loader_close(loader);
    free(images);
    free(sample);
    return all;
}

static void check_same(const HpDataset *dataset, const char *folder, const char *pack, int64_t size)
{
    HpData *a = hp_data_open(folder, dataset, size), *b = hp_data_open(pack, dataset, size);
    assert_int_equal(hp_data_count(a), hp_data_count(b));
    HpImageStore store = hp_data_store(a), packed = hp_data_store(b);
    assert_non_null(packed.pixels);
    assert_int_equal(store.bits, packed.bits);
    assert_int_equal(store.width, packed.width);
    assert_int_equal(store.planes, packed.planes);
    assert_true(store.scale == packed.scale && store.offset == packed.offset);
    for (int64_t i = 0; i < hp_data_count(a); i++) {
        assert_string_equal(hp_data_id(a, i), hp_data_id(b, i));
        assert_string_equal(hp_data_part(a, i), hp_data_part(b, i));
        assert_int_equal(hp_data_labelled(a, i), hp_data_labelled(b, i));
        assert_memory_equal(hp_data_labels(a, i), hp_data_labels(b, i), (size_t)dataset->class_count);
    }
    uint8_t *from_folder = read_all(a, 3, 4), *from_pack = read_all(b, 2, 3);
    assert_memory_equal(from_folder, from_pack, (size_t)hp_data_count(a) * hp_store_image_bytes(&a->shape));
    free(from_folder);
    free(from_pack);
    hp_data_close(a);
    hp_data_close(b);
}

static void test_same_bits(void **state)
{
    (void)state;
    HpDataset dataset = cells_dataset();
    empty_folder();
    write_cells(7, 4, 40);
    for (int64_t size = 20; size <= 40; size += 7) { /* even, uneven and whole */
        hp_pack_write(".", &dataset, size, 2, "all.pack");
        check_same(&dataset, ".", "all.pack", size);
        check_same(&dataset, ".:test", "all.pack:test", size);
        unlink("all.pack");
    }
    hp_pack_write(".:test", &dataset, 32, 1, "test.pack");
    check_same(&dataset, ".:test", "test.pack", 32);
}

static void test_same_bits_16_bit_channels(void **state)
{
    (void)state;
    static const char *const planes[] = {"a", "b", "c", "d"}, *const files[] = {"{id}.png"};
    static const char *const classes[] = {"x"};
    static const HpPart parts[] = {{.name = "all", .folder = ""}};
    HpDataset dataset = {.name = "deep",
                         .plane_count = 4,
                         .planes = planes,
                         .file_count = 1,
                         .files = files,
                         .range = HP_RANGE_PERCENTILE,
                         .range_low = 1,
                         .range_high = 99,
                         .class_count = 1,
                         .classes = classes,
                         .part_count = 1,
                         .parts = parts};
    empty_folder();
    write_png("one.png", 33, 21, 4, 16, 1); /* not square: set in the middle of black */
    write_png("two.png", 33, 33, 4, 16, 2);
    hp_pack_write(".", &dataset, 16, 2, "deep.pack");
    check_same(&dataset, ".", "deep.pack", 16);
    HpData *data = hp_data_open("deep.pack", NULL, 0);
    assert_int_equal(hp_data_dataset(data)->plane_count, 4);
    assert_string_equal(hp_data_dataset(data)->planes[3], "d");
    assert_int_equal(hp_data_store(data).bits, 16);
    hp_data_close(data);
}

/* ---------------------------------------------------------------- refused */

typedef struct Opening {
    const char *path;
    HpDataset dataset;
    int64_t size;
} Opening;

static void open_pack(void *argument)
{
    Opening *opening = argument;
    hp_data_close(hp_data_open(opening->path, &opening->dataset, opening->size));
}

static void test_pack_must_fit(void **state)
{
    (void)state;
    static const char *const planes[] = {"red", "blue"}, *const classes[] = {"alpha", "beta"};
    HpDataset dataset = cells_dataset();
    empty_folder();
    write_cells(3, 1, 40);
    hp_pack_write(".", &dataset, 20, 1, "a.pack");
    Opening opening = {"a.pack", dataset, 20};
    open_pack(&opening);
    opening.size = 16;
    open_pack(&opening);
    opening.size = 15;
    assert_fails(open_pack, &opening,
                 "a.pack: the pack's images are 20 pixels a side, but the network sees 15, which needs a "
                 "pack of 15 to 18 "
                 "pixels: 'hpadata pack ... --pixels 15'");
    opening.size = 21;
    assert_fails(open_pack, &opening,
                 "a.pack: the pack's images are 20 pixels a side, but the network sees 21, which needs a "
                 "pack of 21 to 26 "
                 "pixels: 'hpadata pack ... --pixels 21'");
    opening.size = 20;
    opening.dataset.planes = planes;
    assert_fails(open_pack, &opening,
                 "a.pack: the pack's plane 1 is 'green', but the data set says 'blue'; names and order must "
                 "be the same: "
                 "pack again, or use the data file it was packed with");
    opening.dataset = dataset;
    opening.dataset.classes = classes;
    opening.dataset.class_count = 2;
    assert_fails(open_pack, &opening,
                 "a.pack: the pack has 3 classes, but the data set has 2; pack again, or use the data file "
                 "it was packed "
                 "with");
    opening.dataset = dataset;
    opening.dataset.range_high = 200;
    assert_fails(open_pack, &opening,
                 "a.pack: the pack was made with 'range 0 to 255', but the data set says 'range 0 to 200'; "
                 "pack again");
    opening.dataset = dataset;
    opening.dataset.one_of = true;
    assert_fails(open_pack, &opening,
                 "a.pack: the pack's labels are 'any of', but the data set says 'one of'; pack again");
    opening.dataset = dataset;
    opening.path = "a.pack:tset";
    assert_fails(open_pack, &opening,
                 "data set 'cells' has no part 'tset'; its parts are 'train', 'test'; did you mean 'test'?");
}

static void write_pack(void *output)
{
    HpDataset dataset = cells_dataset();
    hp_pack_write(".", &dataset, 20, 2, output);
}

static void test_pack_write_refuses(void **state)
{
    (void)state;
    empty_folder();
    write_cells(3, 1, 40);
    write_text("notes", "precious");
    assert_fails(write_pack, "notes",
                 "'notes' exists and is not a pack; it is not overwritten: choose another name");
    assert_fails(write_pack, "none/a.pack", "cannot write 'none/a.pack.partial': No such file or directory");
    write_pack("a.pack");
    int other = open("a.pack.partial", O_RDWR | O_CREAT, 0666);
    assert_int_equal(flock(other, LOCK_EX), 0);
    assert_fails(write_pack, "a.pack", "'a.pack.partial' is being written by another 'hpadata pack'");
    close(other);
}

static void write_pack_to_small_disk(void *output)
{
    struct rlimit limit = {5000, 5000};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    write_pack(output);
}

static void test_no_room(void **state)
{
    (void)state;
    unlink("a.pack.partial");
    assert_fails(write_pack_to_small_disk, "b.pack",
                 "cannot take 0.0 GB for 'b.pack.partial': File too large");
    assert_int_not_equal(access("b.pack.partial", F_OK), 0);
    assert_int_equal(access("a.pack", F_OK), 0);
}

static void copy_pack(const uint8_t *pack, size_t length, const char *path)
{
    assert_true(hp_write_file(path, pack, length));
}

static void test_damaged_pack(void **state)
{
    (void)state;
    size_t length;
    empty_folder();
    write_cells(3, 1, 40);
    write_pack("a.pack");
    uint8_t *pack = (uint8_t *)hp_read_file("a.pack", &length);
    Opening opening = {"b.pack", cells_dataset(), 20};
    copy_pack(pack, length - 1, "b.pack");
    assert_fails(
        open_pack, &opening,
        "b.pack: the pack is damaged: its length is not what its header says; it may be truncated; make it "
        "again with 'hpadata pack'");
    pack[8]++;
    copy_pack(pack, length, "b.pack");
    assert_fails(open_pack, &opening,
                 "b.pack: the pack has version 2, but this program reads version 1; make it again with "
                 "'hpadata pack'");
    pack[8]--;
    pack[50]++;
    copy_pack(pack, length, "b.pack");
    assert_fails(open_pack, &opening,
                 "b.pack: the pack is damaged: the header's checksum; make it again with 'hpadata pack'");
    pack[50]--;
    pack[32]++;
    copy_pack(pack, length, "b.pack");
    assert_fails(open_pack, &opening,
                 "b.pack: the pack is not complete: packing was stopped; run the same 'hpadata pack' again "
                 "and it goes "
                 "on");
    pack[32]--;
    pack[length - 1]++; /* the last pixel of the last image */
    copy_pack(pack, length, "b.pack");
    HpData *data = hp_data_open("b.pack", &opening.dataset, 20);
    assert_null(hp_pack_verify(data->pack, 2));
    char *failure = hp_pack_verify(data->pack, 3);
    assert_string_equal(failure,
                        "b.pack: the pixels of image 't0' are not what was packed: the pack is damaged; make "
                        "it again with 'hpadata pack'");
    free(failure);
    hp_data_close(data);
    free(pack);
}

static void load_all(void *path)
{
    HpData *data = hp_data_open(path, NULL, 0);
    free(read_all(data, 2, 2));
    hp_data_close(data);
}

static void test_damaged_pixels_are_reported_by_the_taker(void **state)
{
    (void)state;
    assert_fails(
        load_all, "b.pack",
        "b.pack: the pixels of image 't0' are not what was packed: the pack is damaged; make it again with "
        "'hpadata pack'");
}

/* ---------------------------------------------------------------- hostile headers */

static void open_hostile(void *path)
{
    HpData *data = hp_data_open(path, NULL, 0);
    for (int64_t i = 0; i < hp_data_count(data); i++) {
        free(hp_pack_verify(data->pack, i));
        hp_hash(hp_data_labels(data, i), (size_t)hp_data_dataset(data)->class_count,
                strlen(hp_data_id(data, i)));
    }
    hp_data_close(data);
}

/* Changes bytes of header, ids, labels and lengths, and makes the header's checksum right again, so that the
 * checks behind it are reached. */
static void mutate(uint8_t *pack, size_t length, size_t reach, uint64_t round)
{
    static const char characters[] = "0123456789-{}[]\",:e.";
    HpPackPreamble preamble;
    for (uint64_t k = 0; k < 1 + round % 3; k++) {
        size_t at = (size_t)(hp_uniform(round, k, 1) * (double)reach);
        bool text = hp_uniform(round, k, 2) < 0.7;
        pack[at] = text ? (uint8_t)characters[(size_t)(hp_uniform(round, k, 3) * (sizeof characters - 1))]
                        : (uint8_t)(256 * hp_uniform(round, k, 3));
    }
    memcpy(&preamble, pack, sizeof preamble);
    if (preamble.header_length <= length - HP_PACK_PREAMBLE)
        preamble.header_hash = hp_hash(pack + HP_PACK_PREAMBLE, preamble.header_length, 0);
    memcpy(pack, &preamble, sizeof preamble);
}

static void test_hostile_headers(void **state)
{
    (void)state;
    size_t length;
    int opened = 0, refused = 0;
    empty_folder();
    write_cells(3, 1, 40);
    write_pack("a.pack");
    uint8_t *pack = (uint8_t *)hp_read_file("a.pack", &length), *bad = hp_alloc(length, 1);
    HpPackPreamble preamble;
    memcpy(&preamble, pack, sizeof preamble);
    size_t reach = HP_PACK_PREAMBLE + preamble.header_length + 4 * 3 + 4 * 3;
    for (uint64_t round = 0; round < 600; round++) {
        memcpy(bad, pack, length);
        mutate(bad, length, reach, round);
        copy_pack(bad, length, "bad.pack");
        Outcome outcome = in_child(open_hostile, "bad.pack");
        if (!WIFEXITED(outcome.status) || WEXITSTATUS(outcome.status) > 1)
            fail_msg("round %d: status %d: %s", (int)round, outcome.status, outcome.said);
        opened += WEXITSTATUS(outcome.status) == 0;
        refused += WEXITSTATUS(outcome.status) == 1;
        free(outcome.said);
    }
    assert_true(opened > 20 && refused > 200); /* both ways were taken */
    free(pack);
    free(bad);
}

/* A header that is right in itself but lies about sizes. */
static void test_lying_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        json_int_t value;
    } lies[] = {
        {"images", 1LL << 62}, {"images", 5}, {"images", 0}, {"pixels", 16384}, {"ids_bytes", 1LL << 62},
        {"ids_bytes", 11},     {"bits", 16},  {"bits", 12},  {"pixels", 0},     {"images", -1}};
    size_t length;
    empty_folder();
    write_cells(3, 1, 40);
    write_pack("a.pack");
    uint8_t *pack = (uint8_t *)hp_read_file("a.pack", &length);
    HpPackPreamble preamble;
    memcpy(&preamble, pack, sizeof preamble);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        json_t *header = json_loadb((char *)pack + HP_PACK_PREAMBLE, preamble.header_length, 0, NULL);
        assert_non_null(header);
        json_object_set_new(header, lies[i].key, json_integer(lies[i].value));
        char *text = json_dumps(header, JSON_INDENT(1));
        HpPackPreamble lying = preamble;
        lying.header_length = strlen(text);
        lying.header_hash = hp_hash(text, lying.header_length, 0);
        size_t rest = length - HP_PACK_PREAMBLE - preamble.header_length;
        uint8_t *bad = hp_alloc(HP_PACK_PREAMBLE + lying.header_length + rest, 1);
        memcpy(bad, &lying, sizeof lying);
        memcpy(bad + HP_PACK_PREAMBLE, text, lying.header_length);
        memcpy(bad + HP_PACK_PREAMBLE + lying.header_length, pack + length - rest, rest);
        copy_pack(bad, HP_PACK_PREAMBLE + lying.header_length + rest, "bad.pack");
        Outcome outcome = in_child(open_hostile, "bad.pack");
        assert_true(WIFEXITED(outcome.status));
        assert_int_equal(WEXITSTATUS(outcome.status), 1);
        assert_non_null(strstr(outcome.said, "damaged"));
        free(outcome.said);
        free(bad);
        free(text);
        json_decref(header);
    }
    free(pack);
}

/* ---------------------------------------------------------------- stopped and resumed */

/* Starts packing and kills it once some images are written; returns how many have a checksum. */
static int64_t pack_and_kill(const char *output, int64_t images, int64_t delay_microseconds)
{
    char *partial = hp_format("%s.partial", output);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        assert_true(freopen("/dev/null", "w", stderr) != NULL);
        HpDataset dataset = cells_dataset();
        hp_pack_write(".", &dataset, 128, 1, output);
        _exit(0);
    }
    while (access(partial, F_OK) != 0 && access(output, F_OK) != 0)
        usleep(100);
    usleep((useconds_t)delay_microseconds);
    kill(child, SIGKILL);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    free(partial);
    HpDataset dataset = cells_dataset();
    if (access(output, F_OK) == 0)
        return images;
    HpData *data = hp_data_open(".", &dataset, 128);
    HpPackLayout layout;
    HpPackPreamble preamble = {0};
    int64_t written = 0;
    partial = hp_format("%s.partial", output);
    int file = open(partial, O_RDONLY);
    if (pread(file, &preamble, sizeof preamble, 0) == (ssize_t)sizeof preamble) {
        size_t ids = 0;
        for (int64_t i = 0; i < images; i++)
            ids += strlen(hp_data_id(data, i)) + 1;
        assert_true(hp_pack_layout(preamble.header_length, ids, (uint64_t)images, 3, &data->shape, &layout));
        for (int64_t i = 0; i < images; i++) {
            uint64_t checksum = 0;
            if (pread(file, &checksum, 8, (off_t)(layout.checksums + 8 * (uint64_t)i)) == 8)
                written += checksum != 0;
        }
    }
    close(file);
    free(partial);
    hp_data_close(data);
    return written;
}

static void pack_128(void *output)
{
    HpDataset dataset = cells_dataset();
    hp_pack_write(".", &dataset, 128, 2, output);
}

static void test_resume(void **state)
{
    (void)state;
    enum { TRAIN = 296, TEST = 4, IMAGES = TRAIN + TEST };
    size_t length, resumed_length;
    int partly = 0;
    empty_folder();
    write_cells(TRAIN, TEST, 128);
    double start = hp_seconds();
    free(in_child(pack_128, "whole.pack").said);
    double whole = 1e6 * (hp_seconds() - start);
    char *expected = hp_read_file("whole.pack", &length);
    for (int round = 0; round < 8; round++) {
        int64_t delay = (int64_t)(whole * (0.3 + 0.25 * round));
        unlink("cut.pack");
        unlink("cut.pack.partial");
        int64_t written = pack_and_kill("cut.pack", IMAGES, delay);
        bool partial = access("cut.pack.partial", F_OK) == 0;
        Outcome outcome = in_child(pack_128, "cut.pack");
        assert_int_equal(outcome.status, 0);
        char *line = hp_format("going on with 'cut.pack.partial': %lld of %d images are there",
                               (long long)written, IMAGES);
        if (partial && written > 0 && written < IMAGES) {
            partly++;
            assert_non_null(strstr(outcome.said, line)); /* nothing that was done is done again */
        }
        char *resumed = hp_read_file("cut.pack", &resumed_length);
        assert_int_equal(resumed_length, length);
        assert_memory_equal(resumed, expected, length);
        assert_int_not_equal(access("cut.pack.partial", F_OK), 0);
        free(resumed);
        free(line);
        free(outcome.said);
    }
    assert_true(partly > 0);
    free(expected);
}

/* A source file that changed, and pixels that are not what their checksum says, are not gone on with. */
static void test_resume_distrusts(void **state)
{
    (void)state;
    enum { IMAGES = 300 };
    size_t length;
    int64_t written = 0;
    for (int64_t delay = 20000; written == 0 || written == IMAGES; delay += 10000) {
        unlink("cut.pack");
        unlink("cut.pack.partial");
        written = pack_and_kill("cut.pack", IMAGES, delay);
        assert_true(delay < 2000000);
    }
    int file = open("cut.pack.partial", O_RDWR);
    struct stat status;
    assert_int_equal(fstat(file, &status), 0);
    off_t first_pixel = status.st_size - (off_t)IMAGES * 128 * 128 * 2;
    assert_int_equal(pwrite(file, "\x55\xaa\x55", 3, first_pixel + 100),
                     3); /* image 0 is among the first written */
    close(file);
    Outcome outcome = in_child(pack_128, "cut.pack");
    assert_int_equal(outcome.status, 0);
    char *line = hp_format("%lld of %d images are there", (long long)written - 1, IMAGES);
    assert_non_null(strstr(outcome.said, line));
    free(outcome.said);
    free(line);
    char *expected = hp_read_file("whole.pack", &length), *resumed = hp_read_file("cut.pack", NULL);
    assert_memory_equal(resumed, expected, length);
    free(expected);
    free(resumed);

    unlink("cut.pack");
    pack_and_kill("cut.pack", IMAGES, 60000);
    write_png("train/a0_red.png", 128, 128, 1, 8, 999);
    outcome = in_child(pack_128, "cut.pack");
    assert_int_equal(outcome.status, 0);
    assert_null(strstr(outcome.said, "going on"));
    free(outcome.said);
    HpDataset dataset = cells_dataset();
    check_same(&dataset, ".", "cut.pack", 128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_bits),
                                       cmocka_unit_test(test_same_bits_16_bit_channels),
                                       cmocka_unit_test(test_pack_must_fit),
                                       cmocka_unit_test(test_pack_write_refuses),
                                       cmocka_unit_test(test_no_room),
                                       cmocka_unit_test(test_damaged_pack),
                                       cmocka_unit_test(test_damaged_pixels_are_reported_by_the_taker),
                                       cmocka_unit_test(test_hostile_headers),
                                       cmocka_unit_test(test_lying_sizes),
                                       cmocka_unit_test(test_resume),
                                       cmocka_unit_test(test_resume_distrusts)};
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
