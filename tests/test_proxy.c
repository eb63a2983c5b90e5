/* A whole proxy on the in-memory bus: real processes, real rings, nothing faked. */
#include "check.h"

#include <canring/channel.h>
#include <canring/proxy.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "patient.h"
#include "proxy/engine.h"

static char runtime[64], bus_name[32];
static int serial;

static struct rig {
    struct canring_proxy *proxy;
    struct canring_bus *bus; /* the world outside */
    pthread_t thread;
    bool running;
    int result;
    char words[8192]; /* everything reported */
    pthread_mutex_t lock;
} rig;

static void note(void *arg, int level, const char *text)
{
    (void)arg, (void)level;
    pthread_mutex_lock(&rig.lock);
    size_t used = strlen(rig.words);
    snprintf(rig.words + used, sizeof(rig.words) - used, "%s\n", text);
    pthread_mutex_unlock(&rig.lock);
}

static bool noted(const char *words)
{
    pthread_mutex_lock(&rig.lock);
    bool found = strstr(rig.words, words) != NULL;
    pthread_mutex_unlock(&rig.lock);
    return found;
}

static unsigned times_noted(const char *words)
{
    unsigned times = 0;
    pthread_mutex_lock(&rig.lock);
    for (const char *at = rig.words; (at = strstr(at, words)) != NULL; at++)
        times++;
    pthread_mutex_unlock(&rig.lock);
    return times;
}

static void *serve(void *arg)
{
    (void)arg;
    rig.result = canring_proxy_run(rig.proxy);
    return NULL;
}

static struct canring_channel_config channels[3] = {
    {.name = "com1", .auxiliary = "aux1", .ring_slots = 1024},
    {.name = "com2", .auxiliary = "aux2", .ring_slots = 1024},
    {.name = "com3", .auxiliary = "aux3", .ring_slots = 1024},
};

