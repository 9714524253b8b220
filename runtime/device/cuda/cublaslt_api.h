/* The part of cuBLASLt's interface (versions 12 and 13) that products use, under its own names; see
 * cudnn_api.h. */
#ifndef HPART_DEVICE_CUDA_CUBLASLT_API_H
#define HPART_DEVICE_CUDA_CUBLASLT_API_H

#include <stddef.h>
#include <stdint.h>

enum { CUBLAS_STATUS_SUCCESS = 0, CUBLAS_OP_N = 0, CUBLAS_OP_T = 1 };

typedef enum CudaType { CUDA_R_32F = 0, CUDA_R_16F = 2, CUDA_R_16BF = 14 } CudaType;

typedef enum CublasCompute { CUBLAS_COMPUTE_32F = 68, CUBLAS_COMPUTE_32F_FAST_TF32 = 77 } CublasCompute;

typedef enum CublasLtEpilogue {
    CUBLASLT_EPILOGUE_DEFAULT = 1,
    CUBLASLT_EPILOGUE_RELU = 2,
    CUBLASLT_EPILOGUE_BIAS = 4,
    CUBLASLT_EPILOGUE_RELU_BIAS = 6
} CublasLtEpilogue;

typedef enum CublasLtLayoutAttribute {
    CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT = 5,         /* int32_t */
    CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET = 6 /* int64_t, in elements */
} CublasLtLayoutAttribute;

typedef enum CublasLtMatmulAttribute {
    CUBLASLT_MATMUL_DESC_TRANSA = 3,         /* int32_t */
    CUBLASLT_MATMUL_DESC_TRANSB = 4,         /* int32_t */
    CUBLASLT_MATMUL_DESC_EPILOGUE = 7,       /* uint32_t */
    CUBLASLT_MATMUL_DESC_BIAS_POINTER = 8,   /* const void * */
    CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE = 26 /* int32_t */
} CublasLtMatmulAttribute;

typedef enum CublasLtPreference {
    CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES = 1,   /* uint64_t */
    CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK = 3, /* uint32_t */
    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES = 5, /* uint32_t */
    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES = 6,
    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES = 7,
    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES = 8
} CublasLtPreference;

/* Parts of a split sum are added as floats, in a fixed order. */
enum { CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE = 2 };

typedef int CublasStatus;

typedef struct CublasLtAlgorithm {
    uint64_t data[8]; /* the same words mean the same to the same version of the library */
} CublasLtAlgorithm;

typedef struct CublasLtResult {
    CublasLtAlgorithm algorithm;
    size_t workspace;
    CublasStatus state;
    float waves;
    int reserved[4];
} CublasLtResult;

/* Handles and descriptors are opaque. */
typedef struct CublasLtApi {
    const char *(*get_status_string)(CublasStatus status);
    CublasStatus (*create)(void **handle);
    CublasStatus (*destroy)(void *handle);
    CublasStatus (*layout_create)(void **layout, int type, uint64_t rows, uint64_t columns, int64_t leading);
    CublasStatus (*layout_destroy)(void *layout);
    CublasStatus (*layout_set)(void *layout, int attribute, const void *value, size_t bytes);
    CublasStatus (*matmul_create)(void **matmul, int compute, int scale_type);
    CublasStatus (*matmul_destroy)(void *matmul);
    CublasStatus (*matmul_set)(void *matmul, int attribute, const void *value, size_t bytes);
    CublasStatus (*preference_create)(void **preference);
    CublasStatus (*preference_destroy)(void *preference);
    CublasStatus (*preference_set)(void *preference, int attribute, const void *value, size_t bytes);
    CublasStatus (*get_heuristic)(void *handle, void *matmul, void *a, void *b, void *c, void *d,
                                  void *preference, int requested, CublasLtResult *results, int *count);
    CublasStatus (*check)(void *handle, void *matmul, void *a, void *b, void *c, void *d,
                          const CublasLtAlgorithm *algorithm, CublasLtResult *result);
    CublasStatus (*matmul)(void *handle, void *matmul, const void *alpha, const void *a, void *a_layout,
                           const void *b, void *b_layout, const void *beta, const void *c, void *c_layout,
                           void *d, void *d_layout, const CublasLtAlgorithm *algorithm, void *workspace,
                           size_t workspace_bytes, void *stream);
} CublasLtApi;

#endif
