/* The processors: which are kept free, how they save power, what shares a core. */
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "proxy/doctor.h"
#include "shm/cpu_list.h"

#define CPUS       "sys/devices/system/cpu"
#define IDLE_MAX   10 /* us: leaving a deeper state shows in a wake of 10 us */
#define ISOLATE    "add isolcpus=managed_irq,domain,2-3 (your processors) to the kernel's command line"
#define REMEDY_ALL "/etc/default/grub: GRUB_CMDLINE_LINUX, then update-grub and boot"

/* A list of processors that the kernel keeps free in some way; NULL: unknown. */
static void check_list(struct canring_findings *f, const struct cr_advice *advice, const char *list)
{
    cpu_set_t set;
    bool some = list && cr_cpu_list_parse(list, &set);
    if (!list)
        cr_finding_unknown(f, advice);
    else
        cr_finding(f, some ? CANRING_FINDING_OK : CANRING_FINDING_WARN, advice, "%s",
                   some ? list : "none");
}

static void check_isolation(const struct cr_machine *m, struct canring_findings *f)
{
    static const struct cr_advice
        isolated = {"isolcpus", "the processors of the proxy and its auxiliaries",
                    "elsewhere the scheduler puts other tasks beside them and moves them about",
                    ISOLATE "; " REMEDY_ALL},
        tickless = {"nohz_full", "the same processors",
                    "the timer tick interrupts a spinning thread 100 to 1000 "
                    "times a second, some microseconds each",
                    "add nohz_full=2-3 to the kernel's command line (a kernel "
                    "with CONFIG_NO_HZ_FULL); " REMEDY_ALL},
        callbacks = {"rcu_nocbs", "the same processors",
                     "the kernel's deferred freeing runs on them, in bursts",
                     "add rcu_nocbs=2-3 to the kernel's command line; nohz_full "
                     "implies it; " REMEDY_ALL};
    char list[256], nohz[256];
    check_list(f, &isolated,
               cr_machine_line(m, CPUS "/isolated", list, sizeof(list)) ? list : NULL);
    /* Not there: a kernel without it, when the folder is there. */
    bool known =
        cr_machine_line(m, CPUS "/nohz_full", nohz, sizeof(nohz)) || cr_machine_there(m, CPUS);
    if (strstr(nohz, "null"))
        nohz[0] = '\0';
    check_list(f, &tickless, known ? nohz : NULL);
    if (cr_machine_boot(m, "rcu_nocbs", list, sizeof(list)))
        check_list(f, &callbacks, list);
    else
        check_list(f, &callbacks,
                   *nohz || (known && cr_machine_there(m, "proc/cmdline")) ? nohz : NULL);
}

struct power {
    const struct cr_machine *machine;
    const char *cpu;
    unsigned seen;       /* processors */
    unsigned cpus, slow; /* with frequency scaling; of them, not "performance" */
    unsigned states;     /* idle ones that are allowed */
    bool hidden;         /* of one of them the latency */
    char governor[32];   /* the first that is not */
    int64_t exit_us;     /* of the deepest idle state that is allowed */
    char state[32];
};

static void look_at_state(void *arg, const char *name)
{
    struct power *power = arg;
    char path[256];
    int64_t us, disabled;
    snprintf(path, sizeof(path), CPUS "/%s/cpuidle/%s/disable", power->cpu, name);
    if (cr_machine_number(power->machine, path, &disabled) && disabled)
        return;
    power->states++;
    snprintf(path, sizeof(path), CPUS "/%s/cpuidle/%s/latency", power->cpu, name);
    if (!cr_machine_number(power->machine, path, &us))
        power->hidden = true;
    if (us <= power->exit_us)
        return;
    power->exit_us = us;
    snprintf(path, sizeof(path), CPUS "/%s/cpuidle/%s/name", power->cpu, name);
    cr_machine_line(power->machine, path, power->state, sizeof(power->state));
}