static void start_with(struct canring_proxy_options *options)
{
    struct canring_error err = {0};
    pthread_mutex_init(&rig.lock, NULL);
    options->name = "proxy";
    options->channels = channels;
    options->channel_count = 3;
    options->report = note;
    if (!options->bus.interface) {
        options->bus.interface = "virtual";
        options->bus.channel = bus_name;
        options->bus.fd = options->bus.xl = true;
    }
    if (canring_proxy_open(&rig.proxy, options, &err) < 0)
        fail_msg("%s", err.text);
    struct canring_bus_options bus = {
        .interface = "virtual", .channel = bus_name, .fd = true, .xl = true};
    if (canring_bus_open(&rig.bus, &bus, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(pthread_create(&rig.thread, NULL, serve, NULL), 0);
    rig.running = true;
}

static void start(void)
{
    struct canring_proxy_options options = {0};
    memset(&rig, 0, sizeof(rig));
    start_with(&options);
}

static void stop(void)
{
    canring_proxy_stop(rig.proxy);
    pthread_join(rig.thread, NULL);
    assert_int_equal(rig.result, 0);
    rig.running = false;
    canring_proxy_close(rig.proxy);
    canring_bus_close(rig.bus);
}

/* After a test that failed half-way. */
static int teardown(void **state)
{
    (void)state;
    if (rig.running)
        stop();
    return 0;
}

static int setup(void **state)
{
    (void)state;
    snprintf(bus_name, sizeof(bus_name), "proxy%d.%d", (int)getpid(), serial++);
    return 0;
}

/* Names of ours in /dev/shm and the runtime directory. */
static unsigned leftovers(void)
{
    unsigned count = 0;
    DIR *dir = opendir(runtime);
    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;)
        count += e->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return count;
}

static struct canring_channel *attach(const char *name)
{
    struct canring_channel *channel;
    struct canring_error err = {0};
    if (canring_channel_attach(&channel, name, NULL, &err) < 0)
        fail_msg("%s: %s", name, err.text);
    return channel;
}

static void send_numbered(struct canring_bus *bus, uint32_t from, uint32_t count)
{
    union canring_frame_buffer b;
    for (uint32_t i = from; i < from + count; i++) {
        canring_frame_classic(&b.frame, i % 0x800, &i, sizeof(i));
        assert_int_equal(canring_bus_send(bus, &b.frame, 5000), 0);
    }
}

static uint32_t number_in(const struct canring_frame *frame)
{
    uint32_t number;
    memcpy(&number, frame->data, sizeof(number));
    return number;
}

static void expect_numbered(struct canring_channel *channel, uint32_t from, uint32_t count)
{
    union canring_frame_buffer b;
    for (uint32_t i = from; i < from + count; i++) {
        assert_int_equal(canring_channel_receive(channel, &b, 5000), 1);
        assert_int_equal(number_in(&b.frame), i);
        assert_int_equal(b.frame.id, i % 0x800);
        assert_int_not_equal(b.frame.flags & CANRING_CLOCK_MASK, CANRING_CLOCK_NONE);
    }
}

static void received_frames_go_to_all_channels_in_order(void **state)
{
    (void)state;
    start();
    struct canring_channel *one = attach("proxy/com1"), *two = attach("com2");
    for (uint32_t round = 0; round < 20; round++) {
        send_numbered(rig.bus, round * 500, 500);
        expect_numbered(one, round * 500, 500);
        expect_numbered(two, round * 500, 500);
    }
    canring_channel_detach(one);
    canring_channel_detach(two);
    stop();
}

static void a_send_goes_to_the_bus_and_all_others_never_back(void **state)
{
    (void)state;
    union canring_frame_buffer b;
    const struct canring_frame *frame;
    start();
    struct canring_channel *one = attach("com1"), *two = attach("com2"), *three = attach("com3");
    for (uint32_t i = 0; i < 100; i++) {
        canring_frame_classic(&b.frame, 0x321, &i, sizeof(i));
        assert_int_equal(canring_channel_send(one, &b.frame, 1000), 0);
    }
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(receive_patiently(rig.bus, &frame, 5000), 1);
        assert_int_equal(number_in(frame), i);
        assert_int_equal(canring_channel_receive(two, &b, 5000), 1);
        assert_int_equal(number_in(&b.frame), i);
        assert_true(b.frame.flags & CANRING_TX);
        assert_int_equal(canring_channel_receive(three, &b, 5000), 1);
        assert_int_equal(number_in(&b.frame), i);
    }
    assert_int_equal(canring_channel_receive(one, &b, 50), 0);
    assert_int_equal(canring_bus_receive(rig.bus, &frame, 50), 0);
    canring_channel_detach(one);
    canring_channel_detach(two);
    canring_channel_detach(three);
    stop();
}

