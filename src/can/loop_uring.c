#include "can/loop_uring.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SQ_ENTRIES 256u
/* Twice the buffers of two buses: an overflow is survived, but ends the multishot requests. */
#define CQ_ENTRIES 16384u
#define SQ_IDLE_MS 100u /* the kernel's thread polls this long before it sleeps */
/* A flood of one source must not keep the owner from its other work for ever. */
#define ROOM_TRIES      1000u /* for a submission queue that stays full: something is wrong then */
#define ROUNDS_PER_POLL 64u
/* Key of requests whose completion says nothing (cancel); LIBURING_UDATA_TIMEOUT is as good. */
#define KEY_IGNORED (UINT64_MAX - 1)

/* ---- the kernel's side --------------------------------------------------- */

/* The kernel's thread takes requests out of the ring in its own time: what counts is what it has
 * not been shown. */
static bool has_requests(const struct cr_uring *uring)
{
    const struct io_uring_sq *sq = &uring->ring.sq;
    return uring->loop.sqpoll ? sq->sqe_head != sq->sqe_tail : io_uring_sq_ready(&uring->ring) != 0;
}

static bool needs_enter(const struct cr_uring *uring)
{
    return has_requests(uring) || (IO_URING_READ_ONCE(*uring->ring.sq.kflags) &
                                   (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN));
}

static bool is_transient(int rc)
{
    return rc == -ETIME || rc == -EINTR || rc == -EAGAIN || rc == -EBUSY;
}

/* Submit, run deferred work and, when `wait`, sleep for the first completion. Returns 1 when
 * that ended without one: time is up, a signal came. */
static int enter(struct cr_uring *uring, bool wait, struct __kernel_timespec *timeout)
{
    struct io_uring_cqe *cqe;
    uring->loop.enters++;
    int rc = wait ? io_uring_submit_and_wait_timeout(&uring->ring, &cqe, 1, timeout, NULL)
                  : io_uring_submit_and_get_events(&uring->ring);
    if (rc >= 0)
        return 0;
    return is_transient(rc) ? 1 : rc;
}

static struct io_uring_sqe *get_sqe(struct cr_uring *uring)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring);
    for (unsigned tries = 0; !sqe && tries < ROOM_TRIES && enter(uring, false, NULL) >= 0;
         tries++) {
        /* The kernel's thread has not made room yet; a signal ends this early. */
        if (uring->loop.sqpoll)
            io_uring_sqring_wait(&uring->ring);
        sqe = io_uring_get_sqe(&uring->ring);
    }
    return sqe;
}

static int request(struct cr_uring *uring, unsigned index)
{
    struct cr_slot *slot = &uring->loop.slots[index];
    struct io_uring_sqe *sqe = get_sqe(uring);
    if (!sqe)
        return -EAGAIN;
    if (slot->kind == CR_SLOT_WATCH) {
        io_uring_prep_poll_multishot(sqe, slot->fd, slot->events);
    } else {
        io_uring_prep_recvmsg_multishot(sqe, slot->fd, slot->message, 0);
        sqe->flags |= IOSQE_BUFFER_SELECT;
        sqe->buf_group = (uint16_t)cr_buffers_group(slot->buffers);
    }
    io_uring_sqe_set_data64(sqe, cr_slot_key(&uring->loop, index));
    slot->in_kernel = true;
    return 0;
}