static void look_at_cpu(void *arg, const char *name)
{
    struct power *power = arg;
    char path[256], governor[32];
    if (name[strspn(name + 3, "0123456789") + 3] != '\0') /* cpufreq, cpuidle */
        return;
    power->seen++;
    snprintf(path, sizeof(path), CPUS "/%s/cpufreq/scaling_governor", name);
    if (cr_machine_line(power->machine, path, governor, sizeof(governor))) {
        power->cpus++;
        if (strcmp(governor, "performance") != 0 && power->slow++ == 0)
            memcpy(power->governor, governor, sizeof(governor));
    }
    power->cpu = name;
    snprintf(path, sizeof(path), CPUS "/%s/cpuidle", name);
    cr_machine_each(power->machine, path, "state", look_at_state, power);
}

static void check_power(const struct cr_machine *m, struct canring_findings *f)
{
    static const struct cr_advice governor = {"governor", "performance",
                                              "a processor that has slowed down needs tens of "
                                              "microseconds to milliseconds to speed up",
                                              "cpupower frequency-set -g performance"},
                                  idle = {
                                      "idle_states", "none that needs longer than 10 us to leave",
                                      "a sleeping processor has to come out of its state before "
                                      "it sees a frame",
                                      "cpupower idle-set -D 10, or processor.max_cstate=1 "
                                      "intel_idle.max_cstate=0 on the kernel's command line"};
    struct power power = {.machine = m};
    cr_machine_each(m, CPUS, "cpu", look_at_cpu, &power);
    if (!power.seen)
        cr_finding_unknown(f, &governor);
    else if (power.slow)
        cr_finding(f, CANRING_FINDING_WARN, &governor, "%s, on %u of %u", power.governor,
                   power.slow, power.cpus);
    else
        cr_finding(f, CANRING_FINDING_OK, &governor, "%s",
                   power.cpus ? "performance" : "no frequency scaling here");
    if (power.exit_us > IDLE_MAX)
        cr_finding(f, CANRING_FINDING_WARN, &idle, "%s, %lld us", power.state,
                   (long long)power.exit_us);
    else if (!power.seen || power.hidden)
        cr_finding_unknown(f, &idle);
    else if (!power.states)
        cr_finding(f, CANRING_FINDING_OK, &idle, "none here");
    else
        cr_finding(f, CANRING_FINDING_OK, &idle, "at most %lld us", (long long)power.exit_us);
}

static void check_smt(const struct cr_machine *m, struct canring_findings *f)
{
    static const struct cr_advice advice = {
        "smt", "off, or the other thread of the proxy's core left idle",
        "two threads of a core take turns: what runs on the other one slows a spinning proxy",
        "echo off > /sys/devices/system/cpu/smt/control"};
    int64_t on;
    if (!cr_machine_number(m, CPUS "/smt/active", &on))
        cr_finding_unknown(f, &advice);
    else
        cr_finding(f, on ? CANRING_FINDING_WARN : CANRING_FINDING_OK, &advice, "%s",
                   on ? "on" : "off");
}

static void check_rtprio(const struct cr_machine *m, struct canring_findings *f)
{
    static const struct cr_advice advice = {
        "rtprio", "CAP_SYS_NICE, or RLIMIT_RTPRIO of 1 to 99",
        "without it sched_fifo is refused, and any other task may delay the proxy",
        "setcap cap_sys_nice+ep /usr/bin/canring, LimitRTPRIO=99 in the unit, or 'USER - rtprio "
        "99' "
        "in /etc/security/limits.conf"};
    uint64_t limit = cr_machine_limit(m, "Max realtime priority");
    if (cr_machine_capable(m, CAP_SYS_NICE))
        cr_finding(f, CANRING_FINDING_OK, &advice, "CAP_SYS_NICE");
    else if (!cr_machine_there(m, "proc/self/status") || !cr_machine_there(m, "proc/self/limits"))
        cr_finding_unknown(f, &advice);
    else
        cr_finding(f, limit ? CANRING_FINDING_OK : CANRING_FINDING_WARN, &advice,
                   "no CAP_SYS_NICE, RLIMIT_RTPRIO is %llu",
                   (unsigned long long)(limit > 99 ? 99 : limit));
}

void cr_doctor_cpu(const struct cr_machine *machine, struct canring_findings *findings)
{
    check_isolation(machine, findings);
    check_power(machine, findings);
    check_smt(machine, findings);
    check_rtprio(machine, findings);
}
