#include "check.h"

#include "can/loop.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
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

static void count_ready(struct cr_source *source, int result, unsigned flags, unsigned buffer)
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

static void probe_init(struct probe *probe, struct cr_loop *loop, int fd)
{
    *probe = (struct probe){.source = {.ready = count_ready}, .loop = loop, .fd = fd};
    probe->source.owner = probe;
}

static void ring_bell(int fd)
{
    const uint64_t one = 1;
    assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
}

static int new_bell(void)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* Every test runs on both backends; `state` says which. */
static struct cr_loop *open_loop(void **state)
{
    struct cr_loop *loop;
    bool epoll = *(const enum cr_loop_kind *)*state == CR_LOOP_EPOLL;
    assert_int_equal(cr_loop_open(&loop, epoll, NULL), 0);
    if (epoll)
        assert_int_equal(cr_loop_kind(loop), CR_LOOP_EPOLL);
    return loop;
}

/* One event; a sleep may be interrupted (see wait_is_not_ended_by_what_was_disarmed_before). */
static void await_one(struct cr_loop *loop)
{
    int n;
    while ((n = cr_loop_wait(loop, FOREVER)) == 0)
        ;
    assert_int_equal(n, 1);
}

static void watched_fd_reports_each_time_it_becomes_readable(void **state)
{
    struct cr_loop *loop = open_loop(state);
    struct probe bell;
    probe_init(&bell, loop, new_bell());
    assert_int_equal(cr_loop_watch(loop, &bell.source, bell.fd, POLLIN), 0);
    assert_int_equal(cr_loop_poll(loop), 0);
    for (unsigned i = 1; i <= 3; i++) {
        ring_bell(bell.fd);
        await_one(loop);
        assert_int_equal(bell.calls, i);
        assert_true(bell.result & POLLIN);
    }
    cr_loop_disarm(loop, &bell.source);
    ring_bell(bell.fd);
    assert_int_equal(cr_loop_wait(loop, MS), 0);
    assert_int_equal(bell.calls, 3);
    close(bell.fd);
    cr_loop_close(loop);
}

static void fd_that_is_ready_when_it_is_watched_reports_at_once(void **state)
{
    struct cr_loop *loop = open_loop(state);
    struct probe bell, writable;
    probe_init(&bell, loop, new_bell());
    probe_init(&writable, loop, -1);
    ring_bell(bell.fd);
    assert_int_equal(cr_loop_watch(loop, &bell.source, bell.fd, POLLIN), 0);
    /* a second watch on the same fd: send and receive sides of one socket */
    assert_int_equal(cr_loop_watch(loop, &writable.source, bell.fd, POLLOUT), 0);
    while (!bell.calls || !writable.calls)
        assert_true(cr_loop_wait(loop, FOREVER) >= 0);
    assert_true(writable.result & POLLOUT);
    cr_loop_disarm(loop, &writable.source);
    ring_bell(bell.fd);
    await_one(loop);
    assert_int_equal(bell.calls, 2);
    cr_loop_close(loop);
    close(bell.fd);
}

static void source_disarmed_by_another_is_not_called(void **state)
{
    struct cr_loop *loop = open_loop(state);
    struct probe one, two;
    probe_init(&one, loop, new_bell());
    probe_init(&two, loop, new_bell());
    one.victim = &two;
    two.victim = &one;
    cr_loop_watch(loop, &one.source, one.fd, POLLIN);
    cr_loop_watch(loop, &two.source, two.fd, POLLIN);
    assert_int_equal(cr_loop_poll(loop), 0);
    ring_bell(one.fd);
    ring_bell(two.fd);
    await_one(loop);
    assert_int_equal(cr_loop_wait(loop, MS), 0);
    assert_int_equal(one.calls + two.calls, 1);
    close(one.fd);
    close(two.fd);
    cr_loop_close(loop);
}

static void source_can_be_armed_again_from_its_own_ready(void **state)
{
    struct cr_loop *loop = open_loop(state);
    struct probe bell;
    probe_init(&bell, loop, new_bell());
    bell.victim = &bell;
    for (unsigned i = 1; i <= 100; i++) {
        assert_int_equal(cr_loop_watch(loop, &bell.source, bell.fd, POLLIN), 0);
        ring_bell(bell.fd);
        await_one(loop);
        assert_int_equal(bell.calls, i);
    }
    close(bell.fd);
    cr_loop_close(loop);
}

