/* The safetensors reader against everything the format forbids, and against what our writer makes. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "runtime/base/base.h"
#include "runtime/weights/safetensors.h"

static char *path; /* of the file under test */

static int set_up(void **state)
{
    (void)state;
    const char *root = getenv("TMPDIR");
    char *folder = hp_format("%s/hpanet-weights-XXXXXX", root ? root : "/tmp");
    assert_non_null(mkdtemp(folder));
    path = hp_format("%s/x.safetensors", folder);
    free(folder);
    signal(SIGXFSZ, SIG_IGN);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    free(path);
    return 0;
}

static void write_bytes(const void *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    fclose(file);
}

/* A file of this header, a length that may lie, and zeros for data. */
static void write_file(const char *header, uint64_t claimed, size_t data)
{
    size_t length = strlen(header);
    char *bytes = hp_alloc(8 + length + data, 1);
    for (int i = 0; i < 8; i++)
        bytes[i] = (char)(claimed >> (8 * i));
    memcpy(bytes + 8, header, length);
    write_bytes(bytes, 8 + length + data);
    free(bytes);
}

static void expect_refusal(const char *reason)
{
    char *why;
    HpTensorFile *file = hp_tensors_open(path, &why);
    if (file || strncmp(why, reason, strlen(reason)) != 0)
        fail_msg("\"%s\" is not refused as %s but %s", path, reason, file ? "read" : why);
    free(why);
}

/* ---------------------------------------------------------------- what is refused */

