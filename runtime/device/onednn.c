/* Products through oneDNN, 2.x and 3.x: this is the only file that knows which one it is.
 *
 * A call is described by HpLibraryCall in our words (shapes, formats, epilogue). hp_library_query() asks the
 * library what it would like (at compile time of a model), hp_library_create() makes the primitive (at start
 * of a program), and hp_library_run() executes it. Scratchpads belong to the caller; the library allocates
 * nothing while a program runs. */
#include <dnnl.h>
#include <dnnl_version.h>
#include <stdlib.h>
#include <string.h>
#include "../base/base.h"
#include "device.h"
#include "format.h"
#include "library.h"
#include "narrow_gradient.h"
#include "winograd.h"

static dnnl_engine_t engine;
static dnnl_stream_t stream;
static bool portable;

static void check(dnnl_status_t status, const char *what)
{
    if (status != dnnl_success)
        hp_bug("oneDNN: %s failed with status %d", what, (int)status);
}

static void open_library(void)
{
    if (engine)
        return;
    check(dnnl_engine_create(&engine, dnnl_cpu, 0), "creating the CPU engine");
    check(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), "creating a stream");
}

/* ---------------------------------------------------------------- 2.x and 3.x */

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t MemoryDesc;
typedef const_dnnl_memory_desc_t ConstMemoryDesc;
#else
typedef dnnl_memory_desc_t *MemoryDesc;
typedef const dnnl_memory_desc_t *ConstMemoryDesc;
#endif

static MemoryDesc memory_desc_of_tag(int rank, const int64_t *shape, dnnl_format_tag_t tag)
{
    MemoryDesc desc;
    dnnl_dims_t dims;
    memcpy(dims, shape, (size_t)rank * sizeof *dims);
#if DNNL_VERSION_MAJOR >= 3
    check(dnnl_memory_desc_create_with_tag(&desc, rank, dims, dnnl_f32, tag), "describing a tensor");
#else
    desc = hp_alloc(1, sizeof *desc);
    check(dnnl_memory_desc_init_by_tag(desc, rank, dims, dnnl_f32, tag), "describing a tensor");
#endif
    return desc;
}

static MemoryDesc memory_desc_of_strides(int rank, const dnnl_dims_t dims, const dnnl_dims_t strides)
{
    MemoryDesc desc;
#if DNNL_VERSION_MAJOR >= 3
    check(dnnl_memory_desc_create_with_strides(&desc, rank, dims, dnnl_f32, strides), "describing a tensor");
#else
    desc = hp_alloc(1, sizeof *desc);
    check(dnnl_memory_desc_init_by_strides(desc, rank, dims, dnnl_f32, strides), "describing a tensor");
#endif
    return desc;
}

static void memory_desc_free(MemoryDesc desc)
{
    if (!desc)
        return;
#if DNNL_VERSION_MAJOR >= 3
    dnnl_memory_desc_destroy(desc);
#else
    free(desc);
#endif
}

static dnnl_primitive_attr_t attributes_of(const HpLibraryCall *call)
{
    dnnl_primitive_attr_t attributes;
    check(dnnl_primitive_attr_create(&attributes), "creating attributes");
    check(dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user), "scratchpad mode");
    if (call->add || call->relu) {
        dnnl_post_ops_t post_ops;
        check(dnnl_post_ops_create(&post_ops), "creating post-ops");
#if DNNL_VERSION_MAJOR >= 3
        if (call->add)
            check(dnnl_post_ops_append_sum(post_ops, 1, 0, dnnl_f32), "post-op sum");
        if (call->relu)
            check(dnnl_post_ops_append_eltwise(post_ops, dnnl_eltwise_relu, 0, 0), "post-op relu");
#else
        if (call->add)
            check(dnnl_post_ops_append_sum(post_ops, 1), "post-op sum");
        if (call->relu)
            check(dnnl_post_ops_append_eltwise(post_ops, 1, dnnl_eltwise_relu, 0, 0), "post-op relu");
#endif
        check(dnnl_primitive_attr_set_post_ops(attributes, post_ops), "setting post-ops");
        dnnl_post_ops_destroy(post_ops);
    }
    return attributes;
}

