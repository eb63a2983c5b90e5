/* Recordings in several files: where one ends and the next begins, what they are called, which of
 * them are kept; and what is written of the time before a trigger. */
#include <fcntl.h>
#include <time.h>

#include "trace_writer_rig.h"

static void put_text(const char *name, const char *text)
{
    FILE *file = fopen(rig_path(name), "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void expect_text(const char *name, const char *text)
{
    char found[64] = "";
    FILE *file = fopen(rig_path(name), "r");

    assert_non_null(file);
    assert_non_null(fgets(found, sizeof(found), file));
    assert_string_equal(found, text);
    assert_int_equal(fclose(file), 0);
}

static bool exists(const char *name)
{
    return access(rig_path(name), F_OK) == 0;
}

/* `count` numbered frames into a.log; returns how many files came of it. */
static unsigned write_series(const char *name, const struct canring_trace_writer_options *options,
                             uint64_t count)
{
    rig_empty_dir();
    struct canring_trace_writer *writer = rig_open(name, options);
    rig_put_all(writer, 0, count);
    assert_int_equal(canring_trace_writer_flush(writer, false, NULL), 0);
    unsigned files = (unsigned)rig_stats(writer).files;
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
    assert_int_equal(rig_files(), files);
    return files;
}

static void files_end_before_they_pass_a_number_of_frames(void **state)
{
    (void)state;
    const struct canring_trace_writer_options options = {.rotate_frames = 700};
    assert_int_equal(write_series("a.log", &options, 10000), 15);
    assert_int_equal(rig_numbers(rig_path("a.log"), 0), 700);
    assert_int_equal(rig_numbers(rig_path("a_0001.log"), 700), 1400);
    assert_int_equal(rig_series("a", ".log", 0, 15), 10000);
}

static void files_end_before_they_pass_a_time(void **state)
{
    (void)state;
    const struct canring_trace_writer_options options = {.rotate_ns = 99 * RIG_STEP_NS};
    assert_int_equal(write_series("a.log", &options, 1000), 10);
    assert_int_equal(rig_numbers(rig_path("a_0009.log"), 900), 1000);
    assert_int_equal(rig_series("a", ".log", 0, 10), 1000);
}

/* As after NTP has set the clock back by an hour. */
static void a_limit_of_time_holds_when_stamps_step_back(void **state)
{
    (void)state;
    const struct canring_trace_writer_options options = {.rotate_ns = 99 * RIG_STEP_NS};
    rig_empty_dir();
    struct canring_trace_writer *writer = rig_open("a.log", &options);
    rig_put_all(writer, 1000000, 1000050);
    rig_put_all(writer, 0, 1000);
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
    assert_int_equal(rig_files(), 10);
}

static void files_end_before_they_pass_a_size(void **state)
{
    char name[32] = "a.log";

    (void)state;
    const struct canring_trace_writer_options options = {.rotate_bytes = 1000000};
    unsigned files = write_series("a.log", &options, 100000);
    assert_int_equal(files, 5); /* of 46 bytes each */
    for (unsigned i = 0; i < files; i++) {
        if (i)
            snprintf(name, sizeof(name), "a_%04u.log", i);
        assert_true(rig_size(name) <= 1000000);
    }
    assert_int_equal(rig_series("a", ".log", 0, files), 100000);
}

#define LONG                                                                                       \
    "5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A" \
    "5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A"

/* Entries of every length, on buses that come one after the other. */
static void write_mixed(struct canring_trace_writer *writer, unsigned count)
{
    static const char *const texts[] = {"123#", "123##7" LONG, "12345678#1122334455667788",
                                        "45123#81:00:12345678#" LONG LONG, "123#R4"};
    union canring_frame_buffer frame;

    for (unsigned i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof(name), "bus_%u", i % (2 + i / 100));
        struct canring_trace_entry entry = {.kind = CANRING_TRACE_LOST,
                                            .bus = (uint32_t)canring_trace_writer_bus(writer, name),
                                            .timestamp_ns = i * UINT64_C(1000000),
                                            .lost = i};
        if (i % 17) {
            const char *text = texts[i % 5];
            assert_int_equal(canring_frame_parse(&frame, text, strlen(text), NULL), 0);
            frame.frame.timestamp_ns = entry.timestamp_ns;
            entry.kind = CANRING_TRACE_FRAME;
            entry.frame = &frame.frame;
        }
        int result = canring_trace_writer_write(writer, &entry, NULL);
        assert_true(result == 0 || result == -EOPNOTSUPP);
    }
}

static void the_ends_of_files_do_not_pass_a_size_either(void **state)
{
    static const char *const endings[] = {"log", "asc", "trc", "pcapng", "pcap"};
    static const unsigned limits[] = {4000, 4001, 4011, 4017, 50000};
    char name[32];

    (void)state;
    for (unsigned round = 0; round < 25; round++) {
        const char *ending = endings[round % 5];
        const unsigned limit = limits[round / 5];
        const struct canring_trace_writer_options options = {.rotate_bytes = limit};
        rig_empty_dir();
        snprintf(name, sizeof(name), "a.%s", ending);
        struct canring_trace_writer *writer = rig_open(name, &options);
        write_mixed(writer, 2000);
        assert_int_equal(canring_trace_writer_flush(writer, false, NULL), 0);
        unsigned files = (unsigned)rig_stats(writer).files;
        assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
        assert_true(files > 1 || strcmp(ending, "pcap") == 0); /* one bus only */
        for (unsigned i = 0; i < files; i++) {
            if (i)
                snprintf(name, sizeof(name), "a_%04u.%s", i, ending);
            assert_true(rig_size(name) <= limit);
            assert_true(i + 1 == files || rig_size(name) > limit / 2);
        }
    }
}

static uint64_t random_state = 88172645463325252u;

static uint64_t random_below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % limit;
}

