/* An auxiliary that checks every frame against the recording it should be from.
 *
 *     check_frames CHANNEL RECORDING [LOOPS]
 *
 * Prints a line "ready" once attached, and in the end frames, rate, and how long each frame took
 * from the bus's time stamp to here. Shows: attaching, reading frames in place, waiting, counters.
 */
#include <canring/bus.h>
#include <canring/channel.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PATIENCE_MS 20000

struct latencies {
    uint32_t *ns;
    size_t count, space;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void remember(struct latencies *l, uint64_t ns)
{
    if (l->count == l->space) {
        size_t space = l->space ? l->space * 2 : 65536;
        uint32_t *more = realloc(l->ns, space * sizeof(*more));
        if (!more)
            return;
        l->ns = more;
        l->space = space;
    }
    l->ns[l->count++] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double percentile_us(const struct latencies *l, double share)
{
    return l->count ? l->ns[(size_t)(share * (double)(l->count - 1))] / 1000.0 : 0;
}

static bool same(const struct canring_frame *a, const struct canring_frame *b)
{
    const unsigned meaning = CANRING_FD | CANRING_BRS | CANRING_ESI | CANRING_XL | CANRING_DLC_MASK;
    return a->id == b->id && a->size == b->size && ((a->flags ^ b->flags) & meaning) == 0 &&
           memcmp(canring_frame_payload(a), canring_frame_payload(b), canring_frame_length(a)) == 0;
}

/* Returns how many frames came and were right; fewer than there are is a failure. */
static unsigned long check(struct canring_channel *channel, struct canring_bus *recording,
                           struct latencies *latencies)
{
    const struct canring_frame *expected, *frame;
    unsigned long good = 0;
    while (canring_bus_receive(recording, &expected, 0) == 1) {
        if (canring_channel_wait(channel, PATIENCE_MS) != 1) {
            fprintf(stderr, "%s: nothing came after frame %lu\n", canring_channel_name(channel),
                    good);
            break;
        }
        frame = canring_channel_peek(channel);
        if (!frame || !same(frame, expected)) {
            fprintf(stderr, "%s: frame %lu is not the recording's\n", canring_channel_name(channel),
                    good);
            break;
        }
        remember(latencies, now_ns() - frame->timestamp_ns);
        canring_channel_next(channel);
        good++;
    }
    return good;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s CHANNEL RECORDING [LOOPS]\n", argv[0]);
        return 2;
    }
    struct canring_bus_options options = {
        .interface = "replay",
        .channel = argv[2],
        .fd = true,
        .filters.error_mask = CANRING_ID_MASK_EXT, /* error frames too */
        .loops = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 1};
    struct canring_channel *channel;
    struct canring_bus *recording;
    struct canring_error err;
    if (canring_bus_open(&recording, &options, &err) < 0 ||
        canring_channel_attach(&channel, argv[1], NULL, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    printf("ready\n");
    fflush(stdout);
    canring_channel_wait(channel, -1);
    struct latencies latencies = {0};
    uint64_t start = now_ns();
    unsigned long good = check(channel, recording, &latencies);
    double seconds = (double)(now_ns() - start) / 1e9;

    struct canring_channel_stats stats;
    canring_channel_stats(channel, &stats);
    qsort(latencies.ns, latencies.count, sizeof(*latencies.ns), compare);
    printf("%-12s %8lu frames, all as recorded; %9.0f frames/s; bus to here p50 %.1f µs, p99 %.1f "
           "µs, max "
           "%.1f µs; drops %llu\n",
           canring_channel_name(channel), good, (double)good / seconds,
           percentile_us(&latencies, 0.5), percentile_us(&latencies, 0.99),
           percentile_us(&latencies, 1), (unsigned long long)stats.dropped);
    const struct canring_frame *left;
    bool complete = canring_bus_receive(recording, &left, 0) == -ENODATA;
    canring_channel_detach(channel);
    canring_bus_close(recording);
    free(latencies.ns);
    return complete && stats.dropped == 0 ? 0 : 1;
}
