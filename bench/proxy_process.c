#include "proxy_process.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"
#include "shm/runtime_dir.h"

static struct canring_proxy *served;
static volatile sig_atomic_t bench; /* the process that measures */
static volatile sig_atomic_t interrupted;

/* Bench and proxies end by this, however far they are. */
static void on_end(int number)
{
    interrupted = number;
    kill(bench, SIGKILL);
}

static void remove_names(const char *path, const char *prefix)
{
    DIR *open = opendir(path);
    for (struct dirent *entry; open && (entry = readdir(open)) != NULL;)
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
            unlinkat(dirfd(open), entry->d_name, 0);
    if (open)
        closedir(open);
}

static void remove_all(const char *folder)
{
    char name[64];
    if (cr_shm_name(name, sizeof(name), "", "", NULL, NULL) == 0) {
        strchr(name, '.')[1] = '\0'; /* of all kinds */
        remove_names("/dev/shm", name + 1);
    }
    remove_names(folder, "");
    rmdir(folder);
}

/* Ends as the bench did, when all that it has started has ended, too. */
static void wait_for_bench(const char *folder) __attribute__((noreturn));

static void wait_for_bench(const char *folder)
{
    int status, result = 1;
    pid_t ended;
    while ((ended = waitpid(-1, &status, 0)) > 0 || errno == EINTR)
        if (ended == bench)
            result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    remove_all(folder);
    _exit(interrupted ? 128 + interrupted : result);
}

/* The bench becomes a process of its own, so that somebody is left to remove what a proxy leaves
 * that is killed with it. */
void proxy_process_folder(void)
{
    static char folder[] = "/tmp/canring-bench.XXXXXX";
    sigset_t ends, before;
    if (!mkdtemp(folder))
        bench_die("no folder in /tmp");
    setenv("CANRING_RUNTIME_DIR", folder, 1);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, &before);
    fflush(NULL);
    bench = fork();
    if (bench < 0)
        bench_die("no process for the bench");
    if (bench == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    else
        signal(SIGINT, on_end), signal(SIGTERM, on_end);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (bench)
        wait_for_bench(folder);
}

const struct canring_channel_config *proxy_process_channels(unsigned count)
{
    static char names[PROXY_PROCESS_CHANNELS_MAX][16];
    static struct canring_channel_config channels[PROXY_PROCESS_CHANNELS_MAX];
    if (count > PROXY_PROCESS_CHANNELS_MAX)
        bench_die("at most %u channels", PROXY_PROCESS_CHANNELS_MAX);
    for (unsigned i = 0; i < count; i++) {
        snprintf(names[i], sizeof(names[i]), "c%u", i);
        channels[i] = (struct canring_channel_config){.name = names[i]};
    }
    return channels;
}

static void on_stop(int number)
{
    (void)number;
    canring_proxy_stop(served);
}

/* Never returns. `out` gets what opening gave. */
static void serve(const struct canring_proxy_options *options, int cpu, int out)
{
    struct canring_error err = {0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (cpu >= 0)
        bench_pin(cpu);
    err.code = canring_proxy_open(&served, options, &err);
    signal(SIGTERM, on_stop);
    if (write(out, &err, sizeof(err)) != sizeof(err) || err.code < 0)
        _exit(1);
    close(out);
    canring_proxy_run(served);
    canring_proxy_close(served);
    _exit(0);
}

pid_t proxy_process_start(const struct canring_proxy_options *options, int cpu,
                          struct canring_error *err)
{
    struct canring_error opened;
    int ready[2];
    if (pipe(ready) < 0)
        bench_die("pipe");
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        serve(options, cpu, ready[1]);
    close(ready[1]);
    if (read(ready[0], &opened, sizeof(opened)) != sizeof(opened))
        canring_error_set(&opened, -EIO, "the proxy did not start");
    close(ready[0]);
    if (opened.code == 0)
        return child;
    waitpid(child, NULL, 0);
    if (!err)
        bench_die("%s", opened.text);
    *err = opened;
    return -1;
}

void proxy_process_end(pid_t proxy, struct rusage *used)
{
    kill(proxy, SIGTERM);
    wait4(proxy, NULL, 0, used);
}

struct canring_channel *proxy_process_attach(const char *name, enum canring_wait wait)
{
    const struct canring_channel_options options = {.wait = wait};
    struct canring_channel *channel;
    struct canring_error err;
    if (canring_channel_attach(&channel, name, &options, &err) < 0)
        bench_die("%s", err.text);
    return channel;
}

void proxy_process_attach_all(struct canring_channel **channels, const char *proxy, unsigned count,
                              enum canring_wait wait)
{
    char name[64];
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "%s/c%u", proxy, i);
        channels[i] = proxy_process_attach(name, wait);
    }
}

void proxy_process_detach_all(struct canring_channel **channels, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        canring_channel_detach(channels[i]);
}
