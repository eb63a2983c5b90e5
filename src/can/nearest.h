/* "Did you mean …": the known word that is nearest to a mistyped one.
 *
 * For messages only. Pure function, no allocation.
 */
#ifndef CANRING_NEAREST_H
#define CANRING_NEAREST_H

#include <stddef.h>

/* Edit distance of two words, case ignored; of each, the first 63 characters count. */
unsigned cr_edit_distance(const char *a, const char *b);

/* Index of the candidate with the least edit distance, or -1 when none is near enough to be worth
 * a suggestion (more than half of the word differs). */
int cr_nearest(const char *word, const char *const *candidates, size_t count);

#endif
