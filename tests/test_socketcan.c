#include "vcan.h"

#include <poll.h>

/* Frames in both directions, with can-utils as the witness. Every test runs on io_uring and on
 * epoll. */

/* A frame the way candump -L of can-utils 2020.11 logs it. */
static void log_line(char line[256], const struct canring_frame *frame, const char *name)
{
    uint32_t id = frame->id & CANRING_ID_MASK_EXT;
    int n = snprintf(line, 256, "(%010llu.%06llu) %s ",
                     (unsigned long long)(frame->timestamp_ns / 1000000000u),
                     (unsigned long long)(frame->timestamp_ns % 1000000000u / 1000u), name);
    n += snprintf(line + n, 256 - (size_t)n,
                  frame->id & (CANRING_ID_EXTENDED | CANRING_ID_ERROR) ? "%08X#" : "%03X#",
                  id | (frame->id & CANRING_ID_ERROR));
    if (canring_frame_is_remote(frame)) {
        unsigned dlc = canring_frame_dlc(frame);
        n += snprintf(line + n, 256 - (size_t)n, dlc ? "R%u" : "R", dlc);
    }
    if (frame->flags & CANRING_FD)
        n += snprintf(line + n, 256 - (size_t)n, "#%X",
                      4u | (frame->flags & CANRING_BRS ? 1u : 0u) |
                          (frame->flags & CANRING_ESI ? 2u : 0u));
    const uint8_t *data = canring_frame_payload(frame);
    for (size_t i = 0; i < canring_frame_length(frame); i++)
        n += snprintf(line + n, 256 - (size_t)n, "%02X", data[i]);
    snprintf(line + n, 256 - (size_t)n, "\n");
}

static void compare_with_log(struct canring_bus *bus, const char *path, unsigned count)
{
    char theirs[256], ours[256];
    FILE *log = fopen(path, "r");
    assert_non_null(log);
    for (unsigned i = 0; i < count; i++) {
        const struct canring_frame *frame = receive(bus);
        log_line(ours, frame, canring_bus_name(bus));
        assert_non_null(fgets(theirs, sizeof(theirs), log));
        assert_string_equal(ours, theirs);
        assert_int_equal(frame->number, i);
        assert_int_equal(frame->flags & CANRING_CLOCK_MASK, CANRING_CLOCK_KERNEL);
        assert_true(frame->flags & CANRING_LOCAL);
        assert_false(frame->flags & CANRING_TX);
    }
    fclose(log);
}

/* All kinds that cangen knows, at random: time stamps to the microsecond, ids, flags, data. */
static void frames_arrive_as_candump_logs_them(void **state)
{
    char path[] = "/dev/shm/candump-XXXXXX";
    struct canring_bus_options options = {.fd = true};
    struct canring_bus *bus = open_with(state, &options);
    close(mkstemp(path));
    pid_t candump = START(path, "candump", "-L", "-r", "16777216", "-n", "3000", "vcan0");
    await_listeners("vcan0", 2);
    RUN("cangen", "vcan0", "-g", "0", "-m", "-I", "r", "-L", "r", "-n", "3000", "-p", "10");
    finish(candump);
    compare_with_log(bus, path, 3000);
    assert_true(nothing_comes(bus));
    assert_int_equal(stats_of(bus).rx_frames, 3000);
    canring_bus_close(bus);
    unlink(path);
}

static void recording_played_by_canplayer_arrives_whole(void **state)
{
    static const char *const lines = "(1700000000.000001) vcan0 123#0102030405060708\n"
                                     "(1700000000.000002) vcan0 1ABCDEF0#R\n"
                                     "(1700000000.000003) vcan0 7FF#\n"
                                     "(1700000000.000004) vcan0 001##3112233445566778899AABBCC\n";
    char path[] = "/dev/shm/canplayer-XXXXXX";
    struct canring_bus_options options = {.fd = true};
    struct canring_bus *bus = open_with(state, &options);
    int fd = mkstemp(path);
    assert_int_equal(write(fd, lines, strlen(lines)), strlen(lines));
    close(fd);
    RUN("canplayer", "-I", path, "-l", "50", "-t");
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(canring_frame_length(receive(bus)), 8);
        assert_int_equal(receive(bus)->id, 0x1ABCDEF0u | CANRING_ID_EXTENDED | CANRING_ID_REMOTE);
        assert_int_equal(receive(bus)->id, 0x7ff);
        const struct canring_frame *frame = receive(bus);
        assert_int_equal(frame->flags & (CANRING_FD | CANRING_BRS | CANRING_ESI),
                         CANRING_FD | CANRING_BRS | CANRING_ESI);
        assert_memory_equal(canring_frame_payload(frame), "\x11\x22\x33\x44", 4);
    }
    canring_bus_close(bus);
    unlink(path);
}