/* What the library has for one description, its favourite first: the answer `number`, if there is one. */
#if DNNL_VERSION_MAJOR >= 3
static dnnl_status_t skip_answers(dnnl_primitive_desc_t *out, int number)
{
    dnnl_status_t status = dnnl_success;
    while (status == dnnl_success && number-- > 0)
        status = dnnl_primitive_desc_next_impl(*out);
    if (status != dnnl_success)
        dnnl_primitive_desc_destroy(*out);
    return status;
}
#else
static dnnl_status_t take_answer(dnnl_primitive_desc_t *out, const_dnnl_op_desc_t desc,
                                 dnnl_primitive_attr_t attributes, int number)
{
    dnnl_primitive_desc_iterator_t iterator;
    dnnl_status_t status = dnnl_primitive_desc_iterator_create(&iterator, desc, attributes, engine, NULL);
    if (status != dnnl_success)
        return status;
    while (status == dnnl_success && number-- > 0)
        status = dnnl_primitive_desc_iterator_next(iterator);
    if (status == dnnl_success)
        *out = dnnl_primitive_desc_iterator_fetch(iterator);
    dnnl_primitive_desc_iterator_destroy(iterator);
    return status;
}
#endif

/* The operands of a product as the library sees them. */
typedef struct Operands {
    MemoryDesc a, b, bias, c;
} Operands;

/* The library's own idea of the same geometry: dilation counts the skipped pixels. */
typedef struct Geometry {
    dnnl_dims_t stride, dilation, pad_before, pad_after;
} Geometry;

static Geometry geometry_of(const HpLibraryCall *call)
{
    Geometry geometry;
    for (int i = 0; i < 2; i++) {
        geometry.stride[i] = call->stride[i];
        geometry.dilation[i] = call->dilation[i] - 1;
        geometry.pad_before[i] = call->pad_before[i];
        geometry.pad_after[i] = call->pad_after[i];
    }
    return geometry;
}

static dnnl_status_t describe_convolution(dnnl_primitive_desc_t *out, const HpLibraryCall *call,
                                          dnnl_alg_kind_t algorithm, int number, const Operands *o,
                                          dnnl_primitive_attr_t attributes)
{
    Geometry g = geometry_of(call);
    dnnl_status_t status;
#if DNNL_VERSION_MAJOR >= 3
    switch (call->kind) {
    case HP_CONVOLUTION:
        status = dnnl_convolution_forward_primitive_desc_create(
            out, engine, dnnl_forward_training, algorithm, o->a, o->b, o->bias, o->c, g.stride, g.dilation,
            g.pad_before, g.pad_after, attributes);
        break;
    case HP_CONVOLUTION_GRADIENT_INPUT:
        status = dnnl_convolution_backward_data_primitive_desc_create(
            out, engine, algorithm, o->c, o->b, o->a, g.stride, g.dilation, g.pad_before, g.pad_after, NULL,
            attributes);
        break;
    default:
        status = dnnl_convolution_backward_weights_primitive_desc_create(
            out, engine, algorithm, o->a, o->c, NULL, o->b, g.stride, g.dilation, g.pad_before, g.pad_after,
            NULL, attributes);
        break;
    }
    return status == dnnl_success ? skip_answers(out, number) : status;
#else
    dnnl_convolution_desc_t desc;
    switch (call->kind) {
    case HP_CONVOLUTION:
        status = dnnl_dilated_convolution_forward_desc_init(&desc, dnnl_forward_training, algorithm, o->a,
                                                            o->b, o->bias, o->c, g.stride, g.dilation,
                                                            g.pad_before, g.pad_after);
        break;
    case HP_CONVOLUTION_GRADIENT_INPUT:
        status = dnnl_dilated_convolution_backward_data_desc_init(
            &desc, algorithm, o->c, o->b, o->a, g.stride, g.dilation, g.pad_before, g.pad_after);
        break;
    default:
        status = dnnl_dilated_convolution_backward_weights_desc_init(
            &desc, algorithm, o->a, o->c, NULL, o->b, g.stride, g.dilation, g.pad_before, g.pad_after);
        break;
    }
    return status == dnnl_success ? take_answer(out, &desc, attributes, number) : status;
#endif
}

static dnnl_status_t describe_matmul(dnnl_primitive_desc_t *out, int number, const Operands *o,
                                     dnnl_primitive_attr_t attributes)
{
#if DNNL_VERSION_MAJOR >= 3
    dnnl_status_t status =
        dnnl_matmul_primitive_desc_create(out, engine, o->a, o->b, o->bias, o->c, attributes);
    return status == dnnl_success ? skip_answers(out, number) : status;
#else
    dnnl_matmul_desc_t desc;
    dnnl_status_t status = dnnl_matmul_desc_init(&desc, o->a, o->b, o->bias, o->c);
    return status == dnnl_success ? take_answer(out, &desc, attributes, number) : status;
#endif
}

