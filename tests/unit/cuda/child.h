/* Code that ends its process. */
#ifndef HPANET_TESTS_CUDA_CHILD_H
#define HPANET_TESTS_CUDA_CHILD_H

/* Runs it in a child, which has to end with status 1 and to print all of these words (up to a NULL). */
void expect_failure(void (*code)(void), const char *const *words);
#define EXPECT_FAILURE(code, ...) expect_failure(code, (const char *const[]){__VA_ARGS__, NULL})

#endif
