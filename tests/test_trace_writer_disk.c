/* Disks that fail under a recording: full, too large a file, taken away. Nothing that was accepted
 * is lost or doubled while there is hope, and what is given up is counted. */
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <time.h>

#include "trace_writer_rig.h"

#define MS 1000000u

static bool have_disk; /* a small one of our own, on rig_dir */

static void pause_ms(unsigned ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * MS}, NULL);
}

static void need_disk(void)
{
    if (!have_disk) {
        print_message("no file system can be mounted here\n");
        skip();
    }
}

static void resize_disk(const char *size)
{
    char options[32];

    snprintf(options, sizeof(options), "size=%s", size);
    assert_int_equal(mount("none", rig_dir, "tmpfs", MS_REMOUNT, options), 0);
}

static void until_it_fails(const struct canring_trace_writer *writer, int error)
{
    for (int i = 0; i < 1000 && rig_stats(writer).error != error; i++)
        pause_ms(10);
    assert_int_equal(rig_stats(writer).error, error);
}

static void until_it_works(const struct canring_trace_writer *writer)
{
    for (int i = 0; i < 1000 && rig_stats(writer).error; i++)
        pause_ms(10);
    assert_int_equal(rig_stats(writer).error, 0);
}

/* 46 bytes each: 60,000 are 2.76 MB. */
static void a_full_disk_goes_on_where_it_stopped(void **state)
{
    struct rig_reports reports = {0};
    const struct canring_trace_writer_options options = {
        .retry_ns = UINT64_MAX, .report = rig_note, .report_arg = &reports};

    (void)state;
    need_disk();
    rig_empty_dir();
    resize_disk("1000k");
    struct canring_trace_writer *writer = rig_open("a.log", &options);
    rig_put_all(writer, 0, 60000);
    until_it_fails(writer, -ENOSPC);
    pause_ms(600); /* two attempts more */
    assert_int_equal(rig_said(&reports, "No space left"), 1);
    resize_disk("1500k");
    pause_ms(600); /* room for a part */
    resize_disk("64m");
    until_it_works(writer);
    rig_put_all(writer, 60000, 61000);
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
    assert_int_equal(rig_said(&reports, "from where it stopped"),
                     rig_said(&reports, "No space left"));
    assert_int_equal(rig_numbers(rig_path("a.log"), 0), 61000);
}

static void a_full_disk_stops_no_rotation(void **state)
{
    const struct canring_trace_writer_options options = {.retry_ns = UINT64_MAX,
                                                         .rotate_frames = 9000};

    (void)state;
    need_disk();
    rig_empty_dir();
    resize_disk("1000k");
    struct canring_trace_writer *writer = rig_open("a.log", &options);
    rig_put_all(writer, 0, 60000);
    until_it_fails(writer, -ENOSPC);
    resize_disk("64m");
    until_it_works(writer);
    rig_put_all(writer, 60000, 63000);
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
    assert_int_equal(rig_series("a", ".log", 0, 7), 63000);
}

static void what_is_given_up_is_counted_and_the_file_ends_whole(void **state)
{
    struct rig_reports reports = {0};
    const struct canring_trace_writer_options options = {
        .retry_ns = UINT64_MAX, .report = rig_note, .report_arg = &reports};
    struct canring_trace_writer_stats last;
    struct canring_error err = {0};

    (void)state;
    need_disk();
    rig_empty_dir();
    resize_disk("1000k");
    struct canring_trace_writer *writer = rig_open("a.log", &options);
    rig_put_all(writer, 0, 60000);
    until_it_fails(writer, -ENOSPC);
    assert_int_equal(canring_trace_writer_finish(writer, &last, &err), -ENOSPC);
    assert_non_null(strstr(err.text, "a.log"));
    uint64_t kept = rig_numbers(rig_path("a.log"), 0);
    assert_true(kept > 0 && kept < 60000);
    assert_int_equal(last.frames, 60000);
    assert_int_equal(last.discarded, 60000 - kept);
    assert_int_equal(last.discarded_frames, 60000 - kept);
    assert_int_equal(rig_said(&reports, "entries are given up"), 1);
}

