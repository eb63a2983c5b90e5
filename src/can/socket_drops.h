/* What the kernel dropped for want of room in a socket's buffer.
 *
 * Messages tell of the drops before them (SO_RXQ_OVFL), nobody tells of those after the last one:
 * the socket itself does (SO_MEMINFO). Both are one running total.
 */
#ifndef CANRING_SOCKET_DROPS_H
#define CANRING_SOCKET_DROPS_H

#include <stdbool.h>
#include <stdint.h>

/* Ask the socket. False when it does not tell. Makes a system call. */
bool cr_socket_drops(int fd, uint32_t *total);

/* How many of `total` are not in `*counted` yet, which then has them. A total from before the
 * socket was asked says nothing new. */
static inline uint32_t cr_socket_drops_new(uint32_t *counted, uint32_t total)
{
    uint32_t more = total - *counted;
    if (more > INT32_MAX)
        return 0;
    *counted = total;
    return more;
}

#endif
