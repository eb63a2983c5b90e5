#include <canring/latency.h>

#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shm/cpu_list.h"
#include "shm/latency.h"
#include "shm/privilege.h"

#define STACK_TOUCHED (256u << 10)
#define PROBE_STACK   (256u << 10)

/* ---- one thing each ---------------------------------------------------------------------------
 */

static int set_timer_slack(uint32_t ns, struct canring_error *err)
{
    if (ns && prctl(PR_SET_TIMERSLACK, (unsigned long)ns, 0, 0, 0) < 0)
        return canring_error_set(err, -errno, "timer_slack %u: %s", ns, strerror(errno));
    return 0;
}

/* What remains when all are asked for; the affinity that a thread was started with (by taskset)
 * is no limit. */
static void all_cpus(cpu_set_t *may)
{
    memset(may, 0xff, sizeof(*may));
    sched_setaffinity(0, sizeof(*may), may);
    sched_getaffinity(0, sizeof(*may), may);
}

static int refuse_cpus(const char *asked, int code, struct canring_error *err)
{
    char allowed[128];
    cpu_set_t may;
    all_cpus(&may);
    cr_cpu_list_format(&may, allowed, sizeof(allowed));
    return canring_error_set(err, code,
                             "cpus '%.80s': this process may run on %s only (/sys/devices/system/"
                             "cpu/online and the cpuset of its cgroup, AllowedCPUs= of systemd)",
                             asked, *allowed ? allowed : "none of them");
}

/* The kernel takes what it can of a list and says nothing of the rest. */
static int set_cpus(const char *list, struct canring_error *err)
{
    cpu_set_t wanted, before, got;
    if (!list)
        return 0;
    if (!cr_cpu_list_parse(list, &wanted))
        return canring_error_set(err, -EINVAL,
                                 "cpus '%.80s': allowed is a list as taskset -c takes it, such as "
                                 "2, 2-3,6 or 0-6:2, of numbers below %d",
                                 list, CPU_SETSIZE);
    sched_getaffinity(0, sizeof(before), &before);
    int result = sched_setaffinity(0, sizeof(wanted), &wanted) < 0 ? -errno : 0;
    sched_getaffinity(0, sizeof(got), &got);
    if (result == 0 && CPU_EQUAL(&got, &wanted))
        return 0;
    result = refuse_cpus(list, result ? result : -EINVAL, err);
    sched_setaffinity(0, sizeof(before), &before);
    return result;
}

static int refuse_fifo(uint32_t priority, int code, struct canring_error *err)
{
    uint64_t limit = cr_limit(RLIMIT_RTPRIO);
    if (code == -EPERM && (cr_capable(CAP_SYS_NICE) || limit >= priority))
        return canring_error_set(err, code,
                                 "sched_fifo %u: refused although the privilege is there: the "
                                 "cgroup has no real-time budget (cpu.rt_runtime_us)",
                                 priority);
    if (code == -EPERM)
        return canring_error_set(
            err, code,
            "sched_fifo %u: needs CAP_SYS_NICE (setcap cap_sys_nice+ep on the program) or an "
            "RLIMIT_RTPRIO of at least %u, which is %llu here (LimitRTPRIO= of a systemd unit, "
            "rtprio in /etc/security/limits.conf, ulimit -r)",
            priority, priority, (unsigned long long)limit);
    return canring_error_set(err, code, "sched_fifo %u: %s", priority, strerror(-code));
}

static int set_fifo(uint32_t priority, struct canring_error *err)
{
    const struct sched_param param = {.sched_priority = (int)priority};
    if (priority == 0)
        return 0;
    if (priority > CANRING_FIFO_MAX)
        return canring_error_set(err, -EINVAL, "sched_fifo %u: allowed: 1..%u", priority,
                                 CANRING_FIFO_MAX);
    return sched_setscheduler(0, SCHED_FIFO, &param) < 0 ? refuse_fifo(priority, -errno, err) : 0;
}

/* ---- memory -----------------------------------------------------------------------------------
 */

static uint64_t address_space_kib(void)
{
    return cr_proc_kib("/proc/self/status", "VmSize");
}

