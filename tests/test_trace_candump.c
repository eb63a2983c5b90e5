/* The candump log as one of the formats of recordings, and what all formats share. */
#include <fcntl.h>
#include <sys/stat.h>

#include "trace_rig.h"

static char dir[64];

static const char *in_dir(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void mixed_frames_survive_a_round_trip(void **state)
{
    struct rig_list in = {0}, out;
    size_t refused;

    (void)state;
    rig_mixed(&in, true);
    rig_write(in_dir("mixed.log"), "candump", &in, 2, &refused);
    assert_int_equal(refused, 0);
    assert_int_equal(rig_read(in_dir("mixed.log"), NULL, &out), 0);
    assert_int_equal(out.damage, 0);
    assert_int_equal(out.count, in.count);
    for (size_t i = 0; i < in.count; i++)
        rig_same(&in.entries[i], &out.entries[i], CANRING_TX, 1000);
    assert_string_equal(out.buses[1], "can1");
    assert_false(out.unfinished);
    rig_free(&in);
    rig_free(&out);
}

static void a_loss_has_no_place_in_the_format(void **state)
{
    struct rig_list in = {0};
    size_t refused;

    (void)state;
    rig_add(&in, &(struct canring_trace_entry){.kind = CANRING_TRACE_LOST, .lost = 7});
    rig_write(in_dir("lost.log"), "candump", &in, 1, &refused);
    assert_int_equal(refused, 1);
    rig_free(&in);
}

static void losses_that_candump_tells_are_read(void **state)
{
    static const struct {
        const char *bus;
        uint64_t lost, time_ns; /* lost 0: a frame */
    } expected[] = {{"can1", 5, 1000001000},
                    {"can0", 0, 1000001000},
                    {"can1", 0, 2000000000},
                    {"can0", 1, 2000000000},
                    {"any", 70000, 2000000000}};
    struct rig_list out;

    (void)state;
    put(in_dir("lost.log"),
        "# a remark\n"
        "DROPCOUNT: dropped 5 CAN frames on 'can1' socket (total drops 5)\n"
        "(1.000001) can0 123#11\n"
        "(2.000000) can1 123#22\n"
        "DROPCOUNT: dropped 1 CAN frame on 'can0' socket (total drops 1)\r\n"
        "DROPCOUNT: dropped 70000 CAN frames on 'any' socket (total drops 70005)\n"
        "DROPCOUNT: dropped some CAN frames on 'can0' socket (total drops 5)\n"
        "DROPCOUNT: dropped 5 CAN frames on '' socket (total drops 5)\n"
        "DROPCOUNT: dropped 5\n");
    assert_int_equal(rig_read(in_dir("lost.log"), NULL, &out), 0);
    assert_int_equal(out.damage, 3);
    assert_non_null(strstr(out.error, "lost.log:7: a DROPCOUNT that is not candump's"));
    assert_int_equal(out.count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(out.entries[i].kind,
                         expected[i].lost ? CANRING_TRACE_LOST : CANRING_TRACE_FRAME);
        assert_int_equal(out.entries[i].lost, expected[i].lost);
        assert_int_equal(out.entries[i].timestamp_ns, expected[i].time_ns);
        assert_string_equal(out.buses[out.entries[i].bus], expected[i].bus);
    }
    rig_free(&out);
}

static void damage_is_skipped_and_named_by_line(void **state)
{
    struct rig_list out;

    (void)state;
    put(in_dir("damaged"), "(1.000000) can0 123#11\n(1.000001) can0 12\n(1.000002) vcan7 1#\n"
                           "(2.000000) can0 123#22\n");
    assert_int_equal(rig_read(in_dir("damaged"), NULL, &out), 0);
    assert_int_equal(out.count, 2);
    assert_int_equal(out.damage, 2);
    assert_non_null(strstr(out.error, "damaged:2: "));
    rig_free(&out);
}

static void a_cut_last_line_is_no_frame(void **state)
{
    struct rig_list out;

    (void)state;
    put(in_dir("cut"), "(1.000000) can0 123#1122\n(1.000001) can0 123#11");
    assert_int_equal(rig_read(in_dir("cut"), NULL, &out), 0);
    assert_int_equal(out.count, 1);
    assert_int_equal(out.damage, 1);
    assert_true(out.unfinished);
    rig_free(&out);
}

static void what_is_no_recording_is_refused_by_name(void **state)
{
    struct rig_list out;

    (void)state;
    put(in_dir("letter.txt"), "Dear all,\n");
    assert_int_equal(rig_read(in_dir("letter.txt"), NULL, &out), -EBADMSG);
    assert_non_null(strstr(out.error, "letter.txt"));
    assert_int_equal(rig_read(in_dir("letter.txt"), "candunp", &out), -EINVAL);
    assert_non_null(strstr(out.error, "did you mean 'candump'"));
    assert_int_equal(rig_read(dir, NULL, &out), -EISDIR);
    assert_int_equal(rig_read(in_dir("nowhere"), NULL, &out), -ENOENT);
}

static void endings_tell_the_format_even_when_compressed(void **state)
{
    (void)state;
    assert_ptr_equal(cr_trace_format_by_ending("a/b.LOG"), &cr_trace_format_candump);
    assert_ptr_equal(cr_trace_format_by_ending("b.log.zst"), &cr_trace_format_candump);
    assert_null(cr_trace_format_by_ending("b.txt"));
    assert_null(cr_trace_format_by_ending(".log"));
}

static void rewinding_starts_over_with_the_same_buses(void **state)
{
    struct canring_trace_reader *reader;
    struct canring_trace_entry entry;

    (void)state;
    put(in_dir("two.log"), "(1.000000) b 123#11\n(1.000001) a 123#22\n");
    assert_int_equal(canring_trace_reader_open(&reader, in_dir("two.log"), NULL, NULL), 0);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(canring_trace_reader_next(reader, &entry, NULL), 1);
        assert_int_equal(entry.bus, 0);
        assert_int_equal(canring_trace_reader_next(reader, &entry, NULL), 1);
        assert_int_equal(entry.bus, 1);
        assert_int_equal(entry.frame->data[0], 0x22);
        assert_int_equal(canring_trace_reader_next(reader, &entry, NULL), 0);
        assert_int_equal(canring_trace_reader_next(reader, &entry, NULL), 0);
        assert_int_equal(canring_trace_reader_rewind(reader, NULL), 0);
    }
    canring_trace_reader_close(reader);
}

