#include "loop_probe.h"

#include <errno.h>
#include <liburing.h>
#include <string.h>
#include <sys/socket.h>

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

int main(int argc, char **argv)
{
    static const enum loop_under_test uring = ON_URING, epoll = ON_EPOLL, sqpoll = ON_SQPOLL;
    const struct CMUnitTest tests[] = {
        ON(epoll, epoll_has_no_provided_buffers_and_says_so),
        ON(uring, multishot_receives_every_datagram_in_order),
        ON(sqpoll, multishot_receives_every_datagram_in_order),
        ON(uring, exhausted_buffers_end_the_request_and_lose_nothing),
        ON(sqpoll, exhausted_buffers_end_the_request_and_lose_nothing),
        ON(uring, disarming_returns_the_buffers_of_what_is_in_flight),
        ON(sqpoll, disarming_returns_the_buffers_of_what_is_in_flight),
        ON(uring, disarming_keeps_the_events_of_others),
        ON(sqpoll, disarming_keeps_the_events_of_others),
        ON(uring, overflown_completion_queue_loses_no_event),
        ON(sqpoll, overflown_completion_queue_loses_no_event),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
