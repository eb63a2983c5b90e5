#include "proxy/coordinator.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "proxy/engine.h"
#include "proxy/ready.h"

#define NS_PER_MS      UINT64_C(1000000)
#define STOP_MS        5000u               /* then a process is killed */
#define WRITING_NS     (50 * NS_PER_MS)    /* of processor time in STOP_MS: a trace advances */
#define RESTART_NS     (100 * NS_PER_MS)   /* after the first failure, then twice as long … */
#define RESTART_MAX_NS (10000 * NS_PER_MS) /* … up to this */
#define STEADY_NS      (30000 * NS_PER_MS) /* one that ran so long begins anew */
#define POLL_FDS_MAX   512u

#define LOGGER "canring.coordinator"

static void note(struct canring_coordinator *c, enum canring_log_level level, const char *format,
                 ...) __attribute__((format(printf, 3, 4)));

static void note(struct canring_coordinator *c, enum canring_log_level level, const char *format,
                 ...)
{
    char text[CANRING_LOG_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    canring_coordinator_log(c, level, LOGGER, text);
}

void canring_coordinator_log(struct canring_coordinator *c, enum canring_log_level level,
                             const char *logger, const char *text)
{
    if (level >= c->level)
        cr_collector_note(c->collector, level, "canring", logger, text);
}

/* ---- opening -----------------------------------------------------------------------------------
 */

static void list_processes(struct canring_coordinator *c, bool proxies_only)
{
    const struct canring_config *config = c->config;
    for (size_t i = 0; i < config->proxy_count; i++)
        c->processes[c->count++] = (struct cr_process){.name = config->proxies[i]->name,
                                                       .proxy = config->proxies[i],
                                                       .on_failure = config->proxies[i]->on_failure,
                                                       .pidfd = -1};
    for (size_t i = 0; i < config->auxiliary_count && !proxies_only; i++)
        c->processes[c->count++] =
            (struct cr_process){.name = config->auxiliaries[i]->name,
                                .auxiliary = config->auxiliaries[i],
                                .on_failure = config->auxiliaries[i]->on_failure,
                                .pidfd = -1};
}

int canring_coordinator_open(struct canring_coordinator **out,
                             const struct canring_coordinator_options *options,
                             struct canring_error *err)
{
    const struct canring_config *config = options->config;
    struct canring_coordinator *c = calloc(1, sizeof(*c));
    const struct cr_collector_options logs = {.console = options->console,
                                              .path = options->log_path};
    *out = NULL;
    if (c)
        c->processes =
            calloc(config->proxy_count + config->auxiliary_count + 1, sizeof(*c->processes));
    if (!c || !c->processes) {
        free(c);
        return canring_error_set(err, -ENOMEM, "no memory for a coordinator");
    }
    c->config = config;
    c->level = options->level ? options->level : CANRING_LOG_INFO;
    c->gap_ns = cr_realtime_ns();
    int result = cr_log_guard_start(&c->guard, err);
    if (result == 0)
        result = cr_collector_open(&c->collector, &logs, err);
    if (result < 0) {
        cr_log_guard_stop(&c->guard);
        free(c->processes);
        free(c);
        return result;
    }
    list_processes(c, options->proxies_only);
    *out = c;
    return 0;
}

/* ---- starting and watching
 * ------------------------------------------------------------------------ */

/* Most errors name whom they are about. */
static void name_in(struct canring_error *err, const struct cr_process *process)
{
    char who[CANRING_ERROR_TEXT];
    snprintf(who, sizeof(who), "%s %s", process->proxy ? "proxy" : "auxiliary", process->name);
    if (err && strncmp(err->text, who, strlen(who)) != 0)
        canring_error_prefix(err, "%s", who);
}

int canring_coordinator_start(struct canring_coordinator *c, struct canring_error *err)
{
    for (size_t i = 0; i < c->count; i++) {
        struct cr_process *process = &c->processes[i];
        int result = cr_process_start(c, process, err);
        if (result == -ENODEV && process->auxiliary) { /* pykiso's goes on without it, too */
            note(c, CANRING_LOG_ERROR, "auxiliary %s is not started: %s", process->name,
                 err ? err->text : "it has no channel");
            continue;
        }
        if (result < 0) {
            name_in(err, process);
            note(c, CANRING_LOG_ERROR, "%s", err ? err->text : process->name);
            canring_coordinator_stop(c);
            return result;
        }
        note(c, CANRING_LOG_INFO, "%s runs as pid %d", process->name, (int)process->pid);
    }
    return 0;
}

static bool only_lacks(const struct cr_process *process, int status)
{
    return process->proxy && WIFEXITED(status) && WEXITSTATUS(status) == CR_EXIT_LACKS;
}

static void explain(struct canring_coordinator *c, const struct cr_process *process, int status)
{
    if (WIFSIGNALED(status))
        note(c, CANRING_LOG_ERROR, "%s was ended by signal %d (%s)", process->name,
             WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (only_lacks(process, status))
        note(c, CANRING_LOG_WARNING, "%s has stopped; a trace of it lacks frames", process->name);
    else if (WEXITSTATUS(status))
        note(c, CANRING_LOG_ERROR, "%s ended with status %d", process->name, WEXITSTATUS(status));
    else
        note(c, CANRING_LOG_INFO, "%s has stopped", process->name);
}

static void plan_restart(struct canring_coordinator *c, struct cr_process *process)
{
    uint64_t now = cr_monotonic_ns(), pause = RESTART_NS;
    if (now - process->started_ns > STEADY_NS)
        process->failures = 0;
    for (unsigned i = 0; i < process->failures && pause < RESTART_MAX_NS; i++)
        pause *= 2;
    process->failures++;
    process->restart_ns = now + (pause < RESTART_MAX_NS ? pause : RESTART_MAX_NS);
    note(c, CANRING_LOG_WARNING, "%s is started again in %llu ms", process->name,
         (unsigned long long)((process->restart_ns - now) / NS_PER_MS));
}

/* An orderly end is what somebody asked for; everything else is dealt with as configured. */
static int on_end(struct canring_coordinator *c, struct cr_process *process, int status)
{
    explain(c, process, status);
    if (status == 0)
        return 0;
    if (only_lacks(process, status)) {
        c->lacks = true;
        return 0;
    }
    if (process->on_failure == CANRING_ON_FAILURE_END)
        return -ECHILD;
    if (process->on_failure == CANRING_ON_FAILURE_RESTART)
        plan_restart(c, process);
    return 0;
}

static void restart(struct canring_coordinator *c, struct cr_process *process)
{
    struct canring_error err = {0};
    if (cr_process_start(c, process, &err) < 0) {
        note(c, CANRING_LOG_ERROR, "%s could not be started again: %s", process->name, err.text);
        plan_restart(c, process);
    } else {
        note(c, CANRING_LOG_INFO, "%s runs again as pid %d", process->name, (int)process->pid);
        if (process->proxy && !process->proxy->auto_start && !process->proxy->implicit)
            note(c, CANRING_LOG_WARNING, "%s is suspended until it is resumed (auto_start: No)",
                 process->name);
    }
}

static int look_after(struct canring_coordinator *c)
{
    int result = 0, status;
    for (size_t i = 0; i < c->count; i++) {
        struct cr_process *process = &c->processes[i];
        if (cr_process_ended(c, process, &status)) {
            int outcome = on_end(c, process, status);
            result = outcome < 0 ? outcome : result;
        }
        if (process->restart_ns && cr_monotonic_ns() >= process->restart_ns)
            restart(c, process);
    }
    return result;
}

static int until_next(const struct canring_coordinator *c, int timeout_ms)
{
    uint64_t now = cr_monotonic_ns();
    for (size_t i = 0; i < c->count; i++) {
        uint64_t at = c->processes[i].restart_ns;
        int left = at == 0 ? timeout_ms : at <= now ? 0 : (int)((at - now) / NS_PER_MS) + 1;
        if (timeout_ms < 0 || (left >= 0 && left < timeout_ms))
            timeout_ms = left;
    }
    return timeout_ms;
}

int canring_coordinator_poll(struct canring_coordinator *c, int wake_fd, int timeout_ms)
{
    struct pollfd fds[POLL_FDS_MAX] = {{.fd = cr_collector_fd(c->collector), .events = POLLIN},
                                       {.fd = wake_fd, .events = POLLIN}};
    nfds_t count = 2;
    bool planned = false;
    /* Whose pidfd the kernel refused, or has no place here, is noticed a little later: while
     * anybody has a log the collector's fd wakes us ten times a second. */
    for (size_t i = 0; i < c->count; i++) {
        planned = planned || c->processes[i].restart_ns;
        if (c->processes[i].pid > 0 && count < POLL_FDS_MAX)
            fds[count++] = (struct pollfd){.fd = c->processes[i].pidfd, .events = POLLIN};
    }
    if (count == 2 && !planned)
        return -ENOENT;
    poll(fds, count, until_next(c, timeout_ms));
    cr_collector_drain(c->collector);
    return look_after(c);
}

/* ---- ending
 * ---------------------------------------------------------------------------------------- */

size_t canring_coordinator_running(const struct canring_coordinator *c)
{
    size_t running = 0;
    for (size_t i = 0; i < c->count; i++)
        running += c->processes[i].pid > 0;
    return running;
}

void canring_coordinator_signal(struct canring_coordinator *c, int number)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->processes[i].pid > 0)
            kill(c->processes[i].pid, number);
}

