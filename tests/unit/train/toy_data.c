#include "toy_data.h"
#include <fcntl.h>
#include <ftw.h>
#include <png.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "runtime/base/base.h"

enum { SIDE = 10 };

char *toy_folder(void)
{
    const char *root = getenv("TMPDIR");
    char *folder = hp_format("%s/hpanet-train-XXXXXX", root ? root : "/tmp");
    assert_non_null(mkdtemp(folder));
    return folder;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *position)
{
    (void)status, (void)type, (void)position;
    return remove(path);
}

void toy_remove(char *folder)
{
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(folder);
}

char *toy_path(const char *folder, const char *name)
{
    return hp_format("%s/%s", folder, name);
}

static void write_png(const char *path, uint8_t pixels[SIDE][SIDE])
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    assert_non_null(info);
    if (setjmp(png_jmpbuf(png)))
        fail_msg("libpng cannot write %s", path);
    png_init_io(png, file);
    png_set_IHDR(png, info, SIDE, SIDE, 8, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int y = 0; y < SIDE; y++)
        png_write_row(png, pixels[y]);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    fclose(file);
}

/* Left and right halves glow by label 0 and 1, the second plane by label 2; the rest is noise. */
static void write_image(const char *folder, const char *id, int number, const bool labels[3])
{
    static const char *const planes[] = {"red", "green"};
    for (int plane = 0; plane < 2; plane++) {
        uint8_t pixels[SIDE][SIDE];
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                bool glows = plane ? labels[2] : labels[x >= SIDE / 2];
                double noise = hp_uniform(11, (uint64_t)(number * 1000 + plane * 100 + y * SIDE + x), 0);
                pixels[y][x] = (uint8_t)(100 * noise + (glows ? 120 : 20));
            }
        char *path = hp_format("%s/%s_%s.png", folder, id, planes[plane]);
        write_png(path, pixels);
        free(path);
    }
}

static void write_part(const char *folder, const char *part, const char *csv, int count, bool labelled,
                       bool one_of)
{
    char *images = hp_format("%s/data/%s", folder, part), *table = hp_format("%s/data/%s", folder, csv);
    hp_make_folder(images);
    FILE *file = fopen(table, "w");
    assert_non_null(file);
    fprintf(file, "Id,%s\n", labelled ? "Target" : "Predicted");
    for (int i = 0; i < count; i++) {
        int number = labelled ? i : 500 + i;
        bool labels[3] = {number % 3 != 1, number % 3 != 0, number % 9 == 4};
        for (int c = 0; one_of && c < 3; c++)
            labels[c] = c == number % 3;
        char *id = hp_format("%s%02d", part, (i * 8) % count); /* not in alphabetic order */
        write_image(images, id, number, labels);
        fprintf(file, "%s,", id);
        if (labelled)
            fprintf(file, "%s%s%s\n", labels[2] ? "2 " : "", labels[1] ? "1 " : "", labels[0] ? "0" : "");
        else
            fputs("0\n", file);
        free(id);
    }
    fclose(file);
    free(images);
    free(table);
}

void toy_write_data(const char *folder, bool one_of)
{
    write_part(folder, "train", "train.csv", TOY_IMAGES, true, one_of);
    write_part(folder, "test", "order.csv", TOY_TEST_IMAGES, false, one_of);
}

/* ---------------------------------------------------------------- processes */

static void redirect(const char *folder, const char *name, int descriptor)
{
    char *path = toy_path(folder, name);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (file < 0 || dup2(file, descriptor) < 0)
        _exit(99);
    close(file);
}

pid_t toy_start(const char *folder, const char *environment, const char *const *arguments)
{
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child > 0)
        return child;
    char *list[32] = {(char *)"toy"};
    for (int i = 0; arguments[i] && i < 30; i++)
        list[i + 1] = (char *)arguments[i];
    redirect(folder, "stdout.txt", STDOUT_FILENO);
    redirect(folder, "stderr.txt", STDERR_FILENO);
    if (environment)
        putenv((char *)environment);
    setenv("OMP_NUM_THREADS", "1", 1);
    execv(TOY_PROGRAM, list);
    _exit(98);
}

ToyRun toy_wait(const char *folder, pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    char *output = toy_path(folder, "stdout.txt"), *errors = toy_path(folder, "stderr.txt");
    ToyRun run = {.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                  .output = hp_read_file(output, NULL),
                  .errors = hp_read_file(errors, NULL)};
    free(output);
    free(errors);
    return run;
}

ToyRun toy_run(const char *folder, const char *environment, const char *const *arguments)
{
    return toy_wait(folder, toy_start(folder, environment, arguments));
}

void toy_run_free(ToyRun *run)
{
    free(run->output);
    free(run->errors);
}
