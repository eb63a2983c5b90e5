/* What a rig asks of the kernel for a thread: given, or refused with the reason. The refusals
 * happen in children that have given up every privilege. */
#include "latency_rig.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "shm/cpu_list.h"
#include "shm/privilege.h"

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

static int refused_while_pinned(void)
{
    struct canring_error err = {0};
    cpu_set_t set, after;
    char cpu[16], all[128], words[192], two[32];
    const struct canring_latency none = {.cpus = "1023"}, some = {.cpus = two};
    memset(&set, 0xff, sizeof(set));
    CHECK(sched_setaffinity(0, sizeof(set), &set) == 0);
    CHECK(sched_getaffinity(0, sizeof(set), &set) == 0);
    cr_cpu_list_format(&set, all, sizeof(all));
    snprintf(words, sizeof(words), "may run on %s only", all);
    size_t first = first_cpu(cpu, sizeof(cpu));
    snprintf(two, sizeof(two), "%s,1023", cpu);
    CPU_ZERO(&set);
    CPU_SET(first, &set);
    CHECK(sched_setaffinity(0, sizeof(set), &set) == 0);
    CHECK(canring_latency_apply(&none, &err) == -EINVAL);
    SAYS(err, words);
    CHECK(canring_latency_apply(&some, &err) == -EINVAL);
    SAYS(err, words);
    CHECK(sched_getaffinity(0, sizeof(after), &after) == 0 && CPU_EQUAL(&set, &after));
    return 0;
}

/* taskset's choice was told as what is allowed. */
static void a_refusal_names_all_processors_that_are_allowed(void **state)
{
    (void)state;
    in_child(refused_while_pinned, false);
}

static int long_slack(void)
{
    const struct canring_latency most = {.timer_slack = UINT32_MAX},
                                 more = {.timer_slack = 3000000000};
    struct canring_latency_state now;
    CHECK(canring_latency_apply(&more, NULL) == 0);
    canring_latency_state(&now);
    CHECK(now.timer_slack == 3000000000);
    CHECK(canring_latency_apply(&most, NULL) == 0);
    canring_latency_state(&now);
    CHECK(now.timer_slack == UINT32_MAX);
    return 0;
}

/* prctl's int was negative, and told as 0. */
static void a_timer_slack_beyond_an_int_is_told_as_it_is(void **state)
{
    (void)state;
    in_child(long_slack, false);
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

static void with_privileges_all_is_given(void **state)
{
    (void)state;
    need_privileges();
    in_child(all_of_it, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processors_and_timer_slack_take_no_privilege),
        cmocka_unit_test(processors_that_are_not_there_are_refused_not_left_out),
        cmocka_unit_test(a_refusal_names_all_processors_that_are_allowed),
        cmocka_unit_test(a_timer_slack_beyond_an_int_is_told_as_it_is),
        cmocka_unit_test(real_time_without_privilege_is_refused_with_the_limit),
        cmocka_unit_test(locking_memory_without_privilege_is_refused_with_the_limit),
        cmocka_unit_test(with_privileges_all_is_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
