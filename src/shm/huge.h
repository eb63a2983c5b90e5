/* Huge pages under shared memory.
 *
 * POSIX shared memory lives on /dev/shm, a tmpfs that by default never has huge pages, whatever
 * /sys/kernel/mm/transparent_hugepage says. MADV_COLLAPSE (Linux 6.1) makes them all the same, of
 * memory that is there already, and the other processes that map it get them with it. Used when a
 * segment is made; never while frames flow.
 */
#ifndef CANRING_HUGE_H
#define CANRING_HUGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <canring/error.h>

#define CR_HUGE_PAGE ((size_t)2 << 20)

/* Put huge pages under a shared mapping: address, file offset and size are multiples of
 * CR_HUGE_PAGE. The error says what the kernel lacks or forbids. */
int cr_huge_collapse(void *address, size_t bytes, struct canring_error *err);

/* Whether that works here, by doing it once with memory that nobody else sees. */
int cr_huge_check(struct canring_error *err);

#endif
