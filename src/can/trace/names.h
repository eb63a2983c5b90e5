/* The buses of one recording: their names and channel numbers.
 *
 * Formats that have names find a bus by its name, the others by its number, from 1. Each bus gets
 * both, so that a recording can change from one kind of format to the other: "can3" is number 4 and
 * back, as python-can and asc2log have it. Used by one thread; makes no system call.
 */
#ifndef CANRING_TRACE_NAMES_H
#define CANRING_TRACE_NAMES_H

#include <canring/error.h>
#include <canring/text.h>
#include <stdint.h>

#define CR_TRACE_BUSES_MAX   1024u /* more of them is a damaged file */
#define CR_TRACE_CHANNEL_MAX 65535u

struct cr_trace_name {
    char name[CANRING_TEXT_NAME];
    uint16_t channel; /* from 1, no other bus has it */
};

struct cr_trace_names {
    struct cr_trace_name *list;
    uint32_t count;
    uint32_t last; /* found, for the usual case that the next one is the same */
};

/* Index of the bus of this name (`length` bytes without NUL), which is added when it is new. Its
 * number is the one at the end of its name plus 1 ("vcan0": 1), else the first free one.
 * -ENOSPC: too many buses, or a name that is too long; -ENOMEM. */
int cr_trace_names_find(struct cr_trace_names *names, const char *name, size_t length);

/* Index of the bus with this number, 1..65535, which is added as "can<channel - 1>" when it is new.
 * -EINVAL: channel 0. */
int cr_trace_names_channel(struct cr_trace_names *names, uint32_t channel);

void cr_trace_names_free(struct cr_trace_names *names);

#endif
