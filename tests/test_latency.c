/* What a rig asks of the kernel for a thread: given, or refused with the reason. The refusals
 * happen in children that have given up every privilege. */
#include "check.h"

#include <canring/latency.h>
#include <canring/proxy.h>
#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/huge.h"
#include "shm/latency.h"
#include "shm/privilege.h"

#define NOBODY 65534

/* With a sanitizer mlockall locks nothing, which is refused. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CAN_LOCK false
#elif defined(__has_feature)
#define CAN_LOCK (!__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer))
#else
#define CAN_LOCK true
#endif

static char runtime[64];

/* ---- children with and without privileges -----------------------------------------------------
 */

static bool give_up_privileges(void)
{
    const struct rlimit none = {0, 0};
    return setrlimit(RLIMIT_RTPRIO, &none) == 0 && setrlimit(RLIMIT_MEMLOCK, &none) == 0 &&
           (geteuid() != 0 ||
            (setresgid(NOBODY, NOBODY, NOBODY) == 0 && setresuid(NOBODY, NOBODY, NOBODY) == 0));
}

/* Run `what` in a process of its own; it says nothing and returns 0, or what is wrong. */
static void in_child(int (*what)(void), bool privileged)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        if (!privileged && !give_up_privileges())
            _exit(99);
        _exit(what());
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)
#define SAYS(err, words)                                                                           \
    do {                                                                                           \
        if (!strstr((err).text, words)) {                                                          \
            fprintf(stderr, "%s:%d: '%s' lacks '%s'\n", __FILE__, __LINE__, (err).text, words);    \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

static size_t first_cpu(char *text, size_t space)
{
    cpu_set_t mine;
    size_t cpu = 0;
    sched_getaffinity(0, sizeof(mine), &mine);
    while (!CPU_ISSET(cpu, &mine))
        cpu++;
    snprintf(text, space, "%zu", cpu);
    return cpu;
}

static int pin_and_slack(void)
{
    char cpu[16];
    cpu_set_t got;
    size_t wanted = first_cpu(cpu, sizeof(cpu));
    const struct canring_latency latency = {.cpus = cpu, .timer_slack = 1234};
    struct canring_latency_state now;
    CHECK(canring_latency_check(&latency, NULL) == 0);
    CHECK(prctl(PR_GET_TIMERSLACK) != 1234); /* checking changes nothing */
    CHECK(canring_latency_apply(&latency, NULL) == 0);
    CHECK(sched_getaffinity(0, sizeof(got), &got) == 0);
    CHECK(CPU_COUNT(&got) == 1 && CPU_ISSET(wanted, &got));
    CHECK(prctl(PR_GET_TIMERSLACK) == 1234);
    canring_latency_state(&now);
    CHECK(strcmp(now.cpus, cpu) == 0 && strcmp(now.policy, "other") == 0);
    CHECK(now.timer_slack == 1234 && now.locked_kib == 0);
    return 0;
}

static void processors_and_timer_slack_take_no_privilege(void **state)
{
    (void)state;
    in_child(pin_and_slack, false);
}

static int missing_cpus(void)
{
    struct canring_error err = {0};
    cpu_set_t before, after;
    char list[32], cpu[16];
    first_cpu(cpu, sizeof(cpu));
    snprintf(list, sizeof(list), "%s,1023", cpu);
    sched_getaffinity(0, sizeof(before), &before);
    const struct canring_latency some = {.cpus = list}, none = {.cpus = "1023"}, no = {.cpus = "x"};
    CHECK(canring_latency_apply(&some, &err) == -EINVAL);
    SAYS(err, "may run on");
    SAYS(err, list);
    CHECK(canring_latency_apply(&none, &err) == -EINVAL);
    SAYS(err, "cpus '1023': this process may run on");
    CHECK(canring_latency_apply(&no, &err) == -EINVAL);
    SAYS(err, "taskset");
    sched_getaffinity(0, sizeof(after), &after);
    CHECK(CPU_EQUAL(&before, &after));
    return 0;
}

static void processors_that_are_not_there_are_refused_not_left_out(void **state)
{
    (void)state;
    in_child(missing_cpus, false);
}

static int fifo_refused(void)
{
    const struct canring_latency latency = {.sched_fifo = 50}, high = {.sched_fifo = 100};
    struct canring_error err = {0};
    CHECK(canring_latency_check(&latency, &err) == -EPERM);
    SAYS(err, "sched_fifo 50: needs CAP_SYS_NICE");
    SAYS(err, "RLIMIT_RTPRIO of at least 50, which is 0 here");
    SAYS(err, "LimitRTPRIO=");
    CHECK(canring_latency_apply(&latency, &err) == -EPERM);
    CHECK(sched_getscheduler(0) == SCHED_OTHER);
    CHECK(canring_latency_check(&high, &err) == -EINVAL);
    SAYS(err, "1..99");
    return 0;
}

static void real_time_without_privilege_is_refused_with_the_limit(void **state)
{
    (void)state;
    in_child(fifo_refused, false);
}

static int mlock_refused(void)
{
    const struct canring_latency latency = {.mlock = true};
    struct canring_error err = {0};
    CHECK(canring_latency_check(&latency, &err) == -EPERM);
    SAYS(err, "mlock: needs CAP_IPC_LOCK");
    SAYS(err, "which is 0 KiB here");
    CHECK(canring_latency_apply(&latency, &err) == -EPERM);
    SAYS(err, "LimitMEMLOCK=");
    CHECK(cr_proc_kib("/proc/self/status", "VmLck") == 0);
    return 0;
}

static int mlock_beyond_limit(void)
{
    const struct rlimit megabyte = {1 << 20, 1 << 20};
    const struct canring_latency latency = {.mlock = true};
    struct canring_error err = {0};
    if (setrlimit(RLIMIT_MEMLOCK, &megabyte) < 0 ||
        (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) < 0))
        return 1;
    CHECK(canring_latency_check(&latency, &err) == -EPERM);
    SAYS(err, "which is 1024 KiB here");
    CHECK(canring_latency_apply(&latency, &err) == -ENOMEM);
    SAYS(err, "RLIMIT_MEMLOCK of at least");
    return 0;
}

static void locking_memory_without_privilege_is_refused_with_the_limit(void **state)
{
    struct rlimit limit;
    (void)state;
    if (!CAN_LOCK)
        skip();
    in_child(mlock_refused, false);
    getrlimit(RLIMIT_MEMLOCK, &limit);
    if (limit.rlim_max >= 1 << 20)
        in_child(mlock_beyond_limit, true);
}

static int all_of_it(void)
{
    const struct canring_latency latency = {.sched_fifo = 7, .timer_slack = 999, .mlock = CAN_LOCK};
    struct canring_error err = {0};
    struct canring_latency_state now;
    struct sched_param param;
    if (canring_latency_apply(&latency, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    CHECK(sched_getscheduler(0) == SCHED_FIFO);
    CHECK(sched_getparam(0, &param) == 0 && param.sched_priority == 7);
    CHECK(prctl(PR_GET_TIMERSLACK) <= 999); /* none for real-time threads since Linux 6.12 */
    canring_latency_state(&now);
    CHECK(strcmp(now.policy, "fifo") == 0 && now.priority == 7);
    if (!CAN_LOCK)
        return 0;
    CHECK(now.locked_kib > 0);
    void *more = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(more != MAP_FAILED);
    unsigned char resident[256];
    CHECK(mincore(more, 1 << 20, resident) == 0);
    for (size_t i = 0; i < (1u << 20) / (size_t)sysconf(_SC_PAGESIZE); i++)
        CHECK(resident[i] & 1); /* what comes later is there from the beginning */
    return 0;
}

static void need_privileges(void)
{
    const struct canring_latency latency = {.sched_fifo = 1, .mlock = true};
    struct canring_error err = {0};
    if (canring_latency_check(&latency, &err) == 0)
        return;
    print_message("skipped: %s\n", err.text);
    skip();
}

static void with_privileges_all_is_given(void **state)
{
    (void)state;
    need_privileges();
    in_child(all_of_it, true);
}

/* ---- a proxy ----------------------------------------------------------------------------------
 */

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
        cmocka_unit_test(processors_and_timer_slack_take_no_privilege),
        cmocka_unit_test(processors_that_are_not_there_are_refused_not_left_out),
        cmocka_unit_test(real_time_without_privilege_is_refused_with_the_limit),
        cmocka_unit_test(locking_memory_without_privilege_is_refused_with_the_limit),
        cmocka_unit_test(with_privileges_all_is_given),
        cmocka_unit_test(a_proxy_is_refused_before_its_bus_is_opened),
        cmocka_unit_test(a_proxy_takes_it_on_the_thread_that_runs_it_and_says_so),
        cmocka_unit_test(rings_lie_in_huge_pages_when_asked_for),
    };
    return cmocka_run_group_tests(tests, make_runtime_dir, remove_runtime_dir);
}
