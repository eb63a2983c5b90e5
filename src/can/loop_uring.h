/* The io_uring backend's own state, shared by loop_uring.c (requests and completions) and
 * loop_buffers.c (provided buffers and the probe for them). Nobody else includes it.
 */
#ifndef CANRING_LOOP_URING_H
#define CANRING_LOOP_URING_H

#include <liburing.h>

#include "can/loop_core.h"

/* A completion, copied out of the ring. */
struct cr_completion {
    uint64_t key;
    int result;
    unsigned flags;
};

struct cr_uring {
    struct cr_loop loop;
    struct io_uring ring;
    bool started;
    int event_fd; /* the kernel rings it for completions once somebody has asked for outer_fd */
    int outer_fd; /* what cr_loop_fd hands out: epoll over event_fd and all watches; -1 = not yet */
    uint64_t groups; /* buffer groups in use, a bit each */
    /* Completions of others that turned up while cr_loop_disarm waited for its own. */
    struct cr_completion *kept;
    unsigned kept_first, kept_count, kept_space;
};

static inline struct cr_uring *cr_uring_of(struct cr_loop *loop)
{
    return (struct cr_uring *)(void *)loop;
}

/* Whether multishot recvmsg into provided buffers works on a ring set up with `flags`. */
bool cr_uring_probe_recvmsg(unsigned flags);

unsigned cr_buffers_group(const struct cr_buffers *buffers);

#endif
