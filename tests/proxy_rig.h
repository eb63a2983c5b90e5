/* A whole proxy on the in-memory bus, for the tests of one: real processes, real rings, nothing
 * faked. It runs on a thread of the test and has three channels; the test stands on its bus. */
#ifndef CANRING_TESTS_PROXY_RIG_H
#define CANRING_TESTS_PROXY_RIG_H

#include "check.h"

#include <canring/channel.h>
#include <canring/proxy.h>
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "patient.h"

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

static inline void note(void *arg, int level, const char *text)
{
    (void)arg, (void)level;
    pthread_mutex_lock(&rig.lock);
    size_t used = strlen(rig.words);
    snprintf(rig.words + used, sizeof(rig.words) - used, "%s\n", text);
    pthread_mutex_unlock(&rig.lock);
}

static inline bool noted(const char *words)
{
    pthread_mutex_lock(&rig.lock);
    bool found = strstr(rig.words, words) != NULL;
    pthread_mutex_unlock(&rig.lock);
    return found;
}

static inline unsigned times_noted(const char *words)
{
    unsigned times = 0;
    pthread_mutex_lock(&rig.lock);
    for (const char *at = rig.words; (at = strstr(at, words)) != NULL; at++)
        times++;
    pthread_mutex_unlock(&rig.lock);
    return times;
}

static inline void *serve(void *arg)
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

static inline void start_with(struct canring_proxy_options *options)
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

static inline void start(void)
{
    struct canring_proxy_options options = {0};
    memset(&rig, 0, sizeof(rig));
    start_with(&options);
}

static inline void stop(void)
{
    canring_proxy_stop(rig.proxy);
    pthread_join(rig.thread, NULL);
    assert_int_equal(rig.result, 0);
    rig.running = false;
    canring_proxy_close(rig.proxy);
    canring_bus_close(rig.bus);
}

/* After a test that failed half-way. */
static inline int teardown(void **state)
{
    (void)state;
    if (rig.running)
        stop();
    return 0;
}

static inline int setup(void **state)
{
    (void)state;
    snprintf(bus_name, sizeof(bus_name), "proxy%d.%d", (int)getpid(), serial++);
    return 0;
}

static inline int make_runtime(void **state)
{
    (void)state;
    snprintf(runtime, sizeof(runtime), "/tmp/canring-test-proxy-%d", (int)getpid());
    return setenv("CANRING_RUNTIME_DIR", runtime, 1);
}

static inline int remove_runtime(void **state)
{
    (void)state;
    rmdir(runtime);
    return 0;
}

/* Names of ours in /dev/shm and the runtime directory. */
static inline unsigned leftovers(void)
{
    unsigned count = 0;
    DIR *dir = opendir(runtime);
    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;)
        count += e->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return count;
}

static inline struct canring_channel *attach(const char *name)
{
    struct canring_channel *channel;
    struct canring_error err = {0};
    if (canring_channel_attach(&channel, name, NULL, &err) < 0)
        fail_msg("%s: %s", name, err.text);
    return channel;
}

/* The proxy has seen that those who detached are gone. */
static inline void wait_until_free(void)
{
    bool free_now = false;
    for (unsigned tries = 0; tries < 500 && !free_now; tries++) {
        char *json = NULL;
        if (tries)
            usleep(10000);
        assert_int_equal(canring_proxies(&json, NULL), 1);
        free_now = !strstr(json, "\"attached\": true");
        free(json);
    }
    assert_true(free_now);
}

static inline void send_numbered(struct canring_bus *bus, uint32_t from, uint32_t count)
{
    union canring_frame_buffer b;
    for (uint32_t i = from; i < from + count; i++) {
        canring_frame_classic(&b.frame, i % 0x800, &i, sizeof(i));
        assert_int_equal(canring_bus_send(bus, &b.frame, 5000), 0);
    }
}

static inline uint32_t number_in(const struct canring_frame *frame)
{
    uint32_t number;
    memcpy(&number, frame->data, sizeof(number));
    return number;
}

static inline void expect_numbered(struct canring_channel *channel, uint32_t from, uint32_t count)
{
    union canring_frame_buffer b;
    for (uint32_t i = from; i < from + count; i++) {
        assert_int_equal(canring_channel_receive(channel, &b, 5000), 1);
        assert_int_equal(number_in(&b.frame), i);
        assert_int_equal(b.frame.id, i % 0x800);
        assert_int_not_equal(b.frame.flags & CANRING_CLOCK_MASK, CANRING_CLOCK_NONE);
    }
}

#define PROXY_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
