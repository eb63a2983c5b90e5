/* Vector's ASC as we write it, read again: whole, cut and damaged. */
#include "trace_text_rig.h"

#define S UINT64_C(1000000000)

static void mixed_frames_survive_a_round_trip(void **state)
{
    (void)state;
    text_round_trip("asc", true, 0, 1000);
}

static void nine_digits_keep_nanoseconds(void **state)
{
    (void)state;
    text_nanoseconds("asc", true);
}

static void the_head_is_vectors(void **state)
{
    static const struct {
        uint64_t start;
        const char *date;
    } cases[] = {
        {1700000000 * S + 123456789, "Tue Nov 14 10:13:20.000 pm 2023"},
        {1704067200 * S, "Mon Jan 01 12:00:00.000 am 2024"},
        {1709208000 * S + 999999999, "Thu Feb 29 12:00:00.000 pm 2024"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct rig_list in = {0};
        char head[512];
        size_t length;
        rig_frame(&in, "123#11", 0, 0, false);
        in.entries[0].timestamp_ns = cases[i].start;
        char *text = text_encode("asc", &in, 0, text_two_buses, &length);
        snprintf(head, sizeof(head),
                 "date %s\nbase hex  timestamps absolute\ninternal events logged\n"
                 "// version 13.0.0\n// canring: zero %llu.000000000\nBegin TriggerBlock %s\n"
                 "   0.000000 Start of measurement\n",
                 cases[i].date, (unsigned long long)(cases[i].start / S), cases[i].date);
        assert_true(length > strlen(head));
        assert_memory_equal(text, head, strlen(head));
        assert_string_equal(text + length - 17, "End TriggerBlock\n");
        free(text);
        rig_free(&in);
    }
}

static void lost_frames_and_their_number_survive(void **state)
{
    struct rig_list in = {0}, out;
    size_t length;

    (void)state;
    rig_frame(&in, "123#11", 0, 0, false);
    for (unsigned i = 0; i < 2; i++)
        rig_add(&in, &(struct canring_trace_entry){.kind = CANRING_TRACE_LOST,
                                                   .bus = 1,
                                                   .lost = i * 77,
                                                   .timestamp_ns = RIG_START_NS + 12345});
    rig_frame(&in, "123#22", 0, 1000000, false);
    char *text = text_encode("asc", &in, 0, text_two_buses, &length);
    text_read("asc", text, length, &out);
    assert_int_equal(out.damage, 0);
    assert_int_equal(out.count, 4);
    for (size_t i = 1; i < 3; i++) {
        assert_int_equal(out.entries[i].kind, CANRING_TRACE_LOST);
        assert_int_equal(out.entries[i].lost, in.entries[i].lost);
        assert_string_equal(out.buses[out.entries[i].bus], "can1");
        assert_int_equal(out.entries[i].timestamp_ns, RIG_START_NS + 12345);
    }
    free(text);
    rig_free(&in);
    rig_free(&out);
}

static void frames_from_before_the_start_keep_their_time(void **state)
{
    struct rig_list in = {0}, out;
    size_t length;

    (void)state;
    rig_frame(&in, "123#11", 0, 0, false);
    rig_frame(&in, "123#22", 0, 0, false);
    in.entries[1].timestamp_ns = RIG_START_NS - 5 * S - 1;
    rig_frame(&in, "123#33", 0, S, false);
    char *text = text_encode("asc", &in, 0, text_two_buses, &length);
    /* Others see it at zero: a sign makes them stop, or lose the frame. */
    assert_non_null(strstr(text, "\n   0.000000 1  123             Rx   d 1 22\n"));
    text_read("asc", text, length, &out);
    assert_int_equal(out.damage, 0);
    assert_int_equal(out.count, 3);
    assert_int_equal(out.entries[1].timestamp_ns, RIG_START_NS - 5 * S - 1);
    assert_int_equal(out.entries[2].timestamp_ns, (RIG_START_NS + S) / 1000 * 1000);
    free(text);
    rig_free(&in);
    rig_free(&out);
}

static void names_of_buses_survive(void **state)
{
    static const char *const names[] = {"can2", "body", "vcan0", "can7", NULL};
    struct rig_list in = {0}, out;
    size_t length;

    (void)state;
    for (uint32_t i = 0; i < 4; i++)
        rig_frame(&in, "123#11", i, i * 1000, false);
    char *text = text_encode("asc", &in, 0, names, &length);
    text_read("asc", text, length, &out);
    assert_int_equal(out.damage, 0);
    assert_int_equal(out.count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(out.buses[out.entries[i].bus], names[i]);
    free(text);
    rig_free(&in);
    rig_free(&out);
}

static void our_files_mean_the_same_in_every_zone(void **state)
{
    struct rig_list in = {0}, out;
    size_t length;

    (void)state;
    rig_frame(&in, "123#11", 0, 0, false);
    text_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    char *text = text_encode("asc", &in, 9, text_two_buses, &length);
    assert_memory_equal(text, "date Tue Nov 14 11:13:20.000 pm 2023\n", 37);
    text_zone("EST5EDT");
    text_read("asc", text, length, &out);
    assert_int_equal(out.entries[0].timestamp_ns, RIG_START_NS);
    text_zone("UTC");
    free(text);
    rig_free(&in);
    rig_free(&out);
}

static void cut_files_are_read_to_the_cut(void **state)
{
    struct rig_list in = {0}, out;
    size_t length;

    (void)state;
    rig_mixed(&in, true);
    rig_add(&in, &(struct canring_trace_entry){
                     .kind = CANRING_TRACE_LOST, .lost = 7, .timestamp_ns = RIG_START_NS});
    char *text = text_encode("asc", &in, 0, text_two_buses, &length);
    text_cut_everywhere("asc", text, length - 1);
    text_read("asc", text, length - 1, &out); /* "End TriggerBlock" without a newline is whole */
    assert_int_equal(out.damage, 0);
    assert_false(out.unfinished);
    free(text);
    rig_free(&in);
    rig_free(&out);
}

static void a_changed_byte_costs_its_own_line(void **state)
{
    struct rig_list in = {0};
    size_t length;

    (void)state;
    rig_mixed(&in, true);
    char *text = text_encode("asc", &in, 0, text_two_buses, &length);
    size_t head = (size_t)(strstr(text, "Start of measurement\n") - text) + 21;
    text_corrupt_randomly("asc", text, length, head, 3000);
    free(text);
    rig_free(&in);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mixed_frames_survive_a_round_trip),
        cmocka_unit_test(nine_digits_keep_nanoseconds),
        cmocka_unit_test(the_head_is_vectors),
        cmocka_unit_test(lost_frames_and_their_number_survive),
        cmocka_unit_test(frames_from_before_the_start_keep_their_time),
        cmocka_unit_test(names_of_buses_survive),
        cmocka_unit_test(our_files_mean_the_same_in_every_zone),
        cmocka_unit_test(cut_files_are_read_to_the_cut),
        cmocka_unit_test(a_changed_byte_costs_its_own_line),
    };
    if (argc > 1)
        return text_command(argc, argv) ? 2 : 0;
    return cmocka_run_group_tests(tests, text_make_dir, text_remove_dir);
}
