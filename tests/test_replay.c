#include "check.h"

#include "bus_pump.h"

#include <canring/text.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct pump pump;
static char path[64];
static unsigned reports;
static char last_report[CANRING_ERROR_TEXT];

static void on_report(void *arg, int level, const char *text)
{
    (void)arg;
    (void)level;
    reports++;
    snprintf(last_report, sizeof(last_report), "%s", text);
}

static void write_recording(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static struct canring_bus_options options_for(const char *channel)
{
    reports = 0;
    return (struct canring_bus_options){
        .interface = "replay",
        .channel = channel,
        .fd = true,
        .xl = true,
        .loops = 1,
        .filters.error_mask = CANRING_ID_MASK_EXT,
        .report = on_report,
    };
}

static int open_with(const struct canring_bus_options *options)
{
    return pump_open(&pump, &cr_driver_replay, options, false);
}

static const char three[] = "(100.000000) can0 001#01\n"
                            "(100.010000) can0 002#02\n"
                            "(100.030000) can0 003#03\n";
static const char of_two[] = "(100.000000) can0 001#01\n"
                             "(100.010000) can1 002#02\n"
                             "(100.020000) can1 003#03\n"
                             "(100.030000) can0 004#04\n";

static void all_frames_come_with_their_recorded_time_and_then_the_end(void **state)
{
    (void)state;
    static const uint64_t stamps[] = {100000000000, 100010000000, 100030000000};
    write_recording(three);
    struct canring_bus_options options = options_for(path);
    assert_int_equal(open_with(&options), 0);
    assert_int_equal(pump_receive(&pump, 1000), 3);
    uint32_t n = 0;
    for (struct canring_frame *f = cr_batch_first(&pump.batch); f;
         f = cr_batch_next(&pump.batch, f)) {
        assert_int_equal(f->number, n);
        assert_int_equal(f->timestamp_ns, stamps[n]);
        assert_int_equal(f->flags & CANRING_CLOCK_MASK, CANRING_CLOCK_PROXY);
        assert_int_equal(f->id, ++n);
    }
    assert_int_equal(pump.bus->stats.state, CANRING_BUS_ENDED);
    assert_int_equal(pump_receive(&pump, 1000), -ENODATA);
    assert_int_equal(pump_receive(&pump, 1000), -ENODATA);
    assert_string_equal(pump.bus->name, "can0");
    pump_close(&pump);
}

static void one_interface_of_several_can_be_played(void **state)
{
    (void)state;
    char channel[80];
    write_recording(of_two);
    snprintf(channel, sizeof(channel), "%s#can1", path);
    struct canring_bus_options options = options_for(channel);
    assert_int_equal(open_with(&options), 0);
    assert_int_equal(pump_receive(&pump, 1000), 2);
    assert_int_equal(cr_batch_first(&pump.batch)->id, 2);
    assert_string_equal(pump.bus->name, "can1");
    pump_close(&pump);
    snprintf(channel, sizeof(channel), "%s#can7", path);
    assert_int_equal(open_with(&options), -ENODATA);
}

static void frames_come_under_the_names_of_their_buses(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int count;
        bool more;
    } batches[] = {{"can0", 1, true}, {"can1", 2, true}, {"can0", 1, false}};
    write_recording(of_two);
    struct canring_bus_options options = options_for(path);
    assert_int_equal(open_with(&options), 0);
    uint32_t n = 0;
    for (unsigned i = 0; i < sizeof(batches) / sizeof(*batches); i++) {
        assert_int_equal(pump_receive(&pump, 1000), batches[i].count);
        assert_string_equal(cr_bus_origin(pump.bus), batches[i].name);
        assert_int_equal(pump.bus->more, batches[i].more);
        for (struct canring_frame *f = cr_batch_first(&pump.batch); f;
             f = cr_batch_next(&pump.batch, f))
            assert_int_equal(f->number, n++);
    }
    assert_int_equal(n, 4);
    assert_string_equal(pump.bus->name, "can0");
    assert_int_equal(pump_receive(&pump, 1000), -ENODATA);
    pump_close(&pump);
}