/* The answer to a cancel is not an event: a wait does not end early because of it. (A few may end
 * early all the same: the kernel interrupts sleeps to clean up a ring that was closed before.) */
static void wait_is_not_ended_by_what_was_disarmed_before(void **state)
{
    enum { ROUNDS = 20 };
    struct cr_loop *loop = open_loop(state);
    struct probe gone, timer;
    unsigned early = 0;
    probe_init(&gone, loop, new_bell());
    probe_init(&timer, loop, -1);
    for (unsigned i = 1; i <= ROUNDS; i++) {
        cr_loop_watch(loop, &gone.source, gone.fd, POLLIN);
        cr_loop_poll(loop);
        cr_loop_disarm(loop, &gone.source);
        cr_loop_timer(loop, &timer.source, MS);
        while (timer.calls < i)
            early += cr_loop_wait(loop, FOREVER) == 0;
    }
    assert_in_range(early, 0, ROUNDS / 2);
    close(gone.fd);
    cr_loop_close(loop);
}

static void timers_fire_in_order_of_expiry_and_once(void **state)
{
    struct cr_loop *loop = open_loop(state);
    struct probe early, late, never;
    probe_init(&early, loop, -1);
    probe_init(&late, loop, -1);
    probe_init(&never, loop, -1);
    assert_int_equal(cr_loop_timer(loop, &never.source, FOREVER), 0);
    assert_int_equal(cr_loop_timer(loop, &late.source, 40 * MS), 0);
    assert_int_equal(cr_loop_timer(loop, &early.source, 1 * MS), 0);
    while (!early.calls)
        assert_true(cr_loop_wait(loop, FOREVER) >= 0);
    /* 39 ms later may have come already on a loaded machine: only the order is certain */
    while (!late.calls)
        assert_true(cr_loop_wait(loop, FOREVER) >= 0);
    assert_int_equal(early.calls, 1);
    assert_int_equal(cr_loop_wait(loop, 2 * MS), 0);
    assert_int_equal(early.calls + late.calls + never.calls, 2);
    cr_loop_close(loop);
}

static void timer_armed_again_moves_and_disarmed_never_fires(void **state)
{
    struct cr_loop *loop = open_loop(state);
    struct probe moved, gone, last;
    probe_init(&moved, loop, -1);
    probe_init(&gone, loop, -1);
    probe_init(&last, loop, -1);
    cr_loop_timer(loop, &moved.source, FOREVER);
    cr_loop_timer(loop, &gone.source, 1 * MS);
    cr_loop_timer(loop, &last.source, 10 * MS);
    cr_loop_timer(loop, &moved.source, 2 * MS);
    cr_loop_disarm(loop, &gone.source);
    while (!last.calls)
        assert_true(cr_loop_wait(loop, FOREVER) >= 0);
    assert_int_equal(moved.calls, 1);
    assert_int_equal(gone.calls, 0);
    cr_loop_close(loop);
}

static void poll_with_nothing_pending_makes_no_system_call(void **state)
{
    struct cr_loop *loop = open_loop(state);
    struct probe bell, timer;
    probe_init(&bell, loop, new_bell());
    probe_init(&timer, loop, -1);
    cr_loop_watch(loop, &bell.source, bell.fd, POLLIN);
    cr_loop_timer(loop, &timer.source, FOREVER);
    assert_int_equal(cr_loop_poll(loop), 0);
    uint64_t enters = cr_loop_enters(loop);
    for (unsigned i = 0; i < 10000; i++)
        assert_int_equal(cr_loop_poll(loop), 0);
    if (cr_loop_kind(loop) == CR_LOOP_URING)
        assert_int_equal(cr_loop_enters(loop), enters);
    else
        assert_int_equal(cr_loop_enters(loop), enters + 10000);
    ring_bell(bell.fd);
    assert_int_equal(cr_loop_poll(loop), 1);
    cr_loop_close(loop);
    close(bell.fd);
}

