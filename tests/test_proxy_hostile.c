/* A proxy whose auxiliaries, visitors and machine misbehave: the others must not notice. */
#include "check.h"

#include <canring/channel.h>
#include <canring/proxy.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "can/virtual.h"
#include "patient.h"
#include "proxy/control.h"
#include "proxy/engine.h"
#include "shm/runtime_dir.h"

static char runtime[64], bus_name[32];
static int serial;

static struct rig {
    struct canring_proxy *proxy;
    struct canring_bus *bus; /* the world outside */
    pthread_t thread;
    bool running;
} rig;

static const struct canring_channel_config channels[] = {
    {.name = "com1", .ring_slots = 128},
    {.name = "com2", .ring_slots = 1024},
};

static void *serve(void *arg)
{
    (void)arg;
    canring_proxy_run(rig.proxy);
    return NULL;
}

static void open_rig(enum canring_wait wait)
{
    struct canring_error err = {0};
    struct canring_bus_options bus = {
        .interface = "virtual", .channel = bus_name, .fd = true, .xl = true};
    struct canring_proxy_options options = {
        .name = "proxy", .bus = bus, .channels = channels, .channel_count = 2, .wait = wait};
    rig = (struct rig){0};
    if (canring_proxy_open(&rig.proxy, &options, &err) < 0 ||
        canring_bus_open(&rig.bus, &bus, &err) < 0)
        fail_msg("%s", err.text);
}

static void run_rig(void)
{
    assert_int_equal(pthread_create(&rig.thread, NULL, serve, NULL), 0);
    rig.running = true;
}

static void start(void)
{
    open_rig(CANRING_WAIT_ADAPTIVE);
    run_rig();
}

static void stop(void)
{
    canring_proxy_stop(rig.proxy);
    if (rig.running)
        pthread_join(rig.thread, NULL);
    canring_proxy_close(rig.proxy);
    canring_bus_close(rig.bus);
    rig = (struct rig){0};
}

static int setup(void **state)
{
    (void)state;
    snprintf(bus_name, sizeof(bus_name), "hostile%d.%d", (int)getpid(), serial++);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (rig.proxy)
        stop();
    return 0;
}

/* As soon as the proxy has seen that the one before is gone. */
static int attach_when_free(struct canring_channel **channel, const char *name,
                            struct canring_error *err)
{
    int result = -EBUSY;
    for (unsigned tries = 0; tries < 500 && result == -EBUSY; tries++) {
        if (tries)
            usleep(10000);
        result = canring_channel_attach(channel, name, NULL, err);
    }
    return result;
}

static struct canring_channel *attach(const char *name)
{
    struct canring_channel *channel;
    struct canring_error err = {0};
    if (attach_when_free(&channel, name, &err) < 0)
        fail_msg("%s: %s", name, err.text);
    return channel;
}

static void send_to_bus(uint32_t id)
{
    union canring_frame_buffer b;
    canring_frame_classic(&b.frame, id, "x", 1);
    assert_int_equal(canring_bus_send(rig.bus, &b.frame, 5000), 0);
}

static void expect_id(struct canring_channel *channel, uint32_t id)
{
    union canring_frame_buffer b;
    assert_int_equal(canring_channel_receive(channel, &b, 5000), 1);
    assert_int_equal(b.frame.id, id);
}

/* What broke: the proxy counted into, and let the next one attach to, memory that it did not get
 * (another has the name, /dev/shm is full). */
static void channel_without_memory_is_refused_and_comes_back(void **state)
{
    (void)state;
    char name[CR_REGION_NAME];
    struct cr_region squatter;
    struct canring_channel *again = NULL;
    struct canring_error err = {0};
    start();
    struct canring_channel *one = attach("proxy/com1"), *two = attach("proxy/com2");
    assert_int_equal(cr_shm_name(name, sizeof(name), "channel", "proxy", "com1", NULL), 0);
    assert_int_equal(shm_unlink(name), 0);
    assert_int_equal(cr_region_create(&squatter, name, 4096, (gid_t)-1, NULL), 0);
    canring_channel_detach(one);
    assert_int_equal(attach_when_free(&again, "proxy/com1", &err), -EEXIST);
    assert_non_null(strstr(err.text, name));
    for (uint32_t i = 0; i < 300; i++) {
        send_to_bus(i);
        expect_id(two, i);
    }
    char *text = NULL;
    assert_int_equal(canring_proxies(&text, NULL), 1);
    free(text);
    cr_region_close(&squatter);
    one = attach("proxy/com1");
    send_to_bus(7);
    expect_id(one, 7);
    canring_channel_detach(one);
    canring_channel_detach(two);
}

