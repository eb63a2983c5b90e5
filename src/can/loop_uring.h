/* The io_uring backend's own state, shared by loop_uring.c (requests and completions),
 * loop_uring_fd.c (the descriptor for others) and loop_buffers.c (provided buffers and the probe
 * for them). Nobody else includes it.
 */
#ifndef CANRING_LOOP_URING_H
#define CANRING_LOOP_URING_H

#include <liburing.h>

#include "can/loop_core.h"

/* Key of requests whose completion says nothing (cancel); LIBURING_UDATA_TIMEOUT is as good. */
#define CR_URING_KEY_IGNORED (UINT64_MAX - 1)

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
    pid_t owner;  /* the thread that started it: to all others its descriptor is another ring's */
    int event_fd; /* what is watched in outer_fd for the ring: rung by us, and */
    bool rings;   /* when set, by the kernel for completions */
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

/* loop_uring.c */

bool cr_uring_needs_enter(const struct cr_uring *uring);
/* Put the request of a slot into the submission queue; cancel it and wait until it is gone. */
int cr_uring_request(struct cr_uring *uring, unsigned index);
void cr_uring_cancel(struct cr_uring *uring, unsigned index);

/* loop_uring_fd.c */

/* As cr_loop_fd. */
int cr_uring_fd(struct cr_loop *loop);
void cr_uring_open_event_fd(struct cr_uring *uring);
/* Make the descriptor readable, if it exists. */
void cr_uring_ring_fd(const struct cr_uring *uring);
/* Whether the kernel does so for completions: not while we look ourselves. */
void cr_uring_let_ring(const struct cr_uring *uring, bool ring);
/* Nothing is there, and what comes from now on rings. */
bool cr_uring_may_leave(const struct cr_uring *uring);

/* Whether multishot recvmsg into provided buffers works on a ring set up with `flags`. */
bool cr_uring_probe_recvmsg(unsigned flags);

unsigned cr_buffers_group(const struct cr_buffers *buffers);

#endif