static void compressed_files_pass_a_size_by_less_than_a_block(void **state)
{
    static const char *const endings[] = {".log.gz", ".log.zst", ".blf"};
    union canring_frame_buffer frame;
    char name[32];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        rig_empty_dir();
        snprintf(name, sizeof(name), "a%s", endings[i]);
        struct canring_trace_writer *writer =
            rig_open(name, &(struct canring_trace_writer_options){.rotate_bytes = 500000});
        for (uint64_t n = 0; n < 200000; n++) {
            uint64_t data = random_below(UINT64_MAX); /* hardly compressible */
            canring_frame_classic(&frame.frame, (uint32_t)random_below(0x800), &data, 8);
            frame.frame.timestamp_ns = n * 1000;
            assert_int_equal(
                canring_trace_writer_write(
                    writer,
                    &(struct canring_trace_entry){.timestamp_ns = n * 1000, .frame = &frame.frame},
                    NULL),
                0);
        }
        assert_int_equal(canring_trace_writer_flush(writer, false, NULL), 0);
        struct canring_trace_writer_stats stats = rig_stats(writer);
        assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
        assert_true(stats.files > 3);
        for (unsigned file = 0; file + 1 < stats.files; file++) {
            if (file)
                snprintf(name, sizeof(name), "a_%04u%s", file, endings[i]);
            assert_true(rig_size(name) >= 500000);
            assert_true(rig_size(name) < 500000 + 131072);
            snprintf(name, sizeof(name), "a%s", endings[i]);
        }
    }
}

static void nothing_is_lost_or_doubled_by_rotation_at_any_moment(void **state)
{
    uint64_t n = 0;

    (void)state;
    rig_empty_dir();
    const struct canring_trace_writer_options options = {
        .rotate_frames = 5000, .rotate_bytes = 300000, .rotate_ns = 9000 * (uint64_t)RIG_STEP_NS};
    struct canring_trace_writer *writer = rig_open("a.log", &options);
    for (int round = 0; round < 300; round++) {
        uint64_t more = random_below(2000);
        rig_put_all(writer, n, n + more);
        n += more;
        switch (random_below(4)) {
        case 0:
            assert_int_equal(canring_trace_writer_flush(writer, false, NULL), 0);
            break;
        case 1:
            (void)canring_trace_writer_due(writer);
            break;
        default:
            assert_int_equal(canring_trace_writer_rotate(writer, NULL), 0);
        }
    }
    assert_int_equal(canring_trace_writer_flush(writer, false, NULL), 0);
    unsigned files = (unsigned)rig_stats(writer).files;
    assert_true(files > 100);
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
    files = rig_files(); /* the last one may have been begun by close */
    assert_int_equal(rig_series("a", ".log", 0, files), n);
}

static void rotate_format(const struct cr_trace_format *format, const char *packing)
{
    const struct canring_trace_writer_options options = {.format = format->name,
                                                         .rotate_frames = 700};
    const char *own = format->endings[0] ? format->endings[0] : "";
    char ending[32], name[40];

    snprintf(ending, sizeof(ending), "%s%s", own, packing);
    snprintf(name, sizeof(name), "a%s", ending);
    unsigned files = write_series(name, &options, 5000);
    assert_int_equal(files, 8);
    assert_int_equal(rig_series("a", ending, 0, files), 5000);
}

static void every_format_is_written_in_whole_files(void **state)
{
    (void)state;
    for (size_t i = 0; cr_trace_formats[i]; i++)
        if (cr_trace_formats[i]->encoder)
            rotate_format(cr_trace_formats[i], "");
    rotate_format(&cr_trace_format_candump, ".gz");
    rotate_format(&cr_trace_format_candump, ".zst");
}

