/* Without arguments: the driver against itself, in a network namespace of its own. With
 * arguments it is the partner that test_udp_multicast_python.py plays against:
 *   receive GROUP COUNT    print COUNT frames as text, then the counters
 *   send GROUP             send the frames on standard input, one a line
 */
#include "check.h"

#include "bus_pump.h"

#include <canring/text.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>

#define GROUP4 "239.74.163.2"
#define GROUP6 "ff15:7079:7468:6f6e:6465:6d6f:6d63:6173"

static struct pump a, b;
static union canring_frame_buffer frame;

static struct canring_bus_options options_for(const char *group)
{
    return (struct canring_bus_options){
        .interface = "udp_multicast",
        .channel = group,
        .local_interface = "lo",
        .fd = true,
        .filters.error_mask = CANRING_ID_MASK_EXT,
    };
}

static const struct canring_frame *classic(uint32_t id)
{
    canring_frame_classic(&frame.frame, id, "\1\2\3", 3);
    return &frame.frame;
}

static void open_pair(const struct canring_bus_options *options, bool epoll)
{
    assert_int_equal(pump_open(&a, &cr_driver_udp_multicast, options, epoll), 0);
    assert_int_equal(pump_open(&b, &cr_driver_udp_multicast, options, epoll), 0);
}

static void close_pair(void)
{
    pump_close(&a);
    pump_close(&b);
}

static void exchange(const char *group, bool epoll)
{
    struct canring_bus_options options = options_for(group);
    open_pair(&options, epoll);
    for (uint32_t id = 0; id < 500; id++) {
        assert_int_equal(pump_send(&a, classic(id)), 0);
        assert_int_equal(pump_receive(&b, 5000), 1);
        const struct canring_frame *got = cr_batch_first(&b.batch);
        assert_int_equal(got->id, id);
        assert_int_equal(got->number, id);
        assert_int_equal(got->flags & CANRING_CLOCK_MASK, CANRING_CLOCK_KERNEL);
        assert_int_equal(got->flags & (CANRING_TX | CANRING_LOCAL), CANRING_LOCAL);
        assert_memory_equal(got->data, "\1\2\3", 3);
        assert_true(got->timestamp_ns > UINT64_C(1600000000000000000));
    }
    assert_int_equal(pump_receive(&a, 0), 0); /* nothing of its own */
    assert_int_equal(a.bus->stats.tx_frames, 500);
    assert_int_equal(b.bus->stats.rx_frames, 500);
    close_pair();
}

static void frames_reach_the_other_with_the_kernels_time(void **state)
{
    (void)state;
    exchange(GROUP4, false);
    exchange(GROUP6, false);
}

static void frames_reach_the_other_without_io_uring(void **state)
{
    (void)state;
    exchange(GROUP4, true);
    exchange(GROUP6, true);
}

static void burst_larger_than_the_buffers_arrives_in_order(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    struct canring_bus_options options = options_for(GROUP4);
    open_pair(&options, false);
    for (uint32_t id = 0; id < COUNT; id++)
        assert_int_equal(pump_send(&a, classic(CANRING_ID_EXTENDED | id)), 0);
    uint32_t next = 0;
    while (next < COUNT && pump_receive(&b, 5000) > 0)
        for (struct canring_frame *f = cr_batch_first(&b.batch); f; f = cr_batch_next(&b.batch, f))
            assert_int_equal(f->id, CANRING_ID_EXTENDED | next++);
    assert_int_equal(next + b.bus->stats.rx_lost_kernel, COUNT);
    close_pair();
}

static void lost_datagrams_are_counted_and_skipped_in_the_numbers(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    struct canring_bus_options options = options_for(GROUP4);
    options.receive_buffer = 4096;
    open_pair(&options, true); /* epoll: nothing is taken out meanwhile */
    for (uint32_t id = 0; id < COUNT; id++)
        assert_int_equal(pump_send(&a, classic(CANRING_ID_EXTENDED | id)), 0);
    while (pump_receive(&b, 10) > 0)
        ;
    /* Of those behind the last one the socket tells when it is asked. */
    b.bus->driver->refresh_stats(b.bus);
    assert_true(b.bus->stats.rx_lost_kernel > 0);
    assert_int_equal(b.bus->stats.rx_lost_kernel + b.bus->stats.rx_frames, COUNT);
    assert_int_equal(b.bus->number, b.bus->stats.rx_frames);
    /* In the numbers they are missing where they were lost. */
    assert_int_equal(pump_send(&a, classic(CANRING_ID_EXTENDED | COUNT)), 0);
    assert_int_equal(pump_receive(&b, 5000), 1);
    assert_int_equal(cr_batch_first(&b.batch)->number, COUNT);
    assert_int_equal(b.bus->stats.rx_lost_kernel + b.bus->stats.rx_frames, COUNT + 1);
    close_pair();
}

