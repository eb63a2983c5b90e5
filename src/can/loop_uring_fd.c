/* The descriptor that an io_uring loop hands out to other people's loops.
 *
 * poll() on the ring's own sleeps through deferred task work. An eventfd that the ring rings is
 * little better: when what became ready is an eventfd as well, the kernel puts the ringing off, by
 * milliseconds, and since 6.12 (seen on 6.18) forgets every one but the first. So the watches,
 * which is where eventfds are, move out of the ring into an epoll instance.
 */
#include "can/loop_uring.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Adding work orders the kernel's flag before its look at ours: atomic operations are full barriers
 * on x86 only. */
#ifdef __x86_64__
#define KERNEL_ORDERS_FLAGS true
#else
#define KERNEL_ORDERS_FLAGS false
#endif

/* Silent until somebody asks for it: signalling costs the kernel something with each event. */
void cr_uring_open_event_fd(struct cr_uring *uring)
{
    uring->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (uring->event_fd < 0)
        return;
    if (!uring->ring.cq.kflags || io_uring_register_eventfd(&uring->ring, uring->event_fd) < 0)
        return;
    uring->rings = io_uring_cq_eventfd_toggle(&uring->ring, false) == 0;
    if (!uring->rings)
        io_uring_unregister_eventfd(&uring->ring);
}

void cr_uring_ring_fd(const struct cr_uring *uring)
{
    const uint64_t one = 1;
    ssize_t written = write(uring->event_fd, &one, sizeof(one));
    (void)written;
}

void cr_uring_let_ring(const struct cr_uring *uring, bool ring)
{
    if (!uring->rings || (!ring && !KERNEL_ORDERS_FLAGS))
        return;
    unsigned flags = IO_URING_READ_ONCE(*uring->ring.cq.kflags);
    IO_URING_WRITE_ONCE(*uring->ring.cq.kflags, ring ? flags & ~IORING_CQ_EVENTFD_DISABLED
                                                     : flags | IORING_CQ_EVENTFD_DISABLED);
}

/* Nothing is there, and what comes from now on rings. The kernel adds work, then looks at the flag;
 * we set the flag, then look for work, with a full barrier between. */
bool cr_uring_may_leave(const struct cr_uring *uring)
{
    if (uring->outer_fd < 0)
        return true;
    cr_uring_let_ring(uring, true);
    atomic_thread_fence(memory_order_seq_cst);
    if (!cr_uring_needs_enter(uring) && io_uring_cq_ready(&uring->ring) == 0)
        return true;
    cr_uring_let_ring(uring, false);
    return false;
}

static int move_watches(struct cr_uring *uring)
{
    int result = 0;
    for (unsigned i = 0; i < uring->loop.slot_count && result == 0; i++) {
        const struct cr_slot *slot = &uring->loop.slots[i];
        if (slot->kind != CR_SLOT_WATCH || slot->in_epoll)
            continue;
        cr_uring_cancel(uring, i);
        result = cr_slot_epoll_add(&uring->loop, i, uring->outer_fd);
    }
    return result;
}

/* Of event_fd only the ringing counts, each time: nobody reads it. */
static int watch_ring(struct cr_uring *uring)
{
    struct epoll_event rung = {.events = EPOLLIN | EPOLLET, .data.u64 = CR_URING_KEY_IGNORED};
    struct epoll_event completed = {.events = EPOLLIN, .data.u64 = CR_URING_KEY_IGNORED};

    if (epoll_ctl(uring->outer_fd, EPOLL_CTL_ADD, uring->event_fd, &rung) < 0)
        return -errno;
    if (!uring->rings &&
        epoll_ctl(uring->outer_fd, EPOLL_CTL_ADD, uring->ring.ring_fd, &completed) < 0)
        return -errno;
    cr_uring_let_ring(uring, true);
    return 0;
}

/* Back to where things were. */
static void close_outer_fd(struct cr_uring *uring)
{
    close(uring->outer_fd);
    uring->outer_fd = -1;
    for (unsigned i = 0; i < uring->loop.slot_count; i++) {
        struct cr_slot *slot = &uring->loop.slots[i];
        if (slot->kind != CR_SLOT_WATCH || slot->in_kernel)
            continue;
        slot->in_epoll = false;
        if (uring->started)
            cr_uring_request(uring, i);
    }
}

int cr_uring_fd(struct cr_loop *loop)
{
    struct cr_uring *uring = cr_uring_of(loop);

    if (uring->outer_fd >= 0)
        return uring->outer_fd;
    uring->outer_fd = uring->event_fd >= 0 ? epoll_create1(EPOLL_CLOEXEC) : -1;
    if (uring->outer_fd < 0)
        return uring->event_fd >= 0 ? -errno : -EMFILE;
    int result = move_watches(uring);
    if (result == 0)
        result = watch_ring(uring);
    if (result < 0) {
        close_outer_fd(uring);
        return result;
    }
    if (!uring->started || uring->kept_count || io_uring_cq_ready(&uring->ring) ||
        cr_uring_needs_enter(uring))
        cr_uring_ring_fd(uring); /* for what was there before */
    return uring->outer_fd;
}
