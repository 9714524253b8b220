/* What the commands of hpadata share. */
#ifndef HPADATA_TOOL_H
#define HPADATA_TOOL_H

#include "../data/internal.h"

/* The dataset block of a file; a mistake in it is reported with its place and ends the program. */
const HpDataset *tool_dataset(const char *path);

/* "DATASET DATA" or "PACK": opens it at `pixels` (0: as hp_data_open has it). */
HpData *tool_open(int count, char **paths, int64_t pixels, const char *command);

int64_t tool_number(const char *option, const char *text, int64_t low, int64_t high);
int tool_threads(void); /* the machine's */

/* The name, cut with dots to at most `width` columns. */
const char *tool_shorten(const char *name, int width, char *out);

#endif