static void frames_of_every_kind_pass_unchanged(void **state)
{
    (void)state;
    static const struct {
        uint32_t id;
        uint16_t flags;
        uint16_t size;
    } kinds[] = {
        {0x123, 0, 24},
        {0x1ABCDEF0 | CANRING_ID_EXTENDED, 8 << CANRING_DLC_SHIFT, 32},
        {0x7FF | CANRING_ID_REMOTE, 4 << CANRING_DLC_SHIFT, 24},
        {0x100, 15 << CANRING_DLC_SHIFT, 32},
        {0x101, CANRING_FD | CANRING_BRS, 24 + 64},
        {0x102 | CANRING_ID_EXTENDED, CANRING_FD | CANRING_ESI, 24 + 12},
        {0x103, CANRING_FD, 24},
        {0x104, CANRING_XL, 32 + 2048},
        {0x105, CANRING_XL, 32 + 1},
    };
    union canring_frame_buffer out, in;
    const struct canring_frame *frame;
    start();
    struct canring_channel *one = attach("com1"), *two = attach("com2");
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        for (size_t at = 0; at < sizeof(out); at++)
            out.bytes[at] = (uint8_t)(at * 13 + i);
        out.frame.id = kinds[i].id;
        out.frame.flags = kinds[i].flags;
        out.frame.size = kinds[i].size;
        if (kinds[i].flags & CANRING_XL)
            out.bytes[31] = 0; /* reserved */
        assert_int_equal(canring_channel_send(one, &out.frame, 1000), 0);
        assert_int_equal(canring_channel_receive(two, &in, 5000), 1);
        assert_int_equal(receive_patiently(rig.bus, &frame, 5000), 1);
        assert_int_equal(in.frame.id, kinds[i].id);
        assert_int_equal(in.frame.size, kinds[i].size);
        assert_int_equal(frame->size, kinds[i].size);
        unsigned meaning = CANRING_FD | CANRING_BRS | CANRING_ESI | CANRING_XL | CANRING_DLC_MASK;
        assert_int_equal(in.frame.flags & meaning, kinds[i].flags);
        assert_int_equal(frame->flags & meaning, kinds[i].flags);
        assert_memory_equal(in.frame.data, out.frame.data, kinds[i].size - 24u);
        assert_memory_equal(frame->data, out.frame.data, kinds[i].size - 24u);
    }
    canring_channel_detach(one);
    canring_channel_detach(two);
    stop();
}

static void numbers_prove_that_nothing_is_missing(void **state)
{
    (void)state;
    union canring_frame_buffer b;
    start();
    struct canring_channel *one = attach("com1"), *two = attach("com2");
    uint32_t sent = 7, next = 0;
    send_numbered(rig.bus, 0, 100);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(canring_channel_receive(one, &b, 5000), 1);
        assert_true(i == 0 || b.frame.number == next);
        next = b.frame.number + 1;
    }
    canring_frame_classic(&b.frame, 1, &sent, sizeof(sent));
    assert_int_equal(canring_channel_send(one, &b.frame, 1000), 0);
    expect_numbered(two, 0, 100);
    assert_int_equal(canring_channel_receive(two, &b, 5000), 1);
    assert_int_equal(b.frame.number, next); /* the gap that one sees is its own frame */
    send_numbered(rig.bus, 0, 1);
    assert_int_equal(canring_channel_receive(one, &b, 5000), 1);
    assert_int_equal(b.frame.number, next + 1);
    canring_channel_detach(one);
    canring_channel_detach(two);
    stop();
}

static void a_slow_auxiliary_harms_only_itself_and_misses_nothing(void **state)
{
    (void)state;
    struct canring_channel_stats stats;
    start();
    struct canring_channel *slow = attach("com1"), *fast = attach("com2");
    for (uint32_t round = 0; round < 40; round++) { /* 20,000 frames into a ring of 1,024 slots */
        send_numbered(rig.bus, round * 500, 500);
        expect_numbered(fast, round * 500, 500);
    }
    canring_channel_stats(slow, &stats);
    expect_numbered(slow, 0, 20000);
    canring_channel_stats(slow, &stats);
    assert_true(stats.spilled > 0);
    assert_int_equal(stats.dropped, 0);
    canring_channel_stats(fast, &stats);
    assert_int_equal(stats.spilled, 0);
    canring_channel_detach(slow);
    canring_channel_detach(fast);
    stop();
}

static void filters_of_a_channel_and_of_an_observer_hold(void **state)
{
    (void)state;
    union canring_frame_buffer b;
    struct canring_channel *observer;
    const struct canring_channel_options options = {.filters = "005:7FF"};
    assert_int_equal(canring_filters_parse(&channels[0].filters, "003:7FF,004:7FF", NULL), 0);
    start();
    canring_filters_free(&channels[0].filters);
    struct canring_channel *one = attach("com1");
    assert_int_equal(canring_channel_attach(&observer, "proxy", &options, NULL), 0);
    send_numbered(rig.bus, 0, 100);
    for (uint32_t expected = 3; expected <= 4; expected++) {
        assert_int_equal(canring_channel_receive(one, &b, 5000), 1);
        assert_int_equal(b.frame.id, expected);
    }
    assert_int_equal(canring_channel_receive(observer, &b, 5000), 1);
    assert_int_equal(b.frame.id, 5);
    assert_int_equal(canring_channel_receive(one, &b, 50), 0);
    canring_channel_detach(one);
    canring_channel_detach(observer);
    stop();
}

