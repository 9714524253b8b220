/* Schedule: a graph cut into steps. The graph stays as it is, so the interpreter can still run it and every
 * step can be compared with the nodes it covers. */
#ifndef HPACC_PASSES_SCHEDULE_H
#define HPACC_PASSES_SCHEDULE_H

#include "../graph/graph.h"

typedef enum StepKind {
    STEP_KERNEL,  /* one fused loop nest: elementwise nodes of one domain, the reductions over it, windows,
                     movement */
    STEP_LIBRARY, /* one product, with the epilogue nodes the library takes over */
    STEP_ALIAS,   /* no work: the output is a view of its input (a reshape) */
    STEP_COPY /* the bytes of inputs[0] to outputs[0]: an update whose variable is still read, an addend in
                 place */
} StepKind;

/* Memory of one materialised node. */
typedef struct Buffer {
    Node *node;             /* whose value it holds; NULL: a library's scratchpad or a kernel's workspace */
    Variable *variable;     /* the value lives in a variable, not in the arena */
    struct Buffer *view_of; /* shares memory: in place, alias, slice of a concat */
    int64_t view_offset;    /* bytes */
    int64_t channels;       /* of the concatenation that it is a slice of; 0: it is in one piece */
    int64_t bytes;
    int64_t offset;  /* bytes from the arena's start; set by pass_plan */
    int first, last; /* steps between which it is alive */
    int index;
} Buffer;

/* A kernel that reads each element of `input` only to make the same element of `output`: they may share
 * memory. */
typedef struct Overwrite {
    Buffer *input, *output;
} Overwrite;

typedef struct Step {
    StepKind kind;
    int index;
    NodeList nodes;        /* all nodes it computes, topological; a cheap node may appear in several steps */
    LIST(Buffer *) inputs; /* what it reads, without repeats */
    LIST(Buffer *) outputs;
    LIST(Overwrite) overwrites; /* STEP_KERNEL: filled by kernels_build() */
    Shape domain;               /* STEP_KERNEL: what its loops run over */
    unsigned reduced_axes;      /* STEP_KERNEL: of its reductions, which all run over the domain; 0: none */
    Buffer *scratchpad;         /* a library's scratchpad or a kernel's workspace, or NULL */
    struct Kernel *kernel;      /* STEP_KERNEL: built by kernel/ */
    LIST(struct Step *)
    batch;               /* STEP_KERNEL: the calls of one kernel that it makes at once, set by
                            kernels_batch(); it has no kernel itself. Empty: it is one call */
    HpLibraryCall *call; /* STEP_LIBRARY */
    Buffer *a, *b, *bias,
        *addend;        /* STEP_LIBRARY: the operands by role; bias and addend may be NULL. The plan lets the
                           output share the addend's memory, or puts a STEP_COPY before the call */
    Buffer *statistics; /* STEP_LIBRARY: sums and sums of squares, or NULL; two more outputs are its halves */
} Step;

typedef struct Schedule {
    Graph *graph;
    LIST(Step *) steps;
    LIST(Buffer *) buffers;
    Buffer **buffer_of; /* by node->id; NULL: not materialised */
    int64_t arena_bytes;
    int64_t arena_bytes_kept; /* what the arena would take if nothing were computed again */
    int64_t bytes_before;     /* the sum of all buffers: what the plan saved is printed */
} Schedule;

/* A reduction over at least one axis; over none it is its input, a variance zero. */
bool node_is_reduction(const Node *node);

/* The buffer at the root of view_of, and the bytes from its start. */
const Buffer *buffer_root(const Buffer *buffer, int64_t *offset);

/* Bytes that go between memory and the processor when a step reads and writes each element once: of an input
 * the part it reads, of a kernel's workspace both ways, of a library nothing but its operands, of the images
 * nothing: how large they are stored is not known here. */
typedef struct Traffic {
    double read, written;
} Traffic;

Traffic step_traffic(const Schedule *schedule, const Step *step);
Traffic schedule_traffic(const Schedule *schedule);
/* Bytes from the start of a model's memory: the variables, and behind them the arena of all functions. */
int64_t buffer_place(const Buffer *buffer, const int64_t *variable_offsets, int64_t variable_bytes);

/* Numbers the steps and says between which of them each buffer is alive. */
void schedule_find_lifetimes(Schedule *schedule);

/* A new buffer of the schedule; node may be NULL. */
Buffer *schedule_buffer(Schedule *schedule, Node *node, int64_t bytes);

/* "body.layer1.0.bn1 → relu  [16, 64, 56, 56] nChw16c": for dumps and comments. */
void buffer_describe(Text *out, const Buffer *buffer);
void step_describe_layers(Text *out, const Step *step); /* the paths of the layers it computes */
void step_describe_work(Text *out, const Step *step);   /* its ops, and its source line */
void step_describe(Text *out, const Step *step);        /* "layers: work" */

/* --dump kernels, --dump layout, --dump plan */
void schedule_print_kernels(Text *out, const Schedule *schedule);
void schedule_print_layout(Text *out, const Schedule *schedule);
void schedule_print_plan(Text *out, const Schedule *schedule);

#endif