static void own_frames_come_back_when_asked_for_and_say_so(void **state)
{
    (void)state;
    struct canring_bus_options options = options_for(GROUP6);
    options.receive_own = true;
    open_pair(&options, false);
    assert_int_equal(pump_send(&a, classic(7)), 0);
    assert_int_equal(pump_receive(&a, 5000), 1);
    assert_int_equal(cr_batch_first(&a.batch)->flags & (CANRING_TX | CANRING_LOCAL), CANRING_TX);
    assert_int_equal(pump_receive(&b, 5000), 1);
    assert_int_equal(cr_batch_first(&b.batch)->flags & (CANRING_TX | CANRING_LOCAL), CANRING_LOCAL);
    close_pair();
}

static void batch_with_refused_frames_among_it_counts_each_once(void **state)
{
    (void)state;
    struct canring_bus_options options = options_for(GROUP4);
    union canring_frame_buffer xl = {.frame = {.size = 33, .flags = CANRING_XL}};
    const struct canring_frame *frames[200];
    open_pair(&options, false);
    for (unsigned i = 0; i < 200; i++)
        frames[i] = i % 3 ? classic(1) : &xl.frame;
    assert_int_equal(a.bus->driver->send(a.bus, frames, 200), 200);
    assert_int_equal(a.bus->stats.tx_refused, 67);
    assert_int_equal(a.bus->stats.tx_frames, 133);
    close_pair();
}

static void listener_and_classic_bus_refuse_what_they_must_not_send(void **state)
{
    (void)state;
    struct canring_bus_options options = options_for(GROUP4);
    options.listen_only = true;
    open_pair(&options, false);
    assert_int_equal(pump_send(&a, classic(1)), 0);
    assert_int_equal(a.bus->stats.tx_refused, 1);
    close_pair();
    options.listen_only = options.fd = false;
    open_pair(&options, false);
    frame.frame.flags = CANRING_FD;
    assert_int_equal(pump_send(&a, &frame.frame), 0);
    assert_int_equal(a.bus->stats.tx_refused, 1);
    assert_int_equal(a.bus->stats.tx_frames, 0);
    close_pair();
}

static void filters_and_kinds_leave_gaps_in_the_numbers(void **state)
{
    (void)state;
    struct canring_bus_options options = options_for(GROUP4);
    struct canring_filter odd = {.id = 1, .mask = 1};
    options.filters = (struct canring_filters){.list = &odd, .count = 1};
    open_pair(&options, false);
    for (uint32_t id = 0; id < 4; id++)
        assert_int_equal(pump_send(&a, classic(id)), 0);
    unsigned got = 0;
    while (got < 2 && pump_receive(&b, 5000) > 0)
        for (struct canring_frame *f = cr_batch_first(&b.batch); f; f = cr_batch_next(&b.batch, f))
            assert_int_equal(f->number, 1 + 2 * got++);
    assert_int_equal(got, 2);
    close_pair();
}

/* 99 datagrams of noise and of half-frames, then one frame that must still arrive. */
static void noise_is_counted_and_harms_nothing(void **state)
{
    (void)state;
    struct canring_bus_options options = options_for(GROUP4);
    for (int epoll = 0; epoll < 2; epoll++) {
        open_pair(&options, epoll);
        int fd = socket(AF_INET, SOCK_DGRAM, 0);
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(43113)};
        struct ip_mreqn lo = {.imr_ifindex = (int)if_nametoindex("lo")};
        inet_pton(AF_INET, GROUP4, &to.sin_addr);
        assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &lo, sizeof(lo)), 0);
        for (int i = 0; i < 99; i++) {
            char noise[3000];
            memset(noise, 0x80 + i, sizeof(noise));
            size_t length = (size_t)i * 30;
            assert_int_equal(sendto(fd, noise, length, 0, (struct sockaddr *)&to, sizeof(to)),
                             (ssize_t)length);
        }
        close(fd);
        assert_int_equal(pump_send(&a, classic(0x77)), 0);
        assert_int_equal(pump_receive(&b, 5000), 1);
        assert_int_equal(cr_batch_first(&b.batch)->id, 0x77);
        assert_int_equal(b.bus->stats.rx_malformed, 99);
        close_pair();
    }
}

