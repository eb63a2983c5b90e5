/* Writers that are killed at a random moment, and what their files are worth then: everything up to
 * what was flushed, everything older than `flush_ns`, no gap, no false frame, one cut tail at most.
 * In the environment, KILLS=N: so many for each format; FORMAT=NAME: of that one only. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "trace_writer_rig.h"

#define MS       UINT64_C(1000000)
#define FLUSH_NS (20 * MS)
#define SLACK_NS (400 * MS) /* for the machine: a thread may have to wait for a processor */
#define STALLED_NS                                                                                 \
    (100 * MS) /* a writer that did not run for so long could not keep its promise                 \
                */
#define SAMPLES 4096u

/* What the writer tells until it is killed, on memory that outlives it. */
struct progress {
    _Atomic uint64_t flushed;       /* frames before this number were flushed */
    _Atomic unsigned samples;       /* one after each burst */
    _Atomic uint64_t time[SAMPLES]; /* CLOCK_MONOTONIC */
    _Atomic uint64_t next[SAMPLES]; /* frames before this number were accepted */
};

static struct progress *progress;

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void sleep_ns(uint64_t ns)
{
    nanosleep(&(struct timespec){.tv_sec = (time_t)(ns / 1000000000u),
                                 .tv_nsec = (long)(ns % 1000000000u)},
              NULL);
}

static void note_progress(uint64_t next)
{
    unsigned n = progress->samples;

    if (n == SAMPLES)
        _exit(3);
    progress->time[n] = now_ns();
    progress->next[n] = next;
    progress->samples = n + 1;
}

/* In bursts, so that blocks are handed over full and because they are due; `fast`: without a pause
 * between them, so that the end comes in the middle of something. */
static void write_until_killed(struct canring_trace_writer *writer, bool fast)
{
    uint64_t n = 0;

    for (unsigned burst = 1;; burst++) {
        for (unsigned i = 0; i < burst * 37 % 2000; i++)
            if (rig_put(writer, n++) < 0)
                _exit(2);
        note_progress(n);
        if (burst % 64 == 0) {
            if (canring_trace_writer_flush(writer, false, NULL) < 0)
                _exit(2);
            progress->flushed = n;
        }
        (void)canring_trace_writer_due(writer);
        if (!fast)
            sleep_ns(MS);
    }
}

static pid_t start_writer(const char *name, const struct canring_trace_writer_options *options,
                          bool fast)
{
    memset(progress, 0, sizeof(*progress));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct canring_trace_writer *writer;
        if (canring_trace_writer_open(&writer, rig_path(name), options, NULL) < 0 ||
            canring_trace_writer_bus(writer, "can0") != 0)
            _exit(1);
        write_until_killed(writer, fast);
    }
    return child;
}

/* Frames that must be in the file of a writer that was killed at this time; without regard to time
 * when it did not get a processor at the end. */
static uint64_t due_at(uint64_t killed_ns)
{
    unsigned count = progress->samples;
    uint64_t due = 0, last_ns = killed_ns;

    for (unsigned i = count; i-- > 0;) {
        if (last_ns - progress->time[i] > STALLED_NS)
            return progress->flushed;
        last_ns = progress->time[i];
        if (last_ns + FLUSH_NS + SLACK_NS <= killed_ns) {
            due = progress->next[i];
            break;
        }
    }
    return due > progress->flushed ? due : progress->flushed;
}

/* Age of the oldest frame that is not in the file, of which the first `kept` are. */
static uint64_t cost_ns(uint64_t kept, uint64_t killed_ns)
{
    for (unsigned i = 0; i < progress->samples; i++)
        if (progress->next[i] > kept && progress->time[i] <= killed_ns)
            return killed_ns - progress->time[i];
    return 0;
}

/* Frames 0 … n - 1 without a gap, then the end, cut or not. Returns n. A cut may be told twice: of
 * the compressed data, and of the line that they end with. */
