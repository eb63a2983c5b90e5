/* The way of a recording's bytes to the kernel: io_uring, or pwrite(2) where there is none.
 *
 * For the writer's own thread (writer_thread.c), which alone calls it, but for cr_writer_sink_wake.
 * Writes of one chain are done in order: after one that fails or falls short, the rest is not done,
 * so that a process that is killed leaves no hole in a file. It knows nothing of recordings, and
 * never repeats anything by itself.
 */
#ifndef CANRING_TRACE_WRITER_SINK_H
#define CANRING_TRACE_WRITER_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cr_writer_sink;

/* Something asked of the kernel; embed it in its owner, keep it where it is until `done`. */
struct cr_writer_sink_request {
    /* In cr_writer_sink_run. `result`: bytes written (fewer than asked: something is wrong), 0, or
     * a negative errno; -ECANCELED: one before it in its chain was not done as asked. */
    void (*done)(struct cr_writer_sink_request *request, int result);
};

/* Writes at the file's own position, for what cannot be written elsewhere (a pipe). */
#define CR_WRITER_SINK_NOWHERE UINT64_MAX

/* Most requests that may be on their way. */
#define CR_WRITER_SINK_REQUESTS 48u

/* `wake_fd`: an eventfd, stays the caller's. -ENOMEM. */
int cr_writer_sink_open(struct cr_writer_sink **sink, int wake_fd);

/* By the thread that is going to use it. `plain`, or CANRING_LOOP=epoll in the environment: without
 * io_uring. */
void cr_writer_sink_start(struct cr_writer_sink *sink, bool plain);

/* NULL is allowed. Nothing may be on its way. */
void cr_writer_sink_close(struct cr_writer_sink *sink);

/* Write `length` bytes to `offset`. `more`: the next request is a write of the same chain. */
void cr_writer_sink_write(struct cr_writer_sink *sink, struct cr_writer_sink_request *request,
                          int fd, const void *data, size_t length, uint64_t offset, bool more);

/* fdatasync. It overtakes writes and is overtaken. */
void cr_writer_sink_sync(struct cr_writer_sink *sink, struct cr_writer_sink_request *request,
                         int fd);

/* Start what was asked for, and call `done` of what has ended; when nothing has, sleep until
 * something has, cr_writer_sink_wake was called since the last sleep, or `timeout_ns` have passed.
 */
void cr_writer_sink_run(struct cr_writer_sink *sink, uint64_t timeout_ns);

/* End the sleep. From any thread; one system call, never blocks. */
void cr_writer_sink_wake(int wake_fd);

#endif