static void a_name_whose_frames_are_filtered_ends_no_batch(void **state)
{
    (void)state;
    struct canring_filter zero = {.id = 0, .mask = 2}; /* 001 and 004 */
    write_recording(of_two);
    struct canring_bus_options options = options_for(path);
    options.filters.list = &zero;
    options.filters.count = 1;
    assert_int_equal(open_with(&options), 0);
    assert_int_equal(pump_receive(&pump, 1000), 1);
    assert_true(pump.bus->more);
    assert_int_equal(pump_receive(&pump, 1000), 1);
    assert_string_equal(cr_bus_origin(pump.bus), "can0");
    pump_close(&pump);
}

static void loops_go_on_in_time_where_the_one_before_ended(void **state)
{
    (void)state;
    /* Span 30 ms, mean distance 15 ms: a period of 45 ms. */
    static const uint64_t ms[] = {0, 10, 30, 45, 55, 75, 90, 100, 120};
    write_recording(three);
    struct canring_bus_options options = options_for(path);
    options.loops = 3;
    assert_int_equal(open_with(&options), 0);
    assert_int_equal(pump_receive(&pump, 1000), 9);
    uint32_t n = 0;
    for (struct canring_frame *f = cr_batch_first(&pump.batch); f;
         f = cr_batch_next(&pump.batch, f), n++) {
        assert_int_equal(f->number, n);
        assert_int_equal(f->timestamp_ns, 100000000000 + ms[n] * 1000000);
    }
    assert_int_equal(pump_receive(&pump, 1000), -ENODATA);
    pump_close(&pump);
}

static void endless_replay_fills_batch_after_batch_in_time_order(void **state)
{
    (void)state;
    write_recording(three);
    struct canring_bus_options options = options_for(path);
    options.loops = 0;
    assert_int_equal(open_with(&options), 0);
    uint64_t latest = 0;
    uint32_t number = 0;
    while (number < 100000) {
        assert_true(pump_receive(&pump, 1000) > 0);
        for (struct canring_frame *f = cr_batch_first(&pump.batch); f;
             f = cr_batch_next(&pump.batch, f)) {
            assert_int_equal(f->number, number++);
            assert_true(f->timestamp_ns > latest);
            latest = f->timestamp_ns;
        }
    }
    pump_close(&pump);
}

static void damaged_lines_are_counted_told_and_passed_over(void **state)
{
    (void)state;
    write_recording("# a comment\n"
                    "(1.000000) can0 001#01\n"
                    "(1.000000) can0 001#0\n"
                    "\n"
                    "garbage\n"
                    "(2.000000) can0 002#02\r\n"
                    "(3.000000) can0 003#03");
    struct canring_bus_options options = options_for(path);
    assert_int_equal(open_with(&options), 0);
    assert_int_equal(pump_receive(&pump, 1000), 2);
    assert_int_equal(pump.bus->stats.rx_malformed, 3);
    assert_int_equal(reports, 3);
    char where[80];
    snprintf(where, sizeof(where), "%s:7: ", path);
    assert_non_null(strstr(last_report, where)); /* the cut one at the end */
    pump_close(&pump);
}

static void line_without_end_is_passed_over_in_constant_memory(void **state)
{
    (void)state;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("(1.000000) can0 001#01\n", file);
    for (int i = 0; i < 1000000; i++)
        fputc('x', file);
    fputs("\n(2.000000) can0 002#02\n", file);
    fclose(file);
    struct canring_bus_options options = options_for(path);
    assert_int_equal(open_with(&options), 0);
    assert_int_equal(pump_receive(&pump, 1000), 2);
    assert_int_equal(pump.bus->stats.rx_malformed, 1);
    snprintf(path + strlen(path), 4, ":2:");
    assert_non_null(strstr(last_report, path));
    path[strlen(path) - 3] = '\0';
    pump_close(&pump);
}

static void flood_of_damage_is_told_a_few_times_only(void **state)
{
    (void)state;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 10000; i++)
        fputs("junk\n", file);
    fputs("(2.000000) can0 002#02\n", file);
    fclose(file);
    struct canring_bus_options options = options_for(path);
    options.loops = 2;
    assert_int_equal(open_with(&options), 0);
    assert_int_equal(pump_receive(&pump, 1000), 2);
    assert_int_equal(pump.bus->stats.rx_malformed, 20000);
    assert_in_range(reports, 2, 20);
    pump_close(&pump);
}

