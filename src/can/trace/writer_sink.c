#include "can/trace/writer_sink.h"

#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SQ_ENTRIES      64u
#define SUBMIT_AGAIN_NS 10000000u

struct ended {
    struct cr_writer_sink_request *request;
    int result;
};

struct cr_writer_sink {
    int wake_fd;
    bool plain;
    bool chain_broken; /* plain: a write of this chain was not done as asked */
    bool in_chain;
    unsigned ended_count;
    struct ended ended[CR_WRITER_SINK_REQUESTS];
    struct io_uring ring;
    struct cr_writer_sink_request wake; /* reads the eventfd */
    bool wake_armed;
    uint64_t wakes;
};

static_assert(CR_WRITER_SINK_REQUESTS + 2 <= SQ_ENTRIES,
              "every request and the wake-up have an entry");

/* ---- without io_uring ---------------------------------------------------- */

static void note_end(struct cr_writer_sink *sink, struct cr_writer_sink_request *request,
                     int result)
{
    sink->ended[sink->ended_count++] = (struct ended){request, result};
}

static int write_now(int fd, const void *data, size_t length, uint64_t offset)
{
    ssize_t written;

    do
        written = offset == CR_WRITER_SINK_NOWHERE ? write(fd, data, length)
                                                   : pwrite(fd, data, length, (off_t)offset);
    while (written < 0 && errno == EINTR);
    return written < 0 ? -errno : (int)written;
}

static void plain_write(struct cr_writer_sink *sink, struct cr_writer_sink_request *request, int fd,
                        const void *data, size_t length, uint64_t offset, bool more)
{
    if (!sink->in_chain)
        sink->chain_broken = false;
    int result = sink->chain_broken ? -ECANCELED : write_now(fd, data, length, offset);
    if (result != (int)length)
        sink->chain_broken = true;
    sink->in_chain = more;
    note_end(sink, request, result);
}

static void plain_run(struct cr_writer_sink *sink, uint64_t timeout_ns)
{
    struct pollfd wake = {.fd = sink->wake_fd, .events = POLLIN};
    struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / 1000000000u),
                               .tv_nsec = (long)(timeout_ns % 1000000000u)};

    if (sink->ended_count)
        timeout = (struct timespec){0};
    if (ppoll(&wake, 1, timeout_ns == UINT64_MAX && !sink->ended_count ? NULL : &timeout, NULL) > 0)
        (void)!read(sink->wake_fd, &sink->wakes, sizeof(sink->wakes));
    unsigned count = sink->ended_count;
    sink->ended_count = 0;
    for (unsigned i = 0; i < count; i++) {
        struct ended ended = sink->ended[i];
        ended.request->done(ended.request, ended.result);
    }
}

/* ---- io_uring ------------------------------------------------------------ */

/* Never NULL: there is an entry for every request that may be on its way. */
static struct io_uring_sqe *new_entry(struct cr_writer_sink *sink)
{
    struct io_uring_sqe *sqe;

    while ((sqe = io_uring_get_sqe(&sink->ring)) == NULL)
        io_uring_submit(&sink->ring);
    return sqe;
}

static void woken(struct cr_writer_sink_request *request, int result)
{
    struct cr_writer_sink *sink =
        (struct cr_writer_sink *)(void *)((char *)request - offsetof(struct cr_writer_sink, wake));

    (void)result;
    sink->wake_armed = false;
}

static void arm_wake(struct cr_writer_sink *sink)
{
    if (sink->wake_armed)
        return;
    struct io_uring_sqe *sqe = new_entry(sink);
    io_uring_prep_read(sqe, sink->wake_fd, &sink->wakes, sizeof(sink->wakes), 0);
    io_uring_sqe_set_data(sqe, &sink->wake);
    sink->wake_armed = true;
}

static unsigned reap(struct cr_writer_sink *sink)
{
    struct io_uring_cqe *cqe;
    unsigned count = 0;

    while (io_uring_peek_cqe(&sink->ring, &cqe) == 0) {
        struct cr_writer_sink_request *request = io_uring_cqe_get_data(cqe);
        int result = cqe->res;
        io_uring_cqe_seen(&sink->ring, cqe);
        if (request)
            request->done(request, result);
        count++;
    }
    return count;
}

