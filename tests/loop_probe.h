/* For the tests of the event loop: a source that counts, and the loop that a test runs on. */
#ifndef CANRING_TESTS_LOOP_PROBE_H
#define CANRING_TESTS_LOOP_PROBE_H

#include "check.h"

#include "can/loop.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MS      UINT64_C(1000000)
#define FOREVER UINT64_MAX

struct probe {
    struct cr_source source;
    struct cr_loop *loop;
    int fd;
    unsigned calls, bytes, buffers, last;
    int result;
    struct probe *victim; /* disarmed from within ready() */
};

static inline void count_ready(struct cr_source *source, int result, unsigned flags,
                               unsigned buffer)
{
    (void)buffer;
    struct probe *probe = source->owner;
    probe->calls++;
    probe->result = result;
    probe->last += (flags & CR_READY_LAST) != 0;
    if (probe->fd >= 0 && (result & POLLIN)) {
        uint64_t value;
        while (read(probe->fd, &value, sizeof(value)) > 0)
            probe->bytes += (unsigned)sizeof(value);
    }
    if (probe->victim)
        cr_loop_disarm(probe->loop, &probe->victim->source);
}

static inline void probe_init(struct probe *probe, struct cr_loop *loop, int fd)
{
    *probe = (struct probe){.source = {.ready = count_ready}, .loop = loop, .fd = fd};
    probe->source.owner = probe;
}

static inline void ring_bell(int fd)
{
    const uint64_t one = 1;
    assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
}

static inline int new_bell(void)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

enum loop_under_test { ON_URING, ON_EPOLL, ON_SQPOLL };

/* Every test runs on both backends; `state` says which. */
static inline struct cr_loop *open_loop(void **state)
{
    struct cr_loop *loop;
    enum loop_under_test kind = *(const enum loop_under_test *)*state;
    if (kind == ON_SQPOLL)
        assert_int_equal(cr_loop_open_sqpoll(&loop, true, NULL), 0);
    else
        assert_int_equal(cr_loop_open(&loop, kind == ON_EPOLL, NULL), 0);
    if (kind == ON_SQPOLL && !cr_loop_sqpoll(loop))
        print_message("this kernel refuses SQPOLL: tested without\n");
    if (kind == ON_EPOLL)
        assert_int_equal(cr_loop_kind(loop), CR_LOOP_EPOLL);
    return loop;
}

/* One event; a sleep may be interrupted (see wait_is_not_ended_by_what_was_disarmed_before). */
static inline void await_one(struct cr_loop *loop)
{
    int n;
    while ((n = cr_loop_wait(loop, FOREVER)) == 0)
        ;
    assert_int_equal(n, 1);
}

#define ON(kind, test)                                                                             \
    {                                                                                              \
#test " (" #kind ")", test, NULL, NULL, (void *)(uintptr_t)&kind                           \
    }
#define ON_BOTH(test) ON(uring, test), ON(epoll, test)
#define ON_ALL(test)  ON_BOTH(test), ON(sqpoll, test)

#endif
