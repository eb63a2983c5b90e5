#include "proxy/collector.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "proxy/collector_records.h"
#include "proxy/collector_ring.h"
#include "proxy/collector_sink.h"
#include "proxy/log_text.h"
#include "shm/clock.h"

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)
/* A timer instead of bells that the processes ring: logging costs them no system call ever, and
 * twenty looks a second at a few cache lines cost nothing that can be measured. */
#define IDLE_NS (100 * NS_PER_MS)
#define BUSY_NS (10 * NS_PER_MS)
/* Between a process's look at the clock and the record in its ring: other rings' records wait that
 * long for it. */
#define SETTLE_NS (10 * NS_PER_MS)
/* A record cannot honestly be older than the last look at its ring by more than this. */
#define LATE_NS NS_PER_S

#define OWN_LOGGER "canring.log"

struct cr_collector {
    struct cr_sink console, file;
    bool file_error_said;
    int timer;
    uint32_t ring_slots;
    struct cr_log_ring *rings;
    struct cr_records pending; /* not written yet */
    struct cr_records kept;    /* for the report */
    uint64_t keep_bytes;
    uint64_t complete_from;
    uint64_t last_drain, now; /* CLOCK_REALTIME */
    uint64_t last_time;       /* of the record taken last */
    uint64_t records, lost, forgotten, no_memory;
    uint64_t no_memory_told; /* of these */
};

/* ---- the way of a record --------------------------------------------------------------------- */

/* For the report; the oldest go when there are too many. */
static void keep(struct cr_collector *c, struct cr_log_record *record)
{
    if (cr_records_add(&c->kept, record) < 0) {
        free(record);
        c->forgotten++;
        return;
    }
    while (c->kept.bytes > c->keep_bytes) {
        struct cr_log_record *oldest = cr_records_take(&c->kept);
        if (oldest->time_ns >= c->complete_from)
            c->complete_from = oldest->time_ns + 1;
        free(oldest);
        c->forgotten++;
    }
}

static void write_out(struct cr_collector *c, struct cr_log_record *record)
{
    cr_sink_record(&c->console, record);
    cr_sink_record(&c->file, record);
    keep(c, record);
}

/* A forged time may not move a record far from where it was found. */
static uint64_t credible(struct cr_collector *c, uint64_t time_ns)
{
    uint64_t seen = c->last_drain < c->now ? c->last_drain : c->now;
    uint64_t earliest = seen > LATE_NS ? seen - LATE_NS : 0;
    if (time_ns > c->now)
        c->now = cr_realtime_ns();
    if (time_ns > c->now)
        return c->now;
    return time_ns < earliest ? earliest : time_ns;
}

static void take(void *arg, struct cr_log_record *record)
{
    struct cr_collector *c = arg;
    record->time_ns = c->last_time = credible(c, record->time_ns);
    c->records++;
    if (cr_records_add(&c->pending, record) < 0)
        write_out(c, record); /* out of order rather than not at all */
}

static void write_until(struct cr_collector *c, uint64_t horizon)
{
    for (const struct cr_log_record *first;
         (first = cr_records_first(&c->pending)) && first->time_ns < horizon;)
        write_out(c, cr_records_take(&c->pending));
}

static void note_at(struct cr_collector *c, uint64_t time_ns, enum canring_log_level level,
                    const char *process, const char *logger, const char *text)
{
    size_t length = strnlen(text, CANRING_LOG_TEXT_MAX + 1);
    const struct cr_log_record values = {.time_ns = time_ns,
                                         .pid = (uint32_t)getpid(),
                                         .level = (int)level,
                                         .process = process,
                                         .logger = logger,
                                         .text = text,
                                         .text_bytes =
                                             cr_utf8_cut(text, length, CANRING_LOG_TEXT_MAX)};
    struct cr_log_record *record = cr_record_make(&values, strnlen(process, CR_LOG_PROCESS_MAX),
                                                  strnlen(logger, CR_LOG_LOGGER_MAX));
    if (!record)
        c->no_memory++;
    else if (cr_records_add(&c->pending, record) < 0)
        write_out(c, record);
}

void cr_collector_note(struct cr_collector *c, enum canring_log_level level, const char *process,
                       const char *logger, const char *text)
{
    note_at(c, cr_realtime_ns(), level, process, logger, text);
}