static void uring_run(struct cr_writer_sink *sink, uint64_t timeout_ns)
{
    struct io_uring_cqe *cqe;

    if (timeout_ns)
        arm_wake(sink);
    if (io_uring_sq_ready(&sink->ring) && io_uring_submit(&sink->ring) < 0 && timeout_ns)
        timeout_ns = SUBMIT_AGAIN_NS; /* out of memory, for the moment */
    if (reap(sink) || timeout_ns == 0)
        return;
    struct __kernel_timespec timeout = {.tv_sec = (long long)(timeout_ns / 1000000000u),
                                        .tv_nsec = (long long)(timeout_ns % 1000000000u)};
    if (timeout_ns == UINT64_MAX)
        (void)io_uring_wait_cqe(&sink->ring, &cqe);
    else
        (void)io_uring_wait_cqe_timeout(&sink->ring, &cqe, &timeout);
    reap(sink);
}

static bool is_forbidden(void)
{
    const char *kind = getenv("CANRING_LOOP");

    return kind && strcmp(kind, "epoll") == 0;
}

static bool open_ring(struct cr_writer_sink *sink)
{
    static const unsigned set_ups[] = {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN, 0};

    for (size_t i = 0; i < sizeof(set_ups) / sizeof(*set_ups); i++)
        if (io_uring_queue_init(SQ_ENTRIES, &sink->ring, set_ups[i]) == 0) {
            /* Without this flag (before Linux 5.11) a wait with a timeout takes entries itself. */
            if (sink->ring.features & IORING_FEAT_EXT_ARG)
                return true;
            io_uring_queue_exit(&sink->ring);
        }
    return false;
}

/* ---- both ---------------------------------------------------------------- */

int cr_writer_sink_open(struct cr_writer_sink **sink, int wake_fd)
{
    struct cr_writer_sink *new = calloc(1, sizeof(*new));

    if (!new)
        return -ENOMEM;
    new->wake_fd = wake_fd;
    new->wake.done = woken;
    new->plain = true; /* nothing to close yet */
    *sink = new;
    return 0;
}

void cr_writer_sink_start(struct cr_writer_sink *sink, bool plain)
{
    sink->plain = plain || is_forbidden() || !open_ring(sink);
}

void cr_writer_sink_close(struct cr_writer_sink *sink)
{
    if (sink && !sink->plain) {
        while (sink->wake_armed) { /* the kernel must not write to what is freed */
            cr_writer_sink_wake(sink->wake_fd);
            uring_run(sink, UINT64_MAX);
        }
        io_uring_queue_exit(&sink->ring);
    }
    free(sink);
}

void cr_writer_sink_write(struct cr_writer_sink *sink, struct cr_writer_sink_request *request,
                          int fd, const void *data, size_t length, uint64_t offset, bool more)
{
    if (sink->plain) {
        plain_write(sink, request, fd, data, length, offset, more);
        return;
    }
    struct io_uring_sqe *sqe = new_entry(sink);
    io_uring_prep_write(sqe, fd, data, (unsigned)length, offset);
    io_uring_sqe_set_data(sqe, request);
    if (more)
        sqe->flags |= IOSQE_IO_LINK;
}

void cr_writer_sink_sync(struct cr_writer_sink *sink, struct cr_writer_sink_request *request,
                         int fd)
{
    if (sink->plain) {
        note_end(sink, request, fdatasync(fd) < 0 ? -errno : 0);
        return;
    }
    struct io_uring_sqe *sqe = new_entry(sink);
    io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
    io_uring_sqe_set_data(sqe, request);
}

void cr_writer_sink_run(struct cr_writer_sink *sink, uint64_t timeout_ns)
{
    if (sink->plain)
        plain_run(sink, timeout_ns);
    else
        uring_run(sink, timeout_ns);
}

void cr_writer_sink_wake(int wake_fd)
{
    const uint64_t one = 1;

    (void)!write(wake_fd, &one, sizeof(one));
}