static void only_the_newest_files_are_kept(void **state)
{
    (void)state;
    rig_empty_dir();
    put_text("a_0099.log", "of an earlier run");
    struct canring_trace_writer *writer =
        rig_open("a.log", &(struct canring_trace_writer_options){.rotate_frames = 10, .keep = 3});
    rig_put_all(writer, 0, 35);
    assert_int_equal(canring_trace_writer_flush(writer, false, NULL), 0);
    assert_int_equal(rename(rig_path("a_0002.log"), rig_path("mine.log")), 0);
    put_text("a_0002.log", "not the writer's");
    rig_put_all(writer, 35, 100);
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
    assert_false(exists("a.log"));
    assert_false(exists("a_0001.log"));
    assert_false(exists("a_0006.log"));
    assert_int_equal(rig_numbers(rig_path("a_0007.log"), 70), 80);
    assert_int_equal(rig_numbers(rig_path("a_0009.log"), 90), 100);
    assert_int_equal(rig_numbers(rig_path("mine.log"), 20), 30);
    expect_text("a_0002.log", "not the writer's");
    expect_text("a_0099.log", "of an earlier run");
    assert_int_equal(rig_files(), 6);
}

static void files_of_an_earlier_run_are_passed_over(void **state)
{
    (void)state;
    rig_empty_dir();
    put_text("a_0001.log", "first");
    put_text("a_0003.log", "third");
    struct canring_trace_writer *writer = rig_open(
        "a.log", &(struct canring_trace_writer_options){.rotate_frames = 10, .overwrite = true});
    rig_put_all(writer, 0, 30);
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
    expect_text("a_0001.log", "first");
    expect_text("a_0003.log", "third");
    assert_int_equal(rig_numbers(rig_path("a_0002.log"), 10), 20);
    assert_int_equal(rig_numbers(rig_path("a_0004.log"), 20), 30);
    assert_int_equal(rig_files(), 5);
}

static void dated_names_tell_when_a_file_begins(void **state)
{
    (void)state;
    rig_empty_dir();
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    tzset();
    const struct canring_trace_writer_options options = {.rotate_frames = 800,
                                                         .naming = CANRING_TRACE_DATED};
    struct canring_trace_writer *writer = rig_open("a.log", &options);
    assert_int_equal(rig_files(), 0); /* nothing to name it by yet */
    rig_put_all(writer, 0, 2400);
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
    assert_int_equal(rig_numbers(rig_path("a_2023-11-14_22-13-20.log"), 0), 800);
    assert_int_equal(rig_numbers(rig_path("a_2023-11-14_22-13-20_2.log"), 800), 1600);
    assert_int_equal(rig_numbers(rig_path("a_2023-11-14_22-13-21.log"), 1600), 2400);
    assert_int_equal(rig_files(), 3);
}

