/* A frame as candump and cangen -v -v show it to people.
 *
 * For dump and gen. Writes text, never reads the clock, never prints. The form is that of
 * can-utils 2020.11; raw DLCs and CAN XL, which it does not have, are those of 2023.
 */
#ifndef CANRING_LONG_FORMAT_H
#define CANRING_LONG_FORMAT_H

#include <canring/frame.h>

/* Room for any frame: 64 bytes in binary are 9 characters each. */
#define LONG_FORMAT_MAX 1024

struct long_view {
    bool binary;  /* bits in place of hexadecimal digits */
    bool ascii;   /* what is printable, behind the data */
    bool swap;    /* last byte first */
    bool raw_dlc; /* {E}: the DLC of a classic frame in place of its length */
    bool indent;  /* standard ids as wide as extended ones */
};

/* Write with a NUL into `to`, which has LONG_FORMAT_MAX bytes; returns the length. */
size_t long_format(char *to, const struct canring_frame *frame, const struct long_view *view);

/* Words for an error frame, each after `separator`, with a NUL; returns the length, 0 when there
 * is nothing to say. Bits and places are those of <linux/can/error.h>. */
size_t error_words(char *to, size_t space, const struct canring_frame *frame,
                   const char *separator);

#endif
