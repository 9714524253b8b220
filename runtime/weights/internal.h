/* What reader and writer of safetensors share. */
#ifndef HPART_WEIGHTS_INTERNAL_H
#define HPART_WEIGHTS_INTERNAL_H

#include "safetensors.h"

/* Our files carry the hash of the whole file, taken with the digits of the hash itself as '0': first the
 * header, then each tensor in the order of the data, each hash being the seed of the next. */
#define HP_OUR_KEYS "hpanet."
#define HP_CHECKSUM_KEY "hpanet.checksum"
#define HP_CHECKSUM_FORMAT "%016llx"
#define HP_CHECKSUM_ENTRY "\"" HP_CHECKSUM_KEY "\":\""
enum { HP_CHECKSUM_DIGITS = 16 };

#endif
