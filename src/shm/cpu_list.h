/* Lists of processors in the kernel's words: "0", "2-3,6", "0-6:2".
 *
 * For affinities that users give and for what /sys and /proc say. Parses and formats, asks the
 * kernel nothing.
 */
#ifndef CANRING_CPU_LIST_H
#define CANRING_CPU_LIST_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

/* False when `text` is no list, or empty, or names a processor beyond CPU_SETSIZE. Blanks at the
 * end, as of a file of sysfs, are allowed. */
bool cr_cpu_list_parse(const char *text, cpu_set_t *set);

/* As ranges, in `space` bytes; an empty set is "". */
void cr_cpu_list_format(const cpu_set_t *set, char *text, size_t space);

#endif
