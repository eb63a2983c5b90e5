/* pcapng as we write it, read again: whole, cut and damaged. */
#include "capture_rig.h"

static void mixed_frames_survive_with_direction_and_nanoseconds(void **state)
{
    struct rig_list in = {0}, out;

    (void)state;
    rig_mixed(&in, true);
    capture_again("pcapng", &in, 2, &out);
    is_prefix(&out, &in, 0);
    assert_string_equal(out.buses[0], "can0");
    assert_string_equal(out.buses[1], "can1");
    assert_false(out.unfinished);
    rig_free(&in);
    rig_free(&out);
}

static void lose(struct rig_list *list, uint32_t bus, uint64_t lost, uint64_t after_ns)
{
    rig_add(list, &(struct canring_trace_entry){.kind = CANRING_TRACE_LOST,
                                                .bus = bus,
                                                .lost = lost,
                                                .timestamp_ns = RIG_START_NS + after_ns});
}

static void losses_are_told_before_the_next_frame_of_their_bus(void **state)
{
    struct rig_list in = {0}, out;

    (void)state;
    rig_frame(&in, "001#11", 0, 0, false);
    lose(&in, 0, 7, 2000);
    rig_frame(&in, "001#22", 0, 2000, false);
    lose(&in, 1, 0, 3000); /* nobody knows how many */
    rig_frame(&in, "002#33", 1, 3000, false);
    rig_frame(&in, "001#44", 0, 4000, false);
    lose(&in, 1, 3, 5000); /* behind the last frame */
    capture_again("pcapng", &in, 2, &out);
    for (size_t i = 0; i < in.count; i++) {
        rig_same(&in.entries[i], &out.entries[i], 0, 0);
        assert_int_equal(in.entries[i].lost, out.entries[i].lost);
    }
    rig_free(&in);
    rig_free(&out);
}

/* Losses of a bus add up until there is a packet to tell of them, and count once. */
static void losses_in_a_row_are_one(void **state)
{
    struct rig_list in = {0}, out;
    size_t refused;

    (void)state;
    lose(&in, 0, 2, 1000);
    lose(&in, 0, 3, 2000);
    rig_frame(&in, "001#22", 0, 3000, false);
    rig_write(capture_path, "pcapng", &in, 1, &refused);
    assert_int_equal(rig_read(capture_path, NULL, &out), 0);
    assert_int_equal(out.count, 2);
    assert_int_equal(out.entries[0].lost, 5);
    rig_free(&in);
    rig_free(&out);
}

static void a_bus_may_come_later(void **state)
{
    const struct cr_trace_encoder *encoder = cr_trace_format_pcapng.encoder;
    static uint8_t room[4 * CR_TRACE_ENTRY_ROOM];
    struct cr_bytes bytes = {.data = room, .size = sizeof(room)};
    struct cr_trace_names names = {0};
    struct rig_list in = {0}, out;
    struct rig_file file = {0};
    void *encoding = calloc(1, encoder->state_size);

    (void)state;
    assert_non_null(encoding);
    rig_frame(&in, "001#11", 0, 0, false);
    rig_frame(&in, "002#22", 1, 10, true);
    rig_frame(&in, "003#33", 2, 20, false); /* whose description was forgotten */
    assert_int_equal(cr_trace_names_find(&names, "body", 4), 0);
    const struct cr_trace_start start = {.start_ns = RIG_START_NS, .names = &names};
    assert_int_equal(encoder->begin(encoding, &start, &bytes), 0);
    assert_int_equal(encoder->entry(encoding, &in.entries[0], &bytes), 0);
    assert_int_equal(cr_trace_names_find(&names, "drive", 5), 1);
    assert_int_equal(encoder->bus(encoding, 1, &bytes), 0);
    assert_int_equal(cr_trace_names_find(&names, "door", 4), 2);
    assert_int_equal(encoder->entry(encoding, &in.entries[1], &bytes), 0);
    assert_int_equal(encoder->entry(encoding, &in.entries[2], &bytes), 0);
    file_raw(&file, bytes.data, bytes.used);
    file_read(&file, file.used, NULL, &out);
    assert_int_equal(out.count, 3);
    is_prefix(&out, &in, 0);
    assert_string_equal(out.buses[0], "body");
    assert_string_equal(out.buses[1], "drive");
    assert_string_equal(out.buses[2], "door");
    cr_trace_names_free(&names);
    free(encoding);
    rig_free(&in);
    rig_free(&out);
}

