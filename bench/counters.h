/* What the processor counts while one thread runs in user space: cycles, instructions, cache
 * misses.
 *
 * For the benches, beside their clocks. A machine, a kernel or its settings may give none, or not
 * all: what is missing has no field then, and the bench goes on without. Nothing here runs between
 * start and stop. C and C++.
 */
#ifndef CANRING_BENCH_COUNTERS_H
#define CANRING_BENCH_COUNTERS_H

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An event of perf_event_open(2): `type` and `config` are those of its attributes. */
struct counters_event {
    const char *name;
    uint32_t type;
    uint64_t config;
};

/* "cycles", "instructions", "cache_misses": the last of what the kernel calls cache misses, those
 * of the last level on most processors. */
#define COUNTERS_CPU 3u
extern const struct counters_event counters_cpu[COUNTERS_CPU];

#define COUNTERS_MAX 4u

struct counters {
    const struct counters_event *events;
    unsigned count;
    int fds[COUNTERS_MAX];             /* negative: the machine does not have it */
    double values[COUNTERS_MAX];       /* after stop */
    unsigned char known[COUNTERS_MAX]; /* after stop: there is a value */
};

/* Count `events` (at most COUNTERS_MAX, not copied) of a thread, 0 for the calling one. Returns how
 * many of them are counted; when it is none, the negative errno of the first. */
int counters_start(struct counters *c, pid_t thread, const struct counters_event *events,
                   unsigned count);

/* What such an errno means here. */
const char *counters_reason(int error);

/* Any thread of the process that started may stop, once; also after a start without counters. */
void counters_stop(struct counters *c);

/* Fields of a JSON object: `, "SIDE_NAME": VALUE` for each value that there is, divided by `per`.
 */
void counters_print(FILE *out, const struct counters *c, const char *side, double per);

#ifdef __cplusplus
}
#endif

#endif
