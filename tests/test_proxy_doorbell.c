/* An auxiliary's connection is its doorbell and the proxy's: whatever it does there, the others get
 * their frames. */
#include "proxy_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "can/virtual.h"
#include "proxy/control.h"
#include "proxy/engine.h"

#define FRAMES 3000u

static const uint64_t ring = 1;

static void make_blocking(int fd)
{
    assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
}

/* Until the proxy's end of the queue is full. Returns how often it could. */
static unsigned ring_until_full(int fd)
{
    unsigned rung = 0;
    while (send(fd, &ring, sizeof(ring), MSG_DONTWAIT) > 0)
        rung++;
    assert_int_equal(errno, EAGAIN);
    return rung;
}

static atomic_bool enough;

static void *ring_without_end(void *arg)
{
    const struct timeval patience = {.tv_usec = 100000}; /* to see that it is enough */
    const int fd = *(const int *)arg;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    while (!atomic_load(&enough))
        send(fd, &ring, sizeof(ring), MSG_NOSIGNAL);
    return NULL;
}

static void doorbell_rung_without_end_holds_nobody_up(void **state)
{
    (void)state;
    pthread_t thread;
    start();
    struct canring_channel *one = attach("com1"), *two = attach("com2");
    int fd = canring_channel_fd(one);
    atomic_store(&enough, false);
    assert_int_equal(pthread_create(&thread, NULL, ring_without_end, &fd), 0);
    for (uint32_t i = 0; i < FRAMES; i += 100) {
        send_numbered(rig.bus, i, 100);
        expect_numbered(two, i, 100);
        expect_numbered(one, i, 100);
    }
    atomic_store(&enough, true);
    pthread_join(thread, NULL);
    canring_channel_detach(one);
    canring_channel_detach(two);
    stop();
}

/* The proxy must not stop before the end that stands behind them. */
static void who_leaves_behind_many_rings_has_left(void **state)
{
    (void)state;
    start();
    for (uint32_t i = 0; i < 20; i++) {
        struct canring_channel *one = attach("com1");
        unsigned rung = 0;
        while (rung < 1000)
            rung += ring_until_full(canring_channel_fd(one));
        canring_channel_detach(one);
        for (unsigned tries = 0; times_noted("com1 detached") <= i && tries < 500; tries++)
            usleep(10000);
    }
    assert_int_equal(times_noted("com1 detached"), 20);
    stop();
}

static void doorbell_that_nobody_answers_holds_nobody_up(void **state)
{
    (void)state;
    start();
    struct canring_channel *one = attach("com1"), *two = attach("com2");
    make_blocking(canring_channel_fd(one));
    for (uint32_t i = 0; i < FRAMES; i++) {
        canring_channel_prepare(one); /* and never awake: the rings stay where they are */
        send_numbered(rig.bus, i, 1);
        expect_numbered(two, i, 1);
        expect_numbered(one, i, 1);
    }
    unsigned heard = 0;
    uint64_t got;
    while (recv(canring_channel_fd(one), &got, sizeof(got), MSG_DONTWAIT) > 0)
        heard++;
    assert_in_range(heard, 100, FRAMES - 1); /* the queue was full and stayed so */
    canring_channel_detach(one);
    canring_channel_detach(two);
    stop();
}

/* However full its doorbell was, a proxy that sleeps again can be rung. */
static void full_doorbell_still_rings(void **state)
{
    (void)state;
    const struct canring_frame *frame;
    struct canring_proxy_options options = {.wait = CANRING_WAIT_PARK};
    memset(&rig, 0, sizeof(rig));
    start_with(&options);
    cr_virtual_cut_safety_net(rig.proxy->bus);
    struct canring_channel *one = attach("com1"), *two = attach("com2");
    for (uint32_t i = 0; i < 200; i++) {
        union canring_frame_buffer b;
        send_numbered(rig.bus, 0, 500); /* busy, it hears many rings as one */
        ring_until_full(canring_channel_fd(one));
        expect_numbered(two, 0, 500);
        expect_numbered(one, 0, 500);
        usleep(1000); /* asleep again */
        canring_frame_classic(&b.frame, i, &i, sizeof(i));
        assert_int_equal(canring_channel_send(one, &b.frame, 1000), 0);
        assert_int_equal(receive_patiently(rig.bus, &frame, 2000), 1);
        assert_int_equal(frame->id, i);
        assert_int_equal(canring_channel_receive(two, &b, 2000), 1); /* its copy */
    }
    canring_channel_detach(one);
    canring_channel_detach(two);
    stop();
}

/* The flags of a descriptor are shared with whoever got it by a message. */
static void attaching_hands_over_no_descriptor(void **state)
{
    (void)state;
    const struct cr_request request = {
        .magic = CR_CONTROL_MAGIC, .operation = CR_OP_ATTACH, .channel = "com1"};
    struct cr_reply reply;
    char control[256];
    struct iovec part = {.iov_base = &reply, .iov_len = sizeof(reply)};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    start();
    int fd = cr_control_connect("proxy", NULL);
    assert_true(fd >= 0);
    assert_int_equal(send(fd, &request, sizeof(request), 0), sizeof(request));
    ssize_t got;
    do /* io_uring's own signals interrupt it */
        got = recvmsg(fd, &message, 0);
    while (got < 0 && errno == EINTR);
    assert_int_equal(got, sizeof(reply));
    assert_int_equal(reply.result, 0);
    assert_int_equal(message.msg_controllen, 0);
    close(fd);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROXY_TEST(doorbell_rung_without_end_holds_nobody_up),
        PROXY_TEST(who_leaves_behind_many_rings_has_left),
        PROXY_TEST(doorbell_that_nobody_answers_holds_nobody_up),
        PROXY_TEST(full_doorbell_still_rings),
        PROXY_TEST(attaching_hands_over_no_descriptor),
    };
    return cmocka_run_group_tests(tests, make_runtime, remove_runtime);
}