static void a_channel_has_one_auxiliary_and_says_who(void **state)
{
    (void)state;
    struct canring_channel *again;
    struct canring_error err;
    char words[64];
    start();
    struct canring_channel *one = attach("com1");
    assert_int_equal(canring_channel_attach(&again, "com1", NULL, &err), -EBUSY);
    snprintf(words, sizeof(words), "in use by pid %d", (int)getpid());
    assert_non_null(strstr(err.text, words));
    assert_int_equal(canring_channel_attach(&again, "com9", NULL, &err), -ENOENT);
    assert_non_null(strstr(err.text, "proxy/com1"));
    assert_int_equal(canring_channel_attach(&again, "proxy/com9", NULL, &err), -ENOENT);
    assert_non_null(strstr(err.text, "it has com1, com2, com3"));
    assert_int_equal(canring_channel_attach(&again, "other/com1", NULL, &err), -ENOENT);
    canring_channel_detach(one);
    stop();
}

static void second_proxy_of_a_name_is_refused(void **state)
{
    (void)state;
    struct canring_proxy *second;
    struct canring_error err;
    start();
    struct canring_proxy_options options = {.name = "proxy",
                                            .bus = {.interface = "virtual", .channel = bus_name}};
    assert_int_equal(canring_proxy_open(&second, &options, &err), -EEXIST);
    assert_non_null(strstr(err.text, "running already"));
    struct canring_channel *one = attach("com1"); /* the first is none the worse */
    send_numbered(rig.bus, 0, 10);
    expect_numbered(one, 0, 10);
    canring_channel_detach(one);
    stop();
}

/* A child that attaches, reads some frames, and waits to be killed. */
static pid_t auxiliary(const char *name, int ready)
{
    pid_t child = fork();
    if (child)
        return child;
    struct canring_channel *channel;
    if (canring_channel_attach(&channel, name, NULL, NULL) < 0)
        _exit(1);
    if (write(ready, "x", 1) != 1)
        _exit(2);
    for (;;) {
        union canring_frame_buffer b;
        if (canring_channel_receive(channel, &b, 100) == 1)
            canring_channel_send(channel, &b.frame, 100);
    }
}

static void killed_auxiliary_is_noticed_and_replaced(void **state)
{
    (void)state;
    start();
    struct canring_channel *two = attach("com2");
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    for (uint32_t round = 0; round < 30; round++) {
        char x;
        pid_t child = auxiliary("proxy/com1", ready[1]);
        assert_int_equal(read(ready[0], &x, 1), 1);
        send_numbered(rig.bus, 0, 1 + round * 7 % 50);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        struct canring_channel *one = NULL;
        for (unsigned tries = 0; tries < 500 && !one; tries++) /* until its end is noticed */
            if (canring_channel_attach(&one, "proxy/com1", NULL, NULL) < 0)
                usleep(10000);
        assert_non_null(one);
        union canring_frame_buffer b;
        while (canring_channel_receive(two, &b, 50) == 1)
            ; /* what the bus and the dead one said */
        while (canring_channel_receive(one, &b, 0) == 1)
            ;
        send_numbered(rig.bus, 1000, 20);
        expect_numbered(one, 1000, 20);
        expect_numbered(two, 1000, 20);
        canring_channel_detach(one);
        for (unsigned tries = 0; tries < 500 && times_noted("com1 detached") < 2 * (round + 1);
             tries++)
            usleep(10000);
    }
    close(ready[0]);
    close(ready[1]);
    canring_channel_detach(two);
    stop();
}

