/* Which machine a model is compiled for. */
#ifndef HPACC_EMIT_TARGET_H
#define HPACC_EMIT_TARGET_H

#include <stdbool.h>

/* Whether an NVIDIA driver with at least one GPU answers; *why says in a few words what was found. */
bool cuda_answers(const char **why);

#endif