static void without_patience_the_caller_is_told_and_may_go_on_later(void **state)
{
    uint64_t n = 0, refused;

    (void)state;
    need_disk();
    rig_empty_dir();
    resize_disk("1000k");
    struct canring_trace_writer *writer = rig_open("a.log", NULL);
    while (rig_put(writer, n) == 0) {
        n++;
        assert_true(n < 10000000);
    }
    refused = n;
    assert_int_equal(rig_put(writer, n), -ENOSPC);
    assert_int_equal(canring_trace_writer_flush(writer, false, NULL), -ENOSPC);
    resize_disk("1g");
    until_it_works(writer);
    rig_put_all(writer, refused, refused + 1000); /* none that was accepted is missing */
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
    assert_int_equal(rig_numbers(rig_path("a.log"), 0), refused + 1000);
}

/* Its own signal, SIGXFSZ, is not ours to handle: that it does not end us is part of the test. */
static void a_file_that_gets_too_large_is_like_a_full_disk(void **state)
{
    struct rlimit before, small;
    const struct canring_trace_writer_options options = {.retry_ns = UINT64_MAX};

    (void)state;
    rig_empty_dir();
    if (have_disk)
        resize_disk("64m");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 300001;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct canring_trace_writer *writer = rig_open("a.log", &options);
    rig_put_all(writer, 0, 60000);
    until_it_fails(writer, -EFBIG);
    assert_int_equal(rig_size("a.log"), 300001);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    until_it_works(writer);
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
    assert_int_equal(rig_numbers(rig_path("a.log"), 0), 60000);
}

static void a_device_that_is_full_is_told(void **state)
{
    struct canring_trace_writer *writer;
    struct canring_error err = {0};
    const struct canring_trace_writer_options options = {.format = "candump"};

    (void)state;
    assert_int_equal(canring_trace_writer_open(&writer, "/dev/full", &options, &err), 0);
    assert_int_equal(canring_trace_writer_bus(writer, "can0"), 0);
    rig_put_all(writer, 0, 10);
    assert_int_equal(canring_trace_writer_flush(writer, false, &err), -ENOSPC);
    assert_int_equal(canring_trace_writer_close(writer, &err), -ENOSPC);
    assert_non_null(strstr(err.text, "/dev/full"));
}

static void a_deleted_file_is_begun_again(void **state)
{
    struct rig_reports reports = {0};
    const struct canring_trace_writer_options options = {.report = rig_note,
                                                         .report_arg = &reports};

    (void)state;
    rig_empty_dir();
    struct canring_trace_writer *writer = rig_open("a.log", &options);
    rig_put_all(writer, 0, 1000);
    assert_int_equal(canring_trace_writer_flush(writer, false, NULL), 0);
    assert_int_equal(unlink(rig_path("a.log")), 0);
    rig_put_all(writer, 1000, 2000);
    assert_int_equal(canring_trace_writer_flush(writer, false, NULL), 0);
    assert_int_equal(rig_numbers(rig_path("a.log"), 1000), 2000);
    assert_int_equal(rig_stats(writer).files, 2);
    rig_put_all(writer, 2000, 2001);
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
    assert_int_equal(rig_said(&reports, "has been deleted while it was written, with 1000 entries"),
                     1);
    assert_int_equal(rig_numbers(rig_path("a.log"), 1000), 2001);
}

/* Every format: what begins again has its head, and the buses that came late. */
/* A frame on a bus that was not there when the file began; not every format has room for that. */
static bool put_on_a_late_bus(struct canring_trace_writer *writer)
{
    union canring_frame_buffer frame;

    canring_frame_classic(&frame.frame, 0x7, "", 0);
    frame.frame.timestamp_ns = UINT64_C(1700000006000000000);
    frame.frame.flags |= CANRING_CLOCK_PROXY;
    int result = canring_trace_writer_write(
        writer,
        &(struct canring_trace_entry){
            .bus = 1, .timestamp_ns = frame.frame.timestamp_ns, .frame = &frame.frame},
        NULL);
    assert_true(result == 0 || result == -EOPNOTSUPP);
    return result == 0;
}

