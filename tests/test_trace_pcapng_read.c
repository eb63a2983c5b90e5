/* pcapng as others write it, and as nobody should. */
#include "capture_rig.h"

/* Packets of link type 227. */
static const uint8_t classic[] = {0, 0, 1, 0x23, 2, 0, 0, 0, 0xaa, 0xbb, 0, 0, 0, 0, 0, 0};
static const uint8_t remote[] = {0xc0, 0, 1, 0x23, 8, 0, 0, 9};

static void both_byte_orders_sections_and_all_clocks_are_read(void **state)
{
    struct rig_file file = {0};
    struct rig_list out;

    (void)state;
    for (int big = 0; big < 2; big++) {
        file_section(&file, big);
        file_interface(&file, 227, "can7", 0, 0); /* microseconds */
        file_interface(&file, 227, NULL, 9, 0);
        file_interface(&file, 227, "s", 0x80 | 10, 1700000000); /* 1/1024 s, behind an offset */
        file_interface(&file, 227, "p", 12, 0);                 /* picoseconds */
        file_packet(&file, 0, 1700000000000001, classic, sizeof(classic));
        file_block_end(&file);
        file_packet(&file, 1, 1700000000000000002, classic, sizeof(classic));
        file_block_end(&file);
        file_packet(&file, 2, 512, classic, sizeof(classic));
        file_block_end(&file);
        file_packet(&file, 3, 12345, remote, sizeof(remote));
        file_block_end(&file);
    }
    file_read(&file, file.used, NULL, &out);
    assert_int_equal(out.damage, 0);
    assert_int_equal(out.count, 8);
    for (size_t i = 0; i < 8; i += 4) {
        assert_int_equal(out.entries[i].timestamp_ns, 1700000000000001000);
        assert_int_equal(out.entries[i + 1].timestamp_ns, 1700000000000000002);
        assert_int_equal(out.entries[i + 2].timestamp_ns, 1700000000500000000);
        assert_int_equal(out.entries[i + 3].timestamp_ns, 12);
        assert_int_equal(out.entries[i].bus, 0);
        assert_int_equal(out.entries[i + 3].bus, 3);
        assert_int_equal(out.entries[i].frame->id, 0x123);
        assert_int_equal(canring_frame_dlc(out.entries[i + 3].frame), 9);
        assert_true(canring_frame_is_remote(out.entries[i + 3].frame));
    }
    assert_string_equal(out.buses[0], "can7");
    assert_string_equal(out.buses[1], "can1");
    rig_free(&out);
}

static void older_packets_and_unknown_blocks_are_no_obstacle(void **state)
{
    struct rig_file file = {0};
    struct rig_list out;

    (void)state;
    file_section(&file, false);
    file_interface(&file, 227, "a", 9, 0);
    file_block(&file, 0x80000001);
    file_raw(&file, classic, sizeof(classic));
    file_block_end(&file);
    file_block(&file, 3);
    file_32(&file, sizeof(classic));
    file_raw(&file, classic, sizeof(classic));
    file_block_end(&file);
    file_block(&file, 2);
    file_16(&file, 0);
    file_16(&file, 4); /* lost before it */
    file_32(&file, 0);
    file_32(&file, 99);
    file_32(&file, sizeof(classic));
    file_32(&file, sizeof(classic));
    file_raw(&file, classic, sizeof(classic));
    file_block_end(&file);
    file_read(&file, file.used, NULL, &out);
    assert_int_equal(out.damage, 0);
    assert_int_equal(out.count, 3);
    assert_int_equal(out.entries[0].frame->flags & CANRING_CLOCK_MASK, CANRING_CLOCK_NONE);
    assert_int_equal(out.entries[1].kind, CANRING_TRACE_LOST);
    assert_int_equal(out.entries[1].lost, 4);
    assert_int_equal(out.entries[2].timestamp_ns, 99);
    rig_free(&out);
}

/* What dumpcap knows of losses stands at the end, for the whole capture. */
static void losses_of_statistics_are_told_as_far_as_packets_did_not(void **state)
{
    struct rig_file file = {0};
    struct rig_list out;
    const uint64_t seven = 7;

    (void)state;
    file_section(&file, false);
    file_interface(&file, 227, "a", 9, 0);
    file_packet(&file, 0, 1, classic, sizeof(classic));
    file_option(&file, 4, &seven, 8);
    file_block_end(&file);
    for (uint64_t dropped = 7; dropped < 10; dropped++) {
        file_block(&file, 5);
        file_32(&file, 0);
        file_number(&file, dropped << 32, 8);
        file_option(&file, 5, &dropped, 8);
        file_block_end(&file);
    }
    file_read(&file, file.used, NULL, &out);
    assert_int_equal(out.count, 4);
    assert_int_equal(out.entries[0].lost, 7);
    assert_int_equal(out.entries[2].lost, 1);
    assert_int_equal(out.entries[2].timestamp_ns, 8);
    assert_int_equal(out.entries[3].lost, 1);
    rig_free(&out);
}