static void files_that_are_no_recordings_are_refused_with_a_word(void **state)
{
    (void)state;
    struct canring_bus_options options = options_for("/nonexistent/x.log");
    assert_int_equal(open_with(&options), -ENOENT);
    assert_non_null(strstr(pump.err.text, "/nonexistent/x.log"));
    options.channel = "/tmp";
    assert_int_equal(open_with(&options), -EISDIR);
    options.channel = "/dev/zero";
    assert_int_equal(open_with(&options), -EINVAL);
    options.channel = NULL;
    assert_int_equal(open_with(&options), -EINVAL);
    options.channel = path;
    write_recording("");
    assert_int_equal(open_with(&options), -ENODATA);
    write_recording("junk\njunk\n");
    assert_int_equal(open_with(&options), -ENODATA);
    assert_non_null(strstr(pump.err.text, "2 damaged"));
    write_recording(three);
    options.speed = -1;
    assert_int_equal(open_with(&options), -EINVAL);
}

static void nothing_comes_before_its_time(void **state)
{
    (void)state;
    static const uint64_t due_ms[] = {0, 20, 60}; /* at half speed */
    write_recording(three);
    struct canring_bus_options options = options_for(path);
    options.speed = 0.5;
    assert_int_equal(open_with(&options), 0);
    uint64_t begin = pump_now_ns();
    for (uint32_t n = 0; n < 3;) {
        int count = pump_receive(&pump, 1000);
        assert_true(count > 0);
        n += (uint32_t)count;
        assert_true(pump_now_ns() - begin >= due_ms[n - 1] * 1000000);
    }
    assert_int_equal(pump_receive(&pump, 1000), -ENODATA);
    pump_close(&pump);
}

/* 1000 frames, 1 ms apart. After the owner was away for half of it, the rest still takes its time:
 * what the tolerance of 100 ms lets through comes at once, not what it missed. */
static void stall_is_not_followed_by_a_burst(void **state)
{
    (void)state;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        fprintf(file, "(5.%03d) can0 123#\n", i);
    fclose(file);
    struct canring_bus_options options = options_for(path);
    options.speed = 1;
    assert_int_equal(open_with(&options), 0);
    assert_true(pump_receive(&pump, 1000) >= 1);
    usleep(500000);
    int burst = pump_receive(&pump, 1000);
    assert_in_range(burst, 1, 300);
    pump_close(&pump);
}

static void time_that_steps_back_does_not_hold_anything_up(void **state)
{
    (void)state;
    write_recording("(9.000000) can0 001#\n(1.000000) can1 002#\n(9.001000) can0 003#\n");
    struct canring_bus_options options = options_for(path);
    options.speed = 1;
    assert_int_equal(open_with(&options), 0);
    int count = 0;
    while (count < 3) {
        int rc = pump_receive(&pump, 1000);
        assert_true(rc > 0);
        count += rc;
    }
    pump_close(&pump);
}

static void direction_of_the_recording_is_not_ours(void **state)
{
    (void)state;
    write_recording("(1.000000) can0 001# T\n(1.000000) can0 001# R\n");
    struct canring_bus_options options = options_for(path);
    assert_int_equal(open_with(&options), 0);
    assert_int_equal(pump_receive(&pump, 1000), 2);
    assert_int_equal(cr_batch_first(&pump.batch)->flags & CANRING_TX, 0);
    pump_close(&pump);
}

static void kinds_and_filters_are_respected(void **state)
{
    (void)state;
    write_recording("(1.000000) can0 001#\n(1.000000) can0 001##4\n"
                    "(1.000000) can0 002#\n(1.000000) can0 20000080#0000000000000000\n");
    struct canring_filter one = {.id = 1, .mask = 0x7ff};
    struct canring_bus_options options = options_for(path);
    options.fd = false;
    options.filters = (struct canring_filters){.list = &one, .count = 1};
    assert_int_equal(open_with(&options), 0);
    assert_int_equal(pump_receive(&pump, 1000), 1);
    assert_int_equal(pump.bus->number, 4);
    assert_int_equal(pump_receive(&pump, 1000), -ENODATA);
    pump_close(&pump);
}

