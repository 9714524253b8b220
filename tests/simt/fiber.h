/* Stacks that take turns with the stack of the caller. */
#ifndef SIMT_FIBER_H
#define SIMT_FIBER_H

typedef struct SimtFiber {
    char *stack, *top;   /* its lowest byte; where it begins */
    void *stack_pointer; /* while it does not run */
    void *shadow;        /* AddressSanitizer's */
} SimtFiber;

/* Makes a fiber that runs `body`, which never returns, when it is entered first. */
void simt_fiber_open(SimtFiber *fiber, void (*body)(void));
/* Forgets what the fiber was at: it begins again. */
void simt_fiber_restart(SimtFiber *fiber, void (*body)(void));
/* Runs the fiber until it leaves. */
void simt_fiber_enter(SimtFiber *fiber);
/* Called on the fiber that runs. */
void simt_fiber_leave(void);

#endif
