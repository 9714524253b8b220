/* Choice files: JSON, sorted, made to be read and edited.
 *
 *   {"isa": "avx512", "library": "oneDNN 2.6.3", "threads": 2,
 *    "products": {
 *     "convolution 16x64x56x56 to 64x56x56, ...": {
 *      "choice": "jit_wino_4x3:avx512_core", "scratchpad": 0,
 *      "candidates": {"jit:avx512_core": {"microseconds": 10460, "scratchpad": 0}, ...}}}}
 *
 * "candidates" is there for people; "scratchpad" is read for a GPU that is not here. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../runtime/base/base.h"
#include "../base/diagnostic.h"
#include "internal.h"

static void check_machine(const Choices *choices, const char *path, const char *isa, const char *library,
                          int threads)
{
    const Machine *here = &choices->machine;
    if (strcmp(isa, here->isa) != 0 || strcmp(library, here->library) != 0)
        fatal("%s was made for %s and %s, and here are %s and %s: what is fast there need not be fast here, "
              "nor "
              "exist; --tune makes a file for this machine",
              path, isa, library, here->isa, here->library);
    if (threads != here->threads)
        fatal("%s was made for %d threads, and this program gets %d: set OMP_NUM_THREADS=%d, or make a file "
              "with "
              "--tune",
              path, threads, here->threads, threads);
}

static void check_products(const char *path, json_t *products)
{
    const char *text;
    json_t *product;
    json_object_foreach(products, text, product)
    {
        if (!json_is_string(json_object_get(product, "choice")))
            fatal("%s: the product \"%s\" has no \"choice\": \"NAME\"", path, text);
    }
}

json_t *choices_read(const Choices *choices, const char *path)
{
    size_t length;
    char *text = hp_read_file(path, &length);
    json_error_t error;
    json_t *file = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error), *products = NULL;
    free(text);
    if (!file)
        fatal("%s:%d:%d: %s", path, error.line, error.column, error.text);
    const char *isa = NULL, *library = NULL;
    int threads = 0;
    if (json_unpack_ex(file, &error, 0, "{s:s, s:s, s:i, s:o}", "isa", &isa, "library", &library, "threads",
                       &threads, "products", &products) != 0 ||
        !json_is_object(products))
        fatal("%s is not a choice file: %s; hpacc --tune writes one", path,
              products ? "\"products\" is not an object" : error.text);
    check_machine(choices, path, isa, library, threads);
    check_products(path, products);
    json_incref(products);
    json_decref(file);
    return products;
}

void choices_write(const Choices *choices, const char *path)
{
    HpLibraryCall **calls = ARENA_ARRAY(choices->arena, HpLibraryCall *, choices->entries.count);
    for (size_t i = 0; i < choices->entries.count; i++)
        calls[i] = &choices->entries.items[i]->call;
    json_t *file = hp_choices_json(choices->machine.isa, choices->machine.library, choices->machine.threads,
                                   calls, (int)choices->entries.count);
    json_t *products = json_object_get(file, "products");
    for (size_t i = 0; i < choices->entries.count; i++) {
        const Entry *entry = choices->entries.items[i];
        if (entry->times)
            json_object_set(json_object_get(products, entry->text), "candidates", entry->times);
    }
    char *text = json_dumps(file, JSON_INDENT(1) | JSON_SORT_KEYS);
    if (!text)
        fatal("out of memory while %s was made", path);
    char *lines = hp_format("%s\n", text);
    if (!hp_write_file(path, lines, strlen(lines)))
        fatal("%s cannot be written: %s", path, strerror(errno));
    free(lines);
    free(text);
    json_decref(file);
}