/* python-can sends, one FD frame with a length of its own among them, and takes what we send. */
static void python_can_is_understood_and_understands(void **state)
{
    static const char *const program =
        "import can, sys\n"
        "bus = can.Bus(interface='socketcan', channel='vcan0', fd=True)\n"
        "bus.send(can.Message(arbitration_id=0x18DAF110, data=b'12345678'))\n"
        "bus.send(can.Message(arbitration_id=0x7DF, is_extended_id=False, is_remote_frame=True, "
        "dlc=4))\n"
        "bus.send(can.Message(arbitration_id=1, is_extended_id=False, is_fd=True, "
        "bitrate_switch=True, data=bytes(range(64))))\n"
        "m = bus.recv(10)\n"
        "sys.exit(not (m and m.arbitration_id == 0x321 and m.data == b'hello'))\n";
    struct canring_bus_options options = {.fd = true};
    struct canring_bus *bus = open_with(state, &options);
    union canring_frame_buffer buffer;
    pid_t python = START(NULL, "/usr/bin/python3", "-c", program);
    const struct canring_frame *frame = receive(bus);
    assert_int_equal(frame->id, 0x18DAF110u | CANRING_ID_EXTENDED);
    assert_memory_equal(canring_frame_payload(frame), "12345678", 8);
    frame = receive(bus);
    assert_int_equal(frame->id, 0x7DF | CANRING_ID_REMOTE);
    assert_int_equal(canring_frame_dlc(frame), 4);
    frame = receive(bus);
    assert_int_equal(frame->flags & (CANRING_FD | CANRING_BRS | CANRING_ESI),
                     CANRING_FD | CANRING_BRS);
    assert_int_equal(canring_frame_length(frame), 64);
    assert_int_equal(canring_frame_payload(frame)[63], 63);
    canring_frame_classic(&buffer.frame, 0x321, "hello", 5);
    assert_int_equal(canring_bus_send(bus, &buffer.frame, WAIT_MS), 0);
    finish(python);
    canring_bus_close(bus);
}

/* The frame that candump shows as expected[kind]. */
static void make_kind(struct canring_frame *frame, unsigned kind)
{
    static const uint32_t ids[] = {0x123,
                                   0x1fffffffu | CANRING_ID_EXTENDED,
                                   0x7ff | CANRING_ID_REMOTE,
                                   1 | CANRING_ID_EXTENDED | CANRING_ID_REMOTE,
                                   1,
                                   0x18daf110u | CANRING_ID_EXTENDED};
    canring_frame_classic(frame, ids[kind], "\x11\x22\x33\x44\x55\x66\x77\x88", kind ? 0 : 8);
    if (kind == 2)
        frame->flags = 8u << CANRING_DLC_SHIFT;
    if (kind == 4) {
        memcpy(frame->data, "\0\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb", 12);
        frame->size = CANRING_FRAME_HEADER + 12;
        frame->flags = CANRING_FD | CANRING_BRS;
    }
    if (kind == 5) {
        frame->data[0] = 0xaa;
        frame->size = CANRING_FRAME_HEADER + 1;
        frame->flags = CANRING_FD | CANRING_ESI;
    }
}

static void every_kind_that_is_sent_is_what_candump_sees(void **state)
{
    static const char *const expected[] = {
        "123#1122334455667788",           "1FFFFFFF#",    "7FF#R8", "00000001#R",
        "001##500112233445566778899AABB", "18DAF110##6AA"};
    enum { KINDS = 6 };
    union canring_frame_buffer buffer;
    char path[] = "/dev/shm/candump-XXXXXX", line[512];
    struct canring_bus_options options = {.fd = true};
    struct canring_bus *bus = open_with(state, &options);

    close(mkstemp(path));
    pid_t candump = START(path, "candump", "-L", "-n", "6", "vcan0");
    await_listeners("vcan0", 2);
    for (unsigned i = 0; i < KINDS; i++) {
        make_kind(&buffer.frame, i);
        assert_int_equal(canring_bus_send(bus, &buffer.frame, WAIT_MS), 0);
    }
    finish(candump);
    FILE *log = fopen(path, "r");
    assert_non_null(log);
    for (unsigned i = 0; i < KINDS; i++) {
        assert_non_null(fgets(line, sizeof(line), log));
        line[strcspn(line, "\n")] = '\0';
        assert_string_equal(strrchr(line, ' ') + 1, expected[i]);
    }
    fclose(log);
    assert_int_equal(stats_of(bus).tx_frames, KINDS);
    assert_true(nothing_comes(bus)); /* own frames do not come back unasked */
    canring_bus_close(bus);
    unlink(path);
}