static void begin_again(const struct cr_trace_format *format)
{
    const struct canring_trace_writer_options options = {.format = format->name};
    const char *ending = format->endings[0];
    struct rig_list out;
    char name[64];

    snprintf(name, sizeof(name), "a%s", ending ? ending : "");
    struct canring_trace_writer *writer = rig_open(name, &options);
    rig_put_all(writer, 0, 10);
    assert_int_equal(canring_trace_writer_bus(writer, "can7"), 1);
    rig_put_all(writer, 10, 20);
    assert_int_equal(canring_trace_writer_flush(writer, false, NULL), 0);
    assert_int_equal(unlink(rig_path(name)), 0);
    rig_put_all(writer, 20, 5020);
    bool held = put_on_a_late_bus(writer);
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
    assert_int_equal(rig_read(rig_path(name), NULL, &out), 0);
    if (out.damage)
        fail_msg("%s", out.error);
    assert_int_equal(out.count, 5000 + held);
    assert_int_equal(out.entries[0].frame->data[0], 20);
    if (held) {
        assert_int_equal(out.entries[5000].frame->id, 7);
        assert_string_equal(out.buses[out.entries[5000].bus], "can7");
    }
    rig_free(&out);
}

/* What begins again has its head, and the buses that came late. */
static void a_file_that_is_begun_again_is_one_of_its_format(void **state)
{
    (void)state;
    for (size_t i = 0; cr_trace_formats[i]; i++) {
        rig_empty_dir();
        if (cr_trace_formats[i]->encoder)
            begin_again(cr_trace_formats[i]);
    }
}

static void a_folder_that_is_gone_is_waited_for(void **state)
{
    struct rig_reports reports = {0};
    const struct canring_trace_writer_options options = {
        .retry_ns = UINT64_MAX, .report = rig_note, .report_arg = &reports};

    (void)state;
    rig_empty_dir();
    assert_int_equal(mkdir(rig_path("sub"), 0700), 0);
    struct canring_trace_writer *writer = rig_open("sub/a.log", &options);
    rig_put_all(writer, 0, 1000);
    assert_int_equal(canring_trace_writer_flush(writer, false, NULL), 0);
    assert_int_equal(unlink(rig_path("sub/a.log")), 0);
    assert_int_equal(rmdir(rig_path("sub")), 0);
    rig_put_all(writer, 1000, 50000);
    until_it_fails(writer, -ENOENT);
    pause_ms(300);
    assert_int_equal(mkdir(rig_path("sub"), 0700), 0);
    until_it_works(writer);
    rig_put_all(writer, 50000, 50001);
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
    assert_int_equal(rig_said(&reports, "No such file"), 1);
    assert_int_equal(rig_numbers(rig_path("sub/a.log"), 1000), 50001);
    assert_int_equal(unlink(rig_path("sub/a.log")), 0);
    assert_int_equal(rmdir(rig_path("sub")), 0);
}

static int with_pwrite(void **state)
{
    (void)state;
    return setenv("CANRING_LOOP", "epoll", 1);
}

static int with_io_uring(void **state)
{
    (void)state;
    return unsetenv("CANRING_LOOP");
}

static int make_disk(void **state)
{
    int result = rig_make_dir(state);

    if (result == 0 && (unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0))
        have_disk = mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                    mount("none", rig_dir, "tmpfs", 0, "size=1000k") == 0;
    return result;
}

static int remove_disk(void **state)
{
    rig_empty_dir();
    if (have_disk && umount(rig_dir) < 0)
        return -1;
    return rig_remove_dir(state);
}

#define BOTH(test)                                                                                 \
    cmocka_unit_test_setup_teardown(test, with_io_uring, NULL),                                    \
        cmocka_unit_test_setup_teardown(test, with_pwrite, with_io_uring)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_full_disk_goes_on_where_it_stopped),
        BOTH(a_full_disk_stops_no_rotation),
        BOTH(what_is_given_up_is_counted_and_the_file_ends_whole),
        BOTH(without_patience_the_caller_is_told_and_may_go_on_later),
        BOTH(a_file_that_gets_too_large_is_like_a_full_disk),
        BOTH(a_device_that_is_full_is_told),
        BOTH(a_deleted_file_is_begun_again),
        BOTH(a_file_that_is_begun_again_is_one_of_its_format),
        BOTH(a_folder_that_is_gone_is_waited_for),
    };
    return cmocka_run_group_tests(tests, make_disk, remove_disk);
}
