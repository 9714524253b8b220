/* A setting's values, read in order: words, numbers with their units, paths, lists. The first thing that does
 * not fit is reported; everything after it fails in silence. A comma stands between the items of a list and
 * nowhere else. */
#ifndef HPACC_FRONT_READER_H
#define HPACC_FRONT_READER_H

#include "elaborate.h"

typedef struct Reader {
    Elaborator *e;
    const Setting *setting;
    size_t at;
    size_t item; /* the value that begins an item: a comma stands before it */
    bool failed;
} Reader;

Reader reader_new(Elaborator *e, const Setting *setting); /* reports an '=' behind the setting's name */
Reader reader_new_assigned(Elaborator *e, const Setting *setting); /* reports that there is none */
Span reader_span(const Reader *reader);                            /* of the next value, or of the last one */
bool reader_fail(Reader *reader, const char *expected);            /* "expected ..."; always false */
bool reader_at_end(const Reader *reader);
const char *reader_word(const Reader *reader); /* the next value, if it is one; also after a failure */
bool reader_has_word(const Reader *reader, const char *word);
bool reader_has_string(const Reader *reader);
bool reader_take_word(Reader *reader, const char *word);
bool reader_need_word(Reader *reader, const char *word);
/* Is there one more item? Reports one that has no comma before it. */
bool reader_next_item(Reader *reader);
const char *reader_name(Reader *reader, const char *what);       /* one word; NULL after a report */
const Expression *reader_path(Reader *reader, const char *what); /* a path, or one in double quotes */
const char *reader_string(Reader *reader, const char *what);
const Expression *reader_list(Reader *reader, const char *what); /* [ ... ] */
/* A number, or a constant that is one. A missing or a wrong unit is reported. */
bool reader_number(Reader *reader, Unit unit, const char *what, double *out);
/* low to high; the unit stands behind the second number, or behind both */
bool reader_interval(Reader *reader, Unit unit, const char *what, double *low, double *high);
bool reader_value(Reader *reader, const char *what, Value *out); /* number, string, list or constant */
bool reader_end(Reader *reader);                                 /* nothing is left, and no { ... } */
bool reader_end_before_body(Reader *reader);                     /* nothing is left before { ... }, if any */
bool reader_need_body(Reader *reader, const char *example);      /* nothing is left before { ... } */

#endif
