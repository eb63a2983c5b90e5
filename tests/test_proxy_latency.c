/* What a proxy asks of the kernel for its thread and its rings: checked before its bus is opened,
 * taken on the thread that runs it, shown in its state. */
#include "latency_rig.h"

#include <canring/proxy.h>
#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "shm/huge.h"
#include "shm/privilege.h"

static char runtime[64];

static char reported[4096];

static void note(void *arg, int level, const char *text)
{
    (void)arg, (void)level;
    strncat(reported, text, sizeof(reported) - strlen(reported) - 2);
    strncat(reported, "\n", 2);
}

static struct canring_channel_config channel = {.name = "com", .ring_slots = 65536};

static struct canring_proxy_options options_of(const struct canring_latency *latency)
{
    reported[0] = '\0';
    channel.huge_pages = false;
    channel.ring_slots = 65536;
    return (struct canring_proxy_options){.name = "rig",
                                          .bus = {.interface = "virtual", .channel = "latency"},
                                          .channels = &channel,
                                          .channel_count = 1,
                                          .latency = *latency,
                                          .report = note};
}

static int expect_refusal(const struct canring_proxy_options *options, int code, const char *words)
{
    struct canring_proxy *proxy;
    struct canring_error err = {0};
    CHECK(canring_proxy_open(&proxy, options, &err) == code);
    CHECK(proxy == NULL);
    SAYS(err, words);
    CHECK(!strstr(reported, "open (virtual)")); /* the bus was never touched */
    CHECK(cr_proc_kib("/proc/self/status", "VmLck") == 0);
    return 0;
}

static int own_runtime_dir(void)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%d", runtime, (int)getpid());
    return setenv("CANRING_RUNTIME_DIR", path, 1);
}

static int proxies_refused(void)
{
    const struct canring_latency fifo = {.sched_fifo = 20}, lock = {.mlock = true},
                                 cpus = {.cpus = "1023"}, nothing = {0};
    CHECK(own_runtime_dir() == 0);
    struct canring_proxy_options options = options_of(&fifo);
    CHECK(expect_refusal(&options, -EPERM, "proxy rig: sched_fifo 20") == 0);
    options = options_of(&lock);
    CHECK(expect_refusal(&options, -EPERM, "mlock: needs") == 0);
    options = options_of(&cpus);
    CHECK(expect_refusal(&options, -EINVAL, "cpus '1023'") == 0);
    options = options_of(&nothing);
    options.busy_poll = 10;
    options.wait = CANRING_WAIT_PARK;
    CHECK(expect_refusal(&options, -EINVAL, "no meaning with wait: park") == 0);
    options = options_of(&nothing);
    options.coalesce = 10;
    options.wait = CANRING_WAIT_SPIN;
    CHECK(expect_refusal(&options, -EINVAL, "no meaning with wait: spin") == 0);
    options = options_of(&nothing);
    channel.huge_pages = true;
    channel.ring_slots = 16384;
    CHECK(expect_refusal(&options, -EINVAL, "allowed are 65536") == 0);
    options = options_of(&nothing);
    options.bus.socket_busy_poll = 50;
    CHECK(expect_refusal(&options, -EOPNOTSUPP, "virtual has no busy polling in Linux") == 0);
    return 0;
}

static void a_proxy_is_refused_before_its_bus_is_opened(void **state)
{
    (void)state;
    in_child(proxies_refused, false);
}

struct served {
    struct canring_proxy *proxy;
    json_t *status;
};

/* A proxy's first round is enough for it to have taken what it was given. */
static void *serve(void *arg)
{
    struct served *served = arg;
    if (canring_proxy_poll(served->proxy) < 0)
        return NULL;
    char *text = canring_proxy_status(served->proxy);
    served->status = json_loads(text, 0, NULL);
    free(text);
    return NULL;
}

static const char *word(const struct served *served, const char *key)
{
    return json_string_value(json_object_get(json_object_get(served->status, "latency"), key));
}

static json_int_t figure(const struct served *served, const char *key)
{
    return json_integer_value(json_object_get(json_object_get(served->status, "latency"), key));
}

static int proxy_given(void)
{
    char cpu[16];
    struct served served = {0};
    struct canring_error err = {0};
    pthread_t thread;
    first_cpu(cpu, sizeof(cpu));
    const struct canring_latency latency = {.cpus = cpu, .sched_fifo = 3, .mlock = CAN_LOCK};
    CHECK(own_runtime_dir() == 0);
    struct canring_proxy_options options = options_of(&latency);
    options.busy_poll = 120;
    options.sqpoll = true;
    if (canring_proxy_open(&served.proxy, &options, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    CHECK(sched_getscheduler(0) == SCHED_OTHER); /* that of the thread which runs it */
    pthread_create(&thread, NULL, serve, &served);
    pthread_join(thread, NULL);
    CHECK(served.status != NULL);
    CHECK(strcmp(word(&served, "cpus"), cpu) == 0);
    CHECK(strcmp(word(&served, "policy"), "fifo") == 0 && figure(&served, "priority") == 3);
    if (CAN_LOCK) /* both rings, both times mapped */
        CHECK(figure(&served, "locked_kib") > 2 * 2 * 2048);
    CHECK(figure(&served, "busy_poll_us") == 120);
    bool sqpoll =
        json_is_true(json_object_get(json_object_get(served.status, "latency"), "sqpoll"));
    CHECK(sqpoll != (strstr(reported, "sqpoll: this kernel refuses it") != NULL));
    json_decref(served.status);
    canring_proxy_close(served.proxy);
    CHECK(cr_proc_kib("/proc/self/status", "VmLck") == 0);
    return 0;
}

static void a_proxy_takes_it_on_the_thread_that_runs_it_and_says_so(void **state)
{
    (void)state;
    need_privileges();
    in_child(proxy_given, true);
}

static int huge_rings(void)
{
    struct served served = {0};
    const struct canring_latency nothing = {0};
    struct canring_error err = {0};
    CHECK(own_runtime_dir() == 0);
    struct canring_proxy_options options = options_of(&nothing);
    channel.huge_pages = true;
    if (canring_proxy_open(&served.proxy, &options, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    serve(&served);
    CHECK(figure(&served, "huge_page_kib") >= 2 * 2 * 2048);
    json_decref(served.status);
    canring_proxy_close(served.proxy);
    return 0;
}

static void rings_lie_in_huge_pages_when_asked_for(void **state)
{
    struct canring_error err = {0};
    (void)state;
    if (cr_huge_check(&err) < 0) {
        print_message("skipped: %s\n", err.text);
        skip();
    }
    in_child(huge_rings, true);
}

static int make_runtime_dir(void **state)
{
    (void)state;
    snprintf(runtime, sizeof(runtime), "/tmp/canring-latency-XXXXXX");
    return mkdtemp(runtime) && chmod(runtime, 0777) == 0 ? 0 : -1;
}

static int remove_runtime_dir(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-r", runtime, (char *)NULL);
        _exit(1);
    }
    return waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proxy_is_refused_before_its_bus_is_opened),
        cmocka_unit_test(a_proxy_takes_it_on_the_thread_that_runs_it_and_says_so),
        cmocka_unit_test(rings_lie_in_huge_pages_when_asked_for),
    };
    return cmocka_run_group_tests(tests, make_runtime_dir, remove_runtime_dir);
}