/* ---------------------------------------------------------------- formats and tags */

typedef struct FormatTags {
    dnnl_format_tag_t tensor;    /* rank 4: activations, or weights without groups; undef: not for this use */
    dnnl_format_tag_t grouped;   /* weights with groups as [G,O/G,I/G,KH,KW], G slowest in ours too */
    dnnl_format_tag_t depthwise; /* weights with as many groups as channels */
    int block;
} FormatTags;

static const FormatTags format_tags[HP_FORMAT_COUNT] = {
    [HP_FORMAT_PLAIN] = {dnnl_abcd, dnnl_goihw, dnnl_goihw, 1},
    [HP_FORMAT_NHWC] = {dnnl_acdb, dnnl_format_tag_undef, dnnl_format_tag_undef, 1},
    [HP_FORMAT_NCHW8C] = {dnnl_nChw8c, dnnl_format_tag_undef, dnnl_format_tag_undef, 8},
    [HP_FORMAT_NCHW16C] = {dnnl_nChw16c, dnnl_format_tag_undef, dnnl_format_tag_undef, 16},
    [HP_FORMAT_OIHW8I8O] = {dnnl_OIhw8i8o, dnnl_gOIhw8i8o, dnnl_format_tag_undef, 8},
    [HP_FORMAT_OIHW16I16O] = {dnnl_OIhw16i16o, dnnl_gOIhw16i16o, dnnl_format_tag_undef, 16},
    [HP_FORMAT_OIHW8O8I] = {dnnl_OIhw8o8i, dnnl_gOIhw8o8i, dnnl_format_tag_undef, 8},
    [HP_FORMAT_OIHW16O16I] = {dnnl_OIhw16o16i, dnnl_gOIhw16o16i, dnnl_format_tag_undef, 16},
    [HP_FORMAT_OHWI8O] = {dnnl_Ohwi8o, dnnl_gOhwi8o, dnnl_Goihw8g, 8},
    [HP_FORMAT_OHWI16O] = {dnnl_Ohwi16o, dnnl_gOhwi16o, dnnl_Goihw16g, 16},
    [HP_FORMAT_HWIO] = {dnnl_hwio, dnnl_hwigo, dnnl_hwigo, 1},
    [HP_FORMAT_IOHW16O16I] = {dnnl_IOhw16o16i, dnnl_format_tag_undef, dnnl_format_tag_undef, 16},
};

/* A tag, `any` for HP_FORMAT_COUNT, or undef where the format does not fit. */
static dnnl_format_tag_t weight_tag(const HpLibraryCall *call, HpFormat format)
{
    if (format == HP_FORMAT_COUNT)
        return dnnl_format_tag_any;
    const FormatTags *tags = &format_tags[format];
    if (call->groups == 1)
        return tags->tensor;
    if (call->groups == call->in_channels && call->groups == call->out_channels)
        return tags->depthwise;
    /* The library pads each group; we pad all of them together: the same thing where there is nothing to pad.
     */
    return call->out_channels / call->groups % tags->block == 0 ? tags->grouped : dnnl_format_tag_undef;
}

static dnnl_format_tag_t tensor_tag(HpFormat format)
{
    return format == HP_FORMAT_COUNT ? dnnl_format_tag_any : format_tags[format].tensor;
}

/* Which of the three operands of a convolution are what. */
typedef enum Role { ROLE_X, ROLE_WEIGHT, ROLE_Y } Role;

static const Role convolution_roles[][3] = {
    [HP_CONVOLUTION] = {ROLE_X, ROLE_WEIGHT, ROLE_Y},
    [HP_CONVOLUTION_GRADIENT_INPUT] = {ROLE_Y, ROLE_WEIGHT, ROLE_X},
    [HP_CONVOLUTION_GRADIENT_WEIGHT] = {ROLE_X, ROLE_Y, ROLE_WEIGHT},
};