/* What broke: malformed frames did not count, so a ring full of them, or one refilled as fast as it
 * was read, held up everybody else. */
static void malformed_frames_take_their_turn_like_others(void **state)
{
    (void)state;
    struct cr_segment raw;
    struct canring_producer tx;
    const uint8_t rubbish[32] = {[6] = 0xff, [7] = 0xff};
    open_rig(CANRING_WAIT_ADAPTIVE);
    struct cr_port *port = rig.proxy->ports[1];
    assert_int_equal(cr_segment_attach(&raw, port->segment.region.name, NULL), 0);
    canring_producer_init(&tx, &raw.tx);
    for (unsigned i = 0; i < 600; i++)
        assert_true(canring_ring_put(&tx, rubbish, sizeof(rubbish) - i % 16));
    canring_ring_publish(&tx);
    cr_batch_clear(rig.proxy->taken);
    assert_int_equal(cr_port_take(port, rig.proxy->taken, 256), 0);
    assert_int_equal(port->taken, 256);
    assert_int_equal(port->refused, 256);
    cr_segment_close(&raw);
}

/* What broke: they stayed at 0 in what `canring status` shows. */
static void what_is_sent_in_place_is_counted_when_published(void **state)
{
    (void)state;
    open_rig(CANRING_WAIT_ADAPTIVE);
    const struct cr_user_counters *told = rig.proxy->ports[0]->segment.user; /* before it runs */
    run_rig();
    struct canring_channel *one = attach("com1");
    for (unsigned batch = 1; batch <= 3; batch++) {
        for (unsigned i = 0; i < 2; i++) {
            struct canring_frame *frame = canring_channel_claim(one, CANRING_FRAME_HEADER);
            assert_non_null(frame);
            canring_frame_classic(frame, 0x100 + i, NULL, 0);
            canring_channel_commit(one, frame->size);
        }
        assert_int_equal(cr_counted(&told->sent), 2 * (batch - 1));
        canring_channel_publish(one);
        assert_int_equal(cr_counted(&told->sent), 2 * batch);
    }
    canring_channel_detach(one);
    stop();
}

/* What broke: frames still in the ring of an auxiliary that detached were lost in silence. */
static void what_was_sent_before_leaving_gets_to_the_bus(void **state)
{
    (void)state;
    union canring_frame_buffer b;
    const struct canring_frame *frame;
    start();
    for (unsigned round = 0; round < 20; round++) {
        struct canring_channel *two = attach("proxy/com2");
        for (uint32_t i = 0; i < 900; i++) {
            canring_frame_classic(&b.frame, i, "x", 1);
            assert_int_equal(canring_channel_send(two, &b.frame, 5000), 0);
        }
        canring_channel_detach(two);
        for (uint32_t i = 0; i < 900; i++) {
            assert_int_equal(receive_patiently(rig.bus, &frame, 5000), 1);
            assert_int_equal(frame->id, i);
        }
    }
}

/* What broke: an auxiliary took a full CAN XL frame, 65 slots, in a ring of 128 for damage. */
static void smallest_ring_carries_the_largest_frame(void **state)
{
    (void)state;
    union canring_frame_buffer b = {0};
    start();
    struct canring_channel *one = attach("proxy/com1"), *two = attach("proxy/com2");
    b.frame.flags = CANRING_XL;
    b.frame.size = CANRING_FRAME_MAX;
    for (uint32_t i = 0; i < 50; i++) {
        b.frame.id = i;
        assert_int_equal(canring_bus_send(rig.bus, &b.frame, 5000), 0);
        expect_id(one, i);
        assert_int_equal(canring_channel_send(one, &b.frame, 5000), 0);
        expect_id(two, i);
        expect_id(two, i);
        b.frame.size = CANRING_FRAME_MAX;
        b.frame.flags = CANRING_XL;
    }
    canring_channel_detach(one);
    canring_channel_detach(two);
}

