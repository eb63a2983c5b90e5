/* pcap: our own files, those of others, cut and damaged ones. */
#include "capture_rig.h"

static const uint8_t classic[] = {0x80, 0, 1, 0x23, 2, 0, 0, 0, 0xaa, 0xbb};

static void one_bus(struct rig_list *in)
{
    struct rig_list mixed = {0};

    rig_mixed(&mixed, true);
    for (size_t i = 0; i < mixed.count; i++)
        if (mixed.entries[i].bus == 0)
            rig_add(in, &mixed.entries[i]);
    rig_free(&mixed);
}

static void frames_of_one_bus_survive_with_nanoseconds(void **state)
{
    struct rig_list in = {0}, out;

    (void)state;
    one_bus(&in);
    capture_again("pcap", &in, 1, &out);
    is_prefix(&out, &in, CANRING_TX);
    assert_string_equal(out.buses[0], "can0");
    assert_false(out.unfinished);
    rig_free(&in);
    rig_free(&out);
}

static void what_has_no_place_is_refused(void **state)
{
    struct rig_list in = {0}, out;
    size_t refused;

    (void)state;
    rig_frame(&in, "001#11", 1, 0, false);
    rig_frame(&in, "002#22", 0, 1, false); /* another bus */
    rig_add(&in, &(struct canring_trace_entry){.kind = CANRING_TRACE_LOST, .bus = 1, .lost = 7});
    rig_frame(&in, "003#33", 1, UINT64_C(3000000000000000000), false); /* after 2106 */
    rig_frame(&in, "004#44", 1, 2, false);
    rig_write(capture_path, "pcap", &in, 2, &refused);
    assert_int_equal(refused, 3);
    assert_int_equal(rig_read(capture_path, NULL, &out), 0);
    assert_int_equal(out.count, 2);
    assert_int_equal(out.entries[1].frame->id, 4);
    rig_free(&in);
    rig_free(&out);
}

static void head(struct rig_file *file, bool big, uint32_t magic, uint32_t linktype)
{
    *file = (struct rig_file){.big = big};
    file_32(file, magic);
    file_16(file, 2);
    file_16(file, 4);
    file_number(file, 0, 8);
    file_32(file, 65535);
    file_32(file, linktype);
}

static void record(struct rig_file *file, uint32_t seconds, uint32_t fraction, const void *packet,
                   size_t length)
{
    file_32(file, seconds);
    file_32(file, fraction);
    file_32(file, length);
    file_32(file, length);
    file_raw(file, packet, length);
}

static void both_byte_orders_and_both_clocks_are_read(void **state)
{
    struct rig_file file;
    struct rig_list out;

    (void)state;
    for (int i = 0; i < 4; i++) {
        head(&file, i & 1, i & 2 ? 0xa1b23c4d : 0xa1b2c3d4, 227);
        record(&file, 1700000000, 5, classic, sizeof(classic));
        file_read(&file, file.used, NULL, &out);
        assert_int_equal(out.damage, 0);
        assert_int_equal(out.count, 1);
        assert_int_equal(out.entries[0].timestamp_ns,
                         UINT64_C(1700000000000000000) + (i & 2 ? 5 : 5000));
        assert_int_equal(out.entries[0].frame->id, 0x80000123);
        rig_free(&out);
    }
}

static void the_longer_record_heads_of_old_patches_are_passed_over(void **state)
{
    static const uint8_t more[8] = {3, 0, 0, 0, 1, 0, 0, 0};
    uint8_t packet[sizeof(more) + sizeof(classic)];
    struct rig_file file;
    struct rig_list out;

    (void)state;
    memcpy(packet, more, sizeof(more));
    memcpy(packet + sizeof(more), classic, sizeof(classic));
    for (int big = 0; big < 2; big++) {
        head(&file, big, 0xa1b2cd34, 227);
        for (uint32_t i = 0; i < 3; i++) {
            file_32(&file, 1700000000);
            file_32(&file, i);
            file_32(&file, sizeof(classic));
            file_32(&file, i == 1 ? 1 : sizeof(classic)); /* damage to find the way behind */
            file_raw(&file, packet, sizeof(packet));
        }
        file_read(&file, file.used, NULL, &out);
        assert_int_equal(out.damage, 1);
        assert_int_equal(out.count, 2);
        assert_int_equal(out.entries[1].timestamp_ns, UINT64_C(1700000000000002000));
        assert_int_equal(out.entries[1].frame->id, 0x80000123);
        rig_free(&out);
    }
}

