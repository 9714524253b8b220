#include "code.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "compiler/target/target.h"

extern char **environ;

/* ---- printing ---- */

static void print_pointer(Text *out, const Buffer *buffer, void *user)
{
    text_add(out, "(void *)(memory + %lld)", (long long)harness_place(user, buffer));
}

static void print_scalar(Text *out, const Variable *scalar, void *user)
{
    (void)user;
    text_add(out, target()->launches ? "context->device_scalars + %d" : "context->scalars[%d]",
             scalar->index);
}

static void print_steps(Text *out, Harness *harness)
{
    KernelCaller caller = {print_pointer, print_scalar, harness};
    for (size_t i = 0; i < harness->schedule->steps.count; i++) {
        const Step *step = harness->schedule->steps.items[i];
        if (step->kind != STEP_KERNEL)
            continue;
        text_add(out, "\nvoid step_%zu(HpContext *context, char *memory);\n", i);
        text_add(out,
                 "void step_%zu(HpContext *context, char *memory)\n{\n    (void)context;\n    "
                 "(void)memory;\n    ",
                 i);
        kernel_print_call(out, harness->kernels, step, &caller);
        text_add(out, "\n}\n");
    }
}

/* Kernels are functions that steps call, or launched and in a file of their own. */
static void print_code(Harness *harness, Text *steps, Text *launched)
{
    text_add(steps, "#include \"hpart.h\"\n");
    if (target()->launches) {
        text_add(launched, "#include \"device/kernel_cuda.h\"\n");
        kernel_set_print(launched, harness->kernels);
        text_add(steps,
                 "#include \"device/device.h\"\n\n"
                 "void hp_launch(HpContext *context, HpKernel *kernel, HpGrid grid, const void *arguments,\n"
                 "               size_t bytes)\n{\n"
                 "    context->device->launch(context, kernel, grid, arguments, bytes);\n}\n\n"
                 "extern HpKernel *const kernels[];\n");
        kernel_set_print_launchers(steps, harness->kernels);
    } else {
        kernel_set_print(steps, harness->kernels);
    }
    print_steps(steps, harness);
}

/* ---- compiling ---- */

static const char *path_of(const Harness *harness, const char *file)
{
    return arena_format(harness->arena, "%s/%s", harness->folder, file);
}

static const char *write_file(const Harness *harness, const char *name, const Text *text)
{
    const char *path = path_of(harness, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text->data, 1, text->length, file), text->length);
    assert_int_equal(fclose(file), 0);
    return path;
}

static const char *include(const Harness *harness, const char *folder)
{
    const char *root = getenv("HPANET_ROOT");
    return arena_format(harness->arena, "-I%s/%s", root ? root : ".", folder);
}

static int run_compiler(const char *const *arguments)
{
    pid_t child;
    int status = -1;
    assert_int_equal(posix_spawnp(&child, "cc", NULL, NULL, (char *const *)arguments, environ), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

void code_compile(Harness *harness)
{
    char folder[] = "/tmp/hpanet_codegen_XXXXXX";
    if (!mkdtemp(folder))
        fail_msg("no temporary folder");
    harness->folder = arena_string(harness->arena, folder);
    Text steps = text_new(harness->arena), launched = text_new(harness->arena);
    print_code(harness, &steps, &launched);
    const char *object = path_of(harness, "kernels.so"), *source = write_file(harness, "kernels.c", &steps);
    const char *kernels = write_file(harness, "kernels.cu", &launched);
    const char *const arguments[] = {"cc", "-std=gnu17", harness->options.optimise, "-march=native",
                                     "-fopenmp", "-fno-math-errno", "-fno-trapping-math",
                                     "-mprefer-vector-width=512", "-Wall", "-Wextra", "-Werror", "-shared",
                                     "-fPIC", include(harness, "runtime"), "-o", object, "-lm", source,
                                     /* launched kernels see memory as words of several types */
                                     target()->launches ? "-DHP_EMULATED" : NULL, "-fno-strict-aliasing",
                                     include(harness, "tests/simt"), "-x", "c", kernels, NULL};
    if (run_compiler(arguments) != 0) {
        harness->folder = NULL;
        fail_msg("the C compiler refuses %s", source);
    }
    harness->library = dlopen(object, RTLD_NOW | RTLD_LOCAL);
    if (!harness->library)
        fail_msg("%s", dlerror());
}

void code_free(Harness *harness)
{
    static const char *const files[] = {"kernels.c", "kernels.cu", "kernels.so", ""};
    if (harness->library)
        dlclose(harness->library);
    for (int i = 0; harness->folder && i < 4; i++)
        remove(path_of(harness, files[i]));
}