/* What a hostile auxiliary does to its shared memory, and what the proxy must say of it. */
static void vandalise(const char *how)
{
    struct cr_segment raw;
    start();
    struct canring_channel *two = attach("com2"), *bad = attach("com1");
    assert_int_equal(cr_segment_attach(&raw, rig.proxy->ports[0]->segment.region.name, NULL), 0);
    if (strstr(how, "impossible size")) {
        struct canring_record *record = canring_ring_at(raw.tx.slots, 0, raw.tx.capacity - 1);
        atomic_store(&record->size, 3);
        atomic_store(&record->sequence, 1);
    } else if (strstr(how, "never written")) {
        atomic_store(&raw.rx.consumer_side->position, 1u << 30);
    } else {
        assert_int_equal(ftruncate(raw.region.fd, 0), 0);
    }
    for (uint32_t round = 0; round < 10; round++) { /* enough to go round the ring */
        send_numbered(rig.bus, round * 200, 200);
        expect_numbered(two, round * 200, 200);
    }
    for (unsigned tries = 0; tries < 500 && !noted(how); tries++)
        usleep(10000);
    assert_true(noted(how));
    assert_int_equal(canring_channel_wait(bad, 2000) == 1 ? -EPIPE : canring_channel_wait(bad, 0),
                     -EPIPE);
    cr_segment_close(&raw);
    canring_channel_detach(bad);
    struct canring_channel *one = attach("proxy/com1"); /* a fresh segment for the next */
    send_numbered(rig.bus, 0, 10);
    expect_numbered(one, 0, 10);
    canring_channel_detach(one);
    canring_channel_detach(two);
    stop();
}

static void forged_size_costs_the_forger_its_channel(void **state)
{
    (void)state;
    vandalise("wrote a record of an impossible size");
}

static void forged_position_costs_the_forger_its_channel(void **state)
{
    (void)state;
    vandalise("read what was never written");
}

static void truncated_object_costs_the_truncator_its_channel(void **state)
{
    (void)state;
    vandalise("took the shared memory away");
}

static void malformed_frames_are_refused_and_counted(void **state)
{
    (void)state;
    union canring_frame_buffer b;
    struct canring_channel_stats stats;
    start();
    struct canring_channel *one = attach("com1"), *two = attach("com2");
    uint32_t good = 42;
    canring_frame_classic(&b.frame, 0x800, "x", 1); /* no such standard id */
    assert_int_equal(canring_channel_send(one, &b.frame, 0), -EBADMSG);
    struct canring_frame *raw = canring_channel_claim(one, 32); /* round the check */
    assert_non_null(raw);
    memcpy(canring_frame_data(raw), "12345678", 8);
    raw->id = 0x800;
    raw->flags = 8 << CANRING_DLC_SHIFT;
    canring_channel_commit(one, 32);
    canring_channel_publish(one);
    canring_frame_classic(&b.frame, 1, &good, sizeof(good));
    assert_int_equal(canring_channel_send(one, &b.frame, 1000), 0);
    assert_int_equal(canring_channel_receive(two, &b, 5000), 1);
    assert_int_equal(number_in(&b.frame), good);
    for (unsigned tries = 0; tries < 500; tries++) {
        canring_channel_stats(one, &stats);
        if (stats.taken == 2)
            break;
        usleep(10000);
    }
    assert_int_equal(stats.refused, 1);
    assert_int_equal(stats.taken, 2);
    canring_channel_detach(one);
    canring_channel_detach(two);
    stop();
}

