#include "proxy/coordinator.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "can/virtual.h"
#include "proxy/auxiliary_start.h"
#include "proxy/control.h"
#include "proxy/engine.h"
#include "proxy/log_report.h"
#include "proxy/ready.h"

#define TIDY_TRIES    100
#define TIDY_PAUSE_MS 2

/* ---- in the proxy's process ----------------------------------------------------------------- */

static struct canring_proxy *served;
static volatile sig_atomic_t asked_to_end; /* while it is opened: what is half open is left behind
                                              by one that exits */

static void on_stop(int number)
{
    (void)number;
    asked_to_end = 1;
    if (served)
        canring_proxy_stop(served);
}

static void take_signals(void)
{
    struct sigaction action = {.sa_handler = on_stop};
    sigset_t all;
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    sigfillset(&all);
    sigprocmask(SIG_UNBLOCK, &all, NULL);
}

/* Its end has begun: another signal must not reach what is being freed. Process-wide, while a mask
 * is a thread's own. */
static void leave_signals(void)
{
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
}

/* pykiso names loggers after modules: what stands before the class in `type`. */
static void module_of(char *logger, size_t size, const char *type)
{
    const char *colon = type ? strrchr(type, ':') : NULL;
    if (colon)
        snprintf(logger, size, "%.*s", (int)(colon - type), type);
    else
        snprintf(logger, size, "%s", type ? type : "canring.proxy");
}

/* `ready` gets one byte when the proxy can be attached to, or the words why it cannot. */
static int serve_proxy(const struct canring_config_proxy *config, int ready)
{
    static char proxy_logger[128], bus_logger[128];
    struct canring_error err = {0};
    module_of(proxy_logger, sizeof(proxy_logger), config->type);
    module_of(bus_logger, sizeof(bus_logger), config->connector->type);
    canring_log_open(config->name, NULL);
    take_signals();
    if (canring_config_open_proxy(&served, config, cr_log_report, proxy_logger, bus_logger, &err) <
        0) {
        canring_log_text(CANRING_LOG_ERROR, proxy_logger, err.text);
        ssize_t told = write(ready, err.text, strlen(err.text));
        (void)told; /* it is in the log as well */
        canring_log_close();
        return EXIT_FAILURE;
    }
    if (write(ready, "", 1) != 1 || asked_to_end)
        canring_proxy_stop(served); /* the coordinator has gone */
    close(ready);
    int result = canring_proxy_run(served);
    leave_signals();
    const bool whole = cr_proxy_close(served);
    canring_log_close();
    return result < 0 ? EXIT_FAILURE : whole ? 0 : CR_EXIT_LACKS;
}

/* ---- in the coordinator ------------------------------------------------------------------------
 */

static int wait_ready(int ready, struct canring_error *err)
{
    char words[CANRING_ERROR_TEXT];
    ssize_t got;
    if (cr_ready_wait(ready, -1) < 0)
        return canring_error_set(err, -EINTR, "a signal ended its start");
    do
        got = read(ready, words, sizeof(words) - 1);
    while (got < 0 && errno == EINTR);
    if (got == 1 && words[0] == '\0')
        return 0;
    words[got > 0 ? got : 0] = '\0';
    return canring_error_set(err, -ECHILD, "%s", got > 0 ? words : "it ended before it was ready");
}

static int start_proxy(struct cr_process *process, struct canring_error *err)
{
    int ready[2];
    pid_t parent = getpid();
    if (pipe(ready) < 0)
        return canring_error_set(err, -errno, "pipe: %s", strerror(errno));
    process->pid = fork();
    if (process->pid == 0) {
        close(ready[0]);
        /* Whatever happens to the coordinator, its processes end with it. */
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        _exit(getppid() == parent ? serve_proxy(process->proxy, ready[1]) : EXIT_FAILURE);
    }
    close(ready[1]);
    int result = process->pid < 0 ? canring_error_set(err, -errno, "fork: %s", strerror(errno))
                                  : wait_ready(ready[0], err);
    close(ready[0]);
    return result;
}

static void name_active(char *text, size_t size, const char *const *names, size_t count)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? "," : "", names[i]);
}

