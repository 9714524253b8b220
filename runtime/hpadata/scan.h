/* What 'hpadata scan' finds out about a folder before it writes the data file. */
#ifndef HPADATA_SCAN_H
#define HPADATA_SCAN_H

#include "../data/internal.h"

enum { SCAN_MAX_PLANES = 16, SCAN_MAX_PARTS = 16, SCAN_SAMPLES = 64 };

typedef struct ScanFile { /* one PNG */
    const char *folder;   /* below the root, "" for the root; equal folders share one pointer */
    const char *name;     /* with its ending */
} ScanFile;

typedef struct ScanFolder { /* one that holds PNGs */
    const char *path;
    int64_t files;
} ScanFolder;

typedef struct ScanTable { /* a CSV that belongs to a part */
    const char *path;      /* below the root; NULL: none */
    const char *id;        /* column */
    const char *labels;    /* column, or NULL: only an order */
    bool named;            /* the label column's name says that it holds labels */
    int64_t rows;
} ScanTable;

typedef struct ScanPart {
    const char *name, *folder;
    bool class_folders;
    HpNames *ids; /* of its images */
    int64_t id_count;
    ScanTable table, order;
} ScanPart;

typedef struct Scan {
    const char *root;
    HpPool *pool;
    ScanFile *files;
    int64_t file_count, file_capacity;
    ScanFolder *folders;
    int64_t folder_count, folder_capacity;
    const char **tables; /* CSV files below the root */
    int64_t table_count, table_capacity;
    int64_t other_count; /* images of other formats */
    const char *other_name;
    const char *unused_table; /* a CSV with ids that was not needed */

    bool plane_files; /* a file for each plane, else one for all */
    char separator;   /* between id and plane */
    int plane_count;
    const char *planes[SCAN_MAX_PLANES];
    bool whole_names; /* ids are file names with their ending */

    int samples, bits, channels;
    const char *odd_file;      /* of another depth or with other channels than the first */
    int64_t smallest, largest; /* sides seen */

    int part_count;
    ScanPart parts[SCAN_MAX_PARTS];
    const char *left_out; /* a folder for which there was no room */

    bool one_of, numbers;        /* numbers: the tables have class numbers, not names */
    const char *label_separator; /* NULL: one label in a cell */
    const char **classes;
    int64_t class_count;
} Scan;

/* scan_files.c: fills all but the tables and labels. */
void scan_files(Scan *scan);
/* scan_tables.c: which CSV belongs to which part, and the classes. */
void scan_tables(Scan *scan);
/* What has labels first, tests last. */
void scan_order_parts(Scan *scan);
const char *scan_keep(Scan *scan, const char *text); /* a copy in the pool */
/* The folder's last name; its letters, digits and '_' as a name of the language. */
const char *scan_last_name(const char *path);
const char *scan_identifier(Scan *scan, const char *text);
bool scan_is_identifier(const char *text);

#endif