/* On the thread that will run the loop: this is where it becomes the single issuer. */
static int start(struct cr_uring *uring)
{
    /* io_uring_enable_rings is declared by liburing 2.3, but its library lacks it. */
    int rc =
        io_uring_register((unsigned)uring->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
    if (rc < 0)
        return rc;
    io_uring_register_ring_fd(&uring->ring);
    uring->started = true;
    for (unsigned i = 0; i < uring->loop.slot_count && rc == 0; i++)
        if (uring->loop.slots[i].source && !uring->loop.slots[i].in_epoll)
            rc = request(uring, i);
    return rc;
}

/* ---- completions --------------------------------------------------------- */

/* The next one, out of the ring. Copied and released one at a time: whoever is called with it may
 * come back here (through cr_loop_disarm) without taking it twice. */
static bool take_from_ring(struct cr_uring *uring, struct cr_completion *completion)
{
    struct io_uring_cqe *cqe;
    unsigned head;
    io_uring_for_each_cqe(&uring->ring, head, cqe)
    {
        *completion = (struct cr_completion){cqe->user_data, cqe->res, cqe->flags};
        io_uring_cq_advance(&uring->ring, 1);
        struct cr_slot *slot = cr_slot_find(&uring->loop, completion->key);
        if (slot && !(completion->flags & IORING_CQE_F_MORE))
            slot->in_kernel = false;
        return true;
    }
    return false;
}

static bool take(struct cr_uring *uring, struct cr_completion *completion)
{
    if (uring->kept_first == uring->kept_count)
        return take_from_ring(uring, completion);
    *completion = uring->kept[uring->kept_first++];
    if (uring->kept_first == uring->kept_count)
        uring->kept_first = uring->kept_count = 0;
    return true;
}

static void deliver_watch(struct cr_uring *uring, struct cr_slot *slot, int result, bool last)
{
    struct cr_source *source = slot->source;
    if (result < 0) {
        cr_slot_free(&uring->loop, slot);
        source->ready(source, POLLERR, CR_READY_LAST, 0);
        return;
    }
    /* A full completion queue ends a multishot poll without an error. */
    if (last && request(uring, (unsigned)(slot - uring->loop.slots)) < 0) {
        cr_slot_free(&uring->loop, slot);
        source->ready(source, result | POLLERR, CR_READY_LAST, 0);
        return;
    }
    source->ready(source, result, 0, 0);
}

static int deliver(struct cr_uring *uring, const struct cr_completion *completion)
{
    struct cr_slot *slot = cr_slot_find(&uring->loop, completion->key);
    bool last = !(completion->flags & IORING_CQE_F_MORE);
    if (!slot)
        return 0;
    if (slot->kind == CR_SLOT_WATCH) {
        deliver_watch(uring, slot, completion->result, last);
        return 1;
    }
    struct cr_source *source = slot->source;
    unsigned flags = last ? CR_READY_LAST : 0;
    if (completion->flags & IORING_CQE_F_BUFFER)
        flags |= CR_READY_BUFFER;
    if (last)
        cr_slot_free(&uring->loop, slot);
    source->ready(source, completion->result, flags, completion->flags >> IORING_CQE_BUFFER_SHIFT);
    return 1;
}

static int dispatch(struct cr_uring *uring)
{
    struct cr_completion completion;
    int count = 0;
    while (take(uring, &completion))
        count += deliver(uring, &completion);
    return count;
}

/* ---- cancelling ---------------------------------------------------------- */

static int keep(struct cr_uring *uring, const struct cr_completion *completion)
{
    if (uring->kept_count == uring->kept_space) {
        unsigned space = uring->kept_space ? uring->kept_space * 2 : 64;
        struct cr_completion *kept = realloc(uring->kept, space * sizeof(*kept));
        if (!kept)
            return -ENOMEM;
        uring->kept = kept;
        uring->kept_space = space;
    }
    uring->kept[uring->kept_count++] = *completion;
    return 0;
}

static void discard(struct cr_slot *slot, const struct cr_completion *completion)
{
    if (!(completion->flags & IORING_CQE_F_BUFFER))
        return;
    cr_loop_buffer_return(slot->buffers, completion->flags >> IORING_CQE_BUFFER_SHIFT);
    cr_loop_buffers_flush(slot->buffers);
}

static void discard_kept(struct cr_uring *uring, struct cr_slot *slot, uint64_t key)
{
    for (unsigned i = uring->kept_first; i < uring->kept_count; i++) {
        if (uring->kept[i].key != key)
            continue;
        discard(slot, &uring->kept[i]);
        uring->kept[i].key = KEY_IGNORED;
    }
}

/* Take what has completed; keep it for later unless it is the cancelled request's. Stops when there
 * is no memory to keep more: what is left in the ring is dispatched in its turn. */
static int sort_out(struct cr_uring *uring, struct cr_slot *slot, uint64_t key)
{
    struct cr_completion completion;
    while (slot->in_kernel && take_from_ring(uring, &completion)) {
        if (completion.key == key)
            discard(slot, &completion);
        else if (completion.key < KEY_IGNORED && keep(uring, &completion) < 0)
            return -ENOMEM;
    }
    return 0;
}

static void cancel_request(struct cr_uring *uring, unsigned index)
{
    struct cr_slot *slot = &uring->loop.slots[index];
    uint64_t key = cr_slot_key(&uring->loop, index);

    discard_kept(uring, slot, key);
    struct io_uring_sqe *sqe = slot->in_kernel ? get_sqe(uring) : NULL;
    if (!sqe)
        return;
    io_uring_prep_cancel64(sqe, key, 0);
    io_uring_sqe_set_data64(sqe, KEY_IGNORED);
    /* Another thread than the loop's (-EEXIST) cannot wait; the kernel cancels the requests of
     * a thread that is gone by itself. */
    while (slot->in_kernel && enter(uring, true, NULL) >= 0)
        if (sort_out(uring, slot, key) < 0)
            break;
}

/* ---- the descriptor for other people's loops ------------------------------------
 *
 * poll() on the ring's own sleeps through deferred task work. An eventfd that the ring rings is
 * little better: when what became ready is an eventfd as well, the kernel puts the ringing off, by
 * milliseconds, and since 6.12 (seen on 6.18) forgets every one but the first. So the watches,
 * which is where eventfds are, move out of the ring into an epoll instance. */

static void ring_event_fd(const struct cr_uring *uring)
{
    const uint64_t one = 1;
    ssize_t written = write(uring->event_fd, &one, sizeof(one));
    (void)written;
}

static void let_ring(const struct cr_uring *uring, bool ring)
{
    if (uring->event_fd < 0)
        return;
    unsigned flags = IO_URING_READ_ONCE(*uring->ring.cq.kflags);
    IO_URING_WRITE_ONCE(*uring->ring.cq.kflags, ring ? flags & ~IORING_CQ_EVENTFD_DISABLED
                                                     : flags | IORING_CQ_EVENTFD_DISABLED);
}

/* Nothing is there, and what comes from now on rings. The kernel adds work, then looks at the flag;
 * we set the flag, then look for work: both with a full barrier between. */
static bool may_leave(const struct cr_uring *uring)
{
    if (uring->outer_fd < 0)
        return true;
    let_ring(uring, true);
    atomic_thread_fence(memory_order_seq_cst);
    if (!needs_enter(uring) && io_uring_cq_ready(&uring->ring) == 0)
        return true;
    let_ring(uring, false);
    return false;
}

static int move_watches(struct cr_uring *uring)
{
    int result = 0;
    for (unsigned i = 0; i < uring->loop.slot_count && result == 0; i++) {
        const struct cr_slot *slot = &uring->loop.slots[i];
        if (slot->kind != CR_SLOT_WATCH || slot->in_epoll)
            continue;
        cancel_request(uring, i);
        result = cr_slot_epoll_add(&uring->loop, i, uring->outer_fd);
    }
    return result;
}

/* Of event_fd only the ringing counts, each time: nobody reads it. */
static int watch_ring(struct cr_uring *uring)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = KEY_IGNORED};

    if (uring->event_fd < 0) {
        event.events = EPOLLIN;
        return epoll_ctl(uring->outer_fd, EPOLL_CTL_ADD, uring->ring.ring_fd, &event);
    }
    let_ring(uring, true);
    return epoll_ctl(uring->outer_fd, EPOLL_CTL_ADD, uring->event_fd, &event);
}

