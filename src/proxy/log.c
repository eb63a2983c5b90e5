#include <canring/log.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proxy/log_line.h"
#include "proxy/log_rule.h"
#include "proxy/log_text.h"
#include "shm/clock.h"
#include "shm/segment.h"

#define ELLIPSIS "\xe2\x80\xa6"

/* This process's end of its ring; all of it under `lock`. */
static struct {
    pthread_mutex_t lock;
    struct cr_segment segment;
    struct canring_producer producer;
    bool attached;
    bool tried; /* to attach: by canring_log_open, or at the first record */
    uint32_t pid;
    pid_t parent; /* when it was opened */
    char process[CR_LOG_PROCESS_MAX + 1];
} own = {.lock = PTHREAD_MUTEX_INITIALIZER, .segment = {.region.fd = -1, .guard = -1}};

static _Atomic(struct cr_log_rule *) current_rule;
static pthread_once_t prepared = PTHREAD_ONCE_INIT;

static void detach(void)
{
    if (!own.attached)
        return;
    own.attached = false;
    cr_segment_close(&own.segment);
}

/* ---- fork ------------------------------------------------------------------------------------ */

static void before_fork(void)
{
    pthread_mutex_lock(&own.lock);
}

static void after_fork_in_parent(void)
{
    pthread_mutex_unlock(&own.lock);
}

/* The ring stays the parent's: two writers would destroy it. */
static void after_fork_in_child(void)
{
    detach();
    own.pid = (uint32_t)getpid();
    pthread_mutex_unlock(&own.lock);
}

/* ---- what is wanted -------------------------------------------------------------------------- */

static void read_rule(void)
{
    struct cr_log_rule *rule =
        cr_log_rule_make(getenv("CANRING_LOG_LEVEL"), getenv("CANRING_LOG_ACTIVE"));
    if (!rule)
        return;
    rule->previous = atomic_load_explicit(&current_rule, memory_order_relaxed);
    atomic_store_explicit(&current_rule, rule, memory_order_release);
}

static void prepare(void)
{
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
    pthread_mutex_lock(&own.lock);
    snprintf(own.process, sizeof(own.process), "%s", program_invocation_short_name);
    own.pid = (uint32_t)getpid();
    read_rule();
    pthread_mutex_unlock(&own.lock);
}

bool canring_log_wanted(enum canring_log_level level, const char *logger)
{
    pthread_once(&prepared, prepare);
    const struct cr_log_rule *rule = atomic_load_explicit(&current_rule, memory_order_acquire);
    return rule ? cr_log_rule_wants(rule, (int)level, logger ? logger : "")
                : level >= CANRING_LOG_INFO;
}

/* ---- opening --------------------------------------------------------------------------------- */

/* A record lock, since the kernel gives it back when the process ends and children do not inherit
 * it. */
static int claim_ring(const struct cr_region *region, struct canring_error *err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    if (fcntl(region->fd, F_SETLK, &lock) == 0)
        return 0;
    int code = -errno;
    if (code == -EAGAIN || code == -EACCES) {
        fcntl(region->fd, F_GETLK, &lock);
        return canring_error_set(err, -EBUSY,
                                 "$CANRING_LOG: %s is the log of process %d; a child needs one of "
                                 "its own",
                                 region->name, (int)lock.l_pid);
    }
    return canring_error_set(err, code, "%s: cannot lock: %s", region->name, strerror(-code));
}

static int attach(const char *name, struct canring_error *err)
{
    int result = cr_segment_attach(&own.segment, name, err);
    if (result < 0)
        return result;
    result = claim_ring(&own.segment.region, err);
    if (result == 0) {
        canring_producer_init(&own.producer, &own.segment.tx);
        if (own.producer.broken)
            result = canring_error_set(err, -EBADMSG, "%s: its positions are impossible", name);
    }
    if (result < 0)
        cr_segment_close(&own.segment);
    own.attached = result == 0;
    return result;
}

int canring_log_open(const char *process, struct canring_error *err)
{
    pthread_once(&prepared, prepare);
    const char *name = getenv("CANRING_LOG");
    pthread_mutex_lock(&own.lock);
    detach();
    read_rule();
    snprintf(own.process, sizeof(own.process), "%.*s",
             (int)cr_utf8_cut(process, strlen(process), CR_LOG_PROCESS_MAX), process);
    own.pid = (uint32_t)getpid();
    own.parent = getppid();
    own.tried = true;
    int result = name && *name ? attach(name, err) : 0;
    pthread_mutex_unlock(&own.lock);
    return result;
}

/* A coordinator that was killed does not read the ring any more, nor remove it. Its lock says
 * nothing: who was forked by it holds that as well. */
static void remove_orphan(const struct cr_segment *segment)
{
    struct stat st;
    pid_t owner = (pid_t)segment->header->owner_pid;
    bool was_parent = own.parent == owner && getppid() != owner; /* it may still be a zombie */
    bool gone = was_parent || (kill(owner, 0) < 0 && errno == ESRCH);
    if (gone && fstat(segment->region.fd, &st) == 0 && st.st_nlink > 0)
        shm_unlink(segment->region.name);
}

