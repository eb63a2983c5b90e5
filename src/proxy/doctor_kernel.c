/* The kernel: its version, how it preempts, what of io_uring it has, its clock. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/doctor.h"

#define SLACK_DEFAULT 50000 /* ns */

static void check_version(const struct cr_machine *m, struct canring_findings *f)
{
    static const struct cr_advice advice = {
        "kernel", "Linux 6.1 or newer",
        "receiving many frames with one system call (multishot, deferred task work) and huge pages "
        "on /dev/shm came with 6.0 and 6.1; older ones work, with more calls",
        "install a newer kernel"};
    char release[96];
    unsigned major = 0, minor = 0;
    if (!cr_machine_line(m, "proc/sys/kernel/osrelease", release, sizeof(release))) {
        cr_finding_unknown(f, &advice);
        return;
    }
    bool enough =
        sscanf(release, "%u.%u", &major, &minor) == 2 && (major > 6 || (major == 6 && minor >= 1));
    cr_finding(f, enough ? CANRING_FINDING_OK : CANRING_FINDING_WARN, &advice, "%s", release);
}

static void check_preemption(const struct cr_machine *m, struct canring_findings *f)
{
    static const struct cr_advice advice = {
        "preemption", "PREEMPT_RT",
        "without it the kernel's own work (drivers, softirqs) can hold a SCHED_FIFO thread up for "
        "milliseconds now and then",
        "apt-get install linux-image-rt-amd64 (Debian), boot it"};
    char version[256];
    int64_t realtime;
    if (!cr_machine_line(m, "proc/sys/kernel/version", version, sizeof(version))) {
        cr_finding_unknown(f, &advice);
        return;
    }
    bool rt = (cr_machine_number(m, "sys/kernel/realtime", &realtime) && realtime == 1) ||
              strstr(version, "PREEMPT_RT");
    const char *what = strstr(version, "PREEMPT");
    cr_finding(f, rt ? CANRING_FINDING_OK : CANRING_FINDING_WARN, &advice, "%.*s",
               what ? (int)strcspn(what, " ") : 4, what ? what : "none");
}

static void check_uring(const struct cr_machine *m, struct canring_findings *f)
{
    static const struct cr_advice advice = {
        "io_uring", "allowed, with deferred task work and multishot receive",
        "without it epoll does the same with more system calls; containers' seccomp profiles and "
        "kernel.io_uring_disabled forbid it",
        "sysctl -w kernel.io_uring_disabled=0; in a container: a seccomp profile that allows "
        "io_uring_setup, io_uring_enter, io_uring_register"};
    char disabled[32];
    if (!cr_machine_line(m, "proc/sys/kernel/io_uring_disabled", disabled, sizeof(disabled)))
        snprintf(disabled, sizeof(disabled), "unknown");
    if (m->uring_error < 0)
        cr_finding(f, CANRING_FINDING_WARN, &advice, "refused: %s (kernel.io_uring_disabled is %s)",
                   strerror(-m->uring_error), disabled);
    else
        cr_finding(f,
                   m->uring_defer && m->uring_multishot ? CANRING_FINDING_OK : CANRING_FINDING_WARN,
                   &advice, "allowed, %s deferred task work, %s multishot receive",
                   m->uring_defer ? "with" : "without", m->uring_multishot ? "with" : "without");
}

static void check_clock(const struct cr_machine *m, struct canring_findings *f)
{
    static const struct cr_advice advice = {
        "clocksource", "tsc (arch_sys_counter on ARM, kvm-clock in a guest)",
        "with any other the time stamp of each batch is a system call and a slow read",
        "boot with tsc=reliable if the processor's is, or look in dmesg why it was given up"};
    static const char *const fast[] = {"tsc", "arch_sys_counter", "kvm-clock",
                                       "hyperv_clocksource"};
    char name[64];
    bool good = false;
    cr_machine_line(m, "sys/devices/system/clocksource/clocksource0/current_clocksource", name,
                    sizeof(name));
    for (size_t i = 0; i < sizeof(fast) / sizeof(fast[0]); i++)
        good = good || strncmp(name, fast[i], strlen(fast[i])) == 0;
    cr_finding(f, good ? CANRING_FINDING_OK : CANRING_FINDING_WARN, &advice, "%s",
               *name ? name : "unknown");
}

