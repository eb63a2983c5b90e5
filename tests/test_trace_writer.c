/* Writing recordings: what goes in comes out, once, whatever happens in between. */
#include <fcntl.h>
#include <pthread.h>
#include <time.h>

#include "trace_writer_rig.h"

static void frames_come_out_as_they_went_in(void **state)
{
    const struct canring_trace_writer_options options = {.time_digits = 9};
    struct rig_list in = {0}, out;

    (void)state;
    rig_mixed(&in, true);
    struct canring_trace_writer *writer = rig_open("a.log", &options);
    assert_int_equal(canring_trace_writer_bus(writer, "can1"), 1);
    assert_int_equal(canring_trace_writer_bus(writer, "can0"), 0);
    for (size_t i = 0; i < in.count; i++)
        assert_int_equal(canring_trace_writer_write(writer, &in.entries[i], NULL), 0);
    assert_int_equal(canring_trace_writer_flush(writer, true, NULL), 0);
    assert_int_equal(rig_stats(writer).frames, in.count);
    assert_int_equal(rig_stats(writer).files, 1);
    assert_int_equal(rig_stats(writer).file_bytes, rig_size("a.log"));
    assert_string_equal(rig_stats(writer).path, rig_path("a.log"));
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
    assert_int_equal(rig_read(rig_path("a.log"), NULL, &out), 0);
    assert_int_equal(out.damage, 0);
    assert_int_equal(out.count, in.count);
    for (size_t i = 0; i < in.count; i++)
        rig_same(&in.entries[i], &out.entries[i], CANRING_TX, 1);
    rig_free(&in);
    rig_free(&out);
}

static void a_file_is_not_replaced_unless_that_is_asked_for(void **state)
{
    struct canring_trace_writer *writer;
    struct canring_error err = {0};

    (void)state;
    rig_empty_dir();
    writer = rig_open("a.log", NULL);
    rig_put_all(writer, 0, 10);
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
    assert_int_equal(canring_trace_writer_open(&writer, rig_path("a.log"), NULL, &err), -EEXIST);
    assert_non_null(strstr(err.text, "a.log"));
    writer = rig_open("a.log", &(struct canring_trace_writer_options){.overwrite = true});
    rig_put_all(writer, 100, 103);
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
    assert_int_equal(rig_numbers(rig_path("a.log"), 100), 103);
}

static void what_is_not_allowed_is_said_at_open(void **state)
{
    static const struct {
        const char *name;
        struct canring_trace_writer_options options;
        int result;
        const char *text;
    } cases[] = {
        {"a.lag", {0}, -EINVAL, "name one"},
        {"a.log", {.format = "candunp"}, -EINVAL, "candump"},
        {"a.log", {.compression = "zip"}, -EINVAL, "zst"},
        {"a.log", {.memory = 1000}, -EINVAL, "memory is 1000"},
        {"a.log", {.pretrigger_ns = 1, .pretrigger_bytes = 9}, -EINVAL, "pretrigger_bytes is 9"},
        {"a.log", {.time_digits = 10}, -EINVAL, "time_digits is 10"},
        {"no/a.log", {0}, -ENOENT, "no/a.log"},
        {"no/a.log", {.pretrigger_ns = 1}, -ENOENT, "no/a.log"},
        {"no/a.log", {.naming = CANRING_TRACE_DATED, .rotate_ns = 1}, -ENOENT, "no/a.log"},
        {"..", {.format = "candump"}, -EISDIR, ".."},
    };

    (void)state;
    rig_empty_dir();
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct canring_trace_writer *writer;
        struct canring_error err = {0};
        int result =
            canring_trace_writer_open(&writer, rig_path(cases[i].name), &cases[i].options, &err);
        if (result != cases[i].result || !strstr(err.text, cases[i].text))
            fail_msg("%s: %d: %s", cases[i].name, result, err.text);
    }
    assert_int_equal(rig_files(), 0);
    struct canring_trace_writer *writer;
    struct canring_error err = {0};
    assert_int_equal(canring_trace_writer_open(&writer, NULL, NULL, &err), -EINVAL);
    assert_non_null(strstr(err.text, "no path"));
    assert_int_equal(canring_trace_writer_open(&writer, "no\nway/a.log", NULL, &err), -ENOENT);
    assert_null(strchr(err.text, '\n'));
}