static void auxiliary_learns_that_its_proxy_closed(void **state)
{
    (void)state;
    union canring_frame_buffer b;
    start();
    struct canring_channel *one = attach("com1");
    send_numbered(rig.bus, 0, 5);
    expect_numbered(one, 0, 4);
    stop();
    expect_numbered(one, 4, 1); /* what was published is still there */
    assert_int_equal(canring_channel_receive(one, &b, 5000), -EPIPE);
    canring_frame_classic(&b.frame, 1, "x", 1);
    assert_int_equal(canring_channel_send(one, &b.frame, 100), -EPIPE);
    canring_channel_detach(one);
    assert_int_equal(leftovers(), 0);
}

static void channel_fd_fits_a_foreign_event_loop(void **state)
{
    (void)state;
    start();
    struct canring_channel *one = attach("com1");
    for (uint32_t i = 0; i < 200; i++) {
        bool asleep = canring_channel_prepare(one);
        send_numbered(rig.bus, i, 1);
        struct pollfd p = {.fd = canring_channel_fd(one), .events = POLLIN};
        if (asleep)
            assert_int_equal(poll(&p, 1, 5000), 1);
        canring_channel_awake(one);
        expect_numbered(one, i, 1);
    }
    canring_channel_detach(one);
    stop();
}

static void proxy_runs_in_a_foreign_event_loop(void **state)
{
    (void)state;
    start();
    canring_proxy_stop(rig.proxy);
    pthread_join(rig.thread, NULL);
    rig.running = false;
    canring_proxy_close(rig.proxy);

    struct canring_proxy_options options = {.name = "embedded",
                                            .bus = {.interface = "virtual", .channel = bus_name},
                                            .channels = channels,
                                            .channel_count = 1};
    assert_int_equal(canring_proxy_open(&rig.proxy, &options, NULL), 0);
    assert_int_equal(canring_proxy_poll(rig.proxy), 0);
    pid_t child = fork();
    if (child == 0) {
        struct canring_channel *channel;
        union canring_frame_buffer b;
        if (canring_channel_attach(&channel, "embedded/com1", NULL, NULL) < 0)
            _exit(1);
        canring_frame_classic(&b.frame, 0x111, "ping", 4);
        if (canring_channel_send(channel, &b.frame, 1000) < 0)
            _exit(2);
        _exit(canring_channel_receive(channel, &b, 10000) == 1 && b.frame.id == 0x222 ? 0 : 3);
    }
    const struct canring_frame *frame = NULL;
    bool answered = false;
    int status = -1;
    while (waitpid(child, &status, WNOHANG) == 0) {
        struct pollfd p = {.fd = canring_proxy_fd(rig.proxy), .events = POLLIN};
        poll(&p, 1, 100);
        assert_int_equal(canring_proxy_poll(rig.proxy), 0);
        if (!answered && canring_bus_receive(rig.bus, &frame, 0) == 1 && frame->id == 0x111) {
            union canring_frame_buffer b;
            canring_frame_classic(&b.frame, 0x222, "pong", 4);
            assert_int_equal(canring_bus_send(rig.bus, &b.frame, 1000), 0);
            answered = true;
        }
    }
    assert_int_equal(status, 0);
    canring_proxy_close(rig.proxy);
    canring_bus_close(rig.bus);
}

static void status_tells_channels_and_counts(void **state)
{
    (void)state;
    char *json;
    start();
    struct canring_channel *one = attach("com1");
    send_numbered(rig.bus, 0, 10);
    expect_numbered(one, 0, 10);
    assert_null(canring_channel_peek(one)); /* gives the memory back, counts */
    assert_int_equal(canring_proxies(&json, NULL), 1);
    assert_non_null(strstr(json, "\"name\": \"com1\""));
    assert_non_null(strstr(json, "\"attached\": true"));
    assert_non_null(strstr(json, "\"published\": 10"));
    assert_non_null(strstr(json, "\"received\": 10"));
    assert_non_null(strstr(json, "\"rx_frames\": 10"));
    free(json);
    canring_channel_detach(one);
    stop();
    assert_int_equal(canring_proxies(&json, NULL), 0);
    free(json);
}