/* ---- draining -------------------------------------------------------------------------------- */

static unsigned read_sound_ring(struct cr_collector *c, struct cr_log_ring *ring)
{
    unsigned taken = cr_log_ring_read(ring, take, c, &c->no_memory);
    if (ring->damage) {
        char text[160];
        snprintf(text, sizeof(text), "the log ring is damaged and not read any more: %s",
                 ring->damage);
        cr_collector_note(c, CANRING_LOG_ERROR, ring->process, OWN_LOGGER, text);
    }
    return taken;
}

/* With the time of the last record that was not lost: in the case that wrote too much. */
static void tell_lost(struct cr_collector *c, struct cr_log_ring *ring, bool taken)
{
    char text[96];
    uint64_t all = cr_log_ring_lost(ring), lost = all > ring->lost ? all - ring->lost : 0;
    if (lost == 0)
        return;
    ring->lost = all;
    snprintf(text, sizeof(text), "%llu log record%s lost: the log ring was full",
             (unsigned long long)lost, lost == 1 ? " was" : "s were");
    note_at(c, taken ? c->last_time : cr_realtime_ns(), CANRING_LOG_WARNING, ring->process,
            OWN_LOGGER, text);
}

/* Of whom is not known: what did not fit was the record itself. */
static void tell_no_memory(struct cr_collector *c)
{
    char text[96];
    const uint64_t all = c->no_memory, lost = all - c->no_memory_told;
    if (lost == 0)
        return;
    snprintf(text, sizeof(text), "%llu log record%s lost: no memory", (unsigned long long)lost,
             lost == 1 ? " was" : "s were");
    cr_collector_note(c, CANRING_LOG_WARNING, "canring", OWN_LOGGER, text);
    if (c->no_memory == all)
        c->no_memory_told = all;
    else
        c->no_memory = all; /* nor for this one: told by a later drain */
}

static unsigned read_ring(struct cr_collector *c, struct cr_log_ring *ring)
{
    unsigned taken = ring->damage ? 0 : read_sound_ring(c, ring);
    tell_lost(c, ring, taken > 0);
    return taken;
}

static void arm(struct cr_collector *c, bool busy)
{
    uint64_t wait = busy ? BUSY_NS : c->rings ? IDLE_NS : 0;
    struct itimerspec when = {.it_value.tv_nsec = (long)wait};
    timerfd_settime(c->timer, 0, &when, NULL);
}

static void say_file_error(struct cr_collector *c)
{
    char text[128];
    if (!c->file.error || c->file_error_said)
        return;
    c->file_error_said = true;
    snprintf(text, sizeof(text), "the log file ends here, it cannot be written: %s",
             strerror(-c->file.error));
    cr_collector_note(c, CANRING_LOG_ERROR, "canring", OWN_LOGGER, text);
}

static unsigned drain_until(struct cr_collector *c, bool everything)
{
    unsigned taken = 0;
    c->now = cr_realtime_ns();
    /* A clock that was set back must not hold back what came before. */
    if (c->now < c->last_drain)
        everything = true;
    const uint64_t horizon = everything ? UINT64_MAX : c->now - SETTLE_NS;
    for (struct cr_log_ring *ring = c->rings; ring; ring = ring->next)
        taken += read_ring(c, ring);
    tell_no_memory(c);
    c->last_drain = c->now;
    write_until(c, horizon);
    cr_sink_flush(&c->console);
    cr_sink_flush(&c->file);
    say_file_error(c);
    arm(c, taken > 0 || c->pending.count > 0);
    return taken;
}

unsigned cr_collector_drain(struct cr_collector *collector)
{
    return drain_until(collector, false);
}

void cr_collector_flush(struct cr_collector *collector)
{
    drain_until(collector, true);
}

int cr_collector_fd(const struct cr_collector *collector)
{
    return collector->timer;
}

/* ---- processes ------------------------------------------------------------------------------- */

/* Where the ring of `process` hangs; of nobody: at the end. */
static struct cr_log_ring **find(struct cr_collector *c, const char *process)
{
    struct cr_log_ring **at = &c->rings;
    while (*at && strcmp((*at)->process, process) != 0)
        at = &(*at)->next;
    return at;
}

