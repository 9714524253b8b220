/* What a test asks of the fake driver, by dlsym(). */
#ifndef HPANET_TESTS_FAKE_DRIVER_H
#define HPANET_TESTS_FAKE_DRIVER_H

/* A kernel is a function of the test program with this type and the kernel's name. It runs once a launch. */
typedef void FakeKernel(const void *arguments, unsigned grid_x);

/* Calls of a driver function ("cuGraphLaunch") since the program began. */
typedef int FakeCalls(const char *function);
/* What cuModuleLoadData was given last. */
typedef const void *FakeImage(void);
/* For kernels: an access to a wrong address. All later calls of the driver fail. */
typedef void FakeFault(void);

#endif