static void check_slack(const struct cr_machine *m, struct canring_findings *f)
{
    static const struct cr_advice advice = {
        "timer_slack", "50000 ns or less",
        "a sleep with a timeout may end that much later; wakes by frames are not delayed",
        "latency: {timer_slack: 1} in the configuration"};
    int64_t slack;
    if (!cr_machine_number(m, "proc/self/timerslack_ns", &slack))
        cr_finding_unknown(f, &advice);
    else
        cr_finding(f, slack <= SLACK_DEFAULT ? CANRING_FINDING_OK : CANRING_FINDING_WARN, &advice,
                   "%lld ns", (long long)slack);
}

static void check_throttling(const struct cr_machine *m, struct canring_findings *f)
{
    static const struct cr_advice advice = {
        "rt_throttling", "950000 of 1000000 us",
        "a SCHED_FIFO thread that spins would keep a processor for ever and hang what needs it; "
        "this leaves the others 50 ms of each second, in which the thread stands still",
        "sysctl -w kernel.sched_rt_runtime_us=950000"};
    int64_t runtime, period;
    bool known = cr_machine_number(m, "proc/sys/kernel/sched_rt_runtime_us", &runtime) &&
                 cr_machine_number(m, "proc/sys/kernel/sched_rt_period_us", &period);
    if (!known)
        cr_finding_unknown(f, &advice);
    else if (runtime < 0 || runtime >= period)
        cr_finding(f, CANRING_FINDING_WARN, &advice, "off (%lld)", (long long)runtime);
    else
        cr_finding(f, CANRING_FINDING_OK, &advice, "%lld of %lld us", (long long)runtime,
                   (long long)period);
}

/* The eighth number of the line of all processors; negative: unknown. */
static double steal_percent(const struct cr_machine *m)
{
    char line[512], *at = line, *end;
    double sum = 0, steal = 0;
    if (!cr_machine_field(m, "proc/stat", "cpu ", line, sizeof(line)))
        return -1;
    for (unsigned i = 0; i < 8; i++, at = end) {
        double value = strtod(at, &end);
        sum += value;
        steal = i == 7 ? value : 0;
    }
    return sum > 0 ? 100 * steal / sum : -1;
}

static void check_virtual(const struct cr_machine *m, struct canring_findings *f)
{
    static const struct cr_advice advice = {
        "virtualization", "none",
        "a guest's processor is taken away whenever the host wants it: worst cases are the host's",
        "run on the machine itself, or pin the guest's processors on the host and isolate them "
        "there"};
    char flags[4096];
    double taken = steal_percent(m);
    if (!cr_machine_field(m, "proc/cpuinfo", "flags", flags, sizeof(flags)))
        cr_finding_unknown(f, &advice);
    else if (strstr(flags, " hypervisor") && taken < 0)
        cr_finding(f, CANRING_FINDING_WARN, &advice, "a guest, it is unknown what is taken away");
    else if (strstr(flags, " hypervisor"))
        cr_finding(f, CANRING_FINDING_WARN, &advice, "a guest, %.2f %% of the time taken away",
                   taken);
    else
        cr_finding(f, CANRING_FINDING_OK, &advice, "none");
}

void cr_doctor_kernel(const struct cr_machine *machine, struct canring_findings *findings)
{
    check_version(machine, findings);
    check_preemption(machine, findings);
    check_uring(machine, findings);
    check_clock(machine, findings);
    check_slack(machine, findings);
    check_throttling(machine, findings);
    check_virtual(machine, findings);
}
