/* "Did you mean": the nearest of the names that would have been right. */
#include "base.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Levenshtein's distance, letters compared without case. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t length = strlen(b);
    size_t *row = hp_alloc(length + 1, sizeof *row);
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            size_t best = diagonal + !same;
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    size_t distance = row[length];
    free(row);
    return distance;
}

const char *hp_nearest(const char *name, const char *const *candidates, int count)
{
    size_t length = strlen(name), limit = length / 2 < 5 ? length / 2 : 5;
    const char *nearest = NULL;
    if (length > 200)
        return NULL;
    for (int i = 0; i < count; i++) {
        size_t distance = edit_distance(name, candidates[i]);
        if (distance <= limit && (!nearest || distance < limit)) {
            nearest = candidates[i];
            limit = distance;
        }
    }
    return nearest;
}

char *hp_did_you_mean(const char *name, const char *const *candidates, int count)
{
    const char *nearest = hp_nearest(name, candidates, count);
    return nearest ? hp_format("; did you mean '%s'?", nearest) : hp_string("");
}

char *hp_quoted_names(const char *const *names, int count)
{
    char *text = hp_string("");
    for (int i = 0; i < count; i++) {
        char *longer = hp_format("%s%s'%s'", text, i ? ", " : "", names[i]);
        free(text);
        text = longer;
    }
    return text;
}
