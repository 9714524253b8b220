/* The words of graph text, for the printer and the reader. */
#ifndef HPACC_GRAPH_WORDS_H
#define HPACC_GRAPH_WORDS_H

#include "graph.h"

enum { VARIABLE_KINDS = HP_SCALAR + 1, INITIALIZERS = HP_INITIAL_UNIFORM + 1, DATA_TYPES = HP_I64 + 1 };

extern const char *const variable_kind_words[VARIABLE_KINDS];
extern const char *const initializer_words[INITIALIZERS];
extern const char *const data_type_words[DATA_TYPES];
extern const char *const format_words[HP_FORMAT_COUNT];

#endif