/* NULL: the format does not fit the operand. */
static MemoryDesc convolution_operand(const HpLibraryCall *call, Role role, HpFormat format)
{
    dnnl_dim_t n = call->batch, g = call->groups, i = call->in_channels, o = call->out_channels;
    dnnl_format_tag_t tag = role == ROLE_WEIGHT ? weight_tag(call, format) : tensor_tag(format);
    if (tag == dnnl_format_tag_undef)
        return NULL;
    switch (role) {
    case ROLE_X: return memory_desc_of_tag(4, (int64_t[]){n, i, call->in_size[0], call->in_size[1]}, tag);
    case ROLE_Y: return memory_desc_of_tag(4, (int64_t[]){n, o, call->out_size[0], call->out_size[1]}, tag);
    default: break;
    }
    if (g == 1)
        return memory_desc_of_tag(4, (int64_t[]){o, i, call->kernel[0], call->kernel[1]}, tag);
    return memory_desc_of_tag(5, (int64_t[]){g, o / g, i / g, call->kernel[0], call->kernel[1]}, tag);
}

static Operands convolution_operands(const HpLibraryCall *call)
{
    const Role *roles = convolution_roles[call->kind];
    Operands operands = {.a = convolution_operand(call, roles[0], call->format_a),
                         .b = convolution_operand(call, roles[1], call->format_b),
                         .c = convolution_operand(call, roles[2], call->format_c)};
    if (call->bias)
        operands.bias = memory_desc_of_tag(1, (int64_t[]){call->out_channels}, dnnl_a);
    return operands;
}

static MemoryDesc matmul_operand(int64_t batch, int64_t rows, int64_t columns, bool transposed)
{
    dnnl_dims_t dims = {batch, rows, columns}, strides = {rows * columns, columns, 1};
    if (transposed) {
        strides[1] = 1;
        strides[2] = rows;
    }
    return memory_desc_of_strides(3, dims, strides);
}

static Operands matmul_operands(const HpLibraryCall *call)
{
    Operands operands = {.a = matmul_operand(call->batch, call->m, call->k, call->transpose_a),
                         .b = matmul_operand(call->batch, call->k, call->n, call->transpose_b),
                         .c = matmul_operand(call->batch, call->m, call->n, false)};
    if (call->bias)
        operands.bias =
            memory_desc_of_strides(3, (dnnl_dims_t){1, 1, call->n}, (dnnl_dims_t){call->n, call->n, 1});
    return operands;
}

static MemoryDesc reorder_operand(const HpLibraryCall *call, HpFormat format)
{
    if (format != HP_FORMAT_PLAIN && call->rank != 4)
        return NULL;
    if (call->rank == 4)
        return memory_desc_of_tag(4, call->shape, format_tags[format].tensor);
    return memory_desc_of_tag(1, (int64_t[]){hp_format_count(HP_FORMAT_PLAIN, call->rank, call->shape)},
                              dnnl_a);
}

static Operands operands_of(const HpLibraryCall *call)
{
    switch (call->kind) {
    case HP_MATMUL: return matmul_operands(call);
    case HP_REORDER:
        return (Operands){.a = reorder_operand(call, call->format_a),
                          .c = reorder_operand(call, call->format_c)};
    default: return convolution_operands(call);
    }
}

static void free_operands(Operands *operands)
{
    memory_desc_free(operands->a);
    memory_desc_free(operands->b);
    memory_desc_free(operands->bias);
    memory_desc_free(operands->c);
}

/* ---------------------------------------------------------------- describing a call */

/* The library's Winograd gradient of x is wrong (2.6.3) where the two sides are padded differently: it is
 * never asked for it. */
static bool padded_alike(const HpLibraryCall *call)
{
    return call->pad_before[0] == call->pad_after[0] && call->pad_before[1] == call->pad_after[1];
}

/* The library's 1x1 gradient of weights writes past its workspace (2.6.3, measured with AVX2) where NHWC
 * images of fewer channels than one of its blocks are taken at a stride: wrong numbers, or a broken heap. It
 * takes blocked weights only, so such a call has to name HWIO. */
static bool overruns_workspace(const HpLibraryCall *call)
{
    return call->kind == HP_CONVOLUTION_GRADIENT_WEIGHT && call->format_a == HP_FORMAT_NHWC &&
           call->format_c != HP_FORMAT_HWIO && call->kernel[0] == 1 && call->kernel[1] == 1 &&
           (call->stride[0] != 1 || call->stride[1] != 1) && call->in_channels < 16;
}

