/* What each key of `latency` gives: one frame a millisecond from one auxiliary through the proxy to
 * another, on a machine that has something else to do.
 *
 *     bench_latency [FRAMES [idle]]
 *
 * A process that computes runs for each processor there is, unless `idle` is said. Both auxiliaries
 * are in one process, with the same settings as the proxy; all of them sleep between frames (park),
 * save where busy_poll keeps them awake. Prints a JSON line per setting: one way, p50, p99, p99.9,
 * max in ns. What is not permitted here is said and left out.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <canring/channel.h>
#include <canring/proxy.h>

#include "histogram.h"
#include "rig.h"

#define CPUS_MAX 64

struct setting {
    const char *name;
    bool pinned, fifo, mlock, huge, sqpoll;
    uint32_t busy_poll;
};

static struct canring_proxy *proxy;
static pid_t busy[CPUS_MAX];

static void on_stop(int number)
{
    (void)number;
    canring_proxy_stop(proxy);
}

static struct canring_latency latency_of(const struct setting *s, const char *cpu)
{
    return (struct canring_latency){
        .cpus = s->pinned ? cpu : NULL, .sched_fifo = s->fifo ? 50 : 0, .mlock = s->mlock};
}

static void serve(const struct setting *s, int ready)
{
    const struct canring_channel_config channels[] = {
        {.name = "a", .ring_slots = s->huge ? 65536 : 0, .huge_pages = s->huge},
        {.name = "b", .ring_slots = s->huge ? 65536 : 0, .huge_pages = s->huge}};
    const struct canring_proxy_options options = {
        .name = "bench",
        .bus = {.interface = "virtual", .channel = "latency"},
        .channels = channels,
        .channel_count = 2,
        .wait = s->busy_poll ? CANRING_WAIT_ADAPTIVE : CANRING_WAIT_PARK,
        .latency = latency_of(s, "1"),
        .busy_poll = s->busy_poll,
        .sqpoll = s->sqpoll};
    struct canring_error err = {0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (canring_proxy_open(&proxy, &options, &err) < 0) {
        fprintf(stderr, "%s: left out: %s\n", s->name, err.text);
        _exit(77);
    }
    signal(SIGTERM, on_stop);
    if (write(ready, "", 1) != 1)
        _exit(1);
    canring_proxy_run(proxy);
    canring_proxy_close(proxy);
    _exit(0);
}

static pid_t start_proxy(const struct setting *s)
{
    int ready[2];
    char byte;
    if (pipe(ready) < 0)
        bench_die("pipe");
    pid_t child = fork();
    if (child == 0)
        serve(s, ready[1]);
    close(ready[1]);
    bool there = read(ready[0], &byte, 1) == 1;
    close(ready[0]);
    if (there)
        return child;
    waitpid(child, NULL, 0);
    return 0;
}

static struct canring_channel *attach(const char *name, enum canring_wait wait)
{
    const struct canring_channel_options options = {.wait = wait};
    struct canring_channel *channel;
    struct canring_error err;
    if (canring_channel_attach(&channel, name, &options, &err) < 0)
        bench_die("%s", err.text);
    return channel;
}

static void exchange(const struct setting *s, uint64_t frames, struct histogram *h)
{
    const enum canring_wait wait = s->busy_poll ? CANRING_WAIT_SPIN : CANRING_WAIT_PARK;
    struct canring_channel *a = attach("bench/a", wait), *b = attach("bench/b", wait);
    union canring_frame_buffer out, in;
    const struct timespec pause = {.tv_nsec = 1000000};
    for (uint64_t i = 0; i < frames + frames / 10; i++) {
        nanosleep(&pause, NULL);
        canring_frame_classic(&out.frame, (uint32_t)(i & 0x7ff), &i, sizeof(i));
        uint64_t start = bench_ns();
        if (canring_channel_send(a, &out.frame, 1000) < 0 ||
            canring_channel_receive(b, &in, 5000) != 1 || memcmp(in.frame.data, &i, sizeof(i)) != 0)
            bench_die("frame %llu got lost", (unsigned long long)i);
        if (i >= frames / 10) /* the first ones warm up */
            histogram_add(h, bench_ns() - start);
    }
    canring_channel_detach(a);
    canring_channel_detach(b);
}

static void print(const struct setting *s, const struct histogram *h)
{
    printf("{\"bench\": \"latency\", \"setting\": \"%s\", \"frames\": %llu, \"p50_ns\": %llu, "
           "\"p99_ns\": %llu, \"p99.9_ns\": %llu, \"max_ns\": %llu}\n",
           s->name, (unsigned long long)h->count, (unsigned long long)histogram_percentile(h, 0.5),
           (unsigned long long)histogram_percentile(h, 0.99),
           (unsigned long long)histogram_percentile(h, 0.999), (unsigned long long)h->max);
}

/* The auxiliaries in a process of their own: what it was given ends with it. */
static void measure(const struct setting *s, uint64_t frames)
{
    pid_t served = start_proxy(s);
    if (!served)
        return;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        const struct canring_latency latency = latency_of(s, "0");
        struct histogram *h = histogram_new();
        struct canring_error err;
        if (canring_latency_apply(&latency, &err) < 0)
            bench_die("%s", err.text);
        exchange(s, frames, h);
        print(s, h);
        fflush(stdout);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    kill(served, SIGTERM);
    waitpid(served, NULL, 0);
}

static void compute(void)
{
    volatile uint64_t sum = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;)
        sum = sum * 3 + 1;
}

int main(int argc, char **argv)
{
    static const struct setting settings[] = {
        {.name = "nothing"},
        {.name = "cpus", .pinned = true},
        {.name = "cpus, sched_fifo", .pinned = true, .fifo = true},
        {.name = "cpus, sched_fifo, mlock", .pinned = true, .fifo = true, .mlock = true},
        {.name = "and huge_pages", .pinned = true, .fifo = true, .mlock = true, .huge = true},
        {.name = "and sqpoll", .pinned = true, .fifo = true, .mlock = true, .sqpoll = true},
        {.name = "and busy_poll: 2000",
         .pinned = true,
         .fifo = true,
         .mlock = true,
         .busy_poll = 2000},
    };
    uint64_t frames = argc > 1 ? strtoull(argv[1], NULL, 10) : 2000;
    bool idle = argc > 2 && strcmp(argv[2], "idle") == 0;
    char directory[] = "/tmp/canring-bench.XXXXXX";
    int cpus = bench_cpus() < CPUS_MAX ? bench_cpus() : CPUS_MAX;
    if (!mkdtemp(directory))
        bench_die("no folder in /tmp");
    setenv("CANRING_RUNTIME_DIR", directory, 1);
    for (int i = 0; i < cpus && !idle; i++)
        if ((busy[i] = fork()) == 0)
            compute();
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        measure(&settings[i], frames);
    for (int i = 0; i < cpus && !idle; i++) {
        kill(busy[i], SIGKILL);
        waitpid(busy[i], NULL, 0);
    }
    rmdir(directory);
    return 0;
}
