/* One PNG file to integer pixels, by libpng's low-level interface. The file is hostile: its sizes are
 * limited, nothing but its pixels is kept, and what it claims to hold must be possible for its length. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MAX_DEFLATE_RATIO = 1032, /* no deflate stream expands more */
    MAX_CHUNK_BYTES = 8 << 20
};
static const size_t max_file_bytes = (size_t)1 << 30, max_pixel_bytes = (size_t)1 << 30;

typedef struct Decoding {
    HpImage *image;
    const char *path;
    size_t read;
    jmp_buf stop;
    char message[160];
    png_bytep *rows;
} Decoding;

/* ---------------------------------------------------------------- the file */

static char *read_file(const char *path, HpImage *image)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) != 0) {
        char *message = hp_format("%s: cannot be read: %s", path, strerror(errno));
        if (file >= 0)
            close(file);
        return message;
    }
    size_t length = (size_t)status.st_size;
    char *message = NULL;
    if (!S_ISREG(status.st_mode) || length > max_file_bytes)
        message =
            hp_format("%s: not a PNG file: it is %s", path, S_ISREG(status.st_mode) ? "too long" : "no file");
    if (!message && length > image->file_capacity) {
        image->file = hp_realloc(image->file, length, 1);
        image->file_capacity = length;
    }
    image->file_length = 0;
    while (!message && image->file_length < length) {
        ssize_t got = read(file, image->file + image->file_length, length - image->file_length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            message = hp_format("%s: cannot be read: %s", path, strerror(errno));
        if (got <= 0)
            break;
        image->file_length += (size_t)got;
    }
    close(file);
    return message;
}

/* What a file without PNG's signature is, by its first bytes. */
static char *explain_other_format(const char *path, const HpImage *image)
{
    static const struct {
        const char *name, *bytes;
        size_t length;
    } formats[] = {{"JPEG", "\xff\xd8\xff", 3},
                   {"GIF", "GIF8", 4},
                   {"TIFF", "II*\0", 4},
                   {"TIFF", "MM\0*", 4},
                   {"BMP", "BM", 2},
                   {"WebP or other RIFF", "RIFF", 4},
                   {"HTML", "<!DOCTYPE", 9},
                   {"HTML", "<html", 5},
                   {"zip", "PK\3\4", 4},
                   {"gzip", "\x1f\x8b", 2},
                   {"git LFS pointer", "version https://git-lfs", 23}};
    if (image->file_length == 0)
        return hp_format("%s: the file is empty; copy it again from where it came from", path);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (image->file_length >= formats[i].length &&
            memcmp(image->file, formats[i].bytes, formats[i].length) == 0)
            return hp_format(
                "%s: this is a %s file, not a PNG; only PNG images are read: convert it (to a PNG, not "
                "only its name)",
                path, formats[i].name);
    return hp_format("%s: this is not a PNG file: it does not begin with PNG's signature", path);
}

/* ---------------------------------------------------------------- libpng */

static void on_error(png_structp png, png_const_charp message)
{
    Decoding *decoding = png_get_error_ptr(png);
    if (!*decoding->message)
        snprintf(decoding->message, sizeof decoding->message, "the PNG data are broken (%s)", message);
    longjmp(decoding->stop, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message; /* about chunks that are not used */
}

static void on_read(png_structp png, png_bytep out, size_t length)
{
    Decoding *decoding = png_get_io_ptr(png);
    const HpImage *image = decoding->image;
    if (length > image->file_length - decoding->read) {
        snprintf(decoding->message, sizeof decoding->message,
                 "the file is truncated: it ends after %zu bytes, in the middle of the image; copy it again",
                 image->file_length);
        png_error(png, "truncated");
    }
    memcpy(out, image->file + decoding->read, length);
    decoding->read += length;
}

static void set_limits(png_structp png)
{
    png_set_user_limits(png, HP_MAX_SIDE, HP_MAX_SIDE);
    png_set_chunk_cache_max(png, 64);
    png_set_chunk_malloc_max(png, MAX_CHUNK_BYTES);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1); /* text, profiles, times: skipped */
}

static void read_header(png_structp png, png_infop info, Decoding *decoding)
{
    HpImage *image = decoding->image;
    png_read_info(png, info);
    int type = png_get_color_type(png, info), depth = png_get_bit_depth(png, info);
    if (type == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(png);
    if (type == PNG_COLOR_TYPE_GRAY && depth < 8)
        png_set_expand_gray_1_2_4_to_8(png);
    if (depth == 16)
        png_set_swap(png); /* the file has the high byte first */
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    image->width = png_get_image_width(png, info);
    image->height = png_get_image_height(png, info);
    image->channels = png_get_channels(png, info);
    image->bits = png_get_bit_depth(png, info);
    size_t bytes = png_get_rowbytes(png, info) * (size_t)image->height;
    if (bytes > max_pixel_bytes) {
        snprintf(decoding->message, sizeof decoding->message, "the image is too large: %lld x %lld pixels",
                 (long long)image->width, (long long)image->height);
        png_error(png, "too large");
    }
    /* a palette or small depth multiplies bytes by at most 24 */
    if (bytes / 24 / MAX_DEFLATE_RATIO > image->file_length) {
        snprintf(decoding->message, sizeof decoding->message,
                 "the file is truncated: %zu bytes cannot hold %lld x %lld pixels", image->file_length,
                 (long long)image->width, (long long)image->height);
        png_error(png, "truncated");
    }
}

static void read_pixels(png_structp png, png_infop info, Decoding *decoding)
{
    HpImage *image = decoding->image;
    size_t row_bytes = png_get_rowbytes(png, info), bytes = row_bytes * (size_t)image->height;
    if (bytes > image->pixels_capacity) {
        image->pixels = hp_realloc(image->pixels, bytes, 1);
        image->pixels_capacity = bytes;
    }
    decoding->rows = hp_alloc((size_t)image->height, sizeof *decoding->rows);
    for (int64_t y = 0; y < image->height; y++)
        decoding->rows[y] = image->pixels + (size_t)y * row_bytes;
    png_read_image(png, decoding->rows);
    png_read_end(png, NULL);
}

static char *decode(Decoding *decoding, bool header_only)
{
    png_infop info = NULL;
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, decoding, on_error, on_warning);
    if (!png || !(info = png_create_info_struct(png)))
        hp_fail("out of memory");
    char *volatile failure = NULL;
    if (setjmp(decoding->stop) == 0) {
        png_set_read_fn(png, decoding, on_read);
        set_limits(png);
        read_header(png, info, decoding);
        if (!header_only)
            read_pixels(png, info, decoding);
    } else {
        failure = hp_format("%s: %s", decoding->path, decoding->message);
    }
    png_destroy_read_struct(&png, &info, NULL);
    free(decoding->rows);
    return failure;
}

char *hp_png_read(const char *path, bool header_only, HpImage *image)
{
    char *failure = read_file(path, image);
    if (failure)
        return failure;
    if (image->file_length < 8 || png_sig_cmp(image->file, 0, 8) != 0)
        return explain_other_format(path, image);
    Decoding decoding = {.image = image, .path = path};
    return decode(&decoding, header_only);
}

void hp_image_free(HpImage *image)
{
    free(image->file);
    free(image->pixels);
    *image = (HpImage){0};
}