int cr_collector_add(struct cr_collector *c, const char *process, char env[CR_COLLECTOR_ENV],
                     struct canring_error *err)
{
    struct cr_log_ring **end = find(c, process);
    if (*end)
        return canring_error_set(err, -EEXIST, "process %s has a log already", process);
    struct cr_log_ring *ring = aligned_alloc(64, (sizeof(*ring) + 63) / 64 * 64);
    if (!ring)
        return canring_error_set(err, -ENOMEM, "no memory for the log of %s", process);
    int result = cr_log_ring_open(ring, process, c->ring_slots, err);
    if (result < 0) {
        free(ring);
        return result;
    }
    *end = ring;
    snprintf(env, CR_COLLECTOR_ENV, "%s", ring->segment.region.name);
    arm(c, c->pending.count > 0);
    return 0;
}

/* What `at` points to, with its last words. */
static void end_ring(struct cr_collector *c, struct cr_log_ring **at)
{
    struct cr_log_ring *ring = *at;
    *at = ring->next;
    c->now = cr_realtime_ns();
    read_ring(c, ring);
    c->lost += cr_log_ring_lost(ring);
    cr_log_ring_close(ring);
    free(ring);
}

int cr_collector_remove(struct cr_collector *c, const char *process)
{
    struct cr_log_ring **at = find(c, process);
    if (!*at)
        return -ENOENT;
    end_ring(c, at);
    arm(c, true);
    return 0;
}

/* ---- the report's view ----------------------------------------------------------------------- */

size_t cr_collector_window(struct cr_collector *c, uint64_t from_ns, uint64_t to_ns,
                           void (*visit)(void *arg, const struct cr_log_record *record), void *arg)
{
    cr_collector_flush(c);
    const size_t from = cr_records_from(&c->kept, from_ns), to = cr_records_from(&c->kept, to_ns);
    for (size_t i = from; i < to; i++)
        visit(arg, cr_records_at(&c->kept, i));
    return to > from ? to - from : 0;
}

uint64_t cr_collector_complete_from(const struct cr_collector *c)
{
    return c->complete_from;
}

void cr_collector_stats(const struct cr_collector *c, struct cr_collector_stats *stats)
{
    *stats = (struct cr_collector_stats){
        .records = c->records, .lost = c->lost + c->no_memory, .forgotten = c->forgotten};
    for (const struct cr_log_ring *ring = c->rings; ring; ring = ring->next)
        stats->lost += cr_log_ring_lost(ring);
}

/* ---- life ------------------------------------------------------------------------------------ */

static int open_parts(struct cr_collector *c, const struct cr_collector_options *options,
                      struct canring_error *err)
{
    int result = cr_sink_console(&c->console, options->console, options->console_level, err);
    if (result == 0)
        result = cr_sink_file(&c->file, options->path, options->stem ? options->stem : "test", err);
    if (result < 0)
        return result;
    c->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (c->timer < 0)
        return canring_error_set(err, -errno, "timerfd: %s", strerror(errno));
    return 0;
}

int cr_collector_open(struct cr_collector **out, const struct cr_collector_options *options,
                      struct canring_error *err)
{
    *out = NULL;
    struct cr_collector *c = calloc(1, sizeof(*c));
    if (!c)
        return canring_error_set(err, -ENOMEM, "no memory for the logs");
    c->timer = c->console.fd = c->file.fd = -1;
    c->keep_bytes = options->keep_bytes ? options->keep_bytes : CR_COLLECTOR_KEEP_BYTES;
    c->ring_slots = options->ring_slots ? options->ring_slots : CR_COLLECTOR_SLOTS;
    c->last_drain = cr_realtime_ns();
    int result = open_parts(c, options, err);
    if (result < 0) {
        cr_collector_close(c);
        return result;
    }
    cr_log_rings_sweep();
    *out = c;
    return 0;
}

int cr_collector_close(struct cr_collector *c)
{
    if (!c)
        return 0;
    while (c->rings)
        end_ring(c, &c->rings);
    tell_no_memory(c);
    write_until(c, UINT64_MAX);
    cr_sink_close(&c->console);
    int result = cr_sink_close(&c->file);
    if (c->timer >= 0)
        close(c->timer);
    cr_records_free(&c->pending);
    cr_records_free(&c->kept);
    free(c);
    return result;
}
