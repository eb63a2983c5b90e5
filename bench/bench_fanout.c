/* One bus to N channels, through a proxy: frames published per second and what one costs.
 *
 *     bench_fanout [FRAMES [RUNS [CHANNELS]]]
 *
 * The proxy is a process of its own on processor 1, spinning. One process on processor 0 puts
 * classic frames on an in-memory bus and reads all channels in turn, every frame checked. For 1, 2,
 * 4 … 64 channels, interleaved, a JSON line: million frames published per second in total (median,
 * range over RUNS). CHANNELS: this number only.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <canring/channel.h>
#include <canring/proxy.h>

#include "feed.h"
#include "rig.h"

enum { CHANNELS_MAX = 64, COUNTS = 7, RUNS_MAX = 50, BURST = FEED_BURST, ON_THE_WAY = 4096 };

static struct canring_proxy *proxy;

static void on_stop(int number)
{
    (void)number;
    canring_proxy_stop(proxy);
}

static pid_t start_proxy(unsigned count)
{
    static char names[CHANNELS_MAX][16];
    static struct canring_channel_config channels[CHANNELS_MAX];
    struct canring_proxy_options options = {.name = "fanout",
                                            .bus = {.interface = "virtual", .channel = "fanout"},
                                            .channels = channels,
                                            .channel_count = count,
                                            .wait = CANRING_WAIT_SPIN};
    int ready[2];
    char byte;
    for (unsigned i = 0; i < count; i++) {
        snprintf(names[i], sizeof(names[i]), "c%u", i);
        channels[i] = (struct canring_channel_config){.name = names[i]};
    }
    if (pipe(ready) < 0)
        bench_die("pipe");
    pid_t child = fork();
    if (child == 0) {
        struct canring_error err;
        bench_pin(1);
        if (canring_proxy_open(&proxy, &options, &err) < 0)
            bench_die("%s", err.text);
        signal(SIGTERM, on_stop);
        if (write(ready[1], "", 1) != 1)
            _exit(1);
        canring_proxy_run(proxy);
        canring_proxy_close(proxy);
        _exit(0);
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1)
        bench_die("the proxy did not start");
    close(ready[0]);
    return child;
}

static uint64_t drain(struct canring_channel *channel, uint64_t number)
{
    const struct canring_frame *frame;
    while ((frame = canring_channel_peek(channel)) != NULL) {
        if (memcmp(canring_frame_payload(frame), &number, sizeof(number)) != 0)
            bench_die("frame %llu is wrong", (unsigned long long)number);
        canring_channel_next(channel);
        number++;
    }
    canring_channel_give_back(channel);
    return number;
}

static double flood(struct feed *feed, struct canring_channel **channels, unsigned count,
                    uint64_t frames)
{
    uint64_t sent = 0, slowest = 0, received[CHANNELS_MAX] = {0}, start = bench_ns();
    while (slowest < frames) {
        uint64_t left = frames - sent;
        if (left && sent - slowest + BURST <= ON_THE_WAY)
            sent += feed_send(feed, sent, left < BURST ? (unsigned)left : BURST);
        slowest = UINT64_MAX;
        for (unsigned i = 0; i < count; i++) {
            received[i] = drain(channels[i], received[i]);
            slowest = received[i] < slowest ? received[i] : slowest;
        }
    }
    return (double)frames * count * 1e3 / (double)(bench_ns() - start);
}

static double run(unsigned count, uint64_t frames)
{
    const struct canring_channel_options attach = {.wait = CANRING_WAIT_SPIN};
    struct canring_channel *channels[CHANNELS_MAX];
    struct canring_error err;
    char name[32];
    pid_t child = start_proxy(count);
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "fanout/c%u", i);
        if (canring_channel_attach(&channels[i], name, &attach, &err) < 0)
            bench_die("%s", err.text);
    }
    struct feed *feed = feed_open("fanout");
    flood(feed, channels, count, frames / 10 / count);
    /* Numbers begin again at 0: what the warm-up sent has all been read. */
    double rate = flood(feed, channels, count, frames / count);
    feed_close(feed);
    for (unsigned i = 0; i < count; i++)
        canring_channel_detach(channels[i]);
    kill(child, SIGTERM);
    waitpid(child, NULL, 0);
    return rate;
}

int main(int argc, char **argv)
{
    static double rates[COUNTS][RUNS_MAX];
    uint64_t frames = argc > 1 ? strtoull(argv[1], NULL, 10) : 20000000;
    int runs = argc > 2 ? atoi(argv[2]) : 5;
    unsigned only = argc > 3 ? (unsigned)atoi(argv[3]) : 0;
    char directory[] = "/tmp/canring-bench.XXXXXX";
    if (runs < 1 || runs > RUNS_MAX || frames < 10000 || bench_cpus() < 2)
        bench_die("FRAMES at least 10000, RUNS 1 to %d, two processors", RUNS_MAX);
    if (!mkdtemp(directory))
        bench_die("no folder in /tmp");
    setenv("CANRING_RUNTIME_DIR", directory, 1);
    double before = bench_ping_pong_ns();
    bench_pin(0);
    for (int r = 0; r < runs; r++)
        for (unsigned i = 0; i < COUNTS; i++)
            if (!only || only == 1u << i)
                rates[i][r] = run(1u << i, frames);
    for (unsigned i = 0; i < COUNTS; i++) {
        if (only && only != 1u << i)
            continue;
        double median = bench_median(rates[i], runs);
        printf("{\"bench\": \"fanout\", \"channels\": %u, \"runs\": %d, \"mframes_per_s\": %.1f, "
               "\"min\": %.1f, \"max\": %.1f, \"ns_per_frame_and_channel\": %.2f}\n",
               1u << i, runs, median, rates[i][0], rates[i][runs - 1], 1e3 / median);
    }
    printf("{\"bench\": \"ping_pong\", \"before_ns\": %.0f, \"after_ns\": %.0f}\n", before,
           bench_ping_pong_ns());
    rmdir(directory);
    return 0;
}
