/* A model as a shared library: NAME.h, which a person reads, and library.c, which wraps hp_predictor_*(). */
#include <ctype.h>
#include <string.h>
#include "emit.h"

static const char usage[] =
    "\n"
    "/* Link the library, or load it while your program runs; it needs no other file of hpanet.\n"
    " *\n"
    " *   char error[256];\n"
    " *   @_predictor *predictor = @_create(\"best.safetensors\", error, sizeof error);\n"
    " *   @_images images = {pixels, bits, count, height, width, @_plane_count()};\n"
    " *   if (!predictor || !@_predict(predictor, &images, probabilities, error, sizeof error))\n"
    " *       puts(error);\n"
    " *   @_destroy(predictor);\n"
    " *\n"
    " * Errors: nothing here prints or ends your process. A function that fails says so and fills `error` "
    "with a\n"
    " * sentence, cut where it is longer than error_bytes; `error` may be NULL. What failed leaves nothing "
    "behind,\n"
    " * and a predictor whose call failed can be used again.\n"
    " *\n"
    " * Threads: any thread may call. Calls into this library wait for each other; each computes on several\n"
    " * threads itself. No call may use a predictor that is being destroyed. */\n";

static const char functions[] =
    "\ntypedef struct @_predictor @_predictor;\n"
    "\n"
    "/* Where your images are. The library reads them during the call and keeps nothing. */\n"
    "typedef struct @_images {\n"
    "    const void *pixels; /* [count][height][width][planes], planes in the order above */\n"
    "    int bits;           /* of a number: 8 (uint8_t) or 16 (uint16_t) */\n"
    "    int64_t count;      /* any number, also 0; all have one size */\n"
    "    int64_t height, width, planes;\n"
    "} @_images;\n"
    "\n"
    "/* Loads weights that the model's program has trained: the best.safetensors of a run. NULL on failure.\n"
    " * There may be several predictors at a time, with weights of their own. */\n"
    "@_predictor *@_create(const char *weights, char *error, size_t error_bytes);\n"
    "\n"
    "/* Writes count * @_class_count() probabilities, [count][classes]: the bits that `predict` writes for "
    "a\n"
    " * folder or pack of the same pixels. False on failure. */\n"
    "bool @_predict(@_predictor *predictor, const @_images *images, float *probabilities,\n"
    "    char *error, size_t error_bytes);\n"
    "\n"
    "void @_destroy(@_predictor *predictor); /* NULL is fine */\n"
    "\n"
    "int64_t @_image_size(void); /* pixels a side that the network sees */\n"
    "int @_plane_count(void);\n"
    "const char *@_plane_name(int plane); /* NULL: there is no such plane */\n"
    "int @_class_count(void);\n"
    "const char *@_class_name(int number); /* NULL: there is no such class */\n"
    "bool @_one_of(void); /* an image has exactly one class, and its probabilities sum to 1 */\n";

static const char wrappers[] =
    "\n"
    "@_predictor *@_create(const char *weights, char *error, size_t error_bytes)\n"
    "{\n"
    "    return (@_predictor *)hp_predictor_create(&model, weights, error, error_bytes);\n"
    "}\n"
    "\n"
    "bool @_predict(@_predictor *predictor, const @_images *images, float *probabilities,\n"
    "    char *error, size_t error_bytes)\n"
    "{\n"
    "    HpPixels pixels;\n"
    "    if (images)\n"
    "        pixels = (HpPixels){.pixels = images->pixels,\n"
    "                            .bits = images->bits,\n"
    "                            .count = images->count,\n"
    "                            .height = images->height,\n"
    "                            .width = images->width,\n"
    "                            .planes = images->planes};\n"
    "    return hp_predictor_predict((HpPredictor *)predictor, images ? &pixels : NULL, probabilities, "
    "error,\n"
    "                                error_bytes);\n"
    "}\n"
    "\n"
    "void @_destroy(@_predictor *predictor)\n"
    "{\n"
    "    hp_predictor_destroy((HpPredictor *)predictor);\n"
    "}\n"
    "\n"
    "int64_t @_image_size(void)\n"
    "{\n"
    "    return model.image_size;\n"
    "}\n"
    "\n"
    "int @_plane_count(void)\n"
    "{\n"
    "    return model.dataset->plane_count;\n"
    "}\n"
    "\n"
    "const char *@_plane_name(int plane)\n"
    "{\n"
    "    return plane >= 0 && plane < @_plane_count() ? model.dataset->planes[plane] : NULL;\n"
    "}\n"
    "\n"
    "int @_class_count(void)\n"
    "{\n"
    "    return model.dataset->class_count;\n"
    "}\n"
    "\n"
    "const char *@_class_name(int number)\n"
    "{\n"
    "    return number >= 0 && number < @_class_count() ? model.dataset->classes[number] : NULL;\n"
    "}\n"
    "\n"
    "bool @_one_of(void)\n"
    "{\n"
    "    return model.dataset->one_of;\n"
    "}\n";