static int connect_plainly(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_int_equal(cr_control_path(address.sun_path, sizeof(address.sun_path), "proxy", NULL), 0);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* A process that opens `count` connections, says so, and holds them until it is killed. */
static pid_t crowd(unsigned count)
{
    int ready[2];
    char x;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit files;
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* also when the test fails half-way */
        getrlimit(RLIMIT_NOFILE, &files);
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
        for (unsigned opened = 0, tries = 0; opened < count && tries < 3 * count; tries++)
            if (connect_plainly() >= 0)
                opened++;
            else
                usleep(1000);
        if (write(ready[1], "x", 1) == 1)
            pause();
        _exit(0);
    }
    assert_int_equal(read(ready[0], &x, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return child;
}

static void end_crowd(pid_t child)
{
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

/* What broke: silent connections used up the proxy's descriptors, and nobody could attach. */
static void a_thousand_silent_visitors_shut_nobody_out(void **state)
{
    (void)state;
    struct rlimit before, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = 200;
    start();
    struct canring_channel *two = attach("proxy/com2");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    pid_t child = crowd(1000);
    struct canring_channel *one = attach("proxy/com1");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    send_to_bus(9);
    expect_id(one, 9);
    expect_id(two, 9);
    end_crowd(child);
    canring_channel_detach(one);
    canring_channel_detach(two);
}

/* What broke: connections that came while the proxy had no descriptors left stayed in its queue;
 * once that was full, no event ever came again. */
static void proxy_out_of_descriptors_recovers(void **state)
{
    (void)state;
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    start();
    usleep(50000);
    none = before;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    pid_t child = fork();
    if (child == 0) {
        none.rlim_cur = before.rlim_cur;
        setrlimit(RLIMIT_NOFILE, &none);
        for (unsigned i = 0; i < 200; i++)
            connect_plainly();
        _exit(0);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    usleep(50000);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    struct canring_channel *one = attach("proxy/com1");
    canring_channel_detach(one);
}

/* What broke: who asked on and on kept the proxy from its frames. */
static void requests_are_answered_a_few_at_a_time(void **state)
{
    (void)state;
    const struct cr_request request = {.magic = CR_CONTROL_MAGIC, .operation = 99};
    struct cr_reply reply;
    unsigned sent = 0, first = 0, all;
    open_rig(CANRING_WAIT_ADAPTIVE);
    assert_int_equal(canring_proxy_poll(rig.proxy), 0);
    int fd = connect_plainly();
    assert_true(fd >= 0);
    assert_int_equal(canring_proxy_poll(rig.proxy), 0);
    while (sent < 50 && send(fd, &request, sizeof(request), 0) > 0)
        sent++;
    assert_true(sent > 20);
    assert_true(cr_loop_poll(rig.proxy->loop) > 0);
    while (recv(fd, &reply, sizeof(reply), 0) > 0)
        first++;
    assert_in_range(first, 1, 8);
    assert_int_equal(canring_proxy_poll(rig.proxy), 0);
    for (all = first; recv(fd, &reply, sizeof(reply), 0) > 0;)
        all++;
    assert_int_equal(all, sent);
    close(fd);
}

/* poll() looks once more when its time is up, so that a lost wake-up shows in the time it took. */
static int sleep_on(struct pollfd *p)
{
    uint64_t before = cr_monotonic_ns();
    int ready = poll(p, 1, 20000);
    return cr_monotonic_ns() - before < 20000000000u ? ready : 0;
}

/* What broke: in somebody's event loop, with nothing else going on, a frame that the bus did not
 * take was not dropped when its time was up. */
static void unsent_frame_expires_in_a_foreign_event_loop(void **state)
{
    (void)state;
    union canring_frame_buffer b;
    open_rig(CANRING_WAIT_PARK);
    cr_virtual_cut_safety_net(rig.proxy->bus);
    canring_frame_classic(&b.frame, 1, "x", 1);
    rig.proxy->bus->tx_blocked = true;
    b.frame.timestamp_ns = cr_monotonic_ns() + 700000000u; /* after what is left of the net */
    assert_non_null(cr_fifo_push(&rig.proxy->unsent, &b.frame));
    assert_int_equal(canring_proxy_poll(rig.proxy), 0);
    while (!rig.proxy->expired) {
        struct pollfd p = {.fd = canring_proxy_fd(rig.proxy), .events = POLLIN};
        assert_int_equal(sleep_on(&p), 1);
        assert_int_equal(canring_proxy_poll(rig.proxy), 0);
    }
    assert_int_equal(rig.proxy->unsent.count, 0);
}

/* What broke: auxiliaries of a proxy with wait: spin did not wake it, though its caller slept. */
static void spinning_proxy_in_a_foreign_event_loop_is_woken(void **state)
{
    (void)state;
    const struct canring_frame *frame = NULL;
    open_rig(CANRING_WAIT_SPIN);
    cr_virtual_cut_safety_net(rig.proxy->bus);
    assert_int_equal(canring_proxy_poll(rig.proxy), 0);
    pid_t child = fork();
    if (child == 0) {
        union canring_frame_buffer b;
        struct canring_channel *two;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (canring_channel_attach(&two, "proxy/com2", NULL, NULL) < 0)
            _exit(1);
        usleep(700000); /* until it sleeps, and what is left of the net is gone */
        canring_frame_classic(&b.frame, 0x111, "x", 1);
        canring_channel_send(two, &b.frame, 1000);
        pause();
    }
    while (canring_bus_receive(rig.bus, &frame, 0) == 0) {
        struct pollfd p = {.fd = canring_proxy_fd(rig.proxy), .events = POLLIN};
        assert_int_equal(sleep_on(&p), 1);
        assert_int_equal(canring_proxy_poll(rig.proxy), 0);
    }
    assert_int_equal(frame->id, 0x111);
    end_crowd(child);
}

/* What broke: it was told to sleep on its fd, which a proxy that thinks it spins never rings. */
static void spinning_auxiliary_is_not_sent_to_sleep(void **state)
{
    (void)state;
    struct canring_channel *two;
    const struct canring_channel_options options = {.wait = CANRING_WAIT_SPIN};
    start();
    assert_int_equal(canring_channel_attach(&two, "proxy/com2", &options, NULL), 0);
    assert_false(canring_channel_prepare(two));
    canring_channel_awake(two);
    send_to_bus(5);
    expect_id(two, 5);
    canring_channel_detach(two);
}

/* What broke: while frames kept coming, canring_proxy_poll did not return. */
static void poll_returns_though_frames_keep_coming(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof(path), "%s/endless.log", runtime);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("(1.000000) can0 123#00\n(1.000001) can0 124#00\n", file);
    fclose(file);
    struct canring_proxy_options options = {.name = "endless",
                                            .bus = {.interface = "replay", .channel = path}};
    struct canring_error err = {0};
    if (canring_proxy_open(&rig.proxy, &options, &err) < 0)
        fail_msg("%s", err.text);
    alarm(100);
    for (unsigned i = 0; i < 5; i++) {
        struct pollfd p = {.fd = canring_proxy_fd(rig.proxy), .events = POLLIN};
        assert_int_equal(canring_proxy_poll(rig.proxy), 0);
        assert_int_equal(poll(&p, 1, 5000), 1);
    }
    alarm(0);
    canring_proxy_close(rig.proxy);
    rig.proxy = NULL;
    unlink(path);
}

int main(void)
{
    snprintf(runtime, sizeof(runtime), "/tmp/canring-test-hostile-%d", (int)getpid());
    setenv("CANRING_RUNTIME_DIR", runtime, 1);
#define HOSTILE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        HOSTILE_TEST(channel_without_memory_is_refused_and_comes_back),
        HOSTILE_TEST(malformed_frames_take_their_turn_like_others),
        HOSTILE_TEST(what_is_sent_in_place_is_counted_when_published),
        HOSTILE_TEST(what_was_sent_before_leaving_gets_to_the_bus),
        HOSTILE_TEST(smallest_ring_carries_the_largest_frame),
        HOSTILE_TEST(a_thousand_silent_visitors_shut_nobody_out),
        HOSTILE_TEST(proxy_out_of_descriptors_recovers),
        HOSTILE_TEST(requests_are_answered_a_few_at_a_time),
        HOSTILE_TEST(unsent_frame_expires_in_a_foreign_event_loop),
        HOSTILE_TEST(spinning_proxy_in_a_foreign_event_loop_is_woken),
        HOSTILE_TEST(spinning_auxiliary_is_not_sent_to_sleep),
        HOSTILE_TEST(poll_returns_though_frames_keep_coming),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(runtime);
    return failed;
}