static void loop_fd_is_readable_exactly_when_poll_would_dispatch(void **state)
{
    struct cr_loop *loop = open_loop(state);
    struct probe bell, timer;
    probe_init(&bell, loop, new_bell());
    probe_init(&timer, loop, -1);
    cr_loop_watch(loop, &bell.source, bell.fd, POLLIN);
    assert_int_equal(cr_loop_poll(loop), 0);
    struct pollfd outer = {.fd = cr_loop_fd(loop), .events = POLLIN};
    assert_int_equal(poll(&outer, 1, 0), 0);
    ring_bell(bell.fd);
    assert_int_equal(poll(&outer, 1, -1), 1);
    assert_int_equal(cr_loop_poll(loop), 1);
    assert_int_equal(poll(&outer, 1, 0), 0);
    cr_loop_timer(loop, &timer.source, MS);
    assert_true(cr_loop_poll(loop) >= 0);
    while (!timer.calls) {
        assert_int_equal(poll(&outer, 1, -1), 1);
        assert_true(cr_loop_poll(loop) > 0);
    }
    assert_int_equal(poll(&outer, 1, 0), 0);
    cr_loop_close(loop);
    close(bell.fd);
}

static void many_sources_armed_before_the_first_poll_all_work(void **state)
{
    enum { MANY = 600 }; /* more than the submission queue holds */
    struct cr_loop *loop = open_loop(state);
    struct probe *bells = test_calloc(MANY, sizeof(*bells));
    unsigned calls = 0;
    int fd = new_bell();
    for (unsigned i = 0; i < MANY; i++) {
        probe_init(&bells[i], loop, -1);
        assert_int_equal(cr_loop_watch(loop, &bells[i].source, fd, POLLOUT), 0);
    }
    while (calls < MANY) {
        int n = cr_loop_wait(loop, FOREVER);
        assert_true(n >= 0);
        calls += (unsigned)n;
    }
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(bells[i].calls, 1);
    cr_loop_close(loop);
    test_free(bells);
    close(fd);
}

static void *run_until_called(void *arg)
{
    struct probe *bell = arg;
    while (!bell->calls)
        if (cr_loop_wait(bell->loop, FOREVER) < 0)
            return NULL;
    /* the thread that runs the loop takes it down as far as its own sources go */
    cr_loop_disarm(bell->loop, &bell->source);
    return bell;
}

static void loop_opened_on_one_thread_runs_on_another(void **state)
{
    struct cr_loop *loop = open_loop(state);
    struct probe bell;
    pthread_t thread;
    void *result;
    probe_init(&bell, loop, new_bell());
    cr_loop_watch(loop, &bell.source, bell.fd, POLLIN);
    assert_int_equal(pthread_create(&thread, NULL, run_until_called, &bell), 0);
    ring_bell(bell.fd);
    pthread_join(thread, &result);
    assert_ptr_equal(result, &bell);
    cr_loop_close(loop);
    close(bell.fd);
}

/* ---- multishot recvmsg --------------------------------------------------- */

struct receiver {
    struct cr_source source;
    struct cr_loop *loop;
    struct cr_buffers *buffers;
    struct msghdr message;
    int pair[2];
    bool keep; /* do not return buffers */
    unsigned frames, last, held[8];
    uint32_t next;
    int error;
};

static void count_message(struct cr_source *source, int result, unsigned flags, unsigned buffer)
{
    struct receiver *rx = source->owner;
    rx->last += (flags & CR_READY_LAST) != 0;
    if (!(flags & CR_READY_BUFFER)) {
        rx->error = result;
        return;
    }
    struct io_uring_recvmsg_out *out =
        io_uring_recvmsg_validate(cr_loop_buffer(rx->buffers, buffer), result, &rx->message);
    assert_non_null(out);
    uint32_t value;
    assert_int_equal(io_uring_recvmsg_payload_length(out, result, &rx->message), sizeof(value));
    memcpy(&value, io_uring_recvmsg_payload(out, &rx->message), sizeof(value));
    assert_int_equal(value, rx->next++);
    if (rx->keep)
        rx->held[rx->frames % 8] = buffer;
    else
        cr_loop_buffer_return(rx->buffers, buffer);
    rx->frames++;
}

