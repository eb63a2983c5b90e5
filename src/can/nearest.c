#include "can/nearest.h"

#include <ctype.h>
#include <string.h>

#define WORD_MAX 63u

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;
    return ab < c ? ab : c;
}

unsigned cr_edit_distance(const char *a, const char *b)
{
    unsigned row[WORD_MAX + 1];
    size_t a_length = strnlen(a, WORD_MAX), b_length = strnlen(b, WORD_MAX);

    for (unsigned j = 0; j <= b_length; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a_length; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= b_length; j++) {
            unsigned same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            unsigned replaced = diagonal + !same;
            diagonal = row[j];
            row[j] = least(replaced, row[j] + 1, row[j - 1] + 1);
        }
    }
    return row[b_length];
}

int cr_nearest(const char *word, const char *const *candidates, size_t count)
{
    unsigned best = (unsigned)(strnlen(word, WORD_MAX) + 1) / 2;
    int nearest = -1;

    for (size_t i = 0; i < count; i++) {
        unsigned distance = cr_edit_distance(word, candidates[i]);
        if (distance < best || (distance == best && nearest < 0)) {
            best = distance;
            nearest = (int)i;
        }
    }
    return nearest;
}
