/* products.c of a model: the library calls, shared where they differ in nothing but the layer's name. */
#include <string.h>
#include "emit.h"

static const char *const kind_names[] = {[HP_CONVOLUTION] = "convolution",
                                         [HP_CONVOLUTION_GRADIENT_INPUT] = "gradient_input",
                                         [HP_CONVOLUTION_GRADIENT_WEIGHT] = "gradient_weight",
                                         [HP_MATMUL] = "matmul",
                                         [HP_REORDER] = "reorder"};
static const char *const kind_constants[] = {
    [HP_CONVOLUTION] = "HP_CONVOLUTION",
    [HP_CONVOLUTION_GRADIENT_INPUT] = "HP_CONVOLUTION_GRADIENT_INPUT",
    [HP_CONVOLUTION_GRADIENT_WEIGHT] = "HP_CONVOLUTION_GRADIENT_WEIGHT",
    [HP_MATMUL] = "HP_MATMUL",
    [HP_REORDER] = "HP_REORDER"};
static const char *const algorithm_constants[] = {[HP_ALGORITHM_AUTO] = "HP_ALGORITHM_AUTO",
                                                  [HP_ALGORITHM_DIRECT] = "HP_ALGORITHM_DIRECT",
                                                  [HP_ALGORITHM_WINOGRAD] = "HP_ALGORITHM_WINOGRAD",
                                                  [HP_ALGORITHM_NARROW] = "HP_ALGORITHM_NARROW",
                                                  [HP_ALGORITHM_OWN_WINOGRAD] = "HP_ALGORITHM_OWN_WINOGRAD"};

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_product(const HpLibraryCall *a, const HpLibraryCall *b)
{
    return a->kind == b->kind && a->batch == b->batch && a->groups == b->groups &&
           a->in_channels == b->in_channels && a->out_channels == b->out_channels &&
           memcmp(a->in_size, b->in_size, sizeof a->in_size) == 0 &&
           memcmp(a->out_size, b->out_size, sizeof a->out_size) == 0 &&
           memcmp(a->kernel, b->kernel, sizeof a->kernel) == 0 &&
           memcmp(a->stride, b->stride, sizeof a->stride) == 0 &&
           memcmp(a->pad_before, b->pad_before, sizeof a->pad_before) == 0 &&
           memcmp(a->pad_after, b->pad_after, sizeof a->pad_after) == 0 &&
           memcmp(a->dilation, b->dilation, sizeof a->dilation) == 0 && a->algorithm == b->algorithm &&
           a->bias == b->bias && a->add == b->add && a->relu == b->relu && a->statistics == b->statistics &&
           a->m == b->m && a->n == b->n && a->k == b->k && a->transpose_a == b->transpose_a &&
           a->transpose_b == b->transpose_b && a->rank == b->rank &&
           memcmp(a->shape, b->shape, sizeof a->shape) == 0 && a->format_a == b->format_a &&
           a->format_b == b->format_b && a->format_c == b->format_c && a->type_a == b->type_a &&
           a->type_b == b->type_b && a->type_c == b->type_c && a->pitch_a == b->pitch_a &&
           a->pitch_b == b->pitch_b && a->pitch_c == b->pitch_c && a->tf32 == b->tf32 &&
           a->scratchpad == b->scratchpad && same_text(a->implementation, b->implementation);
}

const char *emit_product_name(const Emission *emission, const HpLibraryCall *call)
{
    for (size_t i = 0; i < emission->products.count; i++)
        if (same_product(emission->products.items[i].call, call))
            return emission->products.items[i].name;
    return NULL;
}

void emit_products_collect(Emission *emission)
{
    int counts[sizeof kind_names / sizeof *kind_names] = {0};
    for (size_t f = 0; f < emission->functions.count; f++) {
        const Schedule *schedule = emission->schedules[f];
        for (size_t s = 0; s < schedule->steps.count; s++) {
            HpLibraryCall *call = schedule->steps.items[s]->call;
            if (!call || emit_product_name(emission, call))
                continue;
            const char *name =
                arena_format(emission->arena, "%s_%d", kind_names[call->kind], ++counts[call->kind]);
            list_push(emission->arena, &emission->products, ((Product){name, call}));
        }
    }
}

