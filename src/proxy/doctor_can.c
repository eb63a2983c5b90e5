/* CAN: the kernel's part, and each interface with its bit rate, queue, losses and interrupt. */
#include <errno.h>
#include <linux/can/netlink.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "can/netdev.h"
#include "proxy/doctor.h"
#include "shm/cpu_list.h"

#define QUEUE_WANTED 100 /* of a controller: the kernel's 10 are full in a millisecond */

static void check_family(const struct cr_machine *m, struct canring_findings *f)
{
    static const struct cr_advice advice = {
        "af_can", "sockets of AF_CAN",
        "without it there is no SocketCAN: only virtual, udp_multicast and replay buses work",
        "modprobe can_raw (a kernel with CONFIG_CAN; Debian's cloud kernels lack it)"};
    cr_finding(f, m->can_error ? CANRING_FINDING_BAD : CANRING_FINDING_OK, &advice, "%s",
               m->can_error ? strerror(-m->can_error) : "there");
}

static void check_admin(const struct cr_machine *m, struct canring_findings *f)
{
    static const struct cr_advice advice = {
        "net_admin", "CAP_NET_ADMIN",
        "without it canring cannot set bit timing, restart after bus-off or ask for a receive "
        "buffer beyond rmem_max; whoever sets the interface up has to",
        "setcap cap_net_admin+ep /usr/bin/canring, or AmbientCapabilities=CAP_NET_ADMIN in the "
        "unit"};
    bool has = cr_machine_capable(m, CAP_NET_ADMIN);
    if (!cr_machine_there(m, "proc/self/status"))
        cr_finding_unknown(f, &advice);
    else
        cr_finding(f, has ? CANRING_FINDING_OK : CANRING_FINDING_WARN, &advice, "%s",
                   has ? "CAP_NET_ADMIN" : "not there");
}

struct subject {
    const struct cr_machine *machine;
    struct canring_findings *findings;
    const char *name; /* of the interface */
    char title[48], remedy[224];
};

/* `remedy` has one %s, for the interface. */
static void say(struct subject *s, enum canring_finding_level level, const char *what,
                struct cr_advice advice, const char *found)
{
    snprintf(s->title, sizeof(s->title), "%s %s", s->name, what);
    advice.name = s->title;
    advice.remedy = s->remedy;
    cr_finding(s->findings, level, &advice, "%s", found);
}

static void check_state(struct subject *s, const struct cr_link *link)
{
    static const char *const states[] = {"active",  "warning", "passive",
                                         "bus-off", "stopped", "sleeping"};
    const struct cr_advice advice = {.wanted = "up, error active",
                                     .why = "nothing is received on an interface that is down or "
                                            "bus-off"};
    bool known = link->has_state && (size_t)link->state < sizeof(states) / sizeof(states[0]);
    bool off = known && link->state == CAN_STATE_BUS_OFF;
    char found[64];
    snprintf(found, sizeof(found), "%s%s%s", link->up ? "up" : "down", known ? ", " : "",
             known ? states[link->state] : "");
    snprintf(s->remedy, sizeof(s->remedy), "ip link set %s %s", s->name,
             off ? "type can restart" : "up");
    say(s, !link->up || off ? CANRING_FINDING_BAD : CANRING_FINDING_OK, "state", advice, found);
}

static void check_bitrate(struct subject *s, const struct cr_link *link)
{
    const struct cr_advice advice = {.wanted = "that of the bus",
                                     .why = "a wrong bit rate makes error frames of everything, "
                                            "the other nodes' as well"};
    char found[64];
    snprintf(found, sizeof(found), "%u bit/s%s", link->nominal.bitrate,
             link->mode.flags & CAN_CTRLMODE_FD ? ", FD" : "");
    if (link->mode.flags & CAN_CTRLMODE_FD && link->data.bitrate)
        snprintf(found, sizeof(found), "%u bit/s, data %u bit/s", link->nominal.bitrate,
                 link->data.bitrate);
    snprintf(s->remedy, sizeof(s->remedy), "ip link set %s type can bitrate 500000", s->name);
    say(s, link->nominal.bitrate ? CANRING_FINDING_OK : CANRING_FINDING_BAD, "bitrate", advice,
        found);
}

static void check_controller(struct subject *s, const struct cr_link *link)
{
    const struct cr_advice restart = {.wanted = "some milliseconds, such as 100",
                                      .why = "0: a controller that went bus-off stays silent until "
                                             "somebody restarts it (restart_ms of the bus can)"},
                           errors = {.wanted = "off, except to look for faults",
                                     .why = "with it a disturbed bus sends thousands of error "
                                            "frames a second"};
    bool reports = link->mode.flags & CAN_CTRLMODE_BERR_REPORTING;
    char found[64];
    snprintf(found, sizeof(found), "%u", link->restart_ms);
    snprintf(s->remedy, sizeof(s->remedy), "ip link set %s type can restart-ms 100", s->name);
    say(s, link->restart_ms ? CANRING_FINDING_OK : CANRING_FINDING_WARN, "restart-ms", restart,
        found);
    snprintf(s->remedy, sizeof(s->remedy), "ip link set %s type can berr-reporting off", s->name);
    say(s, reports ? CANRING_FINDING_WARN : CANRING_FINDING_OK, "berr-reporting", errors,
        reports ? "on" : "off");
}

static bool counter(const struct subject *s, const char *file, int64_t *value)
{
    char path[128];
    snprintf(path, sizeof(path), "sys/class/net/%s/%s", s->name, file);
    return cr_machine_number(s->machine, path, value);
}