static void channel_numbers_follow_names(void **state)
{
    struct cr_trace_names names = {0};

    (void)state;
    assert_int_equal(cr_trace_names_find(&names, "can3", 4), 0);
    assert_int_equal(cr_trace_names_find(&names, "vcan3", 5), 1);
    assert_int_equal(cr_trace_names_find(&names, "body", 4), 2);
    assert_int_equal(names.list[0].channel, 4);
    assert_int_equal(names.list[1].channel, 1);
    assert_int_equal(names.list[2].channel, 2);
    assert_int_equal(cr_trace_names_channel(&names, 4), 0);
    assert_int_equal(cr_trace_names_channel(&names, 9), 3);
    assert_string_equal(names.list[3].name, "can8");
    assert_int_equal(cr_trace_names_channel(&names, 0), -EINVAL);
    cr_trace_names_free(&names);
}

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/canring-trace-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    static const char *const names[] = {"mixed.log", "lost.log",   "damaged",
                                        "cut",       "letter.txt", "two.log"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        unlink(in_dir(names[i]));
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mixed_frames_survive_a_round_trip),
        cmocka_unit_test(a_loss_has_no_place_in_the_format),
        cmocka_unit_test(losses_that_candump_tells_are_read),
        cmocka_unit_test(damage_is_skipped_and_named_by_line),
        cmocka_unit_test(a_cut_last_line_is_no_frame),
        cmocka_unit_test(what_is_no_recording_is_refused_by_name),
        cmocka_unit_test(endings_tell_the_format_even_when_compressed),
        cmocka_unit_test(rewinding_starts_over_with_the_same_buses),
        cmocka_unit_test(channel_numbers_follow_names),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
