/* The library stores matrices by columns: our row-major c = a b is its c' = b' a', so that the operands
 * change places and nothing is transposed. Pixels of an image are rows, and a pitch is a leading dimension.
 */
#include "cublaslt.h"
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../base/base.h"
#include "cublaslt_api.h"
#include "identity.h"
#include "libraries.h"

static CublasLtApi api;
static void *handle, *stream;

static void check(CublasStatus status, const char *what)
{
    if (status != CUBLAS_STATUS_SUCCESS)
        hp_fail("cuBLASLt: %s failed: %s", what, api.get_status_string(status));
}

/* ---------------------------------------------------------------- the library */

static void load(void)
{
    static const char *const names[] = {"libcublasLt.so.13", "libcublasLt.so.12", NULL};
    static bool loaded;
    const struct {
        const char *name;
        void *place;
    } functions[] = {
        {"cublasLtGetStatusString", &api.get_status_string},
        {"cublasLtCreate", &api.create},
        {"cublasLtDestroy", &api.destroy},
        {"cublasLtMatrixLayoutCreate", &api.layout_create},
        {"cublasLtMatrixLayoutDestroy", &api.layout_destroy},
        {"cublasLtMatrixLayoutSetAttribute", &api.layout_set},
        {"cublasLtMatmulDescCreate", &api.matmul_create},
        {"cublasLtMatmulDescDestroy", &api.matmul_destroy},
        {"cublasLtMatmulDescSetAttribute", &api.matmul_set},
        {"cublasLtMatmulPreferenceCreate", &api.preference_create},
        {"cublasLtMatmulPreferenceDestroy", &api.preference_destroy},
        {"cublasLtMatmulPreferenceSetAttribute", &api.preference_set},
        {"cublasLtMatmulAlgoGetHeuristic", &api.get_heuristic},
        {"cublasLtMatmulAlgoCheck", &api.check},
        {"cublasLtMatmul", &api.matmul},
    };
    char *searched = NULL;
    if (loaded)
        return;
    void *library = hp_cuda_library("cuBLASLt", names, &searched);
    if (!library)
        hp_fail("%s", searched);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        void *function = dlsym(library, functions[i].name);
        if (!function)
            hp_fail("the cuBLASLt that was found has no %s", functions[i].name);
        memcpy(functions[i].place, &function, sizeof function);
    }
    loaded = true;
}

void hp_cublaslt_open(void *work)
{
    load();
    check(api.create(&handle), "opening the device");
    stream = work;
}

void hp_cublaslt_close(void)
{
    if (handle)
        check(api.destroy(handle), "closing the device");
    handle = NULL;
}

/* ---------------------------------------------------------------- a call as a matrix product */

/* c[m,n] = a[m,k] b[k,n]; a is stored as [k,m] and b as [n,k] where transposed. */
typedef struct Matrices {
    int64_t batch, m, n, k, pitch_a, pitch_b, pitch_c;
    bool transpose_a, transpose_b;
    bool swapped; /* a is the call's b, b its a */
} Matrices;

bool hp_cublaslt_is_matrix_product(const HpLibraryCall *call)
{
    if (call->kind == HP_MATMUL)
        return true;
    if (call->statistics)
        return false;
    for (int i = 0; i < 2; i++)
        if (call->kernel[i] != 1 || call->stride[i] != 1 || call->pad_before[i] != 0 ||
            call->pad_after[i] != 0)
            return false;
    return call->kind != HP_REORDER && call->groups == 1;
}

static Matrices matrices_of(const HpLibraryCall *call)
{
    int64_t pixels = call->batch * call->out_size[0] * call->out_size[1];
    int64_t in = call->in_channels, out = call->out_channels;
    Matrices matrices;
    switch (call->kind) {
    case HP_CONVOLUTION: /* y = x weight' */
        matrices = (Matrices){.batch = 1, .m = pixels, .n = out, .k = in, .transpose_b = true};
        break;
    case HP_CONVOLUTION_GRADIENT_INPUT: /* dx = dy weight */
        matrices = (Matrices){.batch = 1, .m = pixels, .n = in, .k = out};
        break;
    case HP_CONVOLUTION_GRADIENT_WEIGHT: /* dweight = dy' x */
        matrices =
            (Matrices){.batch = 1, .m = out, .n = in, .k = pixels, .transpose_a = true, .swapped = true};
        break;
    default:
        matrices = (Matrices){.batch = call->batch,
                              .m = call->m,
                              .n = call->n,
                              .k = call->k,
                              .transpose_a = call->transpose_a,
                              .transpose_b = call->transpose_b};
    }
    matrices.pitch_a = matrices.swapped ? call->pitch_b : call->pitch_a;
    matrices.pitch_b = matrices.swapped ? call->pitch_a : call->pitch_b;
    matrices.pitch_c = call->pitch_c;
    if (matrices.pitch_a == 0)
        matrices.pitch_a = matrices.transpose_a ? matrices.m : matrices.k;
    if (matrices.pitch_b == 0)
        matrices.pitch_b = matrices.transpose_b ? matrices.k : matrices.n;
    if (matrices.pitch_c == 0)
        matrices.pitch_c = matrices.n;
    return matrices;
}

