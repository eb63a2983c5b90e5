#include "proxy_process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"

static struct canring_proxy *served;
static char folder[] = "/tmp/canring-bench.XXXXXX";
static pid_t owner;

static void remove_folder(void)
{
    if (getpid() == owner)
        rmdir(folder);
}

void proxy_process_folder(void)
{
    if (!mkdtemp(folder))
        bench_die("no folder in /tmp");
    owner = getpid();
    atexit(remove_folder);
    setenv("CANRING_RUNTIME_DIR", folder, 1);
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
