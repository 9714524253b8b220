/* The files of a model. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "../../runtime/base/base.h"
#include "../target/target.h"
#include "emit.h"

Text emit_begin(const Emission *emission, const char *what)
{
    Text out = text_new(emission->arena);
    text_add(&out, "/* %s: %s\n * Made by hpacc %s from %s:\n *   %s */\n", emission->program->name, what,
             HPANET_VERSION, emission->program->source, emission->command);
    return out;
}

void emit_file(const Emission *emission, const char *folder, const char *name, const Text *text)
{
    const char *path = arena_format(emission->arena, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    bool written = file && fwrite(text->data, 1, text->length, file) == text->length;
    if (file && fclose(file) != 0)
        written = false;
    if (!written)
        fatal("%s cannot be written: %s", path, strerror(errno));
}

static void write_header(const Emission *emission, const char *folder)
{
    Text out = emit_begin(emission, "what its sources share");
    text_add(&out, "#ifndef MODEL_H\n#define MODEL_H\n\n#include \"hpart.h\"\n\n");
    for (size_t i = 0; i < emission->products.count; i++)
        text_add(&out, "extern HpLibraryCall %s;\n", emission->products.items[i].name);
    text_add(&out, "extern HpLibraryCall *const products[];\n");
    text_add(&out, "%sextern const HpModel model;\n\n",
             target()->launches ? "extern HpKernel *const kernels[];\n" : "");
    for (size_t i = 0; i < emission->functions.count; i++)
        text_add(&out, "void %s(HpContext *context);\n",
                 emit_identifier(emission->arena, emission->functions.items[i].name));
    text_add(&out, "\n#endif\n");
    emit_file(emission, folder, "model.h", &out);
}

/* kernels.cu, with the words that kernels stand on in front, and the host's side of it. */
static void write_launched_kernels(const Emission *emission, const char *folder)
{
    emit_file(emission, folder, "kernels.cu", &emission->cuda);
    Text launchers = emit_begin(emission, "its kernels as functions.c calls them");
    kernel_set_print_launchers(&launchers, emission->kernels);
    emit_file(emission, folder, "kernels.h", &launchers);
}

void emit_cuda(Emission *emission, const char *headers)
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
    emission->cuda = text;
}

void emit_sources(const Emission *emission, const char *folder)
{
    hp_make_folder(folder);
    write_header(emission, folder);

    Text products = emit_begin(emission, "its convolutions and matrix products");
    emit_products(&products, emission);
    emit_file(emission, folder, "products.c", &products);

    if (target()->launches) {
        write_launched_kernels(emission, folder);
    } else {
        Text kernels = emit_begin(emission, "its fused kernels, included by functions.c");
        kernel_set_print(&kernels, emission->kernels);
        emit_file(emission, folder, "kernels.h", &kernels);
    }

    Text functions = emit_begin(emission, "its functions, step by step");
    emit_functions(&functions, emission);
    emit_file(emission, folder, "functions.c", &functions);

    Text model = emit_begin(emission, "its tables");
    emit_model(&model, emission);
    emit_file(emission, folder, "model.c", &model);
}

void emit_main(const Emission *emission, const char *folder)
{
    Text out = emit_begin(emission, "its program");
    text_add(&out, "#include \"model.h\"\n\nint main(int argc, char **argv)\n{\n"
                   "    return hp_main(argc, argv, &model);\n}\n");
    emit_file(emission, folder, "main.c", &out);
}