static bool has_trace(const struct cr_process *process)
{
    return process->proxy &&
           (process->proxy->trace.active || process->proxy->connector->trace.active);
}

/* How long one that is to end is waited for. */
struct patience {
    uint64_t end_ns;
    uint64_t used_ns; /* of processor time, by it, when that was set */
    bool longer;      /* than others are */
};

static uint64_t used_by(pid_t pid)
{
    struct timespec used = {0};
    clockid_t clock;
    if (clock_getcpuclockid(pid, &clock) == 0)
        clock_gettime(clock, &used);
    return (uint64_t)used.tv_sec * 1000u * NS_PER_MS + (uint64_t)used.tv_nsec;
}

static struct patience patience_with(const struct cr_process *process, bool longer)
{
    return (struct patience){.end_ns = cr_monotonic_ns() + STOP_MS * NS_PER_MS,
                             .used_ns = used_by(process->pid),
                             .longer = longer};
}

/* A proxy that has served its last has nothing to do but to write: while it works, its trace
 * advances, and whoever cannot wait for that asks once more. Its time tells that without its help,
 * and where files of /proc are not ours to read. */
static bool patient(struct canring_coordinator *c, const struct cr_process *process,
                    struct patience *p)
{
    if (p->longer && cr_asked_to_end())
        return false;
    if (cr_monotonic_ns() < p->end_ns)
        return true;
    if (!has_trace(process) || used_by(process->pid) < p->used_ns + WRITING_NS || cr_asked_to_end())
        return false;
    if (!p->longer)
        note(c, CANRING_LOG_WARNING,
             "%s still writes its trace and is waited for; another signal to end kills it",
             process->name);
    *p = patience_with(process, true);
    return true;
}

