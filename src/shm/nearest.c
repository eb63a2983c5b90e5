#include "shm/nearest.h"

#include <stdbool.h>
#include <string.h>

#define WORD_MAX 63

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned smaller = a < b ? a : b;
    return smaller < c ? smaller : c;
}

static bool is_swap(const char *a, size_t i, const char *b, size_t j)
{
    return i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
           lower(a[i - 2]) == lower(b[j - 1]);
}

/* Letters to insert, delete, replace or swap with their neighbour. */
static unsigned distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    unsigned rows[3][WORD_MAX + 1];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];

    for (unsigned j = 0; j <= b_length; j++)
        above[j] = before[j] = j;
    for (unsigned i = 1; i <= a_length; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            unsigned other = lower(a[i - 1]) != lower(b[j - 1]);
            row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + other);
            if (is_swap(a, i, b, j) && before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        unsigned *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b_length];
}

const char *cr_nearest(const char *found, const char *const *known, size_t count)
{
    const char *best = NULL;
    unsigned best_distance = WORD_MAX;
    size_t length = found ? strlen(found) : 0;

    if (length == 0 || length > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t known_length = known[i] ? strlen(known[i]) : 0;
        if (known_length == 0 || known_length > WORD_MAX)
            continue;
        size_t longer = length > known_length ? length : known_length;
        unsigned d = distance(found, length, known[i], known_length);
        if (d <= (longer + 2) / 3 && d < longer && d < best_distance) {
            best = known[i];
            best_distance = d;
        }
    }
    return best;
}
