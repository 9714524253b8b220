/* Launched kernels on disk: kernels.cu as a person reads it, one binary per architecture beside it, and the
 * table by which model.c embeds them. */
#include <errno.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include "../../runtime/base/base.h"
#include "../../runtime/device/cuda/nvrtc.h"
#include "emit.h"

static const char *binary_name(Arena *arena, const char *arch)
{
    return arena_format(arena, "kernels.%s.cubin", arch);
}

/* The kernels behind the words they stand on, which are the runtime's. */
static Text kernel_source(const Emission *emission, const char *headers)
{
    Text text = emit_begin(emission, "its fused kernels");
    const char *path = arena_format(emission->arena, "%s/device/kernel_cuda.h", headers);
    FILE *file = fopen(path, "r");
    char buffer[4096];
    for (size_t got; file && (got = fread(buffer, 1, sizeof buffer, file)) > 0;)
        text_add_bytes(&text, buffer, got);
    if (!file || ferror(file) || fclose(file) != 0)
        fatal("%s cannot be read: %s", path, strerror(errno));
    kernel_set_print(&text, emission->kernels);
    return text;
}

/* What the compiler says goes to the person; registers that ran out are said too, since that is slow. */
static void write_binary(const Emission *emission, const char *folder, const char *arch,
                         const HpNvrtcResult *result, bool compiled)
{
    if (!compiled)
        internal_error("kernels.cu does not compile for %s:\n%s", arch, result->log);
    if (*result->log)
        fprintf(stderr, "hpacc: warning: the compiler of kernels.cu for %s says:\n%s", arch, result->log);
    for (int i = 0; i < result->kernel_count; i++)
        if (result->kernels[i].spill_bytes > 0)
            fprintf(stderr, "hpacc: warning: %s for %s has too few registers and spills %d bytes a thread\n",
                    result->kernels[i].name, arch, result->kernels[i].spill_bytes);
    Text binary = text_new(emission->arena);
    text_add_bytes(&binary, result->binary, result->bytes);
    emit_file(emission, folder, binary_name(emission->arena, arch), &binary);
}

void emit_cuda(const Emission *emission, const char *folder, const char *headers)
{
    Text source = kernel_source(emission, headers);
    emit_file(emission, folder, "kernels.cu", &source);
    Text launchers = emit_begin(emission, "its kernels as functions.c calls them");
    kernel_set_print_launchers(&launchers, emission->kernels);
    emit_file(emission, folder, "kernels.h", &launchers);
    enum { MOST = 16 };
    HpNvrtcResult results[MOST];
    bool compiled[MOST];
    int count = (int)emission->archs.count;
    if (count > MOST)
        fatal("--arch: %d architectures are more than the %d that fit into one program", count, MOST);
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < count; i++)
        compiled[i] = hp_nvrtc_compile(source.data, "kernels.cu", emission->archs.items[i], &results[i]);
    for (int i = 0; i < count; i++) {
        write_binary(emission, folder, emission->archs.items[i], &results[i], compiled[i]);
        hp_nvrtc_result_free(&results[i]);
    }
}

static void print_embedded(Text *out, const char *symbol, const char *file)
{
    text_add(out, "__asm__(\".pushsection .rodata\\n.balign 16\\n%s: .incbin \\\"%s\\\"\\n\"\n", symbol,
             file);
    text_add(out, "        \"%s_end: .byte 0\\n.popsection\");\nextern const char %s[], %s_end[];\n", symbol,
             symbol, symbol);
}

void emit_kernel_table(Text *out, const Emission *emission)
{
    Text rows = text_new(emission->arena);
    text_add(out, "\n/* ---- kernels, as the assembler takes them from their files ---- */\n\n");
    print_embedded(out, "kernels_source", "kernels.cu");
    for (size_t i = 0; i < emission->archs.count; i++) {
        const char *arch = emission->archs.items[i],
                   *symbol = arena_format(emission->arena, "kernels_%s", arch);
        print_embedded(out, symbol, binary_name(emission->arena, arch));
        text_add(&rows, "    {\"%s\", %s, %s_end},\n", arch, symbol, symbol);
    }
    if (emission->archs.count > 0)
        text_add(out, "\nstatic const HpBinary binaries[] = {\n%s};\n", rows.data);
    text_add(out,
             "\nstatic const HpKernels kernel_table = {.kernel_count = %zu, .kernels = kernels,\n"
             "                                       .source = kernels_source, .binary_count = %zu,\n"
             "                                       .binaries = %s};\n",
             kernel_set_count(emission->kernels), emission->archs.count,
             emit_table((int64_t)emission->archs.count, "binaries"));
}
