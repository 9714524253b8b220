/* The part of the CUDA driver API that the device uses, declared here so that the tree builds without the
 * toolkit. The functions are found by name when a program starts. */
#ifndef HPART_CUDA_DRIVER_H
#define HPART_CUDA_DRIVER_H

#include <stddef.h>

typedef int CUresult;
typedef int CUdevice;
typedef unsigned long long CUdeviceptr;
typedef struct CUctx_st *CUcontext;
typedef struct CUmod_st *CUmodule;
typedef struct CUfunc_st *CUfunction;
typedef struct CUstream_st *CUstream;
typedef struct CUevent_st *CUevent;
typedef struct CUgraph_st *CUgraph;
typedef struct CUgraphExec_st *CUgraphExec;

enum {
    CUDA_SUCCESS = 0,
    CUDA_ERROR_OUT_OF_MEMORY = 2,
    CUDA_ERROR_NO_DEVICE = 100,
    CU_STREAM_NON_BLOCKING = 1,
    CU_STREAM_CAPTURE_MODE_THREAD_LOCAL = 1,
    CU_EVENT_DEFAULT = 0,
    CU_EVENT_DISABLE_TIMING = 2,
    CU_EVENT_RECORD_EXTERNAL = 1,
    CU_DEVICE_ATTRIBUTE_CLOCK_RATE = 13,
    CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT = 16,
    CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE = 36,
    CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH = 37,
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR = 75,
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR = 76
};
#define CU_LAUNCH_PARAM_END ((void *)0)
#define CU_LAUNCH_PARAM_BUFFER_POINTER ((void *)1)
#define CU_LAUNCH_PARAM_BUFFER_SIZE ((void *)2)

/* X(name, symbol, parameters): `symbol` is the version of the function that these parameters are of. */
#define HP_DRIVER_FUNCTIONS(X)                                                                               \
    X(Init, cuInit, (unsigned flags))                                                                        \
    X(DriverGetVersion, cuDriverGetVersion, (int *version))                                                  \
    X(GetErrorName, cuGetErrorName, (CUresult error, const char **text))                                     \
    X(GetErrorString, cuGetErrorString, (CUresult error, const char **text))                                 \
    X(DeviceGet, cuDeviceGet, (CUdevice * device, int ordinal))                                              \
    X(DeviceGetCount, cuDeviceGetCount, (int *count))                                                        \
    X(DeviceGetName, cuDeviceGetName, (char *name, int length, CUdevice device))                             \
    X(DeviceGetAttribute, cuDeviceGetAttribute, (int *value, int attribute, CUdevice device))                \
    X(DevicePrimaryCtxRetain, cuDevicePrimaryCtxRetain, (CUcontext * context, CUdevice device))              \
    X(DevicePrimaryCtxRelease, cuDevicePrimaryCtxRelease_v2, (CUdevice device))                              \
    X(CtxPushCurrent, cuCtxPushCurrent_v2, (CUcontext context))                                              \
    X(CtxPopCurrent, cuCtxPopCurrent_v2, (CUcontext * context))                                              \
    X(MemGetInfo, cuMemGetInfo_v2, (size_t * free, size_t * total))                                          \
    X(MemAlloc, cuMemAlloc_v2, (CUdeviceptr * memory, size_t bytes))                                         \
    X(MemFree, cuMemFree_v2, (CUdeviceptr memory))                                                           \
    X(MemAllocHost, cuMemAllocHost_v2, (void **memory, size_t bytes))                                        \
    X(MemFreeHost, cuMemFreeHost, (void *memory))                                                            \
    X(MemsetD8Async, cuMemsetD8Async,                                                                        \
      (CUdeviceptr memory, unsigned char value, size_t count, CUstream stream))                              \
    X(MemcpyHtoDAsync, cuMemcpyHtoDAsync_v2,                                                                 \
      (CUdeviceptr to, const void *from, size_t bytes, CUstream stream))                                     \
    X(MemcpyDtoHAsync, cuMemcpyDtoHAsync_v2, (void *to, CUdeviceptr from, size_t bytes, CUstream stream))    \
    X(MemcpyDtoDAsync, cuMemcpyDtoDAsync_v2,                                                                 \
      (CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream))                                     \
    X(StreamCreate, cuStreamCreate, (CUstream * stream, unsigned flags))                                     \
    X(StreamDestroy, cuStreamDestroy_v2, (CUstream stream))                                                  \
    X(StreamSynchronize, cuStreamSynchronize, (CUstream stream))                                             \
    X(StreamBeginCapture, cuStreamBeginCapture_v2, (CUstream stream, int mode))                              \
    X(StreamEndCapture, cuStreamEndCapture, (CUstream stream, CUgraph * graph))                              \
    X(GraphInstantiateWithFlags, cuGraphInstantiateWithFlags,                                                \
      (CUgraphExec * exec, CUgraph graph, unsigned long long flags))                                         \
    X(GraphLaunch, cuGraphLaunch, (CUgraphExec exec, CUstream stream))                                       \
    X(GraphDestroy, cuGraphDestroy, (CUgraph graph))                                                         \
    X(GraphExecDestroy, cuGraphExecDestroy, (CUgraphExec exec))                                              \
    X(EventCreate, cuEventCreate, (CUevent * event, unsigned flags))                                         \
    X(EventDestroy, cuEventDestroy_v2, (CUevent event))                                                      \
    X(EventRecord, cuEventRecord, (CUevent event, CUstream stream))                                          \
    X(EventRecordWithFlags, cuEventRecordWithFlags, (CUevent event, CUstream stream, unsigned flags))        \
    X(EventSynchronize, cuEventSynchronize, (CUevent event))                                                 \
    X(EventElapsedTime, cuEventElapsedTime, (float *milliseconds, CUevent start, CUevent end))               \
    X(ModuleLoadData, cuModuleLoadData, (CUmodule * module, const void *image))                              \
    X(ModuleUnload, cuModuleUnload, (CUmodule module))                                                       \
    X(ModuleGetFunction, cuModuleGetFunction, (CUfunction * function, CUmodule module, const char *name))    \
    X(LaunchKernel, cuLaunchKernel,                                                                          \
      (CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,             \
       unsigned block_y, unsigned block_z, unsigned shared_bytes, CUstream stream, void **parameters,        \
       void **extra))

typedef struct HpDriver {
#define HP_DRIVER_MEMBER(name, symbol, parameters) CUresult(*name) parameters;
    HP_DRIVER_FUNCTIONS(HP_DRIVER_MEMBER)
#undef HP_DRIVER_MEMBER
} HpDriver;

extern HpDriver hp_driver;

/* Finds the driver and its functions, and starts it. Without a driver or a GPU the program ends with a
 * message that says how to get on without: compile `source` for the CPU. */
void hp_driver_open(const char *source);

/* What the GPU is at, for the message of an error that shows up later: "kernel", its name, and where it comes
 * from or NULL. The texts are kept as they are. */
void hp_driver_begins(const char *what, const char *name, const char *origin);

/* Ends the program when a call failed. */
void hp_driver_check(CUresult result, const char *function);

#define HP_CUDA(name, ...) hp_driver_check(hp_driver.name(__VA_ARGS__), "cu" #name)

#endif