/* Two buses: what one sends the other receives, byte for byte. */
static void pass(struct canring_bus *from, struct canring_bus *to,
                 const struct canring_frame *frame)
{
    assert_int_equal(canring_bus_send(from, frame, WAIT_MS), 0);
    const struct canring_frame *got = receive(to);
    const unsigned kind = CANRING_FD | CANRING_BRS | CANRING_ESI | CANRING_XL | CANRING_DLC_MASK;
    assert_int_equal(got->size, frame->size);
    assert_int_equal(got->id, frame->id);
    assert_int_equal(got->flags & kind, frame->flags & kind);
    assert_memory_equal(got->data, frame->data, frame->size - CANRING_FRAME_HEADER);
}

static void raw_dlc_of_eight_byte_frames_survives(void **state)
{
    struct canring_bus_options options = {.fd = true};
    struct canring_bus *a = open_with(state, &options), *b = open_with(state, &options);
    union canring_frame_buffer buffer;
    for (unsigned dlc = 8; dlc <= 15; dlc++) {
        canring_frame_classic(&buffer.frame, 0x100 + dlc, "abcdefgh", 8);
        buffer.frame.flags = (uint16_t)(dlc << CANRING_DLC_SHIFT);
        pass(a, b, &buffer.frame);
        canring_frame_classic(&buffer.frame, 0x200 | CANRING_ID_REMOTE, NULL, 0);
        buffer.frame.flags = (uint16_t)(dlc << CANRING_DLC_SHIFT);
        pass(a, b, &buffer.frame);
    }
    canring_bus_close(a);
    canring_bus_close(b);
}

static void fd_frame_of_a_length_no_dlc_can_say_is_filled_up(void **state)
{
    struct canring_bus_options options = {.fd = true};
    struct canring_bus *bus = open_with(state, &options);
    struct canfd_frame odd = {
        .can_id = 5, .len = 13, .data = {1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9, 9}};
    int fd = raw_open("vcan0");
    assert_int_equal(write(fd, &odd, sizeof(odd)), sizeof(odd));
    const struct canring_frame *frame = receive(bus);
    assert_int_equal(canring_frame_length(frame), 16);
    assert_memory_equal(canring_frame_payload(frame), "\1\2\3\4\5\6\7\10\11\11\11\11\11\0\0\0", 16);
    close(fd);
    canring_bus_close(bus);
}

static unsigned mtu_of_vcan0(void)
{
    unsigned mtu = 0;
    FILE *file = fopen("/sys/class/net/vcan0/mtu", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%u", &mtu), 1);
    fclose(file);
    return mtu;
}

static void xl_frames_pass_beside_fd_and_classic_ones(void **state)
{
    struct canring_bus_options options = {.xl = true};
    struct canring_bus *a, *b;
    union canring_frame_buffer buffer = {0};
    if (mtu_of_vcan0() < CANXL_MTU)
        skip();
    a = open_with(state, &options);
    b = open_with(state, &options);
    const struct canring_xl xl = {.acceptance_field = 0xdeadbeef, .sdu_type = 3, .flags = 1};
    static const uint16_t lengths[] = {1, 4, 8, 60, 64, 65, 1000, 2048};
    for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        buffer.frame = (struct canring_frame){.id = 0x7f0 + i, .flags = CANRING_XL};
        buffer.frame.size = (uint16_t)(CANRING_FRAME_HEADER + sizeof(xl) + lengths[i]);
        memcpy(buffer.frame.data, &xl, sizeof(xl));
        memset(canring_frame_data(&buffer.frame), (int)(0x40 + i), lengths[i]);
        pass(a, b, &buffer.frame);
        canring_frame_classic(&buffer.frame, i, "classic", 7);
        pass(a, b, &buffer.frame);
        buffer.frame.flags = CANRING_FD;
        pass(a, b, &buffer.frame);
    }
    canring_bus_close(a);
    canring_bus_close(b);
}

