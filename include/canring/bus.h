/* A bus, opened directly.
 *
 * For programs that read or write a bus without a proxy (canring dump, send, gen, play),
 * and the options that a proxy opens its bus with. One thread at a time may use a bus.
 */
#ifndef CANRING_BUS_H
#define CANRING_BUS_H

#include <canring/error.h>
#include <canring/filter.h>
#include <canring/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bit timing as pykiso's CCPCanCan has it; 0 = not given. */
struct canring_bit_timing {
    uint32_t bitrate;      /* bit/s, nominal phase */
    uint32_t data_bitrate; /* bit/s, data phase; 0 = derive from clock and segments */
    uint32_t clock_mhz;
    uint32_t nom_brp, nom_tseg1, nom_tseg2, nom_sjw;
    uint32_t data_brp, data_tseg1, data_tseg2, data_sjw;
};

/* Everything a bus can be told. Zero-initialise, then set what matters. Strings are
 * borrowed for the duration of the open call. */
struct canring_bus_options {
    const char *interface; /* "socketcan", "pcan", "udp_multicast", "virtual", "replay" */
    const char *channel;   /* socketcan: netdev or "any"; pcan: PCAN_USBBUS1…; udp_multicast:
                              group address; virtual: a name; replay: path of a recording */
    bool fd;               /* receive and allow CAN FD frames */
    bool xl;               /* receive and allow CAN XL frames where the kernel has them */
    bool brs;              /* default bit rate switch of FD frames whose sender does not say */
    bool listen_only;      /* never send */
    bool receive_own;      /* echo: own frames come back as CANRING_TX once they are on the bus */
    bool no_loopback;      /* socketcan: what is sent is not seen by others on this host */
    bool hardware_timestamps; /* prefer CANRING_CLOCK_HW; falls back to the kernel's, with a word */
    struct canring_filters filters;   /* applied as near to the bus as the driver can */
    uint32_t receive_buffer;          /* bytes asked of the kernel (SO_RCVBUF); 0 = 32 MiB */
    uint32_t send_lifetime_ms;        /* a frame not sent after this is dropped; 0 = 1000 */
    uint32_t restart_ms;              /* bus-off: restart after this; 0 = leave it to the link */
    struct canring_bit_timing timing; /* set over netlink when allowed, else compared */
    /* udp_multicast */
    const char *local_interface; /* netdev that the group is joined on; required */
    uint16_t port;               /* 0 = 43113 */
    uint8_t hop_limit;           /* 0: never leaves this host */
    uint32_t socket_busy_poll;   /* SO_BUSY_POLL: us that a receive polls the network device for;
                                    0 = not. CAN has no such thing: -EOPNOTSUPP on other buses */
    /* replay */
    double speed;   /* 0 = as fast as taken, 1 = as recorded, 2 = twice that */
    uint32_t loops; /* times to play; 0 = for ever */
    /* Words about things that are not failures (a fall-back taken, a link that went down, bus-off):
     * called on the thread that uses the bus; may be NULL. `level` as in <syslog.h>. */
    void (*report)(void *arg, int level, const char *text);
    void *report_arg;
};

/* What became of the frames; totals since the bus was opened. */
struct canring_bus_stats {
    uint64_t rx_frames;      /* delivered to the caller */
    uint64_t rx_lost_kernel; /* dropped by the kernel's socket queue (SO_RXQ_OVFL) or overrun in
                                the bus's own memory before we read them */
    uint64_t rx_malformed;   /* refused: not a frame */
    uint64_t rx_errors;      /* error frames among rx_frames */
    uint64_t tx_frames;      /* taken by the bus */
    uint64_t tx_refused;     /* would never go (wrong kind for the bus, listen only, not allowed) */
    uint64_t tx_retries;     /* the bus had no room and was asked again */
    uint64_t bus_off;        /* times the controller went bus-off */
    uint64_t link_down;      /* times the interface went down or away */
    uint64_t receive_calls;  /* system calls made to receive */
    uint64_t send_calls;     /* system calls made to send */
    uint32_t state;          /* enum canring_bus_state */
};

enum canring_bus_state {
    CANRING_BUS_ACTIVE,
    CANRING_BUS_WARNING,
    CANRING_BUS_PASSIVE,
    CANRING_BUS_OFF,
    CANRING_BUS_DOWN, /* interface down or removed: comes back by itself */
    CANRING_BUS_ENDED /* a replay that has played its last frame */
};

/* Read a bus from text as command lines have it: INTERFACE:CHANNEL, or a network device alone.
 *   can0   any   socketcan:can0   pcan:PCAN_USBBUS1   virtual:NAME   replay:PATH
 *   udp_multicast:GROUP   udp_multicast:GROUP%NETDEV
 * Sets interface and channel of *options (and local_interface, when NETDEV is given) and leaves the
 * rest. They point into *storage, which the caller frees when it has done with the options. -EINVAL
 * says what was found and what is allowed; -ENOMEM. */
int canring_bus_target_parse(const char *text, struct canring_bus_options *options, char **storage,
                             struct canring_error *err);

struct canring_bus;

/* Open a bus; the caller closes it. Errors: -EINVAL options, -ENODEV no such interface (the
 * nearest name is in the text), -EPERM, -EAFNOSUPPORT no CAN in this kernel, others as the kernel
 * gives them. Makes system calls. */
int canring_bus_open(struct canring_bus **bus, const struct canring_bus_options *options,
                     struct canring_error *err);
/* Never in a forked child: it would close its parent's. NULL is allowed. */
void canring_bus_close(struct canring_bus *bus);

/* Becomes readable when canring_bus_receive may have something: for poll, epoll, io_uring. Frames
 * that were read together wait in memory, so call canring_bus_receive until it returns 0 before
 * sleeping on the descriptor. Negative errno: no descriptor or memory is left. */
int canring_bus_fd(struct canring_bus *bus);

/* Next frame, in the bus's own memory, valid until the next call on `bus`; waits up to
 * `timeout_ms` (0 = not at all, -1 = for ever). Returns 1 and sets *frame; 0 on timeout or signal,
 * and with a timeout of 0 right behind the last frame, before it asks the kernel for more;
 * -ENODATA when the bus has ended; other negative errno when it failed for good. */
int canring_bus_receive(struct canring_bus *bus, const struct canring_frame **frame,
                        int timeout_ms);

/* Send one frame, waiting up to `timeout_ms` for room. 0 when the bus took it; -EAGAIN no room
 * in time; -ENETDOWN; -EOPNOTSUPP a kind this bus cannot carry; -EBADMSG malformed; -EPERM listen
 * only. A replay takes everything and forgets it, as a bus with nobody else on it. */
int canring_bus_send(struct canring_bus *bus, const struct canring_frame *frame, int timeout_ms);

/* Up to this moment; may ask the kernel. */
void canring_bus_stats(const struct canring_bus *bus, struct canring_bus_stats *stats);

/* Its `link_down` alone, as known from what has been received. No system call. */
uint64_t canring_bus_link_down(const struct canring_bus *bus);

/* Name of the interface that the last received frame came from ("any" and a recording have
 * several), as can-utils print it. */
const char *canring_bus_name(const struct canring_bus *bus);

#ifdef __cplusplus
}
#endif
#endif
