/* Products for tests: c = a + b, one byte each. */
#ifndef HPANET_TESTS_FAKE_PRODUCTS_H
#define HPANET_TESTS_FAKE_PRODUCTS_H

#include <stdint.h>

extern int fake_products_open, fake_products_alive;
extern int64_t fake_product_scratchpad; /* what the next product wants */
extern void *fake_product_given;        /* the scratchpad of the last one that ran */

#endif
