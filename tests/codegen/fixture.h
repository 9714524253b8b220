/* Graphs for tests: a fresh one per test, and short ways to build layers. */
#ifndef HPANET_TESTS_CODEGEN_FIXTURE_H
#define HPANET_TESTS_CODEGEN_FIXTURE_H

#include "harness.h"

extern Graph *graph;

int fixture_set_up(void **state);
int fixture_tear_down(void **state);

#define FIXTURE_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

/* "3, 4, 5" as two arguments: rank and extents. */
#define EXTENTS(...)                                                                                         \
    (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[])                                   \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }

/* The variable of that name, a parameter when it is new. */
Node *fixture_variable(const char *name, int rank, const int64_t *extents);
Node *fixture_input(const char *name, int rank,
                    const int64_t *extents); /* one that no gradient is asked for */
Node *fixture_scalar(const char *name, double value);

Node *fixture_conv(const char *name, Node *x, int64_t width, int64_t kernel, int64_t stride);
Node *fixture_batchnorm(const char *name, Node *x);
Node *fixture_block(const char *name, Node *x, int64_t width, int64_t stride); /* ResNet's basic block */
Node *fixture_pool(Op op, Node *x, int64_t kernel, int64_t stride, int64_t pad, bool count_padding);
Node *fixture_head(Node *x, int64_t classes); /* global average, linear */
Node *fixture_bce(Node *logits); /* binary cross-entropy against the input "labels": a rank-0 loss */

/* Gradients of all parameters as accumulating updates of "gradient:" variables, and the loss as a result. */
void fixture_train(Node *loss);

/* Checks the graph: each step to 1e-5. */
void fixture_check(void);

#endif