/* An entry has its frame's time, whatever stands in its own: in all formats the same. */
static void frames_are_written_with_their_own_time(void **state)
{
    static const char *const names[] = {"a.log", "a.asc", "a.blf", "a.trc", "a.pcap", "a.pcapng"};
    union canring_frame_buffer frame;
    struct canring_trace_entry entry = {
        .kind = CANRING_TRACE_FRAME, .frame = &frame.frame, .timestamp_ns = 5};

    (void)state;
    rig_empty_dir();
    canring_frame_classic(&frame.frame, 0x123, NULL, 0);
    frame.frame.timestamp_ns = UINT64_C(1700000000123000000);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct rig_list out;
        struct canring_trace_writer *writer = rig_open(names[i], NULL);
        assert_int_equal(canring_trace_writer_write(writer, &entry, NULL), 0);
        assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
        assert_int_equal(rig_read(rig_path(names[i]), NULL, &out), 0);
        assert_int_equal(out.count, 1);
        assert_int_equal(out.entries[0].timestamp_ns, frame.frame.timestamp_ns);
        rig_free(&out);
    }
}

static void names_that_are_no_word_are_refused(void **state)
{
    (void)state;
    rig_empty_dir();
    struct canring_trace_writer *writer = rig_open("a.log", NULL);
    assert_int_equal(canring_trace_writer_bus(writer, "a b"), -EINVAL);
    assert_int_equal(canring_trace_writer_bus(writer, "x\ny"), -EINVAL);
    assert_int_equal(canring_trace_writer_bus(writer, ""), -EINVAL);
    assert_int_equal(canring_trace_writer_bus(writer, "k\xc3\xa4se"), 1);
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
}

static void entries_that_are_none_are_refused(void **state)
{
    union canring_frame_buffer frame;
    struct canring_trace_entry entry = {.kind = CANRING_TRACE_FRAME, .frame = &frame.frame};

    (void)state;
    rig_empty_dir();
    struct canring_trace_writer *writer = rig_open("a.log", NULL);
    canring_frame_classic(&frame.frame, 0x123, NULL, 0);
    entry.bus = 1;
    assert_int_equal(canring_trace_writer_write(writer, &entry, NULL), -EINVAL);
    entry.bus = 0;
    frame.frame.size = 7;
    assert_int_equal(canring_trace_writer_write(writer, &entry, NULL), -EINVAL);
    entry.frame = NULL;
    assert_int_equal(canring_trace_writer_write(writer, &entry, NULL), -EINVAL);
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
    assert_int_equal(rig_size("a.log"), 0);
}

static void what_a_format_cannot_hold_is_said_once(void **state)
{
    struct rig_reports reports = {0};
    const struct canring_trace_writer_options options = {.report = rig_note,
                                                         .report_arg = &reports};
    const struct canring_trace_entry loss = {.kind = CANRING_TRACE_LOST, .lost = 7};

    (void)state;
    rig_empty_dir();
    struct canring_trace_writer *writer = rig_open("a.log", &options);
    for (int i = 0; i < 3; i++)
        assert_int_equal(canring_trace_writer_write(writer, &loss, NULL), -EOPNOTSUPP);
    rig_put_all(writer, 0, 2);
    assert_int_equal(rig_stats(writer).refused, 3);
    assert_int_equal(rig_stats(writer).lost, 0);
    assert_int_equal(rig_stats(writer).frames, 2);
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
    assert_int_equal(rig_said(&reports, "frames that were lost"), 1);
    assert_int_equal(reports.count, 1);
    assert_int_equal(rig_numbers(rig_path("a.log"), 0), 2);
}

static void flush_makes_everything_readable_by_others(void **state)
{
    (void)state;
    rig_empty_dir();
    struct canring_trace_writer *writer =
        rig_open("a.log", &(struct canring_trace_writer_options){.sync_ns = 1000000});
    for (uint64_t n = 0; n < 50; n += 10) {
        rig_put_all(writer, n, n + 10);
        assert_int_equal(canring_trace_writer_flush(writer, n % 20 == 0, NULL), 0);
        assert_int_equal(rig_numbers(rig_path("a.log"), 0), n + 10);
    }
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
}