/* As many buses as there may be: no call needs more room than one may. */
static void every_call_stays_within_its_room(void **state)
{
    const struct cr_trace_encoder *encoder = cr_trace_format_pcapng.encoder;
    static uint8_t room[CR_TRACE_ENTRY_ROOM];
    struct cr_bytes bytes = {.data = room, .size = sizeof(room)};
    struct cr_trace_names names = {0};
    struct rig_list in = {0};
    void *encoding = calloc(1, encoder->state_size);

    (void)state;
    assert_non_null(encoding);
    rig_frame(&in, "001#11", 0, 0, false);
    for (uint32_t i = 1; i <= CR_TRACE_BUSES_MAX; i++)
        assert_int_equal(cr_trace_names_channel(&names, i), i - 1);
    const struct cr_trace_start start = {.start_ns = RIG_START_NS, .names = &names};
    assert_int_equal(encoder->begin(encoding, &start, &bytes), 0);
    for (uint32_t i = 0; i < CR_TRACE_BUSES_MAX; i++) {
        bytes.used = 0;
        in.entries[0].bus = i;
        assert_int_equal(encoder->entry(encoding, &in.entries[0], &bytes), 0);
    }
    bytes.used = 0;
    assert_int_equal(encoder->end(encoding, &bytes), 0);
    assert_false(bytes.overflow);
    cr_trace_names_free(&names);
    free(encoding);
    rig_free(&in);
}

static void our_file(struct rig_file *file, struct rig_list *all)
{
    struct rig_list in = {0};
    size_t refused;

    rig_mixed(&in, true);
    lose(&in, 0, 3, 30000000);
    rig_frame(&in, "001#44", 0, 40000000, false);
    rig_write(capture_path, "pcapng", &in, 2, &refused);
    rig_free(&in);
    file_load(file);
    assert_int_equal(rig_read(capture_path, NULL, all), 0);
}

static void a_file_cut_anywhere_is_read_up_to_there(void **state)
{
    static struct rig_file file;
    struct rig_list all;

    (void)state;
    our_file(&file, &all);
    capture_cut_everywhere("pcapng", &file, &all, 2, 0);
    rig_free(&all);
}

static size_t first_packet(const struct rig_file *file)
{
    size_t at = 0;

    while (cr_get_le32(file->data + at) != 6)
        at += cr_get_le32(file->data + at + 4);
    return at;
}

static void damage_costs_the_blocks_it_is_in(void **state)
{
    static struct rig_file file;
    struct rig_list all;

    (void)state;
    our_file(&file, &all);
    /* descriptions of interfaces are beyond repair */
    capture_corrupt_randomly("pcapng", &file, &all, first_packet(&file), 4);
    rig_free(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mixed_frames_survive_with_direction_and_nanoseconds),
        cmocka_unit_test(losses_are_told_before_the_next_frame_of_their_bus),
        cmocka_unit_test(losses_in_a_row_are_one),
        cmocka_unit_test(a_bus_may_come_later),
        cmocka_unit_test(every_call_stays_within_its_room),
        cmocka_unit_test(a_file_cut_anywhere_is_read_up_to_there),
        cmocka_unit_test(damage_costs_the_blocks_it_is_in),
    };
    return cmocka_run_group_tests(tests, capture_make_path, capture_remove_path);
}