static int backend_fd(struct cr_loop *loop)
{
    struct cr_uring *uring = cr_uring_of(loop);

    if (uring->outer_fd >= 0)
        return uring->outer_fd;
    uring->outer_fd = epoll_create1(EPOLL_CLOEXEC);
    if (uring->outer_fd < 0)
        return -errno;
    int result = move_watches(uring);
    if (result == 0 && watch_ring(uring) < 0)
        result = -errno;
    if (result < 0)
        return result;
    if (!uring->started || uring->kept_count || io_uring_cq_ready(&uring->ring) ||
        needs_enter(uring))
        ring_event_fd(uring); /* for what was there before */
    return uring->outer_fd;
}

/* ---- the backend --------------------------------------------------------- */

static int backend_arm(struct cr_loop *loop, unsigned index)
{
    struct cr_uring *uring = cr_uring_of(loop);
    if (uring->outer_fd >= 0 && loop->slots[index].kind == CR_SLOT_WATCH)
        return cr_slot_epoll_add(loop, index, uring->outer_fd);
    return uring->started ? request(uring, index) : 0;
}

static void backend_cancel(struct cr_loop *loop, unsigned index)
{
    struct cr_uring *uring = cr_uring_of(loop);
    if (loop->slots[index].in_epoll)
        cr_slot_epoll_remove(loop, index, uring->outer_fd);
    else
        cancel_request(uring, index);
}

static int backend_poll(struct cr_loop *loop)
{
    struct cr_uring *uring = cr_uring_of(loop);
    int rc = uring->started ? 0 : start(uring);
    int count = 0;

    if (rc >= 0 && uring->outer_fd >= 0) {
        let_ring(uring, false); /* for what we see ourselves */
        rc = count = cr_slot_epoll_dispatch(loop, uring->outer_fd);
    }
    for (unsigned round = 0; rc >= 0 && round < ROUNDS_PER_POLL; round++) {
        count += dispatch(uring);
        if (needs_enter(uring))
            rc = enter(uring, false, NULL);
        else if (may_leave(uring))
            return count;
    }
    if (uring->outer_fd >= 0) {
        let_ring(uring, true);
        ring_event_fd(uring); /* there is more, of which nobody tells again */
    }
    return rc < 0 ? rc : count;
}