static void receiver_open(struct receiver *rx, void **state, unsigned buffers)
{
    memset(rx, 0, sizeof(*rx));
    rx->loop = open_loop(state);
    if (!cr_loop_has_recvmsg(rx->loop)) { /* a kernel without: nothing to test */
        cr_loop_close(rx->loop);
        skip();
    }
    rx->source = (struct cr_source){.ready = count_message, .owner = rx};
    assert_int_equal(cr_loop_buffers_new(rx->loop, &rx->buffers, buffers, 128), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, rx->pair), 0);
    assert_int_equal(cr_loop_recvmsg(rx->loop, &rx->source, rx->pair[0], &rx->message, rx->buffers),
                     0);
    assert_int_equal(cr_loop_poll(rx->loop), 0);
}

static void receiver_close(struct receiver *rx)
{
    cr_loop_disarm(rx->loop, &rx->source);
    cr_loop_buffers_free(rx->buffers);
    cr_loop_close(rx->loop);
    close(rx->pair[0]);
    close(rx->pair[1]);
}

static void send_numbers(const struct receiver *rx, uint32_t from, uint32_t count)
{
    for (uint32_t i = from; i < from + count; i++)
        assert_int_equal(send(rx->pair[1], &i, sizeof(i), 0), sizeof(i));
}

static void multishot_receives_every_datagram_in_order(void **state)
{
    struct receiver rx;
    receiver_open(&rx, state, 16);
    uint32_t sent = 0;
    while (sent < 5000) {
        send_numbers(&rx, sent, 8);
        sent += 8;
        while (rx.frames < sent) {
            assert_true(cr_loop_wait(rx.loop, FOREVER) >= 0);
            cr_loop_buffers_flush(rx.buffers);
        }
    }
    assert_int_equal(rx.frames, sent);
    assert_int_equal(rx.last, 0);
    receiver_close(&rx);
}

static void exhausted_buffers_end_the_request_and_lose_nothing(void **state)
{
    struct receiver rx;
    receiver_open(&rx, state, 4);
    rx.keep = true;
    send_numbers(&rx, 0, 8);
    while (!rx.last)
        assert_true(cr_loop_wait(rx.loop, FOREVER) >= 0);
    assert_int_equal(rx.frames, 4);
    assert_int_equal(rx.error, -ENOBUFS);
    rx.keep = false;
    for (unsigned i = 0; i < 4; i++)
        cr_loop_buffer_return(rx.buffers, rx.held[i]);
    cr_loop_buffers_flush(rx.buffers);
    cr_loop_recvmsg(rx.loop, &rx.source, rx.pair[0], &rx.message, rx.buffers);
    while (rx.frames < 8) {
        assert_true(cr_loop_wait(rx.loop, FOREVER) >= 0);
        cr_loop_buffers_flush(rx.buffers);
    }
    receiver_close(&rx);
}

static void epoll_has_no_provided_buffers_and_says_so(void **state)
{
    struct cr_loop *loop = open_loop(state);
    struct cr_source source = {.ready = count_ready};
    struct cr_buffers *buffers;
    struct msghdr message = {0};
    assert_false(cr_loop_has_recvmsg(loop));
    assert_int_equal(cr_loop_buffers_new(loop, &buffers, 4, 128), -EOPNOTSUPP);
    assert_int_equal(cr_loop_recvmsg(loop, &source, 0, &message, NULL), -EOPNOTSUPP);
    cr_loop_close(loop);
}

/* Messages that had completed when the source was disarmed are thrown away, and their
 * buffers come back: a second receiver on the same buffers can use every one. */
static void disarming_returns_the_buffers_of_what_is_in_flight(void **state)
{
    struct receiver rx;
    receiver_open(&rx, state, 8);
    for (uint32_t round = 0; round < 50; round++) {
        send_numbers(&rx, rx.next, 4);
        cr_loop_disarm(rx.loop, &rx.source);
        uint32_t drained, seen = 0;
        while (recv(rx.pair[0], &drained, sizeof(drained), 0) > 0)
            seen++;
        assert_true(seen <= 4);
        cr_loop_recvmsg(rx.loop, &rx.source, rx.pair[0], &rx.message, rx.buffers);
        assert_int_equal(cr_loop_poll(rx.loop), 0);
        unsigned frames = rx.frames;
        send_numbers(&rx, rx.next, 4);
        while (rx.frames < frames + 4)
            assert_true(cr_loop_wait(rx.loop, FOREVER) >= 0);
        cr_loop_buffers_flush(rx.buffers);
        assert_int_equal(rx.last, 0);
    }
    receiver_close(&rx);
}

