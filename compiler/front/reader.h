/* A setting's values, read in order: words, numbers with their units, paths, lists. The first thing that does
 * not fit is reported; everything after it fails in silence. */
#ifndef HPACC_FRONT_READER_H
#define HPACC_FRONT_READER_H

#include "elaborate.h"

typedef struct Reader {
    Elaborator *e;
    const Setting *setting;
    size_t at;
    bool failed;
} Reader;

Reader reader_new(Elaborator *e, const Setting *setting);
Span reader_span(const Reader *reader);                 /* of the next value, or of the last one */
bool reader_fail(Reader *reader, const char *expected); /* "expected ..."; always false */
bool reader_at_end(const Reader *reader);
bool reader_has_word(const Reader *reader, const char *word);
bool reader_take_word(Reader *reader, const char *word);
bool reader_need_word(Reader *reader, const char *word);
const char *reader_name(Reader *reader, const char *what); /* one word; NULL after a report */
const Expression *reader_path(Reader *reader, const char *what);
const char *reader_string(Reader *reader, const char *what);
/* A number, or a constant that is one. A missing or a wrong unit is reported. */
bool reader_number(Reader *reader, Unit unit, const char *what, double *out);
/* low to high; the unit stands behind the second number, or behind both */
bool reader_interval(Reader *reader, Unit unit, const char *what, double *low, double *high);
bool reader_value(Reader *reader, const char *what, Value *out); /* number, string, list or constant */
bool reader_end(Reader *reader);
void reader_no_body(Reader *reader);

#endif