static dnnl_alg_kind_t algorithm_kind(const HpLibraryCall *call)
{
    switch (call->algorithm) {
    case HP_ALGORITHM_DIRECT: return dnnl_convolution_direct;
    case HP_ALGORITHM_WINOGRAD: return padded_alike(call) ? dnnl_convolution_winograd : dnnl_alg_kind_undef;
    default: return padded_alike(call) ? dnnl_convolution_auto : dnnl_convolution_direct;
    }
}

/* The library's answer `number` to a call, whatever implementation the call names; NULL: it has no more.
 * Reorders have one. */
static dnnl_primitive_desc_t describe_answer(const HpLibraryCall *call, int number)
{
    open_library();
    dnnl_primitive_desc_t desc = NULL;
    Operands operands = operands_of(call);
    dnnl_primitive_attr_t attributes = attributes_of(call);
    dnnl_status_t status = dnnl_unimplemented;
    if (!operands.a || !operands.c || (!operands.b && call->kind != HP_REORDER) || overruns_workspace(call))
        status = dnnl_invalid_arguments;
    else if (call->kind == HP_MATMUL)
        status = describe_matmul(&desc, number, &operands, attributes);
    else if (call->kind != HP_REORDER)
        status = describe_convolution(&desc, call, algorithm_kind(call), number, &operands, attributes);
    else if (number == 0)
        status =
            dnnl_reorder_primitive_desc_create(&desc, operands.a, engine, operands.c, engine, attributes);
    dnnl_primitive_attr_destroy(attributes);
    free_operands(&operands);
    return status == dnnl_success ? desc : NULL;
}

static const char *implementation_name(const_dnnl_primitive_desc_t desc)
{
    const char *name = "";
    check(dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, (void *)&name),
          "naming an implementation");
    return name;
}

/* The implementation that the call names, or the library's favourite when it names none; NULL: there is no
 * such. */
static dnnl_primitive_desc_t describe(const HpLibraryCall *call)
{
    dnnl_primitive_desc_t desc;
    for (int number = 0; (desc = describe_answer(call, number)) != NULL; number++) {
        if (!call->implementation || strcmp(implementation_name(desc), call->implementation) == 0)
            return desc;
        dnnl_primitive_desc_destroy(desc);
    }
    return NULL;
}

/* What the library calls operand `place` (0: a, 1: b, 2: c, 3: bias) of a product. */
static int argument_of(HpLibraryKind kind, int place)
{
    static const int arguments[][4] = {
        [HP_CONVOLUTION] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_BIAS},
        [HP_CONVOLUTION_GRADIENT_INPUT] = {DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_SRC, 0},
        [HP_CONVOLUTION_GRADIENT_WEIGHT] = {DNNL_ARG_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_WEIGHTS, 0},
        [HP_MATMUL] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_BIAS},
        [HP_REORDER] = {DNNL_ARG_FROM, 0, DNNL_ARG_TO, 0},
    };
    return arguments[kind][place];
}

static ConstMemoryDesc chosen_operand(const_dnnl_primitive_desc_t desc, HpLibraryKind kind, int place)
{
    return dnnl_primitive_desc_query_md(desc, dnnl_query_exec_arg_md, argument_of(kind, place));
}

static int64_t scratchpad_bytes(const_dnnl_primitive_desc_t desc)
{
    ConstMemoryDesc scratchpad = dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);
    return scratchpad ? (int64_t)dnnl_memory_desc_get_size(scratchpad) : 0;
}

/* ---------------------------------------------------------------- choosing */

/* Our name of the format the library chose for operand `place`, HP_FORMAT_COUNT when we have none. */
static HpFormat name_format(const HpLibraryCall *call, const_dnnl_primitive_desc_t desc, int place)
{
    ConstMemoryDesc chosen = chosen_operand(desc, call->kind, place);
    Role role = convolution_roles[call->kind][place];
    for (int format = 0; format < HP_FORMAT_COUNT; format++) {
        MemoryDesc ours = convolution_operand(call, role, format);
        bool equal = ours && dnnl_memory_desc_equal(ours, chosen);
        memory_desc_free(ours);
        if (equal)
            return format;
    }
    return HP_FORMAT_COUNT;
}

/* Fills the open formats of a convolution with what the library prefers. False: it has a format we have no
 * name for, or only its reference loops, which are hundreds of times slower than what it has for other
 * formats. */
