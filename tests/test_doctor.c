/* The doctor on machines made of files: a rig that is fit for everything, and the same with one
 * thing wrong. What the kernel itself is asked for is answered by the test. */
#include "check.h"

#include <errno.h>
#include <jansson.h>
#include <linux/can/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/doctor.h"

static char root[64];
static struct cr_machine machine;
static struct cr_link can0;

static int answer_link(struct cr_link *link, const char *name, int index)
{
    (void)index;
    if (strcmp(name, "can0") != 0)
        return -ENODEV;
    *link = can0;
    return 0;
}

static void put(const char *path, const char *text)
{
    char whole[256];
    snprintf(whole, sizeof(whole), "%s/%s", root, path);
    for (char *at = whole + strlen(root) + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        mkdir(whole, 0755);
        *at = '/';
    }
    FILE *file = fopen(whole, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static const struct {
    const char *path, *text;
} rig[] = {
    {"proc/sys/kernel/osrelease", "6.12.48-rt-amd64\n"},
    {"proc/sys/kernel/version", "#1 SMP PREEMPT_RT Debian 6.12.48-1\n"},
    {"proc/sys/kernel/io_uring_disabled", "0\n"},
    {"proc/sys/kernel/sched_rt_runtime_us", "950000\n"},
    {"proc/sys/kernel/sched_rt_period_us", "1000000\n"},
    {"proc/self/timerslack_ns", "50000\n"},
    {"proc/self/status", "Name:\tcanring\nCapEff:\t0000000000000000\n"},
    {"proc/self/limits",
     "Limit                     Soft Limit           Hard Limit           Units\n"
     "Max locked memory         unlimited            unlimited            bytes\n"
     "Max realtime priority     99                   99\n"},
    {"proc/cmdline", "quiet isolcpus=2-3 nohz_full=2-3 rcu_nocbs=2-3\n"},
    {"proc/cpuinfo", "processor : 0\nflags\t\t: fpu tsc constant_tsc\n"},
    {"proc/stat", "cpu  100 0 100 800 0 0 0 0 0 0\n"},
    {"proc/sys/net/core/rmem_max", "33554432\n"},
    {"proc/sys/net/core/netdev_max_backlog", "1000\n"},
    {"proc/net/softnet_stat", "000000ff 00000000 00000001 0\n000000ff 00000000 00000001 0\n"},
    {"proc/sys/vm/swappiness", "1\n"},
    {"proc/meminfo", "MemTotal: 1000 kB\nSwapTotal:       0 kB\n"},
    {"proc/interrupts", "      CPU0 CPU1\n  9: 1 2 IO-APIC 9-edge acpi\n 55: 10 20 PCI-MSI can0\n"},
    {"proc/irq/55/smp_affinity_list", "0-1\n"},
    {"sys/kernel/realtime", "1\n"},
    {"sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"},
    {"sys/kernel/mm/transparent_hugepage/shmem_enabled", "always advise [never] deny force\n"},
    {"sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n"},
    {"sys/devices/system/cpu/isolated", "2-3\n"},
    {"sys/devices/system/cpu/nohz_full", "2-3\n"},
    {"sys/devices/system/cpu/smt/active", "0\n"},
    {"sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n"},
    {"sys/devices/system/cpu/cpu10/cpufreq/scaling_governor", "performance\n"},
    {"sys/devices/system/cpu/cpu0/cpuidle/state0/latency", "2\n"},
    {"sys/devices/system/cpu/cpu0/cpuidle/state0/name", "C1\n"},
    {"sys/devices/system/cpu/cpu0/cpuidle/state0/disable", "0\n"},
    {"sys/devices/system/cpu/cpu0/cpuidle/state3/latency", "133\n"},
    {"sys/devices/system/cpu/cpu0/cpuidle/state3/name", "C6\n"},
    {"sys/devices/system/cpu/cpu0/cpuidle/state3/disable", "1\n"},
    {"sys/class/net/can0/type", "280\n"},
    {"sys/class/net/can0/ifindex", "3\n"},
    {"sys/class/net/can0/tx_queue_len", "1000\n"},
    {"sys/class/net/can0/statistics/rx_over_errors", "0\n"},
    {"sys/class/net/can0/statistics/rx_fifo_errors", "0\n"},
    {"sys/class/net/can0/statistics/rx_dropped", "0\n"},
};

static void make_rig(void)
{
    for (size_t i = 0; i < sizeof(rig) / sizeof(rig[0]); i++)
        put(rig[i].path, rig[i].text);
    can0 = (struct cr_link){.index = 3,
                            .name = "can0",
                            .is_can = true,
                            .up = true,
                            .controller = true,
                            .has_state = true,
                            .state = CAN_STATE_ERROR_ACTIVE,
                            .nominal = {.bitrate = 500000},
                            .restart_ms = 100};
    machine = (struct cr_machine){.root = root,
                                  .uring_defer = true,
                                  .uring_multishot = true,
                                  .shm_mounted = true,
                                  .shm_tmpfs = true,
                                  .shm_bytes = UINT64_C(8) << 30,
                                  .shm_free = UINT64_C(8) << 30,
                                  .link = answer_link};
}

static int remove_tree(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-r", root, (char *)NULL);
        _exit(1);
    }
    return waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

static int make_tree(void **state)
{
    (void)state;
    snprintf(root, sizeof(root), "/tmp/canring-doctor-XXXXXX");
    if (!mkdtemp(root))
        return -1;
    make_rig();
    return 0;
}

/* Expect that this is what is said of `name`, and that of nothing else anything is wrong but of
 * `also` (NULL: nothing). */
static void expect_with(const char *name, enum canring_finding_level level, const char *found,
                        const char *remedy, const char *also)
{
    struct canring_findings findings;
    bool seen = false;
    assert_int_equal(cr_doctor_examine(&machine, &findings), 0);
    for (size_t i = 0; i < findings.count; i++) {
        const struct canring_finding *f = &findings.list[i];
        if (strcmp(f->name, name) != 0) {
            if (f->level != CANRING_FINDING_OK && strcmp(f->name, also ? also : "") != 0 &&
                strcmp(f->name, "net_admin") != 0)
                fail_msg("%s is %s: %s", f->name, canring_finding_level_name(f->level), f->found);
            continue;
        }
        seen = true;
        if (f->level != level || !strstr(f->found, found) || !strstr(f->remedy, remedy))
            fail_msg("%s is %s: '%s', do '%s'", name, canring_finding_level_name(f->level),
                     f->found, f->remedy);
        assert_true(f->wanted[0] && f->why[0]);
    }
    if (!seen)
        fail_msg("nothing is said of %s", name);
    canring_findings_free(&findings);
    make_rig();
}

static void expect(const char *name, enum canring_finding_level level, const char *found,
                   const char *remedy)
{
    expect_with(name, level, found, remedy, NULL);
}

#define OK   CANRING_FINDING_OK
#define WARN CANRING_FINDING_WARN
#define BAD  CANRING_FINDING_BAD

static void a_machine_that_is_fit_has_nothing_said_against_it(void **state)
{
    struct canring_findings findings;
    (void)state;
    assert_int_equal(cr_doctor_examine(&machine, &findings), 0);
    assert_true(findings.count >= 30);
    for (size_t i = 0; i < findings.count; i++) {
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(findings.list[i].name, findings.list[j].name);
        if (findings.list[i].level == CANRING_FINDING_OK)
            assert_string_equal(findings.list[i].remedy, "");
    }
    canring_findings_free(&findings);
    expect("net_admin", WARN, "not there", "setcap cap_net_admin+ep");
}

static void the_kernel_is_looked_at(void **state)
{
    (void)state;
    put("proc/sys/kernel/osrelease", "5.10.0-30-amd64\n");
    expect("kernel", WARN, "5.10.0-30-amd64", "newer kernel");
    put("proc/sys/kernel/osrelease", "10.0\n");
    expect("kernel", OK, "10.0", "");
    put("proc/sys/kernel/version", "#1 SMP PREEMPT_DYNAMIC Debian\n");
    put("sys/kernel/realtime", "0\n");
    expect("preemption", WARN, "PREEMPT_DYNAMIC", "linux-image-rt");
    machine.uring_error = -EPERM;
    put("proc/sys/kernel/io_uring_disabled", "2\n");
    expect("io_uring", WARN, "io_uring_disabled is 2", "sysctl -w kernel.io_uring_disabled=0");
    machine.uring_defer = false;
    expect("io_uring", WARN, "without deferred task work", "");
    put("sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n");
    expect("clocksource", WARN, "hpet", "tsc=reliable");
    put("proc/self/timerslack_ns", "1000000\n");
    expect("timer_slack", WARN, "1000000 ns", "timer_slack: 1");
    put("proc/sys/kernel/sched_rt_runtime_us", "-1\n");
    expect("rt_throttling", WARN, "off (-1)", "950000");
    put("proc/cpuinfo", "flags\t\t: fpu hypervisor lahf_lm\n");
    put("proc/stat", "cpu  100 0 100 750 0 0 0 50 0 0\n");
    expect("virtualization", WARN, "a guest, 5.00 %", "pin");
}

static void the_processors_are_looked_at(void **state)
{
    (void)state;
    put("sys/devices/system/cpu/isolated", "\n");
    expect("isolcpus", WARN, "none", "isolcpus=");
    put("sys/devices/system/cpu/nohz_full", "  (null)\n");
    expect("nohz_full", WARN, "none", "nohz_full=");
    put("proc/cmdline", "quiet xrcu_nocbs=1\n"); /* nohz_full implies it */
    expect("rcu_nocbs", OK, "2-3", "");
    put("proc/cmdline", "quiet\n");
    put("sys/devices/system/cpu/nohz_full", "\n");
    expect_with("rcu_nocbs", WARN, "none", "rcu_nocbs=", "nohz_full");
    put("sys/devices/system/cpu/cpu10/cpufreq/scaling_governor", "powersave\n");
    expect("governor", WARN, "powersave, on 1 of 2", "cpupower frequency-set");
    put("sys/devices/system/cpu/cpu0/cpuidle/state3/disable", "0\n");
    expect("idle_states", WARN, "C6, 133 us", "cpupower idle-set");
    put("sys/devices/system/cpu/smt/active", "1\n");
    expect("smt", WARN, "on", "smt/control");
}

static void limits_and_capabilities_are_looked_at(void **state)
{
    static const char poor[] =
        "Max locked memory         8388608              8388608              bytes\n"
        "Max realtime priority     0                    0\n";
    (void)state;
    put("proc/self/limits", poor);
    expect_with("memlock", WARN, "RLIMIT_MEMLOCK is 8192 KiB", "LimitMEMLOCK=", "rtprio");
    put("proc/self/limits", poor);
    expect_with("rtprio", WARN, "RLIMIT_RTPRIO is 0", "LimitRTPRIO=", "memlock");
    put("proc/self/limits", poor);
    put("proc/self/status", "CapEff:\t0000000000804000\n"); /* ipc_lock, sys_nice */
    expect("memlock", OK, "CAP_IPC_LOCK", "");
    put("proc/self/status", "CapEff:\t0000000000001000\n");
    expect("net_admin", OK, "CAP_NET_ADMIN", "");
}

static void buffers_and_memory_are_looked_at(void **state)
{
    (void)state;
    put("proc/sys/net/core/rmem_max", "212992\n");
    expect("rmem_max", BAD, "444 frames", "sysctl -w net.core.rmem_max=33554432");
    put("proc/sys/net/core/rmem_max", "4194304\n");
    expect("rmem_max", WARN, "8747 frames", "sysctl");
    put("proc/sys/net/core/rmem_max", "212992\n");
    put("proc/self/status", "CapEff:\t0000000000001000\n");
    expect("rmem_max", OK, "CAP_NET_ADMIN", "");
    put("proc/net/softnet_stat", "000000ff 0000000a 1 0\n000000ff 00000001 1 0\n");
    expect("backlog", WARN, "11 dropped", "netdev_max_backlog");
    machine.huge_error = -EOPNOTSUPP;
    put("sys/kernel/mm/transparent_hugepage/shmem_enabled", "always advise never [deny] force\n");
    expect("huge_pages", WARN, "shmem_enabled is deny", "shmem_enabled");
    put("sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n");
    expect("khugepaged", WARN, "always", "echo madvise");
    machine.shm_free = UINT64_C(64) << 20;
    expect("/dev/shm", WARN, "64 MiB free", "--shm-size");
    machine.shm_free = UINT64_C(1) << 20;
    expect("/dev/shm", BAD, "1 MiB free", "remount,size=");
    machine.shm_mounted = false;
    expect("/dev/shm", BAD, "not there", "mount");
    machine.shm_error = -EROFS;
    expect("/dev/shm", BAD, "Read-only file system", "rw /dev/shm");
    machine.shm_tmpfs = false;
    expect("/dev/shm", WARN, "no tmpfs, 8192 MiB, 8192 MiB free", "mount -t tmpfs");
    machine.shm_tmpfs = false;
    machine.shm_free = UINT64_C(1) << 20;
    expect("/dev/shm", BAD, "no tmpfs, 8192 MiB, 1 MiB free", "remount,size=");
    put("proc/meminfo", "SwapTotal:  1000 kB\n");
    put("proc/sys/vm/swappiness", "60\n");
    expect("swappiness", WARN, "60", "vm.swappiness=1");
}

static void can_and_its_interfaces_are_looked_at(void **state)
{
    (void)state;
    machine.can_error = -EAFNOSUPPORT;
    expect("af_can", BAD, "not supported", "modprobe can_raw");
    can0.up = false;
    expect("can0 state", BAD, "down", "ip link set can0 up");
    can0.state = CAN_STATE_BUS_OFF;
    expect("can0 state", BAD, "up, bus-off", "ip link set can0 type can restart");
    can0.nominal.bitrate = 0;
    expect("can0 bitrate", BAD, "0 bit/s", "ip link set can0 type can bitrate");
    can0.mode.flags = CAN_CTRLMODE_FD;
    can0.data.bitrate = 2000000;
    expect("can0 bitrate", OK, "500000 bit/s, data 2000000 bit/s", "");
    can0.restart_ms = 0;
    expect("can0 restart-ms", WARN, "0", "restart-ms 100");
    can0.mode.flags = CAN_CTRLMODE_BERR_REPORTING;
    expect("can0 berr-reporting", WARN, "on", "berr-reporting off");
    put("sys/class/net/can0/tx_queue_len", "10\n");
    expect("can0 txqueuelen", WARN, "10", "txqueuelen 1000");
    put("sys/class/net/can0/statistics/rx_over_errors", "7\n");
    expect("can0 losses", WARN, "7 overrun, 0 dropped", "chrt");
    put("proc/irq/55/smp_affinity_list", "1-2\n");
    expect("can0 irq", WARN, "55 on processors 1-2", "/proc/irq/55/smp_affinity_list");
    put("proc/interrupts", "  9: 1 2 IO-APIC acpi\n");
    expect("can0 irq", OK, "none of its own", "");
}

static void hide(const char *path)
{
    char whole[256];
    snprintf(whole, sizeof(whole), "%s/%s", root, path);
    assert_int_equal(unlink(whole), 0);
}

static void what_cannot_be_read_is_unknown(void **state)
{
    static const struct {
        const char *path, *name, *also;
    } hidden[] = {
        {"proc/sys/kernel/osrelease", "kernel", NULL},
        {"proc/sys/kernel/version", "preemption", NULL},
        {"sys/devices/system/clocksource/clocksource0/current_clocksource", "clocksource", NULL},
        {"proc/self/timerslack_ns", "timer_slack", NULL},
        {"proc/sys/kernel/sched_rt_runtime_us", "rt_throttling", NULL},
        {"proc/cpuinfo", "virtualization", NULL},
        {"sys/devices/system/cpu/isolated", "isolcpus", "can0 irq"},
        {"sys/devices/system/cpu/cpu0/cpuidle/state0/latency", "idle_states", NULL},
        {"sys/devices/system/cpu/smt/active", "smt", NULL},
        {"proc/self/limits", "rtprio", "memlock"},
        {"proc/self/status", "memlock", "rtprio"},
        {"proc/sys/net/core/rmem_max", "rmem_max", NULL},
        {"proc/net/softnet_stat", "backlog", NULL},
        {"sys/kernel/mm/transparent_hugepage/enabled", "khugepaged", NULL},
        {"proc/meminfo", "swappiness", NULL},
        {"sys/class/net/can0/tx_queue_len", "can0 txqueuelen", NULL},
        {"sys/class/net/can0/statistics/rx_fifo_errors", "can0 losses", NULL},
        {"proc/interrupts", "can0 irq", NULL},
        {"proc/irq/55/smp_affinity_list", "can0 irq", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
        hide(hidden[i].path);
        expect_with(hidden[i].name, WARN, "unknown", "", hidden[i].also);
    }
    hide("proc/sys/net/core/netdev_max_backlog"); /* as in a network namespace */
    expect("backlog", OK, "0 dropped since boot, queue of unknown length", "");
    machine.uring_error = -EPERM;
    hide("proc/sys/kernel/io_uring_disabled");
    expect("io_uring", WARN, "io_uring_disabled is unknown", "");
    hide("sys/kernel/mm/transparent_hugepage/shmem_enabled");
    expect("huge_pages", OK, "shmem_enabled is unknown", "");
}

/* What is tried, not read, is known. */
static void without_proc_and_sys_nothing_that_is_read_is_ok(void **state)
{
    static const char tried[] = "io_uring huge_pages /dev/shm af_can";
    struct canring_findings findings;
    (void)state;
    machine.root = "/nonexistent";
    assert_int_equal(cr_doctor_examine(&machine, &findings), 0);
    assert_true(findings.count >= 20);
    for (size_t i = 0; i < findings.count; i++) {
        const struct canring_finding *f = &findings.list[i];
        if (strstr(tried, f->name))
            continue;
        assert_string_equal(f->found, "unknown");
        assert_int_equal(f->level, WARN);
        assert_string_not_equal(f->remedy, "");
    }
    canring_findings_free(&findings);
    make_rig();
}

static void json_has_every_finding(void **state)
{
    struct canring_findings findings;
    (void)state;
    assert_int_equal(canring_doctor(&findings), 0); /* this machine, whatever it is */
    char *text = canring_findings_json(&findings);
    json_t *list = json_loads(text, 0, NULL);
    assert_non_null(list);
    assert_int_equal(json_array_size(list), findings.count);
    for (size_t i = 0; i < findings.count; i++) {
        const json_t *one = json_array_get(list, i);
        assert_string_equal(json_string_value(json_object_get(one, "name")), findings.list[i].name);
        assert_string_equal(json_string_value(json_object_get(one, "found")),
                            findings.list[i].found);
    }
    json_decref(list);
    free(text);
    canring_findings_free(&findings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_machine_that_is_fit_has_nothing_said_against_it),
        cmocka_unit_test(the_kernel_is_looked_at),
        cmocka_unit_test(the_processors_are_looked_at),
        cmocka_unit_test(limits_and_capabilities_are_looked_at),
        cmocka_unit_test(buffers_and_memory_are_looked_at),
        cmocka_unit_test(can_and_its_interfaces_are_looked_at),
        cmocka_unit_test(what_cannot_be_read_is_unknown),
        cmocka_unit_test(without_proc_and_sys_nothing_that_is_read_is_ok),
        cmocka_unit_test(json_has_every_finding),
    };
    return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
