/* From a cell of the label column to the classes it names: by name or by number. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

int hp_class_find(const HpDataset *dataset, const char *name)
{
    for (int i = 0; i < dataset->class_count; i++)
        if (strcmp(dataset->classes[i], name) == 0)
            return i;
    return -1;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static int class_number(const char *text)
{
    int value = 0;
    if (!*text)
        return -1;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        if (value < 1000000)
            value = 10 * value + (*text - '0');
    }
    return value;
}

/* A class by name, else by number; -1 with a problem. */
static int find_label(const HpDataset *dataset, const char *label, const char *where, HpProblems *problems)
{
    int found = hp_class_find(dataset, label), last = dataset->class_count - 1;
    if (found >= 0)
        return found;
    int number = class_number(label);
    if (number >= 0 && number <= last)
        return number;
    if (number > last) {
        hp_problems_add(problems, "%s: label %s is outside the classes 0 to %d of data set '%s'", where,
                        label, last, dataset->name);
        return -1;
    }
    char *hint = hp_did_you_mean(label, dataset->classes, dataset->class_count);
    hp_problems_add(problems, "%s: label '%s' is neither a number from 0 to %d nor the name of a class%s",
                    where, label, last, hint);
    free(hint);
    return -1;
}

/* The next label of the cell, trimmed, in `label` (as long as the cell); NULL at the end. */
static const char *next_label(const char *at, const char *separator, char *label)
{
    const char *stop = *separator ? strstr(at, separator) : NULL;
    const char *end = stop ? stop : at + strlen(at), *next = stop ? stop + strlen(separator) : end;
    while (at < end && is_blank(*at))
        at++;
    while (end > at && is_blank(end[-1]))
        end--;
    memcpy(label, at, (size_t)(end - at));
    label[end - at] = '\0';
    return stop ? next : NULL;
}

bool hp_labels_parse(const HpDataset *dataset, const HpPart *part, const char *cell, const char *where,
                     uint8_t *labels, HpProblems *problems)
{
    bool single = dataset->one_of || !part->separator || hp_class_find(dataset, cell) >= 0;
    const char *separator = single ? "" : part->separator;
    bool blank_separator = *separator && strspn(separator, " \t") == strlen(separator);
    char *label = hp_alloc(strlen(cell) + 1, 1);
    int found = 0;
    bool good = true;
    for (const char *at = cell; at && good;) {
        at = next_label(at, separator, label);
        if (!*label && (blank_separator || (!at && found == 0)))
            continue; /* two spaces in a row, or an empty cell */
        int class_index = -1;
        if (!*label)
            hp_problems_add(problems,
                            "%s: an empty label in '%s': two separators '%s' in a row, or one at the end",
                            where, cell, separator);
        else
            class_index = find_label(dataset, label, where, problems);
        if (class_index >= 0 && labels[class_index])
            hp_problems_add(problems, "%s: label '%s' stands twice in '%s'", where, label, cell);
        good = class_index >= 0 && !labels[class_index];
        if (good) {
            labels[class_index] = 1;
            found++;
        }
    }
    free(label);
    if (good && found == 0)
        hp_problems_add(problems, "%s: the label is empty; every image of this part needs %s", where,
                        dataset->one_of ? "its class" : "at least one label");
    return good && found > 0;
}