static void cooked_captures_of_any_interface_are_read(void **state)
{
    static const uint8_t sll[] = {0, 4, 1, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0c};
    static const uint8_t sll2[] = {0, 0x0d, 0, 0, 0, 0, 0, 5, 1, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t ip[] = {0, 4, 1, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0x45, 0};
    uint8_t packet[64];
    struct rig_file file = {0};
    struct rig_list out;

    (void)state;
    for (int big = 0; big < 2; big++) {
        uint8_t can[] = {0x45, 3, 0, 0, 1, 5, 0, 0, 0x77};
        if (big)
            memcpy(can, (const uint8_t[]){0, 0, 3, 0x45}, 4);
        file_section(&file, big);
        file_interface(&file, 113, "any", 9, 0);
        file_interface(&file, 276, "any", 9, 0);
        memcpy(packet, sll, sizeof(sll));
        memcpy(packet + sizeof(sll), can, sizeof(can));
        file_packet(&file, 0, 1, packet, sizeof(sll) + sizeof(can));
        file_block_end(&file);
        file_packet(&file, 0, 2, ip, sizeof(ip));
        file_block_end(&file);
        memcpy(packet, sll2, sizeof(sll2));
        memcpy(packet + sizeof(sll2), can, sizeof(can));
        file_packet(&file, 1, 3, packet, sizeof(sll2) + sizeof(can));
        file_block_end(&file);
    }
    file_read(&file, file.used, NULL, &out);
    assert_int_equal(out.damage, 0);
    assert_int_equal(out.foreign, 2); /* those of IP */
    assert_int_equal(out.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(out.entries[i].frame->id, 0x345);
        assert_int_equal(out.entries[i].frame->data[0], 0x77);
        assert_int_equal(out.entries[i].frame->flags & CANRING_TX, i % 2 ? 0 : CANRING_TX);
        assert_string_equal(out.buses[out.entries[i].bus], i % 2 ? "if5" : "any");
    }
    rig_free(&out);
}

static void other_interfaces_are_passed_over_and_counted(void **state)
{
    struct rig_file file = {0};
    struct rig_list out;

    (void)state;
    file_section(&file, false);
    file_interface(&file, 1, "eth0", 9, 0);
    file_interface(&file, 227, "can\n0", 9, 0);
    for (int i = 0; i < 3; i++) {
        file_packet(&file, 0, 1, "ether", 5);
        file_block_end(&file);
        file_packet(&file, 1, 1, classic, sizeof(classic));
        file_block_end(&file);
    }
    file_read(&file, file.used, NULL, &out);
    assert_int_equal(out.count, 3);
    assert_int_equal(out.damage, 0);
    assert_int_equal(out.foreign, 3);
    assert_string_equal(out.buses[0], "can_0"); /* and no line of text is torn apart by a name */
    rig_free(&out);
}

static void old_captures_show_fd_by_their_size(void **state)
{
    uint8_t fd[72] = {0, 0, 1, 0x23, 4, 0, 0, 0, 1, 2, 3, 4};
    struct rig_file file = {0};
    struct rig_list out;

    (void)state;
    file_section(&file, false);
    file_interface(&file, 227, "a", 9, 0);
    file_packet(&file, 0, 1, fd, sizeof(fd));
    file_block_end(&file);
    fd[4] = 12;
    file_packet(&file, 0, 2, fd, 20);
    file_block_end(&file);
    file_packet(&file, 0, 3, fd, 19); /* cut by a snapshot length */
    file_block_end(&file);
    file_read(&file, file.used, NULL, &out);
    assert_int_equal(out.count, 2);
    assert_true(out.entries[0].frame->flags & CANRING_FD);
    assert_int_equal(canring_frame_length(out.entries[0].frame), 4);
    assert_int_equal(canring_frame_length(out.entries[1].frame), 12);
    assert_int_equal(out.damage, 1);
    assert_non_null(strstr(out.error, "stored only in part"));
    rig_free(&out);
}

static void lengths_that_no_frame_has_are_damage_unless_they_are_of_a_virtual_bus(void **state)
{
    static const uint8_t none[] = {9, 11, 63, 65, 127};
    struct rig_list out;

    (void)state;
    for (size_t i = 0; i < sizeof(none); i++) {
        uint8_t packet[8 + 127] = {0, 0, 1, 0x23, none[i]};
        struct rig_file file = {0};
        file_section(&file, false);
        file_interface(&file, 227, "a", 9, 0);
        file_packet(&file, 0, 1, packet,
                    8u + none[i]); /* too long for classic, and not said to be FD */
        file_block_end(&file);
        packet[5] = 0x04; /* it is FD; up to 64 as live: filled up */
        file_packet(&file, 0, 2, packet, 8u + none[i]);
        file_block_end(&file);
        file_read(&file, file.used, NULL, &out);
        bool filled = none[i] <= 64;
        assert_int_equal(out.count, filled);
        assert_int_equal(out.damage, filled ? 1 : 2);
        assert_non_null(strstr(out.error, "byte "));
        assert_non_null(strstr(out.error, "a CAN frame that is too long"));
        rig_free(&out);
    }
}

static void impossible_lengths_do_no_harm(void **state)
{
    static const uint32_t lengths[] = {0,      4,       11,        12,         13,        28,
                                       0x1000, 0x40000, 0x1000000, 0x7fffffff, 0xfffffffc};
    static const uint32_t types[] = {0x0a0d0d0a, 1, 2, 3, 5, 6, 99, 0xffffffff};

    (void)state;
    for (size_t t = 0; t < sizeof(types) / sizeof(*types); t++)
        for (size_t l = 0; l < sizeof(lengths) / sizeof(*lengths); l++) {
            struct rig_file file = {0};
            struct rig_list out;
            file_section(&file, false);
            file_interface(&file, 227, "a", 9, 0);
            file_32(&file, types[t]);
            file_32(&file, lengths[l]);
            file_packet(&file, 0, 1, classic, sizeof(classic));
            file_block_end(&file);
            file_read(&file, file.used, NULL, &out);
            assert_true(out.damage >= 1);
            assert_non_null(strstr(out.error, "byte "));
            rig_free(&out);
        }
}

static void options_and_packets_end_with_their_block(void **state)
{
    struct rig_file file = {0};
    struct rig_list out;

    (void)state;
    file_section(&file, false);
    file_interface(&file, 227, "a", 9, 0);
    file_packet(&file, 0, 1, classic, sizeof(classic));
    file_16(&file, 4);
    file_16(&file, 0xfff0); /* an option as long as many blocks */
    file_block_end(&file);
    file_packet(&file, 0, 2, classic, sizeof(classic));
    memset(file.data + file.block + 20, 0xff, 4); /* and a packet */
    file_block_end(&file);
    file_packet(&file, 77, 3, classic, sizeof(classic));
    file_block_end(&file);
    file_packet(&file, 0, UINT64_MAX, classic, sizeof(classic));
    file_block_end(&file);
    file_read(&file, file.used, NULL, &out);
    assert_int_equal(out.count, 2);
    assert_int_equal(out.damage, 3);
    assert_non_null(strstr(out.error, "longer than its block"));
    rig_free(&out);
}

/* They were passed over without a word: times and directions were wrong and nobody knew. */
static void damaged_options_are_told_once_and_cost_no_frame(void **state)
{
    static const struct {
        unsigned code, length;
        bool of_interface;
        const char *said; /* NULL: nothing */
    } cases[] = {
        {9, 2, true, "an option whose length"},
        {14, 4, true, "an option whose length"},
        {2, 3, false, "an option whose length"},
        {4, 4, false, "an option whose length"},
        {1, 0xfff0, false, "an option that is longer than its block"},
        {2, 0xfff0, true, "an option that is longer than its block"},
        {2, 4, false, NULL},
        {4, 8, false, NULL},
        {77, 3, false, NULL},
    };
    static const uint8_t value[8] = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct rig_file file = {0};
        struct rig_list out;
        for (unsigned half = 0; half < 2; half++) {
            file_section(&file, half);
            file_block(&file, 1);
            file_16(&file, 227);
            file_16(&file, 0);
            file_32(&file, 0);
            for (unsigned part = 0; part < 2; part++) {
                if (part)
                    file_packet(&file, 0, 1, classic, sizeof(classic));
                if (cases[i].of_interface == !part) {
                    file_16(&file, cases[i].code);
                    file_16(&file, cases[i].length);
                    file_raw(&file, value, cases[i].length < 8 ? cases[i].length : 8);
                    file_pad(&file);
                }
                file_block_end(&file);
            }
        }
        file_read(&file, file.used, NULL, &out);
        assert_int_equal(out.damage, cases[i].said != NULL);
        assert_true(!cases[i].said || strstr(out.error, cases[i].said));
        assert_int_equal(out.count, 2);
        assert_int_equal(out.entries[1].frame->id, 0x123);
        rig_free(&out);
    }
}

