/* Products in words, and what can run them. */
#include "product.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../base/base.h"
#include "format.h"
#include "library.h"
#include "narrow_gradient.h"
#include "winograd.h"

static const char *const kind_names[] = {[HP_CONVOLUTION] = "convolution",
                                         [HP_CONVOLUTION_GRADIENT_INPUT] = "gradient_input",
                                         [HP_CONVOLUTION_GRADIENT_WEIGHT] = "gradient_weight",
                                         [HP_MATMUL] = "matmul",
                                         [HP_REORDER] = "reorder"};

/* ---------------------------------------------------------------- in words */

static void print_convolution(FILE *out, const HpLibraryCall *c)
{
    fprintf(out, " %lldx%lldx%lldx%lld to %lldx%lldx%lld, kernel %lldx%lld, stride %lldx%lld",
            (long long)c->batch, (long long)c->in_channels, (long long)c->in_size[0],
            (long long)c->in_size[1], (long long)c->out_channels, (long long)c->out_size[0],
            (long long)c->out_size[1], (long long)c->kernel[0], (long long)c->kernel[1],
            (long long)c->stride[0], (long long)c->stride[1]);
    fprintf(out, ", pad %lld+%lldx%lld+%lld", (long long)c->pad_before[0], (long long)c->pad_after[0],
            (long long)c->pad_before[1], (long long)c->pad_after[1]);
    if (c->dilation[0] != 1 || c->dilation[1] != 1)
        fprintf(out, ", dilation %lldx%lld", (long long)c->dilation[0], (long long)c->dilation[1]);
    if (c->groups != 1)
        fprintf(out, ", groups %lld", (long long)c->groups);
}

static void print_matmul(FILE *out, const HpLibraryCall *c)
{
    fprintf(out, " %lldx%lldx%lld%s by %lldx%lld%s", (long long)c->batch, (long long)c->m, (long long)c->k,
            c->transpose_a ? " transposed" : "", (long long)c->k, (long long)c->n,
            c->transpose_b ? " transposed" : "");
}

static void print_reorder(FILE *out, const HpLibraryCall *c)
{
    for (int i = 0; i < c->rank; i++)
        fprintf(out, "%c%lld", i ? 'x' : ' ', (long long)c->shape[i]);
}

static const char *type_name(HpDataType type)
{
    switch (type) {
    case HP_F32: return "fp32";
    case HP_F16: return "fp16";
    case HP_BF16: return "bf16";
    default: hp_bug("a product of data type %d", (int)type);
    }
}

/* What is not as usual: floats of full precision, in one piece. */
static void print_operands(FILE *out, const HpLibraryCall *call)
{
    if (call->type_a != HP_F32 || call->type_b != HP_F32 || call->type_c != HP_F32)
        fprintf(out, ", types %s %s %s", type_name(call->type_a), type_name(call->type_b),
                type_name(call->type_c));
    if (call->pitch_a || call->pitch_b || call->pitch_c)
        fprintf(out, ", pitches %lld %lld %lld", (long long)call->pitch_a, (long long)call->pitch_b,
                (long long)call->pitch_c);
    if (call->tf32)
        fputs(", tf32", out);
}

char *hp_product_text(const HpLibraryCall *call)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        hp_fail("out of memory while a product was named");
    fputs(kind_names[call->kind], out);
    switch (call->kind) {
    case HP_MATMUL: print_matmul(out, call); break;
    case HP_REORDER: print_reorder(out, call); break;
    default: print_convolution(out, call);
    }
    fprintf(out, ", %s %s %s%s%s%s%s", hp_format_name(call->format_a), hp_format_name(call->format_b),
            hp_format_name(call->format_c), call->bias ? ", bias" : "", call->add ? ", add" : "",
            call->relu ? ", relu" : "", call->statistics ? ", statistics" : "");
    print_operands(out, call);
    if (fclose(out) != 0)
        hp_fail("out of memory while a product was named");
    return text;
}

json_t *hp_choices_json(const char *isa, const char *library_version, int threads,
                        HpLibraryCall *const *calls, int count)
{
    json_t *products = json_object();
    for (int i = 0; i < count; i++) {
        if (calls[i]->kind == HP_REORDER || !calls[i]->implementation)
            continue;
        char *name = hp_product_text(calls[i]);
        json_object_set_new(products, name,
                            json_pack("{s:s, s:I}", "choice", calls[i]->implementation, "scratchpad",
                                      (json_int_t)calls[i]->scratchpad));
        free(name);
    }
    json_t *object = json_pack("{s:s, s:s?, s:i, s:o}", "isa", isa, "library", library_version, "threads",
                               threads, "products", products);
    if (!object)
        hp_fail("out of memory while the choices were written down");
    return object;
}

/* ---------------------------------------------------------------- candidates */

static bool is_known(const HpLibraryCall *candidates, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(candidates[i].implementation, name) == 0)
            return true;
    return false;
}

/* Reference loops are hundreds of times slower than what they stand in for. */
static bool is_reference(const char *name)
{
    return strncmp(name, "ref", 3) == 0 || strstr(name, ":ref");
}

static int add_offers(const HpLibraryCall *call, HpAlgorithm algorithm, HpLibraryCall *candidates, int count)
{
    HpLibraryCall offer;
    for (int number = 0; count < HP_MAX_CANDIDATES && hp_library_offer(call, algorithm, number, &offer);
         number++)
        if (!is_reference(offer.implementation) && !is_known(candidates, count, offer.implementation))
            candidates[count++] = offer;
    return count;
}

int hp_product_candidates(const HpLibraryCall *call, HpLibraryCall candidates[HP_MAX_CANDIDATES])
{
    int count = 1;
    candidates[0] = *call;
    if (!call->implementation || call->kind == HP_REORDER)
        return count;
    HpLibraryCall own = *call;
    own.algorithm = HP_ALGORITHM_AUTO;
    if (hp_narrow_gradient_fits(&own) && !is_known(candidates, count, own.implementation))
        candidates[count++] = own;
    own.algorithm = HP_ALGORITHM_OWN_WINOGRAD;
    if (hp_winograd_fits(&own) && !is_known(candidates, count, own.implementation))
        candidates[count++] = own;
    if (call->kind == HP_MATMUL)
        return add_offers(call, HP_ALGORITHM_AUTO, candidates, count);
    count = add_offers(call, HP_ALGORITHM_DIRECT, candidates, count);
    return add_offers(call, HP_ALGORITHM_WINOGRAD, candidates, count);
}
