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

#include "histogram.h"
#include "proxy_process.h"
#include "rig.h"

#define CPUS_MAX 64

struct setting {
    const char *name;
    bool pinned, fifo, mlock, huge, sqpoll;
    uint32_t busy_poll;
};

static pid_t busy[CPUS_MAX];

static struct canring_latency latency_of(const struct setting *s, const char *cpu)
{
    return (struct canring_latency){
        .cpus = s->pinned ? cpu : NULL, .sched_fifo = s->fifo ? 50 : 0, .mlock = s->mlock};
}

static pid_t start_proxy(const struct setting *s)
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
    struct canring_error err;
    pid_t proxy = proxy_process_start(&options, -1, &err);
    if (proxy < 0)
        fprintf(stderr, "%s: left out: %s\n", s->name, err.text);
    return proxy;
}

static void exchange(const struct setting *s, uint64_t frames, struct histogram *h)
{
    const enum canring_wait wait = s->busy_poll ? CANRING_WAIT_SPIN : CANRING_WAIT_PARK;
    struct canring_channel *a = proxy_process_attach("bench/a", wait);
    struct canring_channel *b = proxy_process_attach("bench/b", wait);
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
    pid_t proxy = start_proxy(s);
    if (proxy < 0)
        return;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
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
    proxy_process_end(proxy, NULL);
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
    bench_words(argc, argv, 2, "bench_latency [FRAMES [idle]]");
    uint64_t frames = bench_number(1, 2000, 1, 1000000000);
    bool idle = strcmp(bench_word(2, ""), "idle") == 0;
    if (argc > 2 && !idle)
        bench_misuse("'%s': allowed is idle", argv[2]);
    int cpus = bench_cpus() < CPUS_MAX ? bench_cpus() : CPUS_MAX;
    proxy_process_folder();
    for (int i = 0; i < cpus && !idle; i++)
        if ((busy[i] = fork()) == 0)
            compute();
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        measure(&settings[i], frames);
    for (int i = 0; i < cpus && !idle; i++) {
        kill(busy[i], SIGKILL);
        waitpid(busy[i], NULL, 0);
    }
    return 0;
}
