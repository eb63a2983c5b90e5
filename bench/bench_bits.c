/* How many frames' bits can be counted in a second, on one core. */
#include <canring/bits.h>
#include <stdio.h>
#include <stdlib.h>

#include "rig.h"

#define FRAMES 1024u
#define ROUNDS 4000u

static void fill(union canring_frame_buffer *buffer, unsigned flags, size_t length)
{
    canring_frame_classic(&buffer->frame, (uint32_t)random() & CANRING_ID_MASK_STD, NULL, 0);
    buffer->frame.size = (uint16_t)(CANRING_FRAME_HEADER + length);
    buffer->frame.flags =
        (uint16_t)(flags & CANRING_FD ? flags : (unsigned)length << CANRING_DLC_SHIFT);
    for (size_t i = 0; i < length; i++)
        buffer->frame.data[i] = (uint8_t)random();
}

static void measure(const char *name, unsigned flags, size_t length)
{
    union canring_frame_buffer *frames = calloc(FRAMES, sizeof(*frames));
    uint64_t sum = 0;

    if (!frames)
        return;

    for (unsigned i = 0; i < FRAMES; i++)
        fill(&frames[i], flags, length);
    uint64_t start = bench_ns();
    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned i = 0; i < FRAMES; i++) {
            struct canring_bits bits = canring_frame_bits(&frames[i].frame);
            sum += bits.nominal + bits.data;
        }
    double rate = FRAMES * (double)ROUNDS / ((double)(bench_ns() - start) / 1e9);
    printf("%-20s %10.0f frames/s, %.1f bits each\n", name, rate, (double)sum / FRAMES / ROUNDS);
    free(frames);
}

int main(int argc, char **argv)
{
    bench_words(argc, argv, 0, "bench_bits");
    measure("classic, 8 bytes", 0, 8);
    measure("FD, 8 bytes", CANRING_FD | CANRING_BRS, 8);
    measure("FD, 64 bytes", CANRING_FD | CANRING_BRS, 64);
    return 0;
}
