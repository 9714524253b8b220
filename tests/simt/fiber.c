/* Fibers by a hand-written switch: the C library's costs two system calls each time. */
#include "fiber.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include "runtime/base/base.h"

#ifndef __x86_64__
#error "the switch between fibers is written for x86-64"
#endif

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#else
#define __sanitizer_start_switch_fiber(shadow, bottom, bytes) ((void)(shadow), (void)(bottom), (void)(bytes))
#define __sanitizer_finish_switch_fiber(shadow, bottom, bytes) ((void)(shadow))
#define __asan_unpoison_memory_region(address, bytes) ((void)(address))
#endif

enum { STACK_BYTES = 256 << 10, GUARD_BYTES = 4096, SAVED_REGISTERS = 6, LINE_BYTES = 64, LINES = 64 };

static SimtFiber *running;
static void *caller_stack_pointer;
static const void *caller_bottom;
static size_t caller_bytes;

/* Saves what a call must keep, and the stack pointer in *from; goes on where `to` was saved. */
void simt_switch(void **from, void *to);
__asm__(".text\n"
        ".globl simt_switch\n"
        ".type simt_switch, @function\n"
        "simt_switch:\n"
        "    push %rbp\n"
        "    push %rbx\n"
        "    push %r12\n"
        "    push %r13\n"
        "    push %r14\n"
        "    push %r15\n"
        "    mov %rsp, (%rdi)\n"
        "    mov %rsi, %rsp\n"
        "    pop %r15\n"
        "    pop %r14\n"
        "    pop %r13\n"
        "    pop %r12\n"
        "    pop %rbx\n"
        "    pop %rbp\n"
        "    ret\n"
        ".size simt_switch, . - simt_switch\n");

/* Stacks begin at different cache lines of their pages, for all of them are in use at once. */
void simt_fiber_open(SimtFiber *fiber, void (*body)(void))
{
    static unsigned opened;
    char *memory = mmap(NULL, GUARD_BYTES + STACK_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, GUARD_BYTES, PROT_NONE) != 0)
        hp_fail("no memory for the stack of a fiber: %s", strerror(errno));
    fiber->stack = memory + GUARD_BYTES;
    fiber->top = fiber->stack + STACK_BYTES - opened++ % LINES * LINE_BYTES;
    simt_fiber_restart(fiber, body);
}

static void begin(void)
{
    __sanitizer_finish_switch_fiber(NULL, &caller_bottom, &caller_bytes);
    void (*body)(void);
    memcpy(&body, running->top - sizeof body, sizeof body);
    body();
    hp_bug("the body of a fiber returned");
}

/* The stack as simt_switch leaves it: saved registers, where to return to, and in front of that the body. */
void simt_fiber_restart(SimtFiber *fiber, void (*body)(void))
{
    __asan_unpoison_memory_region(fiber->stack, STACK_BYTES);
    uintptr_t *top = (uintptr_t *)(void *)fiber->top;
    top[-1] = (uintptr_t)body;
    top[-2] = 0; /* begin() returns nowhere; the stack is aligned as after a call */
    top[-3] = 0;
    top[-4] = (uintptr_t)begin;
    memset(top - 4 - SAVED_REGISTERS, 0, SAVED_REGISTERS * sizeof *top);
    fiber->stack_pointer = top - 4 - SAVED_REGISTERS;
    fiber->shadow = NULL;
}

void simt_fiber_enter(SimtFiber *fiber)
{
    void *shadow = NULL;
    running = fiber;
    __sanitizer_start_switch_fiber(&shadow, fiber->stack, STACK_BYTES);
    simt_switch(&caller_stack_pointer, fiber->stack_pointer);
    __sanitizer_finish_switch_fiber(shadow, NULL, NULL);
}

void simt_fiber_leave(void)
{
    SimtFiber *fiber = running;
    __sanitizer_start_switch_fiber(&fiber->shadow, caller_bottom, caller_bytes);
    simt_switch(&fiber->stack_pointer, caller_stack_pointer);
    __sanitizer_finish_switch_fiber(fiber->shadow, &caller_bottom, &caller_bytes);
}
