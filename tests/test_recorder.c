/* The recorder: frames never wait for the disk, and what has no room is counted and marked. */
#include <canring/trace.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "proxy/recorder.h"

#define START_NS UINT64_C(1700000000000000000)

static char dir[64];
static unsigned reports;

static const char *in_dir(const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    unlink(path);
    return path;
}

static void count_report(void *arg, int level, const char *text)
{
    (void)arg, (void)level;
    assert_true(strlen(text) > 0);
    reports++;
}

static struct cr_recorder *open_recorder(const struct canring_recording *recording)
{
    struct cr_recorder *recorder = NULL;
    struct canring_error err = {0};
    if (cr_recorder_open(&recorder, recording, -1, count_report, NULL, &err) < 0)
        fail_msg("%s", err.text);
    return recorder;
}

/* Frame `n` of a bus has n in its data and time. */
static void put(struct cr_recorder *recorder, uint32_t bus, uint32_t n)
{
    union canring_frame_buffer b;
    canring_frame_classic(&b.frame, 0x100 + bus, &n, sizeof(n));
    b.frame.timestamp_ns = START_NS + n * UINT64_C(1000);
    cr_recorder_put(recorder, &b.frame, bus);
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

/* Every frame of a bus from 0 on is in the file or within a gap of the stated size. Returns how
 * many are; *marked: how many the gaps are of; *gaps. */
static uint32_t follow(const char *path, uint32_t bus, uint64_t *marked, unsigned *gaps)
{
    struct canring_trace_reader *reader;
    struct canring_trace_entry entry;
    struct canring_error err = {0};
    uint32_t next = 0, frames = 0, n;
    int result;
    *marked = *gaps = 0;
    if (canring_trace_reader_open(&reader, path, NULL, &err) < 0)
        fail_msg("%s", err.text);
    while ((result = canring_trace_reader_next(reader, &entry, &err)) == 1) {
        if (entry.bus != bus)
            continue;
        if (entry.kind == CANRING_TRACE_LOST) {
            *marked += entry.lost;
            next += (uint32_t)entry.lost;
            ++*gaps;
            continue;
        }
        memcpy(&n, canring_frame_payload(entry.frame), sizeof(n));
        assert_int_equal(n, next);
        next++;
        frames++;
    }
    if (result < 0)
        fail_msg("%s", err.text);
    canring_trace_reader_close(reader);
    return frames;
}

static void frames_of_all_buses_come_out_in_order(void **state)
{
    (void)state;
    struct canring_recording recording = {.path = in_dir("plain.pcapng")};
    struct canring_recording_stats last;
    uint64_t marked;
    unsigned gaps;
    struct cr_recorder *recorder = open_recorder(&recording);
    assert_int_equal(cr_recorder_bus(recorder, "can0"), 0);
    assert_int_equal(cr_recorder_bus(recorder, "can1"), 1);
    for (uint32_t n = 0; n < 100000; n++) {
        put(recorder, 0, n);
        if (n % 2)
            put(recorder, 1, n / 2);
        if (n % 64 == 0)
            cr_recorder_publish(recorder);
        if (cr_recorder_busy(recorder))
            cr_recorder_service(recorder);
    }
    assert_int_equal(cr_recorder_finish(recorder, &last, NULL), 0);
    assert_int_equal(recorder->buses[0].written, 100000);
    assert_int_equal(recorder->buses[1].written, 50000);
    cr_recorder_free(recorder);
    assert_int_equal(last.taken, 150000);
    assert_int_equal(last.written, 150000);
    assert_int_equal(last.dropped, 0);
    assert_int_equal(follow(recording.path, 0, &marked, &gaps), 100000);
    assert_int_equal(gaps, 0);
    assert_int_equal(follow(recording.path, 1, &marked, &gaps), 50000);
}

static void losses_of_the_bus_stand_where_they_happened(void **state)
{
    (void)state;
    struct canring_recording recording = {.path = in_dir("losses.pcapng")};
    struct canring_recording_stats last;
    uint64_t marked;
    unsigned gaps;
    struct cr_recorder *recorder = open_recorder(&recording);
    cr_recorder_bus(recorder, "can0");
    for (uint32_t n = 0; n < 10; n++)
        put(recorder, 0, n);
    cr_recorder_lost(recorder, 0, 5, START_NS + 10000);
    for (uint32_t n = 15; n < 20; n++)
        put(recorder, 0, n);
    assert_int_equal(cr_recorder_finish(recorder, &last, NULL), 0);
    cr_recorder_free(recorder);
    assert_int_equal(last.lost_kernel, 5);
    assert_int_equal(last.dropped, 0);
    assert_int_equal(follow(recording.path, 0, &marked, &gaps), 15);
    assert_int_equal(marked, 5);
    assert_int_equal(gaps, 1);
}

static void limit_files(rlim_t size)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A file that may not grow is a disk that is full; then it may again. */
static void a_disk_that_stops_costs_frames_that_are_counted_and_marked(void **state)
{
    (void)state;
    struct canring_recording recording = {.path = in_dir("full.pcapng"),
                                          .reserve = CANRING_RECORDING_RESERVE_MIN,
                                          .writer = {.memory = 1 << 20}};
    struct canring_recording_stats stats;
    uint64_t marked;
    unsigned gaps;
    uint32_t n = 0;
    struct cr_recorder *recorder = open_recorder(&recording);
    limit_files(1 << 20); /* behind the ring, which is a file, too */
    cr_recorder_bus(recorder, "can0");
    do {
        for (unsigned i = 0; i < 500; i++)
            put(recorder, 0, n++);
        cr_recorder_publish(recorder);
        cr_recorder_service(recorder);
        cr_recorder_stats(recorder, &stats);
        assert_true(stats.waiting <= CANRING_RECORDING_RESERVE_MIN + 4096);
        pause_ms(1);
    } while (stats.dropped < 10000);
    assert_true(reports > 0);
    limit_files(RLIM_INFINITY);
    do { /* it goes on by itself */
        cr_recorder_service(recorder);
        cr_recorder_stats(recorder, &stats);
        pause_ms(5);
    } while (stats.waiting || stats.writer.error);
    for (unsigned i = 0; i < 1000; i++)
        put(recorder, 0, n++);
    cr_recorder_publish(recorder);
    assert_int_equal(cr_recorder_finish(recorder, &stats, NULL), 0);
    cr_recorder_free(recorder);
    assert_int_equal(stats.taken, n);
    assert_int_equal(stats.written + stats.dropped, n);
    assert_int_equal(stats.writer.discarded, 0);
    assert_int_equal(follow(recording.path, 0, &marked, &gaps), stats.written);
    assert_int_equal(marked, stats.dropped);
    assert_in_range(gaps, 1, 200); /* not one for each frame */
}

static void a_disk_that_fails_to_the_end_does_not_hang_and_is_told(void **state)
{
    (void)state;
    struct canring_recording recording = {.path = in_dir("dead.pcapng"),
                                          .reserve = CANRING_RECORDING_RESERVE_MIN,
                                          .writer = {.memory = 1 << 20}};
    struct canring_recording_stats last;
    struct canring_error err = {0};
    struct cr_recorder *recorder = open_recorder(&recording);
    limit_files(65536); /* behind the ring, which is a file, too */
    cr_recorder_bus(recorder, "can0");
    for (uint32_t n = 0; n < 100000; n++) {
        put(recorder, 0, n);
        if (n % 100 == 0)
            cr_recorder_publish(recorder);
    }
    assert_true(cr_recorder_finish(recorder, &last, &err) < 0);
    cr_recorder_free(recorder);
    limit_files(RLIM_INFINITY);
    assert_int_equal(last.taken, 100000);
    assert_true(strlen(err.text) > 0);
    assert_true(last.dropped > 0);
    assert_true(last.given_up >= last.writer.discarded_frames);
    assert_true(last.written <= 65536 / 32);
    assert_int_equal(last.written + last.dropped + last.given_up, 100000);
}

static void nothing_is_written_before_the_trigger_but_what_was_kept(void **state)
{
    (void)state;
    struct canring_filters filters;
    assert_int_equal(canring_filters_parse(&filters, "7FF:7FF", NULL), 0);
    struct canring_recording recording = {
        .path = in_dir("trigger.log"), .trigger = filters, .writer = {.pretrigger_ns = 100000}};
    struct canring_recording_stats last;
    struct cr_recorder *recorder = open_recorder(&recording);
    union canring_frame_buffer b;
    char line[256];
    unsigned lines = 0;
    canring_filters_free(&filters);
    cr_recorder_bus(recorder, "can0");
    for (uint32_t n = 0; n < 1000; n++)
        put(recorder, 0, n);
    canring_frame_classic(&b.frame, 0x7ff, "\xAB", 1);
    b.frame.timestamp_ns = START_NS + 1000 * 1000;
    cr_recorder_put(recorder, &b.frame, 0);
    for (uint32_t n = 1001; n < 1011; n++)
        put(recorder, 0, n);
    assert_int_equal(cr_recorder_finish(recorder, &last, NULL), 0);
    cr_recorder_free(recorder);
    FILE *file = fopen(recording.path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file))
        if (lines++ == 0) /* 100 µs before the newest, a frame each */
            assert_non_null(strstr(line, "(1700000000.000899) can0 100#83030000"));
    fclose(file);
    assert_int_equal(lines, 101 + 1 + 10);
}