static uint64_t read_what_is_left(const char *path, bool *damaged)
{
    unsigned reports = 0;
    struct canring_trace_reader *reader;
    struct canring_trace_entry entry;
    struct canring_error err = {0};
    uint64_t n, next = 0;
    int result;

    *damaged = false;
    if (canring_trace_reader_open(&reader, path, NULL, &err) < 0)
        fail_msg("%s", err.text);
    while ((result = canring_trace_reader_next(reader, &entry, &err)) != 0) {
        if (result < 0 && ++reports > 2)
            fail_msg("more than one cut: %s", err.text);
        if (result < 0) {
            *damaged = true;
            continue;
        }
        if (*damaged)
            fail_msg("%s: a frame behind the cut", path);
        assert_non_null(entry.frame);
        memcpy(&n, canring_frame_payload(entry.frame), sizeof(n));
        if (n != next || canring_frame_length(entry.frame) != sizeof(n) || entry.frame->id != 0x123)
            fail_msg("%s: frame %llu where %llu was to come", path, (unsigned long long)n,
                     (unsigned long long)next);
        next++;
    }
    canring_trace_reader_close(reader);
    return next;
}

struct outcome {
    unsigned kills, damaged;
    uint64_t worst_ns;
};

static void kill_one(const char *name, const struct canring_trace_writer_options *options,
                     struct outcome *outcome)
{
    int status;
    bool damaged;

    bool fast = outcome->kills % 2;
    pid_t child = start_writer(name, options, fast);
    sleep_ns(fast ? MS / 16 * ((unsigned)rand() % 800) : MS * (20 + (unsigned)rand() % 900));
    while (!progress->flushed && waitpid(child, &status, WNOHANG) == 0)
        sleep_ns(MS);
    uint64_t killed_ns = now_ns();
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    uint64_t kept = read_what_is_left(rig_path(name), &damaged);
    uint64_t due = due_at(killed_ns);
    if (kept < due)
        fail_msg("%s: %llu frames left, %llu were due", name, (unsigned long long)kept,
                 (unsigned long long)due);
    uint64_t cost = cost_ns(kept, killed_ns);
    outcome->worst_ns = cost > outcome->worst_ns ? cost : outcome->worst_ns;
    outcome->damaged += damaged;
    outcome->kills++;
    assert_int_equal(unlink(rig_path(name)), 0);
}

static void kill_many(const struct cr_trace_format *format, const char *compression)
{
    const char *ending = format->endings[0] ? format->endings[0] : "";
    const char *wanted = getenv("KILLS");
    unsigned kills = wanted ? (unsigned)strtoul(wanted, NULL, 10) : 4;
    const struct canring_trace_writer_options options = {
        .format = format->name, .compression = compression, .flush_ns = FLUSH_NS};
    struct outcome outcome = {0};
    char name[64];

    snprintf(name, sizeof(name), "a%s%s%s", ending, compression ? "." : "",
             compression ? compression : "");
    while (outcome.kills < kills)
        kill_one(name, &options, &outcome);
    print_message("%s%s%s: %u kills, %u cut tails, oldest frame lost %u ms\n", format->name,
                  compression ? "." : "", compression ? compression : "", outcome.kills,
                  outcome.damaged, (unsigned)(outcome.worst_ns / MS));
}

static void a_killed_writer_leaves_all_but_the_newest_frames(void **state)
{
    const char *only = getenv("FORMAT");

    (void)state;
    for (size_t i = 0; cr_trace_formats[i]; i++) {
        const struct cr_trace_format *format = cr_trace_formats[i];
        if (!format->encoder || (only && strcmp(only, format->name) != 0))
            continue;
        kill_many(format, NULL);
        if (format == &cr_trace_format_candump) {
            kill_many(format, "gz");
            kill_many(format, "zst");
        }
    }
}

static int share_progress(void **state)
{
    progress =
        mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    srand((unsigned)now_ns());
    return progress == MAP_FAILED ? -1 : rig_make_dir(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_writer_leaves_all_but_the_newest_frames),
    };
    return cmocka_run_group_tests(tests, share_progress, rig_remove_dir);
}
