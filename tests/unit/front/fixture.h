/* Programs from text, and graphs run by the interpreter. */
#ifndef TESTS_UNIT_FRONT_FIXTURE_H
#define TESTS_UNIT_FRONT_FIXTURE_H

#include "compiler/grad/functions.h"

/* The shipped file models/NAME. */
Program *load_model(Arena *arena, const char *name);

/* A file with this text, in a temporary folder; it may use the shipped ones. */
Program *load_text(Arena *arena, const char *text);

/* The same with gradients that are scaled, as for fp16. */
Program *load_scaled_text(Arena *arena, const char *text);

/* "dataset", "input" and "target" for text that does not care: 3 planes of `size` pixels, 4 labels. */
const char *with_data(Arena *arena, int size, const char *text);

/* The named function; a test failure when there is none. */
Graph *find_function(const FunctionList *functions, const char *name);

/* A number in [-1, 1) that depends on both arguments alone. */
double noise(uint64_t stream, uint64_t index);

/* Fills a variable by noise; `stream` 0 fills by the variable's initial value. */
double *fill(Interpreter *interpreter, const Variable *variable, uint64_t stream, double scale);

/* Every variable of the program: parameters by noise, statistics positive, labels 0 or 1, scalars at their
 * defaults. */
void fill_all(Interpreter *interpreter, const Program *program);

const Node *find_result(const Graph *graph, const char *name);

#endif