bool hp_cublaslt_fits(const HpLibraryCall *call, const char **why)
{
    Matrices m = matrices_of(call);
    if (m.m > INT32_MAX || m.n > INT32_MAX || m.k > INT32_MAX || m.batch > INT32_MAX ||
        m.pitch_a > INT32_MAX || m.pitch_b > INT32_MAX || m.pitch_c > INT32_MAX)
        *why = "cuBLASLt has no matrices of more than 2^31 rows or columns";
    else if (call->bias && call->type_c != HP_F32)
        *why = "cuBLASLt adds a bias of floats to floats only";
    else if (m.pitch_a < (m.transpose_a ? m.m : m.k) || m.pitch_b < (m.transpose_b ? m.k : m.n) ||
             m.pitch_c < m.n)
        *why = "rows of a matrix overlap";
    else
        return true;
    return false;
}

/* ---------------------------------------------------------------- descriptors */

typedef struct CublasLtProduct {
    void *matmul, *a, *b, *c; /* in our order */
    CublasLtAlgorithm algorithm;
    size_t workspace;
    bool swapped;
    const void *bias; /* that matmul holds */
} CublasLtProduct;

static CudaType cuda_type(HpDataType type)
{
    switch (type) {
    case HP_F16: return CUDA_R_16F;
    case HP_BF16: return CUDA_R_16BF;
    case HP_F32: return CUDA_R_32F;
    default: hp_bug("a product of elements of type %d", (int)type);
    }
}

/* Rows of ours are columns of the library's. */
static void *make_layout(const Matrices *m, HpDataType type, int64_t rows, int64_t columns, int64_t pitch)
{
    void *layout = NULL;
    check(api.layout_create(&layout, cuda_type(type), (uint64_t)columns, (uint64_t)rows, pitch),
          "describing a matrix");
    if (m->batch > 1) {
        int32_t count = (int32_t)m->batch;
        int64_t offset = rows * pitch;
        check(api.layout_set(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof count),
              "describing a batch");
        check(api.layout_set(layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &offset, sizeof offset),
              "describing a batch");
    }
    return layout;
}

static void *make_matmul(const HpLibraryCall *call, const Matrices *m)
{
    void *matmul = NULL;
    int compute = call->tf32 && call->type_a == HP_F32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
    int32_t first = m->transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N;
    int32_t second = m->transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N;
    uint32_t epilogue = call->bias   ? (call->relu ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_BIAS)
                        : call->relu ? CUBLASLT_EPILOGUE_RELU
                                     : CUBLASLT_EPILOGUE_DEFAULT;
    int32_t bias_type = CUDA_R_32F;
    check(api.matmul_create(&matmul, compute, CUDA_R_32F), "describing a product");
    check(api.matmul_set(matmul, CUBLASLT_MATMUL_DESC_TRANSA, &first, sizeof first), "a transpose");
    check(api.matmul_set(matmul, CUBLASLT_MATMUL_DESC_TRANSB, &second, sizeof second), "a transpose");
    check(api.matmul_set(matmul, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue), "an epilogue");
    if (call->bias)
        check(api.matmul_set(matmul, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, &bias_type, sizeof bias_type),
              "a bias");
    return matmul;
}

static CublasLtProduct *describe(const HpLibraryCall *call)
{
    Matrices m = matrices_of(call);
    CublasLtProduct *product = hp_alloc(1, sizeof *product);
    HpDataType type = call->type_a;
    product->swapped = m.swapped;
    product->matmul = make_matmul(call, &m);
    product->a = make_layout(&m, type, m.transpose_a ? m.k : m.m, m.transpose_a ? m.m : m.k, m.pitch_a);
    product->b = make_layout(&m, type, m.transpose_b ? m.n : m.k, m.transpose_b ? m.k : m.n, m.pitch_b);
    product->c = make_layout(&m, call->type_c, m.m, m.n, m.pitch_c);
    return product;
}

static void destroy(CublasLtProduct *product)
{
    check(api.matmul_destroy(product->matmul), "releasing a product");
    check(api.layout_destroy(product->a), "releasing a matrix");
    check(api.layout_destroy(product->b), "releasing a matrix");
    check(api.layout_destroy(product->c), "releasing a matrix");
    free(product);
}

/* ---------------------------------------------------------------- algorithms */

