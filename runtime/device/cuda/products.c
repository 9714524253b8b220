/* Who computes what: matrix products, and convolutions that are some, go to cuBLASLt, all others to cuDNN. */
#include "products.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../base/base.h"
#include "architecture.h"
#include "cublaslt.h"
#include "cudnn.h"
#include "identity.h"

static const CudaArchitecture *architecture; /* that queries are about */
static const CudaArchitecture *described;    /* that cuDNN knows of */
static bool has_device;

/* ---------------------------------------------------------------- what a call has to be */

static bool is_convolution(const HpLibraryCall *call)
{
    return call->kind != HP_MATMUL && call->kind != HP_REORDER;
}

static bool is_16_bit(HpDataType type)
{
    return type == HP_F16 || type == HP_BF16;
}

static const char *wrong_types(const HpLibraryCall *call)
{
    if (call->type_a != call->type_b || (call->type_a != HP_F32 && !is_16_bit(call->type_a)))
        return "the operands of a product are both floats, both fp16 or both bf16";
    if (call->type_c != call->type_a && call->type_c != HP_F32)
        return "a product is of its operands' type or of floats";
    if (call->kind != HP_CONVOLUTION && call->kind != HP_MATMUL && (call->bias || call->relu))
        return "a gradient has neither bias nor relu";
    return NULL;
}

/* Engines that are ready to run are for fp16 alone. */
static const char *wrong_statistics(const HpLibraryCall *call)
{
    if (!call->statistics)
        return NULL;
    if (call->kind != HP_CONVOLUTION || call->bias || call->add || call->relu)
        return "only a convolution without an epilogue gives statistics";
    if (call->type_a != HP_F16 || call->type_c != HP_F16)
        return "statistics are those of fp16";
    return call->out_channels % 4 != 0 ? "sums of squares do not begin at a multiple of 16 bytes" : NULL;
}

/* Whether [batch, channels, height, width] has 2^56 elements or more. */
static bool is_too_large(int64_t batch, int64_t channels, const int64_t size[2])
{
    int64_t elements = batch;
    return __builtin_mul_overflow(elements, channels, &elements) ||
           __builtin_mul_overflow(elements, size[0], &elements) ||
           __builtin_mul_overflow(elements, size[1], &elements) || elements >= INT64_C(1) << 56;
}

static const char *wrong_sizes(const HpLibraryCall *call)
{
    if (call->batch < 1 || call->groups < 1 || call->in_channels < 1 || call->out_channels < 1)
        return "a convolution has images and channels";
    if (call->in_channels % call->groups != 0 || call->out_channels % call->groups != 0)
        return "groups divide the channels of a convolution";
    for (int i = 0; i < 2; i++) {
        const int64_t sizes[] = {call->in_size[i],  call->out_size[i],   call->kernel[i],   call->stride[i],
                                 call->dilation[i], call->pad_before[i], call->pad_after[i]};
        for (int j = 0; j < 7; j++)
            if (sizes[j] < (j < 5) || sizes[j] > INT32_MAX)
                return "sizes, strides and dilations of a convolution are positive, and less than 2^31";
        int64_t room = call->in_size[i] + call->pad_before[i] + call->pad_after[i] -
                       call->dilation[i] * (call->kernel[i] - 1) - 1;
        if (room < 0 || room / call->stride[i] + 1 != call->out_size[i])
            return "the output of a convolution does not have the size that its input and pads give";
    }
    if (is_too_large(call->batch, call->in_channels, call->in_size) ||
        is_too_large(call->batch, call->out_channels, call->out_size) ||
        is_too_large(call->out_channels, call->in_channels, call->kernel))
        return "a tensor of a convolution is too large";
    return NULL;
}

static const char *wrong_pitch(const HpLibraryCall *call, bool is_x, int64_t pitch, HpDataType type)
{
    if (pitch == 0)
        return NULL;
    if (pitch < (is_x ? call->in_channels : call->out_channels))
        return "the pixels of a tensor overlap";
    if (is_too_large(call->batch, pitch, is_x ? call->in_size : call->out_size))
        return "a tensor of a convolution is too large";
    return pitch * hp_data_type_bytes(type) % 16 != 0 ? "pixels do not begin at multiples of 16 bytes" : NULL;
}

/* Each kind has two image tensors, and weights. */
static const char *wrong_pitches(const HpLibraryCall *call)
{
    bool weight_last = call->kind == HP_CONVOLUTION_GRADIENT_WEIGHT;
    const char *wrong =
        wrong_pitch(call, call->kind != HP_CONVOLUTION_GRADIENT_INPUT, call->pitch_a, call->type_a);
    if (weight_last ? call->pitch_c != 0 : call->pitch_b != 0)
        wrong = "weights are in one piece";
    if (wrong)
        return wrong;
    return weight_last ? wrong_pitch(call, false, call->pitch_b, call->type_b)
                       : wrong_pitch(call, call->kind != HP_CONVOLUTION, call->pitch_c, call->type_c);
}

