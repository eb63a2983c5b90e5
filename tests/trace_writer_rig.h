/* For the tests of the writer: numbered frames in, and the proof that each came out once, in order.
 */
#ifndef CANRING_TESTS_TRACE_WRITER_RIG_H
#define CANRING_TESTS_TRACE_WRITER_RIG_H

#include <canring/trace_writer.h>
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "trace_rig.h"

static char rig_dir[64];

static inline const char *rig_path(const char *name)
{
    static char paths[4][384];
    static unsigned turn;
    char *path = paths[turn++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", rig_dir, name);
    return path;
}

static inline int rig_make_dir(void **state)
{
    (void)state;
    snprintf(rig_dir, sizeof(rig_dir), "/tmp/canring-writer-XXXXXX");
    return mkdtemp(rig_dir) ? 0 : -1;
}

static inline void rig_empty_dir(void)
{
    DIR *dir = opendir(rig_dir);

    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.')
            unlink(rig_path(entry->d_name));
    closedir(dir);
}

static inline unsigned rig_files(void)
{
    DIR *dir = opendir(rig_dir);
    unsigned count = 0;

    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static inline int rig_remove_dir(void **state)
{
    (void)state;
    rig_empty_dir();
    return rmdir(rig_dir);
}

/* What the writer has reported, from any thread. */
struct rig_reports {
    unsigned count;
    char all[4096];
};

static pthread_mutex_t rig_reports_lock = PTHREAD_MUTEX_INITIALIZER;

static inline void rig_note(void *arg, int level, const char *text)
{
    struct rig_reports *reports = arg;

    (void)level;
    pthread_mutex_lock(&rig_reports_lock);
    size_t used = strlen(reports->all);
    snprintf(reports->all + used, sizeof(reports->all) - used, "%s\n", text);
    reports->count++;
    pthread_mutex_unlock(&rig_reports_lock);
}

static inline unsigned rig_said(const struct rig_reports *reports, const char *what)
{
    unsigned count = 0;

    pthread_mutex_lock(&rig_reports_lock);
    for (const char *at = reports->all; (at = strstr(at, what)) != NULL; at++)
        count++;
    pthread_mutex_unlock(&rig_reports_lock);
    return count;
}

static inline struct canring_trace_writer *
rig_open(const char *name, const struct canring_trace_writer_options *options)
{
    struct canring_trace_writer *writer = NULL;
    struct canring_error err = {0};

    if (canring_trace_writer_open(&writer, rig_path(name), options, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(canring_trace_writer_bus(writer, "can0"), 0);
    return writer;
}

#define RIG_STEP_NS 1000000u

/* Frame number `n`, a millisecond behind the one before. */
static inline int rig_put(struct canring_trace_writer *writer, uint64_t n)
{
    union canring_frame_buffer frame;

    canring_frame_classic(&frame.frame, 0x123, &n, sizeof(n));
    frame.frame.flags |= CANRING_CLOCK_PROXY;
    frame.frame.timestamp_ns = UINT64_C(1700000000000000000) + n * RIG_STEP_NS;
    return canring_trace_writer_write(
        writer,
        &(struct canring_trace_entry){.kind = CANRING_TRACE_FRAME,
                                      .timestamp_ns = frame.frame.timestamp_ns,
                                      .frame = &frame.frame},
        NULL);
}

static inline void rig_put_all(struct canring_trace_writer *writer, uint64_t first, uint64_t end)
{
    for (uint64_t n = first; n < end; n++)
        assert_int_equal(rig_put(writer, n), 0);
}

/* Read a file of numbered frames, the first of which must be number `first`. Returns the number
 * behind the last; a gap, a double, a false frame or damage ends the test. */
static inline uint64_t rig_numbers(const char *path, uint64_t first)
{
    struct canring_trace_reader *reader;
    struct canring_trace_entry entry;
    struct canring_error err = {0};
    uint64_t n, next = first;
    int result;

    if (canring_trace_reader_open(&reader, path, NULL, &err) < 0)
        fail_msg("%s", err.text);
    while ((result = canring_trace_reader_next(reader, &entry, &err)) == 1) {
        assert_non_null(entry.frame);
        assert_int_equal(canring_frame_length(entry.frame), sizeof(n));
        memcpy(&n, canring_frame_payload(entry.frame), sizeof(n));
        if (n != next)
            fail_msg("%s: number %llu where %llu was to come", path, (unsigned long long)n,
                     (unsigned long long)next);
        next++;
    }
    if (result < 0)
        fail_msg("%s", err.text);
    assert_false(canring_trace_reader_unfinished(reader));
    canring_trace_reader_close(reader);
    return next;
}

/* All files of a numbered series. Returns the number behind the last frame. */
static inline uint64_t rig_series(const char *stem, const char *ending, uint64_t first,
                                  unsigned files)
{
    char name[64];

    for (unsigned i = 0; i < files; i++) {
        snprintf(name, sizeof(name), i ? "%s_%04u%s" : "%s%.0u%s", stem, i, ending);
        first = rig_numbers(rig_path(name), first);
    }
    return first;
}

static inline off_t rig_size(const char *name)
{
    struct stat status;

    assert_int_equal(stat(rig_path(name), &status), 0);
    return status.st_size;
}

static inline struct canring_trace_writer_stats rig_stats(const struct canring_trace_writer *writer)
{
    struct canring_trace_writer_stats stats;

    canring_trace_writer_stats(writer, &stats);
    return stats;
}

#endif
