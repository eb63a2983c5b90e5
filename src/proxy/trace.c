#include "proxy/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <canring/text.h>

#include "shm/probe.h"

#define TRACE_SLOTS  65536u   /* 2 MiB: a quarter of a second at 250,000 frames/s */
#define TRACE_SPILL  1000000u /* frames */
#define BUFFER_BYTES (256u * 1024u)
#define FLUSH_NS     UINT64_C(200000000) /* at most this much is lost when the process is killed */
/* A stop that comes between look and sleep waits this long. */
#define IDLE_NS UINT64_C(1000000000)

struct cr_trace_writer {
    struct canring_ring ring;
    struct canring_consumer in;
    pthread_t thread;
    int fd;
    atomic_bool stop;
    atomic_int error;
    _Atomic uint64_t written;
    char interface[64];
    size_t used;
    uint64_t due_ns; /* when what is in the buffer has to be written, CLOCK_MONOTONIC */
    char buffer[BUFFER_BYTES];
};

static void flush(struct cr_trace_writer *w)
{
    size_t done = 0;
    CR_PROBE3(trace_write, w->interface, w->used,
              atomic_load_explicit(&w->written, memory_order_relaxed));
    while (done < w->used) {
        ssize_t wrote = write(w->fd, w->buffer + done, w->used - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0) {
            int none = 0;
            atomic_compare_exchange_strong(&w->error, &none, errno);
            break;
        }
        done += (size_t)wrote;
    }
    w->used = 0;
}

static void add(struct cr_trace_writer *w, const struct canring_frame *frame)
{
    if (BUFFER_BYTES - w->used < CANRING_TEXT_MAX + 128)
        flush(w);
    int length =
        canring_log_format(frame, w->interface, 6, w->buffer + w->used, BUFFER_BYTES - w->used);
    if (length > 0)
        w->used += (size_t)length;
    atomic_store_explicit(&w->written, atomic_load_explicit(&w->written, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

static void read_all(struct cr_trace_writer *w)
{
    const struct canring_record *record;
    uint32_t size;
    while ((record = canring_ring_peek(&w->in, &size)) != NULL) {
        add(w, (const struct canring_frame *)(const void *)record);
        canring_ring_consume(&w->in, size);
        if (canring_ring_unreleased(&w->in) >= TRACE_SLOTS / 8)
            canring_ring_release_wake(&w->in);
    }
    canring_ring_release_wake(&w->in);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Frames that come one by one never let the writer time out: the clock decides. Returns how long it
 * may sleep. */
static uint64_t flush_when_due(struct cr_trace_writer *w)
{
    if (!w->used) {
        w->due_ns = 0;
        return IDLE_NS;
    }
    uint64_t now = now_ns();
    if (!w->due_ns)
        w->due_ns = now + FLUSH_NS;
    if (now < w->due_ns)
        return w->due_ns - now;
    flush(w);
    w->due_ns = 0;
    return IDLE_NS;
}

static void *run(void *arg)
{
    struct cr_trace_writer *w = arg;
    bool more = true;
    while (more) {
        /* Read before the last look at the ring: what was put in before the stop is written. */
        more = !atomic_load_explicit(&w->stop, memory_order_acquire);
        read_all(w);
        canring_ring_wait(&w->in, CANRING_WAIT_PARK, more ? flush_when_due(w) : 0);
    }
    flush(w);
    return NULL;
}

static int start(struct cr_trace_writer *w, struct canring_error *err)
{
    int result = canring_ring_create(&w->ring, TRACE_SLOTS, err);
    if (result < 0)
        return result;
    canring_consumer_init(&w->in, &w->ring);
    result = pthread_create(&w->thread, NULL, run, w);
    if (result == 0)
        return 0;
    canring_ring_destroy(&w->ring);
    return canring_error_set(err, -result, "cannot start the trace's thread: %s", strerror(result));
}

int cr_trace_open(struct cr_trace *trace, const char *path, const char *interface, int bell,
                  struct canring_error *err)
{
    struct cr_trace_writer *w = calloc(1, sizeof(*w));
    if (!w)
        return canring_error_set(err, -ENOMEM, "no memory for a trace");
    w->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (w->fd < 0) {
        int code = -errno;
        free(w);
        return canring_error_set(err, code, "cannot create the trace %s: %s", path,
                                 strerror(-code));
    }
    snprintf(w->interface, sizeof(w->interface), "%s", interface);
    int result = start(w, err);
    if (result < 0) {
        close(w->fd);
        unlink(path);
        free(w);
        return result;
    }
    w->in.bell_fd = bell;
    trace->writer = w;
    trace->outlet = (struct cr_outlet){.name = "trace",
                                       .reader_parks = true,
                                       .overflow = CANRING_OVERFLOW_SPILL,
                                       .spill.limit = TRACE_SPILL};
    canring_producer_init(&trace->outlet.ring, &w->ring);
    return 0;
}

int cr_trace_close(struct cr_trace *trace)
{
    struct cr_trace_writer *w = trace->writer;
    if (!w)
        return 0;
    /* What has spilled is still in our hands: feed it while the writer makes room. */
    while (trace->outlet.spill.count && !atomic_load(&w->error)) {
        cr_outlet_drain(&trace->outlet);
        canring_ring_wait_room(&trace->outlet.ring, CANRING_FRAME_MAX, CANRING_WAIT_PARK, FLUSH_NS);
    }
    cr_fifo_clear(&trace->outlet.spill);
    atomic_store_explicit(&w->stop, true, memory_order_release);
    uint32_t waiting = atomic_load_explicit(&w->in.own->waiting, memory_order_seq_cst);
    canring_ring_wake_consumer(&trace->outlet.ring, waiting | CANRING_ASLEEP_FUTEX);
    pthread_join(w->thread, NULL);
    int error = -atomic_load(&w->error);
    if (close(w->fd) < 0 && error == 0)
        error = -errno;
    canring_ring_destroy(&w->ring);
    free(w);
    trace->writer = NULL;
    return error;
}

uint64_t cr_trace_written(const struct cr_trace *trace, int *error)
{
    *error = -atomic_load_explicit(&trace->writer->error, memory_order_relaxed);
    return atomic_load_explicit(&trace->writer->written, memory_order_relaxed);
}
