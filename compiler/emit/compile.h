/* From sources to a program or a library: where the runtime is, and the C compiler. */
#ifndef HPACC_EMIT_COMPILE_H
#define HPACC_EMIT_COMPILE_H

#include "../base/arena.h"

/* Where hpacc finds what it needs beside itself: in the place it was installed to, or in the tree it was
 * built in. */
typedef struct Installation {
    const char *library; /* libhpart.a */
    const char *headers; /* the folder of hpart.h */
    const char *models;  /* what `use` finds when it is not beside the file */
} Installation;

Installation installation_find(Arena *arena);

/* Compiles the sources in `folder` with $CC (cc by default), without a shell, and links them to folder/name.
 * The compiler's messages appear as they are; a failure ends hpacc with status 1. */
void compile_program(Arena *arena, const char *folder, const char *name, const char *isa);
/* The same to folder/libNAME.so, which shows no more than NAME.h says. */
void compile_library(Arena *arena, const char *folder, const char *name, const char *isa);

#endif