static void an_impossible_reserve_or_file_is_refused(void **state)
{
    (void)state;
    struct cr_recorder *recorder = NULL;
    struct canring_error err = {0};
    struct canring_recording recording = {.path = in_dir("x.log"), .reserve = 1000};
    assert_int_equal(cr_recorder_open(&recorder, &recording, -1, NULL, NULL, &err), -EINVAL);
    assert_non_null(strstr(err.text, "1048576"));
    recording = (struct canring_recording){.path = "/nonexistent/x.log"};
    assert_int_equal(cr_recorder_open(&recorder, &recording, -1, NULL, NULL, &err), -ENOENT);
    assert_non_null(strstr(err.text, "/nonexistent/x.log"));
    assert_null(recorder);
}

int main(void)
{
    signal(SIGXFSZ, SIG_IGN);
    snprintf(dir, sizeof(dir), "/tmp/canring-test-recorder-%d", (int)getpid());
    assert_int_equal(mkdir(dir, 0700), 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_all_buses_come_out_in_order),
        cmocka_unit_test(losses_of_the_bus_stand_where_they_happened),
        cmocka_unit_test(a_disk_that_stops_costs_frames_that_are_counted_and_marked),
        cmocka_unit_test(a_disk_that_fails_to_the_end_does_not_hang_and_is_told),
        cmocka_unit_test(nothing_is_written_before_the_trigger_but_what_was_kept),
        cmocka_unit_test(an_impossible_reserve_or_file_is_refused),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    static const char *const names[] = {"plain.pcapng", "losses.pcapng", "full.pcapng",
                                        "dead.pcapng",  "trigger.log",   "x.log"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        in_dir(names[i]);
    rmdir(dir);
    return failed;
}
