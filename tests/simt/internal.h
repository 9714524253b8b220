/* What the two halves of the emulator tell each other: launches (simt.c) and memory (memory.c). */
#ifndef SIMT_INTERNAL_H
#define SIMT_INTERNAL_H

/* Ends the launch from inside a thread of it. */
_Noreturn void simt_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* From here on accesses belong to another launch, another block of it, another time between barriers. */
void simt_memory_launch(void);
void simt_memory_block(void);
void simt_memory_barrier(void);

#endif
