#include "can/loop_uring.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/clock.h"

#define SQ_ENTRIES 256u
/* Twice the buffers of two buses: an overflow is survived, but ends the multishot requests. */
#define CQ_ENTRIES      16384u
#define SQ_IDLE_MS      100u /* the kernel's thread polls this long before it sleeps */
#define REGISTERED_RING 1u   /* liburing's INT_FLAG_REG_RING, in ring.int_flags since 2.2 */
/* A flood of one source must not keep the owner from its other work for ever. */
#define ROOM_TRIES      1000u /* for a submission queue that stays full: something is wrong then */
#define ROUNDS_PER_POLL 64u

/* ---- the kernel's side --------------------------------------------------- */

/* The kernel's thread takes requests out of the ring in its own time: what counts is what it has
 * not been shown. */
static bool has_requests(const struct cr_uring *uring)
{
    const struct io_uring_sq *sq = &uring->ring.sq;
    return uring->loop.sqpoll ? sq->sqe_head != sq->sqe_tail : io_uring_sq_ready(&uring->ring) != 0;
}

bool cr_uring_needs_enter(const struct cr_uring *uring)
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

int cr_uring_request(struct cr_uring *uring, unsigned index)
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
    uring->owner = gettid();
    for (unsigned i = 0; i < uring->loop.slot_count && rc == 0; i++)
        if (uring->loop.slots[i].source && !uring->loop.slots[i].in_epoll)
            rc = cr_uring_request(uring, i);
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
    if (last && cr_uring_request(uring, (unsigned)(slot - uring->loop.slots)) < 0) {
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
        uring->kept[i].key = CR_URING_KEY_IGNORED;
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
        else if (completion.key < CR_URING_KEY_IGNORED && keep(uring, &completion) < 0)
            return -ENOMEM;
    }
    return 0;
}

static bool is_owner(const struct cr_uring *uring)
{
    return uring->owner == gettid();
}

void cr_uring_cancel(struct cr_uring *uring, unsigned index)
{
    struct cr_slot *slot = &uring->loop.slots[index];
    uint64_t key = cr_slot_key(&uring->loop, index);

    discard_kept(uring, slot, key);
    /* Another thread than the loop's cannot enter it; the kernel cancels the requests of a thread
     * that is gone by itself. */
    struct io_uring_sqe *sqe = slot->in_kernel && is_owner(uring) ? get_sqe(uring) : NULL;
    if (!sqe)
        return;
    io_uring_prep_cancel64(sqe, key, 0);
    io_uring_sqe_set_data64(sqe, CR_URING_KEY_IGNORED);
    while (slot->in_kernel && enter(uring, true, NULL) >= 0)
        if (sort_out(uring, slot, key) < 0)
            break;
}

/* ---- the backend --------------------------------------------------------- */

static int backend_arm(struct cr_loop *loop, unsigned index)
{
    struct cr_uring *uring = cr_uring_of(loop);
    if (uring->outer_fd >= 0 && loop->slots[index].kind == CR_SLOT_WATCH)
        return cr_slot_epoll_add(loop, index, uring->outer_fd);
    int result = uring->started ? cr_uring_request(uring, index) : 0;
    if (uring->outer_fd >= 0)
        cr_uring_ring_fd(uring); /* the request is to be submitted yet */
    return result;
}

static void backend_cancel(struct cr_loop *loop, unsigned index)
{
    struct cr_uring *uring = cr_uring_of(loop);
    if (loop->slots[index].in_epoll)
        cr_slot_epoll_remove(loop, index, uring->outer_fd);
    else
        cr_uring_cancel(uring, index);
}

static int backend_poll(struct cr_loop *loop)
{
    struct cr_uring *uring = cr_uring_of(loop);
    int rc = uring->started ? 0 : start(uring);
    int count = 0;

    if (rc >= 0 && uring->outer_fd >= 0) {
        cr_uring_let_ring(uring, false); /* for what we see ourselves */
        rc = count = cr_slot_epoll_dispatch(loop, uring->outer_fd);
    }
    for (unsigned round = 0; rc >= 0 && round < ROUNDS_PER_POLL; round++) {
        count += dispatch(uring);
        if (cr_uring_needs_enter(uring))
            rc = enter(uring, false, NULL);
        else if (cr_uring_may_leave(uring))
            return count;
    }
    if (uring->outer_fd >= 0) {
        cr_uring_let_ring(uring, true);
        cr_uring_ring_fd(uring); /* there is more, of which nobody tells again */
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

    uint64_t until = 0;
    for (;;) {
        int rc = uring->outer_fd >= 0 ? sleep_outside(uring, timeout_ns)
                                      : sleep_in_ring(uring, timeout_ns);
        count = rc < 0 ? rc : backend_poll(loop);
        if (rc != 0 || count != 0)
            return count;
        /* All that came was the answer to a cancel: again, and, without a clock read in the usual
         * case, for no longer than once more the time. */
        if (timeout_ns > INT64_MAX)
            continue;
        uint64_t now = cr_monotonic_ns();
        if (until == 0)
            until = now + timeout_ns;
        if (now >= until)
            return 0;
        timeout_ns = until - now;
    }
}

static void backend_close(struct cr_loop *loop)
{
    struct cr_uring *uring = cr_uring_of(loop);
    /* The number that the descriptor is registered under is the thread's: in another one it stands
     * for a ring that goes on. That of a thread that is gone has gone with it. */
    if (!is_owner(uring))
        uring->ring.int_flags &= (__u8)~REGISTERED_RING;
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
    .fd = cr_uring_fd,
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
    cr_uring_open_event_fd(uring);
    uring->outer_fd = -1;
    uring->loop.backend = &backend;
    uring->loop.sqpoll = flags & IORING_SETUP_SQPOLL;
    uring->loop.has_recvmsg = cr_uring_probe_recvmsg(flags);
    *loop = &uring->loop;
    return 0;
}