static void bits_above_the_link_type_are_no_part_of_it(void **state)
{
    static const uint32_t upper[] = {0x44000000, 0xf0000000, 0x00010000};
    struct rig_file file;
    struct rig_list out;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        head(&file, i & 1, 0xa1b2c3d4, upper[i] | 227);
        record(&file, 1700000000, 5, classic, sizeof(classic));
        file_read(&file, file.used, NULL, &out);
        assert_int_equal(out.damage, 0);
        assert_int_equal(out.foreign, 0);
        assert_int_equal(out.count, 1);
        rig_free(&out);
    }
}

static void cooked_captures_hold_other_things_too(void **state)
{
    static const uint8_t sll2[] = {0, 0x0c, 0, 0, 0, 0, 0, 3, 1, 24, 0, 0, 0, 0,   0,
                                   0, 0,    0, 0, 0, 1, 0, 0, 0, 1,  0, 0, 0, 0x55};
    static uint8_t big_packet[60000];
    struct rig_file file;
    struct rig_list out;

    (void)state;
    head(&file, false, 0xa1b23c4d, 276);
    record(&file, 1700000000, 1, sll2, sizeof(sll2));
    record(&file, 1700000000, 2, big_packet, sizeof(big_packet));
    record(&file, 1700000000, 3, sll2, sizeof(sll2));
    record(&file, 1700000000, 4, big_packet, 50);
    file_read(&file, file.used, NULL, &out);
    assert_int_equal(out.damage, 0);
    assert_int_equal(out.count, 2);
    assert_int_equal(out.foreign, 2);
    assert_int_equal(out.entries[1].frame->id, 1);
    assert_string_equal(out.buses[0], "if3");
    rig_free(&out);
}

static void other_captures_are_passed_over_and_counted(void **state)
{
    struct rig_file file;
    struct rig_list out;

    (void)state;
    head(&file, false, 0xa1b2c3d4, 1);
    record(&file, 1700000000, 1, "ethernet", 8);
    record(&file, 1700000000, 1, "ethernet", 8);
    file_read(&file, file.used, NULL, &out);
    assert_int_equal(out.count, 0);
    assert_int_equal(out.damage, 0);
    assert_int_equal(out.foreign, 2);
    assert_false(out.unfinished);
    rig_free(&out);
    file_read(&file, file.used - 1, NULL, &out);
    assert_int_equal(out.damage, 1); /* cut */
    assert_int_equal(out.foreign, 1);
    assert_true(out.unfinished);
    rig_free(&out);
}

static void our_file(struct rig_file *file, struct rig_list *all)
{
    struct rig_list in = {0};
    size_t refused;

    one_bus(&in);
    rig_write(capture_path, "pcap", &in, 1, &refused);
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
    capture_cut_everywhere("pcap", &file, &all, 1, 1);
    rig_free(&all);
}

static void damage_costs_a_few_frames(void **state)
{
    static struct rig_file file;
    struct rig_list all;

    (void)state;
    our_file(&file, &all);
    capture_corrupt_randomly("pcap", &file, &all, 24, 5); /* behind the head */
    rig_free(&all);
}

static void impossible_lengths_do_no_harm(void **state)
{
    static const uint32_t lengths[] = {0, 1, 7, 2141, 3000, 262144, 262145, 0x7fffffff, 0xffffffff};
    static const uint32_t linktypes[] = {227, 113, 276};
    struct rig_file file;
    struct rig_list out;

    (void)state;
    for (size_t t = 0; t < sizeof(linktypes) / sizeof(*linktypes); t++)
        for (size_t l = 0; l < sizeof(lengths) / sizeof(*lengths); l++) {
            head(&file, false, 0xa1b2c3d4, linktypes[t]);
            file_32(&file, 1700000000);
            file_32(&file, 1);
            file_32(&file, lengths[l]);
            file_32(&file, lengths[l]);
            record(&file, 1700000000, 1, classic, sizeof(classic));
            file_read(&file, file.used, NULL, &out);
            assert_true(out.damage >= 1);
            assert_non_null(strstr(out.error, "byte "));
            rig_free(&out);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_one_bus_survive_with_nanoseconds),
        cmocka_unit_test(what_has_no_place_is_refused),
        cmocka_unit_test(both_byte_orders_and_both_clocks_are_read),
        cmocka_unit_test(the_longer_record_heads_of_old_patches_are_passed_over),
        cmocka_unit_test(bits_above_the_link_type_are_no_part_of_it),
        cmocka_unit_test(cooked_captures_hold_other_things_too),
        cmocka_unit_test(other_captures_are_passed_over_and_counted),
        cmocka_unit_test(a_file_cut_anywhere_is_read_up_to_there),
        cmocka_unit_test(damage_costs_a_few_frames),
        cmocka_unit_test(impossible_lengths_do_no_harm),
    };
    return cmocka_run_group_tests(tests, capture_make_path, capture_remove_path);
}