static void what_is_no_pcapng_is_refused(void **state)
{
    struct rig_file file = {0};
    struct rig_list out;

    (void)state;
    file_raw(&file, "(1.000000) can0 123#11\n", 23);
    file_save(&file, file.used);
    assert_int_equal(rig_read(capture_path, "pcapng", &out), -EBADMSG);
    assert_non_null(strstr(out.error, "not a pcapng file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_byte_orders_sections_and_all_clocks_are_read),
        cmocka_unit_test(older_packets_and_unknown_blocks_are_no_obstacle),
        cmocka_unit_test(losses_of_statistics_are_told_as_far_as_packets_did_not),
        cmocka_unit_test(cooked_captures_of_any_interface_are_read),
        cmocka_unit_test(other_interfaces_are_passed_over_and_counted),
        cmocka_unit_test(old_captures_show_fd_by_their_size),
        cmocka_unit_test(lengths_that_no_frame_has_are_damage_unless_they_are_of_a_virtual_bus),
        cmocka_unit_test(impossible_lengths_do_no_harm),
        cmocka_unit_test(options_and_packets_end_with_their_block),
        cmocka_unit_test(damaged_options_are_told_once_and_cost_no_frame),
        cmocka_unit_test(what_is_no_pcapng_is_refused),
    };
    return cmocka_run_group_tests(tests, capture_make_path, capture_remove_path);
}