/* `text` with the model's name for every '@'. */
static void print_named(Text *out, const char *text, const char *name)
{
    for (const char *at; (at = strchr(text, '@')) != NULL; text = at + 1)
        text_add(out, "%.*s%s", (int)(at - text), text, name);
    text_add(out, "%s", text);
}

static const char *join(Arena *arena, int count, const char *const *names)
{
    const char *text = "";
    for (int i = 0; i < count; i++)
        text = arena_format(arena, "%s%s%s", text, i ? ", " : "", names[i]);
    return text;
}

/* A comment must not end where a class is called so. */
static void print_comment(Text *out, Arena *arena, const char *what, const char *text)
{
    char *safe = arena_string(arena, text);
    for (char *at = safe; (at = strstr(at, "*/")) != NULL;)
        *at = ' ';
    emit_wrapped(out, arena_format(arena, " * %-9s", what), " *          ", safe);
}

static const char *describe_pixels(Arena *arena, const HpDataset *dataset)
{
    if (dataset->range == HP_RANGE_PERCENTILE)
        return arena_format(arena,
                            "8 or 16 bits; of each image and plane the percentiles %g to %g become 0 to 1",
                            dataset->range_low, dataset->range_high);
    return arena_format(arena, "%d bits, %g to %g", dataset->range_high > 255 ? 16 : 8, dataset->range_low,
                        dataset->range_high);
}

static void print_dataset(Text *out, const Emission *emission)
{
    Arena *arena = emission->arena;
    const HpDataset *dataset = emission->program->dataset;
    text_add(out, "\n/* What it predicts from, and what:\n *\n");
    print_comment(out, arena, "planes", join(arena, dataset->plane_count, dataset->planes));
    print_comment(out, arena, "pixels", describe_pixels(arena, dataset));
    print_comment(
        out, arena, "size",
        arena_format(arena,
                     "the longer side at least %lld; larger images are shrunk by area averaging, and "
                     "what is not square is set in the middle of a black square",
                     (long long)emission->program->image_size));
    print_comment(out, arena, "batch",
                  arena_format(arena, "%lld images are computed at a time; fewer take as long",
                               (long long)emission->program->part));
    print_comment(out, arena, dataset->one_of ? "one of" : "any of",
                  join(arena, dataset->class_count, dataset->classes));
    text_add(out, " */\n");
}

static void print_header(Text *out, const Emission *emission, const char *name)
{
    char *guard = arena_format(emission->arena, "%s_H", name);
    for (char *at = guard; *at; at++)
        *at = (char)toupper((unsigned char)*at);
    text_add(out,
             "#ifndef %s\n#define %s\n\n#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n",
             guard, guard);
    print_dataset(out, emission);
    print_named(out, usage, name);
    text_add(out, "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n#pragma GCC visibility push(default)\n");
    print_named(out, functions, name);
    text_add(out, "\n#pragma GCC visibility pop\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
}

void emit_library(const Emission *emission, const char *folder)
{
    static const char *const taken[] = {"model", "kernels", "hpart"};
    const char *model = emission->program->name, *name = emit_identifier(emission->arena, model);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcmp(model, taken[i]) == 0)
            fatal("--emit library: %s.h is the name of another header; call the model otherwise than %s",
                  model, emission->program->source);
    Text header = emit_begin(emission, "a predictor as a shared library");
    print_header(&header, emission, name);
    emit_file(emission, folder, arena_format(emission->arena, "%s.h", model), &header);

    Text library = emit_begin(emission, "its shared library");
    text_add(&library, "#include \"%s.h\"\n#include \"model.h\"\n", model);
    print_named(&library, wrappers, name);
    emit_file(emission, folder, "library.c", &library);
}