/* An FD bus on an interface that is set up for XL: FD goes both ways, XL is not asked for. */
static void fd_bus_works_on_an_xl_interface(void **state)
{
    struct canring_bus_options with_fd = {.fd = true}, with_xl = {.xl = true};
    struct canring_bus *a, *b;
    union canring_frame_buffer buffer = {0};
    if (mtu_of_vcan0() < CANXL_MTU)
        skip();
    a = open_with(state, &with_fd);
    b = open_with(state, &with_xl);
    buffer.frame = (struct canring_frame){
        .size = CANRING_FRAME_HEADER + sizeof(struct canring_xl) + 100, .flags = CANRING_XL};
    assert_int_equal(canring_bus_send(b, &buffer.frame, WAIT_MS), 0);
    assert_int_equal(canring_bus_send(a, &buffer.frame, WAIT_MS), -EOPNOTSUPP);
    canring_frame_classic(&buffer.frame, 1, "abcd", 4);
    buffer.frame.flags = CANRING_FD;
    pass(a, b, &buffer.frame);
    pass(b, a, &buffer.frame);
    assert_true(nothing_comes(a));
    canring_bus_close(a);
    canring_bus_close(b);
}

/* A sender at full speed against a reader that does not read: the socket holds a few frames, the
 * rest is counted, and each frame's number is exactly its place in what was sent. */
static void frames_that_the_kernel_drops_are_counted_exactly(void **state)
{
    enum { BURST = 100000 };
    struct canring_bus_options options = {.receive_buffer = 1 << 20};
    struct canring_bus *bus = open_with(state, &options);
    int fd = raw_open("vcan0");
    uint32_t value = 0;
    for (uint32_t i = 0; i < BURST; i++)
        raw_send(fd, 1, &i, sizeof(i));
    do {
        const struct canring_frame *frame;
        /* a frame told of the losses before it; the last ones are told by one more frame */
        if (canring_bus_receive(bus, &frame, 0) == 0) {
            struct canring_bus_stats so_far = stats_of(bus);
            assert_int_equal(so_far.rx_frames + so_far.rx_lost_kernel, BURST);
            const uint32_t end = BURST;
            raw_send(fd, 1, &end, sizeof(end));
            frame = receive(bus);
        }
        memcpy(&value, canring_frame_payload(frame), sizeof(value));
        assert_int_equal(frame->number, value);
    } while (value < BURST);
    struct canring_bus_stats stats = stats_of(bus);
    assert_true(stats.rx_lost_kernel > 0);
    assert_int_equal(stats.rx_frames + stats.rx_lost_kernel, BURST + 1);
    canring_bus_close(bus);
    close(fd);
}

static void nothing_is_lost_with_the_default_receive_buffer(void **state)
{
    enum { BURST = 20000 }; /* more than the provided buffers: they run out on the way */
    struct canring_bus_options options = {0};
    struct canring_bus *bus = open_with(state, &options);
    int fd = raw_open("vcan0");
    for (uint32_t i = 0; i < BURST; i++)
        raw_send(fd, 1, &i, sizeof(i));
    for (uint32_t i = 0; i < BURST; i++) {
        uint32_t value;
        memcpy(&value, canring_frame_payload(receive(bus)), sizeof(value));
        assert_int_equal(value, i);
    }
    assert_true(nothing_comes(bus));
    struct canring_bus_stats stats = stats_of(bus);
    assert_int_equal(stats.rx_lost_kernel, 0);
    assert_true(stats.receive_calls < BURST / 8);
    canring_bus_close(bus);
    close(fd);
}

static void own_frames_come_back_marked_when_asked_for(void **state)
{
    struct canring_bus_options options = {.receive_own = true};
    struct canring_bus *bus = open_with(state, &options);
    union canring_frame_buffer buffer;
    canring_frame_classic(&buffer.frame, 0x42, "own", 3);
    assert_int_equal(canring_bus_send(bus, &buffer.frame, WAIT_MS), 0);
    const struct canring_frame *frame = receive(bus);
    assert_int_equal(frame->id, 0x42);
    assert_int_equal(frame->flags & (CANRING_TX | CANRING_LOCAL), CANRING_TX);
    RUN("cansend", "vcan0", "043#");
    frame = receive(bus);
    assert_int_equal(frame->flags & (CANRING_TX | CANRING_LOCAL), CANRING_LOCAL);
    canring_bus_close(bus);
}