static void check_queue(struct subject *s, bool controller)
{
    const struct cr_advice advice = {.wanted = "100 or more",
                                     .why = "a full queue answers senders with ENOBUFS; canring "
                                            "keeps their frames and asks again, others lose them"};
    int64_t length;
    bool known = counter(s, "tx_queue_len", &length);
    char found[64] = "unknown";
    if (known)
        snprintf(found, sizeof(found), "%lld", (long long)length);
    snprintf(s->remedy, sizeof(s->remedy), "ip link set %s txqueuelen 1000", s->name);
    say(s,
        !known || (controller && length < QUEUE_WANTED) ? CANRING_FINDING_WARN : CANRING_FINDING_OK,
        "txqueuelen", advice, found);
}

static void check_losses(struct subject *s)
{
    const struct cr_advice advice = {.wanted = "none",
                                     .why = "frames that the controller or its driver lost since "
                                            "it is there: canring never saw them"};
    int64_t over = 0, full = 0, dropped = 0;
    bool known = counter(s, "statistics/rx_over_errors", &over) &&
                 counter(s, "statistics/rx_fifo_errors", &full) &&
                 counter(s, "statistics/rx_dropped", &dropped);
    char found[96] = "unknown";
    over += full;
    if (known)
        snprintf(found, sizeof(found), "%lld overrun, %lld dropped", (long long)over,
                 (long long)dropped);
    snprintf(s->remedy, sizeof(s->remedy),
             "give its interrupt a processor of its own (below), raise the priority of its thread: "
             "chrt -f -p 60 $(pgrep irq/.*%s)",
             s->name);
    say(s, !known || over || dropped ? CANRING_FINDING_WARN : CANRING_FINDING_OK, "losses", advice,
        found);
}

#define NO_IRQ      (-1)
#define UNKNOWN_IRQ (-2)

/* The number of the line in proc/interrupts that names the interface. */
static int interrupt_of(const struct cr_machine *m, const char *name)
{
    char line[4096], path[600];
    snprintf(path, sizeof(path), "%s/proc/interrupts", m->root);
    FILE *file = fopen(path, "re");
    int irq = file ? NO_IRQ : UNKNOWN_IRQ;
    while (file && irq < 0 && fgets(line, sizeof(line), file)) {
        char *rest = line, *word, *first = strsep(&rest, ":");
        while (rest && irq < 0 && (word = strsep(&rest, " \t,\n")) != NULL)
            if (strcmp(word, name) == 0)
                irq = (int)strtol(first, NULL, 10);
    }
    if (file)
        fclose(file);
    return irq;
}

static void check_interrupt(struct subject *s)
{
    const struct cr_advice advice = {.wanted = "processors that are not isolated",
                                     .why = "an interrupt on the proxy's processor takes time from "
                                            "it; on one that is far it costs cache lines"};
    char path[64], list[256], isolated[256], found[128];
    cpu_set_t on, free_ones, both;
    int irq = interrupt_of(s->machine, s->name);
    if (irq == NO_IRQ) {
        say(s, CANRING_FINDING_OK, "irq", advice, "none of its own (virtual, or USB's)");
        return;
    }
    snprintf(path, sizeof(path), "proc/irq/%d/smp_affinity_list", irq);
    bool known =
        cr_machine_line(s->machine, path, list, sizeof(list)) &&
        cr_machine_line(s->machine, "sys/devices/system/cpu/isolated", isolated, sizeof(isolated));
    if (!known) {
        snprintf(s->remedy, sizeof(s->remedy),
                 "look into /proc/interrupts and /proc/irq/*/smp_affinity_list as root");
        say(s, CANRING_FINDING_WARN, "irq", advice, "unknown");
        return;
    }
    bool clash = cr_cpu_list_parse(list, &on) && cr_cpu_list_parse(isolated, &free_ones);
    if (clash) {
        CPU_AND(&both, &on, &free_ones);
        clash = CPU_COUNT(&both) > 0;
    }
    snprintf(found, sizeof(found), "%d on processors %.80s", irq, list);
    snprintf(s->remedy, sizeof(s->remedy),
             "echo 0 > /proc/irq/%d/smp_affinity_list, and stop "
             "irqbalance",
             irq);
    say(s, clash ? CANRING_FINDING_WARN : CANRING_FINDING_OK, "irq", advice, found);
}

static void check_interface(const struct cr_machine *m, struct canring_findings *f,
                            const struct cr_netdev *device)
{
    struct subject subject = {.machine = m, .findings = f, .name = device->name};
    struct cr_link link = {0};
    bool told = m->link && m->link(&link, device->name, 0) == 0;
    if (told)
        check_state(&subject, &link);
    if (told && link.controller) {
        check_bitrate(&subject, &link);
        check_controller(&subject, &link);
    }
    check_queue(&subject, told && link.controller);
    check_losses(&subject);
    check_interrupt(&subject);
}

void cr_doctor_can(const struct cr_machine *machine, struct canring_findings *findings)
{
    static const struct cr_advice none = {
        "interfaces", "one for each bus", "there is no CAN device here to open",
        "modprobe vcan; ip link add vcan0 type vcan; ip link set vcan0 up (for a try)"};
    struct cr_netdev list[CR_NETDEVS_MAX];
    char sysfs[512];
    snprintf(sysfs, sizeof(sysfs), "%s/sys", machine->root);
    size_t count = cr_netdevs(sysfs, list);
    check_family(machine, findings);
    check_admin(machine, findings);
    if (count == 0 && !cr_machine_there(machine, "sys/class/net"))
        cr_finding_unknown(findings, &none);
    else if (count == 0)
        cr_finding(findings, CANRING_FINDING_WARN, &none, "no CAN interface");
    for (size_t i = 0; i < count; i++)
        check_interface(machine, findings, &list[i]);
}