enum { MAX_RESULTS = 16, OPERAND_ALIGNMENT = 16 };

/* What the library would take within the call's scratchpad. */
static int ask(const HpLibraryCall *call, const CublasLtProduct *product, CublasLtResult results[MAX_RESULTS])
{
    static const int alignments[] = {
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES};
    void *preference = NULL;
    uint64_t room = (uint64_t)call->scratchpad;
    uint32_t alignment = OPERAND_ALIGNMENT, schemes = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    int count = 0;
    check(api.preference_create(&preference), "describing a preference");
    check(api.preference_set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &room, sizeof room),
          "limiting the scratchpad");
    check(
        api.preference_set(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &schemes, sizeof schemes),
        "limiting split sums");
    for (size_t i = 0; i < sizeof alignments / sizeof *alignments; i++)
        check(api.preference_set(preference, alignments[i], &alignment, sizeof alignment),
              "describing alignment");
    if (api.get_heuristic(handle, product->matmul, product->b, product->a, product->c, product->c, preference,
                          MAX_RESULTS, results, &count) != CUBLAS_STATUS_SUCCESS)
        count = 0;
    check(api.preference_destroy(preference), "releasing a preference");
    int kept = 0;
    for (int i = 0; i < count; i++)
        if (results[i].state == CUBLAS_STATUS_SUCCESS)
            results[kept++] = results[i];
    return kept;
}

enum { ALGORITHM_WORDS = sizeof(CublasLtAlgorithm) / sizeof(uint64_t) };

static const char *name_of(const CublasLtAlgorithm *algorithm)
{
    char name[sizeof "cublaslt" + ALGORITHM_WORDS * 17] = "cublaslt";
    for (int i = 0; i < ALGORITHM_WORDS; i++) {
        size_t length = strlen(name);
        snprintf(name + length, sizeof name - length, ":%016" PRIx64, algorithm->data[i]);
    }
    return hp_cuda_lasting_name(name);
}

static bool parse_algorithm(const char *name, CublasLtAlgorithm *algorithm)
{
    if (strlen(name) != strlen("cublaslt") + ALGORITHM_WORDS * 17)
        return false;
    name += strlen("cublaslt");
    for (int i = 0; i < ALGORITHM_WORDS; i++, name += 17)
        if (sscanf(name, ":%16" SCNx64, &algorithm->data[i]) != 1)
            return false;
    return true;
}

int hp_cublaslt_offers(const HpLibraryCall *call, HpLibraryCall *offers, int room)
{
    CublasLtResult results[MAX_RESULTS];
    CublasLtProduct *product = describe(call);
    int count = ask(call, product, results);
    if (count > room)
        count = room;
    for (int i = 0; i < count; i++) {
        offers[i] = *call;
        offers[i].implementation = name_of(&results[i].algorithm);
        offers[i].scratchpad = (int64_t)results[i].workspace;
    }
    destroy(product);
    return count;
}

/* ---------------------------------------------------------------- running */

int64_t hp_cublaslt_create(HpLibraryCall *call)
{
    CublasLtResult results[MAX_RESULTS];
    CublasLtProduct *product = describe(call);
    bool made;
    if (parse_algorithm(call->implementation, &product->algorithm)) {
        results[0].algorithm = product->algorithm;
        made = api.check(handle, product->matmul, product->b, product->a, product->c, product->c,
                         &product->algorithm, &results[0]) == CUBLAS_STATUS_SUCCESS;
    } else {
        made = strcmp(call->implementation, "cublaslt") == 0 && ask(call, product, results) > 0;
    }
    if (!made)
        hp_fail("layer '%s': cuBLASLt cannot run it as %s within %lld bytes here; compile the model again on "
                "this "
                "machine",
                call->name, call->implementation, (long long)call->scratchpad);
    product->algorithm = results[0].algorithm;
    product->workspace = results[0].workspace;
    call->handle = product;
    return (int64_t)product->workspace;
}

void hp_cublaslt_run(const HpLibraryCall *call, const void *a, const void *b, const void *bias, void *c,
                     void *scratchpad)
{
    CublasLtProduct *product = call->handle;
    float alpha = 1, beta = call->add ? 1 : 0;
    if (call->bias && bias != product->bias) {
        check(api.matmul_set(product->matmul, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias),
              call->name);
        product->bias = bias;
    }
    check(api.matmul(handle, product->matmul, &alpha, product->swapped ? a : b, product->b,
                     product->swapped ? b : a, product->a, &beta, c, product->c, c, product->c,
                     &product->algorithm, scratchpad, product->workspace, stream),
          call->name);
}

void hp_cublaslt_destroy(HpLibraryCall *call)
{
    if (call->handle)
        destroy(call->handle);
    call->handle = NULL;
}