/* The only one that there is for a call. */
static HpFormat format_of(const HpLibraryCall *call)
{
    return is_convolution(call) ? HP_FORMAT_NHWC : HP_FORMAT_PLAIN;
}

/* A sentence, or NULL where nothing is wrong. */
static const char *wrong_call(const HpLibraryCall *call)
{
    HpFormat format = format_of(call);
    if (call->kind == HP_REORDER)
        return "there is one format on this device, and no reorders";
    if (call->format_a != format || call->format_b != format || call->format_c != format)
        return "images are NHWC, weights OHWI and matrices plain on this device";
    const char *wrong = wrong_types(call);
    if (!wrong)
        wrong = wrong_statistics(call);
    if (!wrong && is_convolution(call))
        wrong = wrong_sizes(call);
    if (!wrong && is_convolution(call))
        wrong = wrong_pitches(call);
    if (!wrong && !is_convolution(call) && (call->m < 1 || call->n < 1 || call->k < 1 || call->batch < 1))
        wrong = "a matrix has rows and columns";
    return wrong;
}

/* ---------------------------------------------------------------- queries */

/* Engines that are chosen when the program starts have room for what a split sum or a counter takes. */
enum { START_SCRATCHPAD = 4 << 20, RULE_SPLITS = 8 };

static bool is_strided(const HpLibraryCall *call)
{
    return call->pitch_a || call->pitch_b || call->pitch_c;
}

/* What the library's engines read and write without copies. */
static bool lies_well(const HpLibraryCall *call, const char **why)
{
    if (is_strided(call))
        *why = "cuDNN copies this strided tensor";
    else if (is_16_bit(call->type_a) && (call->in_channels % 8 != 0 || call->out_channels % 8 != 0))
        *why = "cuDNN copies tensors whose channels are no multiple of 8";
    else
        return true;
    return false;
}

static bool query_by_rule(HpLibraryCall *call, const char **why)
{
    int64_t weights =
        call->out_channels * (call->in_channels / call->groups) * call->kernel[0] * call->kernel[1];
    if (!lies_well(call, why))
        return false;
    if (call->statistics || call->type_c != call->type_a) {
        *why = call->statistics ? "whether cuDNN gives statistics is not known without it"
                                : "cuDNN stores the product in its operands' type";
        return false;
    }
    call->implementation = NULL;
    call->scratchpad = START_SCRATCHPAD;
    if (call->kind == HP_CONVOLUTION_GRADIENT_WEIGHT)
        call->scratchpad += RULE_SPLITS * weights * (int64_t)sizeof(float);
    return true;
}

/* An engine that is compiled for the device is not known without it, only that there will be one. */
static bool query_cudnn(HpLibraryCall *call, const char **why)
{
    CudnnAnswer answers[CUDNN_MAX_ANSWERS];
    const CudnnAnswer *best = answers;
    if (hp_cudnn_answers(call, answers, why) == 0 || (best->copies && !lies_well(call, why)))
        return false;
    bool open = best->compiled && !has_device;
    call->implementation = open ? NULL : hp_cuda_lasting_name(best->name);
    call->scratchpad = best->workspace;
    if (open && call->scratchpad < START_SCRATCHPAD)
        call->scratchpad = START_SCRATCHPAD;
    return true;
}

/* Whether there is something to ask about the architecture; if not, says so once. */
static bool asks_cudnn(void)
{
    static bool said;
    const char *why = "the architecture is not known";
    if (architecture && described != architecture) {
        char *json = hp_cuda_architecture_json(architecture);
        if (hp_cudnn_describe_device(json, &why))
            described = architecture;
        free(json);
    }
    bool asks = architecture && described == architecture;
    if (!asks && !said)
        hp_warn("products are planned by rule, engines are chosen when the program starts: %s", why);
    said = said || !asks;
    return asks;
}

static bool query(HpLibraryCall *call, const char **why)
{
    *why = wrong_call(call);
    if (*why)
        return false;
    bool matrices = hp_cublaslt_is_matrix_product(call);
    if (matrices && hp_cublaslt_fits(call, why)) {
        call->implementation = "cublaslt";
        call->scratchpad = architecture ? architecture->matrix_scratchpad : START_SCRATCHPAD;
        return true;
    }
    if (!is_convolution(call))
        return false;
    return has_device || asks_cudnn() ? query_cudnn(call, why) : query_by_rule(call, why);
}

/* ---------------------------------------------------------------- answers are kept */

typedef struct Answer {
    CudaFacts facts;
    bool runs;
    const char *why, *implementation;
    int64_t scratchpad;
} Answer;

static struct {
    Answer *items;
    int64_t count, capacity;
} kept;

static Answer answer_to(const HpLibraryCall *call)
{
    Answer answer = {.facts = hp_cuda_facts(call)};
    HpLibraryCall asked = *call;
    for (int64_t i = 0; i < kept.count; i++)
        if (memcmp(&kept.items[i].facts, &answer.facts, sizeof answer.facts) == 0)
            return kept.items[i];
    answer.runs = query(&asked, &answer.why);
    answer.implementation = asked.implementation;
    answer.scratchpad = asked.scratchpad;
    kept.items = hp_grow(kept.items, kept.count, &kept.capacity, sizeof *kept.items);
    kept.items[kept.count++] = answer;
    return answer;
}