static bool choose_formats(HpLibraryCall *call)
{
    HpLibraryCall asked = *call;
    dnnl_primitive_desc_t desc = describe(call);
    if (!desc)
        return false;
    if (asked.format_a == HP_FORMAT_COUNT)
        call->format_a = name_format(&asked, desc, 0);
    if (asked.format_b == HP_FORMAT_COUNT)
        call->format_b = name_format(&asked, desc, 1);
    if (asked.format_c == HP_FORMAT_COUNT)
        call->format_c = name_format(&asked, desc, 2);
    bool slow = strncmp(implementation_name(desc), "ref", 3) == 0;
    dnnl_primitive_desc_destroy(desc);
    bool named = !slow && call->format_a != HP_FORMAT_COUNT && call->format_b != HP_FORMAT_COUNT &&
                 call->format_c != HP_FORMAT_COUNT;
    if (!named)
        *call = asked;
    return named;
}

/* Machine-independent choices: NHWC images and HWIO weights, which every build of the library has. */
static void choose_portable(HpLibraryCall *call)
{
    HpFormat *formats[] = {&call->format_a, &call->format_b, &call->format_c};
    for (int place = 0; place < 3; place++)
        if (*formats[place] == HP_FORMAT_COUNT)
            *formats[place] =
                convolution_roles[call->kind][place] == ROLE_WEIGHT ? HP_FORMAT_HWIO : HP_FORMAT_NHWC;
    call->algorithm = HP_ALGORITHM_DIRECT;
    call->scratchpad = 0;
}

static bool is_convolution(const HpLibraryCall *call)
{
    return call->kind != HP_MATMUL && call->kind != HP_REORDER;
}

/* The call runs as `desc` says from now on. */
static void settle(HpLibraryCall *call, const_dnnl_primitive_desc_t desc)
{
    call->implementation = implementation_name(desc); /* names are constants of the library */
    if (is_convolution(call))
        call->algorithm = strstr(call->implementation, "wino") ? HP_ALGORITHM_WINOGRAD : HP_ALGORITHM_DIRECT;
    call->scratchpad = scratchpad_bytes(desc);
}

bool hp_library_offer(const HpLibraryCall *call, HpAlgorithm algorithm, int number, HpLibraryCall *offer)
{
    *offer = *call;
    offer->algorithm = algorithm;
    dnnl_primitive_desc_t desc = describe_answer(offer, number);
    if (!desc)
        return false;
    settle(offer, desc);
    dnnl_primitive_desc_destroy(desc);
    return true;
}

bool hp_library_query(HpLibraryCall *call, const char **why)
{
    call->implementation = NULL;
    if (portable) {
        if (is_convolution(call))
            choose_portable(call);
        return true;
    }
    if (hp_narrow_gradient_fits(call) || hp_winograd_fits(call))
        return true;
    bool open =
        is_convolution(call) && (call->format_a == HP_FORMAT_COUNT || call->format_b == HP_FORMAT_COUNT ||
                                 call->format_c == HP_FORMAT_COUNT);
    if (open && !choose_formats(call)) {
        call->algorithm = HP_ALGORITHM_DIRECT; /* Winograd may want weights in a form of its own */
        if (!choose_formats(call)) {
            *why = "the library has no implementation in a format that hpanet knows";
            return false;
        }
    }
    dnnl_primitive_desc_t desc = describe(call);
    if (!desc) {
        *why = "the library has no implementation for these sizes and formats";
        return false;
    }
    settle(call, desc);
    dnnl_primitive_desc_destroy(desc);
    return true;
}

int64_t hp_preferred_channel_block(void)
{
    if (portable)
        return 0;
    HpLibraryCall call = {.kind = HP_CONVOLUTION,
                          .name = "probe",
                          .batch = 1,
                          .groups = 1,
                          .in_channels = 64,
                          .out_channels = 64,
                          .in_size = {56, 56},
                          .out_size = {56, 56},
                          .kernel = {3, 3},
                          .stride = {1, 1},
                          .pad_before = {1, 1},
                          .pad_after = {1, 1},
                          .dilation = {1, 1},
                          .format_a = HP_FORMAT_COUNT,
                          .format_b = HP_FORMAT_COUNT,
                          .format_c = HP_FORMAT_COUNT};
    const char *why;
    if (!hp_library_query(&call, &why))
        return 0;
    return call.format_c == HP_FORMAT_NCHW16C ? 16 : call.format_c == HP_FORMAT_NCHW8C ? 8 : 0;
}