static void wanted_frame_behind_many_unwanted_ones_is_waited_for(void **state)
{
    (void)state;
    struct canring_filter one = {.id = 1, .mask = 0x7ff};
    struct canring_bus_options options = options_for(path);
    const struct canring_frame *got;
    struct canring_bus *bus;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 50000; i++)
        fputs("(1.000000) can0 002#\n", file);
    fputs("(2.000000) can0 001#\n", file);
    fclose(file);
    options.filters = (struct canring_filters){.list = &one, .count = 1};
    assert_int_equal(canring_bus_open(&bus, &options, NULL), 0);
    assert_int_equal(canring_bus_receive(bus, &got, 20000), 1);
    assert_int_equal(got->number, 50000);
    assert_int_equal(canring_bus_receive(bus, &got, 20000), -ENODATA);
    canring_bus_close(bus);
}

static void what_is_sent_is_taken_and_counted(void **state)
{
    (void)state;
    union canring_frame_buffer frame;
    canring_frame_classic(&frame.frame, 1, NULL, 0);
    write_recording(three);
    struct canring_bus_options options = options_for(path);
    assert_int_equal(open_with(&options), 0);
    assert_int_equal(pump_send(&pump, &frame.frame), 0);
    assert_int_equal(pump.bus->stats.tx_frames, 1);
    pump_close(&pump);
}

/* Play a whole file; what comes out, written as a log, is the file. */
static unsigned play_and_compare(const char *file)
{
    char line[CANRING_TEXT_MAX + 128], want[CANRING_TEXT_MAX + 128];
    struct canring_bus_options options = options_for(file);
    FILE *recording = fopen(file, "r");
    if (!recording)
        return 0;
    assert_int_equal(open_with(&options), 0);
    unsigned count = 0;
    while (pump_receive(&pump, 1000) > 0) {
        for (struct canring_frame *f = cr_batch_first(&pump.batch); f;
             f = cr_batch_next(&pump.batch, f), count++) {
            assert_int_equal(canring_frame_check(f, f->size), 0);
            assert_true(canring_log_format(f, pump.bus->name, 6, line, sizeof(line)) > 0);
            assert_non_null(fgets(want, sizeof(want), recording));
            assert_string_equal(line, want);
        }
    }
    assert_null(fgets(want, sizeof(want), recording));
    assert_int_equal(pump.bus->stats.rx_malformed, 0);
    fclose(recording);
    pump_close(&pump);
    return count;
}

static void vehicle_recording_comes_out_as_it_is(void **state)
{
    (void)state;
    assert_in_range(play_and_compare(CANRING_TEST_DATA "/vehicle.log"), 20000, 30000);
}

static void shared_sample_recording_comes_out_as_it_is(void **state)
{
    (void)state;
    if (!play_and_compare(CANRING_TEST_DATA "/../../../shared/data/icsim-sample.log")) {
        puts("../shared/data/icsim-sample.log is not here");
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_frames_come_with_their_recorded_time_and_then_the_end),
        cmocka_unit_test(one_interface_of_several_can_be_played),
        cmocka_unit_test(loops_go_on_in_time_where_the_one_before_ended),
        cmocka_unit_test(frames_come_under_the_names_of_their_buses),
        cmocka_unit_test(a_name_whose_frames_are_filtered_ends_no_batch),
        cmocka_unit_test(endless_replay_fills_batch_after_batch_in_time_order),
        cmocka_unit_test(damaged_lines_are_counted_told_and_passed_over),
        cmocka_unit_test(line_without_end_is_passed_over_in_constant_memory),
        cmocka_unit_test(flood_of_damage_is_told_a_few_times_only),
        cmocka_unit_test(files_that_are_no_recordings_are_refused_with_a_word),
        cmocka_unit_test(nothing_comes_before_its_time),
        cmocka_unit_test(stall_is_not_followed_by_a_burst),
        cmocka_unit_test(time_that_steps_back_does_not_hold_anything_up),
        cmocka_unit_test(direction_of_the_recording_is_not_ours),
        cmocka_unit_test(kinds_and_filters_are_respected),
        cmocka_unit_test(wanted_frame_behind_many_unwanted_ones_is_waited_for),
        cmocka_unit_test(what_is_sent_is_taken_and_counted),
        cmocka_unit_test(vehicle_recording_comes_out_as_it_is),
        cmocka_unit_test(shared_sample_recording_comes_out_as_it_is),
    };
    snprintf(path, sizeof(path), "/tmp/canring-replay-%d.log", (int)getpid());
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return rc;
}