/* True when it ended by itself within the time. */
static bool stop_one(struct canring_coordinator *c, struct cr_process *process, int *status)
{
    struct patience patience = patience_with(process, false);
    kill(process->pid, SIGTERM);
    while (patient(c, process, &patience)) {
        struct pollfd p = {.fd = process->pidfd, .events = POLLIN};
        if (poll(&p, 1, 10) >
            0) /* a debugger may still have it: then it cannot be waited for yet */
            poll(NULL, 0, 1);
        cr_collector_drain(c->collector);
        if (cr_process_ended(c, process, status))
            return true;
    }
    note(c, CANRING_LOG_ERROR, "%s has not ended within %s%u ms and is killed%s", process->name,
         patience.longer ? "more than " : "", STOP_MS,
         has_trace(process) ? ": its trace may lack frames" : "");
    kill(process->pid, SIGKILL);
    while (process->pid > 0 && !cr_process_ended(c, process, status))
        poll(NULL, 0, 1);
    return false;
}

int canring_coordinator_stop(struct canring_coordinator *c)
{
    int result = 0, status = 0;
    for (size_t i = c->count; i-- > 0;) {
        struct cr_process *process = &c->processes[i];
        process->restart_ns = 0;
        if (process->pid <= 0)
            continue;
        if (!stop_one(c, process, &status)) {
            result = -ETIMEDOUT;
        } else if (status) {
            explain(c, process, status);
            result = result ? result : -ECHILD;
        }
    }
    cr_collector_flush(c->collector);
    return result == 0 && c->lacks ? -ECHILD : result;
}

void canring_coordinator_close(struct canring_coordinator *c)
{
    if (!c)
        return;
    canring_coordinator_stop(c);
    cr_report_free(c->report);
    cr_capture_free(&c->out);
    cr_capture_free(&c->err);
    cr_collector_close(c->collector);
    cr_log_guard_stop(&c->guard);
    free(c->processes);
    free(c);
}
