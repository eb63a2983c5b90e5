/* Data length codes of CAN FD. */
#ifndef CANRING_TRACE_DLC_H
#define CANRING_TRACE_DLC_H

#include <stddef.h>
#include <stdint.h>

/* Bytes for a code 0..15. */
static inline size_t cr_fd_length(unsigned code)
{
    static const uint8_t lengths[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64};

    return lengths[code & 15];
}

/* The code for 0..8, 12, 16, 20, 24, 32, 48 or 64 bytes; of others, the next larger one's. */
static inline unsigned cr_fd_code(size_t length)
{
    unsigned code = length < 8 ? (unsigned)length : 8;

    while (code < 15 && cr_fd_length(code) < length)
        code++;
    return code;
}

#endif
