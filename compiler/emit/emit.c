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

void emit_sources(const Emission *emission, const char *folder)
{
    hp_make_folder(folder);
    write_header(emission, folder);

    Text products = emit_begin(emission, "its convolutions and matrix products");
    emit_products(&products, emission);
    emit_file(emission, folder, "products.c", &products);

    if (!target()->launches) {
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