static void send_is_refused_with_the_reason_and_counted(void **state)
{
    struct canring_bus_options listen = {.listen_only = true}, classic = {0},
                               any = {.channel = "any"};
    struct canring_bus *bus;
    union canring_frame_buffer cc, fd;
    canring_frame_classic(&cc.frame, 1, "x", 1);
    canring_frame_classic(&fd.frame, 1, "x", 1);
    fd.frame.flags = CANRING_FD;

    bus = open_with(state, &listen);
    assert_int_equal(canring_bus_send(bus, &cc.frame, 0), -EPERM);
    assert_int_equal(stats_of(bus).tx_refused, 1);
    canring_bus_close(bus);

    bus = open_with(state, &classic);
    assert_int_equal(canring_bus_send(bus, &fd.frame, 0), -EOPNOTSUPP);
    cc.frame.size++;
    assert_int_equal(canring_bus_send(bus, &cc.frame, 0), -EBADMSG);
    cc.frame.size--;
    assert_int_equal(canring_bus_send(bus, &cc.frame, 0), 0);
    canring_bus_close(bus);

    bus = open_with(state, &any); /* which interface? */
    assert_int_equal(canring_bus_send(bus, &cc.frame, 0), -EOPNOTSUPP);
    canring_bus_close(bus);
}

static void any_receives_from_all_interfaces_and_names_them(void **state)
{
    struct canring_bus_options options = {.channel = "any"};
    struct canring_bus *bus = open_with(state, &options);
    int zero = raw_open("vcan0"), one = raw_open("vcan1");
    for (unsigned i = 0; i < 300; i++)
        raw_send(i % 3 ? zero : one, i % 3 ? 0x100 : 0x101, "", 0);
    for (unsigned i = 0; i < 300; i++) {
        const struct canring_frame *frame = receive(bus);
        assert_int_equal(frame->id, i % 3 ? 0x100 : 0x101);
        assert_int_equal(frame->number, i);
        assert_string_equal(canring_bus_name(bus), i % 3 ? "vcan0" : "vcan1");
    }
    close(zero);
    close(one);
    canring_bus_close(bus);
}

static void bus_fd_wakes_a_foreign_event_loop(void **state)
{
    struct canring_bus_options options = {0};
    struct canring_bus *bus = open_with(state, &options);
    assert_true(nothing_comes(bus));
    struct pollfd outer = {.fd = canring_bus_fd(bus), .events = POLLIN};
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(poll(&outer, 1, 0), 0);
        RUN("cansend", "vcan0", "123#");
        const struct canring_frame *frame;
        do
            assert_int_equal(poll(&outer, 1, WAIT_MS), 1);
        while (canring_bus_receive(bus, &frame, 0) == 0);
        assert_true(nothing_comes(bus));
    }
    canring_bus_close(bus);
}

static void missing_hardware_clock_is_told_once(void **state)
{
    struct words words = {0};
    struct canring_bus_options options = {
        .hardware_timestamps = true, .report = keep_words, .report_arg = &words};
    struct canring_bus *bus = open_with(state, &options);
    RUN("cansend", "vcan0", "001#");
    RUN("cansend", "vcan0", "002#");
    receive(bus);
    const struct canring_frame *frame = receive(bus);
    assert_int_equal(frame->flags & CANRING_CLOCK_MASK, CANRING_CLOCK_KERNEL);
    assert_true(frame->timestamp_ns > UINT64_C(1000000000) * 1000000000);
    assert_int_equal(said(&words, "timestamps"), 1);
    canring_bus_close(bus);
}

#define ON(kind, test)                                                                             \
    {                                                                                              \
#test " (" #kind ")", test, NULL, NULL, (void *)(uintptr_t)&kind                           \
    }
#define ON_BOTH(test) ON(uring, test), ON(epoll, test)

int main(int argc, char **argv)
{
    static const char *const uring = "uring", *const epoll = "epoll";
    const struct CMUnitTest tests[] = {
        ON_BOTH(frames_arrive_as_candump_logs_them),
        ON_BOTH(recording_played_by_canplayer_arrives_whole),
        ON_BOTH(every_kind_that_is_sent_is_what_candump_sees),
        ON_BOTH(python_can_is_understood_and_understands),
        ON_BOTH(raw_dlc_of_eight_byte_frames_survives),
        ON_BOTH(fd_frame_of_a_length_no_dlc_can_say_is_filled_up),
        ON_BOTH(xl_frames_pass_beside_fd_and_classic_ones),
        ON_BOTH(fd_bus_works_on_an_xl_interface),
        ON_BOTH(frames_that_the_kernel_drops_are_counted_exactly),
        ON_BOTH(nothing_is_lost_with_the_default_receive_buffer),
        ON_BOTH(own_frames_come_back_marked_when_asked_for),
        ON_BOTH(send_is_refused_with_the_reason_and_counted),
        ON_BOTH(any_receives_from_all_interfaces_and_names_them),
        ON_BOTH(bus_fd_wakes_a_foreign_event_loop),
        ON_BOTH(missing_hardware_clock_is_told_once),
    };
    vcan_or_skip();
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
