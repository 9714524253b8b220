/* A data set for the toy model on disk, and child processes of its program. */
#ifndef TOY_DATA_H
#define TOY_DATA_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { TOY_IMAGES = 45, TOY_TEST_IMAGES = 7 };

/* A fresh folder below the system's temporary folder; toy_remove deletes it with all it holds. */
char *toy_folder(void);
void toy_remove(char *folder);
char *toy_path(const char *folder, const char *name); /* to be freed */
/* TOY_IMAGES labelled images and TOY_TEST_IMAGES without labels, 10 pixels a side, in FOLDER/data;
 * one_of: one label each. */
void toy_write_data(const char *folder, bool one_of);

typedef struct ToyRun {
    int status;            /* exit status, or 128 + the signal that ended it */
    char *output, *errors; /* all it said */
} ToyRun;

/* Starts the toy program; arguments end with NULL. environment: "NAME=VALUE" or NULL. */
pid_t toy_start(const char *folder, const char *environment, const char *const *arguments);
ToyRun toy_wait(const char *folder, pid_t child);
ToyRun toy_run(const char *folder, const char *environment, const char *const *arguments);
void toy_run_free(ToyRun *run);

#endif
