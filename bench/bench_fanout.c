/* One bus to N channels, through a proxy: frames published per second and what one costs.
 *
 *     bench_fanout [FRAMES [RUNS [CHANNELS]]]
 *
 * The proxy is a process of its own on processor 1, spinning. One process on processor 0 puts
 * classic frames on an in-memory bus and reads all channels in turn, every frame checked. For 1, 2,
 * 4 … 64 channels, interleaved, a JSON line: million frames published per second in total (median,
 * range over RUNS) and, where the machine has the counters, cycles, instructions and cache misses
 * of the proxy and of that process ("reader") per frame published, in the last run. CHANNELS: this
 * number only.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counters.h"
#include "feed.h"
#include "proxy_process.h"
#include "rig.h"

enum {
    CHANNELS_MAX = PROXY_PROCESS_CHANNELS_MAX,
    COUNTS = 7,
    RUNS_MAX = 50,
    BURST = FEED_BURST,
    ON_THE_WAY = 4096
};

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

struct sides {
    struct counters proxy, reader;
};

static double run(unsigned count, uint64_t frames, struct sides *sides)
{
    const struct canring_proxy_options options = {
        .name = "fanout",
        .bus = {.interface = "virtual", .channel = "fanout"},
        .channels = proxy_process_channels(count),
        .channel_count = count,
        .wait = CANRING_WAIT_SPIN};
    struct canring_channel *channels[CHANNELS_MAX];
    pid_t proxy = proxy_process_start(&options, 1, NULL);
    proxy_process_attach_all(channels, "fanout", count, CANRING_WAIT_SPIN);
    struct feed *feed = feed_open("fanout");
    flood(feed, channels, count, frames / 10 / count);
    /* Numbers begin again at 0: what the warm-up sent has all been read. */
    (void)counters_start(&sides->proxy, proxy, counters_cpu, COUNTERS_CPU);
    (void)counters_start(&sides->reader, 0, counters_cpu, COUNTERS_CPU);
    double rate = flood(feed, channels, count, frames / count);
    counters_stop(&sides->reader);
    counters_stop(&sides->proxy);
    feed_close(feed);
    proxy_process_detach_all(channels, count);
    proxy_process_end(proxy, NULL);
    return rate;
}

static void print(unsigned count, double *rates, int runs, uint64_t frames,
                  const struct sides *sides)
{
    double median = bench_median(rates, runs);
    const uint64_t published = frames / count * count;
    printf("{\"bench\": \"fanout\", \"channels\": %u, \"runs\": %d, \"mframes_per_s\": %.1f, "
           "\"min\": %.1f, \"max\": %.1f, \"ns_per_frame_and_channel\": %.2f",
           count, runs, median, rates[0], rates[runs - 1], 1e3 / median);
    counters_print(stdout, &sides->proxy, "proxy", (double)published);
    counters_print(stdout, &sides->reader, "reader", (double)published);
    puts("}");
}

int main(int argc, char **argv)
{
    static double rates[COUNTS][RUNS_MAX];
    static struct sides sides[COUNTS];
    bench_words(argc, argv, 3, "bench_fanout [FRAMES [RUNS [CHANNELS]]]");
    uint64_t frames = bench_number(1, 20000000, 10000, 1000000000000);
    int runs = (int)bench_number(2, 5, 1, RUNS_MAX);
    unsigned only = (unsigned)bench_number(3, 0, 1, CHANNELS_MAX);
    if (only & (only - 1))
        bench_misuse("%u: allowed is 1, 2, 4 … %d channels", only, CHANNELS_MAX);
    bench_two_processors();
    proxy_process_folder();
    double before = bench_ping_pong_ns();
    bench_pin(0);
    for (int r = 0; r < runs; r++)
        for (unsigned i = 0; i < COUNTS; i++)
            if (!only || only == 1u << i)
                rates[i][r] = run(1u << i, frames, &sides[i]);
    for (unsigned i = 0; i < COUNTS; i++)
        if (!only || only == 1u << i)
            print(1u << i, rates[i], runs, frames, &sides[i]);
    printf("{\"bench\": \"ping_pong\", \"before_ns\": %.0f, \"after_ns\": %.0f}\n", before,
           bench_ping_pong_ns());
    return 0;
}