static void interface_must_be_named_and_group_be_multicast(void **state)
{
    (void)state;
    struct canring_bus_options options = options_for(GROUP4);
    options.local_interface = NULL;
    assert_int_equal(pump_open(&a, &cr_driver_udp_multicast, &options, false), -EINVAL);
    assert_non_null(strstr(a.err.text, "local_interface"));
    options.local_interface = "lo0";
    assert_int_equal(pump_open(&a, &cr_driver_udp_multicast, &options, false), -ENODEV);
    assert_non_null(strstr(a.err.text, "did you mean 'lo'?"));
    options = options_for("127.0.0.1");
    assert_int_equal(pump_open(&a, &cr_driver_udp_multicast, &options, false), -EINVAL);
    assert_non_null(strstr(a.err.text, "127.0.0.1"));
}

/* From here: the partner. */

static int print_frames(const char *group, unsigned count)
{
    struct canring_bus_options options = options_for(group);
    char text[CANRING_TEXT_MAX];

    if (pump_open(&a, &cr_driver_udp_multicast, &options, false)) {
        fprintf(stderr, "%s\n", a.err.text);
        return 1;
    }
    puts("ready");
    fflush(stdout);
    while (a.bus->stats.rx_frames < count && pump_receive(&a, 10000) > 0) {
        for (struct canring_frame *f = cr_batch_first(&a.batch); f;
             f = cr_batch_next(&a.batch, f)) {
            canring_frame_format(f, text, sizeof(text));
            puts(text);
        }
    }
    printf("frames %llu malformed %llu\n", (unsigned long long)a.bus->stats.rx_frames,
           (unsigned long long)a.bus->stats.rx_malformed);
    pump_close(&a);
    return 0;
}

static int send_frames(const char *group)
{
    struct canring_bus_options options = options_for(group);
    char line[CANRING_TEXT_MAX];

    if (pump_open(&a, &cr_driver_udp_multicast, &options, false)) {
        fprintf(stderr, "%s\n", a.err.text);
        return 1;
    }
    while (fgets(line, sizeof(line), stdin)) {
        if (canring_frame_parse(&frame, line, strcspn(line, "\n"), &a.err) ||
            pump_send(&a, &frame.frame)) {
            fprintf(stderr, "%s: %s\n", line, a.err.text);
            return 1;
        }
    }
    pump_close(&a);
    return 0;
}

/* A namespace with nothing in it but lo, so that no datagram can reach a network. */
static bool enter_namespace(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_MULTICAST};
    if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        return false;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int rc = ioctl(fd, SIOCSIFFLAGS, &request);
    close(fd);
    if (rc < 0)
        return false;
    pid_t child = fork();
    if (child == 0) {
        execlp("ip", "ip", "-6", "route", "add", "local", "ff00::/8", "dev", "lo", (char *)NULL);
        _exit(127);
    }
    int status = 1;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "receive") == 0)
        return print_frames(argv[2], (unsigned)strtoul(argv[3], NULL, 10));
    if (argc == 3 && strcmp(argv[1], "send") == 0)
        return send_frames(argv[2]);
    if (!enter_namespace()) {
        puts("skipped: no network namespace of our own can be made here");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_reach_the_other_with_the_kernels_time),
        cmocka_unit_test(frames_reach_the_other_without_io_uring),
        cmocka_unit_test(burst_larger_than_the_buffers_arrives_in_order),
        cmocka_unit_test(lost_datagrams_are_counted_and_skipped_in_the_numbers),
        cmocka_unit_test(own_frames_come_back_when_asked_for_and_say_so),
        cmocka_unit_test(batch_with_refused_frames_among_it_counts_each_once),
        cmocka_unit_test(listener_and_classic_bus_refuse_what_they_must_not_send),
        cmocka_unit_test(filters_and_kinds_leave_gaps_in_the_numbers),
        cmocka_unit_test(noise_is_counted_and_harms_nothing),
        cmocka_unit_test(interface_must_be_named_and_group_be_multicast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