static int refuse_mlock(uint64_t needed_kib, int code, struct canring_error *err)
{
    return canring_error_set(
        err, code,
        "mlock: needs CAP_IPC_LOCK (setcap cap_ipc_lock+ep on the program) or an RLIMIT_MEMLOCK of "
        "at least %llu KiB, which is %llu KiB here (LimitMEMLOCK= of a systemd unit, memlock in "
        "/etc/security/limits.conf, ulimit -l)",
        (unsigned long long)needed_kib, (unsigned long long)(cr_limit(RLIMIT_MEMLOCK) >> 10));
}

int cr_latency_check_mlock(uint64_t more_bytes, struct canring_error *err)
{
    uint64_t needed_kib = address_space_kib() + (more_bytes >> 10);
    if (cr_capable(CAP_IPC_LOCK) || cr_limit(RLIMIT_MEMLOCK) >> 10 >= needed_kib)
        return 0;
    return refuse_mlock(needed_kib, -EPERM, err);
}

/* So that the first deep call does not wait for memory. */
static void touch_stack(void)
{
    volatile unsigned char stack[STACK_TOUCHED];
    for (size_t i = 0; i < sizeof(stack); i += 4096)
        stack[i] = 0;
}

static int lock_memory(bool wanted, struct canring_error *err)
{
    if (!wanted)
        return 0;
    if (mlockall(MCL_CURRENT | MCL_FUTURE) == 0) {
        touch_stack();
        /* The sanitizers' does nothing and says that all is well. */
        return cr_proc_kib("/proc/self/status", "VmLck")
                   ? 0
                   : canring_error_set(err, -EOPNOTSUPP,
                                       "mlock: mlockall locked nothing: something stands in the "
                                       "kernel's place (a sanitizer, a preloaded library)");
    }
    int code = -errno;
    if (code == -EPERM || (code == -ENOMEM && !cr_capable(CAP_IPC_LOCK)))
        return refuse_mlock(address_space_kib(), code, err);
    return canring_error_set(err, code, "mlock: %s", strerror(-code));
}

/* ---- all of them ------------------------------------------------------------------------------
 */

static int apply_to_thread(const struct canring_latency *latency, struct canring_error *err)
{
    int result = set_timer_slack(latency->timer_slack, err);
    if (result == 0)
        result = set_cpus(latency->cpus, err);
    if (result == 0)
        result = set_fifo(latency->sched_fifo, err);
    return result;
}

int canring_latency_apply(const struct canring_latency *latency, struct canring_error *err)
{
    int result = apply_to_thread(latency, err);
    return result < 0 ? result : lock_memory(latency->mlock, err);
}

struct probe {
    const struct canring_latency *latency;
    struct canring_error *err;
    int result;
};

static void *probe_thread(void *arg)
{
    struct probe *probe = arg;
    probe->result = apply_to_thread(probe->latency, probe->err);
    return NULL;
}

int canring_latency_check(const struct canring_latency *latency, struct canring_error *err)
{
    struct probe probe = {latency, err, 0};
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, PROBE_STACK);
    int failed = pthread_create(&thread, &attributes, probe_thread, &probe);
    pthread_attr_destroy(&attributes);
    if (failed)
        return canring_error_set(err, -failed, "no thread to try it on: %s", strerror(failed));
    pthread_join(thread, NULL);
    if (probe.result < 0 || !latency->mlock)
        return probe.result;
    return cr_latency_check_mlock(0, err);
}

/* ---- what is ----------------------------------------------------------------------------------
 */

static const char *policy_name(int policy)
{
    static const char *const names[] = {"other", "fifo", "rr", "batch", "iso", "idle", "deadline"};
    policy &= ~SCHED_RESET_ON_FORK;
    return policy >= 0 && (size_t)policy < sizeof(names) / sizeof(names[0]) ? names[policy]
                                                                            : "unknown";
}

void canring_latency_state(struct canring_latency_state *state)
{
    struct sched_param param = {0};
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    sched_getaffinity(0, sizeof(cpus), &cpus);
    cr_cpu_list_format(&cpus, state->cpus, sizeof(state->cpus));
    state->policy = policy_name(sched_getscheduler(0));
    sched_getparam(0, &param);
    state->priority = (uint32_t)param.sched_priority;
    /* The C library's prctl gives an int. */
    state->timer_slack = (unsigned long)syscall(SYS_prctl, PR_GET_TIMERSLACK, 0, 0, 0, 0);
    state->locked_kib = cr_proc_kib("/proc/self/status", "VmLck");
    state->huge_page_kib = cr_proc_kib("/proc/self/smaps_rollup", "ShmemPmdMapped");
}
