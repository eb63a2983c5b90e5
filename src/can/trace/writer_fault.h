/* A disk that fails: told once, tried again, given up in time.
 *
 * Used by the writer's own thread alone. It decides when, not what: repeating is the thread's.
 */
#ifndef CANRING_TRACE_WRITER_FAULT_H
#define CANRING_TRACE_WRITER_FAULT_H

#include "can/trace/writer_queue.h"
#include "can/trace/writer_stats.h"

struct cr_writer_fault {
    struct cr_writer_queue *queue;
    struct cr_writer_stats *stats;
    uint64_t patience_ns; /* until the caller is told */
    int error;            /* 0: all is well */
    uint64_t since_ns;
    uint64_t retry_ns; /* when to try again */
    bool told;
};

/* Something did not work, `what` says what; by CLOCK_MONOTONIC. */
void cr_writer_fault_begin(struct cr_writer_fault *fault, int error, const char *what,
                           uint64_t now_ns);

/* It works. */
void cr_writer_fault_end(struct cr_writer_fault *fault, const char *what);

/* To be called now and then: tells the caller when it is time. */
void cr_writer_fault_check(struct cr_writer_fault *fault, uint64_t now_ns);

/* When something is to be done next, UINT64_MAX: nothing. */
uint64_t cr_writer_fault_next(const struct cr_writer_fault *fault);

#endif