void hp_library_set_portable(void)
{
    portable = true;
}

const char *hp_library_version(void)
{
    static char text[64];
    const dnnl_version_t *version = dnnl_version();
    snprintf(text, sizeof text, "oneDNN %d.%d.%d", version->major, version->minor, version->patch);
    return text;
}

const char *hp_library_isa(void)
{
    dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    if ((isa & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core)
        return "avx512";
    return (isa & dnnl_cpu_isa_avx2) == dnnl_cpu_isa_avx2 ? "avx2" : "sse";
}

/* ---------------------------------------------------------------- running */

/* A made primitive with its memory objects; places as in argument_of, then the scratchpad. */
enum { PLACE_COUNT = 5, PLACE_BIAS = 3, PLACE_SCRATCHPAD = 4 };

typedef struct Product {
    dnnl_primitive_t primitive;
    int count;
    int places[PLACE_COUNT]; /* which pointer argument i takes */
    const void *pointers[PLACE_COUNT];
    dnnl_exec_arg_t arguments[PLACE_COUNT];
} Product;

static void add_argument(Product *product, int place, int argument, ConstMemoryDesc desc)
{
    int i = product->count++;
    product->places[i] = place;
    product->arguments[i].arg = argument;
    check(dnnl_memory_create(&product->arguments[i].memory, desc, engine, DNNL_MEMORY_NONE),
          "creating a memory");
}

int64_t hp_library_create(HpLibraryCall *call)
{
    if (call->algorithm == HP_ALGORITHM_NARROW)
        return hp_narrow_gradient_scratchpad(call);
    if (call->algorithm == HP_ALGORITHM_OWN_WINOGRAD)
        return hp_winograd_scratchpad(call);
    dnnl_primitive_desc_t desc = describe(call);
    if (!desc)
        hp_fail("%s has no implementation %s of %s for %s here: compile the model again on this machine, or "
                "with --portable",
                hp_library_version(), call->implementation ? call->implementation : "at all", call->name,
                hp_library_isa());
    Product *product = hp_alloc(1, sizeof *product);
    check(dnnl_primitive_create(&product->primitive, desc), "creating a primitive");
    for (int place = 0; place < PLACE_BIAS; place++)
        if (argument_of(call->kind, place) != 0)
            add_argument(product, place, argument_of(call->kind, place),
                         chosen_operand(desc, call->kind, place));
    if (call->bias)
        add_argument(product, PLACE_BIAS, DNNL_ARG_BIAS, chosen_operand(desc, call->kind, PLACE_BIAS));
    int64_t bytes = scratchpad_bytes(desc);
    if (bytes > 0)
        add_argument(product, PLACE_SCRATCHPAD, DNNL_ARG_SCRATCHPAD,
                     dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0));
    dnnl_primitive_desc_destroy(desc);
    call->handle = product;
    return bytes;
}

void hp_library_destroy(HpLibraryCall *call)
{
    Product *product = call->handle;
    if (!product)
        return;
    for (int i = 0; i < product->count; i++)
        dnnl_memory_destroy(product->arguments[i].memory);
    dnnl_primitive_destroy(product->primitive);
    free(product);
    call->handle = NULL;
}

void hp_library_execute(const HpLibraryCall *call, const void *a, const void *b, const void *bias, void *c,
                        void *scratchpad)
{
    if (call->algorithm == HP_ALGORITHM_NARROW) {
        hp_narrow_gradient_run(call, a, b, c, scratchpad);
        return;
    }
    if (call->algorithm == HP_ALGORITHM_OWN_WINOGRAD) {
        hp_winograd_run(call, a, b, bias, c, scratchpad);
        return;
    }
    Product *product = call->handle;
    const void *pointers[PLACE_COUNT] = {a, b, c, bias, scratchpad};
    for (int i = 0; i < product->count; i++) {
        const void *pointer = pointers[product->places[i]];
        if (pointer == product->pointers[i])
            continue; /* a planned address does not change from call to call */
        check(dnnl_memory_set_data_handle(product->arguments[i].memory, (void *)pointer),
              "passing a pointer");
        product->pointers[i] = pointer;
    }
    check(dnnl_primitive_execute(product->primitive, stream, product->count, product->arguments), call->name);
    check(dnnl_stream_wait(stream), "waiting");
}