static void numbers_go_before_the_endings(void **state)
{
    static const struct {
        const char *name, *format, *second;
    } cases[] = {{"a.b.log", NULL, "a.b_0001.log"},
                 {"a.txt", "candump", "a_0001.txt"},
                 {"plain", "candump", "plain_0001"},
                 {"x.LOG", "candump", "x_0001.LOG"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct canring_trace_writer_options options = {.format = cases[i].format,
                                                             .rotate_frames = 1};
        assert_int_equal(write_series(cases[i].name, &options, 2), 2);
        assert_int_equal(rig_numbers(rig_path(cases[i].name), 0), 1);
        assert_int_equal(rig_numbers(rig_path(cases[i].second), 1), 2);
    }
}

static void before_the_trigger_the_newest_entries_are_kept_by_time(void **state)
{
    (void)state;
    rig_empty_dir();
    struct canring_trace_writer *writer = rig_open(
        "a.log", &(struct canring_trace_writer_options){.pretrigger_ns = 50 * RIG_STEP_NS});
    rig_put_all(writer, 0, 1000);
    assert_int_equal(rig_files(), 0);
    assert_int_equal(rig_stats(writer).frames, 0);
    assert_int_equal(canring_trace_writer_trigger(writer, NULL), 0);
    assert_int_equal(rig_stats(writer).frames, 51); /* numbers 949 to 999 */
    rig_put_all(writer, 1000, 1010);
    assert_int_equal(canring_trace_writer_trigger(writer, NULL), 0); /* once is enough */
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
    assert_int_equal(rig_numbers(rig_path("a.log"), 949), 1010);
}

static void before_the_trigger_memory_is_bounded(void **state)
{
    (void)state;
    rig_empty_dir();
    struct canring_trace_writer *writer =
        rig_open("a.log", &(struct canring_trace_writer_options){.pretrigger_ns = UINT64_MAX,
                                                                 .pretrigger_bytes = 65536});
    rig_put_all(writer, 0, 10000);
    assert_int_equal(canring_trace_writer_trigger(writer, NULL), 0);
    assert_int_equal(rig_stats(writer).frames, 65536 / 64); /* each with 32 bytes in front of it */
    rig_put_all(writer, 10000, 10001);
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
    assert_int_equal(rig_numbers(rig_path("a.log"), 10000 - 65536 / 64), 10001);
}

/* Frames of every length, so that records wrap at every place of the memory. */
static void before_the_trigger_frames_of_any_length_are_kept_whole(void **state)
{
    struct rig_list in = {0}, out;

    (void)state;
    rig_empty_dir();
    for (int i = 0; i < 500; i++)
        rig_mixed(&in, true);
    struct canring_trace_writer *writer = rig_open(
        "a.log", &(struct canring_trace_writer_options){
                     .time_digits = 9, .pretrigger_ns = UINT64_MAX, .pretrigger_bytes = 65536});
    assert_int_equal(canring_trace_writer_bus(writer, "can1"), 1);
    for (size_t i = 0; i < in.count; i++)
        assert_int_equal(canring_trace_writer_write(writer, &in.entries[i], NULL), 0);
    assert_int_equal(canring_trace_writer_trigger(writer, NULL), 0);
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
    assert_int_equal(rig_read(rig_path("a.log"), NULL, &out), 0);
    assert_int_equal(out.damage, 0);
    assert_true(out.count > 500);
    for (size_t i = 0; i < out.count; i++) {
        struct canring_trace_entry *expected = &in.entries[in.count - out.count + i];
        expected->bus = out.entries[i].bus; /* numbered in the order of the file */
        rig_same(expected, &out.entries[i], CANRING_TX, 1);
    }
    rig_free(&in);
    rig_free(&out);
}

static void without_a_trigger_there_is_no_file(void **state)
{
    (void)state;
    rig_empty_dir();
    struct canring_trace_writer *writer =
        rig_open("a.log", &(struct canring_trace_writer_options){.pretrigger_ns = 1000000000});
    rig_put_all(writer, 0, 1000);
    assert_int_equal(canring_trace_writer_rotate(writer, NULL), 0);
    assert_int_equal(canring_trace_writer_flush(writer, true, NULL), 0);
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
    assert_int_equal(rig_files(), 0);
}

/* Names behind a pipe's or a device's would be files in places like /dev. */
static void a_pipe_is_not_rotated(void **state)
{
    const struct canring_trace_writer_options limited = {.rotate_frames = 10};
    struct canring_trace_writer *writer = NULL;
    struct canring_error err = {0};

    (void)state;
    rig_empty_dir();
    assert_int_equal(mkfifo(rig_path("pipe.log"), 0600), 0);
    int fd = open(rig_path("pipe.log"), O_RDONLY | O_NONBLOCK);
    assert_true(fd >= 0);
    assert_int_equal(canring_trace_writer_open(&writer, rig_path("pipe.log"), &limited, &err),
                     -EINVAL);
    assert_non_null(strstr(err.text, "no regular file"));
    writer = rig_open("pipe.log", &(struct canring_trace_writer_options){0});
    rig_put_all(writer, 0, 10);
    assert_int_equal(canring_trace_writer_rotate(writer, NULL), 0);
    rig_put_all(writer, 10, 20);
    assert_int_equal(canring_trace_writer_close(writer, NULL), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(rig_files(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_end_before_they_pass_a_number_of_frames),
        cmocka_unit_test(files_end_before_they_pass_a_time),
        cmocka_unit_test(a_limit_of_time_holds_when_stamps_step_back),
        cmocka_unit_test(files_end_before_they_pass_a_size),
        cmocka_unit_test(the_ends_of_files_do_not_pass_a_size_either),
        cmocka_unit_test(compressed_files_pass_a_size_by_less_than_a_block),
        cmocka_unit_test(nothing_is_lost_or_doubled_by_rotation_at_any_moment),
        cmocka_unit_test(every_format_is_written_in_whole_files),
        cmocka_unit_test(only_the_newest_files_are_kept),
        cmocka_unit_test(files_of_an_earlier_run_are_passed_over),
        cmocka_unit_test(dated_names_tell_when_a_file_begins),
        cmocka_unit_test(numbers_go_before_the_endings),
        cmocka_unit_test(before_the_trigger_the_newest_entries_are_kept_by_time),
        cmocka_unit_test(before_the_trigger_memory_is_bounded),
        cmocka_unit_test(before_the_trigger_frames_of_any_length_are_kept_whole),
        cmocka_unit_test(without_a_trigger_there_is_no_file),
        cmocka_unit_test(a_pipe_is_not_rotated),
    };
    return cmocka_run_group_tests(tests, rig_make_dir, rig_remove_dir);
}
