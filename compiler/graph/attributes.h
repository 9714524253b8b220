/* What is inside Attributes, as a table: printing, reading back, equality and hashing are loops over it. */
#ifndef HPACC_GRAPH_ATTRIBUTES_H
#define HPACC_GRAPH_ATTRIBUTES_H

#include "graph.h"

typedef enum FieldType {
    FIELD_INTEGER, /* int64_t */
    FIELD_INDEX,   /* int */
    FIELD_NUMBER,  /* double */
    FIELD_FLAG,    /* bool */
    FIELD_TEXT,    /* const char * */
    FIELD_SHAPE,   /* Shape */
    FIELD_AXES     /* unsigned: a set of axes */
} FieldType;

enum { FIELD_COUNT_RANK = -1 }; /* one element per axis of the node */
#define FIELD_ALWAYS INT64_MIN  /* no usual value: always written */

typedef struct AttributeField {
    const char *name; /* its word in graph text */
    FieldType type;
    size_t offset; /* in Attributes */
    int count;
    int64_t usual; /* FIELD_INTEGER: left out of graph text when every element is this */
} AttributeField;

/* The fields of one kind; *count is set. */
const AttributeField *attribute_fields(AttributeKind kind, int *count);

/* How many elements the field has in a node of this rank. */
int attribute_field_count(const AttributeField *field, int rank);

bool attributes_equal(Op op, int rank, const Attributes *a, const Attributes *b);
uint64_t attributes_hash(Op op, int rank, const Attributes *attributes);

#endif
