/* The generated code of a harness: printed, compiled, loaded. */
#ifndef HPANET_TESTS_CODEGEN_CODE_H
#define HPANET_TESTS_CODEGEN_CODE_H

#include "harness.h"

/* A function `step_N` for every step with a kernel, compiled with -Wall -Wextra -Werror. Sets
 * harness->library and harness->folder. */
void code_compile(Harness *harness);

/* Unloads and removes what was compiled; with no harness->folder the files stay. */
void code_free(Harness *harness);

#endif