static int sleep_in_ring(struct cr_uring *uring, uint64_t timeout_ns)
{
    struct __kernel_timespec timeout = {.tv_sec = (long long)(timeout_ns / 1000000000u),
                                        .tv_nsec = (long long)(timeout_ns % 1000000000u)};
    return enter(uring, true, timeout_ns == UINT64_MAX ? NULL : &timeout);
}

/* As enter. */
static int sleep_outside(struct cr_uring *uring, uint64_t timeout_ns)
{
    struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / 1000000000u),
                               .tv_nsec = (long)(timeout_ns % 1000000000u)};
    struct pollfd outer = {.fd = uring->outer_fd, .events = POLLIN};
    int ready = ppoll(&outer, 1, timeout_ns == UINT64_MAX ? NULL : &timeout, NULL);
    return ready < 0 && errno != EINTR ? -errno : ready <= 0;
}

static int backend_wait(struct cr_loop *loop, uint64_t timeout_ns)
{
    struct cr_uring *uring = cr_uring_of(loop);
    int count = backend_poll(loop);
    if (count != 0 || timeout_ns == 0)
        return count;

    int rc;
    do { /* again when all that came was the answer to a cancel */
        rc = uring->outer_fd >= 0 ? sleep_outside(uring, timeout_ns)
                                  : sleep_in_ring(uring, timeout_ns);
        count = rc < 0 ? rc : backend_poll(loop);
    } while (rc == 0 && count == 0);
    return count;
}

static void backend_close(struct cr_loop *loop)
{
    struct cr_uring *uring = cr_uring_of(loop);
    io_uring_queue_exit(&uring->ring);
    if (uring->outer_fd >= 0)
        close(uring->outer_fd);
    if (uring->event_fd >= 0)
        close(uring->event_fd);
    free(uring->kept);
    free(uring);
}

static const struct cr_loop_backend backend = {
    .kind = CR_LOOP_URING,
    .close = backend_close,
    .fd = backend_fd,
    .arm = backend_arm,
    .cancel = backend_cancel,
    .wait = backend_wait,
    .poll = backend_poll,
};

/* The best set-up this kernel takes. Disabled at first, so that the thread that enables it, not the
 * one that opened it, is its single issuer. */
static int open_ring(struct io_uring *ring, bool sqpoll, unsigned *flags)
{
    static const unsigned ladder[] = {
        IORING_SETUP_SQPOLL | IORING_SETUP_SINGLE_ISSUER,
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
        IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
        0,
    };
    int rc = -ENOSYS;
    for (size_t i = sqpoll ? 0 : 1; i < sizeof(ladder) / sizeof(ladder[0]); i++) {
        struct io_uring_params params = {.flags = ladder[i] | IORING_SETUP_R_DISABLED |
                                                  IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
                                         .cq_entries = CQ_ENTRIES,
                                         .sq_thread_idle = SQ_IDLE_MS};
        rc = io_uring_queue_init_params(SQ_ENTRIES, ring, &params);
        if (rc == 0)
            *flags = ladder[i];
        /* The thread is refused in more ways than one: no privilege, no room for it. */
        if (rc != -EINVAL && !(rc < 0 && (ladder[i] & IORING_SETUP_SQPOLL)))
            return rc;
    }
    return rc;
}

/* Silent until somebody asks for it: signalling costs the kernel something with each event. */
static void open_event_fd(struct cr_uring *uring)
{
    uring->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (uring->event_fd < 0)
        return;
    if (uring->ring.cq.kflags && io_uring_register_eventfd(&uring->ring, uring->event_fd) == 0 &&
        io_uring_cq_eventfd_toggle(&uring->ring, false) == 0)
        return;
    close(uring->event_fd);
    uring->event_fd = -1;
}

int cr_loop_open_uring(struct cr_loop **loop, bool sqpoll)
{
    struct cr_uring *uring = calloc(1, sizeof(*uring));
    unsigned flags = 0;
    if (!uring)
        return -ENOMEM;
    int rc = open_ring(&uring->ring, sqpoll, &flags);
    if (rc < 0) {
        free(uring);
        return rc;
    }
    open_event_fd(uring);
    uring->outer_fd = -1;
    uring->loop.backend = &backend;
    uring->loop.sqpoll = flags & IORING_SETUP_SQPOLL;
    uring->loop.has_recvmsg = cr_uring_probe_recvmsg(flags);
    *loop = &uring->loop;
    return 0;
}