static void trace_has_every_frame_received_and_sent(void **state)
{
    (void)state;
    memset(&rig, 0, sizeof(rig));
    char path[128], line[256];
    union canring_frame_buffer b;
    snprintf(path, sizeof(path), "%s/trace.log", runtime);
    struct canring_recording recording = {.path = path};
    struct canring_proxy_options options = {.trace = &recording};
    start_with(&options);
    struct canring_channel *one = attach("com1");
    send_numbered(rig.bus, 0, 3000);
    expect_numbered(one, 0, 3000);
    canring_frame_classic(&b.frame, 0x123, "\xAB", 1);
    assert_int_equal(canring_channel_send(one, &b.frame, 1000), 0);
    const struct canring_frame *frame;
    assert_int_equal(receive_patiently(rig.bus, &frame, 5000), 1);
    canring_channel_detach(one);
    stop();
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    unsigned lines = 0;
    while (fgets(line, sizeof(line), file))
        lines++;
    assert_int_equal(lines, 3001);
    assert_non_null(strstr(line, "123#AB"));
    fclose(file);
    unlink(path);
}

/* A bus with nobody on it who could refuse: frames older than their lifetime never get there. */
static void killed_proxy_leaves_nothing_that_hinders_the_next(void **state)
{
    (void)state;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct canring_proxy *proxy;
        struct canring_proxy_options options = {
            .name = "proxy",
            .bus = {.interface = "virtual", .channel = bus_name},
            .channels = channels,
            .channel_count = 3};
        if (canring_proxy_open(&proxy, &options, NULL) < 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        canring_proxy_run(proxy);
        _exit(0);
    }
    char x;
    assert_int_equal(read(ready[0], &x, 1), 1);
    struct canring_channel *one = attach("proxy/com1");
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    union canring_frame_buffer b;
    assert_int_equal(canring_channel_receive(one, &b, 10000), -EPIPE);
    canring_channel_detach(one);

    start();
    one = attach("com1");
    send_numbered(rig.bus, 0, 10);
    expect_numbered(one, 0, 10);
    canring_channel_detach(one);
    stop();
    assert_int_equal(leftovers(), 0);
    close(ready[0]);
    close(ready[1]);
}

int main(void)
{
    snprintf(runtime, sizeof(runtime), "/tmp/canring-test-proxy-%d", (int)getpid());
    setenv("CANRING_RUNTIME_DIR", runtime, 1);
#define PROXY_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        PROXY_TEST(received_frames_go_to_all_channels_in_order),
        PROXY_TEST(a_send_goes_to_the_bus_and_all_others_never_back),
        PROXY_TEST(frames_of_every_kind_pass_unchanged),
        PROXY_TEST(numbers_prove_that_nothing_is_missing),
        PROXY_TEST(a_slow_auxiliary_harms_only_itself_and_misses_nothing),
        PROXY_TEST(filters_of_a_channel_and_of_an_observer_hold),
        PROXY_TEST(a_channel_has_one_auxiliary_and_says_who),
        PROXY_TEST(second_proxy_of_a_name_is_refused),
        PROXY_TEST(killed_auxiliary_is_noticed_and_replaced),
        PROXY_TEST(forged_size_costs_the_forger_its_channel),
        PROXY_TEST(forged_position_costs_the_forger_its_channel),
        PROXY_TEST(truncated_object_costs_the_truncator_its_channel),
        PROXY_TEST(malformed_frames_are_refused_and_counted),
        PROXY_TEST(auxiliary_learns_that_its_proxy_closed),
        PROXY_TEST(channel_fd_fits_a_foreign_event_loop),
        PROXY_TEST(proxy_runs_in_a_foreign_event_loop),
        PROXY_TEST(status_tells_channels_and_counts),
        PROXY_TEST(trace_has_every_frame_received_and_sent),
        PROXY_TEST(killed_proxy_leaves_nothing_that_hinders_the_next),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(runtime);
    return failed;
}