void canring_log_close(void)
{
    pthread_mutex_lock(&own.lock);
    if (own.attached)
        remove_orphan(&own.segment);
    detach();
    pthread_mutex_unlock(&own.lock);
}

/* A program that never opened its log is not left out for that. Under the lock. */
static void open_by_itself(void)
{
    const char *name = getenv("CANRING_LOG");
    own.tried = true;
    own.parent = getppid();
    if (name && *name)
        attach(name, NULL); /* else to stderr, like that of a child of the ring's process */
}

/* ---- records --------------------------------------------------------------------------------- */

/* False when nobody reads the ring any more. */
static bool ring_is_read(void)
{
    return own.attached && !own.producer.broken && !cr_segment_lost(&own.segment) &&
           atomic_load_explicit(&own.segment.header->state, memory_order_relaxed) ==
               CR_SEGMENT_OPEN;
}

static void put_into_ring(const struct cr_log_record *record)
{
    size_t logger_bytes = strnlen(record->logger, CR_LOG_LOGGER_MAX);
    uint32_t size = (uint32_t)(sizeof(struct cr_log_wire) + logger_bytes + record->text_bytes);
    struct cr_log_wire *wire = canring_ring_claim(&own.producer, size);
    if (!wire) {
        cr_count(&own.segment.user->full, 1);
        return;
    }
    char *bytes = (char *)(wire + 1);
    wire->record.tag = 0;
    wire->time_ns = record->time_ns;
    wire->pid = record->pid;
    wire->level = (uint8_t)(record->level > 255 ? 255 : record->level);
    wire->logger_bytes = (uint8_t)logger_bytes;
    wire->text_bytes = (uint16_t)record->text_bytes;
    memcpy(bytes, record->logger, logger_bytes);
    memcpy(bytes + logger_bytes, record->text, record->text_bytes);
    canring_ring_send(&own.producer, size); /* wakes nobody: the collector looks by itself */
    cr_count(&own.segment.user->sent, 1);
}

/* One write, so that lines of several processes do not mix. */
static void put_to_stderr(const struct cr_log_record *record)
{
    char line[CR_LOG_LINE_MAX];
    size_t length = cr_log_line(line, record, cr_log_colours(STDERR_FILENO) ? CR_LINE_COLOUR : 0);
    ssize_t written = write(STDERR_FILENO, line, length);
    (void)written; /* there is nowhere to say it */
}

/* `length` may be more than is at `text` when that was cut already. */
static void log_bytes(enum canring_log_level level, const char *logger, char *text, size_t length)
{
    if (length > CANRING_LOG_TEXT_MAX) {
        const size_t room = CANRING_LOG_TEXT_MAX - (sizeof(ELLIPSIS) - 1);
        length = cr_utf8_cut(text, CANRING_LOG_TEXT_MAX, room);
        memcpy(text + length, ELLIPSIS, sizeof(ELLIPSIS));
        length += sizeof(ELLIPSIS) - 1;
    }
    struct cr_log_record record = {.level = (int)level,
                                   .logger = logger && *logger ? logger : "root",
                                   .text = text,
                                   .text_bytes = length};
    char process[sizeof(own.process)];
    pthread_mutex_lock(&own.lock);
    if (!own.tried)
        open_by_itself();
    record.time_ns = cr_realtime_ns(); /* under the lock: the ring is in the order of time */
    record.pid = own.pid;
    bool read = ring_is_read();
    if (read)
        put_into_ring(&record);
    else
        memcpy(process, own.process, sizeof(process));
    pthread_mutex_unlock(&own.lock);
    if (!read) {
        record.process = process;
        put_to_stderr(&record);
    }
}

void canring_log(enum canring_log_level level, const char *logger, const char *format, ...)
{
    char text[CANRING_LOG_TEXT_MAX + sizeof(ELLIPSIS)];
    if (!canring_log_wanted(level, logger))
        return;
    int saved = errno;
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, CANRING_LOG_TEXT_MAX + 1, format, args);
    va_end(args);
    if (length >= 0)
        log_bytes(level, logger, text, (size_t)length);
    errno = saved;
}

void canring_log_text(enum canring_log_level level, const char *logger, const char *text)
{
    char copy[CANRING_LOG_TEXT_MAX + sizeof(ELLIPSIS)];
    if (!canring_log_wanted(level, logger))
        return;
    int saved = errno;
    size_t length = strnlen(text, CANRING_LOG_TEXT_MAX + 1);
    size_t kept = length > CANRING_LOG_TEXT_MAX ? CANRING_LOG_TEXT_MAX : length;
    memcpy(copy, text, kept);
    copy[kept] = '\0';
    log_bytes(level, logger, copy, length);
    errno = saved;
}
