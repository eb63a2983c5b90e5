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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "feed.h"
#include "proxy_process.h"
#include "rig.h"

enum { CHANNELS_MAX = PROXY_PROCESS_CHANNELS_MAX };

static pid_t start_proxy(unsigned count, const char *trace)
{
    const struct canring_recording recording = {
        .path = trace, .writer = {.rotate_bytes = 1000000000u, .keep = 2, .overwrite = true}};
    const struct canring_proxy_options options = {
        .name = "sustain",
        .bus = {.interface = "virtual", .channel = "sustain"},
        .channels = proxy_process_channels(count),
        .channel_count = count,
        .trace = trace ? &recording : NULL};
    return proxy_process_start(&options, -1, NULL);
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
    bench_words(argc, argv, 4, "bench_sustain [CHANNELS [RATE [SECONDS [TRACE]]]]");
    unsigned count = (unsigned)bench_number(1, 8, 1, CHANNELS_MAX);
    uint64_t rate = bench_number(2, 1000000, 1, FEED_RATE_MAX);
    uint64_t seconds = bench_number(3, 10, 1, FEED_SECONDS_MAX);
    const char *trace = bench_word(4, NULL);
    struct canring_channel *channels[CHANNELS_MAX];
    struct canring_error err;
    char *status = NULL;
    struct rusage used;
    proxy_process_folder();
    pid_t proxy = start_proxy(count, trace);
    proxy_process_attach_all(channels, "sustain", count, CANRING_WAIT_PARK);
    struct feed *feed = feed_open("sustain");
    uint64_t lost = stream(feed, channels, count, rate, seconds);
    if (canring_proxies(&status, &err) < 0)
        bench_die("%s", err.text);
    feed_close(feed);
    proxy_process_detach_all(channels, count);
    proxy_process_end(proxy, &used);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e9 +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e3;
    printf("{\"bench\": \"sustain\", \"channels\": %u, \"rate\": %llu, \"seconds\": %llu, "
           "\"trace\": \"%s\", \"lost\": %llu, \"trace_written\": %llu, "
           "\"trace_dropped\": %llu, \"cpu_ns_per_frame\": %.1f}\n",
           count, (unsigned long long)rate, (unsigned long long)seconds, trace ? trace : "",
           (unsigned long long)lost, (unsigned long long)of_trace(status, "\"written\": "),
           (unsigned long long)of_trace(status, "\"dropped\": "), cpu / (double)(rate * seconds));
    free(status);
    return lost ? 1 : 0;
}