#define ENTRY(dtype, shape, offsets)                                                                         \
    "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static const struct {
    const char *header;
    size_t data;
    const char *reason;
} refused[] = {
    {"", 0, "InvalidHeader"},
    {"[]", 0, "InvalidHeader"},
    {" {}", 0, "InvalidHeader"},
    {"{", 0, "InvalidHeader"},
    {"{}x", 0, "InvalidHeader"},
    {"{\"a\":\"\xff\xfe\"}", 0, "InvalidHeader"},
    {"{\"a\":\"\xc0\xaf\"}", 0, "InvalidHeader"},
    {"{\"a\\u0000b\":" ENTRY("F32", "[1]", "[0,4]") "}", 4, "InvalidHeader"},
    {"{\"a\":" ENTRY("F32", "[1]", "[0,4]") ",\"a\":" ENTRY("F32", "[1]", "[4,8]") "}", 8, "InvalidHeader"},
    {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
     "InvalidHeader"},
    {"{\"__metadata__\":{\"a\":1}}", 0, "InvalidHeader"},
    {"{\"__metadata__\":[]}", 0, "InvalidHeader"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "InvalidHeader"},
    {"{\"a\":1}", 0, "TensorInvalidInfo"},
    {"{\"a\":{}}", 0, "TensorInvalidInfo"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "TensorInvalidInfo"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"more\":0}}", 4, "TensorInvalidInfo"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"offsets\":[0,4]}}", 4, "TensorInvalidInfo"},
    {"{\"a\":" ENTRY("F31", "[1]", "[0,4]") "}", 4, "TensorInvalidInfo"},
    {"{\"a\":" ENTRY("f32", "[1]", "[0,4]") "}", 4, "TensorInvalidInfo"},
    {"{\"a\":{\"dtype\":4,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "TensorInvalidInfo"},
    {"{\"a\":" ENTRY("F32", "{}", "[0,4]") "}", 4, "TensorInvalidInfo"},
    {"{\"a\":" ENTRY("F32", "[-1]", "[0,4]") "}", 4, "TensorInvalidInfo"},
    {"{\"a\":" ENTRY("F32", "[1.0]", "[0,4]") "}", 4, "TensorInvalidInfo"},
    {"{\"a\":" ENTRY("F32", "[\"1\"]", "[0,4]") "}", 4, "TensorInvalidInfo"},
    {"{\"a\":" ENTRY("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4, "TensorInvalidInfo"},
    {"{\"a\":" ENTRY("F32", "[2]", "[0,4]") "}", 4, "TensorInvalidInfo"},
    {"{\"a\":" ENTRY("F32", "[]", "[0,8]") "}", 8, "TensorInvalidInfo"},
    {"{\"a\":" ENTRY("F32", "[9223372036854775808]", "[0,4]") "}", 4, "InvalidHeader"},
    {"{\"a\":" ENTRY("F32", "[4294967296,4294967296]", "[0,0]") "}", 0, "ValidationOverflow"},
    {"{\"a\":" ENTRY("F64", "[4611686018427387904]", "[0,0]") "}", 0, "ValidationOverflow"},
    {"{\"a\":" ENTRY("F4", "[3]", "[0,2]") "}", 2, "ValidationOverflow"},
    {"{\"a\":" ENTRY("F32", "[1]", "[4,0]") "}", 4, "InvalidOffset"},
    {"{\"a\":" ENTRY("F32", "[1]", "[-4,0]") "}", 4, "InvalidOffset"},
    {"{\"a\":" ENTRY("F32", "[1]", "[0]") "}", 4, "InvalidOffset"},
    {"{\"a\":" ENTRY("F32", "[1]", "[0,4,8]") "}", 4, "InvalidOffset"},
    {"{\"a\":" ENTRY("F32", "[1]", "[0.0,4.0]") "}", 4, "InvalidOffset"},
    {"{\"a\":" ENTRY("F32", "[1]", "[4,8]") "}", 8, "InvalidOffset"}, /* a hole at the start */
    {"{\"a\":" ENTRY("F32", "[1]", "[0,4]") ",\"b\":" ENTRY("F32", "[1]", "[8,12]") "}", 12, "InvalidOffset"},
    {"{\"a\":" ENTRY("F32", "[2]", "[0,8]") ",\"b\":" ENTRY("F32", "[2]", "[4,12]") "}", 12, "InvalidOffset"},
    {"{\"a\":" ENTRY("F32", "[1]", "[0,4]") ",\"b\":" ENTRY("F32", "[1]", "[0,4]") "}", 4, "InvalidOffset"},
    {"{\"a\":" ENTRY("F32", "[1]", "[0,4]") "}", 3, "MetadataIncompleteBuffer"},
    {"{\"a\":" ENTRY("F32", "[1]", "[0,4]") "}", 5, "MetadataIncompleteBuffer"},
    {"{}", 1, "MetadataIncompleteBuffer"},
    {"{\"__metadata__\":{\"hpanet.checksum\":\"0000000000000000\"}}", 0, "ChecksumMismatch"},
    {"{\"__metadata__\":{\"hpanet.kind\":\"weights\"}}", 0, "ChecksumMissing"},
    {"{\"__metadata__\":{\"hpanet.checksum\":\"00\"}}", 0, "InvalidHeader"},
    {"{\"__metadata__\":{ \"hpanet.checksum\" : \"0000000000000000\"}}", 0, "InvalidHeader"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        write_file(refused[i].header, strlen(refused[i].header), refused[i].data);
        expect_refusal(refused[i].reason);
    }
}

static void test_bad_lengths(void **state)
{
    (void)state;
    write_bytes("1234567", 7);
    expect_refusal("HeaderTooSmall");
    write_bytes("", 0);
    expect_refusal("HeaderTooSmall");
    write_file("{}", 100000001, 0);
    expect_refusal("HeaderTooLarge");
    write_file("{}", UINT64_MAX, 0);
    expect_refusal("HeaderTooLarge");
    write_file("{}", (uint64_t)1 << 63, 0);
    expect_refusal("HeaderTooLarge");
    write_file("{}", 3, 0);
    expect_refusal("InvalidHeaderLength");
    write_file("{}", 100000000, 0);
    expect_refusal("InvalidHeaderLength");
    unlink(path);
    expect_refusal("No such file");
}

/* A header of a hundred thousand open brackets must not exhaust the stack. */
static void test_deep_nesting(void **state)
{
    (void)state;
    size_t depth = 100000;
    char *header = hp_alloc(depth + 8, 1);
    memcpy(header, "{\"a\":", 5);
    memset(header + 5, '[', depth);
    write_file(header, strlen(header), 0);
    expect_refusal("InvalidHeader");
    free(header);
}

/* ---------------------------------------------------------------- what is read */

static HpTensorFile *open_good(void)
{
    char *why;
    HpTensorFile *file = hp_tensors_open(path, &why);
    if (!file)
        fail_msg("%s", why);
    return file;
}

static void test_legal_corners(void **state)
{
    (void)state;
    const char *header = "{\"empty\":" ENTRY("F32", "[0,7]", "[0,0]") ",\"scalar\":" ENTRY(
        "F32", "[]", "[0,4]") ",\"half\":" ENTRY("F4", "[2]", "[4,5]") ",\"__metadata__\":{\"k\":\"v\"}}   ";
    write_file(header, strlen(header), 5);
    HpTensorFile *file = open_good();
    assert_int_equal(hp_tensors_count(file), 3);
    assert_string_equal(hp_tensors_metadata(file, "k"), "v");
    assert_null(hp_tensors_metadata(file, "none"));
    assert_int_equal(hp_tensors_find(file, "empty")->count, 0);
    assert_int_equal(hp_tensors_find(file, "scalar")->count, 1);
    assert_null(hp_tensors_find(file, "scala"));
    float value[2];
    assert_false(hp_tensors_read_floats(file, hp_tensors_find(file, "half"), value));
    assert_int_equal(errno, EINVAL);
    hp_tensors_close(file);
    write_file("{}", 2, 0);
    file = open_good();
    assert_int_equal(hp_tensors_count(file), 0);
    hp_tensors_close(file);
}

static void test_conversions(void **state)
{
    (void)state;
    const char *header = "{\"h\":" ENTRY("F16", "[8]", "[0,16]") ",\"b\":" ENTRY(
        "BF16", "[4]", "[16,24]") ",\"d\":" ENTRY("F64", "[2]", "[24,40]") "}";
    const uint16_t halves[] = {0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x7c00, 0x8000, 0x7e01};
    const uint16_t bfloats[] = {0x3f80, 0xbf00, 0x4049, 0xff80};
    const double doubles[] = {0.1, -3e300};
    char bytes[256];
    uint64_t length = strlen(header);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, length);
    memcpy(bytes + 8 + length, halves, 16);
    memcpy(bytes + 24 + length, bfloats, 8);
    memcpy(bytes + 32 + length, doubles, 16);
    write_bytes(bytes, 48 + length);
    HpTensorFile *file = open_good();
    float h[8], b[4], d[2];
    assert_true(hp_tensors_read_floats(file, hp_tensors_find(file, "h"), h));
    assert_true(hp_tensors_read_floats(file, hp_tensors_find(file, "b"), b));
    assert_true(hp_tensors_read_floats(file, hp_tensors_find(file, "d"), d));
    assert_true(h[0] == 1 && h[1] == -2 && h[2] == 65504 && h[3] == 0x1p-24f && h[4] == 0x1p-14f &&
                h[5] == INFINITY);
    assert_true(h[6] == 0 && signbit(h[6]) && isnan(h[7]));
    assert_true(b[0] == 1 && b[1] == -0.5f && b[2] == 3.140625f && b[3] == -INFINITY);
    assert_true(d[0] == 0.1f && d[1] == -INFINITY);
    hp_tensors_close(file);
}

/* ---------------------------------------------------------------- what is written */

typedef struct Source {
    const void *bytes;
    size_t length;
} Source;

static void copy_source(void *user, void *out)
{
    const Source *source = user;
    memcpy(out, source->bytes, source->length);
}

static bool save_example(float first)
{
    float floats[6] = {first, -2, 3.5f, NAN, 0, 1e-30f};
    int64_t integers[2] = {-5, INT64_MAX};
    Source a = {integers, sizeof integers}, b = {floats, sizeof floats}, none = {"", 0};
    HpTensorWriter *writer = hp_writer_new();
    hp_writer_metadata(writer, "hpanet.kind", "example");
    hp_writer_metadata(writer, "text", "with \"hpanet.checksum\":\" inside, and \xc3\xa4");
    hp_writer_add(writer, "integers", HP_TENSOR_I64, 1, (int64_t[]){2}, copy_source, &a);
    hp_writer_add(writer, "floats", HP_TENSOR_F32, 2, (int64_t[]){2, 3}, copy_source, &b);
    hp_writer_add(writer, "nothing", HP_TENSOR_F32, 1, (int64_t[]){0}, copy_source, &none);
    bool good = hp_writer_save(writer, path);
    int error = errno;
    hp_writer_free(writer);
    errno = error;
    return good;
}

static void test_round_trip(void **state)
{
    (void)state;
    assert_true(save_example(1));
    HpTensorFile *file = open_good();
    assert_int_equal(hp_tensors_count(file), 3);
    assert_string_equal(hp_tensors_metadata(file, "text"),
                        "with \"hpanet.checksum\":\" inside, and \xc3\xa4");
    const HpTensor *tensor = hp_tensors_find(file, "floats");
    float floats[6];
    int64_t integers[2];
    assert_true(tensor->rank == 2 && tensor->shape[0] == 2 && tensor->shape[1] == 3 &&
                tensor->type == HP_TENSOR_F32);
    assert_true(hp_tensors_read(file, tensor, floats));
    assert_true(floats[0] == 1 && floats[2] == 3.5f && isnan(floats[3]) && floats[5] == 1e-30f);
    assert_true(hp_tensors_read(file, hp_tensors_find(file, "integers"), integers));
    assert_true(integers[0] == -5 && integers[1] == INT64_MAX);
    hp_tensors_close(file);
}

/* Every byte changed and every length cut: each is refused. */
static void test_damage(void **state)
{
    (void)state;
    assert_true(save_example(1));
    size_t length;
    char *bytes = hp_read_file(path, &length), *why;
    for (size_t i = 0; i < length; i++) {
        bytes[i] ^= (char)(1 << (i % 8));
        write_bytes(bytes, length);
        HpTensorFile *file = hp_tensors_open(path, &why);
        if (file)
            fail_msg("byte %zu of %zu was changed and nobody noticed", i, length);
        free(why);
        bytes[i] ^= (char)(1 << (i % 8));
    }
    for (size_t cut = 0; cut < length; cut++) {
        write_bytes(bytes, cut);
        assert_null(hp_tensors_open(path, &why));
        free(why);
    }
    free(bytes);
}

/* The disk fills at every possible byte: the old file stays whole, and nothing is left beside it. */
static void test_full_disk_at_every_byte(void **state)
{
    (void)state;
    assert_true(save_example(1));
    size_t length, after_length;
    char *before = hp_read_file(path, &length), *partial = hp_format("%s.partial", path);
    struct rlimit old, small;
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    for (size_t room = 0; room < length; room++) {
        small.rlim_cur = room;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        bool saved = save_example(2);
        int error = errno;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        assert_false(saved);
        assert_int_equal(error, EFBIG);
        assert_int_equal(access(partial, F_OK), -1);
        char *after = hp_read_file(path, &after_length);
        assert_int_equal(after_length, length);
        assert_memory_equal(after, before, length);
        free(after);
    }
    assert_true(save_example(2));
    free(before);
    free(partial);
}

static void test_impossible_places(void **state)
{
    (void)state;
    char *kept = path;
    path = (char *)"/nonexistent-folder/x.safetensors";
    assert_false(save_example(1));
    assert_int_equal(errno, ENOENT);
    path = kept;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bad_lengths),
        cmocka_unit_test(test_deep_nesting),
        cmocka_unit_test(test_legal_corners),
        cmocka_unit_test(test_conversions),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_full_disk_at_every_byte),
        cmocka_unit_test(test_impossible_places),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