static void print_pair(Text *out, const char *name, const int64_t *pair)
{
    text_add(out, ", .%s = ", name);
    emit_numbers(out, 2, pair);
}

static void print_convolution(Text *out, const HpLibraryCall *call)
{
    text_add(out, "    .batch = %lld, .groups = %lld, .in_channels = %lld, .out_channels = %lld",
             (long long)call->batch, (long long)call->groups, (long long)call->in_channels,
             (long long)call->out_channels);
    print_pair(out, "in_size", call->in_size);
    print_pair(out, "out_size", call->out_size);
    text_add(out, ",\n    .kernel = ");
    emit_numbers(out, 2, call->kernel);
    print_pair(out, "stride", call->stride);
    print_pair(out, "pad_before", call->pad_before);
    print_pair(out, "pad_after", call->pad_after);
    print_pair(out, "dilation", call->dilation);
    text_add(out, ",\n    .algorithm = %s,\n", algorithm_constants[call->algorithm]);
}

static void print_product(Text *out, const Product *product)
{
    const HpLibraryCall *call = product->call;
    text_add(out, "\nHpLibraryCall %s = {\n    .kind = %s, .name = ", product->name,
             kind_constants[call->kind]);
    emit_string(out, call->name);
    text_add(out, ",\n");
    if (call->kind == HP_MATMUL) {
        text_add(out, "    .batch = %lld, .m = %lld, .n = %lld, .k = %lld,", (long long)call->batch,
                 (long long)call->m, (long long)call->n, (long long)call->k);
        text_add(out, " .transpose_a = %s, .transpose_b = %s,\n", call->transpose_a ? "true" : "false",
                 call->transpose_b ? "true" : "false");
    } else if (call->kind == HP_REORDER) {
        text_add(out, "    .rank = %d, .shape = ", call->rank);
        emit_numbers(out, call->rank, call->shape);
        text_add(out, ",\n");
    } else {
        print_convolution(out, call);
    }
    if (call->implementation)
        text_add(out, "    .implementation = \"%s\",\n", call->implementation);
    if (call->bias || call->add || call->relu)
        text_add(out, "    %s%s%s\n", call->bias ? ".bias = true," : "", call->add ? " .add = true," : "",
                 call->relu ? " .relu = true," : "");
    if (call->statistics)
        text_add(out, "    .statistics = true,\n");
    text_add(out, "    .format_a = HP_FORMAT_%s, .format_b = HP_FORMAT_%s, .format_c = HP_FORMAT_%s,\n",
             emit_format(call->format_a), emit_format(call->format_b), emit_format(call->format_c));
    if (call->type_a != HP_F32 || call->type_b != HP_F32 || call->type_c != HP_F32)
        text_add(out, "    .type_a = HP_%s, .type_b = HP_%s, .type_c = HP_%s,\n",
                 emit_data_type(call->type_a), emit_data_type(call->type_b), emit_data_type(call->type_c));
    if (call->pitch_a || call->pitch_b || call->pitch_c)
        text_add(out, "    .pitch_a = %lld, .pitch_b = %lld, .pitch_c = %lld,\n", (long long)call->pitch_a,
                 (long long)call->pitch_b, (long long)call->pitch_c);
    text_add(out, "%s    .scratchpad = %lld};\n", call->tf32 ? "    .tf32 = true,\n" : "",
             (long long)call->scratchpad);
}

void emit_products(Text *out, const Emission *emission)
{
    text_add(out, "#include \"model.h\"\n");
    for (size_t i = 0; i < emission->products.count; i++)
        print_product(out, &emission->products.items[i]);
    text_add(out, "\nHpLibraryCall *const products[] = {");
    for (size_t i = 0; i < emission->products.count; i++)
        text_add(out, "%s&%s,", i % 5 == 0 ? "\n    " : " ", emission->products.items[i].name);
    text_add(out, "%s};\n", emission->products.count ? "\n" : "NULL");
}
