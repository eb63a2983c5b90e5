#include "can/loop_core.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 64

struct cr_epoll {
    struct cr_loop loop;
    int fd;
    bool no_pwait2; /* kernel before 5.11 */
};

static struct cr_epoll *epoll_of(struct cr_loop *loop)
{
    return (struct cr_epoll *)(void *)loop;
}

static void backend_close(struct cr_loop *loop)
{
    close(epoll_of(loop)->fd);
    free(loop);
}

static int backend_fd(struct cr_loop *loop)
{
    return epoll_of(loop)->fd;
}

/* ---- watches in any epoll instance -------------------------------------------- */

static int add(struct cr_slot *slot, uint64_t key, int epoll)
{
    struct epoll_event event = {.events = slot->events | EPOLLET, .data.u64 = key};

    return epoll_ctl(epoll, EPOLL_CTL_ADD, slot->fd, &event) == 0 ? 0 : -errno;
}

/* Edge-triggered, as io_uring's multishot poll is: an owner that leaves something in the socket
 * knows it and is not called again and again. epoll takes an fd once, so a second watch on it goes
 * by a duplicate. */
int cr_slot_epoll_add(struct cr_loop *loop, unsigned index, int epoll)
{
    struct cr_slot *slot = &loop->slots[index];
    int result = add(slot, cr_slot_key(loop, index), epoll);

    if (result == -EEXIST) {
        int copy = fcntl(slot->fd, F_DUPFD_CLOEXEC, 0);
        if (copy < 0)
            return -errno;
        slot->fd = copy;
        slot->own_fd = true;
        result = add(slot, cr_slot_key(loop, index), epoll);
    }
    slot->in_epoll = result == 0;
    return result;
}

void cr_slot_epoll_remove(const struct cr_loop *loop, unsigned index, int epoll)
{
    epoll_ctl(epoll, EPOLL_CTL_DEL, loop->slots[index].fd, NULL);
}

static int dispatch(struct cr_loop *loop, const struct epoll_event *events, int count)
{
    int dispatched = 0;
    for (int i = 0; i < count; i++) {
        const struct cr_slot *slot = cr_slot_find(loop, events[i].data.u64);
        if (!slot)
            continue;
        slot->source->ready(slot->source, (int)events[i].events, 0, 0);
        dispatched++;
    }
    return dispatched;
}

int cr_slot_epoll_dispatch(struct cr_loop *loop, int epoll)
{
    struct epoll_event events[EVENTS_AT_ONCE];

    loop->enters++;
    int n = epoll_wait(epoll, events, EVENTS_AT_ONCE, 0);
    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    return dispatch(loop, events, n);
}

/* ---- the backend -------------------------------------------------------------- */

static int backend_arm(struct cr_loop *loop, unsigned index)
{
    return cr_slot_epoll_add(loop, index, epoll_of(loop)->fd);
}

static void backend_cancel(struct cr_loop *loop, unsigned index)
{
    cr_slot_epoll_remove(loop, index, epoll_of(loop)->fd);
}

static int wait_events(struct cr_epoll *epoll, struct epoll_event *events, uint64_t timeout_ns)
{
    epoll->loop.enters++;
    if (!epoll->no_pwait2) {
        struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / 1000000000u),
                                   .tv_nsec = (long)(timeout_ns % 1000000000u)};
        int n = epoll_pwait2(epoll->fd, events, EVENTS_AT_ONCE,
                             timeout_ns == UINT64_MAX ? NULL : &timeout, NULL);
        if (n >= 0 || errno != ENOSYS)
            return n < 0 ? -errno : n;
        epoll->no_pwait2 = true;
    }
    uint64_t ms = timeout_ns / 1000000u + (timeout_ns % 1000000u != 0);
    int n = epoll_wait(epoll->fd, events, EVENTS_AT_ONCE,
                       timeout_ns == UINT64_MAX ? -1 : (int)(ms > INT32_MAX ? INT32_MAX : ms));
    return n < 0 ? -errno : n;
}

static int backend_wait(struct cr_loop *loop, uint64_t timeout_ns)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    int n = wait_events(epoll_of(loop), events, timeout_ns);
    if (n < 0)
        return n == -EINTR ? 0 : n;
    return dispatch(loop, events, n);
}

static int backend_poll(struct cr_loop *loop)
{
    return cr_slot_epoll_dispatch(loop, epoll_of(loop)->fd);
}

static const struct cr_loop_backend backend = {
    .kind = CR_LOOP_EPOLL,
    .close = backend_close,
    .fd = backend_fd,
    .arm = backend_arm,
    .cancel = backend_cancel,
    .wait = backend_wait,
    .poll = backend_poll,
};

int cr_loop_open_epoll(struct cr_loop **loop)
{
    struct cr_epoll *epoll = calloc(1, sizeof(*epoll));
    if (!epoll)
        return -ENOMEM;
    epoll->fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll->fd < 0) {
        int rc = -errno;
        free(epoll);
        return rc;
    }
    epoll->loop.backend = &backend;
    *loop = &epoll->loop;
    return 0;
}
