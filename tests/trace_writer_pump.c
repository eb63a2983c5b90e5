/* Writes frames into a recording as fast as it can, and says how fast that was.
 *
 * usage: trace_writer_pump FILE FRAMES [DATA_BYTES]
 */
#include <canring/trace_writer.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int pump(struct canring_trace_writer *writer, unsigned long frames, size_t length,
                struct canring_error *err)
{
    union canring_frame_buffer frame = {.bytes = {0}};
    uint64_t data[8] = {0};

    for (unsigned long i = 0; i < frames; i++) {
        data[0] = i * UINT64_C(0x9e3779b97f4a7c15);
        canring_frame_classic(&frame.frame, (uint32_t)i & 0x7ff, data, length);
        frame.frame.flags |= CANRING_CLOCK_PROXY;
        frame.frame.timestamp_ns = UINT64_C(1700000000000000000) + i * 2070;
        int result = canring_trace_writer_write(
            writer,
            &(struct canring_trace_entry){.kind = CANRING_TRACE_FRAME,
                                          .timestamp_ns = frame.frame.timestamp_ns,
                                          .frame = &frame.frame},
            err);
        if (result < 0)
            return result;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct canring_trace_writer *writer;
    struct canring_error err = {0};

    if (argc < 3)
        return 2;
    unsigned long frames = strtoul(argv[2], NULL, 10);
    double begin = seconds(CLOCK_MONOTONIC);
    int result = canring_trace_writer_open(
        &writer, argv[1], &(struct canring_trace_writer_options){.overwrite = true}, &err);
    if (result == 0) {
        canring_trace_writer_bus(writer, "can0");
        result = pump(writer, frames, argc > 3 ? strtoul(argv[3], NULL, 10) : 8, &err);
        double encoding = seconds(CLOCK_THREAD_CPUTIME_ID);
        int closed = canring_trace_writer_close(writer, result < 0 ? NULL : &err);
        result = result < 0 ? result : closed;
        printf("%.0f frames/s, %.0f ns of processor for each, %.0f of it in the caller's thread\n",
               (double)frames / (seconds(CLOCK_MONOTONIC) - begin),
               seconds(CLOCK_PROCESS_CPUTIME_ID) / (double)frames * 1e9,
               encoding / (double)frames * 1e9);
    }
    if (result < 0)
        fprintf(stderr, "%s\n", err.text);
    return result < 0;
}
