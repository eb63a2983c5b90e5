/* A steady stream from an in-memory bus through a proxy to N channels and a trace.
 *
 *     bench_sustain [CHANNELS [RATE [SECONDS [TRACE]]]]
 *
 * The proxy is a process of its own. One other process puts RATE classic frames a second (default
 * 1000000) on the bus for SECONDS (default 10), in bursts a millisecond apart, and reads all
 * CHANNELS (default 8), every frame checked, order included. TRACE: the file the proxy records to,
 * its ending says the format; two files of 1 GB are kept. A JSON line: frames that channels or
 * the trace have lost, and the proxy's CPU time per frame, all its threads, the trace's included.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <canring/channel.h>
#include <canring/proxy.h>

#include "feed.h"
#include "rig.h"

enum { CHANNELS_MAX = 64 };

static struct canring_proxy *proxy;

static void on_stop(int number)
{
    (void)number;
    canring_proxy_stop(proxy);
}

static void serve(const struct canring_proxy_options *options, int ready)
{
    struct canring_error err;
    if (canring_proxy_open(&proxy, options, &err) < 0)
        bench_die("%s", err.text);
    signal(SIGTERM, on_stop);
    if (write(ready, "", 1) != 1)
        _exit(1);
    canring_proxy_run(proxy);
    canring_proxy_close(proxy);
    _exit(0);
}

static pid_t start_proxy(unsigned count, const char *trace)
{
    static char names[CHANNELS_MAX][16];
    static struct canring_channel_config channels[CHANNELS_MAX];
    const struct canring_recording recording = {
        .path = trace, .writer = {.rotate_bytes = 1000000000u, .keep = 2, .overwrite = true}};
    const struct canring_proxy_options options = {
        .name = "sustain",
        .bus = {.interface = "virtual", .channel = "sustain"},
        .channels = channels,
        .channel_count = count,
        .trace = trace ? &recording : NULL};
    int ready[2];
    char byte;
    for (unsigned i = 0; i < count; i++) {
        snprintf(names[i], sizeof(names[i]), "c%u", i);
        channels[i] = (struct canring_channel_config){.name = names[i]};
    }
    if (pipe(ready) < 0)
        bench_die("pipe");
    pid_t child = fork();
    if (child == 0)
        serve(&options, ready[1]);
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1)
        bench_die("the proxy did not start");
    close(ready[0]);
    return child;
}

/* The frame's number is its payload; what is missing before it was lost. */
static uint64_t drain(struct canring_channel *channel, uint64_t next, uint64_t *lost)
{
    const struct canring_frame *frame;
    while ((frame = canring_channel_peek(channel)) != NULL) {
        uint64_t number;
        memcpy(&number, canring_frame_payload(frame), sizeof(number));
        if (number < next)
            bench_die("frame %llu came late or twice", (unsigned long long)number);
        *lost += number - next;
        next = number + 1;
        canring_channel_next(channel);
    }
    canring_channel_give_back(channel);
    return next;
}

static uint64_t stream(struct feed *feed, struct canring_channel **channels, unsigned count,
                       uint64_t rate, uint64_t seconds)
{
    uint64_t next[CHANNELS_MAX] = {0}, lost = 0, sent = 0, idle = 0;
    const uint64_t frames = rate * seconds, start = bench_ns();
    while (idle < 1000) {
        uint64_t due = (bench_ns() - start) / 1000 * rate / 1000000;
        due = due < frames ? due : frames;
        while (sent < due) {
            unsigned some = due - sent < FEED_BURST ? (unsigned)(due - sent) : FEED_BURST;
            some = feed_send(feed, sent, some);
            sent += some;
            if (!some)
                break;
        }
        bool behind = false;
        for (unsigned i = 0; i < count; i++) {
            next[i] = drain(channels[i], next[i], &lost);
            behind |= next[i] < frames;
        }
        idle = sent == frames && !behind ? 1000 : sent == frames ? idle + 1 : 0;
        usleep(sent == frames ? 10000 : 300);
    }
    for (unsigned i = 0; i < count; i++)
        lost += frames - next[i];
    return lost;
}

/* What the proxy says of its trace. */
static uint64_t of_trace(const char *status, const char *key)
{
    const char *trace = strstr(status, "\"trace\": {");
    const char *found = trace ? strstr(trace, key) : NULL;
    return found ? strtoull(found + strlen(key), NULL, 10) : 0;
}

int main(int argc, char **argv)
{
    const struct canring_channel_options attach = {.wait = CANRING_WAIT_PARK};
    unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 8;
    uint64_t rate = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
    uint64_t seconds = argc > 3 ? strtoull(argv[3], NULL, 10) : 10;
    const char *trace = argc > 4 ? argv[4] : NULL;
    char directory[] = "/tmp/canring-bench.XXXXXX", name[32];
    struct canring_channel *channels[CHANNELS_MAX];
    struct canring_error err;
    char *status = NULL;
    struct rusage used;
    if (count < 1 || count > CHANNELS_MAX || !rate || !seconds)
        bench_die("CHANNELS is 1 to %d", CHANNELS_MAX);
    if (!mkdtemp(directory))
        bench_die("no folder in /tmp");
    setenv("CANRING_RUNTIME_DIR", directory, 1);
    pid_t child = start_proxy(count, trace);
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "sustain/c%u", i);
        if (canring_channel_attach(&channels[i], name, &attach, &err) < 0)
            bench_die("%s", err.text);
    }
    struct feed *feed = feed_open("sustain");
    uint64_t lost = stream(feed, channels, count, rate, seconds);
    if (canring_proxies(&status, &err) < 0)
        bench_die("%s", err.text);
    feed_close(feed);
    for (unsigned i = 0; i < count; i++)
        canring_channel_detach(channels[i]);
    kill(child, SIGTERM);
    wait4(child, NULL, 0, &used);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e9 +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e3;
    printf("{\"bench\": \"sustain\", \"channels\": %u, \"rate\": %llu, \"seconds\": %llu, "
           "\"trace\": \"%s\", \"lost\": %llu, \"trace_written\": %llu, "
           "\"trace_dropped\": %llu, \"cpu_ns_per_frame\": %.1f}\n",
           count, (unsigned long long)rate, (unsigned long long)seconds, trace ? trace : "",
           (unsigned long long)lost, (unsigned long long)of_trace(status, "\"written\": "),
           (unsigned long long)of_trace(status, "\"dropped\": "), cpu / (double)(rate * seconds));
    free(status);
    rmdir(directory);
    return lost ? 1 : 0;
}
