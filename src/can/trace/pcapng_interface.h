/* The interfaces of a section of a pcapng file: which bus each is, and how its times are counted.
 *
 * For the decoder. Numbers count from 0 in each section; buses go by names and outlive sections.
 */
#ifndef CANRING_TRACE_PCAPNG_INTERFACE_H
#define CANRING_TRACE_PCAPNG_INTERFACE_H

#include "can/trace/pcapng_block.h"

/* More of them is a damaged file. */
#define CR_PCAPNG_INTERFACES_MAX 4096u

struct cr_pcapng_interface {
    uint32_t linktype;
    uint32_t snaplen;
    int bus;            /* index among the names, negative: it has none (yet) */
    uint8_t resolution; /* as in the file: 10 to its negative power, with bit 7: 2 to it */
    int64_t offset;     /* seconds */
    uint64_t lost;      /* told so far */
    bool refused;       /* said that it is one bus too many */
};

struct cr_pcapng_interfaces {
    struct cr_pcapng_interface *list;
    uint32_t count;
};

/* Link type and longest packet, before the options. */
#define CR_PCAPNG_INTERFACE_FIXED 8u

/* An option. `at` is where it begins among `length` bytes of them, and is moved behind it. */
struct cr_pcapng_found {
    uint16_t code;
    uint16_t length;
    const uint8_t *value;
};

/* False: no more, or damaged. */
bool cr_pcapng_option_next(const struct cr_pcapng_block *block, size_t *at,
                           struct cr_pcapng_found *found);

/* Add what an interface block describes; one with CAN frames gets a bus. 0, -ENOMEM, -ENOSPC. */
int cr_pcapng_interfaces_add(struct cr_pcapng_interfaces *interfaces,
                             const struct cr_pcapng_block *block, struct cr_trace_names *names);

/* Nanoseconds since the epoch; -ERANGE: before it or too far behind it. */
int cr_pcapng_time(const struct cr_pcapng_interface *interface, uint64_t raw, uint64_t *ns);

void cr_pcapng_interfaces_clear(struct cr_pcapng_interfaces *interfaces);

#endif