static void disarming_keeps_the_events_of_others(void **state)
{
    struct receiver rx;
    struct probe bells[8];
    receiver_open(&rx, state, 4);
    for (unsigned i = 0; i < 8; i++) {
        probe_init(&bells[i], rx.loop, new_bell());
        cr_loop_watch(rx.loop, &bells[i].source, bells[i].fd, POLLIN);
    }
    assert_int_equal(cr_loop_poll(rx.loop), 0);
    for (unsigned i = 0; i < 8; i++)
        ring_bell(bells[i].fd);
    cr_loop_disarm(rx.loop, &rx.source);
    cr_loop_disarm(rx.loop, &bells[7].source);
    while (cr_loop_poll(rx.loop) > 0)
        ;
    for (unsigned i = 0; i < 7; i++)
        assert_int_equal(bells[i].calls, 1);
    assert_int_equal(bells[7].calls, 0);
    for (unsigned i = 0; i < 8; i++) {
        cr_loop_disarm(rx.loop, &bells[i].source);
        close(bells[i].fd);
    }
    receiver_close(&rx);
}

/* More events than the completion queue holds, before the loop looks once. */
static void overflown_completion_queue_loses_no_event(void **state)
{
    enum { BURST = 20000 };
    struct receiver rx;
    receiver_open(&rx, state, 32768);
    int size = 64 << 20;
    uint32_t sent = 0, value;
    setsockopt(rx.pair[1], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
    for (value = 0; value < BURST; value++) {
        if (send(rx.pair[1], &value, sizeof(value), MSG_DONTWAIT) < 0) {
            while (cr_loop_poll(rx.loop) > 0)
                ;
            assert_int_equal(send(rx.pair[1], &value, sizeof(value), 0), sizeof(value));
        }
        sent++;
    }
    while (rx.frames < sent) {
        assert_true(cr_loop_wait(rx.loop, FOREVER) >= 0);
        cr_loop_buffers_flush(rx.buffers);
        if (rx.last) {
            rx.last = 0;
            cr_loop_recvmsg(rx.loop, &rx.source, rx.pair[0], &rx.message, rx.buffers);
        }
    }
    receiver_close(&rx);
}

#define ON(kind, test)                                                                             \
    {                                                                                              \
#test " (" #kind ")", test, NULL, NULL, (void *)(uintptr_t)&kind                           \
    }
#define ON_BOTH(test) ON(uring, test), ON(epoll, test)

int main(int argc, char **argv)
{
    static const enum cr_loop_kind uring = CR_LOOP_URING, epoll = CR_LOOP_EPOLL;
    const struct CMUnitTest tests[] = {
        ON_BOTH(watched_fd_reports_each_time_it_becomes_readable),
        ON_BOTH(fd_that_is_ready_when_it_is_watched_reports_at_once),
        ON_BOTH(source_disarmed_by_another_is_not_called),
        ON_BOTH(source_can_be_armed_again_from_its_own_ready),
        ON_BOTH(wait_is_not_ended_by_what_was_disarmed_before),
        ON_BOTH(timers_fire_in_order_of_expiry_and_once),
        ON_BOTH(timer_armed_again_moves_and_disarmed_never_fires),
        ON_BOTH(poll_with_nothing_pending_makes_no_system_call),
        ON_BOTH(loop_fd_is_readable_exactly_when_poll_would_dispatch),
        ON_BOTH(many_sources_armed_before_the_first_poll_all_work),
        ON_BOTH(loop_opened_on_one_thread_runs_on_another),
        ON(epoll, epoll_has_no_provided_buffers_and_says_so),
        ON(uring, multishot_receives_every_datagram_in_order),
        ON(uring, exhausted_buffers_end_the_request_and_lose_nothing),
        ON(uring, disarming_returns_the_buffers_of_what_is_in_flight),
        ON(uring, disarming_keeps_the_events_of_others),
        ON(uring, overflown_completion_queue_loses_no_event),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