static void what_is_due_is_given_away(void **state)
{
    (void)state;
    rig_empty_dir();
    struct canring_trace_writer *writer =
        rig_open("a.log", &(struct canring_trace_writer_options){.flush_ns = 30000000});
    assert_true(canring_trace_writer_due(writer) == UINT64_MAX);
    rig_put_all(writer, 0, 10);
    for (uint64_t wait; (wait = canring_trace_writer_due(writer)) != UINT64_MAX;) {
        assert_true(wait <= 30000000);
        nanosleep(&(struct timespec){.tv_nsec = (long)wait}, NULL);
    }
    while (rig_stats(writer).file_bytes == 0) /* on its way */
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_int_equal(rig_numbers(rig_path("a.log"), 0), 10);
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
}

static void *write_many(void *arg)
{
    for (uint64_t n = 0; n < 200000; n++)
        if (rig_put(arg, n) < 0)
            return NULL;
    return canring_trace_writer_flush(arg, false, NULL) == 0 ? arg : NULL;
}

/* A pipe that nobody reads is a disk that does not follow. */
static void a_disk_that_does_not_follow_blocks_the_caller_and_loses_nothing(void **state)
{
    const struct canring_trace_writer_options options = {.format = "candump", .memory = 1 << 20};
    pthread_t thread;
    uint64_t before, now = 0;
    void *result;

    (void)state;
    rig_empty_dir();
    assert_int_equal(mkfifo(rig_path("pipe"), 0600), 0);
    int fd = open(rig_path("pipe"), O_RDONLY | O_NONBLOCK);
    assert_true(fd >= 0);
    struct canring_trace_writer *writer = rig_open("pipe", &options);
    assert_int_equal(pthread_create(&thread, NULL, write_many, writer), 0);
    do {
        before = now;
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        now = rig_stats(writer).frames;
    } while (now == 0 || now != before);
    assert_true(now * 46 < (2 << 20)); /* the pipe's 64 KiB, and a block in work */
    FILE *pipe = fdopen(fd, "r");
    FILE *copy = fopen(rig_path("copy.log"), "w");
    assert_non_null(pipe);
    assert_non_null(copy);
    assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
    char line[256];
    for (int lines = 0; lines < 200000; lines++) {
        assert_non_null(fgets(line, sizeof(line), pipe));
        fputs(line, copy);
    }
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, writer);
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
    fclose(pipe);
    fclose(copy);
    assert_int_equal(rig_numbers(rig_path("copy.log"), 0), 200000);
}

static void the_same_comes_out_without_io_uring(void **state)
{
    (void)state;
    rig_empty_dir();
    assert_int_equal(setenv("CANRING_LOOP", "epoll", 1), 0);
    struct canring_trace_writer *writer = rig_open(
        "a.log", &(struct canring_trace_writer_options){.rotate_frames = 30000, .sync_ns = 1000});
    rig_put_all(writer, 0, 100000);
    assert_int_equal(canring_trace_writer_flush(writer, true, NULL), 0);
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
    assert_int_equal(unsetenv("CANRING_LOOP"), 0);
    assert_int_equal(rig_series("a", ".log", 0, 4), 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_out_as_they_went_in),
        cmocka_unit_test(a_file_is_not_replaced_unless_that_is_asked_for),
        cmocka_unit_test(what_is_not_allowed_is_said_at_open),
        cmocka_unit_test(frames_are_written_with_their_own_time),
        cmocka_unit_test(names_that_are_no_word_are_refused),
        cmocka_unit_test(entries_that_are_none_are_refused),
        cmocka_unit_test(what_a_format_cannot_hold_is_said_once),
        cmocka_unit_test(flush_makes_everything_readable_by_others),
        cmocka_unit_test(what_is_due_is_given_away),
        cmocka_unit_test(a_disk_that_does_not_follow_blocks_the_caller_and_loses_nothing),
        cmocka_unit_test(the_same_comes_out_without_io_uring),
    };
    return cmocka_run_group_tests(tests, rig_make_dir, rig_remove_dir);
}
