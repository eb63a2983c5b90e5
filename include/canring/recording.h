/* What a recording of running traffic is like: for proxies and canring_capture.
 *
 * Traffic never waits for a disk. Frames wait for it, in a reserve of stated size; what has no room
 * there is left out, counted, and marked where it is missing.
 */
#ifndef CANRING_RECORDING_H
#define CANRING_RECORDING_H

#include <canring/filter.h>
#include <canring/trace_writer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of classic frames (32 bytes each) 2 million, four seconds of 500,000 frames/s; a CAN FD frame
 * takes up to 96 bytes, a CAN XL frame up to 2080. */
#define CANRING_RECORDING_RESERVE     (64u << 20)
#define CANRING_RECORDING_RESERVE_MIN (1u << 20)

/* Zero-initialise, then set what matters. */
struct canring_recording {
    const char *path;
    struct canring_trace_writer_options writer; /* but for report, and retry_ns: a disk that fails
                                                   is tried again until the end */
    size_t reserve; /* bytes, besides writer.memory; 0 = CANRING_RECORDING_RESERVE */
    /* Writing begins at the first frame that matches (and with what writer.pretrigger_ns has kept
     * by then); empty: at once, or when told to. */
    struct canring_filters trigger;
};

struct canring_recording_stats {
    uint64_t taken;       /* frames that were to be recorded */
    uint64_t dropped;     /* of these: the reserve was full */
    uint64_t given_up;    /* of these: the disk failed to the end */
    uint64_t lost_kernel; /* before them: told by the bus */
    uint64_t written;     /* of these: given to the kernel, or on the way to it */
    uint64_t waiting;     /* bytes in the reserve */
    struct canring_trace_writer_stats writer;
};

#ifdef __cplusplus
}
#endif
#endif