/* In the environment, which the process inherits: where and what it logs. */
static int prepare_log(struct canring_coordinator *c, const struct cr_process *process,
                       struct canring_error *err)
{
    static const enum canring_log_level levels[] = {
        [CANRING_CONFIG_LOG_DEBUG] = CANRING_LOG_DEBUG,
        [CANRING_CONFIG_LOG_INFO] = CANRING_LOG_INFO,
        [CANRING_CONFIG_LOG_WARNING] = CANRING_LOG_WARNING,
        [CANRING_CONFIG_LOG_ERROR] = CANRING_LOG_ERROR,
        [CANRING_CONFIG_LOG_CRITICAL] = CANRING_LOG_CRITICAL};
    char env[CR_COLLECTOR_ENV], active[1024];
    enum canring_config_log_level own =
        process->proxy ? process->proxy->log_level : process->auxiliary->log_level;
    int result = cr_collector_add(c->collector, process->name, env, err);
    if (result < 0)
        return result;
    if (process->proxy)
        name_active(active, sizeof(active), process->proxy->activate_log,
                    process->proxy->activate_log_count);
    else
        name_active(active, sizeof(active), process->auxiliary->activate_log,
                    process->auxiliary->activate_log_count);
    setenv("CANRING_LOG", env, 1);
    setenv("CANRING_LOG_LEVEL",
           canring_log_level_name(own == CANRING_CONFIG_LOG_INHERIT ? c->level : levels[own]), 1);
    setenv("CANRING_LOG_ACTIVE", active, 1);
    return 0;
}

/* The caller's own is for what the caller starts. */
static void restore_level(char *level)
{
    if (level)
        setenv("CANRING_LOG_LEVEL", level, 1);
    else
        unsetenv("CANRING_LOG_LEVEL");
    free(level);
}

/* What a proxy that was killed cannot remove any more. */
static void tidy_after(const struct canring_config_proxy *proxy)
{
    const struct canring_bus_options *bus = &proxy->connector->bus;
    char path[128];
    if (cr_control_path(path, sizeof(path), proxy->name, NULL) < 0)
        path[0] = '\0';
    /* The kernel closes what an io_uring held a little after the process has ended; until then the
     * socket looks like one that is served. */
    for (int i = 0; i < TIDY_TRIES; i++) {
        cr_control_remove_leftover(proxy->name);
        if (access(path, F_OK) < 0)
            break;
        poll(NULL, 0, TIDY_PAUSE_MS);
    }
    if (bus->interface && strcmp(bus->interface, "virtual") == 0)
        cr_virtual_tidy(bus->channel);
}

/* A proxy that did not come to serve. */
static void give_up(const struct cr_process *process, bool in_the_middle)
{
    if (in_the_middle)
        kill(process->pid, SIGKILL);
    waitpid(process->pid, NULL, 0);
    if (in_the_middle)
        tidy_after(process->proxy);
}

int cr_process_start(struct canring_coordinator *c, struct cr_process *process,
                     struct canring_error *err)
{
    const char *level = getenv("CANRING_LOG_LEVEL");
    char *own_level = level ? strdup(level) : NULL;
    int result = prepare_log(c, process, err);
    if (result == 0)
        result = process->proxy
                     ? start_proxy(process, err)
                     : cr_auxiliary_start(c->config, process->auxiliary, &process->pid, err);
    unsetenv("CANRING_LOG");
    unsetenv("CANRING_LOG_ACTIVE");
    restore_level(own_level);
    process->started_ns = cr_monotonic_ns();
    process->restart_ns = 0;
    if (result < 0) {
        if (process->pid > 0)
            give_up(process, result == -EINTR);
        process->pid = 0;
        cr_collector_remove(c->collector, process->name);
        return result;
    }
    process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
    return 0;
}

bool cr_process_ended(struct canring_coordinator *c, struct cr_process *process, int *status)
{
    if (process->pid <= 0 || waitpid(process->pid, status, WNOHANG) != process->pid)
        return false;
    process->pid = 0;
    if (process->pidfd >= 0)
        close(process->pidfd);
    process->pidfd = -1;
    if (process->auxiliary)
        cr_auxiliary_ended(process->auxiliary);
    else if (WIFSIGNALED(*status))
        tidy_after(process->proxy);
    cr_collector_remove(c->collector, process->name);
    return true;
}