bool hp_cuda_query(HpLibraryCall *call, const char **why)
{
    HpFormat *formats[] = {&call->format_a, &call->format_b, &call->format_c};
    for (int i = 0; i < 3; i++)
        if (*formats[i] == HP_FORMAT_COUNT)
            *formats[i] = format_of(call);
    Answer answer = answer_to(call);
    *why = answer.why;
    if (!answer.runs)
        return false;
    call->implementation = answer.implementation;
    call->scratchpad = answer.scratchpad;
    return true;
}

bool hp_cuda_set_architecture(const char *name)
{
    const CudaArchitecture *named = hp_cuda_architecture(name);
    if (named != architecture)
        kept.count = 0;
    architecture = named;
    return architecture != NULL;
}

const char *hp_cuda_library_version(void)
{
    static char text[64];
    const char *why = NULL;
    const CudnnApi *api = hp_cudnn_load(&why);
    if (!api)
        return "no cuDNN";
    size_t version = api->get_version();
    snprintf(text, sizeof text, "cuDNN %zu.%zu.%zu", version / 10000, version / 100 % 100, version % 100);
    return text;
}

/* ---------------------------------------------------------------- candidates */

static bool is_known(const HpLibraryCall *candidates, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (candidates[i].implementation && strcmp(candidates[i].implementation, name) == 0)
            return true;
    return false;
}

static int add_answers(const HpLibraryCall *call, HpLibraryCall *candidates, int count)
{
    CudnnAnswer answers[CUDNN_MAX_ANSWERS];
    const char *why = NULL;
    int offered = hp_cudnn_answers(call, answers, &why);
    for (int i = 0; i < offered && count < HP_MAX_CANDIDATES; i++) {
        if (answers[i].slow || (answers[i].copies && (is_strided(call) || is_16_bit(call->type_a))) ||
            (answers[i].compiled && !has_device) || is_known(candidates, count, answers[i].name))
            continue;
        candidates[count] = *call;
        candidates[count].implementation = hp_cuda_lasting_name(answers[i].name);
        candidates[count++].scratchpad = answers[i].workspace;
    }
    return count;
}

int hp_cuda_candidates(const HpLibraryCall *call, HpLibraryCall candidates[HP_MAX_CANDIDATES])
{
    enum { MATRIX_OFFERS = 6 }; /* cuDNN's are for the rest of the places */
    int count = 1;
    const char *why = NULL;
    candidates[0] = *call;
    if (has_device && hp_cublaslt_is_matrix_product(call) && hp_cublaslt_fits(call, &why))
        count += hp_cublaslt_offers(call, candidates + count,
                                    is_convolution(call) ? MATRIX_OFFERS : HP_MAX_CANDIDATES - 1);
    if (is_convolution(call) && (has_device || asks_cudnn()))
        count = add_answers(call, candidates, count);
    return count;
}

/* ---------------------------------------------------------------- running */

static bool runs_on_cublaslt(const HpLibraryCall *call)
{
    return call->implementation && strncmp(call->implementation, "cublaslt", strlen("cublaslt")) == 0;
}

void hp_cuda_product_forget(HpLibraryCall *call)
{
    call->implementation = runs_on_cublaslt(call) ? "cublaslt" : NULL;
}

bool hp_cuda_may_name(const HpLibraryCall *call, const char *name)
{
    static const char words[] = "abcdefghijklmnopqrstuvwxyz0123456789,=:-";
    bool matrices = hp_cublaslt_is_matrix_product(call);
    if (name[strspn(name, words)] != 0)
        return false;
    return strncmp(name, "cudnn:", strlen("cudnn:")) == 0
               ? is_convolution(call)
               : matrices && strncmp(name, "cublaslt", strlen("cublaslt")) == 0;
}

void hp_cuda_products_open(void *stream)
{
    hp_cudnn_open(stream);
    hp_cublaslt_open(stream);
    has_device = true;
}

void hp_cuda_products_close(void)
{
    hp_cublaslt_close();
    hp_cudnn_close();
    has_device = false;
}

int64_t hp_cuda_product_create(HpLibraryCall *call)
{
    return runs_on_cublaslt(call) ? hp_cublaslt_create(call) : hp_cudnn_create(call);
}

void hp_cuda_product_destroy(HpLibraryCall *call)
{
    if (runs_on_cublaslt(call))
        hp_cublaslt_destroy(call);
    else
        hp_cudnn_destroy(call);
}

void hp_cuda_product_run(const HpLibraryCall *call, const void *a, const void *b, const void *bias, void *c,
                         float *statistics, void *scratchpad)
{
    if (runs_on_cublaslt(call))
        hp_cublaslt_run(call, a, b, bias, c, scratchpad);
    else
        hp_cudnn_run(call, a, b, bias, c, statistics, scratchpad);
}
