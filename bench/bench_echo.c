/* From one auxiliary's send to another's receive, through the proxy, and how many frames per second
 * go that way.
 *
 *     bench_echo [FRAMES]
 *
 * The proxy is a process of its own, on processor 1; one process on processor 0 holds both
 * auxiliaries, so that one clock measures both ends and nothing else runs. The bus is an in-memory
 * one with nobody on it. Prints a JSON line per wait strategy: p50, p99, p99.9, max in ns; frames/s
 * flat out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "histogram.h"
#include "proxy_process.h"
#include "rig.h"

static pid_t start_proxy(enum canring_wait wait)
{
    static const struct canring_channel_config channels[] = {{.name = "a"}, {.name = "b"}};
    const struct canring_proxy_options options = {
        .name = "bench",
        .bus = {.interface = "virtual", .channel = "bench"},
        .channels = channels,
        .channel_count = 2,
        .wait = wait};
    return proxy_process_start(&options, 1, NULL);
}

/* One frame at a time: sent, awaited, checked. */
static void measure_latency(struct canring_channel *a, struct canring_channel *b, uint64_t frames,
                            struct histogram *h)
{
    union canring_frame_buffer out, in;
    for (uint64_t i = 0; i < frames + frames / 10; i++) {
        canring_frame_classic(&out.frame, (uint32_t)(i & 0x7ff), &i, sizeof(i));
        uint64_t start = bench_ns();
        if (canring_channel_send(a, &out.frame, 1000) < 0 ||
            canring_channel_receive(b, &in, 5000) != 1)
            bench_die("frame %llu got lost", (unsigned long long)i);
        uint64_t took = bench_ns() - start;
        if (memcmp(in.frame.data, &i, sizeof(i)) != 0)
            bench_die("frame %llu is wrong", (unsigned long long)i);
        if (i >= frames / 10) /* the first ones warm up */
            histogram_add(h, took);
    }
}

/* As many as fit on the way, every one checked. */
static double measure_rate(struct canring_channel *a, struct canring_channel *b, uint64_t frames)
{
    uint64_t sent = 0, received = 0, start = bench_ns();
    while (received < frames) {
        for (unsigned i = 0; i < 64 && sent < frames && sent - received < 8192; i++, sent++) {
            struct canring_frame *frame = canring_channel_claim(a, 32);
            if (!frame)
                break;
            memset(frame, 0, sizeof(*frame));
            frame->size = 32;
            frame->flags = 8 << CANRING_DLC_SHIFT;
            frame->id = (uint32_t)(sent & 0x7ff);
            memcpy(canring_frame_data(frame), &sent, sizeof(sent));
            canring_channel_commit(a, 32);
        }
        canring_channel_publish(a);
        const struct canring_frame *frame;
        while ((frame = canring_channel_peek(b)) != NULL) {
            if (memcmp(canring_frame_payload(frame), &received, sizeof(received)) != 0)
                bench_die("frame %llu is wrong", (unsigned long long)received);
            canring_channel_next(b);
            received++;
        }
    }
    return (double)frames / ((double)(bench_ns() - start) / 1e9);
}

static void bench(const char *name, enum canring_wait wait, uint64_t frames)
{
    struct histogram *h = histogram_new();
    pid_t proxy = start_proxy(wait);
    struct canring_channel *a = proxy_process_attach("bench/a", wait);
    struct canring_channel *b = proxy_process_attach("bench/b", wait);
    measure_latency(a, b, frames, h);
    double rate = measure_rate(a, b, frames * 20);
    printf("{\"bench\": \"echo\", \"wait\": \"%s\", \"frames\": %llu, \"p50_ns\": %llu, "
           "\"p99_ns\": %llu, "
           "\"p99.9_ns\": %llu, \"max_ns\": %llu, \"frames_per_s\": %.0f}\n",
           name, (unsigned long long)h->count, (unsigned long long)histogram_percentile(h, 0.5),
           (unsigned long long)histogram_percentile(h, 0.99),
           (unsigned long long)histogram_percentile(h, 0.999), (unsigned long long)h->max, rate);
    fflush(stdout);
    canring_channel_detach(a);
    canring_channel_detach(b);
    proxy_process_end(proxy, NULL);
    free(h);
}

int main(int argc, char **argv)
{
    bench_words(argc, argv, 1, "bench_echo [FRAMES]");
    uint64_t frames = bench_number(1, 200000, 100, 1000000000);
    bench_two_processors();
    proxy_process_folder();
    double before = bench_ping_pong_ns();
    bench_pin(0);
    bench("spin", CANRING_WAIT_SPIN, frames);
    bench("adaptive", CANRING_WAIT_ADAPTIVE, frames);
    bench("park", CANRING_WAIT_PARK, frames / 4);
    printf("{\"bench\": \"ping_pong\", \"before_ns\": %.0f, \"after_ns\": %.0f}\n", before,
           bench_ping_pong_ns());
    return 0;
}
