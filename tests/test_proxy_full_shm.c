/* A proxy that cannot make an auxiliary's memory, as when /dev/shm is full for a while. */
#include "check.h"

#include <canring/channel.h>
#include <canring/proxy.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static struct canring_proxy *proxy;
static struct canring_bus *bus; /* the world outside */
static char bus_name[32];
static atomic_uint detached;

static void note(void *arg, int level, const char *text)
{
    (void)arg, (void)level;
    if (strstr(text, "com1 detached"))
        atomic_fetch_add(&detached, 1);
}

static void *serve(void *arg)
{
    (void)arg;
    assert_int_equal(canring_proxy_run(proxy), 0);
    return NULL;
}

static void open_all(void)
{
    static const struct canring_channel_config channels[] = {{.name = "com1"}, {.name = "com2"}};
    const struct canring_bus_options memory = {.interface = "virtual", .channel = bus_name};
    const struct canring_proxy_options options = {
        .name = "full", .bus = memory, .channels = channels, .channel_count = 2, .report = note};
    struct canring_error err = {0};
    snprintf(bus_name, sizeof(bus_name), "full%d", (int)getpid());
    if (canring_proxy_open(&proxy, &options, &err) < 0 || canring_bus_open(&bus, &memory, &err) < 0)
        fail_msg("%s", err.text);
}

static struct canring_channel *attach(const char *name)
{
    struct canring_channel *channel;
    struct canring_error err = {0};
    if (canring_channel_attach(&channel, name, NULL, &err) < 0)
        fail_msg("%s: %s", name, err.text);
    return channel;
}

static void send_id(uint32_t id)
{
    union canring_frame_buffer b;
    canring_frame_classic(&b.frame, id, NULL, 0);
    assert_int_equal(canring_bus_send(bus, &b.frame, 5000), 0);
}

static void expect_id(struct canring_channel *channel, uint32_t id)
{
    union canring_frame_buffer b;
    assert_int_equal(canring_channel_receive(channel, &b, 10000), 1);
    assert_int_equal(b.frame.id, id);
    assert_null(canring_channel_peek(channel)); /* gives the memory back, counts */
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void detach_com1(struct canring_channel *channel, unsigned times)
{
    canring_channel_detach(channel);
    for (unsigned tries = 0; tries < 500 && atomic_load(&detached) < times; tries++)
        usleep(10000);
    assert_int_equal(atomic_load(&detached), times);
}

static void a_full_shm_costs_a_channel_only_while_it_is_full(void **state)
{
    (void)state;
    struct canring_error err = {0};
    struct canring_channel *one, *two;
    pthread_t thread;
    char *json;
    open_all();
    assert_int_equal(pthread_create(&thread, NULL, serve, NULL), 0);
    one = attach("full/com1");
    two = attach("full/com2");
    send_id(1);
    expect_id(one, 1);
    expect_id(two, 1);

    limit_files(4096); /* posix_fallocate fails, for another reason */
    detach_com1(one, 1);
    assert_int_equal(canring_channel_attach(&one, "full/com1", NULL, &err), -EFBIG);
    assert_non_null(strstr(err.text, "RLIMIT_FSIZE"));
    send_id(2);
    expect_id(two, 2);
    assert_int_equal(canring_proxies(&json, NULL), 1);
    assert_non_null(strstr(json, "\"published\": 1,"));
    assert_non_null(strstr(json, "\"published\": 2,"));
    free(json);

    limit_files(RLIM_INFINITY);
    one = attach("full/com1");
    send_id(3);
    expect_id(one, 3);
    expect_id(two, 3);
    detach_com1(one, 2);
    canring_channel_detach(two);
    canring_proxy_stop(proxy);
    pthread_join(thread, NULL);
    canring_proxy_close(proxy);
    canring_bus_close(bus);
}

int main(void)
{
    char runtime[] = "/tmp/full.XXXXXX";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_shm_costs_a_channel_only_while_it_is_full),
    };
    signal(SIGXFSZ, SIG_IGN);
    if (!mkdtemp(runtime) || setenv("CANRING_RUNTIME_DIR", runtime, 1) < 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(runtime);
    return failed;
}
