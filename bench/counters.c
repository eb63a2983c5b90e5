#include "counters.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

const struct counters_event counters_cpu[COUNTERS_CPU] = {
    {"cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
    {"instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
    {"cache_misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES},
};

/* What a read of the leader gives: PERF_FORMAT_GROUP with both times. */
struct group {
    uint64_t count, enabled, running, values[COUNTERS_MAX];
};

static int open_event(const struct counters_event *event, pid_t thread, int leader)
{
    struct perf_event_attr attributes;
    memset(&attributes, 0, sizeof(attributes));
    attributes.size = sizeof(attributes);
    attributes.type = event->type;
    attributes.config = event->config;
    attributes.disabled = leader < 0; /* the others follow the leader */
    attributes.exclude_kernel = 1;
    attributes.exclude_hv = 1;
    attributes.read_format =
        PERF_FORMAT_GROUP | PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
    long fd = syscall(SYS_perf_event_open, &attributes, thread, -1, leader, PERF_FLAG_FD_CLOEXEC);
    return fd < 0 ? -errno : (int)fd;
}

/* The first event that there is leads the group; -1: there is none. */
static int leader_of(const struct counters *c)
{
    for (unsigned i = 0; i < c->count; i++)
        if (c->fds[i] >= 0)
            return c->fds[i];
    return -1;
}

int counters_start(struct counters *c, pid_t thread, const struct counters_event *events,
                   unsigned count)
{
    int opened = 0;
    memset(c, 0, sizeof(*c));
    c->events = events;
    for (unsigned i = 0; i < count && i < COUNTERS_MAX; i++) {
        c->fds[i] = open_event(&events[i], thread, leader_of(c));
        opened += c->fds[i] >= 0;
        c->count++;
    }
    if (!opened)
        return c->count ? c->fds[0] : 0;
    if (ioctl(leader_of(c), PERF_EVENT_IOC_ENABLE, 0) == 0)
        return opened;
    int error = -errno;
    counters_stop(c);
    return error;
}

const char *counters_reason(int error)
{
    switch (error) {
    case ENOENT:
    case ENODEV:
    case ENOSYS:
    case EOPNOTSUPP:
        return "not supported by this machine";
    case EACCES:
    case EPERM:
        return "not allowed, see /proc/sys/kernel/perf_event_paranoid";
    default:
        return strerror(error);
    }
}

void counters_stop(struct counters *c)
{
    struct group group;
    int leader = leader_of(c);
    unsigned at = 0;
    memset(&group, 0, sizeof(group));
    if (leader >= 0 &&
        (ioctl(leader, PERF_EVENT_IOC_DISABLE, 0) != 0 || read(leader, &group, sizeof(group)) < 0))
        group.running = 0;
    for (unsigned i = 0; i < c->count; i++) {
        if (c->fds[i] < 0)
            continue;
        /* When others want the same counters, the group had them for a part of the time only. */
        c->known[i] = group.running > 0 && at < group.count;
        if (c->known[i])
            c->values[i] = (double)group.values[at] * (double)group.enabled / (double)group.running;
        at++;
        close(c->fds[i]);
        c->fds[i] = -1;
    }
}

void counters_print(FILE *out, const struct counters *c, const char *side, double per)
{
    for (unsigned i = 0; i < c->count; i++)
        if (c->known[i])
            fprintf(out, ", \"%s_%s\": %.4g", side, c->events[i].name, c->values[i] / per);
}
